"""The budget of a points programme, with its risk: what it will cost, and against the cap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, check_between
from cvm.core.i18n import say
from cvm.core.money import format_share, format_yuan
from cvm.core.result import Result
from cvm.points.budget_frames import by_channel, by_county, by_tier, months_frame, years_frame
from cvm.points.budget_programme import Programme
from cvm.points.budget_run import Run, run
from cvm.points.budget_split import variance_split
from cvm.points.budget_urr import Ultimate, deferred_revenue, ultimate
from cvm.points.deferred_revenue import DeferredRevenue
from cvm.points.risk import Probability, interval, over_probability
from cvm.points.scenarios import Scenarios, ScenarioSpec, draw_scenarios

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Budget(Result):
    """A points budget under uncertainty.

    Attributes:
        ran: The scenarios behind it.
        cap_share: Highest cost ÷ revenue of a points year; ``None`` without a cap.
        confidence: Confidence of intervals, and of keeping the cap.
        naive_share: Last year's cost ÷ revenue, for the naive forecast; ``None`` if not known.
    """

    view: ClassVar[str] = "cvm.views.points_budget:plot_fan"

    ran: Run
    cap_share: float | None = None
    confidence: float = 0.9
    naive_share: float | None = None

    @property
    def programme(self) -> Programme:
        """Return what was projected."""
        return self.ran.programme

    @property
    def years(self) -> tuple[int, ...]:
        """Return the points years that are projected whole."""
        return self.programme.whole_years

    def year_position(self, year: int | None = None) -> int:
        """Return the position of a points year; of the first whole one by default."""
        wanted = self.years[0] if year is None and self.years else year
        names = list(self.ran.plan.years)
        if wanted not in names:
            raise ArgumentError("year", year, "a projected points year", available=names)
        return names.index(wanted)

    def cost_yuan(self, year: int | None = None, *, luck: bool = True) -> FloatArray:
        """Return the cash cost of a points year by scenario (yuan).

        Args:
            year: The points year; the first whole one by default.
            luck: With members' own luck, or only its expectation.
        """
        at = self.year_position(year)
        cost = self.ran.by_year(self.ran.cost_yuan)[:, at]
        if not luck:
            return cost
        noise = self.ran.scenarios.member_noise * self.ran.year_spread_yuan()[:, at]
        return np.maximum(cost + noise, 0.0)

    def revenue_yuan(self, year: int | None = None) -> FloatArray:
        """Return the revenue of a points year by scenario (yuan)."""
        return self.ran.by_year(self.ran.revenue_yuan)[:, self.year_position(year)]

    def cost_share(self, year: int | None = None) -> FloatArray:
        """Return cost ÷ revenue of a points year by scenario."""
        return self.cost_yuan(year) / np.maximum(self.revenue_yuan(year), 1e-9)

    def over(self, year: int | None = None, cap_share: float | None = None) -> Probability:
        """Return the chance to pass the cap in a points year, with its standard error.

        Raises:
            ArgumentError: There is no cap.
        """
        cap = self.cap_share if cap_share is None else cap_share
        if cap is None:
            raise ArgumentError("cap_share", None, "given", action="give cap_share")
        at = self.year_position(year)
        revenue = np.maximum(self.revenue_yuan(year), 1e-9)
        share = self.cost_yuan(year, luck=False) / revenue
        spread = self.ran.year_spread_yuan()[:, at] / revenue
        if not self.ran.scenarios.member_noise.any():
            spread = np.zeros_like(spread)
        return over_probability(share, cap, spread=spread)

    @cached_property
    def ultimate(self) -> Ultimate:
        """Return what becomes of the points in the end (made on first use)."""
        return ultimate(self.programme, self.ran.scenarios)

    def deferred_revenue(self) -> DeferredRevenue:
        """Return the deferred revenue by points year at the best estimate."""
        return deferred_revenue(self.programme, self.ran, self.ultimate)

    def roll_forward(self) -> pd.DataFrame:
        """Return open + earned − redeemed − expired − forfeited ± transferred = close, expected."""
        return months_frame(self)[
            [
                "month",
                "open_points",
                "earned_points",
                "redeemed_points",
                "expired_points",
                "forfeited_points",
                "transferred_points",
                "close_points",
            ]
        ]

    def months(self) -> pd.DataFrame:
        """Return one row a month: roll-forward, members, revenue, cost and its interval."""
        return months_frame(self)

    def summary(self) -> pd.DataFrame:
        """Return one row a points year: cost, share of revenue, chance over the cap, tails."""
        return years_frame(self)

    def by_tier(self) -> pd.DataFrame:
        """Return cost by points year and tier."""
        return by_tier(self)

    def by_county(self) -> pd.DataFrame:
        """Return cost by points year and county."""
        return by_county(self)

    def by_channel(self) -> pd.DataFrame:
        """Return points and cost by points year and channel."""
        return by_channel(self)

    def variance_split(self, year: int | None = None) -> pd.DataFrame:
        """Return the variance of the year's cost by source: member, parameter, systematic."""
        return variance_split(self, self.year_position(year))

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return all frames."""
        return {
            "summary": self.summary(),
            "months": self.months(),
            "by_tier": self.by_tier(),
            "by_county": self.by_county(),
            "by_channel": self.by_channel(),
            "ultimate": self.ultimate.table(self.confidence),
            "variance_split": self.variance_split(),
        }

    def text(self, lang: str = "en") -> str:
        """Return the first whole year's cost against the cap in one sentence."""
        year = self.years[0] if self.years else int(self.ran.plan.years[0])
        cost, share = self.cost_yuan(year), self.cost_share(year)
        low, high = interval(cost, self.confidence)
        values = {
            "year": year,
            "cost": format_yuan(float(cost.mean()), lang),
            "low": format_yuan(low, lang),
            "high": format_yuan(high, lang),
            "confidence": format_share(self.confidence, decimals=0),
            "share": format_share(float(share.mean()), decimals=2),
        }
        basis = "fitted" if self.programme.law.fitted else "assumed"
        note = say(f"points_budget.{basis}", lang)
        if self.cap_share is None:
            return say("points_budget.text", lang, **values) + note
        over = self.over(year)
        chance = _chance(over, lang)
        cap = format_share(self.cap_share, decimals=2)
        return say("points_budget.text_cap", lang, cap=cap, chance=chance, **values) + note


