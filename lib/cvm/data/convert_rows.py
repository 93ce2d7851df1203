"""Converting all rows of a raw table: each different text once where texts repeat."""

from __future__ import annotations

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
    repeating = _repeating(stage, raw, fields)
    direct = [field for field in fields if field.name not in repeating]
    columns = {
        name: value for field in direct for name, value in _columns(field, raw.table).items()
    }
    keys = {_KEY + name: raw.table[header] for name, header in repeating.items()}
    if not repeating:
        return stage.keep(f"stage_{table}_whole", raw.table.select(ROW, **columns))
    rows = stage.view(f"stage_{table}_rows", raw.table.select(ROW, **columns, **keys))
    selected, joins = [f"r.{quote(ROW)}"], []
    for position, field in enumerate(fields):
        mark = quote(MARK + field.name)
        if field.name not in repeating:
            selected += [f"r.{quote(field.name)}", f"r.{mark}"]
            continue
        texts = _convert_texts(stage, raw, table, field, position)
        alias = f"t{position}"
        joins.append(
            f"LEFT JOIN {quote(texts)} {alias} "
            f"ON r.{quote(_KEY + field.name)} = {alias}.{quote(_KEY)}"
        )
        selected += [
            f"{alias}.{quote(field.name)}",
            f"coalesce({alias}.{mark}, {READ})::TINYINT AS {mark}",
        ]
    name = f"stage_{table}_whole"
    stage.connection.execute(
        f"CREATE OR REPLACE TABLE {quote(name)} AS SELECT {', '.join(selected)} "
        f"FROM {quote(rows)} r {' '.join(joins)}"
    )
    return stage.backend.table(name)


def _repeating(stage: Stage, raw: Raw, fields: list[Field]) -> dict[str, str]:
    """Return the columns computed from one column of text whose texts repeat: name → header."""
    single = {
        field.name: field.headers[0]
        for field in fields
        if len(field.headers) == 1 and raw.table[field.headers[0]].type().is_string()
    }
    headers = sorted(set(single.values()))
    if not headers:
        return {}
    counts = ", ".join(f"approx_count_distinct({quote(header)})" for header in headers)
    source = quote(raw.table.get_name())
    found = stage.row(f"SELECT {counts} FROM {source}")
    most = min(_MOST_TEXTS, raw.rows // _LEAST_REPEATS)
    few = {header for header, texts in zip(headers, found, strict=True) if texts <= most}
    return {name: header for name, header in single.items() if header in few}


def _convert_texts(stage: Stage, raw: Raw, table: str, field: Field, position: int) -> str:
    """Make the table of a column's different texts and what each is read as."""
    header = field.headers[0]
    texts = stage.keep(f"texts_{table}_{position}", raw.table.select(header).distinct())
    name = f"read_{table}_{position}"
    stage.keep(name, texts.select(**{_KEY: texts[header]}, **_columns(field, texts)))
    return name


def _columns(field: Field, table: ibis.Table) -> dict[str, ir.Value]:
    cell = field.read(table)
    return {field.name: cell.value, MARK + field.name: cell.mark}
