"""How long contract customers stay: sBG and BdW fitted to cohorts, pooled and by tier.

Cohort survival answers what a group of customers will be worth. It does not say who leaves next;
that is the churn model's question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2, norm

from cvm.core.checks import check_at_least, check_between, check_one_of
from cvm.core.result import Result
from cvm.segments.lifetime_estimate import Estimate, estimate
from cvm.segments.lifetime_models import MODELS, Model, log_survival
from cvm.segments.lifetime_words import fit_text
from cvm.segments.survival_cohorts import POOLED, Cohorts

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class LifetimeFit(Result):
    """A lifetime model of each group of cohorts.

    Attributes:
        cohorts: What was fitted.
        estimates: One a group: pooled ("all"), or one a tier.
        model: "sbg" or "bdw".
        confidence: Of every interval.
        pooled: The same model for all tiers together, to ask whether tiers differ.
    """

    cohorts: Cohorts
    estimates: tuple[Estimate, ...]
    model: Model
    confidence: float
    pooled: Estimate

    view: ClassVar[str] = "cvm.views.segments_lifetime:plot_survival"

    @property
    def by_tier(self) -> bool:
        """Return whether each tier has a model of its own."""
        return not (len(self.estimates) == 1 and self.estimates[0].name == POOLED)

    def group(self, tier: str) -> Estimate:
        """Return the estimate that speaks for a tier.

        Raises:
            ArgumentError: There is none of that name.
        """
        found = {item.name: item for item in self.estimates}
        if not self.by_tier:
            return self.pooled
        return found[check_one_of(tier, "tier", found)]

    def summary(self) -> pd.DataFrame:
        """Return a row a group: counts, parameters with errors and intervals, likelihood.

        ``reason`` is empty where the model could be told. ``churn_share`` is the share of those at
        risk who left a period, as observed; ``first_churn_share`` what the model expects at the
        first chance, which cohorts first seen late never show.
        """
        return pd.DataFrame([self._row(item) for item in self.estimates])

    def _row(self, item: Estimate) -> dict[str, object]:
        row: dict[str, object] = {
            "group": item.name,
            "model": item.model,
            "reason": item.reason,
            "at_risk_periods": float(item.risk.at_risk.sum()),
            "lost": float(item.risk.lost.sum()),
            "churn_share": item.risk.churn_share,
        }
        names = ("alpha", "beta", "c") if item.model == "bdw" else ("alpha", "beta")
        values, errors = item.alpha_beta_c, item.standard_errors
        if item.told:
            edge = item.contour(self.confidence)
            log_alpha = edge[:, 1]
            ranges = [log_alpha, log_alpha - edge[:, 0], edge[:, -1]]
        for place, name in enumerate(names):
            row[name] = values[place]
            row[f"{name}_error"] = errors[place]
            row[f"{name}_low"] = float(np.exp(ranges[place].min())) if item.told else np.nan
            row[f"{name}_high"] = float(np.exp(ranges[place].max())) if item.told else np.nan
        row["first_churn_share"] = 1 / (1 + np.exp(-item.point[0])) if item.told else np.nan
        row["most_churn_share"] = (
            item.most_churn(self.confidence) if item.reason == "nobody_left" else np.nan
        )
        row["log_likelihood"] = item.log_likelihood
        row["aic"] = 2 * len(names) - 2 * item.log_likelihood
        row["alike"] = item.alike
        return row

    def tiers_differ_p(self) -> float:
        """Return the likelihood-ratio p-value of one model for all tiers; NaN if it cannot be told.

        Tiers whose model cannot be told leave the comparison open.
        """
        if not self.by_tier or len(self.estimates) < 2 or not self.pooled.told:
            return float("nan")
        if not all(item.told for item in self.estimates):
            return float("nan")
        gain = sum(item.log_likelihood for item in self.estimates) - self.pooled.log_likelihood
        freedom = len(self.pooled.point) * (len(self.estimates) - 1)
        return float(chi2.sf(2 * max(gain, 0.0), freedom))

    def survival(self, last_age: int) -> pd.DataFrame:
        """Return each group's survival curve with profile-likelihood intervals.

        Args:
            last_age: The greatest age wanted.

        Returns:
            Columns group, age_periods, survival_share, low, high; NaN where it cannot be told.
        """
        check_at_least(last_age, "last_age", 0)
        ages = np.arange(last_age + 1.0)
        parts = []
        for item in self.estimates:
            share = low = high = np.full(len(ages), np.nan)
            if item.told:
                curves = np.exp(log_survival(item.contour(self.confidence), ages))
                share, low, high = curves[0], curves.min(axis=0), curves.max(axis=0)
            parts.append(
                pd.DataFrame(
                    {
                        "group": item.name,
                        "age_periods": ages.astype(int),
                        "survival_share": share,
                        "low": low,
                        "high": high,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def project(self, periods: int) -> pd.DataFrame:
        """Return how many customers of each cohort will still be here.

        Two intervals: of the expected number (``expected_low`` to ``expected_high``, parameters
        uncertain) and of the number that will be counted (``low`` to ``high``, chance added, whole
        customers), which is the wider.

        Args:
            periods: Periods ahead.

        Returns:
            One row a tier, cohort and period ahead: ahead_periods, age_periods, now_customers,
            expected_customers, expected_low, expected_high, low, high. Where the model cannot be
            told the expectation is missing, and bounds are those the data allow.
        """
        check_at_least(periods, "periods", 1)
        parts = []
        latest = self.cohorts.latest()
        for tier, cohort, age, now in zip(
            *(latest[name].tolist() for name in ("tier", "cohort", "age_periods", "customers")),
            strict=True,
        ):
            ahead = np.arange(1, periods + 1)
            mean, low, high = _stay(self.group(tier), age, ahead, self.confidence)
            below, above = counted_interval(now, mean, low, high, self.confidence)
            parts.append(
                pd.DataFrame(
                    {
                        "tier": tier,
                        "cohort": cohort,
                        "ahead_periods": ahead,
                        "age_periods": age + ahead,
                        "now_customers": now,
                        "expected_customers": now * mean,
                        "expected_low": now * low,
                        "expected_high": now * high,
                        "low": below,
                        "high": above,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def text(self, lang: str = "en") -> str:
        """Return how customers leave and what the data cannot tell, as one short statement."""
        return fit_text(self.summary(), self.tiers_differ_p(), lang)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary, the survival curves and the cohorts."""
        last = int(self.cohorts.frame["age_periods"].max())
        return {
            "summary": self.summary(),
            "survival": self.survival(last),
            "cohorts": self.cohorts.frame,
        }


