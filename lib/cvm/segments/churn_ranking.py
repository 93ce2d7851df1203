"""How well a score tells who leaves from who stays: AUC, what it gains, and lift by tenths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm, rankdata

from cvm.segments.measured import (
    UNKNOWN,
    BoolArray,
    FloatArray,
    Measured,
    clusters_error,
    scored_rows,
    wilson,
    with_limits,
)


def area_under_curve(
    score: npt.ArrayLike,
    left: npt.ArrayLike,
    *,
    whose: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Measured:
    """Return the AUC with the interval of DeLong, DeLong & Clarke-Pearson (1988).

    Midranks as in Sun & Xu (2014). With ``whose``, rows of a customer are a cluster (Obuchowski
    1997). The limits are taken on the logit, so that they lie within 0–1.

    Args:
        score: Higher means likelier to leave.
        left: Whether the row left.
        whose: Customer of each row.
        confidence: Of the interval.

    Example:
        >>> round(area_under_curve([0.1, 0.4, 0.35, 0.8], [False, False, True, True]).value, 2)
        0.75
    """
    score, left = scored_rows(score, left)
    if left.all() or not left.any():
        return UNKNOWN
    parts = _influence(score, left)
    value = float(parts.area)
    error = _clustered_error(parts.influence, left, whose)
    if not 0 < value < 1 or not error > 0:
        return Measured(value=value, error=error, low=value, high=value)
    wide = norm.ppf((1 + confidence) / 2) * error / (value * (1 - value))
    odds = np.log(value / (1 - value))
    low, high = (float(1 / (1 + np.exp(-(odds + side * wide)))) for side in (-1, 1))
    return Measured(value=value, error=error, low=low, high=high)


def area_alone(score: npt.ArrayLike, left: npt.ArrayLike) -> float:
    """Return the AUC without its interval (Mann & Whitney 1947); not a number for one class."""
    score, left = scored_rows(score, left)
    gone = int(left.sum())
    if gone in (0, len(left)):
        return float("nan")
    if score.min() == score.max():
        return 0.5
    above = float(rankdata(score)[left].sum()) - gone * (gone + 1) / 2
    return above / (gone * (len(left) - gone))


def compare_areas(
    one: npt.ArrayLike,
    other: npt.ArrayLike,
    left: npt.ArrayLike,
    *,
    whose: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Measured:
    """Return how much larger the AUC of ``one`` is than that of ``other`` on the same rows.

    The paired test of DeLong et al. (1988), clustered as in :func:`area_under_curve`.
    """
    one, left = scored_rows(one, left)
    other, _ = scored_rows(other, left)
    if left.all() or not left.any():
        return UNKNOWN
    first, second = _influence(one, left), _influence(other, left)
    error = _clustered_error(first.influence - second.influence, left, whose)
    return with_limits(first.area - second.area, error, confidence)


def lift_table(
    score: npt.ArrayLike, left: npt.ArrayLike, *, groups: int = 10, confidence: float = 0.95
) -> pd.DataFrame:
    """Return leaving by tenths of the score, from the highest, and what they add up to.

    Returns:
        Columns ``group`` (1 highest), ``customers``, ``left`` (a fraction where equal scores lie in
        two groups), ``left_share``, ``low_share``, ``high_share``, ``lift`` (to the mean),
        ``caught_share`` (of all leavers, up to here).
    """
    score, left = scored_rows(score, left)
    order = np.argsort(-score, kind="stable")
    # Rows with equal scores stand in no order: each counts with the leaving of all of them.
    _, tied = np.unique(score, return_inverse=True)
    expected = (np.bincount(tied, weights=left) / np.bincount(tied))[tied]
    group = np.empty(len(score), dtype=int)
    group[order] = np.arange(len(score)) * groups // len(score)
    counts = np.bincount(group, minlength=groups)
    gone = np.bincount(group, weights=expected, minlength=groups)
    low, high = wilson(gone, counts.astype(float), confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = gone / counts
        return pd.DataFrame(
            {
                "group": np.arange(1, groups + 1),
                "customers": counts,
                "left": gone,
                "left_share": share,
                "low_share": low,
                "high_share": high,
                "lift": share / left.mean(),
                "caught_share": np.cumsum(gone) / gone.sum(),
            }
        )


@dataclass(frozen=True, kw_only=True)
class _Influence:
    area: float
    influence: FloatArray


def _influence(score: FloatArray, left: BoolArray) -> _Influence:
    """Return the AUC, and what each row adds to its error."""
    gone, stayed = score[left], score[~left]
    ranks = rankdata(score)
    above = (ranks[left] - rankdata(gone)) / len(stayed)
    below = 1 - (ranks[~left] - rankdata(stayed)) / len(gone)
    area = float(above.mean())
    influence = np.empty(len(score))
    influence[left] = (above - area) / len(gone)
    influence[~left] = (below - area) / len(stayed)
    return _Influence(area=area, influence=influence)


def _clustered_error(influence: FloatArray, left: BoolArray, whose: npt.ArrayLike | None) -> float:
    if whose is None:
        squares = 0.0
        for side in (left, ~left):
            size = int(side.sum())
            if size < 2:
                return float("nan")
            squares += float(np.sum(influence[side] ** 2)) * size / (size - 1)
        return float(np.sqrt(squares))
    return clusters_error(influence, whose)
