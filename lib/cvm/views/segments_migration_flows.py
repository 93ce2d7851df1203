"""Pictures of migration: the flow between tiers, rates by period, value by two models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path

from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.segments.migration import JOINED, LEFT, UNKNOWN, tier_name
from cvm.segments.migration_flows import WAYS
from cvm.views.chart_parts import name_ends
from cvm.views.segments_migration import LEAST_CUSTOMERS, withheld
from cvm.views.theme import PALETTE, count_axis, month_axis, new_figure, share_axis, themed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cvm.segments.migration import Migration
    from cvm.segments.migration_flows import MigrationFlows
    from cvm.segments.migration_sbg import ReconciledValue

FloatArray = npt.NDArray[np.float64]
AREA = "segments_migration"
COLOURS = {
    "up": PALETTE.main,
    "stayed": PALETTE.faint,
    "down": PALETTE.accent,
    "left": PALETTE.muted,
    "joined": PALETTE.light,
    "unknown": PALETTE.ink,
}
FLOW_PX, RATES_PX, VALUES_PX = 430, 300, 300
_GAP, _BAR, _LABEL = 0.025, 0.03, 0.062


def plot_flow(migration: Migration, ax: Axes | None = None, *, lang: str = "en") -> Axes:
    """Draw how many customers went from which tier to which, as bands between two bars.

    What is withheld in the table of shares is not drawn here either, and bars are as high as what
    is drawn, so that nothing can be worked out from a gap.

    Args:
        migration: The moves.
        ax: Where to draw; a new figure by default.
        lang: ``"zh"`` or ``"en"``.
    """
    before, after = [*migration.states[::-1], JOINED], [*migration.states[::-1], LEFT]
    shown = np.where(withheld(migration.counts), 0.0, migration.counts)
    # The highest tier on top; joining and leaving at the bottom.
    order = [*range(len(migration.states))[::-1], len(migration.states)]
    shown = shown[np.ix_(order, order)]
    with themed(lang, "wide"):
        axes = new_figure("wide", FLOW_PX).subplots() if ax is None else ax
        scale = (1 - _GAP * (len(before) - 1)) / max(shown.sum(), 1.0)
        starts, ends = _stack(shown.sum(axis=1) * scale), _stack(shown.sum(axis=0) * scale)
        _draw_bands(axes, shown * scale, starts, ends, before, after)
        for side, names, tops, heights in (
            ("left", before, starts, shown.sum(axis=1) * scale),
            ("right", after, ends, shown.sum(axis=0) * scale),
        ):
            _draw_bars(axes, side, names, tops, heights, lang)
        _flow_legend(axes, migration, lang)
        axes.set_xlim(-0.3, 1.3)
        axes.set_ylim(1.03, -0.03)
        axes.set_axis_off()
        axes.set_title(say(f"{AREA}.chart.flow", lang), loc="left")
    return axes


def _stack(heights: FloatArray) -> FloatArray:
    """Return where each bar begins, with gaps between those that are there."""
    step = np.where(heights > 0, heights + _GAP, 0.0)
    return np.concatenate([[0.0], np.cumsum(step)[:-1]])


def _draw_bands(
    axes: Axes, heights: FloatArray, starts: FloatArray, ends: FloatArray,
    before: list[str], after: list[str],
) -> None:  # fmt: skip
    starts, ends = starts.copy(), ends.copy()
    for at, source in enumerate(before):
        for to, target in enumerate(after):
            height = heights[at, to]
            if height <= 0:
                continue
            left, right = starts[at], ends[to]
            starts[at] += height
            ends[to] += height
            corners = [
                (0, left), (0.5, left), (0.5, right), (1, right),
                (1, right + height), (0.5, right + height), (0.5, left + height),
                (0, left + height),
            ]  # fmt: skip
            codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3]
            way = _way(source, target, at, to)
            band = PathPatch(
                Path(corners, codes), facecolor=COLOURS[way], edgecolor=COLOURS[way], linewidth=0.4,
                alpha=1.0 if way == "stayed" else 0.75, gid=f"{source}>{target}",
                # Thin bands on top: none is hidden under a wide one.
                zorder=1.0 if way == "stayed" else 3.0 - height,
            )  # fmt: skip
            axes.add_patch(band)


def _way(source: str, target: str, at: int, to: int) -> str:
    if target == LEFT:
        return "left"
    if source == JOINED:
        return "joined"
    if UNKNOWN in (source, target):
        return "unknown"
    return "stayed" if at == to else "up" if to < at else "down"


def _draw_bars(
    axes: Axes, side: str, names: list[str], tops: FloatArray, heights: FloatArray, lang: str
) -> None:
    there = np.flatnonzero(heights > 0)
    middles = tops[there] + heights[there] / 2
    placed = _spread(middles, _LABEL)
    edge, sign = (0.0, -1) if side == "left" else (1.0, 1)
    for at, middle, label in zip(there, middles, placed, strict=True):
        x = edge - _BAR if side == "left" else edge
        axes.add_patch(Rectangle((x, tops[at]), _BAR, heights[at], color=PALETTE.ink, zorder=4))
        outside = edge + sign * _BAR
        axes.plot(
            [outside, outside + sign * 0.03], [middle, label],
            color=PALETTE.muted, linewidth=0.8,
        )  # fmt: skip
        axes.text(
            outside + sign * 0.04, label, tier_name(names[at], lang),
            ha="right" if side == "left" else "left", va="center",
        )  # fmt: skip


def _spread(places: FloatArray, apart: float) -> FloatArray:
    """Return places moved as little as needed to lie so far apart, within 0 and 1."""
    found = places.copy()
    for at in range(1, len(found)):
        found[at] = max(found[at], found[at - 1] + apart)
    if len(found) and found[-1] > 1:
        found[-1] = 1.0
        for at in range(len(found) - 1)[::-1]:
            found[at] = min(found[at], found[at + 1] - apart)
    return found


def _flow_legend(axes: Axes, migration: Migration, lang: str) -> None:
    total = float(migration.counts[:-1].sum())
    labels = {
        way: f"{say(f'{AREA}.way.{way}', lang)} {format_share(float(found.sum()) / total)}"
        for way, found in migration.ways.items()
    }
    labels["joined"] = say(f"{AREA}.way.joined", lang)
    axes.legend(
        handles=[Patch(color=COLOURS[way], label=label) for way, label in labels.items()],
        loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, handlelength=1.0,
        title=say(f"{AREA}.chart.small", lang),
    )  # fmt: skip


def plot_rates(flows: MigrationFlows, ax: Axes | None = None, *, lang: str = "en") -> Axes:
    """Draw the shares that rose, fell and left in each period, with 90 % intervals.

    A share of one to nine customers is left out.

    Args:
        flows: The periods.
        ax: Where to draw; a new figure by default.
        lang: ``"zh"`` or ``"en"``.
    """
    table = flows.summary()
    with themed(lang, "wide"):
        axes = new_figure("wide", RATES_PX).subplots() if ax is None else ax
        ends = []
        for way in WAYS:
            name = say(f"{AREA}.way.{way}", lang)
            kept = table[(table[way] == 0) | (table[way] >= LEAST_CUSTOMERS)]
            share = kept[f"{way}_share"]
            reach = [(share - kept[f"{way}_low"]).clip(lower=0), kept[f"{way}_high"] - share]
            axes.errorbar(
                pd.to_datetime(kept["month"]), share, yerr=reach,
                color=COLOURS[way], marker="o", markersize=4, linewidth=1.4, elinewidth=1.0,
                label=name,
            )  # fmt: skip
            if len(kept):
                color = PALETTE.accent_text if way == "down" else COLOURS[way]
                ends.append((float(share.iloc[-1]), name, color))
        share_axis(axes)
        axes.set_ylim(bottom=0)
        name_ends(axes, pd.to_datetime(table["month"]).max(), ends)
        month_axis(axes, table["month"], lang)
        axes.margins(x=0.05)
        axes.set_title(say(f"{AREA}.chart.rates", lang), loc="left")
    return axes


def plot_values(values: ReconciledValue, ax: Axes | None = None, *, lang: str = "en") -> Axes:
    """Draw what a customer of each tier is worth by the chain and by sBG.

    Args:
        values: The two values of each tier.
        ax: Where to draw; a new figure by default.
        lang: ``"zh"`` or ``"en"``.
    """
    rows = values.rows[::-1].reset_index(drop=True)
    with themed(lang, "wide"):
        axes = new_figure("wide", VALUES_PX).subplots() if ax is None else ax
        place = np.arange(len(rows))
        for name, shift, colour, marker in (
            ("chain", -0.12, PALETTE.main, "o"),
            ("lifetime", 0.12, PALETTE.accent, "s"),
        ):
            value = rows[f"{name}_yuan"]
            axes.errorbar(
                value, place + shift,
                xerr=[value - rows[f"{name}_low"], rows[f"{name}_high"] - value],
                color=colour, marker=marker, markersize=5, linestyle="none", elinewidth=1.4,
                label=say(f"{AREA}.chart.{name}", lang),
            )  # fmt: skip
        axes.set_yticks(place, [tier_name(tier, lang) for tier in rows["tier"]])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(axis="x")
        largest = float(np.nanmax(rows[["chain_high", "lifetime_high"]].to_numpy()))
        label = count_axis(axes, lang, largest=largest, unit="yuan", axis="x")
        axes.set_xlabel(label)
        axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
        both = rows[["chain_yuan", "lifetime_yuan"]].dropna()
        for name, shift, colour in (
            ("chain", -5, PALETTE.main),
            ("lifetime", 5, PALETTE.accent_text),
        ):
            if len(both):
                axes.annotate(
                    say(f"{AREA}.chart.{name}", lang),
                    (both[f"{name}_yuan"].iloc[0], both.index[0] + 0.024 * shift),
                    xytext=(0, -shift), textcoords="offset points", color=colour,
                    ha="center", va="bottom" if shift < 0 else "top",
                )  # fmt: skip
        axes.set_title(say(f"{AREA}.chart.values", lang), loc="left")
    return axes
