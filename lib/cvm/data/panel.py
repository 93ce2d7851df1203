"""The months of customers held in memory, added up in a blink for one rule book after another.

Rating ten million customers is mostly adding up their months, and whoever weighs rule books adds up
the same months again and again. A :class:`MonthsPanel` holds them as numbers by month and customer;
the reductions of :mod:`cvm.data.reduce_segments` take it in place of tables, and the rules they
apply to its sums are the same expressions. :func:`cvm.data.panel_load.load_panel` makes one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cvm.core.checks import MissingDataError
from cvm.core.months import month_index
from cvm.data.panel_kernels import count_bits, sum_floors, sum_months, sum_whole_yuan
from cvm.data.panel_stream import OwnEngine, check_held, threads
from cvm.data.reduce_segments_plan import CustomerColumn, SumsPlan, WindowSum
from cvm.data.reduce_segments_ratings import FEN

BLOCK = 16_384
"""Customers added up at a time: their months stay in the processor's cache from sum to sum."""

_BLOCKS_A_TASK = 8
_Task = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldNumbers:
    """Numbers by month and customer.

    Attributes:
        by_month: (months, room for customers): the number × ``scale`` where whole, else as it is.
        scale: 100 for amounts, 1 for counts.
        most: Largest absolute value, where whole.
    """

    by_month: npt.NDArray[Any]
    scale: int
    most: int

    @property
    def whole(self) -> bool:
        """Whether values are whole numbers."""
        return self.by_month.dtype.kind == "i"

    def empty(self, customers: int) -> npt.NDArray[Any]:
        """Return room for a sum of all months, as narrow as it is sure to fit."""
        if not self.whole:
            return np.empty(customers, np.float64)
        fits = self.most * len(self.by_month) <= np.iinfo(np.int32).max
        return np.empty(customers, np.int32 if fits else np.int64)

    def in_units(self, sums: npt.NDArray[Any], scale: int) -> npt.NDArray[Any]:
        """Return sums as whole numbers of another scale, halves away from zero."""
        if self.whole and scale == self.scale:
            return sums
        units = sums * (scale / (self.scale if self.whole else 1))
        return (np.sign(units) * np.floor(np.abs(units) + 0.5)).astype(np.int64)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MonthsPanel:
    """Customers, their months and what is known of them, in memory.

    Attributes:
        first_month: First month held.
        last_month: Last month held.
        from_start: Whether the data have no earlier month, so that a window may begin before.
        customers: Customers with a month.
        ids: Their identifiers.
        places: Their places, 0 to customers − 1.
        seen: Bits by customer: the months in service, the first month lowest.
        on_time: Bits by customer: the months paid on time; ``None`` where not known.
        numbers: Column of ``months`` → its numbers.
        words: Column of ``months`` → a coded column a month.
        points: Consumption points earned, where a ledger was given.
        people: Column of ``customers`` (``joined_month`` as index), and ``members``.
        account_of: Number of each customer's account, 0 without one; ``None`` where not known.
        engine: Own connection, in which rules are applied to sums.
    """

    first_month: date
    last_month: date
    from_start: bool
    customers: int
    ids: pa.Array
    places: pa.Array
    seen: npt.NDArray[np.uint64]
    on_time: npt.NDArray[np.uint64] | None
    numbers: Mapping[str, HeldNumbers]
    words: Mapping[str, Sequence[pa.DictionaryArray]]
    points: HeldNumbers | None
    people: Mapping[str, pa.Array]
    account_of: npt.NDArray[np.int32] | None
    engine: OwnEngine

    key: ClassVar[str] = "place"
    to_end: ClassVar[bool] = False

    def __repr__(self) -> str:
        """Return who and what is held, and the memory it takes."""
        columns = ", ".join([*self._columns("months"), *self._columns("customers")])
        return (
            f"MonthsPanel: {self.customers:,} customers, {self.first_month:%Y-%m} to "
            f"{self.last_month:%Y-%m}, {self.gigabytes:.1f} GB; {columns}"
        )

    @property
    def gigabytes(self) -> float:
        """Memory that the months take (GB)."""
        numbers = [*self.numbers.values(), *([] if self.points is None else [self.points])]
        words = [column for columns in self.words.values() for column in columns]
        held = sum(item.by_month.nbytes for item in numbers) + sum(item.nbytes for item in words)
        return float(held + self.seen.nbytes) / 1e9

    @property
    def has_ledger(self) -> bool:
        """Whether consumption points come from a ledger."""
        return self.points is not None

    def has(self, table: str, column: str) -> bool:
        """Tell whether a column of a table is held."""
        return column in self._columns(table)

    def check(self, table: str, columns: Sequence[str]) -> None:
        """Check that columns are held.

        Raises:
            MissingDataError: Some are not; the message names them all.
        """
        held = self._columns(table)
        missing = ", ".join(name for name in columns if name not in held)
        if missing:
            raise MissingDataError(
                f"panel.{table}",
                f"without {missing}",
                "loaded with what this analysis reads",
                available=held,
                action=f"load the panel with {missing} among its amounts or groups (by), "
                "or map it if the data lack it",
            )

    def _columns(self, table: str) -> list[str]:
        if table == "months":
            flags = [] if self.on_time is None else ["paid_on_time"]
            return [*self.numbers, *flags, *self.words]
        if table == "accounts":
            return [name for name in self.people if name == "members"]
        return [name for name in self.people if name != "members"]

    def sums(self, plan: SumsPlan) -> ir.Table:
        """Return a row a customer in service in the month: ``customer_id`` and what is planned.

        Raises:
            ArgumentError: A month is not held.
        """
        check_held(self, plan.first, plan.month)
        unique = {item: f"s{at}" for at, item in enumerate(dict.fromkeys(plan.sums.values()))}
        added = self._add_up(list(unique))
        held: dict[str, Any] = {"customer_id": self.ids, "place": self.places, "seen": self.seen}
        held |= {name: added[item] for item, name in unique.items()}
        for name in plan.account_sums:
            held[_of_account(name)] = self._by_account(added[plan.sums[name]])
        held |= {name: self.words[name][self._place(plan.month)] for name in plan.texts}
        held |= {_held_as(item): self._person(item) for item in plan.people.values()}
        rows = self.engine.table(held)
        here = rows.filter((rows.seen & (1 << self._place(plan.month))) != 0)
        return here.select(
            "customer_id",
            "place",
            **{name: here[unique[item]].cast("int64") for name, item in plan.sums.items()},
            **{_of_account(name): here[_of_account(name)] for name in plan.account_sums},
            **{name: here[name] for name in plan.texts},
            **{name: self._told(here, item) for name, item in plan.people.items()},
        )

    def _place(self, month: date) -> int:
        return month_index(month) - month_index(self.first_month)

    def _window(self, item: WindowSum) -> tuple[int, int]:
        """Return the places of a window's months, those held."""
        start = max(self._place(item.first), 0)
        return start, max(self._place(item.last) + 1, start)

    def _add_up(self, items: Sequence[WindowSum]) -> dict[WindowSum, npt.NDArray[Any]]:
        """Return the sums, block by block: every sum of a block before the next block."""
        sums = {item: self._room(item) for item in items}
        tasks = [self._task(item, out) for item, out in sums.items()]

        def add(start: int) -> None:
            end = min(start + _BLOCKS_A_TASK * BLOCK, self.customers)
            for b in range(start, end, BLOCK):
                for task in tasks:
                    task(b, min(b + BLOCK, end))

        starts = range(0, self.customers, _BLOCKS_A_TASK * BLOCK)
        with ThreadPoolExecutor(threads()) as pool:
            list(pool.map(add, starts))
        return {item: self._finished(item, out) for item, out in sums.items()}

    def _numbers(self, item: WindowSum) -> HeldNumbers:
        found = self.points if item.kind == "points" else self.numbers[item.column]
        assert found is not None
        return found

    def _room(self, item: WindowSum) -> npt.NDArray[Any]:
        if item.kind in ("count", "true"):
            return np.empty(self.customers, np.int8)
        return self._numbers(item).empty(self.customers)

    def _task(self, item: WindowSum, out: npt.NDArray[Any]) -> _Task:
        """Return what adds up the customers from one place to another."""
        start, stop = self._window(item)
        if item.kind in ("count", "true"):
            bits = self.seen if item.kind == "count" else self.on_time
            window = np.uint64((1 << stop) - (1 << start))
            return lambda b, e: count_bits(bits, window, b, out[b:e])
        held = self._numbers(item)
        kernel = sum_months
        if item.kind == "whole_yuan":
            kernel = sum_whole_yuan if held.whole else sum_floors
        return lambda b, e: kernel(held.by_month, start, stop, b, out[b:e])

    def _finished(self, item: WindowSum, sums: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if item.kind in ("count", "true"):
            return sums
        if item.kind == "whole_yuan":
            return sums if sums.dtype.kind == "i" else sums.astype(np.int64)
        return self._numbers(item).in_units(sums, FEN if item.kind == "fen" else 1)

    def _by_account(self, sums: npt.NDArray[Any]) -> pa.Array:
        """Return the sum over each customer's account; null without one."""
        assert self.account_of is not None
        # Whole numbers below 2**53: floats add them up exactly.
        totals = np.bincount(self.account_of, weights=sums).astype(np.int64)
        return pa.array(totals[self.account_of], mask=self.account_of == 0)

    def _person(self, item: CustomerColumn) -> pa.Array:
        found = self.people[item.column]
        return found.indices if item.kind == "among" else found

    def _told(self, rows: ir.Table, item: CustomerColumn) -> ir.Value:
        value = rows[_held_as(item)]
        if item.kind == "month":
            return value.cast("int64")
        if item.kind != "among":
            return value
        known = self.people[item.column].dictionary.to_pylist()
        numbers = [place for place, word in enumerate(known) if word in item.values]
        return value.isin(numbers) if numbers else ibis.literal(False)


def _of_account(name: str) -> str:
    return f"{name.removesuffix('_fen')}_account_fen"


def _held_as(item: CustomerColumn) -> str:
    """Return the name of what is held of customers: a text and its codes are two columns."""
    return f"{'code' if item.kind == 'among' else item.kind}_of_{item.column}"
