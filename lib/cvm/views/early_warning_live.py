"""The live part of the early-warning page: the levers, their words, every text at a setting.

What the browser's script (``apps/early_warning.js``) writes when a lever is moved is written here
first, in Python, for the page as it is published; a test holds the two to each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.segments.warning_reach import COLUMNS, evaluate_reach
from cvm.views.live_parts import customers_unit, live_card, live_words, money_parts
from cvm.views.targets import NO_TARGET, Goals, card_target, gauge_of

AREA = "early_warning"
LEVERS = ("calls", "saved")
TARGETS = ("warning_precision_share", "warning_value_share", "warning_gain_yuan")
LEAST_YUAN = 0.5
LEAST_CALLS = 0.5
# What is said of the last list: who left of it, and who was expected to.
LAST_FACTS = ("last_left", "last_expected")
_WORDS = ("live", "card")
Table = Mapping[str, Sequence[float]]


def table_of(frame: pd.DataFrame | None) -> dict[str, list[float]] | None:
    """Return the groups of rank as plain lists; ``None`` where one is missing or withheld."""
    if frame is None or frame.empty or frame[list(COLUMNS)].isna().any(axis=None):
        return None
    ordered = frame.sort_values("rank_group")
    return {name: [float(value) for value in ordered[name]] for name in COLUMNS}


def levers_of(table: Table, facts: Mapping[str, float], lang: str) -> list[dict[str, Any]]:
    """Return the sliders: name, label, bounds, step, today's setting and words of it."""
    candidates = sum(table["customers"])
    now = settings_now(table, facts)
    bounds = {"calls": (0.0, candidates, 1.0), "saved": (0.0, 0.5, 0.01)}
    found = []
    for lever in LEVERS:
        low, high, step = bounds[lever]
        value = setting_words(lever, now[lever], lang)
        today = "today" if lever == "calls" else "assumed"
        found.append(
            {
                "lever": lever,
                "name": lever,
                "label": say(f"{AREA}.lever.{lever}", lang),
                "low": low,
                "high": high,
                "step": step,
                "now": now[lever],
                "value": value,
                "today": say(f"{AREA}.live.{today}", lang, value=value),
            }
        )
    return found


def settings_now(table: Table, facts: Mapping[str, float]) -> dict[str, float]:
    """Return where the levers stand: the calls of the list, the saved share of the book."""
    candidates = sum(table["customers"])
    return {
        "calls": min(facts.get("calls", candidates), candidates),
        "saved": facts.get("saved_share", 0.2),
    }


def setting_words(lever: str, value: float, lang: str) -> str:
    """Return a lever's setting as people say it."""
    if lever == "saved":
        return format_share(value, decimals=0)
    return say(f"{AREA}.live.calls_value", lang, calls=f"{value:,.0f}")


def words(lang: str) -> dict[str, str]:
    """Return the templates that the script fills, by key."""
    return live_words(AREA, _WORDS, lang)


def texts_at(
    table: Table,
    facts: Mapping[str, float],
    settings: Mapping[str, float],
    lang: str,
    goals: Goals | None = None,
) -> dict[str, Any]:
    """Return the page's live texts at a setting of the levers.

    Args:
        table: Groups of rank.
        facts: The page's facts.
        settings: Lever → setting; those left out stay where they are today.
        lang: ``"zh"`` or ``"en"``.
        goals: What :func:`cvm.views.targets.read_targets` gives.

    Returns:
        ``sentence`` (empty at today's setting), ``tone``, ``cards`` and the two charts' titles.
    """
    now = settings_now(table, facts)
    at = now | dict(settings)
    got = evaluate_reach(table, calls=at["calls"], saved_share=at["saved"])
    moved = any(abs(at[lever] - now[lever]) > 1e-9 for lever in LEVERS)
    shown = {
        "calls": f"{got['calls']:,.0f}",
        "candidates": f"{got['candidates']:,.0f}",
        "leavers": format_number(got["leavers"], lang),
        "value": format_yuan(got["value_yuan"], lang),
        "share": format_share(got["value_share"], decimals=0),
        "cost": format_yuan(got["cost_yuan"], lang),
        "saved": format_share(at["saved"], decimals=0),
        "gain": net_yuan(got["gain_yuan"], lang),
        "best": f"{got['best_calls']:,.0f}",
    }
    pays = (
        "all" if got["best_calls"] >= got["candidates"] else "some" if got["best_calls"] else "no"
    )
    return {
        "sentence": say(f"{AREA}.live.moved", lang, **shown) if moved else "",
        "tone": tone_of(got),
        "cards": _cards(got, facts, shown, goals or {}, lang),
        "reach_title": say(f"{AREA}.live.reach_title", lang, **shown),
        "gain_title": say(f"{AREA}.live.gain_title_{pays}", lang, **shown),
    }


