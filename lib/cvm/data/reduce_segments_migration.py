"""Who moved between tiers, joined or left: between two months, period by period, and by age."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from cvm.core.checks import ArgumentError, check_at_least, check_columns
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
        ``to_tier`` (``left`` for who is not in service in the later one) with ``customers``,
        ``bill_yuan`` and ``bill_squared`` (sums of the earlier month's bills and of their squares,
        of the later one's for who joined). A customer in service without a tier is ``unknown``.

    Raises:
        MissingDataError: The months have no such column.
    """
    check_at_least(months_apart, "months_apart", 1)
    before, after = (
        _rows(months.filter(months.month == end), column)
        for end in (add_months(month, -months_apart), month)
    )
    return _tally(before, after)


def reduce_tier_flows(
    months: ir.Table,
    *,
    months_to: Sequence[date],
    months_apart: int = 1,
    column: str = "vip_tier",
) -> ir.Table:
    """Reduce several periods to the moves of each: by month, or by year.

    Args:
        months: Contract table ``months``.
        months_to: The later month of each period.
        months_apart: Length of every period (months).
        column: Tier of a month: ``vip_tier`` or ``star``.

    Returns:
        Expression like that of :func:`reduce_tier_moves`, by ``month_index`` (of the later month)
        too.

    Raises:
        ArgumentError: No period.
        MissingDataError: The months have no such column.
    """
    check_at_least(months_apart, "months_apart", 1)
    if not months_to:
        raise ArgumentError("months_to", [], "at least one month")
    ends = sorted({month_index(month) for month in months_to})
    rows = _rows(months, column)
    after = rows.filter(rows.index.isin(ends))
    before = rows.filter(rows.index.isin([end - months_apart for end in ends]))
    return _tally(
        before.mutate(month_index=before.index + months_apart),
        after.mutate(month_index=after.index),
        "month_index",
    )


def reduce_tier_months(
    months: ir.Table, *, month: date, window_months: int = 25, column: str = "vip_tier"
) -> ir.Table:
    """Reduce the months up to one to who held which tier in each, and their bills.

    Args:
        months: Contract table ``months``.
        month: The last month.
        window_months: How many months, the last one among them.
        column: Tier of a month: ``vip_tier`` or ``star``.

    Returns:
        Expression by ``month`` and ``tier`` (``unknown`` where it is not on record) with
        ``customers`` and ``revenue_yuan`` (their bills of the month).

    Raises:
        MissingDataError: The months have no such column.
    """
    check_at_least(window_months, "window_months", 1)
    check_columns(months.columns, [column, "bill_yuan"], "months")
    first = add_months(month, 1 - window_months)
    rows = months.filter(months.month >= first, months.month <= month)
    tier = rows[column].cast("string").fill_null(UNKNOWN)
    return (
        rows.group_by("month", tier=tier)
        .agg(customers=rows.count(), revenue_yuan=rows.bill_yuan.sum())
        .order_by("month", "tier")
    )


def reduce_tier_ages(
    months: ir.Table,
    customers: ir.Table,
    *,
    month: date,
    years: int,
    column: str = "vip_tier",
) -> ir.Table:
    """Reduce the base of this month and of a year, two years … ago to who was still there later.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers`` with ``joined_month``.
        month: The last month.
        years: How many years back.
        column: Tier of a month: ``vip_tier`` or ``star``.

    Returns:
        Expression by ``years_ago`` (0 to ``years``), ``tier`` (held then) and ``age_years`` (full
        years since joining; null where unknown), with ``customers`` and ``stayed`` (of these, in
        service a year later; null for this month, whose future is not known).

    Raises:
        MissingDataError: A column is missing.
    """
    check_at_least(years, "years", 1)
    check_columns(customers.columns, ["customer_id", "joined_month"], "customers")
    last = month_index(month)
    rows = _rows(months, column).filter(
        lambda table: table.index.isin([last - 12 * back for back in range(years + 1)])
    )
    later = rows.select(
        "customer_id", index=(rows.index - 12).cast("int64"), here=ibis.literal(1, "int64")
    )
    each = rows.left_join(later, ["customer_id", "index"])
    joined = customers.select("customer_id", joined=month_number(customers.joined_month))
    each = each.select("customer_id", "index", "tier", "here").left_join(joined, "customer_id")
    age = (each.index - each.joined).cast("float64") / 12
    each = each.mutate(
        years_ago=((last - each.index) / 12).cast("int64"),
        age_years=(age >= 0).ifelse(age.floor().cast("int64"), ibis.null("int64")),
    )
    told = each.group_by("years_ago", "tier", "age_years").agg(
        customers=each.count(), stayed=each.here.count()
    )
    stayed = (told.years_ago > 0).ifelse(told.stayed, ibis.null("int64"))
    return told.mutate(stayed=stayed).order_by("years_ago", "tier", "age_years")


def _rows(months: ir.Table, column: str) -> ir.Table:
    check_columns(months.columns, [column, "bill_yuan"], "months")
    return months.select(
        "customer_id",
        "bill_yuan",
        index=month_number(months.month),
        tier=months[column].cast("string").fill_null(UNKNOWN),
    )


def _tally(before: ir.Table, after: ir.Table, *period: str) -> ir.Table:
    """Count customers by where they were and are; a customer stands once in each month."""
    keys = ["customer_id", *period]
    earlier = before.select(*keys, from_tier=before.tier, before_yuan=before.bill_yuan)
    later = after.select(*keys, to_tier=after.tier, after_yuan=after.bill_yuan)
    both = earlier.outer_join(later, keys)
    each = both.select(
        **{name: both[name].fill_null(both[f"{name}_right"]) for name in period},
        from_tier=both.from_tier.fill_null(JOINED),
        to_tier=both.to_tier.fill_null(LEFT),
        bill_yuan=both.before_yuan.fill_null(both.after_yuan).fill_null(0.0),
    )
    return (
        each.group_by(*period, "from_tier", "to_tier")
        .agg(
            customers=each.count(),
            bill_yuan=each.bill_yuan.sum(),
            bill_squared=(each.bill_yuan * each.bill_yuan).sum(),
        )
        .order_by(*period, "from_tier", "to_tier")
    )
