"""Delimited text of any size to raw tables: decoded as a stream, split by the query engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from cvm.core.checks import DataError
from cvm.data.decode import normalise_newlines, transcode_to_utf8
from cvm.data.delimit import ROW, Form, detect_form, last_record_is_short, read_start
from cvm.data.findings import Finding
from cvm.data.raw import Raw, ReadOptions, Stage, check_file, first_line, literal, quote

# A record longer than this is an open quote, not a record.
_LONGEST_RECORD_BYTES = 8 << 20
_EXAMPLES = 3
# Beyond this share of unreadable records the delimiter or the file is wrong, not a few rows.
_MOST_MALFORMED_SHARE = 0.5


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
    kept = int(stage.row(f"SELECT count(*) FROM {quote(f'raw_{name}_loaded')}")[0])
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
    """Give the raw table ``_row``: the load's order, stepping over the rejected records."""
    raw, loaded = quote(f"raw_{name}"), quote(f"raw_{name}_loaded")
    if not rejected_rows:
        stage.connection.execute(
            f"CREATE OR REPLACE VIEW {raw} AS SELECT (rowid + 1)::BIGINT AS {ROW}, * FROM {loaded}"
        )
        return
    # The k-th rejected record (from 1), row r of the source, moves every loaded row from r − k on.
    rejected = pa.table({"row": pa.array(sorted(rejected_rows), pa.int64())})
    stage.connection.register("rejected", rejected)
    stage.connection.execute(
        f"CREATE OR REPLACE TABLE {raw} AS "
        "WITH steps AS (SELECT row - k AS place, max(k) AS k FROM "
        "(SELECT row, row_number() OVER (ORDER BY row) AS k FROM rejected) GROUP BY place) "
        f"SELECT (l.id + 1 + coalesce(s.k, 0))::BIGINT AS {ROW}, l.* EXCLUDE (id) "
        f"FROM (SELECT rowid AS id, * FROM {loaded}) l ASOF LEFT JOIN steps s ON l.id >= s.place"
    )
    stage.connection.unregister("rejected")
    stage.connection.execute(f"DROP TABLE {loaded}")


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
