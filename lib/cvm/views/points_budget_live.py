"""The live part of the points-budget page: levers, their words, and every text at a setting.

What the browser's script (``apps/points_budget.js``) writes when a lever is moved is written here
first, in Python, for the page as it is published; a test holds the two to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, exp, floor
from typing import Any

from cvm.core.i18n import say
from cvm.core.money import format_points, format_share, format_yuan
from cvm.points.budget_levers import RATE_TIMES, evaluate_levers, rate_reaction
from cvm.points.outlook_words import WANTED_SHARE, chance_text, setting_text
from cvm.views.live_parts import live_card, live_words, money_parts
from cvm.views.targets import gauge_of

AREA = "points_page"
LEVEL_YUAN = 0.5
LEVEL_POINTS = "0.00"
# Lever of the table → its name in the address.
NAMES = {
    "return_rate": "rate",
    "threshold_points": "threshold",
    "validity_years": "validity",
    "tenure_times": "tenure",
    "spend_growth": "spend",
    "redemption": "redeem",
}
_KINDS = {"spend_growth": "world", "redemption": "world"}
_WORDS = ("live", "card", "setting")


def levers_of(table: Mapping[str, Any], lang: str, *, extra_years: float) -> list[dict[str, Any]]:
    """Return the sliders: name, label, bounds, step, today's setting and words of it.

    A lever whose axis has one setting is left out. Validity has its settings only; its slider
    counts them. No slider leads beyond what was run, whatever the others are at: redemption's
    leaves room for its reaction to the return rate.

    Args:
        table: The lever table.
        lang: ``"zh"`` or ``"en"``.
        extra_years: As in :func:`cvm.points.outlook_words.setting_text`.
    """
    rate = float(table["rate_now"])
    bounds = {"return_rate": (*(rate * times for times in RATE_TIMES), rate / 40)}
    steps = {"threshold_points": 100.0, "tenure_times": 0.05, "spend_growth": 0.01}
    found = []
    for lever, name in NAMES.items():
        now = float(table["now"].get(lever, rate))
        nodes: list[float] = []
        if lever == "return_rate":
            low, high, step = bounds[lever]
        else:
            axis = [float(value) for value in table["axes"][lever]]
            if len(axis) < 2:
                continue
            low, high, step = axis[0], axis[-1], steps.get(lever, 0.05)
            if lever == "redemption":
                low, high = _reach(low, high, step, float(table["value_elasticity"]))
            if lever == "validity_years":
                nodes, low, high, step = axis, 0.0, float(len(axis) - 1), 1.0
        value = setting_words(lever, now, lang, extra_years=extra_years)
        today = say(f"{AREA}.live.today", lang, value=value)
        if lever in _KINDS:
            today = say(f"{AREA}.live.forecast", lang)
        found.append(
            {
                "lever": lever,
                "name": name,
                "kind": _KINDS.get(lever, "rule"),
                "label": say(f"{AREA}.lever.{lever}", lang),
                "low": round(low, 6),
                "high": round(high, 6),
                "step": round(step, 6),
                "now": now,
                "nodes": nodes,
                "value": value,
                "today": today,
            }
        )
    return found


def _reach(low: float, high: float, step: float, elasticity: float) -> tuple[float, float]:
    """Return the slider's ends, whole steps that leave room for the reaction to the rate."""
    down, up = rate_reaction(elasticity)
    return step * ceil((low - down) / step - 1e-9), step * floor((high - up) / step + 1e-9)


def setting_words(lever: str, value: float, lang: str, *, extra_years: float) -> str:
    """Return any lever's setting as people say it, the world's too."""
    if lever not in _KINDS:
        return setting_text(lever, value, lang, extra_years=extra_years)
    share = exp(value) - 1
    key = "growth" if lever == "spend_growth" else "shock_odds"
    decimals = 1 if lever == "spend_growth" else 0
    return say(f"{AREA}.live.{key}", lang, change=signed_share(share, decimals=decimals))


