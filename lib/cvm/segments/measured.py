"""A figure of a score with its error and interval, and how those are found.

Arguments are plain arrays: what each row scores or adds, whether it left, and where rows of one
customer repeat over months, whose they are. Intervals then count customers, not rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from cvm.core.checks import ArgumentError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


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


def scored_rows(score: npt.ArrayLike, left: npt.ArrayLike) -> tuple[FloatArray, BoolArray]:
    """Return a score and who left as arrays of one length, every score finite."""
    numbers, gone = np.asarray(score, dtype=float), np.asarray(left)
    if len(numbers) != len(gone) or not len(numbers):
        raise ArgumentError("score", len(numbers), f"one a row, with {len(gone)} labels")
    if not np.isfinite(numbers).all():
        raise ArgumentError("score", "not finite", "finite")
    return numbers, gone.astype(bool)


def mean_error(deviation: FloatArray, whose: npt.ArrayLike | None) -> float:
    """Return the standard error of a mean from what each row lies off it."""
    parts = deviation / len(deviation)
    return clusters_error(parts, np.arange(len(parts)) if whose is None else whose)


def clusters_error(parts: FloatArray, whose: npt.ArrayLike) -> float:
    """Return the standard error of a sum whose rows of one customer go together."""
    codes, names = pd.factorize(np.asarray(whose))
    if len(names) < 2:
        return float("nan")
    sums = np.bincount(codes, weights=parts)
    return float(np.sqrt(len(names) / (len(names) - 1) * np.sum(sums**2)))


def with_limits(value: float, error: float, confidence: float) -> Measured:
    """Return a figure with the limits that its error gives a normal one."""
    half = norm.ppf((1 + confidence) / 2) * error
    return Measured(value=value, error=error, low=value - half, high=value + half)
