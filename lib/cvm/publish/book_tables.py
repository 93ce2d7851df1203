"""Small tables a notebook records for the snapshot: their JSON form and how they are shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_columns
from cvm.core.i18n import say
from cvm.core.result import Result
from cvm.publish.shown_cells import LEFT, column_label, column_texts, is_missing, kind_of
from cvm.publish.shown_table import Column, html_of, in_language, text_of
from cvm.views.names import Names

LARGEST_ROWS = 5_000
SHOWN_ROWS = 12
# One row a customer, account or manager is not for a snapshot, whatever the row count.
_PERSONAL = ("customer_id", "account_id", "manager_id")


def table_record(
    name: str,
    table: Any,
    *,
    counts: str | None,
    sums: Sequence[str] = (),
    groups: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return a small table in the form that snapshots store.

    Args:
        name: One word, the table's name in the snapshot.
        table: A pandas frame, an Ibis or Arrow table, or a result (its summary is taken).
        counts: The column that counts customers, for disclosure control; ``None`` if no row
            describes customers.
        sums: Columns that are sums over those customers.
        groups: Columns that name a row; by default every text, month, date and flag column.

    Raises:
        ArgumentError: The name, a column or a value does not fit; or the table is not small.
        MissingDataError: A named column is not in the table.
        DataError: The table names single customers.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise ArgumentError("table name", name, "one word such as churn_by_tier")
    frame = as_frame(table).reset_index(drop=True)
    columns = [str(column) for column in frame.columns]
    _check_small(name, frame, columns)
    check_columns(columns, [*([counts] if counts else []), *sums, *(groups or ())], name)
    kinds = {column: kind_of(column, frame[column]) for column in columns}
    if groups is None:
        held = {counts, *sums}
        groups = [c for c in columns if kinds[c] in LEFT and c not in held]
    if groups and not isinstance(table, pd.DataFrame | Result):
        # An engine returns rows in any order; a frame's order is the author's.
        frame = frame.sort_values(list(groups))
    cells = {column: _cells(name, column, kinds[column], frame[column]) for column in columns}
    if counts:
        _check_counts(name, counts, cells[counts])
    rows = [list(row) for row in zip(*cells.values(), strict=True)]
    _check_groups(name, list(groups), columns, rows)
    return {
        "name": name,
        "columns": [{"name": column, "kind": kinds[column]} for column in columns],
        "rows": rows,
        "counts": counts,
        "sums": list(sums),
        "groups": list(groups),
    }


def as_frame(table: Any) -> pd.DataFrame:
    """Return a frame of any table the suite knows.

    Raises:
        ArgumentError: It is no table.
    """
    if isinstance(table, Result):
        return table.summary()
    if isinstance(table, pd.DataFrame):
        return table
    if hasattr(table, "to_pandas"):
        frame = table.to_pandas()
        if isinstance(frame, pd.DataFrame):
            return frame
    raise ArgumentError("table", type(table).__name__, "a frame, an Ibis table or a result")


def _check_small(name: str, frame: pd.DataFrame, columns: list[str]) -> None:
    if len(set(columns)) != len(columns):
        raise ArgumentError(f"{name}.columns", columns, "all different")
    personal = [column for column in columns if column in _PERSONAL]
    if personal:
        raise DataError(
            f"{name}.columns",
            ", ".join(personal),
            "free of single customers, accounts and managers",
            action="group them first, and record the groups with their counts",
        )
    if len(frame) > LARGEST_ROWS:
        raise ArgumentError(
            f"{name} rows",
            len(frame),
            f"at most {LARGEST_ROWS:,}",
            action="reduce the table before recording it",
        )


def _cells(table: str, column: str, kind: str, values: pd.Series) -> list[Any]:
    return [None if is_missing(v) else _cell(table, column, kind, v) for v in values]


def _cell(table: str, column: str, kind: str, value: Any) -> Any:
    if kind == "flag":
        return bool(value)
    if kind == "integer":
        return int(value)
    if kind in ("month", "date"):
        return f"{value:%Y-%m-%d}"
    if kind == "category":
        return str(value)
    number = float(value)
    if not math.isfinite(number):
        raise ArgumentError(f"{table}.{column}", number, "finite or missing")
    return number


def _check_counts(name: str, counts: str, cells: list[Any]) -> None:
    wrong = [cell for cell in cells if cell is None or cell < 0 or cell != int(cell)]
    if wrong:
        raise ArgumentError(f"{name}.{counts}", wrong[0], "a count of customers, 0 or more")


def _check_groups(name: str, groups: list[str], columns: list[str], rows: list[list[Any]]) -> None:
    if not groups:
        return
    places = [columns.index(group) for group in groups]
    keys = [tuple(row[place] for place in places) for row in rows]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ArgumentError(
            f"{name} groups",
            dict(zip(groups, twice, strict=True)),
            "one row each",
            available=columns,
            action="say with groups=[…] which columns name a row",
        )


def table_columns(record: dict[str, Any], lang: str, names: Names) -> list[Column]:
    """Return the first rows of a recorded table, told: headings in words, names, formats."""
    rows = record["rows"][:SHOWN_ROWS]
    columns = [
        Column(
            name=column["name"],
            label=column_label(column["name"], lang),
            left=column["kind"] in LEFT,
            cells=column_texts(
                [row[place] for row in rows], column["name"], column["kind"], lang, names
            ),
        )
        for place, column in enumerate(record["columns"])
    ]
    return in_language(columns, lang)


def table_html(record: dict[str, Any], lang: str, names: Names) -> str:
    """Return the first rows of a recorded table as HTML, numbers to the right."""
    more = len(record["rows"]) - SHOWN_ROWS
    note = f"<p>{escape(say('book.table.more_rows', lang, rows=more))}</p>" if more > 0 else ""
    return html_of(table_columns(record, lang, names), lang) + note


def table_text(record: dict[str, Any], lang: str, names: Names) -> str:
    """Return the first rows of a recorded table as plain text."""
    return text_of(table_columns(record, lang, names))
