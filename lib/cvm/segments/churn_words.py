"""Features, terms and refusals in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cvm.core.i18n import catalogue, say

if TYPE_CHECKING:
    from cvm.segments.churn_design import Term
    from cvm.segments.churn_leaks import Refused

AREA = "segments_churn"
OTHER = "other"
"""Level that stands for all rare ones."""


def feature_name(column: str, lang: str) -> str:
    """Return a feature as people call it; its own name where the catalogue has none."""
    key = f"{AREA}.feature.{column}"
    return say(key, lang) if key in catalogue() else column.removeprefix("attr_")


def level_name(term: Term, lang: str) -> str:
    """Return a level as people call it; as the extract writes it where the catalogue has none."""
    if term.level == OTHER:
        return say(f"{AREA}.term.other", lang)
    key = f"overview.{term.column}.{term.level}"
    return say(key, lang) if key in catalogue() else term.level


def term_name(term: Term, lang: str) -> str:
    """Return a term as people call it, its level included."""
    name = feature_name(term.column, lang)
    if term.kind == "level":
        return say(f"{AREA}.term.level", lang, name=name, level=level_name(term, lang))
    return say(f"{AREA}.term.missing", lang, name=name) if term.kind == "missing" else name


def term_text(term: Term, log_odds: float, lang: str) -> str:
    """Return a term with the direction it works in, e.g. ``fall of the bill (more leave)``."""
    direction = "more" if log_odds > 0 else "less"
    return say(f"{AREA}.term.{direction}", lang, name=term_name(term, lang))


def refused_text(refused: Sequence[Refused], lang: str) -> str:
    """Return which columns were refused and why; nothing if none was."""
    if not refused:
        return ""
    listed = say(f"{AREA}.list", lang).join(one.text(lang) for one in refused)
    return say(f"{AREA}.refused.sentence", lang, columns=listed)
