"""What the campaigns page shows of one campaign: sentence, forest, funnel, survival, checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cvm.campaigns import words
from cvm.campaigns.register import Entry
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.views.campaigns_compared import balance_of, designs_of, events_of, interval_row, signed

AREA = "campaigns_page"
ROWS = ("as_assigned", "reached", "diamond", "gold", "silver", "vip", "none")


def entry_sentence(one: Entry, lang: str) -> str:
    """Return what is known of a campaign in one sentence that claims no more than its figures."""
    if one.worked == "unknown":
        reason = words.known_or_plain(f"campaigns.reason.{one.reason}", one.reason, lang)
        return say(f"{AREA}.detail.unknown", lang, reason=reason)
    failed = [name for name in one.failed_checks.split(",") if name]
    sentence = say(
        f"{AREA}.detail.{one.worked}",
        lang,
        kept=words.per_thousand(abs(one.kept_share), lang),
        low=signed(1000 * one.kept_low),
        high=signed(1000 * one.kept_high),
        confidence=format_share(one.confidence, decimals=0),
        detectable=words.per_thousand(one.detectable_share, lang),
    )
    if not failed:
        return sentence
    names = say("campaigns.list", lang).join(words.check_name(name, lang) for name in failed)
    return words.joined([say("campaigns.effect.failed_checks", lang, checks=names), sentence], lang)


def detail_of(
    one: Entry,
    tables: Mapping[str, pd.DataFrame],
    lang: str,
    *,
    worth: Mapping[str, Any] | None = None,
    texts: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return one campaign's part of the page, plain JSON.

    Args:
        one: Its row of the register.
        tables: Published tables by name without prefix: ``estimates``, ``designs``, ``funnel``,
            ``curves``, ``balance``, ``events``, ``checks``; those missing leave their part empty.
        lang: ``"zh"`` or ``"en"``.
        worth: Its row behind the levers, where cost and margin are known.
        texts: Its live texts at the published setting.
    """
    mine = {
        name: frame[frame["campaign_id"] == one.campaign_id]
        for name, frame in tables.items()
        if "campaign_id" in frame
    }
    return {
        "id": one.campaign_id,
        "label": one.label(),
        "sentence": entry_sentence(one, lang),
        "facts": _facts(one, worth, lang),
        "worth": {} if worth is None or texts is None else _worth(worth, texts, lang),
        "forest": _forest(mine.get("estimates"), lang),
        "designs": designs_of(mine.get("designs"), lang),
        "funnel": _funnel(mine.get("funnel"), lang),
        "curves": _curves(mine.get("curves")),
        "events": events_of(mine.get("events"), lang),
        "balance": balance_of(mine.get("balance"), lang),
        "checks": _checks(mine.get("checks"), lang),
    }


def _facts(one: Entry, worth: Mapping[str, Any] | None, lang: str) -> list[list[str]]:
    offer = words.known_or_plain(f"{AREA}.offer.{one.offer}", one.offer, lang) or "–"
    design = words.known_or_plain(f"{AREA}.design.{one.design}", one.design, lang) or "–"
    texts = {
        "offer": offer,
        "design": design,
        "evidence": one.evidence_words(lang),
        "customers": _counted(one.customers, lang),
        "control": _counted(one.control_count, lang),
        "cost": format_yuan(one.cost_yuan, lang),
    }
    if worth is not None:
        months = f"{worth['window_months']:.0f}"
        texts["window"] = say(f"{AREA}.fact.window_months", lang, months=months)
    return [[say(f"{AREA}.fact.{key}", lang), text] for key, text in texts.items()]


def _counted(customers: float, lang: str) -> str:
    count = format_number(customers, lang, digits=4)
    return count if count == "–" else say(f"{AREA}.fact.counted", lang, count=count)


READINGS = (("roi", "interval"), ("chance", ""), ("kept_value", ""))
"""Live texts of a worth, each with a smaller one beneath."""


