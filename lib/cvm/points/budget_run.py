"""Running a programme through scenarios: the arrays behind every budget."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cvm.points.budget_kernel import (
    EARNED,
    EXPIRED,
    FLOWS,
    FORFEITED,
    NEAR,
    OPEN,
    REDEEMED,
    REVENUE,
    SQUARE,
    VALUE,
    project,
)
from cvm.points.budget_plan import (
    Plan,
    drivers_of,
    grid_step,
    make_plan,
    rush_tables,
)
from cvm.points.budget_programme import Programme, unit_costs
from cvm.points.scenarios import Scenarios

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A programme's scenarios, run.

    Attributes:
        programme: What was run.
        plan: Its arrays.
        scenarios: The draws.
        flows: Points and members [scenario, month, tier, flow of the kernel].
        cell_flows: Redeemed points, value, its square [scenario, year, cell, 3].
        unit_cost_yuan: Part of a point's cost through each channel [scenario, month, channel].
        mix: Share of points through each channel [scenario, month, channel].
        painted: Redeemed points by when they were earned [scenario, vintage, year]; empty unless
            asked for. The first vintage is all points of the start.
    """

    programme: Programme
    plan: Plan
    scenarios: Scenarios
    flows: FloatArray
    cell_flows: FloatArray
    unit_cost_yuan: FloatArray
    mix: FloatArray
    painted: FloatArray

    def flow(self, at: int) -> FloatArray:
        """Return a flow by scenario and month, over all tiers."""
        return np.asarray(self.flows[:, :, :, at].sum(axis=2))

    def by_year(self, monthly: FloatArray) -> FloatArray:
        """Return sums [scenario, year, …] of something [scenario, month, …]."""
        years = len(self.plan.years)
        out = np.zeros((monthly.shape[0], years, *monthly.shape[2:]))
        for t, year in enumerate(self.plan.year_of):
            out[:, year] += monthly[:, t]
        return out

    @property
    def cost_yuan(self) -> FloatArray:
        """Return the cash cost [scenario, month], members' luck aside."""
        return self.flow(VALUE) * self.unit_cost_yuan.sum(axis=2)

    @property
    def revenue_yuan(self) -> FloatArray:
        """Return the revenue [scenario, month]."""
        return np.asarray(self.tier_revenue_yuan.sum(axis=2))

    @property
    def tier_revenue_yuan(self) -> FloatArray:
        """Return the revenue [scenario, month, tier], points pressure included.

        Bills of a cell are means over a year in which some of its members stood a little below the
        threshold and spent more (:attr:`Programme.observed_near_share`). So a rule that moves more
        members there, or fewer, moves revenue by the difference only.
        """
        lift = np.expm1(self.programme.law.pressure_log_spend)[self.scenarios.draw][:, None, None]
        bills, near = self.flows[:, :, :, REVENUE], self.flows[:, :, :, NEAR]
        return (bills + lift * near) / (1.0 + lift * self.programme.observed_near_share)

    @property
    def open_points(self) -> FloatArray:
        """Return points at the start of each month [scenario, month]."""
        return self.flow(OPEN)

    @property
    def close_points(self) -> FloatArray:
        """Return points at the end of each month, as the flows leave them."""
        gone = self.flow(REDEEMED) + self.flow(EXPIRED) + self.flow(FORFEITED)
        return self.open_points + self.flow(EARNED) - gone

    def year_spread_yuan(self) -> FloatArray:
        """Return the standard deviation of a year's cost from members' luck [scenario, year].

        The variance of independent members, from sums over cells: the mean square of what a member
        redeems less the square of the mean. Several redemptions of one member in a year count as
        independent.
        """
        counts = self.plan.cells.members + self.plan.joins.sum(axis=1)
        value, square = self.cell_flows[:, :, :, 1], self.cell_flows[:, :, :, 2]
        within = np.maximum(square - value**2 / np.maximum(counts, 1e-9), 0.0).sum(axis=2)
        points = self.by_year(self.flow(VALUE))
        cost = self.by_year(self.cost_yuan)
        unit = np.divide(cost, points, out=np.zeros_like(cost), where=points > 0)
        return np.asarray(np.sqrt(within) * unit)

    def month_spread_yuan(self) -> FloatArray:
        """Return the standard deviation of a month's cost from members' luck."""
        return np.sqrt(self.flow(SQUARE)) * self.unit_cost_yuan.sum(axis=2)


