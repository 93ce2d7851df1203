"""Deferred revenue over several closes: each close's own expectation, so that revisions show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_at_least
from cvm.core.months import add_months, month_index
from cvm.points.deferred_revenue import DeferredRevenue, allocate_price, roll_forward
from cvm.points.liability_close import Close
from cvm.points.triangles import Triangle


def defer_closes(
    closes: Sequence[Close], revenue_yuan: Mapping[date, float], *, point_value_yuan: float
) -> DeferredRevenue:
    """Return deferred revenue period by period, from the closes' expectations of redemption.

    A period's revenue is shared between airtime and the points issued in it by relative stand-alone
    selling price, with the URR expected at the first close that has one for the vintage; that share
    stays (IFRS 15 paragraphs 85–86). Before the first close given, its expectation stands in, so
    catch-up shows from the second close on. Opening points are not in it: their price was shared
    before the ledger begins.

    Args:
        closes: Closes in order, a period apart, with known URR; the last one has all periods.
        revenue_yuan: Revenue of members by first day of month (yuan).
        point_value_yuan: What a customer would pay for what one point buys (yuan).

    Raises:
        ArgumentError: No close, or closes not in order of one period's distance.
        DataError: A close whose URR cannot be told, or a month without revenue.
    """
    check_at_least(point_value_yuan, "point_value_yuan", 0)
    if not closes:
        raise ArgumentError("closes", "empty", "at least one close")
    last = closes[-1].liability.triangle
    expected = _expectations(closes, last)
    rows = []
    revenue = {month_index(month): float(value) for month, value in revenue_yuan.items()}
    for row, vintage in enumerate(last.vintages):
        seen = int(last.observed[row].sum())
        redeemed = np.diff(last.redeemed_points[row, :seen], prepend=0.0)
        price = _period_revenue(revenue, vintage, last.period_months)
        issued = float(last.issued_points[row])
        first = float(expected[row, 0])
        deferred = allocate_price(
            price, issued, point_value_yuan=point_value_yuan, urr=min(first / issued, 1.0)
        ).points_yuan
        so_far = np.cumsum(redeemed)
        for age in range(seen):
            # Columns of `expected` count from the first close on; before it, its own stands in.
            at = max(age - (seen - expected.shape[1]), 0)
            rows.append(
                {
                    "vintage": pd.Timestamp(vintage),
                    "period": pd.Timestamp(add_months(vintage, (age + 1) * last.period_months - 1)),
                    "deferred_yuan": deferred if age == 0 else 0.0,
                    "redeemed_points": float(redeemed[age]),
                    "expected_points": max(float(expected[row, at]), float(so_far[age])),
                    "expired": bool(0 <= last.last_age[row] <= age),
                }
            )
    return roll_forward(pd.DataFrame(rows))


def _expectations(closes: Sequence[Close], last: Triangle) -> np.ndarray:
    """Return points ever redeemed as each close expected [vintage, close]."""
    place = {vintage: row for row, vintage in enumerate(last.vintages)}
    expected = np.full((len(last.vintages), len(closes)), np.nan)
    for at, close in enumerate(closes):
        triangle = close.liability.triangle
        months = month_index(last.last_month) - month_index(triangle.last_month)
        if months != (len(closes) - 1 - at) * last.period_months:
            raise ArgumentError(
                "closes",
                [f"{item.liability.as_of:%Y-%m}" for item in closes],
                f"in order, {last.period_months} months apart",
            )
        ultimate = triangle.redeemed_to_date + close.liability.expected_points
        if not np.isfinite(ultimate).all():
            raise DataError(
                f"closes[{triangle.last_month:%Y-%m}]",
                "a redemption rate that cannot be told",
                "a known one",
                action="begin with a later close",
            )
        for vintage, points in zip(triangle.vintages, ultimate, strict=True):
            expected[place[vintage], at] = points
    # A vintage younger than a close takes the first expectation it has.
    return pd.DataFrame(expected).bfill(axis=1).to_numpy()


def _period_revenue(revenue: Mapping[int, float], vintage: date, months: int) -> float:
    wanted = [month_index(vintage) + step for step in range(months)]
    known = [revenue[at] for at in wanted if at in revenue]
    if not known:
        raise DataError(
            f"revenue_yuan[{vintage:%Y-%m}]", "missing", "given for every period of earning"
        )
    return float(sum(known))
