"""As assigned and for those reached, side by side (ITT and CACE)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from scipy import stats

from cvm.campaigns.effect import Effect, Estimate, Outcome, cannot_tell
from cvm.campaigns.inference import LEAST_CUSTOMERS, fieller
from cvm.campaigns.moments import Moments
from cvm.campaigns.randomised import compare

LEAST_STRENGTH = 10.0
"""F of "assigned makes reached" below which nothing is told of those reached."""


def compare_reached(
    control: Moments,
    treated: Moments,
    outcome: Outcome,
    *,
    reached: str = "reached",
    confidence: float = 0.95,
    campaign: str = "",
    least_customers: int = LEAST_CUSTOMERS,
) -> Effect:
    """Estimate the effect as assigned, and on those whom assignment made to be reached.

    The second (complier average causal effect) is the first divided by how many more were reached
    among the treated than among the controls (Wald); controls reached all the same are so allowed
    for. It supposes that being assigned does nothing to those who are not reached. Its interval is
    that of Anderson and Rubin, which holds however few are reached and has the p-value of the
    effect as assigned; its standard error is that of two-stage least squares.

    Args:
        control: Moments, with the outcome and the flag of being reached.
        treated: The same of the treated.
        outcome: What is compared; not a ratio metric.
        reached: Name of the flag.
        confidence: Of the intervals (share).
        campaign: Name for the result.
        least_customers: Customers an arm needs.

    Sources:
        Imbens & Angrist (1994), Econometrica 62; Anderson & Rubin (1949).
    """
    assigned = compare(
        control,
        treated,
        outcome,
        confidence=confidence,
        least_customers=least_customers,
    )
    return Effect(
        campaign=campaign,
        estimates=(assigned, _of_reached(control, treated, outcome, reached, assigned)),
    )


def _of_reached(
    control: Moments, treated: Moments, outcome: Outcome, reached: str, assigned: Estimate
) -> Estimate:
    known: dict[str, Any] = {
        "estimand": "reached",
        "method": "wald",
        "confidence": assigned.confidence,
    }
    if not assigned.can_tell:
        return cannot_tell(outcome, assigned.reason, **known)
    arms = (control, treated)
    more = treated.mean(reached) - control.mean(reached)
    more_variance = sum(arm.variance(reached) / arm.count for arm in arms)
    if more <= 0 or more**2 < LEAST_STRENGTH * more_variance:
        return cannot_tell(outcome, "nobody_reached", **known)
    gap = treated.mean(outcome.name) - control.mean(outcome.name)
    effect = gap / more
    gap_variance = sum(arm.variance(outcome.name) / arm.count for arm in arms)
    both = sum(arm.covariance(outcome.name, reached) / arm.count for arm in arms)
    variance = (gap_variance - 2 * effect * both + effect**2 * more_variance) / more**2
    # The reach at which the interval ends at zero exactly when the p-value is at its level.
    level_p = max(assigned.p_value, 1e-300)
    own = abs(gap) / math.sqrt(gap_variance)
    standard = float(stats.norm.isf(level_p / 2))
    reach = float(stats.norm.isf((1 - assigned.confidence) / 2))
    if own > 0 and standard > 0:
        reach *= own / standard
    low, high = fieller(gap, more, gap_variance, more_variance, covariance=both, reach=reach)
    if math.isnan(low):
        return cannot_tell(outcome, "nobody_reached", **known)
    level = _level_without(control, treated, outcome, reached, more, effect)
    return replace(
        assigned,
        **known,
        effect=effect,
        se=math.sqrt(max(variance, 0.0)),
        low=low,
        high=high,
        treated_mean=level + effect,
        control_mean=level,
        relative=effect / level if level > 0 else math.nan,
        relative_low=math.nan,
        relative_high=math.nan,
    )


def _level_without(
    control: Moments, treated: Moments, outcome: Outcome, reached: str, more: float, effect: float
) -> float:
    """Return the outcome without the offer among those whom assignment made to be reached.

    Their mean with it is the difference of E[outcome × reached] between arms, over the difference
    of the shares reached (Abadie 2002).
    """
    products = [
        arm.mean(outcome.name) * arm.mean(reached)
        + float(arm.products[arm.place(outcome.name), arm.place(reached)]) / arm.count
        for arm in (control, treated)
    ]
    return (products[1] - products[0]) / more - effect
