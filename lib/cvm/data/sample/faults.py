"""Damage to an extract, on purpose and counted, to see that every fault is found."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvm.core.checks import ArgumentError
from cvm.data.sample.extract import STYLES, Style, header_of
from cvm.data.tables import CONTRACT, LEDGER_ENTRIES

Rows = list[list[str]]


@dataclass(frozen=True, kw_only=True)
class PlantedFault:
    """One kind of damage.

    Attributes:
        kind: What was done; the keys of :data:`FAULTS`.
        table: Table that was damaged.
        column: Column that was damaged; empty for whole rows.
        rows: Rows added, changed or taken away.
        customers: Customers concerned, each in one fault only.
    """

    kind: str
    table: str
    column: str
    rows: int
    customers: tuple[str, ...]


class _Extract:
    """The files of an extract as lists of rows."""

    def __init__(self, folder: Path, style: Style) -> None:
        self.folder, self.style = folder, style
        self.header: dict[str, list[str]] = {}
        self.rows: dict[str, Rows] = {}
        for name in CONTRACT:
            with (folder / f"{name}.csv").open(encoding=style.encoding, newline="") as lines:
                first, *rest = csv.reader(lines, delimiter=style.separator)
                self.header[name], self.rows[name] = first, rest

    def place(self, table: str, column: str) -> int:
        """Return where a column of the contract stands in the file."""
        return self.header[table].index(header_of(CONTRACT[table][column], self.style))

    def of(self, table: str, customer: str) -> list[int]:
        """Return the rows of a customer."""
        at = self.place(table, "customer_id")
        return [row for row, cells in enumerate(self.rows[table]) if cells[at] == customer]

    def write(self, folder: Path) -> None:
        """Write all files."""
        for name, rows in self.rows.items():
            file = folder / f"{name}.csv"
            with file.open("w", encoding=self.style.encoding, newline="") as lines:
                csv.writer(lines, delimiter=self.style.separator).writerows(
                    [self.header[name], *rows]
                )


def plant_faults(
    extract_folder: str | Path,
    out: str | Path,
    *,
    seed: int = 0,
    style: str = "gb18030",
    customers_each: int = 4,
    truncate: bool = False,
) -> tuple[PlantedFault, ...]:
    """Copy an extract and damage the copy.

    Every fault takes other customers, so that each can be counted on its own. Meant for small
    extracts: the files are held in memory.

    Args:
        extract_folder: What :func:`cvm.data.sample.extract.write_extract` wrote.
        out: Folder for the damaged copy, new or empty.
        seed: Seed of the choice of customers and rows.
        style: Style of the extract.
        customers_each: Customers a fault takes.
        truncate: Also cut the survey file off in the middle of its last row.

    Returns:
        What was done, with exact counts.

    Raises:
        ArgumentError: ``out`` holds something, or too few customers have ten months.
    """
    source, target = Path(extract_folder), Path(out)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ArgumentError("out", str(target), "a new or empty folder", action="name another")
    extract = _Extract(source, STYLES[style])
    chosen = _choose(extract, seed, customers_each * len(FAULTS))
    faults = []
    for number, (kind, plant) in enumerate(FAULTS.items()):
        mine = chosen[number * customers_each : (number + 1) * customers_each]
        faults.append(plant(extract, kind, mine))
    target.mkdir(parents=True, exist_ok=True)
    try:
        extract.write(target)
        if truncate:
            faults.append(_truncate(target / "survey.csv"))
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return tuple(faults)


def _choose(extract: _Extract, seed: int, number: int) -> list[str]:
    """Return customers who have ten months and more, at random."""
    at = extract.place("months", "customer_id")
    names, counts = np.unique([row[at] for row in extract.rows["months"]], return_counts=True)
    long = names[counts >= 10]
    if len(long) < number:
        raise ArgumentError(
            "customers_each", number, f"at most {len(long)} customers for all faults together"
        )
    rng = np.random.default_rng(seed)
    return [str(name) for name in rng.choice(long, number, replace=False)]


def _duplicates(extract: _Extract, kind: str, customers: list[str]) -> PlantedFault:
    """Repeat a customer's second row word for word."""
    rows = extract.rows["months"]
    rows += [list(rows[extract.of("months", name)[1]]) for name in customers]
    return _fault(kind, "months", "", len(customers), customers)


def _negative_bills(extract: _Extract, kind: str, customers: list[str]) -> PlantedFault:
    """Make a customer's third bill negative."""
    at = extract.place("months", "bill_yuan")
    for name in customers:
        row = extract.rows["months"][extract.of("months", name)[2]]
        row[at] = "-" + row[at]
    return _fault(kind, "months", "bill_yuan", len(customers), customers)


def _unknown_customers(extract: _Extract, kind: str, customers: list[str]) -> PlantedFault:
    """Take a customer out of the customers table; the other tables still name the customer."""
    at = extract.place("customers", "customer_id")
    rows = extract.rows["customers"]
    extract.rows["customers"] = [row for row in rows if row[at] not in customers]
    orphans = sum(len(extract.of("months", name)) for name in customers)
    return _fault(kind, "months", "customer_id", orphans, customers)


def _gaps(extract: _Extract, kind: str, customers: list[str]) -> PlantedFault:
    """Take the fifth and sixth month of a customer out of the panel."""
    gone = {row for name in customers for row in extract.of("months", name)[4:6]}
    rows = extract.rows["months"]
    extract.rows["months"] = [cells for row, cells in enumerate(rows) if row not in gone]
    return _fault(kind, "months", "month", len(gone), customers)


def _unbalanced(extract: _Extract, kind: str, customers: list[str]) -> PlantedFault:
    """Add 1,000 points to what a customer earned in one month, without changing balances."""
    at, entry = extract.place("ledger", "points"), extract.place("ledger", "entry")
    earned = LEDGER_ENTRIES["earned"] if extract.style.chinese else "earned"
    for name in customers:
        rows = [extract.rows["ledger"][row] for row in extract.of("ledger", name)]
        row = next(cells for cells in rows if cells[entry] == earned)
        row[at] = str(int(row[at].replace(",", "")) + 1_000)
    return _fault(kind, "ledger", "points", len(customers), customers)


FAULTS: dict[str, Callable[[_Extract, str, list[str]], PlantedFault]] = {
    "duplicate rows": _duplicates,
    "negative bills": _negative_bills,
    "unknown customers": _unknown_customers,
    "gaps in the panel": _gaps,
    "unbalanced ledger": _unbalanced,
}
"""Kinds of damage; ``truncated file`` comes on top when asked for."""


def _fault(kind: str, table: str, column: str, rows: int, customers: list[str]) -> PlantedFault:
    return PlantedFault(
        kind=kind, table=table, column=column, rows=rows, customers=tuple(sorted(customers))
    )


def _truncate(file: Path) -> PlantedFault:
    content = file.read_bytes().rstrip(b"\r\n")
    last = content.rfind(b"\n") + 1
    file.write_bytes(content[: last + (len(content) - last) // 2])
    return _fault("truncated file", "survey", "", 1, [])
