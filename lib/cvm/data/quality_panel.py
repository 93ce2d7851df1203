"""Checks of the customer-month panel: gaps, months outside service, files cut off in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import ibis
import ibis.expr.types as ir

from cvm.core.months import add_months, month_from_index, month_index
from cvm.data.quality_links import CleanTables, Tables, service
from cvm.data.quality_rules import (
    CUT_SHARE,
    EXAMPLES,
    ROW,
    SMALL_TABLE_ROWS,
    UnderCheck,
    month_number,
    one_row,
    records,
    row_examples,
)

GAPS = ("gap_inside", "gap_at_start", "gap_at_end")
LONG_HOLE_MONTHS = 12
"""Rows before a longer hole than this are stray, not the panel's beginning."""
CUT_CUSTOMERS = 10
CUT_CUSTOMERS_SHARE = 0.01
"""At least so many customers, and this share of them, must be missing at the end of the order."""


def check_panel(tables: Tables, clean: CleanTables) -> None:
    """Check months and ledger over time, and against the customers' service."""
    spans = {}
    for name in ("months", "ledger"):
        table = tables.get(name)
        if table is not None and table.has("customer_id", "month"):
            span = _check_months(table)
            if span is not None:
                spans[name] = span
    if len(spans) == 2:
        _check_same_end(tables, spans)
    customers = service(tables, clean)
    for name, (first, last, _) in spans.items():
        if customers is not None:
            _check_covered(tables[name], customers, first, last)
    if "months" in spans:
        leaving_known = customers is not None and tables["customers"].has("left_month")
        first, last, absent = spans["months"]
        _check_service(tables["months"], customers, first, last, absent, leaving_known)


def _check_months(table: UnderCheck) -> tuple[date, date, list[date]] | None:
    """Note sudden falls of the row count, and return first, last whole and absent months."""
    rows = table.with_key()
    if table.name == "ledger" and table.has("entry"):
        rows = rows.filter(rows.entry == "earned")  # clearing swells single months
    by_month = records(rows.group_by("month").agg(rows=rows.count()).order_by("month"))
    if not by_month:
        return None
    count = {record["month"]: record["rows"] for record in by_month}
    last = max(count)
    first = _begin(sorted(count))
    if first > min(count):
        table.note(
            "month_stray",
            sum(rows for month, rows in count.items() if month < first),
            column="month",
            examples=[f"month {month:%Y-%m}" for month in sorted(count) if month < first][
                :EXAMPLES
            ],
            first=f"{first:%Y-%m}",
        )
    every = [month_from_index(i) for i in range(month_index(first), month_index(last) + 1)]
    absent = [month for month in every if month not in count]
    if absent:
        shown = [f"{month:%Y-%m}" for month in absent]
        table.note(
            "month_absent", 0, column="month", examples=shown[:EXAMPLES], months=", ".join(shown)
        )
    whole_last = last
    for month in sorted(count)[1:]:
        before = count.get(add_months(month, -1), 0)
        if before < SMALL_TABLE_ROWS or count[month] >= CUT_SHARE * before:
            continue
        cut = month == last
        whole_last = add_months(month, -1) if cut else whole_last
        table.note(
            "month_cut_off" if cut else "month_drop",
            count[month],
            column="month",
            hard=cut,
            examples=[f"month {month:%Y-%m}: {count[month]:,} < {before:,}"],
            month=f"{month:%Y-%m}",
            before=f"{before:,}",
        )
    return first, whole_last, absent


def _begin(months: Sequence[date]) -> date:
    """Return where the panel begins: after the last hole of more than a year."""
    first = months[0]
    for before, month in pairwise(months):
        if month_index(month) - month_index(before) > LONG_HOLE_MONTHS:
            first = month
    return first


def _check_same_end(tables: Tables, spans: dict[str, tuple[date, date, list[date]]]) -> None:
    early, late = sorted(spans, key=lambda name: spans[name][1])
    if spans[early][1] < spans[late][1]:
        tables[early].note(
            "ends_early",
            tables[early].rows,
            column="month",
            month=f"{spans[early][1]:%Y-%m}",
            other=late,
            other_month=f"{spans[late][1]:%Y-%m}",
        )


def _check_covered(table: UnderCheck, customers: ir.Table, first: date, last: date) -> None:
    """Note customers in service without a row in the table; a cut file if they are the last."""
    if any(f.check == "unknown_reference" and f.severity == "hard" for f in table.findings):
        return  # ids are written differently: told already
    rows = table.with_key()
    present = rows.select("customer_id").distinct().mutate(present=True)
    active = customers.filter(
        (customers.joined_month <= last).fill_null(True),
        (customers.left_month > first).fill_null(True),
    )
    marked = active.left_join(present, "customer_id")
    missing = marked.present.isnull()
    settled = missing & (marked.joined_month < add_months(last, -1)).fill_null(True)
    found = one_row(
        marked.aggregate(
            active=marked.count(),
            missing=missing.sum(),
            settled=settled.sum(),
            first_missing=marked[ROW].min(where=settled),
            last_present=marked[ROW].max(where=~missing),
        )
    )
    if not found["missing"]:
        return
    cut = (
        found["last_present"] is not None
        and found["settled"] >= max(CUT_CUSTOMERS, CUT_CUSTOMERS_SHARE * found["active"])
        and found["first_missing"] > found["last_present"]
    )
    table.note(
        "cut_off_customers" if cut else "customers_without_rows",
        found["missing"],
        column="customer_id",
        hard=cut,
        examples=row_examples(marked.filter(missing), ibis.literal(True), ["customer_id"]),
        customers=f"{found['missing']:,}",
        active=f"{found['active']:,}",
    )


