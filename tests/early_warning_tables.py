"""Hand-made tables of early warning, round enough to check the page by head.

400 customers show a sign and 360 may be called, in eight groups of rank; the calls of today end
with the fourth group.
"""

import pandas as pd

from target_tables import targets_table

RANKS = {
    "customers": [50, 50, 50, 50, 40, 40, 40, 40],
    "expected_leavers": [25.0, 15.0, 10.0, 8.0, 4.0, 3.0, 2.0, 1.0],
    "value_at_risk_yuan": [50_000.0, 20_000.0, 10_000.0, 6_000.0, 3_000.0, 1_500.0, 800.0, 400.0],
    "act_cost_yuan": [1_000.0, 800.0, 500.0, 500.0, 300.0, 300.0, 300.0, 300.0],
}
FACTS = {
    "customers": 10_000.0,
    "warned": 400.0,
    "candidates": 360.0,
    "calls": 200.0,
    "capacity": 200.0,
    "held_out": 0.0,
    "expected_leavers": 500.0,
    "called_expected_leavers": 58.0,
    "value_at_risk_yuan": 1_000_000.0,
    "called_value_at_risk_yuan": 86_000.0,
    "saved_share": 0.2,
    "act_cost_yuan": 2_800.0,
    "gain_yuan": 14_400.0,
    "months_ahead": 3.0,
    "listed_index": 2026 * 12 + 11.0,
    "model_auc": 0.75,
    "last_left": 50.0,
    "last_expected": 48.0,
    "last_precision": 0.25,
    "last_precision_low": 0.2,
    "last_precision_high": 0.31,
    "last_lift": 5.0,
    "last_lift_low": 4.1,
    "last_lift_high": 6.0,
    "last_caught": 0.1,
}
# Of the last list 25.0 % left; of this one 29.0 % are expected to, with 94 % of the value at risk.
TARGETS = {
    "warning_precision_share": ("at_least", 0.2),
    "warning_value_share": ("at_least", 0.95),
    "warning_gain_yuan": ("at_least", 14_000.0),
}


def facts_table(**changes):
    """Return ``early_warning_facts``; a change to ``None`` leaves a fact out."""
    facts = {name: value for name, value in (FACTS | changes).items() if value is not None}
    return pd.DataFrame({"key": list(facts), "value": list(facts.values())})


def _cells(column, rows):
    columns = [column, "status", "customers", "expected_leavers", "value_at_risk_yuan"]
    return pd.DataFrame(rows, columns=columns).astype({"customers": "Int64"})


# By month: listed, left of them, expected then, value at risk; None where few of the list left.
PAST = {
    "2026-03": (200, 40, 44.0, 60_000.0),
    "2026-04": (200, 44, 44.0, 64_000.0),
    "2026-05": None,
    "2026-06": (160, 40, 36.0, 56_000.0),
    "2026-07": (200, 36, 40.0, 66_000.0),
    "2026-08": (200, 50, 48.0, 70_000.0),
}


def track_table():
    """Return ``early_warning_track``: 500 of 10,000 left of each month's base."""
    rows = []
    for month, list_ in PAST.items():
        row = {"month": pd.Timestamp(month), "customers": 10_000, "left": 500, "base_share": 0.05}
        if list_ is not None:
            listed, left, expected, value = list_
            share, ratio = left / listed, left / expected
            row |= {
                "listed": listed, "listed_left": left, "expected_leavers": expected,
                "precision_share": share, "precision_low_share": share - 0.05,
                "precision_high_share": share + 0.06, "lift": share / 0.05,
                "lift_low": share / 0.05 - 0.9, "lift_high": share / 0.05 + 1.0,
                "caught_share": left / 500, "caught_low_share": left / 500 - 0.02,
                "caught_high_share": left / 500 + 0.03, "calibration": ratio,
                "calibration_low": ratio - 0.2, "calibration_high": ratio + 0.2,
                "value_at_risk_yuan": value, "lost_yuan": 1.1 * value,
                "gain_yuan": 0.2 * value - 2_800.0,
            }  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows)


def early_warning_tables():
    """Return every table of the page by name."""
    ranks = pd.DataFrame(RANKS)
    ranks.insert(0, "rank_group", [f"{at:02d}" for at in range(1, 9)])
    fates = [
        ("called", 200, 58.0, 86_000.0),
        ("no_sign", 9_600, 430.0, 900_000.0),
        ("campaign", 25, 1.5, 3_000.0),
        ("family", None, None, None),
        ("over_capacity", 160, 10.0, 5_700.0),
    ]
    curve = pd.DataFrame(
        {
            "group": ["01", "02"],
            "customers": [5_000, 5_000],
            "expected_share": [0.02, 0.08],
            "left": [90, 420],
            "observed_share": [0.018, 0.084],
            "low_share": [0.0147, 0.0766],
            "high_share": [0.022, 0.092],
        }
    )
    healths = pd.DataFrame(
        {
            "score": ["composite", "brand_tariff", "business", "service", "circle"],
            "kind": ["isotonic"] * 5,
            "auc": [0.74, 0.6, 0.7, 0.55, 0.68],
            "auc_low": [0.72, 0.58, 0.68, 0.53, 0.66],
            "auc_high": [0.76, 0.62, 0.72, 0.57, 0.7],
            "ratio": [1.0, 0.98, 1.03, 1.1, 0.99],
            "ratio_low": [0.95, 0.93, 0.97, 1.02, 0.94],
            "ratio_high": [1.05, 1.03, 1.09, 1.18, 1.04],
            "calibrated": [True, True, True, False, True],
        }
    )
    tables = {
        "facts": facts_table(),
        "ranks": ranks,
        "fates": pd.DataFrame(
            fates, columns=["fate", "customers", "expected_leavers", "value_at_risk_yuan"]
        ),
        "reasons": _cells(
            "reason",
            [
                ("bill_fall", "called", 90, 30.0, 50_000.0),
                ("bill_fall", "over_capacity", 30, 2.0, 1_000.0),
                ("forwarding", "called", 60, 20.0, 30_000.0),
                ("risk", "called", 50, 8.0, 6_000.0),
                ("risk", "over_capacity", 130, 8.0, 4_700.0),
            ],
        ),
        "tiers": _cells(
            "vip_tier",
            [
                ("none", "called", 150, 44.0, 50_000.0),
                ("none", "over_capacity", 160, 10.0, 5_700.0),
                ("diamond", "called", None, None, None),
                ("gold", "called", 40, 10.0, 30_000.0),
            ],
        ),
        "counties": _cells(
            "county",
            [
                ("安宁", "called", 120, 30.0, 50_000.0),
                ("<b>北", "called", 80, 28.0, 36_000.0),
                ("<b>北", "over_capacity", 160, 10.0, 5_700.0),
            ],
        ),
        "scored": pd.DataFrame(
            {
                "group": ["listed", "rest"],
                "customers": [200, 9_800],
                "left": [50, 450],
                "left_share": [0.25, 0.046],
                "low_share": [0.2, 0.042],
                "high_share": [0.31, 0.05],
            }
        ),
        "track": track_table(),
        "calibration": curve,
        "healths": healths,
    }
    found = {f"early_warning_{name}": frame for name, frame in tables.items()}
    return found | {"targets": targets_table(**TARGETS)}
