"""From a difference and its variance to an interval and a p-value that never contradict."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from cvm.campaigns.quantiles import normal_p, normal_reach, t_p, t_reach

LEAST_CUSTOMERS = 20
"""Customers an arm needs before a mean and its spread mean anything."""
LEAST_EVENTS = 5
"""Customers who leave, in both arms together, before a churn difference means anything."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """Mean of one arm and the variance of that mean.

    Attributes:
        mean: Level of the outcome.
        variance: Squared standard error of the mean.
        freedom: Degrees of freedom of the variance.
        count: Customers.
    """

    mean: float
    variance: float
    freedom: float
    count: int


def welch(control: Arm, treated: Arm, confidence: float) -> dict[str, float]:
    """Compare two arms by Welch's t, with Fieller's interval for the relative effect.

    The relative interval contains zero exactly when the absolute one does. It is NaN where the
    control's level cannot be told from zero.

    Sources:
        Welch (1947), Biometrika 34; Fieller (1954), JRSS B 16.
    """
    variance = control.variance + treated.variance
    se = math.sqrt(variance)
    # Exact in float: scaled by the total, so that tiny variances do not underflow when squared.
    parts = [arm.variance / variance for arm in (control, treated)]
    degrees = 1 / sum(
        part**2 / arm.freedom for part, arm in zip(parts, (control, treated), strict=True)
    )
    reach = t_reach(confidence, degrees)
    effect = treated.mean - control.mean
    found = {
        "treated_count": treated.count,
        "control_count": control.count,
        "treated_mean": treated.mean,
        "control_mean": control.mean,
        "effect": effect,
        "se": se,
        "low": effect - reach * se,
        "high": effect + reach * se,
        "p_value": t_p(effect / se, degrees),
        "confidence": confidence,
    }
    if control.mean:
        found["relative"] = treated.mean / control.mean - 1
        low, high = fieller(
            treated.mean, control.mean, treated.variance, control.variance, reach=reach
        )
        found |= {"relative_low": low - 1, "relative_high": high - 1}
    return found


def fieller(
    top: float,
    bottom: float,
    top_variance: float,
    bottom_variance: float,
    *,
    covariance: float = 0.0,
    reach: float,
) -> tuple[float, float]:
    """Return the interval of top ÷ bottom, NaN if the bottom cannot be told from zero.

    Args:
        top: Estimate of the numerator.
        bottom: Estimate of the denominator.
        top_variance: Squared standard error of the numerator.
        bottom_variance: Squared standard error of the denominator.
        covariance: Covariance of the two estimates.
        reach: Quantile in standard errors, e.g. 1.96.

    Example:
        >>> low, high = fieller(10.0, 5.0, 1.0, 0.01, reach=1.96)
        >>> round(low, 3), round(high, 3)
        (1.603, 2.403)
    """
    square = reach**2
    a = bottom**2 - square * bottom_variance
    b = top * bottom - square * covariance
    c = top**2 - square * top_variance
    inside = b**2 - a * c
    if a <= 0 or inside < 0:
        return math.nan, math.nan
    root = math.sqrt(inside)
    return (b - root) / a, (b + root) / a


def score_shares(
    control: tuple[float, int], treated: tuple[float, int], confidence: float
) -> dict[str, float]:
    """Compare two shares by Miettinen and Nurminen's score test and the intervals it inverts.

    It keeps its level where events are few, as with monthly churn, and needs no event in an arm.
    The intervals of the difference and of the ratio both rest on the test that gives the p-value.

    Args:
        control: Events and customers.
        treated: Events and customers.
        confidence: Of the interval (share).

    Sources:
        Miettinen & Nurminen (1985), Statistics in Medicine 4; Farrington & Manning (1990),
        Statistics in Medicine 9 (the closed form of the restricted estimate).
    """
    share_0, share_1 = control[0] / control[1], treated[0] / treated[1]
    effect = share_1 - share_0
    critical = normal_reach(confidence)

    def distance(gap: float) -> float:
        return abs(effect - gap) / math.sqrt(_variance_at_gap(control, treated, gap) or 1e-300)

    def distance_of_ratio(log_ratio: float) -> float:
        ratio = math.exp(log_ratio)
        variance = _variance_at_ratio(control, treated, ratio)
        return abs(share_1 - ratio * share_0) / math.sqrt(variance or 1e-300)

    spread = share_0 * (1 - share_0) / control[1] + share_1 * (1 - share_1) / treated[1]
    found = {
        "treated_count": treated[1],
        "control_count": control[1],
        "treated_mean": share_1,
        "control_mean": share_0,
        "effect": effect,
        "se": math.sqrt(spread),
        "low": _edge(distance, effect, -1.0, critical),
        "high": _edge(distance, effect, 1.0, critical),
        "p_value": normal_p(distance(0.0)),
        "confidence": confidence,
    }
    if share_0 > 0 and share_1 > 0:
        centre = math.log(share_1 / share_0)
        ends = [_edge(distance_of_ratio, centre, centre + far, critical) for far in (-20, 20)]
        found |= {
            "relative": share_1 / share_0 - 1,
            "relative_low": math.exp(ends[0]) - 1,
            "relative_high": math.exp(ends[1]) - 1,
        }
    return found


def _edge(
    distance: Callable[[float], float], inside: float, outside: float, critical: float
) -> float:
    """Return where ``distance`` passes the critical value between the two points, by bisection."""
    if distance(outside) < critical:
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        if distance(middle) < critical:
            inside = middle
        else:
            outside = middle
    return inside


def _variance_at_gap(control: tuple[float, int], treated: tuple[float, int], gap: float) -> float:
    """Return the variance of the difference under share_1 − share_0 = gap, restricted to it."""
    (events_0, n_0), (events_1, n_1) = control, treated
    p_0, p_1, theta = events_0 / n_0, events_1 / n_1, n_0 / n_1
    a = 1 + theta
    b = -(1 + theta + p_1 + theta * p_0 + gap * (theta + 2))
    c = gap**2 + gap * (2 * p_1 + theta + 1) + p_1 + theta * p_0
    d = -p_1 * gap * (1 + gap)
    v = b**3 / (3 * a) ** 3 - b * c / (6 * a**2) + d / (2 * a)
    u = math.copysign(math.sqrt(max(b**2 / (3 * a) ** 2 - c / (3 * a), 0.0)), v)
    turn = min(max(v / u**3, -1.0), 1.0) if u else 1.0
    held_1 = 2 * u * math.cos((math.pi + math.acos(turn)) / 3) - b / (3 * a)
    held_1 = min(max(held_1, 0.0), 1.0)
    held_0 = min(max(held_1 - gap, 0.0), 1.0)
    plain = held_1 * (1 - held_1) / n_1 + held_0 * (1 - held_0) / n_0
    return plain * (n_0 + n_1) / (n_0 + n_1 - 1)


def _variance_at_ratio(
    control: tuple[float, int], treated: tuple[float, int], ratio: float
) -> float:
    """Return the variance of share_1 − ratio × share_0 under share_1 = ratio × share_0."""
    (events_0, n_0), (events_1, n_1) = control, treated
    total = n_0 + n_1
    a = total * ratio
    b = -(n_1 * ratio + events_1 + n_0 + events_0 * ratio)
    c = events_0 + events_1
    held_0 = (-b - math.sqrt(max(b**2 - 4 * a * c, 0.0))) / (2 * a)
    held_1 = min(ratio * held_0, 1.0)
    plain = held_1 * (1 - held_1) / n_1 + ratio**2 * held_0 * (1 - held_0) / n_0
    return plain * total / (total - 1)
