"""Charts of the overview by month: a small table in, axes out.

Each ``draw_*`` function takes a published table and axes made inside :func:`cvm.views.theme.themed`
and draws nothing else. Missing cells are gaps or the word "withheld", never zeros. The charts carry
no headline: the page writes it in type above the picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cvm.core.i18n import say
from cvm.core.money import format_number, format_share
from cvm.views.chart_parts import axes_for
from cvm.views.theme import PALETTE, count_axis, month_axis, share_axis, themed

if TYPE_CHECKING:
    from cvm.plan.overview import Overview

MONTHS_IN_YEAR = 12


def by_month(months: pd.DataFrame) -> pd.DataFrame:
    """Return the months in order, with a row of missing values for each month left out."""
    frame = months.assign(month=pd.to_datetime(months["month"])).sort_values("month")
    if frame.empty:
        return frame.reset_index(drop=True)
    whole = pd.date_range(frame["month"].iloc[0], frame["month"].iloc[-1], freq="MS")
    return frame.set_index("month").reindex(whole).rename_axis("month").reset_index()


def number_of(values: pd.Series) -> np.ndarray:
    """Return a column as numbers, missing where it holds none."""
    return pd.to_numeric(values, errors="coerce").astype("float64").to_numpy()


def _last_known(frame: pd.DataFrame, values: np.ndarray) -> tuple[pd.Timestamp, float] | None:
    known = np.flatnonzero(np.isfinite(values))
    return (frame["month"].iloc[known[-1]], float(values[known[-1]])) if len(known) else None


def draw_customers(months: pd.DataFrame, ax: Axes, lang: str, *, ticks: int = 6) -> Axes:
    """Draw customers in service by month as a line whose last value is written beside it.

    Args:
        months: ``month``, ``customers``.
        ax: Where to draw.
        lang: ``"zh"`` or ``"en"``.
        ticks: Largest number of month ticks.
    """
    frame = by_month(months)
    values = number_of(frame["customers"])
    sns.lineplot(x=frame["month"], y=values, ax=ax, color=PALETTE.main, errorbar=None)
    if np.isfinite(values).any():
        low, high = np.nanmin(values), np.nanmax(values)
        # Room of at least 4 % of the base on either side: a calm base looks calm.
        room = max(0.25 * (high - low), 0.04 * high)
        ax.set_ylim(max(0, low - room), high + room)
    unit = count_axis(ax, lang, largest=float(np.nanmax([0, *values])), unit="customers")
    return _finish_by_month(ax, frame, values, lang, "customers", unit, ticks)


def draw_revenue(months: pd.DataFrame, ax: Axes, lang: str, *, ticks: int = 6) -> Axes:
    """Draw revenue by month as bars from zero; the last twelve months are the darker ones.

    Args:
        months: ``month``, ``revenue_yuan``.
        ax: Where to draw.
        lang: ``"zh"`` or ``"en"``.
        ticks: Largest number of month ticks.
    """
    frame = by_month(months)
    values = number_of(frame["revenue_yuan"])
    recent = np.arange(len(frame)) >= len(frame) - MONTHS_IN_YEAR
    colours = np.where(recent, PALETTE.main, PALETTE.light)
    ax.bar(frame["month"], np.nan_to_num(values), width=22, color=list(colours))
    ax.set_ylim(0, float(np.nanmax([1e-9, *values])) * 1.25)
    unit = count_axis(ax, lang, largest=float(np.nanmax([0, *values])), unit="yuan")
    return _finish_by_month(ax, frame, values, lang, "revenue", unit, ticks)


def _finish_by_month(
    ax: Axes,
    frame: pd.DataFrame,
    values: np.ndarray,
    lang: str,
    name: str,
    unit: str,
    ticks: int,
) -> Axes:
    ax.set(xlabel="", ylabel="")
    named = say(f"overview.axis.{name}", lang)
    ax.set_title(say("overview.axis.named", lang, name=named, unit=unit))
    month_axis(ax, frame["month"], lang, most=ticks)
    last = _last_known(frame, values)
    if last is not None:
        when, value = last
        if name == "customers":
            ax.plot(frame["month"][frame["month"] == when], [value], "o", color=PALETTE.main)
        # The label stands clear of its neighbours: above the highest bar of the last year, and
        # on the side of the line that the last months leave free.
        recent = values[-MONTHS_IN_YEAR:]
        falls = name == "customers" and value < float(np.nanmean(recent[-4:]))
        height = value if name == "customers" else float(np.nanmax(recent))
        ax.annotate(
            format_number(value, lang),
            (when, height),
            xytext=(5, -7 if falls else 7),
            textcoords="offset points",
            ha="right",
            va="top" if falls else "baseline",
            color=PALETTE.ink,
        )
    ax.margins(x=0.02)
    return ax


def draw_base(months: pd.DataFrame, figure: Figure, lang: str, *, ticks: int = 6) -> list[Axes]:
    """Draw customers above revenue on one time axis."""
    axes = figure.subplots(2, 1, sharex=True)
    draw_customers(months, axes[0], lang, ticks=ticks)
    draw_revenue(months, axes[1], lang, ticks=ticks)
    return list(axes)


def draw_churn(
    months: pd.DataFrame,
    ax: Axes,
    lang: str,
    *,
    mean_share: float | None = None,
    mean_before_share: float | None = None,
    ticks: int = 6,
) -> Axes:
    """Draw the churn of each month and the means of the last two years.

    Args:
        months: ``month``, ``churn_share`` (0–1).
        ax: Where to draw.
        lang: ``"zh"`` or ``"en"``.
        mean_share: Mean of the last 12 months, drawn over them; None leaves it out.
        mean_before_share: Mean of the 12 months before.
        ticks: Largest number of month ticks.
    """
    frame = by_month(months)
    values = number_of(frame["churn_share"])
    sns.lineplot(
        x=frame["month"], y=values, ax=ax, color=PALETTE.light, errorbar=None, marker="o",
        markersize=5, markeredgewidth=0,
    )  # fmt: skip
    ends = frame["month"].to_numpy()
    spans = (
        (mean_share, -MONTHS_IN_YEAR, None, PALETTE.main, "year_mean"),
        (mean_before_share, -2 * MONTHS_IN_YEAR, -MONTHS_IN_YEAR, PALETTE.accent,
         "year_mean_before"),
    )  # fmt: skip
    for mean, start, stop, colour, key in spans:
        span = ends[start:stop]
        if mean is None or not np.isfinite(mean) or not len(span):
            continue
        ax.plot([span[0], span[-1]], [mean, mean], color=colour, linewidth=2.5, label=key)
        ax.annotate(
            say(f"overview.mark.{key}", lang, churn=format_share(mean, decimals=2)),
            (span[len(span) // 2], 0.04),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            linespacing=1.5,
            color=PALETTE.accent_text if colour == PALETTE.accent else colour,
        )
    known = values[np.isfinite(values)]
    if len(known):
        low, high = float(known.min()), float(known.max())
        room = max(high - low, 0.1 * high, 1e-4)
        # The band under the lowest month holds the labels of the means.
        ax.set_ylim(max(0.0, low - 0.75 * room), high + 0.3 * room)
    share_axis(ax)
    ax.set(xlabel="", ylabel="")
    ax.set_title(say("overview.axis.churn", lang))
    month_axis(ax, frame["month"], lang, most=ticks)
    ax.margins(x=0.02)
    return ax


def plot_overview(result: Overview, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Draw the base of an :class:`~cvm.plan.overview.Overview`: customers in service by month.

    Args:
        result: The overview.
        ax: Where to draw; None makes a figure in the suite's look.
        lang: ``"zh"`` or ``"en"``.
    """
    with themed(lang):
        target = axes_for(ax, "wide", 300)
        return draw_customers(result.months, target, lang)
