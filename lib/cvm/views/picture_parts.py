"""What the modules of a page's pictures share: a chart, its painting at a width, its table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cvm.core.i18n import say
from cvm.views.theme import Width, new_figure


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart in one language.

    Attributes:
        key: Part of the picture's file name.
        title: What the chart says.
        alt: The picture in words.
        table: Columns and rows of texts behind it.
        paint: Draws it for a width; called inside ``themed``.
    """

    key: str
    title: str
    alt: str
    table: dict[str, Any]
    paint: Callable[[Width], Figure]


def painter(
    paint: Callable[[Axes, Width], Any], wide_px: float, phone_px: float
) -> Callable[[Width], Figure]:
    """Return what draws a chart of one pair of axes for a width.

    Args:
        paint: Draws on axes.
        wide_px: Height on a laptop (CSS pixels).
        phone_px: Height on a phone (CSS pixels).
    """

    def painted(width: Width) -> Figure:
        figure = new_figure(width, wide_px if width == "wide" else phone_px)
        paint(figure.subplots(), width)
        return figure

    return painted


def figures_table(
    area: str, columns: Sequence[str], rows: list[list[str]], lang: str
) -> dict[str, Any]:
    """Return the figures behind a picture; the catalogue's ``<area>.column`` names the columns."""
    return {"columns": [say(f"{area}.column.{name}", lang) for name in columns], "rows": rows}


def listed(items: Sequence[str], lang: str) -> str:
    """Return items in one sentence."""
    return ("；" if lang == "zh" else "; ").join(items)
