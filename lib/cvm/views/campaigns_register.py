"""The register as pictures: customers kept by campaign, and the return of each."""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from cvm.core.i18n import say
from cvm.views.campaigns import say_cannot_tell
from cvm.views.chart_parts import (
    lying_grid,
    mark_interval,
    name_farthest,
    row_axes,
    signed_axis,
)
from cvm.views.theme import PALETTE, Width, themed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cvm.campaigns.compare_designs import DesignComparison
    from cvm.campaigns.effect import Estimate
    from cvm.campaigns.register import Entry

_KINDS: dict[str, dict[str, Any]] = {
    "designs": {"color": PALETTE.main, "alpha": 0.55},
    "naive": {"color": PALETTE.accent, "fillstyle": "none", "markeredgewidth": 2},
}


def plot_register(
    register: Any, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw customers kept per 1,000 treated, with intervals and the quality of the evidence.

    Args:
        register: A register, or anything with its ``entries``.
        ax: Axes to draw on.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
    """
    entries: tuple[Entry, ...] = register.entries
    with themed(lang, width) as palette:
        axes = row_axes(ax, width, len(entries))
        axes.axvline(0, color=palette.muted, linewidth=1)
        for place, one in enumerate(entries):
            if math.isnan(one.kept_share):
                say_cannot_tell(axes, place, lang)
                continue
            color = palette.main if one.worked == "yes" else palette.muted
            if one.worked == "harmed":
                color = palette.accent
            low, kept, high = (1000 * at for at in (one.kept_low, one.kept_share, one.kept_high))
            mark_interval(axes, place, low, kept, high, color)
        names = [
            say("campaigns_register.chart.row", lang, name=one.label(), evidence=one.evidence)
            for one in entries
        ]
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        lying_grid(axes)
        signed_axis(axes, bins=5)
        axes.set_xlabel(say("campaigns_register.chart.kept", lang))
    return axes


def plot_all_designs(
    comparisons: Mapping[str, DesignComparison],
    ax: Axes | None = None,
    *,
    lang: str = "en",
    width: Width = "wide",
) -> Axes:
    """Draw what every design says of every campaign, and what naive readings would have said.

    Args:
        comparisons: Label of the campaign → its designs, all on churn.
        ax: Axes to draw on.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
    """
    with themed(lang, width) as palette:
        axes = row_axes(ax, width, len(comparisons))
        axes.axvline(0, color=palette.muted, linewidth=1)
        for place, one in enumerate(comparisons.values()):
            for kind, estimates in (("designs", one.rows), ("naive", one.naive)):
                told = [-1000 * each.effect for each in estimates.values() if each.can_tell]
                axes.plot(told, [place] * len(told), "o", markersize=8, **_KINDS[kind])
        axes.set_yticks(range(len(comparisons)), list(comparisons))
        axes.set_ylim(len(comparisons) - 0.5, -0.5)
        lying_grid(axes)
        signed_axis(axes, bins=5)
        axes.set_xlabel(say("campaigns_register.chart.kept", lang))
        names = {kind: say(f"campaigns_register.chart.{kind}", lang) for kind in _KINDS}
        middles = [[_middle(one.rows), _middle(one.naive)] for one in comparisons.values()]
        colors = (palette.main, palette.accent_text)
        pairs = np.array(middles, dtype=float).reshape(-1, 2)
        if not name_farthest(axes, pairs, (names["designs"], names["naive"]), colors):
            for kind, name in names.items():
                axes.plot([], [], "o", markersize=8, label=name, **_KINDS[kind])
            axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    return axes


def _middle(estimates: Mapping[str, Estimate]) -> float:
    """Return the mean of the estimates that can tell, in customers kept per 1,000."""
    told = [one.effect for one in estimates.values() if one.can_tell]
    return -1000 * fmean(told) if told else math.nan
