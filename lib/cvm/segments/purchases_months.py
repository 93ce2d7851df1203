"""Purchases that can happen once a month: BG/BB, its likelihood and what it expects.

Where a month has a purchase or has none (a bill, a renewal, a recharge counted by month), purchases
are no Poisson process: who buys every month does so like clockwork, and BG/NBD, which takes such
regularity for a high rate with chance gaps, keeps silent customers active for too long. BG/BB
(Fader, Hardie & Shang 2010, "Customer-base analysis in a discrete-time noncontractual setting",
Marketing Science 29) tosses two coins a month instead: a customer who is still active buys with a
chance drawn from a beta(alpha, beta), and before each month leaves with a chance drawn from a
beta(gamma, delta).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, psi

from cvm.core.checks import ArgumentError, DataError, check_at_least
from cvm.segments.purchases_counts import Purchases

FloatArray = npt.NDArray[np.float64]


def check_months(purchases: Purchases) -> None:
    """Refuse purchases that are not at most one a month.

    Args:
        purchases: Times in months.

    Raises:
        DataError: A time is not whole, or there are more purchases than months.
    """
    x, last, end = purchases.repeats, purchases.last_at, purchases.observed
    for name, wrong, expected in (
        ("last_at", last != np.rint(last), "whole months"),
        ("observed", end != np.rint(end), "whole months"),
        ("repeats", x > last, "at most one a month up to the last"),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"purchases.{name}",
                f"x {x[row]:g}, tx {last[row]:g}, T {end[row]:g}",
                expected,
                action='count months with a purchase, or fit model="bgnbd"',
            )


def bgbb_log_likelihood(
    log_parameters: FloatArray, purchases: Purchases
) -> tuple[float, FloatArray]:
    """Return BG/BB's log-likelihood and its gradient in log alpha, log beta, log gamma, log delta.

    The customers who share x and T share the likelihood of having stayed; those who left after
    month m, for tx ≤ m < T, are sums of one table over x and m, added up from the last month.
    """
    parameters = np.exp(log_parameters)
    alpha, beta, gamma, delta = parameters
    stayed, left, slopes = _likelihoods(parameters, purchases)
    likelihood = stayed + left
    many = purchases.customers
    total = float(many.sum())
    value = float(many @ np.log(likelihood)) + float(many @ slopes["scale"])
    value -= total * float(betaln(alpha, beta) + betaln(gamma, delta))
    base = np.array([psi(alpha) - psi(alpha + beta), psi(beta) - psi(alpha + beta)])
    rest = np.array([psi(gamma) - psi(gamma + delta), psi(delta) - psi(gamma + delta)])
    moves = (slopes["moves"] / likelihood) @ many - total * np.concatenate([base, rest])
    return value, moves * parameters


def chance_active_months(
    parameters: FloatArray, repeats: npt.ArrayLike, last_at: npt.ArrayLike, observed: npt.ArrayLike
) -> FloatArray:
    """Return the chance that a customer had not left by the last month seen.

    Args:
        parameters: alpha, beta, gamma, delta.
        repeats: x, months with a purchase after the first.
        last_at: tx, months from the first to the last of them.
        observed: T, months seen since the first.
    """
    stayed, left, _ = _likelihoods(np.asarray(parameters, float), _rows(repeats, last_at, observed))
    found: FloatArray = stayed / (stayed + left)
    return found


def expected_months(
    parameters: FloatArray,
    repeats: npt.ArrayLike,
    last_at: npt.ArrayLike,
    observed: npt.ArrayLike,
    ahead: float,
) -> FloatArray:
    """Return the expected months with a purchase among the next ones, E[X(T, T + t) | x, tx, T].

    Chance of being active × mean chance to buy × Σ over months j = 1 … t of the chance to be there
    then; the sum stands for the paper's closed form, which is 0 ÷ 0 at gamma = 1.

    Args:
        parameters: alpha, beta, gamma, delta.
        repeats: See :func:`chance_active_months`.
        last_at: See there.
        observed: See there.
        ahead: t, whole months.

    Raises:
        ArgumentError: ``ahead`` is negative or not whole.

    Example:
        >>> donors = np.array([1.204, 0.750, 0.657, 2.783])
        >>> [float(value.round(2)) for value in expected_months(donors, [6, 0], [6, 0], 6, 5)]
        [3.75, 0.07]
    """
    check_at_least(ahead, "ahead", 0)
    if ahead != int(ahead):
        raise ArgumentError("ahead", ahead, "whole months")
    alpha, beta, gamma, delta = np.asarray(parameters, float)
    x, end = np.asarray(repeats, float), np.asarray(observed, float)
    active = chance_active_months(parameters, repeats, last_at, observed)
    there = np.zeros(np.broadcast(x, end).shape)
    for month in range(1, int(ahead) + 1):
        there += np.exp(betaln(gamma, delta + end + month) - betaln(gamma, delta + end))
    found: FloatArray = active * (alpha + x) / (alpha + beta + end) * there
    return found


def _rows(repeats: npt.ArrayLike, last_at: npt.ArrayLike, observed: npt.ArrayLike) -> Purchases:
    arrays = (np.asarray(one, float) for one in (repeats, last_at, observed))
    x, last, end = (np.atleast_1d(one) for one in np.broadcast_arrays(*arrays))
    return Purchases(repeats=x, last_at=last, observed=end, customers=np.ones(len(x)))


def _likelihoods(
    parameters: FloatArray, purchases: Purchases
) -> tuple[FloatArray, FloatArray, dict[str, FloatArray]]:
    """Return each row's likelihood of having stayed and of having left, and their slopes.

    All are divided by exp(``scale``), so that nothing underflows; factors of the parameters alone
    are left out.
    """
    alpha, beta, gamma, delta = parameters
    x, last, end = (
        one.astype(np.int64) for one in (purchases.repeats, purchases.last_at, purchases.observed)
    )
    # Rows are x, columns the months m = 0 … the longest time seen; m < x cannot be.
    count, month = np.ogrid[: x.max() + 1, : end.max() + 1]
    possible = month >= count
    misses = np.where(possible, month - count, 0)
    buying = betaln(alpha + count, beta + misses)
    stay = np.where(possible, buying + betaln(gamma, delta + month), -np.inf)
    leave = np.where(possible, buying + betaln(gamma + 1, delta + month), -np.inf)
    highest = stay.max(1, keepdims=True)
    stay, leave = np.exp(stay - highest), np.exp(leave - highest)
    of_pair = psi(alpha + beta + month)
    by_alpha, by_beta = psi(alpha + count) - of_pair, psi(beta + misses) - of_pair
    stay_pair, leave_pair = psi(gamma + delta + month), psi(gamma + 1 + delta + month)
    zero = np.zeros_like(stay)
    stay_slopes = [by_alpha, by_beta, psi(gamma) - stay_pair, psi(delta + month) - stay_pair]
    leave_slopes = [by_alpha, by_beta, psi(gamma + 1) - leave_pair, psi(delta + month) - leave_pair]

    def later(table: FloatArray) -> FloatArray:
        # The small terms of late months first: a difference of two such sums loses nothing.
        return np.cumsum((zero + table)[:, ::-1], axis=1)[:, ::-1]

    def ended(table: FloatArray) -> FloatArray:
        sums = later(table)
        return np.where(last < end, sums[x, last] - sums[x, end], 0.0)

    moves = [
        (stay * one)[x, end] + ended(leave * other)
        for one, other in zip(stay_slopes, leave_slopes, strict=True)
    ]
    slopes = {"scale": highest[x, 0], "moves": np.array(moves)}
    return stay[x, end], ended(leave), slopes
