"""The course of the customer-value cards: holders of tiers by month, and the change on a year.

A course is what is on record month by month; the cards themselves stand at the cuts of the levers.
So the course stays when a lever moves, and a change on the year before is told at the cuts in force
only. The browser is handed both ready to show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.views.cards_overview import year_change
from cvm.views.overview import MONTHS_IN_YEAR, by_month
from cvm.views.page_parts import sparkline
from cvm.views.pages import Tables

AREA = "customer_value"
HOLDERS_TABLE, MOVES_TABLE = "tier_holders_months", "tier_moves_months"
COLUMNS = {
    "holders": "customers",
    "moved": "moved",
    "revenue": "revenue_share",
    "cost": "cost_yuan",
}
"""Card → the column that holds its course."""


def course_of(tables: Tables, ladder: str) -> pd.DataFrame:
    """Return what is on record of a ladder's holders, one row a month.

    Columns ``month``, ``customers``, ``revenue_yuan``, ``all_yuan`` (revenue of everybody),
    ``revenue_share``, ``cost_yuan`` and ``moved``; missing where withheld or not on record.
    """
    frame = _holders(tables.get(HOLDERS_TABLE), ladder)
    moves = tables.get(MOVES_TABLE)
    if moves is not None:
        own = moves[(moves["ladder"] == ladder) & (moves["direction"] == "moved")]
        moved = own.assign(month=pd.to_datetime(own["month"])).set_index("month")["customers"]
        frame = frame.join(moved.rename("moved"), how="outer")
    whole = by_month(frame.rename_axis("month").reset_index())
    columns = ["customers", "revenue_yuan", "all_yuan", "cost_yuan", "moved"]
    for column in columns:
        given = whole[column] if column in whole else pd.Series(np.nan, index=whole.index)
        whole[column] = pd.to_numeric(given, errors="coerce").astype("float64")
    whole["revenue_share"] = whole["revenue_yuan"] / whole["all_yuan"].where(whole["all_yuan"] > 0)
    return whole


def _holders(table: pd.DataFrame | None, ladder: str) -> pd.DataFrame:
    if table is None:
        return pd.DataFrame(index=pd.DatetimeIndex([]))
    own = table[table["ladder"] == ladder]
    own = own.assign(month=pd.to_datetime(own["month"]))
    held = own[own["held"] == "holders"].set_index("month")
    found = held[["customers", "revenue_yuan", "cost_yuan"]].astype("float64")
    # What is withheld of either side leaves the whole unknown.
    whole = own.groupby("month")["revenue_yuan"].sum(min_count=2)
    return found.assign(all_yuan=whole)


def courses(
    tables: Tables, ladders: Sequence[str], lang: str
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return card → ladder → ``spark`` and ``spark_alt``, where months are known.

    No target is marked in them: a month's holders and their share of its revenue are not the
    card's, which are of twelve months and of those who hold a tier now.

    Args:
        tables: The published tables.
        ladders: The ladders of the page.
        lang: ``"zh"`` or ``"en"``.
    """
    texts = {
        "holders": lambda value: format_number(value, lang),
        "moved": lambda value: format_number(value, lang),
        "revenue": format_share,
        "cost": lambda value: format_yuan(value, lang),
    }
    found: dict[str, dict[str, dict[str, Any]]] = {card: {} for card in COLUMNS}
    for ladder in ladders:
        course = course_of(tables, ladder)
        for card, column in COLUMNS.items():
            label = say(f"{AREA}.course.{card}", lang)
            drawn = sparkline(label, course[column], lang, texts[card])
            if drawn:
                found[card][ladder] = drawn
    return found


def standing(
    tables: Tables, ladder: str, shown: Mapping[str, str], lang: str, *, limited: bool
) -> dict[str, dict[str, str]]:
    """Return what a ladder's cards say at the cuts in force, where a year before is on record.

    Args:
        tables: The published tables.
        ladder: Which ladder.
        shown: Words of the ladder at the cuts in force, by placeholder.
        lang: ``"zh"`` or ``"en"``.
        limited: Whether its tiers give overdraft limits.

    Returns:
        Card → ``change``, ``direction``, ``tone`` and ``note``.
    """
    course = course_of(tables, ladder)
    last, before = _years(course)
    found: dict[str, dict[str, str]] = {}

    def tell(card: str, change: Mapping[str, str], note: str) -> None:
        found[card] = {**change, "note": say(f"{AREA}.card.{note}", lang, **shown)}

    if last is None:
        return found
    moved = last["moved"].sum(skipna=False)
    if np.isfinite(moved):
        values = {"count": format_number(moved, lang, digits=4)}
        text = say(f"{AREA}.card.moved_year", lang, **values)
        tell("moved", {"change": text, "direction": "", "tone": "neutral"}, "moved_note")
    if before is None:
        return found
    ends = [float(year["customers"].iloc[-1]) for year in (last, before)]
    shares = [
        year["revenue_yuan"].sum(skipna=False) / year["all_yuan"].sum(skipna=False)
        for year in (last, before)
    ]
    costs = [float(year["cost_yuan"].sum(skipna=False)) for year in (last, before)]
    if np.isfinite(ends).all() and ends[1] > 0:
        tell("holders", year_change(ends[0] / ends[1] - 1, lang, good="up"), "holders_note_year")
    if np.isfinite(shares).all():
        change = year_change(shares[0] - shares[1], lang, good="up", in_points=True)
        tell("revenue", change, "revenue_note_year")
    if np.isfinite(costs).all() and costs[1] > 0:
        change = year_change(costs[0] / costs[1] - 1, lang, good="down")
        tell("cost", change, f"cost_note_rate{'_limit' if limited else ''}")
    return found


def _years(course: pd.DataFrame) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Return the last twelve months and the twelve before; ``None`` where there are not so many."""
    last, before = course.tail(MONTHS_IN_YEAR), course.iloc[:-MONTHS_IN_YEAR].tail(MONTHS_IN_YEAR)
    whole = [one if len(one) == MONTHS_IN_YEAR else None for one in (last, before)]
    return whole[0], whole[1]
