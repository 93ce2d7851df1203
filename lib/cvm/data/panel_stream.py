"""Between an engine and a panel: rows batch by batch to it, sums as a table back."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Protocol

import duckdb
import ibis
import ibis.expr.types as ir
import numpy.typing as npt
import pyarrow as pa

from cvm.core.checks import ArgumentError, DataError
from cvm.data.engine import connect

_ROWS = 250_000


def stream(table: ir.Table) -> Iterator[pa.RecordBatch]:
    """Yield a table's rows batch by batch, as the engine makes them."""
    backend = table.get_backend()
    if backend.name == "duckdb":
        # The public way gathers the whole result first.
        batches = backend._to_duckdb_relation(table).to_arrow_reader(_ROWS)
    else:
        batches = table.to_pyarrow_batches(chunk_size=_ROWS)
    yield from (batch for batch in batches if batch.num_rows)


def check_known(ids: pa.Array, name: str) -> None:
    """Check that no identifier is missing.

    Raises:
        DataError: One is.
    """
    if ids.null_count:
        raise DataError(name, "missing in a row", "there in every row")


def to_numpy(column: pa.Array) -> npt.NDArray[Any]:
    """Return a column as an array, nulls of numbers as NaN."""
    return column.to_numpy(zero_copy_only=False)


class Held(Protocol):
    """Months in memory."""

    @property
    def first_month(self) -> date:
        """First month held."""

    @property
    def last_month(self) -> date:
        """Last month held."""

    @property
    def from_start(self) -> bool:
        """Whether the data have none before."""

    @property
    def to_end(self) -> bool:
        """Whether it may be asked beyond the last month."""


def check_held(held: Held, first: date, month: date) -> None:
    """Check that a window's months are held, or that the data have none beyond.

    Args:
        held: The months held.
        first: First month of the window.
        month: Its last month.

    Raises:
        ArgumentError: A month is not held.
    """
    early = first < held.first_month and not held.from_start
    late = month > held.last_month and not held.to_end
    if not (early or late) and month >= held.first_month:
        return
    raise ArgumentError(
        "first month of the window" if early else "month",
        f"{first if early else month:%Y-%m}",
        "a month that the panel holds",
        available=[f"{held.first_month:%Y-%m} to {held.last_month:%Y-%m}"],
        action=f"load the panel from {min(first, held.first_month):%Y-%m} "
        f"to {max(month, held.last_month):%Y-%m}, or ask of the tables",
    )


class OwnEngine:
    """A connection of a panel's own, in which the rules are applied to its sums."""

    def __init__(self) -> None:
        self._backend = connect("duckdb")
        self._left: list[str] = []

    def table(self, columns: Mapping[str, Any]) -> ir.Table:
        """Return columns as a table, which is there as long as an expression needs it."""
        while self._left:
            self._backend.con.unregister(self._left.pop())
        name = ibis.util.gen_name("panel")
        self._backend.con.register(name, pa.table(dict(columns)))
        table = self._backend.table(name)
        weakref.finalize(table.op(), self._drop, name).atexit = False
        return table

    @property
    def tables(self) -> int:
        """How many tables are there."""
        counted = "SELECT count(*) FROM duckdb_views() WHERE NOT internal"
        return int(self._backend.con.execute(counted).fetchall()[0][0])

    def _drop(self, name: str) -> None:
        try:
            self._backend.con.unregister(name)
        except duckdb.Error:
            # Garbage is collected at any time, also while the connection is at work.
            self._left.append(name)


def threads() -> int:
    """Return how many threads add up; how many they are makes no difference to the sums."""
    return max(1, os.cpu_count() or 1)
