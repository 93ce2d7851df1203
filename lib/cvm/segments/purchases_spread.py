"""How far a customer's purchases to come scatter around what is expected of them.

While active a customer's purchases in a time ahead are the smaller of two numbers: those of a
Poisson process, and those up to the one after which the customer leaves. Given what was seen, the
rate is gamma(r + x, alpha + T) and the chance to leave beta(a, b + x), so the chance of k or more
is a negative binomial tail × the chance to stay after k − 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betaln

from cvm.segments.purchases_expect import chance_active
from cvm.segments.purchases_months import chance_active_months

FloatArray = npt.NDArray[np.float64]
_LEAST = 1e-12
_MOST = 100_000


def purchases_variance(
    parameters: FloatArray,
    repeats: npt.ArrayLike,
    last_at: npt.ArrayLike,
    observed: npt.ArrayLike,
    ahead: float,
    *,
    first: int = 0,
) -> FloatArray:
    """Return the variance of purchases in a time ahead under BG/NBD.

    Args:
        parameters: r, alpha, a, b.
        repeats: x.
        last_at: tx.
        observed: T.
        ahead: t, in the same unit of time.
        first: 1 if customers may leave after the first purchase too (MBG/NBD), else 0.
    """
    r, alpha, a, b = parameters
    x, end = np.broadcast_arrays(np.asarray(repeats, float), np.asarray(observed, float))
    active = chance_active(parameters, x, last_at, end, first=first)
    log_none = (r + x) * np.log((alpha + end) / (alpha + end + ahead))
    log_more = np.log(ahead / (alpha + end + ahead)) if ahead else np.full(x.shape, -np.inf)
    exactly, at_most = log_none, np.exp(log_none)
    stays = np.ones(x.shape)
    mean, square = np.zeros(x.shape), np.zeros(x.shape)
    for count in range(1, _MOST):
        tail = np.maximum(1 - at_most, 0) * stays
        mean += tail
        square += (2 * count - 1) * tail
        if not (tail > _LEAST).any():
            break
        exactly = exactly + np.log((r + x + count - 1) / count) + log_more
        at_most = at_most + np.exp(exactly)
        stays = stays * (b + first + x + count - 1) / (a + b + first + x + count - 1)
    found: FloatArray = active * square - (active * mean) ** 2
    return found


def months_variance(
    parameters: FloatArray,
    repeats: npt.ArrayLike,
    last_at: npt.ArrayLike,
    observed: npt.ArrayLike,
    ahead: float,
) -> FloatArray:
    """Return the variance of the number of months with a purchase under BG/BB.

    Two months both have one if the customer is there in the later and buys in both.

    Args:
        parameters: alpha, beta, gamma, delta.
        repeats: See :func:`cvm.segments.purchases_months.chance_active_months`.
        last_at: See there.
        observed: See there.
        ahead: t, whole months.
    """
    alpha, beta, gamma, delta = parameters
    x, end = np.broadcast_arrays(np.asarray(repeats, float), np.asarray(observed, float))
    active = chance_active_months(parameters, x, last_at, end)
    buys = (alpha + x) / (alpha + beta + end)
    buys_twice = buys * (alpha + x + 1) / (alpha + beta + end + 1)
    there, pairs = np.zeros(x.shape), np.zeros(x.shape)
    for month in range(1, int(ahead) + 1):
        stays = np.exp(betaln(gamma, delta + end + month) - betaln(gamma, delta + end))
        there += stays
        pairs += (month - 1) * stays
    mean = active * buys * there
    found: FloatArray = mean + 2 * active * buys_twice * pairs - mean**2
    return found
