"""Charts of lifetime value: survival, value by tier, back-tests, purchases, concentration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.segments.lifetime_words import group_name
from cvm.segments.purchases_words import Of, nouns
from cvm.views.chart_parts import axes_for, lying_grid, name_ends, name_line, say_instead
from cvm.views.theme import Palette, Width, count_axis, share_axis, themed

if TYPE_CHECKING:
    from cvm.segments.concentration import Concentration
    from cvm.segments.lifetime import LifetimeFit
    from cvm.segments.lifetime_backtest import LifetimeBacktest
    from cvm.segments.lifetime_value import LifetimeValue
    from cvm.segments.purchases import PurchaseFit
    from cvm.segments.purchases_backtest import PurchaseBacktest

AREA = "segments_lifetime"
# Column → word of its series and how it is drawn.
Styles = dict[str, tuple[str, dict[str, Any]]]
_AHEAD_SHARE = 0.5


def plot_survival(
    fit: LifetimeFit, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the share still customers by age: observed dots, fitted curve, interval, projection.

    Observed shares chain the retention of everyone seen at risk at an age, so cohorts first seen
    late count too. Groups whose model cannot be told show their dots alone.
    """
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        last = int(fit.cohorts.frame["age_periods"].max())
        curves = fit.survival(max(last + 1, round(last * (1 + _AHEAD_SHARE))))
        ends = []
        for color, item in zip(_colors(palette, len(fit.estimates)), fit.estimates, strict=True):
            curve = curves[curves["group"] == item.name]
            axes.fill_between(
                curve["age_periods"], curve["low"], curve["high"], color=color, alpha=0.18, lw=0
            )
            axes.plot(curve["age_periods"], curve["survival_share"], color=color)
            kept = np.cumprod(item.risk.kept / item.risk.at_risk)
            # A group first seen late starts where its own curve stands.
            start = 1.0
            if item.told and len(item.risk.ages):
                before = curve["age_periods"] == item.risk.ages[0] - 1
                start = float(curve.loc[before, "survival_share"].iloc[0])
            axes.plot(item.risk.ages, start * kept, "o", color=color, ms=4)
            seen = curve["survival_share"] if item.told else start * kept
            if len(seen):
                text = palette.muted if color == palette.light else color
                ends.append((float(np.asarray(seen)[-1]), group_name(item.name, lang), text))
        axes.set_ylim(0, 1.02)
        axes.set_xlim(left=0)
        _whole_axis(axes)
        share_axis(axes)
        axes.set_xlabel(_say(_timed("age", fit), lang))
        axes.set_ylabel(_say("survival", lang))
        axes.set_title(
            f"{_say('observed', lang)} ●  {_say('interval', lang, confidence=_share(fit))}"
        )
        name_ends(axes, float(curves["age_periods"].max()), ends)
    return axes


