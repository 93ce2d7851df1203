"""Campaigns reduced to contact: the funnel, other campaigns, and months under observation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_at_least
from cvm.data.engine import collect
from cvm.data.reduce_campaigns import (
    BEFORE_MONTHS,
    WINDOW_MONTHS,
    assigned,
    entrants,
    reduce_campaign_before,
    reduce_campaign_cells,
    reduce_campaign_left_out,
)

if TYPE_CHECKING:
    import pandas as pd


def reduce_campaign_funnel(contacts: ir.Table) -> ir.Table:
    """Reduce contacts to customers by arm and by how far the contact came.

    Returns:
        Expression by ``campaign_id``, ``arm``, ``attempted``, ``reached`` and ``accepted`` (null
        where the contacts do not tell) with ``customers`` and ``cost_yuan`` (null without it).
        A customer assigned twice counts once.
    """
    rows = assigned(contacts, WINDOW_MONTHS)
    has_accepted, has_cost = "accepted" in rows.columns, "cost_yuan" in rows.columns
    rows = rows.mutate(
        accepted=rows.accepted > 0 if has_accepted else ibis.null("boolean"),
        cost_yuan=rows.cost_yuan if has_cost else ibis.null("float64"),
    )
    keys = ("campaign_id", "arm", "attempted", "reached", "accepted")
    return (
        rows.group_by(*keys)
        .agg(customers=rows.count(), cost_yuan=rows.cost_yuan.sum())
        .order_by(*keys)
    )


def reduce_campaign_overlaps(contacts: ir.Table, *, window_months: int = WINDOW_MONTHS) -> ir.Table:
    """Reduce contacts to customers who are in two campaigns within the window.

    Returns:
        Expression by ``campaign_id``, ``arm``, ``other_campaign`` and ``other_arm`` with
        ``customers``.
    """
    check_at_least(window_months, "window_months", 1)
    rows = assigned(contacts, window_months).select("campaign_id", "customer_id", "arm", "assigned")
    others = rows.select(
        "customer_id", other_campaign=rows.campaign_id, other_arm=rows.arm, other_at=rows.assigned
    )
    pairs = rows.join(others, "customer_id")
    pairs = pairs.filter(
        pairs.campaign_id != pairs.other_campaign,
        (pairs.other_at - pairs.assigned).abs() <= window_months,
    )
    keys = ("campaign_id", "arm", "other_campaign", "other_arm")
    return pairs.group_by(*keys).agg(customers=pairs.count()).order_by(*keys)


def reduce_campaign_exposure(
    months: ir.Table,
    customers: ir.Table,
    contacts: ir.Table,
    *,
    horizon_months: int = 12,
) -> ir.Table:
    """Reduce campaigns to months under observation, for survival.

    Customers whose window is still open count up to the last month seen, so more of them are here
    than in :func:`cvm.data.reduce_campaigns.reduce_campaign_cells`.

    Args:
        months: Contract table ``months``, up to the month reported on.
        customers: Contract table ``customers``.
        contacts: Contract table ``contacts``.
        horizon_months: Months after assignment to look at.

    Returns:
        Expression by ``campaign_id``, ``arm``, ``vip_tier``, ``months_observed`` (1 is the month
        after assignment; 0 are those assigned in the last month) and ``left`` with ``customers``.
    """
    check_at_least(horizon_months, "horizon_months", 1)
    rows = entrants(months, customers, contacts, window_months=horizon_months)
    usable = rows.status.isin(("window_open", "missing_months", "followed"))
    rows = rows.filter(usable)
    seen = ibis.least(rows.last - rows.assigned, horizon_months)
    rows = rows.mutate(
        months_observed=ibis.least(rows.until, seen).cast("int64"), left=rows.until <= seen
    )
    keys = ("campaign_id", "arm", "vip_tier", "months_observed", "left")
    return rows.group_by(*keys).agg(customers=rows.count()).order_by(*keys)


def collect_campaigns(
    campaigns: ir.Table,
    months: ir.Table,
    customers: ir.Table,
    contacts: ir.Table,
    *,
    window_months: int = WINDOW_MONTHS,
    before_months: int = BEFORE_MONTHS,
    horizon_months: int = 12,
) -> dict[str, pd.DataFrame]:
    """Collect every small table a campaign is judged from, by name.

    Args:
        campaigns: Contract table ``campaigns``.
        months: Contract table ``months``, up to the month reported on.
        customers: Contract table ``customers``.
        contacts: Contract table ``contacts``, up to the month reported on.
        window_months: Months after assignment over which outcomes are counted.
        before_months: Months up to assignment over which covariates are taken.
        horizon_months: Months after assignment to follow for survival.
    """
    panel = (months, customers, contacts)
    window = {"window_months": window_months}
    expressions = {
        "campaigns": campaigns.order_by("start_month", "campaign_id"),
        "cells": reduce_campaign_cells(*panel, **window, before_months=before_months),
        "left_out": reduce_campaign_left_out(*panel, **window),
        "before": reduce_campaign_before(*panel, **window),
        "funnel": reduce_campaign_funnel(contacts),
        "overlaps": reduce_campaign_overlaps(contacts, **window),
        "exposure": reduce_campaign_exposure(*panel, horizon_months=horizon_months),
    }
    return {name: collect(expression) for name, expression in expressions.items()}
