"""Points by month of earning and age: the redemption triangle, first in first out, exactly.

A member's points stand in a row by month of earning; whatever leaves takes the oldest. So each
month's points and each movement are stretches of one line, and a movement took from a month's
points what the two stretches share. That is exact to the point where all points of an account
have one life; where classes live differently, reduce one class at a time.

Scale: the join meets, for each member, months of earning with movements out (some 40 × 10 in three
years), member by member, so time grows with members and the result does not.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from cvm.core.months import month_index, parse_month
from cvm.data.reduce_points import month_number, month_of

_OUT = {"redeemed": 0, "transferred_out": 1, "expired": 2, "forfeited": 3}
_IN = ("opening", "earned", "transferred_in")


def reduce_points_vintages(
    ledger: ir.Table, *, first_month: str | date | None = None, point_class: str | None = None
) -> ir.Table:
    """Reduce the ledger to points by month of earning (vintage) and age.

    Within a month: earn and receive, redeem, give away, expire, forfeit. Points received are a
    vintage of the month they arrive; points given away are no longer issued to the giver, so that
    none is counted twice. The frame is what :func:`cvm.points.triangle_build.build_triangle` takes.

    Args:
        ledger: Contract table ``ledger``.
        first_month: First vintage returned. Opening balances hold only what was left of older
            vintages: their redemption before the ledger is not known, so leave them out of a
            triangle (give the ledger's first month of movements).
        point_class: Only this class.

    Returns:
        Expression with ``vintage``, ``age_months``, ``redeemed_points``, ``expired_points``,
        ``forfeited_points`` (in that month) and ``issued_points`` (of the vintage, net of what was
        given away), by vintage and age; months without movement are left out, except age 0.
    """
    if point_class is not None:
        ledger = ledger.filter(ledger.point_class == point_class)
    ledger = ledger.filter(ledger.points > 0)
    lots, moves = _lots(ledger), _moves(ledger)
    shared = _shared(lots, moves)
    cells = ibis.union(
        lots.select(
            "lot", age=ibis.literal(0, "int64"), entry=ibis.literal("issued"), points="points"
        ),
        shared.select("lot", "age", "entry", "points"),
    )
    if first_month is not None:
        cells = cells.filter(cells.lot >= month_index(parse_month(first_month, "first_month")))

    def of(entry: str) -> ir.IntegerValue:
        return (cells.entry == entry).ifelse(cells.points, 0)

    by_age = cells.group_by("lot", "age").agg(
        redeemed_points=of("redeemed").sum().cast("int64"),
        expired_points=of("expired").sum().cast("int64"),
        forfeited_points=of("forfeited").sum().cast("int64"),
        net=(of("issued") - of("transferred_out")).sum().cast("int64"),
    )
    issued = by_age.net.sum().over(ibis.window(group_by="lot")).cast("int64")
    moved = by_age.redeemed_points + by_age.expired_points + by_age.forfeited_points
    return (
        by_age.mutate(issued_points=issued, moved=moved, vintage=month_of(by_age.lot))
        .filter(lambda table: (table.age == 0) | (table.moved > 0))
        .select(
            "vintage",
            "redeemed_points",
            "expired_points",
            "forfeited_points",
            "issued_points",
            age_months=ibis._.age,
        )
        .relocate("vintage", "age_months")
        .order_by("vintage", "age_months")
    )


def _lots(ledger: ir.Table) -> ir.Table:
    """Return each member's months of earning as stretches of the line."""
    rows = ledger.filter(ledger.entry.isin(_IN))
    lots = (
        rows.mutate(lot=month_number(rows.month))
        .group_by("customer_id", "lot")
        .agg(points=ibis._.points.sum().cast("int64"))
    )
    upto = lots.points.sum().over(
        ibis.window(group_by="customer_id", order_by="lot", preceding=None, following=0)
    )
    return lots.mutate(end=upto.cast("int64")).mutate(start=ibis._.end - ibis._.points)


def _moves(ledger: ir.Table) -> ir.Table:
    """Return each member's movements out as stretches of the same line."""
    rows = ledger.filter(ledger.entry.isin(list(_OUT)))
    place = rows.entry.cases(*_OUT.items(), else_=len(_OUT))
    moves = (
        rows.mutate(index=month_number(rows.month), place=place)
        .group_by("customer_id", "index", "place", "entry")
        .agg(points=ibis._.points.sum().cast("int64"))
    )
    upto = moves.points.sum().over(
        ibis.window(
            group_by="customer_id", order_by=["index", "place"], preceding=None, following=0
        )
    )
    return moves.select(
        "index", "entry", member=moves.customer_id, upto=upto.cast("int64"), taken=moves.points
    )


def _shared(lots: ir.Table, moves: ir.Table) -> ir.Table:
    moves = moves.mutate(begin=moves.upto - moves.taken)
    pairs = lots.join(
        moves,
        [lots.customer_id == moves.member, lots.start < moves.upto, moves.begin < lots.end],
    )
    low = ibis.greatest(pairs.start, pairs.begin)
    high = ibis.least(pairs.end, pairs.upto)
    return pairs.select("lot", "entry", age=pairs.index - pairs.lot, points=high - low)
