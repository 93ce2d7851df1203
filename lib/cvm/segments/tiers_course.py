"""The course of tiers: who held one, month by month, what they brought and what they cost."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cvm.core.checks import DataError, check_columns
from cvm.segments.migration_flows import MigrationFlows

HOLDERS, OTHERS = "holders", "others"
LADDER_COLUMNS: Mapping[str, str] = {"cards": "vip_tier", "stars": "star"}
"""Ladder → the column of the customer months that says who held which of its tiers."""
MONTHS_IN_YEAR = 12


def trace_holders(months: Mapping[str, pd.DataFrame], terms: pd.DataFrame) -> pd.DataFrame:
    """Return each ladder's holders by month beside everybody else.

    Only holders and others are told apart, so that hardly a group is too small to be shown. What
    holders cost is what the terms in force today give them, every month alike: the course shows
    customers and bills that change, not rules that did. Expected losses on overdrafts are left out,
    as months do not tell who was stopped within a year of each.

    Args:
        months: Ladder → what ``reduce_tier_months`` gives, collected: month, tier, customers,
            revenue_yuan.
        terms: ``tier_terms``: ladder, tier, place (0 below the lowest tier), revenue_cost_share,
            serve_yuan (a year).

    Returns:
        ``ladder``, ``month``, ``held`` (``holders`` or ``others``), ``customers``,
        ``revenue_yuan`` and ``cost_yuan`` (of holders, a month; missing of others).

    Raises:
        MissingDataError: A column is missing.
        DataError: The terms do not know a ladder.
    """
    needed = ["ladder", "tier", "place", "revenue_cost_share", "serve_yuan"]
    check_columns(terms.columns, needed, "terms")
    parts = [_trace(ladder, frame, terms) for ladder, frame in months.items()]
    columns = ["ladder", "month", "held", "customers", "revenue_yuan", "cost_yuan"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _trace(ladder: str, months: pd.DataFrame, terms: pd.DataFrame) -> pd.DataFrame:
    check_columns(months.columns, ["month", "tier", "customers", "revenue_yuan"], ladder)
    own = terms[(terms["ladder"] == ladder) & (terms["place"] > 0)].set_index("tier")
    if own.empty:
        raise DataError(
            "terms", f"no tiers of {ladder}", "the tiers of it", available=sorted(set(terms.ladder))
        )
    rows = months.assign(ladder=ladder, month=pd.to_datetime(months["month"]))
    holds = rows["tier"].isin(own.index)
    rows["held"] = holds.map({True: HOLDERS, False: OTHERS})
    rate = rows["tier"].map(own["revenue_cost_share"].astype(float))
    serve = rows["tier"].map(own["serve_yuan"].astype(float)) / MONTHS_IN_YEAR
    rows["cost_yuan"] = rows["revenue_yuan"] * rate + rows["customers"] * serve
    sums = rows.groupby(["ladder", "month", "held"], as_index=False)[
        ["customers", "revenue_yuan", "cost_yuan"]
    ].sum()
    sums["cost_yuan"] = sums["cost_yuan"].where(sums["held"] == HOLDERS)
    return sums


def trace_moves(flows: Mapping[str, MigrationFlows]) -> pd.DataFrame:
    """Return how many customers changed tier in each month, up and down together.

    Args:
        flows: Ladder → its moves month by month.

    Returns:
        ``ladder``, ``month``, ``direction`` (``moved`` or ``stayed``) and ``customers``; who left
        is in neither.
    """
    parts = []
    for ladder, found in flows.items():
        table = found.summary()
        counts = {"moved": table["up"] + table["down"], "stayed": table["stayed"]}
        for direction, customers in counts.items():
            part = {"ladder": ladder, "month": pd.to_datetime(table["month"])}
            parts.append(pd.DataFrame(part | {"direction": direction, "customers": customers}))
    columns = ["ladder", "month", "direction", "customers"]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return whole.sort_values(["ladder", "month", "direction"], ignore_index=True)
