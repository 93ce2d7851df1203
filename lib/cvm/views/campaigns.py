"""Charts of campaigns: effect forest, love plot, contact funnel, retention curves, design."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cvm.campaigns import words
from cvm.core.checks import ArgumentError
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share
from cvm.views.chart_parts import (
    axes_for,
    lying_grid,
    mark_interval,
    row_axes,
    say_beside,
    signed_axis,
)
from cvm.views.theme import PALETTE, Width, share_axis, themed

if TYPE_CHECKING:
    from cvm.campaigns.check import Checks
    from cvm.campaigns.design import Design
    from cvm.campaigns.effect import Effect, Estimate
    from cvm.campaigns.survival import Retention


def plot_forest(
    effect: Effect,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    width: Width = "wide",
    outcome: str | None = None,
) -> Axes:
    """Draw each estimate of one outcome with its interval; those that cannot tell say so.

    Args:
        effect: The result.
        ax: Axes to draw on.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
        outcome: Which outcome, since units differ; the headline's if not given.

    Raises:
        ArgumentError: The result has no such outcome.
    """
    name = outcome or effect.headline.outcome.name
    rows = [one for one in effect.estimates if one.outcome.name == name]
    if not rows:
        known = list(dict.fromkeys(one.outcome.name for one in effect.estimates))
        raise ArgumentError("outcome", name, "an outcome of the result", available=known)
    kind = rows[0].outcome.kind
    scale = 100.0 if kind == "share" else 1.0
    with themed(lang, width) as palette:
        axes = row_axes(ax, width, len(rows))
        axes.axvline(0, color=palette.muted, linewidth=1)
        for place, one in enumerate(rows):
            if not one.can_tell:
                say_cannot_tell(axes, place, lang)
                continue
            color = palette.main if one.detected else palette.muted
            low, value, high = (scale * at for at in (one.low, one.effect, one.high))
            mark_interval(axes, place, low, value, high, color)
        axes.set_yticks(range(len(rows)), [_row_label(one, rows, lang) for one in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        lying_grid(axes)
        signed_axis(axes, bins=5)
        unit = say(f"campaigns.chart.unit_{kind}", lang)
        axes.set_xlabel(say("campaigns.chart.effect", lang, unit=unit))
        axes.set_title(words.outcome_name(name, lang))
    return axes


def say_cannot_tell(axes: Axes, place: float, lang: str) -> None:
    """Say beside the line of no effect that a row's campaign cannot be told."""
    text = say("campaigns.chart.cannot_tell", lang)
    say_beside(axes, text, (0, place), color=PALETTE.muted, gap=6)


def plot_love(
    checks: Checks, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the standardised difference of each column before the campaign, and the limit.

    Raises:
        ArgumentError: Balance was not checked.
    """
    check = checks.item("balance")
    table = check.table.dropna(subset="smd")
    table = table.reindex(table["smd"].abs().sort_values(ascending=False).index)
    with themed(lang, width) as palette:
        axes = row_axes(ax, width, len(table))
        axes.axvspan(-check.limit, check.limit, color=palette.faint, alpha=0.5, linewidth=0)
        axes.axvline(0, color=palette.muted, linewidth=1)
        places = np.arange(len(table))
        within = (table["smd"].abs() <= check.limit).to_numpy()
        for marks, color in ((within, palette.main), (~within, palette.accent)):
            axes.plot(table["smd"].to_numpy()[marks], places[marks], "o", color=color)
        axes.set_yticks(places, [words.outcome_name(name, lang) for name in table["column"]])
        axes.set_ylim(len(table) - 0.5, -0.5)
        lying_grid(axes)
        signed_axis(axes)
        reach = max(1.3 * check.limit, 1.1 * float(table["smd"].abs().max() if len(table) else 0))
        axes.set_xlim(-reach, reach)
        axes.set_xlabel(say("campaigns.chart.smd", lang))
    return axes


def plot_funnel(
    funnel: pd.DataFrame, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the treated customers at each step of the contact, as bars with their share.

    Args:
        funnel: As :func:`cvm.campaigns.funnel.contact_funnel` gives it.
        ax: Axes to draw on.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
    """
    steps = [name for name in funnel.columns if name != "arm"]
    counts = funnel.loc[funnel["arm"] == "treated", steps].to_numpy(dtype=np.float64)[0]
    with themed(lang, width) as palette:
        axes = row_axes(ax, width, len(steps))
        first = max(float(counts[0]), 1.0)
        for place, count in enumerate(counts.tolist()):
            axes.barh(place, count, color=palette.main, height=0.6)
            say_beside(
                axes,
                f"{format_number(count, lang)} · {100 * count / first:.0f}%",
                (count, place),
                gap=5,
            )
        names = [say(f"campaigns.funnel.{step}", lang) for step in steps]
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.grid(False)
        axes.set_xticks([])
        axes.margins(x=0.25)
        axes.set_xlabel(say("campaigns.chart.customers", lang))
    return axes


def plot_retention(
    retention: Retention, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the share of customers still in service by months since assignment, with intervals."""
    curves = retention.curves()
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        for arm, color in (("control", palette.muted), ("treated", palette.main)):
            part = curves[curves["arm"] == arm]
            axes.fill_between(
                part["month"],
                part["low"],
                part["high"],
                step="post",
                color=color,
                alpha=0.18,
                linewidth=0,
            )
            axes.step(part["month"], part["kept_share"], where="post", color=color)
            axes.annotate(
                say(f"campaigns.arm.{arm}", lang),
                (part["month"].iloc[-1], part["kept_share"].iloc[-1]),
                xytext=(6, 5 if arm == "treated" else -5),
                textcoords="offset points",
                va="center",
                color=color,
            )
        axes.margins(x=0.14)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        share_axis(axes)
        axes.set_xlabel(say("campaigns.chart.months_since", lang))
        axes.set_title(say("campaigns.chart.kept", lang))
    return axes


def plot_design(
    design: Design, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the chance to see the hoped-for effect by the share held out; the plan's is marked."""
    table = design.summary()
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        axes.axhline(design.plan.power, color=palette.accent, linewidth=1.2, linestyle=(0, (4, 3)))
        sought = format_share(design.plan.power, decimals=0)
        axes.annotate(
            say("campaigns_design.sought", lang, share=sought),
            (float(table["control_share"].min()), design.plan.power),
            xytext=(0, 4),
            textcoords="offset points",
            color=palette.accent_text,
        )
        axes.plot(table["control_share"], table["power"], color=palette.main, marker="o")
        chosen = table[table["chosen"]]
        axes.plot(chosen["control_share"], chosen["power"], "o", color=palette.ink, markersize=10)
        axes.set_ylim(0, 1.02)
        share_axis(axes)
        share_axis(axes, axis="x", bins=6)
        axes.set_xlabel(say("campaigns.chart.holdout_share", lang))
        axes.set_title(say("campaigns.chart.power", lang))
    return axes


def _row_label(one: Estimate, rows: list[Estimate], lang: str) -> str:
    """Return what tells this row from the others: group, estimand or method."""
    parts = []
    if len({other.group for other in rows}) > 1:
        parts.append(words.known_or_plain(f"campaigns.group.{one.group}", one.group, lang))
    if len({other.estimand for other in rows}) > 1:
        parts.append(say(f"campaigns.chart.estimand_{one.estimand}", lang))
    if len({other.method for other in rows}) > 1 and not parts:
        parts.append(words.known_or_plain(f"campaigns.method.{one.method}", one.method, lang))
    return " · ".join(parts) or words.outcome_name(one.outcome.name, lang)
