"""The customer-value page: where value lies, who moves between tiers, what other cuts would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cvm.core.i18n import LANGUAGES, say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.segments.scenes import scene_name
from cvm.views.cards_customer_value import make_cards, measured_by, told_of, top_shares
from cvm.views.customer_value_course import HOLDERS_TABLE
from cvm.views.customer_value_live import (
    AREA,
    TARGETS,
    Cuts,
    capital,
    ladder_name,
    levers_of,
    read_cuts,
    texts_at,
    withheld_bands,
    words,
)
from cvm.views.facts import read_facts
from cvm.views.names import group_label, read_names
from cvm.views.page_drill import drill_facts, drill_group, drill_panel
from cvm.views.page_parts import both_languages, draw_pictures, page_dates, page_head, withheld_note
from cvm.views.pages import Page, Tables
from cvm.views.pictures_customer_value import lifetime_rows, make_charts
from cvm.views.targets import read_targets, target_notes

NAME = "customer-value"
_OUTSIDE = ("none", "unrated")
_FIGURES = ("customers", "customer_share", "revenue_yuan", "revenue_share", "margin_yuan")


def make_customer_value(tables: Tables, info: Mapping[str, Any]) -> Page:
    """Make the customer-value page in both languages; see :class:`cvm.views.pages.PageMaker`."""
    cuts = read_cuts(tables.get("tier_cuts"), tables.get("tier_terms"))
    return both_languages(lambda lang: _make(tables, cuts, info, lang))


def _make(
    tables: Tables, cuts: Cuts | None, info: Mapping[str, Any], lang: str
) -> tuple[dict[str, Any], dict[str, bytes]]:
    moved = () if cuts is None else cuts.ladders
    goals = read_targets(tables.get("targets"))
    told = {} if cuts is None else told_of(tables, cuts, goals, lang)
    charts = make_charts(tables, measured_by(tables), moved, lang)
    shown, pictures = draw_pictures(charts, NAME, "customer_value.chart.{key}", lang)
    content = page_head(AREA, lang) | {
        "sentence": sentence(tables, lang),
        "tone": "neutral",
        "cards": make_cards(tables, cuts, told, lang),
        "live": None if cuts is None else _live(cuts, told, lang),
        "charts": shown,
        "drill": _drill(tables, lang),
        "notes": [
            *_notes(tables, cuts, lang),
            *([] if cuts is None else target_notes(goals, TARGETS.values(), lang)),
            withheld_note(info, lang),
            say(f"{AREA}.note.definitions", lang),
        ],
        "dates": page_dates(info, lang),
    }
    return content, pictures


def sentence(tables: Tables, lang: str) -> str:
    """Return the page's answer: how concentrated value is, who holds a card, what it is worth."""
    parts = []
    top = top_shares(tables).get(0.1)
    if top is not None:
        measured = say(f"{AREA}.measured.{measured_by(tables)}", lang)
        parts.append(say(f"{AREA}.sentence.top", lang, share=format_share(top), measured=measured))
    held = _holders(tables)
    if held is not None:
        ladder, customers, revenue = held
        parts.append(
            say(
                f"{AREA}.sentence.holders",
                lang,
                ladder=ladder_name(ladder, lang),
                customers=format_share(customers),
                revenue=format_share(revenue),
            )
        )
    if not parts:
        return say(f"{AREA}.unknown", lang)
    told = say(f"{AREA}.sentence.and", lang).join(parts)
    told = told[0].upper() + told[1:] + say(f"{AREA}.sentence.stop", lang)
    return told + _worth(tables, lang)


def _holders(tables: Tables) -> tuple[str, float, float] | None:
    """Return the first ladder and its holders' shares of customers and revenue.

    Everybody else is below the first cut or not rated; where one of those is withheld, the shares
    cannot be told.
    """
    pyramid = tables.get("tier_pyramid")
    if pyramid is None or pyramid.empty:
        return None
    ladder = str(pyramid["ladder"].iloc[0])
    rows = pyramid[pyramid["ladder"] == ladder].set_index("tier")
    others = rows.loc[rows.index.isin([f"{ladder}_{name}" for name in _OUTSIDE])]
    shares = others[["customer_share", "revenue_share"]].astype(float)
    if others.empty or shares.isna().any(axis=None):
        return None
    customers, revenue = 1 - shares.sum()
    return ladder, float(customers), float(revenue)


