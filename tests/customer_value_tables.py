"""Hand-made tables of customer value, round enough to check the page by head.

10,000 customers with 2 million yuan of revenue; 700 hold a card, with 650 thousand. At today's cuts
the cards cost 53,100 yuan a year: none 2,000, VIP 10,800, gold 22,300, diamond 18,000.
"""

import numpy as np
import pandas as pd

from target_tables import targets_table

# ladder, tier, lowest score (none: no cut moves it), customers, revenue, stopped
BANDS = [
    ("cards", "cards_none", 0.0, 1_000, 100_000.0, 10),
    ("cards", "cards_none", 1_000.0, 500, 100_000.0, 5),
    ("cards", "vip", 2_000.0, 300, 150_000.0, 3),
    ("cards", "vip", 3_500.0, 200, 140_000.0, 2),
    ("cards", "gold", 5_000.0, 100, 120_000.0, 1),
    ("cards", "gold", 6_500.0, 60, 90_000.0, 0),
    ("cards", "diamond", 8_000.0, 30, 90_000.0, 0),
    ("cards", "diamond", 12_000.0, 10, 60_000.0, 0),
    ("cards", "cards_unrated", None, 7_800, 1_150_000.0, 100),
    ("stars", "stars_none", 0.0, 4_000, 300_000.0, 60),
    ("stars", "1", 100.0, 3_000, 500_000.0, 30),
    ("stars", "1", 150.0, 1_500, 400_000.0, 0),
    ("stars", "2", 200.0, 1_000, 500_000.0, 5),
    ("stars", "stars_unrated", None, 500, 300_000.0, 26),
]
# ladder, tier, names, place, cut, share of revenue, service, overdraft
TERMS = [
    ("cards", "cards_none", "no tier", "未达级", 0, None, 0.01, 0.0, 0.0),
    ("cards", "vip", "VIP", "贵宾卡", 1, 2_000.0, 0.02, 10.0, 0.0),
    ("cards", "gold", "gold", "金卡", 2, 5_000.0, 0.03, 100.0, 0.0),
    ("cards", "diamond", "diamond", "钻石卡", 3, 8_000.0, 0.04, 300.0, 0.0),
    ("stars", "stars_none", "no tier", "未达级", 0, None, 0.01, 0.0, 0.0),
    ("stars", "1", "1 star", "一星", 1, 100.0, 0.01, 0.0, 50.0),
    ("stars", "2", "2 stars", "二星", 2, 200.0, 0.01, 4.0, 100.0),
]
MIGRATION = {
    "none": (400, 6_000, 0, 1_600),
    "vip": (60, 300, 40, 50),
    "gold": (20, 100, 20, 10),
    "diamond": (0, 30, None, None),
}


def cuts_table(stretch=1.0):
    """Return ``tier_cuts``; amounts times ``stretch`` avoid halves, which languages round apart."""
    columns = ["ladder", "tier", "from_score", "customers", "revenue_yuan", "stopped_customers"]
    table = pd.DataFrame(BANDS, columns=columns)
    table["revenue_yuan"] *= stretch
    table["margin_yuan"] = 0.6 * table["revenue_yuan"]
    table["movable"] = table["from_score"].notna()
    table["band"] = [f"{row.ladder} {row.Index:03d}" for row in table.itertuples()]
    return table


def terms_table():
    """Return ``tier_terms``."""
    columns = ["ladder", "tier", "name_en", "name_zh", "place", "from_score"]
    columns += ["revenue_cost_share", "serve_yuan", "overdraft_yuan"]
    return pd.DataFrame(TERMS, columns=columns).assign(loss_share=0.1)


def _pyramid():
    sums = (
        cuts_table()
        .groupby(["ladder", "tier"], sort=False, as_index=False)[
            ["customers", "revenue_yuan", "margin_yuan", "stopped_customers"]
        ]
        .sum()
    )
    shares = {"customer_share": sums["customers"] / 10_000}
    shares["revenue_share"] = sums["revenue_yuan"] / 2_000_000
    # The highest tier first; who is not rated stands last.
    last = sums["tier"].str.endswith("_unrated")
    order = sums.assign(last=last).iloc[::-1].sort_values(["ladder", "last"], kind="stable")
    return order.drop(columns="last").assign(**shares).reset_index(drop=True)


def _grid():
    rows = []
    for voice, weight in (("low", 5), ("middle", 3), ("high", 2)):
        for data, other in (("low", 5), ("middle", 3), ("high", 2)):
            share = weight * other / 100
            rows.append((voice, data, share * 10_000, share, 2e6 / share / 95.1, share))
    table = pd.DataFrame(
        rows,
        columns=["voice_band", "data_band", "customers", "customer_share", "revenue_yuan", "x"],
    ).drop(columns="x")
    table["revenue_yuan"] *= 2e6 / table["revenue_yuan"].sum()
    whole = pd.DataFrame([("all", "all", 10_000.0, 1.0, 2e6)], columns=table.columns)
    table = pd.concat([table, whole], ignore_index=True)
    return table.assign(
        revenue_share=table["revenue_yuan"] / 2e6, margin_yuan=0.6 * table["revenue_yuan"]
    )


