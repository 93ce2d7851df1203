"""Files and database tables to raw tables: the source's own columns and a row number.

A raw table lives in the staging database of one preparation. Text files become columns of text;
Parquet and databases keep their types. ``_row`` counts the source's data rows from 1 (the first
row below the headers), so that a finding can be looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import duckdb
import ibis

from cvm.core.checks import DataError
from cvm.data.decode import normalise_newlines, transcode_to_utf8
from cvm.data.delimit import ROW, Form, detect_form, last_record_is_short, read_start
from cvm.data.findings import Finding

# A record longer than this is an open quote, not a record.
_LONGEST_RECORD_BYTES = 8 << 20
_EXAMPLES = 3
# Beyond this share of unreadable records the delimiter or the file is wrong, not a few rows.
_MOST_MALFORMED_SHARE = 0.5


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


def read_csv(stage: Stage, name: str, path: Path, options: ReadOptions | None = None) -> Raw:
    """Read a delimited text file of any size.

    Args:
        stage: Where the raw table goes.
        name: Name of the contract's table, for findings and the raw table.
        path: The file.
        options: What the mapping says about it.

    Raises:
        DataError: The file cannot be read at all; one message with the cause.
    """
    options = options or ReadOptions()
    check_file(path)
    text = transcode_to_utf8(path, stage.folder / f"{name}.utf8", encoding=options.encoding)
    sample = read_start(text.path, skip_rows=options.skip_rows)
    form = detect_form(sample, path.name, delimiter=options.delimiter)
    source = text.path
    try:
        rejects = _load_csv(stage, name, source, form, options)
    except duckdb.Error:
        # Mixed line ends stop the strict parser; one kind of line end does not.
        source = stage.folder / f"{name}.lines"
        normalise_newlines(text.path, source)
        try:
            rejects = _load_csv(stage, name, source, form, options)
        except duckdb.Error as error:
            raise DataError(
                path.name,
                first_line(error),
                "a delimited text file",
                action="open the file and check its delimiter and quotes",
            ) from None
    kept = _count(stage, f"raw_{name}_loaded")
    cut = text.cut_off or last_record_is_short(source, form)
    last_row = kept + len(rejects)
    open_end = bool(rejects) and rejects[-1][1] == "UNQUOTED VALUE" and rejects[-1][0] >= last_row
    _check_rows(path.name, form, kept, rejects)
    _number_rows(stage, name, [row for row, _, _ in rejects])
    findings = _malformed(name, path.name, rejects)
    if cut or open_end:
        findings.append(cut_off(name, path.name, last_row))
    for copy in {source, text.path} - {path}:
        copy.unlink(missing_ok=True)
    return Raw(
        table=stage.backend.table(f"raw_{name}"),
        headers=form.headers,
        rows=kept,
        source=path.name,
        findings=tuple(findings),
        rejected=tuple(rejects),
        how={
            "encoding": text.encoding.name,
            "certainty": text.encoding.certainty,
            "delimiter": form.delimiter,
        },
    )


def cut_off(table: str, source: str, last_row: int) -> Finding:
    """Return the finding that a file ends within a record."""
    return Finding(
        table=table,
        check="cut_off",
        severity="hard",
        rows=1,
        examples=(f"{source}: row {last_row}",),
        fate="stops",
        details={"source": source, "row": last_row},
    )


def _load_csv(
    stage: Stage, name: str, source: Path, form: Form, options: ReadOptions
) -> list[tuple[int, str, str]]:
    connection = stage.connection
    for table in ("reject_errors", "reject_scans"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    columns = ", ".join(f"{literal(header)}: 'VARCHAR'" for header in form.headers)
    connection.execute(
        f"CREATE OR REPLACE TABLE {quote(f'raw_{name}_loaded')} AS SELECT * FROM read_csv("
        f"{literal(source)}, auto_detect = false, header = true, skip = {options.skip_rows}, "
        f"delim = {literal(form.delimiter)}, quote = '\"', escape = '\"', columns = {{{columns}}}, "
        f"store_rejects = true, rejects_limit = 0, max_line_size = {_LONGEST_RECORD_BYTES}, "
        f"buffer_size = {4 * _LONGEST_RECORD_BYTES})"
    )
    above = options.skip_rows + 1
    rejects = connection.execute(
        "SELECT line, any_value(error_type), any_value(csv_line) FROM reject_errors "
        "GROUP BY line ORDER BY line"
    ).fetchall()
    return [(int(line) - above, str(kind), record or "") for line, kind, record in rejects]


def _check_rows(
    source: str, form: Form, kept: int, rejects: Sequence[tuple[int, str, str]]
) -> None:
    records = kept + len(rejects)
    if records == 0:
        raise DataError(
            f"{source}.rows",
            0,
            f"at least 1 below the headers ({', '.join(form.headers[:6])})",
            action="export the file again with its rows",
        )
    if len(rejects) > max(1, _MOST_MALFORMED_SHARE * records):
        row, kind, record = rejects[0]
        raise DataError(
            f"{source} row {row}",
            record[:80],
            f"{len(form.headers)} fields as in the headers, but {len(rejects):,} of {records:,} "
            f"rows are not ({kind.lower()}; delimiter read as {form.delimiter!r})",
            action="check the delimiter and the headers of the file, or give delimiter in the "
            "mapping",
        )


def _number_rows(stage: Stage, name: str, rejected_rows: Sequence[int]) -> None:
    """Make the raw view with ``_row``: the load's order, stepping over the rejected records."""
    row = "rowid + 1"
    if rejected_rows:
        # The k-th rejected record (from 0) shifts every loaded row from row − k on.
        shifts = [row - order - 1 for order, row in enumerate(sorted(rejected_rows))]
        row = f"rowid + 1 + len(list_filter({shifts}::BIGINT[], lambda s: s <= rowid))"
    stage.connection.execute(
        f"CREATE OR REPLACE VIEW {quote(f'raw_{name}')} AS "
        f"SELECT ({row})::BIGINT AS {ROW}, * FROM {quote(f'raw_{name}_loaded')}"
    )


