"""The campaigns page's key figures: one card each, adding campaigns up in order of their start.

Two cards, which campaigns are worth their cost and what is left of margin, move with the levers.
The browser's script (``apps/campaigns_levers.js``) writes them as they are written here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from cvm.campaigns.register import Entry
from cvm.core.i18n import say
from cvm.core.money import format_yuan
from cvm.core.months import add_months, parse_month
from cvm.views.live_parts import live_card, money_parts
from cvm.views.targets import NO_TARGET, Goals, card_target, judge, live_targets

AREA = "campaigns_page"
LEAST_YUAN = 0.5
TARGETS = {
    "count": "campaign_strong_share",
    "worked": "campaign_worked_share",
    "net": "campaign_return",
}
"""Card → the figure that its target is of."""
NOTHING_ASKED: Mapping[str, Any] = {"targets": {}, "since": ""}
"""What is asked of the live cards where no target is set and the data's last month is unknown."""
Steps = Sequence[tuple[str, float]]
"""What each campaign adds to a figure, beside its start month (``YYYY-MM``)."""


def asked_of(goals: Goals, last_month: Any, lang: str) -> dict[str, Any]:
    """Return what the live cards are held against, as plain JSON.

    Args:
        goals: What :func:`cvm.views.targets.read_targets` gives.
        last_month: The data's last month (date or ISO text); ``None`` if it is not known.
        lang: ``"zh"`` or ``"en"``.

    Returns:
        ``targets`` (of :func:`cvm.views.targets.live_targets`) and ``since``, the first of the last
        twelve months (``YYYY-MM``).
    """
    since = "" if last_month in (None, "") else f"{_year_before(parse_month(last_month)):%Y-%m}"
    return {"targets": live_targets(goals, [TARGETS["net"]], lang), "since": since}


def _year_before(month: date) -> date:
    return add_months(month, -11)


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    """Return campaigns by their start, those without one last."""
    return sorted(entries, key=lambda one: (not one.start_month, one.start_month))


def live_cards(
    steps: Sequence[Mapping[str, Any]], asked: Mapping[str, Any], months: str, lang: str
) -> dict[str, dict[str, Any]]:
    """Return the cards ``paid`` and ``net`` at a setting of the levers.

    Args:
        steps: The campaigns whose cost and margin are known, in order of their start: ``start``
            (``YYYY-MM``), ``paid``, ``net_yuan``, ``cost_yuan``.
        asked: What :func:`asked_of` gives.
        months: The horizon, in words.
        lang: ``"zh"`` or ``"en"``.
    """
    paid = [(one["start"], float(one["paid"] == "yes")) for one in steps]
    nets = [(one["start"], one["net_yuan"]) for one in steps]
    net, cost = sum(value for _, value in nets), sum(one["cost_yuan"] for one in steps)
    roi = net / cost if cost > 0 else math.nan
    sign = "−" if net < 0 else ""
    money = money_parts(format_yuan(abs(net), lang), lang)
    added = recent(nets, asked["since"])
    even = added is None or abs(added) < LEAST_YUAN
    return {
        "paid": live_card(
            value=str(round(sum(value for _, value in paid))),
            note=say(f"{AREA}.card.paid_note", lang, count=len(steps)),
            change=count_added(paid, asked["since"], lang),
            **course("paid", paid, lang, lambda value: f"{value:.0f}"),
        ),
        "net": live_card(
            value=sign + money["value"],
            unit=money["unit"],
            note=say(f"{AREA}.card.net_note", lang, months=months, roi=percent(roi)),
            change=_yuan_added(nets, asked["since"], lang, signed=True),
            direction="" if even else "up" if added is not None and added > 0 else "down",
            tone="neutral" if even else "good" if added is not None and added > 0 else "bad",
            **judge(asked["targets"].get(TARGETS["net"]), None if math.isnan(roi) else roi),
            **course("net", nets, lang, lambda value: _amount(value, lang)),
        ),
    }


