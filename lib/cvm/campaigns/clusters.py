"""Whole branches assigned: inference that is honest about how few they are.

Eleven branches are eleven observations, however many customers they hold. The sandwich by cluster
is too narrow for so few; the wild bootstrap is less so. It works on a few sums a branch, and tries
every flip where the branches allow it, so that nothing depends on a seed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cvm.campaigns.effect import Estimate, Outcome, cannot_tell
from cvm.campaigns.inversion import MOST_DRAWS, TOLERANCE, few_clusters_reason, invert
from cvm.campaigns.moments import FloatArray
from cvm.campaigns.regression import Cells, fit
from cvm.core.checks import ArgumentError


def wild_bootstrap(
    outcome: Outcome,
    cells: Cells,
    *,
    coefficient: int = 1,
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Test a coefficient by the wild cluster bootstrap-t with the null imposed.

    Signs of the clusters' residuals are flipped: all 2^G ways for up to 12 clusters, otherwise as
    many random ways. The interval holds every value that the same test does not reject.

    Args:
        outcome: What the cells' sums are of.
        cells: With clusters; the design's tested column is 0 or 1 for the treatment.
        coefficient: Column of the design that is tested.
        confidence: Of the interval (share).
        rng: Needed only for more than 12 clusters.

    Returns:
        The estimate; with reason ``few_clusters`` where even the most extreme of all flips would
        not reach the level.

    Sources:
        Cameron, Gelbach & Miller (2008), REStat 90; Roodman, MacKinnon, Nielsen & Webb (2019),
        Stata Journal 19.
    """
    known = _sizes(cells, coefficient) | {"method": "wild_bootstrap", "confidence": confidence}
    if cells.cluster is None:
        raise ArgumentError("cells.cluster", None, "given")
    reason = _reason(cells, coefficient)
    labels, codes = np.unique(cells.cluster, return_inverse=True)
    signs = _signs(len(labels), rng)
    if not reason and 1 / len(signs) >= 1 - confidence:
        reason = "few_clusters"
    if reason:
        return cannot_tell(outcome, reason, **known)
    plain = fit(cells, errors="cluster")
    effect, se = float(plain.coefficients[coefficient]), float(plain.errors[coefficient])
    if se <= 0:
        return cannot_tell(outcome, "no_variation", **known)
    flips = _Flips(cells, codes, len(labels), coefficient, signs)
    low, high = invert(flips.p_value, effect, se, 1 - confidence)
    return Estimate(
        outcome=outcome,
        **known,
        **_levels(cells, coefficient, effect),
        se=se,
        low=low,
        high=high,
        p_value=flips.p_value(0.0),
    )


class _Flips:
    """The bootstrap distribution of t, from each cluster's cross-products alone."""

    def __init__(
        self,
        cells: Cells,
        codes: npt.NDArray[np.int64],
        clusters: int,
        coefficient: int,
        signs: FloatArray,
    ) -> None:
        x = cells.design
        columns = x.shape[1]
        grams = np.zeros((clusters, columns, columns))
        np.add.at(grams, codes, cells.count[:, None, None] * x[:, :, None] * x[:, None, :])
        totals = np.zeros((clusters, columns))
        np.add.at(totals, codes, cells.total[:, None] * x)
        gram, inverse = grams.sum(axis=0), np.linalg.inv(grams.sum(axis=0))
        others = [k for k in range(columns) if k != coefficient]
        # Held at a value v, the coefficients, the scores and all that follows are linear in v.
        held = np.zeros((2, columns))
        held[1, coefficient] = 1.0
        if others:
            inner = gram[np.ix_(others, others)]
            held[0, others] = np.linalg.solve(inner, totals.sum(axis=0)[others])
            held[1, others] = np.linalg.solve(inner, -gram[others, coefficient])
        scores = [totals - grams @ held[0], -(grams @ held[1])]
        moved = [signs @ part @ inverse for part in scores]  # flips × columns: b* − held
        along = [
            signs * (part @ inverse[:, coefficient])
            - there @ np.einsum("gij,i->jg", grams, inverse[:, coefficient])
            for part, there in zip(scores, moved, strict=True)
        ]
        self.gaps = [there[:, coefficient] for there in moved]
        self.squares = [
            (along[one] * along[other]).sum(axis=1) for one, other in ((0, 0), (0, 1), (1, 1))
        ]

    def p_value(self, value: float) -> float:
        """Return the p-value of the coefficient being ``value``."""
        gap = np.abs(self.gaps[0] + value * self.gaps[1])
        square = self.squares[0] + 2 * value * self.squares[1] + value**2 * self.squares[2]
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = gap / np.sqrt(np.maximum(square, 0.0))
        # The unflipped sample is the first row; a flip that fits without error is as extreme.
        limit = statistic[0] * (1 - TOLERANCE)
        extreme = (statistic >= limit) | np.isnan(statistic)
        return np.count_nonzero(extreme) / len(extreme)


def _signs(clusters: int, rng: np.random.Generator | None) -> FloatArray:
    """Return the flips, the first of which changes nothing."""
    if 2**clusters <= MOST_DRAWS:
        # Flipping all signs gives the same |t|, so the last cluster need not be flipped.
        bits = np.arange(2 ** (clusters - 1))[:, None] >> np.arange(clusters) & 1
        return np.where(bits == 1, -1.0, 1.0)
    if rng is None:
        raise ArgumentError("rng", None, f"given for {clusters} clusters (more than 12)")
    signs = rng.choice([-1.0, 1.0], size=(MOST_DRAWS, clusters))
    signs[0] = 1.0
    return signs


def _reason(cells: Cells, coefficient: int) -> str:
    """Return why clusters cannot tell; empty if they can."""
    arm, cluster = cells.design[:, coefficient], np.asarray(cells.cluster)
    counts = [len(np.unique(cluster[arm == one])) for one in (1, 0)]
    return few_clusters_reason(*counts)


def _sizes(cells: Cells, coefficient: int) -> dict[str, Any]:
    arm = cells.design[:, coefficient]
    return {
        "treated_count": int(cells.count[arm == 1].sum()),
        "control_count": int(cells.count[arm == 0].sum()),
    }


def _levels(cells: Cells, coefficient: int, effect: float) -> dict[str, Any]:
    """Return the control's level, and the treated's as that plus the effect."""
    held = cells.design[:, coefficient] == 0
    level = float(cells.total[held].sum() / cells.count[held].sum())
    return {"control_mean": level, "treated_mean": level + effect, "effect": effect}
