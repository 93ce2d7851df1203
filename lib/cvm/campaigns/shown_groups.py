"""Effects by group that may be shown: nobody's few leavers can be worked out from them.

An effect with its interval says how many of a group left in either arm, and what all groups add up
to says it of a group left out. So a group in which one to nine left (or stayed) in an arm is not
shown, nor are the next smallest, until those not shown are ten or more together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cvm.campaigns.effect import Estimate
from cvm.campaigns.moments import FloatArray

FEWEST = 10
"""Customers a group must have to be shown, as disclosure control has it."""


def groups_to_hide(groups: Sequence[Estimate], whole: Estimate) -> frozenset[str]:
    """Return the groups whose effect on a share may not be shown.

    Args:
        groups: Each group's estimate; those that cannot tell show nothing anyway.
        whole: The same of all groups together, which is shown.
    """
    told = sorted(
        (one for one in groups if one.can_tell), key=lambda one: (_counts(one).min(), one.group)
    )
    shown = [one for one in told if not _is_few(_counts(one))]
    rest = _counts(whole) - sum((_counts(one) for one in shown), np.zeros(4))
    while shown and _is_few(rest):
        rest = rest + _counts(shown.pop(0))
    return frozenset(one.group for one in told if one not in shown)


def _counts(one: Estimate) -> FloatArray:
    """Return who left and who stayed, treated and controls."""
    size = np.array([one.treated_count, one.control_count], dtype=float)
    left = size * np.array([one.treated_mean, one.control_mean])
    return np.append(left, size - left)


def _is_few(counts: FloatArray) -> bool:
    """Return whether any is of one to nine customers."""
    return bool(((counts > 0.5) & (counts < FEWEST - 0.5)).any())
