"""Pictures of the points-budget page: a published table in, axes out.

Figures come from the tables after disclosure control; a missing cell is a gap. The page writes each
headline in type above its picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from cvm.core.i18n import say
from cvm.core.money import format_yuan
from cvm.points.outlook_words import setting_text
from cvm.views.chart_parts import axes_for, lying_grid, name_ends
from cvm.views.theme import PALETTE, count_axis, month_axis, share_axis, themed

if TYPE_CHECKING:
    from cvm.points.outlook import Outlook

MOST_DRIVERS = 8


def plot_outlook(outlook: Outlook, ax: Axes | None = None, *, lang: str = "en") -> Axes:
    """Draw the points year's cost to date against the cap, beside last year's."""
    with themed(lang):
        axes = axes_for(ax, "wide", 336)
        return draw_path(outlook.path(), axes, lang)


def draw_path(path: pd.DataFrame, axes: Axes, lang: str, *, ticks: int = 6) -> Axes:
    """Draw cost ÷ revenue to date in the points year: its 90 % fan, the cap, last year.

    Args:
        path: ``points_budget_path``.
        axes: Made inside ``themed``.
        lang: ``"zh"`` or ``"en"``.
        ticks: Most ticks of the months.
    """
    frame = path.assign(month=pd.to_datetime(path["month"])).sort_values("month")
    months, last = frame["month"], frame.iloc[-1]
    axes.fill_between(
        months, frame["low_share"], frame["high_share"], color=PALETTE.light, alpha=0.7, linewidth=0
    )
    lines = (
        ("last_year_share", PALETTE.muted, "-", 1.6),
        ("cap_share", PALETTE.accent, (0, (4, 2)), 1.8),
        ("cost_share", PALETTE.main, "-", 2.4),
    )
    for name, color, style, width in lines:
        axes.plot(months, frame[name], color=color, linestyle=style, linewidth=width)
    share_axis(axes, bins=5)
    month_axis(axes, months, lang, most=ticks)
    axes.set_title(_say("axis.to_date", lang))
    axes.margins(y=0.04)
    _end_labels(axes, last, lang)
    sns.despine(ax=axes, left=True)
    return axes


def _end_labels(axes: Axes, last: pd.Series, lang: str) -> None:
    names = (
        ("high_share", _say("mark.high", lang), PALETTE.muted),
        ("cap_share", _say("mark.cap", lang), PALETTE.accent_text),
        ("cost_share", _say("mark.expected", lang), PALETTE.main),
        ("last_year_share", _say("mark.last_year", lang), PALETTE.muted),
        ("low_share", _say("mark.low", lang), PALETTE.muted),
    )
    shown = [(float(last[key]), text, color) for key, text, color in names if pd.notna(last[key])]
    name_ends(axes, last["month"], shown)


def driver_label(driver: str, kind: str, lang: str) -> str:
    """Return a driver's name in words."""
    return (
        _say(f"lever.{driver}", lang)
        if kind == "rule"
        else say(f"points_budget.factor.{driver}", lang)
    )


def draw_tornado(
    drivers: pd.DataFrame,
    axes: Axes,
    lang: str,
    *,
    extra_years: float = 1.0,
    room: float = 1.8,
) -> Axes:
    """Draw how the year's cost changes: rules by one step, the world between its 10 % and 90 %.

    Args:
        drivers: ``points_budget_drivers``.
        axes: Made inside ``themed``.
        lang: ``"zh"`` or ``"en"``.
        extra_years: As in :func:`cvm.points.outlook_words.setting_text`.
        room: How far the axis reaches, as a multiple of the longest bar.
    """
    frame = drivers.head(MOST_DRIVERS).iloc[::-1].reset_index(drop=True)
    reach = float(frame[["low_yuan", "high_yuan"]].abs().to_numpy().max()) or 1.0
    for place, row in enumerate(frame.to_dict("records")):
        colors = (PALETTE.main, PALETTE.light)
        if row["kind"] == "world":
            colors = (PALETTE.accent, "#F2C79B")
        for side, color in (("low", colors[1]), ("high", colors[0])):
            change = float(row[f"{side}_yuan"])
            if not np.isfinite(change):
                continue
            axes.barh(place, change, color=color, height=0.62)
            text = ""
            if row["kind"] == "rule" and np.isfinite(row[f"{side}_setting"]):
                text = setting_text(
                    str(row["driver"]), float(row[f"{side}_setting"]), lang, extra_years=extra_years
                )
            if text and change:
                axes.annotate(
                    text,
                    (change, place),
                    textcoords="offset points",
                    xytext=(5 if change > 0 else -5, 0),
                    ha="left" if change > 0 else "right",
                    va="center",
                    color=PALETTE.muted,
                    fontsize="small",
                )
    axes.axvline(0, color=PALETTE.ink, linewidth=1)
    # Lines of the key are apart by the size of type, however flat the axes are.
    kinds = (("world", PALETTE.accent_text, 2), ("rule", PALETTE.main, 16))
    for kind, color, height in kinds:
        if kind in set(frame["kind"]):
            name = "rules" if kind == "rule" else "world"
            axes.annotate(
                _say(f"mark.{name}", lang),
                (1.0, 0.0),
                xycoords="axes fraction",
                textcoords="offset points",
                xytext=(0, height),
                ha="right",
                color=color,
                fontsize="small",
            )
    axes.set_yticks(
        range(len(frame)),
        [
            driver_label(str(driver), str(kind), lang)
            for driver, kind in zip(frame["driver"], frame["kind"], strict=True)
        ],
    )
    axes.set_xlim(-room * reach, room * reach)
    unit = count_axis(axes, lang, largest=reach, unit="yuan", axis="x")
    lying_grid(axes)
    axes.set_title(say("overview.axis.named", lang, name=_say("axis.change", lang), unit=unit))
    sns.despine(ax=axes, left=True, bottom=True)
    return axes


