"""Deferred revenue of points under IFRS 15.

The price of the bill is shared between airtime and points by relative stand-alone selling price
(SSP); the points' part is deferred and released as points are redeemed, against the *expected*
total. When the expectation is revised the part stays as it was allocated and the release catches up
in that period. Source: IFRS 15 paragraphs 74, B39–B47 and Illustrative Example 52; the same
arithmetic as IFRIC 13 paragraphs IE1–IE4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import DataError, check_at_least, check_between, check_columns
from cvm.core.i18n import say
from cvm.core.money import format_yuan
from cvm.core.months import format_month, month_index
from cvm.core.result import Result

COLUMNS = ("vintage", "period", "deferred_yuan", "redeemed_points", "expected_points")


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """How a price is shared between airtime and points (yuan).

    Attributes:
        airtime_yuan: Revenue of the goods and services, recognised now.
        points_yuan: Deferred revenue of the points.
        points_ssp_yuan: Stand-alone selling price of the points.
    """

    airtime_yuan: float
    points_yuan: float
    points_ssp_yuan: float


def allocate_price(
    price_yuan: float,
    issued_points: float,
    *,
    point_value_yuan: float,
    urr: float,
    airtime_ssp_yuan: float | None = None,
) -> Allocation:
    """Share a price between airtime and points by relative stand-alone selling price.

    The SSP of the points is issued points × value × URR: a point likely to lapse is worth less.

    Args:
        price_yuan: What the customer pays (yuan).
        issued_points: Points issued with it.
        point_value_yuan: What a customer would pay for what one point buys (yuan).
        urr: Share of the points expected to be redeemed (share).
        airtime_ssp_yuan: SSP of the airtime; the price itself if it is sold at its usual price.

    Raises:
        ArgumentError: A negative amount, a share outside 0–1, or no SSP at all to share by.

    Example:
        >>> shared = allocate_price(100_000, 10_000, point_value_yuan=1, urr=0.95)
        >>> round(shared.airtime_yuan), round(shared.points_yuan)
        (91324, 8676)
    """
    check_at_least(price_yuan, "price_yuan", 0)
    check_at_least(issued_points, "issued_points", 0)
    check_at_least(point_value_yuan, "point_value_yuan", 0)
    check_between(urr, "urr", low=0, high=1)
    airtime_ssp = price_yuan if airtime_ssp_yuan is None else airtime_ssp_yuan
    check_at_least(airtime_ssp, "airtime_ssp_yuan", 0)
    points_ssp = issued_points * point_value_yuan * urr
    total = airtime_ssp + points_ssp
    points = min(price_yuan, price_yuan * points_ssp / total) if total > 0 else 0.0
    return Allocation(
        airtime_yuan=price_yuan - points, points_yuan=points, points_ssp_yuan=points_ssp
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class DeferredRevenue(Result):
    """The deferred revenue by period: opening + deferred − released = closing.

    Attributes:
        by_vintage: One row a vintage and period (yuan): opening, deferred, released (of which
            ``redemption_yuan`` on this period's redemptions and ``catch_up_yuan`` because the
            expectation was revised or the points expired), closing.
    """

    view: ClassVar[str] = "cvm.views.points_liability:plot_deferred_revenue"

    by_vintage: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        """Return one row a period, over all vintages (yuan)."""
        amounts = [column for column in self.by_vintage.columns if column.endswith("_yuan")]
        return self.by_vintage.groupby("period", as_index=False, sort=True)[amounts].sum()

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the roll-forward by period, and by vintage and period."""
        return {"summary": self.summary(), "by_vintage": self.by_vintage}

    def text(self, lang: str = "en") -> str:
        """Return the last period's roll-forward in one sentence."""
        periods = self.summary()
        last = periods.iloc[-1]
        catch_up = float(last["catch_up_yuan"])
        amounts = {
            column.removesuffix("_yuan"): format_yuan(float(last[column]), lang)
            for column in periods.columns
            if column.endswith("_yuan")
        }
        label = _period_label(periods["period"], lang)
        note = ""
        if abs(catch_up) >= 0.005:
            kind = "sooner" if catch_up > 0 else "later"
            note = say(
                f"points_liability.deferred.{kind}", lang, amount=format_yuan(abs(catch_up), lang)
            )
        return say("points_liability.deferred.text", lang, period=label, note=note, **amounts)


def _period_label(periods: pd.Series, lang: str) -> str:
    """Return the last period in words: of several months, how many, as its date is its last one."""
    last = periods.iloc[-1]
    if not isinstance(last, pd.Timestamp):
        return str(last)
    label = format_month(last.date(), lang)
    before = periods[periods < last]
    months = month_index(last.date()) - month_index(before.max().date()) if len(before) else 1
    if months == 1:
        return label
    return say("points_liability.deferred.span", lang, months=months, month=label)


