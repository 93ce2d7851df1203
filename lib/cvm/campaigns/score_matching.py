"""Matching on an estimated propensity score, with all ties, and errors that count the estimation.

Every customer of the estimand is matched with the nearest of the other arm, and with all that are
equally near; controls may serve again. Errors are Abadie and Imbens' of 2016, as the score's own
estimation makes the matched difference surer (or, on the treated, less sure) than a known score
would. They are right in large samples: without an effect one was called in 5.9 to 6.2 % of
campaigns of 1,200 customers, in 5.1 % of those of 3,600.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cvm.campaigns.effect import Estimate, Outcome, cannot_tell
from cvm.campaigns.moments import FloatArray
from cvm.campaigns.propensity import Propensity, SeparatedError, checked_rows, fit_propensity
from cvm.campaigns.quantiles import normal_p, normal_reach
from cvm.campaigns.weighting import (
    ESTIMANDS,
    checked_outcome,
    known_of,
    reason_of_columns,
)
from cvm.core.checks import check_at_least, check_one_of

METHOD = "score_matched"
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class _Nearest:
    """Customers of one arm in order of their score, and where each customer's nearest stand.

    Attributes:
        order: Places of the arm's customers in the data, by score.
        first: Where the nearest of each customer begin in the order.
        last: Where they end.
    """

    order: IntArray
    first: IntArray
    last: IntArray

    @property
    def count(self) -> FloatArray:
        """Return how many nearest each customer has, ties counted."""
        return (self.last - self.first).astype(np.float64)

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the mean of each customer's nearest (rows × columns as values)."""
        sums = np.concatenate([np.zeros((1, *values.shape[1:])), values[self.order].cumsum(axis=0)])
        width = self.count.reshape(-1, *[1] * (values.ndim - 1))
        found: FloatArray = (sums[self.last] - sums[self.first]) / width
        return found

    def uses(self, weight: FloatArray) -> FloatArray:
        """Return, for each customer of the data, the weights of all whose nearest it is."""
        steps = np.bincount(self.first, weight, len(self.order) + 1)
        steps -= np.bincount(self.last, weight, len(self.order) + 1)
        found = np.zeros(len(weight))
        found[self.order] = steps[:-1].cumsum()
        return found


def estimate_score_matched(
    outcome: Outcome,
    values: npt.ArrayLike,
    treated: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    neighbours: int = 1,
    estimand: str = "treated",
    link: str = "logit",
    propensity: Propensity | None = None,
    confidence: float = 0.95,
    group: str = "all",
) -> Estimate:
    """Estimate the effect by matching on the estimated score, with replacement and all ties.

    Args:
        outcome: What is compared.
        values: The outcome of each customer.
        treated: 0 or 1 for each customer.
        covariates: From before the contact (customers × covariates).
        neighbours: Nearest customers of the other arm, ties besides.
        estimand: ``treated`` (ATT) or ``everyone`` (ATE).
        link: Of the propensity, ``logit`` or ``probit``.
        propensity: The propensity fitted on the same rows, where it is known already.
        confidence: Of the interval (share).
        group: Customers it speaks of.

    Raises:
        DataError: Lengths differ, or values are missing or infinite.

    Sources:
        Abadie & Imbens (2016), Econometrica 84. Equal to Stata's ``teffects psmatch``.
    """
    check_one_of(estimand, "estimand", ESTIMANDS)
    check_at_least(neighbours, "neighbours", 1)
    y = checked_outcome(values, len(np.asarray(treated)))
    known = known_of(treated, METHOD, estimand, confidence, group)
    reason = reason_of_columns(outcome, y, treated)
    if reason:
        return cannot_tell(outcome, reason, **known)
    arm, _ = checked_rows(treated, covariates)
    try:
        fitted = propensity or fit_propensity(arm, covariates, link=link)
    except SeparatedError:
        return cannot_tell(outcome, "separated", **known)
    work = _Work(y, arm, fitted, neighbours, estimand)
    variance = work.variance()
    if not variance > 1e-24 * (abs(work.effect) + float(np.abs(y).max())) ** 2:
        return cannot_tell(outcome, "no_variation", **known)
    se = math.sqrt(variance)
    reach = normal_reach(confidence) * se
    return Estimate(
        outcome=outcome,
        **known,
        treated_mean=float(work.share @ work.levels[1]),
        control_mean=float(work.share @ work.levels[0]),
        effect=work.effect,
        se=se,
        low=work.effect - reach,
        high=work.effect + reach,
        p_value=normal_p(work.effect / se),
    )


