"""Campaigns without a control as the tables that stand on record: register, designs, balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cvm.campaigns.compare_designs import DesignComparison, compare_methods, design_rows
from cvm.campaigns.contacted import check_rows, funnel_rows
from cvm.campaigns.portfolio import worth_row
from cvm.campaigns.profit import Profit
from cvm.campaigns.register import Entry, Register
from cvm.campaigns.shown_curves import shown_curve
from cvm.campaigns.targeted import TargetedEffect
from cvm.campaigns.targeted_register import targeted_entry

PREFIX = "campaign_without_control"
GROUPS = {
    PREFIX: ["campaign_id"],
    f"{PREFIX}_designs": ["campaign_id", "design"],
    f"{PREFIX}_balance": ["campaign_id", "covariate"],
    f"{PREFIX}_funnel": ["campaign_id", "step"],
    f"{PREFIX}_curves": ["campaign_id", "arm", "since"],
    f"{PREFIX}_checks": ["campaign_id", "check"],
    f"{PREFIX}_worth": ["campaign_id"],
}
"""Tables for the snapshot, and the columns that name a row of each."""
MOST_COVARIATES = 8


@dataclass(frozen=True)
class Targeted:
    """One campaign without a control, judged.

    Attributes:
        campaign: Its row in the contract table ``campaigns``.
        effect: What it did.
        profit: What it was worth; None where that cannot be told.
        funnel: Its contact funnel; None where contacts do not tell.
    """

    campaign: Mapping[Any, Any]
    effect: TargetedEffect
    profit: Profit | None = None
    funnel: pd.DataFrame | None = None


@dataclass(frozen=True)
class TargetedRecord:
    """Every table of :data:`GROUPS`, each counting ``customers``.

    Attributes:
        tables: Name → table.
        entries: The campaigns' rows of the register.
    """

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()

    def shown(self, name: str) -> dict[str, Any]:
        """Return a table with what the book needs to know of it."""
        return {"table": self.tables[name], "counts": "customers", "groups": GROUPS[name]}


def record_targeted(
    judged: Sequence[Targeted], held_out: Mapping[str, DesignComparison] | None = None
) -> TargetedRecord:
    """Return the tables of all campaigns.

    Args:
        judged: Campaigns without a control.
        held_out: Campaign with a random control → its designs beside that control.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in GROUPS if name != PREFIX}
    for one in judged:
        campaign = str(one.campaign["campaign_id"])
        rows[f"{PREFIX}_designs"] += design_rows(campaign, compare_methods(one.effect))
        rows[f"{PREFIX}_balance"] += _balance(campaign, one.effect)
        curves = one.effect.curves
        rows[f"{PREFIX}_curves"] += [
            {"campaign_id": campaign, "since": int(row["month"]), "arm": str(row["arm"])}
            | {name: row[name] for name in ("customers", "kept_share")}
            for _, curve in (curves.groupby("arm", sort=False) if len(curves) else ())
            for row in shown_curve(curve).to_dict("records")
        ]
        rows[f"{PREFIX}_funnel"] += funnel_rows(campaign, one.funnel)
        rows[f"{PREFIX}_checks"] += check_rows(campaign, one.effect)
        if one.profit is not None:
            rows[f"{PREFIX}_worth"].append(worth_row(campaign, one.profit))
    for campaign, comparison in (held_out or {}).items():
        rows[f"{PREFIX}_designs"] += design_rows(campaign, comparison)
    entries = tuple(targeted_entry(one.campaign, one.effect, one.profit) for one in judged)
    tables = {PREFIX: Register(entries=entries).summary()}
    for name, found in rows.items():
        # An empty table still says which columns name a row.
        columns = None if found else [*GROUPS[name], "customers"]
        tables[name] = pd.DataFrame(found, columns=columns)
    return TargetedRecord(tables=tables, entries=entries)


def _balance(campaign: str, effect: TargetedEffect) -> list[dict[str, Any]]:
    """Return the covariates that differed most, before and after matching."""
    if effect.checks is None or all(one.name != "balance" for one in effect.checks.items):
        return []
    table = effect.checks.item("balance").table
    if "smd_before" not in table:
        return []
    table = table.dropna(subset=["smd", "smd_before"])
    worst = table[["smd", "smd_before"]].abs().max(axis=1).sort_values(ascending=False)
    return [
        {
            "campaign_id": campaign,
            "covariate": str(row["column"]),
            "customers": effect.headline.treated_count,
            "before": float(row["smd_before"]),
            "after": float(row["smd"]),
        }
        for row in table.loc[worst.index[:MOST_COVARIATES]].to_dict("records")
    ]