def signed_share(share: float, *, decimals: int = 1) -> str:
    """Return a change in per cent with its sign; no change has none."""
    text = format_share(abs(share), decimals=decimals)
    if float(text.rstrip("%")) == 0:
        return text
    return ("+" if share > 0 else "−") + text


def signed_yuan(yuan: float, lang: str) -> str:
    """Return a change of money with its sign."""
    return ("+" if yuan > 0 else "−") + format_yuan(abs(yuan), lang)


def words(lang: str) -> dict[str, str]:
    """Return the templates that the script fills, by key."""
    shared = {key: say(f"points_budget.{key}", lang) for key in ("under_half_percent", "over_all")}
    return live_words(AREA, _WORDS, lang) | shared


def texts_at(
    table: Mapping[str, Any], facts: Mapping[str, float], settings: Mapping[str, float], lang: str
) -> dict[str, Any]:
    """Return the page's live texts at a setting of the levers.

    Args:
        table: The lever table.
        facts: The page's facts: last year's cost, scenarios, year.
        settings: Lever → setting; those left out stay where they are today.
        lang: ``"zh"`` or ``"en"``.

    Returns:
        ``sentence`` (empty at today's setting), ``tone``, ``cards`` and the two charts' titles.
    """
    base, got = evaluate_levers(table), evaluate_levers(table, **settings)  # type: ignore[arg-type]
    moved = any(abs(value - _now(table, lever)) > 1e-9 for lever, value in settings.items())
    rate = settings.get("return_rate", float(table["rate_now"]))
    cap, allowed = float(table["cap_share"]), 1 - WANTED_SHARE
    shown = {
        "year": int(table["year"]),
        "cost": format_yuan(got["cost_yuan"], lang),
        "share": format_share(got["cost_share"], decimals=2),
        "chance": chance_text(got["over_share"], lang),
        "cap": format_share(cap, decimals=2),
    }
    more = got["cost_yuan"] - base["cost_yuan"]
    sentence = ""
    if moved:
        side = "level" if abs(more) < LEVEL_YUAN else "more" if more > 0 else "less"
        values = shown | ({} if side == "level" else {"yuan": format_yuan(abs(more), lang)})
        sentence = say(f"{AREA}.live.moved_{side}", lang, **values)
    return {
        "sentence": sentence,
        "tone": tone_of(got["over_share"]),
        "cards": {
            "cost": _cost(got, facts, more if moved else None, lang),
            "share": _share(got, cap, lang),
            "over": _over(got, facts, allowed, lang),
            "kept": _kept(got, rate, lang),
            "room": _room(got, cap, lang),
        },
        "cap_title": say(f"{AREA}.live.cap_title", lang, chance=shown["chance"], cap=shown["cap"]),
        "rates_title": say(
            f"{AREA}.live.rates_title",
            lang,
            kept=format_share(got["kept_rate"], decimals=2),
            wanted=format_share(WANTED_SHARE, decimals=0),
        ),
    }


def tone_of(over_share: float) -> str:
    """Return how a chance of passing the cap is to be read: at most 5 % is good, over 25 % bad."""
    allowed = 1 - WANTED_SHARE + 1e-9
    return "good" if over_share <= allowed else "bad" if over_share > 0.25 else "neutral"


def _now(table: Mapping[str, Any], lever: str) -> float:
    return float(table["rate_now"] if lever == "return_rate" else table["now"][lever])


def _cost(
    got: Mapping[str, float], facts: Mapping[str, float], more: float | None, lang: str
) -> dict[str, Any]:
    money = money_parts(format_yuan(got["cost_yuan"], lang), lang)
    low, high = (got[f"cost_share_{side}"] * got["revenue_yuan"] for side in ("low", "high"))
    if more is None and {"cost_low_yuan", "cost_high_yuan"} <= set(facts):
        # What was run is told as it came out; only a moved setting is read from the levers' curve.
        low, high = facts["cost_low_yuan"], facts["cost_high_yuan"]
    note = say(
        f"{AREA}.card.cost_note", lang, low=format_yuan(low, lang), high=format_yuan(high, lang)
    )
    last = facts.get("last_cost_yuan")
    direction, tone = "", "neutral"
    if more is not None and abs(more) < LEVEL_YUAN:
        change = say(f"{AREA}.card.cost_level", lang)
    elif more is not None:
        change = say(f"{AREA}.card.cost_moved", lang, change=signed_yuan(more, lang))
        direction, tone = ("up", "bad") if more > 0 else ("down", "good")
    elif last:
        share = got["cost_yuan"] / last - 1
        values = {"change": signed_share(share), "last": int(facts["last_year"])}
        change = say(f"{AREA}.card.cost_change", lang, **values)
        direction = "up" if share > 0 else "down"
    else:
        change = say(f"{AREA}.card.cost_first", lang)
    return live_card(**money, change=change, direction=direction, tone=tone, note=note)


