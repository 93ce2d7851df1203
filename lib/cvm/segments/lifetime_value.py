"""What contract customers are worth: discounted renewals × margin less cost to serve, by cohort."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, check_at_least, check_between, check_finite
from cvm.core.result import Result
from cvm.segments.lifetime import LifetimeFit
from cvm.segments.lifetime_discount import (
    discounted_renewals,
    median_residual_periods,
    residual_periods,
)
from cvm.segments.lifetime_estimate import Estimate
from cvm.segments.lifetime_words import value_text

FloatArray = npt.NDArray[np.float64]
_WITHIN_MONTHS = 60
_EVERY = 4


@dataclass(frozen=True, kw_only=True)
class ValueAssumptions:
    """What a renewal earns and costs. Stated by the operator, not estimated.

    Attributes:
        margin_yuan: Margin of one customer and period before the cost to serve, one figure or by
            tier. It may be negative.
        cost_to_serve_yuan: Cost of the tier's services a customer and period, one figure or by
            tier.
        discount_rate_year: Yearly discount rate (0.1 = 10 %), above 0.
    """

    margin_yuan: float | Mapping[str, float]
    cost_to_serve_yuan: float | Mapping[str, float] = 0.0
    discount_rate_year: float = 0.10

    def __post_init__(self) -> None:
        check_between(
            self.discount_rate_year, "discount_rate_year", low=0, high=10, include_low=False
        )
        for name in ("margin_yuan", "cost_to_serve_yuan"):
            given = getattr(self, name)
            for tier, value in given.items() if isinstance(given, Mapping) else (("", given),):
                place = f"{name}[{tier}]" if tier else name
                check_finite(value, place)
                if name == "cost_to_serve_yuan":
                    check_at_least(value, place, 0)

    def period_rate(self, period_months: float) -> float:
        """Return the discount rate of one period."""
        return float((1 + self.discount_rate_year) ** (period_months / 12) - 1)

    def earned_yuan(self, tier: str) -> float:
        """Return margin less cost to serve of one customer of a tier and period (yuan).

        Raises:
            ArgumentError: The tier has no margin or no cost to serve.
        """
        return _of(self.margin_yuan, tier, "margin_yuan") - _of(
            self.cost_to_serve_yuan, tier, "cost_to_serve_yuan"
        )


def _of(given: float | Mapping[str, float], tier: str, name: str) -> float:
    if not isinstance(given, Mapping):
        return float(given)
    if tier not in given:
        raise ArgumentError(
            name,
            f"without {tier}",
            "given for every tier",
            available=list(given),
            action=f"state {name} of {tier}",
        )
    return float(given[tier])


@dataclass(frozen=True, kw_only=True, eq=False)
class LifetimeValue(Result):
    """What the customers of today are worth from their next renewal on.

    Attributes:
        rows: One row a tier and cohort: age_periods, customers, group, reason,
            earned_yuan_per_period, discounted_renewals with low and high, elasticity,
            median_residual_periods, residual_periods_5_years, each_yuan, value_yuan, low_yuan,
            high_yuan, naive_each_yuan (constant churn, customers taken to be alike).
        stated: The assumptions, for the reader.
        groups: One row a tier, with the interval of its total.
        total: customers, value_yuan, low_yuan, high_yuan, of what could be told.
    """

    rows: pd.DataFrame
    groups: pd.DataFrame
    total: dict[str, float]
    stated: dict[str, object] = field(default_factory=dict)

    view: ClassVar[str] = "cvm.views.segments_lifetime:plot_value"

    def summary(self) -> pd.DataFrame:
        """Return a row a tier: customers, value, interval, value of one customer."""
        return self.groups

    def text(self, lang: str = "en") -> str:
        """Return what the base is worth, in one short statement."""
        return value_text(self.groups, self.total, self.stated, lang)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the tiers and the cohorts."""
        return {"summary": self.groups, "cohorts": self.rows}