def run(
    programme: Programme,
    scenarios: Scenarios,
    *,
    plan: Plan | None = None,
    paint: bool = False,
    workers: int | None = None,
) -> Run:
    """Run a programme through scenarios.

    Args:
        programme: Members, rules, behaviour.
        scenarios: The draws; the same for all what-ifs to be compared.
        plan: The programme's plan, if it is at hand.
        paint: Follow redeemed points back to the points year they were earned in.
        workers: Threads; all cores by default. The result does not depend on it.
    """
    plan = plan or make_plan(programme)
    drivers = drivers_of(programme, plan, scenarios)
    count, months, years = len(scenarios), programme.months, len(plan.years)
    law, tiers = programme.law, len(programme.population.tiers)
    flows = np.zeros((count, months, tiers, FLOWS))
    cell_flows = np.zeros((count, years, len(plan.cells), 3))
    vintages = years + 1
    painted = np.zeros((count if paint else 0, vintages, years))
    redemption = programme.rules_at(0).redemption
    steps = redemption.steps
    step_points = np.array([float(item.points) for item in steps])
    step_yuan = np.array([float(item.value_yuan) for item in steps])
    next_month = programme.book.earned_usable == "next_month"

    arguments = _in_one_piece(
        plan.cells.node_members,
        plan.cells.node_points,
        plan.cells.tier,
        plan.churn,
        plan.joins,
        plan.earn_bill,
        plan.earn_data,
        plan.cells.bill_yuan,
        plan.left_points,
        plan.dead_month,
        plan.next_clearing,
        plan.rush_to,
        plan.lives.new_share,
        plan.lives.new_dies,
        plan.lives.old_share,
        plan.lives.old_dies,
        plan.lives.old_points,
        plan.threshold,
        float(law.pressure_below_points) if law.pressure_log_spend.any() else 0.0,
        law.from_start or next_month,
        next_month,
        np.exp(law.balance_log_odds),
        grid_step(),
        plan.season,
        np.exp(law.just_qualified_log_odds),
        rush_tables(law),
        law.shares,
        law.share_weights,
        step_points,
        step_yuan,
        float(law.step_points),
        drivers.growth,
        drivers.data,
        drivers.churn,
        drivers.joins,
        drivers.odds,
        scenarios.draw,
        plan.year_of + 1,
        vintages,
        plan.year_of,
        flows,
        cell_flows,
        painted,
    )

    def part(first: int, last: int) -> None:
        project(first, last, *arguments)

    threads = max(1, workers or os.cpu_count() or 1)
    bounds = np.linspace(0, count, min(count, threads * 4) + 1).astype(int)
    if threads == 1 or count < 8:
        part(0, count)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, bounds[:-1], bounds[1:]))
    unit, mix = unit_costs(programme, scenarios)
    return Run(
        programme=programme,
        plan=plan,
        scenarios=scenarios,
        flows=flows,
        cell_flows=cell_flows,
        unit_cost_yuan=unit,
        mix=mix,
        painted=painted,
    )


def _in_one_piece(*arguments: Any) -> tuple[Any, ...]:
    """Return arguments of the kernel, arrays in one piece in the order of their rows.

    Another layout would be compiled again, which takes seconds.
    """
    return tuple(
        np.ascontiguousarray(one) if isinstance(one, np.ndarray) else one for one in arguments
    )
