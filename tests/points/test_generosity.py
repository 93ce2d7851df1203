"""How generous: the closed form, the cap kept as often as said, rule changes, levers, shocks."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from budget_operator import alike, programme

from cvm.core.checks import ArgumentError
from cvm.points.budget import Budget, simulate
from cvm.points.budget_drivers import tornado, waterfall
from cvm.points.budget_grid import lever_table
from cvm.points.budget_levers import evaluate_levers, exceedance
from cvm.points.generosity import most_generous, with_value_times
from cvm.points.generosity_changes import (
    compare_changes,
    step_versus_linear,
    tier_multiplier_costs,
)
from cvm.points.risk import over_probability
from cvm.points.rulebook_read import shipped_rulebook
from cvm.points.scenarios import draw_scenarios
from cvm.points.shocks import SHOCKS, try_shocks, with_shock


@pytest.fixture(scope="module")
def budget():
    return simulate(
        programme(3_000, cells=20, draws=4, months=24), count=128, rng=np.random.default_rng(0)
    )


class Planted(Budget):
    """A budget whose redeemed points per yuan are lognormal, whatever its programme."""

    def cost_yuan(self, year=None, *, luck=True):
        ratio = np.exp(np.log(1.05) + 0.08 * self.ran.scenarios.member_noise)
        return 0.02 * ratio * self.revenue_yuan(year)


def test_the_lognormal_case_is_the_closed_form():
    """Checks of the programme: lognormal(ln 1.05, 0.08), cap 2.3 % → 0.0192039."""
    program = alike(shipped_rulebook("beijing"), months=12, count=10)
    drawn = draw_scenarios(count=4_096, months=12, rng=np.random.default_rng(1))
    made = simulate(program, drawn)
    planted = Planted(ran=made.ran, cap_share=0.023)
    object.__setattr__(planted.ran, "year_spread_yuan", lambda: np.zeros((4_096, 1)))
    found = most_generous(planted)
    assert found.rate == pytest.approx(0.0192039, abs=2e-5)
    assert found.kept.share == pytest.approx(0.95, abs=5e-4)
    assert abs(found.rate - 0.0192039) < 3 * found.rate_error


def test_at_the_rate_found_the_cap_is_kept_as_often_as_said(budget):
    found = most_generous(budget, year=2010)
    moved = with_value_times(budget.programme, found.rate / found.rate_now)
    again = simulate(moved, budget.ran.scenarios)
    over = again.over(2010)
    assert 1 - over.share == pytest.approx(0.95, abs=0.003)
    assert found.kept.error > 0
    assert found.curve["over_share"].is_monotonic_increasing
    assert (found.curve["tvar_95_share"] >= found.curve["cost_share"]).all()
    assert "2.30%" in found.text("en")
    assert "上限" in found.text("zh")


def test_where_redemption_reacts_the_rate_is_lower_and_still_keeps_the_cap(budget):
    law = budget.programme.law
    reacting = replace(law, value_elasticity=np.full(law.draws, 0.8))
    program = replace(budget.programme, law=reacting)
    # With a wide cap the rate rises above today's, so redemption rises with it.
    plain = most_generous(
        simulate(budget.programme, budget.ran.scenarios, cap_share=0.04), year=2010
    )
    made = simulate(program, budget.ran.scenarios, cap_share=0.04)
    found = most_generous(made, year=2010)
    assert plain.rate_now < found.rate < plain.rate
    moved = with_value_times(program, found.rate / found.rate_now)
    again = simulate(moved, budget.ran.scenarios, cap_share=0.04)
    assert 1 - again.over(2010).share == pytest.approx(0.95, abs=0.02)


def test_a_cap_that_nothing_keeps_is_said(budget):
    tight = Budget(ran=budget.ran, cap_share=1e-6)
    found = most_generous(tight, year=2010)
    assert found.bound == "below"
    assert "No return rate" in found.text("en")
    with pytest.raises(ArgumentError, match="cap_share"):
        most_generous(Budget(ran=budget.ran))


def test_single_changes_are_ranked_by_value_for_money(budget):
    table = compare_changes(budget)
    frame = table.summary()
    assert set(frame["change"]) == {"threshold", "validity", "value", "base", "tenure"}
    assert (frame["customer_value_yuan"] > 0).all()
    assert frame["value_per_yuan"].is_monotonic_decreasing
    assert table.text("zh")
    assert "buys the most" in table.text("en")


def test_multipliers_cost_what_they_give():
    book = shipped_rulebook("national-2012")
    book = replace(book, rules=(replace(book.rules[0], first_month=replace_year(2000)),))
    made = simulate(
        programme(2_000, cells=16, months=24, book=book), count=16, rng=np.random.default_rng(0)
    )
    costs = tier_multiplier_costs(made, year=2010).set_index("tier")
    assert costs["multiplier"].to_dict() == {"gold": 1.8, "none": 1.2, "silver": 1.5}
    assert (costs["cost_yuan"] > 0).all()
    total = made.cost_yuan(2010, luck=False).mean()
    assert costs["cost_yuan"].sum() < total


def replace_year(year):
    from datetime import date

    return date(year, 1, 1)


def test_a_step_table_is_worth_less_than_linear(budget):
    steps = shipped_rulebook("steps").rules[0].redemption
    linear = budget.programme.rules_at(0).redemption
    frame = step_versus_linear(budget, steps, linear, year=2010).set_index("kind")
    assert frame.loc["linear", "yuan_per_redeemed_point"] == pytest.approx(0.02)
    # 10 ÷ 840 to 500 ÷ 41,670: steps give 0.0119 to 0.0120 a point used.
    assert 0.0119 <= frame.loc["steps", "yuan_per_redeemed_point"] <= 0.0120
    assert frame.loc["steps", "cost_yuan"] < frame.loc["linear", "cost_yuan"]


def test_every_shock_moves_the_budget_the_way_it_must(budget):
    table = try_shocks(budget, year=2010, count=16)
    change = table.summary().set_index("shock")["change_yuan"]
    assert set(change.index) == {"base", *SHOCKS}
    for name in ("expiry_removed", "threshold_1000", "digital_doubles", "breakage_down"):
        assert change[name] > 0
    for name in ("expiry_shortened", "price_war", "breakage_up"):
        assert change[name] < 0
    assert table.text("en")
    assert "冲击" in table.text("zh")


def test_a_point_of_breakage_is_a_point(budget):
    from cvm.points.budget_urr import ultimate

    draws = budget.ran.scenarios
    before = ultimate(budget.programme, draws, count=8).urr.mean()
    moved, _ = with_shock(budget.programme, draws, "breakage_up")
    after = ultimate(moved, draws, count=8).urr.mean()
    assert before - after == pytest.approx(0.01, abs=2e-4)


def test_levers_read_what_a_run_would_say(budget):
    table = lever_table(
        budget,
        year=2010,
        threshold_points=(2_000, 3_500),
        validity_years=(3, 99),
        tenure_times=(1.0,),
        redemption=(-0.3, 0.0, 0.3),
        count=128,
    )
    table = json.loads(json.dumps(table))
    here = evaluate_levers(table)
    assert here["cost_yuan"] == pytest.approx(budget.cost_yuan(2010, luck=False).mean(), rel=1e-3)
    assert here["over_share"] == pytest.approx(budget.over(2010).share, abs=0.03)
    moved = budget.ran.scenarios.shifted(redemption=0.15, spend_growth=0.05)
    program = with_value_times(budget.programme, 1.1)
    direct = simulate(program, moved)
    read = evaluate_levers(table, return_rate=0.022, redemption=0.15, spend_growth=0.05)
    assert read["cost_yuan"] == pytest.approx(direct.cost_yuan(2010, luck=False).mean(), rel=0.005)
    assert read["over_share"] == pytest.approx(direct.over(2010).share, abs=0.03)
    kept = evaluate_levers(table, return_rate=here["kept_rate"])
    assert kept["over_share"] == pytest.approx(0.05, abs=1e-6)
    assert evaluate_levers(table, redemption=2.0)["outside"] == 1
    curve = exceedance(table, [0.016, 0.02, 0.024])
    assert curve == sorted(curve)
    start = time.perf_counter()
    evaluate_levers(table, threshold_points=2_700, validity_years=40)
    assert time.perf_counter() - start < 0.2
    with pytest.raises(ArgumentError, match="weather"):
        evaluate_levers(table, weather=1.0)


def test_tornado_and_waterfall(budget):
    frame = tornado(budget, year=2010)
    assert len(frame) == 7
    rows = frame.set_index("factor")
    assert rows.loc["redemption", "low_yuan"] < 0 < rows.loc["redemption", "high_yuan"]
    # Cost per point enters as a plain factor: e^(z·sd) − 1, sd 0.03.
    base = simulate(budget.programme, budget.ran.scenarios).cost_yuan(2010, luck=False).mean()
    expected = np.expm1(1.2815516 * 0.03) * base
    assert rows.loc["cost_per_point", "high_yuan"] == pytest.approx(expected, rel=0.03)
    now = {"member_months": 3e4, "earned_points": 5e6, "redeemed_points": 4e6, "cost_yuan": 8e4}
    steps = waterfall(budget, now, year=2010)["amount_yuan"].to_numpy()
    assert steps[:-1].sum() == pytest.approx(steps[-1])


def test_luck_and_scenarios_enter_the_chance_once(budget):
    cost = budget.cost_yuan(2010, luck=False) / budget.revenue_yuan(2010)
    bare = over_probability(cost, 0.023)
    assert budget.over(2010).share == pytest.approx(bare.share, abs=0.05)
