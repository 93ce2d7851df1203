"""Campaigns by branch as the tables that stand on record: register, designs, months, worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cvm.campaigns.compare_designs import DesignComparison, design_rows
from cvm.campaigns.contacted import check_rows, funnel_rows
from cvm.campaigns.portfolio import worth_row
from cvm.campaigns.profit import Profit
from cvm.campaigns.register import Register
from cvm.campaigns.rollout_branches import RolloutEffect
from cvm.campaigns.rollout_profit import rollout_entry

PREFIX = "campaign_by_branch"
GROUPS = {
    PREFIX: ["campaign_id"],
    f"{PREFIX}_designs": ["campaign_id", "design"],
    f"{PREFIX}_events": ["campaign_id", "since"],
    f"{PREFIX}_funnel": ["campaign_id", "step"],
    f"{PREFIX}_checks": ["campaign_id", "check"],
    f"{PREFIX}_worth": ["campaign_id"],
}
"""Tables for the snapshot, and the columns that name a row of each."""


@dataclass(frozen=True)
class Rollout:
    """One campaign by branch, judged.

    Attributes:
        campaign: Its row in the contract table ``campaigns``.
        effect: What it did.
        starts: Of ``reduce_branch_starts``.
        comparison: Its designs side by side.
        profit: What it was worth; None where that cannot be told.
        funnel: Its contact funnel; None where contacts do not tell.
    """

    campaign: Mapping[Any, Any]
    effect: RolloutEffect
    starts: pd.DataFrame
    comparison: DesignComparison
    profit: Profit | None = None
    funnel: pd.DataFrame | None = None


def record_rollouts(rollouts: Sequence[Rollout]) -> dict[str, pd.DataFrame]:
    """Return every table of :data:`GROUPS`, of all campaigns; each counts ``customers``.

    Args:
        rollouts: One a campaign that started branch by branch.
    """
    entries = tuple(
        rollout_entry(
            one.campaign, one.effect, one.starts, profit=one.profit, comparison=one.comparison
        )
        for one in rollouts
    )
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in GROUPS if name != PREFIX}
    for one, entry in zip(rollouts, entries, strict=True):
        rows[f"{PREFIX}_designs"] += design_rows(entry.campaign_id, one.comparison)
        if one.effect.events is not None:
            rows[f"{PREFIX}_events"] += [
                {"campaign_id": entry.campaign_id, "since": int(row["at"])}
                | {"customers": entry.customers}
                | {name: float(row[name]) for name in ("effect", "low", "high")}
                for row in one.effect.events.to_dict("records")
            ]
        rows[f"{PREFIX}_funnel"] += funnel_rows(entry.campaign_id, one.funnel)
        rows[f"{PREFIX}_checks"] += check_rows(entry.campaign_id, one.effect)
        if one.profit is not None:
            rows[f"{PREFIX}_worth"].append(worth_row(entry.campaign_id, one.profit))
    return {PREFIX: Register(entries=entries).summary()} | {
        # An empty table still says which columns name a row.
        name: pd.DataFrame(found, columns=None if found else [*GROUPS[name], "customers"])
        for name, found in rows.items()
    }
