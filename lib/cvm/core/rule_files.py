"""Rule books from TOML: every impossible setting refused at once, each with its file and line.

A rule book is a tree of frozen dataclasses that check themselves with
:class:`cvm.core.rule_checks.Checker`. A field that holds records says so in its metadata: ``item``
(the record), ``many`` (a list of them) or ``named`` (a table of them by name). Nothing here knows
what a rule means.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from cvm.core.checks import ArgumentError, DataError
from cvm.core.rule_checks import Place, Problem, RuleError
from cvm.core.rule_lines import find_lines, line_of

Book = TypeVar("Book")
Carry = Callable[[Any, Any, Mapping[str, Any]], Any]
"""Fills what a later edition does not mention: (edition before, edition, its raw settings)."""


class RuleBookError(DataError):
    """A rule book that cannot be carried out.

    Attributes:
        file: The file's name.
        problems: (1-based line, problem), in the order of the lines.
    """

    def __init__(self, file: str, problems: list[tuple[int, Problem]]) -> None:
        self.file = file
        self.problems = sorted(problems, key=lambda item: item[0])
        count = len(self.problems)
        super().__init__(
            file,
            f"{count} problem{'s' * (count > 1)}",
            "a rule book that can be carried out",
            action="correct the lines named",
        )

    def _message(self) -> str:
        lines = [super()._message()]
        for line, problem in self.problems:
            lines.append(f"  {self.file}:{line}: {problem.sentence('rule book')}")
        return "\n".join(lines)


def read_rule_text(path: str | Path) -> str:
    """Return the text of a rule book's file.

    Raises:
        DataError: The file cannot be read, or is no UTF-8.
    """
    path = Path(path)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError("path", str(path), f"a file that can be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DataError("path", str(path), "a text in UTF-8", action="save it as UTF-8") from error


def parse_rules(kind: type, text: str, *, file: str, name: str, carry: Carry | None = None) -> Any:
    """Make a rule book of TOML text.

    Args:
        kind: The rule book's dataclass, with a field ``name``.
        text: The TOML.
        file: Name of the file, for messages.
        name: The rule book's name, where the text gives none.
        carry: Called for every record of a list that has one before it, once both are sound.

    Raises:
        RuleBookError: It is no rule book or an impossible one; all problems, with their lines.
    """
    text = text.replace("\r\n", "\n")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        line = int(where[1]) if where else text.count("\n") + 1
        problem = Problem(place=(), value="unreadable", expected=f"valid TOML: {error}")
        raise RuleBookError(file, [(line, problem)]) from error
    builder = _Builder(carry)
    book = builder.build(kind, {"name": name} | raw, ())
    if builder.problems or not isinstance(book, kind):
        lines = find_lines(text)
        raise RuleBookError(
            file, [(line_of(lines, item.place) or 1, item) for item in builder.problems]
        )
    return book


def shipped_texts(package: str, folder: str) -> dict[str, str]:
    """Return the TOML files that come with the suite: name → text.

    They stand in ``data/<folder>`` of a checkout and inside the package once installed.
    """
    packaged = resources.files(package).joinpath(folder)
    found = packaged if packaged.is_dir() else Path(__file__).parents[3] / "data" / folder
    if not found.is_dir():
        return {}
    files = sorted((item for item in found.iterdir()), key=lambda item: item.name)
    return {
        item.name.removesuffix(".toml"): item.read_text(encoding="utf-8")
        for item in files
        if item.name.endswith(".toml")
    }


def shipped_text(name: str, shipped: Mapping[str, str]) -> str:
    """Return one of the shipped files.

    Raises:
        ArgumentError: There is none of that name; the message lists them.
    """
    if name not in shipped:
        raise ArgumentError("name", name, "a shipped rule book", available=list(shipped))
    return shipped[name]


def open_rules(name: str, shipped: Mapping[str, str], parse: Callable[..., Book]) -> Book:
    """Return a shipped book by name, or one from a file whose name ends in ``.toml``.

    Args:
        name: The name, or the path.
        shipped: Of :func:`shipped_texts`.
        parse: Makes the book of a text, ``file`` and ``name``.

    Raises:
        ArgumentError: There is no shipped book of that name; the message lists them.
        DataError: The file cannot be read.
        RuleBookError: It is an impossible book; all problems, with their lines.
    """
    if name.endswith(".toml"):
        path = Path(name)
        return parse(read_rule_text(path), file=path.name, name=path.stem)
    return parse(shipped_text(name, shipped), file=f"{name}.toml", name=name)


class _Builder:
    """Makes records of raw settings, noting what is wrong.

    A record with problems is returned too, as it stands, so that the record around it can still be
    checked; the caller throws everything away once there are problems.
    """

    def __init__(self, carry: Carry | None) -> None:
        self.carry = carry
        self.problems: list[Problem] = []

    def build(self, kind: type, raw: Any, place: Place) -> Any:
        if not isinstance(raw, Mapping):
            self._note(Problem(place=place, value=raw, expected="a table of settings"))
            return None
        known = {item.name: item for item in fields(kind)}
        values: dict[str, Any] = {}
        for key, value in raw.items():
            if key in known:
                values[key] = self._value(known[key], value, (*place, key))
            else:
                self._note(_unknown(place, key, list(known)))
        for item in known.values():
            needed = item.default is MISSING and item.default_factory is MISSING
            if needed and item.name not in values:
                self._note(Problem(place=place, value=f"without {item.name}", expected="complete"))
                values[item.name] = None
        made: Any = object.__new__(kind)
        try:
            made.__init__(**values)
        except RuleError as error:
            absent = {key for key, value in values.items() if value is None}
            for problem in error.problems:
                if problem.place[0] not in absent:
                    self._note(problem.within(place))
        except (TypeError, AttributeError):
            if not self.problems:  # Only a part that is already refused may upset the whole.
                raise
        return made

    def _note(self, problem: Problem) -> None:
        seen = {(item.place, item.value if not item.place else None) for item in self.problems}
        if (problem.place, problem.value if not problem.place else None) not in seen:
            self.problems.append(problem)

    def _value(self, item: Field[Any], raw: Any, place: Place) -> Any:
        kind = item.metadata.get("item")
        if kind is None:
            return raw
        if item.metadata.get("named"):
            if not isinstance(raw, Mapping):
                self._note(Problem(place=place, value=raw, expected="a table by name"))
                return {}
            return {key: self.build(kind, part, (*place, key)) for key, part in raw.items()}
        if not item.metadata.get("many"):
            return self.build(kind, raw, place)
        if not isinstance(raw, list):
            self._note(Problem(place=place, value=raw, expected="a list of tables"))
            return ()
        parts: list[Any] = []
        for at, part in enumerate(raw):
            before = parts[-1] if parts else None
            parts.append(self.build(kind, part, (*place, at)))
            if self.carry and before is not None and not self.problems:
                parts[-1] = self._carried(before, parts[-1], part, (*place, at))
        return tuple(parts)

    def _carried(self, before: Any, made: Any, raw: Mapping[str, Any], place: Place) -> Any:
        try:
            return self.carry(before, made, raw) if self.carry else made
        except RuleError as error:
            for problem in error.problems:
                self._note(problem.within(place))
        return made


def _unknown(place: Place, key: str, known: list[str]) -> Problem:
    near = difflib.get_close_matches(key, known, n=1)
    return Problem(
        place=(*place, key),
        value=key,
        expected="a known setting",
        available=tuple(known),
        action=f"write {near[0]}" if near else f"remove {key}",
    )
