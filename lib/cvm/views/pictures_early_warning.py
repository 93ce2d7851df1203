"""The early-warning page's pictures that do not move: a headline, a chart, its figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.core.months import format_month
from cvm.segments.score import best_healths
from cvm.views import segments_warning as draw
from cvm.views.facts import Facts
from cvm.views.pages import Tables
from cvm.views.picture_parts import Chart, figures_table, listed, painter
from cvm.views.segments_churn import draw_calibration

AREA = "early_warning"
FEWEST_LISTS = 2
"""Past lists that make a course."""
TRACK_SHARES = (
    "precision_share",
    "precision_low_share",
    "precision_high_share",
    "base_share",
    "caught_share",
)


def make_charts(tables: Tables, facts: Facts, lang: str) -> list[Chart]:
    """Return the charts that the tables allow, in the order of the page."""
    makers: tuple[tuple[str, Callable[[pd.DataFrame, str], Chart | None]], ...] = (
        ("reasons", reasons_chart),
        ("track", lambda track, lang: track_chart(track, facts, lang)),
        ("scored", scored_chart),
        ("calibration", calibration_chart),
        ("healths", healths_chart),
    )
    charts = {
        name: make(tables[name], lang)
        for name, make in makers
        if name in tables and len(tables[name])
    }
    if charts.get("track"):
        # The last list is the last of these.
        charts.pop("scored", None)
    return [chart for chart in charts.values() if chart is not None]


def reasons_chart(cells: pd.DataFrame, lang: str) -> Chart | None:
    """Value at risk by first reason, called and beyond capacity."""
    shown = cells.dropna(subset=["value_at_risk_yuan", "customers"])
    if shown.empty:
        return None
    # A reason of which a part is withheld may be the largest, so nothing is said of its whole.
    partly = cells.loc[~cells.index.isin(shown.index), "reason"]
    whole = shown[~shown["reason"].isin(partly)]
    sums = whole.groupby("reason")[["customers", "value_at_risk_yuan"]].sum()
    sums = sums.sort_values("value_at_risk_yuan", ascending=False)
    names = [draw.trigger_name(str(name), lang) for name in sums.index]
    values = [format_yuan(float(one), lang) for one in sums["value_at_risk_yuan"]]
    sizes = [format_number(float(one), lang, digits=4) for one in sums["customers"]]
    kind = "_short" if len(sums) < 2 else "_shown" if len(partly) else ""
    first = {"reason": names[0], "value": values[0], "customers": sizes[0]} if len(sums) else {}
    title = say(f"{AREA}.chart.reasons_title{kind}", lang, **first)
    items = [
        say(f"{AREA}.chart.reasons_item", lang, reason=name, value=value, customers=size)
        for name, value, size in zip(names, values, sizes, strict=True)
    ]
    rows = [
        [
            draw.trigger_name(row["reason"], lang),
            say(f"segments_warning.fate.{row['status']}", lang),
            f"{row['customers']:,.0f}",
            f"{row['expected_leavers']:,.1f}",
            f"{row['value_at_risk_yuan']:,.0f}",
        ]
        for row in shown.sort_values("value_at_risk_yuan", ascending=False).to_dict("records")
    ]
    columns = ("reason", "status", "customers", "expected_leavers", "value_at_risk_yuan")
    return Chart(
        key="reasons",
        title=title,
        alt=say(f"{AREA}.chart.reasons_alt", lang, list=listed(items, lang)) if items else title,
        table=figures_table(AREA, columns, rows, lang),
        paint=painter(lambda axes, _: draw.draw_reasons(shown, axes, lang), 300, 300),
    )


def track_chart(track: pd.DataFrame, facts: Facts, lang: str) -> Chart | None:
    """Past lists by month: who left of them, of the base, and what was expected."""
    told = track.dropna(subset=["precision_share", "lift"]).sort_values("month")
    if len(told) < FEWEST_LISTS:
        return None
    clear = int((told["lift_low"] > 1).sum())
    values = {
        "lists": len(told),
        "clear": clear,
        "low": f"{told['lift'].min():.1f}",
        "high": f"{told['lift'].max():.1f}",
    }
    months = [format_month(pd.Timestamp(month).date(), lang) for month in told["month"]]
    rows, items = [], []
    for month, row in zip(months, told.to_dict("records"), strict=True):
        shares = [format_share(row[name]) for name in TRACK_SHARES]
        counts = [f"{row['listed']:,.0f}", f"{row['listed_left']:,.0f}",
                  f"{row['expected_leavers']:,.1f}"]  # fmt: skip
        rows.append([month, *counts, *shares, f"{row['lift']:.1f}"])
        named = {"month": month, "share": shares[0], "base": shares[3]}
        items.append(say(f"{AREA}.chart.track_item", lang, **named))
    columns = ("list_month", "listed", "left", "expected_leavers", "left_share", "low_share",
               "high_share", "base_share", "caught_share", "lift")  # fmt: skip
    ahead = int(facts.get("months_ahead", 1))
    return Chart(
        key="track",
        title=say(
            f"{AREA}.chart.track_title_{'all' if clear == len(told) else 'some'}", lang, **values
        ),
        alt=say(f"{AREA}.chart.track_alt", lang, months=ahead, list=listed(items, lang)),
        table=figures_table(AREA, columns, rows, lang),
        paint=painter(
            lambda axes, width: draw.draw_track(
                track, axes, lang, months=ahead, ticks=draw.TICKS[width]
            ),
            320,
            300,
        ),
    )


def scored_chart(groups: pd.DataFrame, lang: str) -> Chart | None:
    """The share who left of last list, beside all others."""
    shares = groups.set_index("group")["left_share"]
    if not {"listed", "rest"} <= set(shares.dropna().index):
        return None
    values = {name: format_share(float(shares[name])) for name in ("listed", "rest")}
    rows = [
        [
            say(f"{AREA}.scored.{row['group']}", lang),
            f"{row['customers']:,.0f}",
            f"{row['left']:,.0f}",
            format_share(row["left_share"]),
            format_share(row["low_share"]),
            format_share(row["high_share"]),
        ]
        for row in groups.to_dict("records")
    ]
    columns = ("group", "customers", "left", "left_share", "low_share", "high_share")
    return Chart(
        key="scored",
        title=say(f"{AREA}.chart.scored_title", lang, **values),
        alt=say(f"{AREA}.chart.scored_alt", lang, **values),
        table=figures_table(AREA, columns, rows, lang),
        paint=painter(lambda axes, _: draw.draw_scored(groups, axes, lang), 300, 240),
    )


def calibration_chart(curve: pd.DataFrame, lang: str) -> Chart | None:
    """What customers were given as their risk, and how many left, on later months."""
    shown = curve.dropna(subset=["expected_share", "observed_share"]).sort_values("group")
    # Its headline is of the riskiest group.
    if shown.empty or shown["group"].iloc[-1] != curve["group"].max():
        return None
    top = shown.iloc[-1]
    values = {
        "expected": format_share(float(top["expected_share"])),
        "observed": format_share(float(top["observed_share"])),
    }
    inside = (shown["low_share"] <= shown["expected_share"]) & (
        shown["expected_share"] <= shown["high_share"]
    )
    counts = {"inside": int(inside.sum()), "groups": len(shown)}
    names = ("customers", "expected_share", "observed_share", "low_share", "high_share")
    rows = [
        [str(row["group"]), f"{row['customers']:,.0f}", *(format_share(row[n]) for n in names[1:])]
        for row in shown.to_dict("records")
    ]
    return Chart(
        key="calibration",
        title=say(f"{AREA}.chart.calibration_title", lang, **values),
        alt=say(f"{AREA}.chart.calibration_alt", lang, **values, **counts),
        table=figures_table(AREA, ("risk_group", *names), rows, lang),
        paint=painter(lambda axes, _: draw_calibration(shown, axes, lang), 320, 320),
    )


def healths_chart(table: pd.DataFrame, lang: str) -> Chart | None:
    """How well the composite score and each health tell leavers."""
    known = table.dropna(subset=["auc"])
    healths = known[known["score"] != "composite"]
    if healths.empty or len(healths) == len(known):
        return None
    names = {name: say(f"segments_warning.health.{name}", lang) for name in known["score"]}
    best = healths.sort_values("auc").iloc[-1]
    first = [names[name] for name in best_healths(known)]
    whole = known[known["score"] == "composite"].iloc[0]
    values = {
        "best": names[best["score"]],
        "auc": f"{best['auc']:.2f}",
        "composite": f"{whole['auc']:.2f}",
    }
    rows = [
        [
            names[row["score"]],
            *(f"{row[name]:.3f}" for name in ("auc", "auc_low", "auc_high", "ratio")),
        ]
        for row in known.to_dict("records")
    ]
    columns = ("score", "auc", "auc_low", "auc_high", "ratio")
    return Chart(
        key="healths",
        title=say(
            f"{AREA}.chart.healths_title{'_close' if len(first) > 1 else ''}",
            lang,
            best=_both(first, lang) or values["best"],
        ),
        alt=say(f"{AREA}.chart.healths_alt", lang, **values),
        table=figures_table(AREA, columns, rows, lang),
        paint=painter(lambda axes, _: draw.draw_healths(known, axes, lang), 320, 320),
    )


def _both(names: Sequence[str], lang: str) -> str:
    """Return names as a sentence lists them, the last one after "and"."""
    *first, last = names or ("",)
    if not first:
        return last
    listed = say("segments_churn.list", lang).join(first)
    return say(f"{AREA}.chart.healths_both", lang, one=listed, other=last)
