"""The overview's key figures: one card each, as plain JSON.

A card tells the value, what it is held against, the change, whether that is favourable, and its
course over time. The figures are those of ``overview_facts``; nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_number, format_points, format_share, format_yuan
from cvm.core.months import format_month
from cvm.views.facts import Facts, fact_month
from cvm.views.overview import MONTHS_IN_YEAR, by_month
from cvm.views.page_parts import sparkline
from cvm.views.targets import NO_TARGET, Goals, card_gauge, card_target, gauge_of

# Changes that the shown digits cannot tell from zero are "flat", not good or bad.
LEVEL_SHARE = 0.0005
LEVEL_POINTS = 0.00005


# Figure with a target → card that shows it.
TARGETS = {
    "customers_change_share": "customers",
    "revenue_change_share": "revenue",
    "arpu_yuan": "arpu",
    "churn_share": "churn",
}


def make_cards(facts: Facts, months: pd.DataFrame, goals: Goals, lang: str) -> list[dict[str, Any]]:
    """Return the cards the facts allow: customers, revenue, a customer's revenue, churn, points.

    Args:
        facts: What :func:`read_facts` gives.
        months: ``overview_months``, for the sparklines.
        goals: What :func:`cvm.views.targets.read_targets` gives.
        lang: ``"zh"`` or ``"en"``.
    """
    month = fact_month(facts)
    shown = "" if month is None else format_month(month, lang)
    frame = by_month(months)
    cards = [
        _card(
            "customers",
            lang,
            value=format_number(facts.get("customers"), lang, digits=4),
            unit="" if lang == "en" else "户",
            note=say("overview.card.month_note", lang, month=shown),
            **year_change(facts.get("customers_change_share"), lang, good="up"),
            **_spark("customers", frame, "customers", lang, lambda v: format_number(v, lang)),
        ),
        _revenue_card(facts, frame, lang, shown),
        _card(
            "arpu",
            lang,
            value=_yuan_digits(facts.get("arpu_yuan"), lang),
            unit="" if lang == "en" else "元",
            note=say("overview.card.month_note", lang, month=shown),
            **year_change(_year_change(frame, "arpu_yuan"), lang, good="up"),
            **_spark("arpu", frame, "arpu_yuan", lang, lambda v: _yuan_digits(v, lang), goals),
        ),
        _churn_card(facts, frame, goals, lang),
        _points_card(facts, lang),
    ]
    known = {card["key"]: card for card in cards if card["value"] != "–"}
    for figure, key in TARGETS.items():
        card, value = known.get(key), facts.get(figure)
        if card is None:
            continue
        card |= card_target(goals, figure, value, lang)
        if not card["spark"]:
            card["gauge"] = card_gauge(goals, figure, value, card["label"], lang)
    return list(known.values())


def _yuan_digits(value: float | None, lang: str) -> str:
    if value is None or not np.isfinite(value):
        return "–"
    return f"{value:,.1f}" if lang == "zh" else f"¥{value:,.1f}"


def _card(key: str, lang: str, **parts: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "unit": "", "note": "", "change": "", "direction": "", "tone": "neutral",
        "spark": [], "spark_alt": "", "gauge": None, **NO_TARGET,
    }  # fmt: skip
    return {"key": key, "label": say(f"overview.card.{key}", lang), **empty, **parts}


def _revenue_card(facts: Facts, frame: pd.DataFrame, lang: str, month: str) -> dict[str, Any]:
    year = "revenue_year_yuan" in facts
    value = facts.get("revenue_year_yuan" if year else "revenue_month_yuan")
    text = format_yuan(value, lang, digits=4)
    card = _card(
        "revenue",
        lang,
        value=text.removesuffix("元"),
        unit="元" if lang == "zh" else "",
        note=say(f"overview.card.{'revenue_note' if year else 'month_note'}", lang, month=month),
        **year_change(facts.get("revenue_change_share") if year else None, lang, good="up"),
        **_spark("revenue_by_month", frame, "revenue_yuan", lang, lambda v: format_yuan(v, lang)),
    )
    if not year:
        card["label"] = say("overview.card.revenue_month", lang)
    return card


def _churn_card(facts: Facts, frame: pd.DataFrame, goals: Goals, lang: str) -> dict[str, Any]:
    now, before = facts.get("churn_share"), facts.get("churn_before_share")
    change = None if now is None or before is None else now - before
    return _card(
        "churn",
        lang,
        value=format_share(now, decimals=2),
        note=say("overview.card.churn_note", lang),
        **year_change(change, lang, good="down", in_points=True),
        **_spark("churn", frame, "churn_share", lang, lambda v: format_share(v, decimals=2), goals),
    )


def _points_card(facts: Facts, lang: str) -> dict[str, Any]:
    cost, cap = facts.get("points_cost_share"), facts.get("cap_share")
    card = _card("points", lang, value=format_share(cost, decimals=2))
    if cost is None or cap is None:
        return card
    above = cost > cap
    distance = format_points(abs(cost - cap)).lstrip("+")
    months = int(facts.get("points_year_months", MONTHS_IN_YEAR))
    whole = months >= MONTHS_IN_YEAR
    card["target"] = say(
        "overview.card.cap" if whole else "overview.card.cap_running",
        lang,
        cap=format_share(cap, decimals=2),
        year=int(facts.get("points_year", 0)),
        months=months,
    )
    card["change"] = say(
        "overview.card.above_cap" if above else "overview.card.within_cap", lang, distance=distance
    )
    card["tone"] = "bad" if above else "good"
    card["direction"] = "up" if above else "down"
    if cap > 0:
        used = format_share(cost / cap, decimals=0)
        card["gauge"] = gauge_of(cost / cap, say("overview.card.gauge", lang, used=used))
    return card


def year_change(
    change: float | None, lang: str, *, good: str, in_points: bool = False
) -> dict[str, str]:
    """Return change, direction and tone: ``good`` says which direction is favourable."""
    if change is None or not np.isfinite(change):
        text = say("overview.card.no_change", lang)
        return {"change": text, "direction": "", "tone": "neutral"}
    level = abs(change) < (LEVEL_POINTS if in_points else LEVEL_SHARE)
    if level:
        text = say("overview.card.level", lang)
        return {"change": text, "direction": "flat", "tone": "neutral"}
    direction = "up" if change > 0 else "down"
    shown = format_points(change) if in_points else f"{100 * change:+.1f}%"
    key = "change_points" if in_points else "change_year"
    return {
        "change": say(f"overview.card.{key}", lang, change=shown.replace("-", "−")),
        "direction": direction,
        "tone": "good" if direction == good else "bad",
    }


def _year_change(frame: pd.DataFrame, column: str) -> float | None:
    """Return the last month's value ÷ that of the same month a year before − 1."""
    if len(frame) <= MONTHS_IN_YEAR or column not in frame:
        return None
    values = pd.to_numeric(frame[column], errors="coerce")
    now, before = values.iloc[-1], values.iloc[-1 - MONTHS_IN_YEAR]
    return float(now / before - 1) if before and np.isfinite(now / before) else None


def _spark(
    key: str,
    frame: pd.DataFrame,
    column: str,
    lang: str,
    text: Callable[[float], str],
    goals: Goals | None = None,
) -> dict[str, Any]:
    if column not in frame:
        return {}
    # A month stands beside the target only where the target is of a month's figure.
    goal = (goals or {}).get(column)
    target = None if goal is None else goal.value
    return sparkline(say(f"overview.card.{key}", lang), frame[column], lang, text, target=target)
