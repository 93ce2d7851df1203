"""Doubly robust effects with cross-fitting: no customer is judged by models it helped to fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from cvm.campaigns.effect import Estimate, Outcome, cannot_tell
from cvm.campaigns.moments import FloatArray
from cvm.campaigns.propensity import Propensity, SeparatedError, fit_propensity
from cvm.campaigns.weighting import (
    ESTIMANDS,
    LEAST_EFFECTIVE,
    Found,
    checked_outcome,
    effective_controls,
    estimate_of,
    known_of,
    reason_of_columns,
)
from cvm.core.checks import DataError, check_at_least, check_one_of

METHOD = "aipw_cross_fitted"
LEAST_SCORE = 1e-6
"""Scores are kept this far from 0 and 1."""
_STEPS, _SETTLED = 50, 1e-9
_ROWS = 16_384
"""Rows worked on at a time, so that they stay in the processor's cache."""


@dataclass(frozen=True, kw_only=True)
class CrossFit:
    """Chances of contact that no customer helped to fit, ready for any outcome.

    Attributes:
        score: Chance of contact of each row, from the other folds.
        design: Constant and standardised covariates (rows × columns), sorted by fold.
        treated: 0 or 1, sorted by fold.
        parts: Where each fold stands.
        order: Places of the sorted rows in the data.
        cluster: Customer of each row in the data; None if each stands once.
    """

    score: FloatArray
    design: FloatArray
    treated: FloatArray
    parts: tuple[slice, ...]
    order: npt.NDArray[np.int64]
    cluster: npt.NDArray[np.generic] | None = None

    def estimate(
        self,
        outcome: Outcome,
        values: npt.ArrayLike,
        *,
        estimand: str = "treated",
        confidence: float = 0.95,
        group: str = "all",
    ) -> Estimate:
        """Estimate the effect on an outcome, expected linearly from other folds.

        Args:
            outcome: What is compared.
            values: The outcome of each row, in the order of the data.
            estimand: ``treated`` (ATT; weights of controls add to the contacted) or ``everyone``.
            confidence: Of the interval (share).
            group: Customers it speaks of.

        Raises:
            DataError: The length differs, or values are missing or infinite.
        """
        check_one_of(estimand, "estimand", ESTIMANDS)
        y = checked_outcome(values, len(self.treated))[self.order]
        known = known_of(self.treated, METHOD, estimand, confidence, group)
        reason = reason_of_columns(outcome, y, self.treated)
        if not reason and effective_controls(self.treated, self.score, estimand) < LEAST_EFFECTIVE:
            reason = "no_overlap"
        if reason:
            return cannot_tell(outcome, reason, **known)
        without = self._expected(y, 0)
        if estimand == "treated":
            found = _on_the_treated(y, self.treated, self.score, without)
        else:
            found = _on_everyone(y, self.treated, self.score, without, self._expected(y, 1))
        cluster = None if self.cluster is None else self.cluster[self.order]
        return estimate_of(outcome, found, cluster, known)

    def _expected(self, y: FloatArray, side: int) -> FloatArray:
        """Return the outcome each row would be expected to have in one arm, from other folds."""
        sums = []
        for part in self.parts:
            own = self.design[part][self.treated[part] == side]
            sums.append((own.T @ own, own.T @ y[part][self.treated[part] == side]))
        level = np.empty(len(y))
        for held, part in enumerate(self.parts):
            others = [one for place, one in enumerate(sums) if place != held]
            gram = np.sum([one[0] for one in others], axis=0)
            cross = np.sum([one[1] for one in others], axis=0)
            level[part] = self.design[part] @ _solve(gram, cross)
        return level


