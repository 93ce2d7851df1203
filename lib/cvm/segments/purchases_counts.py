"""Prepaid customers' purchases compressed to what the models need: counts by (x, tx, T).

x is the number of repeat purchases (purchase days after the first), tx the time of the last one
since the first, T the time observed since the first. A million customers share far fewer distinct
(x, tx, T), and the likelihood of all who share one is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import DataError, check_at_least, check_columns

FloatArray = npt.NDArray[np.float64]
_MOST_PLACES = 20_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Purchases:
    """Distinct (x, tx, T) and how many customers share each.

    Attributes:
        repeats: x, repeat purchases.
        last_at: tx, time of the last repeat purchase since the first purchase; 0 where x = 0.
        observed: T, time since the first purchase.
        customers: Customers who share the three.
    """

    repeats: FloatArray
    last_at: FloatArray
    observed: FloatArray
    customers: FloatArray

    @property
    def total(self) -> float:
        """Return the number of customers."""
        return float(self.customers.sum())

    def in_units(self, unit: float) -> Purchases:
        """Return the same with times divided by ``unit``."""
        return Purchases(
            repeats=self.repeats,
            last_at=self.last_at / unit,
            observed=self.observed / unit,
            customers=self.customers,
        )

    def rounded(self, steps: int) -> Purchases:
        """Return the same with times rounded to ``steps`` steps of the longest, counted again."""
        step = float(self.observed.max()) / steps
        ends, lasts = np.rint(self.observed / step), np.rint(self.last_at / step)
        counted = _by_places(self.repeats, lasts, ends, self.customers)
        if counted is None:
            return self
        x, last, end, n = counted
        # A purchase within the first half step stays a purchase after the first.
        last = np.where(x > 0, np.maximum(last, 0.25), 0.0)
        return Purchases(
            repeats=x, last_at=last * step, observed=np.maximum(end, last) * step, customers=n
        )


def compress(
    repeats: npt.ArrayLike,
    last_at: npt.ArrayLike,
    observed: npt.ArrayLike,
    customers: npt.ArrayLike | None = None,
) -> Purchases:
    """Check one row a customer (or an already counted group) and count distinct (x, tx, T).

    Args:
        repeats: x.
        last_at: tx, in any unit of time, the same as ``observed``.
        observed: T.
        customers: Customers a row; 1 each if left out.

    Raises:
        DataError: No rows, lengths differ, a value is missing or negative, x is not whole,
            tx > T, or tx and x do not go together (tx = 0 exactly where x = 0).

    Example:
        >>> compress([0, 2, 0], [0, 30.4, 0], [38, 38, 38]).customers
        array([2., 1.])
    """
    x, tx, t = (np.ascontiguousarray(value, dtype=float) for value in (repeats, last_at, observed))
    weight = None if customers is None else np.asarray(customers, dtype=float)
    for name, values in (("last_at", tx), ("observed", t), ("customers", weight)):
        if values is not None and values.shape != x.shape:
            raise DataError(f"purchases.{name}", f"{values.shape} long", f"{x.shape} long")
    if not x.size:
        raise DataError("purchases", "no customers", "at least one", action="supply customers")
    _check_customers(x, tx, t, weight)
    found = _by_places(x, tx, t, weight)
    if found is None:
        rows = pd.DataFrame({"x": x, "tx": tx, "t": t, "n": 1.0 if weight is None else weight})
        counted = rows.groupby(["x", "tx", "t"], sort=True)["n"].sum()
        keys = counted.index.to_frame().to_numpy(float).T
        found = (*keys, counted.to_numpy(float))
    return Purchases(repeats=found[0], last_at=found[1], observed=found[2], customers=found[3])


def _by_places(
    x: FloatArray, tx: FloatArray, t: FloatArray, weight: FloatArray | None
) -> tuple[FloatArray, ...] | None:
    """Count by a place in a flat table, if times are whole or whole sevenths and the table small.

    It is several times faster than sorting; None if it does not apply.
    """
    for scale in (1.0, 7.0):
        ends, lasts = np.rint(t * scale), np.rint(tx * scale)
        if np.abs(ends - t * scale).max() < 1e-6 and np.abs(lasts - tx * scale).max() < 1e-6:
            break
    else:
        return None
    first = ends.min()
    wide, deep = int(lasts.max()) + 1, int(ends.max() - first) + 1
    if (x.max() + 1) * wide * deep > _MOST_PLACES:
        return None
    place = ((x * wide + lasts) * deep + (ends - first)).astype(np.int64)
    count = np.bincount(place, weights=weight)
    kept = np.flatnonzero(count)
    rest, at_end = np.divmod(kept, deep)
    repeats, at_last = np.divmod(rest, wide)
    return (
        repeats.astype(float),
        at_last / scale,
        (at_end + first) / scale,
        count[kept].astype(float),
    )


def _check_customers(
    x: FloatArray, tx: FloatArray, t: FloatArray, weight: FloatArray | None
) -> None:
    columns = {"repeats": x, "last_at": tx, "observed": t}
    if weight is not None:
        columns["customers"] = weight
    for name, values in columns.items():
        # One comparison finds negative, missing and infinite values alike.
        if not (values.min() >= 0 and values.max() < np.inf):
            row = int(np.flatnonzero(~((values >= 0) & np.isfinite(values)))[0])
            raise DataError(
                f"purchases.{name}", values[row], f"not negative and known (row {row + 1})"
            )
    for name, wrong, expected in (
        ("repeats", x != np.rint(x), "a whole number"),
        ("last_at", tx > t, "at most the time observed"),
        ("last_at", (tx == 0) != (x == 0), "0 exactly for customers without repeat purchases"),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"purchases.{name}",
                f"{columns[name][row]:g} with x {x[row]:g}, T {t[row]:g}",
                f"{expected} (row {row + 1} and {int(wrong.sum()) - 1} more)",
                action="count repeat purchases by day, after the day of the first",
            )


def summarise_purchases(
    purchases: pd.DataFrame, *, end: date, unit_days: float = 7.0, keep: Sequence[str] = ()
) -> pd.DataFrame:
    """Return x, tx, T and the mean repeat spend of each customer from single purchases.

    Purchases of one day count as one. Those after ``end`` are not seen; customers whose first
    purchase is later drop out.

    Args:
        purchases: Columns customer_id, date, yuan.
        end: The last day seen.
        unit_days: Days of a unit of time (7 = weeks).
        keep: Further columns of which each customer's first value is kept.

    Returns:
        Columns customer_id, repeats, last_at, observed, mean_yuan (of repeat purchases; missing
        where there is none), and ``keep``.

    Raises:
        MissingDataError: A column is missing.
        DataError: A date or amount is missing, or no purchase is seen.
    """
    check_columns(purchases.columns, ["customer_id", "date", "yuan", *keep], "purchases")
    check_at_least(unit_days, "unit_days", 1e-6)
    for column in ("customer_id", "date", "yuan"):
        if purchases[column].isna().any():
            raise DataError(
                f"purchases.{column}",
                f"{int(purchases[column].isna().sum())} missing",
                "known in every row",
            )
    day = pd.to_datetime(purchases["date"]).dt.normalize()
    last_day = pd.Timestamp(end)
    seen = purchases.assign(day=day)[day <= last_day]
    if seen.empty:
        raise DataError("purchases", f"none up to {end}", "at least one purchase")
    days = seen.groupby(["customer_id", "day"], sort=True, as_index=False)["yuan"].sum()
    first = days.groupby("customer_id")["day"].transform("min")
    repeat = days[days["day"] > first].groupby("customer_id")
    customers = days.groupby("customer_id")["day"].agg(["min", "max", "size"])
    found = pd.DataFrame(
        {
            "repeats": customers["size"] - 1,
            "last_at": (customers["max"] - customers["min"]).dt.days / unit_days,
            "observed": (last_day - customers["min"]).dt.days / unit_days,
            "mean_yuan": repeat["yuan"].mean(),
        }
    )
    for column in keep:
        found[column] = seen.groupby("customer_id")[column].first()
    return found.reset_index()
