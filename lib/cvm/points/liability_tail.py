"""Redemption after the oldest age a triangle shows: the tail.

A young programme, or points that never expire, are redeemed beyond what any vintage has lived. The
tail assumes that the unredeemed points go on at the monthly hazard of the last ages seen, less
members who leave. It is an assumption, and the answer's sentence says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cvm.core.checks import ArgumentError, check_at_least, check_between
from cvm.points.closed_forms import ultimate_redemption_rate
from cvm.points.liability_methods import Projection
from cvm.points.triangles import Triangle

FloatArray = npt.NDArray[np.float64]
_LONGEST_TAIL = 1_200


@dataclass(frozen=True, kw_only=True)
class Tail:
    """How unredeemed points go on after the oldest age seen.

    Attributes:
        hazard: Share of unredeemed points redeemed in one period; ``None`` to take the average of
            the last ages seen.
        ages: How many of the last ages give that average.
        churn: Share of unredeemed points forfeited in one period (share). Must be above 0 where
            points never expire: without it every point would be redeemed in the end.
    """

    hazard: float | None = None
    ages: int = 6
    churn: float = 0.0

    def __post_init__(self) -> None:
        if self.hazard is not None:
            check_between(self.hazard, "hazard", low=0, high=1)
        check_at_least(self.ages, "ages", 1)
        check_between(self.churn, "churn", low=0, high=1)


def add_tail(
    projection: Projection, triangle: Triangle, tail: Tail
) -> tuple[Projection, FloatArray, float]:
    """Return the projection with the tail in its last column, the tail's points, what stays.

    The points are a vintage's; what stays is the share of points outstanding from one period to
    the next.

    The hazard's own error is that of a ratio with overdispersed counts; chance in the tail is
    binomial with the same overdispersion.

    Raises:
        ArgumentError: Points never expire and the tail has no churn.
    """
    beyond = triangle.ages_beyond
    if bool(np.isinf(beyond).any()) and tail.churn == 0:
        raise ArgumentError(
            "churn",
            tail.churn,
            "above 0 where points never expire",
            action="give the tail the share of points forfeited in a period",
        )
    hazard, hazard_variance, dispersion = _hazard(triangle, tail)
    share = np.asarray(ultimate_redemption_rate(np.array(hazard), beyond, churn=tail.churn))
    step = 1e-5
    slope = (
        np.asarray(
            ultimate_redemption_rate(np.array(min(1.0, hazard + step)), beyond, churn=tail.churn)
        )
        - share
    ) / step
    unredeemed = triangle.issued_points - projection.ultimate
    added = unredeemed * share
    spread = dispersion / (hazard * (1 - hazard)) if 0 < hazard < 1 else 0.0
    by_hazard = unredeemed * slope * np.sqrt(hazard_variance)
    process = projection.process_variance * (1 - share) ** 2
    process = process + spread * unredeemed * share * (1 - share)
    estimation = projection.estimation_variance * (1 - share) ** 2 + by_hazard**2
    shared = projection.total_variance - float(projection.process_variance.sum())
    path = projection.path.copy()
    path[:, -1] = path[:, -1] + added
    extended = replace(
        projection,
        path=path,
        process_variance=process,
        estimation_variance=estimation,
        total_variance=float(process.sum()) + shared + float(by_hazard.sum()) ** 2,
    )
    return extended, added, (1 - hazard) * (1 - tail.churn)


def tail_by_period(points: FloatArray, ages_beyond: FloatArray, stays: float) -> FloatArray:
    """Return a vintage's tail by period after the oldest age seen; rows add up to ``points``.

    Args:
        points: Tail's points a vintage.
        ages_beyond: Periods the tail lasts, infinite where points never expire.
        stays: Share of points outstanding from one period to the next.
    """
    finite = ages_beyond[np.isfinite(ages_beyond)]
    longest = int(finite.max(initial=0))
    if bool(np.isinf(ages_beyond).any()):
        # By then less than a millionth of the points is left.
        decay = np.log(1e-6) / np.log(stays) if 0 < stays < 1 else 1.0
        longest = max(longest, min(int(np.ceil(decay)), _LONGEST_TAIL))
    period = np.arange(longest)
    weights = np.where(period < ages_beyond[:, None], stays**period, 0.0)
    total = weights.sum(axis=1, keepdims=True)
    return points[:, None] * np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)


def _hazard(triangle: Triangle, tail: Tail) -> tuple[float, float, float]:
    """Return the hazard of the last ages, its variance and the counts' dispersion."""
    if tail.hazard is not None:
        return tail.hazard, 0.0, 0.0
    cumulative = triangle.redeemed_points
    ages = np.arange(cumulative.shape[1])
    known = ages <= np.minimum(triangle.latest_age, triangle.final_age)[:, None]
    recent = known & (ages >= max(1, len(ages) - tail.ages))
    before = np.where(recent, triangle.issued_points[:, None] - np.roll(cumulative, 1, axis=1), 0.0)
    steps = np.where(recent, np.diff(cumulative, axis=1, prepend=0.0), 0.0)
    base = float(before.sum())
    if base == 0:
        return 0.0, 0.0, 0.0
    hazard = float(steps.sum()) / base
    used = before > 0
    squares = np.where(used, (steps - hazard * before) ** 2 / np.where(used, before, 1.0), 0.0)
    dispersion = float(squares.sum()) / max(int(used.sum()) - 1, 1)
    return hazard, dispersion / base, dispersion
