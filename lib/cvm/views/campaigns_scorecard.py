"""The picture of a scorecard: outcomes in columns, segments in rows, effects in the cells."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from cvm.campaigns import words
from cvm.core.i18n import say
from cvm.views.theme import PALETTE, new_figure, themed

if TYPE_CHECKING:
    from cvm.campaigns.effect import Estimate, Outcome
    from cvm.campaigns.scorecard import Scorecard

_WIDEST = 5.0
"""Standard errors at which a colour is strongest."""
_DARK = 0.6
_ROW_PX = 30
_FRAME = 0.86
"""Side of the frame around what differs after correction, as a share of its cell."""
_HEADING_LETTERS = 14
_AREA = "campaigns_scorecard"


def plot_scorecard(scorecard: Scorecard, ax: Axes | None = None, *, lang: str = "en") -> Axes:
    """Draw the effect on each outcome over all customers and in each segment.

    Args:
        scorecard: The result.
        ax: Axes to draw on; a new figure by default.
        lang: ``"zh"`` or ``"en"``.
    """
    both = (*scorecard.overall.estimates, *scorecard.segments.estimates)
    groups = list(dict.fromkeys(one.group for one in both))
    outcomes = [one.outcome for one in scorecard.overall.estimates]
    with themed(lang) as palette:
        if ax is None:
            ax = new_figure("wide", 155 + _ROW_PX * len(groups)).subplots()
        strength = np.array([_strength(one) for one in both]).reshape(len(groups), len(outcomes))
        colors = LinearSegmentedColormap.from_list(
            "good", [palette.accent, "#F7F8FA", palette.main]
        )
        ax.imshow(strength, cmap=colors, vmin=-1, vmax=1, aspect="auto")
        for place, one in enumerate(both):
            row, column = divmod(place, len(outcomes))
            strong = abs(strength[row, column]) > _DARK
            ax.text(
                column,
                row,
                _value(one) if one.can_tell else "–",
                ha="center",
                va="center",
                color=palette.paper if strong else palette.ink,
            )
        _edges(ax, *strength.shape)
        for place, one in enumerate(both):
            if one.detected:
                row, column = divmod(place, len(outcomes))
                corner = (column - _FRAME / 2, row - _FRAME / 2)
                ax.add_patch(
                    Rectangle(corner, _FRAME, _FRAME, fill=False, ec=palette.ink, lw=2, zorder=3)
                )
        named = [words.known_or_plain(f"campaigns.group.{name}", name, lang) for name in groups]
        ax.set_yticks(range(len(groups)), named)
        ax.set_xticks(range(len(outcomes)), [_heading(one, lang) for one in outcomes])
        ax.xaxis.tick_top()
        ax.set_xlabel(say(f"{_AREA}.chart.note", lang), wrap=True)
        by = words.known_or_plain(f"{_AREA}.by.{scorecard.by}", scorecard.by, lang)
        ax.set_title(say(f"{_AREA}.chart.title", lang, by=by))
    return ax


def _strength(one: Estimate) -> float:
    """Return how surely an effect is good (up to 1) or bad (down to −1)."""
    if not one.can_tell or one.se <= 0:
        return 0.0
    errors = min(abs(one.effect) / one.se / _WIDEST, 1.0)
    return errors if one.good else -errors


def _value(one: Estimate) -> str:
    """Return the effect in the unit of its column, with its sign."""
    value = 100 * one.effect if one.outcome.kind == "share" else one.effect
    shown = f"{abs(value):,.2f}" if one.outcome.kind == "share" else f"{abs(value):,.3g}"
    return ("−" if value < 0 else "+") + shown


def _heading(outcome: Outcome, lang: str) -> str:
    name = fill(words.outcome_name(outcome.name, lang), _HEADING_LETTERS)
    if outcome.per is not None:
        per = words.outcome_name(outcome.per, lang)
        return f"{name}\n{say(f'{_AREA}.chart.unit_ratio', lang, per=per)}"
    return f"{name}\n{say(f'{_AREA}.chart.unit_{outcome.kind}', lang)}"


def _edges(ax: Axes, rows: int, columns: int) -> None:
    """Part the cells, and the row of all customers from the segments."""
    ax.grid(False)
    ax.spines[:].set_visible(False)
    for edge in range(1, rows):
        ax.axhline(edge - 0.5, color=PALETTE.paper, lw=6 if edge == 1 else 2)
    for edge in range(1, columns):
        ax.axvline(edge - 0.5, color=PALETTE.paper, lw=2)
