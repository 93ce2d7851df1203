"""Checks of single cells: types, missing values, ranges, categories, dates, empty columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from cvm.core.months import add_months
from cvm.data.contract import Column, Kind, Table
from cvm.data.quality_rules import (
    EARLIEST,
    FAULTY_SHARE,
    ROW,
    SMALL_TABLE_ROWS,
    Rule,
    UnderCheck,
    one_row,
)

TYPES: Mapping[Kind, str] = {
    "id": "string",
    "text": "string",
    "category": "string",
    "integer": "int64",
    "number": "float64",
    "share": "float64",
    "flag": "boolean",
    "month": "date",
    "date": "date",
}
CELL_CHECKS = (
    "missing_value",
    "negative",
    "too_low",
    "too_high",
    "not_allowed",
    "too_early",
    "future",
)
MAY_BE_FUTURE = {
    ("customers", "handset_until_month"),
    ("accounts", "contract_until_month"),
    ("campaigns", "start_month"),
    ("campaigns", "end_month"),
}
"""Dates that are planned, and may lie after today."""
ANNOUNCED_ONE_MONTH_AHEAD = {("customers", "left_month")}
"""The first month without service of somebody who leaves this month is next month."""


def fits(dtype: dt.DataType, kind: Kind) -> bool:
    """Return whether a stored type can be read as the contract's kind without guessing."""
    if dtype.is_null():
        return True
    if kind in ("id", "text", "category"):
        return dtype.is_string()
    if kind == "integer":
        return dtype.is_integer()
    if kind in ("number", "share"):
        return dtype.is_numeric() and not dtype.is_boolean()
    if kind == "flag":
        return dtype.is_boolean()
    return dtype.is_date() or dtype.is_timestamp()


def check_shape(raw: ir.Table, contract: Table) -> UnderCheck:
    """Check columns and types, and return the table in the contract's types.

    A column of the wrong type is left out of the stage, so that the other checks can still run. A
    column without a single value has no type worth arguing about.
    """
    schema = raw.schema()
    misfits = [
        column
        for column in contract.columns
        if column.name in schema and not fits(schema[column.name], column.kind)
    ]
    filled: dict[str, int] = {}
    if misfits:
        filled = one_row(raw.aggregate(**{c.name: raw[c.name].count() for c in misfits}))
    wrong = {column.name for column in misfits if filled[column.name]}
    columns = {
        column.name: _in_contract_type(raw[column.name], column)
        for column in contract.columns
        if column.name in schema and column.name not in wrong
    }
    others = [name for name in schema if name not in columns and name != ROW]
    stage = raw.select(raw[ROW].cast("int64").name(ROW), **columns, **{n: raw[n] for n in others})
    table = UnderCheck(contract=contract, raw=raw, stage=stage, typed=tuple(columns))
    for column in contract.columns:
        if column.required and column.name not in schema:
            table.note("missing_column", 0, column=column.name, hard=True)
        if column.name in wrong:
            table.note(
                "wrong_type",
                filled[column.name],
                column=column.name,
                hard=True,
                examples=_type_examples(raw, column.name),
                found=str(schema[column.name]),
                wanted=TYPES[column.kind],
            )
    known = {ROW, *contract.column_names}
    for name in schema:
        if name not in known and not name.startswith("attr_"):
            table.note("surplus_column", 0, column=name)
    return table


def _type_examples(raw: ir.Table, name: str) -> tuple[str, ...]:
    first = raw.filter(raw[name].notnull()).order_by(ROW).limit(3).select(ROW, name)
    return tuple(f"row {r[ROW]}: {name} {r[name]!s}" for r in first.to_pyarrow().to_pylist())


def _in_contract_type(value: ir.Value, column: Column) -> ir.Value:
    """Return a value in its contract type: months at their first day, no NaN, no empty text."""
    wanted = TYPES[column.kind]
    typed = value if str(value.type()) == wanted else value.cast(wanted)
    if column.kind == "month":
        return ibis.date(typed.year(), typed.month(), 1).name(column.name)
    if wanted == "float64":
        return typed.isnan().ifelse(ibis.null("float64"), typed).name(column.name)
    if wanted == "string":
        return typed.nullif("").name(column.name)
    return typed.name(column.name)


