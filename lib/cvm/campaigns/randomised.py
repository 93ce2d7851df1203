"""Effects against a random control: differences, CUPED, Lin's adjustment, ratio metrics.

Everything starts from :class:`~cvm.campaigns.moments.Moments` of the two arms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cvm.campaigns.effect import Effect, Estimate, Outcome, cannot_tell
from cvm.campaigns.inference import LEAST_CUSTOMERS, LEAST_EVENTS, Arm, score_shares, welch
from cvm.campaigns.moments import FloatArray, Moments
from cvm.campaigns.multiple import CORRECTIONS, adjust
from cvm.core.checks import ArgumentError, check_one_of

Covariate = str | tuple[str, str]
"""A column, or numerator and denominator of a ratio, measured before the campaign."""
ADJUSTMENTS = ("none", "cuped", "lin")


def compare(
    control: Moments | None,
    treated: Moments | None,
    outcome: Outcome,
    *,
    covariates: Sequence[Covariate] = (),
    adjustment: str = "none",
    confidence: float = 0.95,
    group: str = "all",
    least_customers: int = LEAST_CUSTOMERS,
) -> Estimate:
    """Compare two arms as they were assigned (intention to treat).

    A share without adjustment is compared by the score test; all else by Welch's t on means or, for
    a ratio metric, on the linearised ratio. ``cuped`` subtracts what covariates from before the
    campaign explain, with one slope for both arms; ``lin`` with a slope for each.

    Args:
        control: Moments of the customers held out.
        treated: Moments of the customers assigned to the offer, reached or not.
        outcome: What is compared.
        covariates: Columns from before the campaign; only read with an adjustment.
        adjustment: ``none``, ``cuped`` or ``lin``.
        confidence: Of the interval (share).
        group: Name of the customers the moments are of.
        least_customers: Customers an arm needs; below, nothing is told.

    Returns:
        The estimate; one without figures and with a reason where the data cannot tell.

    Raises:
        ArgumentError: Unknown adjustment or column, or an adjustment without covariates.

    Sources:
        Deng, Xu, Kohavi & Walker (2013), WSDM (CUPED); Lin (2013), Annals of Applied Statistics 7;
        Deng, Knoblich & Lu (2018), KDD (delta method).
    """
    check_one_of(adjustment, "adjustment", ADJUSTMENTS)
    if (adjustment == "none") != (not covariates):
        raise ArgumentError(
            "covariates", list(covariates), f"given exactly with an adjustment ({adjustment!r})"
        )
    reason = reason_not_to_tell(control, treated, outcome, least_customers)
    method = "difference" if adjustment == "none" else adjustment
    known: dict[str, Any] = {"group": group, "method": method, "confidence": confidence}
    if reason or control is None or treated is None:
        sizes = {
            "control_count": control.count if control else 0,
            "treated_count": treated.count if treated else 0,
        }
        return cannot_tell(outcome, reason, **known, **sizes)
    if outcome.kind == "share" and outcome.per is None and adjustment == "none":
        held, offered = (
            (arm.mean(outcome.name) * arm.count, arm.count) for arm in (control, treated)
        )
        return Estimate(outcome=outcome, **known | score_shares(held, offered, confidence))
    arms = _arms(control, treated, outcome, tuple(covariates), adjustment)
    if arms is None:
        return cannot_tell(outcome, "collinear", **known)
    if arms[0].variance + arms[1].variance <= 0:
        return cannot_tell(outcome, "no_variation", **known)
    return Estimate(outcome=outcome, **known | welch(*arms, confidence))


def reason_not_to_tell(
    control: Moments | None, treated: Moments | None, outcome: Outcome, least_customers: int
) -> str:
    """Return why two arms allow no answer (a key of ``campaigns.reason``); empty if they do."""
    if control is None or not control.count:
        return "no_control"
    if treated is None or not treated.count:
        return "no_treated"
    if min(control.count, treated.count) < max(least_customers, 2):
        return "few_customers"
    both = control + treated
    if outcome.per is not None and not (control.mean(outcome.per) and treated.mean(outcome.per)):
        return "no_denominator"
    if outcome.kind == "share" and outcome.per is None:
        events = both.mean(outcome.name) * both.count
        if min(events, both.count - events) < LEAST_EVENTS - 1e-9:
            return "few_events"
    if both.variance(outcome.name) <= 0 and outcome.per is None:
        return "no_variation"
    return ""


def compare_all(
    control: Moments,
    treated: Moments,
    outcomes: Sequence[Outcome],
    *,
    covariates: Mapping[str, Sequence[Covariate]] | None = None,
    correction: str = "holm",
    confidence: float = 0.95,
    campaign: str = "",
) -> Effect:
    """Compare several outcomes, with p-values adjusted for how many there are.

    Args:
        control: Moments of the control.
        treated: Moments of the treated.
        outcomes: The first is the headline.
        covariates: Outcome → columns for CUPED; outcomes without are compared plainly.
        correction: ``holm``, ``benjamini_hochberg`` or ``none``.
        confidence: Of the intervals (share).
        campaign: Name for the result.
    """
    given = covariates or {}
    estimates = [
        compare(
            control,
            treated,
            one,
            covariates=given.get(one.name, ()),
            adjustment="cuped" if given.get(one.name) else "none",
            confidence=confidence,
        )
        for one in outcomes
    ]
    return _corrected(Effect(campaign=campaign, estimates=tuple(estimates)), correction)


def compare_groups(
    groups: Mapping[str, tuple[Moments | None, Moments | None]],
    outcome: Outcome,
    *,
    correction: str = "holm",
    confidence: float = 0.95,
    campaign: str = "",
) -> Effect:
    """Compare the arms in each tier (county, segment), and in all of them as the headline.

    The headline is the difference over all customers; p-values of the groups are adjusted.

    Args:
        groups: Group → moments of control and treated (None if an arm has nobody there).
        outcome: What is compared.
        correction: ``holm``, ``benjamini_hochberg`` or ``none``.
        confidence: Of the intervals (share).
        campaign: Name for the result.
    """
    if not groups:
        raise ArgumentError("groups", {}, "at least one group")
    whole = [_pooled([pair[arm] for pair in groups.values()]) for arm in (0, 1)]
    headline = compare(whole[0], whole[1], outcome, confidence=confidence)
    parts = [
        compare(control, treated, outcome, confidence=confidence, group=str(name))
        for name, (control, treated) in groups.items()
    ]
    effect = _corrected(Effect(campaign=campaign, estimates=tuple(parts)), correction)
    return effect.with_estimates((headline, *effect.estimates))


def _pooled(parts: Sequence[Moments | None]) -> Moments | None:
    known = [part for part in parts if part is not None]
    if not known:
        return None
    total = known[0]
    for part in known[1:]:
        total = total + part
    return total


def _corrected(effect: Effect, correction: str) -> Effect:
    check_one_of(correction, "correction", ("none", *CORRECTIONS))
    if correction == "none" or len(effect.estimates) < 2:
        return effect
    return adjust(effect, correction)


def _arms(
    control: Moments,
    treated: Moments,
    outcome: Outcome,
    covariates: tuple[Covariate, ...],
    adjustment: str,
) -> tuple[Arm, Arm] | None:
    """Return both arms' adjusted means; None if the covariates determine one another."""
    total = control + treated
    metric = (outcome.name, outcome.per)
    pairs = [(one, None) if isinstance(one, str) else one for one in covariates]
    centre = np.array([_ratio(total, pair) for pair in pairs])
    slopes: FloatArray | None = np.zeros(0)
    if adjustment == "cuped":
        slopes = _slopes(total, metric, pairs)
    found = []
    for arm in (control, treated):
        own = _slopes(arm, metric, pairs) if adjustment == "lin" else slopes
        if own is None:
            return None
        here = np.array([_ratio(arm, pair) for pair in pairs])
        weights = _weights(arm, metric)
        for slope, pair in zip(own, pairs, strict=True):
            weights = weights - slope * _weights(arm, pair)
        # Slopes of an arm's own are fitted to its outcomes; each takes a degree of freedom.
        freedom = arm.count - 1 - (len(pairs) if adjustment == "lin" else 0)
        if freedom < 1:
            return None
        variance = max(float(weights @ arm.products @ weights), 0.0) / freedom
        mean = _ratio(arm, metric) - float(own @ (here - centre))
        found.append(
            Arm(mean=mean, variance=variance / arm.count, freedom=freedom, count=arm.count)
        )
    return found[0], found[1]


