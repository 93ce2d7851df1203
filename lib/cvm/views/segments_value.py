"""Charts of the shapes of value: grid, scenes, RFM, cohorts of the base, certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cvm.core.i18n import say
from cvm.core.money import format_share, format_yuan
from cvm.segments.certificate import DISSOLVED_TO, STABLE, STABLE_FROM, UNSTABLE_BELOW
from cvm.segments.cohort_base import UNKNOWN
from cvm.segments.rfm import SCORES
from cvm.segments.scenes import scene_name
from cvm.views.chart_parts import (
    axes_for,
    heat,
    ink_on_heat,
    legend_above,
    say_beside_bars,
    share_bars,
)
from cvm.views.segments_lifetime import plot_lorenz
from cvm.views.segments_tiers import plot_pyramid, share_labels
from cvm.views.theme import Width, count_axis, themed

if TYPE_CHECKING:
    from cvm.segments.certificate import Certificate
    from cvm.segments.cohort_base import CohortBase
    from cvm.segments.rfm import Rfm
    from cvm.segments.scenes import Scenes
    from cvm.segments.value_grid import ValueGrid
    from cvm.segments.value_segments import ValueSegments

AREA = "segments_value"
_MOST_YEARS = 12


def plot_grid(
    grid: ValueGrid, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the grid: a cell's colour is its share of revenue; its text that and of customers."""
    rows = grid.cells[(grid.cells["voice_band"] != "unknown")]
    rows = rows[rows["data_band"] != "unknown"]
    voice = [band for band in ("high", "middle", "low") if band in set(rows["voice_band"])]
    data = [band for band in ("low", "middle", "high") if band in set(rows["data_band"])]
    with themed(lang, width):
        axes = axes_for(ax, width, 330)
        table = {(row["voice_band"], row["data_band"]): row for row in rows.to_dict("records")}
        shares = np.array([[table[v, d]["revenue_share"] for d in data] for v in voice], float)
        heat(axes, shares)
        for y, v in enumerate(voice):
            for x, d in enumerate(data):
                people = float(table[v, d]["customer_share"])
                axes.text(
                    x,
                    y,
                    say(
                        f"{AREA}.chart.{'cell' if width == 'wide' else 'cell_short'}",
                        lang,
                        customers=format_share(people),
                        revenue=format_share(float(shares[y, x])),
                    ),
                    ha="center",
                    va="center",
                    color=ink_on_heat(shares, y, x),
                    fontsize="small" if width == "phone" else None,
                )
        axes.set_xticks(range(len(data)), [_banded(d, data, grid.cuts["data"], lang) for d in data])
        axes.set_yticks(
            range(len(voice)), [_banded(v, voice[::-1], grid.cuts["voice"], lang) for v in voice]
        )
        axes.set_xlabel(say(f"{AREA}.chart.data", lang))
        axes.set_ylabel(say(f"{AREA}.chart.voice", lang))
    return axes


