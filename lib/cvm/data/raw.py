"""Raw tables: what a source delivers, before anything is converted.

A raw table lives in the staging database of one preparation. Text files become columns of text;
Parquet and databases keep their types. ``_row`` counts the source's data rows from 1 (the first
row below the headers), so that a finding can be looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import duckdb
import ibis

from cvm.core.checks import DataError
from cvm.data.findings import Finding


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What a mapping may say about how a file is written.

    Attributes:
        encoding: Name of the encoding; detected if ``None``.
        delimiter: Character between fields; detected if ``None``.
        skip_rows: Lines above the headers.
        sheet: Name of the worksheet, for Excel.
    """

    encoding: str | None = None
    delimiter: str | None = None
    skip_rows: int = 0
    sheet: str | None = None


@dataclass(frozen=True, kw_only=True)
class Raw:
    """One table as its source has it.

    Attributes:
        table: The source's columns, plus ``_row``.
        headers: The source's columns in order.
        rows: Number of rows.
        source: File name, sheet or database table, for messages.
        findings: What reading alone found (a file cut off, malformed records).
        rejected: Records that could not be split into fields: (row, reason, record).
        how: What reading assumed, as ``{"encoding": …, "certainty": …, "delimiter": …}``.
        typed: The table is a view of typed files, not text.
    """

    table: ibis.Table
    headers: tuple[str, ...]
    rows: int
    source: str
    findings: tuple[Finding, ...] = ()
    rejected: tuple[tuple[int, str, str], ...] = ()
    how: dict[str, str]
    typed: bool = False


class Stage:
    """The staging database of one preparation, in the folder that is thrown away at the end.

    Attributes:
        folder: Where it keeps its files.
        backend: The Ibis backend; its tables are the raw and the typed ones.
        connection: The DuckDB connection under it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.backend = ibis.duckdb.connect(folder / "stage.duckdb")
        self.connection: duckdb.DuckDBPyConnection = self.backend.con
        self.connection.execute("SET temp_directory = ?", [str(folder / "spill")])
        self.connection.execute("SET enable_progress_bar = false")
        # What is thrown away need not be put in order first.
        self.connection.execute("PRAGMA disable_checkpoint_on_shutdown")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Lets go of the files, so that the folder can be removed (Windows insists).
        self.backend.disconnect()

    def row(self, query: str) -> tuple:
        """Return the first row of a query's result, empty if there is none."""
        # All rows are fetched: an unfinished result would block the connection.
        rows = self.connection.execute(query).fetchall()
        return rows[0] if rows else ()

    def keep(self, name: str, expression: ibis.Table) -> ibis.Table:
        """Compute an expression once and return the table that holds it."""
        untyped = {each: "string" for each, kind in expression.schema().items() if kind.is_null()}
        typed = expression.cast(untyped) if untyped else expression
        self.connection.execute(f"DROP TABLE IF EXISTS {quote(name)}")
        self.backend.create_table(name, typed)
        return self.backend.table(name)

    def view(self, name: str, expression: ibis.Table) -> str:
        """Name an expression, so that it can stand in SQL, and return the name."""
        self.backend.create_view(name, expression, overwrite=True)
        return name


def quote(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """Return a text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def check_file(path: Path) -> Path:
    """Return ``path`` if it is a file with something in it.

    Raises:
        DataError: It does not exist, is a folder, or is empty.
    """
    if path.is_dir():
        raise DataError(
            str(path),
            "a folder",
            "a file",
            available=sorted(child.name for child in path.iterdir())[:10],
            action="name one file of the folder",
        )
    if not path.exists():
        beside = (
            sorted(child.name for child in path.parent.iterdir()) if path.parent.is_dir() else []
        )
        raise DataError(
            str(path),
            "no such file",
            "a file that exists",
            available=beside[:10],
            action="correct the path",
        )
    if path.stat().st_size == 0:
        raise DataError(
            str(path), "an empty file (0 bytes)", "a file with data", action="export the file again"
        )
    return path


def first_line(error: Exception) -> str:
    """Return the first line of an error of another library, which holds its cause."""
    return str(error).strip().splitlines()[0]
