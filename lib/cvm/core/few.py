"""Counts so small that they would tell of single customers, and what gives them away.

A share beside the number it is of is a count. Where it counts one to nine customers it may not be
shown; nor may the next smallest, until a reader who knows what all add up to, and that each of
those not shown is one customer or more, can say no more of any of them than a range ten wide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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


def _is_covered(away: Sequence[Sequence[float]]) -> bool:
    """Return whether each small count among those away may be one of at least ten numbers more."""
    for column in zip(*away, strict=True):
        # Each of those away is of one customer or more.
        room = sum(column) - sum(count > _NONE for count in column)
        if any(map(is_few, column)) and room < _ALMOST:
            return False
    return True
