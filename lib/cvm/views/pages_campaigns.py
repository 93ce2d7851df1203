"""The campaigns page: which campaigns worked and were worth it, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from cvm.campaigns.register import Entry, Register, register_from
from cvm.core.i18n import LANGUAGES, say
from cvm.core.money import format_number, format_yuan
from cvm.views.campaigns_detail import AREA, detail_of, signed
from cvm.views.campaigns_live import levers_of, texts_at, words, worth_rows
from cvm.views.campaigns_register import plot_register
from cvm.views.charts_overview import Chart
from cvm.views.page_parts import page_dates, picture, withheld_note
from cvm.views.pages import Page, Tables
from cvm.views.theme import Width, new_figure

NAME = "campaigns"
WITH_CONTROL = "campaign_with_control"
SOURCES = (WITH_CONTROL, "campaign_without_control", "campaign_by_branch")
"""Register rows of the three notebooks, in the order of their evidence."""


def make_campaigns(tables: Tables, info: Mapping[str, Any]) -> Page:
    """Make the campaigns page in both languages; see :class:`cvm.views.pages.PageMaker`."""
    register = join_registers(tables)
    rows = worth_rows(tables.get(f"{WITH_CONTROL}_worth"))
    content: dict[str, dict[str, Any]] = {}
    figures: dict[str, bytes] = {}
    for lang in LANGUAGES:
        content[lang], pictures = _make(register, rows, tables, info, lang)
        figures.update(pictures)
    return Page(content=content, figures=figures)


def join_registers(tables: Tables) -> Register:
    """Join the register rows there are; a campaign judged with a control keeps that judgement."""
    frames = [_published(tables[name]) for name in reversed(SOURCES) if name in tables]
    return register_from(*[frame for frame in frames if len(frame)])


def _published(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that were not withheld."""
    return frame[frame["customers"].notna()]


def _make(
    register: Register,
    rows: Sequence[Mapping[str, Any]],
    tables: Tables,
    info: Mapping[str, Any],
    lang: str,
) -> tuple[dict[str, Any], dict[str, bytes]]:
    shown, pictures = [], {}
    if register.entries:
        chart = _chart(register, lang)
        entry, files = picture(chart, NAME, say(f"{AREA}.chart.name", lang), lang)
        shown.append(entry)
        pictures.update(files)
    parts = {
        name: tables[f"{WITH_CONTROL}_{name}"]
        for name in ("estimates", "funnel", "curves", "checks")
        if f"{WITH_CONTROL}_{name}" in tables
    }
    texts = texts_at(rows, register.entries, {}, lang)
    content = {
        "lang": lang,
        "title": say(f"{AREA}.title", lang),
        "suite": say("overview.suite", lang),
        "question": say(f"{AREA}.question", lang),
        "sentence": register.text(lang),
        "tone": _tone(register),
        "cards": _cards(register, texts, bool(rows), lang),
        "live": {
            "levers": levers_of(rows, lang) if rows else [],
            "words": words(lang),
            "register": [_row(one, texts["campaigns"], lang) for one in register.entries],
            "details": [detail_of(one, parts, lang) for one in register.entries],
            "worked": {one.campaign_id: one.worked for one in register.entries},
            "rows": list(rows) if lang == LANGUAGES[0] else [],
        },
        "charts": shown,
        "drill": None,
        "notes": _notes(register, rows, tables, info, lang),
        "dates": page_dates(info, lang),
    }
    return content, pictures


def _tone(register: Register) -> str:
    if any(one.worked == "harmed" for one in register.entries):
        return "bad"
    good = any(one.worked == "yes" and one.paid == "yes" for one in register.entries)
    return "good" if good else "neutral"


