"""Likelihoods of repeat buying: BG/NBD and MBG/NBD with gradients, Pareto/NBD as a check.

While alive a customer buys at a Poisson rate drawn from a gamma(r, alpha). BG/NBD (Fader, Hardie &
Lee 2005, "Counting your customers the easy way"): after each purchase the customer may leave, with
a chance drawn from a beta(a, b); in MBG/NBD (Batislam, Denizel & Filiztekin 2007, "Empirical
validation and comparison of models for customer base analysis") after the first purchase too, so
that who never came back may have left. Pareto/NBD (Schmittlein, Morrison & Colombo 1987): the
customer leaves at a rate drawn from a gamma(s, beta), at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1, psi

from cvm.segments.lifetime_climb import climb, with_gradient
from cvm.segments.purchases_counts import Purchases

FloatArray = npt.NDArray[np.float64]
BOUNDS = np.array([[-8.0, 8.0]] * 4)
"""Of the logarithms of the four parameters, times in units of the mean time observed."""


@dataclass(frozen=True, eq=False)
class Folded:
    """Purchases folded once more, so that each logarithm is taken once a distinct value.

    Attributes:
        repeats: Distinct x.
        repeat_customers: Customers of each.
        ends: Distinct T.
        end_place: Where each row's T stands.
        end_customers: Customers of each T.
        end_events: Sum of x over the customers of each T.
        lasts: Distinct tx, of those who may have left.
        first: 1 if customers may leave after the first purchase, else 0.
        x: x of the rows of customers who may have left; so are the next.
        n: Customers.
        repeat_place: Where x stands in ``repeats``.
        last_place: Where tx stands in ``lasts``.
        buyer_end: Where T stands in ``ends``.
    """

    repeats: FloatArray
    repeat_customers: FloatArray
    ends: FloatArray
    end_customers: FloatArray
    end_events: FloatArray
    lasts: FloatArray
    first: int
    x: FloatArray
    n: FloatArray
    repeat_place: npt.NDArray[np.int64]
    last_place: npt.NDArray[np.int64]
    buyer_end: npt.NDArray[np.int64]


def fold(purchases: Purchases, *, first: int = 0) -> Folded:
    """Return purchases folded for :func:`bgnbd_log_likelihood`.

    Args:
        purchases: Customers by distinct (x, tx, T).
        first: 1 if customers may leave after the first purchase (MBG/NBD), else 0.
    """
    x, n = purchases.repeats, purchases.customers
    x_place, repeats = _distinct(x)
    end_place, ends = _distinct(purchases.observed)
    buyer = x + first > 0
    last_place, lasts = _distinct(purchases.last_at[buyer])
    return Folded(
        repeats=repeats,
        repeat_customers=np.bincount(x_place, weights=n).astype(float),
        ends=ends,
        end_customers=np.bincount(end_place, weights=n).astype(float),
        end_events=np.bincount(end_place, weights=n * x).astype(float),
        lasts=lasts,
        first=first,
        x=x[buyer],
        n=n[buyer],
        repeat_place=x_place[buyer],
        last_place=last_place,
        buyer_end=end_place[buyer],
    )


def _distinct(values: FloatArray) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Return each value's place among the distinct ones, and these; by hashing, not sorting."""
    places, distinct = pd.factorize(values, sort=True)
    return places.astype(np.int64), np.asarray(distinct, float)


