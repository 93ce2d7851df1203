"""How is the base doing, and is the points programme within its cap?

The overview joins the three decisions on one page. It is made from the small tables of
:mod:`cvm.data.reduce_overview`; it knows nothing of customers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import MissingDataError, check_between, check_columns
from cvm.core.few import FEWEST, too_few_to_show
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share
from cvm.core.months import add_months, format_month, points_year
from cvm.core.result import Result

MONTHS_IN_YEAR = 12
# Below half a year a running share says more about the season than about the year.
FEWEST_MONTHS_OF_A_POINTS_YEAR = 6
# Columns that add up over months and groups, which disclosure control must know.
ADDITIVE = (
    "revenue_yuan",
    "margin_yuan",
    "joined",
    "left",
    "points_cost_yuan",
    "points_earned",
    "points_redeemed",
)
TIER_ORDER = ("diamond", "gold", "silver", "vip", "none")


@dataclass(frozen=True, kw_only=True)
class Overview(Result):
    """The base at one month, by month, tier, county, brand and points year.

    Attributes:
        month: The month it speaks of (first day).
        months: One row a month: ``customers``, ``customers_before`` (of the month before),
            ``joined``, ``left``, ``churn_share`` (left ÷ customers_before), ``revenue_yuan``,
            ``arpu_yuan``, ``margin_yuan``, ``points_cost_yuan``, ``points_earned``,
            ``points_redeemed``.
        groups: Frames by ``tiers``, ``counties``, ``brands`` (those that the data allow), the last
            twelve months each: ``customers`` (of the month), ``revenue_yuan``, ``margin_yuan``,
            shares, ``arpu_yuan`` (a month), ``churn_share`` (a month; missing
            where so few left that it would tell of single customers).
        points_years: One row a points year: ``months`` in the data, ``complete``,
            ``revenue_yuan``, ``points_cost_yuan``, ``cost_share``, ``cap_share``.
        facts: ``key``, ``value``, ``unit``: what the sentence and the cards say.
    """

    view: ClassVar[str] = "cvm.views.overview:plot_overview"

    month: date
    months: pd.DataFrame
    groups: Mapping[str, pd.DataFrame]
    points_years: pd.DataFrame
    facts: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        """Return the facts: key, value, unit."""
        return self.facts

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return every table of the overview by the name it has in a snapshot."""
        return {
            "overview_months": self.months,
            **{f"overview_{name}": frame for name, frame in self.groups.items()},
            "overview_points_years": self.points_years,
            "overview_facts": self.facts,
        }

    def fact(self, key: str) -> float | None:
        """Return one fact, or None where the data do not give it."""
        rows = self.facts.loc[self.facts["key"] == key, "value"]
        return None if rows.empty or pd.isna(rows.iloc[0]) else float(rows.iloc[0])

    def text(self, lang: str = "en") -> str:
        """Return the answer as one sentence; what the data do not give is said to be unknown."""
        return overview_sentence(
            dict(zip(self.facts["key"], self.facts["value"], strict=True)), lang
        )


def overview_sentence(facts: Mapping[str, float | None], lang: str) -> str:
    """Return the overview's sentence from its facts alone.

    Args:
        facts: ``key`` → ``value`` of :attr:`Overview.facts`; missing or null facts are left out of
            the sentence or said to be unknown.
        lang: ``"zh"`` or ``"en"``.
    """

    def known(key: str) -> float | None:
        value = facts.get(key)
        return None if value is None or not np.isfinite(value) else float(value)

    customers, change = known("customers"), known("customers_change_share")
    churn, cost = known("churn_share"), known("points_cost_share")
    year, month_number = known("year"), known("month")
    if customers is None or year is None or month_number is None:
        return say("overview_result.unknown", lang)
    month = date(int(year), int(month_number), 1)
    base = say(
        "overview_result.base",
        lang,
        month=format_month(month, lang),
        customers=format_number(customers, lang),
    )
    if change is None:
        trend = say("overview_result.trend_unknown", lang)
    else:
        # A tenth of a per cent is what the sentence shows; less is "unchanged".
        direction = "level" if abs(change) < 0.0005 else "up" if change > 0 else "down"
        trend = say(f"overview_result.trend_{direction}", lang, change=format_share(abs(change)))
    leaving = (
        say("overview_result.churn_unknown", lang)
        if churn is None
        else say("overview_result.churn", lang, churn=format_share(churn, decimals=2))
    )
    return say("overview_result.sentence", lang, base=base, trend=trend, churn=leaving) + _points(
        cost, known("cap_share"), known("points_year"), known("points_year_months"), lang
    )