def cross_fit(
    treated: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    folds: npt.ArrayLike,
    cluster: npt.ArrayLike | None = None,
    propensity: Propensity | None = None,
) -> CrossFit:
    """Fit the chance of contact (logit) of each fold on the others.

    Args:
        treated: 0 or 1 for each row.
        covariates: From before the contact (rows × covariates).
        folds: Fold of each row, see :func:`draw_folds`; a customer's rows share a fold.
        cluster: Customer of each row, where one stands in several months.
        propensity: The logit fitted on all of them, where it is known already.

    Raises:
        SeparatedError: The covariates tell the arms apart without doubt.
        DataError: Lengths differ, a covariate is missing or infinite, or there is one fold only.

    Sources:
        Chernozhukov et al. (2018), Econometrics Journal 21.
    """
    arm = np.asarray(treated, dtype=np.float64)
    codes = np.unique(np.asarray(folds), return_inverse=True)[1]
    if len(codes) != len(arm) or codes.max() < 1:
        raise DataError("folds", int(codes.max()) + 1, f"two or more over {len(arm)} rows")
    fitted = propensity or fit_propensity(arm, covariates)
    order = np.argsort(codes, kind="stable")
    x, arm = fitted.design[order], arm[order]
    sizes = np.bincount(codes)
    parts = tuple(slice(e - n, e) for e, n in zip(np.cumsum(sizes), sizes, strict=True))
    score = _scores_of_others(x, arm, parts, fitted.beta)
    return CrossFit(
        score=np.clip(score, LEAST_SCORE, 1 - LEAST_SCORE),
        design=x,
        treated=arm,
        parts=parts,
        order=order,
        cluster=None if cluster is None else np.asarray(cluster),
    )


def estimate_cross_fitted(
    outcome: Outcome,
    values: npt.ArrayLike,
    treated: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    folds: npt.ArrayLike,
    estimand: str = "treated",
    cluster: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    group: str = "all",
) -> Estimate:
    """Estimate by AIPW with a logit propensity and linear outcomes, each fitted on other folds.

    Args:
        outcome: What is compared.
        values: The outcome of each row.
        treated: 0 or 1 for each row.
        covariates: From before the contact (rows × covariates).
        folds: Fold of each row.
        estimand: ``treated`` (ATT) or ``everyone`` (ATE).
        cluster: Customer of each row, where one stands in several months.
        confidence: Of the interval (share).
        group: Customers it speaks of.

    Returns:
        The estimate, or one that says why nothing can be told.

    Raises:
        DataError: Lengths differ, values are missing or infinite, or there is one fold only.
    """
    check_one_of(estimand, "estimand", ESTIMANDS)
    y = checked_outcome(values, len(np.asarray(treated)))
    known = known_of(treated, METHOD, estimand, confidence, group)
    reason = reason_of_columns(outcome, y, treated)
    if reason:
        return cannot_tell(outcome, reason, **known)
    try:
        fitted = cross_fit(treated, covariates, folds=folds, cluster=cluster)
    except SeparatedError:
        return cannot_tell(outcome, "separated", **known)
    return fitted.estimate(outcome, y, estimand=estimand, confidence=confidence, group=group)


def draw_folds(
    treated: npt.ArrayLike,
    *,
    count: int = 5,
    rng: np.random.Generator,
    cluster: npt.ArrayLike | None = None,
) -> npt.NDArray[np.int64]:
    """Draw folds of equal size and equal shares treated; a customer's rows share a fold.

    Args:
        treated: 0 or 1 for each row.
        count: Folds, at least 2.
        rng: Randomness of the draw.
        cluster: Customer of each row.
    """
    check_at_least(count, "count", 2)
    arm = np.asarray(treated) == 1
    codes = np.arange(len(arm))
    if cluster is not None:
        codes = np.unique(np.asarray(cluster), return_inverse=True)[1]
    ever = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.bool_)
    np.logical_or.at(ever, codes, arm)
    fold = np.empty(len(ever), dtype=np.int64)
    for side in (ever, ~ever):
        fold[side] = rng.permutation(int(side.sum())) % count
    return fold[codes]


