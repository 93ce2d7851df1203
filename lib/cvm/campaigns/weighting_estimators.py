"""Estimators of weighting and regression, as levels and what every row adds to their error.

Errors are those of the estimating equations stacked: each function carries along what the fitted
propensity and regressions add.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvm.campaigns.moments import FloatArray
from cvm.campaigns.propensity import Propensity, independent_columns


@dataclass(frozen=True, kw_only=True)
class Found:
    """Levels and effect, and what each customer adds to the effect's error.

    Attributes:
        treated_mean: Level with the offer.
        control_mean: Level without it.
        influence: Of each row on the effect; sums of squares give the variance.
        control_influence: Of each row on the level without the offer.
    """

    treated_mean: float
    control_mean: float
    influence: FloatArray
    control_influence: FloatArray


def weight_of(arm: FloatArray, score: FloatArray, side: int, estimand: str) -> FloatArray:
    """Return the weights of one arm's customers; zero for the other's."""
    own = arm if side else 1 - arm
    chance = score if side else 1 - score
    top = score if estimand == "treated" else np.ones_like(score)
    return np.where(own == 1, top / chance, 0.0)


def weight_slope(arm: FloatArray, score: FloatArray, side: int, estimand: str) -> FloatArray:
    """Return the derivatives of the weights by the score."""
    own = arm if side else 1 - arm
    if side:
        slope = np.zeros_like(score) if estimand == "treated" else -1 / score**2
    else:
        slope = 1 / (1 - score) ** 2
    return np.where(own == 1, slope, 0.0)


def _of(arm: FloatArray, estimand: str) -> FloatArray:
    """Return who is in the estimand, as weights that add to one."""
    inside = arm if estimand == "treated" else np.ones_like(arm)
    return inside / inside.sum()


def _regress(
    y: FloatArray,
    x: FloatArray,
    weight: FloatArray,
    slope: FloatArray | None,
    propensity: Propensity | None,
) -> tuple[FloatArray, FloatArray]:
    """Return the coefficients of a weighted regression and what each row adds to them."""
    kept = independent_columns(x[weight > 0])
    used = x[:, kept]
    gram = used.T @ (used * weight[:, None])
    inside = np.where(weight > 0, y, 0.0)
    beta = np.linalg.solve(gram, used.T @ (weight * inside))
    residual = np.where(weight > 0, y - used @ beta, 0.0)
    influence = np.linalg.solve(gram, (used * (weight * residual)[:, None]).T).T
    if propensity is not None and slope is not None:
        cross = (used * (residual * slope * propensity.slope)[:, None]).T @ propensity.design
        influence = influence + propensity.influence() @ np.linalg.solve(gram, cross).T
    coefficients = np.zeros(x.shape[1])
    coefficients[kept] = beta
    whole = np.zeros(x.shape)
    whole[:, kept] = influence
    return coefficients, whole


def _of_levels(means: list[float], adds: list[FloatArray]) -> Found:
    return Found(
        treated_mean=means[1],
        control_mean=means[0],
        influence=adds[1] - adds[0],
        control_influence=adds[0],
    )


def _ra(
    y: FloatArray, arm: FloatArray, x: FloatArray, propensity: Propensity | None, estimand: str
) -> Found:
    """Regression adjustment; weighted by the propensity where one is given (IPWRA)."""
    share = _of(arm, estimand)
    means, adds = [], []
    for side in (0, 1):
        own = arm if side else 1 - arm
        weight, slope = own, None
        if propensity is not None:
            weight = weight_of(arm, propensity.score, side, estimand)
            slope = weight_slope(arm, propensity.score, side, estimand)
        beta, influence = _regress(y, x, weight, slope, propensity)
        level = x @ beta
        mean = float(share @ level)
        means.append(mean)
        adds.append(share * (level - mean) + influence @ (share @ x))
    return _of_levels(means, adds)


def _ipw(
    y: FloatArray, arm: FloatArray, x: FloatArray, propensity: Propensity | None, estimand: str
) -> Found:
    assert propensity is not None
    means, adds = [], []
    for side in (0, 1):
        weight = weight_of(arm, propensity.score, side, estimand)
        slope = weight_slope(arm, propensity.score, side, estimand)
        mean = float(weight @ y / weight.sum())
        cross = (slope * propensity.slope * (y - mean)) @ propensity.design
        add = weight * (y - mean) + propensity.influence() @ cross
        means.append(mean)
        adds.append(add / weight.sum())
    return _of_levels(means, adds)


def _aipw(
    y: FloatArray, arm: FloatArray, x: FloatArray, propensity: Propensity | None, estimand: str
) -> Found:
    assert propensity is not None
    share = _of(arm, estimand)
    total = float(arm.sum()) if estimand == "treated" else float(len(arm))
    means, adds = [], []
    for side in (0, 1):
        own = arm if side else 1 - arm
        beta, influence = _regress(y, x, own, None, None)
        level = x @ beta
        weight = weight_of(arm, propensity.score, side, estimand)
        slope = weight_slope(arm, propensity.score, side, estimand)
        part = share * level + weight * (y - level) / total
        mean = float(part.sum())
        by_beta = share @ x - (weight / total) @ x
        by_score = (slope * propensity.slope * (y - level) / total) @ propensity.design
        means.append(mean)
        adds.append(part - share * mean + influence @ by_beta + propensity.influence() @ by_score)
    return _of_levels(means, adds)


ESTIMATORS = {"ra": _ra, "ipw": _ipw, "aipw": _aipw, "ipwra": _ra}
