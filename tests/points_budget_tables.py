"""Hand-made tables of the points budget, round enough to check the page by head.

The lever table is a plane in logarithms, so what lies between two settings is known exactly: cost
is 100 thousand yuan of 5 million in revenue (2.00 %) at today's settings, its spread 0.05.
"""

from itertools import product
from math import log

import numpy as np
import pandas as pd

from info_tables import INFO as LATE_2026

AXES = {
    "threshold_points": [500.0, 1_000.0, 3_500.0, 5_000.0],
    "validity_years": [1.0, 2.0, 3.0, 99.0],
    "tenure_times": [0.0, 1.0, 2.0],
    "spend_growth": [-0.1, 0.0, 0.1],
    "redemption": [-0.5, 0.0, 0.5],
}
NOW = {
    "threshold_points": 3_500.0,
    "validity_years": 2.0,
    "tenure_times": 1.0,
    "spend_growth": 0.0,
    "redemption": 0.0,
}
SLOPES = {
    "threshold_points": -0.0001,
    "validity_years": 0.002,
    "tenure_times": 0.10,
    "spend_growth": -0.20,
    "redemption": 0.40,
}
SPREAD = 0.05
COST, REVENUE, CAP = 100_000.0, 5_000_000.0, 0.0205


def moved(settings):
    """Return the change of the log of cost ÷ revenue at settings."""
    return sum(SLOPES[name] * (value - NOW[name]) for name, value in settings.items())


def lever_table(value_elasticity=0.0):
    """Return the lever table."""
    rows = [dict(zip(AXES, values, strict=True)) for values in product(*AXES.values())]
    # The mean of the share is 2.00 % exactly: exp(mean + variance ÷ 2).
    start = log(COST / REVENUE) - SPREAD**2 / 2
    growth = [row["spend_growth"] for row in rows]
    return {
        "axes": AXES,
        "now": NOW,
        "year": 2027,
        "rate_now": 0.02,
        "value_elasticity": value_elasticity,
        "cap_share": CAP,
        "log_share_mean": [start + moved(row) for row in rows],
        "log_share_sd": [SPREAD] * len(rows),
        "log_cost": [log(COST) + moved(row) + g for row, g in zip(rows, growth, strict=True)],
        "log_revenue": [log(REVENUE) + g for g in growth],
    }


def facts_table(**changes):
    """Return ``points_budget_facts``."""
    from cvm.points.budget_levers import evaluate_levers
    from cvm.points.outlook_levers import lever_facts

    table = lever_table()
    facts = {
        **{k: v for k, v in evaluate_levers(table).items() if k != "outside"},
        **lever_facts(table),
        "over_error": 0.01,
        "cost_low_yuan": 92_000.0,
        "cost_high_yuan": 108_500.0,
        "fitted": 1.0,
        "scenarios": 512.0,
        "last_month_index": 2026 * 12 + 10,
        "wanted_share": 0.95,
        "extra_years": 1.0,
        "last_year": 2026.0,
        "last_cost_yuan": 80_000.0,
        "last_share": 0.019,
    } | changes
    return pd.DataFrame({"key": list(facts), "value": list(facts.values())})


def points_budget_tables():
    """Return every table of the page by name."""
    from cvm.points.outlook_levers import keeping_settings, lever_frame, single_steps

    table = lever_table()
    months = pd.date_range("2026-12-01", periods=12, freq="MS")
    steps = single_steps(table)
    drivers = pd.DataFrame(
        {
            "driver": ["threshold_points", "redemption", "return_rate"],
            "kind": ["rule", "world", "rule"],
            "low_yuan": [10_517.0, -5_000.0, -5_000.0],
            "high_yuan": [-9_516.0, 5_100.0, 5_000.0],
            "low_setting": [2_500.0, np.nan, 0.019],
            "high_setting": [4_500.0, np.nan, 0.021],
        }
    )
    return {
        "points_budget_facts": facts_table(),
        "points_budget_levers": lever_frame(table),
        "points_budget_steps": steps,
        "points_budget_keeps": keeping_settings(table),
        "points_budget_drivers": drivers,
        "points_budget_months": pd.DataFrame(
            {
                "month": pd.date_range("2024-06-01", periods=42, freq="MS"),
                "cost_yuan": [*range(1_000, 31_000, 1_000), *[90_000.0] * 12],
                "kind": ["actual"] * 30 + ["forecast"] * 12,
            }
        ),
        "points_budget_path": pd.DataFrame(
            {
                "month": months,
                "cost_share": np.linspace(0.022, 0.02, 12),
                "low_share": np.linspace(0.016, 0.0184, 12),
                "high_share": np.linspace(0.028, 0.0217, 12),
                "cap_share": CAP,
                "last_year_share": np.linspace(0.021, 0.019, 12),
            }
        ),
        "points_budget_waterfall": pd.DataFrame(
            {
                "step": ["start", "members", "earning", "redemption", "unit_cost", "end"],
                "amount_yuan": [80_000.0, 5_000.0, 4_000.0, 12_000.0, -1_000.0, 100_000.0],
            }
        ),
        "points_budget_holdout": pd.DataFrame(
            {
                "points_year": [2026],
                "forecast_yuan": [82_000.0],
                "low_yuan": [75_000.0],
                "high_yuan": [89_000.0],
                "actual_yuan": [80_000.0],
                "inside": [True],
                "naive_yuan": [70_000.0],
                "error_share": [0.025],
                "naive_error_share": [-0.125],
            }
        ),
        "points_budget_tiers": pd.DataFrame(
            {
                "vip_tier": ["none", "gold", "diamond"],
                "customers": pd.array([900, 100, None], dtype="Int64"),
                "redeemed_points": [3_000_000.0, 1_800_000.0, np.nan],
                "cost_yuan": [60_000.0, 36_000.0, np.nan],
                "cost_low_yuan": [55_000.0, 33_000.0, np.nan],
                "cost_high_yuan": [65_000.0, 39_000.0, np.nan],
                "cost_of_all_share": [0.6, 0.36, np.nan],
            }
        ),
        "points_budget_counties": pd.DataFrame(
            {
                "county": ["安宁", "<b>北"],
                "customers": [600, 400],
                "redeemed_points": [3_000_000.0, 1_990_000.0],
                "cost_yuan": [60_000.0, 40_000.0],
                "cost_low_yuan": [55_000.0, 36_000.0],
                "cost_high_yuan": [65_000.0, 44_000.0],
                "cost_of_all_share": [0.6, 0.4],
            }
        ),
    }


INFO = LATE_2026 | {"suppressed": 1}