def make_cards(
    entries: Sequence[Entry],
    live: Mapping[str, Mapping[str, Any]],
    goals: Goals,
    since: str,
    lang: str,
) -> list[dict[str, Any]]:
    """Return the cards: campaigns on record, worked, worth their cost, spent, margin minus cost.

    Args:
        entries: The register; with none on record there are no cards.
        live: The cards that levers move; empty where no cost or margin is known.
        goals: What :func:`cvm.views.targets.read_targets` gives.
        since: The first of the last twelve months (``YYYY-MM``); empty if it is not known.
        lang: ``"zh"`` or ``"en"``.
    """
    if not entries:
        return []
    ordered = [(one, one.start_month[:7]) for one in in_order(entries)]
    known = [(start, 1.0) for _, start in ordered]
    worked = [(start, float(one.worked == "yes")) for one, start in ordered]
    costs = [(start, one.cost_yuan) for one, start in ordered if math.isfinite(one.cost_yuan)]
    strong = sum(one.evidence in ("A", "B") for one in entries)
    number = len(entries)
    count = _card(
        "count",
        lang,
        value=str(number),
        note=say(f"{AREA}.card.count_note", lang, strong=strong),
        change=count_added(known, since, lang),
        **card_target(goals, TARGETS["count"], strong / number, lang),
        **course("count", known, lang, lambda value: f"{value:.0f}"),
    )
    good = sum(value for _, value in worked)
    none = sum(one.worked == "none" for one in entries)
    right = _card(
        "worked",
        lang,
        value=f"{good:.0f}",
        note=say(f"{AREA}.card.worked_note", lang, none=none),
        change=count_added(worked, since, lang),
        **card_target(goals, TARGETS["worked"], good / number, lang),
        **course("worked", worked, lang, lambda value: f"{value:.0f}"),
    )
    spent = format_yuan(sum(value for _, value in costs) if costs else None, lang)
    cost = _card(
        "cost",
        lang,
        **(money_parts(spent, lang) if costs else {"value": spent}),
        note=say(f"{AREA}.card.cost_note", lang, count=len(costs)),
        change=_yuan_added(costs, since, lang, signed=False) if costs else "",
        **course("cost", costs, lang, lambda value: format_yuan(value, lang)),
    )
    if not live:
        return [count, right, cost]
    paid, net = (_card(key, lang, **live[key]) for key in ("paid", "net"))
    return [count, right, paid, cost, net]


def _card(key: str, lang: str, **parts: Any) -> dict[str, Any]:
    empty = live_card(spark=[], spark_alt="", **NO_TARGET)
    return {"key": key, "label": say(f"{AREA}.card.{key}", lang), **empty, **parts}


def course(key: str, steps: Steps, lang: str, text: Callable[[float], str]) -> dict[str, Any]:
    """Return ``spark`` and ``spark_alt`` of a figure that campaigns add up to, from nothing on.

    Args:
        key: The card.
        steps: What each campaign adds, in order of their start.
        lang: ``"zh"`` or ``"en"``.
        text: How a sum is written.
    """
    if not steps:
        return {"spark": [], "spark_alt": ""}
    sums = [0.0]
    for _, value in steps:
        sums.append(sums[-1] + value)
    low, room = min(sums), (max(sums) - min(sums)) or 1.0
    values = {"first": text(sums[1]), "last": text(sums[-1]), "count": str(len(steps))}
    label = say(f"{AREA}.card.{key}", lang)
    return {
        "spark": [round((value - low) / room, 3) for value in sums],
        "spark_alt": say(f"{AREA}.card.course", lang, label=label, **values),
    }


def recent(steps: Steps, since: str) -> float | None:
    """Return what campaigns of the last twelve months add; ``None`` where there are none."""
    added = [value for start, value in steps if since and start >= since]
    return sum(added) if added else None


def count_added(steps: Steps, since: str, lang: str) -> str:
    """Return how many campaigns the last twelve months added to a count."""
    if not since:
        return ""
    added = recent(steps, since)
    if not added:
        return say(f"{AREA}.card.added_none", lang)
    return say(f"{AREA}.card.added", lang, added=f"{added:.0f}")


def _yuan_added(steps: Steps, since: str, lang: str, *, signed: bool) -> str:
    if not since:
        return ""
    added = recent(steps, since)
    if added is None or abs(added) < LEAST_YUAN:
        return say(f"{AREA}.card.added_none", lang)
    sign = "+" if signed and added > 0 else "−" if added < 0 else ""
    return say(f"{AREA}.card.added_yuan", lang, added=sign + format_yuan(abs(added), lang))


def _amount(value: float, lang: str) -> str:
    return ("−" if value <= -LEAST_YUAN else "") + format_yuan(abs(value), lang)


def percent(value: float) -> str:
    """Return a return in whole per cent; an en dash where there is none."""
    if not math.isfinite(value):
        return "–"
    return ("−" if value < 0 else "+") + f"{abs(100 * value):,.0f}%"
