"""Effects by group that may be shown: nobody's few leavers can be worked out from them.

An effect with its interval says how many of a group left in either arm, and what all groups add up
to says it of a group left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cvm.campaigns.effect import Estimate
from cvm.campaigns.moments import FloatArray
from cvm.core.few import too_few_to_show


def groups_to_hide(groups: Sequence[Estimate], whole: Estimate) -> frozenset[str]:
    """Return the groups whose effect on a share may not be shown.

    Args:
        groups: Each group's estimate; those that cannot tell show nothing anyway.
        whole: The same of all groups together, which is shown.
    """
    told = [one for one in groups if one.can_tell]
    counts = np.array([_counts(one) for one in told]).reshape(-1, 4)
    # Those who are in no group that is told are one more, which is not shown.
    counts = np.vstack([counts, _counts(whole) - counts.sum(axis=0)])
    away = too_few_to_show(counts.tolist(), hidden=[*(False for _ in told), True])
    return frozenset(one.group for one, hide in zip(told, away, strict=False) if hide)


def _counts(one: Estimate) -> FloatArray:
    """Return who left and who stayed, treated and controls."""
    size = np.array([one.treated_count, one.control_count], dtype=float)
    left = size * np.array([one.treated_mean, one.control_mean])
    return np.append(left, size - left)
