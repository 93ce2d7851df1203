"""The data contract: which tables and columns the suite reads, declared once.

The dictionary, the checks, the header matching and the sample generator all follow from the
declarations in :mod:`cvm.data.tables`; nothing else says what a column is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cvm.core.checks import ArgumentError, check_one_of

Kind = Literal["id", "text", "category", "integer", "number", "share", "flag", "month", "date"]
KINDS: tuple[Kind, ...] = (
    "id",
    "text",
    "category",
    "integer",
    "number",
    "share",
    "flag",
    "month",
    "date",
)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the contract.

    Attributes:
        name: The name used everywhere in the suite; a quantity carries its unit.
        kind: ``id`` and ``text`` are strings, ``category`` a string from ``allowed`` (or free if
            none are given), ``integer`` a 64-bit whole number, ``number`` a float, ``share`` one
            in 0–1, ``flag`` true or false, ``month`` the first day of a month, ``date`` a day.
        en: Name shown in English.
        zh: Name shown in Chinese.
        meaning: What it says, in one sentence.
        unit: Unit of a quantity (``yuan``, ``points``, ``minutes``, ``GB``, ``months``).
        low: Smallest plausible value, inclusive.
        high: Largest plausible value, inclusive.
        allowed: For a category: value → Chinese label; labels are accepted when reading.
        required: The table is unusable without it.
        nullable: Empty cells are allowed.
        headers: Other headers under which operators deliver it, Chinese or English.
    """

    name: str
    kind: Kind
    en: str
    zh: str
    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    allowed: Mapping[str, str] = field(default_factory=dict)
    required: bool = False
    nullable: bool = True
    headers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_one_of(self.kind, f"{self.name}.kind", KINDS)
        if self.required and self.nullable:
            object.__setattr__(self, "nullable", False)


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table of the contract.

    Attributes:
        name: The table's name, and the stem of its file in a prepared folder.
        en: Name shown in English.
        zh: Name shown in Chinese.
        meaning: What one row is.
        columns: The columns, in the order they are written.
        key: The columns that together name one row; empty if rows may repeat.
        references: Column → table whose key it points to.
    """

    name: str
    en: str
    zh: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise ArgumentError(
            f"{self.name} column", name, "in the contract", available=self.column_names
        )

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns the table is unusable without."""
        return tuple(column.name for column in self.columns if column.required)
