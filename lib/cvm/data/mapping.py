"""Mapping files: which column of an extract is which column of the contract.

A mapping is a TOML file::

    title = "Telco snapshot"
    folder = "extracts"                  # where the files lie, relative to the mapping

    [customers]
    file = "snapshot.csv"                # or table = "T_CUST" with database = "duckdb://…" on top
    encoding = "gb18030"                 # encoding, delimiter, decimal, sheet, skip_rows: optional
    duplicates = "set_aside"             # exact copies of a source row
    keep = ["客户经理"]                   # carried along as attr_客户经理

    [customers.columns]
    customer_id = "用户编号"              # a header
    tenure_months = "`在网年数` * 12"      # an expression
    brand = { constant = "gotone" }
    churned = { column = "状态", values = { "在网" = false, "离网" = true } }

A text is a header if the extract has one of that name, else an expression
(:mod:`cvm.data.expressions`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cvm.core.checks import ArgumentError
from cvm.data.contract import Table
from cvm.data.expressions import check_expression
from cvm.data.raw import ReadOptions
from cvm.data.tables import CONTRACT

_TOP_KEYS = ("title", "folder", "database")
_TABLE_KEYS = (
    "file", "table", "sheet", "encoding", "delimiter", "decimal", "skip_rows", "duplicates",
    "keep", "columns",
)  # fmt: skip
_COLUMN_KEYS = ("column", "constant", "expression", "values")

Constant = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class ColumnRule:
    """Where one column of the contract comes from; exactly one of the first three is set.

    Attributes:
        source: A header of the extract, or an expression where no such header exists.
        expression: An expression over the extract's columns.
        constant: One value for all rows.
        values: The extract's text → the contract's value; other texts are read as usual.
    """

    source: str | None = None
    expression: str | None = None
    constant: Constant | None = None
    values: Mapping[str, Constant] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TableMapping:
    """How one table of the contract is delivered.

    Attributes:
        table: Name of the contract's table.
        columns: Contract's column → rule; ``None`` to recognise the headers by name.
        file: File or folder of the extract.
        source_table: Table of a database.
        options: How the file is written.
        decimal: Decimal sign of numbers in text.
        duplicates: ``keep``, or ``set_aside`` for exact copies of a source row.
        keep: Headers carried along as ``attr_<name>``.
    """

    table: str
    columns: Mapping[str, ColumnRule] | None = None
    file: str | None = None
    source_table: str | None = None
    options: ReadOptions = field(default_factory=ReadOptions)
    decimal: str = "."
    duplicates: str = "keep"
    keep: tuple[str, ...] = ()

    @property
    def contract(self) -> Table:
        """The table of the contract."""
        return CONTRACT[self.table]


@dataclass(frozen=True, kw_only=True)
class ExtractMapping:
    """A whole mapping file.

    Attributes:
        name: Stem of the file, for the prepared folder.
        tables: The tables it delivers.
        title: What the extract is.
        folder: Where the files lie, as the mapping writes it.
        database: Ibis URL, if the tables come from a database.
        text: The file's text; part of the fingerprint.
    """

    name: str
    tables: tuple[TableMapping, ...]
    title: str = ""
    folder: str | None = None
    database: str | None = None
    text: str = ""


def load_mapping(path: str | Path) -> ExtractMapping:
    """Read a mapping file.

    Raises:
        ArgumentError: The file does not exist, is not TOML, or has a key, table, column, value or
            expression outside the rules; the message names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise ArgumentError(
            "mapping", str(path), "a TOML file", action="make one with: cvm map FILE > mapping.toml"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ArgumentError(f"{path.name}", "not UTF-8", "a TOML file in UTF-8") from None
    return parse_mapping(text, name=path.stem, subject=path.name)


def parse_mapping(text: str, *, name: str = "mapping", subject: str = "mapping") -> ExtractMapping:
    """Read the text of a mapping file; see :func:`load_mapping`.

    Example:
        >>> parse_mapping('customers = { columns = { customer_id = "id" } }').tables[0].columns
        {'customer_id': ColumnRule(source='id', expression=None, constant=None, values={})}
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ArgumentError(
            subject,
            str(error),
            "valid TOML",
            action='put texts in "quotes", and one key a line',
        ) from None
    reader = _Reader(text, subject)
    sections = {key: value for key, value in content.items() if key not in _TOP_KEYS}
    for key, value in sections.items():
        if key not in CONTRACT or not isinstance(value, dict):
            raise reader.error((key,), key, "a table of the contract", [*CONTRACT, *_TOP_KEYS])
    for key in _TOP_KEYS:
        if not isinstance(content.get(key, ""), str):
            raise reader.error((key,), content[key], "a text")
    if not sections:
        raise ArgumentError(
            subject, "no table", "at least one table of the contract", available=list(CONTRACT)
        )
    return ExtractMapping(
        name=name,
        tables=tuple(reader.table(key, value) for key, value in sections.items()),
        title=content.get("title", ""),
        folder=content.get("folder"),
        database=content.get("database"),
        text=text,
    )


class _Reader:
    def __init__(self, text: str, subject: str) -> None:
        self.text, self.subject = text, subject

    def error(
        self, keys: tuple[str, ...], value: Any, expected: str, available: list | None = None
    ) -> ArgumentError:
        return ArgumentError(self.where(keys), value, expected, available=available)

    def where(self, keys: tuple[str, ...]) -> str:
        """Return the file, the line and the dotted key."""
        line = _line_of(self.text, keys)
        return f"{self.subject}{f' line {line}' if line else ''}: {'.'.join(keys)}"

    def table(self, name: str, content: dict[str, Any]) -> TableMapping:
        for key in content:
            if key not in _TABLE_KEYS:
                raise self.error((name, key), key, "a key of a table", list(_TABLE_KEYS))
        texts = ("file", "table", "sheet", "encoding", "delimiter", "decimal", "duplicates")
        for key in texts:
            if not isinstance(content.get(key, ""), str):
                raise self.error((name, key), content[key], "a text")
        skip_rows = content.get("skip_rows", 0)
        if isinstance(skip_rows, bool) or not isinstance(skip_rows, int) or skip_rows < 0:
            raise self.error((name, "skip_rows"), skip_rows, "a whole number from 0")
        self._one_of(name, content, "decimal", (".", ","))
        self._one_of(name, content, "duplicates", ("keep", "set_aside"))
        if len(content.get("delimiter", ",")) != 1:
            raise self.error((name, "delimiter"), content["delimiter"], "one character")
        keep = content.get("keep", [])
        if not isinstance(keep, list) or not all(isinstance(each, str) for each in keep):
            raise self.error((name, "keep"), keep, "a list of headers")
        return TableMapping(
            table=name,
            columns=self._columns(name, content),
            file=content.get("file"),
            source_table=content.get("table"),
            options=ReadOptions(
                encoding=content.get("encoding"),
                delimiter=content.get("delimiter"),
                skip_rows=skip_rows,
                sheet=content.get("sheet"),
            ),
            decimal=content.get("decimal", "."),
            duplicates=content.get("duplicates", "keep"),
            keep=tuple(keep),
        )

    def _one_of(
        self, table: str, content: dict[str, Any], key: str, choices: tuple[str, ...]
    ) -> None:
        if content.get(key, choices[0]) not in choices:
            raise self.error(
                (table, key), content[key], "one of the available", [repr(each) for each in choices]
            )

    def _columns(self, table: str, content: dict[str, Any]) -> dict[str, ColumnRule] | None:
        columns = content.get("columns")
        if columns is None:
            return None
        if not isinstance(columns, dict):
            raise self.error((table, "columns"), columns, "a table of columns")
        for name in columns:
            if name not in CONTRACT[table].column_names:
                raise self.error(
                    (table, "columns", name),
                    name,
                    f"a column of {table}",
                    list(CONTRACT[table].column_names),
                )
        return {name: self._rule((table, "columns", name), rule) for name, rule in columns.items()}

    def _rule(self, keys: tuple[str, ...], rule: Any) -> ColumnRule:
        if isinstance(rule, str):
            return ColumnRule(source=rule)
        if not isinstance(rule, dict):
            raise self.error(keys, rule, "a header, an expression or { constant = … }")
        for key in rule:
            if key not in _COLUMN_KEYS:
                raise self.error((*keys, key), key, "a key of a column", list(_COLUMN_KEYS))
        given = [key for key in ("column", "constant", "expression") if key in rule]
        if len(given) != 1:
            raise self.error(
                keys, " and ".join(given) or "none", "exactly one of column, constant, expression"
            )
        for key in ("column", "expression"):
            if not isinstance(rule.get(key, ""), str):
                raise self.error((*keys, key), rule[key], "a text")
        if not isinstance(rule.get("constant", ""), str | int | float | bool):
            raise self.error((*keys, "constant"), rule["constant"], "a text, number, true or false")
        if "expression" in rule:
            check_expression(rule["expression"], self.where(keys))
        values = rule.get("values", {})
        if not isinstance(values, dict) or not all(
            isinstance(each, str | int | float | bool) for each in values.values()
        ):
            raise self.error((*keys, "values"), values, "{ text = value, … }")
        return ColumnRule(
            source=rule.get("column"),
            expression=rule.get("expression"),
            constant=rule.get("constant"),
            values=dict(values),
        )


def _line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """Return the line that sets a dotted key, as nearly as the text shows."""
    lines = text.splitlines()
    for depth in range(len(keys), 0, -1):
        key = re.escape(keys[depth - 1])
        section = re.compile(rf"^\s*\[+\s*({re.escape('.'.join(keys[:depth]))})\s*\]")
        setting = re.compile(rf"^\s*(\S*\.)?[\"']?{key}[\"']?\s*=")
        inside = keys[0] == keys[depth - 1]
        for number, line in enumerate(lines, start=1):
            header = re.match(r"^\s*\[+\s*([^\]]+?)\s*\]", line)
            if header:
                inside = header[1].split(".")[0] == keys[0]
            if section.match(line) or (inside and setting.match(line)):
                return number
    return None