def _points(
    cost: float | None, cap: float | None, year: float | None, months: float | None, lang: str
) -> str:
    if cost is None or cap is None or year is None or months is None:
        return say("overview_result.points_unknown", lang)
    verdict = "above" if cost > cap else "within"
    period = "complete" if months == MONTHS_IN_YEAR else "running"
    return say(
        f"overview_result.points_{period}_{verdict}",
        lang,
        year=int(year),
        months=int(months),
        cost=format_share(cost, decimals=2),
        cap=format_share(cap, decimals=2),
        distance=format_share(abs(cost - cap), decimals=2).removesuffix("%"),
    )


def make_overview(
    months: pd.DataFrame,
    *,
    month: date,
    groups: Mapping[str, pd.DataFrame] | None = None,
    points: pd.DataFrame | None = None,
    cap_share: float = 0.023,
    points_year_first_month: int = 12,
) -> Overview:
    """Make the overview from reduced tables.

    Args:
        months: What ``reduce_months`` gives, collected.
        month: Month to speak of; later months are left out.
        groups: ``tiers``, ``counties``, ``brands`` → what ``reduce_groups`` gives, collected.
        points: What ``reduce_points_months`` gives, collected; None without a ledger.
        cap_share: Cap on the year's points cost ÷ revenue (0–1).
        points_year_first_month: Calendar month the points year begins with.

    Raises:
        MissingDataError: The month is not in the data or a column is missing.
        ArgumentError: The cap lies outside 0–1.
    """
    check_between(cap_share, "cap_share", low=0, high=1)
    check_columns(months.columns, ["month", "customers", "revenue_yuan"], "months")
    series = _months_frame(months, points, month)
    years = _points_years(series, cap_share, points_year_first_month)
    return Overview(
        month=month,
        months=series,
        groups={name: _group_frame(frame) for name, frame in (groups or {}).items()},
        points_years=years,
        facts=_facts(series, years, month, cap_share),
    )


def _months_frame(months: pd.DataFrame, points: pd.DataFrame | None, month: date) -> pd.DataFrame:
    frame = months.assign(month=pd.to_datetime(months["month"])).sort_values("month")
    frame = frame.loc[frame["month"] <= pd.Timestamp(month)].reset_index(drop=True)
    if frame.empty or frame["month"].iloc[-1] != pd.Timestamp(month):
        have = pd.to_datetime(months["month"])
        raise MissingDataError(
            "month",
            f"{month:%Y-%m}",
            "a month of the data",
            available=[] if have.empty else [f"{have.min():%Y-%m} … {have.max():%Y-%m}"],
            action="choose a month in that range",
        )
    for column in ("joined", "left", "margin_yuan"):
        if column not in frame:
            frame[column] = np.nan
    # Leavers of month m were customers of month m − 1; a gap in the months leaves churn unknown.
    follows = frame["month"].shift() + pd.offsets.MonthBegin(1) == frame["month"]
    before = frame["customers"].shift().where(follows)
    frame["customers_before"] = before.astype("float64")
    frame["churn_share"] = frame["left"].astype("float64") / frame["customers_before"]
    frame["arpu_yuan"] = frame["revenue_yuan"] / frame["customers"]
    names = {"earned_points": "points_earned", "redeemed_points": "points_redeemed"}
    if points is None:
        frame = frame.assign(points_cost_yuan=np.nan, points_earned=np.nan, points_redeemed=np.nan)
    else:
        wanted = points.assign(month=pd.to_datetime(points["month"])).rename(columns=names)
        frame = frame.merge(
            wanted[["month", "points_cost_yuan", *names.values()]], on="month", how="left"
        )
    columns = ["month", "customers", "customers_before", "joined", "left", "churn_share"]
    columns += ["revenue_yuan", "arpu_yuan", "margin_yuan"]
    columns += ["points_cost_yuan", "points_earned", "points_redeemed"]
    return frame[columns]


