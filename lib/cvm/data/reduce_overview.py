"""From customer rows to the overview's small tables.

Each function takes Ibis tables of a prepared folder and returns an Ibis expression with as many
rows as there are months, tiers, counties or points years. They run unchanged on DuckDB and Spark.
Columns that an extract may lack (margin, card, points) come out as nulls, never as zeros.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from cvm.core.months import add_months, points_year


def reduce_months(months: ir.Table, customers: ir.Table | None = None) -> ir.Table:
    """Reduce the customer-month panel to one row a month.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers``; without its ``joined_month`` or ``left_month`` the
            columns ``joined`` or ``left`` are null.

    Returns:
        Expression with ``month``, ``customers``, ``revenue_yuan``, ``revenue_squared`` (for
        standard errors), ``margin_yuan``, ``complaints``, ``joined`` and ``left``, by month.
    """
    cells = months.group_by("month").agg(
        customers=months.count(),
        revenue_yuan=months.bill_yuan.sum(),
        revenue_squared=(months.bill_yuan * months.bill_yuan).sum(),
        margin_yuan=_margin_sum(months),
        complaints=_sum_or_null(months, "complaints"),
    )
    for column, event in (("joined", "joined_month"), ("left", "left_month")):
        cells = _count_events(cells, customers, event, column)
    return cells.order_by("month")


def _count_events(cells: ir.Table, customers: ir.Table | None, event: str, column: str) -> ir.Table:
    if customers is None or event not in customers.columns:
        return cells.mutate(**{column: ibis.null("int64")})
    moved = customers.filter(customers[event].notnull())
    counts = moved.group_by(month=moved[event]).agg(**{column: moved.count()})
    joined = cells.left_join(counts, cells.month == counts.month)
    kept = {name: cells[name] for name in cells.columns}
    return joined.select(
        **kept, **{column: ibis.coalesce(counts[column], ibis.literal(0, "int64"))}
    )


def _sum_or_null(table: ir.Table, column: str) -> ir.Value:
    if column in table.columns:
        return table[column].cast("float64").sum()
    return ibis.null("float64")


def _margin_sum(months: ir.Table) -> ir.Value:
    if "variable_cost_yuan" not in months.columns:
        return ibis.null("float64")
    return (months.bill_yuan - months.variable_cost_yuan).sum()


def reduce_groups(
    months: ir.Table, customers: ir.Table, group: str, last_month: date, *, window_months: int = 12
) -> ir.Table:
    """Reduce the last months of the panel to one row a group of customers.

    A customer of the group in month m left if the customers table says ``left_month == m + 1``. So
    that churn is that of the window's own months, the customers at risk are those of the window
    shifted one month back; the leavers of all groups add up to those of :func:`reduce_months`.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers``.
        group: A column of either table, such as ``vip_tier`` (months) or ``county`` (customers).
        last_month: Last month of the window.
        window_months: Length of the window in months.

    Returns:
        Expression with the group, ``customers`` (in the last month), ``last_revenue_yuan`` (of the
        last month), ``revenue_yuan`` and ``margin_yuan`` (of the window), ``customer_months``,
        ``months_at_risk`` and ``left`` (within the window).
    """
    first_month = add_months(last_month, 1 - window_months)
    panel = months.filter(months.month >= add_months(first_month, -1), months.month <= last_month)
    has_left = "left_month" in customers.columns
    wanted = {"customer_id": customers.customer_id}
    if group not in months.columns:
        wanted[group] = customers[group]
    if has_left:
        wanted["left_index"] = _index(customers.left_month)
    rows = panel.left_join(customers.select(**wanted), "customer_id")
    in_window = rows.month >= first_month
    in_last = rows.month == last_month
    at_risk = rows.month < last_month
    margin = (
        rows.bill_yuan - rows.variable_cost_yuan
        if "variable_cost_yuan" in rows.columns
        else ibis.null("float64")
    )
    leaves_next = (
        (rows.left_index == _index(rows.month) + 1).fill_null(False)
        if has_left
        else ibis.literal(False)
    )
    unknown = ibis.null("int64")
    return (
        rows.group_by(group)
        .agg(
            customers=in_last.cast("int64").sum(),
            last_revenue_yuan=in_last.ifelse(rows.bill_yuan, 0.0).sum(),
            revenue_yuan=in_window.ifelse(rows.bill_yuan, 0.0).sum(),
            margin_yuan=in_window.ifelse(margin, 0.0).sum(),
            customer_months=in_window.cast("int64").sum(),
            months_at_risk=at_risk.cast("int64").sum() if has_left else unknown,
            left=(at_risk & leaves_next).cast("int64").sum() if has_left else unknown,
        )
        .order_by(group)
    )


def _index(month: ir.DateValue) -> ir.IntegerValue:
    """Return the month's number, as :func:`cvm.core.months.month_index` does."""
    return (month.year() * 12 + month.month() - 1).cast("int64")


def reduce_points_months(ledger: ir.Table) -> ir.Table:
    """Reduce the points ledger to one row a month.

    Returns:
        Expression with ``month``, one column of points an entry (``earned_points`` …) and
        ``points_cost_yuan`` (null where the ledger carries no cost).
    """

    def points_of(entry: str) -> ir.Value:
        return (ledger.entry == entry).ifelse(ledger.points, 0).sum()

    return (
        ledger.group_by("month")
        .agg(
            earned_points=points_of("earned"),
            redeemed_points=points_of("redeemed"),
            expired_points=points_of("expired"),
            forfeited_points=points_of("forfeited"),
            points_cost_yuan=_sum_or_null(ledger, "cost_yuan"),
        )
        .order_by("month")
    )


def points_year_months(year: int, first_month: int = 12) -> tuple[date, date]:
    """Return the first and last month of a points year.

    Example:
        >>> points_year_months(2026)
        (datetime.date(2025, 12, 1), datetime.date(2026, 11, 1))
    """
    start = date(year if first_month == 1 else year - 1, first_month, 1)
    assert points_year(start, first_month) == year
    return start, add_months(start, 11)
