"""Charts of early warning: reasons, what becomes of the warned, past lists' scores, healths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cvm.core.i18n import catalogue, say
from cvm.core.money import format_share
from cvm.views.chart_parts import axes_for, lying_grid, say_beside, say_instead
from cvm.views.theme import PALETTE, Width, count_axis, month_axis, share_axis, themed

if TYPE_CHECKING:
    from cvm.segments.score import ScoreStudy
    from cvm.segments.warning_list import WarningList
    from cvm.segments.warning_outlook import EarlyWarning
    from cvm.segments.warning_score import ListScore
    from cvm.segments.warning_track import WarningTrack

AREA = "early_warning"
TICKS: dict[str, int] = {"wide": 6, "phone": 3}
"""Months that are named under past lists."""
_COLORS = {"called": PALETTE.main, "held_out": PALETTE.accent, "over_capacity": PALETTE.light}
_NAMED = {"called": PALETTE.main, "held_out": PALETTE.accent_text, "over_capacity": PALETTE.muted}
_BAR = 0.58


def plot_reasons(
    warnings: WarningList, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the value at risk by first reason: called, held out, beyond capacity."""
    with themed(lang, width):
        axes = axes_for(ax, width, 300)
        return draw_reasons(warnings.cells("reason"), axes, lang)


