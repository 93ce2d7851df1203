"""Point classes whose points live differently long, as the projection follows them.

Members redeem the oldest points first. So a balance tells up to which month of earning a member has
used his points, whatever the classes: going back from the newest month, each month counts with the
part of its points that is still alive, until the balance is reached. Where all classes share one
life this is the single number the projection keeps anyway (:mod:`cvm.points.budget_kernel`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cvm.core.months import month_index
from cvm.points.budget_programme import Programme
from cvm.points.population_cells import Cells
from cvm.points.rules_earn import POINT_CLASSES

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
LOOK_AHEAD_MONTHS = 13


@dataclass(frozen=True, kw_only=True, eq=False)
class Lives:
    """When points die, by group of classes that share a life; ``g`` groups, ``k`` cells.

    With one group the shares are empty: nothing has to be told apart.

    Attributes:
        new_dies: Month in which points of a projected month die [g, month].
        old_dies: The same of points held at the start [g, row of lots].
        new_share: Part of a month's points in each group [g, k, month].
        old_share: The same of points held at the start [g, row of lots].
        old_points: Points of a member of a cell newer than each row of lots [k, row].
    """

    new_dies: IntArray
    old_dies: IntArray
    new_share: FloatArray
    old_share: FloatArray
    old_points: FloatArray

    @property
    def differ(self) -> bool:
        """Return whether classes live differently long."""
        return self.new_share.shape[0] > 0

    def clears(self, months: int) -> npt.NDArray[np.bool_]:
        """Return whether any points die at the end of each month."""
        when = np.concatenate([self.new_dies.ravel(), self.old_dies.ravel()])
        inside = when[(when >= 0) & (when < months)]
        return np.bincount(inside, minlength=months)[:months] > 0


def lives_of(programme: Programme, cells: Cells, class_points: FloatArray) -> Lives:
    """Return the lives of a programme's points.

    Args:
        programme: The programme.
        cells: Its cells, those of joiners included.
        class_points: Points a month of a member [class, k, month].
    """
    book, months = programme.book, programme.months
    start, lots = month_index(programme.first_month), programme.population.lot_months
    held = programme.population.lot_class_share
    present = class_points.any(axis=(1, 2))
    if held is not None:
        present |= held.any(axis=1)
    classes = np.flatnonzero(present) if present.any() else np.array([0])
    horizon = [*map(int, lots), *range(start, start + months + LOOK_AHEAD_MONTHS)]
    dies = np.array(
        [[book.expiry_index(POINT_CLASSES[c], lot) - start for lot in horizon] for c in classes],
        np.int64,
    )
    groups, group_of = np.unique(dies, axis=0, return_inverse=True)
    none = np.zeros((0, 0, 0))
    old_dies, new_dies = groups[:, : len(lots)], groups[:, len(lots) :]
    left = np.minimum.accumulate(cells.left_points, axis=1)
    if len(groups) == 1:
        return Lives(
            new_dies=new_dies,
            old_dies=old_dies,
            new_share=none,
            old_share=np.zeros((0, 0)),
            old_points=left,
        )
    points = np.zeros((len(groups), *class_points.shape[1:]))
    np.add.at(points, group_of, class_points[classes])
    share = _parts(points)
    if held is None:
        # No ledger tells the classes of old points: they are as those earned in the first month.
        mean = points[:, :, 0] @ np.maximum(cells.members, 1e-12)
        old_share = np.tile(_parts(mean[:, None]), (1, len(lots)))
    else:
        old = np.zeros((len(groups), len(lots)))
        np.add.at(old, group_of, held[classes])
        old_share = _parts(old)
    return Lives(
        new_dies=new_dies,
        old_dies=old_dies,
        new_share=share,
        old_share=old_share,
        old_points=left,
    )


def _parts(points: FloatArray) -> FloatArray:
    """Return parts of the sum over groups; all in the first group where there is nothing."""
    total = points.sum(axis=0)
    parts = np.divide(points, total, out=np.zeros_like(points), where=total > 0)
    parts[0] += total <= 0
    return parts