def bgnbd_log_likelihood(log_parameters: FloatArray, data: Folded) -> tuple[float, FloatArray]:
    """Return the log-likelihood and its gradient in log r, log alpha, log a, log b.

    A customer of x repeat purchases stayed after x of them in BG/NBD, after x + 1 in MBG/NBD.
    """
    r, alpha, a, b = np.exp(log_parameters)
    x, many = data.repeats, data.repeat_customers
    chances = x + data.first
    total = float(many.sum())
    log_end, log_last = np.log(alpha + data.ends), np.log(alpha + data.lasts)
    # The factors of x alone and of T alone.
    value = float(
        many
        @ (
            gammaln(r + x)
            - gammaln(r)
            + gammaln(a + b)
            + gammaln(b + chances)
            - gammaln(b)
            - gammaln(a + b + chances)
        )
        + total * r * np.log(alpha)
        - (r * data.end_customers + data.end_events) @ log_end
    )
    by_r = float(many @ psi(r + x)) + total * (np.log(alpha) - psi(r))
    by_r -= float(data.end_customers @ log_end)
    by_alpha = total * r / alpha
    by_alpha -= float((r * data.end_customers + data.end_events) @ (1 / (alpha + data.ends)))
    ab = psi(a + b) - psi(a + b + chances)
    by_a = float(many @ ab)
    by_b = float(many @ (ab + psi(b + chances) - psi(b)))
    # Alive or left with the last purchase: log(1 + odds), where odds need x, tx and T together.
    if len(data.x):
        later = np.maximum(chances, 1.0)
        lead = np.log(a) - np.log(b + later - 1)
        gap = log_end[data.buyer_end]
        gap -= log_last[data.last_place]
        odds = gap * (r + x)[data.repeat_place]
        odds += lead[data.repeat_place]
        np.exp(odds, out=odds)
        value += float(data.n @ np.log1p(odds))
        odds /= 1 + odds
        odds *= data.n
        left = np.bincount(data.repeat_place, weights=odds, minlength=len(x))
        rate = odds * (r + x)[data.repeat_place]
        by_r += float(odds @ gap)
        by_alpha += float(
            np.bincount(data.buyer_end, weights=rate, minlength=len(data.ends))
            @ (1 / (alpha + data.ends))
        )
        by_alpha -= float(
            np.bincount(data.last_place, weights=rate, minlength=len(data.lasts))
            @ (1 / (alpha + data.lasts))
        )
        by_a += float(left.sum()) / a
        by_b -= float(left @ (1 / (b + later - 1)))
    return value, np.array([by_r * r, by_alpha * alpha, by_a * a, by_b * b])


def pareto_log_likelihood(log_parameters: FloatArray, purchases: Purchases) -> float:
    """Return Pareto/NBD's log-likelihood at log r, log alpha, log s, log beta."""
    r, alpha, s, beta = np.exp(log_parameters)
    x, last, end = purchases.repeats, purchases.last_at, purchases.observed
    every = r + s + x
    high, low = max(alpha, beta), min(alpha, beta)
    other = s + 1 if alpha >= beta else r + x

    def part(time: FloatArray) -> FloatArray:
        # Euler's transformation of ₂F₁(every, other; every + 1; ·), which overflows.
        inner = hyp2f1(1, every + 1 - other, every + 1, (high - low) / (high + time))
        power = (1 - other) * (np.log(low + time) - np.log(high + time))
        return np.log(inner) + power - every * np.log(high + time)

    at_last, at_end = part(last), part(end)
    stayed = -(r + x) * np.log(alpha + end) - s * np.log(beta + end)
    gone = np.log(s / every) + at_last + np.log(-np.expm1(np.minimum(at_end - at_last, -1e-300)))
    ever = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return float(purchases.customers @ (ever + np.logaddexp(stayed, gone)))


def fit_pareto(purchases: Purchases) -> tuple[FloatArray, float]:
    """Fit Pareto/NBD, as a check of BG/NBD: r, alpha, s, beta and the log-likelihood.

    A general optimiser comes near the top, where it stops at the noise of its own differences;
    Newton steps on a nine-digit gradient go the rest of the way.
    """
    unit = float(purchases.customers @ purchases.observed) / purchases.total
    scale = np.array([0, np.log(unit), 0, np.log(unit)])

    def likelihood(point: FloatArray) -> float:
        return pareto_log_likelihood(point + scale, purchases)

    near = minimize(
        lambda point: -likelihood(point) / purchases.total,
        np.array([-0.5, -0.5, -0.5, -0.5]),
        method="L-BFGS-B",
        bounds=BOUNDS,
        options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 1_000},
    )
    point = climb(partial(with_gradient, likelihood), near.x, BOUNDS, enough=1e-15)
    return np.exp(point + scale), likelihood(point)
