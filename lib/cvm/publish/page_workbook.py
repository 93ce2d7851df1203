"""A page's figures as one Excel workbook: what its charts show, and the published tables behind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from cvm.core.i18n import LANGUAGES, say
from cvm.core.months import parse_month
from cvm.core.snapshot import charts_of
from cvm.views.workbook import Share, Sheet, frame_rows, workbook

_MONTH = re.compile(r"\d{4}年\d{1,2}月|[A-Z][a-z]{2} \d{4}")
_NUMBER = re.compile(r"[+\-−]?\d[\d,]*(\.\d+)?%?")


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
    sheets = [_about(contents, made)]
    for lang in LANGUAGES:
        for place, chart in enumerate(charts_of(contents[lang]), start=1):
            table = chart["table"]
            name = f"{say('page.sheet.shown', lang)} {place} {chart['name']}"
            rows = [[_shown(one) for one in row] for row in table["rows"]]
            sheets.append(_sheet(name, table["columns"], rows, above=[chart["title"]]))
    for name, frame in tables.items():
        sheets.append(_sheet(name, list(map(str, frame.columns)), frame_rows(frame)))
    return workbook(sheets, made=made)


def _sheet(
    name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, above: Sequence[str] = ()
) -> Sheet:
    return Sheet(name=name, columns=columns, rows=rows, above=above, widths=[16] * len(columns))


def _about(contents: Mapping[str, Mapping[str, Any]], made: datetime) -> Sheet:
    rows: list[list[Any]] = []
    for lang in LANGUAGES:
        content = contents[lang]
        rows += [[content["title"]], [content["question"]], [content["sentence"]]]
        rows += [[label, text] for label, text in content["dates"]]
        rows += [[note] for note in content["notes"]]
        rows += [[say("page.sheet.tables", lang)], []]
    name = " ".join(say("page.sheet.about", lang) for lang in LANGUAGES)
    heads = " ".join(say("page.sheet.made", lang) for lang in LANGUAGES)
    return _sheet(name, [heads, made.isoformat(timespec="seconds")], rows)


def _shown(text: Any) -> Any:
    """Return a shown cell as the number or the month it is, where it is nothing but one.

    Example:
        >>> _shown("1,188"), _shown("−2.5"), _shown("withheld"), _shown("Mar 2026")
        (1188.0, -2.5, 'withheld', datetime.date(2026, 3, 1))
    """
    plain = str(text).strip()
    if _MONTH.fullmatch(plain):
        return parse_month(plain)
    if not _NUMBER.fullmatch(plain):
        return plain
    value = float(plain.rstrip("%").replace(",", "").replace("−", "-"))
    return Share(value / 100) if plain.endswith("%") else value
