"""From members, rules, behaviour and scenarios to the arrays the projection runs on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cvm.core.checks import ArgumentError
from cvm.core.months import add_months
from cvm.points.behaviour_season import is_spring_festival
from cvm.points.budget_kernel import RUSH_NODES
from cvm.points.budget_law import GRID, MOST_POINTS, RedemptionLaw
from cvm.points.budget_lives import LOOK_AHEAD_MONTHS, Lives, lives_of
from cvm.points.budget_programme import Programme, earned_points
from cvm.points.population import Population
from cvm.points.population_cells import Cells
from cvm.points.rules_earn import POINT_CLASSES
from cvm.points.scenarios import Scenarios

FloatArray = npt.NDArray[np.float64]
FINER_NODES = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """Arrays of the projection; ``k`` cells, those of joiners last, ``t`` months."""

    cells: Cells
    joins: FloatArray
    churn: FloatArray
    earn_bill: FloatArray
    earn_data: FloatArray
    left_points: FloatArray
    dead_month: npt.NDArray[np.int64]
    next_clearing: npt.NDArray[np.int64]
    rush_to: npt.NDArray[np.int64]
    lives: Lives
    threshold: FloatArray
    season: FloatArray
    law: RedemptionLaw
    growth_season: FloatArray
    year_of: npt.NDArray[np.int64]
    years: npt.NDArray[np.int64]


def make_plan(programme: Programme) -> Plan:
    """Return the arrays of a programme that no scenario changes."""
    population, months = programme.population, programme.months
    cells, joins = _with_joiners(population, months)
    size = len(cells)
    of_bill, of_data = (np.zeros((len(POINT_CLASSES), size, months)) for _ in range(2))
    scale = _earn_scale(programme, cells)
    joined_at = _joined_at(population, months)
    for t, month in enumerate(programme.month_list):
        after = np.maximum(t - joined_at, 0)
        part = earned_points(
            cells,
            programme.rules_at(t).earn,
            population.tiers,
            programme.tier_column,
            after,
            month,
        )
        of_bill[:, :, t], of_data[:, :, t] = part[0] * scale, part[1] * scale
    lives = lives_of(programme, cells, of_bill + of_data)
    if lives.differ:
        cells = _finer(cells)
    left, dead, coming, rush_to = _clearing(programme, cells, lives)
    law = programme.law
    season = np.array(
        [
            law.season_log_odds[:, month.month - 1]
            + law.festival_log_odds * is_spring_festival(month)
            for month in programme.month_list
        ]
    ).T
    names, year_of = np.unique(programme.years, return_inverse=True)
    bills = np.array(programme.season_bills, float)
    return Plan(
        cells=cells,
        joins=joins,
        churn=_churn(cells, joined_at, months),
        earn_bill=of_bill.sum(axis=0),
        earn_data=of_data.sum(axis=0),
        left_points=left,
        dead_month=dead,
        next_clearing=coming,
        rush_to=rush_to,
        lives=lives,
        threshold=np.array(
            [
                float(max(programme.rules_at(t).qualification.smallest_points - 1, 0))
                for t in range(months)
            ]
        ),
        season=np.exp(season),
        law=law,
        growth_season=np.array([bills[month.month - 1] for month in programme.month_list]),
        year_of=year_of.astype(np.int64),
        years=names,
    )


def _churn(cells: Cells, joined_at: npt.NDArray[np.int64], months: int) -> FloatArray:
    """Return the chance of leaving by cell and month, as those likely to leave go first.

    Members of a cell differ: with a gamma distribution of mean c and variance v their mean chance
    falls as c ÷ (1 + t v ÷ c).
    """
    after = np.maximum(np.arange(months) - joined_at[:, None], 0)
    falls = np.divide(
        cells.churn_spread**2, cells.churn, out=np.zeros(len(cells)), where=cells.churn > 0
    )
    return np.minimum(cells.churn[:, None] / (1.0 + after * falls[:, None]), 1.0)


def _joined_at(population: Population, months: int) -> npt.NDArray[np.int64]:
    """Return when each cell's members join: −1 before the start, else the middle of the window."""
    old = np.full(len(population.cells), 0)
    if population.joiners_a_month <= 0:
        return old
    windows = [np.full(len(population.joiners), at + 3) for at in range(0, months, 6)]
    return np.concatenate([old, *windows])


def _with_joiners(population: Population, months: int) -> tuple[Cells, FloatArray]:
    """Return cells with those of joiners appended, one set a half-year of joining."""
    cells, joiners = population.cells, population.joiners
    if population.joiners_a_month <= 0:
        return cells, np.zeros((len(cells), months))
    windows = range(0, months, 6)
    columns: dict[str, Any] = {}
    for name in cells.__dataclass_fields__:
        one, more = getattr(cells, name), getattr(joiners, name)
        columns[name] = np.concatenate([one, *[more for _ in windows]])
    start = len(cells)
    joins = np.zeros((len(columns["members"]), months))
    for at, begin in enumerate(windows):
        rows = slice(start + at * len(joiners), start + (at + 1) * len(joiners))
        joins[rows, begin : begin + 6] = joiners.members[:, None] * population.joiners_a_month
        columns["members"][rows] = 0.0
        columns["node_members"][rows] = 0.0
    return Cells(**columns), joins


