"""What the counties and campaigns of the hand-made tables are called in English."""

import pandas as pd

COUNTIES = {
    "城关": "Chengguan", "安宁": "Anning", "榆中": "Yuzhong", "红古": "Honggu", "<b>北": "<b>North",
}  # fmt: skip
CAMPAIGNS = {
    "定制终端保有": "Custom handset retention",
    "增值业务短信推荐": "Value-added services by SMS",
    "话费骤减关怀回访": "Care call on falling bills",
    "预存话费回馈": "Recharge reward",
    "家庭套餐分县推广": "Family plan by county",
}


def names_table():
    """Return the published table ``names``."""
    rows = [("county", *pair) for pair in COUNTIES.items()]
    rows += [("campaign", *pair) for pair in CAMPAIGNS.items()]
    return pd.DataFrame(rows, columns=["kind", "value", "name_en"]).assign(name_zh=None)
