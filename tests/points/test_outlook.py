"""From an operator's year to a forecast, its lever table held to the budget, and the answer."""

from dataclasses import replace
from datetime import date
from itertools import product
from math import log

import numpy as np
import pandas as pd
import pytest
from budget_operator import programme

from cvm.core.checks import ArgumentError, DataError
from cvm.points.behaviour_stated import stated_behaviour
from cvm.points.budget import simulate
from cvm.points.budget_grid import lever_table
from cvm.points.budget_levers import evaluate_levers
from cvm.points.budget_run import run
from cvm.points.forecast import (
    Start,
    behaviour_terms,
    history_without_ledger,
    horizon,
    make_forecast,
    open_rulebook,
    points_years,
    start_months,
    year_from,
)
from cvm.points.members import chance_of_leaving, member_columns
from cvm.points.outlook import hold_out, make_outlook
from cvm.points.outlook_levers import (
    hold_to,
    keeping_settings,
    lever_facts,
    lever_frame,
    single_steps,
    table_of,
)
from cvm.points.outlook_words import outlook_sentence, setting_text
from cvm.views.points_budget_live import levers_of

BOOK = open_rulebook("sample")
FIRST = date(2025, 12, 1)


def members_frame(count=400, bill=100.0, seed=1):
    rng = np.random.default_rng(seed)
    bills = bill * np.exp(rng.normal(0, 0.4, count))
    return pd.DataFrame(
        {
            "customer_id": [f"c{at}" for at in range(count)],
            "vip_tier": np.where(bills > 140, "gold", "none"),
            "county": np.where(np.arange(count) % 3 == 0, "east", "west"),
            "tenure_months": np.full(count, 80),
            "points_balance": np.floor(20 * bills),
            "bill_yuan": bills,
            "on_time_share": 1.0,
            "data_reach_share": 0.5,
            "data_yuan": 20.0,
            "earned_points": 1.5 * bills,
        }
    )


LEAVING = pd.DataFrame(
    {
        "vip_tier": ["none", "none", "gold"],
        "tenure_band": [1, 2, 2],
        "at_risk": [1_000, 8_000, 50],
        "left": [40, 80, 0],
        "joined": [30, 0, 0],
    }
)


def start(first=FIRST, **changes):
    return Start(first_month=first, members=members_frame(**changes), leaving=LEAVING)


def history(first=2023, years=3, grow=0.05):
    months = pd.date_range(f"{first - 1}-12-01", periods=12 * years, freq="MS")
    growth = np.exp(grow * np.arange(12 * years) / 12)
    return pd.DataFrame(
        {
            "month": months,
            "members": 400,
            "revenue_yuan": 40_000 * growth,
            "earned_points": 60_000 * growth,
            "redeemed_points": 40_000 * growth,
            "expired_points": 0,
            "forfeited_points": 0,
            "cost_yuan": 800 * growth,
        }
    )


def test_small_groups_lean_on_their_tenure_band():
    members = pd.DataFrame({"vip_tier": ["none", "gold", "silver"], "tenure_months": [60, 60, 24]})
    chance = chance_of_leaving(members, LEAVING)
    band = (80 + 200 * 120 / 9_050) / (8_050 + 200)
    assert chance[0] == pytest.approx((80 + 200 * band) / 8_200)
    assert chance[1] == pytest.approx(200 * band / 250)  # nobody of 50 left, not "nobody leaves"
    assert 0.03 < chance[2] < 0.04  # a tier not seen takes its band


def test_lots_stand_in_rows_of_earning_and_bills_are_brought_forward():
    lots = pd.DataFrame(
        {"customer_id": ["c1", "c0", "gone"], "lot_index": [24_300, 24_311, 24_300],
         "points": [5, 7, 9]}
    )  # fmt: skip
    columns = member_columns(
        members_frame(3), lots, LEAVING, first_month=date(2026, 1, 1), bill_times=1.1
    )
    assert list(columns.lot_months) == [24_300, 24_311]
    assert columns.lots_points.tolist() == [[0, 5, 0], [7, 0, 0]]
    assert columns.bill_yuan == pytest.approx(members_frame(3)["bill_yuan"] * 1.1)
    assert columns.joiners_a_month == 30 / 12


def test_without_a_ledger_a_balance_is_the_newest_points_earned():
    frame = members_frame(2).assign(points_balance=[1_000, 50_000], earned_points=np.nan)
    frame["bill_yuan"] = 100.0
    columns = member_columns(frame, None, LEAVING, first_month=FIRST, points_per_yuan=1.0)
    # Eleven months of this year, then twelve, then what is left: 100 points a month.
    assert columns.lots_points[:, 0].tolist() == [0, 0, 1_000]
    assert columns.lots_points[:, 1].tolist() == [47_700, 1_200, 1_100]
    assert columns.earned_points is None


def test_nobody_in_service_is_refused():
    with pytest.raises(DataError, match="members"):
        member_columns(members_frame().head(0), None, LEAVING, first_month=FIRST)


