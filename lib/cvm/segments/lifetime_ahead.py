"""What lies ahead of today's customers within a horizon: who stays, for how long, worth how much.

Everything is worked out at the best point of a fit and at points of its profile contour; an
interval is the range over them. Ages are averaged first, with today's customers as weights, so
that a tier's interval is of the tier's mean and not of each age.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from cvm.core.checks import check_at_least, check_columns
from cvm.segments.lifetime import LifetimeFit
from cvm.segments.lifetime_estimate import Estimate
from cvm.segments.lifetime_models import log_survival

FloatArray = npt.NDArray[np.float64]
YEAR_MONTHS = 12
ONE_POINT = 0.01
# A tier that the cohorts do not know, or that nobody holds today.
NOT_SEEN, NOBODY_NOW = "not_seen", "nobody_now"


@dataclass(frozen=True, kw_only=True, eq=False)
class Ahead:
    """A tier's customers of today, and what a fit says of them.

    Attributes:
        tier: The tier.
        reason: Empty, or why the fit cannot tell.
        customers: Today.
        staying: Mean share still here after 1 … horizon periods [points, horizon]; the first point
            is the best. Where it cannot be told: the bounds alone, after a row of NaN.
        chance: Variance of the number who will be counted, besides the parameters' [horizon].
        with_point: As ``staying``, if one percentage point more stayed each year [points, horizon].
    """

    tier: str
    reason: str
    customers: float
    staying: FloatArray
    chance: FloatArray
    with_point: FloatArray

    def further(self) -> FloatArray:
        """Return expected further periods within the horizon, by point."""
        return self.staying.sum(axis=1)

    def discounted(self, rate: float) -> FloatArray:
        """Return discounted renewals within the horizon, the next one undiscounted, by point.

        Args:
            rate: Discount rate a period.
        """
        return self.staying @ _weights(self.staying.shape[1], rate)

    def point_gain(self, rate: float) -> FloatArray:
        """Return discounted renewals gained if one point more stayed each year, by point."""
        return (self.with_point - self.staying) @ _weights(self.staying.shape[1], rate)

    def elasticity(self, rate: float) -> FloatArray:
        """Return by how many per cent value rises when retention rises by one per cent."""
        weights = _weights(self.staying.shape[1], rate)
        order = np.arange(1.0, len(weights) + 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.staying @ (weights * order)) / (self.staying @ weights)


def _weights(horizon: int, rate: float) -> FloatArray:
    return np.asarray((1 + rate) ** -np.arange(float(horizon)))


def look_ahead(fit: LifetimeFit, today: pd.DataFrame, horizon: int) -> list[Ahead]:
    """Return what a fit says of today's customers, one entry a tier of today or of the cohorts.

    Args:
        fit: Lifetimes by tier, or of all tiers together.
        today: Columns tier, age_periods, customers.
        horizon: Periods ahead.

    Raises:
        ArgumentError: The horizon is below one period.
        MissingDataError: A column is missing.
    """
    check_at_least(horizon, "horizon", 1)
    check_columns(today.columns, ["tier", "age_periods", "customers"], "today")
    known = {item.name: item for item in fit.estimates}
    # Months in a year of retention, in the cohorts' own periods.
    year = YEAR_MONTHS / fit.cohorts.period_months
    tiers = sorted({*today["tier"], *(known if fit.by_tier else ())})
    found = []
    for tier in tiers:
        part = today[today["tier"] == tier]
        item = known.get(tier) if fit.by_tier else fit.pooled
        found.append(_of_tier(tier, item, part, horizon, fit.confidence, year))
    return found


def _of_tier(
    tier: str,
    item: Estimate | None,
    part: pd.DataFrame,
    horizon: int,
    confidence: float,
    year: float,
) -> Ahead:
    count = part["customers"].to_numpy(float)
    total = float(count.sum())
    reason = NOBODY_NOW if not total else NOT_SEEN if item is None else item.reason
    if item is None or reason:
        low: FloatArray = np.zeros(horizon)
        if item is not None and reason == "nobody_left":
            low = (1 - item.most_churn(confidence)) ** np.arange(1.0, horizon + 1)
        bounds = np.vstack([np.full(horizon, np.nan), low, np.ones(horizon)])
        if reason == NOBODY_NOW:
            bounds = np.full((1, horizon), np.nan)
        nothing = np.full_like(bounds, np.nan)
        return Ahead(
            tier=tier,
            reason=reason,
            customers=total,
            staying=bounds,
            chance=np.full(horizon, np.nan),
            with_point=nothing,
        )
    ages = part["age_periods"].to_numpy(int)
    furthest = ages.max() + max(horizon, round(year))
    survival = np.exp(log_survival(item.contour(confidence), np.arange(furthest + 1.0)))
    weight = count / total
    now = survival[:, ages]
    # What a month's retention is multiplied by so that a year's rises by one point.
    a_year = survival[:, ages + round(year)] / now
    factor = (1 + ONE_POINT / a_year) ** (1 / year)
    staying = np.empty((len(survival), horizon))
    with_point = np.empty_like(staying)
    chance = np.empty(horizon)
    before, raised = np.ones_like(now), np.ones_like(now)
    for step in range(horizon):
        share = survival[:, ages + step + 1] / now
        raised = raised * np.minimum(1.0, share / before * factor)
        before = share
        staying[:, step] = share @ weight
        with_point[:, step] = raised @ weight
        chance[step] = count @ (share[0] * (1 - share[0]))
    return Ahead(
        tier=tier,
        reason="",
        customers=total,
        staying=staying,
        chance=chance,
        with_point=with_point,
    )


def project_tiers(fit: LifetimeFit, today: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Return how many customers of each tier will still be here, all ages together.

    As :meth:`cvm.segments.lifetime.LifetimeFit.project`, whose rows are of single cohorts: the
    parameters move all ages of a tier together, chance moves each customer by itself.

    Args:
        fit: See :func:`look_ahead`.
        today: See there.
        horizon: See there.

    Returns:
        Columns tier, ahead_periods, now_customers, expected_customers, expected_low, expected_high
        (of the expectation), low, high (of the number that will be counted). The intervals carry
        what is open about the parameters and chance, not what changes after the cohorts end: on
        planted operators whose campaigns began just then, customers without a card were foretold
        too low (2 % after a year, 5 % after two); without these campaigns they were not.
    """
    wide = norm.ppf((1 + fit.confidence) / 2) ** 2
    parts = []
    for item in look_ahead(fit, today, horizon):
        now = item.customers
        mean = item.staying[0] * now
        low, high = (np.atleast_1d(now * edge(item.staying)) for edge in (_lowest, _highest))
        chance = np.nan_to_num(item.chance) * wide
        below = np.where(np.isnan(mean), low, mean - np.sqrt((mean - low) ** 2 + chance))
        above = np.where(np.isnan(mean), high, mean + np.sqrt((high - mean) ** 2 + chance))
        parts.append(
            pd.DataFrame(
                {
                    "tier": item.tier,
                    "ahead_periods": np.arange(1, horizon + 1),
                    "now_customers": now,
                    "expected_customers": mean,
                    "expected_low": low,
                    "expected_high": high,
                    "low": np.clip(np.floor(below + 0.5), 0, now),
                    "high": np.clip(np.ceil(above - 0.5), 0, now),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _lowest(values: FloatArray) -> FloatArray:
    return np.asarray(np.fmin.reduce(values, axis=0))


def _highest(values: FloatArray) -> FloatArray:
    return np.asarray(np.fmax.reduce(values, axis=0))


def interval(values: FloatArray) -> tuple[float, float, float]:
    """Return the best value, the lowest and the highest of values by point; NaN left aside."""
    return float(values[0]), float(_lowest(values)), float(_highest(values))
