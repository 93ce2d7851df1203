"""The live part of the campaigns page: levers, and every text at a setting.

What the browser's script (``apps/campaigns.js``) writes when a lever is moved is written here
first, in Python, for the page as it is published; a test holds the two to each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from cvm.campaigns.portfolio import profit_of_row
from cvm.campaigns.profit import Profit
from cvm.campaigns.register import Entry, Register, kept_words
from cvm.core.i18n import catalogue, say
from cvm.core.money import format_share, format_yuan
from cvm.views.cards_campaigns import NOTHING_ASKED, in_order, live_cards, percent

AREA = "campaigns_page"
LEVERS = {"horizon": (6.0, 60.0, 1.0), "cost": (0.5, 2.0, 0.05)}
_WORDS = ("live", "card")
Row = Mapping[str, Any]


def worth_rows(*frames: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return the rows behind the levers as plain JSON; those withheld are left out.

    Args:
        frames: Of one or more notebooks; where a campaign stands in two, the first counts.
    """
    found: dict[str, dict[str, Any]] = {}
    for frame in frames:
        if frame is None or frame.empty:
            continue
        kept = frame[frame["customers"].notna() & frame["cov_kept_kept"].notna()]
        for row in kept.to_dict("records"):
            plain = {str(name): _plain(value) for name, value in row.items()}
            found.setdefault(str(row["campaign_id"]), plain)
    return list(found.values())


def _plain(value: Any) -> Any:
    return None if pd.isna(value) else value if isinstance(value, str) else float(value)


def settings_now(rows: Sequence[Row]) -> dict[str, float]:
    """Return where the levers stand: the horizon that was published, the cost that was booked."""
    return {"horizon": float(rows[0]["horizon_months"]) if rows else 24.0, "cost": 1.0}


def evaluate(row: Row, settings: Mapping[str, float]) -> dict[str, float]:
    """Return margin, cost, net, return with interval and chance of one campaign at a setting.

    Where lifetime values are known, also the second reading, over the remaining life: its return
    with interval and chance, and what a kept customer is worth in it.
    """
    profit = profit_of_row(row).with_assumptions(
        horizon_months=round(settings["horizon"]), cost_times=settings["cost"]
    )
    low, high = profit.roi_interval()
    return {
        "margin_yuan": profit.margin_yuan,
        "cost_yuan": profit.cost_yuan,
        "net_yuan": profit.net_yuan,
        "roi": profit.roi,
        "roi_low": low,
        "roi_high": high,
        "chance": profit.positive_share,
        "kept_value_yuan": profit.kept_value_yuan,
        **_over_life(profit),
    }


def _over_life(profit: Profit) -> dict[str, float]:
    other = profit.over_life
    if other is None:
        return {}
    low, high = other.roi_interval()
    return {
        "life_roi": other.roi,
        "life_roi_low": low,
        "life_roi_high": high,
        "life_chance": other.positive_share,
        "life_value_yuan": other.kept_value_yuan,
    }


def levers_of(rows: Sequence[Row], lang: str) -> list[dict[str, Any]]:
    """Return the sliders: name, label, bounds, step, today's setting and words of it."""
    now = settings_now(rows)
    found = []
    for name, (low, high, step) in LEVERS.items():
        value = setting_words(name, now[name], lang)
        found.append(
            {
                "lever": name,
                "name": name,
                "label": say(f"{AREA}.lever.{name}", lang),
                "low": low,
                "high": high,
                "step": step,
                "now": now[name],
                "value": value,
                "today": say(f"{AREA}.live.today", lang, value=value),
            }
        )
    return found


def setting_words(lever: str, value: float, lang: str) -> str:
    """Return a lever's setting as people say it."""
    if lever == "cost":
        return format_share(value, decimals=0)
    return say(f"{AREA}.live.months", lang, months=f"{value:.0f}")


