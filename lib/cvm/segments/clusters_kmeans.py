"""k-means, fast: starts on a sample, then few passes over everybody, most of them skipped.

Lloyd's algorithm with Hamerly's bounds (2010, "Making k-means even faster", SDM): a customer whose
distance to its own centre is below what any other centre could offer is not looked at again. The
starts (k-means++, Arthur and Vassilvitskii 2007) run on a sample, so that the passes over everybody
begin near their end. Sums are made block by block in a fixed order: one core and many give the
same centres.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from cvm.core.checks import DataError, check_at_least, check_between

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]

SAMPLE_ROWS = 8_192
"""Rows of the sample that starts run on."""

_BLOCK = 4_096
_MOST_PASSES = 300
_THREADS = 4
_SERIAL_BLOCKS = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Partition:
    """Customers in clusters.

    Attributes:
        centres: One row a cluster, in the units given.
        labels: Cluster of each row, from 0.
        inertia: Sum of squared distances to the own centre.
        passes: Passes over all rows.
    """

    centres: FloatArray
    labels: IntArray
    inertia: float
    passes: int

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Rows in each cluster."""
        return np.bincount(self.labels, minlength=len(self.centres))


def k_means(
    rows: npt.ArrayLike,
    clusters: int,
    *,
    rng: np.random.Generator,
    starts: int = 8,
    tolerance: float = 1e-4,
) -> Partition:
    """Find ``clusters`` centres that make the sum of squared distances small.

    Args:
        rows: Customers × features, on comparable scales.
        clusters: How many.
        rng: Source of the sample and the starts.
        starts: Starts on the sample; the best goes on.
        tolerance: Stop when the centres move less: sum of squared moves ÷ mean variance (of the
            sample).

    Raises:
        DataError: A figure is missing, or there are fewer distinct rows than clusters.
    """
    data = np.ascontiguousarray(rows, dtype=np.float64)
    _check(data, clusters)
    check_at_least(starts, "starts", 1)
    sample = data
    if len(data) > SAMPLE_ROWS:
        sample = data[np.sort(rng.choice(len(data), SAMPLE_ROWS, replace=False))]
    stop = tolerance * float(sample.var(axis=0).mean())
    best: FloatArray | None = None
    least = np.inf
    for _ in range(starts):
        centres, _, inertia, _ = _lloyd(sample, _plus_plus(sample, clusters, rng), stop)
        if best is None or inertia < least * (1 - 1e-12):
            best, least = centres, inertia
    assert best is not None  # there is at least one start
    centres, labels, inertia, passes = _lloyd(data, best, stop)
    return Partition(centres=centres, labels=labels, inertia=inertia, passes=passes)


def _check(data: FloatArray, clusters: int) -> None:
    if data.ndim != 2 or not data.size:
        raise DataError("rows", f"of shape {data.shape}", "a table of customers × features")
    # One sum tells faster than a table of flags whether any figure is missing.
    if not np.isfinite(data.sum()) and not np.isfinite(data).all():
        row, column = np.argwhere(~np.isfinite(data))[0]
        raise DataError(
            "rows",
            data[row, column],
            f"known and finite (row {row + 1}, feature {column + 1})",
            action="leave such customers out, and say how many",
        )
    check_between(clusters, "clusters", low=1, high=len(data))
    if clusters > 1 and len(np.unique(data[: 100 * clusters], axis=0)) < clusters:
        distinct = len(np.unique(data, axis=0))
        if distinct < clusters:
            raise DataError("rows", f"{distinct} distinct", f"at least {clusters} distinct rows")


def _plus_plus(data: FloatArray, clusters: int, rng: np.random.Generator) -> FloatArray:
    """Choose starting centres far apart: each with chance ∝ squared distance to those chosen.

    Of a few candidates the one that lowers the sum most is taken (the greedy variant).
    """
    chosen = np.empty((clusters, data.shape[1]))
    chosen[0] = data[rng.integers(len(data))]
    distance = _squared(data, chosen[0])
    tries = 2 + int(np.log(clusters))
    for at in range(1, clusters):
        total = np.cumsum(distance)
        picks = np.searchsorted(total, rng.random(tries) * total[-1])
        options = [
            np.minimum(distance, _squared(data, data[pick]))
            for pick in np.minimum(picks, len(data) - 1)
        ]
        best = int(np.argmin([option.sum() for option in options]))
        chosen[at] = data[min(int(picks[best]), len(data) - 1)]
        distance = options[best]
    return chosen


@njit(cache=True, fastmath=False)
def _squared(data, centre):  # type: ignore[no-untyped-def]
    out = np.empty(len(data))
    for row in range(len(data)):
        total = 0.0
        for column in range(data.shape[1]):
            gap = data[row, column] - centre[column]
            total += gap * gap
        out[row] = total
    return out