def test_points_years_are_whole_and_costs_follow_from_the_rules_where_not_recorded():
    frame = history()
    years = points_years(frame.iloc[:-1], BOOK)
    assert years["points_year"].tolist() == [2023, 2024]
    assert years["cost_share"].iloc[0] == pytest.approx(0.02)
    unrecorded = points_years(frame.assign(cost_yuan=np.nan), BOOK)
    unit = 0.44 * 0.0195 + 0.22 * 0.0185 + 0.24 * 0.025 + 0.10 * 0.021
    assert unrecorded["cost_yuan"].iloc[0] == pytest.approx(
        unit * unrecorded["redeemed_points"].iloc[0]
    )
    plain = pd.DataFrame(
        {"month": frame["month"], "customers": 400, "revenue_yuan": frame["revenue_yuan"]}
    )
    assert points_years(history_without_ledger(plain), BOOK)["cost_yuan"].isna().all()


def test_starts_lie_a_year_apart_where_a_year_of_data_is_before_them():
    frame = history()
    years = points_years(frame, BOOK)
    assert start_months(frame, years, BOOK, FIRST) == {
        "now": FIRST,
        "before": date(2024, 12, 1),
        "proof": date(2024, 12, 1),
        "proof_before": date(2023, 12, 1),
    }
    short = frame.tail(20)
    assert set(start_months(short, points_years(short, BOOK), BOOK, FIRST)) == {"now"}
    assert year_from(frame, date(2025, 6, 1)) is None
    assert year_from(frame, date(2024, 12, 1))["cost_yuan"] == pytest.approx(
        frame["cost_yuan"].tail(12).sum()
    )


def test_the_horizon_ends_with_a_points_year():
    for month in range(1, 13):
        for years in (1, 2):
            first = date(2026, month, 1)
            end = (first.month - 1 + horizon(BOOK, first, years=years) - 1) % 12 + 1
            assert end == 11


def test_behaviour_is_read_under_the_rules_clearing():
    terms = behaviour_terms(BOOK.rules_in(FIRST))
    assert terms == {
        "threshold_points": 3_500,
        "exceed": True,
        "clearing_years": 2,
        "clearing_month": 12,
    }


def test_growth_is_what_joining_and_leaving_do_not_explain():
    """Bills a year on that are 6 % above a projection without growth are found again."""
    stated = stated_behaviour(threshold_points=3_500).behaviour
    given = {"book": BOOK, "behaviour": stated, "months": 12, "draws": 2}
    past = start(first=date(2024, 12, 1))
    flat = make_forecast(past, rng=np.random.default_rng(1), **given)
    from cvm.points.budget_run import run
    from cvm.points.scenarios import one_scenario

    revenue = run(flat.programme, one_scenario(months=12)).revenue_yuan.sum()
    found = make_forecast(
        start(),
        past=past,
        actual={"revenue_yuan": 1.06 * revenue},
        rng=np.random.default_rng(1),
        **given,
    )
    assert found.growth == pytest.approx(log(1.06) / (13 / 12))
    assert found.spec.marginals["spend_growth"].mean == found.growth
    assert found.level == 0  # stated behaviour stays as stated
    with pytest.raises(ArgumentError, match="a year before"):
        make_forecast(
            start(), past=start(first=date(2024, 11, 1)), actual={"revenue_yuan": 1.0},
            rng=np.random.default_rng(1), **given,
        )  # fmt: skip


@pytest.fixture(scope="module")
def budget():
    return simulate(
        programme(2_000, cells=16, draws=4, months=12),
        count=64,
        cap_share=0.023,
        rng=np.random.default_rng(2),
    )


@pytest.fixture(scope="module")
def table(budget):
    return lever_table(
        budget, threshold_points=(2_500, 3_500, 5_000), validity_years=(2, 3), count=8,
        tenure_times=(0.5, 1.0), spend_growth=(0.0, 0.05), redemption=(0.0, 0.3),
    )  # fmt: skip


def test_the_table_held_to_the_budget_says_what_the_budget_says(budget, table):
    held = hold_to(table, budget, year=budget.years[0])
    got = evaluate_levers(held)
    assert got["cost_yuan"] == pytest.approx(budget.cost_yuan().mean(), rel=1e-7)
    assert got["revenue_yuan"] == pytest.approx(budget.revenue_yuan().mean(), rel=1e-7)
    assert got["over_share"] == pytest.approx(budget.over().share, abs=1e-6)
    before, after = evaluate_levers(table), evaluate_levers(table, threshold_points=5_000)
    now = evaluate_levers(held, threshold_points=5_000)
    assert now["cost_yuan"] / got["cost_yuan"] == pytest.approx(
        after["cost_yuan"] / before["cost_yuan"], rel=1e-6
    )


def test_the_table_survives_a_snapshot(table):
    again = table_of(lever_frame(table), lever_facts(table))
    for settings in ({}, {"threshold_points": 3_000, "redemption": 0.1, "return_rate": 0.021}):
        assert evaluate_levers(again, **settings) == pytest.approx(
            evaluate_levers(table, **settings), rel=1e-6
        )


