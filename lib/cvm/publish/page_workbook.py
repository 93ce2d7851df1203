"""A page's figures as one Excel workbook: what its charts show, and the published tables behind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

import pandas as pd
import xlsxwriter

from cvm.core.i18n import LANGUAGES, say

_LONGEST_NAME = 31
_FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
_NUMBER = re.compile(r"[+\-−]?\d[\d,]*(\.\d+)?%?")
# Nothing that stands in a cell is run: a text that begins with "=" or "http" stays a text.
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}


def page_workbook(
    contents: Mapping[str, Mapping[str, Any]],
    tables: Mapping[str, pd.DataFrame],
    *,
    made: datetime,
) -> bytes:
    """Return the workbook (XLSX).

    Args:
        contents: The page's content by language (:mod:`cvm.views.pages`).
        tables: The published tables behind it, after disclosure control: what is withheld is
            missing and stays empty.
        made: When the figures were published.

    Returns:
        The file: a sheet on what it is, one a chart and language, one a table. Numbers are numbers.
    """
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer, _OPTIONS) as book:
        book.set_properties({"created": made.replace(tzinfo=None)})
        sheets = _Sheets(book)
        _about(sheets, contents, made)
        for lang in LANGUAGES:
            for place, chart in enumerate(contents[lang]["charts"], start=1):
                table = chart["table"]
                rows = [[_shown(cell) for cell in row] for row in table["rows"]]
                name = f"{say('page.sheet.shown', lang)} {place} {chart['name']}"
                sheets.add(name, [chart["title"]], table["columns"], rows)
        for name, frame in tables.items():
            rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
            sheets.add(name, [], [str(column) for column in frame.columns], rows)
    return buffer.getvalue()


class _Sheets:
    """The sheets of a workbook, each under a name of its own that Excel allows."""

    def __init__(self, book: Any) -> None:
        self.book = book
        self.names: set[str] = set()
        self.head = book.add_format({"bold": True, "bottom": 1})
        self.share = book.add_format({"num_format": "0.00%"})

    def add(self, name: str, above: list[str], columns: list[str], rows: list[list[Any]]) -> None:
        """Add a sheet: lines above, the columns' names, the rows."""
        sheet = self.book.add_worksheet(self._free(name))
        for at, line in enumerate(above):
            sheet.write_string(at, 0, line)
        top = len(above) + bool(above)
        sheet.write_row(top, 0, columns, self.head)
        for at, row in enumerate(rows, start=top + 1):
            for column, value in enumerate(row):
                if isinstance(value, _Share):
                    sheet.write_number(at, column, value.value, self.share)
                elif value is not None:
                    sheet.write(at, column, value)
        sheet.freeze_panes(top + 1, 0)
        sheet.set_column(0, max(len(columns) - 1, 0), 16)

    def _free(self, name: str) -> str:
        clean = _FORBIDDEN.sub(" ", name).strip() or "sheet"
        found, again = clean[:_LONGEST_NAME], 1
        while found.lower() in self.names:
            again += 1
            tail = f" {again}"
            found = clean[: _LONGEST_NAME - len(tail)] + tail
        self.names.add(found.lower())
        return found


class _Share:
    """A share written as per cent."""

    def __init__(self, value: float) -> None:
        self.value = value


def _about(sheets: _Sheets, contents: Mapping[str, Mapping[str, Any]], made: datetime) -> None:
    rows: list[list[Any]] = []
    for lang in LANGUAGES:
        content = contents[lang]
        rows += [[content["title"]], [content["question"]], [content["sentence"]]]
        rows += [[label, text] for label, text in content["dates"]]
        rows += [[note] for note in content["notes"]]
        rows += [[say("page.sheet.tables", lang)], []]
    name = " ".join(say("page.sheet.about", lang) for lang in LANGUAGES)
    heads = " ".join(say("page.sheet.made", lang) for lang in LANGUAGES)
    sheets.add(name, [], [heads, made.isoformat(timespec="seconds")], rows)


def _shown(text: Any) -> Any:
    """Return a shown cell as the number it is, where it is nothing but one.

    Example:
        >>> _shown("1,188"), _shown("−2.5"), _shown("2026-03"), _shown("withheld")
        (1188.0, -2.5, '2026-03', 'withheld')
    """
    plain = str(text).strip()
    if not _NUMBER.fullmatch(plain):
        return plain
    value = float(plain.rstrip("%").replace(",", "").replace("−", "-"))
    return _Share(value / 100) if plain.endswith("%") else value


def _cell(value: Any) -> Any:
    """Return a table's cell as Excel keeps it; what is missing stays empty."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, bool | int | float | str):
        return value if not isinstance(value, float) or abs(value) != float("inf") else None
    if hasattr(value, "item"):
        return _cell(value.item())
    return str(value)
