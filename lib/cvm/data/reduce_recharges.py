"""Prepaid customers' recharges by day, as BG/NBD and Gamma-Gamma need them.

A day is a finer grain than a month, so that silence of a week says something. Recharges of one day
count as one, of their sum.
"""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_at_least, check_columns
from cvm.core.months import add_months
from cvm.data.reduce_segments_lifetime import purchase_spend
from cvm.data.reduce_segments_ratings import SCORE_DECIMALS

DAYS_A_MONTH = 365.25 / 12
"""Days of a mean month; times are told in such months."""


def months_ahead(month: date, until: date) -> float:
    """Return the time from the end of a month to a day, in mean months, as times are told.

    Example:
        >>> round(months_ahead(date(2025, 1, 1), date(2025, 2, 28)), 3)
        0.92
    """
    return ((until - add_months(month, 1)).days + 1) / DAYS_A_MONTH


def reduce_recharge_days(recharges: ir.Table, *, month: date) -> ir.Table:
    """Reduce recharges to what says how far they reach, up to the end of a month.

    Args:
        recharges: Contract table ``recharges``.
        month: Last month that counts.

    Returns:
        Expression of one row: ``recharges``, ``customers`` (who made them), ``first_day`` and
        ``last_day`` (null without any).
    """
    rows = recharges.filter(recharges.recharged_on < add_months(month, 1))
    return rows.aggregate(
        recharges=rows.count(),
        customers=rows.customer_id.nunique(),
        first_day=rows.recharged_on.min(),
        last_day=rows.recharged_on.max(),
    )


def reduce_recharges(
    recharges: ir.Table,
    customers: ir.Table | None = None,
    *,
    month: date,
    last_day: date | None = None,
    payment: str | None = "prepaid",
    ahead_months: int = 0,
    step_days: int = 1,
) -> ir.Table:
    """Reduce recharges to distinct (x, tx, T), with the mean amount and what came later.

    Args:
        recharges: Contract table ``recharges``.
        customers: Contract table ``customers``, to tell how a customer pays.
        month: Last month that counts.
        last_day: Last day that counts, where the recharges end within the month; silence is
            counted up to it. None is the month's last day.
        payment: Only customers who pay so; None, or a customers table without the column, takes
            all.
        ahead_months: Months after ``month`` whose recharges are counted apart, for a back-test.
        step_days: Times are rounded to so many days, so that fewer rows remain of many customers.

    Returns:
        Expression with ``repeats`` (x: days with a recharge after the first), ``last_at`` (tx) and
        ``observed`` (T), in months of 30.4 days since the first, ``later`` (days with a recharge in
        the months ahead), ``customers``, and ``mean_yuan`` (mean repeat recharge, averaged over
        customers; null without one), by the first four.

    Raises:
        MissingDataError: A column is missing.
        ArgumentError: A number is below its least.
    """
    check_at_least(ahead_months, "ahead_months", 0)
    check_at_least(step_days, "step_days", 1)
    each = _recharged(recharges, customers, month, last_day, payment, ahead_months)
    # Whole steps, so that who came back stays somebody who came back.
    steps = {name: (each[name] / step_days).round().cast("int64") for name in ("last", "seen")}
    last = (each.repeats > 0).ifelse(ibis.greatest(steps["last"], 1), 0)
    each = each.mutate(last=last, seen=ibis.greatest(steps["seen"], last))
    keys = ["repeats", "last", "seen", "later"]
    found = each.group_by(keys).agg(customers=each.count(), mean_yuan=each.mean_yuan.mean())
    found = found.order_by(keys)
    step = step_days / DAYS_A_MONTH
    return found.select(
        "repeats",
        last_at=found["last"] * step,
        observed=found.seen * step,
        later=found.later,
        customers=found.customers,
        mean_yuan=found.mean_yuan,
    )


def reduce_recharge_spend(
    recharges: ir.Table,
    customers: ir.Table | None = None,
    *,
    month: date,
    payment: str | None = "prepaid",
) -> ir.Table:
    """Reduce the same customers to repeat recharges by mean amount, in bins five per cent wide.

    Args:
        recharges: As :func:`reduce_recharges`; so are the other arguments.
        customers: See there.
        month: See there.
        payment: See there.

    Returns:
        As :func:`cvm.data.reduce_segments_lifetime.reduce_purchase_spend`.

    Raises:
        MissingDataError: A column is missing.
    """
    return purchase_spend(_recharged(recharges, customers, month, None, payment, 0))


def _recharged(
    recharges: ir.Table,
    customers: ir.Table | None,
    month: date,
    last_day: date | None,
    payment: str | None,
    ahead_months: int,
) -> ir.Table:
    """Return a row a customer with a recharge up to the month; times in days since the first."""
    check_columns(recharges.columns, ["customer_id", "recharged_on", "amount_yuan"], "recharges")
    end = min(last_day or date.max, add_months(month, 1) - timedelta(days=1))
    rows = recharges.filter(
        recharges.recharged_on < add_months(month, 1 + ahead_months), recharges.amount_yuan > 0
    )
    if customers is not None and payment is not None and "payment" in customers.columns:
        rows = rows.semi_join(customers.filter(customers.payment == payment), "customer_id")
    single = rows.group_by("customer_id", day=rows.recharged_on).agg(
        yuan=rows.amount_yuan.cast("float64").sum()
    )
    single = single.mutate(first=single.day.min().over(ibis.window(group_by="customer_id")))
    seen = single.day <= ibis.literal(end)
    repeat = seen & (single.day > single["first"])
    each = single.group_by("customer_id").agg(
        first=single["first"].min(),
        last_on=seen.ifelse(single.day, ibis.null("date")).max(),
        repeats=repeat.cast("int64").sum(),
        later=(~seen).cast("int64").sum(),
        mean_yuan=repeat.ifelse(single.yuan, ibis.null("float64")).mean().round(SCORE_DECIMALS),
    )
    each = each.filter(each["first"] <= ibis.literal(end))
    return each.select(
        "customer_id",
        "repeats",
        "later",
        "mean_yuan",
        last=each.last_on.delta(each["first"], unit="day"),
        seen=ibis.literal(end).delta(each["first"], unit="day"),
    )
