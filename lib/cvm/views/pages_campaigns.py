"""The campaigns page: which campaigns worked and were worth it, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from cvm.campaigns.compare_designs import DesignComparison, comparison_from, label_name
from cvm.campaigns.register import WORTH_SHARE, Entry, Register, register_from
from cvm.core.i18n import LANGUAGES, say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.core.months import format_month, parse_month
from cvm.views.campaigns_compared import signed
from cvm.views.campaigns_detail import AREA, detail_of
from cvm.views.campaigns_live import (
    interval_text,
    levers_of,
    texts_at,
    told_of,
    tone_of,
    words,
    worth_rows,
)
from cvm.views.campaigns_register import plot_all_designs, plot_register
from cvm.views.cards_campaigns import TARGETS, asked_of, make_cards
from cvm.views.names import read_names
from cvm.views.page_parts import page_dates, picture, withheld_note
from cvm.views.pages import Page, Tables
from cvm.views.picture_parts import Chart, listed
from cvm.views.targets import Goals, read_targets, target_notes
from cvm.views.theme import Width, new_figure

NAME = "campaigns"
WITH_CONTROL = "campaign_with_control"
SOURCES = (WITH_CONTROL, "campaign_without_control", "campaign_by_branch")
"""Register rows of the three notebooks, in the order of their evidence."""
DETAILS = ("estimates", "designs", "funnel", "curves", "balance", "events", "checks")
"""What is known of single campaigns beside the register, by the end of the table's name."""


def make_campaigns(tables: Tables, info: Mapping[str, Any]) -> Page:
    """Make the campaigns page in both languages; see :class:`cvm.views.pages.PageMaker`."""
    register = join_registers(tables)
    rows = worth_rows(*(tables.get(f"{name}_worth") for name in SOURCES))
    names = read_names(tables.get("names"))
    content: dict[str, dict[str, Any]] = {}
    figures: dict[str, bytes] = {}
    for lang in LANGUAGES:
        content[lang], pictures = _make(
            register.named(names.speaking(lang)), rows, tables, info, lang
        )
        figures.update(pictures)
    return Page(content=content, figures=figures)


def join_registers(tables: Tables) -> Register:
    """Join the register rows there are; a campaign judged with a control keeps that judgement."""
    frames = [_published(tables[name]) for name in reversed(SOURCES) if name in tables]
    return register_from(*[frame for frame in frames if len(frame)])


