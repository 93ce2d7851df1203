"""What a campaign did: each customer's outcomes with it and without, from the same draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from cvm.data.sample.campaigns import Campaign
from cvm.data.sample.churn import Churn, leaves
from cvm.data.sample.contacts import Entries
from cvm.data.sample.panel import Panel, bill_jiao

TIER_CODES = 5
Outcomes = dict[str, np.ndarray]


def outcomes(
    campaign: Campaign, entries: Entries, panel: Panel, churn: Churn, left: np.ndarray
) -> tuple[Outcomes, Outcomes]:
    """Return each customer's outcomes in the window with the offer, and without it.

    Both worlds share every draw and every other campaign; they differ only in this campaign's
    effect, which those who would be reached get in the world with it. One of the two is what
    happened, the other is lived again. The window begins the month after assignment.

    Args:
        campaign: The campaign.
        entries: Who was in it.
        panel: The block's months.
        churn: The block's churn model.
        left: First month without service of each customer of the block, −1 if none.

    Returns:
        With and without: ``churned`` (0 or 1), ``revenue_jiao`` (bills in the window while in
        service) and ``months`` (in service), one element a customer.
    """
    fact = happened(campaign, entries, panel, left)
    given = {name: values.copy() for name, values in fact.items()}
    absent = {name: values.copy() for name, values in fact.items()}
    moved = (entries.churn_log_odds != 0) | (entries.log_bill != 0)
    other = np.flatnonzero(entries.reachable & moved)
    few = Entries(*(getattr(entries, item.name)[other] for item in fields(Entries)))
    sign = np.where(few.reached, -1.0, 1.0)
    lived = live_again(campaign, few, panel, churn, sign * few.churn_log_odds, sign * few.log_bill)
    for name, values in lived.items():
        absent[name][other[few.reached]] = values[few.reached]
        given[name][other[~few.reached]] = values[~few.reached]
    return given, absent


def happened(campaign: Campaign, entries: Entries, panel: Panel, left: np.ndarray) -> Outcomes:
    """Return the outcomes that came about."""
    who, month = entries.customer, entries.month
    end = month + campaign.window_months
    churned = (left[who] > month) & (left[who] <= end)
    revenue = np.zeros(len(who), dtype=np.int64)
    served = np.zeros(len(who), dtype=np.int64)
    for step in range(1, campaign.window_months + 1):
        at = np.minimum(month + step, panel.shape[0] - 1)
        here = panel.active[at, who] & (month + step < panel.shape[0])
        revenue += panel.bill[at, who] * here
        served += here
    return {"churned": churned.astype(np.int64), "revenue_jiao": revenue, "months": served}


def live_again(
    campaign: Campaign,
    entries: Entries,
    panel: Panel,
    churn: Churn,
    more_log_odds: np.ndarray,
    more_log_bill: np.ndarray,
) -> Outcomes:
    """Return the outcomes if log odds and log bills of the window had been higher by so much."""
    months = panel.shape[0]
    who, start = entries.customer, churn.start[entries.customer]
    alive = np.ones(len(who), dtype=np.bool_)
    churned = np.zeros(len(who), dtype=np.int64)
    revenue = np.zeros(len(who), dtype=np.int64)
    served = np.zeros(len(who), dtype=np.int64)
    back = [panel.bill[np.maximum(entries.month - age, 0), who] for age in (3, 2, 1, 0)]
    for step in range(1, campaign.window_months + 1):
        inside = entries.month + step < months
        month = np.minimum(entries.month + step, months - 1)
        odds = panel.linear[month - 1, who] + panel.extra_logit[month, who] + more_log_odds
        odds += churn.bill_terms(back[-1], _fall(back, month - 1 - start))
        gone = alive & inside & leaves(panel.chance[month, who], odds)
        churned += gone
        alive &= ~gone
        bill = bill_jiao(panel.log_bill[month, who] + more_log_bill)
        revenue += bill * (alive & inside)
        served += alive & inside
        back = [*back[1:], bill]
    return {"churned": churned, "revenue_jiao": revenue, "months": served}


def _fall(back: list[np.ndarray], age: np.ndarray) -> np.ndarray:
    """Return the fall of the last of four bills, ``age`` months into the panel."""
    known = np.clip(age, 0, 3)
    before = sum(back[3 - ago] * (known >= ago) for ago in (1, 2, 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = 1.0 - back[3] * known / before
    return np.where(known > 0, np.maximum(fall, 0.0), 0.0)


def effect_sums(
    campaign: Campaign,
    entries: Entries,
    given: Mapping[str, np.ndarray],
    absent: Mapping[str, np.ndarray],
) -> dict[str, int]:
    """Add outcomes up by group and tier, for the realised effects in the truth.

    Groups: ``all`` who entered (as if all treated, against none), ``treated`` (as assigned) and
    ``reached`` (treated and reached: the effect on the treated).
    """
    groups = {
        "all": np.ones(len(entries), dtype=np.bool_),
        "treated": entries.treated,
        "reached": entries.treated & entries.reached,
    }
    sums: dict[str, int] = {}
    for name, group in groups.items():
        for tier in (None, *range(TIER_CODES)):
            rows = group if tier is None else group & (entries.tier == tier)
            key = f"campaign|{campaign.campaign_id}|{name}|{'all' if tier is None else tier}"
            sums[f"{key}|customers"] = int(rows.sum())
            for world, label in ((given, "with"), (absent, "without")):
                for outcome, values in world.items():
                    sums[f"{key}|{outcome}_{label}"] = int(values[rows].sum())
    key = f"campaign|{campaign.campaign_id}|funnel"
    control = ~entries.treated
    sums[f"{key}|treated"] = int(entries.treated.sum())
    sums[f"{key}|control"] = int(control.sum())
    sums[f"{key}|attempted"] = int((entries.treated & entries.attempted).sum())
    sums[f"{key}|reached"] = int((entries.treated & entries.reached).sum())
    sums[f"{key}|accepted"] = int((entries.treated & entries.accepted).sum())
    sums[f"{key}|controls_contacted"] = int((control & entries.attempted).sum())
    return sums