def plot_scenes(
    scenes: Scenes, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw each scene's share of customers and revenue, with what a customer brings."""
    rows = scenes.rows
    with themed(lang, width):
        axes = axes_for(ax, width, 60 + 50 * len(rows))
        share_bars(
            axes,
            rows,
            [scene_name(scene, lang) for scene in rows["scene"]],
            room=1.35 if width == "wide" else 1.6,
        )
        texts = [
            ("", say(f"{AREA}.chart.each", lang, yuan=format_yuan(float(each), lang)))
            for each in rows["revenue_each_yuan"]
        ]
        say_beside_bars(axes, rows, share_labels(lang), texts, between=" · ")
    return axes


def plot_rfm(rfm: Rfm, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide") -> Axes:
    """Draw recency × frequency: a cell's colour and text are its share of customers."""
    grid = rfm.grid()
    recency, frequency = (sorted(set(grid[name])) for name in SCORES[:2])
    total = grid["customers"].sum()
    shares = np.zeros((len(frequency), len(recency)))
    for row in grid.to_dict("records"):
        y, x = frequency.index(row["frequency_score"]), recency.index(row["recency_score"])
        shares[len(frequency) - 1 - y, x] = row["customers"] / total
    with themed(lang, width):
        axes = axes_for(ax, width, 330)
        heat(axes, shares)
        for y in range(shares.shape[0]):
            for x in range(shares.shape[1]):
                if shares[y, x]:
                    axes.text(
                        x,
                        y,
                        format_share(shares[y, x]),
                        ha="center",
                        va="center",
                        color=ink_on_heat(shares, y, x),
                    )
        axes.set_xticks(range(len(recency)), [str(score) for score in recency])
        axes.set_yticks(range(len(frequency)), [str(score) for score in frequency[::-1]])
        axes.set_xlabel(say(f"{AREA}.chart.recency", lang))
        axes.set_ylabel(say(f"{AREA}.chart.frequency", lang))
    return axes


def plot_cohorts(
    view: CohortBase, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw revenue of twelve months by year of joining, this year beside last.

    Early years of joining are added up where there are many.
    """
    rows = view.rows[["joined_year", "before_yuan", "now_yuan"]]
    most = _MOST_YEARS if width == "wide" else 7
    if len(rows) > most:
        early, rows = rows.iloc[: len(rows) - most + 1], rows.iloc[len(rows) - most + 1 :]
        name = f"–{early['joined_year'].iloc[-1]}"
        first = early[["before_yuan", "now_yuan"]].sum().to_frame().T.assign(joined_year=name)
        rows = pd.concat([first, rows], ignore_index=True)
    with themed(lang, width) as palette:
        axes = axes_for(ax, width, 320)
        places = np.arange(len(rows))
        for shift, column, color, key in (
            (-0.2, "before_yuan", palette.light, "last_year"),
            (0.2, "now_yuan", palette.main, "this_year"),
        ):
            axes.bar(
                places + shift,
                rows[column],
                0.38,
                color=color,
                label=say(f"{AREA}.chart.{key}", lang),
            )
        axes.set_xticks(places, [_year_name(year, lang) for year in rows["joined_year"]])
        if width == "phone":
            axes.tick_params(axis="x", rotation=45)
        largest = float(rows[["before_yuan", "now_yuan"]].max().max())
        axes.set_ylabel(count_axis(axes, lang, largest=largest, unit="yuan"))
        axes.set_xlabel(say(f"{AREA}.chart.joined", lang))
        legend_above(axes, 2 if width == "wide" else 1)
    return axes


def plot_certificate(
    certificate: Certificate, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw each segment's Jaccard similarity against the bounds of trust."""
    rows = certificate.rows
    with themed(lang, width) as palette:
        axes = axes_for(ax, width, 90 + 30 * len(rows))
        places = np.arange(len(rows))
        value = rows["jaccard"].to_numpy(float)
        colors = [
            palette.main if verdict == STABLE else palette.accent for verdict in rows["verdict"]
        ]
        for bound, style in ((STABLE_FROM, "-"), (UNSTABLE_BELOW, (0, (4, 2)))):
            axes.axvline(bound, color=palette.muted, lw=1, ls=style)
        axes.scatter(value, places, color=colors, s=42, zorder=3)
        axes.set_yticks(places, [certificate.name(name, lang) for name in rows["segment"]])
        axes.invert_yaxis()
        low = float(np.nanmin(value)) - 0.05 if np.isfinite(value).any() else DISSOLVED_TO
        low = min(max(low, 0.0), DISSOLVED_TO)
        axes.hlines(places, low, value, color=colors, lw=2)
        axes.set_xlim(low, 1.02)
        axes.grid(False, axis="y")
        axes.set_xlabel(say(f"{AREA}.chart.jaccard", lang))
        for bound, key in ((STABLE_FROM, "stable_from"), (UNSTABLE_BELOW, "unstable_below")):
            axes.annotate(
                say(f"{AREA}.chart.{key}", lang),
                (bound, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(3 if bound == STABLE_FROM else -3, 3),
                textcoords="offset points",
                ha="left" if bound == STABLE_FROM else "right",
                color=palette.muted,
                fontsize="small",
            )
    return axes


def _year_name(year: str, lang: str) -> str:
    if year == UNKNOWN:
        return say(f"{AREA}.band.unknown", lang)
    return say(f"{AREA}.chart.up_to", lang, year=year[1:]) if year.startswith("–") else year


def _banded(band: str, bands: list[str], cuts: tuple[float, ...], lang: str) -> str:
    """Return a band's name with the amount it begins at."""
    place = bands.index(band)
    name = say(f"{AREA}.band.{band}", lang)
    if not place or place > len(cuts):
        return name
    return say(f"{AREA}.chart.band", lang, band=name, yuan=format_yuan(cuts[place - 1], lang))


def plot_answer(
    answer: ValueSegments, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the pyramid, or, without tiers, how concentrated value is."""
    if answer.pyramid is not None:
        return plot_pyramid(answer.pyramid, ax=ax, lang=lang, width=width)
    if answer.concentration is not None:
        return plot_lorenz(answer.concentration, ax=ax, lang=lang, width=width)
    with themed(lang, width):
        axes = axes_for(ax, width, 120)
        axes.text(0.5, 0.5, answer.text(lang), ha="center", va="center", wrap=True)
        axes.set_axis_off()
    return axes
