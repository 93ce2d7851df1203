"""The panel of a page that shows one tier, county or other group: its figures, ready to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from cvm.core.i18n import say
from cvm.views.names import Names

Facts = list[list[str]]
"""Rows of a label and a text."""


def drill_panel(
    area: str, whole: Facts, groups: Sequence[Mapping[str, Any]], lang: str
) -> dict[str, Any]:
    """Return the panel.

    Args:
        area: The page's part of the catalogue; ``<area>.drill`` names panel and whole.
        whole: Facts of all together, shown until a group is chosen.
        groups: Of :func:`drill_group`.
        lang: The language.
    """
    return {
        "heading": say(f"{area}.drill.heading", lang),
        "label": say(f"{area}.drill.label", lang),
        "all": {"key": "", "label": say(f"{area}.drill.all", lang), "facts": whole},
        "groups": list(groups),
    }


def drill_group(
    area: str, name: str, choices: Iterable[Mapping[str, Any]], lang: str
) -> dict[str, Any]:
    """Return choices under the heading ``<area>.drill.group_<name>``."""
    return {"label": say(f"{area}.drill.group_{name}", lang), "choices": list(choices)}


def drill_choice(
    column: str, value: Any, facts: Facts, lang: str, *, names: Names
) -> dict[str, Any]:
    """Return one group of a column of the contract, under its name in the language."""
    kind = column.removeprefix("vip_")
    return {"key": f"{kind}:{value}", "label": names.of(kind, value, lang), "facts": facts}


def drill_facts(area: str, texts: Mapping[str, str], lang: str) -> Facts:
    """Return texts under the labels ``<area>.drill.<key>``."""
    return [[say(f"{area}.drill.{key}", lang), text] for key, text in texts.items()]


def known(row: Mapping[Any, Any], column: str) -> float | None:
    """Return a cell as a number; None where it is withheld or missing."""
    value = row.get(column)
    return None if value is None or pd.isna(value) else float(value)
