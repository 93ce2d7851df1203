"""Sums of customers' months made by the query engine: one pass over the tables, never collected.

Yuan are added up as they are and rounded to fen afterwards: a customer's few bills are whole fen,
and far less than half a fen is lost in any order of addition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_columns
from cvm.data.reduce_points import month_number
from cvm.data.reduce_segments_plan import CustomerColumn, SumsPlan, WindowSum
from cvm.data.reduce_segments_ratings import FEN

_HALF_FEN = 0.005


@dataclass(frozen=True, kw_only=True)
class TableSource:
    """Customers and months in tables of an engine.

    Attributes:
        months: Contract table ``months``.
        customers: Contract table ``customers``.
        accounts: Contract table ``accounts``, for grades by members.
        ledger: Contract table ``ledger``, for consumption points earned.
    """

    months: ir.Table
    customers: ir.Table | None = None
    accounts: ir.Table | None = None
    ledger: ir.Table | None = None

    key: ClassVar[str] = "customer_id"

    @property
    def has_ledger(self) -> bool:
        """Whether consumption points come from a ledger."""
        return self.ledger is not None

    def has(self, table: str, column: str) -> bool:
        """Tell whether a table is there with this column."""
        return column in self._columns(table)

    def check(self, table: str, columns: Sequence[str]) -> None:
        """Raise a MissingDataError unless a table is there with these columns."""
        check_columns(self._columns(table), columns, table)

    def _columns(self, table: str) -> Sequence[str]:
        found: ir.Table | None = getattr(self, table)
        return () if found is None else found.columns

    def sums(self, plan: SumsPlan) -> ir.Table:
        """Return a row a customer in service in the month: ``customer_id`` and what is planned."""
        rows = self.months.filter(self.months.month >= plan.first, self.months.month <= plan.month)
        own = {name: item for name, item in plan.sums.items() if item.kind != "points"}
        points = {name: item for name, item in plan.sums.items() if item.kind == "points"}
        everybody = rows.group_by("customer_id").agg(
            latest=rows.month.max(),
            **{name: _sum(rows, item, plan) for name, item in own.items()},
            **{name: _latest(rows, name, plan) for name in plan.texts},
        )
        found = everybody.filter(everybody.latest == plan.month).drop("latest")
        if points and self.ledger is not None:
            found = _with_points(found, self.ledger, points)
        if plan.account_sums and self.customers is not None:
            found = _with_accounts(found, everybody, self.customers, plan.account_sums)
        return self._with_people(found, plan.people)

    def _with_people(self, rows: ir.Table, wanted: Mapping[str, CustomerColumn]) -> ir.Table:
        if not wanted or self.customers is None:
            return rows
        made = {
            name: _of_customer(self.customers, item)
            for name, item in wanted.items()
            if item.kind != "members"
        }
        members = [name for name, item in wanted.items() if item.kind == "members"]
        if members:
            made["member_of"] = self.customers.account_id
        people = self.customers.select("customer_id", **made)
        if members and self.accounts is not None:
            sizes = self.accounts.select(
                member_of=self.accounts.account_id,
                **{name: self.accounts[wanted[name].column].cast("float64") for name in members},
            )
            people = people.left_join(sizes, "member_of").drop("member_of_right", "member_of")
        return rows.left_join(people, "customer_id").drop("customer_id_right")


def _sum(rows: ir.Table, item: WindowSum, plan: SumsPlan) -> ir.Value:
    """Return a sum as an aggregate of the months since the plan's first."""
    whole = item.first <= plan.first and item.last >= plan.month

    def kept(value: ir.NumericValue) -> ir.NumericValue:
        if whole:
            return value
        return ((rows.month >= item.first) & (rows.month <= item.last)).ifelse(value, 0)

    if item.kind == "count":
        one = ibis.literal(1.0)
        return (rows.count() if whole else kept(one).sum()).cast("int64")
    if item.kind == "fen":
        total = kept(rows[item.column].cast("float64")).sum()
        return (total * FEN).round().fill_null(0).cast("int64")
    if item.kind == "whole_yuan":
        # A bill of 300 yuan that is held as 299.999… has 300 whole yuan.
        yuan = (rows[item.column] + _HALF_FEN).floor().cast("int32")
        return kept(yuan).sum().fill_null(0).cast("int64")
    value = rows[item.column]
    if item.kind == "true":
        return kept(value.fill_null(False).cast("float64")).sum().cast("int64")
    return kept(value.cast("float64")).sum().fill_null(0).cast("int64")


def _latest(rows: ir.Table, name: str, plan: SumsPlan) -> ir.Value:
    here = rows.month == plan.month
    return here.ifelse(rows[name].cast("string"), ibis.null("string")).max()


def _with_points(rows: ir.Table, ledger: ir.Table, wanted: Mapping[str, WindowSum]) -> ir.Table:
    earned = ledger.filter(ledger.entry == "earned", ledger.point_class == "consumption")
    points = earned.group_by("customer_id").agg(
        **{
            name: earned.month.between(item.first, item.last)
            .ifelse(earned.points, 0)
            .sum()
            .cast("int64")
            for name, item in wanted.items()
        }
    )
    joined = rows.left_join(points, "customer_id").drop("customer_id_right")
    return joined.mutate(**{name: joined[name].fill_null(0) for name in wanted})


def _with_accounts(
    rows: ir.Table, everybody: ir.Table, customers: ir.Table, sums: Sequence[str]
) -> ir.Table:
    """Add what each customer's corporate account was billed in these windows; else null."""
    member = customers.filter(customers.account_id.notnull())
    member = member.select("customer_id", "account_id")
    billed = everybody.inner_join(member, "customer_id")
    totals = billed.group_by("account_id").agg(
        **{f"{name.removesuffix('_fen')}_account_fen": billed[name].sum() for name in sums}
    )
    each = member.inner_join(totals, "account_id").drop("account_id")
    return rows.left_join(each, "customer_id").drop("customer_id_right")


def _of_customer(customers: ir.Table, item: CustomerColumn) -> ir.Value:
    value = customers[item.column]
    if item.kind == "month":
        return month_number(value)
    if item.kind == "among":
        return value.cast("string").isin(list(item.values))
    return value.cast("string" if item.kind == "text" else "float64")
