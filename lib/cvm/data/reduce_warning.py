"""What has just changed for each customer, by month, week or day: what triggers are fired on.

One row a customer: the period that begins ``at``, beside the mean of the periods before it. Usage
by month comes from the contract's months; by week and day from a table of the same columns with a
``day`` in place of the month, as billing systems deliver it. What comes after is not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cvm.core.checks import ArgumentError, check_at_least, check_columns, check_one_of
from cvm.core.months import add_months, month_index
from cvm.data.reduce_points import month_number

PERIODS_BEFORE = {"month": 3, "week": 4, "day": 28}
"""Periods a change is measured against, unless told."""
_SUMS = ("bill_yuan", "forwarding_minutes", "complaints", "arrears_stops")
_MEANS = ("off_net_share", "calling_circle")
_UNITS = ("share", "minutes", "yuan")


def reduce_signals(
    usage: ir.Table,
    *,
    at: date,
    period: str = "month",
    periods_before: int | None = None,
    customers: ir.Table | None = None,
) -> ir.Table:
    """Reduce usage to one row a customer: a period beside the mean of those before it.

    Sums (bill, forwarded minutes, complaints, stops) are of the period; before, of a mean period
    since the customer was first seen in the window, months or days of silence included. Shares and
    circles are means over the rows that have them, weighted by ``voice_minutes`` where it is there.

    Args:
        usage: Rows with ``customer_id``, ``bill_yuan`` and ``month`` (for months) or ``day``.
        at: First day of the period.
        period: ``"month"``, ``"week"`` (seven days) or ``"day"``.
        periods_before: Periods to compare with; 3 months, 4 weeks, 28 days if ``None``.
        customers: Contract table ``customers``: those who left before the period's end are dropped,
            where it has ``left_month``.

    Returns:
        Expression by ``customer_id``: the columns of the usage that are there, each with its value
        ``…_before…``, and ``bill_fall_share`` (1 − bill ÷ before, at least 0; 0 without a before).
        By months, only customers with a row in that month; by weeks and days, everybody seen in the
        window, as silence is a fall too.

    Raises:
        ArgumentError: An unknown period, or a month that does not begin on its first day.
        MissingDataError: The usage has no bill, or no day where one is needed.
    """
    check_one_of(period, "period", PERIODS_BEFORE)
    count = PERIODS_BEFORE[period] if periods_before is None else periods_before
    check_at_least(count, "periods_before", 1)
    clock = "month" if period == "month" else "day"
    check_columns(usage.columns, ["customer_id", clock, "bill_yuan"], "usage")
    if period == "month":
        if at.day != 1:
            raise ArgumentError("at", at, "the first day of a month", action="give its first day")
        number, now, length = month_number(usage.month), month_index(at), 1
    else:
        number, now = _day_number(usage.day), at.toordinal()
        length = 7 if period == "week" else 1
    rows = usage.mutate(number=number)
    rows = rows.filter(rows.number >= now - count * length, rows.number < now + length)
    current = rows.number >= now
    before = rows.number < now
    grouped = rows.group_by("customer_id").agg(
        rows_now=current.cast("int64").sum(),
        first_before=before.ifelse(rows.number, ibis.null("int64")).min(),
        **_aggregates(rows, current, before),
    )
    if period == "month":
        grouped = grouped.filter(grouped.rows_now > 0)
    found = grouped.mutate(**_per_period(grouped, now, length))
    fall = 1.0 - found.bill_yuan / ibis.cases((found.bill_before_yuan > 0, found.bill_before_yuan))
    found = found.mutate(bill_fall_share=ibis.greatest(fall, 0.0).fill_null(0.0))
    if customers is not None and "left_month" in customers.columns:
        month = month_index(at)
        gone = customers.filter(month_number(customers.left_month) <= month)
        found = found.anti_join(gone, "customer_id")
    return found.drop("rows_now", "first_before")


def period_starts(last: date, period: str, count: int) -> Sequence[date]:
    """Return the first days of the ``count`` last periods up to the one that begins ``last``.

    Example:
        >>> [str(day) for day in period_starts(date(2026, 3, 1), "month", 2)]
        ['2026-02-01', '2026-03-01']
    """
    check_one_of(period, "period", PERIODS_BEFORE)
    if period == "month":
        return [add_months(last, -back) for back in reversed(range(count))]
    step = timedelta(days=7 if period == "week" else 1)
    return [last - back * step for back in reversed(range(count))]


def _day_number(day: ir.DateValue) -> ir.IntegerValue:
    """Return the day's number, as :meth:`datetime.date.toordinal` does."""
    epoch = date(1970, 1, 1)
    return (day.cast("date").epoch_seconds() // 86_400 + epoch.toordinal()).cast("int64")


def _name_before(column: str) -> str:
    stem, _, unit = column.rpartition("_")
    return f"{stem}_before_{unit}" if unit in _UNITS else f"{column}_before"


def _aggregates(
    rows: ir.Table, current: ir.BooleanValue, before: ir.BooleanValue
) -> dict[str, ir.Value]:
    made: dict[str, ir.Value] = {}
    for name in _SUMS:
        if name in rows.columns:
            value = rows[name].cast("float64")
            made[name] = current.ifelse(value, 0.0).sum()
            made[_name_before(name)] = before.ifelse(value, 0.0).sum()
    weight = ibis.literal(1.0)
    if "voice_minutes" in rows.columns:
        weight = rows.voice_minutes.cast("float64")
    for name in _MEANS:
        if name not in rows.columns:
            continue
        value = rows[name].cast("float64")
        own = weight if name.endswith("_share") else ibis.literal(1.0)
        for when, label in ((current, name), (before, _name_before(name))):
            known = when & value.notnull()
            total = known.ifelse(own, 0.0).sum()
            made[label] = known.ifelse(value * own, 0.0).sum() / ibis.cases((total > 0, total))
    return made


def _per_period(grouped: ir.Table, now: int, length: int) -> dict[str, ir.Value]:
    """Return sums of the window as means of the periods since the customer was first seen in it."""
    seen = ((now - grouped.first_before + length - 1) // length).cast("float64")
    return {
        _name_before(name): grouped[_name_before(name)] / seen
        for name in _SUMS
        if name in grouped.columns
    }
