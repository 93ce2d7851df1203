"""Members at the start of a points budget: what they hold, earn and spend, and who leaves.

The budget is projected from cells of members (:func:`cvm.points.population.reduce_members`). Its
inputs are one row a member and one row a member and year of earning, both computed by the engine.
Time and memory grow with members (two rows of 100 bytes and some three of 24 for each); everything
after the cells does not.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_at_least, check_columns
from cvm.core.months import month_index
from cvm.data.engine import collect
from cvm.data.reduce_points import UNKNOWN, month_number, tier_of

_IN = ("opening", "earned", "transferred_in")
TENURE_EDGES_MONTHS = (12, 36)
"""Upper ends of the bands of tenure in which leaving is counted."""
UNKNOWN_TENURE_MONTHS = 120


def reduce_points_members(
    months: ir.Table,
    customers: ir.Table,
    ledger: ir.Table | None = None,
    *,
    first_month: date,
    window_months: int = 12,
    data_minimum_yuan: float = 10.0,
    on_time_months: int = 6,
) -> ir.Table:
    """Reduce the months before a projection to one row a member in service at its start.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers``.
        ledger: Contract table ``ledger``; without it ``earned_points`` is null.
        first_month: First month to project; members are those in service the month before.
        window_months: Months over which a member's habits are averaged.
        data_minimum_yuan: Data spend that earns the data award.
        on_time_months: Consecutive months on time that earn the credit award.

    Returns:
        Expression by ``customer_id`` with ``vip_tier``, ``county``, ``tenure_months``,
        ``points_balance`` (null where the months carry none), ``bill_yuan`` (a month),
        ``on_time_share`` (of months that earn the credit award; 1 where payment is not known),
        ``data_reach_share`` (of months that earn the data award; 1 where data spend is not known),
        ``data_yuan`` (a month), ``earned_points`` (a month).
    """
    check_at_least(window_months, "window_months", 1)
    start = month_index(first_month)
    rows = _with_streaks(months, start, on_time_months)
    rows = rows.filter(rows.index >= start - window_months)
    has_data, has_balance = "data_yuan" in months.columns, "points_balance" in months.columns
    reached, spent = ibis.literal(1.0), ibis.literal(0.0)
    if has_data:
        reached = (rows.data_yuan >= data_minimum_yuan).cast("float64").mean()
        spent = rows.data_yuan.mean()
    last = rows.index == start - 1
    balance = last.ifelse(rows.points_balance, ibis.null("int64")).max() if has_balance else None
    members = rows.group_by("customer_id").agg(
        vip_tier=last.ifelse(rows.vip_tier, ibis.null("string")).max(),
        points_balance=ibis.null("int64") if balance is None else balance.cast("int64"),
        in_service=last.cast("int64").max(),
        served=rows.count(),
        bill_yuan=rows.bill_yuan.mean(),
        on_time_share=rows.award.cast("float64").mean(),
        data_reach_share=reached,
        data_yuan=spent,
    )
    members = members.filter(members.in_service == 1).drop("in_service")
    members = members.left_join(_fixed(customers, start), "customer_id").drop("customer_id_right")
    if ledger is None:
        members = members.mutate(earned_points=ibis.null("float64"))
    else:
        at = month_number(ledger.month)
        inside = ledger.filter(ledger.entry == "earned", at >= start - window_months, at < start)
        earned = inside.group_by("customer_id").agg(earned=inside.points.sum())
        members = members.left_join(earned, "customer_id").drop("customer_id_right")
        mean = members.earned.fill_null(0).cast("float64") / members.served
        members = members.mutate(earned_points=mean).drop("earned")
    return members.drop("served").order_by("customer_id")


def reduce_points_lots(
    ledger: ir.Table, *, first_month: date, by_year: bool = True, by_class: bool = False
) -> ir.Table:
    """Reduce the ledger to the points each member holds, by when they were earned.

    What left took the oldest first, so a member holds the newest points received: of those earned
    up to a month, all that exceed what has left so far.

    Args:
        ledger: Contract table ``ledger``, with its opening rows.
        first_month: Only what happened before it counts.
        by_year: Add up calendar years, dated by their last month before ``first_month``: enough
            wherever clearing goes by calendar years.
        by_class: Follow each point class on its own, as the ledger books it; needed where classes
            live differently long.

    Returns:
        Expression with ``customer_id``, ``point_class`` (with ``by_class``), ``lot_index`` (month
        index of earning) and ``points`` (above 0), by all of these.

    Raises:
        MissingDataError: The ledger has no point class, and ``by_class`` is asked for.
    """
    if by_class:
        check_columns(ledger.columns, ["point_class"], "ledger")
    keys = ["customer_id", "point_class"] if by_class else ["customer_id"]
    start = month_index(first_month)
    moves = ledger.filter(month_number(ledger.month) < start, ledger.points > 0)
    index = month_number(moves.month)
    if by_year:
        index = ibis.least(index - index % 12 + 11, ibis.literal(start - 1, "int64"))
    moves = moves.mutate(index=index.cast("int64"), into=moves.entry.isin(_IN))
    gone = moves.group_by(keys).agg(gone=moves.into.ifelse(0, moves.points).sum().cast("int64"))
    lots = moves.filter(moves.into).group_by(*keys, "index")
    lots = lots.agg(points=ibis._.points.sum().cast("int64"))
    upto = lots.points.sum().over(
        ibis.window(group_by=keys, order_by="index", preceding=None, following=0)
    )
    lots = lots.mutate(upto=upto.cast("int64")).left_join(gone, keys)
    left = ibis.least(lots.points, ibis.greatest(lots.upto - lots.gone, 0))
    return (
        lots.select(*keys, lot_index=lots.index, points=left.cast("int64"))
        .filter(lambda table: table.points > 0)
        .order_by(*keys, "lot_index")
    )


def reduce_points_leaving(
    months: ir.Table, customers: ir.Table, *, first_month: date, window_months: int = 12
) -> ir.Table:
    """Reduce the months before a projection to who was there and did not come again.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers``; its ``joined_month`` tells joiners.
        first_month: First month to project.
        window_months: Months looked back on.

    Returns:
        Expression by ``vip_tier`` and ``tenure_band`` (0 up to 12 months, 1 up to 36, 2 beyond)
        with ``at_risk`` (member-months that had a month after them), ``left`` (of these, followed
        by none) and ``joined`` (members who joined within the window).
    """
    start = month_index(first_month)
    tiers = tier_of(months)
    rows = tiers.select("customer_id", "vip_tier", index=month_number(tiers.month))
    rows = rows.filter(rows.index >= start - window_months - 1, rows.index < start)
    following = rows.select("customer_id", index=rows.index - 1, stays=ibis.literal(1, "int64"))
    rows = rows.left_join(following, ["customer_id", "index"]).drop(
        "customer_id_right", "index_right"
    )
    fixed = _fixed(customers, start).select("customer_id", "joined_index")
    rows = rows.left_join(fixed, "customer_id").drop("customer_id_right")
    tenure = (rows.index - rows.joined_index).fill_null(UNKNOWN_TENURE_MONTHS)
    low, high = TENURE_EDGES_MONTHS
    at_risk = rows.index < start - 1
    rows = rows.mutate(
        tenure_band=ibis.cases((tenure <= low, 0), (tenure <= high, 1), else_=2).cast("int64"),
        risk=at_risk.cast("int64"),
        gone=(at_risk & rows.stays.isnull()).cast("int64"),
        came=(rows.index == rows.joined_index).fill_null(False)
        & (rows.index >= start - window_months),
    )
    return (
        rows.group_by("vip_tier", "tenure_band")
        .agg(at_risk=rows.risk.sum(), left=rows.gone.sum(), joined=rows.came.cast("int64").sum())
        .order_by("vip_tier", "tenure_band")
    )


def collect_points_start(
    months: ir.Table,
    customers: ir.Table,
    ledger: ir.Table | None,
    *,
    first_month: date,
    by_year: bool = True,
    by_class: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Return what :class:`cvm.points.forecast.Start` takes, as frames.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers``.
        ledger: Contract table ``ledger``, or None.
        first_month: First month to project.
        by_year: Of :func:`reduce_points_lots`.
        by_class: Of :func:`reduce_points_lots`.
        options: Of :func:`reduce_points_members`.

    Returns:
        ``first_month``, ``members``, ``leaving``, ``lots`` (None without a ledger).
    """
    members = reduce_points_members(months, customers, ledger, first_month=first_month, **options)
    leaving = reduce_points_leaving(months, customers, first_month=first_month)
    lots = None
    if ledger is not None:
        lots = collect(
            reduce_points_lots(ledger, first_month=first_month, by_year=by_year, by_class=by_class)
        )
    return {
        "first_month": first_month,
        "members": collect(members),
        "leaving": collect(leaving),
        "lots": lots,
    }


