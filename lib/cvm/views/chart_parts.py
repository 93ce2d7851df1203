"""What charts of every subject share: their axes, rows that lie, texts at marks, a heat of shares.

All of it is called inside :func:`cvm.views.theme.themed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cvm.core.money import format_share
from cvm.views.theme import PALETTE, Width, new_figure, share_axis

# CSS pixels: a chart whose height does not follow its rows.
HEIGHT_PX: dict[str, float] = {"wide": 336, "phone": 300}
_FEW_ROWS = 8
_PALEST = "#F2F6FC"
# Shares above this part of the largest are so dark that their text is white.
_DARK = 0.55
# What axes take of a picture's width beside the names of rows, and how wide signs are (pixels).
_AXES_SHARE = 0.62
_HAN_PX, _LATIN_PX = 13.0, 6.8
BAR_SHIFT = 0.19
_SHARES = (
    ("customer_share", -BAR_SHIFT, PALETTE.muted),
    ("revenue_share", BAR_SHIFT, PALETTE.main),
)


def axes_for(ax: Axes | None, width: Width, height_px: float | None = None) -> Axes:
    """Return the axes given, or those of a new figure of a page's column.

    Args:
        ax: Axes to draw on, if there are some.
        width: ``"wide"`` or ``"phone"``.
        height_px: Of a new figure (CSS pixels); by default :data:`HEIGHT_PX`.
    """
    if ax is not None:
        return ax
    return new_figure(width, height_px or HEIGHT_PX[width]).subplots()


def row_axes(ax: Axes | None, width: Width, rows: int) -> Axes:
    """Return the axes given, or those of a new figure high enough for rows that lie."""
    return axes_for(ax, width, 110 + max(rows, 1) * (26 if rows > _FEW_ROWS else 40))


def lying_grid(axes: Axes) -> None:
    """Guide the eye along the values of rows that lie: lines from the x axis, none between rows."""
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")


def legend_above(axes: Axes, columns: int) -> None:
    """Put the legend over the chart, at its left, in some columns."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns, borderaxespad=0.2)


def say_beside(axes: Axes, text: str, at: tuple[Any, Any], *, gap: float = 4, **looks: Any) -> None:
    """Say a text right of a mark.

    Args:
        axes: The axes.
        text: What is said.
        at: The mark's end, in data.
        gap: Points between them.
        looks: Of the text, as matplotlib names them.
    """
    axes.annotate(text, at, xytext=(gap, 0), textcoords="offset points", va="center", **looks)


def name_ends(
    axes: Axes, at: Any, ends: Iterable[tuple[float, str, str]], *, apart: float = 0.068
) -> None:
    """Write each line's name at its end, the names apart from each other.

    Args:
        axes: Axes with their final y limits.
        at: Where the lines end (x, in data).
        ends: Of each line its last value, name and colour.
        apart: Least distance of two names, as a share of the axes' height.
    """
    shown = sorted(ends, key=lambda one: -one[0])
    low, high = axes.get_ylim()
    gap, place, tops = apart * (high - low), float("inf"), []
    for value, _, _ in shown:
        place = min(value, place - gap)
        tops.append(place)
    # What was pushed down comes half of the way back up.
    lift = max(0.0, (shown[-1][0] - tops[-1]) / 2) if shown else 0.0
    floor = low
    for (_, text, color), top in reversed(list(zip(shown, tops, strict=True))):
        # No name stands under the axis, where ticks have theirs.
        place = max(top + lift, floor)
        say_beside(axes, text, (at, place), color=color, annotation_clip=False, gap=8)
        floor = place + gap


def name_line(axes: Axes, text: str, at: tuple[float, float], *, above: bool, color: str) -> None:
    """Write a rising line's name on its free side: over it at its left, or under it at its right.

    Args:
        axes: The axes.
        text: The name.
        at: A point of the line, in data.
        above: Whether the free side is above the line.
        color: Of the text.
    """
    axes.annotate(
        text,
        at,
        xytext=(-8, 6) if above else (8, -6),
        textcoords="offset points",
        color=color,
        ha="right" if above else "left",
        va="bottom" if above else "top",
    )


def name_farthest_or_legend(
    axes: Axes,
    pairs: npt.NDArray[np.float64],
    names: tuple[str, str],
    colors: tuple[str, str],
) -> None:
    """Name the two marks of rows that lie as :func:`name_farthest`; in a legend without room.

    Args:
        axes: As there; the marks carry the names as their labels.
        pairs: As there.
        names: As there.
        colors: As there.
    """
    if not name_farthest(axes, pairs, names, colors):
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)


