"""Counts so small that they would tell of single customers, and what gives them away.

A share beside the number it is of is a count. Where it counts one to nine customers it may not be
shown; nor may the next smallest, until a reader who knows what all add up to, and that each of
those not shown is one customer or more, can say no more of any of them than a range ten wide.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from itertools import groupby
from operator import itemgetter

FEWEST = 10
"""Customers a count must be of to be shown, as disclosure control has it."""
_NONE, _ALMOST = 0.5, FEWEST - 0.5


def is_few(count: float) -> bool:
    """Return whether a count is of one to nine customers.

    Example:
        >>> is_few(9), is_few(0), is_few(10)
        (True, False, False)
    """
    return _NONE < count < _ALMOST


def too_few_to_show(
    counts: Sequence[Sequence[float]], *, hidden: Sequence[bool] = ()
) -> list[bool]:
    """Return which groups may not be shown.

    Args:
        counts: Of each group one count or more; what all groups add up to is known.
        hidden: Groups that are not shown anyway.

    Example:
        >>> too_few_to_show([[4], [25], [50]]), too_few_to_show([[0], [25], [50]])
        ([True, True, False], [False, False, False])
    """
    away = [any(map(is_few, group)) for group in counts]
    away = [few or anyway for few, anyway in zip(away, hidden or [False] * len(away), strict=True)]
    # A group of nobody is no cover for another, and is shown.
    smallest = [min((one for one in group if one > _NONE), default=math.inf) for group in counts]
    for place in sorted(range(len(away)), key=lambda place: smallest[place]):
        if _is_covered([group for group, gone in zip(counts, away, strict=True) if gone]):
            break
        away[place] = True
    return away


def pooled_counts(
    counts: Sequence[float], sizes: Sequence[float], *, within: Sequence[Hashable] = ()
) -> list[float]:
    """Return counts in which no reader finds one to nine customers, with the same sum.

    Where a group counts a few, or all but a few, it is taken together with its neighbours until the
    few are covered as in :func:`too_few_to_show`, and each of those is given its part by size: the
    share of them all. Other counts stay as they are.

    Args:
        counts: How many of each group, in an order in which neighbours are alike.
        sizes: Customers in each group.
        within: What each group is a part of, the parts of one whole in one run. Whole groups are
            taken together only where their own sum is small, so that every table which shows the
            wholes, or parts of them, tells the same.

    Returns:
        The counts, not whole numbers where they are a part of several groups; NaN where all
        together are still too few.

    Example:
        >>> pooled_counts([4, 16, 30], [20, 60, 100]), pooled_counts([4, 3], [20, 60])
        ([5.0, 15.0, 30.0], [nan, nan])
    """
    rows = list(zip(counts, sizes, strict=True))
    if not within:
        return [part for pool in _pools(rows) for part in _parts(pool, _is_hidden_in(pool))]
    runs = [
        [row for _, row in part]
        for _, part in groupby(zip(within, rows, strict=True), key=itemgetter(0))
    ]
    found: list[float] = []
    left = iter(runs)
    for pool in _pools([_total(run) for run in runs]):
        own = [next(left) for _ in pool]
        together = [row for run in own for row in run]
        for each in _pools(together) if len(own) == 1 else [together]:
            found += _parts(each, _is_hidden_in(pool))
    return found


def _total(rows: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(count for count, _ in rows), sum(size for _, size in rows)


def _pools(rows: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Return the rows in runs, each of which hides its few."""
    pools: list[list[tuple[float, float]]] = []
    gathered: list[tuple[float, float]] = []
    for row in rows:
        gathered.append(row)
        if _is_hidden_in(gathered):
            pools.append(gathered)
            gathered = []
    while gathered and pools and not _is_hidden_in(gathered):
        gathered = pools.pop() + gathered
    return [*pools, gathered] if gathered else pools


def _parts(pool: Sequence[tuple[float, float]], told: bool) -> list[float]:
    """Return each row's part of what a pool counts, if that sum may be told."""
    if not told:
        return [math.nan] * len(pool)
    if len(pool) == 1:
        return [float(pool[0][0])]
    count, size = _total(pool)
    return [count / size * of for _, of in pool]


def _is_hidden_in(pool: Sequence[tuple[float, float]]) -> bool:
    return _is_covered([(count, size - count) for count, size in pool])


def _is_covered(away: Sequence[Sequence[float]]) -> bool:
    """Return whether each small count among those away may be one of at least ten numbers more."""
    for column in zip(*away, strict=True):
        # Each of those away is of one customer or more.
        room = sum(column) - sum(count > _NONE for count in column)
        if any(map(is_few, column)) and room < _ALMOST:
            return False
    return True
