"""Retention as survival over discrete months: who still is a customer, and months kept.

Input is one row an arm and month: customers at risk, and those who left in the month. A million
customers over 36 months are 72 rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cvm.campaigns import words
from cvm.campaigns.effect import MONTHS_KEPT, Effect, Estimate, cannot_tell
from cvm.campaigns.inference import LEAST_EVENTS
from cvm.campaigns.moments import FloatArray
from cvm.campaigns.quantiles import normal_p, normal_reach
from cvm.core.checks import ArgumentError, DataError, check_between
from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.core.result import Result


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Customers at risk and leaving in each month since assignment, of one arm.

    Attributes:
        at_risk: Customers in service at the start of month 1, 2, …
        left: Of those, who left in the month.
    """

    at_risk: FloatArray
    left: FloatArray

    def __post_init__(self) -> None:
        if len(self.at_risk) != len(self.left) or not len(self.at_risk):
            raise DataError("left", len(self.left), "as many months as at_risk, at least one")
        if not (np.isfinite(self.at_risk).all() and np.isfinite(self.left).all()):
            raise DataError("at_risk", "missing or infinite", "counts of customers")
        if (self.left < 0).any() or (self.left > self.at_risk).any():
            raise DataError("left", "outside", "between 0 and the customers at risk")
        if (self.at_risk[1:] > self.at_risk[:-1] - self.left[:-1]).any():
            raise DataError("at_risk", "rising", "never above those who stayed the month before")

    @classmethod
    def from_customers(
        cls, months_observed: npt.ArrayLike, left: npt.ArrayLike, *, horizon: int
    ) -> Exposure:
        """Count from customers.

        Args:
            months_observed: Months from assignment until the customer left (the month of leaving
                counts) or was last seen; 1 or more to be at risk at all.
            left: Whether the customer left at that month.
            horizon: Months to look at.
        """
        return cls.by_arm(months_observed, left, np.zeros(len(np.asarray(left))), horizon=horizon)[
            0
        ]

    @classmethod
    def by_arm(
        cls,
        months_observed: npt.ArrayLike,
        left: npt.ArrayLike,
        treated: npt.ArrayLike,
        *,
        horizon: int,
    ) -> tuple[Exposure, Exposure]:
        """Count control and treated in one pass over customers.

        Args:
            months_observed: As in :meth:`from_customers`.
            left: Whether the customer left at that month.
            treated: Whether the customer was assigned to the offer.
            horizon: Months to look at.
        """
        months = np.asarray(months_observed, dtype=np.int64)
        gone, arm = np.asarray(left, dtype=np.bool_), np.asarray(treated, dtype=np.bool_)
        if not len(months) == len(gone) == len(arm) or horizon < 1:
            raise DataError("months_observed", len(months), "one a customer, and a horizon ≥ 1")
        if len(months) and months.min() < 0:
            raise DataError("months_observed", int(months.min()), "whole months, at least 0")
        codes = months * 4
        codes += gone.view(np.int8) * np.int8(2) + arm.view(np.int8)
        size = 4 * (horizon + 2)
        counts = np.bincount(codes, minlength=size).astype(np.float64)
        # All that happens after the horizon is one month more.
        for code in range(size - 4, size):
            counts[code] = counts[code::4].sum()
        table = counts[:size].reshape(horizon + 2, 2, 2)
        found = []
        for side in (0, 1):
            seen = table[:, :, side].sum(axis=1)
            at_risk = seen[::-1].cumsum()[::-1]
            found.append(
                cls(at_risk=at_risk[1 : horizon + 1], left=table[1 : horizon + 1, 1, side])
            )
        return found[0], found[1]

    @property
    def hazard(self) -> FloatArray:
        """Return the share of those at risk who left in each month (0 where nobody was)."""
        return _share(self.left, self.at_risk)

    @property
    def kept(self) -> FloatArray:
        """Return the share still in service after each month (Kaplan & Meier 1958)."""
        return np.asarray(np.cumprod(1 - self.hazard), dtype=np.float64)

    @property
    def months_seen(self) -> int:
        """Return the last month in which anybody was at risk."""
        return int(np.flatnonzero(self.at_risk > 0)[-1]) + 1 if self.at_risk.any() else 0

    def kept_error(self) -> FloatArray:
        """Return the standard error of :attr:`kept` (Greenwood 1926)."""
        return np.asarray(self.kept * np.sqrt(np.cumsum(self._greenwood())), dtype=np.float64)

    def months_kept(self, horizon: int) -> tuple[float, float]:
        """Return the restricted mean months in service up to the horizon, and its variance.

        A customer who leaves in a month is counted as served up to its start.
        """
        kept = np.concatenate([[1.0], self.kept[:horizon]])
        # Area still ahead after each month: what a customer lost in that month would have added.
        ahead = np.concatenate([kept[1:horizon][::-1].cumsum()[::-1], [0.0]])
        variance = float((ahead**2 * self._greenwood()[:horizon]).sum())
        return float(kept[:horizon].sum()), variance

    def _greenwood(self) -> FloatArray:
        return _share(self.left, self.at_risk * (self.at_risk - self.left))


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Return part ÷ whole, 0 where there is no whole."""
    share: FloatArray = np.zeros(len(part))
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def log_rank(control: Exposure, treated: Exposure) -> tuple[float, float]:
    """Return χ² and p-value of the log-rank test (hypergeometric variance for ties).

    Sources:
        Mantel (1966), Cancer Chemotherapy Reports 50.
    """
    months = min(len(control.left), len(treated.left))
    n_0, n_1 = control.at_risk[:months], treated.at_risk[:months]
    lost, total = control.left[:months] + treated.left[:months], n_0 + n_1
    both = (n_0 > 0) & (n_1 > 0) & (lost > 0)
    n_0, n_1, lost, total = n_0[both], n_1[both], lost[both], total[both]
    expected = lost * n_1 / total
    several = np.maximum(total - 1, 1)
    variance = float((lost * (n_0 / total) * (n_1 / total) * (total - lost) / several).sum())
    if variance <= 0:
        return math.nan, math.nan
    gap = float((treated.left[:months][both] - expected).sum())
    statistic = gap**2 / variance
    return statistic, float(stats.chi2.sf(statistic, 1))


@dataclass(frozen=True, kw_only=True)
class Retention(Result):
    """Both arms' survival, and the difference in months kept.

    Attributes:
        control: Exposure of the control.
        treated: Exposure of the treated.
        horizon: Months compared.
        estimate: Difference of the restricted mean months in service.
        log_rank_p: p-value of the log-rank test; NaN if it cannot be made.
    """

    view: ClassVar[str] = "cvm.views.campaigns:plot_retention"
    control: Exposure
    treated: Exposure
    horizon: int
    estimate: Estimate
    log_rank_p: float

    def effect(self, campaign: str = "") -> Effect:
        """Return the difference as an effect, to stand beside other outcomes."""
        return Effect(campaign=campaign, estimates=(self.estimate,))

    def curves(self) -> pd.DataFrame:
        """Return share kept, with its interval, by arm and month from 0."""
        parts = []
        reach = words.NORMAL.inv_cdf(0.5 + self.estimate.confidence / 2)
        for arm, exposure in (("treated", self.treated), ("control", self.control)):
            kept = np.concatenate([[1.0], exposure.kept[: self.horizon]])
            error = reach * np.concatenate([[0.0], exposure.kept_error()[: self.horizon]])
            parts.append(
                pd.DataFrame(
                    {
                        "arm": arm,
                        "month": np.arange(len(kept)),
                        "kept_share": kept,
                        "low": np.clip(kept - error, 0, 1),
                        "high": np.clip(kept + error, 0, 1),
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def summary(self) -> pd.DataFrame:
        """Return one row: months kept by arm, difference, interval, p-values."""
        frame = self.effect().summary()
        frame["horizon_months"] = self.horizon
        frame["log_rank_p"] = self.log_rank_p
        return frame

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary and the curves."""
        return {"summary": self.summary(), "curves": self.curves()}

    def text(self, lang: str = "en") -> str:
        """Return how much longer the treated stay, as far as it can be told."""
        return retention_sentence(self.estimate, self.horizon, self.log_rank_p, lang)


