"""A hand-made table of targets for the pages: some met, some not."""

import pandas as pd

TARGETS = {
    # overview: 5.66 % more customers, 6.25 % more revenue, 60 yuan each, 1.5 % churn a month
    "customers_change_share": ("at_least", 0.05),
    "revenue_change_share": ("at_least", 0.07),
    "arpu_yuan": ("at_least", 60.0),
    "churn_share": ("at_most", 0.014),
    # customer value: 7 % hold a card, with 32.5 % of revenue, at 6.25 % of rated customers'
    "holders_share": ("at_least", 0.075),
    "holders_revenue_share": ("at_least", 0.32),
    "tier_cost_share": ("at_most", 0.0625),
    # campaigns: of five, those with evidence A or B, those that worked, the return of all
    "campaign_strong_share": ("at_least", 0.8),
    "campaign_worked_share": ("at_least", 0.4),
    "campaign_return": ("at_least", 2.0),
}


def targets_table(**changes: tuple[str, float]) -> pd.DataFrame:
    """The published table ``targets``, some of them changed."""
    targets = TARGETS | changes
    return pd.DataFrame(
        {
            "figure": list(targets),
            "bound": [bound for bound, _ in targets.values()],
            "value": [value for _, value in targets.values()],
            "first_month": pd.Timestamp("2026-01-01"),
            "set_by_en": "the scorecard of 2026",
            "set_by_zh": "2026年经营考核",
        }
    )
