"""Redemption triangles: points redeemed so far, by when they were earned and how old they are.

A triangle's rows are earning vintages (months, quarters or years of earning), its columns ages
counted in the same periods; age 0 is the period of earning. A cell is one of three things, and they
are never confused:

* observed: a number, also when it is 0. *Early zeros are genuine zeros*: a member under the
  threshold cannot redeem yet. Nothing in the suite drops them or reads them as missing.
* future: later than the last month seen; NaN.
* after expiry: observed, and equal to the vintage's last redeemed total for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_one_of
from cvm.core.months import iso_month, month_from_index, month_index, parse_month

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Grain = Literal["month", "quarter", "year"]
GRAIN_MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, kw_only=True, eq=False)
class Triangle:
    """Points issued and redeemed, by vintage and age.

    Attributes:
        vintages: First month of each earning period, in order.
        issued_points: Points issued in each, above 0.
        redeemed_points: Cumulative points redeemed, vintage × age; NaN in the future.
        last_age: Last age at which each vintage may be redeemed; −1 where points never expire.
        period_months: Months in a period: 1, 3 or 12.
    """

    vintages: tuple[date, ...]
    issued_points: FloatArray
    redeemed_points: FloatArray
    last_age: IntArray
    period_months: int = 1

    def __post_init__(self) -> None:
        _check_triangle(self)

    @cached_property
    def observed(self) -> npt.NDArray[np.bool_]:
        """Return which cells are observed (vintage × age)."""
        return np.isfinite(self.redeemed_points)

    @cached_property
    def latest_age(self) -> IntArray:
        """Return each vintage's age at the last month seen, or at expiry if that is earlier."""
        seen = self.observed.sum(axis=1) - 1
        return np.minimum(seen, self.final_age)

    @cached_property
    def final_age(self) -> IntArray:
        """Return the age at which each vintage is complete, as far as the triangle reaches."""
        widest = self.redeemed_points.shape[1] - 1
        return np.where(self.last_age < 0, widest, np.minimum(self.last_age, widest))

    @cached_property
    def ages_beyond(self) -> FloatArray:
        """Return the ages each vintage may be redeemed after the oldest age ever seen.

        Infinite where points never expire; 0 where the triangle reaches the expiry.
        """
        beyond = self.last_age - (self.redeemed_points.shape[1] - 1)
        return np.where(self.last_age < 0, np.inf, np.maximum(beyond, 0)).astype(float)

    @cached_property
    def redeemed_to_date(self) -> FloatArray:
        """Return each vintage's redeemed points at the last month seen."""
        rows = np.arange(len(self.vintages))
        return self.redeemed_points[rows, self.observed.sum(axis=1) - 1]

    @cached_property
    def last_month(self) -> date:
        """Return the last month the triangle has seen."""
        ends = [
            month_index(vintage) + (int(seen)) * self.period_months
            for vintage, seen in zip(self.vintages, self.observed.sum(axis=1), strict=True)
        ]
        return month_from_index(max(ends) - 1)

    def labels(self) -> list[str]:
        """Return a label for each vintage: the month, or the first month of its period."""
        return [iso_month(vintage) for vintage in self.vintages]

    def frame(self) -> pd.DataFrame:
        """Return the observed cells as a tidy frame: vintage, age, redeemed and issued points."""
        rows, ages = np.nonzero(self.observed)
        return pd.DataFrame(
            {
                "vintage": pd.to_datetime([self.vintages[row] for row in rows]),
                "age": ages,
                "redeemed_points": self.redeemed_points[rows, ages],
                "issued_points": self.issued_points[rows],
            }
        )


