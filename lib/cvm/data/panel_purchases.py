"""Purchases held in memory, in the order of customers: RFM of one window after another in a blink.

:func:`cvm.data.reduce_segments_shapes.reduce_segments_rfm` and its sibling take a panel in place of
a table; what they make of a customer's latest month, number and total is the same expression.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cvm.core.checks import DataError, check_columns
from cvm.core.months import add_months, month_from_index, month_index
from cvm.data.panel_columns import IdCodes
from cvm.data.panel_kernels import sort_by_code, sum_purchases
from cvm.data.panel_stream import OwnEngine, check_held, check_known, stream, threads, to_numpy
from cvm.data.reduce_points import month_number
from cvm.data.reduce_segments_ratings import FEN

_BLOCK = 100_000
_WHOLE = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PurchasesPanel:
    """Purchases of customers, one customer's after another's.

    Attributes:
        when: Column of the table that told the date or month.
        amount: Column that told the amount.
        first_month: First month with a purchase that is held.
        last_month: Last such month.
        from_start: Whether the table has no earlier purchase.
        to_end: Whether it has no later one.
        ids: Customers who bought.
        places: Their places, 0 to customers − 1.
        ends: Where each customer's purchases end, in ``months`` and ``amounts``.
        months: Month of each purchase (index).
        amounts: Amount of each purchase: whole fen, or as they are.
        engine: Own connection, in which cells are made of sums.
    """

    when: str
    amount: str
    first_month: date
    last_month: date
    from_start: bool
    to_end: bool
    ids: pa.Array
    places: pa.Array
    ends: npt.NDArray[np.int64]
    months: npt.NDArray[np.int32]
    amounts: npt.NDArray[Any]
    engine: OwnEngine

    key: ClassVar[str] = "place"

    def __repr__(self) -> str:
        """Return whose purchases are held, and how many."""
        return (
            f"PurchasesPanel: {len(self.months):,} purchases ({self.amount} by {self.when}) of "
            f"{len(self.ends):,} customers, {self.first_month:%Y-%m} to {self.last_month:%Y-%m}"
        )

    def habits(self, month: date, window_months: int) -> ir.Table:
        """Return a row a customer with a purchase in a window.

        Args:
            month: Last month of the window.
            window_months: Its months.

        Returns:
            Expression with ``customer_id``, ``place``, ``latest`` (month index), ``frequency`` and
            ``amount`` (rounded to hundredths).

        Raises:
            ArgumentError: A month is not held.
        """
        first = add_months(month, 1 - window_months)
        check_held(self, first, month)
        count = len(self.ends)
        whole = self.amounts.dtype.kind == "i"
        latest, frequency = np.empty(count, np.int32), np.empty(count, np.int32)
        total = np.empty(count, np.int64 if whole else np.float64)
        low, high = month_index(first), month_index(month)

        def add(b: int) -> None:
            at = slice(b, b + _BLOCK)
            out = latest[at], frequency[at], total[at]
            sum_purchases(self.ends, self.months, self.amounts, b, low, high, *out)

        with ThreadPoolExecutor(threads()) as pool:
            list(pool.map(add, range(0, count, _BLOCK)))
        held = {"latest": latest, "frequency": frequency, "total": total}
        rows = self.engine.table({"customer_id": self.ids, "place": self.places, **held})
        amount = rows.total / FEN if whole else rows.total.round(2)
        # Of a sum, not of a column: a filter on a column would be left to the reader of arrays.
        bought = rows.filter(rows.frequency + rows.latest > 0)
        return bought.select(
            "customer_id",
            "place",
            latest=rows.latest.cast("int64"),
            frequency=rows.frequency.cast("int64"),
            amount=amount,
        )


def load_purchases(
    purchases: ir.Table,
    *,
    when: str = "month",
    amount: str = "bill_yuan",
    first_month: date | None = None,
    last_month: date | None = None,
) -> PurchasesPanel:
    """Load purchases into memory: eight bytes each where amounts are whole fen, else twelve.

    Args:
        purchases: The table, with ``customer_id``.
        when: Its date or month column.
        amount: Its amount column; rows without a positive amount are no purchase.
        first_month: First month held; all by default.
        last_month: Last month held; all by default.

    Raises:
        MissingDataError: A column is missing.
        DataError: No purchase, an amount that is no number, or a missing identifier.
    """
    check_columns(purchases.columns, ["customer_id", when, amount], "purchases")
    rows = purchases.select(
        customer_id=purchases.customer_id.cast("string"),
        index=month_number(purchases[when]).cast("int32"),
        amount=purchases[amount].cast("float64"),
    )
    rows = rows.filter(rows.index.notnull(), rows.amount > 0)
    bounds = rows.aggregate(low=rows.index.min(), high=rows.index.max()).to_pyarrow()
    low, high = bounds["low"][0].as_py(), bounds["high"][0].as_py()
    first = low if first_month is None else month_index(first_month)
    last = high if last_month is None else month_index(last_month)
    if low is None or first > high or last < low:
        raise DataError("purchases", "without a row in the months", "at least one purchase")
    inside = rows.filter(rows.index >= first, rows.index <= last)
    ids = IdCodes(1)
    codes, months, amounts = (
        np.concatenate(part) for part in zip(*_read(inside, ids), strict=True)
    )
    months, amounts, ends = _sorted(codes, months, _as_fen(amounts), ids.count)
    return PurchasesPanel(
        when=when,
        amount=amount,
        first_month=month_from_index(max(first, low)),
        last_month=month_from_index(min(last, high)),
        from_start=first <= low,
        to_end=last >= high,
        ids=ids.ids(),
        places=pa.array(np.arange(ids.count, dtype=np.int32)),
        ends=ends,
        months=months,
        amounts=amounts,
        engine=OwnEngine(),
    )


def _read(rows: ir.Table, ids: IdCodes) -> Iterator[tuple[npt.NDArray[Any], ...]]:
    for batch in stream(rows):
        check_known(batch["customer_id"], "purchases.customer_id")
        amounts = to_numpy(batch["amount"])
        if not np.isfinite(amounts).all():
            raise DataError("purchases amount", "not a number", "a finite number in every row")
        yield ids.codes(batch["customer_id"], adding=True), to_numpy(batch["index"]), amounts


def _as_fen(amounts: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Return whole fen where all amounts are, else the amounts."""
    fen = amounts * FEN
    whole = np.rint(fen)
    if whole.max() > np.iinfo(np.int32).max or np.abs(fen - whole).max() > _WHOLE:
        return amounts
    return whole.astype(np.int32)


def _sorted(
    codes: npt.NDArray[np.int32],
    months: npt.NDArray[np.int32],
    amounts: npt.NDArray[Any],
    customers: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[Any], npt.NDArray[np.int64]]:
    counts = np.bincount(codes, minlength=customers)
    starts = np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.int64)
    months_out, amounts_out = np.empty_like(months), np.empty_like(amounts)
    sort_by_code(codes, starts, months, amounts, months_out, amounts_out)
    return months_out, amounts_out, starts
