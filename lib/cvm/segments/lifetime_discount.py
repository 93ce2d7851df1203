"""Residual lifetime, discounted renewals and retention elasticity of a lifetime model.

An *age* is the number of chances to leave a customer has already stayed through. Discounted
expected renewals are the DERL of Fader & Hardie (2010), "Customer-base valuation in a contractual
setting", seen just before the next chance: Σ S(age + k) / S(age) ÷ (1 + d)^(k − 1), k = 1, 2, ….
Their n, the period a customer is in, is age + 1.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import hyp2f1

from cvm.core.checks import check_at_least, check_between
from cvm.segments.lifetime_models import log_retention, log_survival, parameters

FloatArray = npt.NDArray[np.float64]
_TAIL = 1e-5
_LEAST_TERMS = 60
_MOST_TERMS = 4_000


def discounted_renewals_closed(
    alpha: FloatArray, beta: FloatArray, ages: FloatArray, discount_rate: float
) -> FloatArray:
    """Return discounted expected renewals of sBG in closed form, with Gauss's ₂F₁.

    Args:
        alpha: Alpha (γ in the paper), broadcast with ages.
        beta: Beta (δ in the paper).
        ages: Chances already stayed through (n − 1 in the paper).
        discount_rate: Per period, above 0.

    Example:
        >>> float(round(100 * discounted_renewals_closed(0.764, 1.296, 0, 0.1), 2))
        288.22
    """
    alpha, beta, ages = np.broadcast_arrays(*(np.asarray(v, float) for v in (alpha, beta, ages)))
    stay = beta + ages
    found = hyp2f1(1, stay + 1, alpha + stay + 1, 1 / (1 + discount_rate))
    found = np.asarray(stay / (alpha + stay) * found)
    # SciPy's function fails where customers are much alike (alpha large); the series does not.
    for place in np.argwhere(~np.isfinite(found)):
        at = tuple(place)
        point = np.array([np.log(alpha[at] / stay[at]), np.log(alpha[at])])
        found[at] = discounted_renewals(point, 0, discount_rate)[0][0]
    return found


def discounted_renewals(
    points: FloatArray, last_age: int, discount_rate: float
) -> tuple[FloatArray, FloatArray]:
    """Return discounted renewals and retention elasticity at ages 0 … ``last_age``.

    The elasticity is the per cent by which the discounted renewals rise when every later period's
    retention rises by one per cent: the discount-weighted mean number of the renewal,
    Σ k·S·v ÷ Σ S·v. For customers all alike it is (1 + d) / (1 + d − retention).

    Args:
        points: Coordinates [..., 2 or 3].
        last_age: The greatest age wanted.
        discount_rate: Per period, above 0.

    Returns:
        Renewals and elasticity, each [..., last_age + 1].
    """
    check_at_least(last_age, "last_age", 0)
    check_between(discount_rate, "discount_rate", low=0, high=1e6, include_low=False)
    points = np.asarray(points, float)
    keep = 1 / (1 + discount_rate)
    terms = math.ceil(math.log(_TAIL) / math.log(keep))
    terms = min(max(terms, _LEAST_TERMS), _MOST_TERMS)
    ages = np.arange(1.0, last_age + terms + 2)
    retention = np.exp(log_retention(points, ages))
    # Beyond the last term retention is taken as constant; what that misses is discounted away.
    final = retention[..., -1]
    renewals = final / (1 - final * keep)
    weighted = renewals / (1 - final * keep)
    out = np.empty((2, *points.shape[:-1], last_age + 1))
    for place in range(len(ages) - 2, -1, -1):
        stay = retention[..., place]
        # Every later renewal is one further away: Σ (k+1) = Σ k + Σ 1.
        weighted = stay * (1 + keep * (weighted + renewals))
        renewals = stay * (1 + keep * renewals)
        if place <= last_age:
            out[0, ..., place] = renewals
            out[1, ..., place] = weighted / renewals
    return out[0], out[1]


def residual_periods(points: FloatArray, age: int, within: int) -> FloatArray:
    """Return the expected renewals still to come within a number of periods, undiscounted.

    Args:
        points: Coordinates [..., 2 or 3].
        age: Chances already stayed through.
        within: Periods to look ahead (without that limit the mean may be infinite).
    """
    ahead = np.arange(age, age + within + 1.0)
    survival = log_survival(points, ahead)
    return np.exp(survival[..., 1:] - survival[..., :1]).sum(axis=-1)


def mean_residual_periods(point: FloatArray, age: int) -> float:
    """Return the mean number of renewals still to come for sBG: (beta + age) / (alpha − 1).

    It is infinite for alpha ≤ 1: some customers are as good as certain to stay.
    """
    alpha, beta, _ = parameters(np.asarray(point, float)[:2])
    return float((beta + age) / (alpha - 1)) if alpha > 1 else math.inf


def median_residual_periods(point: FloatArray, age: int, longest: int = 1_200) -> float:
    """Return after how many more chances half of the customers of an age have left.

    Infinite if more than half are still here after ``longest``.
    """
    survival = log_survival(point, np.arange(age, age + longest + 1.0))
    below = np.flatnonzero(survival - survival[0] <= math.log(0.5))
    return float(below[0]) if len(below) else math.inf
