"""Charts of who is worth what: value by tier, who stays, prepaid customers by silence."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cvm.core.i18n import say
from cvm.core.money import format_share, format_yuan
from cvm.segments.lifetime_tiers import CARD_ORDER
from cvm.segments.lifetime_words import AREA, FEWEST_NAMED, group_name
from cvm.segments.purchases_words import nouns
from cvm.views.chart_parts import axes_for, lying_grid, name_farthest_or_legend, say_beside
from cvm.views.theme import Width, count_axis, share_axis, themed

if TYPE_CHECKING:
    from cvm.segments.lifetime_backtest import LifetimeBacktest
    from cvm.segments.lifetime_tiers import TierLifetimes
    from cvm.segments.purchases_value import PrepaidValue

_ROW_PX = {"wide": 46, "phone": 44}
_HEAD_PX = 70


def plot_tier_values(
    value: TierLifetimes,
    ax: Axes | None = None,
    *,
    lang: str = "en",
    width: Width = "wide",
    column: str = "value_yuan",
) -> Axes:
    """Draw what a customer of each tier is worth, with intervals; losses are in the accent.

    Tiers of fewer than ten customers, and those that cannot be told, are named without a bar.

    Args:
        value: The tiers.
        ax: Where to draw; a new figure by default.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
        column: ``value_yuan``, or ``point_yuan`` for what a point of retention adds.
    """
    with themed(lang, width) as palette:
        table = value.table
        height = _HEAD_PX + _ROW_PX[width] * len(table)
        axes = axes_for(ax, width, height)
        shown = (table["customers"] >= FEWEST_NAMED) & (table["reason"] == "")
        amount = table[column].where(shown)
        places = np.arange(len(table))
        colors = [palette.accent if number < 0 else palette.main for number in amount]
        axes.barh(places, amount.fillna(0.0), color=colors, height=0.55)
        spread = np.array([amount - table[f"{column}_low"], table[f"{column}_high"] - amount])
        axes.errorbar(
            amount, places, xerr=np.clip(spread, 0, None), fmt="none", ecolor=palette.ink, lw=1.5
        )
        axes.set_yticks(places, [_tier_label(row, lang) for _, row in table.iterrows()])
        axes.invert_yaxis()
        lying_grid(axes)
        edges = table.loc[shown, [f"{column}_low", f"{column}_high"]]
        largest = float(edges.abs().max().max()) if shown.any() else 0.0
        unit = count_axis(axes, lang, largest=largest, unit="yuan", axis="x")
        for place, number, high in zip(places, amount, table[f"{column}_high"], strict=True):
            if np.isfinite(number):
                at = (max(number, high, 0.0), place)
                say_beside(axes, format_yuan(number, lang), at, gap=6)
        axes.margins(x=0.2)
        axes.set_xlabel(say(f"{AREA}.chart.{column}", lang, unit=unit, months=value.horizon_months))
    return axes


def _tier_label(row: pd.Series, lang: str) -> str:
    name = group_name(row["tier"], lang)
    if row["customers"] < FEWEST_NAMED:
        return f"{name}\n{say(f'{AREA}.chart.few', lang)}"
    return f"{name}\n{say(f'{AREA}.chart.untold', lang)}" if row["reason"] else name


def plot_staying(
    value: TierLifetimes, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the share of today's customers of each tier still here by months ahead.

    Bands are intervals; each line carries its tier's name at its end.

    Args:
        value: What customers of each tier are worth.
        ax: Axes to draw on; a new figure by default.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
    """
    with themed(lang, width) as palette:
        axes = axes_for(ax, width, 336)
        known = [palette.ink, palette.main, palette.accent, palette.muted, palette.light]
        # Text needs more contrast than a line.
        text_colors = {palette.accent: palette.accent_text, palette.light: palette.ink}
        shown = value.table[value.table["customers"] >= FEWEST_NAMED]
        names, ends = [], []
        for place, tier in enumerate(shown["tier"]):
            part = value.ahead[value.ahead["tier"] == tier]
            if not part["staying_share"].notna().any():
                continue
            color = known[place % len(known)]
            axes.fill_between(
                part["ahead_periods"], part["low"], part["high"], color=color, alpha=0.15, lw=0
            )
            axes.plot(part["ahead_periods"], part["staying_share"], color=color)
            names.append((group_name(tier, lang), color))
            ends.append(float(part["staying_share"].iloc[-1]))
        axes.set_ylim(0, 1.02)
        axes.set_xlim(0, value.horizon_months)
        share_axis(axes)
        for (name, color), at in zip(names, _apart(ends, 0.06), strict=True):
            say_beside(
                axes,
                name,
                (value.horizon_months, at),
                color=text_colors.get(color, color),
                annotation_clip=False,
                gap=6,
            )
        axes.set_xlabel(say(f"{AREA}.chart.ahead_months", lang))
        axes.set_ylabel(
            say(
                f"{AREA}.chart.staying",
                lang,
                confidence=format_share(value.stated["confidence"], decimals=0),
            )
        )
    return axes