def _worth(tables: Tables, lang: str) -> str:
    tiers = lifetime_rows(tables.get("lifetime_tiers"))
    months = read_facts(tables.get("lifetime_facts")).get("horizon_months")
    if tiers is None or months is None or len(tiers) < 2 or tiers["vip_tier"].iloc[-1] != "none":
        return ""
    top, none = tiers.iloc[0], tiers.iloc[-1]
    name = group_label("tier", top["vip_tier"], lang)
    if top["value_yuan_low"] <= none["value_yuan_high"] or none["value_yuan"] <= 0:
        return say(f"{AREA}.sentence.worth_unclear", lang, top=name)
    return say(
        f"{AREA}.sentence.worth",
        lang,
        top=name,
        value=format_yuan(float(top["value_yuan"]), lang),
        months=f"{months:.0f}",
        times=f"{top['value_yuan'] / none['value_yuan']:.1f}",
    )


def _live(cuts: Cuts, told: Mapping[str, Any], lang: str) -> dict[str, Any]:
    texts = texts_at(cuts, cuts.ladders[0], {}, lang)
    return {
        "ladders": levers_of(cuts, lang),
        "words": words(cuts, lang),
        "told": told,
        "titles": {name: texts[f"{name}_title"] for name in ("pyramid", "cost")},
        # The bands are the same in both languages and travel once.
        "table": cuts.payload() if lang == LANGUAGES[0] else {},
    }


def _drill(tables: Tables, lang: str) -> dict[str, Any]:
    """Return tiers, scenes, ages and counties with their figures, ready to show."""
    whole, names = _whole(tables), read_names(tables.get("names"))
    groups = [*_tier_groups(tables, lang)]
    scenes = tables.get("usage_scenes")
    if scenes is not None and len(scenes):
        choices = [
            _choice(f"scene:{row['scene']}", scene_name(row["scene"], lang), row, whole, lang)
            for row in scenes.to_dict("records")
        ]
        groups.append(drill_group(AREA, "scenes", choices, lang))
    for column, name in (("age", "ages"), ("county", "counties")):
        frame = tables.get(f"segment_{column}")
        if frame is None or frame.empty:
            continue
        found = [(str(value), _sums(cells)) for value, cells in frame.groupby(column, sort=False)]
        if column == "age":
            found.sort(key=lambda one: _age_place(one[0]))
        else:
            found.sort(key=lambda one: float(np.nan_to_num(one[1]["revenue_yuan"])), reverse=True)
        choices = [
            _choice(f"{column}:{value}", names.of(column, value, lang), row, whole, lang)
            for value, row in found
        ]
        groups.append(drill_group(AREA, name, choices, lang))
    return drill_panel(AREA, _facts(whole, whole, lang), groups, lang)


def _age_place(age: str) -> float:
    """Return where an age group stands: ``–24`` first, then by its first year."""
    digits = "".join(one for one in age.split("–")[0] if one.isdigit())
    return float(digits) if digits else -1.0 if "–" in age else float("inf")


def _tier_groups(tables: Tables, lang: str) -> list[dict[str, Any]]:
    pyramid, terms = tables.get("tier_pyramid"), tables.get("tier_terms")
    if pyramid is None:
        return []
    names: dict[tuple[str, str], str] = {}
    if terms is not None:
        for row in terms.to_dict("records"):
            names[row["ladder"], row["tier"]] = row[f"name_{lang}"]
    groups = []
    for ladder, rows in pyramid.groupby("ladder", sort=False):
        whole = _sums(rows)
        choices = []
        for row in rows.to_dict("records"):
            tier = str(row["tier"])
            name = names.get((str(ladder), tier)) or tier
            if tier.endswith("_unrated"):
                name = say(f"{AREA}.drill.unrated", lang)
            choices.append(_choice(f"{ladder}:{tier}", capital(name), row, whole, lang))
        groups.append({"label": capital(ladder_name(str(ladder), lang)), "choices": choices})
    return groups


