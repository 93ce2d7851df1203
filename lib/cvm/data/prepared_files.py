"""What a prepared folder contains: tables in Parquet, rows set aside, the record."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import ibis

from cvm.data.delimit import ROW
from cvm.data.quality import Checked
from cvm.data.raw import Raw, Stage, literal, quote
from cvm.data.stage import Staged
from cvm.data.tables import CONTRACT

CONTRACT_VERSION = 1
PART = "part-00000.parquet"
_CASTS = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "share": "DOUBLE",
    "flag": "BOOLEAN",
    "month": "DATE",
    "date": "DATE",
}


@dataclass(frozen=True)
class ReadTable:
    """One table on its way: as read, and in the contract's columns."""

    raw: Raw
    staged: Staged


def write_table(stage: Stage, folder: Path, table: ibis.Table) -> None:
    """Write a clean table; the casts hold the engine to the contract's types."""
    folder.mkdir(parents=True)
    kinds = {column.name: column.kind for column in CONTRACT[folder.name].columns}
    listed = ", ".join(
        f"CAST({quote(name)} AS {_CASTS.get(kinds[name], 'VARCHAR')}) AS {quote(name)}"
        if name in kinds
        else quote(name)
        for name in table.columns
        if name != ROW
    )
    view = stage.view(f"clean_{folder.name}", table)
    stage.connection.execute(
        f"COPY (SELECT {listed} FROM {quote(view)}) TO {literal(folder / PART)} "
        "(FORMAT parquet, COMPRESSION zstd)"
    )


def write_set_aside(
    stage: Stage, folder: Path, tables: Mapping[str, ReadTable], checked: Checked
) -> None:
    """Write the rows taken out as the source has them, and the cells emptied, for Excel.

    ``<table>.csv`` holds ``_row``, ``reason`` and the source's own columns; ``<table>.emptied.csv``
    ``_row``, ``column``, ``value`` and ``reason``; ``<table>.malformed.csv`` records that could not
    be split into fields. Files without rows are not written.
    """
    folder.mkdir(parents=True)
    for name, table in tables.items():
        reasons = [stage.view(f"reasons_{name}_0", table.staged.set_aside)]
        if name in checked.set_aside:
            found = checked.set_aside[name].select(ROW, "reason")
            reasons.append(stage.view(f"reasons_{name}_1", found))
        listed = ", ".join(f"r.{quote(header)}" for header in table.raw.headers)
        rows = (
            f"SELECT {ROW}, string_agg(reason, '; ') AS reason FROM ({_union(reasons)}) GROUP BY 1"
        )
        _write_csv(
            stage,
            f"SELECT s.{ROW}, s.reason, {listed} FROM ({rows}) s "
            f"JOIN {quote(table.raw.table.get_name())} r USING ({ROW}) ORDER BY s.{ROW}",
            folder / f"{name}.csv",
        )
        cells = []
        if table.staged.emptied is not None:
            cells.append(stage.view(f"cells_{name}_0", table.staged.emptied))
        if name in checked.emptied:
            cells.append(stage.view(f"cells_{name}_1", checked.emptied[name]))
        if cells:
            _write_csv(stage, f"{_union(cells)} ORDER BY 1, 2", folder / f"{name}.emptied.csv")
        if table.raw.rejected:
            _write_rejected(table.raw, folder / f"{name}.malformed.csv")


def make_record(
    stage: Stage,
    folder: Path,
    tables: Mapping[str, ReadTable],
    *,
    source: str,
    fingerprint: str,
    today: date,
) -> dict[str, Any]:
    """Return what ``prepared.json`` says, from the tables as they were written."""
    written = sorted(path.name for path in (folder / "tables").iterdir())
    rows = {
        name: stage.row(f"SELECT count(*) FROM {literal(folder / 'tables' / name / PART)}")[0]
        for name in CONTRACT
        if name in written
    }
    first = last = None
    if "months" in rows:
        months = literal(folder / "tables" / "months" / PART)
        first, last = stage.row(f"SELECT min(month), max(month) FROM {months}")
    return {
        "source": source,
        "fingerprint": fingerprint,
        "rows": rows,
        "first_month": None if first is None else first.isoformat(),
        "last_month": None if last is None else last.isoformat(),
        "contract": CONTRACT_VERSION,
        "today": today.isoformat(),
        "reading": {
            name: {"source": table.raw.source, **table.raw.how} for name, table in tables.items()
        },
    }


def _union(views: list[str]) -> str:
    return " UNION ALL ".join(f"SELECT * FROM {quote(view)}" for view in views)


def _write_csv(stage: Stage, query: str, path: Path) -> None:
    """Write the rows of a query, if there are any, with the mark by which Excel knows UTF-8."""
    rows = quote(f"rows of {path.stem}")
    stage.connection.execute(f"CREATE OR REPLACE TABLE {rows} AS {query}")
    if not stage.row(f"SELECT 1 FROM {rows} LIMIT 1"):
        return
    plain = path.with_suffix(".plain")
    stage.connection.execute(f"COPY (FROM {rows}) TO {literal(plain)} (FORMAT csv, HEADER true)")
    with plain.open("rb") as source, path.open("wb") as target:
        target.write(b"\xef\xbb\xbf")
        shutil.copyfileobj(source, target)
    plain.unlink()


def _write_rejected(raw: Raw, path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as target:
        writer = csv.writer(target)
        writer.writerow([ROW, "reason", "record"])
        writer.writerows((row, why.lower(), record.strip()) for row, why, record in raw.rejected)