def _share(got: Mapping[str, float], cap: float, lang: str) -> dict[str, Any]:
    distance = format_points(abs(got["cost_share"] - cap)).lstrip("+")
    side = "above" if got["cost_share"] > cap else "below"
    if distance == LEVEL_POINTS:
        side = "level"
    directions = {"above": ("up", "bad"), "below": ("down", "good"), "level": ("", "neutral")}
    direction, tone = directions[side]
    used = got["cost_share"] / cap
    return live_card(
        value=format_share(got["cost_share"], decimals=2),
        change=say(f"{AREA}.card.share_{side}", lang, distance=distance),
        direction=direction,
        tone=tone,
        note=say(f"{AREA}.card.share_note", lang, cap=format_share(cap, decimals=2)),
        gauge=_against(used, "share", lang),
    )


def _against(used: float, card: str, lang: str) -> dict[str, Any]:
    used_text = format_share(used, decimals=0)
    return gauge_of(used, say(f"{AREA}.card.{card}_gauge", lang, used=used_text))


def _over(
    got: Mapping[str, float], facts: Mapping[str, float], allowed: float, lang: str
) -> dict[str, Any]:
    over = got["over_share"]
    above = over > allowed + 1e-9
    chance, most = chance_text(over, lang), format_share(allowed, decimals=0)
    return live_card(
        value=chance,
        change=say(f"{AREA}.card.over_{'above' if above else 'below'}", lang, allowed=most),
        direction="up" if above else "down",
        tone="bad" if above else "good",
        note=say(f"{AREA}.card.over_note", lang, count=f"{facts.get('scenarios', 0):,.0f}"),
        gauge={
            "fill": round(over, 4),
            "mark": allowed,
            "alt": say(f"{AREA}.card.over_gauge", lang, chance=chance, allowed=most),
        },
    )


def _kept(got: Mapping[str, float], rate: float, lang: str) -> dict[str, Any]:
    below = got["kept_rate"] < rate
    distance = format_points(abs(got["kept_rate"] - rate)).lstrip("+")
    return live_card(
        value=format_share(got["kept_rate"], decimals=2),
        change=say(
            f"{AREA}.card.kept_{'below' if below else 'above'}",
            lang,
            distance=distance,
            rate=format_share(rate, decimals=2),
        ),
        direction="down" if below else "up",
        tone="bad" if below else "good",
        note=say(f"{AREA}.card.kept_note", lang, wanted=format_share(WANTED_SHARE, decimals=0)),
        gauge=_against(got["kept_rate"] / rate, "kept", lang),
    )


def _room(got: Mapping[str, float], cap: float, lang: str) -> dict[str, Any]:
    allowed = cap * got["revenue_yuan"]
    room = allowed - got["cost_yuan"]
    over = got["cost_share_high"] * got["revenue_yuan"] - allowed
    money = money_parts(format_yuan(room, lang).replace("-", "−"), lang)
    key = "over" if over > LEVEL_YUAN else "within"
    values = {"yuan": format_yuan(over, lang)} if key == "over" else {}
    return live_card(
        **money,
        change=say(f"{AREA}.card.room_{key}", lang, **values),
        tone="bad" if key == "over" else "good",
        note=say(f"{AREA}.card.room_note", lang, cap=format_yuan(allowed, lang)),
        gauge=_against(got["cost_share_high"] / cap, "room", lang),
    )
