"""Small tables between their stored form (JSON), frames, and disclosure control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cvm.core.checks import DataError
from cvm.publish.disclosure import CellTable, hidden_columns

_NEEDED = ("name", "columns", "rows")


def frame_of(record: Mapping[str, Any]) -> pd.DataFrame:
    """Return a stored table as a frame; months and dates become dates, null becomes missing.

    ``frame.attrs["suppressed"]`` lists the withheld cells as ``[row, column]``.

    Raises:
        DataError: The record does not have the form of a table.
    """
    absent = [key for key in _NEEDED if key not in record]
    if absent:
        raise DataError("table", record.get("name"), f"stored with {', '.join(absent)}")
    rows, columns = record["rows"], record["columns"]
    if any(len(row) != len(columns) for row in rows):
        raise DataError(f"table {record['name']}", "rows of other lengths", "one cell a column")
    frame = pd.DataFrame(
        {
            column["name"]: _column([row[place] for row in rows], column["kind"])
            for place, column in enumerate(columns)
        }
    )
    frame.attrs["suppressed"] = list(record.get("suppressed", ()))
    return frame


def _column(cells: Sequence[Any], kind: str) -> pd.Series:
    gaps = any(cell is None for cell in cells)
    if kind in ("month", "date"):
        return pd.Series(pd.to_datetime(pd.Series(cells, dtype="object")))
    if kind in ("number", "share") or (kind == "integer" and gaps):
        return pd.Series(cells, dtype="float64")
    if kind == "integer":
        return pd.Series(cells, dtype="int64")
    if kind == "flag":
        return pd.Series(cells, dtype="boolean" if gaps else "bool")
    return pd.Series(cells, dtype="str")


def cell_table(record: Mapping[str, Any]) -> CellTable:
    """Return a stored table as disclosure control sees it.

    Raises:
        DataError: It names single customers, repeats a group, or holds a count that is none.
    """
    counts = record.get("counts") or ()
    groups = record.get("groups")
    if groups is None:
        kinds = {column["name"]: column["kind"] for column in record["columns"]}
        groups = [
            name for name, kind in kinds.items() if kind not in ("number", "share", "integer")
        ]
    return CellTable(
        name=record["name"],
        frame=frame_of(record),
        groups=tuple(groups),
        counts=(counts,) if isinstance(counts, str) else tuple(counts),
        sums=tuple(record.get("sums") or ()),
    )


def withhold(
    record: Mapping[str, Any], rows: Sequence[int], groups: Sequence[str]
) -> dict[str, Any]:
    """Return the stored table with every figure of ``rows`` (positions) null and listed as such."""
    names = [column["name"] for column in record["columns"]]
    hidden = set(hidden_columns(names, groups))
    chosen = set(rows)
    return {
        **record,
        "rows": [
            [
                None if place in chosen and name in hidden else cell
                for name, cell in zip(names, row, strict=True)
            ]
            for place, row in enumerate(record["rows"])
        ],
        "suppressed": [[row, name] for row in sorted(chosen) for name in names if name in hidden],
    }
