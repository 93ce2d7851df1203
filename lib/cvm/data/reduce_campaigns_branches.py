"""Branches month by month, for campaigns that start in one branch after another."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_columns
from cvm.data.reduce_points import UNKNOWN, month_number


def reduce_branch_months(months: ir.Table, customers: ir.Table) -> ir.Table:
    """Reduce months to who was in service in a branch, and who of them had left a month later.

    Args:
        months: Contract table ``months``, up to the month reported on.
        customers: Contract table ``customers`` with ``county``.

    Returns:
        Expression by ``county`` and ``month_index`` (months since year 0) with ``at_risk``
        (customers in service the month before), ``left`` (of these, without a row in this month),
        ``revenue_yuan`` (of those who stayed, this month), ``revenue_squared`` and ``margin_yuan``
        (bills minus variable cost of those who stayed; null where costs are not known).

    Raises:
        MissingDataError: Customers have no county.
    """
    check_columns(customers.columns, ["county"], "customers")
    known = "variable_cost_yuan" in months.columns
    cost = months.variable_cost_yuan if known else ibis.null("float64")
    rows = months.select(
        "customer_id",
        "bill_yuan",
        margin_yuan=months.bill_yuan - cost,
        index=month_number(months.month).cast("int64"),
    )
    before = rows.select("customer_id", index=rows.index + 1)
    last = rows.index.max()
    joined = before.left_join(
        rows.select("customer_id", "index", "bill_yuan", "margin_yuan", here=ibis.literal(1)),
        ["customer_id", "index"],
    ).drop("customer_id_right", "index_right")
    of = customers.select("customer_id", county=customers.county.fill_null(UNKNOWN))
    joined = joined.inner_join(of, "customer_id")
    joined = joined.filter(joined.index <= last.as_scalar())
    bill = joined.bill_yuan.fill_null(0.0)
    return (
        joined.group_by("county", month_index=joined.index)
        .agg(
            at_risk=joined.count(),
            left=joined.here.isnull().cast("int64").sum(),
            revenue_yuan=bill.sum(),
            revenue_squared=(bill * bill).sum(),
            margin_yuan=_all_known(joined),
        )
        .order_by("county", "month_index")
    )


def _all_known(rows: ir.Table) -> ir.Value:
    """Return the margin of those who stayed; null where that of some is not known."""
    unknown = (rows.here.notnull() & rows.margin_yuan.isnull()).any()
    return unknown.ifelse(ibis.null("float64"), rows.margin_yuan.sum().fill_null(0.0))


def reduce_branch_starts(
    contacts: ir.Table, customers: ir.Table, *, campaign_id: str, window_months: int = 12
) -> ir.Table:
    """Reduce a campaign's contacts to when each branch started.

    Args:
        contacts: Contract table ``contacts``.
        customers: Contract table ``customers`` with ``county``.
        campaign_id: The campaign.
        window_months: Months after the assignment in which who accepted may leave all the same.

    Returns:
        Expression by ``county`` with ``start_index`` (month index of the first assignment),
        ``customers`` (assigned), ``cost_yuan`` (booked), ``accepted`` (of the assigned, who took
        the offer) and ``accepted_left`` (of these, who left within the window); null where they
        are not known.

    Raises:
        MissingDataError: Customers have no county.
    """
    check_columns(customers.columns, ["county"], "customers")
    mine = contacts.filter(contacts.campaign_id == campaign_id, contacts.arm == "treated")
    known = "left_month" in customers.columns
    left = month_number(customers.left_month) if known else ibis.null("int64")
    of = customers.select(
        "customer_id", county=customers.county.fill_null(UNKNOWN), left_index=left
    )
    rows = mine.inner_join(of, "customer_id")
    took = rows.accepted.cast("int64") if "accepted" in rows.columns else ibis.null("int64")
    assigned = month_number(rows.assigned_month)
    soon = (rows.left_index <= assigned + window_months).fill_null(False).cast("int64")
    rows = rows.mutate(
        cost=rows.cost_yuan if "cost_yuan" in rows.columns else ibis.null("float64"),
        took=took,
        gone=took * soon if known else ibis.null("int64"),
        assigned=assigned,
    )
    return (
        rows.group_by("county")
        .agg(
            start_index=rows.assigned.min().cast("int64"),
            customers=rows.customer_id.nunique(),
            cost_yuan=rows.cost.sum(),
            accepted=rows.took.sum(),
            accepted_left=rows.gone.sum(),
        )
        .order_by("county")
    )
