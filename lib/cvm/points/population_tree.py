"""Which members are alike: a tree that cuts where members differ most.

Members of a leaf are projected as one, so a leaf should hold members who earn alike, whose points
die alike and who leave alike. The tree is grown on a sample of members and then sorts all of them.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cvm.points.population_kernels import assign_leaves

FloatArray = npt.NDArray[np.float64]
SAMPLE_MEMBERS = 200_000


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A tree of cuts; arrays have one element a node.

    Attributes:
        split_on: The feature a node cuts.
        split_at: Where; up to it goes left.
        left: The left child, −1 for a leaf.
        right: The right child, −1 for a leaf.
        leaf: The leaf's number, −1 for a node that is cut.
    """

    split_on: npt.NDArray[np.int64]
    split_at: FloatArray
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    leaf: npt.NDArray[np.int64]

    @property
    def leaves(self) -> int:
        """Return how many leaves there are."""
        return int(self.leaf.max()) + 1

    def assign(self, features: FloatArray) -> npt.NDArray[np.int32]:
        """Return each member's leaf."""
        return assign_leaves(
            features, self.split_on, self.split_at, self.left, self.right, self.leaf
        )


def sample_of(size: int, most: int = SAMPLE_MEMBERS) -> npt.NDArray[np.int64]:
    """Return evenly spaced positions, at most ``most`` of ``size``."""
    if size <= most:
        return np.arange(size)
    return np.linspace(0, size - 1, most).astype(np.int64)


def grow_tree(features: FloatArray, importance: FloatArray, leaves: int) -> Tree:
    """Grow a tree: again and again cut the leaf whose members differ most, at their mean.

    Args:
        features: Member × feature, on scales on which differences of one count alike.
        importance: What a member weighs (its points).
        leaves: Leaves wanted; fewer if members do not differ.
    """
    split_on, split_at = [0], [0.0]
    left, right = [-1], [-1]
    heap: list[tuple[float, int, int, npt.NDArray[np.int64]]] = []

    def offer(node: int, rows: npt.NDArray[np.int64]) -> None:
        here, weight = features[rows], importance[rows]
        total = weight.sum()
        if len(rows) < 2 or total <= 0:
            return
        mean = weight @ here / total
        spread = weight @ (here - mean) ** 2
        on = int(spread.argmax())
        if spread[on] <= 1e-12 * max(total, 1.0):
            return
        split_on[node], split_at[node] = on, float(mean[on])
        heapq.heappush(heap, (-float(spread[on]), node, on, rows))

    offer(0, np.arange(len(features)))
    count = 1
    while heap and count < leaves:
        _, node, on, rows = heapq.heappop(heap)
        low = features[rows, on] <= split_at[node]
        if low.all() or not low.any():
            continue
        for children, part in ((left, rows[low]), (right, rows[~low])):
            children[node] = len(left)
            split_on.append(0)
            split_at.append(0.0)
            left.append(-1)
            right.append(-1)
            offer(children[node], part)
        count += 1
    numbers = np.full(len(left), -1, np.int64)
    ends = np.array(left) < 0
    numbers[ends] = np.arange(ends.sum())
    return Tree(
        split_on=np.array(split_on, np.int64),
        split_at=np.array(split_at),
        left=np.array(left, np.int64),
        right=np.array(right, np.int64),
        leaf=numbers,
    )
