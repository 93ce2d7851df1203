"""Checks of one row's columns against each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ibis.expr.types as ir

from cvm.data.findings import Fate
from cvm.data.quality_rules import BILL_WITHOUT_USAGE_YUAN, YUAN_TOLERANCE, Rule

Values = Mapping[str, ir.Value]


@dataclass(frozen=True, kw_only=True)
class CrossRule:
    """A rule over several columns of one row; it applies where all of them were read."""

    check: str
    column: str
    needs: tuple[str, ...]
    broken: Callable[[Values], ir.BooleanValue]
    fate: Fate = "kept"


CROSS_RULES: Mapping[str, tuple[CrossRule, ...]] = {
    "customers": (
        CrossRule(
            check="left_before_joined",
            column="left_month",
            needs=("joined_month", "left_month"),
            broken=lambda v: v["left_month"] < v["joined_month"],
            fate="set_aside",
        ),
    ),
    "months": (
        CrossRule(
            check="parts_above_bill",
            column="bill_yuan",
            needs=("voice_yuan", "data_yuan", "bill_yuan"),
            broken=lambda v: v["voice_yuan"] + v["data_yuan"] > v["bill_yuan"] + YUAN_TOLERANCE,
        ),
        CrossRule(
            check="bill_without_usage",
            column="bill_yuan",
            needs=("bill_yuan", "voice_minutes", "data_gb"),
            broken=lambda v: (
                (v["bill_yuan"] > BILL_WITHOUT_USAGE_YUAN)
                & (v["voice_minutes"] == 0)
                & (v["data_gb"] == 0)
            ),
        ),
    ),
    "campaigns": (
        CrossRule(
            check="end_before_start",
            column="end_month",
            needs=("start_month", "end_month"),
            broken=lambda v: v["end_month"] < v["start_month"],
        ),
    ),
    "contacts": (
        CrossRule(
            check="control_contacted",
            column="arm",
            needs=("arm", "contacted_on"),
            broken=lambda v: (v["arm"] == "control") & v["contacted_on"].notnull(),
        ),
        CrossRule(
            check="reached_without_contact",
            column="reached",
            needs=("reached", "contacted_on"),
            broken=lambda v: v["reached"] & v["contacted_on"].isnull(),
        ),
        CrossRule(
            check="accepted_without_reach",
            column="accepted",
            needs=("accepted", "reached"),
            broken=lambda v: v["accepted"] & ~v["reached"],
        ),
    ),
}


def cross_rules(table: str, values: Values) -> list[Rule]:
    """Return the rules over several columns that this table's columns allow.

    Args:
        table: Name of the table.
        values: Its columns, empty where a cell is faulty in itself, so that one fault is told once.
    """
    return [
        Rule(
            check=cross.check,
            column=cross.column,
            broken=cross.broken(values).fill_null(False),
            fate=cross.fate,
            show=cross.needs,
            details={"limit": BILL_WITHOUT_USAGE_YUAN}
            if cross.check == "bill_without_usage"
            else {},
        )
        for cross in CROSS_RULES.get(table, ())
        if all(name in values for name in cross.needs)
    ]
