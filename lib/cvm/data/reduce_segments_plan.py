"""What a rating adds up of each customer, as plain values: whoever holds the months provides it.

The rules stand in :mod:`cvm.data.reduce_segments_ratings` and
:mod:`cvm.data.reduce_segments_rows`; a plan says what sums they work on, not how they are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol

import ibis.expr.types as ir

from cvm.core.months import add_months
from cvm.data.reduce_segments_ratings import (
    Terms,
    first_month_of,
    ladder_flags,
    ladder_needs,
    windows_of,
)

USAGE = ("voice_yuan", "data_yuan", "voice_minutes", "roaming_minutes")
"""Columns of ``months`` that scenes of usage are made of."""


@dataclass(frozen=True, kw_only=True)
class WindowSum:
    """A sum over the months of a window.

    Attributes:
        kind: ``count`` (months in service), ``fen`` (an amount, in whole hundredths), ``total``
            (of whole numbers), ``whole_yuan`` (whole yuan of each month), ``true`` (months in
            which a flag is set), ``points`` (consumption points earned, of the ledger).
        column: Of ``months``; empty for ``count`` and ``points``.
        first: First month of the window.
        last: Its last month.
    """

    kind: Literal["count", "fen", "total", "whole_yuan", "true", "points"]
    column: str = ""
    first: date
    last: date


@dataclass(frozen=True, kw_only=True)
class CustomerColumn:
    """What is known of a customer whatever the month; null for who is not in the table.

    Attributes:
        kind: ``month`` (its index), ``text``, ``number``, ``among`` (whether it is one of the
            values) or ``members`` (of the account).
        column: Of ``customers``; of ``accounts`` for members.
        values: For ``among``.
    """

    kind: Literal["month", "text", "number", "among", "members"]
    column: str
    values: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class SumsPlan:
    """What to add up for those in service in a month.

    Attributes:
        month: The month.
        first: First month that any sum looks back to.
        sums: Name → sum.
        texts: Columns of ``months`` to carry as of the month, as text.
        people: Name → column of the customer.
        account_sums: Names of sums to add up over each customer's account as well, among all who
            have a month since ``first``: as ``<window>_account_fen`` for ``<window>_fen``.
        absent: Name → what stands for a sum whose column the data lack.
    """

    month: date
    first: date
    sums: Mapping[str, WindowSum]
    texts: Sequence[str] = ()
    people: Mapping[str, CustomerColumn] = field(default_factory=dict)
    account_sums: Sequence[str] = ()
    absent: Mapping[str, int | None] = field(default_factory=dict)


class MonthSource(Protocol):
    """Whoever holds customers and their months, and adds them up.

    Attributes:
        key: Column of :meth:`sums` that tells customers apart, the cheapest there is.
        has_ledger: Whether consumption points come from a ledger.
    """

    @property
    def key(self) -> str:
        """Column of :meth:`sums` that tells customers apart."""

    @property
    def has_ledger(self) -> bool:
        """Whether consumption points come from a ledger."""

    def has(self, table: str, column: str) -> bool:
        """Tell whether a table is there with this column."""

    def check(self, table: str, columns: Sequence[str]) -> None:
        """Raise a MissingDataError unless a table is there with these columns."""

    def sums(self, plan: SumsPlan) -> ir.Table:
        """Return a row a customer in service in the month: ``customer_id`` and what is planned."""


class PurchaseSource(Protocol):
    """Whoever holds purchases by customer.

    Attributes:
        key: Column of :meth:`habits` that tells customers apart, the cheapest there is.
        when: Column that told the date or month.
        amount: Column that told the amount.
    """

    @property
    def key(self) -> str:
        """Column of :meth:`habits` that tells customers apart."""

    @property
    def when(self) -> str:
        """Column that told the date or month."""

    @property
    def amount(self) -> str:
        """Column that told the amount."""

    def habits(self, month: date, window_months: int) -> ir.Table:
        """Return customer, latest month (index), frequency and amount of a window's purchases."""


