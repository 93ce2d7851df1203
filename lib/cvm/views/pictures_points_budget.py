"""The points-budget page's pictures that do not move: a headline, a chart, its figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cvm.core.i18n import say
from cvm.core.money import format_share, format_yuan
from cvm.core.months import format_month
from cvm.points.outlook_words import setting_text
from cvm.views import charts_points_budget as draw
from cvm.views.facts import Facts
from cvm.views.pages import Tables
from cvm.views.picture_parts import Chart, listed
from cvm.views.points_budget_live import AREA, signed_yuan
from cvm.views.theme import Width, new_figure


def make_charts(tables: Tables, facts: Facts, lang: str) -> list[Chart]:
    """Return the charts that the tables allow, in the order of the page."""
    makers = (
        ("path", path_chart),
        ("drivers", tornado_chart),
        ("waterfall", waterfall_chart),
        ("holdout", proof_chart),
    )
    return [
        make(tables[name], facts, lang)
        for name, make in makers
        if name in tables and len(tables[name]) and facts
    ]


def path_chart(path: pd.DataFrame, facts: Facts, lang: str) -> Chart:
    """Cost ÷ revenue to date in the points year, against the cap and last year."""
    last = path.sort_values("month").iloc[-1]
    values = {
        name: format_share(float(last[f"{name}_share"]), decimals=2)
        for name in ("cost", "low", "high", "cap")
    }
    title = say(f"{AREA}.path.title", lang, year=int(facts["year"]), **values)
    alt = say(f"{AREA}.path.alt", lang, **values)

    def paint(width: Width) -> Figure:
        figure = new_figure(width, 360 if width == "wide" else 320)
        draw.draw_path(path, figure.subplots(), lang, ticks=6 if width == "wide" else 3)
        return figure

    columns = ["month", "cost_share", "low_share", "high_share", "cap_share", "last_year_share"]
    return Chart(key="path", title=title, alt=alt, table=_table(path, columns, lang), paint=paint)


def tornado_chart(drivers: pd.DataFrame, facts: Facts, lang: str) -> Chart:
    """What moves the cost: rules by one step, the world between its 10 % and 90 % points."""
    extra = facts.get("extra_years", 1.0)
    frame = drivers.head(draw.MOST_DRIVERS)
    # The widest bar need not reach furthest to one side.
    ends = frame[["low_yuan", "high_yuan"]].abs().max(axis=1)
    top = frame.iloc[int(ends.to_numpy(float).argmax())]
    name = draw.driver_label(str(top["driver"]), str(top["kind"]), lang)
    side = "low" if abs(top["low_yuan"]) > abs(top["high_yuan"]) else "high"
    yuan = float(top[f"{side}_yuan"])
    if top["kind"] == "rule":
        setting = setting_text(
            str(top["driver"]), float(top[f"{side}_setting"]), lang, extra_years=extra
        )
        values = {"lever": name, "setting": setting, "yuan": signed_yuan(yuan, lang)}
        title = say(f"{AREA}.tornado.title", lang, **values)
    else:
        title = say(
            f"{AREA}.tornado.title_world", lang, lever=name, yuan=format_yuan(abs(yuan), lang)
        )
    labels = [
        draw.driver_label(str(driver), str(kind), lang)
        for driver, kind in zip(frame["driver"], frame["kind"], strict=True)
    ]
    items = [
        say(
            f"{AREA}.tornado.alt_item",
            lang,
            driver=label,
            low=signed_yuan(float(low), lang),
            high=signed_yuan(float(high), lang),
        )
        for label, low, high in zip(labels, frame["low_yuan"], frame["high_yuan"], strict=True)
    ]

    def paint(width: Width) -> Figure:
        figure = new_figure(width, 92 + (34 if width == "wide" else 30) * len(frame))
        room = 1.7 if width == "wide" else 2.3
        draw.draw_tornado(drivers, figure.subplots(), lang, extra_years=extra, room=room)
        return figure

    shown = frame.assign(driver=labels)
    return Chart(
        key="tornado",
        title=title,
        alt=say(f"{AREA}.tornado.alt", lang, list=listed(items, lang)),
        table=_table(shown, ["driver", "low_yuan", "high_yuan"], lang),
        paint=paint,
    )


def waterfall_chart(steps: pd.DataFrame, facts: Facts, lang: str) -> Chart:
    """From the last points year's cost to the forecast."""
    amounts = steps["amount_yuan"].to_numpy(float)
    change = amounts[-1] - amounts[0]
    moves = steps.iloc[1:-1]
    side = np.sign(change) or 1.0
    biggest = str(moves["step"].iloc[int((side * moves["amount_yuan"].to_numpy(float)).argmax())])
    years = {"start": int(facts["last_year"]), "end": int(facts["year"])}
    labels = [
        say(f"{AREA}.waterfall.{step}", lang, **({"year": years[step]} if step in years else {}))
        for step in steps["step"]
    ]
    plain = [_one_line(label, lang) for label in labels]
    title = say(
        f"{AREA}.waterfall.title_{'up' if change > 0 else 'down'}",
        lang,
        yuan=format_yuan(abs(change), lang),
        step=_within(say(f"points_budget.step.{biggest}", lang)),
    )
    ends = {0, len(amounts) - 1}
    items = [
        f"{label} {format_yuan(v, lang) if at in ends else signed_yuan(v, lang)}"
        for at, (label, v) in enumerate(zip(plain, amounts, strict=True))
    ]

    def paint(width: Width) -> Figure:
        figure = new_figure(width, 360 if width == "wide" else 320)
        draw.draw_waterfall(steps, labels, figure.subplots(), lang)
        return figure

    return Chart(
        key="waterfall",
        title=title,
        alt=say(f"{AREA}.waterfall.alt", lang, list=listed(items, lang)),
        table=_table(steps.assign(step=plain), ["step", "amount_yuan"], lang),
        paint=paint,
    )


