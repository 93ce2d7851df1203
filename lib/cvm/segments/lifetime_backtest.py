"""A lifetime model tested on periods it has not seen, beside a naive forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import check_at_least
from cvm.core.result import Result
from cvm.segments.lifetime import LifetimeFit, fit_lifetime
from cvm.segments.lifetime_ahead import project_tiers
from cvm.segments.lifetime_models import Model
from cvm.segments.lifetime_words import backtest_text
from cvm.segments.survival_cohorts import Cohorts


@dataclass(frozen=True, kw_only=True, eq=False)
class LifetimeBacktest(Result):
    """What was forecast and what came.

    Attributes:
        rows: One row a tier, cohort and held-out period (a tier and period where cohorts were
            added up): the projection's columns, actual_customers, naive_customers and inside
            (whether the interval held it).
        fit: The model as it stood before the held-out periods.
        periods: How many periods were held out.
    """

    rows: pd.DataFrame
    fit: LifetimeFit
    periods: int

    view: ClassVar[str] = "cvm.views.segments_lifetime:plot_backtest"

    def summary(self) -> pd.DataFrame:
        """Return a row a period ahead: totals, the model's error and the naive one's.

        Errors are absolute errors of the rows, summed, over the customers counted. Rows without a
        forecast are counted in ``cohorts_left_out`` and nowhere else.
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
    naive_periods: int = 1,
    add_up: bool = False,
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
        naive_periods: Last known periods whose mean retention the naive forecast carries on.
        add_up: Whether a tier's cohorts are added up before forecast and count are compared. Many
            small cohorts miss by chance whatever the forecast; their sum does not.

    Raises:
        ArgumentError: No cohort is longer than the hold-out, or no period for the naive forecast.
    """
    check_at_least(naive_periods, "naive_periods", 1)
    known = cohorts.hold_out(hold_out)
    fit = fit_lifetime(known, model=model, by_tier=by_tier, confidence=confidence)
    seen = cohorts.frame.rename(columns={"customers": "actual_customers"})
    if add_up:
        rows = _added_up(known, fit, seen, hold_out)
    else:
        rows = fit.project(hold_out).merge(seen, on=["tier", "cohort", "age_periods"], how="inner")
    kept = {tier: _last_retention(known, fit, tier, naive_periods) for tier in known.tiers}
    rows["naive_customers"] = (
        rows["now_customers"] * rows["tier"].map(kept) ** rows["ahead_periods"]
    )
    rows["inside"] = rows["actual_customers"].between(rows["low"], rows["high"])
    return LifetimeBacktest(rows=rows, fit=fit, periods=hold_out)


def _added_up(known: Cohorts, fit: LifetimeFit, seen: pd.DataFrame, hold_out: int) -> pd.DataFrame:
    """Return projections and counts by tier and period ahead, of cohorts known at the cut."""
    latest = known.latest()
    today = latest.groupby(["tier", "age_periods"])["customers"].sum().reset_index()
    cut = latest[["tier", "cohort", "age_periods"]].rename(columns={"age_periods": "cut_at"})
    later = seen.merge(cut, on=["tier", "cohort"], how="inner")
    later["ahead_periods"] = later["age_periods"] - later["cut_at"]
    came = later.groupby(["tier", "ahead_periods"])["actual_customers"].sum().reset_index()
    return project_tiers(fit, today, hold_out).merge(
        came, on=["tier", "ahead_periods"], how="inner"
    )


def _last_retention(known: Cohorts, fit: LifetimeFit, tier: str, periods: int) -> float:
    """Return the share kept a period in the cohorts' last known periods, pooled over a group."""
    frame = known.frame if not fit.by_tier else known.frame[known.frame["tier"] == tier]
    group = frame.groupby(["tier", "cohort"], sort=False)["customers"]
    before = group.shift()
    last = (
        frame.assign(before=before).groupby(["tier", "cohort"], sort=False).tail(periods).dropna()
    )
    total = float(last["before"].sum())
    return float(last["customers"].sum() / total) if total else np.nan
