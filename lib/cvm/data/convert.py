"""Cells to values: a cell that cannot be read is told apart from an empty one.

Plain text takes a short way of one pattern. What that cannot read is tidied and read by
:mod:`cvm.data.cells`. Typed cells (Parquet, databases) are cast.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import ibis
from ibis.expr import types as ir

from cvm.data.cells import (
    EMPTY,
    MISSING,
    NO_DATE,
    PLAIN_INTEGER,
    day,
    first_day,
    flag,
    flag_of,
    integer,
    key,
    label,
    labels,
    month,
    number,
    one_of,
    share,
    tidy,
    whole,
)
from cvm.data.contract import Column

# What needs no tidying: no odd space, no guard of Excel's, and no 1.38E+10.
_CLEAN_ID = r"^[0-9A-Za-z_\p{Han}][0-9A-Za-z_.\-\p{Han}]*$"
_CLEAN_TEXT = r"^[0-9A-Za-z_\p{Han}](?:[ -~\p{Han}]*[!-~\p{Han}])?$"
_PLAIN_NUMBER = r"^[+-]?(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{1,15})?$"
_MONEY = r"^[¥￥]?(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{1,15})?元?$"
# Fifteen digits at most: a float, by which the long way reads them, holds these exactly.
_PLAIN_COUNT = r"^[+-]?(?:\d{1,18}|\d{1,3}(?:,\d{3}){1,4})$"
_PLAIN_MONTH = r"^(?:19|20)\d{2}-?\d{2}$"
_PLAIN_DAY = r"^(?:19|20)\d{2}-\d{2}-\d{2}$"

READ, BLANK, UNREADABLE = 0, 1, 2
_ALWAYS = ibis.literal(READ, "int8")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A converted cell.

    Attributes:
        value: The typed value; null where the cell is empty, blank or cannot be read.
        mark: ``READ``; ``BLANK`` where it has characters that mean nothing (a space, NULL, a dash,
            9999-12-31); ``UNREADABLE`` where it says something that cannot be read.
    """

    value: ir.Value
    mark: ir.IntegerValue


def convert(value: ir.Value, column: Column, *, decimal: str = ".") -> Cell:
    """Return a cell as a value of the contract's kind.

    Plain text takes a short way of one pattern; only what that cannot read is tidied and tried
    further, so that millions of ordinary cells cost little.

    Args:
        value: The source's cell, text or typed.
        column: The contract's column.
        decimal: The decimal sign of text, ``.`` or ``,``.
    """
    kind = value.type()
    if kind.is_string():
        return _from_string(value, column, decimal)
    if kind.is_floating() or kind.is_decimal():
        number = value.cast("float64")
        return _from_number(ibis.ifelse(number.isnan(), ibis.null("float64"), number), column)
    if kind.is_integer():
        return _from_integer(value, column)
    if kind.is_boolean():
        return _from_flag(value, column)
    if kind.is_date() or kind.is_timestamp():
        return _from_date(value, column)
    return _from_string(value.cast("string"), column, decimal)


def short_way(text: ir.StringValue, column: Column, *, decimal: str = ".") -> ir.Value:
    """Return the value of plainly written text, null for all other, at the cost of one pattern.

    Arguments are those of :func:`convert`; where the value is not null, they say the same.
    """
    match column.kind:
        case "number" | "share" if decimal == ",":
            plain, value = PLAIN_INTEGER, text.try_cast("float64")
        case "number" | "share":
            return ibis.cases(
                (text.re_search(_PLAIN_NUMBER), text.replace(",", "").try_cast("float64")),
                (text.re_search(_MONEY), text.translate(",¥￥元", "").try_cast("float64")),
                else_=ibis.null("float64"),
            )
        case "integer" if decimal == ",":
            plain, value = PLAIN_INTEGER, text.try_cast("int64")
        case "integer":
            plain, value = _PLAIN_COUNT, text.replace(",", "").try_cast("int64")
        case "month":
            written = text.substr(0, 4) + "-" + text.right(2) + "-01"
            plain, value = _PLAIN_MONTH, written.try_cast("date")
        case "date":
            plain, value = _PLAIN_DAY, text.try_cast("date")
        case "flag":
            return flag_of(text)
        case "category" if column.allowed:
            known = labels(column).items()
            return ibis.cases(
                *((one_of(text, keys), v) for v, keys in known), else_=ibis.null("string")
            )
        case "id":
            plain, value = _CLEAN_ID, ibis.ifelse(_says(text, EMPTY), text, ibis.null("string"))
        case "text":
            plain, value = _CLEAN_TEXT, ibis.ifelse(_says(text, EMPTY), text, ibis.null("string"))
        case _:
            plain, value = _CLEAN_TEXT, ibis.ifelse(_says(text, MISSING), text, ibis.null("string"))
    return ibis.ifelse(text.re_search(plain), value, ibis.null(value.type()))


