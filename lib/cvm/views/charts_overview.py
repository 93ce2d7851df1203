"""The overview's charts as the page shows them: a headline, a picture in two widths, its figures.

A headline says what the picture shows, from the same values. Where a table is absent or wholly
withheld there is no chart; the page's notes say so.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cvm.core.i18n import say
from cvm.core.money import format_number, format_points, format_share, format_yuan
from cvm.core.months import format_month
from cvm.views import overview as draw
from cvm.views import overview_groups as groups
from cvm.views.cards_overview import LEVEL_POINTS, LEVEL_SHARE
from cvm.views.facts import Facts, fact_month
from cvm.views.names import group_label
from cvm.views.pages import Tables
from cvm.views.picture_parts import Chart, listed
from cvm.views.theme import Width, new_figure

FEWEST_CHURN_MONTHS = 2


def make_charts(tables: Tables, facts: Facts, lang: str) -> list[Chart]:
    """Return the charts that the tables allow, in the order of the page."""
    makers = (
        ("overview_months", base_chart),
        ("overview_months", churn_chart),
        ("overview_tiers", tiers_chart),
        ("overview_points_years", points_chart),
        ("overview_counties", counties_chart),
    )
    charts = [
        make(tables[table], facts, lang)
        for table, make in makers
        if table in tables and len(tables[table])
    ]
    return [chart for chart in charts if chart is not None]


def _ticks(width: Width) -> int:
    return 7 if width == "wide" else 4


def _month(value: Any, lang: str) -> str:
    return format_month(pd.Timestamp(value).date(), lang)


def _cell(value: Any, column: str, lang: str) -> str:
    """Return a cell as a text; a missing one is an en dash."""
    if column == "month":
        return _month(value, lang)
    if column in ("vip_tier", "brand"):
        return group_label(column.removeprefix("vip_"), value, lang)
    if column == "county":
        return str(value)
    if value is None or pd.isna(value):
        return "–"
    if column in ("churn_share", "cost_share", "cap_share"):
        return f"{100 * value:.2f}"
    if column.endswith("_share"):
        return f"{100 * value:.1f}"
    if column == "points_year":
        return str(int(value))
    return f"{value:,.1f}" if column == "arpu_yuan" else f"{value:,.0f}"


def text_table(frame: pd.DataFrame, columns: list[str], lang: str) -> dict[str, Any]:
    """Return a frame's columns as texts, for the table under a chart."""
    kept = [column for column in columns if column in frame]
    return {
        "columns": [say(f"overview.column.{column}", lang) for column in kept],
        "rows": [
            [_cell(value, column, lang) for column, value in zip(kept, row, strict=True)]
            for row in frame[kept].itertuples(index=False)
        ],
    }


