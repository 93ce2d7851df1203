"""Who moved between tiers, joined or left between two months."""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_at_least, check_columns
from cvm.core.months import add_months, month_index
from cvm.data.reduce_points import UNKNOWN, month_number

JOINED, LEFT = "joined", "left"


def reduce_tier_moves(
    months: ir.Table, *, month: date, months_apart: int = 12, column: str = "vip_tier"
) -> ir.Table:
    """Reduce two months to how many customers went from which tier to which.

    Args:
        months: Contract table ``months``.
        month: The later month.
        months_apart: How far the earlier one lies before it.
        column: Tier of a month: ``vip_tier`` or ``star``.

    Returns:
        Expression by ``from_tier`` (``joined`` for who was not in service in the earlier month) and
        ``to_tier`` (``left`` for who is not in service in the later one) with ``customers`` and
        ``bill_yuan`` (sum of the earlier month's bills, of the later one's for who joined).

    Raises:
        MissingDataError: The months have no such column.
    """
    check_at_least(months_apart, "months_apart", 1)
    check_columns(months.columns, [column, "bill_yuan"], "months")
    early, late = month_index(add_months(month, -months_apart)), month_index(month)
    rows = months.select(
        "customer_id",
        "bill_yuan",
        index=month_number(months.month),
        tier=months[column].cast("string").fill_null(UNKNOWN),
    ).filter(lambda table: table.index.isin([early, late]))
    before = rows.index == early
    each = rows.group_by("customer_id").agg(
        from_tier=before.ifelse(rows.tier, ibis.null("string")).max(),
        to_tier=before.ifelse(ibis.null("string"), rows.tier).max(),
        before_yuan=before.ifelse(rows.bill_yuan, ibis.null("float64")).max(),
        after_yuan=before.ifelse(ibis.null("float64"), rows.bill_yuan).max(),
    )
    each = each.mutate(
        from_tier=each.from_tier.fill_null(JOINED),
        to_tier=each.to_tier.fill_null(LEFT),
        bill_yuan=each.before_yuan.fill_null(each.after_yuan).fill_null(0.0),
    )
    return (
        each.group_by("from_tier", "to_tier")
        .agg(customers=each.count(), bill_yuan=each.bill_yuan.sum())
        .order_by("from_tier", "to_tier")
    )