def _says(text: ir.StringValue, missing: Iterable[str]) -> ir.BooleanValue:
    return ~one_of(text.lower(), missing)


def _from_string(raw: ir.StringValue, column: Column, decimal: str) -> Cell:
    # CASE computes a branch only for the rows that take it; COALESCE and AND compute all.
    fast = short_way(raw, column, decimal=decimal)
    text = tidy(raw)
    slow = _read(text, column, decimal)
    plain = raw.isnull() | fast.notnull()
    nothing = ibis.ifelse(_means_nothing(text, column), BLANK, UNREADABLE)
    return Cell(
        value=ibis.ifelse(plain, fast, slow),
        mark=ibis.ifelse(plain, READ, slow.isnull().cast("int8") * nothing).cast("int8"),
    )


def _read(text: ir.StringValue, column: Column, decimal: str) -> ir.Value:
    """Return the value of tidy text, null where it has none."""
    match column.kind:
        case "number":
            return number(text, decimal=decimal)
        case "integer":
            return integer(text, decimal=decimal)
        case "share":
            return share(text, decimal=decimal)
        case "flag":
            return flag(text)
        case "month":
            return month(text)
        case "date":
            return day(text)
        case "category":
            return label(text, column)
        case "id":
            # 1.38E+10 is what a spreadsheet leaves of a long number: several customers in one.
            lost = one_of(text.lower(), EMPTY) | text.re_search(r"^\d(\.\d+)?E\+\d+$")
            return ibis.ifelse(lost, ibis.null("string"), text)
        case _:
            return ibis.ifelse(one_of(text.lower(), EMPTY), ibis.null("string"), text)


def _means_nothing(text: ir.StringValue, column: Column) -> ir.BooleanValue:
    if column.kind in ("id", "text"):
        return one_of(text.lower(), EMPTY)
    word = key(text)
    if column.kind in ("month", "date"):
        return one_of(word, MISSING) | word.re_search(NO_DATE)
    return one_of(word, MISSING)


def _unreadable_where(condition: ir.BooleanValue) -> ir.IntegerValue:
    return ibis.ifelse(condition, UNREADABLE, READ).cast("int8")


def _from_integer(value: ir.IntegerValue, column: Column) -> Cell:
    match column.kind:
        case "integer":
            return Cell(value=value.cast("int64"), mark=_ALWAYS)
        case "number" | "share":
            return Cell(value=value.cast("float64"), mark=_ALWAYS)
        case _:
            return _from_string(value.cast("string"), column, ".")


def _from_number(value: ir.FloatingValue, column: Column) -> Cell:
    exact = whole(value)
    match column.kind:
        case "number" | "share":
            return Cell(value=value, mark=_ALWAYS)
        case "integer":
            return Cell(value=exact, mark=_unreadable_where(exact.isnull() & value.notnull()))
        case _:
            text = ibis.coalesce(exact.cast("string"), value.cast("string"))
            return _from_string(text, column, ".")


def _from_flag(value: ir.BooleanValue, column: Column) -> Cell:
    if column.kind == "flag":
        return Cell(value=value, mark=_ALWAYS)
    if column.kind in ("integer", "number", "share"):
        return _from_integer(value.cast("int64"), column)
    return _from_string(value.cast("string"), column, ".")


def _from_date(value: ir.DateValue | ir.TimestampValue, column: Column) -> Cell:
    match column.kind:
        case "month":
            return Cell(value=first_day(value.cast("date")), mark=_ALWAYS)
        case "date":
            return Cell(value=value.cast("date"), mark=_ALWAYS)
        case "integer" | "number" | "share" | "flag":
            kinds = {"integer": "int64", "flag": "boolean"}
            nothing = ibis.null(kinds.get(column.kind, "float64"))
            return Cell(value=nothing, mark=_unreadable_where(value.notnull()))
        case _:
            return _from_string(value.cast("string"), column, ".")
