"""Doubly robust effects with cross-fitting: no customer is judged by models it helped to fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg, special

from cvm.campaigns.effect import Estimate, Outcome, cannot_tell
from cvm.campaigns.moments import FloatArray
from cvm.campaigns.propensity import SeparatedError, checked_rows, fit_propensity
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

LEAST_SCORE = 1e-6
"""Scores are kept this far from 0 and 1."""
_STEPS = 25
_ROWS = 16_384
"""Rows worked on at a time, so that they stay in the processor's cache."""


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
        folds: Fold of each row, see :func:`draw_folds`; a customer's rows share a fold.
        estimand: ``treated`` (ATT) or ``everyone`` (ATE).
        cluster: Customer of each row, where one stands in several months.
        confidence: Of the interval (share).
        group: Customers it speaks of.

    Raises:
        DataError: Lengths differ, values are missing or infinite, or there is one fold only.

    Sources:
        Chernozhukov et al. (2018), Econometrics Journal 21.
    """
    check_one_of(estimand, "estimand", ESTIMANDS)
    y = checked_outcome(values, len(np.asarray(treated)))
    known = known_of(treated, "aipw_cross_fitted", estimand, confidence, group)
    reason = reason_of_columns(outcome, y, treated)
    if reason:
        return cannot_tell(outcome, reason, **known)
    arm, rows = checked_rows(treated, covariates)
    codes = np.unique(np.asarray(folds), return_inverse=True)[1]
    if len(codes) != len(arm) or codes.max() < 1:
        raise DataError("folds", int(codes.max()) + 1, f"two or more over {len(arm)} rows")
    try:
        whole = fit_propensity(arm, rows)
    except SeparatedError:
        return cannot_tell(outcome, "separated", **known)
    if effective_controls(arm, whole.score, estimand) < LEAST_EFFECTIVE:
        return cannot_tell(outcome, "no_overlap", **known)
    nuisance = _nuisance(y, arm, rows, codes)
    if nuisance is None:
        return cannot_tell(outcome, "few_customers", **known)
    return estimate_of(outcome, _found(y, arm, nuisance, estimand), cluster, known)


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


def _nuisance(
    y: FloatArray, arm: FloatArray, rows: FloatArray, codes: npt.NDArray[np.int64]
) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Return score and both arms' expected outcomes, each from other folds; None if too few."""
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    varying = spread > 0
    x = np.ones((len(y), int(varying.sum()) + 1))
    np.divide(rows[:, varying] - centre[varying], spread[varying], out=x[:, 1:])
    by_fold = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes))
    x, y, arm = x[by_fold], y[by_fold], arm[by_fold]
    parts = [slice(end - size, end) for end, size in zip(ends, np.bincount(codes), strict=True)]
    crosses = [[_crosses(x[part], y[part], arm[part] == side) for side in (0, 1)] for part in parts]
    score, levels = np.empty(len(y)), np.empty((2, len(y)))
    start = _logit(x, arm, [slice(0, len(y))], np.zeros(x.shape[1]))
    if start is None:
        return None
    for held, part in enumerate(parts):
        others = [one for place, one in enumerate(parts) if place != held]
        beta = _logit(x, arm, others, start)
        if beta is None:
            return None
        score[part] = special.expit(x[part] @ beta)
        for side in (0, 1):
            gram = sum(crosses[k][side][0] for k in range(len(parts)) if k != held)
            cross = sum(crosses[k][side][1] for k in range(len(parts)) if k != held)
            solved = _solve(np.asarray(gram), np.asarray(cross))
            if solved is None:
                return None
            levels[side, part] = x[part] @ solved
    back = np.empty_like(by_fold)
    back[by_fold] = np.arange(len(by_fold))
    score = np.clip(score, LEAST_SCORE, 1 - LEAST_SCORE)
    return score[back], levels[0][back], levels[1][back]


def _crosses(
    x: FloatArray, y: FloatArray, side: npt.NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    own = x[side]
    return own.T @ own, own.T @ y[side]


def _solve(gram: FloatArray, cross: FloatArray) -> FloatArray | None:
    """Solve normal equations; of covariates that determine one another, the shortest solution."""
    try:
        return np.asarray(linalg.solve(gram, cross, assume_a="pos"))
    except linalg.LinAlgError:
        found = np.asarray(np.linalg.lstsq(gram, cross, rcond=1e-12)[0], dtype=np.float64)
        return found if np.isfinite(found).all() else None


def _logit(
    x: FloatArray, arm: FloatArray, parts: list[slice], start: FloatArray
) -> FloatArray | None:
    """Return the logit's coefficients on the rows of several slices, by Newton's steps."""
    beta: FloatArray = start.copy()
    for _ in range(_STEPS):
        slope, information = np.zeros(x.shape[1]), np.zeros((x.shape[1], x.shape[1]))
        for part in parts:
            for first in range(part.start, part.stop, _ROWS):
                rows = slice(first, min(first + _ROWS, part.stop))
                score = special.expit(x[rows] @ beta)
                slope += x[rows].T @ (arm[rows] - score)
                information += x[rows].T @ (x[rows] * (score * (1 - score))[:, None])
        step = _solve(information, slope)
        if step is None or not np.isfinite(step).all():
            return None
        beta = beta + step
        if np.abs(step).max() < 1e-9:
            return beta
    return None


def _found(y: FloatArray, arm: FloatArray, nuisance: Any, estimand: str) -> Found:
    score, level_0, level_1 = nuisance
    if estimand == "treated":
        total = float(arm.sum())
        without = arm * level_0 + (1 - arm) * score / (1 - score) * (y - level_0)
        share = arm / total
        means = (float(without.sum()) / total, float((arm * y).sum()) / total)
        adds = (without / total - share * means[0], share * (y - means[1]))
    else:
        total = float(len(y))
        both = (
            level_0 + (1 - arm) / (1 - score) * (y - level_0),
            level_1 + arm / score * (y - level_1),
        )
        means = (float(both[0].mean()), float(both[1].mean()))
        adds = ((both[0] - means[0]) / total, (both[1] - means[1]) / total)
    return Found(
        treated_mean=means[1],
        control_mean=means[0],
        influence=adds[1] - adds[0],
        control_influence=adds[0],
    )
