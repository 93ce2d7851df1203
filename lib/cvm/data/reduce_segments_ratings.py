"""Ladders in the engine: scores, levels, grace, protection and caps, from a customer's sums.

The sums are those of :mod:`cvm.data.reduce_segments_rows`; what is added up and how it is weighed
comes from the terms of a tier book. A score is rounded far below a fen, so that one that lies on a
cut is not moved off it by the order of addition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from operator import add
from typing import Any

import ibis
import ibis.expr.types as ir

from cvm.core.months import add_months, month_index

UNRATED_LEVEL = -1
NO_CAP = 99
"""Level of a customer on whom no cap binds."""

FEN = 100
SCORE_DECIMALS = 6
SHARED_TYPES = ("family", "corporate")

Terms = Mapping[str, Any]


def ladder_needs(terms: Terms) -> dict[str, list[str]]:
    """Return the tables and columns that one ladder's rating reads (bills aside).

    Args:
        terms: Of one ladder, from a tier book.
    """
    weights: dict[str, float] = {}
    for item in terms["assessments"]:
        for name, value in item.items():
            if isinstance(value, int | float):
                weights[name] = max(weights.get(name, 0), value)
    wanted = {
        "months": {
            "arrears_stops": bool(terms["cap_levels"]) or weights.get("stop_penalty"),
            "paid_on_time": weights.get("on_time_bonus"),
        },
        "customers": {
            "joined_month": weights.get("tenure_month") or weights.get("least_months"),
            "brand": terms["brands"],
            "customer_type": terms["customer_types"] or weights.get("shared_bonus"),
            "account_id": weights.get("account_member") or weights.get("account_bill_yuan"),
        },
        "accounts": {"members": weights.get("account_member")},
    }
    found = {
        table: [name for name, asked in columns.items() if asked]
        for table, columns in wanted.items()
    }
    return {table: columns for table, columns in found.items() if columns}


def windows_of(ladders: Mapping[str, Terms]) -> dict[str, dict[str, Any]]:
    """Return the windows that ladders look back on, each once, with all that is asked of it."""
    found: dict[str, dict[str, Any]] = {}
    for terms in ladders.values():
        for item in terms["assessments"]:
            wanted = found.setdefault(window_key(item), dict(item))
            for name in ("point", "account_bill_yuan"):
                wanted[name] = wanted[name] or item[name]
    return found


def window_key(item: Terms) -> str:
    """Return the prefix of the columns that hold the sums of an assessment's window."""
    streak = item["on_time_months"] if item["on_time_bonus"] else 0
    return f"w{month_index(item['first_month'])}_{month_index(item['last_month'])}_{streak}"


def first_month_of(windows: Mapping[str, Terms], first: date) -> date:
    """Return the first month that any window needs."""
    starts = [first]
    for item in windows.values():
        starts.append(item["first_month"])
        if item["on_time_bonus"]:
            starts.append(add_months(item["last_month"], 1 - item["on_time_months"]))
    return min(starts)


def rate(rows: ir.Table, name: str, terms: Terms) -> dict[str, ir.Value]:
    """Return level, score and cap of one ladder."""
    latest, *earlier = terms["assessments"]
    score = _score(rows, latest)
    level = level_of(score, latest["cuts"])
    for item in earlier:
        then = level_of(_score(rows, item), item["cuts"]) - item["steps"]
        level = ibis.greatest(level, _if_able(rows, terms, item, then))
    stops = rows[f"{window_key(latest)}_stops"]
    caps = [(stops >= count, to) for count, to in sorted(terms["cap_levels"], reverse=True)]
    cap = ibis.cases(*caps, else_=NO_CAP) if caps else ibis.literal(NO_CAP)
    return {
        f"{name}_level": _if_able(rows, terms, latest, ibis.least(level, cap)).cast("int64"),
        f"{name}_score": score,
        f"{name}_cap": cap.cast("int64"),
    }


def _if_able(rows: ir.Table, terms: Terms, item: Terms, level: ir.IntegerValue) -> ir.IntegerValue:
    """Return the level of those who may be rated, else unrated.

    By arithmetic, as engines compute a score again for every branch of a condition.
    """
    able = _eligible(rows, terms, item).cast("int64")
    return (level.fill_null(UNRATED_LEVEL) - UNRATED_LEVEL) * able + UNRATED_LEVEL


def _score(rows: ir.Table, item: Terms) -> ir.FloatingValue:
    """Return the score, rounded far below a fen: a bill's average is exact to 1/1,200 yuan."""
    key = window_key(item)
    count = ibis.greatest(rows[f"{key}_n"], 1)
    parts: list[ir.Value] = [ibis.literal(0.0)]
    if item["point"]:
        parts.append(item["point"] * rows[f"{key}_points"].cast("float64"))
    if item["average_bill_yuan"]:
        parts.append(item["average_bill_yuan"] * rows[f"{key}_fen"] / (FEN * count))
    if item["tenure_month"]:
        parts.append(item["tenure_month"] * _tenure(rows, item))
    if item["account_member"]:
        parts.append(item["account_member"] * rows.account_members)
    if item["account_bill_yuan"]:
        months = month_index(item["last_month"]) - month_index(item["first_month"]) + 1
        parts.append(item["account_bill_yuan"] * rows[f"{key}_account_fen"] / (FEN * months))
    bonus: list[ir.Value] = []
    if item["shared_bonus"]:
        shared = rows.of_customer_type.isin(SHARED_TYPES).fill_null(False)
        bonus.append(shared.ifelse(float(item["shared_bonus"]), 0.0))
    if item["on_time_bonus"]:
        paid = rows[f"{key}_paid"] >= item["on_time_months"]
        bonus.append(paid.ifelse(float(item["on_time_bonus"]), 0.0))
    if bonus:
        together = reduce(add, bonus)
        most = item["most_bonus"]
        parts.append(together if most is None else ibis.least(together, float(most)))
    if item["stop_penalty"]:
        parts.append(-item["stop_penalty"] * rows[f"{key}_stops"])
    return reduce(add, parts).round(SCORE_DECIMALS)


def _tenure(rows: ir.Table, item: Terms) -> ir.IntegerValue:
    return month_index(item["month"]) - rows.joined_index


def _eligible(rows: ir.Table, terms: Terms, item: Terms) -> ir.BooleanValue:
    able = rows[f"{window_key(item)}_n"] > 0
    if item["tenure_month"] or item["least_months"]:
        able = able & (_tenure(rows, item) >= item["least_months"]).fill_null(False)
    if terms["brands"]:
        able = able & rows.of_brand.isin(terms["brands"]).fill_null(False)
    if terms["customer_types"]:
        able = able & rows.of_customer_type.isin(terms["customer_types"]).fill_null(False)
    if item["account_member"]:
        able = able & rows.account_members.notnull()
    if item["account_bill_yuan"]:
        able = able & rows[f"{window_key(item)}_account_fen"].notnull()
    return able


def level_of(value: ir.NumericValue, cuts: Sequence[float]) -> ir.IntegerValue:
    """Return how many cuts a value has reached; the cut itself counts."""
    reached = [(value >= float(cut)).cast("int64") for cut in cuts]
    return reduce(add, reached) if reached else ibis.literal(0)