def plot_backtest(
    test: LifetimeBacktest, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw customers of all cohorts by period ahead: what came, the forecast, the naive one."""
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        table = test.summary()
        if not table["model_error_share"].notna().any():
            return say_instead(axes, _say("nothing", lang))
        ahead = table["ahead_periods"]
        styles: Styles = {
            "naive_customers": ("naive", {"color": palette.muted, "linestyle": (0, (4, 2))}),
            "expected_customers": ("expected", {"color": palette.main}),
            "actual_customers": ("observed", {"color": palette.ink, "ls": "", "marker": "o"}),
        }
        for column, (_, style) in styles.items():
            axes.plot(ahead, table[column], **style)
        columns = list(styles)
        # From the lowest, not from zero: what is asked is how far the lines lie apart.
        least, largest = float(table[columns].min().min()), float(table[columns].max().max())
        room = max(largest - least, 1.0)
        axes.set_ylim(max(least - 0.35 * room, 0), largest + 0.15 * room)
        axes.set_ylabel(count_axis(axes, lang, largest=largest, unit="customers"))
        _whole_axis(axes)
        axes.set_xlabel(_say(_timed("ahead", test.fit), lang))
        _name_last(axes, table, "ahead_periods", styles, lang)
    return axes


def plot_value(
    value: LifetimeValue, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the value of today's customers by tier with its interval; losses are in the accent."""
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        table = value.groups
        if not table["value_yuan"].notna().any():
            return say_instead(axes, _say("nothing", lang))
        places = np.arange(len(table))
        amount = table["value_yuan"].fillna(0.0)
        colors = [palette.accent if number < 0 else palette.main for number in amount]
        axes.barh(places, amount, color=colors, height=0.55)
        spread = np.array(
            [amount - table["low_yuan"].fillna(0.0), table["high_yuan"].fillna(0.0) - amount]
        )
        axes.errorbar(
            amount, places, xerr=np.clip(spread, 0, None), fmt="none", ecolor=palette.ink, lw=1.5
        )
        names = [
            group_name(group, lang) + (f" ({_say('nothing', lang)})" if reason else "")
            for group, reason in zip(table["group"], table["reason"], strict=True)
        ]
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        lying_grid(axes)
        largest = float(table[["low_yuan", "high_yuan"]].abs().max().max())
        axes.set_xlabel(count_axis(axes, lang, largest=largest, unit="yuan", axis="x"))
    return axes


def plot_purchases(
    fit: PurchaseFit, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the share of prepaid customers still active by repeat purchases so far."""
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        if fit.reason:
            return say_instead(axes, _say("nothing", lang))
        table = fit.by_repeats(1.0)
        axes.bar(
            table["repeats"], table["active_customers"] / table["customers"], color=palette.main
        )
        axes.set_ylim(0, 1.02)
        share_axis(axes)
        _repeats_axis(axes, table, fit.of, lang)
        axes.set_ylabel(_say("active", lang))
    return axes


def plot_purchases_backtest(
    test: PurchaseBacktest, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw purchases a customer in the held-out time by repeat purchases before it."""
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        styles: Styles = {
            "naive_purchases": ("naive", {"color": palette.muted, "linestyle": (0, (4, 2))}),
            "expected_purchases": ("expected", {"color": palette.main}),
            "actual_purchases": ("came", {"color": palette.ink, "ls": "", "marker": "o"}),
        }
        table = test.rows[["repeats"]].copy()
        for column, (_, style) in styles.items():
            table[column] = test.rows[column] / test.rows["customers"]
            axes.plot(table["repeats"], table[column], **style)
        axes.set_ylim(bottom=0)
        _repeats_axis(axes, test.rows, test.of, lang, step=test.step)
        bought = nouns(test.of, lang)["purchases"]
        axes.set_ylabel(_say("purchases_each", lang, purchases=bought))
        _name_last(axes, table, "repeats", styles, lang, came={"purchases": bought})
    return axes


def plot_lorenz(
    found: Concentration, ax: Axes | None = None, *, lang: str = "en", width: Width = "wide"
) -> Axes:
    """Draw the Lorenz curve beside the line of customers all alike."""
    with themed(lang, width) as palette:
        axes = axes_for(ax, width)
        if np.isnan(found.gini):
            return say_instead(axes, _say("nothing", lang))
        curve = found.frames()["lorenz"]
        axes.plot([0, 1], [0, 1], color=palette.muted, lw=1)
        axes.plot(curve["customer_share"], curve["value_share"], color=palette.main)
        axes.set_xlim(0, 1)
        axes.set_ylim(min(0.0, float(curve["value_share"].min())), 1)
        share_axis(axes)
        share_axis(axes, axis="x")
        axes.set_xlabel(_say("share_customers", lang))
        axes.set_ylabel(_say("share_value", lang))
        name_line(axes, _say("equal", lang), (0.5, 0.5), above=True, color=palette.muted)
        middle = float(np.interp(0.5, curve["customer_share"], curve["value_share"]))
        name = _say("value_gini", lang, gini=f"{found.gini:.2f}")
        name_line(axes, name, (0.5, middle), above=False, color=palette.main)
    return axes


def _name_last(
    axes: Axes,
    table: pd.DataFrame,
    along: str,
    styles: Styles,
    lang: str,
    **words: dict[str, str],
) -> None:
    """Write each series' name, with its words, at its last known value."""
    known = table.dropna(subset=list(styles))
    if len(known):
        last = known.iloc[-1]
        ends = [
            (float(last[column]), _say(key, lang, **words.get(key, {})), style["color"])
            for column, (key, style) in styles.items()
        ]
        name_ends(axes, float(last[along]), ends)


def _colors(palette: Palette, count: int) -> list[str]:
    known = [palette.main, palette.accent, palette.ink, palette.muted, palette.light]
    return [known[place % len(known)] for place in range(count)]


def _share(fit: LifetimeFit) -> str:
    return format_share(fit.confidence, decimals=0)


def _timed(key: str, fit: LifetimeFit) -> str:
    """Return the key of a label of periods, of months where periods are months."""
    return f"{key}_months" if fit.cohorts.period_months == 1 else key


def _whole_axis(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))


def _repeats_axis(axes: Axes, table: pd.DataFrame, of: Of, lang: str, *, step: int = 1) -> None:
    """Label numbers of repeat purchases, so many a row; the last row is open above."""
    places = table["repeats"].tolist()
    known = [f"{one}–{one + step - 1}" if step > 1 else str(one) for one in places[:-1]]
    axes.set_xticks(places, [*known, f"{places[-1]}+"])
    axes.set_xlabel(_say("repeats", lang, purchases=nouns(of, lang)["purchases"]))


def _say(key: str, lang: str, **values: str) -> str:
    return say(f"{AREA}.chart.{key}", lang, **values)
