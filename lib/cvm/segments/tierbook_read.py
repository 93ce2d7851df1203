"""Tier books from TOML: read, refused with the lines that are wrong, and shipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cvm.core.rule_files import open_rules, parse_rules, shipped_texts
from cvm.segments.tierbook import LADDERS, TierBook, TierEdition


def open_tierbook(name: str) -> TierBook:
    """Return a shipped tier book, or one from a file.

    Args:
        name: Of a shipped book (a file of ``data/tierbooks``), or a path that ends in ``.toml``.

    Raises:
        ArgumentError: There is no shipped book of that name; the message lists them.
        DataError: The file cannot be read.
        RuleBookError: It is no tier book or an impossible one; all problems, with their lines.
    """
    return open_rules(name, shipped_tierbooks(), parse_tierbook)


def parse_tierbook(text: str, *, file: str = "tier book", name: str = "tier book") -> TierBook:
    """Make a tier book of TOML text.

    A ladder (cards, stars, corporate) that a later edition does not mention stays as in the
    edition before it.

    Args:
        text: The TOML.
        file: Name of the file, for messages.
        name: The book's name, where the text gives none.

    Raises:
        RuleBookError: It is no tier book or an impossible one; all problems, with their lines.
    """
    book: TierBook = parse_rules(TierBook, text, file=file, name=name, carry=_carry)
    return book


def shipped_tierbooks() -> dict[str, str]:
    """Return the tier books that come with the suite: name → TOML text.

    They stand in ``data/tierbooks`` of a checkout and inside the package once installed.
    """
    return shipped_texts("cvm.segments", "tierbooks")


def _carry(before: Any, made: Any, raw: Mapping[str, Any]) -> Any:
    if not (isinstance(before, TierEdition) and isinstance(made, TierEdition)):
        return made
    return replace(made, **{name: getattr(before, name) for name in LADDERS if name not in raw})
