"""Tables of a liability: by age, by month of expiry, and under moved assumptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cvm.core.checks import check_at_least
from cvm.core.months import add_months

if TYPE_CHECKING:
    from cvm.points.liability import Liability


def ageing(liability: Liability, *, band_months: int = 12) -> pd.DataFrame:
    """Return points outstanding and liability by age.

    Args:
        liability: The liability at a close.
        band_months: Width of a band of ages in months; the first is 0 to ``band_months`` − 1.

    Raises:
        ArgumentError: A width below 1.
    """
    check_at_least(band_months, "band_months", 1)
    triangle = liability.triangle
    age_months = (triangle.observed.sum(axis=1) - 1) * triangle.period_months
    frame = pd.DataFrame(
        {
            "from_months": age_months // band_months * band_months,
            "outstanding_points": liability.outstanding_points,
            "expected_points": liability.expected_points,
            "liability_yuan": liability.cpp_yuan * liability.expected_points,
        }
    )
    bands = frame.groupby("from_months", as_index=False).sum()
    bands.insert(1, "to_months", bands["from_months"] + band_months - 1)
    return bands


def expiry_calendar(liability: Liability) -> pd.DataFrame:
    """Return when the points outstanding now expire, by the month at whose end they do.

    Of ``expiring_points``, ``redeemed_before_points`` are expected to be redeemed first and
    ``lapsing_points`` to lapse, by expiry or because the member leaves. Points that never expire
    have no row. A month before the close is a clearing that is overdue.
    """
    triangle = liability.triangle
    rows = np.flatnonzero(triangle.last_age >= 0)
    length = triangle.period_months
    months = [
        add_months(triangle.vintages[row], (int(triangle.last_age[row]) + 1) * length - 1)
        for row in rows
    ]
    frame = pd.DataFrame(
        {
            "expiry_month": pd.to_datetime(months),
            "expiring_points": liability.outstanding_points[rows],
            "redeemed_before_points": liability.expected_points[rows],
            "lapsing_points": (liability.outstanding_points - liability.expected_points)[rows],
        }
    )
    frame = frame[frame["expiring_points"] > 0]
    return frame.groupby("expiry_month", as_index=False).sum()


def sensitivity(
    liability: Liability,
    *,
    breakage_step: float = 0.01,
    cpp_step: float = 0.1,
    threshold_step: float = 0.05,
) -> pd.DataFrame:
    """Return the liability under each lever moved down and up by one step.

    Args:
        liability: The liability at a close.
        breakage_step: Change of breakage over all points issued (share; 0.01 is 1 pp).
        cpp_step: Relative change of the cost per point (share of it).
        threshold_step: Change of the share of points held by members who may redeem; only where
            the liability knows its ``qualified_share``.
    """
    levers: dict[str, tuple[float, Callable[[Liability, float], float]]] = {
        "breakage": (breakage_step, with_breakage),
        "cpp": (cpp_step, lambda base, step: base.liability_yuan * (1 + step)),
    }
    if liability.qualified_share is not None:
        levers["qualified_share"] = (threshold_step, with_qualified)
    frame = pd.DataFrame(
        [
            {"lever": lever, "change": sign * step, "liability_yuan": move(liability, sign * step)}
            for lever, (step, move) in levers.items()
            for sign in (-1, 1)
        ]
    )
    frame["difference_yuan"] = frame["liability_yuan"] - liability.liability_yuan
    return frame


def with_breakage(liability: Liability, step: float) -> float:
    """Return the liability if breakage were ``step`` higher on every vintage still live (yuan)."""
    triangle = liability.triangle
    live = (triangle.latest_age < triangle.final_age) | (triangle.ages_beyond > 0)
    moved = liability.expected_points - np.where(live, step * triangle.issued_points, 0.0)
    return liability.cpp_yuan * float(np.clip(moved, 0, liability.outstanding_points).sum())


def with_qualified(liability: Liability, step: float) -> float:
    """Return the liability if a share ``step`` more of the points were over the threshold (yuan).

    The conditional URR of either group stays; only the groups' sizes move.
    """
    share = liability.qualified_share or 1.0
    held = float(liability.outstanding_points.sum())
    average = float(liability.expected_points.sum()) / held if held > 0 else 0.0
    others = liability.unqualified_urr
    qualified = (average - (1 - share) * others) / share
    moved = min(1.0, max(0.0, share + step))
    urr = min(1.0, max(0.0, moved * qualified + (1 - moved) * others))
    return liability.cpp_yuan * held * urr
