"""A close of the points liability: from reduced points by vintage to the liability of one month.

It joins the reduction of the ledger (points by month of earning and age) with a rule book, which
says when each month's points die, and hands the redemption triangle to the chosen method.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import DataError, check_at_least, check_columns
from cvm.core.i18n import say
from cvm.core.money import format_number, format_yuan
from cvm.core.months import add_months, iso_month, month_from_index, month_index, parse_month
from cvm.core.result import Result
from cvm.points.liability import Liability, measure_liability
from cvm.points.liability_estimate import Method
from cvm.points.liability_lots import (
    forfeited_share,
    outstanding_by_vintage,
    share_out,
    triangle_of,
    with_expiry,
)
from cvm.points.liability_openings import expected_by_lot, life_table
from cvm.points.liability_tables import sensitivity
from cvm.points.liability_tail import Tail
from cvm.points.liability_urr import estimate_urr
from cvm.points.rulebook import RuleBook
from cvm.points.triangles import Grain

CELLS = (
    "vintage",
    "age_months",
    "redeemed_points",
    "expired_points",
    "forfeited_points",
    "issued_points",
)
TAIL_AGES = 3
_AMOUNTS = ("outstanding_points", "expected_points", "liability_yuan")


@dataclass(frozen=True, kw_only=True, eq=False)
class Close(Result):
    """The points liability at the end of a month.

    Attributes:
        liability: Of the vintages whose issue the ledger has seen.
        lots: What is outstanding, one row a month of earning (for opening balances, the month they
            are dated with): ``vintage``, ``expiry_month`` (missing if never),
            ``outstanding_points``, ``expected_points``, ``liability_yuan``, ``opening``. Within a
            vintage of the triangle, expected points are shared out by the life table.
        cells: The reduction it rests on, up to the month, with ``index`` (month of earning) and
            ``dies`` (month index of dying).
        life: The life table by months to expiry, of all points seen.
        life_yuan: The liability of all outstanding points by that table: a second opinion that
            needs no vintage to have lived its whole life (yuan).
    """

    view: ClassVar[str] = "cvm.views.points_liability:plot_ageing"

    liability: Liability
    lots: pd.DataFrame
    cells: pd.DataFrame
    life: pd.DataFrame
    life_yuan: float

    @property
    def is_short(self) -> bool:
        """Return whether the ledger is shorter than the points' life by more than one period."""
        beyond = self.liability.triangle.ages_beyond
        return bool((np.isfinite(beyond) & (beyond > 1)).any())

    @property
    def openings(self) -> pd.DataFrame:
        """Return the lots that were outstanding before the ledger begins."""
        return self.lots[self.lots["opening"]].reset_index(drop=True)

    @property
    def outstanding_points(self) -> float:
        """Return all points outstanding, those from before the ledger included."""
        return float(self.lots["outstanding_points"].sum())

    @property
    def liability_yuan(self) -> float:
        """Return the liability with that of the opening points (yuan)."""
        return self.liability.liability_yuan + float(self.openings["liability_yuan"].sum())

    def vintages(self) -> pd.DataFrame:
        """Return one row a vintage, with the rate's interval."""
        estimate = self.liability.estimate.vintages()[["vintage", "urr_low", "urr_high"]]
        return self.liability.vintages().merge(estimate, on="vintage")

    def ageing(self, *, band_months: int = 12) -> pd.DataFrame:
        """Return points outstanding and liability by age, to the month.

        Args:
            band_months: Width of a band of ages in months.
        """
        check_at_least(band_months, "band_months", 1)
        end = month_index(self.liability.as_of)
        age = end - self.lots["vintage"].map(month_index)
        bands = self.lots.assign(from_months=age // band_months * band_months)
        frame = bands.groupby("from_months", as_index=False)[[*_AMOUNTS]].sum()
        frame.insert(1, "to_months", frame["from_months"] + band_months - 1)
        return frame

    def calendar(self) -> pd.DataFrame:
        """Return when the points outstanding now expire, by the month at whose end they do.

        Of ``outstanding_points``, ``expected_points`` are expected to be redeemed first and
        ``lapsing_points`` to lapse, by expiry or because the member leaves.
        """
        frame = self.lots.groupby("expiry_month", as_index=False)[[*_AMOUNTS]].sum()
        frame["lapsing_points"] = frame["outstanding_points"] - frame["expected_points"]
        return frame

    def summary(self) -> pd.DataFrame:
        """Return the liability's row with what the opening points add."""
        frame = self.liability.summary()
        frame["opening_points"] = float(self.openings["outstanding_points"].sum())
        frame["opening_liability_yuan"] = float(self.openings["liability_yuan"].sum())
        return frame

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary, vintages, ageing, expiry calendar, sensitivity and lots."""
        return {
            "summary": self.summary(),
            "vintages": self.vintages(),
            "ageing": self.ageing(),
            "calendar": self.calendar(),
            "sensitivity": sensitivity(self.liability),
            "lots": self.lots,
        }

    def text(self, lang: str = "en") -> str:
        """Return the liability, what opening points add, and a short ledger's limit."""
        sentence = self.liability.text(lang)
        if self.is_short:
            second = format_yuan(self.life_yuan, lang)
            sentence += say("points_liability.close.short", lang, second=second)
        if not self.openings["outstanding_points"].sum():
            return sentence
        return sentence + say(
            "points_liability.close.openings",
            lang,
            points=format_number(float(self.openings["outstanding_points"].sum()), lang),
            amount=format_yuan(float(self.openings["liability_yuan"].sum()), lang),
        )


def close_points(
    cells: pd.DataFrame,
    book: RuleBook,
    *,
    month: str | date,
    first_month: str | date,
    cpp_yuan: float,
    method: Method = "cape_cod",
    grain: Grain = "quarter",
    point_class: str = "consumption",
    confidence: float = 0.9,
) -> Close:
    """Return the liability at the end of a month.

    Quarters are the default grain: months are too thin to develop where points of a calendar year
    die together, so that few vintages ever reach the last ages. At ages that no vintage has reached
    yet, redemption goes on at the average of the last ages seen.

    Args:
        cells: Reduction of the ledger *up to the month*
            (:func:`cvm.data.reduce_points_vintages.reduce_points_vintages`), collected.
        book: The rules; they say when a month's points die.
        month: The close.
        first_month: First month of movements in the ledger. What is older are opening balances,
            whose issue is not known; they are valued by :mod:`cvm.points.liability_openings`.
        cpp_yuan: Cost of a redeemed point (yuan).
        method: How the URR is estimated; see :mod:`cvm.points.liability_urr`.
        grain: Length of a vintage: ``month``, ``quarter`` or ``year``.
        point_class: Class whose clearing rule holds.
        confidence: Confidence of the intervals.

    Raises:
        MissingDataError: A column is missing.
        DataError: Cells after the month, or no vintage of the ledger's own months.
    """
    check_columns(cells.columns, CELLS, "cells")
    end, start = month_index(parse_month(month)), month_index(parse_month(first_month))
    frame = with_expiry(cells, book, point_class=point_class)
    if bool((frame["index"] + frame["age_months"] > end).any()):
        raise DataError(
            "cells",
            "with movements after the close",
            f"of the ledger up to {iso_month(parse_month(month))}",
            action="filter the ledger to the months up to the close, then reduce it",
        )
    own = frame[frame["index"] >= start]
    if own.empty:
        raise DataError("cells", "only opening balances", "of at least one month of earning")
    triangle = triangle_of(own, parse_month(month), grain)
    tail = Tail(ages=TAIL_AGES, churn=forfeited_share(own, end, triangle.period_months))
    liability = measure_liability(
        estimate_urr(triangle, method=method, tail=tail, confidence=confidence),
        outstanding_by_vintage(own, triangle),
        cpp_yuan=cpp_yuan,
    )
    life = life_table(frame, start=start, end=end)
    lots = expected_by_lot(frame, life, end=end)
    by_life = float(lots["expected_points"].sum())
    lots["opening"] = lots["vintage"] < pd.Timestamp(month_from_index(start))
    lots = share_out(lots, liability)
    lots["liability_yuan"] = cpp_yuan * lots["expected_points"]
    return Close(
        liability=liability, lots=lots, cells=frame, life=life, life_yuan=cpp_yuan * by_life
    )


def compare_methods(close: Close, others: Mapping[str, Close]) -> pd.DataFrame:
    """Return the liability by each method, the chosen one first, and by the life table.

    Args:
        close: By the chosen method.
        others: Method → the same close by it.

    Returns:
        ``method``, ``expected_points``, ``liability_yuan`` and its interval (missing for the life
        table, which gives none), ``apart_share``: difference from the chosen method.
    """
    closes = {close.liability.estimate.method: close, **others}
    rows = []
    for name, item in closes.items():
        row = item.summary().iloc[0]
        opening = float(row["opening_liability_yuan"])
        rows.append(
            {
                "method": name,
                "liability_yuan": item.liability_yuan,
                "low_yuan": float(row["liability_low_yuan"]) + opening,
                "high_yuan": float(row["liability_high_yuan"]) + opening,
            }
        )
    rows.append({"method": "life_table", "liability_yuan": close.life_yuan})
    frame = pd.DataFrame(rows)
    frame["apart_share"] = frame["liability_yuan"] / close.liability_yuan - 1
    return frame


def cost_per_point(redeemed: pd.DataFrame, book: RuleBook, *, month: date) -> float:
    """Return what a redeemed point costs: the last 12 months' cost, or else the rule book's.

    Args:
        redeemed: By ``month``: ``points`` redeemed and their ``cost_yuan`` (missing where the
            ledger has no costs).
        book: The rules; their channels' own costs by mix, or a point's value without channels.
        month: The close.
    """
    check_columns(redeemed.columns, ("month", "points", "cost_yuan"), "redeemed")
    since, until = pd.Timestamp(add_months(month, -11)), pd.Timestamp(month)
    year = redeemed[pd.to_datetime(redeemed["month"]).between(since, until)]
    points = float(year["points"].sum())
    if points > 0 and bool(year["cost_yuan"].notna().all()):
        return float(year["cost_yuan"].sum()) / points
    rules = book.rules_in(month)
    if rules.channels:
        return sum(item.mix_share * item.own_cost_yuan_per_point for item in rules.channels)
    return rules.redemption.best_yuan_per_point