def _check_triangle(triangle: Triangle) -> None:
    issued, redeemed = triangle.issued_points, triangle.redeemed_points
    if redeemed.ndim != 2 or 0 in redeemed.shape:
        raise DataError(
            "triangle",
            f"of shape {redeemed.shape}",
            "at least one vintage and one age",
            action="give one row a vintage and age, for at least one vintage",
        )
    if not (len(triangle.vintages) == len(issued) == len(triangle.last_age) == len(redeemed)):
        raise DataError(
            "issued_points",
            f"{len(issued)} values",
            f"one for each of the {len(redeemed)} vintages",
        )
    _refuse(~(np.isfinite(issued) & (issued > 0)), triangle, issued, "issued_points", "above 0")
    seen = np.isfinite(redeemed)
    if bool(np.any(np.isinf(redeemed))) or not bool(seen[:, 0].all()):
        raise DataError("redeemed_points", "not finite", "a finite number in every observed cell")
    if bool(np.any(seen[:, 1:] & ~seen[:, :-1])):
        raise DataError(
            "redeemed_points",
            "with a gap between observed ages",
            "observed from age 0 to the last month without a gap",
            action="write 0 where nothing was redeemed",
        )
    steps = np.diff(redeemed, axis=1, prepend=0.0)
    _refuse(
        np.any(steps < 0, axis=1),
        triangle,
        np.nanmin(steps, axis=1),
        "redeemed_points",
        "never decreasing from age to age",
        "book a returned redemption in the month of the redemption",
    )
    highest = np.nanmax(redeemed, axis=1)
    # Half a point of tolerance: totals may come as floats.
    _refuse(
        highest > issued + 0.5,
        triangle,
        highest,
        "redeemed_points",
        "no more than the points issued",
        "check that redemptions are booked to the vintage that was earned first",
    )
    ages = np.arange(redeemed.shape[1])
    after = (triangle.last_age[:, None] >= 0) & (ages > triangle.last_age[:, None])
    _refuse(
        np.any(after & (np.nan_to_num(steps) > 0), axis=1),
        triangle,
        triangle.last_age,
        "last_age",
        "an age after which nothing was redeemed",
        "correct the expiry age, or the redemptions booked after it",
    )


def _refuse(
    bad: npt.NDArray[np.bool_],
    triangle: Triangle,
    values: npt.NDArray,
    column: str,
    expected: str,
    action: str | None = None,
) -> None:
    if bool(bad.any()):
        first = int(np.flatnonzero(bad)[0])
        label = triangle.labels()[first]
        raise DataError(f"{column}[{label}]", f"{values[first]:g}", expected, action=action)


def from_cumulative(
    redeemed_points: npt.ArrayLike,
    issued_points: npt.ArrayLike,
    *,
    first_vintage: str | date,
    grain: Grain = "month",
    last_age: int | Sequence[int] | None = None,
) -> Triangle:
    """Return a triangle from an array of cumulative redeemed points.

    Args:
        redeemed_points: Vintage × age; NaN in the future, 0 where nothing was redeemed yet.
        issued_points: Points issued in each vintage.
        first_vintage: First month of the first vintage.
        grain: Length of a vintage and of an age.
        last_age: Last age at which points may be redeemed, for all or for each vintage; ``None``
            if they never expire.

    Raises:
        DataError: Negative, decreasing or non-finite cells, a gap, more redeemed than issued,
            redemption after expiry, or an empty triangle.
    """
    check_one_of(grain, "grain", GRAIN_MONTHS)
    redeemed = np.array(redeemed_points, dtype=float, ndmin=2)
    rows = len(redeemed)
    start, length = month_index(parse_month(first_vintage, "first_vintage")), GRAIN_MONTHS[grain]
    return Triangle(
        vintages=tuple(month_from_index(start + length * row) for row in range(rows)),
        issued_points=np.atleast_1d(np.asarray(issued_points, dtype=float)),
        redeemed_points=redeemed,
        last_age=_last_ages(last_age, rows),
        period_months=length,
    )


def _last_ages(last_age: int | Sequence[int] | None, rows: int) -> IntArray:
    given = np.asarray(-1 if last_age is None else last_age, dtype=np.int64)
    if last_age is not None and bool(np.any(given < 0)):
        raise ArgumentError("last_age", last_age, "at least 0, or None if points never expire")
    return np.broadcast_to(given, (rows,)).copy()
