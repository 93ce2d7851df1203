"""Building a redemption triangle from a ledger reduced to vintage and age.

The reduction (points of each redemption traced to the month they were earned, first in first out)
happens where the ledger is; this module takes its small result.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from cvm.core.checks import (
    ArgumentError,
    DataError,
    check_at_least,
    check_between,
    check_columns,
    check_one_of,
)
from cvm.core.months import iso_month, month_from_index, month_index, parse_month
from cvm.points.triangles import GRAIN_MONTHS, FloatArray, Grain, Triangle

COLUMNS = ("vintage", "age_months", "redeemed_points", "issued_points")


def expiry_ages(
    vintages: pd.Series,
    *,
    life_months: int | None = None,
    clearing_years: int | None = None,
    clearing_month: int = 12,
) -> pd.Series:
    """Return each vintage's last age in months, for the column ``last_age_months``.

    Args:
        vintages: Months of earning.
        life_months: Points die at the end of the month so many months after they were earned.
        clearing_years: Instead of a life: points of calendar year T die in year T + this many …
        clearing_month: … at the end of this month (1–12).

    Raises:
        ArgumentError: Neither a life nor clearing years, both, or a value out of range.

    Example:
        >>> months = pd.Series(["2012-05", "2012-12"])
        >>> expiry_ages(months, clearing_years=3).tolist()
        [43, 36]
    """
    if (life_months is None) == (clearing_years is None):
        raise ArgumentError(
            "life_months", life_months, "given, or clearing_years, but not both or neither"
        )
    earned = vintages.map(lambda month: month_index(parse_month(month, "vintages"))).astype(int)
    if clearing_years is None:
        check_at_least(life_months or 0, "life_months", 0)
        return earned * 0 + int(life_months or 0)
    check_at_least(clearing_years, "clearing_years", 1)
    check_between(clearing_month, "clearing_month", low=1, high=12)
    return (earned // 12 + clearing_years) * 12 + clearing_month - 1 - earned


def build_triangle(
    redemptions: pd.DataFrame,
    *,
    last_month: str | date,
    grain: Grain = "month",
    last_age_months: int | None = None,
) -> Triangle:
    """Return a triangle from points redeemed by month of earning and age in months.

    Quarters and years are counted back from ``last_month``, so that the last diagonal is always a
    whole period; the oldest vintage may hold fewer months than the others. Close a points year
    (``last_month`` in November) and years are points years.

    Args:
        redemptions: One row a vintage and age: ``vintage`` (month of earning), ``age_months``
            (0 in the month of earning), ``redeemed_points`` (in that month, not cumulative) and
            ``issued_points`` (of the vintage, repeated). A month without a row is a month in which
            nothing was redeemed; a vintage that was never redeemed has one row with 0. A column
            ``last_age_months`` gives each vintage its own expiry (calendar-year clearing).
        last_month: The last month the ledger covers.
        grain: Vintages and ages in months, quarters or years.
        last_age_months: Last age in months at which points may be redeemed; ``None`` if points
            never expire or the frame has the column.

    Raises:
        MissingDataError: A column is missing.
        DataError: An empty frame, a repeated or future cell, redemption after expiry, values that
            are negative or not finite, or a vintage whose issued points differ between rows.
    """
    check_one_of(grain, "grain", GRAIN_MONTHS)
    check_columns(redemptions.columns, COLUMNS, "redemptions")
    if redemptions.empty:
        raise DataError("redemptions", "empty", "at least one row", action="check the extract")
    end = month_index(parse_month(last_month, "last_month"))
    earned = redemptions["vintage"].map(lambda month: month_index(parse_month(month, "vintage")))
    cells = pd.DataFrame(
        {
            "earned": earned.to_numpy(dtype=np.int64),
            "age": _numbers(redemptions, "age_months"),
            "redeemed": _numbers(redemptions, "redeemed_points"),
            "issued": _numbers(redemptions, "issued_points"),
            "last_age": _own_last_ages(redemptions, last_age_months),
        }
    )
    _check_cells(cells, end)
    return _grouped(cells, end, GRAIN_MONTHS[grain])


def _numbers(frame: pd.DataFrame, column: str) -> FloatArray:
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float)
    bad = ~np.isfinite(values) | (values < 0)
    if bool(bad.any()):
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"redemptions.{column}[row {row}]",
            frame[column].iloc[row],
            "a finite number of at least 0",
            action="correct the row, or leave out a month in which nothing was redeemed",
        )
    return values


def _own_last_ages(frame: pd.DataFrame, last_age_months: int | None) -> FloatArray:
    if "last_age_months" not in frame.columns:
        return np.full(len(frame), -1 if last_age_months is None else last_age_months, dtype=float)
    if last_age_months is not None:
        raise ArgumentError(
            "last_age_months", last_age_months, "left out when the frame has the column"
        )
    return _numbers(frame, "last_age_months")


def _check_cells(cells: pd.DataFrame, end: int) -> None:
    def refuse(bad: pd.Series, what: str, expected: str, action: str) -> None:
        if bool(bad.any()):
            row = cells[bad].iloc[0]
            month = iso_month(month_from_index(int(row["earned"])))
            subject = f"redemptions[vintage {month}, age {row['age']:g}]"
            raise DataError(subject, what, expected, action=action)

    refuse(
        cells.duplicated(["earned", "age"]),
        "given twice",
        "one row a vintage and age",
        "add up point classes before building one triangle, or build one a class",
    )
    refuse(
        cells["earned"] + cells["age"] > end,
        "in the future",
        "no later than last_month",
        "correct last_month, or the row",
    )
    refuse(
        (cells["last_age"] >= 0) & (cells["age"] > cells["last_age"]) & (cells["redeemed"] > 0),
        "redeemed after expiry",
        "no older than last_age_months",
        "correct the expiry age, or the redemptions booked after it",
    )
    refuse(
        (cells["issued"] == 0) & (cells["redeemed"] > 0),
        "redeemed where nothing was issued",
        "no more than the points issued",
        "check that redemptions are booked to the vintage that was earned first",
    )
    same = cells.groupby("earned")[["issued", "last_age"]].transform("nunique")
    refuse(
        (same > 1).any(axis=1),
        "with differing issued points or expiry",
        "one value for each vintage, repeated in its rows",
        "use the vintage's total in every row",
    )


def _grouped(cells: pd.DataFrame, end: int, length: int) -> Triangle:
    # Periods are numbered backwards from the last month: 0 is the period that ends there.
    period = (end - cells["earned"]) // length
    age = (period - (end - cells["earned"] - cells["age"]) // length).astype(int)
    oldest = int(period.max())
    steps = np.zeros((oldest + 1, oldest + 1))
    np.add.at(steps, (oldest - period.to_numpy(), age.to_numpy()), cells["redeemed"].to_numpy())
    vintages = cells.assign(row=oldest - period).drop_duplicates("earned")
    issued = np.zeros(oldest + 1)
    np.add.at(issued, vintages["row"].to_numpy(), vintages["issued"].to_numpy())
    last_age = np.full(oldest + 1, -1, dtype=np.int64)
    # The last month in which a vintage's points may be redeemed, in periods after its own.
    expiry_period = np.floor((end - vintages["earned"] - vintages["last_age"]) / length)
    last = (oldest - vintages["row"]) - expiry_period
    expires = (vintages["last_age"] >= 0).to_numpy()
    np.maximum.at(
        last_age, vintages["row"].to_numpy()[expires], last.to_numpy(dtype=np.int64)[expires]
    )
    redeemed = np.cumsum(steps, axis=1)
    rows, ages = np.indices(redeemed.shape)
    redeemed[ages > oldest - rows] = np.nan
    present = issued > 0
    starts = [month_from_index(end + 1 - length * (oldest + 1 - row)) for row in range(oldest + 1)]
    return Triangle(
        vintages=tuple(start for start, keep in zip(starts, present, strict=True) if keep),
        issued_points=issued[present],
        redeemed_points=redeemed[present],
        last_age=last_age[present],
        period_months=length,
    )
