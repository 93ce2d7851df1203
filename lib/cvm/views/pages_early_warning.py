"""The early-warning page: whom to call in numbers, why, what is at stake, how good the list is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from cvm.core.i18n import LANGUAGES, say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.core.months import format_month, month_from_index
from cvm.plan.overview import TIER_ORDER
from cvm.segments.warning_words import outlook_sentence
from cvm.views.cards_early_warning import lift_tone, make_cards
from cvm.views.early_warning_live import (
    AREA,
    LAST_FACTS,
    TARGETS,
    levers_of,
    table_of,
    texts_at,
    words,
)
from cvm.views.facts import read_facts
from cvm.views.names import Names, read_names
from cvm.views.page_drill import drill_facts, drill_group, drill_panel
from cvm.views.page_parts import both_languages, draw_pictures, page_dates, page_head, withheld_note
from cvm.views.pages import Page, Tables
from cvm.views.pictures_early_warning import make_charts
from cvm.views.segments_warning import trigger_name
from cvm.views.targets import Goals, live_targets, read_targets, target_notes

NAME = "early-warning"
CHART_NAME = f"{AREA}.chart.{{key}}"
PREFIX = "early_warning_"
# What the browser needs of the facts, beside the groups of rank.
LIVE_FACTS = ("calls", "saved_share", "capacity", *LAST_FACTS)


def make_early_warning(tables: Tables, info: Mapping[str, Any]) -> Page:
    """Make the early-warning page in both languages; see :class:`cvm.views.pages.PageMaker`."""
    mine = {
        name.removeprefix(PREFIX): frame
        for name, frame in tables.items()
        if name.startswith(PREFIX)
    }
    facts = read_facts(mine.get("facts"))
    ranks = table_of(mine.get("ranks")) if "calls" in facts else None
    names = read_names(tables.get("names"))
    goals = read_targets(tables.get("targets"))
    return both_languages(lambda lang: _make(mine, facts, ranks, names, goals, info, lang))


def _make(
    tables: Tables,
    facts: Mapping[str, float],
    ranks: Mapping[str, Any] | None,
    names: Names,
    goals: Goals,
    info: Mapping[str, Any],
    lang: str,
) -> tuple[dict[str, Any], dict[str, bytes]]:
    shown, pictures = draw_pictures(
        make_charts(tables, facts, lang), NAME, "early_warning.chart.{key}", lang
    )
    content = page_head(AREA, lang) | {
        "sentence": outlook_sentence(facts, lang),
        "tone": lift_tone(facts),
        "cards": make_cards(ranks, facts, tables.get("track"), goals, lang),
        "live": None if ranks is None else _live(ranks, facts, goals, lang),
        "charts": shown,
        "drill": _drill(tables, facts, names, lang),
        "notes": [
            *_notes(tables, facts, ranks is not None, lang),
            *target_notes(goals, TARGETS, lang),
            withheld_note(info, lang),
            say(f"{AREA}.note.definitions", lang),
        ],
        "dates": page_dates(info, lang, last=_last_month(facts)),
    }
    return content, pictures


def _live(
    ranks: Mapping[str, Any], facts: Mapping[str, float], goals: Goals, lang: str
) -> dict[str, Any]:
    texts = texts_at(ranks, facts, {}, lang, goals)
    return {
        "levers": levers_of(ranks, facts, lang),
        "words": words(lang),
        "titles": {name: texts[f"{name}_title"] for name in ("reach", "gain")},
        "facts": {name: facts[name] for name in LIVE_FACTS if name in facts},
        "told": live_targets(goals, TARGETS, lang),
        # The groups are the same in both languages and travel once.
        "table": dict(ranks) if lang == LANGUAGES[0] else {},
    }


def _drill(tables: Tables, facts: Mapping[str, float], names: Names, lang: str) -> dict[str, Any]:
    """Return customers who may be called by reason, card and county, ready to show."""
    groups = []
    for name, column in (("reasons", "reason"), ("tiers", "vip_tier"), ("counties", "county")):
        frame = tables.get(name)
        if frame is None or frame.empty:
            continue
        choices = [
            {
                "key": f"{column.removeprefix('vip_')}:{value}",
                "label": _label(column, value, names, lang),
                "facts": _drill_facts(frame[frame[column] == value], lang),
            }
            for value in _ordered(frame, column)
        ]
        groups.append(drill_group(AREA, name, choices, lang))
    return drill_panel(AREA, _whole_facts(tables.get("fates"), facts, lang), groups, lang)


def _label(column: str, value: str, names: Names, lang: str) -> str:
    if column == "reason":
        return trigger_name(value, lang)
    return names.of(column.removeprefix("vip_"), value, lang)


def _ordered(frame: pd.DataFrame, column: str) -> list[str]:
    """Return the groups, tiers from the highest, others from the most value at risk."""
    values = frame.groupby(column)["value_at_risk_yuan"].sum().sort_values(ascending=False)
    names = [str(name) for name in values.index]
    if column != "vip_tier":
        return names
    places = {tier: place for place, tier in enumerate(TIER_ORDER)}
    return sorted(names, key=lambda name: places.get(name, len(places)))


def _drill_facts(cells: pd.DataFrame, lang: str) -> list[list[str]]:
    """Return a group's facts; what rests on a withheld cell is a dash."""
    # No row of called customers means that none is, not that it is withheld.
    called = cells[cells["status"] == "called"]
    return _six(
        customers=_sum(cells["customers"]),
        calls=_sum(called["customers"]),
        leavers=_sum(cells["expected_leavers"]),
        value=_sum(cells["value_at_risk_yuan"]),
        called_value=_sum(called["value_at_risk_yuan"]),
        lang=lang,
    )