def roll_forward(vintages: pd.DataFrame) -> DeferredRevenue:
    """Return the deferred revenue of several vintages, period by period.

    A vintage's cumulative release is its allocated amount × redeemed so far ÷ expected total, never
    more than the amount. Of a period's release, ``redemption_yuan`` is this period's redemptions at
    the present expectation and ``catch_up_yuan`` what the revision does to earlier redemptions;
    it is negative when more redemption is expected than before.

    Args:
        vintages: One row a vintage and period: ``vintage``, ``period`` (any sortable values),
            ``deferred_yuan`` (allocated in that period), ``redeemed_points`` (in that period),
            ``expected_points`` (total ever expected, as judged at the period's end) and optionally
            ``expired`` (True once no point can be redeemed any more: the rest is then released). A
            period without a row is one in which nothing happened.

    Raises:
        MissingDataError: A column is missing.
        DataError: An empty frame, a repeated row, values that are negative or not finite, or an
            expected total below what has been redeemed.
    """
    check_columns(vintages.columns, COLUMNS, "vintages")
    if vintages.empty:
        raise DataError("vintages", "empty", "at least one row")
    frame = vintages[[*COLUMNS]].copy()
    frame["expired"] = vintages["expired"].astype(float) if "expired" in vintages else 0.0
    _check_rows(frame)
    frame = _without_gaps(frame)
    groups = frame.groupby("vintage", sort=False)
    expired = groups["expired"].cummax() > 0
    allocated, redeemed = groups["deferred_yuan"].cumsum(), groups["redeemed_points"].cumsum()
    expected = frame["expected_points"].where(~expired, redeemed)
    short = redeemed > expected * (1 + 1e-9) + 1e-6
    _refuse(
        frame, short, "expected_points", "at least what has been redeemed", "revise the expectation"
    )
    ratio = _ratio(redeemed, expected, expired)
    # Release on earlier redemptions had the present expectation and amount always held.
    earlier = _ratio(redeemed - frame["redeemed_points"], expected, expired & (redeemed == 0))
    cumulative = allocated * ratio
    frame_out = frame[["vintage", "period"]].copy()
    before = cumulative.groupby(frame["vintage"], sort=False).shift(fill_value=0.0)
    opening = (allocated - cumulative).groupby(frame["vintage"], sort=False).shift(fill_value=0.0)
    frame_out["opening_yuan"] = opening
    frame_out["deferred_yuan"] = frame["deferred_yuan"].astype(float)
    frame_out["released_yuan"] = cumulative - before
    frame_out["redemption_yuan"] = allocated * (ratio - earlier)
    catch_up = frame_out["released_yuan"] - frame_out["redemption_yuan"]
    # What is left of two equal sums is noise of the last digits, not a revision.
    noise = catch_up.abs() <= 1e-12 * allocated
    frame_out["catch_up_yuan"] = catch_up.mask(noise, 0.0)
    frame_out["closing_yuan"] = allocated - cumulative
    return DeferredRevenue(by_vintage=frame_out)


def _ratio(redeemed: pd.Series, expected: pd.Series, finished: pd.Series) -> pd.Series:
    share = np.divide(
        redeemed.to_numpy(dtype=float),
        expected.to_numpy(dtype=float),
        out=np.zeros(len(redeemed)),
        where=expected.to_numpy(dtype=float) > 0,
    )
    return pd.Series(np.where(finished, 1.0, np.minimum(share, 1.0)), index=redeemed.index)


def _without_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with a row for every period from a vintage's first to the last of all.

    In a period without a row nothing was deferred or redeemed and the expectation stood.
    """
    grid = pd.MultiIndex.from_product(
        [np.sort(frame[column].unique()) for column in ("vintage", "period")],
        names=["vintage", "period"],
    )
    whole = frame.set_index(["vintage", "period"]).reindex(grid).reset_index()
    standing = ["expected_points", "expired"]
    whole[standing] = whole.groupby("vintage", sort=False)[standing].ffill()
    begun = whole["expected_points"].notna()
    return (
        whole[begun].fillna({"deferred_yuan": 0.0, "redeemed_points": 0.0}).reset_index(drop=True)
    )


def _check_rows(frame: pd.DataFrame) -> None:
    repeated = frame.duplicated(["vintage", "period"])
    _refuse(frame, repeated, "period", "one row a vintage and period", "add the rows up")
    for column in ("deferred_yuan", "redeemed_points", "expected_points"):
        values = pd.to_numeric(frame[column], errors="coerce")
        bad = ~np.isfinite(values) | (values < 0)
        _refuse(frame, bad, column, "a finite number of at least 0", "correct the row")


def _refuse(frame: pd.DataFrame, bad: pd.Series, column: str, expected: str, action: str) -> None:
    if bool(bad.any()):
        row = frame[bad.to_numpy()].iloc[0]
        subject = f"vintages[vintage {row['vintage']}, period {row['period']}].{column}"
        raise DataError(subject, row[column], expected, action=action)
