"""The picture of one campaign's answer: churn as assigned, of those reached, and by card."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from cvm.views.campaigns import plot_forest
from cvm.views.theme import Width

if TYPE_CHECKING:
    from cvm.campaigns.answer import Answer


def plot_answer(
    answer: Answer, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw churn for everybody as assigned and of those reached, and for each card."""
    whole = [
        one
        for one in answer.effect.estimates
        if one.outcome.name == "churned" and one.method in ("difference", "wald")
    ]
    cards = [] if answer.tiers is None else answer.tiers.estimates[1:]
    return plot_forest(
        replace(answer.effect, estimates=(*whole, *cards)), ax, lang=lang, width=width
    )
