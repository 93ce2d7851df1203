"""Charts of campaigns without a control: overlap, balance, naive reading, sensitivity, designs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from cvm.campaigns import words
from cvm.campaigns.compare_designs import label_name
from cvm.core.checks import ArgumentError
from cvm.core.i18n import say
from cvm.core.months import format_month, month_from_index
from cvm.views.chart_parts import (
    axes_for,
    lying_grid,
    mark_interval,
    name_farthest_or_legend,
    row_axes,
    signed_axis,
)
from cvm.views.theme import Palette, Width, share_axis, themed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cvm.campaigns.before_after import BeforeAfter
    from cvm.campaigns.check import Checks
    from cvm.campaigns.compare_designs import DesignComparison
    from cvm.campaigns.effect import Estimate
    from cvm.campaigns.targeted import Sensitivity, TargetedEffect

MOST_ROWS = 14
# Tops of two distributions nearer than this part of the axis leave no room for two names.
_TOPS_APART = 0.2
_LEVEL = 0.025


def plot_love_matched(
    checks: Checks, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw standardised differences before and after matching, and the limit.

    The covariates that differed most before are drawn; how many more there are is said.

    Raises:
        ArgumentError: Balance was not checked, or not with the differences before.
    """
    check = checks.item("balance")
    if "smd_before" not in check.table:
        raise ArgumentError("checks", list(check.table), "with smd_before in its balance")
    table = check.table.dropna(subset=["smd", "smd_before"])
    worst = table[["smd", "smd_before"]].abs().max(axis=1).sort_values(ascending=False)
    shown = table.loc[worst.index[:MOST_ROWS]]
    with themed(lang, width) as palette:
        axes = row_axes(ax, width, len(shown))
        axes.axvspan(-check.limit, check.limit, color=palette.faint, alpha=0.5, linewidth=0)
        axes.axvline(0, color=palette.muted, linewidth=1)
        places = np.arange(len(shown))
        axes.hlines(places, shown["smd_before"], shown["smd"], color=palette.faint, linewidth=1.5)
        axes.plot(
            shown["smd_before"],
            places,
            "o",
            color=palette.accent,
            fillstyle="none",
            label=_say("before", lang),
        )
        axes.plot(shown["smd"], places, "o", color=palette.main, label=_say("after", lang))
        axes.set_yticks(places, [covariate_name(name, lang) for name in shown["column"]])
        axes.set_ylim(len(shown) - 0.5, -0.5)
        lying_grid(axes)
        signed_axis(axes, bins=5 if width == "wide" else 4)
        label = say("campaigns.chart.smd", lang)
        rest = len(table) - len(shown)
        if rest and float(worst.iloc[MOST_ROWS:].max()) <= check.limit:
            label += "\n" + _say("more", lang, count=rest)
        axes.set_xlabel(label, loc="right")
        pairs = shown[["smd_before", "smd"]].to_numpy(float)
        names = (_say("before", lang), _say("after", lang))
        name_farthest_or_legend(axes, pairs, names, (palette.accent_text, palette.main))
    return axes


