"""Chart of how many times as fast customers leave, by covariate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from cvm.core.i18n import say
from cvm.views.campaigns_matched import covariate_name
from cvm.views.chart_parts import lying_grid, mark_interval, row_axes, say_instead
from cvm.views.theme import Width, themed

if TYPE_CHECKING:
    from cvm.campaigns.hazard import HazardRatios


def plot_hazard_ratios(
    ratios: HazardRatios, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw how many times as fast customers leave by covariate: per deviation where it has many.

    Args:
        ratios: As :func:`cvm.campaigns.hazard.hazard_ratios` gives them.
        ax: Axes to draw on.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
    """
    with themed(lang, width) as palette:
        axes = row_axes(ax, width, len(ratios.rows))
        if ratios.reason:
            return say_instead(axes, say("campaigns_hazard.chart.nothing", lang))
        axes.axvline(1, color=palette.muted, linewidth=1)
        for place, row in enumerate(ratios.rows.to_dict("records")):
            color = palette.main if row["p_value"] < 1 - ratios.confidence else palette.muted
            low, ratio, high = (row[f"step_{name}"] for name in ("low", "ratio", "high"))
            mark_interval(axes, place, low, ratio, high, color)
        names = ratios.rows["covariate"]
        axes.set_yticks(range(len(names)), [_covariate(name, lang) for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xscale("log")
        lying_grid(axes)
        axes.xaxis.set_major_locator(LogLocator(base=2))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(say("campaigns_hazard.chart.ratio", lang))
    return axes


def _covariate(name: str, lang: str) -> str:
    if name == "treated":
        return say("campaigns_hazard.treated", lang)
    return covariate_name(name, lang)