def proof_chart(holdout: pd.DataFrame, facts: Facts, lang: str) -> Chart:
    """Last year's forecast beside what came."""
    row = holdout.iloc[0]
    title = say(
        f"{AREA}.proof.title",
        lang,
        error=format_share(abs(float(row["error_share"]))),
        naive=format_share(abs(float(row["naive_error_share"]))),
    )
    names = ("forecast", "low", "high", "actual", "naive")
    values = {name: format_yuan(float(row[f"{name}_yuan"]), lang) for name in names}
    alt = say(f"{AREA}.proof.alt", lang, year=int(row["points_year"]), **values)

    def paint(width: Width) -> Figure:
        figure = new_figure(width, 360 if width == "wide" else 320)
        draw.draw_holdout(row, figure.subplots(), lang)
        return figure

    shown = holdout.rename(columns={"low_yuan": "cost_low_yuan", "high_yuan": "cost_high_yuan"})
    columns = [
        "points_year", "forecast_yuan", "cost_low_yuan", "cost_high_yuan", "actual_yuan",
        "naive_yuan",
    ]  # fmt: skip
    return Chart(key="proof", title=title, alt=alt, table=_table(shown, columns, lang), paint=paint)


def _table(frame: pd.DataFrame, columns: list[str], lang: str) -> dict[str, Any]:
    kept = [column for column in columns if column in frame]
    return {
        "columns": [say(f"{AREA}.column.{column}", lang) for column in kept],
        "rows": [
            [_cell(value, column, lang) for column, value in zip(kept, row, strict=True)]
            for row in frame[kept].itertuples(index=False)
        ],
    }


def _cell(value: Any, column: str, lang: str) -> str:
    if column == "month":
        return format_month(pd.Timestamp(value).date(), lang)
    if isinstance(value, str):
        return value
    if value is None or pd.isna(value):
        return "–"
    if column.endswith("_share"):
        return f"{100 * value:.2f}"
    return str(int(value)) if column == "points_year" else f"{value:,.0f}"


def _within(name: str) -> str:
    """Return a name as it stands within a sentence."""
    return name[:1].lower() + name[1:]


def _one_line(label: str, lang: str) -> str:
    return label.replace("\n", "" if lang == "zh" else " ")
