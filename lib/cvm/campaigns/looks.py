"""Looking month by month before the end: the log hazard ratio, valid at every look."""

from __future__ import annotations

import math

import numpy as np

from cvm.campaigns.effect import Effect, Estimate, Outcome, cannot_tell
from cvm.campaigns.inference import LEAST_EVENTS
from cvm.campaigns.sequential import always_valid
from cvm.campaigns.survival import Exposure
from cvm.campaigns.words import NORMAL

LOG_HAZARD = Outcome(name="log_hazard_ratio", better="lower")
"""Logarithm of monthly churn with the offer ÷ without."""


def look_monthly(
    control: Exposure,
    treated: Exposure,
    *,
    expected_ratio: float = 0.8,
    confidence: float = 0.95,
    campaign: str = "",
) -> Effect:
    """Compare the arms at the end of each month so far, however often somebody looks.

    At each month the log-rank score ÷ its information estimates the log hazard ratio (Peto). The
    score's increments are independent whatever the churn of a month, which a difference of
    cumulative churn is not, so the looks may be joined into one always-valid result.

    Args:
        control: Months at risk of the control.
        treated: Months at risk of the treated.
        expected_ratio: Hazard ratio at which the intervals are tightest, fixed before the start.
        confidence: Of the intervals (share).
        campaign: Name for the result.

    Returns:
        The newest look first, then the earlier ones; ``group`` is the month.

    Sources:
        Yusuf, Peto et al. (1985), Progress in Cardiovascular Diseases 27; Tsiatis (1982), JASA 77
        (independent increments of the log-rank score).
    """
    months = min(control.months_seen, treated.months_seen)
    score, information = _score(control, treated, months)
    lost = np.cumsum(control.left[:months] + treated.left[:months])
    looks = [
        _look(month, score[month], information[month], lost[month], confidence)
        for month in range(months)
    ]
    if not looks:
        looks = [cannot_tell(LOG_HAZARD, "few_customers", confidence=confidence)]
    return always_valid(looks, expected_effect=math.log(expected_ratio), campaign=campaign)


def _score(control: Exposure, treated: Exposure, months: int) -> tuple[np.ndarray, np.ndarray]:
    n_0, n_1 = control.at_risk[:months], treated.at_risk[:months]
    lost, total = control.left[:months] + treated.left[:months], n_0 + n_1
    whole = np.maximum(total, 1)
    gap = treated.left[:months] - lost * n_1 / whole
    variance = lost * (n_0 / whole) * (n_1 / whole) * (total - lost) / np.maximum(total - 1, 1)
    return np.cumsum(gap), np.cumsum(variance)


def _look(month: int, score: float, information: float, lost: float, confidence: float) -> Estimate:
    group = str(month + 1)
    if lost < LEAST_EVENTS or information <= 0:
        return cannot_tell(LOG_HAZARD, "few_events", group=group, confidence=confidence)
    effect, se = score / information, 1 / math.sqrt(information)
    reach = NORMAL.inv_cdf(0.5 + confidence / 2) * se
    return Estimate(
        outcome=LOG_HAZARD,
        group=group,
        method="peto",
        effect=effect,
        se=se,
        low=effect - reach,
        high=effect + reach,
        p_value=2 * NORMAL.cdf(-abs(effect) / se),
        confidence=confidence,
    )
