"""The budget's projection against independent routes: full population, closed forms, identities."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from budget_operator import alike, law, members, one_cell_a_member, programme

from cvm.core.checks import ArgumentError, DataError
from cvm.points.budget import simulate
from cvm.points.budget_full import run_members
from cvm.points.budget_kernel import (
    EARNED,
    EXPIRED,
    FORFEITED,
    MEMBERS,
    REDEEMED,
    REVENUE,
    project,
)
from cvm.points.budget_law import law_of
from cvm.points.budget_run import run
from cvm.points.budget_urr import ultimate
from cvm.points.closed_forms import ultimate_redemption_rate
from cvm.points.ledger import Movements, run_ledger
from cvm.points.population import MemberColumns, reduce_members
from cvm.points.rulebook import RuleBook
from cvm.points.rules import Clearing, Rules
from cvm.points.rules_earn import EarnRules
from cvm.points.scenarios import draw_scenarios, one_scenario


def book_of(clearing, **changes):
    rules = Rules(first_month=date(2000, 1, 1), clearing=clearing, **changes)
    return RuleBook(name="test", en="test", zh="测试", rules=(rules,))


MONTHS_36 = Clearing(kind="months", months=36)


def flows(program, **at):
    return run(program, one_scenario(months=program.months, **at), workers=1).flows[0].sum(axis=1)


def test_cells_agree_with_every_member_thrown_by_dice_within_half_a_per_cent():
    columns = members(20_000)
    reduced = programme(20_000)
    whole = replace(reduced, population=one_cell_a_member(columns, reduced.population))
    centre, dice = one_scenario(months=36), np.random.default_rng(3)
    runs = [
        run_members(
            whole, columns.lots_points, np.arange(20_000), centre, rng=dice, even_part=(0.4, 0.4)
        )[0]
        for _ in range(6)
    ]
    ours = flows(reduced).sum(axis=0)
    full = np.mean(runs, axis=0).sum(axis=0)
    for flow in (EARNED, REDEEMED, FORFEITED, REVENUE, MEMBERS):
        error = np.std([item[:, flow].sum() for item in runs]) / np.sqrt(len(runs))
        assert abs(ours[flow] / full[flow] - 1) < 0.005 + 2 * error / full[flow]
    # Few points die; they are within half a per cent of what is redeemed.
    assert abs(ours[EXPIRED] - full[EXPIRED]) < 0.005 * full[REDEEMED]


def test_whatever_the_rules_the_loops_are_compiled_once():
    for changes in (
        {"book": book_of(MONTHS_36)},
        {"book": book_of(Clearing())},
        {"season": np.linspace(-0.2, 0.2, 12)},
        {"draws": 2},
    ):
        flows(programme(300, cells=8, months=12, **changes))

    assert len(project.signatures) == 1


@pytest.mark.parametrize("clearing", ["beijing", "months", "none"])
def test_points_are_conserved_in_every_scenario_and_month(clearing):
    books = {"months": book_of(MONTHS_36), "none": book_of(Clearing()), "beijing": "beijing"}
    made = simulate(
        programme(2_000, joiners=40.0, book=books[clearing], draws=4),
        count=16,
        rng=np.random.default_rng(0),
    )
    opened, closed = made.ran.open_points, made.ran.close_points
    assert np.allclose(opened[:, 1:], closed[:, :-1], rtol=1e-10)
    assert np.allclose(opened[:, 0], made.programme.population.outstanding_points, rtol=1e-12)
    assert (closed >= 0).all()
    frame = made.roll_forward()
    left = frame["open_points"] + frame["earned_points"] + frame["transferred_points"]
    left -= frame["redeemed_points"] + frame["expired_points"] + frame["forfeited_points"]
    assert np.allclose(left, frame["close_points"], rtol=1e-10)


def test_without_redemption_it_is_the_exact_ledger():
    """Calendar-year clearing of lots, against the exact ledger, to a thousandth of a point."""
    book = book_of(Clearing(kind="calendar_years", years=3))
    lots = np.array([[500.0], [700.0], [650.0]])
    columns = MemberColumns(
        lots_points=lots,
        lot_months=[2006 * 12 + 11, 2007 * 12 + 11, 2008 * 12 + 10],
        bill_yuan=[100.5],
    )
    population = reduce_members(columns, first_month="2008-12")
    quiet = replace(alike(book).law, balance_log_odds=np.full((1, 1, 192), -50.0))
    ours = flows(replace(alike(book, months=48), population=population, law=quiet))
    opening = {
        "consumption": np.array([[500] + [0] * 11 + [700] + [0] * 10 + [650]]).T.astype(np.int64)
    }
    exact = run_ledger(
        book,
        first_month="2008-12",
        earned={"consumption": np.full((48, 1), 100)},
        movements=Movements(opening=opening),
    ).roll_forward()
    assert ours[:, EARNED].sum() == pytest.approx(exact["earned"].sum())
    assert np.allclose(ours[:, EXPIRED], exact["expired"], atol=1e-3)


@pytest.mark.parametrize(
    ("hazard", "churn", "months"), [(0.05, 0.02, 36), (0.03, 0.015, 36), (0.10, 0.0, 12)]
)
def test_redemption_of_alike_members_is_the_closed_form(hazard, churn, months):
    """Checks of the programme: URR (.05, .02, 36) .669391, (.03, .015, 36) .542856.

    Members who take everything make points independent of each other in the mean: each point meets
    the same hazard every month of its life. Joiners keep the base, so all vintages are alike.
    """
    book = book_of(Clearing(kind="months", months=months, counts_earning_month=True))
    program = alike(book, hazard=hazard, churn=churn, months=24, joiners=0.0)
    expected = ultimate_redemption_rate(hazard, months, churn=churn)
    # Lots go oldest first, but who redeems takes all: age decides nothing.
    got = ultimate(program, one_scenario(months=24), count=1).urr[0]
    assert got == pytest.approx(expected, abs=0.004)


def test_steady_state_redeems_the_urr_of_what_it_issues():
    book = book_of(Clearing(kind="months", months=24, counts_earning_month=True))
    program = alike(book, churn=0.03, months=84, joiners=30.0, hazard=0.06)
    run_ = flows(program)[60:]
    expected = ultimate_redemption_rate(0.06, 24, churn=0.03)
    assert run_[:, REDEEMED].sum() / run_[:, EARNED].sum() == pytest.approx(expected, abs=0.005)


def test_a_hand_worked_year():
    """1,000 members, 100 points a month, no churn, half redeem all each month, all at once."""
    book = book_of(Clearing(), earn=EarnRules(rounding="nearest"))
    program = alike(book, bill=100.0, churn=0.0, months=3, hazard=0.5)
    got = flows(program)
    # Balances: 100 → half keep 100; then ½·(200) + ½·(100) = 150 → half …
    assert got[:, REDEEMED] / 1_000 == pytest.approx([50, 75, 87.5])


def test_longer_validity_and_a_lower_threshold_never_redeem_less_with_behaviour_fixed():
    # A chance that does not rise with the balance: redeeming early then never costs a chance later.
    flat = {"log_balance": 0.0, "just_qualified": 0.0, "rush": 0.0, "step_points": 1}
    base = programme(3_000, cells=24, **flat)
    redeemed = []
    for years in (1, 2, 3, 4, 6):
        clearing = Clearing(kind="calendar_years", years=years)
        moved = base.with_book(base.book.with_clearing(clearing, since=base.first_month))
        redeemed.append(flows(moved)[:, REDEEMED].sum())
    assert (np.diff(redeemed) >= -1e-6).all()
    redeemed = []
    for threshold in range(7_000, -1, -500):
        moved = base.with_book(base.book.with_threshold(threshold, since=base.first_month))
        redeemed.append(flows(moved)[:, REDEEMED].sum())
    assert (np.diff(redeemed) > 0).all()


def test_the_reduction_keeps_members_and_points_by_tier():
    columns = members(5_000)
    population = reduce_members(columns, first_month="2008-12", cells=40)
    assert population.members == pytest.approx(5_000)
    assert population.outstanding_points == pytest.approx(columns.lots_points.sum())
    for at, tier in enumerate(population.tiers):
        mine = columns.tier == tier
        cells = population.cells.tier == at
        assert population.cells.members[cells].sum() == mine.sum()
        points = population.cells.balance_points[cells].sum()
        assert points == pytest.approx(columns.lots_points[:, mine].sum())
    assert len(population.cells) <= 42


def test_parts_add_up_to_the_whole():
    made = simulate(
        programme(3_000, cells=24, joiners=30.0), count=32, rng=np.random.default_rng(1)
    )
    at = made.year_position()
    cost = made.cost_yuan(luck=False).mean()
    for frame in (made.by_tier(), made.by_county(), made.by_channel()):
        mine = frame[frame["points_year"] == made.ran.plan.years[at]]
        assert mine["cost_yuan"].sum() == pytest.approx(cost, rel=1e-9)


def test_the_same_whatever_the_number_of_threads():
    program = programme(1_000, cells=10)
    draws = draw_scenarios(count=32, months=36, rng=np.random.default_rng(0))
    one, two = run(program, draws, workers=1), run(program, draws, workers=2)
    assert np.array_equal(one.flows, two.flows)


def test_members_luck_is_that_of_dice():
    columns, reduced = members(4_000), programme(4_000, months=12)
    whole = replace(reduced, population=one_cell_a_member(columns, reduced.population))
    centre, dice = one_scenario(months=12), np.random.default_rng(5)
    totals = [
        run_members(
            whole, columns.lots_points, np.arange(4_000), centre, rng=dice, even_part=(0.4, 0.4)
        )[0][:, REDEEMED].sum()
        for _ in range(100)
    ]
    ran = run(reduced, centre, workers=1)
    spread = ran.year_spread_yuan()[0, 0] / 0.02
    # 100 throws know their own spread to 7 %; ours leaves out that members tire and leave.
    assert spread == pytest.approx(np.std(totals), rel=0.25)


def test_sentences_in_both_languages_and_frames():
    made = simulate(
        programme(2_000, cells=16, draws=4, months=24), count=64, rng=np.random.default_rng(2)
    )
    assert "2.30% cap" in made.text("en")
    assert "上限" in made.text("zh")
    assert "假设" in made.text("zh")
    frames = made.frames()
    assert frames["summary"]["points_year"].tolist() == [2009, 2010]
    assert (frames["summary"]["tvar_95_yuan"] >= frames["summary"]["var_95_yuan"]).all()
    split = frames["variance_split"].set_index("source")["share"]
    assert split.sum() == pytest.approx(1.0)
    assert split["member"] > 0
    assert made.deferred_revenue().summary()["closing_yuan"].iloc[-1] > 0


def test_global_random_state_is_untouched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    simulate(programme(500, cells=4, months=12), count=8, rng=np.random.default_rng(0))
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_what_cannot_be_is_refused():
    columns = members(10)
    with pytest.raises(ArgumentError, match="lot_months"):
        reduce_members(replace(columns, lot_months=[1, 2]), first_month="2008-12")
    with pytest.raises(DataError, match="negative"):
        reduce_members(replace(columns, bill_yuan=np.full(10, -1.0)), first_month="2008-12")
    with pytest.raises(ArgumentError, match="rng"):
        simulate(programme(100, cells=2))
    with pytest.raises(ArgumentError, match="law"):
        replace(programme(100, cells=2), law=law(tiers=2))


def test_a_behaviour_becomes_the_law_it_states():
    from cvm.points.behaviour_model import Behaviour, ChannelMix, Coefficients

    terms = {"intercept": -1.8, "log_ratio": 0.9, "just_qualified": 1.0, "rush": 1.5}
    behaviour = Behaviour(
        chance=Coefficients.known(terms | {"festival": 0.4}),
        take_all=Coefficients.known({"intercept": float(np.log(0.4 / 0.6))}),
        part=Coefficients.known({"intercept": float(np.log(0.7 / 0.3))}),
        part_spread=0.173,
        mix=ChannelMix(
            channels=("merchants",),
            tiers=(),
            shares=np.ones((1, 1)),
            covariance=np.zeros((1, 1, 1)),
        ),
        source="fitted",
        threshold_points=3_500,
        ratio_range=(1.0, 1_000.0),
    )
    made = law_of(behaviour, tiers=("all",), draws=1)
    stated = law(tiers=1)
    over = slice(20, None)
    assert made.fitted
    # The grid is finer than a point only near the threshold.
    assert np.allclose(
        made.balance_log_odds[0, 0, over], stated.balance_log_odds[0, 0, over], atol=1e-6
    )
    assert made.just_qualified_log_odds[0] == pytest.approx(1.0)
    assert made.rush_log_odds[0] == pytest.approx(1.5)
    assert made.festival_log_odds[0] == pytest.approx(0.4)
    assert made.share_weights @ made.shares == pytest.approx(0.4 + 0.6 * 0.7)
