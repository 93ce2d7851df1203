"""Charts of the points budget: fan, exceedance, tornado, waterfall, shocks, rule changes, proof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from cvm.core.i18n import say
from cvm.core.money import format_share, format_yuan
from cvm.views.chart_parts import axes_for, lying_grid, name_ends, say_beside
from cvm.views.theme import Width, axis_unit, month_axis, share_axis, themed

if TYPE_CHECKING:
    import pandas as pd

    from cvm.points.budget import Budget
    from cvm.points.budget_holdout import HoldOut
    from cvm.points.generosity import Generosity
    from cvm.points.generosity_changes import ChangeTable
    from cvm.points.shocks import ShockTable

AREA = "points_budget"


def plot_fan(
    budget: Budget, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the monthly cost with its interval, and what the cap allows a month."""
    with themed(lang, width) as palette:
        axes, frame = axes_for(ax, width), budget.months()
        months = frame["month"].to_numpy()
        unit = axis_unit(float(frame["cost_high_yuan"].max()), lang)
        low, middle, high = (
            frame[name].to_numpy() / unit.size
            for name in ("cost_low_yuan", "cost_yuan", "cost_high_yuan")
        )
        confidence = format_share(budget.confidence, decimals=0)
        axes.fill_between(months, low, high, color=palette.light, linewidth=0)
        axes.plot(months, middle, color=palette.main)
        ends = [
            (float(high[-1]), _say("chart.interval", lang, confidence=confidence), palette.muted),
            (float(middle[-1]), _say("chart.expected", lang), palette.main),
        ]
        if budget.cap_share is not None:
            cap = budget.cap_share * frame["revenue_yuan"].to_numpy() / unit.size
            text = f"{_say('chart.cap', lang)} {format_share(budget.cap_share)}"
            axes.plot(months, cap, color=palette.accent, linestyle=(0, (4, 2)))
            ends.append((float(cap[-1]), text, palette.accent_text))
        axes.set_ylim(bottom=0)
        month_axis(axes, frame["month"], lang, most=6 if width == "wide" else 4)
        axes.set_title(_say("chart.cost", lang, unit=unit.prefix))
        name_ends(axes, months[-1], ends)
    return axes