def _with_streaks(months: ir.Table, start: int, on_time_months: int) -> ir.Table:
    """Return months before the start with ``award``: on time in so many months up to this one."""
    pays = "paid_on_time" in months.columns
    wanted = ["bill_yuan"]
    wanted += [name for name in ("data_yuan", "points_balance") if name in months.columns]
    wanted += ["paid_on_time"] if pays else []
    tiers = tier_of(months, *wanted)
    rows = tiers.mutate(index=month_number(tiers.month)).filter(ibis._.index < start)
    if not pays:
        return rows.mutate(award=ibis.literal(1, "int64"))
    window = ibis.window(
        group_by="customer_id", order_by="index", preceding=on_time_months - 1, following=0
    )
    late = (~rows.paid_on_time.fill_null(True)).cast("int64").sum().over(window)
    # A member's first months rest on what came before the data: taken as it goes on.
    return rows.mutate(award=(late == 0).cast("int64"))


def _fixed(customers: ir.Table, start: int) -> ir.Table:
    """Return customers with county, month of joining and tenure at the start."""
    has_joined = "joined_month" in customers.columns
    joined = month_number(customers.joined_month) if has_joined else ibis.null("int64")
    county = customers.county if "county" in customers.columns else ibis.null("string")
    tenure = ibis.greatest(start - joined, 0).fill_null(UNKNOWN_TENURE_MONTHS)
    return customers.select(
        "customer_id",
        county=county.fill_null(UNKNOWN),
        joined_index=joined,
        tenure_months=tenure.cast("int64"),
    )
