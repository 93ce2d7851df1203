"""What becomes of a checked table: the clean rows, the rows taken out, the cells emptied."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cvm.data.quality_columns import CELL_CHECKS, usable_columns
from cvm.data.quality_rules import ROW, Rule, UnderCheck, reason_of


def usable(table: UnderCheck) -> ir.Table:
    """Return all rows of a table with every faulty cell emptied, required columns included."""
    faults = [rule for rule in table.fired if rule.check in CELL_CHECKS]
    return table.stage.mutate(**usable_columns(table, faults)) if faults else table.stage


def clean_rows(table: UnderCheck) -> ir.Table:
    """Return the rows that stay, with faulty cells of optional columns emptied."""
    kept = table.stage
    if spoiled := _rules(table, "set_aside"):
        kept = kept.filter([~rule.broken for rule in spoiled])
    if table.duplicates is not None:
        kept = kept.anti_join(table.duplicates, ROW)
    if empties := _rules(table, "emptied"):
        kept = kept.mutate(**usable_columns(table, empties))
    return kept


def takes_rows(table: UnderCheck) -> bool:
    """Return whether any row of the table is set aside."""
    return bool(_rules(table, "set_aside")) or table.duplicates is not None


def taken_rows(table: UnderCheck) -> ir.Table:
    """Return the rows set aside: ``_row``, ``reason``, and the columns as they were read."""
    reasons = _reasons(table)
    rows = table.raw.inner_join(reasons, ROW)
    others = [name for name in table.raw.columns if name != ROW]
    return rows.select(ROW, "reason", *others).order_by(ROW)


def _reasons(table: UnderCheck) -> ir.Table:
    spoiled = _rules(table, "set_aside")
    if not spoiled:
        return _duplicate_reasons(table)
    stage = table.stage
    told = ibis.literal("")
    for rule in spoiled:
        told = told + rule.broken.ifelse(rule.reason + "; ", "")
    broken = stage.select(ROW, reason=told).filter(lambda t: t.reason != "")
    broken = broken.select(ROW, reason=broken.reason.substr(0, broken.reason.length() - 2))
    if table.duplicates is None:
        return broken
    repeats = _duplicate_reasons(table).rename(repeat="reason")
    both = broken.left_join(repeats, ROW)
    told_twice = (broken.reason + "; " + repeats.repeat).coalesce(broken.reason)
    only = repeats.anti_join(broken, ROW).select(ROW, reason="repeat")
    return ibis.union(both.select(ROW, reason=told_twice), only)


def _duplicate_reasons(table: UnderCheck) -> ir.Table:
    repeats = table.duplicates
    assert repeats is not None
    keys = ", ".join(name for name in table.contract.key if table.has(name))
    return repeats.select(
        ROW,
        reason=(repeats.check == "duplicate_row").ifelse(
            reason_of("duplicate_row", keys=keys), reason_of("conflicting_rows", keys=keys)
        ),
    )


def empties_cells(table: UnderCheck) -> bool:
    """Return whether any cell of the table is emptied."""
    return bool(_rules(table, "emptied"))


def emptied_cells(table: UnderCheck) -> ir.Table:
    """Return the cells emptied: ``_row``, ``column``, ``value`` as it was, ``reason``."""
    cells = [
        table.stage.filter(rule.broken).select(
            ROW,
            column=ibis.literal(rule.column),
            value=table.stage[rule.column].cast("string"),
            reason=ibis.literal(rule.reason),
        )
        for rule in _rules(table, "emptied")
    ]
    every = ibis.union(*cells) if len(cells) > 1 else cells[0]
    return every.order_by(ROW)


def _rules(table: UnderCheck, fate: str) -> list[Rule]:
    return [rule for rule in table.fired if rule.fate == fate]