def plot_overlap(
    effect: TargetedEffect, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw how likely contact was, for those contacted and those at risk beside them.

    Raises:
        ArgumentError: The result has no scores.
    """
    scores = effect.scores
    if scores.empty:
        raise ArgumentError("effect.scores", "empty", "there for a result that can tell")
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        edges = np.r_[scores["low"], scores["high"].iloc[-1]]
        parts = (("control", palette.muted, "at_risk"), ("treated", palette.main, "contacted"))
        tops: list[tuple[float, float]] = []
        for arm, color, name in parts:
            axes.stairs(
                scores[f"{arm}_share"],
                edges,
                fill=True,
                color=color,
                alpha=0.35,
                label=_say(name, lang),
            )
            axes.stairs(scores[f"{arm}_share"], edges, color=color)
            top = int(scores[f"{arm}_share"].argmax())
            tops.append(
                ((edges[top] + edges[top + 1]) / 2, float(scores[f"{arm}_share"].iloc[top]))
            )
        share_axis(axes)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(_say("overlap", lang))
        axes.set_title(_say("overlap_share", lang))
        _name_tops(axes, tops, [(_say(name, lang), color) for _, color, name in parts])
    return axes


def _name_tops(axes: Axes, tops: list[tuple[float, float]], names: list[tuple[str, str]]) -> None:
    """Write each distribution's name over its top; in a legend where the tops lie close."""
    low, high = axes.get_xlim()
    apart = abs(tops[0][0] - tops[1][0]) / (high - low)
    axes.margins(y=0.12)
    axes.autoscale(axis="y")
    axes.set_ylim(bottom=0)
    if apart < _TOPS_APART:
        axes.legend(loc="upper right")
        return
    for (at, top), (text, color) in zip(tops, names, strict=True):
        axes.annotate(
            text, (at, top), xytext=(0, 4), textcoords="offset points", ha="center", color=color
        )


def plot_before_after(
    reading: BeforeAfter, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the naive change, what came without contact, and what is left."""
    table = reading.summary()
    with themed(lang, width) as palette:
        axes = row_axes(ax, width, len(table))
        colors = (palette.accent, palette.muted, palette.main)
        rows = table[["part", "change", "low", "high"]].to_dict("records")
        if reading.reason:
            _cannot_tell(axes, 0, lang, palette)
        for place, (row, color) in enumerate(zip(rows, colors, strict=True)):
            axes.barh(place, row["change"], color=color, height=0.55)
            axes.plot([row["low"], row["high"]], [place, place], color=palette.ink, linewidth=1.5)
        names = [say(f"campaigns_matched.before_after.part.{part}", lang) for part in table["part"]]
        axes.set_yticks(range(len(rows)), names)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.axvline(0, color=palette.muted, linewidth=1)
        lying_grid(axes)
        signed_axis(axes, bins=5 if width == "wide" else 4)
        axes.set_xlabel(_say("change", lang), loc="right")
    return axes


def plot_naive(
    effect: TargetedEffect, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the naive comparison with everybody else above the estimate.

    Raises:
        ArgumentError: The result has no naive comparison.
    """
    if effect.naive is None:
        raise ArgumentError("effect.naive", None, "there for a result that can tell")
    rows = {_say("naive", lang): effect.naive, _say("estimate", lang): effect.headline}
    return _forest(rows, ax, lang, width, accents=[_say("naive", lang)])


def plot_designs(
    comparison: DesignComparison,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    width: Width = "wide",
) -> Axes:
    """Draw every design's estimate of the one effect, naive readings last in another colour.

    Designs that cannot tell say so.
    """
    both = {**comparison.rows, **comparison.naive}
    rows = {label_name(label, lang): one for label, one in both.items()}
    naive = [label_name(label, lang) for label in comparison.naive]
    return _forest(rows, ax, lang, width, accents=naive)


def plot_sensitivity(
    sensitivity: Sensitivity, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the largest p-value that something unknown allows, by its strength."""
    bounds = sensitivity.bounds
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        if bounds.empty:
            _cannot_tell(axes, 0.5, lang, palette)
        else:
            axes.plot(bounds["gamma"], bounds["p_value"], "o-", color=palette.main)
            axes.axhline(_LEVEL, color=palette.accent, linewidth=1.2, linestyle=(0, (4, 3)))
            axes.annotate(
                _say("level", lang) + f" {_LEVEL:g}",
                (float(bounds["gamma"].iloc[-1]), _LEVEL),
                xytext=(0, 4),
                textcoords="offset points",
                ha="right",
                color=palette.accent_text,
            )
            axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel(_say("gamma", lang))
        axes.set_title(_say("bound", lang))
    return axes


def _forest(
    rows: Mapping[str, Estimate],
    ax: Axes | None,
    lang: str,
    width: Width,
    accents: Sequence[str] = (),
) -> Axes:
    first = next(iter(rows.values()))
    scale = 100.0 if first.outcome.kind == "share" else 1.0
    with themed(lang, width) as palette:
        axes = row_axes(ax, width, len(rows))
        axes.axvline(0, color=palette.muted, linewidth=1)
        for place, (label, one) in enumerate(rows.items()):
            if not one.can_tell:
                _cannot_tell(axes, place, lang, palette)
                continue
            plain = palette.main if one.detected else palette.muted
            color = palette.accent if label in accents else plain
            low, value, high = (scale * at for at in (one.low, one.effect, one.high))
            mark_interval(axes, place, low, value, high, color)
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set_ylim(len(rows) - 0.5, -0.5)
        lying_grid(axes)
        signed_axis(axes, bins=5 if width == "wide" else 4)
        unit = say(f"campaigns.chart.unit_{first.outcome.kind}", lang)
        # From the right end: beside long names the axis is too short to hold it in the middle.
        axes.set_xlabel(say("campaigns.chart.effect", lang, unit=unit), loc="right")
        axes.set_title(words.outcome_name(first.outcome.name, lang))
    return axes


def _cannot_tell(axes: Axes, place: float, lang: str, palette: Palette) -> None:
    text = say("campaigns.chart.cannot_tell", lang)
    axes.annotate(text, (0, place), ha="center", va="center", color=palette.muted)


def covariate_name(name: str, lang: str) -> str:
    """Return a covariate as people call it; of a flag, its group and level."""
    column, equals, level = name.partition("=")
    if not equals:
        return words.outcome_name(name, lang)
    if column == "period":
        told = format_month(month_from_index(int(level)), lang)
    elif column == "vip_tier":
        told = words.known_or_plain(f"campaigns.group.{level}", level, lang)
    else:
        told = words.known_or_plain(f"campaigns_matched.level.{level}", level, lang)
    group = words.known_or_plain(f"campaigns_matched.group.{column}", column, lang)
    return say("campaigns_matched.chart.flag", lang, group=group, level=told)


def _say(key: str, lang: str, **values: object) -> str:
    return say(f"campaigns_matched.chart.{key}", lang, **values)
