"""Charts of the points liability: triangle, ageing, expiry calendar, true-up, deferred revenue."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cvm.core.i18n import say
from cvm.core.money import format_share, format_yuan
from cvm.points.liability_close import Close
from cvm.points.liability_tables import ageing, expiry_calendar
from cvm.views.chart_parts import axes_for, lying_grid, name_ends, say_beside
from cvm.views.theme import Width, axis_unit, share_axis, short_month, themed

if TYPE_CHECKING:
    from cvm.points.deferred_revenue import DeferredRevenue
    from cvm.points.liability import Liability
    from cvm.points.liability_estimate import UrrEstimate
    from cvm.points.liability_true_up import TrueUp

AREA = "points_liability"
MOST_VINTAGES = 8
# Longer names stand in two lines beside the bars.
_NAME_LETTERS = 14


def plot_triangle(
    estimate: UrrEstimate, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw each vintage's redeemed share by age: observed, projected, and the final interval.

    Of many vintages, eight are drawn, evenly spaced from the oldest to the newest.
    """
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        triangle, path = estimate.triangle, estimate.redeemed_path
        count = len(triangle.vintages)
        drawn = np.unique(np.linspace(0, count - 1, min(count, MOST_VINTAGES)).round().astype(int))
        shades = sns.blend_palette([palette.light, palette.main, palette.ink], len(drawn))
        bounds = estimate.vintages()
        for row, shade in zip(drawn, shades, strict=True):
            latest, final = int(triangle.latest_age[row]), int(triangle.final_age[row])
            share = path[row] / triangle.issued_points[row]
            ages = np.arange(final + 1)
            marker = "o" if latest == 0 else None
            axes.plot(ages[: latest + 1], share[: latest + 1], color=shade, marker=marker)
            axes.plot(ages[latest:], share[latest : final + 1], color=shade, linestyle=(0, (2, 2)))
            low, high = bounds.loc[row, "urr_low"], bounds.loc[row, "urr_high"]
            if latest < final and np.isfinite(low):
                at = final + 0.15 + 0.12 * int(np.flatnonzero(drawn == row)[0])
                axes.plot([at, at], [low, high], color=shade, linewidth=3, solid_capstyle="butt")
            if row in (drawn[0], drawn[-1]):
                axes.annotate(
                    short_month(triangle.vintages[row], lang),
                    (latest, share[latest]),
                    xytext=(0, -18) if row == drawn[0] else (10, -6),
                    textcoords="offset points",
                    color=palette.muted,
                    ha="right" if row == drawn[0] else "left",
                )
        axes.plot([], [], color=palette.main, label=_say("observed", lang))
        axes.plot([], [], color=palette.main, linestyle=(0, (2, 2)), label=_say("projected", lang))
        confidence = format_share(estimate.confidence, decimals=0)
        axes.plot(
            [],
            [],
            color=palette.light,
            linewidth=3,
            label=_say("interval", lang, confidence=confidence),
        )
        axes.legend(loc="lower right")
        axes.set_ylim(bottom=0)
        share_axis(axes)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_xlabel(_say("age", lang))
        axes.set_title(_say("redeemed_share", lang))
    return axes


