"""Charts of the data themselves: what came in, month by month."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from cvm.core.checks import check_columns
from cvm.core.i18n import say
from cvm.views.chart_parts import axes_for
from cvm.views.theme import PALETTE, count_axis, month_axis, themed


def plot_coverage(coverage: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Draw customers by month as bars; a month that is not there is a gap.

    Args:
        coverage: What ``reduce_coverage`` gives, collected: ``month``, ``customers``.
        ax: Where to draw; by default a new figure.
        lang: ``"zh"`` or ``"en"``.

    Raises:
        MissingDataError: A column is missing.
    """
    check_columns(coverage.columns, ["month", "customers"], "coverage")
    months = pd.to_datetime(coverage["month"])
    with themed(lang):
        axes = axes_for(ax, "wide", 240)
        widths = np.full(len(months), 24.0)
        axes.bar(months, coverage["customers"], width=widths, color=PALETTE.main)
        largest = float(coverage["customers"].max()) if len(coverage) else 0.0
        unit = count_axis(axes, lang, largest=largest, unit="customers")
        month_axis(axes, months, lang)
        axes.set_title(
            say("overview.axis.named", lang, name=say("overview.axis.customers", lang), unit=unit)
        )
        sns.despine(ax=axes, left=True)
    return axes
