"""A small table as a notebook shows it: headings in words, names in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from cvm.core.i18n import say
from cvm.publish.shown_cells import LEFT, column_label, column_texts, kind_of
from cvm.views.names import KINDS, Names

MOST_ROWS = 60
# More columns than fit on a screen stand under each other, if they have only so many rows.
_WIDE, _FEW = 10, 4


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column, told.

    Attributes:
        name: As the frame calls it; empty if it has no name of its own.
        label: In words.
        left: Whether it names something, and so stands to the left.
        cells: Its texts.
    """

    name: str
    label: str
    left: bool
    cells: Sequence[str]


def told_columns(frame: pd.DataFrame, lang: str, names: Names) -> list[Column]:
    """Return a frame's columns, its index first where that names the rows.

    Args:
        frame: Any frame; what its columns hold is read from their names and types.
        lang: ``"zh"`` or ``"en"``.
        names: What counties and campaigns are called.
    """
    # Numbers without a name are pandas' own, such as are left when rows are picked.
    plain = frame.index.name is None and pd.api.types.is_integer_dtype(frame.index)
    levels = [] if plain else list(range(frame.index.nlevels))
    found = []
    for level in levels:
        values = pd.Series(list(frame.index.get_level_values(level)), dtype=object)
        told = _told(str(frame.index.names[level] or ""), values.infer_objects(), lang, names)
        found.append(Column(name=told.name, label=told.label, left=True, cells=told.cells))
    spread = str(frame.columns.name)
    for place, column in enumerate(frame.columns):
        values = frame.iloc[:, place]
        if column == "tier" and "ladder" in frame:
            values = values.replace(
                {tier: say(f"segments_value.tier.{tier}", lang) for tier in ("none", "unrated")}
            )
        told = _told(str(column), values, lang, names)
        if spread in KINDS:
            label = names.in_column(spread, column, lang)
            told = Column(name="", label=label, left=told.left, cells=told.cells)
        found.append(told)
    return in_language(found, lang)


def in_language(columns: Sequence[Column], lang: str) -> list[Column]:
    """Return the columns without those that say the same in the other language."""
    other = "_zh" if lang == "en" else "_en"
    mine = {one.name.removesuffix(f"_{lang}") for one in columns if one.name.endswith(f"_{lang}")}
    return [
        one
        for one in columns
        if not (one.name.endswith(other) and one.name.removesuffix(other) in mine)
    ]


def _told(name: str, values: pd.Series, lang: str, names: Names) -> Column:
    kind = kind_of(name, values)
    cells = column_texts(values, name, kind, lang, names)
    label = column_label(name, lang) if name else ""
    return Column(name=name, label=label, left=kind in LEFT, cells=cells)


def html_of(columns: Sequence[Column], lang: str, *, down: bool | None = None) -> str:
    """Return told columns as HTML.

    Args:
        columns: Of one table.
        lang: ``"zh"`` or ``"en"``.
        down: Put columns under each other; by default where a table is wide and short.
    """
    rows = len(columns[0].cells) if columns else 0
    if down if down is not None else len(columns) > _WIDE and rows <= _FEW:
        return _down(columns)
    head = "".join(
        f"<th style='vertical-align:bottom;text-align:{_align(one)}'>{_heading(one)}</th>"
        for one in columns
    )
    body = "".join(
        "<tr>" + "".join(_cell(one, row) for one in columns) + "</tr>"
        for row in range(min(rows, MOST_ROWS))
    )
    more = rows - MOST_ROWS
    note = f"<p>{escape(say('book.table.more_rows', lang, rows=more))}</p>" if more > 0 else ""
    return _framed(f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>") + note


def _down(columns: Sequence[Column]) -> str:
    rows = "".join(
        f"<tr><th style='text-align:left'>{_heading(one)}</th>"
        + "".join(_cell(one, row, "text-align:right") for row in range(len(one.cells)))
        + "</tr>"
        for one in columns
    )
    return _framed(f"<tbody>{rows}</tbody>")


def _framed(parts: str) -> str:
    """Return a table in a frame that scrolls where it is wide."""
    return f"<div style='overflow-x:auto'><table>{parts}</table></div>"


def text_of(columns: Sequence[Column]) -> str:
    """Return told columns as plain text, for where HTML is not shown."""
    rows = min(len(columns[0].cells), MOST_ROWS) if columns else 0
    lines = ["\t".join(one.label or one.name for one in columns)]
    lines += ["\t".join(one.cells[row] for one in columns) for row in range(rows)]
    return "\n".join(lines)


def _align(one: Column) -> str:
    return "left" if one.left else "right"


def _cell(one: Column, row: int, style: str = "") -> str:
    # Said of each cell: the page's own style has cells that break.
    style = (style or f"text-align:{_align(one)}") + ";white-space:nowrap"
    return f"<td style='{style}'>{escape(one.cells[row])}</td>"


def _heading(one: Column) -> str:
    """Return a heading in words, with the column's own name under it where that says another."""
    words = f"<span style='word-break:keep-all'>{escape(one.label)}</span>"
    if one.name.replace("_", " ").casefold() == one.label.casefold():
        return f"<span title='{escape(one.name)}'>{words}</span>"
    if not one.name:
        return words
    own = f"<code style='font-weight:normal;font-size:0.8em;opacity:0.7'>{escape(one.name)}</code>"
    return f"{words}<br>{own}"


def figure_html(words: str, amount: str) -> str:
    """Return a headline figure as HTML: its words small, its amount large."""
    return (
        '<div style="display:inline-block;padding:6px 14px;margin:2px 0;border-left:3px solid '
        'var(--jp-brand-color1,#1976d2);line-height:1.3">'
        f'<div style="font-size:0.9em;opacity:0.75">{escape(words)}</div>'
        f'<div style="font-size:1.6em;font-weight:600">{escape(amount)}</div></div>'
    )