def value_customers(fit: LifetimeFit, assumptions: ValueAssumptions) -> LifetimeValue:
    """Value the customers of today: discounted expected renewals × (margin − cost to serve).

    The renewal about to be decided counts undiscounted; margin already earned does not count.
    Customers of a group whose lifetime cannot be told are listed and left out of the total.

    Args:
        fit: The lifetimes.
        assumptions: Margin, cost to serve and discount rate.

    Raises:
        ArgumentError: A tier has no margin or cost.
    """
    latest = fit.cohorts.latest()
    months = fit.cohorts.period_months
    rate = assumptions.period_rate(months)
    within = max(1, round(_WITHIN_MONTHS / months))
    deepest = int(latest["age_periods"].max())
    curves = {item.name: _curves(item, fit.confidence, deepest, rate) for item in fit.estimates}
    rows, tiers = [], []
    for tier, part in latest.groupby("tier", sort=True):
        item = fit.group(str(tier))
        earned = assumptions.earned_yuan(str(tier))
        ages = part["age_periods"].to_numpy()
        customers = part["customers"].to_numpy(float)
        renewals, elasticity = curves[item.name]
        value = renewals[:, ages] * earned * customers
        naive = _alike_renewals(item, rate)
        rows.append(
            part.assign(
                reason=item.reason,
                earned_yuan_per_period=earned,
                discounted_renewals=renewals[0, ages],
                discounted_renewals_low=renewals.min(axis=0)[ages],
                discounted_renewals_high=renewals.max(axis=0)[ages],
                elasticity=elasticity[0, ages],
                median_residual_periods=[_median(item, age) for age in ages],
                residual_periods_5_years=[_within(item, age, within) for age in ages],
                each_yuan=renewals[0, ages] * earned,
                value_yuan=value[0],
                low_yuan=value.min(axis=0),
                high_yuan=value.max(axis=0),
                naive_each_yuan=naive * earned,
            )
        )
        sums = value.sum(axis=1)
        count = float(customers.sum())
        tiers.append(
            {
                "group": str(tier),
                "fitted_as": item.name,
                "reason": item.reason,
                "customers": count,
                "earned_yuan_per_period": earned,
                "each_yuan": sums[0] / count if count else np.nan,
                "value_yuan": sums[0],
                "low_yuan": sums.min(),
                "high_yuan": sums.max(),
            }
        )
    groups = pd.DataFrame(tiers)
    return LifetimeValue(
        rows=pd.concat(rows, ignore_index=True),
        groups=groups,
        total=_total(groups, curves, latest, assumptions, fit),
        stated={
            "discount_rate_year": assumptions.discount_rate_year,
            "margin_yuan": assumptions.margin_yuan,
            "cost_to_serve_yuan": assumptions.cost_to_serve_yuan,
            "confidence": fit.confidence,
        },
    )


def _curves(
    item: Estimate, confidence: float, last_age: int, rate: float
) -> tuple[FloatArray, FloatArray]:
    """Return discounted renewals and elasticity [best and contour points, age]."""
    if not item.told:
        nothing = np.full((1, last_age + 1), np.nan)
        return nothing, nothing
    edge = item.contour(confidence)
    return discounted_renewals(np.vstack([edge[:1], edge[1::_EVERY]]), last_age, rate)


def _alike_renewals(item: Estimate, rate: float) -> float:
    """Return discounted renewals if churn were the same for all and at every age."""
    at_risk = item.risk.at_risk.sum()
    if not item.told or not at_risk:
        return math.nan
    stay = float(item.risk.kept.sum() / at_risk)
    return stay / (1 - stay / (1 + rate))


def _median(item: Estimate, age: int) -> float:
    return median_residual_periods(item.point, int(age)) if item.told else math.nan


def _within(item: Estimate, age: int, within: int) -> float:
    return float(residual_periods(item.point, int(age), within)) if item.told else math.nan


def _total(
    groups: pd.DataFrame,
    curves: Mapping[str, tuple[FloatArray, FloatArray]],
    latest: pd.DataFrame,
    assumptions: ValueAssumptions,
    fit: LifetimeFit,
) -> dict[str, float]:
    """Return the total of what could be told, with its interval.

    Tiers that share a fit move together along its contour; fits are independent, so the distances
    of their limits add in squares (MOVER).
    """
    told = groups[groups["reason"] == ""]
    best = below = above = 0.0
    for name in told["fitted_as"].unique():
        tiers = told.loc[told["fitted_as"] == name, "group"]
        part = latest[latest["tier"].isin(tiers)]
        earned = part["tier"].map({tier: assumptions.earned_yuan(tier) for tier in tiers})
        weight = (part["customers"] * earned).to_numpy(float)
        sums = curves[name][0][:, part["age_periods"].to_numpy()] @ weight
        best += sums[0]
        below += (sums[0] - sums.min()) ** 2
        above += (sums.max() - sums[0]) ** 2
    if told.empty:
        best = math.nan
    return {
        "customers": float(told["customers"].sum()),
        "value_yuan": best,
        "low_yuan": best - math.sqrt(below),
        "high_yuan": best + math.sqrt(above),
    }