def _malformed(table: str, source: str, rejects: Sequence[tuple[int, str, str]]) -> list[Finding]:
    if not rejects:
        return []
    return [
        Finding(
            table=table,
            check="malformed",
            severity="soft",
            rows=len(rejects),
            examples=tuple(
                f"row {row}: {record.strip()[:60]!r}" for row, _, record in rejects[:_EXAMPLES]
            ),
            fate="set_aside",
            details={"source": source},
        )
    ]


def read_parquet(stage: Stage, name: str, path: Path) -> Raw:
    """Open a Parquet file, or a folder of them, without copying it.

    Raises:
        DataError: There is no Parquet file, or one is not complete.
    """
    files = parquet_files(path)
    offsets, rows = [], 0
    for file in files:
        check_file(file)
        offsets.append(rows)
        rows += _parquet_rows(stage, file)
    if rows == 0:
        raise DataError(f"{path}.rows", 0, "at least 1", action="export the file again")
    listed = ", ".join(literal(file) for file in files)
    offset = f"list_extract({offsets}::BIGINT[], file_index::BIGINT + 1)" if len(files) > 1 else "0"
    try:
        stage.connection.execute(
            f"CREATE OR REPLACE VIEW {quote(f'raw_{name}')} AS "
            f"SELECT (file_row_number + 1 + {offset})::BIGINT AS {ROW}, * "
            f"FROM read_parquet([{listed}], union_by_name = true, hive_types_autocast = false)"
        )
        table = stage.backend.table(f"raw_{name}")
    except duckdb.Error as error:
        raise DataError(
            str(path), first_line(error), "Parquet files of one form", action="export them again"
        ) from None
    headers = tuple(column for column in table.columns if column != ROW)
    return Raw(
        table=table,
        headers=headers,
        rows=rows,
        source=path.name,
        how={"format": "parquet"},
        typed=True,
    )


def parquet_files(path: Path) -> list[Path]:
    """Return the Parquet files of a folder, in order, or the one file.

    Raises:
        DataError: The folder holds none.
    """
    if not path.is_dir():
        return [check_file(path)]
    hidden = ("_", ".")
    files = sorted(file for file in path.rglob("*.parquet") if not file.name.startswith(hidden))
    if not files:
        raise DataError(
            str(path),
            "a folder without Parquet files",
            "a file, or a folder of .parquet files",
            available=sorted(child.name for child in path.iterdir())[:10],
            action="name the file itself",
        )
    return files


def _parquet_rows(stage: Stage, file: Path) -> int:
    try:
        query = f"SELECT num_rows FROM parquet_file_metadata({literal(file)})"
        return int(stage.row(query)[0])
    except duckdb.Error as error:
        raise DataError(
            str(file),
            first_line(error),
            "a complete Parquet file",
            action="the file is cut off or not Parquet: copy or export it again",
        ) from None


def _count(stage: Stage, name: str) -> int:
    return int(stage.row(f"SELECT count(*) FROM {quote(name)}")[0])


def first_line(error: Exception) -> str:
    """Return the first line of an error of another library, which holds its cause."""
    return str(error).strip().splitlines()[0]