def make_plan(
    source: MonthSource,
    *,
    month: date,
    ladders: Mapping[str, Terms],
    bands: Sequence[str],
    scenes: bool,
    by: Sequence[str],
    window_months: int,
) -> SumsPlan:
    """Return what must be added up to rate everybody in a month.

    Args:
        source: Who holds the months.
        month: See :func:`cvm.data.reduce_segments_rows.segment_rows`, as for the others.
        ladders: See there.
        bands: Columns of the bands.
        scenes: Whether scenes are asked for.
        by: See there.
        window_months: See there.

    Raises:
        MissingDataError: A ladder, band or group needs a column that is not there.
    """
    _check(source, ladders, bands, scenes, by)
    first = add_months(month, 1 - window_months)
    windows = windows_of(ladders)

    def fen(column: str) -> WindowSum:
        return WindowSum(kind="fen", column=column, first=first, last=month)

    sums = {
        "months_seen": WindowSum(kind="count", first=first, last=month),
        "revenue_fen": fen("bill_yuan"),
        "cost_fen": fen("variable_cost_yuan"),
        "stops": WindowSum(kind="total", column="arrears_stops", first=first, last=month),
    }
    averaged = [name for name in bands if source.has("months", name)]
    sums |= {f"{name}_fen": fen(name) for name in (*averaged, *(USAGE if scenes else ()))}
    for key, item in windows.items():
        sums |= _window(key, item, source.has_ledger)
    known = {
        name: item
        for name, item in sums.items()
        if not item.column or source.has("months", item.column)
    }
    return SumsPlan(
        month=month,
        first=first_month_of(windows, first),
        sums=known,
        texts=[name for name in by if source.has("months", name)],
        people=_people(source, ladders, bands, by),
        account_sums=[f"{key}_fen" for key, item in windows.items() if item["account_bill_yuan"]],
        absent={
            name: None if item.kind == "fen" else 0
            for name, item in sums.items()
            if name not in known
        },
    )


def _window(key: str, item: Terms, has_ledger: bool) -> dict[str, WindowSum]:
    """Return what scores need of one window, and no more."""
    window = {"first": item["first_month"], "last": item["last_month"]}
    found = {
        f"{key}_n": WindowSum(kind="count", **window),
        f"{key}_fen": WindowSum(kind="fen", column="bill_yuan", **window),
        f"{key}_stops": WindowSum(kind="total", column="arrears_stops", **window),
    }
    if item["point"] and has_ledger:
        found[f"{key}_points"] = WindowSum(kind="points", **window)
    elif item["point"]:
        found[f"{key}_points"] = WindowSum(kind="whole_yuan", column="bill_yuan", **window)
    if item["on_time_bonus"]:
        start = add_months(item["last_month"], 1 - item["on_time_months"])
        found[f"{key}_paid"] = WindowSum(
            kind="true", column="paid_on_time", first=start, last=item["last_month"]
        )
    return found


def _people(
    source: MonthSource, ladders: Mapping[str, Terms], bands: Sequence[str], by: Sequence[str]
) -> dict[str, CustomerColumn]:
    """Return what scores, bands and groups need of the customers, and nothing else."""
    needs = [
        name
        for terms in ladders.values()
        for columns in ladder_needs(terms).values()
        for name in columns
    ]
    found: dict[str, CustomerColumn] = {}
    if "joined_month" in needs:
        found["joined_index"] = CustomerColumn(kind="month", column="joined_month")
    for terms in ladders.values():
        for name, (column, values) in ladder_flags(terms).items():
            found[name] = CustomerColumn(kind="among", column=column, values=values)
    for name in by:
        if not source.has("months", name):
            found[name] = CustomerColumn(kind="text", column=name)
    for name in bands:
        if not source.has("months", name):
            found[f"{name}_value"] = CustomerColumn(kind="number", column=name)
    if "members" in needs:
        found["account_members"] = CustomerColumn(kind="members", column="members")
    return found


def _check(
    source: MonthSource,
    ladders: Mapping[str, Terms],
    bands: Sequence[str],
    scenes: bool,
    by: Sequence[str],
) -> None:
    source.check("months", ["bill_yuan"])
    for terms in ladders.values():
        for table, columns in ladder_needs(terms).items():
            source.check(table, columns)
    if scenes:
        source.check("months", USAGE)
    source.check("customers", [name for name in (*bands, *by) if not source.has("months", name)])
