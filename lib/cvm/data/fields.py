"""Mapping rules to columns: what each column of a staged table is computed from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ibis
from ibis.expr import types as ir

from cvm.core.checks import ArgumentError, DataError
from cvm.data.cells import tidy
from cvm.data.contract import Column, Kind
from cvm.data.convert import READ, UNREADABLE, Cell, convert, short_way
from cvm.data.expressions import compile_expression
from cvm.data.headers import match_headers, normalise
from cvm.data.mapping import ColumnRule, TableMapping
from cvm.data.raw import Raw, Stage

ATTRIBUTE = "attr_"


@dataclass(frozen=True)
class Field:
    """One column to be computed.

    Attributes:
        name: Its name.
        kind: What it is read as; ``None`` where the source's value is carried as it is.
        headers: The source's columns it reads (``_row`` among them, if it reads the row's number).
        read: Table with those columns → value, and whether the cell cannot be read.
        short: Text of the one header → its value where it is plainly written, null for all other;
            ``None`` where there is no such short way.
    """

    name: str
    kind: Kind | None
    headers: tuple[str, ...]
    read: Callable[[ir.Table], Cell]
    short: Callable[[ir.StringValue], ir.Value] | None = None


def build_fields(stage: Stage, raw: Raw, mapping: TableMapping) -> list[Field]:
    """Return the columns of the staged table, the contract's first.

    Raises:
        ArgumentError: An expression is outside the language, or a name is taken twice.
        DataError: No header is recognised, or a header to keep does not exist.
    """
    rules = mapping.columns if mapping.columns is not None else _by_name(raw, mapping)
    fields = [
        _field(raw, mapping, mapping.contract[name], rules[name])
        for name in mapping.contract.column_names
        if name in rules
    ]
    attributes = list(mapping.keep)
    if mapping.columns is None:
        attributes += [
            each for each in raw.headers if each.startswith(ATTRIBUTE) and each not in attributes
        ]
    taken = {field.name for field in fields}
    for header in attributes:
        field = _attribute(stage, raw, mapping, header)
        if field.name in taken:
            raise ArgumentError(
                f"{mapping.table}.keep", header, f"a column of its own ({field.name} is taken)"
            )
        taken.add(field.name)
        fields.append(field)
    return fields


def _by_name(raw: Raw, mapping: TableMapping) -> dict[str, ColumnRule]:
    matches = match_headers(raw.headers, mapping.contract)
    if not matches:
        raise DataError(
            f"{raw.source}.headers",
            ", ".join(raw.headers)[:120],
            f"headers of {mapping.table}, of which none is recognised",
            available=[f"{column.name} ({column.zh})" for column in mapping.contract.columns],
            action=f"is the first line the headers, and the delimiter right? else: cvm map "
            f"{raw.source}, then give the mapping",
        )
    rules = {}
    for name, match in matches.items():
        if match.factor == 1:
            rules[name] = ColumnRule(source=match.header)
        else:
            rules[name] = ColumnRule(expression=f"`{match.header}` * {match.factor!r}")
    return rules


def _field(raw: Raw, mapping: TableMapping, column: Column, rule: ColumnRule) -> Field:
    subject = f"{mapping.table}.columns.{column.name}"
    if rule.constant is not None:
        constant = ibis.literal(rule.constant)
        return Field(column.name, column.kind, (), lambda _: convert(constant, column))
    header = _find(raw, rule.source) if rule.source is not None else None
    if header is not None:
        return Field(
            column.name,
            column.kind,
            (header,),
            lambda table: _converted(table[header], column, rule, mapping.decimal),
            None if rule.values else lambda text: short_way(text, column, decimal=mapping.decimal),
        )
    text = rule.expression or rule.source or ""

    def read(table: ir.Table) -> Cell:
        compiled = compile_expression(text, table, subject=subject, decimal=mapping.decimal)
        cell = _converted(compiled.value, column, rule, mapping.decimal)
        return Cell(value=cell.value, mark=ibis.greatest(cell.mark, compiled.mark))

    headers = compile_expression(text, raw.table, subject=subject).headers
    return Field(column.name, column.kind, headers, read)


def _converted(value: ir.Value, column: Column, rule: ColumnRule, decimal: str) -> Cell:
    return convert(_mapped(value, rule.values) if rule.values else value, column, decimal=decimal)


def _attribute(stage: Stage, raw: Raw, mapping: TableMapping, header: str) -> Field:
    found = _find(raw, header)
    if found is None:
        raise DataError(
            f"{mapping.table}.keep",
            header,
            "a header of the extract",
            available=list(raw.headers),
            action="correct the name in the mapping",
        )
    name = attribute_name(found)
    is_text = raw.table[found].type().is_string()
    if not is_text or (mapping.columns is None and found.startswith(ATTRIBUTE)):
        read = ibis.literal(READ, "int8")
        return Field(name, None, (found,), lambda table: Cell(value=table[found], mark=read))
    kind = _kind_of(stage, raw, found, mapping.decimal)
    column = Column(name=name, kind=kind, en="", zh="", meaning="")
    return Field(
        name,
        kind,
        (found,),
        lambda table: convert(table[found], column, decimal=mapping.decimal),
        lambda text: short_way(text, column, decimal=mapping.decimal),
    )


def _kind_of(stage: Stage, raw: Raw, header: str, decimal: str) -> Kind:
    """Return the narrowest kind that reads every cell of an extra column."""
    texts = raw.table.select(header).distinct()
    kinds: tuple[Kind, ...] = ("integer", "number", "flag")
    unreadable = {
        kind: convert(
            texts[header],
            Column(name=kind, kind=kind, en="", zh="", meaning=""),
            decimal=decimal,
        ).mark.max()
        for kind in kinds
    }
    # Leading zeros are codes, not numbers.
    code = texts[header].re_search(r"^\s*0\d").any()
    query = ibis.to_sql(texts.aggregate(**unreadable, code=code), dialect="duckdb")
    *fails, is_code = stage.row(query)
    for kind, fail in zip(kinds, fails, strict=True):
        if fail != UNREADABLE and not (is_code and kind != "flag"):
            return kind
    return "text"


def _find(raw: Raw, name: str) -> str | None:
    if name in raw.headers:
        return name
    key = normalise(name.strip().strip("`"))
    alike = [header for header in raw.headers if normalise(header) == key]
    return alike[0] if len(alike) == 1 else None


def _mapped(value: ir.Value, values: Mapping[str, str | int | float | bool]) -> ir.StringValue:
    text = tidy(value if value.type().is_string() else value.cast("string"))
    branches = [
        (text == key, str(new).lower() if isinstance(new, bool) else str(new))
        for key, new in values.items()
    ]
    return ibis.cases(*branches, else_=text)


def attribute_name(header: str) -> str:
    """Return the name under which a header is carried along.

    Example:
        >>> attribute_name("Call  Failure"), attribute_name("是否主卡")
        ('attr_call_failure', 'attr_是否主卡')
    """
    text = unicodedata.normalize("NFKC", header).strip()
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).casefold()
    name = re.sub(r"\W+", "_", text).strip("_")
    return name if name.startswith(ATTRIBUTE) else ATTRIBUTE + (name or "column")
