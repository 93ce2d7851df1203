"""Looking before the end: intervals and p-values that hold at every look, however many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from cvm.campaigns.effect import Effect, Estimate
from cvm.campaigns.words import NORMAL
from cvm.core.checks import ArgumentError, DataError, check_at_least


def always_valid(
    looks: Sequence[Estimate], *, expected_effect: float, campaign: str = ""
) -> Effect:
    """Turn plain estimates of successive looks into ones that may be acted on at any look.

    A mixture of likelihood ratios over effects of about the size expected is compared with none at
    all. Each p-value is the smallest so far and each interval the intersection so far, so neither
    is taken back by a later look. The interval is wider than the plain one: that is its price.

    Args:
        looks: Estimates on the data so far, oldest first, each with effect and standard error.
        expected_effect: Size of effect for which the intervals are tightest (its sign is ignored);
            fixed before the first look.
        campaign: Name for the result.

    Returns:
        The newest look first, then the earlier ones from the oldest.

    Raises:
        ArgumentError: No look, or the expected effect is zero.
        DataError: Looks differ in outcome or confidence.

    Sources:
        Robbins (1970), Annals of Mathematical Statistics 41; Johari, Koomen, Pekelis & Walsh
        (2022), Operations Research 70.
    """
    if not looks:
        raise ArgumentError("looks", "empty", "at least one estimate")
    check_at_least(abs(expected_effect), "expected_effect", 1e-300)
    if len({(one.outcome, one.confidence) for one in looks}) > 1:
        raise DataError("looks", "of several outcomes or levels", "of one outcome and level")
    found, low, high, p_value = [], -math.inf, math.inf, 1.0
    for one in looks:
        if one.can_tell and one.se > 0:
            reach, p_here = mixture_bound(one.effect, one.se, expected_effect, one.confidence)
            low, high = max(low, one.effect - reach), min(high, one.effect + reach)
            p_value = min(p_value, p_here)
            if low > high:
                # Estimates so far apart contradict one constant effect; keep the newest interval.
                low, high = one.effect - reach, one.effect + reach
                p_value = p_here
            se = reach / _quantile(one.confidence)
            one = replace(one, low=low, high=high, p_value=p_value, se=se, method="always_valid")
            one = replace(one, relative_low=math.nan, relative_high=math.nan)
        found.append(one)
    return Effect(campaign=campaign, estimates=(found[-1], *found[:-1]))


def mixture_bound(
    effect: float, se: float, expected_effect: float, confidence: float
) -> tuple[float, float]:
    """Return half the width of the always-valid interval, and the p-value, of one look.

    Args:
        effect: Estimate.
        se: Its standard error.
        expected_effect: Spread of the normal mixture.
        confidence: Of the interval (share).
    """
    variance, mixed = se**2, expected_effect**2
    spread = math.log1p(mixed / variance)
    level = math.log(1 / (1 - confidence))
    reach = math.sqrt(variance * (variance + mixed) / mixed * (2 * level + spread))
    log_ratio = mixed * effect**2 / (2 * variance * (variance + mixed)) - spread / 2
    return reach, min(1.0, math.exp(-max(log_ratio, 0.0)))


def _quantile(confidence: float) -> float:
    return NORMAL.inv_cdf(0.5 + confidence / 2)