def _lloyd(
    data: FloatArray, centres: FloatArray, stop: float
) -> tuple[FloatArray, IntArray, float, int]:
    """Move centres until they rest; return centres, labels, inertia and passes."""
    centres = centres.copy()
    labels = np.zeros(len(data), dtype=np.int32)
    upper, lower = np.full(len(data), np.inf), np.zeros(len(data))
    moves = np.zeros(len(centres))
    passes = 0
    for passes in range(1, _MOST_PASSES + 1):
        sums, counts = _pass(data, centres, moves, labels, upper, lower, passes == 1)
        moved = _moved(data, centres, labels, sums.sum(axis=0), counts.sum(axis=0))
        moves = np.sqrt(((moved - centres) ** 2).sum(axis=1))
        centres = moved
        if float((moves**2).sum()) <= stop:
            break
    inertia = _assign(data, centres, labels)
    return centres, labels, float(inertia.sum()), passes


def _moved(
    data: FloatArray, centres: FloatArray, labels: IntArray, sums: FloatArray, counts: FloatArray
) -> FloatArray:
    """Return the means; an empty cluster takes the row farthest from its centre."""
    moved = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        far = ((data - centres[labels]) ** 2).sum(axis=1)
        moved[empty] = data[np.argsort(-far, kind="stable")[: len(empty)]]
    return moved


def _pass(
    data: FloatArray,
    centres: FloatArray,
    moves: FloatArray,
    labels: IntArray,
    upper: FloatArray,
    lower: FloatArray,
    first: bool,
) -> tuple[FloatArray, FloatArray]:
    """Assign rows whose bounds no longer decide; return sums and counts by block and cluster."""
    gaps = np.sqrt(((centres[:, None] - centres[None]) ** 2).sum(axis=2))
    np.fill_diagonal(gaps, np.inf)
    half = 0.5 * gaps.min(axis=1)
    blocks = -(-len(data) // _BLOCK)
    sums = np.zeros((blocks, *centres.shape))
    counts = np.zeros((blocks, len(centres)))
    # What another centre may have come nearer: the largest move, or the next for its own cluster.
    which = int(np.argmax(moves))
    others = np.full(len(moves), moves[which])
    others[which] = np.partition(moves, -2)[-2] if len(moves) > 1 else 0.0
    _in_blocks(
        blocks,
        lambda start, end: _pass_blocks(
            data,
            centres,
            moves,
            others,
            half,
            labels,
            upper,
            lower,
            first,
            start,
            end,
            sums,
            counts,
        ),
    )
    return sums, counts


def _assign(data: FloatArray, centres: FloatArray, labels: IntArray) -> FloatArray:
    """Give every row its nearest centre; return the squared distances by block."""
    blocks = -(-len(data) // _BLOCK)
    inertia = np.zeros(blocks)
    _in_blocks(
        blocks, lambda start, end: _assign_blocks(data, centres, labels, start, end, inertia)
    )
    return inertia


def _in_blocks(blocks: int, work: Callable[[int, int], None]) -> None:
    """Share blocks out among threads; every block is worked on by itself, so none matter."""
    if blocks <= _SERIAL_BLOCKS:
        work(0, blocks)
        return
    edges = np.linspace(0, blocks, _THREADS + 1).astype(int)
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(work, edges[:-1].tolist(), edges[1:].tolist()))


@njit(cache=True, nogil=True)
def _pass_blocks(  # type: ignore[no-untyped-def]
    data, centres, moves, others, half, labels, upper, lower, first, start, end, sums, counts
):
    rows, width = data.shape
    clusters = len(centres)
    for block in range(start, end):
        for row in range(block * _BLOCK, min(rows, (block + 1) * _BLOCK)):
            own = labels[row]
            decide = first
            if not first:
                upper[row] += moves[own]
                lower[row] -= others[own]
                bound = max(lower[row], half[own])
                if upper[row] > bound:
                    total = 0.0
                    for column in range(width):
                        gap = data[row, column] - centres[own, column]
                        total += gap * gap
                    upper[row] = np.sqrt(total)
                    decide = upper[row] > bound
            if decide:
                nearest, following, best = np.inf, np.inf, 0
                for one in range(clusters):
                    total = 0.0
                    for column in range(width):
                        gap = data[row, column] - centres[one, column]
                        total += gap * gap
                    if total < nearest:
                        following = nearest
                        nearest = total
                        best = one
                    elif total < following:
                        following = total
                labels[row] = best
                upper[row] = np.sqrt(nearest)
                lower[row] = np.sqrt(following)
                own = best
            for column in range(width):
                sums[block, own, column] += data[row, column]
            counts[block, own] += 1.0


@njit(cache=True, nogil=True)
def _assign_blocks(data, centres, labels, start, end, inertia):  # type: ignore[no-untyped-def]
    rows, width = data.shape
    for block in range(start, end):
        for row in range(block * _BLOCK, min(rows, (block + 1) * _BLOCK)):
            nearest, best = np.inf, 0
            for one in range(len(centres)):
                total = 0.0
                for column in range(width):
                    gap = data[row, column] - centres[one, column]
                    total += gap * gap
                if total < nearest:
                    nearest, best = total, one
            labels[row] = best
            inertia[block] += nearest
