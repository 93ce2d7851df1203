"""Answers of the points programme that need no data: one line of algebra each.

They serve as the first estimate where there is no ledger, and as the values that the estimates from
triangles and ledgers must agree with.

All assume that every outstanding point has the same monthly chance of being redeemed (the hazard),
whatever its age, and that members who leave forfeit what they hold.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from cvm.core.checks import ArgumentError, check_at_least, check_between, check_one_of

FloatArray = npt.NDArray[np.float64]
Order = Literal["redeem_first", "leave_first"]


@overload
def ultimate_redemption_rate(
    hazard: float, life_months: float, *, churn: float = ..., order: Order = ...
) -> float: ...
@overload
def ultimate_redemption_rate(
    hazard: FloatArray, life_months: float | FloatArray, *, churn: float = ..., order: Order = ...
) -> FloatArray: ...
def ultimate_redemption_rate(
    hazard: float | FloatArray,
    life_months: float | FloatArray,
    *,
    churn: float = 0.0,
    order: Order = "redeem_first",
) -> float | FloatArray:
    """Return the share of issued points that are ever redeemed (URR).

    With hazard p, churn c, life V and q = (1 − p)(1 − c), the share of points that stays from one
    month to the next:

    * redeem first, then leave: URR = p (1 − q^V) / (1 − q);
    * leave first, then redeem: URR = p (1 − c) (1 − q^V) / (1 − q);
    * without churn both are 1 − (1 − p)^V.

    Args:
        hazard: Monthly chance that an outstanding point is redeemed (share).
        life_months: Months in which a point may be redeemed; ``math.inf`` if it never expires.
        churn: Monthly share of members who leave and forfeit (share).
        order: What happens first in a month.

    Raises:
        ArgumentError: A share outside 0–1, a negative life, or an unknown order.

    Example:
        >>> round(ultimate_redemption_rate(0.05, 36), 6)
        0.842221
        >>> round(ultimate_redemption_rate(0.05, 36, churn=0.02), 6)
        0.669391
    """
    check_between(churn, "churn", low=0, high=1)
    check_one_of(order, "order", ("redeem_first", "leave_first"))
    p, life = np.asarray(hazard, dtype=float), np.asarray(life_months, dtype=float)
    if not bool(np.all((p >= 0) & (p <= 1))):
        raise ArgumentError("hazard", hazard, "a share in [0, 1]")
    if not bool(np.all(life >= 0)):
        raise ArgumentError("life_months", life_months, "at least 0, or math.inf")
    stays = (1 - p) * (1 - churn)
    leaves = p + churn - p * churn
    with np.errstate(divide="ignore", invalid="ignore"):
        # 1 − q^V without cancellation: a hazard of 1e-9 keeps its digits.
        spent = -np.expm1(life * np.log(stays))
        redeemed = np.where((leaves > 0) & (life > 0), p * spent / leaves, 0.0)
    if order == "leave_first":
        redeemed = redeemed * (1 - churn)
    return float(redeemed) if redeemed.ndim == 0 else redeemed


def conditional_redemption_rate(
    hazard: float,
    life_months: float,
    age_months: float,
    *,
    churn: float = 0.0,
    order: Order = "redeem_first",
) -> float:
    """Return the share of points *still outstanding* at an age that will yet be redeemed.

    Equal to (URR × issued − redeemed) ÷ outstanding; with a constant hazard it is the URR of the
    life that is left. Zero once the points have expired.

    Args:
        hazard: Monthly chance that an outstanding point is redeemed (share).
        life_months: Months in which a point may be redeemed.
        age_months: Months that have passed since the points were earned.
        churn: Monthly share of members who leave and forfeit (share).
        order: What happens first in a month.

    Raises:
        ArgumentError: See :func:`ultimate_redemption_rate`; or a negative age.

    Example:
        >>> round(conditional_redemption_rate(0.05, 36, 12), 6)
        0.708011
    """
    check_at_least(age_months, "age_months", 0)
    left = max(0.0, float(life_months) - age_months)
    return ultimate_redemption_rate(hazard, left, churn=churn, order=order)


def cost_share(point_value_yuan: float, points_per_yuan: float, redeemed_share: float) -> float:
    """Return yearly cost ÷ revenue: value of a point × points per yuan × share redeemed.

    Args:
        point_value_yuan: What one redeemed point costs (yuan).
        points_per_yuan: Points issued for each yuan of revenue.
        redeemed_share: Share of issued points that is redeemed (share).

    Raises:
        ArgumentError: A negative value, or a share outside 0–1.

    Example:
        >>> round(cost_share(0.02, 1.25, 0.92), 6)
        0.023
    """
    check_at_least(point_value_yuan, "point_value_yuan", 0)
    check_at_least(points_per_yuan, "points_per_yuan", 0)
    check_between(redeemed_share, "redeemed_share", low=0, high=1)
    return point_value_yuan * points_per_yuan * redeemed_share


def redeemed_points_per_yuan_at_cap(cap_share: float, point_value_yuan: float) -> float:
    """Return the redeemed points per yuan of revenue at which the cost meets the cap.

    The product of points per yuan and the redeemed share may not pass cap ÷ value of a point.

    Args:
        cap_share: Cap on yearly cost ÷ revenue (share).
        point_value_yuan: What one redeemed point costs (yuan).

    Raises:
        ArgumentError: A cap outside 0–1, or a value that is not above 0.

    Example:
        >>> round(redeemed_points_per_yuan_at_cap(0.023, 0.02), 6)
        1.15
    """
    check_between(cap_share, "cap_share", low=0, high=1)
    check_between(point_value_yuan, "point_value_yuan", low=0, high=1e6, include_low=False)
    return cap_share / point_value_yuan


def most_generous_rate(cap_share: float, upper_redeemed_per_yuan: float) -> float:
    """Return the highest value of a point that keeps the cost under the cap: cap ÷ Q95.

    It holds where redemption does not react to the value of a point; then the cost share is the
    value times (redeemed points ÷ revenue), and its 95th percentile is the value times Q95.

    Args:
        cap_share: Cap on yearly cost ÷ revenue (share).
        upper_redeemed_per_yuan: The 95th percentile (or another confidence) of redeemed points
            per yuan of revenue.

    Returns:
        Yuan a point, which is the return per yuan where one yuan earns one point.

    Raises:
        ArgumentError: A cap outside 0–1, or a percentile that is not above 0.

    Example:
        >>> import math
        >>> q95 = lognormal_quantile(math.log(1.05), 0.08, 0.95)
        >>> round(most_generous_rate(0.023, q95), 7)
        0.0192039
    """
    check_between(cap_share, "cap_share", low=0, high=1)
    check_between(
        upper_redeemed_per_yuan, "upper_redeemed_per_yuan", low=0, high=1e9, include_low=False
    )
    return cap_share / upper_redeemed_per_yuan


def lognormal_quantile(log_mean: float, log_sd: float, probability: float) -> float:
    """Return a quantile of a lognormal quantity.

    Args:
        log_mean: Mean of its logarithm.
        log_sd: Standard deviation of its logarithm.
        probability: Share of the distribution below the quantile, between 0 and 1.

    Raises:
        ArgumentError: A negative deviation, or a probability that is not between 0 and 1.
    """
    check_at_least(log_sd, "log_sd", 0)
    check_between(probability, "probability", low=0, high=1, include_low=False, include_high=False)
    return float(np.exp(log_mean + log_sd * NormalDist().inv_cdf(probability)))