def _sum(values: pd.Series) -> float:
    """Return the sum; not a number if one is missing, 0 of none."""
    return float(values.astype("Float64").to_numpy(dtype=float, na_value=np.nan).sum())


def _whole_facts(
    fates: pd.DataFrame | None, facts: Mapping[str, float], lang: str
) -> list[list[str]]:
    nan = float("nan")
    leavers = value = nan
    if fates is not None and len(fates):
        may = fates[fates["fate"].isin(["called", "held_out", "over_capacity"])]
        leavers, value = _sum(may["expected_leavers"]), _sum(may["value_at_risk_yuan"])
    return _six(
        customers=facts.get("candidates", nan),
        calls=facts.get("calls", nan),
        leavers=leavers,
        value=value,
        called_value=facts.get("called_value_at_risk_yuan", nan),
        lang=lang,
    )


def _six(
    *, customers: float, calls: float, leavers: float, value: float, called_value: float, lang: str
) -> list[list[str]]:
    share = leavers / customers if customers else float("nan")
    texts = {
        "customers": format_number(customers, lang, digits=4),
        "calls": format_number(calls, lang, digits=4),
        "leavers": format_number(leavers, lang),
        "share": format_share(share),
        "value": format_yuan(value, lang),
        "called_value": format_yuan(called_value, lang),
    }
    return drill_facts(AREA, texts, lang)


def _notes(tables: Tables, facts: Mapping[str, float], live: bool, lang: str) -> list[str]:
    wanted = []
    if "candidates" not in facts:
        wanted.append("no_facts")
    if not live:
        wanted.append("no_levers")
    if "scored" not in tables and not len(tables.get("track", ())):
        wanted.append("no_score")
    if "calibration" not in tables:
        wanted.append("no_test")
    if "last_lift" in facts or len(tables.get("track", ())):
        wanted.append("lists")
    wanted.append("assumed")
    notes = [say(f"{AREA}.note.{name}", lang) for name in wanted]
    if "value_months" in facts:
        notes.append(say(f"{AREA}.note.value", lang, months=f"{facts['value_months']:.0f}"))
    return [
        *notes, *_few_note(tables.get("track"), lang), *_fates_note(tables.get("fates"), lang)
    ]  # fmt: skip


def _few_note(track: pd.DataFrame | None, lang: str) -> list[str]:
    """Return of which months the list is not told, in one sentence."""
    if track is None:
        return []
    gone = track.loc[track["precision_share"].isna(), "month"]
    if not len(gone):
        return []
    months = [format_month(pd.Timestamp(month).date(), lang) for month in gone]
    listed = say("segments_churn.list", lang).join(months)
    return [say(f"{AREA}.note.few_lists", lang, months=listed)]


def _fates_note(fates: pd.DataFrame | None, lang: str) -> list[str]:
    """Return why customers with a sign are not called, in one sentence."""
    if fates is None or fates.empty:
        return []
    against = fates[~fates["fate"].isin(["called", "no_sign", "unknown"])].dropna(
        subset=["customers"]
    )
    items = [
        say(f"{AREA}.note.fate", lang, fate=say(f"segments_warning.fate.{fate}", lang),
            customers=f"{customers:,.0f}")
        for fate, customers in zip(against["fate"], against["customers"], strict=True)
    ]  # fmt: skip
    if not items:
        return []
    listed = say("segments_warning.semicolon", lang).join(items)
    return [say(f"{AREA}.note.fates", lang, list=listed)]


def _last_month(facts: Mapping[str, float]) -> date | None:
    """Return the month before the list's day."""
    if "listed_index" not in facts:
        return None
    return month_from_index(int(facts["listed_index"]) - 1)
