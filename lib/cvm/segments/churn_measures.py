"""How good a score is: AUC, Brier, calibration, lift, and what has drifted; with intervals.

All take plain arrays: a score or probability, whether the row left, and where rows of one customer
repeat over months, whose they are. Intervals then count customers, not rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import ks_2samp, norm, rankdata

from cvm.core.checks import ArgumentError, check_at_least

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
PSI_STABLE, PSI_SHIFTED = 0.10, 0.25
"""Customary readings of PSI: below the first stable, above the second shifted."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A figure with its standard error and interval.

    Attributes:
        value: The figure; not a number where it cannot be told.
        error: Standard error.
        low: Lower limit.
        high: Upper limit.
    """

    value: float
    error: float
    low: float
    high: float

    @property
    def p_value(self) -> float:
        """Two-sided p-value of the figure being 0."""
        if not self.error > 0:
            return float("nan")
        return float(2 * norm.sf(abs(self.value) / self.error))


UNKNOWN = Measured(value=np.nan, error=np.nan, low=np.nan, high=np.nan)


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
    score, left = _pair(score, left)
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
    score, left = _pair(score, left)
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
    one, left = _pair(one, left)
    other, _ = _pair(other, left)
    if left.all() or not left.any():
        return UNKNOWN
    first, second = _influence(one, left), _influence(other, left)
    error = _clustered_error(first.influence - second.influence, left, whose)
    return _normal(first.area - second.area, error, confidence)


def brier_score(
    share: npt.ArrayLike,
    left: npt.ArrayLike,
    *,
    whose: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Measured:
    """Return the mean squared distance of probability and outcome (Brier 1950)."""
    share, left = _pair(share, left)
    loss = (share - left) ** 2
    value = float(loss.mean())
    error = _mean_error(loss - value, whose)
    return _normal(value, error, confidence)


def compare_brier(
    one: npt.ArrayLike,
    other: npt.ArrayLike,
    left: npt.ArrayLike,
    *,
    whose: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Measured:
    """Return the Brier score of ``one`` less that of ``other``, row by row; lower is better."""
    one, left = _pair(one, left)
    other, _ = _pair(other, left)
    gap = (one - left) ** 2 - (other - left) ** 2
    value = float(gap.mean())
    return _normal(value, _mean_error(gap - value, whose), confidence)


def calibration_gap(
    share: npt.ArrayLike,
    left: npt.ArrayLike,
    *,
    whose: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Measured:
    """Return leavers ÷ expected leavers, with its interval: 1 lies within it if calibrated."""
    share, left = _pair(share, left)
    expected = float(share.sum())
    if not expected > 0:
        return UNKNOWN
    value = float(left.sum()) / expected
    error = _mean_error(left - value * share, whose) * len(left) / expected
    return _normal(value, error, confidence)


def spiegelhalter(share: npt.ArrayLike, left: npt.ArrayLike) -> float:
    """Return the two-sided p-value of Spiegelhalter's (1986) test that probabilities are right.

    Small values say that they are not: too sure, or not sure enough.
    """
    share, left = _pair(share, left)
    spread = np.sum((1 - 2 * share) ** 2 * share * (1 - share))
    if not spread > 0:
        return float("nan")
    z = np.sum((left - share) * (1 - 2 * share)) / np.sqrt(spread)
    return float(2 * norm.sf(abs(z)))


def calibration_curve(
    share: npt.ArrayLike, left: npt.ArrayLike, *, bins: int = 10, confidence: float = 0.95
) -> pd.DataFrame:
    """Return expected and observed leaving by groups of equal size, from the least risk.

    Returns:
        Columns ``group`` (1 …), ``customers``, ``expected_share``, ``left``, ``observed_share``,
        ``low_share``, ``high_share`` (Wilson). Ties in probability stay in one group.
    """
    share, left = _pair(share, left)
    check_at_least(bins, "bins", 1)
    group = np.minimum((rankdata(share, method="average") - 0.5) / len(share) * bins, bins - 1e-9)
    frame = pd.DataFrame({"group": group.astype(int), "share": share, "left": left})
    made = frame.groupby("group", as_index=False).agg(
        customers=("left", "size"), expected_share=("share", "mean"), left=("left", "sum")
    )
    made["group"] = np.arange(1, len(made) + 1)
    low, high = wilson(made["left"].to_numpy(float), made["customers"].to_numpy(float), confidence)
    made["observed_share"] = made["left"] / made["customers"]
    return made.assign(low_share=low, high_share=high)


def lift_table(
    score: npt.ArrayLike, left: npt.ArrayLike, *, groups: int = 10, confidence: float = 0.95
) -> pd.DataFrame:
    """Return leaving by tenths of the score, from the highest, and what they add up to.

    Returns:
        Columns ``group`` (1 highest), ``customers``, ``left`` (a fraction where equal scores lie in
        two groups), ``left_share``, ``low_share``, ``high_share``, ``lift`` (to the mean),
        ``caught_share`` (of all leavers, up to here).
    """
    score, left = _pair(score, left)
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


def wilson(
    left: npt.ArrayLike, customers: npt.ArrayLike, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Return Wilson's (1927) limits of a share; 0 and 1 where nobody was counted."""
    gone, size = np.asarray(left, float), np.asarray(customers, float)
    z = norm.ppf((1 + confidence) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = gone / size
        middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
        half = z / (1 + z**2 / size) * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    known = size > 0
    low, high = np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)
    return np.where(known, low, 0.0), np.where(known, high, 1.0)


