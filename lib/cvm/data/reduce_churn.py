"""What is known of each customer at the end of a month, and whether he leaves in the next ones.

One row a customer in service and scoring month. Every column is computed from that month and those
before it; what happened later is in the label alone. Columns an extract lacks are left out, so that
a model takes what there is. Customers' fixed columns (brand, tariff, number range …) are as the
extract has them: where they change, deliver the extract of that month.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from cvm.core.checks import ArgumentError, check_at_least, check_columns
from cvm.core.months import month_index
from cvm.data.reduce_points import month_number, month_of

BEFORE_MONTHS = 3
"""Months before the scored one that a change is measured against."""
LOCK_MONTHS = 24
"""Length of a handset contract: one that ends later than this has not begun yet."""
LEFT = "left"
FIXED = (
    "brand",
    "tariff",
    "number_range",
    "payment",
    "customer_type",
    "county",
    "age_years",
    "family_id",
    "account_id",
)
_MONTHLY = (
    "complaints",
    "arrears_stops",
    "calling_circle",
    "off_net_share",
    "forwarding_minutes",
    "vip_tier",
    "star",
)
_SUMMED = ("complaints", "arrears_stops")
_COMPARED = ("calling_circle", "off_net_share", "forwarding_minutes", "data_yuan")
_UNITS = ("share", "minutes", "yuan")


def reduce_churn(
    months: ir.Table,
    customers: ir.Table,
    *,
    scoring_months: Sequence[date],
    known_to: date,
    horizon_months: int = 1,
) -> ir.Table:
    """Reduce the panel to one row a customer and scoring month, with the label where it is known.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers``.
        scoring_months: Months at whose end customers are looked at.
        known_to: Last month whose leaving is known: nothing after it is read.
        horizon_months: Leaving within so many months counts.

    Returns:
        Expression by ``customer_id`` and ``month`` (Ibis orders by neither) with ``bill_yuan``,
        ``bill_before_yuan`` (mean of up to three months before; null without one),
        ``bill_fall_share`` (1 − bill ÷ before, at least 0; 0 without one), ``seen_months`` (months
        before in the panel, at most three), sums over the last three months (``complaints_3m``
        …), means before (``off_net_before_share`` …), ``tenure_months``, ``handset_locked``,
        ``handset_left_months``, ``margin_yuan`` (mean of up to four months), the fixed columns, and
        ``left`` (true, false; null where the horizon goes beyond ``known_to``).

    Raises:
        ArgumentError: No scoring month, or one later than ``known_to``.
        MissingDataError: The months have no bill.
    """
    check_at_least(horizon_months, "horizon_months", 1)
    check_columns(months.columns, ["customer_id", "month", "bill_yuan"], "months")
    asked = sorted({month_index(month) for month in scoring_months})
    last = month_index(known_to)
    if not asked or asked[-1] > last:
        raise ArgumentError(
            "scoring_months",
            [str(month) for month in scoring_months],
            f"at least one month, none after {known_to:%Y-%m}",
        )
    panel = months.mutate(index=month_number(months.month))
    panel = panel.filter(panel.index >= asked[0] - BEFORE_MONTHS, panel.index <= asked[-1])
    rows = panel.select(**_looking_back(panel)).filter(ibis._.index.isin(asked))
    fixed = _fixed(months, customers, last)
    rows = rows.left_join(fixed, "customer_id").drop("customer_id_right")
    return _told(rows, last, horizon_months)


def reduce_churn_snapshot(customers: ir.Table) -> ir.Table:
    """Reduce a customer snapshot (no months) to one row a customer with the label ``left``.

    Args:
        customers: Contract table ``customers`` with ``churned``; columns the mapping keeps
            (``attr_…``) come along.

    Returns:
        Expression with ``customer_id``, every column that is filled for somebody except dates, and
        ``left``. A snapshot does not say when a column was recorded: the model's checks must.

    Raises:
        MissingDataError: The snapshot does not say who has left.
    """
    check_columns(customers.columns, ["customer_id", "churned"], "customers")
    left_out = {"churned", "left_month", "joined_month", "handset_until_month"}
    kept = [name for name in customers.columns if name not in left_out]
    return customers.select(*kept, left=customers.churned).filter(ibis._.left.notnull())


def reduce_churn_rates(
    rows: ir.Table, parts: Sequence[tuple[str, str, Sequence[float]]]
) -> ir.Table:
    """Reduce scored rows to counts by part, level and month: what churn rates are made of.

    Args:
        rows: Of :func:`reduce_churn`.
        parts: Name, column and edges of each part; without edges a level is the column's value,
            with edges it is the number of edges at or below the value (``"0"``, ``"1"`` …).

    Returns:
        Expression with ``part``, ``level``, ``month``, ``customers`` (label known) and ``left``, by
        part, level and month. An unknown value has the level ``unknown``.

    Raises:
        MissingDataError: A column is missing.
    """
    check_columns(rows.columns, [column for _, column, _ in parts], "churn rows")
    known = rows.filter(rows.left.notnull())
    cells = []
    for name, column, edges in parts:
        level = _level(known[column], edges)
        grouped = known.group_by("month", level=level)
        counts = grouped.agg(customers=known.count(), left=known.left.cast("int64").sum())
        cells.append(
            counts.select(
                part=ibis.literal(name), level="level", month="month", customers="customers",
                left="left",
            )
        )  # fmt: skip
    return ibis.union(*cells).order_by("part", "level", "month")


def _level(value: ir.Value, edges: Sequence[float]) -> ir.StringValue:
    if not edges:
        return value.cast("string").fill_null("unknown")
    above = [(value >= edge).cast("int64") for edge in edges]
    count = above[0]
    for one in above[1:]:
        count = count + one
    return count.cast("string").fill_null("unknown")


def _looking_back(panel: ir.Table) -> dict[str, ir.Value]:
    """Return the columns of a customer's month, those of months before it included."""
    # Ranges go by the month's number, so that a gap in the panel is not taken for a month.
    back = _window((BEFORE_MONTHS, 1))
    upto = _window((BEFORE_MONTHS - 1, 0))
    bill = panel.bill_yuan.cast("float64")
    before = bill.mean().over(back)
    fall = ibis.greatest(1.0 - bill / ibis.cases((before > 0, before)), 0.0)
    found: dict[str, ir.Value] = {
        "customer_id": panel.customer_id,
        "index": panel.index,
        "bill_yuan": bill,
        "bill_before_yuan": before,
        "bill_fall_share": fall.fill_null(0.0),
        "seen_months": panel.index.count().over(back).cast("int64"),
    }
    for name in _MONTHLY:
        if name in panel.columns:
            found[name] = panel[name]
    for name in _SUMMED:
        if name in panel.columns:
            found[f"{name}_3m"] = panel[name].sum().over(upto).cast("int64")
    for name in _COMPARED:
        if name in panel.columns:
            stem, _, unit = name.rpartition("_")
            # The unit stays last: off_net_share becomes off_net_before_share.
            known = f"{stem}_before_{unit}" if unit in _UNITS else f"{name}_before"
            found[known] = panel[name].cast("float64").mean().over(back)
    if "data_yuan" in panel.columns:
        found["data_of_bill_share"] = panel.data_yuan / ibis.cases((bill > 0, bill))
    if "paid_on_time" in panel.columns:
        found["late_3m"] = (~panel.paid_on_time).cast("int64").sum().over(upto).cast("int64")
    if "variable_cost_yuan" in panel.columns:
        found["margin_yuan"] = (bill - panel.variable_cost_yuan).mean().over(_window((3, 0)))
    return found


