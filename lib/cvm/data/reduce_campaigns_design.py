"""What a campaign's design starts from: churn and revenue without an offer, and who is eligible."""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_at_least
from cvm.core.months import month_index
from cvm.data.reduce_campaigns import entrants
from cvm.data.reduce_points import UNKNOWN, month_number, month_of, tier_of


def reduce_baseline(months: ir.Table, customers: ir.Table, *, window_months: int = 6) -> ir.Table:
    """Reduce the last window of the panel to churn and revenue by county.

    Everybody in service in the month before the window is followed over it, as if assigned then.

    Args:
        months: Contract table ``months``, up to the month reported on.
        customers: Contract table ``customers``.
        window_months: Months of the window.

    Returns:
        Expression by ``county`` with ``customers``, ``sum_churned``, ``sum_revenue_yuan``,
        ``sum_bill_before_yuan`` and the sums of products that their variances need.
    """
    check_at_least(window_months, "window_months", 1)
    index = month_number(months.month)
    panel = months.mutate(index=index)
    last = panel.agg(start=panel.index.max() - window_months)
    everybody = panel.cross_join(last)
    everybody = everybody.filter(everybody.index == everybody.start)
    contacts = everybody.select(
        "customer_id",
        campaign_id=ibis.literal("all"),
        arm=ibis.literal("control"),
        assigned_month=month_of(everybody.start),
    )
    rows = entrants(months, customers, contacts, window_months=window_months)
    rows = rows.filter(rows.status == "followed")
    names = ("churned", "revenue_yuan", "bill_before_yuan")
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place:]]
    return (
        rows.group_by("county")
        .agg(
            customers=rows.count(),
            **{f"sum_{name}": rows[name].sum() for name in names},
            **{f"product_{a}__{b}": (rows[a] * rows[b]).sum() for a, b in pairs},
        )
        .order_by("county")
    )


def reduce_eligible(months: ir.Table, customers: ir.Table, *, month: date) -> ir.Table:
    """Return who is in service in a month, with card and county, to draw a hold-out from.

    Not small: it has one row a customer, as the assignment file does.

    Args:
        months: Customer-months.
        customers: Customers; ``county`` where it is known.
        month: The month they are drawn in.
    """
    here = tier_of(months.filter(month_number(months.month) == month_index(month)))
    county = (
        customers.select("customer_id", county=customers.county.fill_null(UNKNOWN))
        if "county" in customers.columns
        else customers.select("customer_id", county=ibis.literal(UNKNOWN))
    )
    rows = here.left_join(county, "customer_id").drop("customer_id_right", "month")
    return rows.mutate(county=rows.county.fill_null(UNKNOWN)).order_by("customer_id")
