"""Excel workbooks: the one place that writes them, whatever they hold.

Nothing that stands in a cell is run: a text that begins with ``=`` or ``http`` stays a text. What
is missing or infinite is an empty cell, never a nought.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from io import BytesIO
from math import isfinite
from typing import Any

import pandas as pd
import xlsxwriter

LONGEST_SHEET = 31
_FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
_FORMATS: dict[str, dict[str, Any]] = {
    "head": {"bold": True, "bottom": 1},
    "wrapped": {"text_wrap": True},
    "share": {"num_format": "0.00%"},
    "day": {"num_format": "yyyy-mm-dd"},
    "moment": {"num_format": "yyyy-mm-dd hh:mm:ss"},
}


@dataclass(frozen=True)
class Share:
    """A share (0-1) that a cell shows as per cent."""

    value: float


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One sheet: lines, a row of heads that stays in sight, and rows under it.

    Attributes:
        name: Its name; what Excel does not allow in one is replaced.
        columns: The heads.
        rows: Cells: numbers, texts, days, moments, :class:`Share`; anything else as its text.
        above: Lines above the heads.
        widths: Of the columns, in characters; by default as wide as what they hold.
        kept_columns: How many stay in sight when scrolled sideways.
        filtered: Whether the heads offer filters.
        wrapped: Whether long texts run over several lines.
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]] = field(repr=False)
    above: Sequence[str] = ()
    widths: Sequence[float] = ()
    kept_columns: int = 0
    filtered: bool = False
    wrapped: bool = False


def workbook(sheets: Iterable[Sheet], *, made: datetime | None = None) -> bytes:
    """Return the workbook (XLSX).

    Args:
        sheets: Its sheets in order; of two of one name the second gets a number.
        made: The moment it says it was made; by default now.
    """
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer, _OPTIONS) as book:
        if made is not None:
            book.set_properties({"created": made.replace(tzinfo=None)})
        formats = {name: book.add_format(looks) for name, looks in _FORMATS.items()}
        taken: set[str] = set()
        for sheet in sheets:
            _write(book.add_worksheet(sheet_name(sheet.name, taken)), sheet, formats)
    return buffer.getvalue()


def frame_rows(frame: pd.DataFrame) -> list[list[Any]]:
    """Return a frame's rows as cells; the index is left out."""
    return [list(row) for row in frame.itertuples(index=False, name=None)]


def sheet_name(name: str, taken: set[str]) -> str:
    """Return a name Excel accepts, of at most 31 characters, unlike those taken; add it to them.

    Example:
        >>> taken = set()
        >>> sheet_name("churn/tier", taken), sheet_name("Churn:tier", taken)
        ('churn tier', 'Churn tier 2')
    """
    clean = _FORBIDDEN.sub(" ", name).strip() or "sheet"
    found, again = clean[:LONGEST_SHEET], 1
    while found.lower() in taken:
        again += 1
        tail = f" {again}"
        found = clean[: LONGEST_SHEET - len(tail)] + tail
    taken.add(found.lower())
    return found


def cell(value: Any) -> Any:
    """Return a value as a cell keeps it; what is missing or infinite is None.

    Example:
        >>> cell(float("nan")), cell(pd.Timestamp("2026-03-01")), cell(("a", "b"))
        (None, datetime.datetime(2026, 3, 1, 0, 0), "('a', 'b')")
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime(warn=False)
    elif hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, datetime):
        # A cell has no time zone: it shows the clock's time.
        return value.replace(tzinfo=None)
    return value if isinstance(value, bool | int | str | date | Share) else str(value)


def _write(sheet: Any, told: Sheet, formats: dict[str, Any]) -> None:
    for at, line in enumerate(told.above):
        sheet.write_string(at, 0, line)
    top = len(told.above) + bool(told.above)
    sheet.write_row(top, 0, told.columns, formats["head"])
    for at, row in enumerate(told.rows, start=top + 1):
        for column, value in enumerate(map(cell, row)):
            if isinstance(value, Share):
                sheet.write_number(at, column, value.value, formats["share"])
            elif isinstance(value, date):
                sheet.write_datetime(at, column, value, formats[_clock(value)])
            elif value is not None:
                sheet.write(at, column, value)
    last = max(len(told.columns) - 1, 0)
    sheet.freeze_panes(top + 1, told.kept_columns)
    if told.filtered and told.rows:
        sheet.autofilter(top, 0, top + len(told.rows), last)
    if not told.widths:
        sheet.autofit()
    for column, width in enumerate(told.widths):
        sheet.set_column(column, column, width, formats["wrapped"] if told.wrapped else None)


def _clock(value: date) -> str:
    """Return whether a day's cell shows a time: a month's first day needs none."""
    return "moment" if isinstance(value, datetime) and value.time() != time() else "day"