def _published(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that were not withheld."""
    return frame[frame["customers"].notna()]


def detail_tables(tables: Tables) -> dict[str, pd.DataFrame]:
    """Return what is shown of single campaigns, whatever notebook recorded it, by kind."""
    found = {}
    for kind in DETAILS:
        names = [f"{name}_{kind}" for name in SOURCES if f"{name}_{kind}" in tables]
        frames = [tables[name] for name in names if len(tables[name])]
        if frames:
            found[kind] = pd.concat([frame.astype(object) for frame in frames], ignore_index=True)
    return found


def _make(
    register: Register,
    rows: Sequence[Mapping[str, Any]],
    tables: Tables,
    info: Mapping[str, Any],
    lang: str,
) -> tuple[dict[str, Any], dict[str, bytes]]:
    shown, pictures = [], {}
    parts = detail_tables(tables)
    charts = [("name", _chart(register, lang))] if register.entries else []
    compared = compared_of(register, parts.get("designs"))
    charts += (
        [("designs_name", _designs_chart(compared, len(register.entries), lang))]
        if compared
        else []
    )
    for name, chart in charts:
        entry, files = picture(chart, NAME, say(f"{AREA}.chart.{name}", lang), lang)
        shown.append(entry)
        pictures.update(files)
    goals = read_targets(tables.get("targets"))
    asked = asked_of(goals, info.get("last_month"), lang)
    texts = texts_at(rows, register.entries, {}, lang, asked)
    by_name = {str(row["campaign_id"]): row for row in rows}
    content = {
        "lang": lang,
        "title": say(f"{AREA}.title", lang),
        "suite": say("overview.suite", lang),
        "question": say(f"{AREA}.question", lang),
        "sentence": register.text(lang),
        "tone": tone_of(register),
        # Nothing on record is no figure of nought: the sentence says it.
        "cards": make_cards(
            register.entries, texts["cards"] if rows else {}, goals, asked["since"], lang
        ),
        "live": {
            "levers": levers_of(rows, lang) if rows else [],
            "words": words(lang),
            "register": [_row(one, texts["campaigns"], lang) for one in register.entries],
            "details": [
                detail_of(
                    one,
                    parts,
                    lang,
                    worth=by_name.get(one.campaign_id),
                    texts=texts["campaigns"].get(one.campaign_id),
                )
                for one in register.entries
            ],
            "told": told_of(register.entries, lang),
            "asked": asked,
            "rows": list(rows) if lang == LANGUAGES[0] else [],
        },
        "charts": shown,
        "drill": None,
        "notes": _notes(register, rows, tables, goals, info, lang),
        "dates": page_dates(info, lang),
    }
    return content, pictures


def _row(one: Entry, live: Mapping[str, Mapping[str, str]], lang: str) -> dict[str, Any]:
    """Return one row of the register, ready to show; what is live is named so."""
    told = live.get(one.campaign_id)
    known = not math.isnan(one.kept_share)
    ends = (signed(1000 * one.kept_low), signed(1000 * one.kept_high))
    interval = say(f"{AREA}.live.interval", lang, low=ends[0], high=ends[1]) if known else ""
    return {
        "id": one.campaign_id,
        "name": one.label(),
        "start": format_month(parse_month(one.start_month), lang) if one.start_month else "",
        "evidence": one.evidence,
        "worked": say(f"campaigns_register.worked.{one.worked}", lang),
        "tone": {"yes": "good", "harmed": "bad"}.get(one.worked, "neutral"),
        "customers": format_number(one.customers, lang, digits=4),
        "kept": signed(1000 * one.kept_share) if known else "–",
        "kept_interval": interval,
        "cost": told["cost"] if told else format_yuan(one.cost_yuan, lang),
        "live": told is not None,
        "roi": told["roi"] if told else _percent(one.roi),
        "roi_interval": told["interval"] if told else _between(one, lang),
        "chance": told["chance"] if told else _chance(one),
        "paid": told["paid"] if told else _paid(one, lang),
    }


def _paid(one: Entry, lang: str) -> str:
    """Return whether it paid; nothing where not even its effect is known."""
    return "" if one.worked == "unknown" else say(f"{AREA}.live.paid_{one.paid}", lang)


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:+,.0f}%".replace("-", "−")


def _between(one: Entry, lang: str) -> str:
    return "" if math.isnan(one.roi) else interval_text(one.roi_low, one.roi_high, lang)


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
            _kept_interval(1000 * one.kept_low, 1000 * one.kept_high, lang),
        ]
        for one in register.entries
    ]
    return Chart(
        key="register",
        title=say(
            f"{AREA}.chart.title",
            lang,
            detected=sum(one.worked in ("yes", "harmed") for one in register.entries),
            count=len(register.entries),
        ),
        alt=listed(
            [
                say(f"{AREA}.chart.item", lang, name=name, kept=kept, interval=interval)
                for name, _, kept, interval in rows
            ],
            lang,
        ),
        table={"columns": [say(f"{AREA}.column.{name}", lang) for name in columns], "rows": rows},
        paint=paint,
    )


def compared_of(register: Register, designs: pd.DataFrame | None) -> dict[str, DesignComparison]:
    """Return the campaigns of the register whose designs are on record, by label."""
    if designs is None:
        return {}
    found = {
        one.label(): comparison_from(designs[designs["campaign_id"] == one.campaign_id])
        for one in register.entries
    }
    return {label: one for label, one in found.items() if one is not None and one.told}


def naive_outside(one: DesignComparison) -> bool:
    """Tell whether a naive reading lies outside what the designs of a campaign span."""
    told = [each.effect for each in one.rows.values() if each.can_tell]
    naive = [each.effect for each in one.naive.values() if each.can_tell]
    return bool(told) and any(not min(told) <= effect <= max(told) for effect in naive)


def _kept_interval(low: float, high: float, lang: str) -> str:
    return say(f"{AREA}.live.interval", lang, low=signed(low), high=signed(high))


def _designs_chart(compared: Mapping[str, DesignComparison], beside: int, lang: str) -> Chart:
    # As high as the chart of all campaigns that stands beside it.
    high = 90 + 46 * max(len(compared), beside)

    def paint(width: Width) -> Figure:
        figure = new_figure(width, high)
        plot_all_designs(compared, figure.subplots(), lang=lang, width=width)
        return figure

    rows = [
        [
            campaign,
            label_name(label, lang),
            signed(-1000 * one.effect),
            _kept_interval(-1000 * one.high, -1000 * one.low, lang),
        ]
        for campaign, comparison in compared.items()
        for label, one in {**comparison.rows, **comparison.naive}.items()
        if one.can_tell
    ]
    columns = ("name", "design", "kept", "interval")
    return Chart(
        key="designs",
        title=say(
            f"{AREA}.chart.designs_title",
            lang,
            outside=sum(map(naive_outside, compared.values())),
            count=len(compared),
        ),
        alt=listed([f"{campaign}, {name} {kept}" for campaign, name, kept, _ in rows], lang),
        table={"columns": [say(f"{AREA}.column.{name}", lang) for name in columns], "rows": rows},
        paint=paint,
    )


def _notes(
    register: Register,
    rows: Sequence[Mapping[str, Any]],
    tables: Tables,
    goals: Goals,
    info: Mapping[str, Any],
    lang: str,
) -> list[str]:
    wanted = [f"no_{name}" for name in SOURCES if name not in tables]
    if register.entries and not rows:
        wanted.append("no_worth")
    elif rows and all(row.get("life_value_yuan") is None for row in rows):
        wanted.append("no_life")
    wanted += ["evidence"] if register.entries else []
    wanted += ["levers"] if rows else []
    notes = [say(f"{AREA}.note.{name}", lang) for name in wanted]
    notes += _windows_note(register, rows, lang)
    shares = {"worth": WORTH_SHARE, "rest": 1 - WORTH_SHARE}
    values = {name: format_share(share, decimals=0) for name, share in shares.items()}
    meanings = [say(f"{AREA}.note.definitions", lang, **values)] if register.entries else []
    judged = target_notes(goals, TARGETS.values(), lang) if register.entries else []
    return [*notes, *judged, withheld_note(info, lang), *meanings]


def _windows_note(register: Register, rows: Sequence[Mapping[str, Any]], lang: str) -> list[str]:
    """Return over how many months each campaign's customers were counted, where these differ."""
    months = {str(row["campaign_id"]): round(row["window_months"]) for row in rows}
    known = [one for one in register.entries if one.campaign_id in months]
    if len({months[one.campaign_id] for one in known}) < 2:
        return []
    items = [
        say(f"{AREA}.note.window", lang, name=one.label(), months=months[one.campaign_id])
        for one in known
    ]
    return [say(f"{AREA}.note.windows", lang, list=listed(items, lang))]
