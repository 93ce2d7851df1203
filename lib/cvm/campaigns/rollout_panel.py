"""Units observed in every period, and what comparisons of staggered starts need to know of them.

Every effect is a difference of means of units that start together, so means and centred products of
each such cohort say all about effects and their errors; nothing after them grows with the units.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, DataError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Units observed in every period.

    Attributes:
        outcome: Outcome [unit, period].
        periods: The periods, rising; month indexes or years.
        start: Period in which each unit starts; NaN for one that never does.
        weight: Size of each unit; all alike by default.
        unit: Names of the units.
    """

    outcome: FloatArray
    periods: FloatArray
    start: FloatArray
    weight: FloatArray | None = None
    unit: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        units, periods = self.outcome.shape
        if len(self.periods) != periods or (np.diff(self.periods) <= 0).any():
            raise ArgumentError("periods", self.periods, f"{periods} rising periods")
        if len(self.start) != units:
            raise ArgumentError("start", len(self.start), f"one a unit ({units})")
        if not np.isfinite(self.outcome).all():
            raise DataError(
                "outcome",
                "missing or not finite in some periods",
                "known for every unit and period",
                action="leave out units or periods that are not whole",
            )
        if self.weight is not None and (
            len(self.weight) != units or not (np.asarray(self.weight) > 0).all()
        ):
            raise ArgumentError("weight", "not above 0 for every unit", f"{units} sizes above 0")

    @property
    def sizes(self) -> FloatArray:
        """Return the units' sizes, with a mean of one."""
        given = np.ones(len(self.start)) if self.weight is None else np.asarray(self.weight, float)
        return given / given.mean()

    @cached_property
    def groups(self) -> FloatArray:
        """Return the starts after the first period; who had started before it tells nothing."""
        known = self.start[np.isfinite(self.start)]
        return np.unique(known[known > self.periods[0]])

    @cached_property
    def cohorts(self) -> Cohorts:
        """Return means and centred products of the units that start together."""
        start, of = np.unique(self.start, return_inverse=True)
        weight, count = self.sizes, len(start)
        size = np.bincount(of, weight, minlength=count).astype(np.float64)
        mean = np.empty((count, len(self.periods)))
        cross, square = np.empty_like(mean), np.empty((*mean.shape, mean.shape[1]))
        order = np.argsort(of, kind="stable")
        ends = np.cumsum(np.bincount(of, minlength=count))
        for place, own in enumerate(np.split(order, ends[:-1])):
            # Comparisons are of changes, so each unit's own level may go, and digits are kept.
            change = self.outcome[own]
            change -= change.mean(axis=1, keepdims=True)
            share = weight[own]
            mean[place] = share @ change / size[place]
            change -= mean[place]
            change *= share[:, None]
            cross[place] = share @ change
            square[place] = change.T @ change
        return Cohorts(
            start=start,
            of=of,
            size=size,
            mean=mean,
            size_squares=np.bincount(of, weight**2, minlength=count).astype(np.float64),
            cross=cross,
            square=square,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Cohorts:
    """Units that start together, those that never do last.

    Attributes:
        start: Start of each cohort; NaN for never.
        of: Cohort of each unit.
        size: Sum of the units' sizes.
        mean: Mean outcome [cohort, period], each unit's own mean taken away.
        size_squares: Sum of squared sizes.
        cross: Sums of squared sizes × deviations from the mean [cohort, period].
        square: Sums of squared sizes × products of deviations [cohort, period, period].
    """

    start: FloatArray
    of: npt.NDArray[np.int64]
    size: FloatArray
    mean: FloatArray
    size_squares: FloatArray
    cross: FloatArray
    square: FloatArray


def read_panel(
    frame: pd.DataFrame, *, unit: str, period: str, outcome: str, start: str, weight: str = ""
) -> Panel:
    """Return a panel from one row a unit and period.

    Units that had started before the first period are left out, as nothing is known of them without
    the offer; a start that is missing or 0 means never.

    Args:
        frame: The rows.
        unit: Column of units.
        period: Column of periods (numbers).
        outcome: Column of the outcome.
        start: Column of the period in which the unit starts.
        weight: Column of sizes; the mean over periods counts.

    Raises:
        DataError: A unit lacks a period or has one twice, or starts twice.
    """
    rows, units = pd.factorize(frame[unit], sort=True)
    columns, periods = pd.factorize(frame[period], sort=True)
    shape = (len(units), len(periods))
    place = rows * shape[1] + columns
    whole = len(frame) == shape[0] * shape[1] and rows.min(initial=0) >= 0 <= columns.min(initial=0)

    sorted_already = whole and bool((place == np.arange(len(place))).all())

    def wide(column: str) -> FloatArray:
        values = frame[column].to_numpy(float)
        if not sorted_already:
            values, given = np.empty(len(frame)), values
            values[place] = given
        return values.reshape(shape)

    whole = whole and (sorted_already or bool((np.bincount(place) == 1).all()))
    values = wide(outcome) if whole else np.full(shape, np.nan)
    if not values.size or np.isnan(values).any():
        raise DataError(
            "units",
            _short(frame, unit, period, outcome) or "with a period twice",
            "with one row in every period",
            action="leave out units or periods that are not whole",
        )
    begun = np.nan_to_num(wide(start), nan=0.0)
    if (begun != begun[:, :1]).any():
        raise DataError(start, "differing within a unit", "one start a unit")
    starts = np.where(begun[:, 0] > 0, begun[:, 0], np.nan)
    known = np.asarray(periods, dtype=np.float64)
    kept = ~(starts <= known[0])
    return Panel(
        outcome=values[kept],
        periods=known,
        start=starts[kept],
        weight=wide(weight).mean(axis=1)[kept] if weight else None,
        unit=tuple(map(str, units[kept])),
    )


def _short(frame: pd.DataFrame, unit: str, period: str, outcome: str) -> list[object]:
    """Return some units that lack a period."""
    wide = frame.pivot_table(index=unit, columns=period, values=outcome, aggfunc="first")
    return list(wide.index[wide.isna().any(axis=1)][:5])
