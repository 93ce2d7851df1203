"""The customer-value page's key figures: one card each, as plain JSON.

The cards of tiers move with the levers; what they are handed here is the cuts in force, their
targets, and their course on record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_share, format_yuan
from cvm.views.customer_value_course import courses, standing
from cvm.views.customer_value_live import (
    AREA,
    LIVE_CARDS,
    TARGETS,
    Cuts,
    evaluate,
    shown_at,
    texts_at,
)
from cvm.views.facts import read_facts
from cvm.views.live_parts import live_card, money_parts
from cvm.views.names import group_label
from cvm.views.pages import Tables
from cvm.views.pictures_customer_value import lifetime_rows
from cvm.views.targets import NO_TARGET, Goals, live_targets

GAUGE_ROOM = 1.15
"""The gauge of an interval runs to so many times its upper end."""


def told_of(tables: Tables, cuts: Cuts, goals: Goals, lang: str) -> dict[str, Any]:
    """Return what the live texts need besides the cuts, as plain JSON: see ``texts_at``.

    Targets are of the first ladder of the book, as management sees one pyramid.
    """
    at_rest = {}
    for ladder in cuts.ladders:
        now = evaluate(cuts, ladder, {})
        shown = shown_at(now, now, ladder, lang)
        at_rest[ladder] = standing(tables, ladder, shown, lang, limited=now["limit_yuan"] > 0)
    return {
        "of": first_ladder(cuts),
        "targets": live_targets(goals, TARGETS.values(), lang),
        "standing": at_rest,
    }


def first_ladder(cuts: Cuts) -> str:
    """Return the first ladder of the tier book, whether it can be moved or not."""
    return str(cuts.terms["ladder"].iloc[0])


def make_cards(
    tables: Tables, cuts: Cuts | None, told: Mapping[str, Any], lang: str
) -> list[dict[str, Any]]:
    """Return the cards that the tables allow: holders, moves, revenue, cost, worth or top tenth.

    Args:
        tables: The published tables.
        cuts: The levers' tables; ``None`` where no cut can be moved.
        told: What :func:`told_of` gives.
        lang: ``"zh"`` or ``"en"``.
    """
    found: list[dict[str, Any]] = []
    if cuts is not None:
        texts = texts_at(cuts, cuts.ladders[0], {}, lang, told)["cards"]
        course = courses(tables, cuts.ladders, lang)
        for key in LIVE_CARDS:
            label = say(f"{AREA}.card.{key}", lang)
            drawn = {"course": cuts.ladders[0], "courses": course[key]}
            own = course[key].get(cuts.ladders[0], {})
            found.append(_card(key, label, **{**texts[key], **own, **drawn}))
    last = _worth(tables, lang) or _top(tables, lang)
    return [*found, last] if last else found


def _card(key: str, label: str, **parts: Any) -> dict[str, Any]:
    return {"key": key, "label": label, "spark": [], "spark_alt": "", **NO_TARGET, **parts}


def _worth(tables: Tables, lang: str) -> dict[str, Any] | None:
    """Return what one customer of the highest card is worth, with its interval as a gauge."""
    worth = lifetime_rows(tables.get("lifetime_tiers"))
    months = read_facts(tables.get("lifetime_facts")).get("horizon_months")
    if worth is None or months is None:
        return None
    first = worth.iloc[0]
    label = say(f"{AREA}.card.worth", lang, top=group_label("tier", first["vip_tier"], lang))
    value, low, high = (float(first[f"value_yuan{end}"]) for end in ("", "_low", "_high"))
    texts = {
        name: format_yuan(amount, lang)
        for name, amount in (("value", value), ("low", low), ("high", high))
    }
    end = GAUGE_ROOM * high
    gauge = {
        "from": round(max(low / end, 0.0), 4),
        "fill": round(high / end, 4),
        "mark": round(min(max(value / end, 0.0), 1.0), 4),
        "alt": say(f"{AREA}.card.worth_gauge", lang, label=label, **texts),
    }
    return _card(
        "worth",
        label,
        **live_card(
            **money_parts(texts["value"], lang),
            change=say(f"{AREA}.card.worth_change", lang, low=texts["low"], high=texts["high"]),
            note=say(f"{AREA}.card.worth_note", lang, months=f"{months:.0f}"),
            gauge=gauge if high > 0 else None,
        ),
    )


def _top(tables: Tables, lang: str) -> dict[str, Any] | None:
    top = top_shares(tables)
    if 0.1 not in top:
        return None
    measured = say(f"{AREA}.measured.{measured_by(tables)}", lang)
    half = say(f"{AREA}.card.top_note", lang, half=format_share(top.get(0.5)))
    return _card(
        "top",
        say(f"{AREA}.card.top", lang),
        **live_card(
            value=format_share(top[0.1]),
            change=say(f"{AREA}.card.top_change", lang, measured=measured),
            note=half if 0.5 in top else "",
        ),
    )


def measured_by(tables: Tables) -> str:
    """Return what value is measured by: margin, revenue, or not told."""
    top = tables.get("concentration_top")
    if top is None or "measured" not in top or top.empty:
        return "value"
    found = str(top["measured"].iloc[0])
    return found if found in ("margin_yuan", "bill_yuan") else "value"


def top_shares(tables: Tables) -> dict[float, float]:
    """Return top share of customers → their share of value, where published."""
    top = tables.get("concentration_top")
    if top is None:
        return {}
    known: pd.DataFrame = top.dropna(subset=["value_share"])
    shares = known["top_customers_share"].astype(float).round(4)
    return dict(zip(shares, known["value_share"].astype(float), strict=True))
