"""Customers followed from a month on: how long they stayed, what they brought, what they bought.

A customer's group (card, usage) is the one held when the customer came into view: at the start of
the time looked at, or on joining later. It is kept from then on, wherever the customer moves, so
that nobody is put into a group for what happened afterwards, and what a group brings later has the
moves in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from cvm.core.checks import ArgumentError, check_at_least, check_columns
from cvm.core.months import add_months, month_index
from cvm.data.reduce_points import UNKNOWN, month_number, month_of
from cvm.data.reduce_segments_ratings import SCORE_DECIMALS, level_of
from cvm.data.reduce_segments_shapes import AMOUNT_BINS_A_LOG


def reduce_lifetime_spans(
    months: ir.Table,
    customers: ir.Table,
    *,
    start: date,
    month: date,
    by: Sequence[str] = ("vip_tier",),
    bands: Mapping[str, Sequence[float]] | None = None,
    band_months: int = 12,
    payment: str | None = "postpaid",
) -> ir.Table:
    """Reduce the panel to how many customers were in service from when to when.

    With ``start`` the same as ``month`` these are today's customers by month of joining.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers``; without ``joined_month`` that column is null.
        start: First month looked at; who left before it is not seen.
        month: Last month looked at.
        by: Columns of ``months`` that name a group: held in the first month seen.
        bands: Column of ``months`` → rising cuts; its mean over the months before and in the first
            one seen says the band, and a cut belongs to the band above it.
        band_months: At most so many months make that mean.
        payment: Only customers who pay so; None, or a customers table without the column, takes
            all.

    Returns:
        Expression with the groups of ``by`` (``unknown`` where empty), ``<column>_band`` (−1 where
        unknown), ``joined_month``, ``first_month`` and ``last_month`` (in service, within the time
        looked at) and ``customers``, ordered by all of them.

    Raises:
        MissingDataError: A group's or band's column is missing.
        ArgumentError: The start lies after the month.
    """
    bands = bands or {}
    each = _followed(months, customers, start, month, by, bands, band_months, payment)
    keys = [*by, *(f"{name}_band" for name in bands), "joined", "first", "last"]
    counts = each.group_by(keys).agg(customers=each.count()).order_by(keys)
    return counts.select(
        *keys[:-3],
        joined_month=month_of(counts.joined),
        first_month=month_of(counts.first),
        last_month=month_of(counts["last"]),
        customers=counts.customers,
    )


def reduce_lifetime_margins(
    months: ir.Table,
    customers: ir.Table,
    *,
    start: date,
    month: date,
    by: Sequence[str] = ("vip_tier",),
    bands: Mapping[str, Sequence[float]] | None = None,
    band_months: int = 12,
    payment: str | None = "postpaid",
) -> ir.Table:
    """Reduce the same customers to what they brought in the months after the first one seen.

    Args:
        months: As :func:`reduce_lifetime_spans`; so are the other arguments.
        customers: See there.
        start: See there.
        month: See there.
        by: See there.
        bands: See there.
        band_months: See there.
        payment: See there.

    Returns:
        Expression with the groups, ``customers``, ``customer_months``, ``revenue_yuan``,
        ``margin_yuan`` (bill less variable cost; null without costs) and the sums over customers
        that give the error of a mean month: ``months_squared``, ``revenue_squared``,
        ``revenue_months``, ``margin_squared``, ``margin_months``.

    Raises:
        MissingDataError: A group's or band's column is missing.
        ArgumentError: The start lies after the month.
    """
    bands = bands or {}
    each = _followed(months, customers, start, month, by, bands, band_months, payment)
    keys = [*by, *(f"{name}_band" for name in bands)]
    count = each.later_months.cast("float64")
    made = {
        "customers": each.count(),
        "customer_months": each.later_months.sum(),
        "revenue_yuan": each.revenue.sum(),
        "margin_yuan": each.margin.sum(),
        "months_squared": (count * count).sum(),
        "revenue_squared": (each.revenue * each.revenue).sum(),
        "revenue_months": (each.revenue * count).sum(),
        "margin_squared": (each.margin * each.margin).sum(),
        "margin_months": (each.margin * count).sum(),
    }
    return each.group_by(keys).agg(**made).order_by(keys) if keys else each.agg(**made)


def reduce_purchases(
    purchases: ir.Table,
    customers: ir.Table | None = None,
    *,
    month: date,
    amount: str,
    when: str = "month",
    payment: str | None = "prepaid",
    ahead_months: int = 0,
) -> ir.Table:
    """Reduce purchases to distinct (x, tx, T) in months, as BG/NBD and Gamma-Gamma need them.

    Any table with a customer, a date or month and an amount will do: recharges, or redemptions of
    points. Purchases of one month count as one.

    Args:
        purchases: The table, with ``customer_id``; rows without a positive amount are no purchase.
        customers: Contract table ``customers``, to tell how a customer pays.
        month: Last month that counts.
        amount: Its amount column (yuan).
        when: Its date or month column.
        payment: Only customers who pay so; None, or a customers table without the column, takes
            all.
        ahead_months: Months after ``month`` whose purchases are counted apart, for a back-test.

    Returns:
        Expression with ``repeats`` (x: months with a purchase after the first), ``last_at`` (tx:
        months from the first to the last), ``observed`` (T: months from the first to ``month``),
        ``later`` (purchases in the months ahead), ``customers``, and ``mean_yuan`` (mean repeat
        purchase, averaged over customers; null without one), by the first four.

    Raises:
        MissingDataError: A column is missing.
    """
    check_at_least(ahead_months, "ahead_months", 0)
    each = _bought(purchases, customers, month, amount, when, payment, ahead_months)
    keys = ["repeats", "last_at", "observed", "later"]
    found = each.group_by(keys).agg(customers=each.count(), mean_yuan=each.mean_yuan.mean())
    return found.order_by(keys)


def reduce_purchase_spend(
    purchases: ir.Table,
    customers: ir.Table | None = None,
    *,
    month: date,
    amount: str,
    when: str = "month",
    payment: str | None = "prepaid",
) -> ir.Table:
    """Reduce the same customers to repeat purchases by mean amount, in bins five per cent wide.

    Args:
        purchases: As :func:`reduce_purchases`; so are the other arguments.
        customers: See there.
        month: See there.
        amount: See there.
        when: See there.
        payment: See there.

    Returns:
        Expression with ``repeats`` (1 or more), ``amount_bin`` (twentieths of the natural logarithm
        of the mean amount), ``customers`` and ``mean_yuan`` (mean of the bin), by the first two.

    Raises:
        MissingDataError: A column is missing.
    """
    return purchase_spend(_bought(purchases, customers, month, amount, when, payment, 0))


def purchase_spend(each: ir.Table) -> ir.Table:
    """Return customers by ``repeats`` and ``amount_bin`` from their repeats and ``mean_yuan``."""
    each = each.filter(each.repeats > 0)
    each = each.mutate(amount_bin=(each.mean_yuan.ln() * AMOUNT_BINS_A_LOG).floor().cast("int64"))
    keys = ["repeats", "amount_bin"]
    found = each.group_by(keys).agg(customers=each.count(), mean_yuan=each.mean_yuan.mean())
    return found.order_by(keys)


def _followed(
    months: ir.Table,
    customers: ir.Table,
    start: date,
    month: date,
    by: Sequence[str],
    bands: Mapping[str, Sequence[float]],
    band_months: int,
    payment: str | None,
) -> ir.Table:
    """Return a row a customer: groups when first seen, span of service, amounts after that."""
    check_columns(months.columns, ["customer_id", "month", "bill_yuan", *by, *bands], "months")
    check_at_least(band_months, "band_months", 1)
    if start > month:
        raise ArgumentError("start", start, f"no later than {month:%Y-%m}")
    rows = months.filter(
        months.month >= add_months(start, 1 - band_months if bands else 0),
        months.month < add_months(month, 1),
    )
    rows = rows.mutate(index=month_number(rows.month))
    seen = (rows["index"] >= month_index(start)).ifelse(rows["index"], ibis.null("int64"))
    rows = rows.mutate(entered=seen.min().over(ibis.window(group_by="customer_id")))
    # Also keeps out who was seen before the start alone.
    rows = rows.filter(rows["index"] > rows.entered - band_months)
    at_entry, later = rows["index"] == rows.entered, rows["index"] > rows.entered
    made: dict[str, ir.Value] = {
        name: at_entry.ifelse(rows[name].cast("string"), ibis.null("string")).max() for name in by
    }
    # Rounded, so that a mean on a cut does not hang on the order of addition.
    made |= {
        f"{name}_mean": later.ifelse(ibis.null("float64"), rows[name].cast("float64"))
        .mean()
        .round(SCORE_DECIMALS)
        for name in bands
    }
    priced = "variable_cost_yuan" in rows.columns
    margin = rows.bill_yuan - rows.variable_cost_yuan if priced else ibis.null("float64")
    found = rows.group_by("customer_id").agg(
        first=rows.entered.min(),
        last=rows["index"].max(),
        later_months=later.cast("int64").sum(),
        revenue=later.ifelse(rows.bill_yuan, 0.0).sum(),
        margin=later.ifelse(margin, 0.0).sum() if priced else ibis.null("float64"),
        **made,
    )
    found = found.inner_join(_people(customers, payment), "customer_id")
    return found.mutate(
        **{name: found[name].fill_null(UNKNOWN) for name in by},
        **{
            f"{name}_band": level_of(found[f"{name}_mean"], cuts).fill_null(-1).cast("int64")
            for name, cuts in bands.items()
        },
    )


def _people(customers: ir.Table, payment: str | None) -> ir.Table:
    if payment is not None and "payment" in customers.columns:
        customers = customers.filter(customers.payment == payment)
    known = "joined_month" in customers.columns
    joined = month_number(customers.joined_month) if known else ibis.null("int64")
    return customers.select("customer_id", joined=joined)


def _bought(
    purchases: ir.Table,
    customers: ir.Table | None,
    month: date,
    amount: str,
    when: str,
    payment: str | None,
    ahead_months: int,
) -> ir.Table:
    """Return a row a customer with a purchase up to the month."""
    check_columns(purchases.columns, ["customer_id", when, amount], "purchases")
    rows = purchases.filter(
        purchases[when] < add_months(month, 1 + ahead_months), purchases[amount] > 0
    )
    if customers is not None and payment is not None and "payment" in customers.columns:
        rows = rows.semi_join(customers.filter(customers.payment == payment), "customer_id")
    single = rows.group_by("customer_id", index=month_number(rows[when])).agg(
        yuan=rows[amount].cast("float64").sum()
    )
    end = month_index(month)
    single = single.mutate(first=single["index"].min().over(ibis.window(group_by="customer_id")))
    seen = single["index"] <= end
    repeat = seen & (single["index"] > single.first)
    each = single.group_by("customer_id").agg(
        first=single.first.min(),
        last=seen.ifelse(single["index"], ibis.null("int64")).max(),
        repeats=repeat.cast("int64").sum(),
        later=(~seen).cast("int64").sum(),
        mean_yuan=repeat.ifelse(single.yuan, ibis.null("float64")).mean().round(SCORE_DECIMALS),
    )
    each = each.filter(each.first <= end)
    return each.select(
        "customer_id",
        "repeats",
        "later",
        "mean_yuan",
        last_at=each["last"] - each.first,
        observed=end - each.first,
    )
