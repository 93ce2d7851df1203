"""Member-months at risk of redeeming, reduced to cells for the behaviour fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from cvm.core.checks import ArgumentError, check_at_least, check_between
from cvm.core.months import month_index
from cvm.data.reduce_points import UNKNOWN, month_number, month_of, tier_of

RATIO_EDGES = (0.25, 0.5, 0.8, 1.0, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0)
"""Upper ends of the bands of balance ÷ threshold."""
RUSH_EDGES = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75)
"""Upper ends of the bands of the share that expires soon."""
WAITED_EDGES_MONTHS = (2, 5, 8, 11, 14, 17, 23)
"""Upper ends of the bands of months qualified without redeeming."""

_SIGNS = {
    "opening": 1,
    "earned": 1,
    "transferred_in": 1,
    "redeemed": -1,
    "transferred_out": -1,
    "expired": -1,
    "forfeited": -1,
}
_IN = ("opening", "earned", "transferred_in")


def reduce_points_behaviour(
    ledger: ir.Table,
    months: ir.Table,
    *,
    threshold_points: int | Mapping[date, int],
    exceed: bool = True,
    clearing_years: int | None = None,
    clearing_month: int = 12,
    life_months: int | None = None,
    rush_months: int = 3,
    ratio_edges: Sequence[float] = RATIO_EDGES,
    since_edges_months: Sequence[int] = (3, 12),
    waited_edges_months: Sequence[int] = WAITED_EDGES_MONTHS,
    rush_edges: Sequence[float] = RUSH_EDGES,
    step_points: int = 100,
) -> ir.Table:
    """Reduce ledger and months to cells of member-months, and who redeemed in them.

    A member-month is at risk if the member has a row in ``months``. Its balance is that at the
    start of the month: the month before's ``points_balance`` where that row exists, else what the
    ledger adds up to. Time grows with ledger rows; cells are bounded by months × tiers × bands.

    Args:
        ledger: Contract table ``ledger``, with its opening rows.
        months: Contract table ``months``.
        threshold_points: Balance that qualifies, or first month → balance where it changed.
        exceed: Whether a balance must be more than it, or at least it.
        clearing_years: Points of calendar year T die in year T + this many …
        clearing_month: … at the end of this month (1–12).
        life_months: Instead of years: points die at the end of the month so many months later.
            Without either, points never expire. Both count first in, first out.
        rush_months: A lot is about to expire in this many last months of its life.
        ratio_edges: Upper ends of bands of balance ÷ threshold; the last band is open.
        since_edges_months: Upper ends of bands of months since the last redemption; the last band
            is for longer, never, or not seen in the data.
        waited_edges_months: Upper ends of bands of months in a row that a member qualified and did
            not redeem; then a band for longer, and one for those whose waiting began before the
            first month seen.
        rush_edges: Upper ends of bands of the share of the balance about to expire.
        step_points: Who is left with fewer points than this has taken everything.

    Returns:
        Expression by ``month``, ``vip_tier``, ``qualified``, ``just_qualified`` (not so a month
        before), ``ratio_band``, ``since_band``, ``waited_band`` and ``rush_band``, with sums over
        member-months: ``at_risk``, ``log_ratio_sum`` and ``log_ratio_squared_sum`` (of those who
        qualify), ``rush_share_sum``, ``balance_points``; over redeemers: ``redeemers``,
        ``redeemed_points``, ``redeemed_points_squared``, ``available_points`` (balance with the
        month's earnings), ``took_all``, and of those who took a part ``part_sum`` and
        ``part_squared_sum`` (share of the available points).

    Raises:
        ArgumentError: Both a life and clearing years, or a value out of range.
    """
    if clearing_years is not None and life_months is not None:
        raise ArgumentError("life_months", life_months, "left out where clearing_years is given")
    check_between(clearing_month, "clearing_month", low=1, high=12)
    check_at_least(rush_months, "rush_months", 1)
    check_at_least(step_points, "step_points", 1)
    earned = month_number(ledger.month)
    dies = None
    if clearing_years is not None:
        year = ledger.month.year().cast("int64")
        dies = (year + clearing_years) * 12 + clearing_month - 1
    elif life_months is not None:
        dies = earned + life_months
    due = None if dies is None else ibis.greatest(dies - rush_months + 1, earned + 1)
    rows = _standing(_events(ledger, months, earned, due))
    threshold = _threshold(rows.index, threshold_points)
    rows = rows.mutate(threshold=threshold)
    rows = rows.mutate(qualified=_qualifies(rows.start, rows.threshold, exceed))
    window = ibis.window(group_by="customer_id", order_by="index")
    before = ibis.window(
        group_by="customer_id", order_by="index", preceding=(None, 1), following=None
    )
    follows = (rows.index.lag().over(window) == rows.index - 1).fill_null(False)
    was_below = ~rows.qualified.lag().over(window).fill_null(True)
    last_below = rows.qualified.ifelse(ibis.null("int64"), rows.index).max().over(before)
    # Not known for those who qualify from the first month seen on and have not redeemed since.
    since = ibis.greatest(last_below.fill_null(-1), rows.last_redeemed.fill_null(-1))
    rows = rows.mutate(
        just_qualified=rows.qualified & follows & was_below,
        waited=(rows.qualified & (since >= 0)).ifelse(rows.index - since - 1, ibis.null("int64")),
    )
    return _cells(
        _measured(rows, step_points),
        tuple(ratio_edges),
        tuple(since_edges_months),
        tuple(waited_edges_months),
        tuple(rush_edges),
    )


def _events(
    ledger: ir.Table, months: ir.Table, earned: ir.IntegerValue, due: ir.IntegerValue | None
) -> ir.Table:
    """Return one row a customer and month in which anything happens, with sums of what does."""
    zero = ibis.literal(0, "int64")
    columns = ("change", "received", "gone", "redeemed", "due", "in_service", "closing")
    nothing = dict.fromkeys(columns, zero) | {"closing": ibis.null("int64")}
    into = ledger.entry.isin(_IN)
    out = ledger.entry.isin([name for name, sign in _SIGNS.items() if sign < 0])
    points = ledger.points.cast("int64")
    given_away = (ledger.entry == "transferred_out").ifelse(points, zero)
    redeemed = (ledger.entry == "redeemed").ifelse(points, zero)
    moves = ledger.select(
        "customer_id",
        index=earned,
        vip_tier=ibis.null("string"),
        **nothing
        | {
            "change": into.ifelse(points, zero) - out.ifelse(points, zero),
            "received": into.ifelse(points, zero) - given_away,
            "gone": out.ifelse(points, zero),
            "redeemed": redeemed,
        },
    )
    balance = (
        months.points_balance.cast("int64")
        if "points_balance" in months.columns
        else ibis.null("int64")
    )
    tiers = tier_of(months.mutate(closing=balance), "closing")
    service = tiers.select(
        "customer_id",
        index=month_number(tiers.month),
        vip_tier=tiers.vip_tier,
        **nothing | {"in_service": ibis.literal(1, "int64"), "closing": tiers.closing},
    )
    parts = [moves, service]
    if due is not None:
        lots = ledger.mutate(due_index=due).filter(into)
        parts.append(
            lots.select(
                "customer_id",
                index=lots.due_index,
                vip_tier=ibis.null("string"),
                **nothing | {"due": lots.points.cast("int64")},
            )
        )
    rows = ibis.union(*parts)
    return rows.group_by("customer_id", "index").agg(
        vip_tier=rows.vip_tier.max(),
        **{name: rows[name].sum().cast("int64") for name in columns[:-2]},
        in_service=rows.in_service.max(),
        closing=rows.closing.max(),
    )


def _standing(events: ir.Table) -> ir.Table:
    """Return member-months in service with what stood at their start."""
    before = ibis.window(
        group_by="customer_id", order_by="index", preceding=(None, 1), following=None
    )
    upto = ibis.window(group_by="customer_id", order_by="index", preceding=None, following=0)
    rows = events.mutate(
        held=events.change.sum().over(before).fill_null(0).cast("int64"),
        gone_before=events.gone.sum().over(before).fill_null(0).cast("int64"),
        due_upto=events.due.sum().over(upto).cast("int64"),
        last_redeemed=(events.redeemed > 0)
        .ifelse(events.index, ibis.null("int64"))
        .max()
        .over(before),
    )
    rows = rows.filter(rows.in_service == 1)
    months = ibis.window(group_by="customer_id", order_by="index")
    follows = (rows.index.lag().over(months) == rows.index - 1).fill_null(False)
    start = follows.ifelse(rows.closing.lag().over(months), rows.held).fill_null(rows.held)
    rows = rows.mutate(start=ibis.greatest(start, 0))
    expiring = ibis.least(ibis.greatest(rows.due_upto - rows.gone_before, 0), rows.start)
    return rows.mutate(expiring=expiring, since=rows.index - rows.last_redeemed)


def _measured(rows: ir.Table, step_points: int) -> ir.Table:
    """Return member-months with the ratios and shares that the cells add up."""
    ratio = rows.start.cast("float64") / ibis.greatest(rows.threshold, 1)
    share = (rows.start > 0).ifelse(
        rows.expiring / ibis.greatest(rows.start, 1).cast("float64"), 0.0
    )
    redeems = rows.redeemed > 0
    available = ibis.greatest(rows.start + rows.received, rows.redeemed)
    rows = rows.mutate(
        ratio=ratio,
        log_ratio=rows.qualified.ifelse(ibis.greatest(ratio, 1e-9).ln(), 0.0),
        rush_share=share,
        redeems=redeems.cast("int64"),
        available=redeems.ifelse(available, 0),
    )
    everything = (rows.redeems == 1) & (rows.available - rows.redeemed < step_points)
    part = rows.redeemed / ibis.greatest(rows.available, 1).cast("float64")
    return rows.mutate(
        took_all=everything.cast("int64"),
        part=((rows.redeems == 1) & ~everything).ifelse(part, 0.0),
    )


def _cells(
    rows: ir.Table,
    ratio_edges: tuple[float, ...],
    since_edges: tuple[int, ...],
    waited_edges: tuple[int, ...],
    rush_edges: tuple[float, ...],
) -> ir.Table:
    rows = rows.mutate(
        vip_tier=rows.vip_tier.fill_null(UNKNOWN),
        ratio_band=_band(rows.ratio, ratio_edges),
        since_band=_band(rows.since, since_edges),
        waited_band=_waited_band(rows, waited_edges),
        rush_band=_band(rows.rush_share, rush_edges),
    )
    keys = (
        "index", "vip_tier", "qualified", "just_qualified", "ratio_band", "since_band",
        "waited_band", "rush_band",
    )  # fmt: skip
    size = rows.redeemed.cast("float64")
    return (
        rows.group_by(*keys)
        .agg(
            at_risk=rows.count(),
            log_ratio_sum=rows.log_ratio.sum(),
            log_ratio_squared_sum=(rows.log_ratio * rows.log_ratio).sum(),
            rush_share_sum=rows.rush_share.sum(),
            balance_points=rows.start.sum().cast("int64"),
            redeemers=rows.redeems.sum(),
            redeemed_points=rows.redeemed.sum().cast("int64"),
            redeemed_points_squared=(size * size).sum(),
            available_points=rows.available.sum().cast("int64"),
            took_all=rows.took_all.sum(),
            part_sum=rows.part.sum(),
            part_squared_sum=(rows.part * rows.part).sum(),
        )
        .mutate(month=month_of(ibis._.index))
        .drop("index")
        .relocate("month")
        .order_by("month", *keys[1:])
    )


def _waited_band(rows: ir.Table, edges: Sequence[int]) -> ir.IntegerValue:
    unknown = rows.qualified & rows.waited.isnull()
    known = rows.qualified.ifelse(_band(rows.waited, edges), ibis.literal(0, "int64"))
    return unknown.ifelse(ibis.literal(len(edges) + 1, "int64"), known)


def _band(value: ir.NumericValue, edges: Sequence[float]) -> ir.IntegerValue:
    """Return in how many-th band a value lies; above the last edge and null: the last band."""
    cases = [(value <= edge, ibis.literal(at, "int64")) for at, edge in enumerate(edges)]
    return ibis.cases(*cases, else_=ibis.literal(len(edges), "int64"))


def _qualifies(
    balance: ir.IntegerValue, threshold: ir.IntegerValue, exceed: bool
) -> ir.BooleanValue:
    enough = balance > threshold if exceed else balance >= threshold
    return enough & (balance > 0)


def _threshold(index: ir.IntegerValue, threshold: int | Mapping[date, int]) -> ir.IntegerValue:
    """Return the threshold in force in each month; before the first one given, the first."""
    if not isinstance(threshold, Mapping):
        check_at_least(threshold, "threshold_points", 0)
        return ibis.literal(threshold, "int64")
    if not threshold:
        raise ArgumentError("threshold_points", "empty", "a number, or months and numbers")
    since = sorted(threshold, reverse=True)
    cases = [
        (index >= month_index(month), ibis.literal(threshold[month], "int64")) for month in since
    ]
    return ibis.cases(*cases, else_=ibis.literal(threshold[since[-1]], "int64"))
