"""Charts of the overview by tier, points year and county: a small table in, axes out.

As in :mod:`cvm.views.overview`: missing cells are gaps or the word "withheld", never zeros.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.views.chart_parts import lying_grid, name_farthest
from cvm.views.names import group_label
from cvm.views.overview import number_of
from cvm.views.theme import PALETTE, share_axis


def draw_tiers(tiers: pd.DataFrame, ax: Axes, lang: str) -> Axes:
    """Draw each tier's share of customers (hollow) and of revenue (filled) on one line.

    Args:
        tiers: ``vip_tier``, ``customer_share``, ``revenue_share`` (0–1).
        ax: Where to draw.
        lang: ``"zh"`` or ``"en"``.
    """
    names = [group_label("tier", tier, lang) for tier in tiers["vip_tier"]]
    customers, revenue = number_of(tiers["customer_share"]), number_of(tiers["revenue_share"])
    rows = np.arange(len(names))
    known = np.isfinite(customers) & np.isfinite(revenue)
    ax.hlines(rows[known], customers[known], revenue[known], color=PALETTE.light, linewidth=5)
    ax.plot(
        customers,
        rows,
        "o",
        markersize=9,
        markerfacecolor=PALETTE.paper,
        markeredgecolor=PALETTE.accent,
        markeredgewidth=2.2,
        label="customer_share",
    )
    ax.plot(revenue, rows, "o", markersize=10, color=PALETTE.main, label="revenue_share")
    for row, (left, right) in enumerate(zip(customers, revenue, strict=True)):
        _label_pair(ax, row, left, right, lang)
    top = float(np.nanmax([0.05, *customers, *revenue]))
    ax.set_xlim(-0.2 * top, 1.2 * top)
    _named_rows(ax, names)
    share_axis(ax, axis="x")
    ax.set_xticks([tick for tick in ax.get_xticks() if 0 <= tick <= top * 1.05])
    ax.set_xlabel(say("overview.axis.share", lang))
    colors = (PALETTE.main, PALETTE.accent_text)
    marks = (say("overview.mark.revenue_share", lang), say("overview.mark.customer_share", lang))
    if not name_farthest(ax, np.column_stack([revenue, customers]), marks, colors):
        ax.set_title(f"● {marks[0]}", loc="left", color=colors[0])
        ax.set_title(f"○ {marks[1]}", loc="center", color=colors[1])
    return ax


def _label_pair(ax: Axes, row: int, customers: float, revenue: float, lang: str) -> None:
    if not (np.isfinite(customers) or np.isfinite(revenue)):
        ax.text(0.0, row, say("overview.mark.withheld", lang), va="center", color=PALETTE.muted)
        return
    pairs = [(customers, PALETTE.accent_text), (revenue, PALETTE.main)]
    shown = sorted((pair for pair in pairs if np.isfinite(pair[0])), key=lambda pair: pair[0])
    for (value, colour), side in zip(shown, (-1, 1), strict=False):
        ax.annotate(
            format_share(value),
            (value, row),
            xytext=(9 * side, 0),
            textcoords="offset points",
            ha="right" if side < 0 else "left",
            va="center",
            color=colour,
        )


def _named_rows(ax: Axes, names: Sequence[str]) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", labelcolor=PALETTE.ink)
    ax.set_ylim(len(names) - 0.5, -0.5)
    lying_grid(ax)
    ax.set_ylabel("")


def draw_points_years(years: pd.DataFrame, ax: Axes, lang: str) -> Axes:
    """Draw points cost ÷ revenue by points year as bars, and the cap as a line.

    A year above its cap is in the accent colour; one with fewer than 12 months is hatched.

    Args:
        years: ``points_year``, ``months``, ``complete``, ``cost_share``, ``cap_share`` (0–1).
        ax: Where to draw.
        lang: ``"zh"`` or ``"en"``.
    """
    cost, cap = number_of(years["cost_share"]), number_of(years["cap_share"])
    places = np.arange(len(years))
    over = cost > cap
    bars = ax.bar(
        places,
        np.nan_to_num(cost),
        width=0.56,
        color=list(np.where(over, PALETTE.accent, PALETTE.main)),
    )
    ticks = []
    rows = zip(bars, years.to_dict("records"), cost, cap, strict=True)
    for bar, year, value, limit in rows:
        tick = str(int(year["points_year"]))
        if not bool(year["complete"]):
            bar.set(hatch="////", edgecolor=PALETTE.paper, linewidth=0)
            tick += "\n" + say("overview.mark.months_so_far", lang, months=int(year["months"]))
        ticks.append(tick)
        known = np.isfinite(value)
        ax.annotate(
            format_share(value, decimals=2) if known else say("overview.mark.withheld", lang),
            (bar.get_x() + bar.get_width() / 2, np.nanmax([0, value, limit])),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=PALETTE.ink if known else PALETTE.muted,
        )
    _cap_line(ax, cap, lang)
    ax.set_ylim(0, float(np.nanmax([1e-6, *cost, *cap])) * 1.16)
    ax.set_xlim(-0.5, len(years) - 0.1)
    ax.set_xticks(places, ticks, linespacing=1.5)
    share_axis(ax)
    ax.set_title(say("overview.axis.points_cost", lang))
    ax.set_xlabel(say("overview.axis.points_year", lang), labelpad=8)
    return ax


def _cap_line(ax: Axes, cap: np.ndarray, lang: str) -> None:
    """Draw the cap of each year as a step, with its last value written at its right end."""
    known = cap[np.isfinite(cap)]
    if not len(known):
        return
    edges = np.repeat(np.arange(len(cap) + 1) - 0.5, 2)[1:-1]
    ax.plot(edges, np.repeat(cap, 2), color=PALETTE.ink, linewidth=1.6, label="cap")
    ax.annotate(
        say("overview.mark.cap", lang, cap=format_share(known[-1], decimals=2)),
        (len(cap) - 0.5, known[-1]),
        xytext=(4, 0),
        textcoords="offset points",
        ha="left",
        va="center",
        linespacing=1.5,
        color=PALETTE.ink,
    )


def sorted_counties(counties: pd.DataFrame) -> pd.DataFrame:
    """Return the counties from the highest revenue a customer to the lowest, unknown ones last."""
    return counties.assign(arpu_yuan=number_of(counties["arpu_yuan"])).sort_values(
        ["arpu_yuan", "county"], ascending=[False, True], na_position="last", ignore_index=True
    )


def draw_counties(
    counties: pd.DataFrame, axes: Sequence[Axes], lang: str, *, short: bool = False
) -> None:
    """Draw a dot a county: revenue a customer and month on the left, churn on the right.

    Args:
        counties: ``county``, ``arpu_yuan``, ``churn_share`` (0–1).
        axes: Two axes that share their rows.
        lang: ``"zh"`` or ``"en"``.
        short: Use the short axis titles of the phone.
    """
    frame = sorted_counties(counties)
    names = frame["county"].astype(str).tolist()
    arpu, churn = number_of(frame["arpu_yuan"]), number_of(frame["churn_share"])
    _named_rows(axes[0], names)
    _named_rows(axes[1], names)
    ending = "_short" if short else ""
    _draw_dots(axes[0], arpu, [f"{value:,.1f}" for value in arpu], label="arpu")
    _draw_dots(
        axes[1], churn, [format_share(value, decimals=2) for value in churn], label="churn",
        marked=int(np.nanargmax(churn)) if np.isfinite(churn).any() else None,
    )  # fmt: skip
    axes[0].set_title(say(f"overview.axis.arpu{ending}", lang))
    axes[1].set_title(say(f"overview.axis.churn{ending}", lang))
    axes[0].set_xlabel(say("overview.mark.median", lang), loc="left")
    axes[1].tick_params(axis="y", labelleft=False)
    share_axis(axes[1], axis="x", bins=3)
    axes[0].locator_params(axis="x", nbins=3)


def _draw_dots(
    ax: Axes, values: np.ndarray, texts: Sequence[str], *, label: str, marked: int | None = None
) -> None:
    """Draw one dot a row, the median as a dashed line, and the values in a column on the right."""
    known = values[np.isfinite(values)]
    if len(known):
        low, high = float(known.min()), float(known.max())
        room = max(high - low, 0.02 * abs(high), 1e-9)
        ax.set_xlim(low - 0.12 * room, high + 0.65 * room)
        ax.axvline(
            float(np.median(known)), color=PALETTE.muted, linewidth=1.2, linestyle=(0, (4, 3)),
            label="median",
        )  # fmt: skip
    rows = np.arange(len(values))
    ax.plot(values, rows, "o", markersize=8, color=PALETTE.main, label=label)
    if marked is not None:
        ax.plot(values[marked], marked, "o", markersize=9, color=PALETTE.accent, label="marked")
    for row, (value, text) in enumerate(zip(values, texts, strict=True)):
        ax.annotate(
            text if np.isfinite(value) else "–",
            (1.0, row),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            color=PALETTE.accent_text if row == marked else PALETTE.ink,
        )