def retention_sentence(one: Estimate, horizon: int, log_rank_p: float, lang: str) -> str:
    """Return how much longer the treated stay, as far as it can be told.

    Args:
        one: Difference in months kept.
        horizon: Months compared.
        log_rank_p: p-value of the log-rank test.
        lang: ``"zh"`` or ``"en"``.
    """
    if not one.can_tell:
        reason = words.known_or_plain(f"campaigns.reason.{one.reason}", one.reason, lang)
        return say("campaigns.survival.cannot_tell", lang, reason=reason)
    key = "none" if not one.detected else "longer" if one.effect > 0 else "shorter"
    ends = {
        name: words.difference(round(value, 2), "months", lang)
        for name, value in (("low", one.low), ("high", one.high))
    }
    size = words.difference(round(one.effect, 2), "months", lang, sign=False)
    return say(
        f"campaigns.survival.{key}",
        lang,
        months=horizon,
        confidence=format_share(one.confidence, decimals=0),
        p=f"{log_rank_p:.3g}",
        **ends,
        **({} if key == "none" else {"size": size}),
    )


def compare_retention(
    control: Exposure, treated: Exposure, *, horizon: int | None = None, confidence: float = 0.95
) -> Retention:
    """Compare how long customers of both arms stay.

    Args:
        control: Exposure of the control.
        treated: Exposure of the treated.
        horizon: Months over which months kept are compared; those both arms were seen for if not
            given.
        confidence: Of the interval (share).

    Raises:
        ArgumentError: An arm was not followed for the whole horizon.

    Sources:
        Royston & Parmar (2013), BMC Medical Research Methodology 13 (restricted mean).
    """
    check_between(confidence, "confidence", low=0, high=1, include_low=False, include_high=False)
    seen = min(control.months_seen, treated.months_seen)
    months = seen if horizon is None else horizon
    counts: dict[str, Any] = {
        "control_count": int(control.at_risk[0]),
        "treated_count": int(treated.at_risk[0]),
        "method": "restricted_mean",
        "confidence": confidence,
    }
    reason = "" if counts["control_count"] else "no_control"
    reason = reason or ("" if counts["treated_count"] else "no_treated")
    if not reason and not 1 <= months <= seen:
        raise ArgumentError("horizon", months, f"within the {seen} months both arms were followed")
    lost = float(control.left[:months].sum() + treated.left[:months].sum())
    if not reason and lost < LEAST_EVENTS:
        reason = "few_events"
    statistics = [arm.months_kept(months) for arm in (control, treated)] if not reason else []
    variance = sum(value for _, value in statistics)
    if not reason and variance <= 0:
        reason = "no_variation"
    if reason:
        estimate = cannot_tell(MONTHS_KEPT, reason, **counts)
    else:
        effect, se = statistics[1][0] - statistics[0][0], math.sqrt(variance)
        reach = normal_reach(confidence) * se
        estimate = Estimate(
            outcome=MONTHS_KEPT,
            **counts,
            treated_mean=statistics[1][0],
            control_mean=statistics[0][0],
            effect=effect,
            se=se,
            low=effect - reach,
            high=effect + reach,
            p_value=normal_p(effect / se),
            relative=effect / statistics[0][0],
        )
    cut = [
        Exposure(at_risk=arm.at_risk[:months], left=arm.left[:months]) for arm in (control, treated)
    ]
    return Retention(
        control=control,
        treated=treated,
        horizon=months,
        estimate=estimate,
        log_rank_p=math.nan if reason else log_rank(*cut)[1],
    )
