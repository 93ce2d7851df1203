"""The points-budget page: what the programme will cost, and what keeps it within the cap."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from cvm.core.i18n import LANGUAGES, say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.plan.overview import TIER_ORDER
from cvm.points.outlook_levers import table_of
from cvm.points.outlook_words import outlook_sentence
from cvm.views.facts import read_facts
from cvm.views.names import Names, read_names
from cvm.views.page_drill import drill_choice, drill_facts, drill_group, drill_panel, known
from cvm.views.page_parts import (
    both_languages,
    draw_pictures,
    page_dates,
    page_head,
    sparkline,
    withheld_note,
)
from cvm.views.pages import Page, Tables
from cvm.views.pictures_points_budget import make_charts
from cvm.views.points_budget_live import AREA, levers_of, texts_at, tone_of, words

NAME = "points-budget"
CHART_NAME = f"{AREA}.{{key}}.name"
PREFIX = "points_budget_"
CARDS = ("cost", "share", "over", "kept", "room")
# What the browser needs of the facts, beside the lever table.
LIVE_FACTS = (
    "last_cost_yuan",
    "last_year",
    "scenarios",
    "extra_years",
    "wanted_share",
    "cost_low_yuan",
    "cost_high_yuan",
)


def make_points_budget(tables: Tables, info: Mapping[str, Any]) -> Page:
    """Make the points-budget page in both languages; see :class:`cvm.views.pages.PageMaker`."""
    mine = {
        name.removeprefix(PREFIX): frame
        for name, frame in tables.items()
        if name.startswith(PREFIX) and _is_told(frame)
    }
    facts = read_facts(mine.get("facts"))
    table = _lever_table(mine.get("levers"), facts)
    names = read_names(tables.get("names"))
    return both_languages(lambda lang: _make(mine, facts, table, names, info, lang))


def _is_told(frame: pd.DataFrame) -> bool:
    """Tell whether a table has any figure; one without is as if it had not been published."""
    return bool(frame.select_dtypes("number").notna().any(axis=None))


def _lever_table(frame: pd.DataFrame | None, facts: Mapping[str, float]) -> dict[str, Any] | None:
    needed = {"rate_now", "value_elasticity", "cap_share", "year", "now_threshold_points"}
    if frame is None or frame.empty or frame.isna().any(axis=None) or not needed <= set(facts):
        return None
    return table_of(frame, facts)


def _make(
    tables: Tables,
    facts: Mapping[str, float],
    table: Mapping[str, Any] | None,
    names: Names,
    info: Mapping[str, Any],
    lang: str,
) -> tuple[dict[str, Any], dict[str, bytes]]:
    shown, pictures = draw_pictures(
        make_charts(tables, facts, lang), NAME, "points_page.{key}.name", lang
    )
    content = page_head(AREA, lang) | {
        "sentence": outlook_sentence(facts, tables.get("keeps"), lang),
        "tone": tone_of(facts["over_share"]) if "over_share" in facts else "neutral",
        "cards": _cards(table, facts, tables.get("months"), lang),
        "live": None if table is None else _live(table, facts, lang),
        "charts": shown,
        "drill": _drill(tables, facts, names, lang),
        "notes": _notes(tables, facts, table is not None, info, lang),
        "dates": page_dates(info, lang, last=_last_month(facts)),
    }
    return content, pictures


def _cards(
    table: Mapping[str, Any] | None,
    facts: Mapping[str, float],
    months: pd.DataFrame | None,
    lang: str,
) -> list[dict[str, Any]]:
    if table is None:
        return []
    course = {"cost": _course(months, lang)}
    texts = texts_at(table, facts, {}, lang)["cards"]
    empty = {"target": "", "spark": [], "spark_alt": ""}
    year = {"year": int(facts["year"])}
    return [
        {
            "key": key,
            "label": say(f"{AREA}.card.{key}", lang, **(year if key == "cost" else {})),
            **empty,
            **texts[key],
            **course.get(key, {}),
        }
        for key in CARDS
    ]


def _course(months: pd.DataFrame | None, lang: str) -> dict[str, Any]:
    """Return what the programme has cost month by month, without what is foretold."""
    if months is None or not {"kind", "cost_yuan"} <= set(months):
        return {}
    booked = months[months["kind"] == "actual"].sort_values("month")["cost_yuan"]
    label = say(f"{AREA}.card.cost_month", lang)
    return sparkline(label, booked, lang, lambda yuan: format_yuan(yuan, lang))


def _live(table: Mapping[str, Any], facts: Mapping[str, float], lang: str) -> dict[str, Any]:
    texts = texts_at(table, facts, {}, lang)
    return {
        "levers": levers_of(table, lang, extra_years=facts.get("extra_years", 1.0)),
        "words": words(lang),
        "titles": {name: texts[f"{name}_title"] for name in ("cap", "rates")},
        "facts": {name: facts[name] for name in LIVE_FACTS if name in facts},
        # The grid is the same in both languages and travels once.
        "table": dict(table) if lang == LANGUAGES[0] else {},
    }


def _drill(tables: Tables, facts: Mapping[str, float], names: Names, lang: str) -> dict[str, Any]:
    """Return the year's cost of all members, of each tier and of each county, ready to show."""
    groups = []
    for name, column in (("tiers", "vip_tier"), ("counties", "county")):
        frame = tables.get(name)
        if frame is None or frame.empty:
            continue
        rows = _ordered(frame, column)
        choices = [
            drill_choice(column, row[column], _drill_facts(row, lang), lang, names=names)
            for row in rows
        ]
        groups.append(drill_group(AREA, name, choices, lang))
    counties = tables.get("counties")
    members = None if counties is None else counties["customers"].sum(min_count=len(counties))
    points = None if counties is None else counties["redeemed_points"].sum(min_count=len(counties))
    whole = {
        "cost_yuan": facts.get("cost_yuan"),
        "cost_of_all_share": 1.0,
        "cost_low_yuan": facts.get("cost_low_yuan"),
        "cost_high_yuan": facts.get("cost_high_yuan"),
        "customers": members,
        "redeemed_points": points,
    }
    return drill_panel(AREA, _drill_facts(whole, lang), groups, lang)


