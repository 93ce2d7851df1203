"""How generous the programme may be: the highest return rate that keeps the cap often enough.

The return rate is what a yuan of bill gives back in points: points per yuan × value of a point. It
is moved through the value of a point. Where redemption does not react to it, one run serves all
rates: the cost is proportional.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, check_between
from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.core.result import Result
from cvm.points.budget import Budget
from cvm.points.budget_programme import Programme
from cvm.points.budget_run import run
from cvm.points.risk import Probability, over_probability, tail_value_at_risk
from cvm.points.rules import RedemptionValue, ValueStep

FloatArray = npt.NDArray[np.float64]
_MULTIPLES = (0.4, 0.7, 1.0, 1.4, 2.0, 3.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Generosity(Result):
    """The most generous return rate, and the frontier around it.

    Attributes:
        rate: Highest return rate that keeps the cap often enough (yuan per yuan).
        kept: Chance that the cap is kept at it, with its standard error.
        rate_error: Standard error of the rate that follows from it.
        rate_now: The return rate today.
        cap_share: The cap on cost ÷ revenue.
        wanted: Chance with which the cap is to be kept.
        bound: ``inside`` if the rate was found, ``below`` if even the lowest rate tried fails,
            ``above`` if the highest still holds.
        curve: By return rate: cost share, its TVaR, chance over the cap, customer value.
    """

    view: ClassVar[str] = "cvm.views.points_budget:plot_exceedance"

    rate: float
    kept: Probability
    rate_error: float
    rate_now: float
    cap_share: float
    wanted: float
    bound: str
    curve: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        """Return the rate with its probability and standard errors."""
        return pd.DataFrame(
            {
                "rate": [self.rate],
                "rate_error": [self.rate_error],
                "kept_share": [self.kept.share],
                "kept_error": [self.kept.error],
                "wanted_share": [self.wanted],
                "cap_share": [self.cap_share],
                "rate_now": [self.rate_now],
                "bound": [self.bound],
            }
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary and the curve."""
        return {"summary": self.summary(), "frontier": self.curve}

    def text(self, lang: str = "en") -> str:
        """Return the rate, its probability and its standard error."""
        values = {
            "rate": format_share(self.rate, decimals=2),
            "cap": format_share(self.cap_share, decimals=2),
            "kept": format_share(self.kept.share),
            "error": format_share(self.kept.error),
            "wanted": format_share(self.wanted, decimals=0),
            "now": format_share(self.rate_now, decimals=2),
        }
        key = {"inside": "text", "below": "none", "above": "all"}[self.bound]
        return say(f"points_budget.generosity.{key}", lang, **values)


def return_rate(programme: Programme) -> float:
    """Return points per yuan × value of a point at the start, multipliers and awards aside."""
    rules = programme.rules_at(0)
    return rules.earn.points_per_yuan * rules.redemption.best_yuan_per_point


def with_value_times(programme: Programme, times: float) -> Programme:
    """Return the programme with every point worth ``times`` as much, from the first month on."""
    check_between(times, "times", low=0, high=100, include_low=False)
    book = programme.book
    redemption = programme.rules_at(0).redemption
    if redemption.yuan_per_point is not None:
        changed = RedemptionValue(yuan_per_point=redemption.yuan_per_point * times)
    else:
        changed = RedemptionValue(
            steps=tuple(
                ValueStep(points=item.points, value_yuan=round(item.value_yuan * times, 2))
                for item in redemption.steps
            )
        )
    return programme.with_book(book.with_rules(since=programme.first_month, redemption=changed))


def most_generous(
    budget: Budget,
    *,
    year: int | None = None,
    wanted: float = 0.95,
    rates: Sequence[float] | None = None,
) -> Generosity:
    """Return the highest return rate with P(cost ≤ cap) at least ``wanted``.

    Members' own luck is integrated analytically; the rest are the budget's scenarios. Redemption
    reacts to the rate where the behaviour says so; then some rates are run and what lies between is
    interpolated scenario by scenario.

    Args:
        budget: The budget; it must have a cap.
        year: The points year; the first whole one by default.
        wanted: Chance with which the cap is to be kept.
        rates: Return rates of the curve.

    Raises:
        ArgumentError: The budget has no cap.
    """
    cap = budget.cap_share
    if cap is None:
        raise ArgumentError("cap_share", None, "given", action="give the budget a cap_share")
    check_between(wanted, "wanted", low=0, high=1, include_low=False, include_high=False)
    now = return_rate(budget.programme)
    at, share, spread = _shares(budget, year)

    def at_rate(rate: float) -> tuple[FloatArray, FloatArray]:
        return _between(at, share, rate / now), _between(at, spread, rate / now)

    def kept(rate: float) -> Probability:
        cost, sd = at_rate(rate)
        over = over_probability(cost, cap, spread=sd)
        return Probability(share=1 - over.share, error=over.error)

    low, high = now * at[0], now * at[-1]
    bound = "inside"
    if kept(low).share < wanted:
        rate, bound = low, "below"
    elif kept(high).share >= wanted:
        rate, bound = high, "above"
    else:
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if kept(middle).share >= wanted else (low, middle)
        rate = low
    found = kept(rate)
    slope = (kept(rate * 0.98).share - kept(rate * 1.02).share) / (0.04 * rate)
    curve = [_point(r, *at_rate(r), cap) for r in (rates or np.linspace(0.5, 1.6, 23) * now)]
    return Generosity(
        rate=rate,
        kept=found,
        rate_error=found.error / slope if slope > 0 else float("nan"),
        rate_now=now,
        cap_share=cap,
        wanted=wanted,
        bound=bound,
        curve=pd.DataFrame(curve),
    )


def _point(rate: float, cost: FloatArray, sd: FloatArray, cap: float) -> dict[str, float]:
    over = over_probability(cost, cap, spread=sd)
    return {
        "rate": float(rate),
        "cost_share": float(cost.mean()),
        "tvar_95_share": tail_value_at_risk(cost, 0.95),
        "over_share": over.share,
        "over_error": over.error,
    }


def _shares(budget: Budget, year: int | None) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return multiples of the rate, cost ÷ revenue and its spread [multiple, scenario]."""
    programme, at = budget.programme, budget.year_position(year)
    reacts = bool((programme.law.value_elasticity != 0).any())
    if not reacts:
        revenue = np.maximum(budget.revenue_yuan(year), 1e-9)
        cost = budget.cost_yuan(year, luck=False) / revenue
        spread = budget.ran.year_spread_yuan()[:, at] / revenue
        ends = np.array([0.02, 50.0])
        return ends, ends[:, None] * cost, ends[:, None] * spread
    shares, spreads = [], []
    for times in _MULTIPLES:
        ran = run(with_value_times(programme, times), budget.ran.scenarios)
        revenue = np.maximum(ran.by_year(ran.revenue_yuan)[:, at], 1e-9)
        shares.append(ran.by_year(ran.cost_yuan)[:, at] / revenue)
        spreads.append(ran.year_spread_yuan()[:, at] / revenue)
    return np.array(_MULTIPLES), np.array(shares), np.array(spreads)


def _between(at: FloatArray, values: FloatArray, times: float) -> FloatArray:
    """Interpolate rows of values between multiples, straight in logarithms."""
    place = int(np.clip(np.searchsorted(at, times) - 1, 0, len(at) - 2))
    part = np.log(times / at[place]) / np.log(at[place + 1] / at[place])
    logs = np.log(np.maximum(values[place : place + 2], 1e-300))
    return np.asarray(np.exp(logs[0] + part * (logs[1] - logs[0])))
