"""The arithmetic of a chain of tiers: where it settles, what a tier is worth, and both's errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cvm.segments.markov_value import chain_value

FloatArray = npt.NDArray[np.float64]
_RANK_ERROR = 1e-9


def period_rate(yearly_discount: float, months: int) -> float:
    """Return the discount rate of a period of so many months."""
    return float((1 + yearly_discount) ** (months / 12) - 1)


def with_ends(table: FloatArray, tiers: Sequence[int] | npt.NDArray[np.intp]) -> FloatArray:
    """Return the rows and columns of some tiers, with joining and leaving."""
    kept = [*tiers, len(table) - 1]
    return np.asarray(table[np.ix_(kept, kept)])


def held_tiers(counts: FloatArray) -> npt.NDArray[np.intp]:
    """Return the places of the tiers that anybody holds, before or after.

    Args:
        counts: Customers by tier before (``joined`` last) and after (``left`` last).
    """
    return np.flatnonzero(counts[:-1].sum(axis=1) + counts[:, :-1].sum(axis=0))


def steady_state(counts: FloatArray) -> FloatArray:
    """Return the long-run share of each tier, leavers replaced by joiners; NaN if not to be told.

    A tier that nobody holds before or after stays empty.

    Args:
        counts: Customers by tier before (``joined`` last) and after (``left`` last).
    """
    size = len(counts) - 1
    held = held_tiers(counts)
    if 0 < len(held) < size:
        shares = np.zeros(size)
        shares[held] = steady_state(with_ends(counts, held))
        return shares if np.isfinite(shares).all() else np.full(size, np.nan)
    rows, came = counts[:-1], counts[-1, :size]
    total = rows.sum(axis=1, keepdims=True)
    if (total <= 0).any() or not came.sum():
        return np.full(size, np.nan)
    shares = rows / total
    closed = shares[:, :size] + shares[:, size:] * (came / came.sum())[None, :]
    # Two sets of tiers that nobody crosses between settle in any mix: no one state to tell.
    if np.linalg.matrix_rank(closed.T - np.eye(size), tol=_RANK_ERROR) < size - 1:
        return np.full(size, np.nan)
    # x P = x with x summing to 1, as one least-squares system.
    system = np.vstack([closed.T - np.eye(size), np.ones(size)])
    found, *_ = np.linalg.lstsq(system, np.append(np.zeros(size), 1.0), rcond=None)
    return np.asarray(np.clip(found, 0.0, 1.0))


def draw_steady_states(counts: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Return steady states of moves as they may truly be [draw, tier].

    Each row's shares are drawn from its Dirichlet posterior. The prior is Perks' (1947): one
    customer a row, spread evenly over the places to go. Drawing new samples instead would never let
    a move happen that was not seen: for tiers of a few customers its 90 % intervals covered 75 to
    80 % in trials, these about 90 %.

    Args:
        counts: Customers by tier before (``joined`` last) and after (``left`` last).
        draws: How many.
        rng: Source of the draws.
    """
    size = len(counts) - 1
    held = held_tiers(counts)
    if 0 < len(held) < size:
        drawn = np.zeros((draws, size))
        drawn[:, held] = draw_steady_states(with_ends(counts, held), draws, rng)
        return drawn
    rows = rng.gamma(counts[:-1] + 1 / (size + 1), size=(draws, size, size + 1))
    came = rng.gamma(counts[-1, :size] + 1 / size, size=(draws, 1, size))
    shares = rows / rows.sum(axis=2, keepdims=True)
    closed = shares[:, :, :size] + shares[:, :, size:] * (came / came.sum(axis=2, keepdims=True))
    # x (P - I) = 0, of which one equation follows from the others: x sums to 1 in its place.
    system = np.swapaxes(closed, 1, 2) - np.eye(size)
    system[:, -1] = 1.0
    return np.linalg.solve(system, np.eye(size)[:, -1:])[:, :, 0]


def tier_values(
    customers: FloatArray,
    bill_yuan: FloatArray,
    bill_squared: FloatArray,
    *,
    margin: float,
    rate: float,
) -> tuple[FloatArray, FloatArray]:
    """Return what a customer of each tier is worth, and its standard error.

    The error is that of the delta method. Each customer of a tier brings a margin and a place to go
    on from; how much their sum varies between customers of the tier, and how often the tier is
    passed through, gives the error. That bills and moves go together is counted. One
    customer more a tier, spread evenly as in :func:`draw_steady_states`, keeps the error of a tier
    that nobody has left yet above zero.

    Args:
        customers: By tier before (rows) and after (columns, leaving last); no row is empty.
        bill_yuan: Sums of their monthly bills.
        bill_squared: Sums of those bills' squares.
        margin: A period's margin ÷ a month's bill.
        rate: Discount rate of a period.
    """
    value, _ = _valued(customers, bill_yuan, bill_squared, margin, rate)
    size = len(customers)
    more = 1 / (size + 1)
    mean = bill_yuan.sum(axis=1, keepdims=True) / customers.sum(axis=1, keepdims=True)
    each, each_squared = (
        np.divide(sums, customers, out=np.tile(other, size + 1), where=customers > 0)
        for sums, other in ((bill_yuan, mean), (bill_squared, mean**2))
    )
    near, error = _valued(
        customers + more, bill_yuan + more * each, bill_squared + more * each_squared, margin, rate
    )
    scale = np.divide(value, near, out=np.ones(size), where=near != 0)
    return value, np.abs(scale) * error


def _valued(
    customers: FloatArray,
    bill_yuan: FloatArray,
    bill_squared: FloatArray,
    margin: float,
    rate: float,
) -> tuple[FloatArray, FloatArray]:
    """Return values, and errors by the delta method, of these sums as they are."""
    size = len(customers)
    total = customers.sum(axis=1)
    chances = np.eye(size + 1)
    chances[:size] = customers / total[:, None]
    earned = np.append(margin * bill_yuan.sum(axis=1) / total, 0.0)
    value = chain_value(chances, earned, rate)
    ahead = value[None, :] / (1 + rate)
    mean = (margin * bill_yuan + customers * ahead).sum(axis=1) / total
    squares = margin**2 * bill_squared + 2 * margin * bill_yuan * ahead + customers * ahead**2
    variance = np.maximum(squares.sum(axis=1) / total - mean**2, 0.0)
    passed = np.linalg.inv(np.eye(size) - chances[:size, :size] / (1 + rate))
    return value[:size], np.sqrt(passed**2 @ (variance / total))
