"""Branches compared by what chance could have assigned instead."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from cvm.campaigns.effect import Estimate, Outcome, cannot_tell
from cvm.campaigns.inversion import MOST_DRAWS, TOLERANCE, few_clusters_reason, invert
from cvm.campaigns.moments import FloatArray
from cvm.core.checks import ArgumentError, DataError


def randomisation_inference(
    outcome: Outcome,
    customers: npt.ArrayLike,
    totals: npt.ArrayLike,
    treated: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Compare branches by what chance could have assigned instead (Fisher).

    Every other way of choosing as many branches for treatment is tried (a random part of them if
    there are more than 4,096), with the difference of means over customers, studentised by the
    branches' spread, as the statistic. The interval holds every constant effect not rejected.

    Args:
        outcome: What the totals are of.
        customers: Customers of each branch.
        totals: Sum of the outcome over each branch's customers.
        treated: 1 for branches treated, 0 for those held out.
        confidence: Of the interval (share).
        rng: Needed only if the assignments are too many to try all.

    Sources:
        Rosenbaum (2002), Statistical Science 17; Wu & Ding (2021), JASA 116.
    """
    count = np.asarray(customers, dtype=np.float64)
    total = np.asarray(totals, dtype=np.float64)
    arm = np.asarray(treated, dtype=np.float64)
    if not (len(count) == len(total) == len(arm)):
        raise DataError("treated", len(arm), f"{len(count)} elements, one a branch")
    if not np.isfinite(total).all() or not (count > 0).all() or not np.isin(arm, (0, 1)).all():
        raise DataError("totals", "unusable", "finite, with customers above 0 and arms 0 or 1")
    known: dict[str, Any] = {
        "method": "randomisation",
        "confidence": confidence,
        "treated_count": int(count[arm == 1].sum()),
        "control_count": int(count[arm == 0].sum()),
    }
    reason = few_clusters_reason(int(arm.sum()), int((1 - arm).sum()))
    chosen = _assignments(arm, rng) if not reason else np.zeros((1, len(arm)))
    if not reason and 2 / len(chosen) >= 1 - confidence:
        reason = "few_clusters"
    if reason:
        return cannot_tell(outcome, reason, **known)

    # Subtracting a constant effect makes the gap linear in it, and the variance quadratic.
    around = total - count * (total.sum() / count.sum())
    gaps = [_gap(count, part, chosen) for part in (around, arm * count)]
    squares = [
        _variance(count, one, other, chosen)
        for one, other in (
            (around, around),
            (around, arm * count),
            (arm * count, arm * count),
        )
    ]

    def p_value(value: float) -> float:
        square = squares[0] - 2 * value * squares[1] + value**2 * squares[2]
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = np.abs(gaps[0] - value * gaps[1]) / np.sqrt(np.maximum(square, 0.0))
        limit = statistic[0] * (1 - TOLERANCE)
        extreme = (statistic >= limit) | np.isnan(statistic)
        return np.count_nonzero(extreme) / len(extreme)

    means = [float(total[arm == one].sum() / count[arm == one].sum()) for one in (0, 1)]
    effect = means[1] - means[0]
    se = math.sqrt(max(float(squares[0][0]), 0.0))
    if not se > 0:
        return cannot_tell(outcome, "no_variation", **known)
    low, high = invert(p_value, effect, se, 1 - confidence)
    return Estimate(
        outcome=outcome,
        **known,
        treated_mean=means[1],
        control_mean=means[0],
        effect=effect,
        se=se,
        low=low,
        high=high,
        p_value=p_value(0.0),
        relative=effect / means[0] if means[0] else math.nan,
    )


def _assignments(arm: FloatArray, rng: np.random.Generator | None) -> FloatArray:
    """Return possible assignments, the actual one first."""
    branches, chosen = len(arm), int(arm.sum())
    if comb(branches, chosen) <= MOST_DRAWS:
        every = _choices(branches, chosen)
        actual = (every == arm).all(axis=1)
        return np.concatenate([every[actual], every[~actual]])
    if rng is None:
        raise ArgumentError("rng", None, f"given for {branches} branches: too many assignments")
    found = rng.permuted(np.tile(arm, (MOST_DRAWS, 1)), axis=1)
    found[0] = arm
    return found


@lru_cache(maxsize=8)
def _choices(branches: int, chosen: int) -> FloatArray:
    """Return every way to choose so many branches, one a row."""
    places = np.array(list(combinations(range(branches), chosen)))
    found = np.zeros((len(places), branches))
    np.put_along_axis(found, places, 1.0, axis=1)
    return found


def _gap(count: FloatArray, total: FloatArray, arms: FloatArray) -> FloatArray:
    """Return the difference of means over customers, for each assignment."""
    gap: FloatArray = arms @ total / (arms @ count) - (1 - arms) @ total / ((1 - arms) @ count)
    return gap


def _variance(
    count: FloatArray, one: FloatArray, other: FloatArray, arms: FloatArray
) -> FloatArray:
    """Return the variance of the gap of totals, or the covariance of two, by branches' spread."""
    variance = np.zeros(len(arms))
    for side in (arms, 1 - arms):
        size, branches = side @ count, side.sum(axis=1)
        first, second = side @ one / size, side @ other / size
        products = side @ (one * other) + first * second * (side @ count**2)
        products -= first * (side @ (other * count)) + second * (side @ (one * count))
        variance += products / size**2 * branches / np.maximum(branches - 1, 1)
    return variance
