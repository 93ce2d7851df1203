"""Charts of the churn model: what drives leaving, calibration, lift beside bill falls, drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cvm.core.i18n import say
from cvm.segments.churn_words import feature_name, term_name
from cvm.views.chart_parts import axes_for, lying_grid, say_instead
from cvm.views.theme import PALETTE, Width, share_axis, themed

if TYPE_CHECKING:
    import pandas as pd

    from cvm.segments.churn import ChurnModel
    from cvm.segments.churn_study import ChurnStudy

AREA = "segments_churn.chart"
MOST_DRIVERS = 12


def plot_drivers(
    model: ChurnModel, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the log odds of one standard deviation of each term, with intervals."""
    with themed(lang, width) as palette:
        axes = axes_for(ax, width, 420)
        if not model.told:
            return say_instead(axes, say(f"{AREA}.nothing", lang))
        table = model.summary().head(MOST_DRIVERS).iloc[::-1].reset_index(drop=True)
        size = (table["per_deviation"] / table["log_odds"]).abs()
        for place, row in enumerate(table.assign(size=size).to_dict("records")):
            color = palette.accent if row["log_odds"] > 0 else palette.main
            low, high = row["low"] * row["size"], row["high"] * row["size"]
            axes.plot([low, high], [place, place], color=color, linewidth=2)
            axes.plot(row["per_deviation"], place, "o", color=color, markersize=6)
        axes.axvline(0, color=palette.ink, linewidth=1)
        terms = {term.name: term for term in model.design.terms}
        axes.set_yticks(range(len(table)), [term_name(terms[name], lang) for name in table["term"]])
        lying_grid(axes)
        axes.set_title(say(f"{AREA}.drivers", lang))
        sns.despine(ax=axes, left=True, bottom=True)
    return axes


def plot_calibration(
    study: ChurnStudy, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw observed against expected leaving of the test, by groups of risk, with intervals."""
    with themed(lang, width):
        axes = axes_for(ax, width, 360)
        if not study.told:
            return say_instead(axes, say(f"{AREA}.nothing", lang))
        return draw_calibration(study.calibration(), axes, lang)


def draw_calibration(curve: pd.DataFrame, axes: Axes, lang: str) -> Axes:
    """Draw a calibration curve.

    Args:
        curve: Of :func:`cvm.segments.churn_calibration.calibration_curve`.
        axes: Made inside ``themed``.
        lang: ``"zh"`` or ``"en"``.
    """
    shown = curve.dropna(subset=["expected_share", "observed_share"])
    most = float(shown[["expected_share", "high_share"]].to_numpy().max()) * 1.04
    axes.plot([0, most], [0, most], color=PALETTE.muted, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.vlines(
        shown["expected_share"], shown["low_share"], shown["high_share"],
        color=PALETTE.light, linewidth=5,
    )  # fmt: skip
    axes.plot(shown["expected_share"], shown["observed_share"], "o", color=PALETTE.main)
    axes.set_xlim(0, most)
    axes.set_ylim(0, most)
    share_axis(axes)
    share_axis(axes, axis="x")
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(say(f"{AREA}.expected", lang))
    axes.set_title(say(f"{AREA}.observed", lang))
    sns.despine(ax=axes, left=True, bottom=True)
    return axes


def plot_lift(
    study: ChurnStudy, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the share of leavers caught by calling the riskiest, beside the biggest bill falls."""
    with themed(lang, width):
        axes = axes_for(ax, width, 360)
        if not study.told:
            return say_instead(axes, say(f"{AREA}.nothing", lang))
        return draw_lift(study.lift(), axes, lang)


def draw_lift(lift: pd.DataFrame, axes: Axes, lang: str) -> Axes:
    """Draw leavers caught against customers called.

    Args:
        lift: Of :meth:`cvm.segments.churn_study.ChurnStudy.lift`.
        axes: Made inside ``themed``.
        lang: ``"zh"`` or ``"en"``.
    """
    called = np.concatenate([[0.0], np.cumsum(lift["customers"]) / lift["customers"].sum()])
    lines = [("caught_share", "by_model", PALETTE.main, 2.4)]
    if "bill_fall_caught_share" in lift and lift["bill_fall_caught_share"].notna().all():
        lines.append(("bill_fall_caught_share", "by_fall", PALETTE.accent, 1.8))
    axes.plot([0, 1], [0, 1], color=PALETTE.muted, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.annotate(
        say(f"{AREA}.by_chance", lang), (0.62, 0.56), color=PALETTE.muted, fontsize="small"
    )
    for column, name, color, thick in lines:
        caught = np.concatenate([[0.0], lift[column]])
        axes.plot(called, caught, color=color, linewidth=thick, label=say(f"{AREA}.{name}", lang))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    share_axis(axes)
    share_axis(axes, axis="x")
    axes.set_xlabel(say(f"{AREA}.called", lang))
    axes.set_title(say(f"{AREA}.caught", lang))
    axes.legend(loc="lower right")
    sns.despine(ax=axes, left=True)
    return axes


def plot_drift(
    study: ChurnStudy, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the PSI of the inputs that moved most, beside its customary limits."""
    from cvm.segments.churn_drift import PSI_SHIFTED, PSI_STABLE

    with themed(lang, width) as palette:
        axes = axes_for(ax, width, 320)
        table = study.drift.head(8).iloc[::-1]
        if not len(table):
            return say_instead(axes, say(f"{AREA}.nothing", lang))
        colors = [palette.accent if psi > PSI_STABLE else palette.light for psi in table["psi"]]
        axes.barh(range(len(table)), table["psi"], color=colors, height=0.6)
        axes.set_yticks(range(len(table)), [feature_name(str(c), lang) for c in table["column"]])
        for limit, name in ((PSI_STABLE, "stable"), (PSI_SHIFTED, "shifted")):
            axes.axvline(limit, color=palette.muted, linestyle=(0, (4, 2)), linewidth=1.2)
            axes.annotate(
                say(f"{AREA}.{name}", lang), (limit, 0.02), xycoords=("data", "axes fraction"),
                xytext=(4, 0), textcoords="offset points", color=palette.muted, fontsize="small",
            )  # fmt: skip
        axes.set_xlim(0, max(1.35 * PSI_SHIFTED, 1.1 * float(table["psi"].max())))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
        lying_grid(axes)
        axes.set_title(say(f"{AREA}.drift", lang))
        sns.despine(ax=axes, left=True, bottom=True)
    return axes
