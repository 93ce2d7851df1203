"""Effects without a random control by weighting and regression: IPW, RA, AIPW, IPWRA.

All errors are those of the estimating equations stacked, so that it counts that propensity and
outcome models were estimated too. Each estimator is written as a sum of what every customer adds;
customers seen in several months add up first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

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
from cvm.campaigns.quantiles import normal_p, normal_reach
from cvm.campaigns.weighting_estimators import ESTIMATORS, Found, weight_of
from cvm.core.checks import DataError, check_one_of

METHODS = ("ra", "ipw", "aipw", "ipwra")
ESTIMANDS = ("treated", "everyone")
LEAST_EFFECTIVE = 20.0
"""Controls that the weighted controls must be worth (Kish), before anything is told."""


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
    found = ESTIMATORS[method](y, arm, x, propensity, estimand)
    return estimate_of(outcome, found, cluster, known)


def effective_controls(arm: FloatArray, score: FloatArray, estimand: str) -> float:
    """Return how many equally weighted customers the weighted ones are worth (the scarcer arm).

    Sources:
        Kish (1965): (Σ w)² ÷ Σ w².
    """
    worth = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for side in (0, 1):
            weight = weight_of(arm, score, side, estimand)[arm == side]
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
    reach = normal_reach(known["confidence"])
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
        p_value=normal_p(effect / se),
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
