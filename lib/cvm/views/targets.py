"""What a card says of its figure's target: met or not, a gauge, and where the target comes from.

A figure is judged in the digits it is shown with: what reads as the target is the target. What
levers move is judged in the browser by the same rule; :func:`live_targets` hands it both texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cvm.core.i18n import LANGUAGES, catalogue, say
from cvm.core.money import format_share, format_yuan
from cvm.core.months import format_month, parse_month
from cvm.plan.target_book import FIGURES

GAUGE_REACH = 1.25
"""A gauge runs to so many times what it is held to, so that what lies beyond is seen as such."""
NO_TARGET: Mapping[str, str] = {"target": "", "target_tone": ""}


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A published target.

    Attributes:
        figure: One of :data:`cvm.plan.target_book.FIGURES`.
        bound: ``at_most`` or ``at_least``.
        value: The bound, in the figure's unit.
        source: Who set it and since when, by language.
    """

    figure: str
    bound: str
    value: float
    source: Mapping[str, str]

    def plain(self, lang: str) -> dict[str, Any]:
        """Return the target as a script reads it: ``bound``, ``value``, ``slack`` and both texts.

        The slack is half a unit of the last digit shown: no reader can tell less from the target.
        """
        figure = FIGURES[self.figure]
        digits = figure.decimals + (0 if figure.unit == "yuan" else 2)
        return {
            "bound": self.bound,
            "value": self.value,
            "slack": 0.5 * 10.0**-digits,
            "good": self._text("good", lang),
            "bad": self._text("bad", lang),
        }

    def _text(self, tone: str, lang: str) -> str:
        shown = format_figure(self.figure, self.value, lang)
        named = f"targets.of.{self.figure}"
        of = say(named if named in catalogue() else "targets.of.figure", lang)
        return say(f"targets.card.{self.bound}_{tone}", lang, of=of, value=shown)


Goals = Mapping[str, Goal]


def read_targets(frame: pd.DataFrame | None) -> dict[str, Goal]:
    """Return the published targets by figure; none where the table is missing.

    Args:
        frame: The table ``targets``, as :meth:`cvm.plan.target_book.TargetBook.frame` gives it.
    """
    if frame is None:
        return {}
    return {
        str(row["figure"]): Goal(
            figure=str(row["figure"]),
            bound=str(row["bound"]),
            value=float(row["value"]),
            source={lang: _source(row, lang) for lang in LANGUAGES},
        )
        for row in frame.dropna(subset=["value"]).to_dict("records")
    }


def _source(row: Mapping[Any, Any], lang: str) -> str:
    first = row["first_month"]
    month = parse_month(first if isinstance(first, str) else pd.Timestamp(first).date())
    return say(
        "targets.note.source",
        lang,
        set_by=row[f"set_by_{lang}"],
        month=format_month(month, lang),
    )


def card_target(goals: Goals, figure: str, value: float | None, lang: str) -> dict[str, str]:
    """Return ``target`` and ``target_tone`` of a card; both empty without a target or a value."""
    if value is None or pd.isna(value) or figure not in goals:
        return dict(NO_TARGET)
    return judge(goals[figure].plain(lang), value)


def card_gauge(
    goals: Goals, figure: str, value: float | None, label: str, lang: str
) -> dict[str, Any] | None:
    """Return a gauge of the figure against its target; ``None`` where there is nothing to gauge.

    A target of zero or less marks no place on a scale that begins at zero.
    """
    if value is None or pd.isna(value) or figure not in goals or goals[figure].value <= 0:
        return None
    goal = goals[figure]
    alt = say(
        f"targets.card.gauge_{goal.bound}",
        lang,
        label=label,
        shown=format_figure(figure, value, lang),
        value=format_figure(figure, goal.value, lang),
    )
    return gauge_of(value / goal.value, alt)


def gauge_of(used: float, alt: str) -> dict[str, Any]:
    """Return a gauge of an amount as a multiple of what it is held to, which is at the mark."""
    fill = min(max(used / GAUGE_REACH, 0.0), 1.0)
    return {"fill": fill, "mark": 1 / GAUGE_REACH, "alt": alt}


def live_targets(goals: Goals, figures: Iterable[str], lang: str) -> dict[str, dict[str, Any]]:
    """Return what a page's script needs to judge figures that levers move, by figure."""
    return {name: goals[name].plain(lang) for name in figures if name in goals}


def judge(target: Mapping[str, Any] | None, value: float | None) -> dict[str, str]:
    """Return ``target`` and ``target_tone`` of a figure that levers move.

    Args:
        target: One of :func:`live_targets`; ``None`` where there is none.
        value: The figure; ``None`` where it cannot be told.
    """
    if target is None or value is None:
        return dict(NO_TARGET)
    beyond = value - target["value"] if target["bound"] == "at_most" else target["value"] - value
    tone = "good" if beyond <= target["slack"] else "bad"
    return {"target": target[tone], "target_tone": tone}


def target_notes(goals: Goals, figures: Iterable[str], lang: str) -> list[str]:
    """Return a note on who set a page's targets and since when; nothing where it has none."""
    sources = list(dict.fromkeys(goals[name].source[lang] for name in figures if name in goals))
    if not sources:
        return []
    return [say("targets.note.sources", lang, list=("；" if lang == "zh" else "; ").join(sources))]


def format_figure(figure: str, value: float, lang: str) -> str:
    """Return a figure as its cards and targets show it."""
    kind = FIGURES[figure]
    if kind.unit == "yuan":
        if not kind.decimals:
            return format_yuan(value, lang)
        text = f"{abs(value):,.{kind.decimals}f}"
        text = f"{text}元" if lang == "zh" else f"¥{text}"
        return ("−" if value < 0 else "") + text
    text = format_share(abs(value), decimals=kind.decimals)
    sign = "−" if value < 0 else "+" if value > 0 and kind.unit in ("change", "return") else ""
    return sign + text
