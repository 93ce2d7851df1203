"""Small overview tables made by hand, for the tests of charts, pages and browser.

25 months, so that every comparison with a year before is whole. All figures are round, so that what
the page must say can be worked out in the head.
"""

import pandas as pd

from target_tables import targets_table

MONTHS = pd.date_range("2024-05-01", periods=25, freq="MS")


def months_table() -> pd.DataFrame:
    """20,000 customers and 100 more each month; 60 yuan each; churn 2 %, then 1.5 %."""
    customers = [20_000 + 100 * place for place in range(25)]
    churn = [None] + [0.02] * 12 + [0.015] * 12
    return pd.DataFrame(
        {
            "month": MONTHS,
            "customers": customers,
            "joined": 500,
            "left": 400,
            "churn_share": churn,
            "revenue_yuan": [60.0 * count for count in customers],
            "arpu_yuan": 60.0,
            "margin_yuan": None,
            "points_cost_yuan": 20_000.0,
            "points_earned": 1_300_000.0,
            "points_redeemed": 1_000_000.0,
        }
    )


def tiers_table() -> pd.DataFrame:
    """Card holders are 30 % of customers and bring 55 % of revenue."""
    return pd.DataFrame(
        {
            "vip_tier": ["diamond", "gold", "silver", "vip", "none"],
            "customers": [448, 896, 2_240, 3_136, 15_680],
            "customer_share": [0.02, 0.04, 0.10, 0.14, 0.70],
            "revenue_yuan": [1.6e6, 2.4e6, 2.4e6, 2.4e6, 7.2e6],
            "revenue_share": [0.10, 0.15, 0.15, 0.15, 0.45],
            "arpu_yuan": [298.0, 223.0, 89.0, 64.0, 38.0],
            "margin_yuan": None,
            "churn_share": [0.005, 0.008, 0.010, 0.012, 0.019],
        }
    )


def counties_table() -> pd.DataFrame:
    """Anning earns most a customer; Yuzhong loses most; Honggu is withheld."""
    return pd.DataFrame(
        {
            "county": ["城关", "安宁", "榆中", "红古"],
            "customers": [9_000, 8_000, 5_400, None],
            "customer_share": [0.402, 0.357, 0.241, None],
            "revenue_yuan": [6.0e6, 6.4e6, 3.6e6, None],
            "revenue_share": [0.375, 0.400, 0.225, None],
            "arpu_yuan": [58.0, 72.5, 51.0, None],
            "margin_yuan": None,
            "churn_share": [0.016, 0.0125, 0.0225, None],
        }
    )


def brands_table() -> pd.DataFrame:
    """Two brands."""
    return pd.DataFrame(
        {
            "brand": ["gotone", "easyown"],
            "customers": [7_400, 15_000],
            "customer_share": [0.33, 0.67],
            "revenue_yuan": [9.0e6, 7.0e6],
            "revenue_share": [0.5625, 0.4375],
            "arpu_yuan": [103.0, 40.0],
            "margin_yuan": None,
            "churn_share": [0.011, 0.018],
        }
    )


def points_years_table() -> pd.DataFrame:
    """2025 is whole and above its cap; 2026 has six months and is below."""
    return pd.DataFrame(
        {
            "points_year": [2025, 2026],
            "months": [12, 6],
            "complete": [True, False],
            "revenue_yuan": [1.5e7, 8.0e6],
            "points_cost_yuan": [3.75e5, 1.6e5],
            "points_earned": [2.0e7, 1.0e7],
            "points_redeemed": [1.8e7, 8.0e6],
            "cost_share": [0.025, 0.020],
            "cap_share": [0.023, 0.023],
        }
    )


FACTS = {
    "year": 2026,
    "month": 5,
    "customers": 22_400,
    "customers_change_share": 0.0566,
    "arpu_yuan": 60.0,
    "revenue_month_yuan": 1_344_000,
    "revenue_year_yuan": 16_000_000,
    "revenue_change_share": 0.0625,
    "churn_share": 0.015,
    "churn_before_share": 0.02,
    "cap_share": 0.023,
    "points_year": 2026,
    "points_year_months": 6,
    "points_cost_yuan": 160_000,
    "points_cost_share": 0.02,
}


def facts_table(**changes: float | None) -> pd.DataFrame:
    """The facts, some of them changed or (None) left out."""
    facts = {key: value for key, value in (FACTS | changes).items() if value is not None}
    return pd.DataFrame(
        {"key": list(facts), "value": [float(value) for value in facts.values()], "unit": ""}
    )


def overview_tables() -> dict[str, pd.DataFrame]:
    """Every table of the overview."""
    return {
        "overview_months": months_table(),
        "overview_tiers": tiers_table(),
        "overview_counties": counties_table(),
        "overview_brands": brands_table(),
        "overview_points_years": points_years_table(),
        "overview_facts": facts_table(),
        "targets": targets_table(),
    }


INFO = {
    "first_month": "2024-05-01",
    "last_month": "2026-05-01",
    "created": "2026-06-03T09:12:00+08:00",
    "source": "/srv/extracts/province-a",
    "code_version": "0.1.0",
    "suppressed": 1,
    "minimum": 10,
}
