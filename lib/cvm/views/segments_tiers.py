"""Charts of tiers: the pyramid, and who moves under a proposal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.axes import Axes

from cvm.core.i18n import say
from cvm.core.money import format_number
from cvm.segments.tiers import tier_name
from cvm.segments.tiers_rules import NONE, UNRATED
from cvm.views.chart_parts import axes_for, say_beside_bars, share_bars, shares_said
from cvm.views.theme import Width, themed

if TYPE_CHECKING:
    from cvm.segments.tiers import TierPyramid
    from cvm.segments.tiers_change import TierChange
    from cvm.segments.tiers_rules import Ladder

AREA = "segments_value"


def plot_pyramid(
    pyramid: TierPyramid,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    width: Width = "wide",
    ladder: str = "",
) -> Axes:
    """Draw each tier's share of customers and of revenue, the highest tier on top.

    Args:
        pyramid: The pyramid.
        ax: Axes to draw on.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
        ladder: Which ladder; the first by default.
    """
    name = ladder or next(iter(pyramid.ladders))
    rows = pyramid.rows[pyramid.rows["ladder"] == name]
    with themed(lang, width):
        axes = axes_for(ax, width, 60 + 44 * len(rows))
        named = [
            f"{tier_name(pyramid.ladders[name], tier, lang)}\n"
            + say(f"{AREA}.chart.count", lang, count=format_number(count, lang))
            for tier, count in zip(rows["tier"], rows["customers"], strict=True)
        ]
        share_bars(axes, rows, named, room=1.14)
        say_beside_bars(axes, rows, share_labels(lang), shares_said(rows, missing="–"))
    return axes


def share_labels(lang: str) -> tuple[str, str]:
    """Return what charts call the shares of customers and of revenue."""
    customers, revenue = (
        say(f"{AREA}.chart.{name}_share", lang) for name in ("customers", "revenue")
    )
    return customers, revenue


def plot_movers(
    change: TierChange,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    width: Width = "wide",
    ladder: str = "",
) -> Axes:
    """Draw tier before × tier after: customers who rise, fall and stay.

    Args:
        change: The comparison.
        ax: Axes to draw on.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
        ladder: Which ladder; by default the one with most customers moving.
    """
    name = ladder or _busiest(change)
    old, new = change.ladders[name]
    rows = change.rows[change.rows["ladder"] == name]
    before, after = _tiers(old, rows["tier"]), _tiers(new, rows["tier_after"])
    with themed(lang, width) as palette:
        axes = axes_for(ax, width, 110 + 46 * len(before))
        colors = {"up": palette.main, "down": palette.accent, "same": palette.faint}
        most = max(float(rows.loc[rows["direction"] != "same", "customers"].max()), 1.0)
        for row in rows.to_dict("records"):
            x, y = after.index(row["tier_after"]), before.index(row["tier"])
            moved = row["direction"] in ("up", "down", "other")
            alpha = 0.25 + 0.75 * row["customers"] / most if moved else 1.0
            color = colors.get(row["direction"], palette.accent)
            axes.fill_between(
                [x - 0.47, x + 0.47], y - 0.45, y + 0.45, color=color, alpha=min(alpha, 1), lw=0
            )
            axes.text(
                x,
                y,
                format_number(row["customers"], lang),
                ha="center",
                va="center",
                color=palette.paper if moved and alpha > 0.6 else palette.ink,
            )
        axes.set_xticks(range(len(after)), [tier_name(new, tier, lang) for tier in after])
        axes.set_yticks(range(len(before)), [tier_name(old, tier, lang) for tier in before])
        axes.set_xlim(-0.5, len(after) - 0.5)
        axes.set_ylim(len(before) - 0.5, -0.5)
        axes.grid(False)
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.spines[["bottom", "top"]].set_visible(False)
        axes.set_xlabel(say(f"{AREA}.chart.after", lang))
        axes.set_ylabel(say(f"{AREA}.chart.before", lang))
        if width == "phone":
            axes.tick_params(axis="x", rotation=45)
        handles = [
            axes.scatter([], [], marker="s", s=70, color=colors[way], label=_way(way, lang))
            for way in ("up", "down", "same")
        ]
        axes.legend(
            handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=3, frameon=False
        )
    return axes


def _way(direction: str, lang: str) -> str:
    return say(f"{AREA}.chart.{direction}", lang)


def _busiest(change: TierChange) -> str:
    moved = change.rows[change.rows["direction"] != "same"]
    sums = moved.groupby("ladder")["customers"].sum()
    return str(sums.idxmax()) if len(sums) else next(iter(change.ladders))


def _tiers(ladder: Ladder, seen: pd.Series) -> list[str]:
    """Return tiers, the highest first; those rated on no tier only where somebody is."""
    order = [*reversed(ladder.names), NONE, UNRATED]
    return [tier for tier in order if tier in ladder.names or tier in set(seen)]
