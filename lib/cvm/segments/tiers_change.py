"""A proposed tier book: who moves up, who moves down, and what it costs, before it is adopted.

Both books rate the same customers in the same month, so every difference is the proposal's alone.
Customers are taken as they are: what they would do because they moved is not in the figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import DataError
from cvm.core.i18n import say
from cvm.core.money import format_number, format_yuan
from cvm.core.result import Result
from cvm.segments.tierbook import TierBook
from cvm.segments.tiers import (
    AREA,
    COSTS,
    FIGURES,
    TierCosts,
    cost_columns,
    for_snapshot,
)
from cvm.segments.tiers_rules import Ladder
from cvm.segments.tiers_shown import shown_moves

BEFORE, AFTER = "before", "after"
CHANGE_COLUMNS = tuple(
    f"{name.removesuffix('_yuan')}_change_yuan"
    for name in (*COSTS, "overdraft_limit_yuan", "exposure_yuan")
)
"""Columns of the change in each part of the cost, in the order of the parts."""

UP, SAME, DOWN, OTHER = "up", "same", "down", "other"


@dataclass(frozen=True, kw_only=True, eq=False)
class TierChange(Result):
    """What a proposal would change.

    Attributes:
        month: The month rated in.
        before: The book in force.
        after: The proposal.
        rows: Movers; see :meth:`movers`.
        ladders: Ladder → (before, after).
        costs: The assumptions.
    """

    month: date
    before: TierBook
    after: TierBook
    rows: pd.DataFrame
    ladders: Mapping[str, tuple[Ladder, Ladder]]
    costs: TierCosts

    view: ClassVar[str] = "cvm.views.segments_tiers:plot_movers"

    def movers(self) -> pd.DataFrame:
        """Return a row a ladder, tier before and tier after.

        Returns:
            Columns ladder, tier (now), tier_after, direction (``up``, ``same``,
            ``down``; ``other`` if the proposal no longer has the tier), customers, revenue_yuan,
            margin_yuan, stopped_customers, and the change of each part of the yearly cost:
            points_change_yuan, rebate_change_yuan, serve_change_yuan, loss_change_yuan;
            overdraft_limit_change_yuan and exposure_change_yuan are amounts at stake, not costs.
        """
        return self.rows

    def summary(self) -> pd.DataFrame:
        """Return a row a ladder: customers up and down, and the yearly cost of the proposal.

        Returns:
            Columns ladder, up_customers, down_customers, same_customers, other_customers, the
            changes of :meth:`movers`, and cost_change_yuan (their sum without limits and exposure).
        """
        found = []
        for name in self.ladders:
            part = self.rows[self.rows["ladder"] == name]
            counts = part.groupby("direction")["customers"].sum()
            row: dict[str, Any] = {"ladder": name}
            row |= {f"{way}_customers": int(counts.get(way, 0)) for way in (UP, DOWN, SAME, OTHER)}
            row |= {column: float(part[column].sum()) for column in CHANGE_COLUMNS}
            row["cost_change_yuan"] = float(part[list(CHANGE_COLUMNS[: len(COSTS)])].sum().sum())
            found.append(row)
        return pd.DataFrame(found)

    def by_direction(self, *keys: str) -> pd.DataFrame:
        """Return the movers added up over where they go, to publish: counts stay large.

        Where few of those who move were stopped for arrears, moves share a rate; see
        :mod:`cvm.segments.tiers_shown`.

        Args:
            keys: ``ladder`` and ``tier``, or ``ladder`` alone.

        Returns:
            Columns of :meth:`movers` without tier_after, the highest tier first, and
            cost_change_yuan, the sum of the parts of the cost.
        """
        columns = [*FIGURES, *CHANGE_COLUMNS]
        rows = shown_moves(self.rows, self.costs.loss_share)
        found = rows.groupby([*keys, "direction"], as_index=False, sort=False)[columns].sum(
            min_count=1
        )
        cost = found[list(CHANGE_COLUMNS[: len(COSTS)])].sum(axis=1)
        return found.assign(cost_change_yuan=cost).astype({"customers": int})

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return ``tier_movers`` (by tier and direction) and ``tier_change`` (by direction)."""
        return {
            "tier_movers": for_snapshot(self.by_direction("ladder", "tier")),
            "tier_change": self.by_direction("ladder"),
        }

    def text(self, lang: str = "en") -> str:
        """Return who moves and what it costs in a year."""
        table = self.summary()
        up, down = int(table["up_customers"].sum()), int(table["down_customers"].sum())
        cost = float(table["cost_change_yuan"].sum())
        limit = float(table["overdraft_limit_change_yuan"].sum())
        if not up and not down and abs(cost) < 0.5 and abs(limit) < 0.5:
            return say(f"{AREA}.change.nothing", lang)
        way = "more" if cost >= 0.5 else "less" if cost <= -0.5 else "even"
        text = say(
            f"{AREA}.change.{way}",
            lang,
            up=format_number(up, lang),
            down=format_number(down, lang),
            cost=format_yuan(abs(cost), lang),
            points=_signed(table["points_change_yuan"].sum(), lang),
            rebate=_signed(table["rebate_change_yuan"].sum(), lang),
            serve=_signed(table["serve_change_yuan"].sum(), lang),
            loss=_signed(table["loss_change_yuan"].sum(), lang),
        )
        if abs(limit) >= 0.5:
            text += say(
                f"{AREA}.change.overdraft",
                lang,
                limit=_signed(limit, lang),
                exposure=_signed(table["exposure_change_yuan"].sum(), lang),
            )
        return text