def _apart(places: list[float], least: float) -> list[float]:
    """Move labels apart, so that each lies ``least`` from the next, in their order."""
    order = np.argsort(places, kind="stable")
    found = list(places)
    for below, above in pairwise(order):
        found[above] = max(found[above], found[below] + least)
    over = max(found, default=0.0) - 1.0
    return [place - over for place in found] if over > 0 else found


def plot_tier_test(
    test: LifetimeBacktest, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw how far the forecast of each tier's customers and the naive one were from the count.

    At the last held-out period; tiers of fewer than ten customers, and those without a forecast,
    are left out.

    Args:
        test: Of cohorts added up by tier.
        ax: Where to draw; a new figure by default.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
    """
    with themed(lang, width) as palette:
        rows = test.rows[test.rows["ahead_periods"] == test.periods]
        few = rows[["now_customers", "actual_customers"]].min(axis=1) < FEWEST_NAMED
        rows = rows[~few & rows["expected_customers"].notna()]
        known = {name: place for place, name in enumerate(CARD_ORDER)}
        rows = rows.sort_values("tier", key=lambda tiers: tiers.map(known).fillna(len(known)))
        height = _HEAD_PX + 30 + _ROW_PX[width] * max(len(rows), 1)
        axes = axes_for(ax, width, height)
        places = np.arange(len(rows))
        missed = {
            name: rows[name] / rows["actual_customers"] - 1
            for name in ("low", "high", "expected_customers", "naive_customers")
        }
        axes.axvline(0, color=palette.muted, lw=1)
        axes.hlines(places, missed["low"], missed["high"], color=palette.light, lw=6)
        for name, key, color, marker in (
            ("naive_customers", "naive", palette.accent, "D"),
            ("expected_customers", "expected", palette.main, "o"),
        ):
            label = say(f"{AREA}.chart.{key}", lang)
            axes.plot(missed[name], places, marker, color=color, label=label)
        axes.set_yticks(places, [group_name(tier, lang) for tier in rows["tier"]])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        lying_grid(axes)
        share_axis(axes, axis="x")
        names = tuple(say(f"{AREA}.chart.{key}", lang) for key in ("naive", "expected"))
        pairs = pd.concat([missed["naive_customers"], missed["expected_customers"]], axis=1)
        name_farthest_or_legend(
            axes, pairs.to_numpy(float), (names[0], names[1]), (palette.accent_text, palette.main)
        )
        axes.set_xlabel(
            say(
                f"{AREA}.chart.missed",
                lang,
                months=test.periods,
                confidence=format_share(test.fit.confidence, decimals=0),
            )
        )
    return axes


def plot_prepaid(
    value: PrepaidValue, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the share of prepaid customers still active by months of silence."""
    with themed(lang, width) as palette:
        axes = axes_for(ax, width, 300)
        table = value.groups
        axes.bar(
            table["silent"],
            table["active_customers"] / table["customers"],
            color=palette.main,
            width=0.6,
        )
        places = table["silent"].tolist()
        axes.set_xticks(places, [*map(str, places[:-1]), f"{places[-1]}+"])
        axes.set_ylim(0, 1.02)
        share_axis(axes)
        last = nouns(value.of, lang)["purchase"]
        axes.set_xlabel(say(f"{AREA}.chart.silent", lang, purchase=last))
        axes.set_ylabel(say(f"{AREA}.chart.active", lang))
    return axes
