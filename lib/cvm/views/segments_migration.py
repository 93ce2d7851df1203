"""The picture of migration between tiers: where each tier's customers went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import seaborn as sns

from cvm.core.i18n import say
from cvm.segments.migration import LEFT, tier_name
from cvm.views.theme import new_figure, themed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cvm.segments.migration import Migration

HEIGHT_PX = 330
# Withheld from the picture where a tier has fewer customers than may be shown.
LEAST_CUSTOMERS = 10


def plot_migration(migration: Migration, ax: Axes | None = None, *, lang: str = "en") -> Axes:
    """Draw the share of each tier's customers (rows, highest first) that went where (columns).

    Args:
        migration: The moves.
        ax: Where to draw; a new figure by default.
        lang: ``"zh"`` or ``"en"``.
    """
    with themed(lang, "wide"):
        axes = new_figure("wide", HEIGHT_PX).subplots() if ax is None else ax
        shares = 100 * migration.shares[::-1]
        few = migration.counts[:-1].sum(axis=1)[::-1] < LEAST_CUSTOMERS
        shown = np.where(few[:, None], np.nan, shares)
        names = [tier_name(tier, lang) for tier in migration.tiers]
        sns.heatmap(
            shown, ax=axes, annot=True, fmt=".1f", cmap="Blues", vmin=0, vmax=100, cbar=False,
            linewidths=1, xticklabels=[*names, tier_name(LEFT, lang)], yticklabels=names[::-1],
        )  # fmt: skip
        axes.tick_params(axis="y", rotation=0, length=0)
        axes.tick_params(axis="x", length=0)
        axes.set_title(say("segments_migration.chart.title", lang), loc="left", fontsize=11)
    return axes