def _worth(row: Mapping[str, Any], texts: Mapping[str, str], lang: str) -> dict[str, Any]:
    """Return the return by both readings: over the horizon, and over the remaining life."""
    life = "life_roi" in texts
    life_cell = {"roi": "life_roi", "interval": "life_interval", "chance": "life_chance",
                 "kept_value": "life_value"}  # fmt: skip
    rows = [
        {
            "label": say(f"{AREA}.worth.{main}", lang),
            "cells": [
                [[cell, texts[cell]] for cell in (main, small) if cell],
                [[life_cell[cell], texts[life_cell[cell]]] for cell in (main, small) if cell]
                if life
                else [],
            ],
        }
        for main, small in READINGS
    ]
    columns = [say(f"{AREA}.worth.{name}", lang) for name in ("horizon", "life")]
    return {"columns": columns, "rows": rows, "note": _worth_note(row, life, lang)}


def _worth_note(row: Mapping[str, Any], life: bool, lang: str) -> str:
    if not life:
        return say(f"{AREA}.worth.no_life", lang)
    parts = [
        say(
            f"{AREA}.worth.why",
            lang,
            months=f"{row['life_months']:.0f}",
            churn=format_share(row["monthly_churn_share"]),
            life_churn=format_share(row["life_churn_share"]),
            margin=format_yuan(row["monthly_margin_yuan"], lang),
            life_margin=format_yuan(row["life_margin_yuan"], lang),
        )
    ]
    if row["life_known_share"] < 1:
        share = format_share(1 - row["life_known_share"], decimals=0)
        parts.append(say(f"{AREA}.worth.rest", lang, share=share))
    return words.joined(parts, lang)


def _forest(frame: pd.DataFrame | None, lang: str) -> list[dict[str, Any]]:
    """Return customers kept per 1,000 in each group: churn turned round."""
    if frame is None or frame.empty:
        return []
    rows = {str(row["row"]): row for row in frame.to_dict("records")}
    found = []
    for name in sorted(rows, key=lambda key: ROWS.index(key) if key in ROWS else len(ROWS)):
        row = rows[name]
        known = all(not pd.isna(row[key]) for key in ("effect", "low", "high"))
        key = f"campaigns.chart.estimand_{name}" if name in ROWS[:2] else f"campaigns.group.{name}"
        entry: dict[str, Any] = {"label": words.known_or_plain(key, name, lang)}
        if not known:
            told = isinstance(row.get("reason"), str) and bool(row["reason"])
            key = "campaigns.chart.cannot_tell" if told else f"{AREA}.detail.withheld"
            entry |= {"text": say(key, lang)}
        else:
            label = entry["label"]
            entry |= interval_row(label, row["effect"], row["low"], row["high"], lang)
            entry["detected"] = bool(row["detected"])
        found.append(entry)
    return found


def _funnel(frame: pd.DataFrame | None, lang: str) -> list[dict[str, Any]]:
    if frame is None or frame.empty:
        return []
    counts = dict(zip(frame["step"], frame["customers"], strict=True))
    whole = counts.get("assigned")
    found = []
    for step in ("assigned", "attempted", "reached", "accepted"):
        count = counts.get(step)
        if count is None or pd.isna(count) or whole is None or pd.isna(whole) or not whole:
            text, share = say(f"{AREA}.detail.withheld", lang), 0.0
        else:
            share = float(count) / float(whole)
            text = f"{format_number(float(count), lang)} · {format_share(share, decimals=0)}"
        found.append({"label": say(f"campaigns.funnel.{step}", lang), "share": share, "text": text})
    return found


def _curves(frame: pd.DataFrame | None) -> dict[str, list[float]]:
    if frame is None or frame.empty or frame["kept_share"].isna().any():
        return {}
    ordered = frame.sort_values("since")
    return {
        arm: [float(value) for value in ordered.loc[ordered["arm"] == arm, "kept_share"]]
        for arm in ("treated", "control")
    }


def _checks(frame: pd.DataFrame | None, lang: str) -> list[dict[str, str]]:
    if frame is None or frame.empty:
        return []
    return [
        {
            "label": words.check_name(str(row["check"]), lang),
            "status": str(row["status"]),
            "text": say(f"campaigns.status.{row['status']}", lang),
        }
        for row in frame.to_dict("records")
        if not pd.isna(row["status"])
    ]
