"""Customers of a month with their tiers, bands and scene: rows inside the engine, never collected.

:func:`segment_rows` is the one expression behind every table of value segments: a single pass over
the months adds up what each window needs, and scores, levels and bands are made of those sums.
Amounts are added up in fen, as whole numbers, so that a score that lies on a cut is not moved off
it by the order of addition, and both engines agree to the last digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_columns
from cvm.core.months import add_months
from cvm.data.reduce_points import month_number
from cvm.data.reduce_segments_ratings import (
    FEN,
    SCORE_DECIMALS,
    Terms,
    first_month_of,
    ladder_needs,
    level_of,
    rate,
    windows_of,
)

_HALF_FEN = 0.005


def segment_rows(
    months: ir.Table,
    customers: ir.Table,
    accounts: ir.Table | None = None,
    ledger: ir.Table | None = None,
    *,
    month: date,
    ladders: Mapping[str, Terms] | None = None,
    bands: Mapping[str, Sequence[float]] | None = None,
    scenes: Mapping[str, float] | None = None,
    by: Sequence[str] = (),
    window_months: int = 12,
) -> ir.Table:
    """Return the customers in service in a month, one row each.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers``.
        accounts: Contract table ``accounts``, for grades by members.
        ledger: Contract table ``ledger``: consumption points earned are read from it; without it a
            month's points are the whole yuan of its bill.
        month: The month; customers are those with a row in it.
        ladders: Terms of :meth:`cvm.segments.tierbook.TierBook.terms`, under any names.
        bands: A column of ``months`` (its mean over the months in service of the window) or of
            ``customers`` → rising cuts; a cut belongs to the band above it.
        scenes: ``data_share_from``, ``local_share_to``, ``roaming_share_from``; see
            :class:`cvm.segments.scenes.SceneRules`.
        by: Columns of ``months`` (as of the month) or ``customers`` to carry along.
        window_months: Window of amounts, bands and scenes, up to the month.

    Returns:
        Expression with ``customer_id``, ``revenue_fen``, ``margin_fen`` (null without costs),
        ``stopped`` (1 with an arrears stop in the window), ``months_seen``; for each ladder
        ``<ladder>_level`` (−1 unrated, 0 below the lowest tier), ``<ladder>_score`` and
        ``<ladder>_cap``; for each band ``<column>_band`` (−1 unknown); ``scene``; the columns of
        ``by`` as text, ``unknown`` where missing.

    Raises:
        MissingDataError: A ladder, band or group needs a column that is not there.
    """
    ladders, bands = ladders or {}, bands or {}
    _check(months, customers, accounts, ladders, bands, scenes, by)
    first = add_months(month, 1 - window_months)
    windows = windows_of(ladders)
    sums = _Sums(months, ledger, first_month_of(windows, first), month)
    made: dict[str, ir.Value] = {
        "months_seen": sums.count(first, month),
        "revenue_fen": sums.fen("bill_yuan", first, month),
        "cost_fen": sums.fen("variable_cost_yuan", first, month),
        "stops": sums.total("arrears_stops", first, month),
    }
    own = [name for name in by if name in months.columns]
    made |= {name: sums.latest(name) for name in own}
    averaged = [name for name in bands if name in months.columns]
    made |= {f"{name}_fen": sums.fen(name, first, month) for name in averaged}
    if scenes is not None:
        wanted = ("voice_yuan", "data_yuan", "voice_minutes", "roaming_minutes")
        made |= {f"{name}_fen": sums.fen(name, first, month) for name in wanted}
    for key, item in windows.items():
        made |= sums.window(key, item)
    rows = sums.collapse(made)
    spending = [key for key, item in windows.items() if item["account_bill_yuan"]]
    if spending:
        rows = sums.with_accounts(rows, customers, spending)
    rows = _with_customers(rows, customers, accounts, ladders, bands, by)
    return _finished(rows, ladders, bands, averaged, scenes, by)


def _check(
    months: ir.Table,
    customers: ir.Table,
    accounts: ir.Table | None,
    ladders: Mapping[str, Terms],
    bands: Mapping[str, Sequence[float]],
    scenes: Mapping[str, float] | None,
    by: Sequence[str],
) -> None:
    tables = {"months": months, "customers": customers, "accounts": accounts}
    for terms in ladders.values():
        for name, columns in ladder_needs(terms).items():
            table = tables[name]
            check_columns([] if table is None else table.columns, columns, name)
    if scenes is not None:
        check_columns(
            months.columns,
            ["voice_yuan", "data_yuan", "voice_minutes", "roaming_minutes"],
            "months",
        )
    elsewhere = [name for name in (*bands, *by) if name not in months.columns]
    check_columns(customers.columns, elsewhere, "customers")


class _Sums:
    """Sums of a customer's months within windows, as aggregates of one pass.

    Yuan are added up as they are and rounded to fen afterwards: a customer's few bills are whole
    fen, and far less than half a fen is lost in any order of addition.
    """

    def __init__(self, months: ir.Table, ledger: ir.Table | None, first: date, month: date) -> None:
        self.months = months.filter(months.month >= first, months.month <= month)
        self.ledger, self.first, self.month = ledger, first, month
        self.points: dict[str, tuple[date, date]] = {}

    def _kept(self, value: ir.NumericValue, first: date, last: date) -> ir.NumericValue:
        """Return the value in the window and 0 outside it."""
        if first <= self.first and last >= self.month:
            return value
        when = self.months.month
        return ((when >= first) & (when <= last)).ifelse(value, 0)

    def count(self, first: date, last: date) -> ir.Value:
        if first <= self.first and last >= self.month:
            return self.months.count().cast("int64")
        return self._kept(ibis.literal(1.0), first, last).sum().cast("int64")

    def fen(self, name: str, first: date, last: date) -> ir.Value:
        if name not in self.months.columns:
            return ibis.null("int64")
        total = self._kept(self.months[name].cast("float64"), first, last).sum()
        return (total * FEN).round().fill_null(0).cast("int64")

    def total(self, name: str, first: date, last: date) -> ir.Value:
        if name not in self.months.columns:
            return ibis.literal(0, "int64")
        value = self.months[name].cast("float64")
        return self._kept(value, first, last).sum().fill_null(0).cast("int64")

    def latest(self, name: str) -> ir.Value:
        value = self.months[name].cast("string")
        return (self.months.month == self.month).ifelse(value, ibis.null("string")).max()

    def window(self, key: str, item: Terms) -> dict[str, ir.Value]:
        """Return what scores need of one window, and no more."""
        first, last = item["first_month"], item["last_month"]
        found = {
            f"{key}_n": self.count(first, last),
            f"{key}_fen": self.fen("bill_yuan", first, last),
            f"{key}_stops": self.total("arrears_stops", first, last),
        }
        if item["point"] and self.ledger is None:
            # A bill of 300 yuan that is held as 299.999… has 300 whole yuan.
            whole = (self.months.bill_yuan + _HALF_FEN).floor().cast("int32")
            found[f"{key}_points"] = self._kept(whole, first, last).sum().fill_null(0).cast("int64")
        elif item["point"]:
            self.points[key] = (first, last)
        if item["on_time_bonus"]:
            paid = self.months.paid_on_time.fill_null(False).cast("float64")
            start = add_months(last, 1 - item["on_time_months"])
            found[f"{key}_paid"] = self._kept(paid, start, last).sum().cast("int64")
        return found

    def collapse(self, made: Mapping[str, ir.Value]) -> ir.Table:
        """Return one row a customer in service in the month."""
        rows = self.months
        found = rows.group_by("customer_id").agg(latest=rows.month.max(), **made)
        self.everybody = found
        found = found.filter(found.latest == self.month).drop("latest")
        if not self.points or self.ledger is None:
            return found
        earned = self.ledger.filter(
            self.ledger.entry == "earned", self.ledger.point_class == "consumption"
        )
        each = {
            f"{key}_points": earned.month.between(first, last)
            .ifelse(earned.points, 0)
            .sum()
            .cast("int64")
            for key, (first, last) in self.points.items()
        }
        points = earned.group_by("customer_id").agg(**each)
        joined = found.left_join(points, "customer_id").drop("customer_id_right")
        return joined.mutate(**{name: joined[name].fill_null(0) for name in each})

    def with_accounts(self, rows: ir.Table, customers: ir.Table, keys: Sequence[str]) -> ir.Table:
        """Add what each customer's corporate account was billed in these windows; else null."""
        member = customers.filter(customers.account_id.notnull())
        member = member.select("customer_id", "account_id")
        billed = self.everybody.inner_join(member, "customer_id")
        totals = billed.group_by("account_id").agg(
            **{f"{key}_account_fen": billed[f"{key}_fen"].sum() for key in keys}
        )
        each = member.inner_join(totals, "account_id").drop("account_id")
        return rows.left_join(each, "customer_id").drop("customer_id_right")


