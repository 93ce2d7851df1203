"""Effects without a random control by weighting and regression: IPW, RA, AIPW, IPWRA.

All errors are those of the estimating equations stacked, so that it counts that propensity and
outcome models were estimated too. Each estimator is written as a sum of what every customer adds;
customers seen in several months add up first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from cvm.campaigns.effect import Estimate, Outcome, cannot_tell
from cvm.campaigns.inference import LEAST_CUSTOMERS, LEAST_EVENTS
from cvm.campaigns.moments import FloatArray
from cvm.campaigns.propensity import (
    Propensity,
    SeparatedError,
    checked_rows,
    fit_propensity,
    independent_columns,
)
from cvm.core.checks import DataError, check_one_of

METHODS = ("ra", "ipw", "aipw", "ipwra")
ESTIMANDS = ("treated", "everyone")
LEAST_EFFECTIVE = 20.0
"""Controls that the weighted controls must be worth (Kish), before anything is told."""


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


def estimate_weighted(
    outcome: Outcome,
    values: npt.ArrayLike,
    treated: npt.ArrayLike,
    covariates: npt.ArrayLike,
    *,
    method: str = "aipw",
    estimand: str = "treated",
    outcome_covariates: npt.ArrayLike | None = None,
    link: str = "logit",
    propensity: Propensity | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    group: str = "all",
) -> Estimate:
    """Estimate the effect on the treated (ATT) or on everyone (ATE).

    * ``ra``: outcomes of each arm regressed on covariates, and predicted for all in the estimand.
    * ``ipw``: means weighted by the inverse of the propensity, weights adding to one.
    * ``aipw``: both; right if either model is (doubly robust).
    * ``ipwra``: the regressions weighted by the inverse of the propensity; doubly robust too.

    Args:
        outcome: What is compared.
        values: The outcome of each row.
        treated: 0 or 1 for each row.
        covariates: Of the propensity (rows × covariates), from before the contact.
        method: One of the four.
        estimand: ``treated`` or ``everyone``.
        outcome_covariates: Of the outcome's regressions; as the propensity's if not given.
        link: Of the propensity, ``logit`` or ``probit``.
        propensity: The propensity fitted on the same rows, where it is known already.
        cluster: Customer of each row, where one stands in several months.
        confidence: Of the interval (share).
        group: Customers it speaks of.

    Returns:
        The estimate, or one that says why nothing can be told.

    Raises:
        DataError: Lengths differ, or values are missing or infinite.

    Sources:
        Robins, Rotnitzky & Zhao (1994), JASA 89; Wooldridge (2007), Journal of Econometrics 141;
        Cattaneo (2010), Journal of Econometrics 155. Equal to Stata's ``teffects``.
    """
    check_one_of(method, "method", METHODS)
    check_one_of(estimand, "estimand", ESTIMANDS)
    y = checked_outcome(values, len(np.asarray(treated)))
    known = known_of(treated, method, estimand, confidence, group)
    reason = reason_of_columns(outcome, y, treated)
    if reason:
        return cannot_tell(outcome, reason, **known)
    arm, rows = checked_rows(treated, covariates)
    if outcome_covariates is not None:
        rows = checked_rows(treated, outcome_covariates)[1]
    if method == "ra":
        propensity = None
    else:
        try:
            propensity = propensity or fit_propensity(arm, covariates, link=link)
        except SeparatedError:
            return cannot_tell(outcome, "separated", **known)
        if effective_controls(arm, propensity.score, estimand) < LEAST_EFFECTIVE:
            return cannot_tell(outcome, "no_overlap", **known)
    x = np.column_stack([np.ones(len(arm)), rows])
    for side in (0, 1):
        if method != "ipw" and len(independent_columns(x[arm == side])) >= (arm == side).sum():
            return cannot_tell(outcome, "few_customers", **known)
    found = _ESTIMATORS[method](y, arm, x, propensity, estimand)
    return estimate_of(outcome, found, cluster, known)


def effective_controls(arm: FloatArray, score: FloatArray, estimand: str) -> float:
    """Return how many equally weighted customers the weighted ones are worth (the scarcer arm).

    Sources:
        Kish (1965): (Σ w)² ÷ Σ w².
    """
    worth = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for side in (0, 1):
            weight = _weight(arm, score, side, estimand)[arm == side]
            square = float((weight**2).sum())
            worth.append(float(weight.sum()) ** 2 / square if math.isfinite(square) else 0.0)
    return min(worth)


def checked_outcome(values: npt.ArrayLike, count: int) -> FloatArray:
    """Return the outcome as floats.

    Raises:
        DataError: It has another length, or a value is missing or infinite.
    """
    y = np.asarray(values, dtype=np.float64)
    if y.shape != (count,):
        raise DataError("values", y.shape, f"one outcome for each of {count} rows")
    wrong = int((~np.isfinite(y)).sum())
    if wrong:
        raise DataError(
            "values",
            f"missing or infinite in {wrong} rows",
            "finite in every row",
            action="shorten the window to months that are in the data, or leave those rows out",
        )
    return y


def known_of(
    treated: npt.ArrayLike, method: str, estimand: str, confidence: float, group: str
) -> dict[str, Any]:
    """Return the attributes of an estimate that are known before anything is estimated."""
    arm = np.asarray(treated)
    return {
        "method": method,
        "estimand": estimand,
        "confidence": confidence,
        "group": group,
        "treated_count": int((arm == 1).sum()),
        "control_count": int((arm == 0).sum()),
    }


def reason_of_columns(outcome: Outcome, y: FloatArray, treated: npt.ArrayLike) -> str:
    """Return why these rows allow no answer (a key of ``campaigns.reason``); empty if they do."""
    arm = np.asarray(treated) == 1
    if not (~arm).any():
        return "no_control"
    if not arm.any():
        return "no_treated"
    if min(arm.sum(), (~arm).sum()) < LEAST_CUSTOMERS:
        return "few_customers"
    if outcome.kind == "share":
        events = float(y.sum())
        if min(events, len(y) - events) < LEAST_EVENTS - 1e-9:
            return "few_events"
    return "" if np.ptp(y) > 0 else "no_variation"


def estimate_of(
    outcome: Outcome,
    found: Found,
    cluster: npt.ArrayLike | None,
    known: dict[str, Any],
) -> Estimate:
    """Return the estimate with its normal interval from what each row adds."""
    own = _by_customer(np.stack([found.influence, found.control_influence], axis=1), cluster)
    se, se_control = np.sqrt((own**2).sum(axis=0)).tolist()
    effect = found.treated_mean - found.control_mean
    if not se > 1e-12 * (abs(effect) + abs(found.control_mean)):
        return cannot_tell(outcome, "no_variation", **known)
    if outcome.kind == "share" and few_events(found, known["treated_count"]):
        return cannot_tell(outcome, "few_events", **known)
    reach = float(stats.norm.isf((1 - known["confidence"]) / 2))
    told = found.control_mean > reach * se_control
    return Estimate(
        outcome=outcome,
        **known,
        relative=effect / found.control_mean if told else math.nan,
        treated_mean=found.treated_mean,
        control_mean=found.control_mean,
        effect=effect,
        se=se,
        low=effect - reach * se,
        high=effect + reach * se,
        p_value=2 * float(stats.norm.sf(abs(effect) / se)),
    )


def few_events(found: Found, treated_count: int) -> bool:
    """Return whether the contacted are too few for events, with the offer and without."""
    larger = max(found.treated_mean, found.control_mean)
    smaller = min(found.treated_mean, found.control_mean)
    return treated_count * min(larger, 1 - smaller) < LEAST_EVENTS - 1e-9


def _by_customer(influence: FloatArray, cluster: npt.ArrayLike | None) -> FloatArray:
    if cluster is None:
        return influence
    codes = np.unique(np.asarray(cluster), return_inverse=True)[1]
    columns = [np.bincount(codes, influence[:, k]) for k in range(influence.shape[1])]
    return np.stack(columns, axis=1)


def _weight(arm: FloatArray, score: FloatArray, side: int, estimand: str) -> FloatArray:
    """Return the weights of one arm's customers; zero for the other's."""
    own = arm if side else 1 - arm
    chance = score if side else 1 - score
    top = score if estimand == "treated" else np.ones_like(score)
    return np.where(own == 1, top / chance, 0.0)


def _weight_slope(arm: FloatArray, score: FloatArray, side: int, estimand: str) -> FloatArray:
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
    weight_slope: FloatArray | None,
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
    if propensity is not None and weight_slope is not None:
        cross = (used * (residual * weight_slope * propensity.slope)[:, None]).T @ propensity.design
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
            weight = _weight(arm, propensity.score, side, estimand)
            slope = _weight_slope(arm, propensity.score, side, estimand)
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
        weight = _weight(arm, propensity.score, side, estimand)
        slope = _weight_slope(arm, propensity.score, side, estimand)
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
        weight = _weight(arm, propensity.score, side, estimand)
        slope = _weight_slope(arm, propensity.score, side, estimand)
        part = share * level + weight * (y - level) / total
        mean = float(part.sum())
        by_beta = share @ x - (weight / total) @ x
        by_score = (slope * propensity.slope * (y - level) / total) @ propensity.design
        means.append(mean)
        adds.append(part - share * mean + influence @ by_beta + propensity.influence() @ by_score)
    return _of_levels(means, adds)


_ESTIMATORS = {"ra": _ra, "ipw": _ipw, "aipw": _aipw, "ipwra": _ra}