def _ratio(moments: Moments, pair: tuple[str, str | None]) -> float:
    top, per = pair
    if per is None:
        return moments.mean(top)
    bottom = moments.mean(per)
    return moments.mean(top) / bottom if bottom else math.nan


def _weights(moments: Moments, pair: tuple[str, str | None]) -> FloatArray:
    """Return the weights of the columns whose combination varies like the ratio."""
    top, per = pair
    weights = np.zeros(len(moments.names))
    if per is None:
        weights[moments.place(top)] = 1.0
        return weights
    bottom = moments.mean(per)
    weights[moments.place(top)] += 1.0 / bottom
    weights[moments.place(per)] -= _ratio(moments, pair) / bottom
    return weights


def _slopes(
    moments: Moments, metric: tuple[str, str | None], pairs: Sequence[tuple[str, str | None]]
) -> FloatArray | None:
    """Return the regression slopes of the metric on the covariates; None if collinear.

    A covariate that does not vary gets slope zero.
    """
    rows = np.array([_weights(moments, pair) for pair in pairs])
    squares = rows @ moments.products @ rows.T
    cross = rows @ moments.products @ _weights(moments, metric)
    varying = np.diag(squares) > 0
    slopes = np.zeros(len(pairs))
    if varying.any():
        inner = squares[np.ix_(varying, varying)]
        scale = np.sqrt(np.diag(inner))
        if np.linalg.cond(inner / np.outer(scale, scale)) > 1e12:
            return None
        slopes[varying] = np.linalg.solve(inner, cross[varying])
    return slopes
