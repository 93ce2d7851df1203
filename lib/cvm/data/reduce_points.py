"""Points by month and group, for the budget and the roll-forward; and redemptions by channel."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_columns, check_one_of

FLOWS = (
    "opening",
    "earned",
    "redeemed",
    "expired",
    "forfeited",
    "transferred_in",
    "transferred_out",
)
"""Entries of the ledger, in the order of the columns."""

UNKNOWN = "unknown"
"""Group of points whose customer has no row to tell it."""

_GROUPS = {"vip_tier": "months", "star": "months", "county": "customers", "brand": "customers"}


def reduce_points_flows(
    ledger: ir.Table,
    months: ir.Table,
    customers: ir.Table | None = None,
    *,
    by: Sequence[str] = ("vip_tier",),
) -> ir.Table:
    """Reduce the ledger to points by month and group, with members and revenue.

    A movement belongs to the group the customer is in that month; what is forfeited on leaving, to
    the group of the month before; an opening, to the group of the customer's first month. Over all
    groups, opening + earned + in − redeemed − expired − forfeited − out is what members hold. In a
    group it need not be, as members change tiers: ``balance_points`` tells what it holds.

    Args:
        ledger: Contract table ``ledger``.
        months: Contract table ``months``.
        customers: Contract table ``customers``, for groups that stand there.
        by: Groups: ``vip_tier``, ``star``, ``county``, ``brand``; none for months alone.

    Returns:
        Expression with ``month``, the groups, ``members`` (in service), ``revenue_yuan``,
        ``balance_points`` (at the month's end; null where the months carry none), one column of
        points an entry (``opening_points``, ``earned_points`` …), ``redemptions`` (ledger rows of
        redemption are added up: customer-months), ``cost_yuan`` (null without the column).

    Raises:
        ArgumentError: There is no such group.
        MissingDataError: Its table or column is missing.
    """
    for name in by:
        check_one_of(name, "by", _GROUPS)
    own = [name for name in by if _GROUPS[name] == "months"]
    fixed = [name for name in by if _GROUPS[name] == "customers"]
    check_columns(months.columns, own, "months")
    check_columns([] if customers is None else customers.columns, fixed, "customers")
    panel = _panel(months, own)
    flows = _with_groups(_customer_flows(ledger), panel, own)
    rows = ibis.union(panel.select(*flows.columns), flows)
    if fixed and customers is not None:
        rows = rows.left_join(customers.select("customer_id", *fixed), "customer_id")
        rows = rows.mutate(**{name: rows[name].fill_null(UNKNOWN) for name in fixed})
    return (
        rows.group_by("index", *by)
        .agg(
            members=rows.members.sum(),
            revenue_yuan=rows.revenue_yuan.sum(),
            balance_points=rows.balance_points.sum(),
            **{f"{entry}_points": rows[f"{entry}_points"].sum() for entry in FLOWS},
            redemptions=rows.redemptions.sum(),
            cost_yuan=rows.cost_yuan.sum(),
        )
        .mutate(month=month_of(ibis._.index))
        .drop("index")
        .relocate("month")
        .order_by("month", *by)
    )


def reduce_points_channels(ledger: ir.Table, months: ir.Table) -> ir.Table:
    """Reduce redemptions to month, tier and channel.

    Args:
        ledger: Contract table ``ledger``, with ``channel``.
        months: Contract table ``months``; its ``vip_tier`` is the tier, ``none`` without one.

    Returns:
        Expression with ``month``, ``vip_tier``, ``channel``, ``redemptions`` (customer-months),
        ``points``, ``points_squared`` (their sum of squares, for errors of shares) and
        ``cost_yuan`` (null without the column).

    Raises:
        MissingDataError: The ledger has no channel.
    """
    check_columns(ledger.columns, ["channel"], "ledger")
    rows = ledger.filter(ledger.entry == "redeemed", ledger.points > 0)
    single = rows.group_by("customer_id", "month", "channel").agg(
        points=rows.points.sum().cast("int64"), cost_yuan=_sum(rows, "cost_yuan")
    )
    tiers = tier_of(months)
    joined = single.left_join(tiers, ["customer_id", "month"])
    joined = joined.mutate(vip_tier=joined.vip_tier.fill_null(UNKNOWN))
    size = joined.points.cast("float64")
    return (
        joined.group_by("month", "vip_tier", "channel")
        .agg(
            redemptions=joined.count(),
            points=joined.points.sum().cast("int64"),
            points_squared=(size * size).sum(),
            cost_yuan=joined.cost_yuan.sum(),
        )
        .order_by("month", "vip_tier", "channel")
    )


def month_number(month: ir.DateValue) -> ir.IntegerValue:
    """Return the month's number, as :func:`cvm.core.months.month_index` does."""
    return (month.year() * 12 + month.month() - 1).cast("int64")


def month_of(index: ir.IntegerValue) -> ir.DateValue:
    """Return the first day of the month with this number."""
    year = (index - index % 12) / 12
    return ibis.date(year.round().cast("int32"), (index % 12 + 1).cast("int32"), 1)


def tier_of(months: ir.Table, *columns: str) -> ir.Table:
    """Return customer, month, ``vip_tier`` (``none`` where there is none) and more columns."""
    known = "vip_tier" in months.columns
    tier = months.vip_tier.fill_null("none") if known else ibis.literal("none")
    return months.select("customer_id", "month", *columns, vip_tier=tier)


def _panel(months: ir.Table, own: Sequence[str]) -> ir.Table:
    has_balance = "points_balance" in months.columns
    zero = ibis.literal(0, "int64")
    return months.select(
        "customer_id",
        index=month_number(months.month),
        **{name: months[name].cast("string").fill_null(UNKNOWN) for name in own},
        members=ibis.literal(1, "int64"),
        revenue_yuan=months.bill_yuan,
        balance_points=months.points_balance.cast("int64") if has_balance else ibis.null("int64"),
        **{f"{entry}_points": zero for entry in FLOWS},
        redemptions=zero,
        cost_yuan=ibis.null("float64"),
    )


def _customer_flows(ledger: ir.Table) -> ir.Table:
    """Return one row a customer and month with the points of each entry."""
    grouped = ledger.mutate(index=month_number(ledger.month)).group_by("customer_id", "index")
    rows = grouped.agg(
        **{
            f"{entry}_points": (ledger.entry == entry).ifelse(ledger.points, 0).sum().cast("int64")
            for entry in FLOWS
        },
        cost_yuan=_sum(ledger, "cost_yuan"),
    )
    return rows.mutate(redemptions=(rows.redeemed_points > 0).cast("int64"))


def _with_groups(flows: ir.Table, panel: ir.Table, own: Sequence[str]) -> ir.Table:
    """Give each movement the group of its month, else of the month before, else the first."""
    names = ["customer_id", "index", *own]
    if own:
        here = panel.select(*names)
        before = panel.select(
            "customer_id", index=panel.index + 1, **{f"{name}_before": panel[name] for name in own}
        )
        firsts = panel.group_by("customer_id").agg(
            **{f"{name}_first": panel[name].argmin(panel.index) for name in own}
        )
        flows = flows.left_join(here, ["customer_id", "index"]).drop(
            "customer_id_right", "index_right"
        )
        flows = flows.left_join(before, ["customer_id", "index"]).drop(
            "customer_id_right", "index_right"
        )
        flows = flows.left_join(firsts, "customer_id").drop("customer_id_right")
        flows = flows.mutate(
            **{
                name: ibis.coalesce(
                    flows[name], flows[f"{name}_before"], flows[f"{name}_first"], UNKNOWN
                )
                for name in own
            }
        )
    return flows.select(
        *names,
        members=ibis.literal(0, "int64"),
        revenue_yuan=ibis.literal(0.0),
        balance_points=ibis.null("int64"),
        **{f"{entry}_points": flows[f"{entry}_points"] for entry in FLOWS},
        redemptions=flows.redemptions,
        cost_yuan=flows.cost_yuan,
    )


def _sum(table: ir.Table, column: str) -> ir.FloatingValue:
    if column not in table.columns:
        return ibis.null("float64")
    return table[column].sum()
