"""Chart of cross-tabs: what a customer of each group brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from cvm.core.i18n import say
from cvm.core.money import format_number
from cvm.segments.crosstabs import group_name
from cvm.views.chart_parts import axes_for, lying_grid, say_small
from cvm.views.theme import Width, count_axis, themed

if TYPE_CHECKING:
    from cvm.segments.crosstabs import CrossTabs

AREA = "segments_value"


def plot_groups(
    tabs: CrossTabs,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    width: Width = "wide",
    by: str = "",
) -> Axes:
    """Draw revenue a customer by group; groups of fewer than ten customers are not shown.

    Args:
        tabs: The cross-tabs.
        ax: Axes to draw on.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
        by: Which table; the first by default.
    """
    name = by or next(iter(tabs.tables))
    rows = tabs.groups(name)
    with themed(lang, width) as palette:
        height = 80 + 28 * max(len(rows), 1)
        axes = axes_for(ax, width, height)
        places = np.arange(len(rows))
        axes.barh(places, rows["revenue_each_yuan"], height=0.6, color=palette.main)
        for place, each, count in zip(
            places, rows["revenue_each_yuan"], rows["customers"], strict=True
        ):
            text = say(f"{AREA}.chart.count", lang, count=format_number(count, lang))
            say_small(axes, text, (each, place))
        axes.set_yticks(places, [group_name(name, group, lang) for group in rows["group"]])
        axes.invert_yaxis()
        largest = float(rows["revenue_each_yuan"].max()) if len(rows) else 1.0
        axes.set_xlim(0, (1.2 if width == "wide" else 1.4) * largest)
        lying_grid(axes)
        unit = count_axis(axes, lang, largest=largest, unit="yuan", axis="x")
        axes.set_xlabel(
            say(f"{AREA}.chart.each_axis", lang, months=str(tabs.window_months), unit=unit)
        )
    return axes
