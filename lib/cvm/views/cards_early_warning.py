"""The early-warning page's cards: what is to be called now, and what became of past lists.

Each has its course over the lists of past months and, where management set one, its target.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_number, format_share
from cvm.core.months import month_from_index
from cvm.views.early_warning_live import AREA, Table, net_yuan, texts_at
from cvm.views.facts import Facts
from cvm.views.page_parts import sparkline
from cvm.views.targets import NO_TARGET, Goals, card_target

CARDS = ("calls", "leavers", "value", "gain")
PRECISION = "warning_precision_share"
# A card's figure in past lists, and the fact that is its figure now.
COURSES = {
    "leavers": ("listed_left", "called_expected_leavers"),
    "value": ("value_at_risk_yuan", "called_value_at_risk_yuan"),
    "gain": ("gain_yuan", "gain_yuan"),
}


def make_cards(
    ranks: Table | None, facts: Facts, track: pd.DataFrame | None, goals: Goals, lang: str
) -> list[dict[str, Any]]:
    """Return the cards the tables allow: calls, leavers, value at risk, gain, the last list.

    Args:
        ranks: Groups of rank; ``None`` where they are withheld.
        facts: The page's facts.
        track: ``early_warning_track``; ``None`` where no past list is told.
        goals: What :func:`cvm.views.targets.read_targets` gives.
        lang: ``"zh"`` or ``"en"``.
    """
    cards = []
    if ranks is not None:
        texts = texts_at(ranks, facts, {}, lang, goals)["cards"]
        cards = [_card(key, lang, **_course(key, facts, track, lang), **texts[key])
                 for key in CARDS]  # fmt: skip
    if "last_precision" in facts and "last_lift" in facts:
        cards.append(_last_card(facts, track, goals, lang))
    return cards


def _card(key: str, lang: str, **parts: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"spark": [], "spark_alt": "", "gauge": None, **NO_TARGET}
    return {"key": key, "label": say(f"{AREA}.card.{key}", lang), **empty, **parts}


def _last_card(facts: Facts, track: pd.DataFrame | None, goals: Goals, lang: str) -> dict[str, Any]:
    goal, course = goals.get(PRECISION), {}
    label = say(f"{AREA}.card.last", lang)
    if track is not None:
        shares = by_month(track)["precision_share"]
        target = None if goal is None else goal.value
        course = sparkline(label, shares, lang, format_share, target=target)
    return _card(
        "last",
        lang,
        value=format_share(facts["last_precision"]),
        unit="",
        change=say(f"{AREA}.card.last_change", lang, lift=f"{facts['last_lift']:.1f}"),
        direction="up" if facts["last_lift"] > 1 else "down",
        tone=lift_tone(facts),
        note=say(
            f"{AREA}.card.last_note",
            lang,
            caught=format_share(facts.get("last_caught"), decimals=0),
        ),
        **course,
        **card_target(goals, PRECISION, facts["last_precision"], lang),
    )


def lift_tone(facts: Facts) -> str:
    """Return whether the last list found leavers: what may be chance is neither good nor bad."""
    if facts.get("last_lift_low", 0.0) > 1:
        return "good"
    return "bad" if facts.get("last_lift_high", np.inf) < 1 else "neutral"


def by_month(track: pd.DataFrame) -> pd.DataFrame:
    """Return past lists by month, without a month left out; what is not told is missing."""
    known = track.set_index(pd.DatetimeIndex(track["month"])).drop(columns="month").astype(float)
    return known.reindex(pd.date_range(known.index.min(), known.index.max(), freq="MS"))


def _course(key: str, facts: Facts, track: pd.DataFrame | None, lang: str) -> Mapping[str, Any]:
    """Return a live card's figure over the past lists, up to today's.

    Between the last list whose months of leaving are over and today's there is a gap.
    """
    if key not in COURSES or track is None or "listed_index" not in facts:
        return {}
    column, fact = COURSES[key]
    past = by_month(track)[column]
    now = pd.Timestamp(month_from_index(int(facts["listed_index"]) - 1))
    months = past.reindex(pd.date_range(past.index.min(), now, freq="MS"))
    months.iloc[-1] = facts.get(fact, np.nan)
    text = format_number if key == "leavers" else net_yuan
    course = sparkline(
        say(f"{AREA}.card.{key}", lang), months, lang, lambda value: text(value, lang)
    )
    if course:
        told = say(f"{AREA}.card.{key}_course", lang)
        course["spark_alt"] = say(
            f"{AREA}.card.course", lang, course=course["spark_alt"], told=told
        )
    return course