def plot_outlook(
    warning: EarlyWarning, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the value at risk by reason, the page's first picture."""
    return plot_reasons(warning.warnings, ax, lang=lang, width=width)


def draw_reasons(cells: pd.DataFrame, axes: Axes, lang: str) -> Axes:
    """Draw value at risk by reason, one bar a reason.

    Args:
        cells: Of ``WarningList.cells("reason")``; a withheld cell is missing.
        axes: Made inside ``themed``.
        lang: ``"zh"`` or ``"en"``.
    """
    if cells.empty:
        return say_instead(axes, say("segments_churn.chart.nothing", lang))
    wide = cells.pivot_table(
        index="reason", columns="status", values="value_at_risk_yuan", aggfunc="sum"
    )
    wide = wide.reindex(columns=[name for name in _COLORS if name in wide.columns])
    wide = wide.loc[wide.sum(axis=1).sort_values().index]
    sizes = wide.fillna(0.0)
    ends = sizes.cumsum(axis=1)
    for name in sizes:
        axes.barh(
            range(len(wide)), sizes[name], left=ends[name] - sizes[name],
            color=_COLORS[str(name)], height=_BAR,
        )  # fmt: skip
    _name_parts(axes, sizes, ends, lang)
    axes.set_yticks(range(len(wide)), [trigger_name(str(name), lang) for name in wide.index])
    unit = count_axis(axes, lang, largest=float(ends.to_numpy().max()), unit="yuan", axis="x")
    lying_grid(axes)
    axes.set_title(
        say("overview.axis.named", lang, name=say(f"{AREA}.axis.at_risk", lang), unit=unit)
    )
    sns.despine(ax=axes, left=True, bottom=True)
    return axes


def _name_parts(axes: Axes, sizes: pd.DataFrame, ends: pd.DataFrame, lang: str) -> None:
    """Name each part of the bars above the bar in which it is widest."""
    named: set[int] = set()
    half = 0.5 * float(ends.to_numpy().max())
    for name in sizes:
        row = int(sizes[name].to_numpy().argmax())
        end = float(ends[name].iloc[row])
        # A name stays inside the chart, and leaves the bar's begin to one that stands there.
        ends_it = row in named or (end > half and name != sizes.columns[0])
        named.add(row)
        axes.annotate(
            say(f"{AREA}.part.{name}", lang),
            (end if ends_it else end - float(sizes[name].iloc[row]), row + _BAR / 2),
            xytext=(0, 3), textcoords="offset points", ha="right" if ends_it else "left",
            va="bottom", color=_NAMED[str(name)],
        )  # fmt: skip
    axes.set_ylim(-0.5, len(sizes) - 0.2)


def trigger_name(name: str, lang: str) -> str:
    """Return a trigger's name; as the book writes it where the catalogue has none."""
    key = f"segments_warning.trigger.{name}"
    return say(key, lang) if key in catalogue() else name


def plot_list_score(
    scored: ListScore, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the share who left of last list and of the base."""
    with themed(lang, width):
        axes = axes_for(ax, width, 240)
        if scored.reason:
            return say_instead(axes, say("segments_churn.chart.nothing", lang))
        facts, one = scored.facts, scored.precision
        base = facts["left"] / facts["customers"]
        frame = pd.DataFrame(
            {
                "group": ["listed", "base"],
                "left_share": [one.value, base],
                "low_share": [one.low, np.nan],
                "high_share": [one.high, np.nan],
            }
        )
        return draw_scored(frame, axes, lang)


def draw_scored(groups: pd.DataFrame, axes: Axes, lang: str) -> Axes:
    """Draw the share who left by group, with intervals.

    Args:
        groups: ``group``, ``left_share``, ``low_share``, ``high_share``.
        axes: Made inside ``themed``.
        lang: ``"zh"`` or ``"en"``.
    """
    shown = groups.iloc[::-1].reset_index(drop=True)
    share = pd.to_numeric(shown["left_share"], errors="coerce").to_numpy(float)
    if not np.isfinite(share).any():
        return say_instead(axes, say("segments_churn.chart.nothing", lang))
    colors = [PALETTE.main if group == "listed" else PALETTE.muted for group in shown["group"]]
    axes.hlines(
        range(len(shown)), shown["low_share"], shown["high_share"], color=PALETTE.light, linewidth=9
    )
    axes.scatter(share, range(len(shown)), color=colors, s=70, zorder=3)
    for place, value in enumerate(share):
        if np.isfinite(value):
            axes.annotate(
                format_share(float(value)), (value, place), xytext=(0, 10),
                textcoords="offset points", ha="center", color=colors[place],
            )  # fmt: skip
    axes.set_yticks(
        range(len(shown)), [say(f"{AREA}.scored.{group}", lang) for group in shown["group"]]
    )
    axes.set_ylim(-0.6, len(shown) - 0.2)
    axes.set_xlim(0, 1.15 * float(np.nanmax(shown[["left_share", "high_share"]].to_numpy(float))))
    share_axis(axes, axis="x")
    lying_grid(axes)
    axes.set_title(say(f"{AREA}.axis.left", lang))
    sns.despine(ax=axes, left=True, bottom=True)
    return axes


def plot_track(
    track: WarningTrack, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the share who left of each past list, of the base, and what was expected."""
    with themed(lang, width):
        axes = axes_for(ax, width)
        ticks = TICKS[width]
        return draw_track(track.table, axes, lang, months=track.horizon_months, ticks=ticks)


def draw_track(table: pd.DataFrame, axes: Axes, lang: str, *, months: int, ticks: int) -> Axes:
    """Draw past lists by month: who left of those listed, as expected then, and of the base.

    Args:
        table: Of ``WarningTrack.shown``; a withheld list is a gap.
        axes: Made inside ``themed``.
        lang: ``"zh"`` or ``"en"``.
        months: Within how many months leaving counts.
        ticks: Most months named.
    """
    shown = table.assign(expected_share=table["expected_leavers"] / table["listed"])
    shown = shown.set_index("month").astype(float)
    if not shown["precision_share"].notna().any():
        return say_instead(axes, say("segments_churn.chart.nothing", lang))
    at = pd.DatetimeIndex(shown.index).to_pydatetime()
    axes.vlines(
        at, shown["precision_low_share"], shown["precision_high_share"],
        color=PALETTE.light, linewidth=9,
    )  # fmt: skip
    lines: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("precision_share", "listed", {"color": PALETTE.main, "marker": "o", "markersize": 8}),
        ("expected_share", "expected", {"color": PALETTE.accent_text, "marker": "_", "ls": "",
                                        "markersize": 16, "markeredgewidth": 2.4}),
        ("base_share", "base", {"color": PALETTE.muted, "marker": "o", "markersize": 4}),
    )  # fmt: skip
    for column, _, looks in lines:
        axes.plot(at, shown[column], **looks)
    most = float(np.nanmax(shown[["precision_high_share", "expected_share"]].to_numpy(float)))
    axes.set_ylim(0, 1.12 * most)
    _name_ends(
        axes,
        [(shown[column], say(f"{AREA}.track.{name}", lang), str(looks["color"]))
         for column, name, looks in lines],
    )  # fmt: skip
    month_axis(axes, pd.Series(shown.index), lang, most=ticks)
    share_axis(axes)
    axes.set_title(say(f"{AREA}.axis.track", lang, months=months))
    sns.despine(ax=axes, left=True)
    return axes


def _name_ends(axes: Axes, lines: Sequence[tuple[pd.Series, str, str]]) -> None:
    """Say each line's name and last value at its end, apart from each other."""
    ends = [
        (float(known.iloc[-1]), known.index[-1], f"{name} {format_share(float(known.iloc[-1]))}",
         color)
        for values, name, color in lines
        if len(known := values.dropna())
    ]  # fmt: skip
    gap, place = 0.075 * axes.get_ylim()[1], float("inf")
    for value, month, text, color in sorted(ends, key=lambda end: -end[0]):
        place = min(value, place - gap)
        say_beside(axes, text, (month, place), gap=12, color=color, annotation_clip=False)


def plot_healths(
    study: ScoreStudy, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw how well the composite score and each health tell leavers."""
    with themed(lang, width):
        axes = axes_for(ax, width, 280)
        return draw_healths(study.summary(), axes, lang)


def draw_healths(table: pd.DataFrame, axes: Axes, lang: str) -> Axes:
    """Draw AUCs with intervals against one half, where nothing is told.

    Args:
        table: Of ``ScoreStudy.summary``.
        axes: Made inside ``themed``.
        lang: ``"zh"`` or ``"en"``.
    """
    shown = table.dropna(subset=["auc"]).iloc[::-1].reset_index(drop=True)
    if shown.empty:
        return say_instead(axes, say("segments_churn.chart.nothing", lang))
    colors = [PALETTE.main if name == "composite" else PALETTE.accent for name in shown["score"]]
    axes.axvline(0.5, color=PALETTE.muted, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.hlines(
        range(len(shown)), shown["auc_low"], shown["auc_high"], color=PALETTE.light, linewidth=7
    )
    axes.scatter(shown["auc"], range(len(shown)), color=colors, s=54, zorder=3)
    names = [say(f"segments_warning.health.{name}", lang) for name in shown["score"]]
    axes.set_yticks(range(len(shown)), names)
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    lying_grid(axes)
    axes.set_title(say(f"{AREA}.axis.auc", lang))
    sns.despine(ax=axes, left=True, bottom=True)
    return axes
