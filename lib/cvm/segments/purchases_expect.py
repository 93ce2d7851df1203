"""What BG/NBD expects of a customer: purchases to come, and the chance of still being active.

Formulas of Fader, Hardie & Lee (2005), eqs. 7 and 10, and of their note on P(alive). MBG/NBD has
one more purchase after which a customer may leave: b + 1 stands for b, and who never came back
may be gone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import hyp2f1

from cvm.core.checks import check_at_least

FloatArray = npt.NDArray[np.float64]
_NEAR_ONE = 1e-6


def chance_active(
    parameters: FloatArray,
    repeats: npt.ArrayLike,
    last_at: npt.ArrayLike,
    observed: npt.ArrayLike,
    *,
    first: int = 0,
) -> FloatArray:
    """Return the chance that a customer is still active at the end of what was observed.

    Without a repeat purchase it is 1 in BG/NBD: customers leave only after a repeat purchase.

    Args:
        parameters: r, alpha, a, b.
        repeats: x.
        last_at: tx.
        observed: T.
        first: 1 if customers may leave after the first purchase too (MBG/NBD), else 0.
    """
    r, alpha, a, b = parameters
    x, last, end = (np.asarray(value, float) for value in (repeats, last_at, observed))
    later = np.maximum(x + first, 1)
    log_odds = np.log(a / (b + later - 1)) + (r + x) * (np.log(alpha + end) - np.log(alpha + last))
    with np.errstate(over="ignore"):
        return np.where(x + first > 0, 1 / (1 + np.exp(log_odds)), 1.0)


def expected_purchases(
    parameters: FloatArray,
    repeats: npt.ArrayLike,
    last_at: npt.ArrayLike,
    observed: npt.ArrayLike,
    ahead: npt.ArrayLike,
    *,
    first: int = 0,
) -> FloatArray:
    """Return the expected purchases of a customer in a time ahead, E[Y(t) | x, tx, T].

    Args:
        parameters: r, alpha, a, b.
        repeats: x.
        last_at: tx.
        observed: T.
        ahead: t, in the same unit of time.
        first: See :func:`chance_active`.

    Example:
        >>> cdnow = np.array([0.242595, 4.413602, 0.792922, 2.425907])
        >>> float(round(expected_purchases(cdnow, 2, 30.43, 38.86, 39), 3))
        1.226
    """
    x, end, t = (np.asarray(value, float) for value in (repeats, observed, ahead))
    check_at_least(float(np.min(t)), "ahead", 0)
    active = chance_active(parameters, repeats, last_at, observed, first=first)
    r, alpha, a, b = parameters
    return active * _if_active(np.array([r, alpha, a, b + first]), x, end, t)


def _if_active(parameters: FloatArray, x: FloatArray, end: FloatArray, t: FloatArray) -> FloatArray:
    """Return expected purchases of a customer who is active at T."""
    r, alpha, a, b = parameters
    if abs(a - 1) < _NEAR_ONE:
        # The formula is 0 ÷ 0 at a = 1 and smooth around it.
        step = np.array([0, 0, 2 * _NEAR_ONE, 0])
        below, above = np.array([r, alpha, 1, b]) - step, np.array([r, alpha, 1, b]) + step
        return (_if_active(below, x, end, t) + _if_active(above, x, end, t)) / 2
    # Euler's transformation of the published ₂F₁(r + x, b + x; a + b + x − 1; ·), which overflows
    # for customers of many purchases.
    passed = t / (alpha + end + t)
    inner = (1 - passed) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, passed)
    return (a + b + x - 1) / (a - 1) * (1 - inner)
