"""Rule books of points from TOML: read, refused with the lines that are wrong, and shipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cvm.core.rule_files import (
    RuleBookError,
    parse_rules,
    read_rule_text,
    shipped_text,
    shipped_texts,
)
from cvm.points.rulebook import RuleBook
from cvm.points.rules import Rules

__all__ = [
    "RuleBookError",
    "parse_rulebook",
    "read_rulebook",
    "shipped_rulebook",
    "shipped_rulebooks",
]

_CARRIED = ("earn", "qualification", "redemption", "clearing", "channels", "cap")


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
    return parse_rulebook(read_rule_text(path), file=path.name, name=path.stem)


def parse_rulebook(text: str, *, file: str = "rule book", name: str = "rule book") -> RuleBook:
    """Make a rule book of TOML text; see :func:`read_rulebook`.

    Args:
        text: The TOML.
        file: Name of the file, for messages.
        name: The rule book's name, where the text gives none.

    Raises:
        RuleBookError: See :func:`read_rulebook`.
    """
    book: RuleBook = parse_rules(RuleBook, text, file=file, name=name, carry=_carry)
    return book


def shipped_rulebooks() -> dict[str, str]:
    """Return the rule books that come with the suite: name → TOML text.

    They stand in ``data/rulebooks`` of a checkout and inside the package once installed.
    """
    return shipped_texts("cvm.points", "rulebooks")


def shipped_rulebook(name: str) -> RuleBook:
    """Return one of the rule books that come with the suite.

    Raises:
        ArgumentError: There is none of that name; the message lists them.
    """
    text = shipped_text(name, shipped_rulebooks())
    return parse_rulebook(text, file=f"{name}.toml", name=name)


def _carry(before: Any, made: Any, raw: Mapping[str, Any]) -> Any:
    """Fill the sections an edition does not mention from the edition before it."""
    if not (isinstance(before, Rules) and isinstance(made, Rules)):
        return made
    carried = {key: getattr(before, key) for key in _CARRIED if key not in raw}
    if "clearing" in carried:
        carried["clearing"] = carried["clearing"].carried_on()
    return replace(made, **carried)
