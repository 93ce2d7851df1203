"""How much of the points will ever be redeemed, what they cost then, and what the books carry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.months import month_index
from cvm.points.budget_kernel import EARNED, REDEEMED
from cvm.points.budget_plan import make_plan
from cvm.points.budget_run import Run, run
from cvm.points.deferred_revenue import DeferredRevenue, allocate_price, roll_forward
from cvm.points.risk import interval
from cvm.points.rules_clearing import NEVER

if TYPE_CHECKING:
    from cvm.points.budget_programme import Programme
    from cvm.points.scenarios import Scenarios

FloatArray = npt.NDArray[np.float64]
LONGEST_MONTHS = 120
URR_SCENARIOS = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Ultimate:
    """What becomes of points in the end, by scenario.

    Vintages are points years of earning; the first is all points outstanding at the start.

    Attributes:
        years: Points years of the vintages after the first, within the budget's months.
        issued_points: Points of each vintage [scenario, vintage].
        redeemed_points: Of these, ever redeemed [scenario, vintage].
        redeemed_by_year: Redeemed by year of redemption, best estimate [vintage, points year].
        conditional_urr: Share of the points outstanding at the end of each points year that is
            redeemed later [scenario, year].
        cost_per_point_yuan: Mean cost of a redeemed point in the budget's months [scenario].
        open_end: Whether points live longer than was followed, so that the rate is a lower bound.
    """

    years: tuple[int, ...]
    issued_points: FloatArray
    redeemed_points: FloatArray
    redeemed_by_year: FloatArray
    conditional_urr: FloatArray
    cost_per_point_yuan: FloatArray
    open_end: bool

    @property
    def urr(self) -> FloatArray:
        """Return the share of the budget's issued points that is ever redeemed [scenario]."""
        issued = self.issued_points[:, 1:].sum(axis=1)
        return self.redeemed_points[:, 1:].sum(axis=1) / np.maximum(issued, 1e-9)

    @property
    def opening_urr(self) -> FloatArray:
        """Return the share of the opening points that will yet be redeemed [scenario]."""
        return self.redeemed_points[:, 0] / np.maximum(self.issued_points[:, 0], 1e-9)

    def table(self, confidence: float = 0.9) -> pd.DataFrame:
        """Return URR, breakage, cost per issued point: best estimate and interval."""
        rows = {
            "urr_share": self.urr,
            "breakage_share": 1 - self.urr,
            "opening_urr_share": self.opening_urr,
            "cost_per_redeemed_point_yuan": self.cost_per_point_yuan,
            "cost_per_issued_point_yuan": self.cost_per_point_yuan * self.urr,
        }
        return pd.DataFrame(
            [(name, float(v.mean()), *interval(v, confidence)) for name, v in rows.items()],
            columns=["figure", "expected", "low", "high"],
        )


def ultimate(programme: Programme, scenarios: Scenarios, *, count: int = URR_SCENARIOS) -> Ultimate:
    """Follow the points of a budget until they are redeemed or dead.

    Rules and factors stay as they are in the last month. Joiners go on joining; what is counted are
    points earned in the budget's months.

    Args:
        programme: The programme.
        scenarios: Draws; the first ``count`` are run.
        count: How many scenarios to follow; the rate varies little between them.
    """
    months = programme.months
    start = month_index(programme.first_month)
    lives = make_plan(programme).lives
    last_dies = int(lives.new_dies[:, months - 1].max()) + start
    wanted = LONGEST_MONTHS if last_dies >= NEVER else last_dies - start + 1
    longer = min(max(wanted, months), max(LONGEST_MONTHS, months))
    first = scenarios.first(count)
    noise = np.zeros((len(first), longer))
    noise[:, :months] = first.month_noise[:, :months]
    far = replace(programme, months=longer)
    ran = run(far, replace(first, month_noise=noise), paint=True)
    years = ran.plan.years
    budget_years = np.unique(programme.years)
    inside = np.isin(years, budget_years)
    within = np.arange(longer) < months
    earned = ran.flow(EARNED)
    issued = np.zeros((len(first), 1 + int(inside.sum())))
    issued[:, 0] = ran.open_points[:, 0]
    whole = ran.by_year(earned)
    part = ran.by_year(earned * within)
    issued[:, 1:] = part[:, inside]
    kept = np.concatenate([[True], inside])
    painted = ran.painted[:, kept]
    # The last year may be cut by the horizon: its points are alike, so they count in proportion.
    share = np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)[:, inside]
    redeemed = painted.sum(axis=2)
    redeemed[:, 1:] *= share
    later = _conditional(ran, len(budget_years))
    cost = ran.cost_yuan[:, :months].sum(axis=1)
    redeemed_points = ran.flow(REDEEMED)[:, :months].sum(axis=1)
    return Ultimate(
        years=tuple(int(year) for year in budget_years),
        issued_points=issued,
        redeemed_points=redeemed,
        redeemed_by_year=painted.mean(axis=0),
        conditional_urr=later,
        cost_per_point_yuan=cost / np.maximum(redeemed_points, 1e-9),
        open_end=wanted > longer,
    )


def _conditional(ran: Run, years: int) -> FloatArray:
    """Return the share of points outstanding at each year's end that is redeemed after it."""
    out = np.zeros((len(ran.scenarios), years))
    close = ran.close_points
    for at in range(years):
        last = int(np.flatnonzero(ran.plan.year_of == at)[-1])
        later = ran.painted[:, : at + 2, at + 1 :].sum(axis=(1, 2))
        out[:, at] = later / np.maximum(close[:, last], 1e-9)
    return np.minimum(out, 1.0)


def deferred_revenue(programme: Programme, ran: Run, end: Ultimate) -> DeferredRevenue:
    """Return deferred revenue under IFRS 15 by points year, at the best estimate of redemption.

    A year's revenue is shared between airtime and the points issued for it by relative stand-alone
    selling price; the opening points enter with the value of what will yet be redeemed of them.

    Args:
        programme: The programme.
        ran: Its scenarios, run.
        end: What becomes of the points.
    """
    value = programme.rules_at(0).redemption.best_yuan_per_point
    revenue = ran.by_year(ran.revenue_yuan).mean(axis=0)
    issued, redeemed = end.issued_points.mean(axis=0), end.redeemed_points.mean(axis=0)
    by_year = end.redeemed_by_year
    years = np.array(end.years)
    rows = []
    for v in range(len(issued)):
        vintage = "opening" if v == 0 else int(years[v - 1])
        if v == 0:
            amount = issued[0] * value * redeemed[0] / max(issued[0], 1e-9)
        else:
            amount = allocate_price(
                float(revenue[v - 1]),
                float(issued[v]),
                point_value_yuan=value,
                urr=min(redeemed[v] / max(issued[v], 1e-9), 1.0),
            ).points_yuan
        seen = 0.0
        for at, year in enumerate(years):
            if v and year < years[v - 1]:
                continue
            first = at == max(v - 1, 0)
            now = float(by_year[v, at])
            seen += now
            rows.append(
                {
                    "vintage": 0 if v == 0 else vintage,
                    "period": int(year),
                    "deferred_yuan": float(amount) if first else 0.0,
                    "redeemed_points": now,
                    "expected_points": max(float(by_year[v].sum()), seen),
                }
            )
    return roll_forward(pd.DataFrame(rows))
