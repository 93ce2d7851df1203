"""Classes whose points live differently long: the projection beside members run one by one."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from tests.points.budget_operator import (
    FIRST_MONTH,
    START,
    alike,
    members,
    one_cell_a_member,
    programme,
)

from cvm.core.checks import ArgumentError, DataError
from cvm.points.budget import simulate
from cvm.points.budget_full import run_members
from cvm.points.budget_kernel import EXPIRED, FORFEITED, REDEEMED
from cvm.points.budget_plan import make_plan
from cvm.points.budget_run import run
from cvm.points.forecast import lots_by
from cvm.points.members import member_columns
from cvm.points.population import reduce_members
from cvm.points.rulebook_read import shipped_rulebook
from cvm.points.rules import Clearing
from cvm.points.rules_clearing import ClearingRule
from cvm.points.rules_earn import POINT_CLASSES
from cvm.points.scenarios import one_scenario

MONTHS = 36
YEAR = ClearingRule(kind="months", months=12)


def book_with(**classes):
    clearing = Clearing(kind="calendar_years", years=3, classes=classes)
    return shipped_rulebook("beijing").with_clearing(clearing)


def flows(what, months=MONTHS):
    ran = run(what, one_scenario(months=months))
    return {at: ran.flow(at)[0] for at in (REDEEMED, EXPIRED, FORFEITED)}, ran


def test_one_life_written_as_several_is_the_same_to_the_last_digit():
    plain = programme(4_000, months=MONTHS, book=shipped_rulebook("beijing"))
    same = ClearingRule(kind="calendar_years", years=3)
    told = programme(4_000, months=MONTHS, book=book_with(tenure=same, credit=same))

    assert not make_plan(told).lives.differ
    assert (run(plain, one_scenario(months=MONTHS)).flows == flows(told)[1].flows).all()


@pytest.mark.parametrize(
    "classes",
    [
        {"credit": YEAR, "data": YEAR},
        {"tenure": ClearingRule(kind="none"), "data": ClearingRule(kind="months", months=6)},
    ],
    ids=["a year", "never and half a year"],
)
def test_cells_agree_with_every_member_and_class_thrown_by_dice(classes):
    columns = replace(
        members(12_000),
        # What members hold at the start: mostly of the bill, older rows without short-lived points.
        lot_class_share=np.array(
            [[0.8, 0.8, 0.7], [0.2, 0.2, 0.1], [0, 0, 0.1], [0, 0, 0.1], [0, 0, 0]]
        ),
    )
    population = reduce_members(columns, first_month=FIRST_MONTH, cells=120)
    base = programme(200, months=MONTHS, book=book_with(**classes))
    what = replace(base, population=population)
    assert make_plan(what).lives.differ
    each = replace(what, population=one_cell_a_member(columns, population))
    throws = [
        run_members(
            each,
            np.asarray(columns.lots_points),
            np.arange(columns.size),
            one_scenario(months=MONTHS),
            rng=np.random.default_rng(seed),
        )[0]
        for seed in (9, 10, 11, 12)
    ]
    dice = np.mean(throws, axis=0)

    ours, ran = flows(what)

    for at, name in ((REDEEMED, "redeemed"), (EXPIRED, "expired"), (FORFEITED, "forfeited")):
        assert ours[at].sum() == pytest.approx(dice[:, at].sum(), rel=0.02), name
    # Month by month, not only in all: what expires follows the classes' calendars.
    by_quarter = [values.reshape(-1, 3).sum(axis=1) for values in (ours[EXPIRED], dice[:, EXPIRED])]
    assert by_quarter[0] == pytest.approx(by_quarter[1], rel=0.1, abs=0.02 * by_quarter[1].max())
    assert ran.open_points[0, 1:] == pytest.approx(ran.close_points[0, :-1], rel=1e-9)


def test_points_nobody_redeems_die_when_their_class_does():
    # 200 yuan a month: 199.5 points of the bill on average, 19.95 for paying on time, 30 of data.
    what = alike(book_with(data=YEAR), churn=0.0, hazard=1e-12, months=48)

    ours, _ = flows(what, 48)

    expired = ours[EXPIRED] / what.population.members
    # Data points of month 0 die twelve months later, and so every month after that.
    assert expired[:12] == pytest.approx(np.zeros(12), abs=1e-6)
    others = np.flatnonzero(expired[12:] > 40) + 12
    quiet = np.setdiff1d(np.arange(12, 48), others)
    assert expired[quiet] == pytest.approx(30.0, rel=1e-6)
    # The bill's points of December 2008 go at the end of 2011, those of 2009 after these months.
    assert list(others) == [36]
    assert expired[36] == pytest.approx(30 + 199.5 + 19.95, rel=0.01)


def test_shorter_lived_points_are_redeemed_less():
    whole = programme(4_000, months=MONTHS, book=shipped_rulebook("beijing"))
    short = programme(4_000, months=MONTHS, book=book_with(tenure=YEAR, credit=YEAR, data=YEAR))
    never = programme(
        4_000, months=MONTHS, book=book_with(tenure=ClearingRule(kind="none"), data=YEAR)
    )

    costs = [
        simulate(what, one_scenario(months=MONTHS)).cost_yuan(luck=False).sum()
        for what in (short, never, whole)
    ]

    assert costs[0] < costs[1] < costs[2] * 1.05
    assert costs[0] < costs[2]


def test_what_becomes_of_points_in_the_end_adds_up_with_classes_too():
    budget = simulate(
        programme(2_000, months=24, book=book_with(data=YEAR, credit=YEAR)),
        one_scenario(months=24),
    )

    end = budget.ultimate

    share = end.redeemed_points / end.issued_points
    assert ((share > 0) & (share < 1)).all()
    painted = end.redeemed_by_year.sum()
    assert painted <= budget.ran.flow(REDEEMED).sum() + end.redeemed_points.sum()


def test_shares_of_classes_in_another_shape_are_refused():
    columns = replace(members(50), lot_class_share=np.ones((5, 2)))

    with pytest.raises(ArgumentError, match="lot_class_share"):
        reduce_members(columns, first_month=FIRST_MONTH)


def test_lots_by_class_become_members_points_and_the_classes_shares():
    lots = pd.DataFrame(
        [
            ("a", "consumption", START - 13, 100),
            ("a", "bonus", START - 13, 100),
            ("a", "consumption", START - 1, 60),
            ("b", "data", START - 1, 40),
        ],
        columns=["customer_id", "point_class", "lot_index", "points"],
    )
    people = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "vip_tier": "none",
            "county": "east",
            "tenure_months": 30,
            "bill_yuan": 100.0,
            "earned_points": 100.0,
            "on_time_share": 1.0,
            "data_reach_share": 1.0,
            "data_yuan": 0.0,
        }
    )
    leaving = pd.DataFrame(
        {"vip_tier": ["none"], "tenure_band": [1], "at_risk": [100], "left": [2], "joined": [3]}
    )

    columns = member_columns(people, lots, leaving, first_month=date(2008, 12, 1))

    assert columns.lots_points.tolist() == [[200.0, 0.0], [60.0, 40.0]]
    shares = dict(zip(POINT_CLASSES, columns.lot_class_share.tolist(), strict=True))
    assert shares["consumption"] == [0.5, 0.6]
    assert shares["bonus"] == [0.5, 0.0]
    assert shares["data"] == [0.0, 0.4]
    with pytest.raises(DataError, match="point_class"):
        member_columns(
            people, lots.replace("bonus", "gift"), leaving, first_month=date(2008, 12, 1)
        )


def test_the_rules_tell_how_lots_are_added_up():
    assert lots_by(shipped_rulebook("beijing").rules[0]) == {"by_year": True, "by_class": False}
    monthly = book_with(data=YEAR).rules[0]
    assert lots_by(monthly) == {"by_year": False, "by_class": True}