def _with_customers(
    rows: ir.Table,
    customers: ir.Table,
    accounts: ir.Table | None,
    ladders: Mapping[str, Terms],
    bands: Mapping[str, Sequence[float]],
    by: Sequence[str],
) -> ir.Table:
    """Join what scores, bands and groups need of the customers, and nothing else."""
    wanted: dict[str, ir.Value] = {}
    needs = [
        name for terms in ladders.values() for name in ladder_needs(terms).get("customers", [])
    ]
    if "joined_month" in needs:
        wanted["joined_index"] = month_number(customers.joined_month)
    for name in ("brand", "customer_type"):
        if name in needs:
            wanted[f"of_{name}"] = customers[name].cast("string")
    for name in by:
        if name not in rows.columns:
            wanted[name] = customers[name].cast("string")
    for name in bands:
        if f"{name}_fen" not in rows.columns:
            wanted[f"{name}_value"] = customers[name].cast("float64")
    if "account_id" in needs and accounts is not None:
        wanted["account_id"] = customers.account_id
    if not wanted:
        return rows
    people = customers.select("customer_id", **wanted)
    if "account_id" in wanted and accounts is not None:
        sizes = accounts.select("account_id", account_members=accounts.members.cast("float64"))
        people = people.left_join(sizes, "account_id").drop("account_id_right", "account_id")
    return rows.left_join(people, "customer_id").drop("customer_id_right")


