"""Tables of a database that Ibis reaches by URL, streamed into the staging database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import ibis
import pyarrow as pa

from cvm.core.checks import DataError, MissingDataError
from cvm.data.delimit import ROW, unique_headers
from cvm.data.raw import Raw, Stage, check_file, first_line, quote

_FILE_URL = re.compile(r"^(duckdb|sqlite)://(?P<path>[^?]*)")
_BATCH_ROWS = 200_000


def is_url(source: object) -> bool:
    """Tell whether a source is a database's URL.

    Example:
        >>> is_url("duckdb:///data/crm.duckdb"), is_url("extracts/customers.csv")
        (True, False)
    """
    return isinstance(source, str) and re.match(r"^[a-z][a-z0-9+]*://", source) is not None


def database_file(url: str) -> Path | None:
    """Return the file behind a DuckDB or SQLite URL; ``None`` for a server."""
    found = _FILE_URL.match(url)
    if not found:
        return None
    path = unquote(found["path"])
    # duckdb:///C:/data and duckdb:///data: on Windows the first slash is not part of the path.
    if re.match(r"^/[A-Za-z]:", path):
        path = path[1:]
    return Path(path)


def without_password(url: str) -> str:
    """Return a URL that may be shown and stored.

    Example:
        >>> without_password("postgres://anna:secret@db/crm")
        'postgres://anna:***@db/crm'
    """
    return re.sub(r"(//[^:/@]*):[^@/]*@", r"\1:***@", url)


def open_database(url: str) -> Any:
    """Return the Ibis backend behind a URL, read-only where that exists.

    Raises:
        DataError: There is no such database, it is locked, or its driver is not installed.
    """
    path = database_file(url)
    if path is not None:
        check_file(path)
    try:
        if url.startswith("duckdb://"):
            return ibis.duckdb.connect(path, read_only=True)
        if url.startswith("sqlite://"):
            return ibis.sqlite.connect(path)
        return ibis.connect(url)
    except Exception as error:
        raise _unreachable(url, error) from None


def list_tables(backend: Any, url: str) -> list[str]:
    """Return the names of a database's tables.

    Raises:
        DataError: The database is locked or gone.
    """
    try:
        if backend.name == "duckdb":  # Ibis 12 lists tables by a call that DuckDB 2 dropped
            query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'"
            return sorted(name for (name,) in backend.con.execute(query).fetchall())
        return sorted(backend.list_tables())
    except Exception as error:
        raise _unreachable(url, error) from None


def read_database(stage: Stage, name: str, backend: Any, url: str, table: str) -> Raw:
    """Read one table or view of a database.

    Raises:
        MissingDataError: There is no such table.
        DataError: It cannot be read, or has no rows.
    """
    have = list_tables(backend, url)
    if table not in have:
        raise MissingDataError(
            f"{without_password(url)} table",
            table,
            "a table of the database",
            available=have,
            action='correct table = "…" in the mapping',
        )
    loaded = quote(f"raw_{name}_loaded")
    try:
        source = backend.table(table)
        headers = unique_headers(source.columns)
        renamed = source.rename(dict(zip(headers, source.columns, strict=True)))
        stage.connection.register("database_rows", _batches(backend, renamed))
        stage.connection.execute(f"CREATE OR REPLACE TABLE {loaded} AS SELECT * FROM database_rows")
        stage.connection.unregister("database_rows")
    except Exception as error:
        raise _unreachable(url, error) from None
    rows = int(stage.row(f"SELECT count(*) FROM {loaded}")[0])
    if rows == 0:
        raise DataError(
            f"{without_password(url)} {table}.rows", 0, "at least 1", action="fill the table"
        )
    stage.connection.execute(
        f"CREATE OR REPLACE VIEW {quote(f'raw_{name}')} AS "
        f"SELECT (rowid + 1)::BIGINT AS {ROW}, * FROM {loaded}"
    )
    return Raw(
        table=stage.backend.table(f"raw_{name}"),
        headers=headers,
        rows=rows,
        source=table,
        how={"format": "database"},
        typed=True,
    )


def _batches(backend: Any, table: Any) -> pa.RecordBatchReader:
    """Return the rows of a table as a stream, in bounded memory."""
    if backend.name == "duckdb":  # Ibis 12 streams by a call that DuckDB 2 dropped
        rows = backend.con.sql(ibis.to_sql(table, dialect="duckdb"))
        stream = getattr(rows, "to_arrow_reader", None) or rows.fetch_arrow_reader
        return stream(_BATCH_ROWS)
    batches = table.to_pyarrow_batches(chunk_size=_BATCH_ROWS)
    return pa.RecordBatchReader.from_batches(batches.schema, batches)


def _unreachable(url: str, error: Exception) -> DataError:
    return DataError(
        without_password(url),
        first_line(error) if str(error).strip() else type(error).__name__,
        "a database that can be opened and read",
        action="close the program that holds it, or check address, user and driver",
    )