def _numbers(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame:
        return pd.Series(np.nan, index=frame.index)
    return pd.to_numeric(frame[column], errors="coerce").astype("float64")


def _told(months: pd.DataFrame) -> pd.DataFrame:
    """Return months without leavers where churn is unknown.

    Who left in the data's first month was a customer of one that is not in them: none is no count.
    """
    if not {"left", "churn_share"} <= set(months):
        return months
    return months.assign(left=_numbers(months, "left").where(months["churn_share"].notna()))


def base_chart(months: pd.DataFrame, facts: Facts, lang: str) -> Chart | None:
    """Customers and revenue by month."""
    frame = draw.by_month(months)
    customers = _numbers(frame, "customers").dropna()
    if customers.empty:
        return None
    last = fact_month(facts) or frame["month"].iloc[-1]
    change = facts.get("customers_change_share")
    now = format_number(customers.iloc[-1], lang)
    revenue_now = format_yuan(_numbers(frame, "revenue_yuan").iloc[-1], lang)
    if change is None or "revenue_year_yuan" not in facts:
        title = say(
            "overview.base.title_short",
            lang,
            customers=now,
            revenue=revenue_now,
            month=_month(last, lang),
        )
    else:
        level = abs(change) < LEVEL_SHARE
        title = say(
            f"overview.base.title_{'level' if level else 'up' if change > 0 else 'down'}",
            lang,
            change=format_share(abs(change)),
            revenue=format_yuan(facts["revenue_year_yuan"], lang),
        )
    alt = say(
        "overview.base.alt",
        lang,
        first=_month(frame["month"].iloc[0], lang),
        last=_month(frame["month"].iloc[-1], lang),
        customers=now,
        revenue=revenue_now,
    )

    def paint(width: Width) -> Figure:
        figure = new_figure(width, 400 if width == "wide" else 350)
        draw.draw_base(months, figure, lang, ticks=_ticks(width))
        return figure

    columns = ["month", "customers", "joined", "left", "revenue_yuan"]
    newest_first = frame.iloc[::-1]
    return Chart(
        key="base",
        title=title,
        alt=alt,
        table=text_table(_told(newest_first), columns, lang),
        paint=paint,
    )


def churn_chart(months: pd.DataFrame, facts: Facts, lang: str) -> Chart | None:
    """Churn by month with the means of two years."""
    frame = draw.by_month(months)
    churn = _numbers(frame, "churn_share").dropna()
    if len(churn) < FEWEST_CHURN_MONTHS or "churn_share" not in facts:
        return None
    now, before = facts["churn_share"], facts.get("churn_before_share")
    shown = format_share(now, decimals=2)
    if before is None:
        title = say("overview.churn.title_short", lang, churn=shown)
    else:
        level = abs(now - before) < LEVEL_POINTS
        title = say(
            f"overview.churn.title_{'level' if level else 'up' if now > before else 'down'}",
            lang,
            churn=shown,
            change=format_points(abs(now - before)).lstrip("+"),
        )
    alt = say(
        "overview.churn.alt",
        lang,
        first=_month(frame["month"].iloc[0], lang),
        last=_month(frame["month"].iloc[-1], lang),
        low=format_share(churn.min(), decimals=2),
        high=format_share(churn.max(), decimals=2),
        churn=shown,
    )

    def paint(width: Width) -> Figure:
        figure = new_figure(width, 400 if width == "wide" else 350)
        draw.draw_churn(
            months,
            figure.subplots(),
            lang,
            mean_share=now,
            mean_before_share=before,
            ticks=_ticks(width),
        )
        return figure

    columns = ["month", "customers", "left", "churn_share"]
    table = text_table(_told(frame.iloc[::-1]), columns, lang)
    return Chart(key="churn", title=title, alt=alt, table=table, paint=paint)


def tiers_chart(tiers: pd.DataFrame, facts: Facts, lang: str) -> Chart | None:
    """Share of customers and of revenue by card tier."""
    customers = _numbers(tiers, "customer_share")
    revenue = _numbers(tiers, "revenue_share")
    if not (customers.notna() & revenue.notna()).any():
        return None
    holders = tiers["vip_tier"].astype(str) != "none"
    if customers[holders].notna().all() and revenue[holders].notna().all() and holders.any():
        title = say(
            "overview.tiers.title",
            lang,
            customers=format_share(customers[holders].sum()),
            revenue=format_share(revenue[holders].sum()),
        )
    else:
        title = say("overview.tiers.title_short", lang)
    items = [
        say(
            "overview.tiers.alt_item",
            lang,
            tier=group_label("tier", tier, lang),
            customers=format_share(left),
            revenue=format_share(right),
        )
        for tier, left, right in zip(tiers["vip_tier"], customers, revenue, strict=True)
    ]

    def paint(width: Width) -> Figure:
        figure = new_figure(width, 96 + (48 if width == "wide" else 42) * len(tiers))
        groups.draw_tiers(tiers, figure.subplots(), lang)
        return figure

    columns = ["vip_tier", "customers", "customer_share", "revenue_yuan", "revenue_share"]
    columns += ["arpu_yuan", "churn_share"]
    return Chart(
        key="tiers",
        title=title,
        alt=say("overview.tiers.alt", lang, list=listed(items, lang)),
        table=text_table(tiers, columns, lang),
        paint=paint,
    )


def points_chart(years: pd.DataFrame, facts: Facts, lang: str) -> Chart | None:
    """Points cost against the cap by points year."""
    cost = _numbers(years, "cost_share")
    if not cost.notna().any():
        return None
    share, cap, year = (facts.get(key) for key in ("points_cost_share", "cap_share", "points_year"))
    if share is None or cap is None or year is None:
        title = say("overview.points.title_short", lang)
    else:
        months = int(facts.get("points_year_months", draw.MONTHS_IN_YEAR))
        running = "running_" if months < draw.MONTHS_IN_YEAR else ""
        title = say(
            f"overview.points.title_{running}{'above' if share > cap else 'within'}",
            lang,
            year=int(year),
            months=months,
            cost=format_share(share, decimals=2),
            cap=format_share(cap, decimals=2),
        )
    items = [
        say("overview.points.alt_item", lang, year=int(y), cost=format_share(c, decimals=2))
        for y, c in zip(years["points_year"], cost, strict=True)
    ]
    caps = _numbers(years, "cap_share").dropna()

    def paint(width: Width) -> Figure:
        figure = new_figure(width, 336 if width == "wide" else 306)
        groups.draw_points_years(years, figure.subplots(), lang)
        return figure

    columns = ["points_year", "months", "points_cost_yuan", "revenue_yuan", "cost_share"]
    return Chart(
        key="points",
        title=title,
        alt=say(
            "overview.points.alt",
            lang,
            cap=format_share(caps.iloc[-1] if len(caps) else None, decimals=2),
            list=listed(items, lang),
        ),
        table=text_table(years, [*columns, "cap_share"], lang),
        paint=paint,
    )


def counties_chart(counties: pd.DataFrame, facts: Facts, lang: str) -> Chart | None:
    """Counties by revenue a customer, beside their churn."""
    frame = groups.sorted_counties(counties)
    arpu, churn = _numbers(frame, "arpu_yuan"), _numbers(frame, "churn_share")
    if not arpu.notna().any():
        return None
    # One county alone is not the first of any, and what is withheld may lie above what is shown.
    if min(arpu.notna().sum(), churn.notna().sum()) > 1:
        whole = arpu.notna().all() and churn.notna().all()
        title = say(
            f"overview.counties.title{'' if whole else '_shown'}",
            lang,
            best=frame["county"].iloc[0],
            arpu=_yuan(arpu.iloc[0], lang),
            worst=frame["county"].iloc[int(churn.argmax())],
            churn=format_share(churn.max(), decimals=2),
        )
    else:
        title = say("overview.counties.title_short", lang)
    items = [
        say(
            "overview.counties.alt_item",
            lang,
            county=county,
            arpu=_yuan(left, lang),
            churn=format_share(right, decimals=2),
        )
        for county, left, right in zip(frame["county"], arpu, churn, strict=True)
    ]
    return Chart(
        key="counties",
        title=title,
        alt=say("overview.counties.alt", lang, list=listed(items, lang)),
        table=text_table(
            frame, ["county", "customers", "revenue_yuan", "arpu_yuan", "churn_share"], lang
        ),
        paint=partial(_paint_counties, frame, lang),
    )


def _paint_counties(frame: pd.DataFrame, lang: str, width: Width) -> Figure:
    figure = new_figure(width, 96 + 25 * len(frame))
    axes = figure.subplots(1, 2, sharey=True)
    groups.draw_counties(frame, list(axes), lang, short=width == "phone")
    return figure


def _yuan(value: float, lang: str) -> str:
    if pd.isna(value):
        return "–"
    return f"{value:,.1f}元" if lang == "zh" else f"¥{value:,.1f}"