def _cards(
    got: Mapping[str, float],
    facts: Mapping[str, float],
    shown: Mapping[str, str],
    goals: Goals,
    lang: str,
) -> dict[str, dict[str, Any]]:
    """Return the changing parts of the cards that the levers move."""
    rate = got["leavers"] / got["calls"] if got["calls"] else None
    tone = tone_of(got)
    foretold = {name: format_number(facts[name], lang) for name in LAST_FACTS if name in facts}
    known = "_last" if len(foretold) == len(LAST_FACTS) else ""
    return {
        "calls": _card(
            value=shown["calls"], unit=customers_unit(lang),
            change=say(f"{AREA}.card.calls_change", lang, **shown),
            **_capacity(got, facts, lang),
        ),
        "leavers": _card(
            value=shown["leavers"], unit=customers_unit(lang),
            change=say(f"{AREA}.card.leavers_change", lang, share=format_share(rate)),
            note=say(f"{AREA}.card.leavers_note{known}", lang, **foretold),
            **card_target(goals, "warning_precision_share", rate, lang),
        ),
        "value": _card(
            **money_parts(shown["value"], lang),
            change=say(f"{AREA}.card.value_change", lang, **shown),
            note=say(f"{AREA}.card.value_note", lang),
            **card_target(goals, "warning_value_share", got["value_share"], lang),
        ),
        "gain": _card(
            **money_parts(shown["gain"], lang),
            change=say(f"{AREA}.card.gain_change", lang, **shown),
            tone=tone,
            direction="" if tone == "neutral" else "up" if got["gain_yuan"] > 0 else "down",
            note=say(f"{AREA}.card.gain_note", lang, **shown),
            **card_target(goals, "warning_gain_yuan", got["gain_yuan"], lang),
        ),
    }  # fmt: skip


def _card(**parts: Any) -> dict[str, Any]:
    return live_card(**{**NO_TARGET, **parts})


def _capacity(got: Mapping[str, float], facts: Mapping[str, float], lang: str) -> dict[str, Any]:
    """Return the gauge of the calls against the capacity, and what is said of it."""
    capacity = facts.get("capacity", 0.0)
    if not capacity > 0:
        return {"note": say(f"{AREA}.card.calls_note", lang)}
    beyond = got["calls"] - capacity
    side = "beyond" if beyond > LEAST_CALLS else "within"
    values = {"capacity": f"{capacity:,.0f}", "over": f"{beyond:,.0f}"}
    alt = say(f"{AREA}.card.calls_gauge", lang, calls=f"{got['calls']:,.0f}", **values)
    return {
        "note": say(f"{AREA}.card.calls_{side}", lang, **values),
        "gauge": gauge_of(got["calls"] / capacity, alt),
    }


def tone_of(got: Mapping[str, float]) -> str:
    """Return how the gain is to be read."""
    gain = got["gain_yuan"]
    return "good" if gain > LEAST_YUAN else "bad" if gain < -LEAST_YUAN else "neutral"


def net_yuan(yuan: float, lang: str) -> str:
    """Return a gain after costs, which may be a loss."""
    return ("−" if yuan <= -LEAST_YUAN else "") + format_yuan(abs(yuan), lang)
