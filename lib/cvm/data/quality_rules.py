"""What the checks have in common: limits, one table under check, and how a problem is told.

A *rule* is a Boolean expression over one table that is true where a row breaks it. Rules of a table
are counted together in one aggregate; examples are fetched only for rules that fired.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from cvm.core.checks import DataError
from cvm.core.i18n import say
from cvm.data.contract import Table
from cvm.data.findings import Fate, Finding

ROW = "_row"
EXAMPLES = 3

FAULTY_SHARE = 0.2
"""A required column faulty in more than this share of rows is a wrong column, not wrong rows."""
CONFLICT_SHARE = 0.05
"""More conflicting rows than this share mean that the table's grain is not the contract's."""
UNKNOWN_SHARE = 0.5
"""More unknown ids than this share mean that two tables write ids differently."""
CUT_SHARE = 0.8
"""A month with fewer rows than this share of the month before has lost customers."""
SMALL_TABLE_ROWS = 30
"""Below this, a constant or empty column or a fall of the row count says nothing."""
EARLIEST = date(1980, 1, 1)
"""Dates before this are place-holders (1900-01-01) or typing errors."""
YUAN_TOLERANCE = 0.01
"""Rounding allowed between a bill and its parts (yuan)."""
BILL_WITHOUT_USAGE_YUAN = 1_000
"""A bill above this (yuan) without a minute or a byte deserves a look."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One way in which a row can be wrong.

    Attributes:
        check: Code of the check.
        column: Column of the contract it is about; empty for the whole row.
        broken: True where a row breaks the rule, never null.
        fate: What happens to such rows when the run goes on.
        hard_share: Share of rows from which the finding stops the run; above 1 never.
        show: Columns an example shows, besides the table's key.
        details: Values for the wording.
    """

    check: str
    column: str
    broken: ir.BooleanValue
    fate: Fate = "kept"
    hard_share: float = 2.0
    show: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """Why a row or cell was taken out."""
        return reason_of(self.check, column=self.column, **self.details)


@dataclass(kw_only=True)
class UnderCheck:
    """A table while it is being checked.

    Attributes:
        contract: The table's declaration.
        raw: As it was read, with ``_row``.
        stage: Row for row as ``raw``, contract columns first and in contract types.
        typed: Contract columns that were read with a fitting type.
        rows: Number of rows.
        usable: ``stage`` with every cell emptied that broke a column rule.
        fired: Row rules that fired and set rows aside or empty cells.
        duplicates: ``_row`` and ``check`` of rows that repeat or contradict another, if any.
        findings: What was found so far.
    """

    contract: Table
    raw: ir.Table
    stage: ir.Table
    typed: tuple[str, ...]
    rows: int = 0
    usable: ir.Table = field(init=False)
    fired: list[Rule] = field(default_factory=list)
    duplicates: ir.Table | None = None
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.usable = self.stage

    @property
    def name(self) -> str:
        """Name of the table in the contract."""
        return self.contract.name

    def has(self, *columns: str) -> bool:
        """Return whether the table was read with all of these columns in usable types."""
        return all(column in self.typed for column in columns)

    def with_key(self) -> ir.Table:
        """Return the usable rows whose required key columns are filled."""
        required = [name for name in self.contract.key if name in self.contract.required]
        filters = [self.usable[name].notnull() for name in required if self.has(name)]
        return self.usable.filter(filters) if filters else self.usable

    def note(
        self,
        check: str,
        rows: int,
        *,
        column: str = "",
        hard: bool = False,
        fate: Fate = "kept",
        examples: Iterable[str] = (),
        **details: Any,
    ) -> None:
        """Add a finding about this table."""
        self.findings.append(
            Finding(
                table=self.name,
                column=column,
                check=check,
                severity="hard" if hard else "soft",
                rows=int(rows),
                examples=tuple(examples),
                fate="stops" if hard else fate,
                details=details,
            )
        )

    def report(self, rules: Sequence[Rule], counts: Sequence[int]) -> None:
        """Note every rule that fired, with examples, and remember what it does to rows."""
        for rule, rows in zip(rules, counts, strict=True):
            if not rows:
                continue
            whose = self.contract.key or tuple(self.contract.references)
            columns = [*whose, *rule.show, rule.column]
            self.note(
                rule.check,
                rows,
                column=rule.column,
                hard=rows > rule.hard_share * self.rows,
                fate=rule.fate,
                examples=row_examples(self.stage, rule.broken, columns),
                **rule.details,
            )
            if rule.fate in ("set_aside", "emptied"):
                self.fired.append(rule)


def reason_of(check: str, **values: Any) -> str:
    """Return why a row or cell was taken out, in Chinese and English."""
    key = f"quality.{check}.reason"
    return f"{say(key, 'zh', **values)} / {say(key, 'en', **values)}"


def repeated_rows(table: str, seen: str) -> DataError:
    """Return the error for row numbers that repeat; no row can be told from another."""
    return DataError(
        f"{table}.{ROW}",
        seen,
        "unique in its table",
        action="number the rows of each source from 1 without repeating",
    )


def one_row(expression: ir.Table) -> dict[str, Any]:
    """Return the only row of an aggregate."""
    return expression.to_pyarrow().to_pylist()[0]


def records(expression: ir.Table) -> list[dict[str, Any]]:
    """Return a small table as a list of rows."""
    return expression.to_pyarrow().to_pylist()


def held(expression: ir.Table) -> ir.Table:
    """Return a reduced table held in memory, so that later checks do not compute it again."""
    return ibis.memtable(expression.to_pyarrow())


def row_examples(
    table: ir.Table, broken: ir.BooleanValue, columns: Sequence[str]
) -> tuple[str, ...]:
    """Return the first rows that break a rule, as ``row 17: customer_id C000123, bill_yuan -5``."""
    shown = [name for name in dict.fromkeys(columns) if name in table.columns and name != ROW]
    first = table.filter(broken).order_by(ROW).limit(EXAMPLES).select(ROW, *shown)
    return tuple(tell(record) for record in records(first))


def tell(record: Mapping[str, Any]) -> str:
    """Return one row as an example that can be looked up in the source."""
    parts = [f"{name} {_cell(value)}" for name, value in record.items() if name != ROW]
    start = f"row {record[ROW]}: " if record.get(ROW) is not None else ""
    return start + ", ".join(parts)


def _cell(value: Any) -> str:
    if value is None:
        return "(empty)"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def month_number(month: ir.DateValue) -> ir.IntegerValue:
    """Return year × 12 + month − 1, so that differences count months."""
    return month.year() * 12 + month.month() - 1
