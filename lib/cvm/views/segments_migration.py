"""The picture of migration between tiers: where each tier's customers went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import seaborn as sns

from cvm.core.i18n import say
from cvm.segments.migration import LEFT, tier_name
from cvm.views.theme import new_figure, themed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cvm.segments.migration import Migration

HEIGHT_PX = 330
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
        shown = np.where(withheld(migration.counts[:-1])[::-1], np.nan, shares)
        names = [tier_name(tier, lang) for tier in migration.states]
        sns.heatmap(
            shown, ax=axes, annot=True, fmt=".1f", cmap="Blues", vmin=0, vmax=100, cbar=False,
            linewidths=1, xticklabels=[*names, tier_name(LEFT, lang)], yticklabels=names[::-1],
        )  # fmt: skip
        axes.grid(visible=False)
        axes.tick_params(axis="y", rotation=0, length=0)
        axes.tick_params(axis="x", length=0)
        axes.set_title(say("segments_migration.chart.title", lang), loc="left", fontsize=11)
    return axes


def withheld(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return which cells may not be shown: small ones, and others that would give them away.

    A row of per cents adds up to 100, so what is left empty in it holds ten customers or more.

    Args:
        counts: Customers by tier before (rows) and after (columns).
    """
    hidden = (counts > 0) & (counts < LEAST_CUSTOMERS)
    for row, gone in zip(counts, hidden, strict=True):
        if row.sum() < LEAST_CUSTOMERS:
            gone[:] = True
        while (
            gone.any() and not gone.all() and (gone.sum() < 2 or row[gone].sum() < LEAST_CUSTOMERS)
        ):
            open_cells = np.flatnonzero(~gone)
            gone[open_cells[np.argmin(row[open_cells])]] = True
    return hidden