def _group_frame(cells: pd.DataFrame) -> pd.DataFrame:
    """Turn sums into shares and means; the first column is the group."""
    group = cells.columns[0]
    frame = cells.copy()
    frame["customer_share"] = frame["customers"] / frame["customers"].sum()
    frame["revenue_share"] = frame["revenue_yuan"] / frame["revenue_yuan"].sum()
    frame["arpu_yuan"] = frame["revenue_yuan"] / frame["customer_months"]
    frame["churn_share"] = frame["left"].astype("float64") / frame["months_at_risk"].replace(
        0, np.nan
    )
    # Leavers of so few would be told by their share of the group.
    few = too_few_to_show(
        [[left] for left in frame["left"].fillna(0)],
        hidden=(frame["customers"] < FEWEST).tolist(),
    )
    frame.loc[few, "churn_share"] = np.nan
    if group == "vip_tier":
        order = {tier: place for place, tier in enumerate(TIER_ORDER)}
        frame = frame.sort_values(group, key=lambda tiers: tiers.map(order), ignore_index=True)
    columns = [group, "customers", "customer_share", "revenue_yuan", "revenue_share"]
    return frame[[*columns, "arpu_yuan", "margin_yuan", "churn_share"]]


def _points_years(series: pd.DataFrame, cap_share: float, first_month: int) -> pd.DataFrame:
    year = series["month"].map(lambda stamp: points_year(stamp.date(), first_month))
    known = series.loc[series["points_cost_yuan"].notna()].assign(points_year=year)
    sums = ["revenue_yuan", "points_cost_yuan", "points_earned", "points_redeemed"]
    years = known.groupby("points_year").agg(
        months=("month", "count"), **{s: (s, "sum") for s in sums}
    )
    years = years.reset_index()
    years["complete"] = years["months"] == MONTHS_IN_YEAR
    years["cost_share"] = years["points_cost_yuan"] / years["revenue_yuan"].where(
        years["revenue_yuan"] > 0
    )
    years["cap_share"] = cap_share
    return years[["points_year", "months", "complete", *sums, "cost_share", "cap_share"]]


def _facts(
    series: pd.DataFrame, years: pd.DataFrame, month: date, cap_share: float
) -> pd.DataFrame:
    by_month = series.set_index("month")
    now = by_month.loc[pd.Timestamp(month)].astype("float64")
    year_before = pd.Timestamp(add_months(month, -MONTHS_IN_YEAR))
    before = by_month["customers"].get(year_before, np.nan)
    last = series.tail(MONTHS_IN_YEAR)
    earlier = series.iloc[:-MONTHS_IN_YEAR].tail(MONTHS_IN_YEAR)
    whole = _is_whole_year(last)
    both = whole and _is_whole_year(earlier)
    revenue = last["revenue_yuan"].sum() if whole else np.nan
    revenue_before = earlier["revenue_yuan"].sum() if both else np.nan
    rows = [
        ("year", float(month.year), "year"),
        ("month", float(month.month), "month"),
        ("customers", now["customers"], "customers"),
        ("customers_change_share", now["customers"] / before - 1, "share"),
        ("arpu_yuan", now["arpu_yuan"], "yuan"),
        ("revenue_month_yuan", now["revenue_yuan"], "yuan"),
        ("revenue_year_yuan", revenue, "yuan"),
        ("revenue_change_share", revenue / revenue_before - 1, "share"),
        ("churn_share", _mean_churn(last), "share"),
        ("churn_before_share", _mean_churn(earlier) if both else np.nan, "share"),
        ("cap_share", cap_share, "share"),
        *_points_facts(years),
    ]
    return pd.DataFrame(rows, columns=["key", "value", "unit"])


def _is_whole_year(series: pd.DataFrame) -> bool:
    if len(series) != MONTHS_IN_YEAR:
        return False
    first, last = series["month"].iloc[0], series["month"].iloc[-1]
    return bool(first + pd.DateOffset(months=MONTHS_IN_YEAR - 1) == last)


def _mean_churn(series: pd.DataFrame) -> float:
    """Return leavers ÷ customers at risk over the months that know both; else unknown."""
    known = series.loc[series["churn_share"].notna()]
    at_risk = float(known["customers_before"].sum())
    return float(known["left"].sum()) / at_risk if at_risk > 0 else np.nan


def _points_facts(years: pd.DataFrame) -> list[tuple[str, float, str]]:
    """Choose the points year to speak of: the last one with enough months, else the last whole."""
    usable = years.loc[
        years["cost_share"].notna() & (years["months"] >= FEWEST_MONTHS_OF_A_POINTS_YEAR)
    ]
    if usable.empty:
        return [("points_cost_share", np.nan, "share")]
    chosen = usable.iloc[-1]
    return [
        ("points_year", float(chosen["points_year"]), "year"),
        ("points_year_months", float(chosen["months"]), "months"),
        ("points_cost_yuan", float(chosen["points_cost_yuan"]), "yuan"),
        ("points_cost_share", float(chosen["cost_share"]), "share"),
    ]