def _finer(cells: Cells) -> Cells:
    """Return the cells with closer nodes, as clearing by class moves members by parts of a node.

    What falls between two nodes is shared, which spreads balances a little each time; closer nodes
    spread them less.
    """
    nodes = np.zeros((len(cells), (cells.node_members.shape[1] - 1) * FINER_NODES + 1))
    nodes[:, ::FINER_NODES] = cells.node_members
    return replace(cells, node_points=cells.node_points / FINER_NODES, node_members=nodes)


def _earn_scale(programme: Programme, cells: Cells) -> FloatArray:
    """Return observed ÷ expected earnings of each cell under the rules it was observed under."""
    book = programme.start_book or programme.book
    before = add_months(programme.first_month, -1)
    try:
        rules = book.rules_in(before)
    except ArgumentError:
        rules = book.rules_in(programme.first_month)
    of_bill, of_data = earned_points(
        cells, rules.earn, programme.population.tiers, programme.tier_column, 0, before
    )
    expected = (of_bill + of_data).sum(axis=0)
    seen = cells.earned_points
    known = (seen > 0) & (expected > 0)
    return np.where(known, seen / np.maximum(expected, 1e-12), 1.0)


def _clearing(
    programme: Programme, cells: Cells, lives: Lives
) -> tuple[FloatArray, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return points left after each clearing, the last month it takes, the next one, the rush's.

    The first two hold where all classes share one life. Members hurry for what dies up to the last
    clearing within the months of the rush.
    """
    months = programme.months
    horizon = months + LOOK_AHEAD_MONTHS
    left, dead = np.full((len(cells), horizon), 1e17), np.full(horizon, -1, np.int64)
    for t in range(horizon):
        rows = int((lives.old_dies[0] <= t).sum())
        dead[t] = int((lives.new_dies[0] <= t).sum()) - 1
        if rows:
            left[:, t] = cells.left_points[:, rows - 1]
    clears = np.flatnonzero(lives.clears(horizon))
    coming, rush_to = np.full(months, -1, np.int64), np.full(months, -1, np.int64)
    for t in range(months):
        ahead = clears[clears >= t]
        if len(ahead):
            coming[t] = ahead[0]
        within = ahead[ahead < t + programme.law.rush_months]
        if len(within):
            rush_to[t] = within[-1]
    return left, dead, coming, rush_to


@dataclass(frozen=True, kw_only=True, eq=False)
class Drivers:
    """What scenarios change in the projection, by scenario (and month)."""

    growth: FloatArray
    data: FloatArray
    churn: FloatArray
    joins: FloatArray
    odds: FloatArray


def drivers_of(programme: Programme, plan: Plan, scenarios: Scenarios) -> Drivers:
    """Return the scenarios' drivers by month."""
    time = (np.arange(programme.months) + 1) / 12.0
    spend, data = scenarios.factor("spend_growth"), scenarios.factor("data_share")
    noise = scenarios.month_noise[:, : programme.months] * programme.law.month_spread
    if noise.shape[1] < programme.months:
        missing = programme.months - noise.shape[1]
        noise = np.pad(noise, ((0, 0), (0, missing)))
    level = scenarios.factor("redemption")[:, None] + noise
    level = level + _value_effect(programme)[scenarios.draw]
    return Drivers(
        growth=np.exp(spend[:, None] * time) * plan.growth_season,
        data=np.exp(np.minimum(data[:, None] * time, 1.0)),
        churn=np.exp(scenarios.factor("churn")),
        joins=np.exp(scenarios.factor("acquisition")),
        odds=np.exp(level),
    )


def _value_effect(programme: Programme) -> FloatArray:
    """Return log odds by draw and month from a value of the point that is not the observed one."""
    start = programme.start_book or programme.book
    before = start.rules_in(programme.first_month).redemption.best_yuan_per_point
    values = np.array(
        [programme.rules_at(t).redemption.best_yuan_per_point for t in range(programme.months)]
    )
    change = np.log(np.maximum(values, 1e-9) / max(before, 1e-9))
    return programme.law.value_elasticity[:, None] * change


def rush_tables(law: RedemptionLaw) -> FloatArray:
    """Return odds factors of the expiring share [draw, node]."""
    share = np.linspace(0.0, 1.0, RUSH_NODES)
    return np.exp(law.rush_log_odds[:, None] * share)


def grid_step() -> float:
    """Return the step of the tables' square roots of balances."""
    return float(np.sqrt(MOST_POINTS) / (GRID - 1))
