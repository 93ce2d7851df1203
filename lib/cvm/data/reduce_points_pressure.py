"""Points pressure: how bills move when members come near the threshold, and when they pass it."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_at_least
from cvm.data.reduce_points import month_number, month_of


def reduce_points_pressure(
    months: ir.Table, *, threshold_points: int, below_points: int = 600
) -> ir.Table:
    """Reduce months to how bills move when members come near the threshold, and when they pass it.

    Args:
        months: Contract table ``months`` with ``points_balance``.
        threshold_points: Balance that qualifies.
        below_points: How far below it members are near.

    Returns:
        Expression by ``month`` and ``move`` (``entered`` the stretch below the threshold from
        below, ``passed`` the threshold out of it) with ``members``, ``log_change_sum`` and
        ``log_change_squared_sum``: logarithm of the bill ÷ the bill of the month before.
    """
    check_at_least(threshold_points, "threshold_points", 1)
    check_at_least(below_points, "below_points", 1)
    rows = months.select(
        "customer_id", "bill_yuan", "points_balance", index=month_number(months.month)
    )
    window = ibis.window(group_by="customer_id", order_by="index")
    rows = rows.mutate(
        earlier=rows.index.lag(2).over(window),
        start=rows.points_balance.lag().over(window),
        before=rows.points_balance.lag(2).over(window),
        bill_before=rows.bill_yuan.lag().over(window),
    )
    rows = rows.filter(rows.earlier == rows.index - 2, rows.bill_yuan > 0, rows.bill_before > 0)
    low = threshold_points - below_points
    near = (rows.start > low) & (rows.start <= threshold_points)
    was_near = (rows.before > low) & (rows.before <= threshold_points)
    move = ibis.cases(
        (near & (rows.before <= low), "entered"),
        (was_near & (rows.start > threshold_points), "passed"),
        else_="other",
    )
    change = (rows.bill_yuan / rows.bill_before).ln()
    rows = rows.mutate(move=move, change=change).filter(ibis._.move != "other")
    return (
        rows.group_by("index", "move")
        .agg(
            members=rows.count(),
            log_change_sum=rows.change.sum(),
            log_change_squared_sum=(rows.change * rows.change).sum(),
        )
        .mutate(month=month_of(ibis._.index))
        .drop("index")
        .relocate("month")
        .order_by("month", "move")
    )