def _chance(over: Probability, lang: str) -> str:
    if over.share < 0.005:
        return say("points_budget.under_half_percent", lang)
    if over.share > 0.995:
        return say("points_budget.over_all", lang)
    return format_share(over.share, decimals=0)


def simulate(
    programme: Programme,
    scenarios: Scenarios | ScenarioSpec | None = None,
    *,
    count: int = 1_024,
    confidence: float = 0.9,
    cap_share: float | None = None,
    naive_share: float | None = None,
    workers: int | None = None,
    rng: np.random.Generator | None = None,
) -> Budget:
    """Return the budget of a programme.

    Args:
        programme: Members, rules and behaviour.
        scenarios: Draws, so that what-ifs share them; or the distribution to draw from.
        count: Scenarios to draw, where they are not given.
        confidence: Of the intervals.
        cap_share: Highest cost ÷ revenue; by default the rule book's cap.
        naive_share: Last year's cost ÷ revenue.
        workers: Threads; all cores by default.
        rng: Source of the draws, needed where they are not given.

    Raises:
        ArgumentError: Neither draws nor ``rng``.
    """
    check_between(confidence, "confidence", low=0, high=1, include_low=False, include_high=False)
    if not isinstance(scenarios, Scenarios):
        if rng is None:
            raise ArgumentError("rng", None, "given, to draw scenarios", action="give rng")
        scenarios = draw_scenarios(
            scenarios, count=count, months=programme.months, draws=programme.law.draws, rng=rng
        )
    cap = programme.rules_at(0).cap
    if cap_share is None and cap is not None:
        cap_share = cap.cost_share_of_revenue
    return Budget(
        ran=run(programme, scenarios, workers=workers),
        cap_share=cap_share,
        confidence=confidence,
        naive_share=naive_share,
    )
