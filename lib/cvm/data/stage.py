"""Raw tables to tables in the contract's columns; cells that cannot be read are counted."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
from ibis.expr import types as ir

from cvm.core.i18n import say
from cvm.data.convert import BLANK, UNREADABLE
from cvm.data.convert_rows import MARK, convert_rows
from cvm.data.delimit import ROW
from cvm.data.fields import Field, build_fields
from cvm.data.findings import Finding
from cvm.data.mapping import TableMapping
from cvm.data.raw import Raw, Stage, literal, quote

_EXAMPLES = 3
# Beyond this share of a required column the mapping is wrong, not a few cells.
_MOST_UNREADABLE_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A table in the contract's columns, ready to be checked.

    Attributes:
        table: Columns of the contract that the extract has, ``attr_`` columns, and ``_row``.
        findings: Cells that could not be read, surplus columns, copies of rows, and what reading
            found.
        set_aside: Source rows that are not in ``table``: ``_row``, ``reason``.
        emptied: Cells that could not be read: ``_row``, ``column``, ``value``, ``reason``.
    """

    table: ibis.Table
    findings: tuple[Finding, ...]
    set_aside: ibis.Table
    emptied: ibis.Table | None = None


def stage_table(stage: Stage, raw: Raw, mapping: TableMapping) -> Staged:
    """Build the typed table of one raw table.

    Args:
        stage: The staging database.
        raw: What was read.
        mapping: Which column is which; headers are recognised by name where it has no columns.

    Raises:
        ArgumentError: An expression is outside the language or names an unknown column.
        DataError: No header could be recognised.
    """
    fields = build_fields(stage, raw, mapping)
    findings = [*raw.findings, *_surplus(raw, fields, mapping)]
    copies = _find_copies(stage, raw, mapping)
    if copies is None and raw.typed:
        values = _cheap_values(stage, raw, fields)
        if values is not None:
            nothing = _set_aside_table(stage, mapping.table, [])
            view = stage.view(f"stage_{mapping.table}", raw.table.select(ROW, **values))
            return Staged(
                table=stage.backend.table(view), findings=tuple(findings), set_aside=nothing
            )
    whole = convert_rows(stage, raw, mapping.table, fields)
    bad = _count(stage, whole, fields, UNREADABLE)
    must = {*mapping.contract.required, *mapping.contract.key}
    goes = [field for field, _ in bad if field.name in must]
    findings += [
        _unparsable(stage, raw, mapping, field, rows, whole, goes=field.name in must)
        for field, rows in bad
    ]
    findings += [
        _taken_as_empty(stage, raw, mapping, field, rows, whole)
        for field, rows in _count(stage, whole, fields, BLANK)
    ]
    reasons = [
        f"SELECT {ROW}, {literal(_reason('unparsable', field.name))} AS reason "
        f"FROM {quote(whole.get_name())} WHERE {quote(MARK + field.name)} = {UNREADABLE}"
        for field in goes
    ]
    if copies is not None:
        findings += _copies_finding(stage, mapping.table, copies)
        reasons.append(
            f"SELECT {ROW}, {literal(_reason('duplicate_source_row', ''))} AS reason "
            f"FROM {quote(copies)}"
        )
    set_aside = _set_aside_table(stage, mapping.table, reasons)
    kept = whole.anti_join(set_aside, ROW) if reasons else whole
    view = stage.view(f"stage_{mapping.table}", kept.select(ROW, *(field.name for field in fields)))
    emptied = [field for field, _ in bad if field.name not in must]
    return Staged(
        table=stage.backend.table(view),
        findings=tuple(findings),
        set_aside=set_aside,
        emptied=_emptied(stage, raw, mapping.table, whole, emptied) if emptied else None,
    )


def _reason(check: str, column: str) -> str:
    key = f"reading.reason.{check}"
    return f"{say(key, 'zh', column=column)} / {say(key, 'en', column=column)}"


def _cheap_values(stage: Stage, raw: Raw, fields: list[Field]) -> dict[str, ir.Value] | None:
    """Return the columns of a typed source as a view can give them, or ``None`` if it cannot.

    Types are cast cheaply, so a view of a Parquet file serves as well as a copy of it, unless text
    has to be read or a cell cannot be. One scan tells.
    """
    values, measures = {}, {}
    for field in fields:
        cell = field.read(raw.table)
        values[field.name] = cell.value
        if isinstance(cell.mark, ir.Column):
            measures[MARK + field.name] = (cell.mark == UNREADABLE).any()
        if len(field.headers) == 1 and raw.table[field.headers[0]].type().is_string():
            if not cell.value.type().is_string():
                return None
            source = raw.table[field.headers[0]]
            measures[field.name] = (~source.identical_to(cell.value)).any()
            values[field.name] = source
    if not measures:
        return values
    query = ibis.to_sql(raw.table.aggregate(**measures), dialect="duckdb")
    found = stage.row(query)
    return None if any(found) else values