def column_rules(table: UnderCheck, today: date) -> list[Rule]:
    """Return the rules for single cells of a table.

    A faulty cell of a required column spoils the row, which is set aside; of another column, the
    cell alone is emptied.
    """
    return [
        rule
        for column in table.contract.columns
        if table.has(column.name)
        for rule in _rules_of(table.stage[column.name], column, table.name, today)
    ]


def _rules_of(value: ir.Value, column: Column, table: str, today: date) -> list[Rule]:
    def rule(check: str, broken: ir.BooleanValue, **details: Any) -> Rule:
        spoils = not column.nullable
        return Rule(
            check=check,
            column=column.name,
            broken=broken.fill_null(False),
            fate="set_aside" if spoils else "emptied",
            hard_share=FAULTY_SHARE if spoils else 2.0,
            details=details,
        )

    rules = [] if column.nullable else [rule("missing_value", value.isnull())]
    low, high = column.low, column.high
    if low is not None and low == 0:
        rules.append(rule("negative", value < 0))
    elif low is not None:
        rules.append(rule("too_low", value < low, low=_plain(low)))
    if high is not None:
        rules.append(rule("too_high", value > high, high=_plain(high)))
    if column.kind == "category" and column.allowed:
        known = value.isin(list(column.allowed))
        rules.append(rule("not_allowed", ~known, allowed=", ".join(column.allowed)))
    if column.kind in ("month", "date"):
        rules.append(rule("too_early", value < ibis.literal(EARLIEST), earliest=f"{EARLIEST}"))
        if (table, column.name) not in MAY_BE_FUTURE:
            ahead = (table, column.name) in ANNOUNCED_ONE_MONTH_AHEAD
            last = add_months(today, 1) if ahead else today
            rules.append(rule("future", value > ibis.literal(last), today=f"{today}"))
    return rules


def _plain(number: float) -> str:
    return f"{number:,.10g}"


def usable_columns(table: UnderCheck, rules: Sequence[Rule]) -> dict[str, ir.Value]:
    """Return every column of the stage, empty where a cell breaks one of the rules."""
    columns: dict[str, ir.Value] = {name: table.stage[name] for name in table.stage.columns}
    for name, value in columns.items():
        broken = [r.broken for r in rules if r.column == name and r.check != "missing_value"]
        for one in broken:
            value = one.ifelse(ibis.null(value.type()), value)
        columns[name] = value.name(name)
    return columns


def fill_measures(table: UnderCheck) -> dict[str, ir.Scalar]:
    """Return the aggregates that tell whether a column is empty or constant."""
    measures: dict[str, ir.Scalar] = {}
    for column in table.contract.columns:
        if table.has(column.name):
            value = table.stage[column.name]
            measures[f"filled {column.name}"] = value.count()
            if _may_be_constant(column, table.contract):
                number = value.cast("int8") if column.kind == "flag" else value
                measures[f"varies {column.name}"] = number.min() != number.max()
    return measures


def _may_be_constant(column: Column, contract: Table) -> bool:
    return column.kind != "id" and column.name not in contract.key


def report_fill(table: UnderCheck, measured: Mapping[str, Any]) -> None:
    """Note columns that are wholly empty or say the same for every row."""
    if table.rows < SMALL_TABLE_ROWS:
        return
    for column in table.contract.columns:
        filled = measured.get(f"filled {column.name}")
        if filled is None:
            continue
        if filled == 0 and column.nullable:
            table.note("empty_column", table.rows, column=column.name)
        elif filled == table.rows and measured.get(f"varies {column.name}") is False:
            value = table.stage.limit(1)[column.name].to_pyarrow().to_pylist()[0]
            table.note("constant_column", table.rows, column=column.name, value=str(value))