def test_no_setting_of_the_levers_lies_beyond_what_was_run(budget):
    law = budget.programme.law
    law = replace(law, value_elasticity=np.full_like(law.value_elasticity, 0.8))
    reacting = simulate(
        replace(budget.programme, law=law),
        budget.ran.scenarios.first(8),
        cap_share=0.023,
    )
    table = lever_table(
        reacting, threshold_points=(2_500, 3_500), validity_years=(2, 3), count=8,
        tenure_times=(1.0,), spend_growth=(0.0,),
    )  # fmt: skip
    sliders = levers_of(table, "en", extra_years=0.0)
    ends = {one["lever"]: (one["low"], one["high"]) for one in sliders if not one["nodes"]}
    assert ends["redemption"] == pytest.approx((-0.5, 0.5))
    for setting in product(*ends.values()):
        got = evaluate_levers(table, **dict(zip(ends, setting, strict=True)))
        assert got["outside"] == 0, setting


def test_between_the_settings_the_table_says_what_a_run_says(budget):
    table = lever_table(budget, validity_years=(3,), tenure_times=(1.0,), count=16)
    dice, far = np.random.default_rng(3), []
    scenarios = budget.ran.scenarios.first(16)
    for _ in range(12):
        threshold = float(dice.integers(500, 5_000))
        growth, level = dice.uniform(-0.1, 0.1), dice.uniform(-0.5, 0.5)
        programme = budget.programme
        book = programme.book.with_threshold(int(threshold), since=programme.first_month)
        ran = run(
            programme.with_book(book, programme.law.under_threshold(int(threshold))),
            scenarios.shifted(spend_growth=growth, redemption=level),
        )
        read = evaluate_levers(
            table, threshold_points=threshold, spend_growth=growth, redemption=level
        )
        far.append(abs(read["cost_yuan"] / ran.by_year(ran.cost_yuan)[:, 0].mean() - 1))
    assert max(far) < 0.01


def test_steps_and_settings_that_keep_the_cap(table):
    table = dict(table, cap_share=evaluate_levers(table)["cost_share"])
    steps = single_steps(table).set_index("step")
    assert steps.loc["threshold_points_up", "change_yuan"] < 0 < steps.loc[
        "threshold_points_down", "change_yuan"
    ]  # fmt: skip
    assert steps.loc["return_rate_down", "to_setting"] == pytest.approx(0.019)
    keeps = keeping_settings(table)
    assert (keeps["over_share"] <= 0.05).all()
    for lever, _, to, _, _ in keeps.itertuples(index=False):
        milder = {"return_rate": 0.0001, "threshold_points": -100, "tenure_times": 0.05}
        if lever in milder:
            near = evaluate_levers(table, **{lever: to + milder[lever]})
            assert near["over_share"] > 0.05 or to + milder[lever] == pytest.approx(0.02)
    assert keeping_settings(dict(table, cap_share=1.0)).empty


def test_the_answer_and_every_table_of_the_page(budget, table):
    members = pd.DataFrame({"vip_tier": ["gold"] * 9 + ["none"], "county": ["east"] * 10})
    frame = history(first=2006).assign(members=2_000)
    years = points_years(frame, BOOK)
    outlook = make_outlook(budget, table, members=members, history=frame, years=years)
    frames = outlook.frames()
    assert "points_budget_holdout" not in frames
    steps = frames["points_budget_waterfall"]["amount_yuan"]
    assert steps.iloc[:-1].sum() == pytest.approx(steps.iloc[-1])
    assert frames["points_budget_tiers"]["customers"].tolist() == [9, 1, 0]
    assert frames["points_budget_tiers"]["cost_of_all_share"].sum() == pytest.approx(1)
    path = frames["points_budget_path"]
    assert len(path) == 12
    assert (path["low_share"] < path["cost_share"]).all()
    low, high = np.quantile(budget.cost_share(), [0.05, 0.95])
    assert path["low_share"].iloc[-1] == pytest.approx(low, rel=1e-6)
    assert path["high_share"].iloc[-1] == pytest.approx(high, rel=1e-6)
    assert "2009" in outlook.text("en")
    assert "假设" in outlook.text("zh")


def test_a_held_out_year_needs_two_costs(budget):
    years = points_years(history(first=2008, years=2), BOOK)
    held = hold_out(budget, years)
    assert held.year == 2009
    assert held.naive_share == pytest.approx(0.02)
    assert hold_out(budget, years.tail(1)) is None
    assert hold_out(budget, years.assign(cost_yuan=np.nan)) is None


def test_settings_in_words():
    assert setting_text("validity_years", 2, "zh") == "3年"
    assert setting_text("validity_years", 3, "en", extra_years=0) == "3 years"
    assert setting_text("validity_years", 99, "en") == "no expiry"
    assert outlook_sentence({}, None, "en").startswith("The cost of the next")
