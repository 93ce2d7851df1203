"""The overview page: how the base is doing, and whether points stay within their cap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.plan.overview import overview_sentence
from cvm.views import overview as draw
from cvm.views.cards_overview import TARGETS, make_cards
from cvm.views.charts_overview import make_charts
from cvm.views.facts import Facts, read_facts
from cvm.views.names import Names, read_names
from cvm.views.page_drill import drill_choice, drill_facts, drill_group, drill_panel, known
from cvm.views.page_parts import both_languages, draw_pictures, page_dates, page_head, withheld_note
from cvm.views.pages import Page, Tables
from cvm.views.targets import read_targets, target_notes

NAME = "overview"
MONTHS_TO_COMPARE = 24
NO_MONTHS = pd.DataFrame({"month": pd.Series(dtype="datetime64[ns]"), "customers": []})


def make_overview(tables: Tables, info: Mapping[str, Any]) -> Page:
    """Make the overview page in both languages; see :class:`cvm.views.pages.PageMaker`."""
    return both_languages(lambda lang: _make(tables, info, lang))


def _make(
    tables: Tables, info: Mapping[str, Any], lang: str
) -> tuple[dict[str, Any], dict[str, bytes]]:
    facts = read_facts(tables.get("overview_facts"))
    months = tables.get("overview_months", NO_MONTHS)
    goals = read_targets(tables.get("targets"))
    names = read_names(tables.get("names"))
    charts = make_charts(_named(tables, names, lang), facts, lang)
    shown, pictures = draw_pictures(charts, NAME, "overview.{key}.name", lang)
    # Counties are compared beside the panel that shows one of them.
    compared = next((entry for entry in shown if entry["key"] == "counties"), None)
    beside = {} if compared is None else {"chart": compared}
    content = page_head("overview", lang) | {
        "sentence": overview_sentence(facts, lang),
        "tone": _tone(facts),
        "cards": make_cards(facts, months, goals, lang),
        "charts": [entry for entry in shown if entry is not compared],
        "drill": _drill(tables, facts, names, lang) | beside,
        "notes": [
            *_notes(tables, facts, {chart.key for chart in charts}, lang),
            *target_notes(goals, TARGETS, lang),
            withheld_note(info, lang),
            *_few_note(tables, lang),
            say("overview.note.definitions", lang),
        ],
        "dates": _dates(months, info, lang),
    }
    return content, pictures


def _tone(facts: Facts) -> str:
    cost, cap = facts.get("points_cost_share"), facts.get("cap_share")
    if cost is None or cap is None:
        return "neutral"
    return "bad" if cost > cap else "good"


def _named(tables: Tables, names: Names, lang: str) -> Tables:
    """Return the tables with counties as they are called in the language."""
    counties = tables.get("overview_counties")
    if counties is None:
        return tables
    return {**tables, "overview_counties": names.within(counties, "county", lang)}


def _drill(tables: Tables, facts: Facts, names: Names, lang: str) -> dict[str, Any]:
    """Return the figures of the whole base, of each county and of each brand, ready to show."""
    groups = []
    for table, column, kind in (
        ("overview_counties", "county", "counties"),
        ("overview_brands", "brand", "brands"),
    ):
        frame = tables.get(table)
        if frame is None or frame.empty:
            continue
        rows = frame.to_dict("records")
        choices = [
            drill_choice(column, row[column], _drill_facts(row, lang), lang, names=names)
            for row in rows
        ]
        groups.append(drill_group("overview", kind, choices, lang))
    whole = {
        "customers": facts.get("customers"),
        "customer_share": 1.0,
        "revenue_yuan": facts.get("revenue_year_yuan"),
        "revenue_share": 1.0,
        "arpu_yuan": _year_arpu(tables.get("overview_months", NO_MONTHS)),
        "churn_share": facts.get("churn_share"),
    }
    return drill_panel("overview", _drill_facts(whole, lang), groups, lang)


def _year_arpu(months: pd.DataFrame) -> float | None:
    """Return revenue ÷ customer-months of the last year, as counties and brands are counted."""
    year = draw.by_month(months).tail(draw.MONTHS_IN_YEAR)
    if len(year) < draw.MONTHS_IN_YEAR or "revenue_yuan" not in year:
        return None
    customers, revenue = (
        pd.to_numeric(year[column], errors="coerce").sum(skipna=False)
        for column in ("customers", "revenue_yuan")
    )
    return float(revenue / customers) if customers > 0 else None


def _drill_facts(row: Mapping[Any, Any], lang: str) -> list[list[str]]:
    arpu = known(row, "arpu_yuan")
    arpu_text = "–" if arpu is None else f"{arpu:,.1f}元" if lang == "zh" else f"¥{arpu:,.1f}"
    texts = {
        "customers": format_number(known(row, "customers"), lang, digits=4),
        "customer_share": format_share(known(row, "customer_share")),
        "revenue": format_yuan(known(row, "revenue_yuan"), lang),
        "revenue_share": format_share(known(row, "revenue_share")),
        "arpu": arpu_text,
        "churn": format_share(known(row, "churn_share"), decimals=2),
    }
    return drill_facts("overview", texts, lang)


def _notes(tables: Tables, facts: Facts, drawn: set[str], lang: str) -> list[str]:
    notes = []
    if "base" not in drawn:
        notes.append(say("overview.note.no_months", lang))
    for chart, note in (
        ("churn", "no_churn"),
        ("tiers", "no_tiers"),
        ("points", "no_points"),
        ("counties", "no_counties"),
    ):
        if chart not in drawn:
            notes.append(say(f"overview.note.{note}", lang))
    if "base" in drawn:
        notes += _month_notes(tables["overview_months"], lang)
    months = facts.get("points_year_months")
    if months is not None and months < draw.MONTHS_IN_YEAR:
        notes.append(
            say(
                "overview.note.running_year",
                lang,
                year=int(facts["points_year"]),
                months=int(months),
            )
        )
    return notes


def _few_note(tables: Tables, lang: str) -> list[str]:
    """Return why a group's churn is missing while that of others is known."""
    shares = [
        tables[name].loc[tables[name]["customers"].notna(), "churn_share"]
        for name in ("overview_tiers", "overview_counties", "overview_brands")
        if name in tables and {"customers", "churn_share"} <= set(tables[name])
    ]
    if not any(one.isna().any() and one.notna().any() for one in shares):
        return []
    return [say("overview.note.few_left", lang)]


def _month_notes(months: pd.DataFrame, lang: str) -> list[str]:
    whole = draw.by_month(months)
    notes = []
    if len(whole) > len(months):
        notes.append(say("overview.note.gaps", lang))
    if len(whole) < MONTHS_TO_COMPARE:
        notes.append(say("overview.note.short", lang, months=len(whole)))
    return [*notes, say("overview.note.axis", lang)]


def _dates(months: pd.DataFrame, info: Mapping[str, Any], lang: str) -> list[list[str]]:
    if not len(months):
        return page_dates(info, lang)
    shown = pd.to_datetime(months["month"])
    return page_dates(info, lang, first=shown.min().date(), last=shown.max().date())
