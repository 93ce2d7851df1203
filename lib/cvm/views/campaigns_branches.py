"""Charts of campaigns that start branch by branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from cvm.core.i18n import say
from cvm.views.chart_parts import axes_for
from cvm.views.theme import themed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cvm.campaigns.rollout_branches import RolloutEffect

AREA = "campaigns_branches.chart"
HEIGHT_PX = 330


def plot_events(effect: RolloutEffect, ax: Axes | None = None, *, lang: str = "en") -> Axes:
    """Draw the effect by months since the start, with the scatter of customers.

    Args:
        effect: What a staggered campaign did.
        ax: Where to draw; a new figure by default.
        lang: ``"zh"`` or ``"en"``.
    """
    with themed(lang, "wide") as palette:
        axes = axes_for(ax, "wide", HEIGHT_PX)
        if effect.events is None:
            axes.text(0.5, 0.5, say(f"{AREA}.nothing", lang), ha="center", va="center")
            axes.set_axis_off()
            return axes
        table = effect.events
        after = table["at"] >= 0
        for part, color in ((~after, palette.muted), (after, palette.main)):
            rows = table[part]
            axes.vlines(rows["at"], 100 * rows["low"], 100 * rows["high"], color=color, alpha=0.45)
            axes.plot(rows["at"], 100 * rows["effect"], "o", color=color, markersize=5)
        axes.axhline(0.0, color=palette.ink, linewidth=0.8)
        axes.axvline(-0.5, color=palette.muted, linewidth=0.8, linestyle="--")
        axes.text(
            -0.3, 1.0, say(f"{AREA}.start", lang), transform=axes.get_xaxis_transform(),
            va="top", color=palette.muted,
        )  # fmt: skip
        mean, last = 100 * effect.monthly_effect, float(table["at"].max())
        axes.hlines(mean, 0, last, color=palette.accent, linewidth=2)
        # Beside the word for the start: on the line it would hide months.
        axes.text(
            last, 1.0, f"— {say(f'{AREA}.mean', lang)}", transform=axes.get_xaxis_transform(),
            ha="right", va="top", color=palette.accent_text,
        )  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(say(f"{AREA}.since", lang))
        axes.set_title(say(f"{AREA}.events", lang), loc="left", fontsize=11)
    return axes
