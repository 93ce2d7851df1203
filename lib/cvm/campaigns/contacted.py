"""What the contacts of a campaign without a control show: the funnel, and who was elsewhere too."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from cvm.campaigns.check import Check
from cvm.campaigns.checks import contact
from cvm.campaigns.effect import Effect
from cvm.campaigns.funnel import FUNNEL_STEPS
from cvm.core.checks import check_columns

ELSEWHERE_WATCHED = 0.2
"""Share in one other campaign from which that campaign is named: it may have done the work."""


def contact_checks(
    funnel: pd.DataFrame | None, overlaps: pd.DataFrame, campaign_id: str, *, treated: int
) -> tuple[Check, ...]:
    """Check whom the contact got to, and how many were in another campaign at the same time.

    Nobody is held out, so nothing says whether the compared were in other campaigns as often; a
    large share is to be watched, and read as what both campaigns did together.

    Args:
        funnel: As :func:`cvm.campaigns.funnel.read_funnel` gives it; None if contacts do not tell.
        overlaps: Customers in two campaigns within the window: ``campaign_id``, ``arm``,
            ``other_campaign``, ``other_arm`` and ``customers``.
        campaign_id: The campaign.
        treated: Customers assigned to it.
    """
    made = () if funnel is None else contact(funnel)[:1]
    return (*made, _elsewhere(overlaps, campaign_id, treated))


def _elsewhere(overlaps: pd.DataFrame, campaign_id: str, treated: int) -> Check:
    check_columns(
        overlaps.columns, ["campaign_id", "arm", "other_campaign", "other_arm", "customers"],
        "overlaps",
    )  # fmt: skip
    own = overlaps[(overlaps["campaign_id"] == campaign_id) & (overlaps["arm"] == "treated")]
    own = own[own["other_arm"] == "treated"]
    each = own.groupby("other_campaign")["customers"].sum().sort_values(ascending=False)
    most = int(each.iloc[0]) if len(each) else 0
    share = most / treated if treated else math.nan
    status = "unknown" if not treated else "watch" if share >= ELSEWHERE_WATCHED else "ok"
    return Check(
        name="elsewhere",
        status=status,
        value=share,
        limit=ELSEWHERE_WATCHED,
        facts={"share": share, "campaign": str(each.index[0]) if len(each) else "–"},
        table=each.reset_index(),
    )


def funnel_rows(campaign: str, funnel: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return the treated customers at each step as rows of a table of many campaigns.

    Args:
        campaign: Identifier.
        funnel: As :func:`cvm.campaigns.funnel.read_funnel` gives it; None or empty if unknown.
    """
    if funnel is None or funnel.empty:
        return []
    treated = funnel[funnel["arm"] == "treated"].iloc[0]
    return [
        {"campaign_id": campaign, "step": step, "customers": int(treated[step])}
        for step in FUNNEL_STEPS
    ]


def check_rows(campaign: str, effect: Effect) -> list[dict[str, Any]]:
    """Return the checks of a campaign as rows of a table of many campaigns.

    Args:
        campaign: Identifier.
        effect: What it did, with its checks.
    """
    items = () if effect.checks is None else effect.checks.items
    return [
        {
            "campaign_id": campaign,
            "check": one.name,
            "status": one.status,
            "customers": effect.headline.treated_count,
        }
        for one in items
    ]
