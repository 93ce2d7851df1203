"""How stable clusters are: bootstrap Jaccard a cluster (Hennig 2007), and the number it chooses.

Each resample draws as many customers as there are, with replacement, keeps those drawn once each,
clusters them anew, and finds for every cluster its like: the new cluster with the highest Jaccard
similarity over the customers in the resample. The mean over resamples is the cluster's stability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cvm.core.checks import DataError, check_at_least
from cvm.segments.certificate import DISSOLVED_TO, STABLE_FROM
from cvm.segments.clusters_kmeans import FloatArray, Partition, k_means

_RESAMPLE_STARTS = 3
_AS_STABLE = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class Stability:
    """Stability of one partition.

    Attributes:
        partition: The clusters.
        jaccard: Mean bootstrap Jaccard of each.
        dissolved_share: Resamples in which its like shares half of it or less.
        resamples: How many.
    """

    partition: Partition
    jaccard: FloatArray
    dissolved_share: FloatArray
    resamples: int

    @property
    def clusters(self) -> int:
        """How many clusters."""
        return len(self.jaccard)

    @property
    def stable(self) -> bool:
        """Whether every cluster is stable."""
        return bool((self.jaccard >= STABLE_FROM).all())


def cluster_stability(
    rows: npt.ArrayLike,
    partition: Partition,
    *,
    rng: np.random.Generator,
    resamples: int = 100,
    starts: int = _RESAMPLE_STARTS,
) -> Stability:
    """Measure how stable the clusters of a partition are.

    Args:
        rows: The customers × features that were partitioned.
        partition: The clusters.
        rng: Source of the resamples.
        resamples: How many.
        starts: Starts of each resample's clustering.

    Raises:
        DataError: Rows and labels do not belong together.
    """
    check_at_least(resamples, "resamples", 2)
    data = np.ascontiguousarray(rows, dtype=np.float64)
    if len(data) != len(partition.labels):
        raise DataError("rows", f"{len(data)} rows", f"the {len(partition.labels)} partitioned")
    clusters = len(partition.centres)
    found = np.zeros((resamples, clusters))
    for at in range(resamples):
        drawn = np.unique(rng.integers(0, len(data), len(data)))
        again = k_means(data[drawn], min(clusters, len(drawn)), rng=rng, starts=starts)
        found[at] = _best_jaccard(partition.labels[drawn], again.labels, clusters)
    return Stability(
        partition=partition,
        jaccard=np.nanmean(found, axis=0),
        dissolved_share=np.nanmean(found <= DISSOLVED_TO, axis=0),
        resamples=resamples,
    )


def choose_clusters(
    rows: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    numbers: Sequence[int] = (2, 3, 4, 5, 6, 7),
    resamples: int = 100,
    starts: int = 8,
) -> tuple[Stability, tuple[Stability, ...]]:
    """Choose the number of clusters by stability.

    A number is as stable as its least stable cluster. The largest number that is stable (.75) and
    within .05 of the most stable one is taken: more clusters say more, as long as each can be
    trusted as much. If no number is stable, the most stable one is returned as it is.

    Args:
        rows: Customers × features, on comparable scales.
        rng: Source of randomness.
        numbers: The numbers tried.
        resamples: Resamples for each.
        starts: Starts of each partition.

    Returns:
        The choice, and all that were tried.
    """
    data = np.ascontiguousarray(rows, dtype=np.float64)
    tried = tuple(
        cluster_stability(
            data,
            k_means(data, number, rng=rng, starts=starts),
            rng=rng,
            resamples=resamples,
        )
        for number in numbers
    )
    most = max(tried, key=lambda item: float(item.jaccard.min()))
    bound = float(most.jaccard.min()) - _AS_STABLE
    trusted = [item for item in tried if item.stable and item.jaccard.min() >= bound]
    return max(trusted, key=lambda item: item.clusters) if trusted else most, tried


def _best_jaccard(
    first: npt.NDArray[np.int32], second: npt.NDArray[np.int32], clusters: int
) -> FloatArray:
    """Return for each cluster of ``first`` its highest Jaccard with one of ``second``."""
    width = int(second.max()) + 1
    both = np.bincount(first.astype(np.int64) * width + second, minlength=clusters * width)
    table = both.reshape(clusters, width).astype(float)
    here, there = table.sum(axis=1), table.sum(axis=0)
    either = here[:, None] + there[None, :] - table
    best = (table / np.maximum(either, 1)).max(axis=1)
    # A cluster none of whose customers were drawn says nothing about itself.
    return np.where(here > 0, best, np.nan)