def _ordered(frame: pd.DataFrame, column: str) -> list[dict[Any, Any]]:
    """Return the rows, tiers from the highest, counties from the dearest."""
    rows: list[dict[Any, Any]] = frame.to_dict("records")
    if column == "vip_tier":
        places = {tier: place for place, tier in enumerate(TIER_ORDER)}
        return sorted(rows, key=lambda row: places.get(row[column], len(places)))
    return sorted(rows, key=lambda row: -_or_zero(row["cost_yuan"]))


def _or_zero(value: Any) -> float:
    return 0.0 if value is None or pd.isna(value) else float(value)


def _drill_facts(row: Mapping[Any, Any], lang: str) -> list[list[str]]:
    cost, members = known(row, "cost_yuan"), known(row, "customers")
    low, high = known(row, "cost_low_yuan"), known(row, "cost_high_yuan")
    texts = {
        "cost": format_yuan(cost, lang),
        "share": format_share(known(row, "cost_of_all_share")),
        "interval": "–"
        if low is None or high is None
        else say(
            f"{AREA}.drill.between", lang, low=format_yuan(low, lang), high=format_yuan(high, lang)
        ),
        "customers": format_number(members, lang, digits=4),
        "per_member": format_yuan(cost / members if cost and members else None, lang),
        "points": format_number(known(row, "redeemed_points"), lang),
    }
    return drill_facts(AREA, texts, lang)


def _notes(
    tables: Tables, facts: Mapping[str, float], live: bool, info: Mapping[str, Any], lang: str
) -> list[str]:
    wanted = []
    if "cost_yuan" not in facts:
        wanted.append("no_facts")
    if not live:
        wanted.append("no_levers")
    if "waterfall" not in tables:
        wanted.append("no_waterfall")
    if "holdout" not in tables:
        wanted.append("no_proof")
    wanted.append("fitted" if facts.get("fitted") else "assumed")
    if live:
        wanted.append("levers")
    notes = [say(f"{AREA}.note.{name}", lang) for name in wanted]
    return [*notes, withheld_note(info, lang), say(f"{AREA}.note.definitions", lang)]


def _last_month(facts: Mapping[str, float]) -> date | None:
    if "last_month_index" not in facts:
        return None
    year, month = divmod(int(facts["last_month_index"]), 12)
    return date(year, month + 1, 1)