def input_drift(before: pd.Series, after: pd.Series, *, groups: int = 10) -> dict[str, float]:
    """Return how far a column has moved: PSI, and the KS distance of numbers with its p-value.

    PSI is taken over tenths of ``before`` (numbers; missing is a group of its own) or over its
    levels, each with half a row added, so that an empty group does not make it infinite.
    """
    if pd.api.types.is_numeric_dtype(before) and before.nunique() > groups:
        known = [one.astype(float) for one in (before, after)]
        edges = np.unique(known[0].quantile(np.linspace(0, 1, groups + 1)[1:-1]).to_numpy())
        codes = [
            np.where(one.isna(), 0, 1 + np.searchsorted(edges, one.to_numpy(), side="right"))
            for one in known
        ]
        test = ks_2samp(*(one.dropna().to_numpy() for one in known))
        distance, p_value = float(test.statistic), float(test.pvalue)
    else:
        text = pd.concat([before, after]).astype("str").fillna("")
        codes = np.split(pd.factorize(text)[0], [len(before)])
        distance, p_value = float("nan"), float("nan")
    most = 1 + max(int(code.max(initial=0)) for code in codes)
    sizes = np.array([np.bincount(code, minlength=most) for code in codes])
    old, new = ((size + 0.5) / (size + 0.5).sum() for size in sizes[:, sizes.any(axis=0)])
    psi = float(np.sum((new - old) * np.log(new / old)))
    return {"psi": psi, "ks_distance": distance, "ks_p_value": p_value}


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
    return _of_clusters(influence, whose)


def _mean_error(deviation: FloatArray, whose: npt.ArrayLike | None) -> float:
    parts = deviation / len(deviation)
    return _of_clusters(parts, np.arange(len(parts)) if whose is None else whose)


def _of_clusters(parts: FloatArray, whose: npt.ArrayLike) -> float:
    codes, names = pd.factorize(np.asarray(whose))
    if len(names) < 2:
        return float("nan")
    sums = np.bincount(codes, weights=parts)
    return float(np.sqrt(len(names) / (len(names) - 1) * np.sum(sums**2)))


def _normal(value: float, error: float, confidence: float) -> Measured:
    half = norm.ppf((1 + confidence) / 2) * error
    return Measured(value=value, error=error, low=value - half, high=value + half)


def _pair(score: npt.ArrayLike, left: npt.ArrayLike) -> tuple[FloatArray, BoolArray]:
    numbers, gone = np.asarray(score, dtype=float), np.asarray(left)
    if len(numbers) != len(gone) or not len(numbers):
        raise ArgumentError("score", len(numbers), f"one a row, with {len(gone)} labels")
    if not np.isfinite(numbers).all():
        raise ArgumentError("score", "not finite", "finite")
    return numbers, gone.astype(bool)
