"""Partial data: what a notebook needs, what is missing, what can still be done.

A notebook states its needs in its own metadata::

    "cvm": {
      "needs":    {"months": ["customer_id", "month", "bill_yuan"]},
      "optional": {
        "points_cost": {"needs": {"ledger": ["points", "cost_yuan"]},
                        "en": "points cost against the cap", "zh": "积分成本与上限"},
        "survey": ["overall_score"]
      }
    }

``needs`` is what it cannot do without. Each entry of ``optional`` is a *part* of the notebook; in
the short form, a table and its columns, the part is named after the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cvm.core.checks import ArgumentError, MissingDataError
from cvm.core.i18n import say
from cvm.data.tables import CONTRACT

Needs = Mapping[str, Sequence[str]]


class NotEnoughDataError(MissingDataError):
    """The data lack what a notebook cannot do without; its message is meant for the reader."""

    def __init__(self, text: str, missing: Needs) -> None:
        self.text = text
        super().__init__("data", f"without {_plain(missing)}", "complete for this notebook")

    def __str__(self) -> str:
        return self.text

    def _render_traceback_(self) -> list[str]:
        # IPython shows this in place of a traceback: the text is all the reader needs.
        return [self.text]


class HasTables(Protocol):
    """The one thing asked of a data set here."""

    def has(self, name: str, *columns: str) -> bool:
        """Whether the table is there with these columns."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a notebook and the data it reads.

    Attributes:
        name: Name that ``book.can(name)`` asks for.
        needs: Table → columns.
        en: What the part answers, in English.
        zh: The same in Chinese.
    """

    name: str
    needs: Needs = field(default_factory=dict)
    en: str = ""
    zh: str = ""

    def label(self, lang: str) -> str:
        """Return what the part answers, in words."""
        return (self.zh if lang == "zh" else self.en) or self.name.replace("_", " ")


def parts_of(metadata: Mapping[str, Any]) -> dict[str, Part]:
    """Return the optional parts that a notebook's ``cvm`` metadata declare.

    Raises:
        ArgumentError: A part has neither columns nor needs, or reads what no contract has.
    """
    parts = {}
    for name, given in dict(metadata.get("optional", {})).items():
        if isinstance(given, Mapping):
            table = CONTRACT.get(name)
            part = Part(
                name=name,
                needs=dict(given.get("needs", {})),
                en=given.get("en", table.en if table else ""),
                zh=given.get("zh", table.zh if table else ""),
            )
        else:
            part = table_part(name, tuple(given))
        problems = needs_problems(part.needs)
        if problems:
            raise ArgumentError(f"metadata.cvm.optional.{name}", problems[0], "in the contract")
        parts[name] = part
    return parts


def table_part(table: str, columns: Sequence[str] = ()) -> Part:
    """Return the part that is named after one table of the contract."""
    known = CONTRACT.get(table)
    return Part(
        name=table,
        needs={table: tuple(columns)},
        en=known.en if known else "",
        zh=known.zh if known else "",
    )


def needs_problems(needs: Needs) -> list[str]:
    """Return each table and column of ``needs`` that the contract does not have."""
    problems = []
    for table, columns in needs.items():
        if table not in CONTRACT:
            problems.append(f"no table {table}; there are {', '.join(CONTRACT)}")
            continue
        known = CONTRACT[table].column_names
        problems += [f"no column {table}.{column}" for column in columns if column not in known]
    return problems


def missing_from(data: HasTables, needs: Needs) -> dict[str, list[str]]:
    """Return what is not there: table → missing columns; none listed if the table is missing."""
    missing: dict[str, list[str]] = {}
    for table, columns in needs.items():
        if not data.has(table):
            missing[table] = []
        else:
            absent = [column for column in columns if not data.has(table, column)]
            if absent:
                missing[table] = absent
    return missing


def missing_text(missing: Needs, lang: str) -> str:
    """Return what is missing, in words, each table with its columns."""
    joiner = "；" if lang == "zh" else "; "
    return joiner.join(_table_text(table, columns, lang) for table, columns in missing.items())


def _table_text(name: str, columns: Sequence[str], lang: str) -> str:
    table = CONTRACT[name]
    label = table.zh if lang == "zh" else table.en
    if not columns:
        return say("book.needs.whole_table", lang, label=label, table=name)
    words = ("、" if lang == "zh" else ", ").join(
        f"{table[c].zh} {c}" if lang == "zh" else c for c in columns
    )
    return say("book.needs.some_columns", lang, label=label, table=name, columns=words)


def needs_text(main: Needs, parts: Sequence[Part], data: HasTables, lang: str) -> str:
    """Return, as Markdown, what is missing and what can still be done.

    Args:
        main: What the notebook cannot do without.
        parts: Its optional parts.
        data: The data at hand.
        lang: ``"zh"`` or ``"en"``.
    """
    lacks = {part.name: missing_from(data, part.needs) for part in parts}
    main_lacks = missing_from(data, main)
    if not main and not parts:
        return say("book.needs.nothing_stated", lang)
    if not main_lacks and not any(lacks.values()):
        return say("book.needs.all_there", lang)
    title = say("book.needs.stop_title" if main_lacks else "book.needs.title", lang)
    rows = [(say("book.needs.main", lang), main_lacks)]
    rows += [(part.label(lang), lacks[part.name]) for part in parts]
    head = [say(f"book.needs.column_{name}", lang) for name in ("part", "state", "missing")]
    lines = [f"**{title}**", "", _row(head), _row(["---"] * 3)]
    for label, lacking in rows:
        # A part cannot be done without the notebook's main needs either.
        done = "cannot" if lacking or main_lacks else "can"
        lines.append(
            _row([label, say(f"book.needs.{done}", lang), missing_text(lacking, lang) or "–"])
        )
    return "\n".join([*lines, "", say("book.needs.action", lang)])


def capabilities_text(
    notebooks: Mapping[str, Mapping[str, Any]], data: HasTables, lang: str
) -> str:
    """Return, as Markdown, which notebooks the data can carry and what each would leave out.

    Args:
        notebooks: Notebook's name → its ``cvm`` metadata.
        data: The data at hand.
        lang: ``"zh"`` or ``"en"``.
    """
    head = [
        say(f"book.capabilities.column_{name}", lang) for name in ("notebook", "state", "lacks")
    ]
    lines = [_row(head), _row(["---"] * 3)]
    for name, metadata in notebooks.items():
        lacks = missing_from(data, dict(metadata.get("needs", {})))
        parts = {
            part.label(lang): missing_from(data, part.needs) for part in parts_of(metadata).values()
        }
        left_out = [label for label, lacking in parts.items() if lacking]
        if lacks:
            state, what = "no", missing_text(lacks, lang)
        else:
            state = "part" if left_out else "all"
            what = ("、" if lang == "zh" else ", ").join(left_out) or "–"
        title = dict(metadata.get("title", {})).get(lang, "")
        lines.append(
            _row([f"{name} {title}".strip(), say(f"book.capabilities.{state}", lang), what])
        )
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _plain(missing: Needs) -> str:
    return ", ".join(
        f"{table}.{column}" if column else table
        for table, columns in missing.items()
        for column in (columns or [""])
    )
