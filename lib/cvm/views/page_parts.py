"""What every published page has: two languages, pictures in two widths, its notes and dates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

import pandas as pd

from cvm.core.i18n import LANGUAGES, say
from cvm.core.months import format_moment, format_month, parse_month
from cvm.views.pages import Page
from cvm.views.picture_parts import Chart
from cvm.views.theme import WIDTH_PX, WIDTHS, save_svg, themed

DEFAULT_MINIMUM = 10
SPARK_MONTHS = 24


def both_languages(make: Callable[[str], tuple[dict[str, Any], dict[str, bytes]]]) -> Page:
    """Return a page made once a language: its content, and its pictures by file name."""
    content: dict[str, dict[str, Any]] = {}
    figures: dict[str, bytes] = {}
    for lang in LANGUAGES:
        content[lang], pictures = make(lang)
        figures.update(pictures)
    return Page(content=content, figures=figures)


def page_head(area: str, lang: str) -> dict[str, Any]:
    """Return what a page is called and what it answers, of its part of the catalogue."""
    return {
        "lang": lang,
        "title": say(f"{area}.title", lang),
        "suite": say("overview.suite", lang),
        "question": say(f"{area}.question", lang),
    }


def sparkline(
    label: str,
    months: pd.Series,
    lang: str,
    text: Callable[[float], str],
    *,
    target: float | None = None,
) -> dict[str, Any]:
    """Return the course of a card's figure over the last two years.

    Args:
        label: What the figure is called.
        months: Its value by month, the latest last; missing for a gap.
        lang: ``"zh"`` or ``"en"``.
        text: How a value is written.
        target: What the months are held against, if they are; it is drawn as a line.

    Returns:
        ``spark`` (heights between 0 and 1, None for a gap), ``spark_alt`` (the same in words) and
        with a target ``spark_mark`` (its height); empty with fewer than two months.
    """
    values = pd.to_numeric(months, errors="coerce").astype("float64").tail(SPARK_MONTHS)
    known = values.dropna()
    if len(known) < 2:
        return {}
    low, high = float(known.min()), float(known.max())
    ends = [low, high] if target is None else [low, high, target]
    base, room = min(ends), (max(ends) - min(ends)) or 1.0
    heights = [None if pd.isna(value) else round((value - base) / room, 3) for value in values]
    alt = say(
        "overview.card.spark",
        lang,
        label=label,
        first=text(float(known.iloc[0])),
        last=text(float(known.iloc[-1])),
        months=len(values),
        low=text(low),
        high=text(high),
    )
    mark = {} if target is None else {"spark_mark": round((target - base) / room, 3)}
    return {"spark": heights, "spark_alt": alt, **mark}


def draw_pictures(
    charts: Iterable[Chart], page: str, name_key: str, lang: str
) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """Draw a page's charts.

    Args:
        charts: The charts, in the order of the page.
        page: The page's name.
        name_key: Where the catalogue says what a chart is called, ``{key}`` for the chart's key.
        lang: ``"zh"`` or ``"en"``.

    Returns:
        The charts' entries in the page's content, and the picture files by name.
    """
    entries, files = [], {}
    for chart in charts:
        name = say(name_key.format(key=chart.key), lang)
        entry, drawn = picture(chart, page, name, lang)
        entries.append(entry)
        files.update(drawn)
    return entries, files


def picture(
    chart: Chart, page: str, name: str, lang: str
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Draw a chart in both widths and return its entry of the page and the files.

    Args:
        chart: The chart.
        page: The page's name, which the files' names begin with.
        name: What the chart is called above its headline.
        lang: ``"zh"`` or ``"en"``.
    """
    names: dict[str, str] = {}
    sizes: dict[str, list[int]] = {}
    files: dict[str, bytes] = {}
    for width in WIDTHS:
        with themed(lang, width):
            figure = chart.paint(width)
            file = f"{page}-{chart.key}-{lang}-{width}.svg"
            files[file] = save_svg(figure)
        names[width] = file
        sizes[width] = [WIDTH_PX[width], round(figure.get_size_inches()[1] * 72)]
    entry = {
        "key": chart.key,
        "name": name,
        "title": chart.title,
        "alt": chart.alt,
        "figures": names,
        "size": sizes,
        "table": chart.table,
    }
    return entry, files


def withheld_note(info: Mapping[str, Any], lang: str) -> str:
    """Return how many rows are withheld, and why."""
    withheld = info.get("suppressed", 0)
    rows = withheld if isinstance(withheld, int) else len(withheld)
    minimum = info.get("minimum", DEFAULT_MINIMUM)
    if rows:
        return say("overview.note.withheld", lang, rows=rows, minimum=minimum)
    return say("overview.note.nothing_withheld", lang, minimum=minimum)


def page_dates(
    info: Mapping[str, Any], lang: str, *, first: date | None = None, last: date | None = None
) -> list[list[str]]:
    """Return the date of the data, of the run, the source and the program's version.

    Args:
        info: About the run, as told in :meth:`cvm.views.pages.PageMaker.make`.
        lang: ``"zh"`` or ``"en"``.
        first: First month of the data, where ``info`` does not say.
        last: Last month of the data, where ``info`` does not say.
    """
    unknown = say("overview.date.unknown", lang)
    known_first, known_last = _as_month(info.get("first_month")), _as_month(info.get("last_month"))
    if known_last is None and last is not None:
        known_first, known_last = first, last
    data = unknown if known_last is None else format_month(known_last, lang)
    if known_first is not None and known_last is not None:
        begins = format_month(known_first, lang)
        data = say("overview.date.data_range", lang, first=begins, last=data)
    pairs = [("data", data), ("run", _as_time(info.get("created"), lang) or unknown)]
    if info.get("source"):
        pairs.append(("source", _source_name(str(info["source"]))))
    if info.get("code_version"):
        pairs.append(("version", str(info["code_version"])))
    return [[say(f"overview.date.{key}", lang), text] for key, text in pairs]


def _source_name(source: str) -> str:
    """Return what viewers may know of a source: its last name, no folders, host or password."""
    return source.rstrip("/\\").replace("\\", "/").split("/")[-1].split("?")[0].split("@")[-1]


def _as_month(value: Any) -> date | None:
    return None if value in (None, "") else parse_month(value)


def _as_time(value: Any, lang: str) -> str:
    if value in (None, ""):
        return ""
    stamp = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return format_moment(stamp, lang)
