"""Load a panel: tables are streamed from the engine once, and never held as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cvm.core.checks import ArgumentError, DataError, check_columns
from cvm.core.months import add_months, month_from_index, month_index
from cvm.data.panel import HeldNumbers, MonthsPanel
from cvm.data.panel_columns import Amounts, IdCodes, Words, grown
from cvm.data.panel_kernels import mark_flags, mark_months, put
from cvm.data.panel_people import People
from cvm.data.panel_stream import OwnEngine, check_known, stream, to_numpy
from cvm.data.reduce_segments_plan import USAGE

AMOUNTS = (*USAGE, "age_years")
"""Columns held for bands and scenes unless others are named, where the data have them."""

BY = ("vip_tier", "star", "county", "brand", "customer_type")
"""Columns held for groups unless others are named, where the data have them."""

MOST_MONTHS = 63
"""Months a customer's bits hold."""


def load_panel(
    months: ir.Table,
    customers: ir.Table,
    accounts: ir.Table | None = None,
    ledger: ir.Table | None = None,
    *,
    first_month: date | None = None,
    last_month: date | None = None,
    amounts: Sequence[str] | None = None,
    by: Sequence[str] | None = None,
) -> MonthsPanel:
    """Load customers and their months into memory, to rate them again and again.

    An amount takes four bytes a customer and month as long as it is whole fen below 21 million
    yuan, else eight; a group of a month four, counts of arrears stops one. Ten million customers
    with twelve months of bills, costs, voice and data take 2.4 GB.

    What the panel adds up is what the engine adds up, to the fen. Only where amounts are no whole
    fen may a sum that ends on half a fen be rounded to the other side, as in the engine from one
    order of addition to another.

    Args:
        months: Contract table ``months``, one row a customer and month.
        customers: Contract table ``customers``, one row a customer.
        accounts: Contract table ``accounts``, for grades by members.
        ledger: Contract table ``ledger``: consumption points earned are read from it.
        first_month: First month held; the first of the data by default.
        last_month: Last month held; the last of the data by default.
        amounts: Columns of ``months`` or ``customers`` for bands; :data:`AMOUNTS` by default.
        by: Columns of ``months`` or ``customers`` for groups; :data:`BY` by default.

    Returns:
        The panel, which the reductions of value segments take in place of the tables.

    Raises:
        MissingDataError: A column is not there.
        ArgumentError: More months than :data:`MOST_MONTHS`.
        DataError: No month, a customer twice in a month, a month that is no first of a month, a
            number that is none, an identifier that is missing, a customer or account twice.
    """
    check_columns(months.columns, ["customer_id", "month", "bill_yuan"], "months")
    both = [*months.columns, *customers.columns]
    chosen = _chosen(amounts, AMOUNTS, both), _chosen(by, BY, both)
    first, last, from_start = _range(months, ledger, first_month, last_month)
    filling = _Filling(first, last, int(customers.count().to_pyarrow().as_py()))
    filling.read_months(months, *([c for c in some if c in months.columns] for some in chosen))
    if ledger is not None:
        filling.read_ledger(ledger)
    people = People(filling.ids)
    people.read(customers, *([c for c in some if c not in months.columns] for some in chosen))
    if accounts is not None and people.accounts is not None:
        people.read_members(accounts)
    count = filling.ids.count
    return MonthsPanel(
        first_month=first,
        last_month=last,
        from_start=from_start,
        customers=count,
        ids=filling.ids.ids(),
        places=pa.array(np.arange(count, dtype=np.int32)),
        seen=filling.seen[:count],
        on_time=None if filling.on_time is None else filling.on_time[:count],
        numbers={name: _held(item, count) for name, item in filling.amounts.items()},
        words={
            name: [item.column(row[:count]) for row in filling.texts[name]]
            for name, item in filling.words.items()
        },
        points=None if filling.points is None else _held(filling.points, count),
        people=people.columns(),
        account_of=people.numbers.get("account_id"),
        engine=OwnEngine(),
    )


def _chosen(
    wanted: Sequence[str] | None, usual: Sequence[str], available: Sequence[str]
) -> list[str]:
    if wanted is None:
        return [name for name in usual if name in available]
    check_columns(available, wanted, "months and customers")
    return list(wanted)


def _range(
    months: ir.Table, ledger: ir.Table | None, first_month: date | None, last_month: date | None
) -> tuple[date, date, bool]:
    """Return the first and last month to hold, and whether the data have none before."""
    bounds = months.aggregate(low=months.month.min(), high=months.month.max()).to_pyarrow()
    low, high = bounds["low"][0].as_py(), bounds["high"][0].as_py()
    if low is None:
        raise DataError("months", "without a row", "at least one customer and month")
    if ledger is not None:
        begun = _earned(ledger).month.min().to_pyarrow().as_py()
        low = low if begun is None else min(low, begun)
    low, high = date(low.year, low.month, 1), date(high.year, high.month, 1)
    first, last = max(first_month or low, low), min(last_month or high, high)
    count = month_index(last) - month_index(first) + 1
    if not 1 <= count <= MOST_MONTHS:
        raise ArgumentError(
            "first_month to last_month",
            f"{first_month or low:%Y-%m} to {last_month or high:%Y-%m}",
            f"1 to {MOST_MONTHS} months of the data",
            available=[f"{low:%Y-%m} to {high:%Y-%m}"],
        )
    return first, last, first <= low


