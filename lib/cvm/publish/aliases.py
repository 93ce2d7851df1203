"""Groups that go by several names: one customer's tier stands in several tables.

The tier a customer holds is ``vip_tier`` in one table and ``tier`` in the ladder ``cards`` of
another, which parts those without a card into unrated and below the first cut. A reader knows that
these are the same people; disclosure control must know it too. Here every name is brought to one:

* the groups of a ladder get the ladder's name, since each ladder divides the whole base anew:
  ``ladder=stars, tier=5`` is ``stars_tier=5``;
* the ladder ``cards`` is ``vip_tier``, and a bare ``tier`` too;
* ``cards_none`` and ``cards_unrated`` are two parts of ``vip_tier=none``.

Whether two tables do count the same people is not decided here, but by their figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Key = frozenset[tuple[str, Any]]
"""A cell: pairs of group column and value; a column that is not there is totalled over."""

LADDER = "ladder"
CARDS = "cards"
HELD = "vip_tier"
RATED = "cards_rated"
NONE, UNRATED = "none", "unrated"
OF_LADDER = ("tier", "direction", "band")
"""Columns whose values belong to a ladder; others (a county, a month) are the same in all."""

COUNTS = {"members": "customers"}
"""Columns that count the same people under another name."""


def count_name(column: str) -> str:
    """Return the name by which a column's count is known to all tables."""
    return COUNTS.get(column, column)


def known_as(keys: Iterable[Key]) -> list[Key]:
    """Return a table's cells under the names that all tables share.

    Args:
        keys: The table's rows as cells, under its own column names.

    Returns:
        One cell a row, in the same order.
    """
    keys = list(keys)
    parted = any(_is_parted(dict(key)) for key in keys)
    return [_known_as(dict(key), parted) for key in keys]


def _is_parted(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is of the unrated, so that its table parts those without a card."""
    own = row.get(LADDER, CARDS) == CARDS
    return own and row.get("tier") in (UNRATED, f"{CARDS}_{UNRATED}", f"{CARDS}_{NONE}")


def _known_as(row: dict[str, Any], parted: bool) -> Key:
    ladder = row.pop(LADDER, None)
    if ladder not in (None, CARDS):
        return frozenset(
            (f"{ladder}_{name}" if name in OF_LADDER else name, value)
            for name, value in row.items()
        )
    named: dict[str, Any] = {}
    if "tier" in row:
        tier = str(row.pop("tier")).removeprefix(f"{CARDS}_")
        rated = tier not in (NONE, UNRATED)
        named[HELD] = tier if rated else NONE
        if parted:
            named[RATED] = "rated" if rated else tier
    prefix = "" if ladder is None else f"{CARDS}_"
    for name, value in row.items():
        named[f"{prefix}{name}" if name in OF_LADDER else name] = value
    return frozenset(named.items())
