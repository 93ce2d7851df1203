"""A small safe language for mappings: ``"`Call  Failure` * 60 if plan == '全球通' else 0"``.

Names of the extract's columns stand bare or in backticks. There are numbers, quoted text,
``+ - * /``, parentheses, comparisons, ``and or not``, ``a if b else c``, ``None``, and ``row`` for
the number of the row. Text plus text is joined. Python's parser reads it, a fixed list of nodes is
compiled to the query engine, and everything else is refused.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

import ibis
from ibis.expr import types as ir

from cvm.core.checks import ArgumentError
from cvm.data.contract import Column
from cvm.data.convert import READ, convert
from cvm.data.delimit import ROW
from cvm.data.headers import normalise

_NUMBER = Column(name="number", kind="number", en="", zh="", meaning="")
_TEXT = Column(name="text", kind="text", en="", zh="", meaning="")
_ALLOWED = "names, numbers, quoted text, + - * /, comparisons, and/or/not, if-else, row"

_ARITHMETIC: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: dict[type, Callable] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """An expression over a raw table.

    Attributes:
        value: The typed value.
        mark: The worst mark of the cells it needs as numbers.
        headers: The columns it reads; ``_row`` if it reads the row's number.
    """

    value: ir.Value
    mark: ir.IntegerValue
    headers: tuple[str, ...]


def check_expression(text: str, subject: str) -> tuple[str, ...]:
    """Return the names an expression reads, having checked that it is within the language.

    Raises:
        ArgumentError: It is not.
    """
    tree, names = _parse(text, subject)
    _check(tree.body, text, subject)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return tuple(names.get(name, name) for name in sorted(used) if name in names or name != "row")


def compile_expression(text: str, raw: ir.Table, *, subject: str, decimal: str = ".") -> Compiled:
    """Compile an expression over the columns of a raw table.

    Args:
        text: The expression.
        raw: The raw table.
        subject: The mapping's key, for errors.
        decimal: The decimal sign of the extract's text.

    Raises:
        ArgumentError: It is outside the language or names an unknown column.
    """
    tree, names = _parse(text, subject)
    _check(tree.body, text, subject)
    compiler = _Compiler(raw, names, text, subject, decimal)
    value = compiler.visit(tree.body).value
    mark = reduce(ibis.greatest, compiler.marks, ibis.literal(READ, "int8"))
    return Compiled(value=value, mark=mark, headers=tuple(dict.fromkeys(compiler.headers)))


def _parse(text: str, subject: str) -> tuple[ast.Expression, dict[str, str]]:
    """Parse, with names in backticks replaced by placeholders."""
    names: dict[str, str] = {}
    out: list[str] = []
    position, quote = 0, ""
    while position < len(text):
        character = text[position]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "`":
            end = text.find("`", position + 1)
            if end < 0:
                raise ArgumentError(subject, text, "an expression whose backticks are closed")
            placeholder = f"name_in_backticks_{len(names)}"
            names[placeholder] = text[position + 1 : end]
            out.append(placeholder)
            position = end + 1
            continue
        out.append(character)
        position += 1
    try:
        return ast.parse("".join(out).strip(), mode="eval"), names
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ArgumentError(
            subject,
            text,
            f"an expression ({error.args[0] if error.args else 'not understood'})",
            available=[_ALLOWED],
            action="put names with spaces or signs in `backticks`",
        ) from None


def _check(node: ast.AST, text: str, subject: str) -> None:
    match node:
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
            children: list[ast.AST] = [node.left, node.right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not()):
            children = [node.operand]
        case ast.BoolOp():
            children = list(node.values)
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            children = [node.left, *node.comparators]
        case ast.IfExp():
            children = [node.test, node.body, node.orelse]
        case ast.Constant(value=bool() | int() | float() | str() | None) | ast.Name():
            children = []
        case _:
            raise ArgumentError(
                subject,
                text,
                f"an expression without {type(node).__name__}",
                available=[_ALLOWED],
                action="do the rest in the extract itself",
            )
    for child in children:
        _check(child, text, subject)


@dataclass(frozen=True)
class _Term:
    """A value, and whether it is a raw cell whose kind the context decides."""

    value: ir.Value
    raw: bool = False


class _Compiler:
    def __init__(
        self, raw: ir.Table, names: Mapping[str, str], text: str, subject: str, decimal: str
    ) -> None:
        self.raw, self.names, self.text = raw, names, text
        self.subject, self.decimal = subject, decimal
        self.by_key = {normalise(column): column for column in raw.columns if column != ROW}
        self.marks: list[ir.IntegerValue] = []
        self.headers: list[str] = []

    def visit(self, node: ast.AST) -> _Term:
        match node:
            case ast.Constant(value=value):
                return _Term(ibis.literal(value) if value is not None else ibis.null())
            case ast.Name(id=name):
                return self._name(name)
            case ast.BinOp(op=op):
                left, right = self.visit(node.left), self.visit(node.right)
                if isinstance(op, ast.Add) and (_is_text(left) or _is_text(right)):
                    return _Term(self._string(left) + self._string(right))
                return _Term(_ARITHMETIC[type(op)](self._number(left), self._number(right)))
            case ast.UnaryOp(op=ast.Not()):
                return _Term(~self._truth(self.visit(node.operand)))
            case ast.UnaryOp(op=op):
                value = self._number(self.visit(node.operand))
                return _Term(-value if isinstance(op, ast.USub) else value)
            case ast.BoolOp(op=op):
                join = operator.and_ if isinstance(op, ast.And) else operator.or_
                return _Term(reduce(join, [self._truth(self.visit(each)) for each in node.values]))
            case ast.Compare(ops=[op]):
                left, right = self.visit(node.left), self.visit(node.comparators[0])
                return _Term(self._compare(op, left, right))
            case ast.IfExp():
                test = self._truth(self.visit(node.test)).fill_null(False)
                yes, no = self.visit(node.body), self.visit(node.orelse)
                if _is_text(yes) or _is_text(no) or (yes.raw and no.raw):
                    return _Term(ibis.ifelse(test, self._string(yes), self._string(no)))
                if _is_truth(yes) and _is_truth(no):
                    return _Term(ibis.ifelse(test, yes.value, no.value))
                return _Term(ibis.ifelse(test, self._number(yes), self._number(no)))
        raise ArgumentError(self.subject, self.text, "an expression", available=[_ALLOWED])

    def _name(self, identifier: str) -> _Term:
        quoted = identifier in self.names
        name = self.names.get(identifier, identifier)
        header = self.by_key.get(normalise(name))
        if header is not None:
            self.headers.append(header)
            return _Term(self.raw[header], raw=True)
        if name == "row" and not quoted:
            self.headers.append(ROW)
            return _Term(self.raw[ROW])
        raise ArgumentError(
            self.subject,
            name,
            "a column of the extract (or row)",
            available=[column for column in self.raw.columns if column != ROW],
            action="correct the name in the mapping",
        )

    def _number(self, term: _Term) -> ir.NumericValue:
        if term.value.type().is_null():
            return ibis.null("float64")
        if not term.raw and term.value.type().is_numeric():
            return term.value
        cell = convert(term.value, _NUMBER, decimal=self.decimal)
        self.marks.append(cell.mark)
        return cell.value

    def _string(self, term: _Term) -> ir.StringValue:
        if term.value.type().is_null():
            return ibis.null("string")
        return convert(term.value, _TEXT, decimal=self.decimal).value

    def _truth(self, term: _Term) -> ir.BooleanValue:
        if _is_truth(term):
            return term.value
        raise ArgumentError(
            self.subject, self.text, "an expression whose conditions are comparisons"
        )

    def _compare(self, op: ast.cmpop, left: _Term, right: _Term) -> ir.BooleanValue:
        as_text = _is_text(left) or _is_text(right) or (left.raw and right.raw)
        read = self._string if as_text else self._number
        if _is_truth(left) and _is_truth(right):
            return _COMPARISONS[type(op)](left.value, right.value)
        return _COMPARISONS[type(op)](read(left), read(right))


def _is_text(term: _Term) -> bool:
    return not term.raw and term.value.type().is_string()


def _is_truth(term: _Term) -> bool:
    return term.value.type().is_boolean()