def fit_lifetime(
    cohorts: Cohorts, *, model: Model = "sbg", by_tier: bool = False, confidence: float = 0.9
) -> LifetimeFit:
    """Fit a lifetime model to cohorts by maximum likelihood.

    Intervals are profile-likelihood intervals; standard errors come from the delta method.

    Args:
        cohorts: The cohorts (:func:`cvm.segments.survival_cohorts.read_cohorts`).
        model: "sbg" (each customer's own churn constant) or "bdw" (it may change with age).
        by_tier: A model a tier instead of one for all.
        confidence: Of the intervals, within (0, 1).

    Returns:
        The fit. A group whose data cannot tell (nobody left, everyone left, fewer than two
        periods) is kept, with the reason.

    Raises:
        ArgumentError: An unknown model or a confidence outside (0, 1).

    Example:
        >>> from cvm.segments.survival_cohorts import cohorts_from_survivors
        >>> high_end = [1000, 869, 743, 653, 593, 551, 517, 491]
        >>> fit = fit_lifetime(cohorts_from_survivors({"high": high_end}))
        >>> fit.summary()[["alpha", "beta"]].round(3).to_numpy().tolist()
        [[0.668, 3.806]]
    """
    check_one_of(model, "model", MODELS)
    check_between(confidence, "confidence", low=0, high=1, include_low=False, include_high=False)
    pooled = estimate(POOLED, cohorts.risk(), model)
    estimates: tuple[Estimate, ...] = (pooled,)
    if by_tier:
        estimates = tuple(estimate(tier, cohorts.risk(tier), model) for tier in cohorts.tiers)
    return LifetimeFit(
        cohorts=cohorts, estimates=estimates, model=model, confidence=confidence, pooled=pooled
    )


def _stay(
    item: Estimate, age: int, ahead: npt.NDArray[np.int64], confidence: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the share of an age's customers still here after ``ahead``, and its interval."""
    if item.told:
        curves = log_survival(item.contour(confidence), np.concatenate([[age], age + ahead]))
        share = np.exp(curves[:, 1:] - curves[:, :1])
        return share[0], share.min(axis=0), share.max(axis=0)
    low: FloatArray = np.zeros(len(ahead))
    if item.reason == "nobody_left":
        low = np.power(1 - item.most_churn(confidence), ahead.astype(float))
    return np.full(len(ahead), np.nan), low, np.ones(len(ahead))


def counted_interval(
    customers: float, mean: FloatArray, low: FloatArray, high: FloatArray, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Return the interval of the number that will be counted: parameters and chance together.

    Each side adds the distance of the expectation's limit and the binomial's in squares (MOVER,
    Zou & Donner 2008); limits are whole customers, rounded outwards by half of one.

    Args:
        customers: Customers now.
        mean: Expected share who stay; where missing, the limits stand alone.
        low: Its lower limit.
        high: Its upper limit.
        confidence: Of the interval.
    """
    chance = norm.ppf((1 + confidence) / 2) ** 2 * mean * (1 - mean) / max(customers, 1.0)
    below = mean - np.sqrt((mean - low) ** 2 + chance)
    above = mean + np.sqrt((high - mean) ** 2 + chance)
    below = np.where(np.isnan(mean), low, below)
    above = np.where(np.isnan(mean), high, above)
    return (
        np.clip(np.floor(customers * below + 0.5), 0, customers),
        np.clip(np.ceil(customers * above - 0.5), 0, customers),
    )
