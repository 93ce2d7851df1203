"""Excel workbooks to raw tables. Cells become the text a reader would type, without formatting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import CalamineWorkbook

from cvm.core.checks import DataError
from cvm.data.delimit import ROW, unique_headers
from cvm.data.raw import Raw, ReadOptions, Stage, check_file, first_line, quote

_BATCH_ROWS = 50_000


def sheet_names(path: Path) -> list[str]:
    """Return the names of a workbook's sheets.

    Raises:
        DataError: It is not a complete workbook.
    """
    return list(_open(path).sheet_names)


def read_excel(stage: Stage, name: str, path: Path, options: ReadOptions | None = None) -> Raw:
    """Read one sheet of a workbook.

    Args:
        stage: Where the raw table goes.
        name: Name of the contract's table.
        path: The workbook.
        options: Names the sheet, and the rows above the headers.

    Raises:
        DataError: The workbook is not complete, the sheet does not exist or has no rows, or there
            are several sheets and none is named.
    """
    options = options or ReadOptions()
    sheet, rows = _rows(path, options)
    headers, body = _split(rows, f"{path.name}[{sheet}]")
    columns = ", ".join(f"{quote(header)} VARCHAR" for header in headers)
    loaded = quote(f"raw_{name}")
    stage.connection.execute(f"CREATE OR REPLACE TABLE {loaded} ({ROW} BIGINT, {columns})")
    count = 0
    numbered = (
        (number, row) for number, row in enumerate(body, start=1) if any(cell != "" for cell in row)
    )
    while batch := list(islice(numbered, _BATCH_ROWS)):
        stage.connection.register("excel_batch", _arrow(batch, headers))
        stage.connection.execute(f"INSERT INTO {loaded} SELECT * FROM excel_batch")
        stage.connection.unregister("excel_batch")
        count += len(batch)
    if not count:
        raise DataError(
            f"{path.name}[{sheet}].rows",
            0,
            f"at least 1 below the headers ({', '.join(headers[:6])})",
            action="export the sheet again with its rows",
        )
    return Raw(
        table=stage.backend.table(f"raw_{name}"),
        headers=headers,
        rows=count,
        source=f"{path.name}[{sheet}]",
        how={"format": "excel", "sheet": sheet},
    )


def peek_excel(path: Path, options: ReadOptions) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return the headers of a sheet and up to 200 of its rows, as text."""
    sheet, rows = _rows(path, options)
    headers, body = _split(rows, f"{path.name}[{sheet}]")
    return headers, [[_text(cell) or "" for cell in row] for row in islice(body, 200)]


def _open(path: Path) -> CalamineWorkbook:
    check_file(path)
    try:
        return CalamineWorkbook.from_path(str(path))
    except Exception as error:
        raise DataError(
            path.name,
            first_line(error),
            "a complete Excel workbook",
            action="the file is cut off, locked or not Excel: save or copy it again",
        ) from None


def _rows(path: Path, options: ReadOptions) -> tuple[str, Iterator[list[Any]]]:
    book = _open(path)
    names = list(book.sheet_names)
    if options.sheet is not None:
        if options.sheet not in names:
            raise DataError(
                f"{path.name}.sheet",
                options.sheet,
                "a sheet of the workbook",
                available=names,
                action="correct sheet in the mapping",
            )
        chosen = options.sheet
    else:
        filled = [each for each in names if _cells(book, each)]
        if len(filled) > 1:
            raise DataError(
                f"{path.name}.sheet",
                "not given",
                "named, as several sheets have cells",
                available=filled,
                action='give sheet = "…" in the mapping, or name the sheets after the tables',
            )
        chosen = filled[0] if filled else names[0]
    return chosen, islice(_cells(book, chosen), options.skip_rows, None)


def _cells(book: CalamineWorkbook, sheet: str) -> list[list[Any]]:
    return book.get_sheet_by_name(sheet).to_python(skip_empty_area=True)


def _split(rows: Iterator[list[Any]], source: str) -> tuple[tuple[str, ...], Iterator[list[Any]]]:
    first = next(rows, None)
    if first is None:
        raise DataError(source, "an empty sheet", "a sheet with headers and rows")
    return unique_headers(_text(cell) or "" for cell in first), rows


def _arrow(batch: Iterable[tuple[int, list[Any]]], headers: tuple[str, ...]) -> pa.Table:
    numbers, rows = zip(*batch, strict=True)
    columns = [
        pa.array([_text(row[position]) for row in rows], pa.string())
        for position in range(len(headers))
    ]
    return pa.table([pa.array(numbers, pa.int64()), *columns], names=[ROW, *headers])


def _text(cell: Any) -> str | None:
    """Return a cell as text: whole floats without a point, midnights as days."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**63 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)
