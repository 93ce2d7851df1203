"""Retention curves that may be shown: no month's few leavers can be worked out from them.

A share kept beside its number of customers is a count of leavers, and two of them a count of those
who left in between. So a curve is exact only where enough have left since the last such month, and
straight in between; where hardly anybody left at all it is not shown.

Source: the steps of Kaplan-Meier curves in OpenSAFELY's disclosure control.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

LEAST_LEFT = 11
"""Leavers from one exact month to the next. Of a month between them may then have left none to
ten: as wide a range as disclosure control asks of a withheld group."""
_ENDS_DECIMALS = 3
_ROUNDING = 1e-6


def shown_curve(curve: pd.DataFrame) -> pd.DataFrame:
    """Return one arm's curve as it may be shown.

    Args:
        curve: By month from 0: ``kept_share``, ``customers`` at the start, and the ends of its
            interval (``low``, ``high``) if it has one.

    Returns:
        The same rows and columns. Shares are missing where no more than :data:`LEAST_LEFT` left in
        all, but for a curve that nobody left: of one withheld, one to eleven may have. Ends are in
        tenths of a per cent, as their digits too would tell who left when.
    """
    curve = curve.reset_index(drop=True)
    names = [name for name in ("kept_share", "low", "high") if name in curve]
    left = (1.0 - curve["kept_share"].to_numpy(float)) * curve["customers"].to_numpy(float)
    shown = curve.astype(dict.fromkeys(names, float))
    exact = exact_months(left)
    if 0 < left.max(initial=0.0) < LEAST_LEFT + 1 - _ROUNDING:
        shown[names] = np.nan
        return shown
    months = np.arange(len(curve))
    for name in names:
        told = curve[name].to_numpy(float)[exact]
        if name != "kept_share":
            told = np.round(told, _ENDS_DECIMALS)
        shown[name] = np.interp(months, exact, told)
    return shown


def exact_months(left: np.ndarray) -> list[int]:
    """Return the months at which a curve may be exact: 0, then where enough have left since.

    Args:
        left: Customers who left by the end of each month, from month 0.
    """
    found = [0]
    for month, count in enumerate(left):
        if count - left[found[-1]] >= LEAST_LEFT - _ROUNDING:
            found.append(month)
    if len(found) > 1 and found[-1] != len(left) - 1:
        # The few who left after the last are told with those before it.
        found[-1] = len(left) - 1
    return found