def _earned(ledger: ir.Table) -> ir.Table:
    return ledger.filter(ledger.entry == "earned", ledger.point_class == "consumption")


def _held(amounts: Amounts, customers: int) -> HeldNumbers:
    most = amounts.most(customers) if amounts.whole else 0
    return HeldNumbers(by_month=amounts.values, scale=amounts.scale, most=most)


class _Filling:
    """Months of customers on their way into arrays."""

    def __init__(self, first: date, last: date, expected: int) -> None:
        self.first, self.last, self.room = first, last, max(expected, 1)
        self.months = month_index(last) - month_index(first) + 1
        self.ids = IdCodes(self.room)
        self.seen = np.zeros(self.room, np.uint64)
        self.on_time: npt.NDArray[np.uint64] | None = None
        self.amounts: dict[str, Amounts] = {}
        self.words: dict[str, Words] = {}
        self.texts: dict[str, npt.NDArray[Any]] = {}
        self.points: Amounts | None = None
        starts = [add_months(first, at) for at in range(self.months + 1)]
        days = np.array(starts, "datetime64[D]").astype(int)
        self._day = int(days[0])
        self._place_of = np.full(days[-1] - days[0], -1, np.int32)
        self._place_of[days[:-1] - days[0]] = np.arange(self.months)

    def read_months(self, months: ir.Table, amounts: Sequence[str], by: Sequence[str]) -> None:
        """Fill in the months, with what every rating reads and these columns."""
        counted = {"bill_yuan": 100, "variable_cost_yuan": 100, "arrears_stops": 1}
        scales = {name: scale for name, scale in counted.items() if name in months.columns}
        scales |= {name: 100 for name in amounts if name not in scales}
        self.amounts = {n: Amounts(n, self.months, self.room, scale=s) for n, s in scales.items()}
        self.words = {name: Words() for name in by}
        self.texts = {name: np.zeros((self.months, self.room), np.int32) for name in by}
        wanted: dict[str, ir.Value] = {
            name: months[name].cast("float64").fill_null(0.0) for name in scales
        }
        if "paid_on_time" in months.columns:
            self.on_time = np.zeros(self.room, np.uint64)
            wanted["paid_on_time"] = months.paid_on_time.fill_null(False).cast("int8")
        wanted |= {f"text_{name}": months[name].cast("string") for name in by}
        for batch in self._rows(months, "months", wanted):
            self._fill(batch)

    def read_ledger(self, ledger: ir.Table) -> None:
        """Fill in the consumption points earned."""
        self.points = Amounts("ledger.points", self.months, self.room, scale=1)
        earned = _earned(ledger)
        points = earned.points.cast("float64").fill_null(0.0)
        for batch in self._rows(earned, "ledger", {"points": points}):
            codes = self.ids.codes(batch["customer_id"])
            self.points.add(self._places(batch["day"], "ledger"), codes, to_numpy(batch["points"]))

    def _rows(
        self, table: ir.Table, name: str, wanted: dict[str, ir.Value]
    ) -> Iterator[pa.RecordBatch]:
        rows = table.select(
            customer_id=table.customer_id.cast("string"), day=table.month.cast("date"), **wanted
        )
        inside = rows.filter(rows.day >= self.first, rows.day < add_months(self.last, 1))
        for batch in stream(inside):
            check_known(batch["customer_id"], f"{name}.customer_id")
            yield batch

    def _places(self, days: pa.Array, name: str) -> npt.NDArray[np.int32]:
        found = self._place_of[to_numpy(days.cast(pa.int32())) - self._day]
        if len(found) and found.min() < 0:
            day = days[int(found.argmin())].as_py()
            raise DataError(f"{name}.month", day, "the first day of a month")
        return found

    def _fill(self, batch: pa.RecordBatch) -> None:
        codes = self.ids.codes(batch["customer_id"], adding=True)
        self._make_room()
        places = self._places(batch["day"], "months")
        twice = mark_months(self.seen, places, codes)
        if twice >= 0:
            month = month_from_index(month_index(self.first) + int(places[twice]))
            raise DataError(
                "months",
                f"{batch['customer_id'][twice].as_py()} in {month:%Y-%m} twice",
                "one row a customer and month",
                action="check the data: preparing them sets such rows aside",
            )
        for name, item in self.amounts.items():
            item.add(places, codes, to_numpy(batch[name]))
        if self.on_time is not None:
            mark_flags(self.on_time, places, codes, to_numpy(batch["paid_on_time"]))
        for name, words in self.words.items():
            put(self.texts[name], places, codes, words.numbers(batch[f"text_{name}"]))

    def _make_room(self) -> None:
        """Grow, where months have more customers than the customers table."""
        if self.ids.count <= self.room:
            return
        self.seen = grown(self.seen, self.ids.count)
        self.room = len(self.seen)
        if self.on_time is not None:
            self.on_time = grown(self.on_time, self.room)
        for item in self.amounts.values():
            item.values = grown(item.values, self.room)
        self.texts = {name: grown(values, self.room) for name, values in self.texts.items()}