def _solve(gram: FloatArray, cross: FloatArray) -> FloatArray:
    """Solve normal equations; of covariates that determine one another, the shortest solution."""
    return np.asarray(np.linalg.lstsq(gram, cross, rcond=1e-11)[0], dtype=np.float64)


def _inverse(gram: FloatArray) -> FloatArray:
    """Return what solves normal equations as :func:`_solve` does, for many right sides in turn."""
    return np.asarray(np.linalg.pinv(gram, rcond=1e-11), dtype=np.float64)


def _scores_of_others(
    x: FloatArray, arm: FloatArray, parts: tuple[slice, ...], start: FloatArray
) -> FloatArray:
    """Return each row's chance of contact by a logit fitted on the other folds.

    The curvature at the fit on all rows, less the fold's own, serves every step: it is so near
    that the steps settle as surely as Newton's, at the cost of one pass over the data.

    Raises:
        SeparatedError: The steps do not settle.
    """
    curves = [_information(x, start, part) for part in parts]
    score = np.empty(len(arm))
    for held, part in enumerate(parts):
        # The rows before the fold's own, and those after them.
        others = [slice(0, part.start), slice(part.stop, len(arm))]
        curve = np.sum([one for place, one in enumerate(curves) if place != held], axis=0)
        inverse = _inverse(curve)
        beta, before = start, np.inf
        for _ in range(_STEPS):
            step = inverse @ _slope(x, arm, beta, others)
            size = float(np.abs(step).max())
            if size > 0.5 * before:
                curve = np.sum([_information(x, beta, one) for one in others], axis=0)
                inverse = _inverse(curve)
            beta, before = beta + step, size
            if size < _SETTLED:
                break
        else:
            raise SeparatedError(
                "propensity",
                "without a finite fit in a fold",
                "between 0 and 1 in every fold",
                action="leave out covariates that decide alone who is contacted",
            )
        score[part] = special.expit(x[part] @ beta)
    return score


def _information(x: FloatArray, beta: FloatArray, part: slice) -> FloatArray:
    total = np.zeros((x.shape[1], x.shape[1]))
    for rows in _blocks(part):
        score = special.expit(x[rows] @ beta)
        total += x[rows].T @ (x[rows] * (score * (1 - score))[:, None])
    return total


def _slope(x: FloatArray, arm: FloatArray, beta: FloatArray, parts: list[slice]) -> FloatArray:
    total = np.zeros(x.shape[1])
    for part in parts:
        for rows in _blocks(part):
            total += (arm[rows] - special.expit(x[rows] @ beta)) @ x[rows]
    return total


def _blocks(part: slice) -> list[slice]:
    starts = range(part.start, part.stop, _ROWS)
    return [slice(first, min(first + _ROWS, part.stop)) for first in starts]


def _on_the_treated(
    y: FloatArray, arm: FloatArray, score: FloatArray, without: FloatArray
) -> Found:
    """Return the effect on the treated; the controls' weights are scaled to add to one."""
    share = arm / arm.sum()
    odds = (1 - arm) * score / (1 - score)
    weight = odds / odds.sum()
    residual = y - without
    expected, correction = float(share @ without), float(weight @ residual)
    mean = float(share @ y)
    control = share * (without - expected) + weight * (residual - correction)
    return Found(
        treated_mean=mean,
        control_mean=expected + correction,
        influence=share * (y - mean) - control,
        control_influence=control,
    )


def _on_everyone(
    y: FloatArray, arm: FloatArray, score: FloatArray, without: FloatArray, offered: FloatArray
) -> Found:
    levels = (
        without + (1 - arm) / (1 - score) * (y - without),
        offered + arm / score * (y - offered),
    )
    means = [float(one.mean()) for one in levels]
    adds = [(one - mean) / len(y) for one, mean in zip(levels, means, strict=True)]
    return Found(
        treated_mean=means[1],
        control_mean=means[0],
        influence=adds[1] - adds[0],
        control_influence=adds[0],
    )
