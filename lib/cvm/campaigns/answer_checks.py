"""All checks of one campaign with a random control, from its small tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cvm.campaigns.answer_estimates import BEFORE
from cvm.campaigns.cells import Tables
from cvm.campaigns.check import Check, Checks
from cvm.campaigns.checks import balance, contact, overlap, placebo, sample_ratio
from cvm.campaigns.checks_followed import followed
from cvm.campaigns.effect import Outcome
from cvm.campaigns.funnel import ARMS
from cvm.campaigns.moments import Moments

BILL = Outcome(name="bill_yuan", kind="yuan")


def check_campaign(
    own: Tables, *, control_share: float | None = None, branches: Sequence[Check] = ()
) -> Checks:
    """Make every check that the tables allow.

    Args:
        own: Tables of one campaign.
        control_share: Share that was to be held out; without it, arms are compared between cards,
            where their sizes must stand in the same ratio.
        branches: Checks of whole branches that were assigned; they stand in place of those that
            count single customers as drawn.
    """
    items: list[Check] = [*branches, *followed(own.left_out)]
    ratio = None if branches else _sample_ratio(own, control_share)
    if ratio is not None:
        items.insert(0, ratio)
    control, treated = own.arms()
    if control is not None and treated is not None and not branches:
        columns = [name for name in BEFORE if name in treated.names]
        items.append(balance(control, treated, columns))
        if "elsewhere" in treated.names:
            items.append(overlap(_elsewhere(treated), _elsewhere(control)))
        months = own.months_before()
        if months:
            items.append(placebo(months, BILL)[0])
    funnel = own.contact()
    if funnel is not None:
        items += contact(funnel)
    return Checks(items=tuple(items))


def _elsewhere(arm: Moments) -> tuple[int, int]:
    return round(arm.mean("elsewhere") * arm.count), arm.count


def _sample_ratio(own: Tables, control_share: float | None) -> Check | None:
    """Return the check of arm sizes; None where an arm is empty."""
    counts = own.counts()
    if not all(counts.values()):
        return None
    if control_share is not None:
        return sample_ratio(
            [counts["treated"]], [counts["control"]], treated_share=1 - control_share
        )
    if own.cells.empty:
        return None
    by_tier = own.cells.pivot_table(
        values="customers", index="vip_tier", columns="arm", aggfunc="sum", fill_value=0
    ).reindex(columns=list(ARMS), fill_value=0)
    found = counts["treated"] / sum(counts.values())
    check = sample_ratio(
        by_tier["treated"].tolist(), by_tier["control"].tolist(), treated_share=found
    )
    return replace(check, name="sample_ratio_even")
