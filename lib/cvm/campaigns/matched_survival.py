"""How long the matched stay: their curves, the months kept, and a log-rank test within sets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cvm.campaigns.effect import Estimate, cannot_tell
from cvm.campaigns.inference import LEAST_EVENTS
from cvm.campaigns.matching import Matches
from cvm.campaigns.moments import FloatArray
from cvm.campaigns.survival import retention_sentence
from cvm.campaigns.words import NORMAL
from cvm.core.result import Result

COLUMNS = ("arm", "month", "kept_share", "low", "high", "customers")


@dataclass(frozen=True, kw_only=True)
class MatchedRetention(Result):
    """Survival of the contacted and of their matches, and the difference in months kept.

    Attributes:
        table: :data:`COLUMNS` by arm and month since the contact.
        horizon: Months compared.
        estimate: Difference of mean months in service within them: everybody is followed to their
            end, so that the restricted mean is a mean, with the error of matched sets.
        log_rank_p: p-value of the log-rank test within sets; NaN if it cannot be made.
    """

    view: ClassVar[str] = "cvm.views.campaigns:plot_retention"
    table: pd.DataFrame
    horizon: int
    estimate: Estimate
    log_rank_p: float

    def curves(self) -> pd.DataFrame:
        """Return share kept, with its interval, by arm and month from 0."""
        return self.table

    def summary(self) -> pd.DataFrame:
        """Return one row: months kept by arm, difference, interval, p-values."""
        one = self.estimate
        names = ("treated_mean", "control_mean", "effect", "low", "high", "p_value", "reason")
        row = {name: getattr(one, name) for name in names}
        row |= {"horizon_months": self.horizon, "log_rank_p": self.log_rank_p}
        return pd.DataFrame([row])

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary and the curves."""
        return {"summary": self.summary(), "curves": self.table}

    def text(self, lang: str = "en") -> str:
        """Return how much longer the contacted stay, as far as it can be told."""
        return retention_sentence(self.estimate, self.horizon, self.log_rank_p, lang)


def matched_retention(
    table: pd.DataFrame, estimate: Estimate, log_rank_p: float
) -> MatchedRetention | None:
    """Put curves, months kept and test together; None without curves of both arms.

    Where hardly anybody left, months kept cannot tell either.

    Args:
        table: As :func:`matched_curves` gives it.
        estimate: Of months kept, on the matched.
        log_rank_p: As :func:`log_rank_of_sets` gives it.
    """
    if table.empty or table["arm"].nunique() < 2:
        return None
    if estimate.can_tell and math.isnan(log_rank_p):
        counts = {name: getattr(estimate, name) for name in ("treated_count", "control_count")}
        estimate = cannot_tell(estimate.outcome, "few_events", method=estimate.method, **counts)
    horizon = int(table["month"].max())
    return MatchedRetention(table=table, horizon=horizon, estimate=estimate, log_rank_p=log_rank_p)


def matched_curves(
    served: npt.ArrayLike, matches: Matches, *, window_months: int, confidence: float = 0.95
) -> pd.DataFrame:
    """Return the share still in service by months since the contact, of the matched.

    Each set counts once, its controls by their mean, and errors are those of sets.

    Args:
        served: Months in service after the contact of each customer; ``window_months`` of those
            who stayed.
        matches: Who is compared with whom.
        window_months: Months after the contact.
        confidence: Of the intervals (share).

    Returns:
        :data:`COLUMNS`; empty where nobody is matched.
    """
    months = np.asarray(served, dtype=np.float64)
    if not matches.matched.any():
        return pd.DataFrame(columns=list(COLUMNS))
    reach = NORMAL.inv_cdf(0.5 + confidence / 2)
    rows = []
    for arm in ("treated", "control"):
        for month in range(window_months + 1):
            here = (months >= month).astype(np.float64)
            own = here[matches.treated[matches.matched]]
            each = own if arm == "treated" else own - matches.differences(here)
            kept = float(each.mean())
            wide = reach * float(each.std(ddof=1)) / math.sqrt(len(each)) if len(each) > 1 else 0.0
            rows.append(
                {
                    "arm": arm,
                    "month": month,
                    "kept_share": kept,
                    "low": max(kept - wide, 0.0),
                    "high": min(kept + wide, 1.0),
                    "customers": len(each) if arm == "treated" else matches.control_count,
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def log_rank_of_sets(
    served: npt.ArrayLike, left: npt.ArrayLike, matches: Matches, *, window_months: int
) -> tuple[float, float]:
    """Return χ² and p-value of the log-rank test stratified by matched set.

    A contacted customer is compared with its own matches alone, month by month, as they were alike
    and the others were not. Sets share nobody, so their scores add up.

    Args:
        served: Months in service after the contact of each customer.
        left: Whether the customer left within the window (1) or not (0).
        matches: Who is compared with whom, without replacement.
        window_months: Months after the contact.

    Returns:
        NaN where fewer than five of the matched left, or nothing varies.

    Raises:
        ArgumentError: The matches are with replacement.

    Sources:
        Mantel (1966), Cancer Chemotherapy Reports 50; Kalbfleisch & Prentice (2002), The
        Statistical Analysis of Failure Time Data, section 1.5 (strata).
    """
    sets, gone = matches.sets(), np.asarray(left, dtype=np.float64) == 1
    inside = sets >= 0
    arm = np.zeros(matches.size, dtype=np.bool_)
    arm[matches.treated] = True
    if (gone & inside).sum() < LEAST_EVENTS:
        return math.nan, math.nan
    # Whoever leaves does so in the month after the last one served.
    last = np.where(gone, np.asarray(served, dtype=np.float64) + 1, window_months)
    gap = variance = 0.0
    for month in range(1, window_months + 1):
        there = inside & (last >= month)
        event = there & gone & (last == month)
        total, offered, lost, ours = (
            _counted(sets, which, len(matches.treated))
            for which in (there, there & arm, event, event & arm)
        )
        both = (offered > 0) & (offered < total) & (lost > 0)
        n, k, d = total[both], offered[both], lost[both]
        gap += float((ours[both] - d * k / n).sum())
        variance += float((d * (k / n) * (1 - k / n) * (n - d) / np.maximum(n - 1, 1)).sum())
    if variance <= 0:
        return math.nan, math.nan
    statistic = gap**2 / variance
    return statistic, float(stats.chi2.sf(statistic, 1))


def _counted(sets: npt.NDArray[np.int64], which: npt.NDArray[np.bool_], size: int) -> FloatArray:
    return np.bincount(sets[which], minlength=size).astype(np.float64)