def change_terms(before: TierBook, after: TierBook, month: date) -> dict[str, dict[str, Any]]:
    """Return the terms of both books for one reduction: ``<ladder>_before``, ``<ladder>_after``.

    Only ladders that both books have are compared.
    """
    old, new = before.terms(month), after.terms(month)
    both = [name for name in old if name in new]
    found = {f"{name}_{BEFORE}": old[name] for name in both}
    return found | {f"{name}_{AFTER}": new[name] for name in both}


def compare_books(
    cells: pd.DataFrame,
    before: TierBook,
    after: TierBook,
    month: date,
    *,
    costs: TierCosts | None = None,
) -> TierChange:
    """Compare a proposal with the book in force.

    Args:
        cells: Of :func:`cvm.data.reduce_segments.reduce_segments_cells` with the ladders of
            :func:`change_terms`, or those of them that the data can rate.
        before: The book in force.
        after: The proposal.
        month: The month rated in.
        costs: Assumptions, the same for both.

    Raises:
        DataError: No ladder was rated by both.
    """
    costs = costs or TierCosts()
    old, new = before.edition_in(month).ladders, after.edition_in(month).ladders
    ladders = {
        name: (old[name], new[name])
        for name in old
        if name in new and {f"{name}_{BEFORE}", f"{name}_{AFTER}"} <= set(cells.columns)
    }
    if not ladders:
        raise DataError("cells", "without a ladder rated by both books", "rated by change_terms")
    parts = [_moved(cells, name, *pair, costs) for name, pair in ladders.items()]
    return TierChange(
        month=month,
        before=before,
        after=after,
        rows=pd.concat(parts, ignore_index=True),
        ladders=ladders,
        costs=costs,
    )


def _moved(
    cells: pd.DataFrame, name: str, old: Ladder, new: Ladder, costs: TierCosts
) -> pd.DataFrame:
    keys = [f"{name}_{BEFORE}", f"{name}_{AFTER}"]
    rows = cells.groupby(keys, as_index=False)[list(FIGURES)].sum(min_count=1)
    rows = rows.sort_values(keys, ascending=False, ignore_index=True)
    levels = rows[keys].astype(int)
    rows["tier"] = [old.level_name(level) for level in levels[keys[0]]]
    rows["tier_after"] = [new.level_name(level) for level in levels[keys[1]]]
    rows["direction"] = [
        _direction(old, new, *pair) for pair in levels.itertuples(index=False, name=None)
    ]
    change = cost_columns(rows, new, costs, tier="tier_after") - cost_columns(rows, old, costs)
    change.columns = pd.Index(CHANGE_COLUMNS)
    rows.insert(0, "ladder", name)
    kept = ["ladder", "tier", "tier_after", "direction", *FIGURES]
    return pd.concat([rows[kept], change], axis=1)


def _direction(old: Ladder, new: Ladder, before: int, after: int) -> str:
    """Tell whether a customer rises: tiers of one name are one tier, wherever its cut lies."""
    place = 0
    if before > 0:
        code = old.level_name(before)
        if code not in new.names:
            return OTHER
        place = 1 + new.names.index(code)
    return (SAME, UP, DOWN)[int(np.sign(max(after, 0) - place))]


def _signed(value: float, lang: str) -> str:
    return ("+" if value > 0 else "") + format_yuan(value, lang)
