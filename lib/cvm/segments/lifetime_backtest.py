"""A lifetime model tested on periods it has not seen, beside a naive forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.result import Result
from cvm.segments.lifetime import LifetimeFit, fit_lifetime
from cvm.segments.lifetime_models import Model
from cvm.segments.lifetime_words import backtest_text
from cvm.segments.survival_cohorts import Cohorts


@dataclass(frozen=True, kw_only=True, eq=False)
class LifetimeBacktest(Result):
    """What was forecast and what came.

    Attributes:
        rows: One row a tier, cohort and held-out period: the projection's columns,
            actual_customers, naive_customers and inside (whether the interval held it).
        fit: The model as it stood before the held-out periods.
        periods: How many periods were held out.
    """

    rows: pd.DataFrame
    fit: LifetimeFit
    periods: int

    view: ClassVar[str] = "cvm.views.segments_lifetime:plot_backtest"

    def summary(self) -> pd.DataFrame:
        """Return a row a period ahead: totals, the model's error and the naive one's.

        Errors are absolute errors of the cohorts, summed, over the customers counted. Cohorts
        without a forecast are counted in ``cohorts_left_out`` and nowhere else.
        """
        rows = [
            {"ahead_periods": ahead, **self._errors(part)}
            for ahead, part in self.rows.groupby("ahead_periods", sort=True)
        ]
        return pd.DataFrame(rows)

    def overall(self) -> dict[str, float]:
        """Return the same errors over all held-out periods together."""
        return {
            "periods": self.periods,
            "confidence": self.fit.confidence,
            **self._errors(self.rows),
        }

    @staticmethod
    def _errors(part: pd.DataFrame) -> dict[str, float]:
        told = part[part["expected_customers"].notna()]
        actual = float(told["actual_customers"].sum())

        def error(column: str) -> float:
            gap = float((told[column] - told["actual_customers"]).abs().sum())
            return gap / actual if actual else float("nan")

        return {
            "actual_customers": actual,
            "expected_customers": float(told["expected_customers"].sum()),
            "naive_customers": float(told["naive_customers"].sum()),
            "model_error_share": error("expected_customers"),
            "naive_error_share": error("naive_customers"),
            "inside_share": float(told["inside"].mean()) if len(told) else float("nan"),
            "cohorts_left_out": int(len(part) - len(told)),
        }

    def text(self, lang: str = "en") -> str:
        """Return whether the model beat the naive forecast, in one sentence."""
        return backtest_text(self.overall(), lang)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the errors by period ahead and every cohort's row."""
        return {"summary": self.summary(), "cohorts": self.rows}


def backtest_lifetime(
    cohorts: Cohorts,
    *,
    hold_out: int,
    model: Model = "sbg",
    by_tier: bool = False,
    confidence: float = 0.9,
) -> LifetimeBacktest:
    """Fit without the last periods of every cohort, project them, and compare with what came.

    The naive forecast is what a spreadsheet would do: the retention of the group's last known
    period goes on for ever. All cohorts are cut by the same number of periods, so the test asks
    only what was known at one moment.

    Args:
        cohorts: The cohorts, up to today.
        hold_out: Periods held out.
        model: "sbg" or "bdw".
        by_tier: A model a tier instead of one for all.
        confidence: Of the intervals.

    Raises:
        ArgumentError: No cohort is longer than the hold-out.
    """
    known = cohorts.hold_out(hold_out)
    fit = fit_lifetime(known, model=model, by_tier=by_tier, confidence=confidence)
    seen = cohorts.frame.rename(columns={"customers": "actual_customers"})
    rows = fit.project(hold_out).merge(seen, on=["tier", "cohort", "age_periods"], how="inner")
    stay = rows["tier"].map({tier: _last_retention(known, fit, tier) for tier in known.tiers})
    rows["naive_customers"] = rows["now_customers"] * stay ** rows["ahead_periods"]
    rows["inside"] = rows["actual_customers"].between(rows["low"], rows["high"])
    return LifetimeBacktest(rows=rows, fit=fit, periods=hold_out)


def _last_retention(known: Cohorts, fit: LifetimeFit, tier: str) -> float:
    """Return the share kept in each cohort's last known period, pooled over a group's cohorts."""
    frame = known.frame if not fit.by_tier else known.frame[known.frame["tier"] == tier]
    group = frame.groupby(["tier", "cohort"], sort=False)["customers"]
    before = group.shift()
    last = frame.assign(before=before).groupby(["tier", "cohort"], sort=False).tail(1).dropna()
    total = float(last["before"].sum())
    return float(last["customers"].sum() / total) if total else np.nan
