"""Rule changes on one page: what they rest on, from when they cost, and what a ratio means."""

from dataclasses import replace

import numpy as np
import pytest
from budget_operator import programme

from cvm.core.checks import ArgumentError
from cvm.core.i18n import catalogue
from cvm.points.budget import simulate
from cvm.points.budget_frames import accrued_yuan
from cvm.points.generosity import most_generous
from cvm.points.generosity_changes import compare_changes, face_value_yuan, single_changes
from cvm.points.rule_changes import (
    RuleChanges,
    basis_of,
    basis_table,
    dated_changes,
    tier_costs,
    with_reaction,
)
from cvm.points.rulebook_read import shipped_rulebook
from cvm.points.scenarios import draw_scenarios
from cvm.points.shocks import SHOCKS, try_shocks


@pytest.fixture(scope="module")
def budget():
    made = programme(4_000, cells=24, months=24)
    scenarios = draw_scenarios(count=32, months=24, rng=np.random.default_rng(3))
    return simulate(made, scenarios, cap_share=0.023)


def test_every_shock_says_what_it_rests_on(budget):
    assert {basis_of(name, fitted=True) for name in SHOCKS} == {
        "fitted",
        "extrapolated",
        "assumed",
        "arithmetic",
    }
    assert basis_of("amnesty", fitted=False) == "stated"
    for name in SHOCKS:
        for fitted in (True, False):
            assert f"points_rule_changes.basis.{basis_of(name, fitted=fitted)}" in catalogue()
    with pytest.raises(ArgumentError, match="must be one of"):
        basis_of("flood", fitted=True)


def test_a_clearing_rule_costs_from_its_next_clearing_on():
    # Members do not hurry here. Their first points die in December 2009, early in year 2010.
    made = programme(4_000, cells=24, months=24, rush=0.0)
    scenarios = draw_scenarios(count=8, months=24, rng=np.random.default_rng(3))
    calm = simulate(made, scenarios, cap_share=0.023)
    frame = dated_changes(calm, after_months=(0, 6, 13), count=8)
    cost = frame.set_index(["change", "effective_month", "points_year"])["cost_change_yuan"]

    removed = cost["expiry_removed"]
    assert removed["2008-12-01", 2009] == pytest.approx(0, abs=1e-6)
    assert removed["2008-12-01", 2010] > 0
    assert removed["2009-06-01", 2010] == pytest.approx(removed["2008-12-01", 2010])
    assert removed["2010-01-01", 2010] == pytest.approx(0, abs=1e-6)
    # A point worth a tenth more costs a tenth more from its month on.
    tenth = 0.1 * calm.cost_yuan(2009, luck=False).mean()
    assert cost["value", "2008-12-01", 2009] == pytest.approx(tenth, rel=1e-6)
    assert 0 < cost["value", "2009-06-01", 2009] < tenth
    assert cost["value", "2010-01-01", 2009] == pytest.approx(0, abs=1e-6)


def test_a_month_outside_the_projection_is_refused(budget):
    with pytest.raises(ArgumentError, match="after_months"):
        dated_changes(budget, after_months=(24,), count=8)


def test_what_a_change_does_to_points_already_held_is_part_of_its_cost(budget):
    change = next(c for c in single_changes(budget.programme) if c.name == "value")
    row = compare_changes(budget, [change]).rows.iloc[0]

    richer = simulate(change.programme, budget.ran.scenarios.first(128), cap_share=0.023)
    base = simulate(budget.programme, budget.ran.scenarios.first(128), cap_share=0.023)
    cash = [one.ran.cost_yuan.sum(axis=1).mean() for one in (richer, base)]
    owed = [accrued_yuan(one)[1][:, -1].mean() for one in (richer, base)]
    two_years = cash[0] - cash[1] + owed[0] - owed[1]
    assert row["accrued_cost_yuan"] == pytest.approx(two_years / 2)
    # A tenth more value is a tenth more of what is paid and of what is owed at the end.
    assert two_years == pytest.approx(0.1 * (cash[1] + owed[1]), rel=1e-6)
    gained = face_value_yuan(richer) - face_value_yuan(base)
    assert row["value_per_yuan"] == pytest.approx(gained / (two_years / 2))


def test_tiers_without_a_multiplier_take_the_one_that_is_tried(budget):
    assert tier_costs(budget).empty
    multipliers = shipped_rulebook("national-2012").rules[-1].earn.multipliers
    frame = tier_costs(budget, multipliers).set_index("tier")

    assert frame["multiplier"].to_dict() == {"gold": 1.8, "none": 1.2, "silver": 1.5}
    assert frame["members"].sum() == 4_000
    assert (frame["cost_yuan"] > 0).all()


def test_reaction_makes_room_below_todays_rate_and_takes_it_above(budget):
    cap = 1.1 * float(np.quantile(budget.cost_share(), 0.99))
    for share, sign in ((0.7 * cap, 1), (2 * cap, -1)):
        held = replace(budget, cap_share=share)
        plain, reacting = most_generous(held), most_generous(with_reaction(held, 0.5))
        assert plain.bound == reacting.bound == "inside"
        assert np.sign(reacting.rate - plain.rate) == sign


def test_one_sentence_in_both_languages(budget):
    shocks = try_shocks(budget, ("expiry_removed", "price_war"), count=8)
    answer = RuleChanges(
        changes=compare_changes(budget), shocks=shocks, generosity=most_generous(budget)
    )
    assert "buys the most" in answer.text("en")
    assert "投入产出最高" in answer.text("zh")
    assert set(answer.frames()) == {
        "rule_changes_single",
        "rule_changes_shocks",
        "rule_changes_frontier",
    }
    assert list(basis_table(shocks, "zh").columns) == ["调整", "依据"]