def name_farthest(
    axes: Axes,
    pairs: npt.NDArray[np.float64],
    names: tuple[str, str],
    colors: tuple[str, str],
) -> bool:
    """Name the two marks of rows that lie, over the row where they are farthest apart.

    Args:
        axes: Axes with their final x limits, in a figure of a page's column.
        pairs: Rows × 2: where the marks of a row stand; what is missing is not drawn.
        names: Of the two marks.
        colors: Of the names.

    Returns:
        Whether there was room; without it nothing is written.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    low, high = axes.get_xlim()
    pixels = _AXES_SHARE * 72 * figure.get_size_inches()[0] / (high - low)
    apart = np.nan_to_num(np.abs(np.diff(pairs))[:, 0] * pixels, nan=-1.0)
    halves = [
        sum(_HAN_PX if ord(sign) > 0x2E80 else _LATIN_PX for sign in one) / 2 for one in names
    ]
    if not len(apart) or apart.max() < sum(halves) + _HAN_PX:
        return False
    row = int(apart.argmax())
    for at, name, color, half in zip(pairs[row], names, colors, halves, strict=True):
        side = "center"
        if (at - low) * pixels < half:
            side = "left"
        elif (high - at) * pixels < half:
            side = "right"
        axes.annotate(
            name,
            (at, row),
            xytext=(0, 10),
            textcoords="offset points",
            ha=side,
            va="bottom",
            color=color,
        )
    return True


def say_small(axes: Axes, text: str, at: tuple[Any, Any]) -> None:
    """Say what a mark leaves open right of it, small and muted."""
    say_beside(axes, text, at, color=PALETTE.muted, fontsize="small")


def say_instead(axes: Axes, text: str) -> Axes:
    """Say on the axes why there is nothing to draw."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
    axes.set_axis_off()
    return axes


def signed_axis(axes: Axes, *, bins: int | None = None) -> None:
    """Format the x axis of differences: each with its sign, nought without."""
    if bins is not None:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=bins))
    axes.xaxis.set_major_formatter(FuncFormatter(_signed))


def _signed(value: float, _: int) -> str:
    return "0" if abs(value) < 1e-12 else f"{value:+.3g}".replace("-", "−")


def heat(axes: Axes, shares: npt.NDArray[np.float64]) -> None:
    """Draw a table of shares as colours, the largest darkest; what is missing is palest.

    Args:
        axes: The axes.
        shares: Rows × columns, 0-1.
    """
    colors = LinearSegmentedColormap.from_list("share", [_PALEST, PALETTE.light, PALETTE.main])
    axes.imshow(np.nan_to_num(shares), cmap=colors, vmin=0, aspect="auto")
    axes.grid(False)
    axes.spines[["bottom", "left"]].set_visible(False)
    rows, columns = shares.shape
    for edge in range(1, rows):
        axes.axhline(edge - 0.5, color=PALETTE.paper, lw=2)
    for edge in range(1, columns):
        axes.axvline(edge - 0.5, color=PALETTE.paper, lw=2)


def ink_on_heat(shares: npt.NDArray[np.float64], row: int, column: int) -> str:
    """Return the colour of a text that can be read on a cell of :func:`heat`."""
    most = float(np.nanmax(shares)) or 1.0
    return PALETTE.paper if shares[row, column] > _DARK * most else PALETTE.ink


def share_bars(
    axes: Axes,
    rows: pd.DataFrame,
    names: Sequence[str],
    *,
    room: float,
) -> None:
    """Draw each row's share of customers and, under it, of revenue; the first row on top.

    Args:
        axes: The axes.
        rows: ``customer_share``, ``revenue_share`` (0-1); what is missing is no bar.
        names: Of the rows.
        room: Width of the axis in largest shares: what stands beside the bars has to fit.
    """
    places = np.arange(len(rows))
    for column, shift, color in _SHARES:
        values = np.nan_to_num(rows[column].to_numpy(float))
        axes.barh(places + shift, values, height=0.36, color=color)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlim(0, room * float(rows[["customer_share", "revenue_share"]].max().max()))
    share_axis(axes, axis="x")
    lying_grid(axes)


def say_beside_bars(
    axes: Axes,
    rows: pd.DataFrame,
    labels: tuple[str, str],
    texts: Sequence[Sequence[str]],
    *,
    between: str = " ",
) -> None:
    """Say texts beside the bars of :func:`share_bars`; one row says what its two bars are.

    Args:
        axes: The axes.
        rows: As there.
        labels: What customers and revenue are called, where there is most room for it.
        texts: Of each row, what stands beside its customers and beside its revenue.
        between: What parts a name from its text.
    """
    shares = rows[[column for column, *_ in _SHARES]].to_numpy(float)
    # Of a bar that is not shown nobody learns what it is.
    longer = shares.max(axis=1)
    named = int(np.where(longer > 0, longer, np.inf).argmin())
    for place, (ends, said) in enumerate(zip(np.nan_to_num(shares), texts, strict=True)):
        for end, text, label, (_, shift, _) in zip(ends, said, labels, _SHARES, strict=True):
            told = between.join(filter(None, [label, text] if place == named else [text]))
            if told:
                say_small(axes, told, (end, place + shift))


def shares_said(rows: pd.DataFrame, *, missing: str) -> list[list[str]]:
    """Return the shares of each row as texts for :func:`say_beside_bars`.

    Args:
        rows: ``customer_share``, ``revenue_share`` (0-1).
        missing: What is said where a share is missing.
    """
    shares = rows[[column for column, *_ in _SHARES]].to_numpy(float)
    return [[missing if np.isnan(one) else format_share(one) for one in row] for row in shares]


def mark_interval(
    axes: Axes, place: float, low: float, value: float, high: float, color: str
) -> None:
    """Draw a value with its interval on a row that lies."""
    axes.plot([low, high], [place, place], color=color, linewidth=2.5)
    axes.plot(value, place, "o", color=color, markersize=7)
