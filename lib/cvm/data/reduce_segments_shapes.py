"""Purchases to RFM cells, the base to cohorts of joining, customers to features for clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from cvm.core.checks import ArgumentError, check_at_least, check_columns, check_one_of
from cvm.core.months import add_months, month_index
from cvm.data.reduce_points import month_number
from cvm.data.reduce_segments_plan import PurchaseSource
from cvm.data.reduce_segments_ratings import FEN

AMOUNT_BINS_A_LOG = 20
"""Bins of the amount a unit of its natural logarithm: a bin is five per cent wide."""

FEATURES = (
    "bill_yuan",
    "voice_yuan",
    "data_yuan",
    "voice_minutes",
    "roaming_minutes",
    "data_gb",
    "calling_circle",
    "off_net_share",
)
"""Columns of ``months`` whose means describe how a customer uses the network."""


def reduce_segments_rfm(
    purchases: ir.Table | PurchaseSource,
    *,
    month: date,
    when: str = "month",
    amount: str = "bill_yuan",
    window_months: int = 12,
) -> ir.Table:
    """Reduce purchases to cells of recency, frequency and amount.

    Any table with a customer, a date or month and an amount will do: recharges, redemptions of
    points, or the customer-month table itself, where a purchase is a month with a bill.

    Args:
        purchases: The table, with ``customer_id``; or a panel of
            :func:`cvm.data.panel_purchases.load_purchases`.
        month: Last month that counts.
        when: Its date or month column.
        amount: Its amount column; rows without a positive amount are no purchase.
        window_months: Months that count.

    Returns:
        Expression with ``recency_months`` (from the last purchase to ``month``), ``frequency``
        (purchases), ``amount_bin`` (twentieths of the natural logarithm of the total amount),
        ``customers`` and ``amount`` (total).

    Raises:
        MissingDataError: A column is missing.
        ArgumentError: A panel holds another column or not this month.
    """
    each = _purchase_habits(purchases, month, when, amount, window_months)
    keys = ["recency_months", "frequency", "amount_bin"]
    found = each.group_by(keys).agg(customers=each.count(), amount=each.amount.sum().round(2))
    return found.order_by(keys)


def reduce_segments_rfm_kept(
    purchases: ir.Table | PurchaseSource,
    *,
    month: date,
    bounds: Mapping[str, int],
    when: str = "month",
    amount: str = "bill_yuan",
    window_months: int = 12,
) -> ir.Table:
    """Reduce to who was in which RFM class in one window and in the window before it.

    Args:
        purchases: See :func:`reduce_segments_rfm`.
        month: Last month of the later window.
        bounds: ``recency_months`` (at most), ``frequency`` and ``amount_bin`` (at least) of what
            counts as high: :attr:`cvm.segments.rfm.Rfm.bounds`.
        when: See :func:`reduce_segments_rfm`.
        amount: See there.
        window_months: Length of each window, and the months between the two.

    Returns:
        Expression with ``before`` and ``after`` (``rfm``: a digit 1 or 0 for recent, frequent and
        large) and ``customers`` who bought in both windows.
    """

    def at(end: date, name: str) -> ir.Table:
        each = _purchase_habits(purchases, end, when, amount, window_months)
        digits = [
            (each.recency_months <= bounds["recency_months"]).cast("int64").cast("string"),
            (each.frequency >= bounds["frequency"]).cast("int64").cast("string"),
            (each.amount_bin >= bounds["amount_bin"]).cast("int64").cast("string"),
        ]
        return each.select(key, **{name: ibis.literal("").join(digits)})

    key = "customer_id" if isinstance(purchases, ir.Table) else purchases.key
    earlier = at(add_months(month, -window_months), "before")
    both = earlier.inner_join(at(month, "after"), key)
    found = both.group_by("before", "after").agg(customers=both.count())
    return found.order_by("before", "after")


def _purchase_habits(
    purchases: ir.Table | PurchaseSource, month: date, when: str, amount: str, window_months: int
) -> ir.Table:
    """Return recency, frequency and amount of each customer with a purchase in the window."""
    check_at_least(window_months, "window_months", 1)
    if isinstance(purchases, ir.Table):
        each = _habits(purchases, month, when, amount, window_months)
    else:
        check_one_of(when, "when", [purchases.when])
        check_one_of(amount, "amount", [purchases.amount])
        each = purchases.habits(month, window_months)
    return each.select(
        *(name for name in ("customer_id", "place") if name in each.columns),
        "frequency",
        "amount",
        recency_months=month_index(month) - each.latest,
        amount_bin=(each.amount.ln() * AMOUNT_BINS_A_LOG).floor().cast("int64"),
    )


def _habits(
    purchases: ir.Table, month: date, when: str, amount: str, window_months: int
) -> ir.Table:
    check_columns(purchases.columns, ["customer_id", when, amount], "purchases")
    # Dates are compared as they are, so that files are read no further than the window.
    rows = purchases.filter(
        purchases[when] >= add_months(month, 1 - window_months),
        purchases[when] < add_months(month, 1),
        purchases[amount] > 0,
    )
    each = rows.group_by("customer_id").agg(
        latest=rows[when].max(),
        frequency=rows.count(),
        amount=rows[amount].cast("float64").sum().round(2),
    )
    return each.mutate(latest=month_number(each.latest))


def reduce_segments_cohorts(months: ir.Table, customers: ir.Table, *, month: date) -> ir.Table:
    """Reduce the base to this year against last year, by year of joining.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers``; without ``joined_month`` the year is null.
        month: Last month of this year; last year ends twelve months before.

    Returns:
        Expression with ``joined_year`` (null where unknown), ``status`` (``stayed``: in service at
        the end of both years and in last year's first month; ``recent``: at the end of both, but
        joined in the course of last year; ``joined``, ``left``: at the end of this or last year
        only; ``passed``: of neither, with bills between), ``customers``, ``before_yuan`` and
        ``now_yuan`` (revenue of twelve months), ``before_margin_yuan`` and ``now_margin_yuan``
        (null without costs).
    """
    before = add_months(month, -12)
    rows = months.filter(months.month > add_months(before, -12), months.month <= month)
    now = rows.month > before
    bill = rows.bill_yuan.cast("float64")
    has_cost = "variable_cost_yuan" in months.columns
    sums = {"before": (~now).ifelse(bill, 0).sum(), "now": now.ifelse(bill, 0).sum()}
    if has_cost:
        cost = rows.variable_cost_yuan.cast("float64")
        sums["before_cost"] = (~now).ifelse(cost, 0).sum()
        sums["now_cost"] = now.ifelse(cost, 0).sum()
    each = rows.group_by("customer_id").agg(
        began=(rows.month == add_months(before, -11)).cast("int64").max(),
        was=(rows.month == before).cast("int64").max(),
        here=(rows.month == month).cast("int64").max(),
        **{name: (value * FEN).round().fill_null(0).cast("int64") for name, value in sums.items()},
    )
    status = ibis.cases(
        ((each.was == 1) & (each.here == 1) & (each.began == 1), "stayed"),
        ((each.was == 1) & (each.here == 1), "recent"),
        (each.here == 1, "joined"),
        (each.was == 1, "left"),
        else_="passed",
    )
    year = ibis.null("int64")
    if "joined_month" in customers.columns:
        people = customers.select(
            "customer_id", joined_year=customers.joined_month.year().cast("int64")
        )
        each = each.left_join(people, "customer_id").drop("customer_id_right")
        year = each.joined_year
    each = each.mutate(status=status, joined_year=year)

    def yuan(name: str) -> ir.Value:
        return each[name].sum() / FEN

    def margin(name: str) -> ir.Value:
        if not has_cost:
            return ibis.null("float64")
        return (each[name] - each[f"{name}_cost"]).sum() / FEN

    return (
        each.group_by("joined_year", "status")
        .agg(
            customers=each.count(),
            before_yuan=yuan("before"),
            now_yuan=yuan("now"),
            before_margin_yuan=margin("before"),
            now_margin_yuan=margin("now"),
        )
        .order_by("joined_year", "status")
    )


def segment_features(
    months: ir.Table,
    *,
    month: date,
    features: Sequence[str] = (),
    window_months: int = 12,
    most_customers: int = 100_000,
) -> ir.Table:
    """Return means of a customer's months, for clusters: rows, so collect them and publish none.

    Args:
        months: Contract table ``months``.
        month: Last month of the window; customers are those with a row in it.
        features: Columns of ``months``; those of :data:`FEATURES` the data have, by default.
        window_months: Months the means are over, those in service.
        most_customers: With more, so many of them by the digest of their identifier: a sample that
            depends on neither the engine nor the order of rows.

    Returns:
        Expression with ``customer_id`` and the features, by customer; a missing month of a feature
        does not count, and who has none at all is null.

    Raises:
        MissingDataError: A feature asked for is missing.
        ArgumentError: None is left.
    """
    check_at_least(most_customers, "most_customers", 1)
    chosen = list(features) or [name for name in FEATURES if name in months.columns]
    check_columns(months.columns, chosen, "months")
    if not chosen:
        raise ArgumentError("features", "none", "a column of months", available=FEATURES)
    rows = months.filter(
        months.month >= add_months(month, 1 - window_months), months.month <= month
    )
    each = rows.group_by("customer_id").agg(
        here=(rows.month == month).cast("int64").sum(),
        **{name: rows[name].cast("float64").mean().round(6) for name in chosen},
    )
    each = each.filter(each.here > 0).drop("here")
    each = each.mutate(digest=each.customer_id.cast("string").hexdigest("md5"))
    return each.order_by("digest").limit(most_customers).drop("digest").order_by("customer_id")


SNAPSHOT_FEATURES = ("tenure_months", "last_bill_yuan", "total_bill_yuan", "age_years")
"""What a snapshot of customers (no months) may tell of how they differ."""


def snapshot_features(customers: ir.Table, *, features: Sequence[str] = ()) -> ir.Table:
    """Return features of the customers of a snapshot who have not left: rows, as above.

    Args:
        customers: Contract table ``customers``.
        features: Columns; those of :data:`SNAPSHOT_FEATURES` the data have, by default.

    Returns:
        Expression with ``customer_id`` and the features, by customer.

    Raises:
        MissingDataError: A feature asked for is missing.
        ArgumentError: None is left.
    """
    chosen = list(features) or [name for name in SNAPSHOT_FEATURES if name in customers.columns]
    check_columns(customers.columns, chosen, "customers")
    if not chosen:
        raise ArgumentError(
            "features", "none", "a column of customers", available=SNAPSHOT_FEATURES
        )
    return (
        _here(customers)
        .select("customer_id", **{name: ibis._[name].cast("float64") for name in chosen})
        .order_by("customer_id")
    )


def reduce_segments_snapshot(customers: ir.Table, *, column: str, step: float) -> ir.Table:
    """Reduce an amount of a snapshot's customers who have not left to a histogram.

    Args:
        customers: Contract table ``customers``.
        column: The amount, such as ``last_bill_yuan``.
        step: Width of a bin, in the column's unit.

    Returns:
        Expression with ``measure`` (the column), ``bin`` (from ``bin × step``; null for customers
        without the amount), ``customers`` and ``total``.

    Raises:
        MissingDataError: The column is missing.
    """
    check_columns(customers.columns, [column], "customers")
    rows = _here(customers)
    value = rows[column].cast("float64")
    placed = rows.select(
        measure=ibis.literal(column), bin=(value / float(step)).floor().cast("int64"), value=value
    )
    found = placed.group_by("measure", "bin").agg(
        customers=placed.count(), total=placed.value.sum().round(4)
    )
    return found.order_by("bin")


def _here(customers: ir.Table) -> ir.Table:
    """Return the customers who have not left, as far as the snapshot says."""
    if "churned" not in customers.columns:
        return customers
    return customers.filter(~customers.churned.fill_null(False))