def holders_table():
    """Return ``tier_holders_months``: 25 months to 2026-11.

    Cards: 5 holders more each month, 700 at last; of 100,000 yuan a month they bring 30,000, in the
    last twelve months 33,000; they cost 4,000, then 4,200. Stars: level, one month withheld.
    """
    rows = []
    for place, month in enumerate(pd.date_range("2024-11-01", periods=25, freq="MS")):
        late = place > 12
        brought = 33_000.0 if late else 30_000.0
        rows += [
            ("cards", month, "holders", 580 + 5 * place, brought, 4_200.0 if late else 4_000.0),
            ("cards", month, "others", 9_300, 100_000.0 - brought, None),
            ("stars", month, "holders", None if place == 3 else 5_500, 60_000.0, 1_500.0),
            ("stars", month, "others", 4_500, 40_000.0, None),
        ]
    columns = ["ladder", "month", "held", "customers", "revenue_yuan", "cost_yuan"]
    return pd.DataFrame(rows, columns=columns)


def moves_table():
    """Return ``tier_moves_months``: cards move each December (120, then 150), stars 60 a month."""
    rows = []
    for month in pd.date_range("2024-12-01", periods=24, freq="MS"):
        moved = (120 if month.year == 2024 else 150) if month.month == 12 else 0
        rows += [("cards", month, "moved", moved), ("cards", month, "stayed", 9_000)]
        rows += [("stars", month, "moved", 60), ("stars", month, "stayed", 9_000)]
    return pd.DataFrame(rows, columns=["ladder", "month", "direction", "customers"])


def customer_value_tables():
    """Return every table of the page by name."""
    moves = [
        (tier, direction, customers)
        for tier, counts in MIGRATION.items()
        for direction, customers in zip(("up", "stayed", "down", "left"), counts, strict=True)
    ]
    moves += [("none", "all", 8_000), ("vip", "all", 450), ("gold", "all", 150)]
    moves += [("diamond", "all", 45)]
    at = np.arange(1, 21) / 20
    people = pd.DataFrame(
        [
            ("安宁", "unrated", 5_000, 700_000.0),
            ("安宁", "vip", 300, 300_000.0),
            ("<b>北", "unrated", 4_000, 800_000.0),
            ("<b>北", "vip", None, None),
        ],
        columns=["county", "tier", "customers", "revenue_yuan"],
    ).assign(margin_yuan=lambda t: 0.6 * t["revenue_yuan"])
    ages = pd.DataFrame(
        [("55+", 2_000), ("–24", 3_000), ("25–34", 5_000)], columns=["age", "customers"]
    ).assign(tier="none", revenue_yuan=400_000.0, margin_yuan=200_000.0)
    return {
        "tier_pyramid": _pyramid(),
        "tier_cuts": cuts_table(),
        "tier_terms": terms_table(),
        "tier_holders_months": holders_table(),
        "tier_moves_months": moves_table(),
        "targets": targets_table(),
        "value_grid": _grid(),
        "concentration_top": pd.DataFrame(
            {
                "top_customers_share": [0.01, 0.1, 0.5],
                "value_share": [0.06, 0.32, 0.78],
                "measured": "margin_yuan",
            }
        ),
        "concentration_lorenz": pd.DataFrame({"customer_share": at, "value_share": at**2.7}),
        "tier_migration": pd.DataFrame(moves, columns=["tier", "direction", "customers"]),
        "lifetime_tiers": pd.DataFrame(
            {
                "vip_tier": ["none", "gold", "diamond"],
                "customers": [9_300, 160, 40],
                "further_months": [30.0, 44.0, 50.0],
                "value_yuan": [1_200.0, 9_000.0, 24_000.0],
                "value_yuan_low": [1_100.0, 8_000.0, 17_000.0],
                "value_yuan_high": [1_300.0, 9_900.0, 29_000.0],
            }
        ),
        "lifetime_facts": pd.DataFrame(
            {
                "key": [
                    "horizon_months",
                    "discount_rate_year",
                    "backtest_model_error_share",
                    "backtest_naive_error_share",
                ],
                "value": [36.0, 0.1, 0.007, 0.011],
            }
        ),
        "usage_scenes": pd.DataFrame(
            {
                "scene": ["data", "local"],
                "customers": [4_000, 6_000],
                "revenue_yuan": [1_200_000.0, 800_000.0],
                "margin_yuan": [800_000.0, 400_000.0],
            }
        ),
        "segment_county": people,
        "segment_age": ages,
    }
