"""What notebook 01 looks at once the checks are done: coverage, bills and the ledger by month."""

from __future__ import annotations

from datetime import date

import ibis
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


def reduce_snapshot(customers: ir.Table) -> ir.Table:
    """Reduce a customer snapshot (no months) to one row: what can be said of the base at all.

    Args:
        customers: Contract table ``customers`` with ``churned``; ``last_bill_yuan`` and
            ``tenure_months`` where the extract has them.

    Returns:
        Expression with ``customers``, ``churned`` (customers known to have left),
        ``churned_share``, ``mean_bill_yuan`` and ``mean_tenure_months`` (null where unknown).
    """
    left = customers.churned.cast("int64")
    return customers.aggregate(
        customers=customers.count(),
        churned=left.sum(),
        churned_share=left.mean(),
        mean_bill_yuan=_mean_or_null(customers, "last_bill_yuan"),
        mean_tenure_months=_mean_or_null(customers, "tenure_months"),
    )


def _mean_or_null(table: ir.Table, column: str) -> ir.Value:
    if column in table.columns:
        return table[column].cast("float64").mean()
    return ibis.null("float64")
