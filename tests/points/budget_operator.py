"""A small operator for the tests of the budget, as plain columns; nothing here is under test."""

from dataclasses import replace

import numpy as np

from cvm.points.budget_law import assumed_law
from cvm.points.budget_programme import Programme
from cvm.points.population import MemberColumns, Population, reduce_members
from cvm.points.population_cells import TENURE_MONTHS, Cells
from cvm.points.rulebook_read import shipped_rulebook

FIRST_MONTH = "2008-12"
START = 2008 * 12 + 11
LOT_MONTHS = (2006 * 12 + 11, 2007 * 12 + 11, 2008 * 12 + 10)
TIERS = ("gold", "none", "silver")


def members(count=20_000, *, joiners=0.0, seed=1):
    """Return members who earned for years, spent some of it, and differ in everything."""
    rng = np.random.default_rng(seed)
    bill = np.exp(rng.normal(np.log(110), 0.6, count))
    tenure = rng.exponential(60, count)
    churn = np.clip(0.015 * np.exp(rng.normal(0, 0.5, count)), 0, 0.2)
    lots = []
    for month, length in zip(LOT_MONTHS, (12, 12, 11), strict=True):
        served = np.clip(tenure - (START - 1 - month), 0, length)
        lots.append(1.25 * bill * served * np.exp(0.1 * rng.normal(size=count)))
    lots = np.array(lots)
    spent = lots.sum(axis=0) * np.where(rng.random(count) < 0.5, 0, rng.random(count))
    for row in lots:
        bite = np.minimum(row, spent)
        row -= bite
        spent -= bite
    return MemberColumns(
        lots_points=np.floor(lots),
        lot_months=LOT_MONTHS,
        bill_yuan=bill,
        churn=churn,
        tenure_months=tenure,
        tier=np.where(bill > 250, "gold", np.where(bill > 150, "silver", "none")),
        county=rng.choice(["east", "north", "west"], count, p=[0.5, 0.3, 0.2]),
        on_time_share=np.full(count, 0.8),
        data_reach_share=np.full(count, 0.5),
        joiners_a_month=joiners,
    )


def law(draws=1, **changes):
    """Return a stated law like the sample operator's."""
    given = {
        "threshold_points": 3_500,
        "tiers": 3,
        "just_qualified": 1.0,
        "rush": 1.5,
        "festival": 0.4,
        "step_points": 100,
    } | changes
    if draws > 1:
        given |= {"log_odds_error": 0.1, "log_balance_error": 0.05}
        return assumed_law(draws=draws, rng=np.random.default_rng(7), **given)
    return assumed_law(**given)


def programme(
    count=20_000, *, cells=64, months=36, draws=1, joiners=0.0, book="beijing", **changes
):
    """Return a programme of that operator."""
    population = reduce_members(
        members(count, joiners=joiners), first_month=FIRST_MONTH, cells=cells
    )
    rules = shipped_rulebook(book) if isinstance(book, str) else book
    return Programme(population=population, book=rules, law=law(draws, **changes), months=months)


def one_cell_a_member(columns: MemberColumns, population: Population) -> Population:
    """Return a population whose cells are the members themselves, for the full run."""
    count = columns.size
    tenure = np.minimum(columns.tenure_months, TENURE_MONTHS - 1).astype(int)
    zero = np.zeros(count)
    cells = Cells(
        members=np.ones(count),
        bill_yuan=np.asarray(columns.bill_yuan, float),
        earned_points=zero,
        churn=np.asarray(columns.churn, float),
        churn_spread=zero,
        tenure_share=np.eye(TENURE_MONTHS)[tenure],
        on_time_share=np.asarray(columns.on_time_share, float),
        data_reach_share=np.asarray(columns.data_reach_share, float),
        data_yuan=zero,
        tier=np.searchsorted(TIERS, columns.tier).astype(np.int64),
        county_share=np.ones((count, 1)),
        left_points=np.zeros((count, 3)),
        node_points=np.ones(count),
        node_members=np.zeros((count, 2)),
    )
    return replace(population, cells=cells, joiners_a_month=0.0)


def alike(
    book, *, bill=200.0, churn=0.02, months=36, hazard=0.05, joiners=0.0, count=1_000, law_=None
):
    """Return members all alike, new, without points, who redeem all with a fixed chance."""
    columns = MemberColumns(
        lots_points=np.zeros((1, count)),
        lot_months=[START - 1],
        bill_yuan=np.full(count, bill),
        churn=churn,
        tenure_months=0.0,
        joiners_a_month=joiners,
    )
    flat = assumed_law(
        threshold_points=0,
        log_odds=float(np.log(hazard / (1 - hazard))),
        log_balance=0.0,
        all_share=1.0,
        least_part=1.0,
    )
    population = reduce_members(columns, first_month=FIRST_MONTH, cells=1)
    return (
        Programme(
            population=population, book=book, law=replace(flat, from_start=False), months=months
        )
        if law_ is None
        else Programme(population=population, book=book, law=law_, months=months)
    )
