"""Charts of clusters: what each is high and low in, and which number of them is stable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.ticker import MaxNLocator

from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.segments.certificate import STABLE, STABLE_FROM
from cvm.segments.clusters_names import feature_name
from cvm.views.chart_parts import axes_for
from cvm.views.theme import Width, themed

if TYPE_CHECKING:
    from cvm.segments.clusters import Clusters

AREA = "segments_value"
_WIDEST = 2.0


def plot_clusters(
    found: Clusters, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw clusters × features: how far each centre lies from the mean of all customers.

    A cluster that is not stable is marked.
    """
    table = found.profile.pivot_table(index="cluster", columns="feature", values="score")
    scores = table.loc[found.rows["cluster"], list(found.features)].to_numpy(float)
    with themed(lang, width) as palette:
        height = 110 + 52 * len(scores)
        axes = axes_for(ax, width, height)
        colors = LinearSegmentedColormap.from_list(
            "score", [palette.accent, "#FBFBFB", palette.main]
        )
        axes.imshow(scores, cmap=colors, norm=TwoSlopeNorm(0, -_WIDEST, _WIDEST), aspect="auto")
        for y, x in np.ndindex(*scores.shape):
            strong = abs(scores[y, x]) > 0.6 * _WIDEST
            axes.text(
                x,
                y,
                f"{scores[y, x]:+.1f}",
                ha="center",
                va="center",
                color=palette.paper if strong else palette.ink,
            )
        axes.set_yticks(range(len(scores)), [_label(found, at, lang) for at in range(len(scores))])
        axes.set_xticks(range(scores.shape[1]), [feature_name(f, lang) for f in found.features])
        if width == "phone" or scores.shape[1] > 4:
            axes.tick_params(axis="x", rotation=30)
        axes.grid(False)
        axes.spines[["bottom", "left"]].set_visible(False)
        for edge in range(1, len(scores)):
            axes.axhline(edge - 0.5, color=palette.paper, lw=3)
        axes.set_xlabel(say(f"{AREA}.chart.score", lang))
    return axes


def plot_numbers(
    found: Clusters, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the least stable cluster's Jaccard similarity by the number of clusters.

    Args:
        found: The clusters, with what was tried.
        ax: Axes to draw on; a new figure by default.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
    """
    rows = found.numbers
    with themed(lang, width) as palette:
        axes = axes_for(ax, width, 280)
        axes.axhline(STABLE_FROM, color=palette.muted, lw=1)
        axes.plot(rows["clusters"], rows["least_jaccard"], color=palette.light, zorder=1)
        for row in rows.to_dict("records"):
            color = palette.main if row["stable"] else palette.accent
            face = color if row["chosen"] else palette.paper
            axes.scatter(
                row["clusters"],
                row["least_jaccard"],
                s=70,
                color=face,
                edgecolor=color,
                lw=2,
                zorder=2,
            )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(0, 1.02)
        axes.set_xlabel(say(f"{AREA}.chart.number", lang))
        axes.set_ylabel(say(f"{AREA}.chart.least", lang))
    return axes


def _label(found: Clusters, at: int, lang: str) -> str:
    row = found.rows.iloc[at]
    key = "cluster" if row["verdict"] == STABLE else "cluster_weak"
    # Two features of a name stand on two lines, so that names do not squeeze the picture.
    name = str(row[f"name_{lang}"]).replace(", ", ",\n")
    return say(
        f"{AREA}.chart.{key}",
        lang,
        name=name,
        share=format_share(float(row["customer_share"]), decimals=0),
        jaccard=f"{float(row['jaccard']):.2f}",
    )