def draw_waterfall(steps: pd.DataFrame, labels: list[str], axes: Axes, lang: str) -> Axes:
    """Draw the way from this year's cost to next year's forecast.

    Args:
        steps: ``points_budget_waterfall``: the start, changes, the end.
        labels: A name for each.
        axes: Made inside ``themed``.
        lang: ``"zh"`` or ``"en"``.
    """
    amounts = steps["amount_yuan"].to_numpy(float)
    tops = np.concatenate([[amounts[0]], amounts[0] + np.cumsum(amounts[1:-1]), [amounts[-1]]])
    bottoms = np.concatenate([[0.0], tops[:-2], [0.0]])
    low = min(tops.min(), bottoms[1:-1].min(initial=tops.min()))
    base = max(0.0, low - 0.6 * (tops.max() - low) - 0.02 * tops.max())
    for place, (top, bottom) in enumerate(zip(tops, bottoms, strict=True)):
        whole = place in (0, len(tops) - 1)
        start = base if whole else bottom
        color = PALETTE.main if whole else PALETTE.accent if top > bottom else PALETTE.light
        axes.bar(place, top - start, bottom=start, color=color, width=0.62)
        shown = amounts[place]
        text = format_yuan(shown, lang) if whole else _signed(shown, lang)
        axes.annotate(
            text,
            (place, max(top, start if whole else bottom)),
            textcoords="offset points",
            xytext=(0, 4),
            ha="center",
            fontsize="small",
        )
        if place:
            axes.plot(
                [place - 1 + 0.31, place - 0.31],
                [tops[place - 1]] * 2,
                color=PALETTE.muted,
                linewidth=0.8,
            )
    axes.set_xticks(range(len(tops)), labels, fontsize="small")
    axes.set_ylim(base, tops.max() + 0.12 * (tops.max() - base))
    unit = count_axis(axes, lang, largest=float(tops.max()), unit="yuan")
    name = _say("axis.cost_year_cut" if base else "axis.cost_year", lang)
    axes.set_title(say("overview.axis.named", lang, name=name, unit=unit))
    sns.despine(ax=axes, left=True)
    return axes


def draw_holdout(row: pd.Series, axes: Axes, lang: str) -> Axes:
    """Draw last year's forecast with its interval, what came, and the naive forecast.

    Args:
        row: The row of ``points_budget_holdout``.
        axes: Made inside ``themed``.
        lang: ``"zh"`` or ``"en"``.
    """
    names = ("naive", "actual", "forecast")
    values = [float(row[f"{name}_yuan"]) for name in names]
    colors = [PALETTE.muted, PALETTE.ink, PALETTE.main]
    low, high = float(row["low_yuan"]), float(row["high_yuan"])
    axes.plot([low, high], [2, 2], color=PALETTE.light, linewidth=9, solid_capstyle="round")
    axes.axvline(values[1], color=PALETTE.faint, linewidth=1.2, zorder=0)
    axes.scatter(values, [0, 1, 2], color=colors, s=70, zorder=3)
    for place, value in enumerate(values):
        axes.annotate(
            format_yuan(value, lang),
            (value, place),
            textcoords="offset points",
            xytext=(0, 9),
            ha="center",
            color=colors[place],
        )
    axes.set_yticks(range(3), [_say(f"holdout.{name}", lang) for name in names])
    axes.set_ylim(-0.6, 2.8)
    spread = max(high, *values) - min(low, *values)
    axes.set_xlim(min(low, *values) - 0.15 * spread, max(high, *values) + 0.15 * spread)
    unit = count_axis(axes, lang, largest=max(values), unit="yuan", axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_title(say("overview.axis.named", lang, name=_say("axis.cost_year", lang), unit=unit))
    sns.despine(ax=axes, left=True, bottom=True)
    return axes


def _signed(value: float, lang: str) -> str:
    sign = "+" if value >= 0 else "−"
    return sign + format_yuan(abs(value), lang)


def _say(key: str, lang: str, **values: object) -> str:
    return say(f"points_page.{key}", lang, **values)
