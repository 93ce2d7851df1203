"""Converting all rows of a raw table: each different text once where texts repeat.

Plainly written cells take the short way. The long way reads each *different* odd text once, however
many rows have it, so that millions of guarded or oddly spaced cells cost little more than plain
ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
from ibis.expr import types as ir

from cvm.data.convert import READ
from cvm.data.delimit import ROW
from cvm.data.fields import Field
from cvm.data.raw import Raw, Stage, quote

MARK = "mark__"
_KEY = "key__"
# A column whose texts repeat (months, labels, identifiers) is converted text by text and joined: a
# third of the time of a pattern a row. Beyond so many texts the table of them is no longer small.
_MOST_TEXTS = 2_000_000
_LEAST_REPEATS = 4
_READ = ibis.literal(READ, "int8")


@dataclass(frozen=True, kw_only=True)
class _Column:
    """How one column of the typed table is computed.

    Attributes:
        field: The column.
        values: What each row gives by itself: the value and the mark, or nothing.
        texts: Table of texts read apart (``key__``, value, mark), to be joined; ``None`` without.
        key: The row's text to look up there, null where the row's own value stands.
        marked: Some of those texts have a mark other than ``READ``.
    """

    field: Field
    values: dict[str, ir.Value]
    texts: str | None = None
    key: ir.StringValue | None = None
    marked: bool = False


def convert_rows(stage: Stage, raw: Raw, table: str, fields: list[Field]) -> ibis.Table:
    """Compute the typed table with, beside the columns, the marks of their cells.

    Args:
        stage: The staging database.
        raw: What was read.
        table: Name of the contract's table.
        fields: The columns to compute.

    Returns:
        ``_row``, the columns, and ``mark__<name>`` (:class:`~cvm.data.convert.Cell`) for each of
        which some cell may have another mark than ``READ``.
    """
    few = _headers_of_few_texts(stage, raw, fields)
    columns = [
        _plan(stage, raw, field, f"{table}_{position}", few)
        for position, field in enumerate(fields)
    ]
    values = {name: value for column in columns for name, value in column.values.items()}
    keys = {_KEY + c.field.name: c.key for c in columns if c.key is not None}
    name = f"stage_{table}_whole"
    if not keys:
        return stage.keep(name, raw.table.select(ROW, **values))
    rows = stage.view(f"stage_{table}_rows", raw.table.select(ROW, **values, **keys))
    selected, joins = [f"r.{quote(ROW)}"], []
    for position, column in enumerate(columns):
        value, mark = quote(column.field.name), quote(MARK + column.field.name)
        if column.texts is None:
            selected += [f"r.{quote(name)}" for name in column.values]
            continue
        alias = f"t{position}"
        key = quote(_KEY + column.field.name)
        joins.append(f"LEFT JOIN {quote(column.texts)} {alias} ON r.{key} = {alias}.{quote(_KEY)}")
        own = f"r.{value}, " if column.values else ""
        selected.append(f"coalesce({own}{alias}.{value}) AS {value}")
        if column.marked:
            selected.append(f"coalesce({alias}.{mark}, {READ})::TINYINT AS {mark}")
    stage.connection.execute(
        f"CREATE OR REPLACE TABLE {quote(name)} AS SELECT {', '.join(selected)} "
        f"FROM {quote(rows)} r {' '.join(joins)}"
    )
    return stage.backend.table(name)


def _headers_of_few_texts(stage: Stage, raw: Raw, fields: list[Field]) -> set[str]:
    """Return the headers of text whose texts are few and repeat."""
    headers = sorted({field.headers[0] for field in fields if _reads_one_text(field, raw)})
    if not headers:
        return set()
    counts = ", ".join(f"approx_count_distinct({quote(header)})" for header in headers)
    found = stage.row(f"SELECT {counts} FROM {quote(raw.table.get_name())}")
    most = min(_MOST_TEXTS, raw.rows // _LEAST_REPEATS)
    return {header for header, texts in zip(headers, found, strict=True) if texts <= most}


def _reads_one_text(field: Field, raw: Raw) -> bool:
    return len(field.headers) == 1 and raw.table[field.headers[0]].type().is_string()


def _plan(stage: Stage, raw: Raw, field: Field, name: str, few: set[str]) -> _Column:
    """Decide how a column is computed, and read the texts that are to be read apart."""
    if not _reads_one_text(field, raw):
        return _Column(field=field, values=_read(field, raw.table))
    header = field.headers[0]
    text = raw.table[header]
    if header in few:
        texts = stage.keep(f"texts_{name}", raw.table.select(header).distinct())
        return _read_texts(stage, texts, field, name, key=text)
    if field.short is None:
        return _Column(field=field, values=_read(field, raw.table))
    plain = field.short(text)
    is_odd = text.notnull() & plain.isnull()
    odd = stage.keep(f"odd_{name}", raw.table.filter(is_odd).select(header).distinct())
    if not _has_rows(stage, odd):
        return _Column(field=field, values={field.name: plain})
    read = _keep_read(stage, odd, field, name)
    return _Column(
        field=field,
        values={field.name: plain},
        texts=read.get_name(),
        key=ibis.ifelse(is_odd, text, ibis.null("string")),
        marked=_has_marks(stage, read, field),
    )


def _read_texts(
    stage: Stage, texts: ibis.Table, field: Field, name: str, *, key: ir.StringValue
) -> _Column:
    """Read the different texts of a column, the plain ones the short way."""
    if field.short is None:
        read = _keep_read(stage, texts, field, name)
        marked = _has_marks(stage, read, field)
        return _Column(field=field, values={}, texts=read.get_name(), key=key, marked=marked)
    text = texts[field.headers[0]]
    short = texts.select(**{_KEY: text, field.name: field.short(text), MARK + field.name: _READ})
    plain = stage.keep(f"plain_{name}", short)
    is_odd = plain[_KEY].notnull() & plain[field.name].isnull()
    odd = plain.filter(is_odd).select(**{field.headers[0]: _KEY})
    if not _has_rows(stage, odd):
        return _Column(field=field, values={}, texts=plain.get_name(), key=key)
    read = _keep_read(stage, odd, field, name)
    known = stage.view(f"known_{name}", ibis.union(plain.filter(~is_odd), read))
    marked = _has_marks(stage, read, field)
    return _Column(field=field, values={}, texts=known, key=key, marked=marked)


def _keep_read(stage: Stage, texts: ibis.Table, field: Field, name: str) -> ibis.Table:
    cell = field.read(texts)
    read = {field.name: cell.value, MARK + field.name: cell.mark}
    return stage.keep(f"read_{name}", texts.select(**{_KEY: texts[field.headers[0]]}, **read))


def _has_marks(stage: Stage, read: ibis.Table, field: Field) -> bool:
    return _has_rows(stage, read.filter(read[MARK + field.name] != READ))


def _has_rows(stage: Stage, table: ibis.Table) -> bool:
    return bool(stage.row(ibis.to_sql(table.limit(1), dialect="duckdb")))


def _read(field: Field, table: ibis.Table) -> dict[str, ir.Value]:
    """Return a column's values, and its marks unless all say ``READ``."""
    cell = field.read(table)
    marks = {} if cell.mark.equals(_READ) else {MARK + field.name: cell.mark}
    return {field.name: cell.value, **marks}