def words(lang: str) -> dict[str, str]:
    """Return the templates that the script fills, by key."""
    prefixes = {f"{AREA}.{part}.": f"{part}." for part in _WORDS}
    prefixes["campaigns_register.text."] = "register."
    found = {
        short + key.removeprefix(prefix): entry[lang]
        for key, entry in catalogue().items()
        for prefix, short in prefixes.items()
        if key.startswith(prefix)
    }
    for key in ("campaigns.list", "campaigns_profit.over", "campaigns_profit.under"):
        found[f"register.{key.rpartition('.')[2]}"] = catalogue()[key][lang]
    return found


def told_of(entries: Sequence[Entry], lang: str) -> list[dict[str, Any]]:
    """Return what the script must know of each campaign to say the page's sentence, plain JSON."""
    return [
        {
            "id": one.campaign_id,
            "label": one.label(),
            "start": one.start_month[:7],
            "worked": one.worked,
            "kept": kept_words(one, lang),
            "roi": None if math.isnan(one.roi) else float(one.roi),
            "chance": None if math.isnan(one.positive_share) else float(one.positive_share),
        }
        for one in entries
    ]


def tone_of(register: Register) -> str:
    """Return whether the page's sentence is good news, bad news, or neither."""
    if any(one.worked == "harmed" for one in register.entries):
        return "bad"
    good = any(one.worked == "yes" and one.paid == "yes" for one in register.entries)
    return "good" if good else "neutral"


def texts_at(
    rows: Sequence[Row],
    entries: Sequence[Entry],
    settings: Mapping[str, float],
    lang: str,
    asked: Mapping[str, Any] = NOTHING_ASKED,
) -> dict[str, Any]:
    """Return the page's live texts at a setting of the levers.

    Args:
        rows: As :func:`worth_rows` gives them.
        entries: The register.
        settings: Lever → setting; those left out stay where they are today.
        lang: ``"zh"`` or ``"en"``.
        asked: What :func:`cvm.views.cards_campaigns.asked_of` gives.

    Returns:
        ``sentence``, ``tone``, ``campaigns`` (campaign → ``cost``, ``roi``, ``interval``,
        ``chance``, ``paid``, ``kept_value`` and, over the remaining life, ``life_roi``,
        ``life_interval``, ``life_chance``, ``life_value``) and ``cards`` (``paid``, ``net``).
    """
    at = settings_now(rows) | dict(settings)
    known = {one.campaign_id: one for one in entries}
    told: dict[str, Any] = {}
    steps: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = str(row["campaign_id"])
        if name not in known:
            continue
        got = evaluate(row, at)
        one = replace(known[name], roi=got["roi"], positive_share=got["chance"])
        known[name] = one
        steps[name] = {
            "start": one.start_month[:7],
            "paid": one.paid,
            "net_yuan": got["net_yuan"],
            "cost_yuan": got["cost_yuan"],
        }
        told[name] = {
            "cost": format_yuan(got["cost_yuan"], lang),
            "roi": percent(got["roi"]),
            "interval": interval_text(got["roi_low"], got["roi_high"], lang),
            "chance": format_share(got["chance"], decimals=0),
            "paid": say(f"{AREA}.live.paid_{one.paid}", lang),
            "kept_value": format_yuan(got["kept_value_yuan"], lang),
            **_life_texts(got, lang),
        }
    register = Register(entries=tuple(known.values()))
    ordered = [steps[one.campaign_id] for one in in_order(entries) if one.campaign_id in steps]
    return {
        "sentence": register.text(lang),
        "tone": tone_of(register),
        "campaigns": told,
        "cards": live_cards(ordered, asked, f"{at['horizon']:.0f}", lang),
    }


def _life_texts(got: Mapping[str, float], lang: str) -> dict[str, str]:
    if "life_roi" not in got:
        return {}
    return {
        "life_roi": percent(got["life_roi"]),
        "life_interval": interval_text(got["life_roi_low"], got["life_roi_high"], lang),
        "life_chance": format_share(got["life_chance"], decimals=0),
        "life_value": format_yuan(got["life_value_yuan"], lang),
    }


def interval_text(low: float, high: float, lang: str) -> str:
    """Return a return's interval; an en dash where there is none."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "–"
    return say(f"{AREA}.live.interval", lang, low=percent(low), high=percent(high))
