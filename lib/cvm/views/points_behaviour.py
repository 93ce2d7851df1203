"""Charts of redemption behaviour: calibration, chance by balance, drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.views.chart_parts import axes_for, lying_grid, name_ends, name_line
from cvm.views.theme import Width, share_axis, themed

if TYPE_CHECKING:
    from cvm.points.behaviour import BehaviourFit
    from cvm.points.behaviour_model import Behaviour
    from cvm.points.behaviour_stated import StatedBehaviour

AREA = "points_behaviour"
_CONFIDENCE = 0.95


def plot_calibration(
    fit: BehaviourFit, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw observed against expected redemption by groups of rising chance, with intervals."""
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        table = fit.calibration()
        observed, expected = table["observed_share"], table["expected_share"]
        top = 1.08 * float(max(table["high"].max(), expected.max()))
        axes.plot([0, top], [0, top], color=palette.muted, lw=1)
        axes.errorbar(
            expected,
            observed,
            yerr=np.clip([observed - table["low"], table["high"] - observed], 0, None),
            fmt="o",
            color=palette.main,
            ecolor=palette.light,
            elinewidth=3,
        )
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        share_axis(axes, axis="x")
        share_axis(axes, axis="y")
        axes.set_xlabel(_say("expected", lang))
        axes.set_ylabel(_say("observed", lang))
        half = top / 2
        name_line(axes, _say("perfect", lang), (half, half), above=False, color=palette.muted)
        interval = _say("interval", lang, confidence=format_share(_CONFIDENCE, decimals=0))
        last = int(np.argmax(expected))
        at = (float(expected.iloc[last]), float(observed.iloc[last]))
        name_line(axes, interval, at, above=True, color=palette.main)
    return axes


def plot_chance(
    found: BehaviourFit | StatedBehaviour,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    width: Width = "wide",
) -> Axes:
    """Draw the monthly chance by balance ÷ threshold: observed, fitted and assumed.

    Fitted and assumed are for the same member-months as the observed. A stated behaviour is drawn
    alone, and said to be assumed.
    """
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        line, seen = (0, (4, 2)), getattr(found, "cells", None)
        if seen is None:
            ratio = np.linspace(1.0, min(found.behaviour.ratio_range[1], 6.0), 200)[1:]
            chance = _curve(found.behaviour, ratio)
            axes.plot(ratio, chance, color=palette.accent, linestyle=line)
            ends = [(float(chance[-1]), _say("assumed", lang), palette.accent_text)]
        else:
            bands = found.by_ratio()  # type: ignore[union-attr]
            ratio = bands["ratio"].to_numpy()
            axes.plot(ratio, bands["fitted"], color=palette.main)
            axes.plot(ratio, bands["assumed"], color=palette.accent, linestyle=line)
            low, high = bands["observed"] - bands["low"], bands["high"] - bands["observed"]
            axes.errorbar(
                ratio,
                bands["observed"],
                yerr=np.clip([low, high], 0, None),
                fmt="o",
                color=palette.ink,
                ecolor=palette.light,
                elinewidth=3,
            )
            ends = [
                (float(bands[column].iloc[-1]), _say(key, lang), color)
                for column, key, color in (
                    ("fitted", "fitted", palette.main),
                    ("assumed", "assumed", palette.accent_text),
                    ("observed", "seen", palette.ink),
                )
            ]
        axes.set_xlim(left=1.0)
        axes.set_ylim(bottom=0)
        share_axis(axes, axis="y")
        axes.set_xlabel(_say("ratio", lang))
        axes.set_ylabel(_say("chance", lang))
        name_ends(axes, float(ratio[-1]), ends)
    return axes


def plot_drivers(
    fit: BehaviourFit, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw how far each driver moves the chance; those not clear are pale."""
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        table = fit.drivers()
        places = np.arange(len(table))
        colors = [palette.main if clear else palette.light for clear in table["clear"]]
        axes.barh(places, table["strength"], color=colors, height=0.6)
        names = [
            say(f"{AREA}.driver.{name}", lang) + ("" if clear else f" ({_say('unclear', lang)})")
            for name, clear in zip(table["driver"], table["clear"], strict=True)
        ]
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        lying_grid(axes)
        axes.set_xlabel(_say("strength", lang))
    return axes


def _curve(behaviour: Behaviour, ratio: np.ndarray) -> np.ndarray:
    threshold = max(behaviour.threshold_points, 1.0)
    return behaviour.monthly_chance(ratio * threshold, threshold_points=threshold)


def _say(key: str, lang: str, **values: str) -> str:
    return say(f"{AREA}.chart.{key}", lang, **values)