def _count(
    stage: Stage, whole: ibis.Table, fields: list[Field], mark: int
) -> list[tuple[Field, int]]:
    """Return the columns of which cells are marked, and in how many rows."""
    marked = [field for field in fields if MARK + field.name in whole.columns]
    if not marked:
        return []
    counts = whole.aggregate(
        **{field.name: (whole[MARK + field.name] == mark).sum().fill_null(0) for field in marked}
    )
    found = stage.row(ibis.to_sql(counts, dialect="duckdb"))
    return [(field, int(rows)) for field, rows in zip(marked, found, strict=True) if rows]


def _unparsable(
    stage: Stage,
    raw: Raw,
    mapping: TableMapping,
    field: Field,
    rows: int,
    whole: ibis.Table,
    *,
    goes: bool,
) -> Finding:
    hard = goes and rows > _MOST_UNREADABLE_SHARE * raw.rows
    return Finding(
        table=mapping.table,
        column=field.name,
        check="unparsable",
        severity="hard" if hard else "soft",
        rows=rows,
        examples=_examples(stage, raw, whole, field, UNREADABLE),
        fate="stops" if hard else "set_aside" if goes else "emptied",
        details={
            "kind": field.kind or "text",
            "headers": ", ".join(field.headers),
        },
    )


def _taken_as_empty(
    stage: Stage, raw: Raw, mapping: TableMapping, field: Field, rows: int, whole: ibis.Table
) -> Finding:
    return Finding(
        table=mapping.table,
        column=field.name,
        check="taken_as_empty",
        severity="soft",
        rows=rows,
        examples=_examples(stage, raw, whole, field, BLANK),
        details={"headers": ", ".join(field.headers)},
    )


def _examples(
    stage: Stage, raw: Raw, whole: ibis.Table, field: Field, mark: int
) -> tuple[str, ...]:
    query = f"{_cells(raw, whole, field, mark)} ORDER BY 1 LIMIT {_EXAMPLES}"
    found = stage.connection.execute(query).fetchall()
    return tuple(f"row {row}: {value!r}" for row, value in found)


def _cells(raw: Raw, whole: ibis.Table, field: Field, mark: int) -> str:
    """Return a query for the source's text of the marked cells of a column."""
    texts = ", ".join(f"r.{quote(header)}::VARCHAR" for header in field.headers) or "NULL"
    return (
        f"SELECT {ROW}, concat_ws(', ', {texts}) AS value FROM {quote(raw.table.get_name())} r "
        f"SEMI JOIN (FROM {quote(whole.get_name())} WHERE {quote(MARK + field.name)} = {mark}) "
        f"USING ({ROW})"
    )


def _emptied(
    stage: Stage, raw: Raw, table: str, whole: ibis.Table, fields: list[Field]
) -> ibis.Table:
    queries = [
        f"SELECT {ROW}, {literal(field.name)} AS column, value, "
        f"{literal(_reason('unparsable', field.name))} AS reason "
        f"FROM ({_cells(raw, whole, field, UNREADABLE)})"
        for field in fields
    ]
    name = f"emptied_{table}"
    stage.connection.execute(
        f"CREATE OR REPLACE TABLE {quote(name)} AS {' UNION ALL '.join(queries)}"
    )
    return stage.backend.table(name)


def _set_aside_table(stage: Stage, table: str, reasons: list[str]) -> ibis.Table:
    name = f"aside_{table}"
    stage.connection.execute(
        f"CREATE OR REPLACE TABLE {quote(name)} ({ROW} BIGINT, reason VARCHAR)"
    )
    if reasons:
        stage.connection.execute(
            f"INSERT INTO {quote(name)} SELECT {ROW}, string_agg(reason, '; ') "
            f"FROM ({' UNION ALL '.join(reasons)}) GROUP BY {ROW}"
        )
    return stage.backend.table(name)


def _find_copies(stage: Stage, raw: Raw, mapping: TableMapping) -> str | None:
    """Return the name of a table of the rows that repeat an earlier source row exactly."""
    if mapping.duplicates != "set_aside":
        return None
    name = f"copies_{mapping.table}"
    listed = ", ".join(quote(header) for header in raw.headers)
    stage.connection.execute(
        f"CREATE OR REPLACE TABLE {quote(name)} AS SELECT {ROW} FROM (SELECT {ROW}, "
        f"row_number() OVER (PARTITION BY {listed} ORDER BY {ROW}) AS copy "
        f"FROM {quote(raw.table.get_name())}) WHERE copy > 1"
    )
    return name


def _copies_finding(stage: Stage, table: str, copies: str) -> list[Finding]:
    rows = stage.connection.execute(f"SELECT {ROW} FROM {quote(copies)} ORDER BY 1").fetchall()
    if not rows:
        return []
    return [
        Finding(
            table=table,
            check="duplicate_source_row",
            severity="soft",
            rows=len(rows),
            examples=tuple(f"row {row}" for (row,) in rows[:_EXAMPLES]),
            fate="set_aside",
        )
    ]


def _surplus(raw: Raw, fields: list[Field], mapping: TableMapping) -> list[Finding]:
    used = {header for field in fields for header in field.headers}
    return [
        Finding(table=mapping.table, column=header, check="surplus_column", severity="soft", rows=0)
        for header in raw.headers
        if header not in used
    ]
