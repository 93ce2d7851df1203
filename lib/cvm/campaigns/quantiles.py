"""Reach of an interval and p-value of a statistic, without the overhead of a distribution object.

A scorecard asks for them tens of thousands of times, one by one; the distributions of scipy check
and broadcast their arguments each time, which takes a hundred times as long as the answer.
"""

from __future__ import annotations

from scipy import special


def normal_reach(confidence: float) -> float:
    """Return how many standard errors an interval reaches to either side.

    Example:
        >>> round(normal_reach(0.95), 4)
        1.96
    """
    return -float(special.ndtri((1 - confidence) / 2))


def normal_p(statistic: float) -> float:
    """Return the two-sided p-value of a statistic that is normal if there is no effect.

    Example:
        >>> round(normal_p(-1.96), 4)
        0.05
    """
    return 2 * float(special.ndtr(-abs(statistic)))


def t_reach(confidence: float, freedom: float) -> float:
    """Return the reach with an error from so many degrees of freedom (Student's t).

    Example:
        >>> round(t_reach(0.95, 9), 4)
        2.2622
    """
    return -float(special.stdtrit(freedom, (1 - confidence) / 2))


def t_p(statistic: float, freedom: float) -> float:
    """Return the two-sided p-value by Student's t.

    Example:
        >>> round(t_p(2.2622, 9), 4)
        0.05
    """
    return 2 * float(special.stdtr(freedom, -abs(statistic)))
