"""How right a probability is: Brier score, leavers to those expected, and by groups of risk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm, rankdata

from cvm.core.checks import check_at_least
from cvm.segments.measured import (
    UNKNOWN,
    Measured,
    mean_error,
    scored_rows,
    wilson,
    with_limits,
)


def brier_score(
    share: npt.ArrayLike,
    left: npt.ArrayLike,
    *,
    whose: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Measured:
    """Return the mean squared distance of probability and outcome (Brier 1950)."""
    share, left = scored_rows(share, left)
    loss = (share - left) ** 2
    value = float(loss.mean())
    error = mean_error(loss - value, whose)
    return with_limits(value, error, confidence)


def compare_brier(
    one: npt.ArrayLike,
    other: npt.ArrayLike,
    left: npt.ArrayLike,
    *,
    whose: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Measured:
    """Return the Brier score of ``one`` less that of ``other``, row by row; lower is better."""
    one, left = scored_rows(one, left)
    other, _ = scored_rows(other, left)
    gap = (one - left) ** 2 - (other - left) ** 2
    value = float(gap.mean())
    return with_limits(value, mean_error(gap - value, whose), confidence)


def calibration_gap(
    share: npt.ArrayLike,
    left: npt.ArrayLike,
    *,
    whose: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Measured:
    """Return leavers ÷ expected leavers, with its interval: 1 lies within it if calibrated."""
    share, left = scored_rows(share, left)
    expected = float(share.sum())
    if not expected > 0:
        return UNKNOWN
    value = float(left.sum()) / expected
    error = mean_error(left - value * share, whose) * len(left) / expected
    return with_limits(value, error, confidence)


def spiegelhalter(share: npt.ArrayLike, left: npt.ArrayLike) -> float:
    """Return the two-sided p-value of Spiegelhalter's (1986) test that probabilities are right.

    Small values say that they are not: too sure, or not sure enough.
    """
    share, left = scored_rows(share, left)
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
    share, left = scored_rows(share, left)
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
