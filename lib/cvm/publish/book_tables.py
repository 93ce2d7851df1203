"""Small tables a notebook records for the snapshot: their JSON form and how they are shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from html import escape
from typing import Any

import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_columns
from cvm.core.i18n import catalogue, say
from cvm.core.money import format_number, format_share
from cvm.core.months import format_month
from cvm.core.result import Result
from cvm.data.tables import CONTRACT

LARGEST_ROWS = 5_000
_SHOWN_ROWS = 12
# One row a customer, account or manager is not for a snapshot, whatever the row count.
_PERSONAL = ("customer_id", "account_id", "manager_id")
_GROUP_KINDS = ("category", "flag", "month", "date")


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
    kinds = {column: _kind(column, frame[column]) for column in columns}
    if groups is None:
        held = {counts, *sums}
        groups = [c for c in columns if kinds[c] in _GROUP_KINDS and c not in held]
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


def _kind(column: str, values: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(values):
        return "flag"
    if pd.api.types.is_integer_dtype(values):
        return "integer"
    if pd.api.types.is_numeric_dtype(values):
        return "share" if column.endswith("_share") else "number"
    first = next((value for value in values if not _is_missing(value)), None)
    if isinstance(first, date | datetime | pd.Timestamp):
        return "month" if column == "month" or column.endswith("_month") else "date"
    if type(first).__name__ == "Decimal":
        return "number"
    return "category"


def _is_missing(value: Any) -> bool:
    return value is None or bool(pd.isna(value))


def _cells(table: str, column: str, kind: str, values: pd.Series) -> list[Any]:
    return [None if _is_missing(v) else _cell(table, column, kind, v) for v in values]


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


def column_label(column: str, lang: str) -> str:
    """Return a column's name in words: from the contract, the catalogue, or as it is."""
    for table in CONTRACT.values():
        if column in table.column_names:
            return table[column].zh if lang == "zh" else table[column].en
    for key in (f"figures.{column}", f"common.{column}"):
        if key in catalogue():
            return say(key, lang)
    return column.replace("_", " ")


def table_html(record: dict[str, Any], lang: str) -> str:
    """Return the first rows of a recorded table as HTML, numbers to the right."""
    columns = record["columns"]
    head = "".join(f"<th>{escape(column_label(c['name'], lang))}</th>" for c in columns)
    body = "".join(
        "<tr>" + "".join(_td(v, c, lang) for v, c in zip(row, columns, strict=True)) + "</tr>"
        for row in record["rows"][:_SHOWN_ROWS]
    )
    more = len(record["rows"]) - _SHOWN_ROWS
    note = f"<p>{escape(say('book.table.more_rows', lang, rows=more))}</p>" if more > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def _td(value: Any, column: dict[str, str], lang: str) -> str:
    side = "left" if column["kind"] in _GROUP_KINDS else "right"
    return f'<td style="text-align:{side}">{escape(cell_text(value, column, lang))}</td>'


def cell_text(value: Any, column: dict[str, str], lang: str) -> str:
    """Return one cell as people read it; a missing one is an en dash."""
    kind = column["kind"]
    if value is None:
        return "–"
    if kind == "share":
        return format_share(value)
    if kind == "month":
        return format_month(date.fromisoformat(value), lang)
    if kind == "integer":
        return f"{value:,}"
    if kind == "number":
        return format_number(value, lang, digits=4)
    return _category_text(str(value), column["name"], lang)


def _category_text(value: str, column: str, lang: str) -> str:
    if lang == "zh":
        for table in CONTRACT.values():
            if column in table.column_names:
                return table[column].allowed.get(value, value)
    return value


def table_text(record: dict[str, Any], lang: str) -> str:
    """Return the first rows of a recorded table as plain text."""
    columns = record["columns"]
    lines = ["\t".join(column_label(c["name"], lang) for c in columns)]
    for row in record["rows"][:_SHOWN_ROWS]:
        lines.append("\t".join(cell_text(v, c, lang) for v, c in zip(row, columns, strict=True)))
    return "\n".join(lines)