def _finished(
    rows: ir.Table,
    ladders: Mapping[str, Terms],
    bands: Mapping[str, Sequence[float]],
    averaged: Sequence[str],
    scenes: Mapping[str, float] | None,
    by: Sequence[str],
) -> ir.Table:
    made: dict[str, ir.Value] = {
        "revenue_fen": rows.revenue_fen,
        "margin_fen": rows.revenue_fen - rows.cost_fen,
        "stopped": (rows.stops > 0).cast("int64"),
        "months_seen": rows.months_seen,
    }
    for name, terms in ladders.items():
        made |= rate(rows, name, terms)
    for name, cuts in bands.items():
        if name in averaged:
            value = (rows[f"{name}_fen"] / (FEN * rows.months_seen)).round(SCORE_DECIMALS)
        else:
            value = rows[f"{name}_value"]
        made[f"{name}_band"] = level_of(value, cuts).fill_null(-1).cast("int64")
    if scenes is not None:
        made["scene"] = _scene(rows, scenes)
    made |= {name: rows[name].fill_null("unknown") for name in by}
    return rows.select("customer_id", **made)


def _scene(rows: ir.Table, scenes: Mapping[str, float]) -> ir.StringValue:
    """Return the usage scene of each customer; roaming decides before the bill's split."""
    minutes, spent = rows.voice_minutes_fen, rows.voice_yuan_fen + rows.data_yuan_fen
    roaming = rows.roaming_minutes_fen >= scenes["roaming_share_from"] * minutes
    return ibis.cases(
        ((minutes > 0) & roaming, "business_travel"),
        (spent <= 0, "mixed"),
        (rows.data_yuan_fen >= scenes["data_share_from"] * spent, "data"),
        (rows.data_yuan_fen <= scenes["local_share_to"] * spent, "local"),
        else_="mixed",
    )