def _check_service(
    months: UnderCheck,
    customers: ir.Table | None,
    first: date,
    last: date,
    absent: Sequence[date],
    leaving_known: bool,
) -> None:
    """Note months missing for a customer, and months outside the customer's service."""
    panel = _panel(months, customers, first, last, absent, leaving_known)
    sums: dict[str, ir.Scalar] = {}
    for gap in GAPS:
        sums[gap] = panel[gap].sum(where=panel[gap] > 0)
        sums[f"{gap} customers"] = (panel[gap] > 0).sum()
    sums["before"] = (panel["first"] < panel.joined_month).sum()
    sums["after"] = (panel["last"] >= panel.left_month).sum()
    found = one_row(panel.aggregate(**sums))
    for gap in GAPS:
        if found[gap]:
            months.note(
                gap,
                found[gap],
                column="month",
                examples=_gap_examples(months, panel, gap, absent),
                customers=f"{found[f'{gap} customers']:,}",
            )
    if customers is not None and (found["before"] or found["after"]):
        _note_outside(months, customers, first)


def _panel(
    months: UnderCheck,
    customers: ir.Table | None,
    first: date,
    last: date,
    absent: Sequence[date],
    leaving_known: bool,
) -> ir.Table:
    """Return one row a customer: first and last month, and months missing by kind of gap.

    Customers with a row whose month is faulty are left out: their gap is that fault.
    """
    rows = months.with_key()
    rows = rows.filter(rows.month >= first)  # stray months are told already
    panel = rows.group_by("customer_id").agg(
        months=rows.month.nunique(), first=rows.month.min(), last=rows.month.max()
    )
    faulty = [rule.broken for rule in months.fired if rule.column == "month"]
    if faulty:
        misdated = months.stage.filter(ibis.or_(*faulty)).select("customer_id").distinct()
        panel = panel.anti_join(misdated, "customer_id")
    if customers is None:
        panel = panel.mutate(joined_month=ibis.null("date"), left_month=ibis.null("date"))
        end_known = ibis.literal(False)
    else:
        known = customers.drop(ROW).mutate(is_known=True)
        panel = panel.left_join(known, "customer_id").drop("customer_id_right")
        end_known = panel.is_known.fill_null(False) & leaving_known
    begin, end = month_number(panel["first"]), month_number(panel["last"])
    should_begin = ibis.greatest(month_number(panel.joined_month), month_index(first))
    should_end = (month_number(panel.left_month) - 1).fill_null(month_index(last))
    should_end = ibis.least(should_end, month_index(last))

    def told_already(low: ir.IntegerValue, high: ir.IntegerValue) -> Any:
        numbers = [ibis.literal(month_index(month)) for month in absent]
        return sum(((n >= low) & (n <= high)).ifelse(1, 0) for n in numbers)

    return panel.mutate(
        gap_inside=end - begin + 1 - panel.months - told_already(begin, end),
        gap_at_start=panel.joined_month.notnull().ifelse(
            begin - should_begin - told_already(should_begin, begin - 1), 0
        ),
        gap_at_end=end_known.ifelse(should_end - end - told_already(end + 1, should_end), 0),
        should_begin=should_begin,
        should_end=should_end,
    )


def _gap_examples(
    months: UnderCheck, panel: ir.Table, gap: str, absent: Sequence[date]
) -> list[str]:
    """Return the first three customers of a kind of gap, with the months they lack."""
    wanted = ("customer_id", "first", "last", "should_begin", "should_end")
    worst = records(
        panel.filter(panel[gap] > 0).order_by("customer_id").limit(EXAMPLES).select(*wanted)
    )
    rows = months.with_key()
    ids = [record["customer_id"] for record in worst]
    seen = records(rows.filter(rows.customer_id.isin(ids)).select("customer_id", "month"))
    told = []
    for record in worst:
        begin, end = month_index(record["first"]), month_index(record["last"])
        span = {
            "gap_inside": range(begin, end),
            "gap_at_start": range(record["should_begin"] or begin, begin),
            "gap_at_end": range(end + 1, record["should_end"] + 1),
        }[gap]
        own = {month_index(r["month"]) for r in seen if r["customer_id"] == record["customer_id"]}
        own |= {month_index(month) for month in absent}
        lacking = [f"{month_from_index(i):%Y-%m}" for i in span if i not in own]
        shown = ", ".join(lacking[:EXAMPLES]) + (", …" if len(lacking) > EXAMPLES else "")
        told.append(f"customer_id {record['customer_id']}, month {shown}")
    return told


def _note_outside(months: UnderCheck, customers: ir.Table, first: date) -> None:
    """Note the rows that lie before joining or after leaving."""
    rows = months.with_key()
    rows = rows.filter(rows.month >= first)
    dated = rows.select(ROW, "customer_id", "month").inner_join(customers.drop(ROW), "customer_id")
    kinds = {
        "before_joining": ("joined_month", dated.month < dated.joined_month),
        "after_leaving": ("left_month", dated.month >= dated.left_month),
    }
    counts = one_row(dated.aggregate(**{kind: broken.sum() for kind, (_, broken) in kinds.items()}))
    for kind, (column, broken) in kinds.items():
        if counts[kind]:
            months.note(
                kind,
                counts[kind],
                column="month",
                examples=row_examples(
                    dated, broken.fill_null(False), ["customer_id", "month", column]
                ),
            )
