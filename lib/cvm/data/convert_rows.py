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
# A column with few different texts (months, labels, flags) is converted text by text and joined.
_MOST_TEXTS = 50_000
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
    """

    field: Field
    values: dict[str, ir.Value]
    texts: str | None = None
    key: ir.StringValue | None = None


def convert_rows(stage: Stage, raw: Raw, table: str, fields: list[Field]) -> ibis.Table:
    """Compute the typed table with, beside each column, the marks of its cells.

    Args:
        stage: The staging database.
        raw: What was read.
        table: Name of the contract's table.
        fields: The columns to compute.

    Returns:
        ``_row``, the columns, and for each ``mark__<name>``
        (:class:`~cvm.data.convert.Cell`).
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
            selected += [f"r.{value}", f"r.{mark}"]
            continue
        alias = f"t{position}"
        key = quote(_KEY + column.field.name)
        joins.append(f"LEFT JOIN {quote(column.texts)} {alias} ON r.{key} = {alias}.{quote(_KEY)}")
        own = f"r.{value}, " if column.values else ""
        selected += [
            f"coalesce({own}{alias}.{value}) AS {value}",
            f"coalesce({alias}.{mark}, {READ})::TINYINT AS {mark}",
        ]
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
        return _Column(
            field=field, values={}, texts=_read_texts(stage, texts, field, name), key=text
        )
    if field.short is None:
        return _Column(field=field, values=_read(field, raw.table))
    plain = field.short(text)
    values = {field.name: plain, MARK + field.name: _READ}
    is_odd = text.notnull() & plain.isnull()
    odd = stage.keep(f"odd_{name}", raw.table.filter(is_odd).select(header).distinct())
    if not _has_rows(stage, odd):
        return _Column(field=field, values=values)
    read = _keep_read(stage, odd, field, f"read_{name}")
    key = ibis.ifelse(is_odd, text, ibis.null("string"))
    return _Column(field=field, values=values, texts=read.get_name(), key=key)


def _read_texts(stage: Stage, texts: ibis.Table, field: Field, name: str) -> str:
    """Read some different texts, the plain ones the short way, and return the table's name."""
    if field.short is None:
        return _keep_read(stage, texts, field, f"read_{name}").get_name()
    text = texts[field.headers[0]]
    short = texts.select(**{_KEY: text, field.name: field.short(text), MARK + field.name: _READ})
    plain = stage.keep(f"plain_{name}", short)
    is_odd = plain[_KEY].notnull() & plain[field.name].isnull()
    odd = plain.filter(is_odd).select(**{field.headers[0]: _KEY})
    if not _has_rows(stage, odd):
        return plain.get_name()
    read = _keep_read(stage, odd, field, f"read_{name}")
    return stage.view(f"known_{name}", ibis.union(plain.filter(~is_odd), read))


def _keep_read(stage: Stage, texts: ibis.Table, field: Field, name: str) -> ibis.Table:
    key = texts[field.headers[0]]
    return stage.keep(name, texts.select(**{_KEY: key}, **_read(field, texts)))


def _has_rows(stage: Stage, table: ibis.Table) -> bool:
    return bool(stage.row(ibis.to_sql(table.limit(1), dialect="duckdb")))


def _read(field: Field, table: ibis.Table) -> dict[str, ir.Value]:
    cell = field.read(table)
    return {field.name: cell.value, MARK + field.name: cell.mark}