def plot_exceedance(
    generosity: Generosity, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the chance to pass the cap by return rate, with the rate that keeps it."""
    with themed(lang, width) as palette:
        axes, curve = axes_for(ax, width), generosity.curve
        axes.plot(curve["rate"], curve["over_share"], color=palette.main)
        allowed = 1 - generosity.wanted
        axes.axhline(allowed, color=palette.accent, linestyle=(0, (4, 2)), linewidth=1)
        text = _say("chart.target", lang, share=format_share(allowed, decimals=0))
        axes.annotate(
            text,
            (float(curve["rate"].iloc[-1]), allowed),
            xytext=(0, 4),
            textcoords="offset points",
            color=palette.accent_text,
            ha="right",
        )
        if generosity.bound == "inside":
            axes.plot([generosity.rate], [allowed], "o", color=palette.ink)
            axes.annotate(
                format_share(generosity.rate, decimals=2),
                (generosity.rate, allowed),
                xytext=(-6, 8),
                textcoords="offset points",
                color=palette.ink,
                ha="right",
            )
        axes.set_ylim(0, 1)
        share_axis(axes)
        axes.xaxis.set_major_formatter(lambda value, _: format_share(value))
        axes.set_xlabel(_say("chart.rate", lang))
        axes.set_title(_say("chart.exceedance", lang))
    return axes


def plot_frontier(
    generosity: Generosity, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the frontier: the worst 5 % of years by return rate, against the cap.

    Args:
        generosity: How generous the programme may be.
        ax: Axes to draw on; a new figure by default.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
    """
    with themed(lang, width) as palette:
        axes, curve = axes_for(ax, width), generosity.curve
        axes.plot(curve["rate"], curve["tvar_95_share"], color=palette.main)
        text = f"{_say('chart.cap', lang)} {format_share(generosity.cap_share)}"
        axes.axhline(generosity.cap_share, color=palette.accent, linestyle=(0, (4, 2)))
        axes.annotate(
            text,
            (float(curve["rate"].iloc[0]), generosity.cap_share),
            xytext=(0, 4),
            textcoords="offset points",
            color=palette.accent_text,
        )
        share_axis(axes)
        axes.xaxis.set_major_formatter(lambda value, _: format_share(value))
        axes.set_xlabel(_say("chart.rate", lang))
        axes.set_title(_say("chart.frontier", lang))
    return axes


def plot_tornado(
    frame: pd.DataFrame, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw :func:`cvm.points.budget_drivers.tornado`: each factor at its 10 % and 90 % points."""
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        labels = [_say(f"factor.{name}", lang) for name in frame["factor"]]
        unit = axis_unit(float(frame[["low_yuan", "high_yuan"]].abs().to_numpy().max()), lang)
        places = np.arange(len(frame))
        axes.barh(places, frame["low_yuan"] / unit.size, color=palette.light, height=0.6)
        axes.barh(places, frame["high_yuan"] / unit.size, color=palette.main, height=0.6)
        _named_rows(axes, labels)
        axes.set_title(_say("chart.tornado", lang, unit=unit.prefix))
    return axes


def plot_waterfall(
    frame: pd.DataFrame, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw :func:`cvm.points.budget_drivers.waterfall`: from this year's cost to next year's."""
    with themed(lang, width) as palette:
        axes, amounts = axes_for(ax, width), frame["amount_yuan"].to_numpy()
        unit = axis_unit(float(np.abs(amounts).max()), lang)
        ends = np.cumsum(amounts[:-1])
        starts = np.concatenate([[0.0], ends[:-1], [0.0]])
        tops = np.concatenate([ends, [amounts[-1]]])
        last = len(frame) - 1
        for place, (start, top) in enumerate(zip(starts, tops, strict=True)):
            whole = place in (0, last)
            color = palette.ink if whole else palette.accent if top > start else palette.main
            axes.barh(
                place, (top - start) / unit.size, left=start / unit.size, color=color, height=0.6
            )
            sign = "+" if not whole and amounts[place] >= 0 else ""
            say_beside(
                axes,
                (sign + format_yuan(amounts[place], lang)).replace("-", "−"),
                (max(start, top) / unit.size, place),
                color=palette.muted,
                gap=5,
            )
        axes.margins(x=0.18)
        axes.set_xlim(left=0)
        _named_rows(axes, [_say(f"step.{name}", lang) for name in frame["step"]])
        axes.set_title(_say("chart.waterfall", lang, unit=unit.prefix))
    return axes


def plot_shocks(
    shocks: ShockTable, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw how each shock changes the year's cost, with its interval."""
    frame = shocks.summary().query("shock != 'base'")
    frame = frame.sort_values("change_yuan", ascending=False)
    ends = frame[["change_low_yuan", "change_high_yuan"]].to_numpy()
    labels = [_say(f"shock.{name}", lang) for name in frame["shock"]]
    return _bars(frame["change_yuan"].to_numpy(), labels, ax, lang, width, ends)


def plot_changes(
    changes: ChangeTable, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw what each rule change costs a year, accrued, the best value for money on top."""
    names = {change.name: change.label(lang) for change in changes.changes}
    labels = [names[name] for name in changes.rows["change"]]
    return _bars(changes.rows["accrued_cost_yuan"].to_numpy(), labels, ax, lang, width)


def plot_hold_out(
    held: HoldOut, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw forecast with its interval, the actual cost and the naive forecast."""
    with themed(lang, width) as palette:
        axes, row = axes_for(ax, width), held.summary().iloc[0]
        unit = axis_unit(float(row["high_yuan"]), lang)
        low, middle, high = (
            float(row[name]) / unit.size for name in ("low_yuan", "forecast_yuan", "high_yuan")
        )
        axes.plot([low, high], [0, 0], color=palette.light, linewidth=6)
        axes.plot([middle], [0], "o", color=palette.main)
        axes.plot([float(row["actual_yuan"]) / unit.size], [1], "D", color=palette.ink)
        axes.plot([float(row["naive_yuan"]) / unit.size], [2], "o", color=palette.accent)
        axes.margins(x=0.15, y=0.3)
        names = ("chart.forecast", "chart.actual", "chart.naive")
        _named_rows(axes, [_say(name, lang) for name in names])
        axes.set_title(_say("chart.waterfall", lang, unit=unit.prefix))
    return axes


def _bars(
    amounts: np.ndarray,
    labels: Sequence[str],
    ax: Axes | None,
    lang: str,
    width: Width,
    ends: np.ndarray | None = None,
) -> Axes:
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        reach = amounts if ends is None else np.concatenate([amounts, ends.ravel()])
        unit = axis_unit(float(np.abs(reach).max()), lang)
        colors = [palette.accent if amount > 0 else palette.main for amount in amounts]
        axes.barh(np.arange(len(amounts)), amounts / unit.size, color=colors, height=0.6)
        if ends is not None:
            for place, (low, high) in enumerate(ends / unit.size):
                axes.plot([low, high], [place, place], color=palette.ink, linewidth=1)
        _named_rows(axes, labels)
        axes.set_title(_say("chart.tornado", lang, unit=unit.prefix))
    return axes


def _named_rows(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), list(labels))
    axes.invert_yaxis()
    lying_grid(axes)


def _say(key: str, lang: str, **values: Any) -> str:
    return say(f"{AREA}.{key}", lang, **values)
