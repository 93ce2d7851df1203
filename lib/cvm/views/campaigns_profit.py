"""Charts of a campaign's worth: what decides the return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cvm.core.i18n import say
from cvm.views.chart_parts import lying_grid, row_axes
from cvm.views.theme import Width, themed

if TYPE_CHECKING:
    from cvm.campaigns.profit import Profit


def plot_tornado(
    profit: Profit, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the return at both ends of each assumption, the widest first."""
    table = profit.tornado()
    with themed(lang, width) as palette:
        axes = row_axes(ax, width, len(table))
        ends = table[["roi_low_setting", "roi_high_setting"]]
        colors = [palette.accent if decides else palette.main for decides in table["decides"]]
        places = range(len(table))
        axes.barh(places, table["swing"], left=ends.min(axis=1), height=0.55, color=colors)
        axes.axvline(profit.roi, color=palette.ink, linewidth=1.2)
        axes.axvline(0, color=palette.muted, linewidth=1, linestyle=(0, (4, 3)))
        names = [say(f"campaigns_profit.assumption.{name}", lang) for name in table["assumption"]]
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        lying_grid(axes)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda value, _: f"{100 * value:,.0f}%".replace("-", "−"))
        )
        axes.set_xlabel(say("campaigns_profit.chart.roi", lang))
    return axes