def _window(preceding: tuple[int, int]) -> ibis.expr.builders.WindowBuilder:
    return ibis.range_window(preceding=preceding, group_by="customer_id", order_by="index")


def _fixed(months: ir.Table, customers: ir.Table, last: int) -> ir.Table:
    """Return customers with their fixed columns, month of joining and first month without service.

    Where the extract has no ``left_month``, a customer left after his last month in the panel.
    """
    known: dict[str, ir.Value] = {
        name: customers[name] for name in FIXED if name in customers.columns
    }
    for name, column in (("joined_index", "joined_month"), ("until_index", "handset_until_month")):
        if column in customers.columns:
            known[name] = month_number(customers[column])
    if "left_month" in customers.columns:
        gone = month_number(customers.left_month)
        return customers.select("customer_id", **known, left_index=ibis.cases((gone <= last, gone)))
    ends = months.group_by("customer_id").agg(end=month_number(months.month).max())
    ends = ends.select("customer_id", left_index=ibis.cases((ends.end < last, ends.end + 1)))
    fixed = customers.select("customer_id", **known)
    return fixed.left_join(ends, "customer_id").drop("customer_id_right")


def _told(rows: ir.Table, last: int, horizon_months: int) -> ir.Table:
    """Return rows with what the fixed columns tell at each month, and the label."""
    more: dict[str, ir.Value] = {}
    if "joined_index" in rows.columns:
        more["tenure_months"] = ibis.greatest(rows.index - rows.joined_index, 0).cast("int64")
    if "until_index" in rows.columns:
        ahead = rows.until_index - rows.index
        # A contract that ends later was not signed yet at the scoring month.
        locked = ((ahead >= 0) & (ahead < LOCK_MONTHS)).fill_null(False)
        more["handset_locked"] = locked
        more["handset_left_months"] = locked.ifelse(ahead, 0).cast("int64")
    for name in ("family_id", "account_id"):
        if name in rows.columns:
            more[f"in_{name.removesuffix('_id')}"] = rows[name].notnull()
    leaves = rows.left_index.between(rows.index + 1, rows.index + horizon_months).fill_null(False)
    told = rows.index + horizon_months <= last
    more[LEFT] = told.ifelse(leaves, ibis.null("boolean"))
    more["month"] = month_of(rows.index)
    gone = [
        name
        for name in ("index", "joined_index", "until_index", "left_index")
        if name in rows.columns
    ]
    return rows.mutate(**more).drop(*gone).relocate("customer_id", "month")