class _Work:
    """The steps on one campaign's customers."""

    def __init__(
        self, y: FloatArray, arm: FloatArray, fitted: Propensity, neighbours: int, estimand: str
    ) -> None:
        self.y, self.arm, self.fitted, self.estimand = y, arm, fitted, estimand
        places = np.argsort(fitted.score, kind="stable")
        sides = [places[arm[places] == side] for side in (0, 1)]
        self.nearest = [_nearest(fitted.score, places, own, neighbours) for own in sides]
        self.pairs = [_nearest(fitted.score, places, own, 2) for own in sides]
        self.levels = [np.where(arm == s, y, self.nearest[s].mean(y)) for s in (0, 1)]
        inside = arm if estimand == "treated" else np.ones_like(arm)
        self.size = float(inside.sum())
        self.share = inside / self.size
        self.gaps = self.levels[1] - self.levels[0]
        self.effect = float(self.share @ self.gaps)

    def variance(self) -> float:
        """Return the variance of the effect, for an estimated score."""
        spread = float((self.share**2) @ (self.gaps - self.effect) ** 2)
        noise = self._noise()
        for side in (0, 1):
            other = self.arm != side
            weight = np.where(other, self.share, 0.0) / self.nearest[side].count
            uses = self.nearest[side].uses(weight)
            squares = self.nearest[side].uses(np.where(other, weight**2, 0.0))
            again = uses**2 - squares
            if self.estimand == "everyone":
                again = again + 2 * uses / self.size
            spread += float((again * noise)[self.arm == side].sum())
        covariance = np.linalg.inv(self.fitted.information)
        surer = self._alignment()
        spread -= float(surer @ covariance @ surer)
        if self.estimand == "treated":
            drift = self._drift()
            spread += float(drift @ covariance @ drift)
        return spread

    def _noise(self) -> FloatArray:
        """Return each customer's variance of the outcome among the nearest of its own arm."""
        noise = np.zeros(len(self.y))
        for side in (0, 1):
            own, pairs = self.arm == side, self.pairs[side]
            centred = self.y - self.y.mean()
            spread = pairs.mean(centred**2) - pairs.mean(centred) ** 2
            noise[own] = np.maximum(spread * pairs.count / (pairs.count - 1), 0.0)[own]
        return noise

    def _alignment(self) -> FloatArray:
        """Return how the score's error and the matched difference's go together."""
        z, score, slope = self.fitted.design, self.fitted.score, self.fitted.slope
        total: FloatArray = np.zeros(z.shape[1])
        for side in (0, 1):
            pairs = self.pairs[side]
            centred, level = self.y - self.y.mean(), z - z.mean(axis=0)
            both = pairs.mean(level * centred[:, None])
            both -= pairs.mean(level) * pairs.mean(centred)[:, None]
            both *= (pairs.count / (pairs.count - 1))[:, None]
            top = score if self.estimand == "treated" else np.ones_like(score)
            weight = slope * top / (score if side else 1 - score) / self.size
            total += weight @ both
        if self.estimand == "treated":
            levels = [pairs.mean(self.y) for pairs in self.pairs]
            gap = levels[1] - levels[0] - self.effect
            total += (slope * gap / self.size) @ z
        return total

    def _drift(self) -> FloatArray:
        """Return how the effect on the treated moves with the score's coefficients."""
        drift: FloatArray = (self.fitted.slope * (self.gaps - self.effect) / self.size) @ (
            self.fitted.design
        )
        return drift


def _nearest(score: FloatArray, places: IntArray, own: IntArray, neighbours: int) -> _Nearest:
    """Find the nearest of one arm for every customer; those of the arm are their own nearest.

    All (``places``) and the arm's (``own``) come in the order of their scores, in which one search
    begins where the last one ended.
    """
    sought, ordered = score[places], score[own]
    count = min(neighbours, len(ordered))
    at = np.searchsorted(ordered, sought)
    # Of the windows of `count` in a row that touch the score, the one that reaches least far.
    reach = np.full(len(score), np.inf)
    for start in range(count + 1):
        first = np.clip(at - start, 0, len(ordered) - count)
        far = np.maximum(sought - ordered[first], ordered[first + count - 1] - sought)
        reach = np.minimum(reach, far)
    edge = reach * (1 + 1e-12) + 1e-15
    first, last = np.empty_like(places), np.empty_like(places)
    first[places] = np.searchsorted(ordered, sought - edge, side="left")
    last[places] = np.searchsorted(ordered, sought + edge, side="right")
    return _Nearest(order=own, first=first, last=last)
