"""Checks of recharges: against how customers pay and when they are in service, and repetitions."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir

from cvm.core.months import add_months
from cvm.data.quality_links import CleanTables, Tables, service
from cvm.data.quality_rules import EXAMPLES, ROW, UnderCheck, one_row, records, row_examples, tell

_SHOWN = ("customer_id", "recharged_on", "amount_yuan")


def check_recharges(tables: Tables, clean: CleanTables) -> None:
    """Note recharges outside service or the months on file, of contract customers, and repeated.

    All are kept: which of two like recharges of one day is one too many, nothing in the data says.
    """
    recharges = tables.get("recharges")
    if recharges is None or not recharges.has("customer_id", "recharged_on"):
        return
    dated = clean["recharges"].select(ROW, "customer_id", "recharged_on")
    broken: dict[str, tuple[ir.BooleanValue, tuple[str, ...], dict[str, Any]]] = {}
    customers = service(tables, clean)
    if customers is not None:
        paid = ibis.null("string")
        people = clean["customers"]
        if tables["customers"].has("payment"):
            paid = people.payment
        known = people.select("customer_id", paid=paid)
        known = known.left_join(customers.drop(ROW), "customer_id").drop("customer_id_right")
        dated = dated.left_join(known, "customer_id").drop("customer_id_right")
        broken["recharge_before_joining"] = (
            dated.recharged_on < dated.joined_month,
            ("joined_month",),
            {},
        )
        broken["recharge_after_leaving"] = (
            dated.recharged_on >= dated.left_month,
            ("left_month",),
            {},
        )
        broken["recharge_of_contract"] = (dated.paid == "postpaid", (), {})
    span = _months_on_file(tables, clean)
    if span is not None:
        first, after = span
        outside = (dated.recharged_on < first) | (dated.recharged_on >= after)
        told = {"first": f"{first:%Y-%m}", "last": f"{after - timedelta(days=1):%Y-%m}"}
        broken["recharge_outside_months"] = (outside, (), told)
    _note_broken(recharges, dated, broken)
    if span is not None:
        _check_end(recharges, dated, span[1])
    if recharges.has("amount_yuan"):
        _check_repeated(recharges, clean["recharges"])


def _months_on_file(tables: Tables, clean: CleanTables) -> tuple[date, date] | None:
    """Return the first day of the months table, and the day after its last."""
    if "months" not in clean or not tables["months"].has("month"):
        return None
    month = clean["months"].month
    found = one_row(clean["months"].aggregate(first=month.min(), last=month.max()))
    if found["first"] is None:
        return None
    return found["first"], add_months(found["last"], 1)


def _note_broken(
    recharges: UnderCheck,
    dated: ir.Table,
    broken: dict[str, tuple[ir.BooleanValue, tuple[str, ...], dict[str, Any]]],
) -> None:
    if not broken:
        return
    rules = {check: rule.fill_null(False) for check, (rule, _, _) in broken.items()}
    counts = one_row(dated.aggregate(**{check: rule.sum() for check, rule in rules.items()}))
    for check, (_, others, told) in broken.items():
        if counts[check]:
            recharges.note(
                check,
                counts[check],
                column="recharged_on",
                examples=row_examples(
                    dated, rules[check], ["customer_id", "recharged_on", *others]
                ),
                **told,
            )


def _check_end(recharges: UnderCheck, dated: ir.Table, after: date) -> None:
    """Note that recharges end in an earlier month: everybody would seem to have fallen silent."""
    last = one_row(dated.aggregate(last=dated.recharged_on.max()))["last"]
    if last is not None and last < add_months(after, -1):
        recharges.note(
            "ends_early",
            recharges.rows,
            column="recharged_on",
            month=f"{last:%Y-%m}",
            other="months",
            other_month=f"{add_months(after, -1):%Y-%m}",
        )


def _check_repeated(recharges: UnderCheck, rows: ir.Table) -> None:
    """Note recharges like an earlier one of the same customer, day and amount."""
    again = ibis.row_number().over(ibis.window(group_by=_SHOWN, order_by=ROW)) > 0
    repeated = rows.select(ROW, *_SHOWN).mutate(again=again).filter(lambda t: t.again)
    count = one_row(repeated.aggregate(rows=repeated.count()))["rows"]
    if count:
        first = repeated.order_by(ROW).limit(EXAMPLES).select(ROW, *_SHOWN)
        recharges.note(
            "recharge_repeated",
            count,
            column="recharged_on",
            examples=[tell(record) for record in records(first)],
        )
