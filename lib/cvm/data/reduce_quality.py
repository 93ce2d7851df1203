"""What notebook 01 looks at once the checks are done: coverage, bills and the ledger by month."""

from __future__ import annotations

from datetime import date

import ibis.expr.types as ir


def reduce_coverage(months: ir.Table) -> ir.Table:
    """Reduce the panel to one row a month.

    Returns:
        Expression with ``month``, ``customers``, ``revenue_yuan``, ``zero_bills`` (customers with
        a bill of zero) and ``largest_bill_yuan``, by month.
    """
    return (
        months.group_by("month")
        .agg(
            customers=months.count(),
            revenue_yuan=months.bill_yuan.sum(),
            zero_bills=(months.bill_yuan == 0).cast("int64").sum(),
            largest_bill_yuan=months.bill_yuan.max(),
        )
        .order_by("month")
    )


def reduce_bills(months: ir.Table, month: date) -> ir.Table:
    """Reduce one month's bills to one row of order statistics.

    Args:
        months: Contract table ``months``.
        month: The month (first day).

    Returns:
        Expression with ``customers``, ``smallest_yuan``, ``p05_yuan``, ``median_yuan``,
        ``mean_yuan``, ``p95_yuan``, ``largest_yuan``; quantiles interpolate linearly.
    """
    bills = months.filter(months.month == month)
    return bills.aggregate(
        customers=bills.count(),
        smallest_yuan=bills.bill_yuan.min(),
        p05_yuan=bills.bill_yuan.quantile(0.05),
        median_yuan=bills.bill_yuan.quantile(0.5),
        mean_yuan=bills.bill_yuan.mean(),
        p95_yuan=bills.bill_yuan.quantile(0.95),
        largest_yuan=bills.bill_yuan.max(),
    )


def reduce_ledger(ledger: ir.Table) -> ir.Table:
    """Reduce the points ledger to points by month and entry.

    Returns:
        Expression with ``month``, ``entry``, ``customers`` and ``points``, by month and entry.
    """
    return (
        ledger.group_by("month", "entry")
        .agg(customers=ledger.customer_id.nunique(), points=ledger.points.sum())
        .order_by("month", "entry")
    )
