"""Small tables of the ledger that a close needs: first month, cost, revenue, holders."""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_at_least
from cvm.core.months import add_months
from cvm.data.reduce_points_members import reduce_points_lots


def reduce_first_month(ledger: ir.Table) -> ir.Table:
    """Reduce the ledger to its first month of movements, opening balances left aside.

    Args:
        ledger: Contract table ``ledger``.

    Returns:
        Expression of one row: ``month``.
    """
    moves = ledger.filter(ledger.entry != "opening")
    return moves.agg(month=moves.month.min())


def reduce_points_cost(ledger: ir.Table) -> ir.Table:
    """Reduce redemptions to points and cost by month.

    Args:
        ledger: Contract table ``ledger``.

    Returns:
        Expression by ``month`` with ``points`` redeemed and their ``cost_yuan`` (null where the
        ledger has no costs).
    """
    rows = ledger.filter(ledger.entry == "redeemed")
    known = "cost_yuan" in ledger.columns
    cost = rows.cost_yuan.sum() if known else ibis.null("float64")
    return (
        rows.group_by("month")
        .agg(points=rows.points.sum().cast("int64"), cost_yuan=cost)
        .order_by("month")
    )


def reduce_revenue(months: ir.Table) -> ir.Table:
    """Reduce the months to revenue by month.

    Args:
        months: Contract table ``months``.

    Returns:
        Expression by ``month`` with ``revenue_yuan``.
    """
    return months.group_by("month").agg(revenue_yuan=months.bill_yuan.sum()).order_by("month")


def reduce_holders(ledger: ir.Table, month: date) -> ir.Table:
    """Reduce the ledger to who holds points at a month's end, by when they were earned.

    Args:
        ledger: Contract table ``ledger``, with its opening rows.
        month: The close.

    Returns:
        Expression by ``lot_index`` (month index of earning) with ``members`` who hold such points
        and the ``points``.
    """
    lots = reduce_points_lots(ledger, first_month=add_months(month, 1), by_year=False)
    return (
        lots.group_by("lot_index")
        .agg(members=lots.count(), points=lots.points.sum().cast("int64"))
        .order_by("lot_index")
    )


def first_members(table: ir.Table, count: int, *, like: ir.Table | None = None) -> ir.Table:
    """Return the rows of so many customers, the first by their identifiers.

    What is checked row by row, such as the replay of a ledger, is checked on these.

    Args:
        table: A table with ``customer_id``.
        count: Customers to keep.
        like: Table whose first customers are meant; ``table`` itself by default.
    """
    check_at_least(count, "count", 1)
    source = table if like is None else like
    chosen = source.select("customer_id").distinct().order_by("customer_id").limit(count)
    return table.semi_join(chosen, "customer_id")
