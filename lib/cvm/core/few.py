"""Counts so small that they would tell of single customers, and what gives them away.

A share beside the number it is of is a count. Where it counts one to nine customers it may not be
shown; nor may the next smallest, until a reader who knows what all add up to, and that each of
those not shown is one customer or more, can say no more of any of them than a range ten wide.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FEWEST = 10
"""Customers a count must be of to be shown, as disclosure control has it."""


def is_few(counts: npt.ArrayLike) -> bool:
    """Return whether any count is of one to nine customers."""
    values = np.asarray(counts, dtype=float)
    return bool(((values > 0.5) & (values < FEWEST - 0.5)).any())


def too_few_to_show(
    counts: npt.ArrayLike, *, hidden: npt.ArrayLike | None = None
) -> npt.NDArray[np.bool_]:
    """Return which groups may not be shown.

    Args:
        counts: Of each group, one count or several [group, count]; the totals are known.
        hidden: Groups that are not shown anyway.

    Example:
        >>> too_few_to_show([4, 25, 50]).tolist(), too_few_to_show([0, 25, 50]).tolist()
        ([True, True, False], [False, False, False])
    """
    table = np.asarray(counts, dtype=float)
    table = table[:, None] if table.ndim == 1 else table
    away = np.array([is_few(row) for row in table], dtype=bool)
    if hidden is not None:
        away |= np.asarray(hidden, dtype=bool)
    # A group of nobody is no cover for another, and is shown.
    smallest = np.where(table > 0.5, table, np.inf).min(axis=1, initial=np.inf)
    for place in np.argsort(smallest, kind="stable"):
        if _is_covered(table[away]):
            break
        away[place] = True
    return away


def _is_covered(away: npt.NDArray[np.float64]) -> bool:
    """Return whether a small count among those away may be one of at least ten numbers more."""
    small = ((away > 0.5) & (away < FEWEST - 0.5)).any(axis=0)
    # Each of those away is of one customer or more.
    room = away.sum(axis=0) - (away > 0.5).sum(axis=0)
    return not (small & (room < FEWEST - 0.5)).any()
