"""Intervals as the values a test does not reject: for tests by enumeration."""

from __future__ import annotations

import math
from collections.abc import Callable

MOST_DRAWS = 4096
TOLERANCE = 1e-9
"""Relative; statistics as equal as this are ties."""


def invert(
    p_value: Callable[[float], float], effect: float, se: float, level: float
) -> tuple[float, float]:
    """Return the ends of the values that a test does not reject, by bisection from the estimate.

    Zero is inside exactly if the test does not reject zero.

    Args:
        p_value: Value → p-value of the effect being that value.
        effect: Estimate, which is never rejected.
        se: Standard error, the step of the search.
        level: Below it a value is rejected.
    """
    ends = []
    zero_inside = p_value(0.0) >= level
    for sign in (-1.0, 1.0):
        inner, step = effect, se
        towards_zero = (0.0 - effect) * sign > 0
        if towards_zero and zero_inside:
            inner = 0.0
        outer = inner + sign * step
        if towards_zero and not zero_inside:
            outer = 0.0
        else:
            for _ in range(60):
                if p_value(outer) < level:
                    break
                inner, step = outer, step * 2
                outer = inner + sign * step
            else:
                outer = sign * math.inf
        if math.isfinite(outer):
            for _ in range(40):
                middle = (inner + outer) / 2
                if p_value(middle) < level:
                    outer = middle
                else:
                    inner = middle
        else:
            inner = outer
        ends.append(inner)
    return ends[0], ends[1]


def few_clusters_reason(treated: int, control: int) -> str:
    """Return why so few branches cannot tell (a key of the catalogue); empty if they can."""
    if not control:
        return "no_control"
    if not treated:
        return "no_treated"
    return "few_clusters" if min(treated, control) < 2 else ""
