"""Rule books from TOML: every impossible setting refused at once, each with its file and line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from cvm.core.checks import ArgumentError, DataError
from cvm.points.rulebook import RuleBook
from cvm.points.rulebook_lines import find_lines, line_of
from cvm.points.rules import Rules
from cvm.points.rules_checks import Place, Problem, RuleError

_CARRIED = ("earn", "qualification", "redemption", "clearing", "channels", "cap")


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


def read_rulebook(path: str | Path) -> RuleBook:
    """Read a rule book from a TOML file.

    A section (earn, qualification, redemption, clearing, channels, cap) that a later edition does
    not mention stays as in the edition before it.

    Args:
        path: The file.

    Raises:
        DataError: The file cannot be read.
        RuleBookError: It is no rule book or an impossible one; all problems, with their lines.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError("path", str(path), f"a file that can be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DataError("path", str(path), "a text in UTF-8", action="save it as UTF-8") from error
    return parse_rulebook(text, file=path.name, name=path.stem)


def parse_rulebook(text: str, *, file: str = "rule book", name: str = "rule book") -> RuleBook:
    """Make a rule book of TOML text; see :func:`read_rulebook`.

    Args:
        text: The TOML.
        file: Name of the file, for messages.
        name: The rule book's name, where the text gives none.

    Raises:
        RuleBookError: See :func:`read_rulebook`.
    """
    text = text.replace("\r\n", "\n")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        line = int(where[1]) if where else text.count("\n") + 1
        problem = Problem(place=(), value="unreadable", expected=f"valid TOML: {error}")
        raise RuleBookError(file, [(line, problem)]) from error
    problems: list[Problem] = []
    book = _build(RuleBook, {"name": name} | raw, (), problems)
    if problems or not isinstance(book, RuleBook):
        lines = find_lines(text)
        raise RuleBookError(file, [(line_of(lines, item.place) or 1, item) for item in problems])
    return book


def shipped_rulebooks() -> dict[str, str]:
    """Return the rule books that come with the suite: name → TOML text.

    They stand in ``data/rulebooks`` of a checkout and inside the package once installed.
    """
    packaged = resources.files("cvm.points").joinpath("rulebooks")
    folder = packaged if packaged.is_dir() else Path(__file__).parents[3] / "data" / "rulebooks"
    if not folder.is_dir():
        return {}
    files = sorted((item for item in folder.iterdir()), key=lambda item: item.name)
    return {
        item.name.removesuffix(".toml"): item.read_text(encoding="utf-8")
        for item in files
        if item.name.endswith(".toml")
    }


def shipped_rulebook(name: str) -> RuleBook:
    """Return one of the rule books that come with the suite.

    Raises:
        ArgumentError: There is none of that name; the message lists them.
    """
    shipped = shipped_rulebooks()
    if name not in shipped:
        raise ArgumentError("name", name, "a shipped rule book", available=list(shipped))
    return parse_rulebook(shipped[name], file=f"{name}.toml", name=name)


def _build(kind: type, raw: Any, place: Place, problems: list[Problem]) -> Any:
    """Make a record of raw settings, noting what is wrong.

    A record with problems is returned too, as it stands, so that the record around it can still be
    checked; the caller throws everything away once there are problems.
    """
    if not isinstance(raw, Mapping):
        _note(problems, Problem(place=place, value=raw, expected="a table of settings"))
        return None
    known = {item.name: item for item in fields(kind)}
    values: dict[str, Any] = {}
    for key, value in raw.items():
        if key in known:
            values[key] = _value(known[key], value, (*place, key), problems)
        else:
            _note(problems, _unknown(place, key, list(known)))
    for item in known.values():
        if item.default is MISSING and item.default_factory is MISSING and item.name not in values:
            _note(problems, Problem(place=place, value=f"without {item.name}", expected="complete"))
            values[item.name] = None
    made: Any = object.__new__(kind)
    try:
        made.__init__(**values)
    except RuleError as error:
        absent = {key for key, value in values.items() if value is None}
        for problem in error.problems:
            if problem.place[0] not in absent:
                _note(problems, problem.within(place))
    except (TypeError, AttributeError):
        if not problems:  # Only a part that is already refused may upset the whole.
            raise
    return made


def _note(problems: list[Problem], problem: Problem) -> None:
    seen = {(item.place, item.value if not item.place else None) for item in problems}
    if (problem.place, problem.value if not problem.place else None) not in seen:
        problems.append(problem)


def _value(item: Field[Any], raw: Any, place: Place, problems: list[Problem]) -> Any:
    kind = item.metadata.get("item")
    if kind is None:
        return raw
    if item.metadata.get("named"):
        if not isinstance(raw, Mapping):
            _note(problems, Problem(place=place, value=raw, expected="a table by name"))
            return {}
        return {key: _build(kind, part, (*place, key), problems) for key, part in raw.items()}
    if not item.metadata.get("many"):
        return _build(kind, raw, place, problems)
    if not isinstance(raw, list):
        _note(problems, Problem(place=place, value=raw, expected="a list of tables"))
        return ()
    parts: list[Any] = []
    for at, part in enumerate(raw):
        before = parts[-1] if parts else None
        parts.append(_build(kind, part, (*place, at), problems))
        if isinstance(before, Rules) and isinstance(parts[-1], Rules) and not problems:
            absent = [key for key in _CARRIED if key not in part]
            parts[-1] = _carry(before, parts[-1], absent, (*place, at), problems)
    return tuple(parts)


def _carry(
    before: Rules, made: Rules, absent: list[str], place: Place, problems: list[Problem]
) -> Rules:
    """Fill the sections an edition does not mention from the edition before it."""
    carried = {key: getattr(before, key) for key in absent}
    if "clearing" in carried:
        carried["clearing"] = carried["clearing"].carried_on()
    try:
        return replace(made, **carried)
    except RuleError as error:
        for problem in error.problems:
            _note(problems, problem.within(place))
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