def _cards(
    register: Register, texts: Mapping[str, Any], worth: bool, lang: str
) -> list[dict[str, Any]]:
    entries = register.entries
    strong = sum(one.evidence in ("A", "B") for one in entries)
    worked = sum(one.worked == "yes" for one in entries)
    costs = [one.cost_yuan for one in entries if math.isfinite(one.cost_yuan)]
    cost = format_yuan(sum(costs) if costs else None, lang)
    yuan = "元" if lang == "zh" else ""
    cards = [
        _card("count", lang, value=str(len(entries)),
              note=say(f"{AREA}.card.count_note", lang, strong=strong)),
        _card("worked", lang, value=str(worked),
              note=say(f"{AREA}.card.worked_note", lang,
                       none=sum(one.worked == "none" for one in entries))),
        _card("cost", lang, value=cost.removesuffix("元"), unit=yuan if costs else "",
              note=say(f"{AREA}.card.cost_note", lang, count=len(costs))),
    ]  # fmt: skip
    if worth:
        live = texts["cards"]
        cards.insert(2, _card("paid", lang, **live["paid"]))
        cards.append(_card("net", lang, unit=yuan, **live["net"]))
    return cards


def _card(key: str, lang: str, **parts: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "unit": "", "note": "", "change": "", "direction": "", "tone": "neutral", "target": "",
        "spark": [], "spark_alt": "", "gauge": None,
    }  # fmt: skip
    return {"key": key, "label": say(f"{AREA}.card.{key}", lang), **empty, **parts}


def _row(one: Entry, live: Mapping[str, Mapping[str, str]], lang: str) -> dict[str, Any]:
    """Return one row of the register, ready to show; what is live is named so."""
    told = live.get(one.campaign_id)
    known = not math.isnan(one.kept_share)
    ends = (signed(1000 * one.kept_low), signed(1000 * one.kept_high))
    interval = say(f"{AREA}.live.interval", lang, low=ends[0], high=ends[1]) if known else ""
    return {
        "id": one.campaign_id,
        "name": one.label(),
        "start": one.start_month[:7],
        "evidence": one.evidence,
        "worked": say(f"campaigns_register.worked.{one.worked}", lang),
        "tone": {"yes": "good", "harmed": "bad"}.get(one.worked, "neutral"),
        "customers": format_number(one.customers, lang, digits=4),
        "kept": signed(1000 * one.kept_share) if known else "–",
        "kept_interval": interval,
        "cost": told["cost"] if told else format_yuan(one.cost_yuan, lang),
        "live": told is not None,
        "roi": told["roi"] if told else _percent(one.roi),
        "roi_interval": told["interval"] if told else _between(one),
        "chance": told["chance"] if told else _chance(one),
        "paid": told["paid"] if told else _paid(one, lang),
    }


def _paid(one: Entry, lang: str) -> str:
    """Return whether it paid; nothing where not even its effect is known."""
    return "" if one.worked == "unknown" else say(f"{AREA}.live.paid_{one.paid}", lang)


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:+,.0f}%".replace("-", "−")


def _between(one: Entry) -> str:
    return "" if math.isnan(one.roi) else f"{_percent(one.roi_low)} – {_percent(one.roi_high)}"


def _chance(one: Entry) -> str:
    return "–" if math.isnan(one.positive_share) else f"{100 * one.positive_share:.0f}%"


def _chart(register: Register, lang: str) -> Chart:
    def paint(width: Width) -> Figure:
        figure = new_figure(width, 90 + 46 * len(register.entries))
        plot_register(register, figure.subplots(), lang=lang, width=width)
        return figure

    columns = ("name", "evidence", "kept", "interval")
    rows = [
        [
            one.label(),
            one.evidence,
            signed(1000 * one.kept_share),
            f"{signed(1000 * one.kept_low)} – {signed(1000 * one.kept_high)}",
        ]
        for one in register.entries
    ]
    return Chart(
        key="register",
        title=say(f"{AREA}.chart.title", lang),
        alt=register.text(lang),
        table={"columns": [say(f"{AREA}.column.{name}", lang) for name in columns], "rows": rows},
        paint=paint,
    )


def _notes(
    register: Register,
    rows: Sequence[Mapping[str, Any]],
    tables: Tables,
    info: Mapping[str, Any],
    lang: str,
) -> list[str]:
    wanted = [f"no_{name}" for name in SOURCES if name not in tables]
    if register.entries and not rows:
        wanted.append("no_worth")
    notes = [say(f"{AREA}.note.{name}", lang) for name in (*wanted, "evidence", "levers")]
    return [*notes, withheld_note(info, lang), say(f"{AREA}.note.definitions", lang)]