def _whole(tables: Tables) -> dict[str, float]:
    """Return the whole base's sums: of the grid's total, else of the first ladder."""
    grid = tables.get("value_grid")
    if grid is not None:
        total = grid[(grid["voice_band"] == "all") & (grid["data_band"] == "all")]
        if len(total):
            return _sums(total)
    pyramid = tables.get("tier_pyramid")
    if pyramid is not None and len(pyramid):
        return _sums(pyramid[pyramid["ladder"] == pyramid["ladder"].iloc[0]])
    return dict.fromkeys(_FIGURES, float("nan"))


def _sums(rows: pd.DataFrame) -> dict[str, float]:
    # A sum over a withheld cell is not known.
    return {
        name: float(rows[name].astype(float).sum(skipna=False)) if name in rows else float("nan")
        for name in _FIGURES
    }


def _choice(
    key: str, label: str, row: Mapping[Any, Any], whole: Mapping[str, float], lang: str
) -> dict[str, Any]:
    return {"key": key, "label": label, "facts": _facts(row, whole, lang)}


def _facts(row: Mapping[Any, Any], whole: Mapping[str, float], lang: str) -> list[list[str]]:
    """Return one group's facts; what rests on a withheld cell is a dash."""
    customers, revenue, margin = (
        _known(row.get(name)) for name in ("customers", "revenue_yuan", "margin_yuan")
    )
    nan = float("nan")
    texts = {
        "customers": format_number(customers, lang, digits=4),
        "customer_share": format_share(_ratio(customers, whole["customers"])),
        "revenue": format_yuan(revenue, lang),
        "revenue_share": format_share(_ratio(revenue, whole["revenue_yuan"])),
        "each": format_yuan(_ratio(revenue, customers), lang),
        "margin": format_share(_ratio(margin, revenue) if revenue else nan),
    }
    return drill_facts(AREA, texts, lang)


def _known(value: Any) -> float:
    return float("nan") if value is None or pd.isna(value) else float(value)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole and np.isfinite(whole) else float("nan")


def _notes(tables: Tables, cuts: Cuts | None, lang: str) -> list[str]:
    wanted = []
    if "tier_pyramid" not in tables:
        wanted.append("no_pyramid")
    elif cuts is None:
        wanted.append("no_cuts")
    for name, table in (
        ("no_grid", "value_grid"),
        ("no_migration", "tier_migration"),
        ("no_lifetime", "lifetime_tiers"),
    ):
        if table not in tables:
            wanted.append(name)
    notes = [say(f"{AREA}.note.{name}", lang) for name in wanted]
    bands = tables.get("tier_cuts")
    notes += [
        say(f"{AREA}.note.bands_withheld", lang, ladder=ladder_name(ladder, lang), bands=count)
        for ladder, count in ({} if bands is None else withheld_bands(bands)).items()
        if count
    ]
    if cuts is not None:
        base = float(cuts.terms_of(cuts.ladders[0])["revenue_cost_share"].iloc[0])
        notes.append(say(f"{AREA}.note.levers", lang, points=format_share(base, decimals=2)))
        if HOLDERS_TABLE in tables:
            notes.append(say(f"{AREA}.note.course", lang))
    return notes + _lifetime_note(tables, lang)


def _lifetime_note(tables: Tables, lang: str) -> list[str]:
    """Return what value rests on, and how its model did on months it had not seen."""
    facts = read_facts(tables.get("lifetime_facts"))
    names = {
        "discount": "discount_rate_year",
        "error": "backtest_model_error_share",
        "naive": "backtest_naive_error_share",
    }
    if "lifetime_tiers" not in tables or not {"horizon_months", *names.values()} <= set(facts):
        return []
    shares = {name: format_share(facts[key]) for name, key in names.items()}
    return [say(f"{AREA}.note.lifetime", lang, months=f"{facts['horizon_months']:.0f}", **shares)]
