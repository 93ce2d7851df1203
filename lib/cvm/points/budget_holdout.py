"""Forecasts held against what came: the level of redemption from a past year, and the proof."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import DataError, check_at_least
from cvm.core.i18n import say
from cvm.core.money import format_share, format_yuan
from cvm.core.result import Result
from cvm.points.budget import Budget
from cvm.points.budget_kernel import REDEEMED
from cvm.points.budget_programme import Programme
from cvm.points.budget_run import run
from cvm.points.risk import interval
from cvm.points.scenarios import one_scenario


def fit_level(programme: Programme, redeemed_points: float) -> float:
    """Return the log odds to add so that a past projection redeems what members did redeem.

    What the behaviour leaves out (members' unobserved habits, above all) is taken up in its level.

    Args:
        programme: The programme as of a past month, its months those observed.
        redeemed_points: Points redeemed in these months.

    Raises:
        DataError: No level between −5 and 5 comes to that.
    """
    check_at_least(redeemed_points, "redeemed_points", 0)
    centre = one_scenario(months=programme.months)

    def redeemed(shift: float) -> float:
        moved = replace(programme, law=programme.law.best().shifted(shift))
        return float(run(moved, centre, workers=1).flow(REDEEMED).sum())

    low, high = -5.0, 5.0
    if not redeemed(low) <= redeemed_points <= redeemed(high):
        raise DataError(
            "redeemed_points",
            redeemed_points,
            f"between {redeemed(low):,.0f} and {redeemed(high):,.0f}, what behaviour can bring",
            action="check balances, threshold and the months of the past programme",
        )
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if redeemed(middle) < redeemed_points else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True, kw_only=True, eq=False)
class HoldOut(Result):
    """A forecast beside what came and beside the cost of the year before.

    Attributes:
        budget: The forecast, made before the year.
        year: The points year held out.
        actual_cost_yuan: What it cost.
        actual_revenue_yuan: The year's revenue.
        naive_share: Cost ÷ revenue of the year before.
        last_revenue_yuan: Revenue of the year before, on which the naive forecast rests.
    """

    view: ClassVar[str] = "cvm.views.points_budget:plot_hold_out"

    budget: Budget
    year: int
    actual_cost_yuan: float
    actual_revenue_yuan: float
    naive_share: float
    last_revenue_yuan: float

    @property
    def naive_yuan(self) -> float:
        """Return the naive forecast: last year's ratio on last year's revenue."""
        return self.naive_share * self.last_revenue_yuan

    def summary(self) -> pd.DataFrame:
        """Return one row: forecast, interval, actual, naive, errors."""
        cost = self.budget.cost_yuan(self.year)
        low, high = interval(cost, self.budget.confidence)
        forecast, actual = float(cost.mean()), self.actual_cost_yuan
        return pd.DataFrame(
            {
                "points_year": [self.year],
                "forecast_yuan": [forecast],
                "low_yuan": [low],
                "high_yuan": [high],
                "actual_yuan": [actual],
                "inside": [bool(low <= actual <= high)],
                "naive_yuan": [self.naive_yuan],
                "error_share": [forecast / actual - 1],
                "naive_error_share": [self.naive_yuan / actual - 1],
                "forecast_share": [float(np.mean(self.budget.cost_share(self.year)))],
                "actual_share": [actual / self.actual_revenue_yuan],
                "naive_share": [self.naive_share],
            }
        )

    def text(self, lang: str = "en") -> str:
        """Return forecast, interval, actual and naive forecast in one sentence."""
        row = self.summary().iloc[0]
        return say(
            "points_budget.holdout.text",
            lang,
            year=self.year,
            forecast=format_yuan(float(row["forecast_yuan"]), lang),
            low=format_yuan(float(row["low_yuan"]), lang),
            high=format_yuan(float(row["high_yuan"]), lang),
            actual=format_yuan(float(row["actual_yuan"]), lang),
            naive=format_yuan(float(row["naive_yuan"]), lang),
            confidence=format_share(self.budget.confidence, decimals=0),
            error=format_share(abs(float(row["error_share"]))),
            naive_error=format_share(abs(float(row["naive_error_share"]))),
        )
