"""Ladders in the engine: scores, levels, grace, protection and caps, from a customer's sums.

The sums are those of :mod:`cvm.data.reduce_segments_rows`; what is added up and how it is weighed
comes from the terms of a tier book. A score is rounded far below a fen, so that one that lies on a
cut is not moved off it by the order of addition.
"""

from __future__ import annotations

import math
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


def among(column: str, values: Sequence[str]) -> str:
    """Return the name of the flag that tells whether a customer's column is one of these values."""
    return f"{column}_in_{'_'.join(values)}"


def ladder_flags(terms: Terms) -> dict[str, tuple[str, Sequence[str]]]:
    """Return the flags of customers that one ladder's rating reads: name → column, values."""
    wanted = [("brand", terms["brands"]), ("customer_type", terms["customer_types"])]
    if any(item["shared_bonus"] for item in terms["assessments"]):
        wanted.append(("customer_type", SHARED_TYPES))
    return {among(column, values): (column, values) for column, values in wanted if values}


def rate(rows: ir.Table, ladders: Mapping[str, Terms]) -> ir.Table:
    """Add ``<ladder>_level``, ``<ladder>_score`` and ``<ladder>_cap`` of every ladder.

    In steps, as engines compute an expression again wherever a condition mentions it.
    """
    items = {
        f"{name}_{place}": item
        for name, terms in ladders.items()
        for place, item in enumerate(terms["assessments"])
    }
    scored = rows.mutate(**{f"at_{key}": _score(rows, item) for key, item in items.items()})
    placed = scored.mutate(
        **{
            f"of_{key}": level_of(scored[f"at_{key}"], item["cuts"], decimals=SCORE_DECIMALS)
            for key, item in items.items()
        },
        **{f"{name}_cap": _cap(scored, terms) for name, terms in ladders.items()},
    )
    free = placed.mutate(
        **{f"free_{name}": _free(placed, name, terms) for name, terms in ladders.items()}
    )
    return free.mutate(
        **{f"{name}_level": _bound(free, name, terms) for name, terms in ladders.items()},
        **{f"{name}_score": free[f"at_{name}_0"].round(SCORE_DECIMALS) for name in ladders},
    )


def _free(rows: ir.Table, name: str, terms: Terms) -> ir.IntegerValue:
    """Return the level under no cap: the latest, or what is left of an earlier one."""
    level = rows[f"of_{name}_0"]
    for place, item in list(enumerate(terms["assessments"]))[1:]:
        then = rows[f"of_{name}_{place}"] - item["steps"]
        level = ibis.greatest(level, _if_able(rows, terms, item, then))
    return level


def _bound(rows: ir.Table, name: str, terms: Terms) -> ir.IntegerValue:
    level, cap = rows[f"free_{name}"], rows[f"{name}_cap"]
    latest = terms["assessments"][0]
    return _if_able(rows, terms, latest, (cap < level).ifelse(cap, level)).cast("int64")


def _cap(rows: ir.Table, terms: Terms) -> ir.IntegerValue:
    stops = rows[f"{window_key(terms['assessments'][0])}_stops"]
    caps = [(stops >= count, to) for count, to in sorted(terms["cap_levels"], reverse=True)]
    return ibis.cases(*caps, else_=NO_CAP) if caps else ibis.literal(NO_CAP)


def _if_able(rows: ir.Table, terms: Terms, item: Terms, level: ir.IntegerValue) -> ir.IntegerValue:
    """Return the level of those who may be rated, else unrated."""
    return _eligible(rows, terms, item).ifelse(level, UNRATED_LEVEL)


def _score(rows: ir.Table, item: Terms) -> ir.FloatingValue:
    """Return the score as it adds up, not yet rounded."""
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
    if item["shared_bonus"] or item["on_time_bonus"]:
        parts.append(_bonus(rows, item))
    if item["stop_penalty"]:
        parts.append(-item["stop_penalty"] * rows[f"{key}_stops"])
    return reduce(add, parts)


def _bonus(rows: ir.Table, item: Terms) -> ir.FloatingValue:
    """Return both bonuses together, up to their limit."""
    shared, on_time = float(item["shared_bonus"] or 0), float(item["on_time_bonus"] or 0)
    most = float("inf") if item["most_bonus"] is None else float(item["most_bonus"])
    has_shared = has_on_time = ibis.literal(False)
    if shared:
        has_shared = rows[among("customer_type", SHARED_TYPES)].fill_null(False)
    if on_time:
        has_on_time = rows[f"{window_key(item)}_paid"] >= item["on_time_months"]
    return ibis.cases(
        (has_shared & has_on_time, min(shared + on_time, most)),
        (has_shared, min(shared, most)),
        (has_on_time, min(on_time, most)),
        else_=min(0.0, most),
    )


def _tenure(rows: ir.Table, item: Terms) -> ir.IntegerValue:
    return month_index(item["month"]) - rows.joined_index


def _eligible(rows: ir.Table, terms: Terms, item: Terms) -> ir.BooleanValue:
    able = rows[f"{window_key(item)}_n"] > 0
    if item["tenure_month"] or item["least_months"]:
        able = able & (_tenure(rows, item) >= item["least_months"]).fill_null(False)
    if terms["brands"]:
        able = able & rows[among("brand", terms["brands"])].fill_null(False)
    if terms["customer_types"]:
        able = able & rows[among("customer_type", terms["customer_types"])].fill_null(False)
    if item["account_member"]:
        able = able & rows.account_members.notnull()
    if item["account_bill_yuan"]:
        able = able & rows[f"{window_key(item)}_account_fen"].notnull()
    return able


def level_of(
    value: ir.NumericValue, cuts: Sequence[float], *, decimals: int | None = None
) -> ir.IntegerValue:
    """Return how many cuts a value has reached; the cut itself counts; null for null.

    Args:
        value: The value.
        cuts: The cuts.
        decimals: Take the value as if rounded to so many decimals. Lower cuts do it: rounding
            every value would cost more than all else that rates a customer.
    """
    least = sorted(float(cut) for cut in cuts)
    if decimals is not None:
        unit = 10.0**decimals
        least = [(math.ceil(round(cut * unit, 3)) - 0.5) / unit for cut in least]
    if not least:
        return ibis.literal(0)
    # From the lowest cut up: an engine works out each branch for those whom none before took.
    below = [(value < cut, place) for place, cut in enumerate(least)]
    return ibis.cases(*below, (value >= least[-1], len(least)), else_=None)
