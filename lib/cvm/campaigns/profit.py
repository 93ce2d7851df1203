"""Was it worth it: margin over a horizon minus cost, with interval, chance and break-even."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cvm.campaigns.effect import Estimate
from cvm.campaigns.inference import fieller
from cvm.campaigns.profit_assumptions import (
    MONTHS_IN_YEAR,
    Assumptions,
    kept_value,
    later_months,
)
from cvm.campaigns.profit_life import KeptLife
from cvm.campaigns.profit_measured import Measured
from cvm.campaigns.profit_rows import summary_row
from cvm.campaigns.profit_tornado import tornado_of
from cvm.campaigns.profit_words import profit_sentence
from cvm.campaigns.words import NORMAL
from cvm.core.checks import check_at_least
from cvm.core.result import Result

MONEY = (
    "margin_yuan",
    "margin_low_yuan",
    "margin_high_yuan",
    "cost_yuan",
    "roi",
    "roi_low",
    "roi_high",
    "positive_share",
    "horizon_months",
    "life_roi",
    "life_roi_low",
    "life_roi_high",
    "life_positive_share",
    "life_months",
)
"""What a register entry says of money."""


@dataclass(frozen=True, kw_only=True)
class Profit(Result):
    """What a campaign earned over a horizon, against what it cost.

    Margin is as of assignment: that of the window as measured, discounted from its middle, and
    later what customers kept are worth. Standard errors join margin, customers kept, cost and the
    value of a kept customer; where that value is very unsure (standard error above a fifth of it)
    the truth is more skewed than the intervals, and :meth:`simulated` shows it.

    Attributes:
        campaign: Identifier or name.
        measured: What the campaign showed.
        assumptions: What it cannot show.
        churn: The estimate of churn that the sentence of the effect rests on.
        life: What kept customers are worth over the remaining life of such customers, where that
            is known: a second reading, see :attr:`over_life`.
    """

    view: ClassVar[str] = "cvm.views.campaigns_profit:plot_tornado"
    campaign: str = ""
    measured: Measured
    assumptions: Assumptions
    churn: Estimate
    life: KeptLife | None = None

    @property
    def window_factor(self) -> float:
        """Return by how much margin of the window counts, as of assignment."""
        yearly = 1 + self.assumptions.discount_yearly
        return float(yearly ** (-self.measured.window_months / 2 / MONTHS_IN_YEAR))

    @property
    def kept_value_yuan(self) -> float:
        """Return what a customer kept is worth after the window."""
        return kept_value(self.measured, self.assumptions)

    @property
    def margin_yuan(self) -> float:
        """Return the margin added over the horizon by all treated."""
        one = self.measured
        each = self.window_factor * one.margin_yuan + self.kept_value_yuan * one.kept_share
        return one.treated_count * each

    @property
    def cost_yuan(self) -> float:
        """Return contacts and incentives of all treated."""
        one = self.measured
        return one.treated_count * one.cost_yuan * self.assumptions.cost_times

    @property
    def net_yuan(self) -> float:
        """Return margin minus cost: the net present value."""
        return self.margin_yuan - self.cost_yuan

    @property
    def roi(self) -> float:
        """Return margin minus cost ÷ cost; NaN for a campaign that cost nothing."""
        return self.net_yuan / self.cost_yuan if self.cost_yuan > 0 else math.nan

    @property
    def positive_share(self) -> float:
        """Return the chance that the campaign earned more than it cost."""
        top, bottom, both = self._variances()
        variance = top + bottom - 2 * both
        if variance <= 0:
            return float(self.net_yuan > 0)
        return NORMAL.cdf(self.net_yuan / math.sqrt(variance))

    def margin_interval(self) -> tuple[float, float]:
        """Return the interval of the margin (yuan)."""
        reach = self._reach() * math.sqrt(self._variances()[0])
        return self.margin_yuan - reach, self.margin_yuan + reach

    def net_interval(self) -> tuple[float, float]:
        """Return the interval of the net present value (yuan)."""
        top, bottom, both = self._variances()
        reach = self._reach() * math.sqrt(max(top + bottom - 2 * both, 0.0))
        return self.net_yuan - reach, self.net_yuan + reach

    def roi_interval(self) -> tuple[float, float]:
        """Return Fieller's interval of the return; NaN if cost cannot be told from zero."""
        top, bottom, both = self._variances()
        low, high = fieller(
            self.margin_yuan, self.cost_yuan, top, bottom, covariance=both, reach=self._reach()
        )
        return low - 1, high - 1

    @property
    def break_even_share(self) -> float:
        """Return customers kept ÷ treated that would just pay the cost, bills unchanged.

        A customer kept stays from the middle of the window on average.
        """
        one = self.measured
        early = one.monthly_margin_yuan * one.window_months / 2 * self.window_factor
        worth = self.kept_value_yuan + early
        return self.cost_yuan / one.treated_count / worth if worth > 0 else math.nan

    def gained(self, name: str) -> tuple[float, float, float]:
        """Return months in service or revenue added over the horizon, with its interval.

        Within the window as measured; later what customers kept serve and pay. Revenue counts less
        the later it comes, as margin does; months are plain months.

        Args:
            name: ``months`` or ``revenue_yuan``.

        Returns:
            NaN three times where it was not measured.
        """
        gain, one = self.measured.gains.get(name), self.measured
        if gain is None:
            return math.nan, math.nan, math.nan
        money = name != "months"
        later = later_months(one, self.assumptions, discounted=money) * gain.monthly
        later *= self._later() if money else 1.0
        early = self.window_factor if money else 1.0
        value = early * gain.value + later * one.kept_share
        square = early**2 * gain.variance + 2 * early * later * gain.with_kept
        square += later**2 * float(one.covariance[1, 1])
        reach = self._reach() * math.sqrt(max(square, 0.0))
        size = one.treated_count
        return size * value, size * (value - reach), size * (value + reach)

    @property
    def kept_customers(self) -> float:
        """Return customers kept in all."""
        return self.measured.treated_count * self.measured.kept_share

    @property
    def over_life(self) -> Profit | None:
        """Return the same campaign with customers kept counted over their remaining life.

        Those whose card has no lifetime value count over the horizon here too. The margin of the
        window is the one measured, and life is counted from its end, so nothing counts twice.
        None without lifetime values.
        """
        if self.life is None or not self.life.can_tell:
            return None
        back = self._later()
        value, error = self.life.joined(self.kept_value_yuan / back, self._value_error() / back)
        chosen = replace(self.assumptions, kept_value_yuan=value, kept_value_se_yuan=error)
        return replace(self, assumptions=chosen, life=None)

    def with_assumptions(self, **changed: Any) -> Profit:
        """Return the same campaign under other assumptions."""
        return replace(self, assumptions=replace(self.assumptions, **changed))

    def simulated(self, *, rng: np.random.Generator, draws: int = 20_000) -> pd.DataFrame:
        """Draw margin, customers kept, cost and value of a kept customer jointly.

        Args:
            rng: Source of randomness.
            draws: How many.

        Returns:
            Columns ``margin_yuan``, ``cost_yuan``, ``net_yuan`` and ``roi``, one row a draw.
        """
        check_at_least(draws, "draws", 1)
        one = self.measured
        means = [one.margin_yuan, one.kept_share, one.cost_yuan]
        drawn = rng.multivariate_normal(means, one.covariance, size=draws, check_valid="ignore")
        value = self.kept_value_yuan + self._value_error() * rng.standard_normal(draws)
        margin = one.treated_count * (self.window_factor * drawn[:, 0] + value * drawn[:, 1])
        cost = one.treated_count * drawn[:, 2] * self.assumptions.cost_times
        frame = pd.DataFrame({"margin_yuan": margin, "cost_yuan": cost, "net_yuan": margin - cost})
        frame["roi"] = frame["net_yuan"] / frame["cost_yuan"].where(frame["cost_yuan"] > 0)
        return frame

    def summary(self) -> pd.DataFrame:
        """Return one row: customers, months, revenue and margin added, cost, return, interval."""
        return pd.DataFrame([summary_row(self)])

    def tornado(self, ranges: Mapping[str, tuple[float, float]] | None = None) -> pd.DataFrame:
        """Return the return at both ends of each assumption, the widest first.

        Args:
            ranges: Assumption → its two ends; ``kept_share`` stands for the effect itself. By
                default plausible ends, and the interval of the effect.

        Returns:
            ``assumption``, ``low_setting``, ``high_setting``, ``roi_low_setting``,
            ``roi_high_setting`` and ``swing``; whether the sign of the return changes between
            them in ``decides``.
        """
        return tornado_of(self, ranges)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary and the tornado."""
        return {"summary": self.summary(), "tornado": self.tornado()}

    def text(self, lang: str = "en") -> str:
        """Return what was kept, what it earned and cost, and what decides it."""
        return profit_sentence(self, lang)

    def money(self) -> dict[str, Any]:
        """Return what a register entry says of money."""
        row = self.summary().iloc[0]
        return {name: row[name] for name in MONEY}

    def _reach(self) -> float:
        return NORMAL.inv_cdf(0.5 + self.measured.confidence / 2)

    def _value_error(self) -> float:
        if self.assumptions.kept_value_yuan is None:
            return 0.0
        return self.assumptions.kept_value_se_yuan * self._later()

    def _later(self) -> float:
        """Return by how much money at the end of the window counts, as of assignment."""
        yearly = 1 + self.assumptions.discount_yearly
        return float(yearly ** (-self.measured.window_months / MONTHS_IN_YEAR))

    def _variances(self) -> tuple[float, float, float]:
        """Return the variances of margin and cost and their covariance, of all treated."""
        one = self.measured
        weights = np.array([self.window_factor, self.kept_value_yuan, 0.0])
        cost = np.array([0.0, 0.0, self.assumptions.cost_times])
        size = one.treated_count**2
        top = float(weights @ one.covariance @ weights)
        # Product of two uncertain numbers: value's error counts with customers kept, and theirs.
        kept_square = one.kept_share**2 + float(one.covariance[1, 1])
        top += self._value_error() ** 2 * kept_square
        bottom = float(cost @ one.covariance @ cost)
        both = float(weights @ one.covariance @ cost)
        return size * top, size * bottom, size * both