def plot_ageing(
    liability: Liability | Close, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw outstanding points by age: what will be redeemed and what will lapse."""
    with themed(lang, width):
        axes = axes_for(ax, width)
        bands = liability.ageing() if isinstance(liability, Close) else ageing(liability)
        labels = [
            f"{low:.0f}–{high:.0f}"
            for low, high in zip(bands["from_months"], bands["to_months"], strict=True)
        ]
        expected = bands["expected_points"].to_numpy()
        _stacked(axes, labels, expected, bands["outstanding_points"].to_numpy() - expected, lang)
        axes.set_xlabel(_say("age_months", lang))
    return axes


def plot_calendar(
    liability: Liability | Close, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the points outstanding now by the month they expire in.

    Args:
        liability: A close, or its liability.
        ax: Axes to draw on; a new figure by default.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
    """
    with themed(lang, width):
        axes = axes_for(ax, width)
        if isinstance(liability, Close):
            calendar = liability.calendar().rename(
                columns={"expected_points": "redeemed_before_points"}
            )
        else:
            calendar = expiry_calendar(liability)
        labels = [short_month(month.date(), lang) for month in calendar["expiry_month"]]
        _stacked(
            axes,
            labels,
            calendar["redeemed_before_points"].to_numpy(),
            calendar["lapsing_points"].to_numpy(),
            lang,
        )
        step = max(1, -(-len(labels) // (6 if width == "wide" else 4)))
        axes.set_xticks(range(0, len(labels), step), labels[::step])
        axes.set_xlabel(_say("expiry", lang))
    return axes


def plot_true_up(
    true_up: TrueUp, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the steps from the last close's liability to this one's as a waterfall."""
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        steps = true_up.summary()
        amounts = steps["amount_yuan"].to_numpy()
        ends = np.cumsum(amounts[:-1])
        starts = np.concatenate([[0.0], ends[:-1], [0.0]])
        tops = np.concatenate([ends, [amounts[-1]]])
        last = len(steps) - 1
        for place, (start, top) in enumerate(zip(starts, tops, strict=True)):
            whole = place in (0, last)
            color = palette.ink if whole else palette.main if top >= start else palette.accent
            axes.barh(place, top - start, left=start, color=color, height=0.6)
            if place < last:
                axes.plot([top, top], [place - 0.3, place + 1.3], color=palette.muted, lw=0.8)
            shown = format_yuan(amounts[place], lang)
            sign = "+" if not whole and amounts[place] >= 0 else ""
            say_beside(axes, sign + shown.replace("-", "−"), (max(start, top), place), gap=5)
        axes.set_yticks(range(len(steps)), [say(f"{AREA}.step.{s}", lang) for s in steps["step"]])
        axes.invert_yaxis()
        lying_grid(axes)
        axes.margins(x=0.2)
        axes.set_xlim(left=min(0.0, float(np.min(tops))))
        axes.set_xlabel(_counted(axes, float(np.max(tops)), "yuan", lang, axis="x"))
    return axes


def plot_deferred_revenue(
    deferred: DeferredRevenue, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw what each period deferred and released, and the deferred revenue at its end."""
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        periods = deferred.summary()
        places = np.arange(len(periods))
        added, released = periods["deferred_yuan"], -periods["released_yuan"]
        axes.bar(places, added, color=palette.main, width=0.6)
        axes.bar(places, released, color=palette.accent, width=0.6)
        axes.plot(places, periods["closing_yuan"], color=palette.ink, marker="o")
        axes.axhline(0, color=palette.muted, linewidth=1)
        labels = [
            short_month(p.date(), lang) if isinstance(p, pd.Timestamp) else str(p)
            for p in periods["period"]
        ]
        step = max(1, -(-len(labels) // 8))
        axes.set_xticks(places[::step], labels[::step])
        largest = float(np.abs(periods[["deferred_yuan", "closing_yuan"]].to_numpy()).max())
        axes.set_ylabel(_counted(axes, largest, "yuan", lang))
        if len(periods):
            last = periods.iloc[-1]
            ends = [
                (float(last["closing_yuan"]), "closing", palette.ink),
                (float(last["deferred_yuan"]) / 2, "deferred", palette.main),
                (-float(last["released_yuan"]) / 2, "release", palette.accent_text),
            ]
            _name_parts(axes, len(periods), ends, lang)
    return axes


def _say(key: str, lang: str, **values: str) -> str:
    return say(f"{AREA}.chart.{key}", lang, **values)


def _counted(axes: Axes, largest: float, unit: str, lang: str, *, axis: str = "y") -> str:
    """Format an axis of points or yuan in the unit that reads best; return its label."""
    step = axis_unit(largest, lang)
    target = axes.yaxis if axis == "y" else axes.xaxis
    target.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
    target.set_major_formatter(FuncFormatter(lambda value, _: f"{value / step.size:,.6g}"))
    size = step.prefix.strip()
    prefix = size if lang == "zh" or not size else f" ({size})"
    return _say(unit, lang, prefix=prefix)


def _stacked(
    axes: Axes, labels: list[str], expected: np.ndarray, lapsing: np.ndarray, lang: str
) -> None:
    with themed(lang) as palette:
        places = np.arange(len(labels))
        axes.bar(places, expected, color=palette.main, width=0.7)
        axes.bar(places, lapsing, bottom=expected, color=palette.light, width=0.7)
        axes.set_xticks(places, labels)
        largest = float((expected + lapsing).max()) if len(labels) else 0.0
        axes.set_ylabel(_counted(axes, largest, "points", lang))
        if len(labels):
            ends = [
                (float(expected[-1] + lapsing[-1] / 2), "lapsing", palette.muted),
                (float(expected[-1] / 2), "expected", palette.main),
            ]
            _name_parts(axes, len(labels), ends, lang)


def _name_parts(axes: Axes, bars: int, ends: list[tuple[float, str, str]], lang: str) -> None:
    """Write right of the last of some bars what its parts are."""
    named = [
        (at, fill(_say(key, lang), _NAME_LETTERS, break_long_words=False), color)
        for at, key, color in ends
    ]
    name_ends(axes, bars - 0.65, named, apart=0.13)
