"""Checking an extract: every problem at once, nothing dropped silently.

:func:`check_tables` looks at cells, rows, keys, and at the tables together. Each problem becomes
one :class:`~cvm.data.findings.Finding`; hard ones stop the run, soft ones go on with a count. What
becomes of a faulty row is one policy (``docs/decisions/0001-contract-and-checks.md``):

* a faulty cell of a required column spoils the row: the row is set aside;
* a faulty cell of another column is emptied, and its old value listed;
* of rows that are equal in every column the first stays; rows that contradict each other are
  all set aside, because nothing in the data says which is right;
* what is odd but may be true (a control who was contacted, a bill after leaving) is kept and told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import ibis.expr.types as ir

from cvm.core.checks import check_columns, check_one_of
from cvm.data.findings import Finding
from cvm.data.quality_columns import (
    check_shape,
    column_rules,
    fill_measures,
    report_fill,
    usable_columns,
)
from cvm.data.quality_contacts import check_contacts
from cvm.data.quality_keys import check_keys
from cvm.data.quality_ledger import check_ledger
from cvm.data.quality_links import check_links
from cvm.data.quality_outcome import (
    clean_rows,
    emptied_cells,
    empties_cells,
    taken_rows,
    takes_rows,
    usable,
)
from cvm.data.quality_panel import check_panel
from cvm.data.quality_recharges import check_recharges
from cvm.data.quality_rows import cross_rules
from cvm.data.quality_rules import ROW, UnderCheck, one_row, repeated_rows
from cvm.data.tables import CONTRACT

BASE_TABLES = ("customers", "months")
"""Without rows in a delivered base table nothing can be said."""
SINGLE_ROW_IS_NORMAL = ("campaigns", "accounts")


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What checking found, and the tables to go on with.

    Attributes:
        findings: Every problem; hard ones first, then in the order of the contract.
        clean: Usable rows in contract types, faulty cells of optional columns emptied. Columns as
            delivered (``_row`` included), contract columns first. A table without rows is left out.
        set_aside: Rows taken out: ``_row``, ``reason`` (Chinese / English), original columns.
        emptied: Cells emptied: ``_row``, ``column``, ``value`` (as text), ``reason``.
        rows: Rows read, by table.
        rows_set_aside: Rows set aside, by table.
    """

    findings: tuple[Finding, ...]
    clean: Mapping[str, ir.Table]
    set_aside: Mapping[str, ir.Table]
    emptied: Mapping[str, ir.Table] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    rows_set_aside: Mapping[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the run may go on: no hard finding."""
        return all(finding.severity != "hard" for finding in self.findings)


def check_tables(
    tables: Mapping[str, ir.Table], *, today: date, extra: Sequence[Finding] = ()
) -> Checked:
    """Check all tables of an extract, alone and against each other.

    Args:
        tables: Tables by contract name, in contract columns and types, with ``_row``, the row's
            number in its source (1-based, unique in the table). They are read several times: give
            tables that are stored (Parquet, a table), not an expression that parses text.
        today: Dates after this day are faults.
        extra: Problems found while reading, told in the same report.

    Returns:
        The findings, the clean tables, and all that was taken out of them. Every row read is
        either in ``clean`` or in ``set_aside``.

    Raises:
        ArgumentError: A table is not in the contract.
        DataError: A table has no ``_row``, or its numbers repeat.
    """
    checking = {}
    for name in CONTRACT:
        if name in tables:
            check_columns(tables[name].columns, [ROW], name)
            checking[name] = _check_alone(tables[name], name, today)
    for name in tables:
        check_one_of(name, "table", CONTRACT)
    filled = {name: table for name, table in checking.items() if table.rows}
    clean = {name: clean_rows(table) for name, table in filled.items()}
    check_links(filled, clean)
    check_panel(filled, clean)
    check_ledger(filled, clean)
    check_contacts(filled, clean)
    check_recharges(filled, clean)
    return _gather(checking, clean, extra)


def _check_alone(raw: ir.Table, name: str, today: date) -> UnderCheck:
    table = check_shape(raw, CONTRACT[name])
    rules = column_rules(table, today)
    values = usable_columns(table, rules)
    rules += cross_rules(name, {column: values[column] for column in table.typed})
    sums = {f"broken {i}": rule.broken.sum() for i, rule in enumerate(rules)}
    counted = one_row(
        table.stage.aggregate(rows=table.stage.count(), **sums, **fill_measures(table))
    )
    table.rows = counted["rows"]
    if not table.rows:
        table.note("empty_table", 0, hard=name in BASE_TABLES)
        return table
    if table.rows == 1 and name not in SINGLE_ROW_IS_NORMAL:
        table.note("one_row", 1)
    table.report(rules, [counted[f"broken {i}"] or 0 for i in range(len(rules))])
    report_fill(table, counted)
    table.usable = usable(table)
    check_keys(table)
    return table


def _gather(
    checking: Mapping[str, UnderCheck], clean: Mapping[str, ir.Table], extra: Sequence[Finding]
) -> Checked:
    findings = [*extra, *(f for table in checking.values() for f in table.findings)]
    if not any(table.rows for table in checking.values()):
        findings.append(Finding(table="", check="no_data", severity="hard", rows=0, fate="stops"))
    set_aside = {name: taken_rows(table) for name, table in checking.items() if takes_rows(table)}
    checked = Checked(
        findings=tuple(sorted(findings, key=lambda finding: finding.severity != "hard")),
        clean=clean,
        set_aside=set_aside,
        emptied={name: emptied_cells(t) for name, t in checking.items() if empties_cells(t)},
        rows={name: table.rows for name, table in checking.items()},
        rows_set_aside={
            name: one_row(set_aside[name].aggregate(rows=set_aside[name].count()))["rows"]
            if name in set_aside
            else 0
            for name in checking
        },
    )
    _check_conserved(checked)
    return checked


def _check_conserved(checked: Checked) -> None:
    """Raise if a row got lost; only row numbers that repeat can cause it."""
    for name in checked.set_aside:
        clean = checked.clean[name]
        stay = one_row(clean.aggregate(rows=clean.count()))["rows"]
        if stay + checked.rows_set_aside[name] != checked.rows[name]:
            raise repeated_rows(name, f"{checked.rows[name]} rows in, {stay} clean, the rest aside")
