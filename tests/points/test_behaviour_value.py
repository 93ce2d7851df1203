"""The reaction to what a point is worth is fitted where rules changed it, and only there."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError
from cvm.points.behaviour import fit_behaviour
from cvm.points.budget_law import law_of
from cvm.points.forecast import point_values
from cvm.points.rulebook_read import shipped_rulebook

CHANGED = date(2024, 7, 1)
REACTION = 1.2


def cells(reaction, *, month_spread=0.0, at_risk=4_000, seed=5):
    """Return cells of 48 months drawn from a logit in balance and in the value of a point."""
    rng = np.random.default_rng(seed)
    rows = []
    for month in pd.date_range("2022-07-01", periods=48, freq="MS"):
        worth = np.log(0.02 / 0.03) if month.date() < CHANGED else 0.0
        shock = month_spread * rng.standard_normal()
        for ratio in (1.1, 1.5, 2.5, 4.0):
            odds = -2.0 + 0.6 * np.log(ratio) + reaction * worth + shock
            redeemers = rng.binomial(at_risk, 1 / (1 + np.exp(-odds)))
            rows.append(
                {
                    "month": month,
                    "vip_tier": "none",
                    "qualified": True,
                    "just_qualified": False,
                    "ratio_band": 5,
                    "since_band": 2,
                    "waited_band": 0,
                    "at_risk": at_risk,
                    "log_ratio_sum": at_risk * np.log(ratio),
                    "rush_share_sum": 0.0,
                    "balance_points": int(at_risk * ratio * 3_500),
                    "redeemers": redeemers,
                    "redeemed_points": redeemers * 2_000,
                    "redeemed_points_squared": redeemers * 2_000.0**2,
                    "available_points": int(redeemers * ratio * 3_500),
                    "took_all": redeemers // 2,
                    "part_sum": 0.5 * (redeemers - redeemers // 2),
                    "part_squared_sum": 0.3 * (redeemers - redeemers // 2),
                }
            )
    return pd.DataFrame(rows)


VALUES = {date(2020, 1, 1): 0.02, CHANGED: 0.03}


def reaction_of(frame, **options):
    fit = fit_behaviour(frame, threshold_points=3_500, **options)
    table = fit.coefficients().query("model == 'chance'").set_index("term")
    return fit, table.loc["value"] if "value" in table.index else None


def test_the_planted_reaction_is_found_and_carried_into_the_budget():
    fit, found = reaction_of(cells(REACTION), value_yuan=VALUES)

    assert found["log_odds"] == pytest.approx(REACTION, abs=3 * found["standard_error"])
    assert found["standard_error"] < 0.1
    law = law_of(fit.behaviour, tiers=("none",), draws=1)
    assert law.value_elasticity[0] == pytest.approx(found["log_odds"])
    # A point worth 0.03 yuan is today's: it leaves the chance as it is.
    here, dearer = (
        fit.behaviour.monthly_chance(7_000, value_ratio=ratio).item() for ratio in (1.0, 2.0)
    )
    odds = [p / (1 - p) for p in (here, dearer)]
    assert odds[1] / odds[0] == pytest.approx(2 ** found["log_odds"], rel=1e-6)


def test_months_that_differ_for_other_reasons_widen_the_error():
    _, quiet = reaction_of(cells(REACTION), value_yuan=VALUES)
    _, noisy = reaction_of(cells(REACTION, month_spread=0.3), value_yuan=VALUES)

    # Two spells of 24 months that scatter by 0.3: 0.3 √(2 ÷ 24) ÷ ln 1.5 = 0.21.
    assert noisy["standard_error"] == pytest.approx(0.21, rel=0.35)
    assert noisy["standard_error"] > 2 * quiet["standard_error"]


def test_a_value_that_never_changed_tells_nothing():
    fit, found = reaction_of(cells(0.0), value_yuan={date(2020, 1, 1): 0.02})

    assert found is None
    assert law_of(fit.behaviour, tiers=("none",), draws=1).value_elasticity[0] == 0.0


def test_an_impossible_value_is_refused_by_its_month():
    with pytest.raises(ArgumentError, match=r"value_yuan\[2024-07-01\] == 0"):
        reaction_of(cells(0.0), value_yuan={**VALUES, CHANGED: 0.0})


def test_a_rule_book_tells_what_a_point_was_worth_since_when():
    book = shipped_rulebook("sample").with_value(0.03, since="2026-01")

    values = point_values(book)

    assert values[date(2026, 1, 1)] == 0.03
    assert values[min(values)] == pytest.approx(0.02)
