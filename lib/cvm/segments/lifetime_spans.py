"""From customers counted by joining, first and last month in service to cohorts and today's ages.

A cohort joined in one month. Where it came into view later than that, it is first seen at an age
above zero (left truncated), and only then counts as at risk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from cvm.core.checks import DataError, check_columns
from cvm.core.months import month_index
from cvm.segments.survival_cohorts import POOLED, Cohorts, read_cohorts

_MONTHS = ("joined_month", "first_month", "last_month")


@dataclass(frozen=True, kw_only=True, eq=False)
class Spans:
    """Customers followed up to a month, counted by when they joined, came into view and left.

    Attributes:
        frame: One row a tier, joining, first and last month (as month numbers): tier, joined,
            first, last, customers. Joining is known and not after the first month.
        month: Number of the last month looked at; who is in service in it has not left.
        left_out: Customers whose age cannot be told: no joining month, or one after they were seen.
    """

    frame: pd.DataFrame
    month: int
    left_out: int

    def cohorts(self) -> Cohorts:
        """Return monthly cohorts: how many were in service at each age, up to the month.

        Raises:
            DataError: Nobody's age can be told.
        """
        parts = [
            _survivors(part, self.month)
            for _, part in self.frame.groupby(["tier", "joined", "first"], sort=True)
        ]
        if not parts:
            raise DataError(
                "cohorts",
                f"none, {self.left_out} customers without a joining month that fits",
                "customers whose joining month is known",
                action="deliver joined_month in the customers table",
            )
        return read_cohorts(pd.concat(parts, ignore_index=True))

    def today(self) -> pd.DataFrame:
        """Return who is in service in the month, by tier and age: tier, age_periods, customers."""
        here = self.frame[self.frame["last"] == self.month]
        ages = here.assign(age_periods=self.month - here["joined"])
        return ages.groupby(["tier", "age_periods"], sort=True)["customers"].sum().reset_index()


def read_spans(
    spans: pd.DataFrame, month: date, *, tier: str | Sequence[str] | None = None
) -> Spans:
    """Check counted spans of service and return them.

    Args:
        spans: Of :func:`cvm.data.reduce_segments_lifetime.reduce_lifetime_spans`: joined_month,
            first_month, last_month, customers and groups.
        month: The last month looked at.
        tier: Column of the groups (or several, joined by "·") that become tiers; None pools all.

    Raises:
        MissingDataError: A column is missing.
        DataError: There is no row, a count is not whole and positive, a month is missing, or a
            customer was last seen before the first time or after the month.

    Example:
        >>> frame = pd.DataFrame({
        ...     "joined_month": ["2024-11-01"] * 2, "first_month": ["2025-01-01"] * 2,
        ...     "last_month": ["2025-01-01", "2025-03-01"], "customers": [1, 4],
        ... })
        >>> read_spans(frame, date(2025, 3, 1)).cohorts().frame["customers"].tolist()
        [5, 4, 4]
    """
    columns = [tier] if isinstance(tier, str) else list(tier or ())
    check_columns(spans.columns, [*_MONTHS, "customers", *columns], "spans")
    if spans.empty:
        raise DataError("spans", "no rows", "at least one customer", action="supply customers")
    numbers = {name: _numbers(spans[name]) for name in _MONTHS}
    frame = pd.DataFrame(
        {
            "tier": tier_names(spans, columns),
            "joined": numbers["joined_month"],
            "first": numbers["first_month"],
            "last": numbers["last_month"],
            "customers": pd.to_numeric(spans["customers"], errors="coerce"),
        }
    ).reset_index(drop=True)
    end = month_index(month)
    _check(frame, end)
    known = frame["joined"] <= frame["first"]
    left_out = int(frame.loc[~known, "customers"].sum())
    whole = frame[known].astype({"joined": int, "first": int, "last": int, "customers": int})
    keys = ["tier", "joined", "first", "last"]
    return Spans(
        frame=whole.groupby(keys, sort=True)["customers"].sum().reset_index(),
        month=end,
        left_out=left_out,
    )


def tier_names(frame: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return one name a row from the columns that name its group; "all" without columns.

    Example:
        >>> tier_names(pd.DataFrame({"voice": [0, 2], "data": [1, 1]}), ["voice", "data"])
        ['0·1', '2·1']
    """
    if not columns:
        return [POOLED] * len(frame)
    parts = [frame[column].astype(str).tolist() for column in columns]
    return ["·".join(names) for names in zip(*parts, strict=True)]


def _numbers(months: pd.Series) -> pd.Series:
    day = pd.to_datetime(months)
    return day.dt.year * 12 + day.dt.month - 1


def _check(frame: pd.DataFrame, end: int) -> None:
    count = frame["customers"]
    for column, wrong, expected in (
        ("customers", ~((count > 0) & (count == np.round(count))), "a whole number above 0"),
        ("first_month", frame["first"].isna(), "known in every row"),
        (
            "last_month",
            ~((frame["last"] >= frame["first"]) & (frame["last"] <= end)),
            "from the first month seen to the last month looked at",
        ),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            place = column.removesuffix("_month")
            raise DataError(
                f"spans.{column}",
                frame[place].iloc[row],
                f"{expected} (row {row + 1} and {int(wrong.sum()) - 1} more)",
                action="reduce the months again, up to the same month",
            )


def _survivors(part: pd.DataFrame, month: int) -> pd.DataFrame:
    """Return how many of a cohort were in service in each month from its first to the last."""
    joined, first = int(part["joined"].iloc[0]), int(part["first"].iloc[0])
    lost = np.bincount(part["last"] - first, weights=part["customers"], minlength=month - first + 1)
    here = part["customers"].sum() - np.concatenate([[0], np.cumsum(lost)[:-1]])
    year, place = divmod(joined, 12)
    name = f"{year}-{place + 1:02d}"
    late = "" if first == joined else f" from {first // 12}-{first % 12 + 1:02d}"
    return pd.DataFrame(
        {
            "tier": part["tier"].iloc[0],
            "cohort": name + late,
            "age_periods": np.arange(first - joined, month - joined + 1),
            "customers": here.astype(int),
        }
    )
