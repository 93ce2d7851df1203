"""What a campaign showed a treated customer: margin, customers kept and cost, with covariances."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cvm.campaigns.effect import Estimate
from cvm.campaigns.inference import LEAST_CUSTOMERS
from cvm.campaigns.moments import FloatArray, Moments
from cvm.core.checks import (
    ArgumentError,
    DataError,
    check_at_least,
    check_between,
)

GAINS = ("months", "revenue_yuan")
"""What is counted over the horizon beside margin: months in service, and revenue."""


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Another thing added within the window, a treated customer, beside its margin.

    Attributes:
        value: Added within the window.
        variance: Of that estimate.
        with_kept: Its covariance with customers kept.
        monthly: What a customer in service brings of it a month, without the offer.
    """

    value: float
    variance: float
    with_kept: float
    monthly: float


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured over the window, a treated customer.

    Attributes:
        treated_count: Customers treated.
        window_months: Months after assignment over which it was measured.
        margin_yuan: Margin added within the window.
        kept_share: Customers kept ÷ treated.
        cost_yuan: Contacts and incentives.
        covariance: Of the estimates (margin, kept, cost), 3 × 3.
        monthly_margin_yuan: Margin of a customer in service, a month, without the offer.
        monthly_churn_share: Share leaving in a month, without the offer.
        incentive_yuan: Incentives alone.
        windfall_yuan: Incentives to customers who would have stayed anyway, at least.
        confidence: Of the intervals (share).
        gains: ``months`` in service and ``revenue_yuan`` added, as far as they were measured.
    """

    treated_count: int
    window_months: int
    margin_yuan: float
    kept_share: float
    cost_yuan: float
    covariance: FloatArray
    monthly_margin_yuan: float
    monthly_churn_share: float
    incentive_yuan: float = math.nan
    windfall_yuan: float = math.nan
    confidence: float = 0.95
    gains: Mapping[str, Gain] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_at_least(self.treated_count, "treated_count", 1)
        check_at_least(self.window_months, "window_months", 1)
        check_at_least(self.cost_yuan, "cost_yuan", 0)
        check_between(self.kept_share, "kept_share", low=-1, high=1)
        check_between(self.monthly_churn_share, "monthly_churn_share", low=0, high=1)
        for name in ("margin_yuan", "monthly_margin_yuan"):
            if not math.isfinite(getattr(self, name)):
                raise DataError(name, getattr(self, name), "a finite number")
        if self.covariance.shape != (3, 3) or not np.isfinite(self.covariance).all():
            raise DataError("covariance", self.covariance.shape, "3 × 3 and finite")
        check_between(
            self.confidence, "confidence", low=0, high=1, include_low=False, include_high=False
        )


def measure_profit(
    control: Moments,
    treated: Moments,
    *,
    window_months: int,
    incentive_yuan: float = 0.0,
    margin_share: float | None = None,
    covariates: Sequence[str] = (),
    confidence: float = 0.95,
) -> Measured:
    """Measure margin, customers kept and cost from the moments of the two arms.

    The margin is adjusted for months before (CUPED), customers kept are the plain difference, so
    that they are those of the headline. Cost is what was booked for the treated.

    Args:
        control: Moments with ``churned``, ``months`` and ``margin_yuan`` (or ``revenue_yuan``).
        treated: The same, with ``cost_yuan`` and, if known, ``accepted``.
        window_months: Months the outcomes were counted over.
        incentive_yuan: Cost of the offer for one customer who accepts.
        margin_share: Share of revenue that is margin, where the data carry no costs.
        covariates: Columns from before the campaign.
        confidence: Of the intervals (share).

    Raises:
        DataError: An arm is too small for its spread to be known, or no cost was booked.
        ArgumentError: There is neither a margin nor a share to take of the revenue.
    """
    for arm, name in ((control, "control"), (treated, "treated")):
        if arm.count < LEAST_CUSTOMERS:
            raise DataError(f"{name}.count", arm.count, f"at least {LEAST_CUSTOMERS} customers")
    if "cost_yuan" not in treated.names:
        raise DataError("cost_yuan", "missing", "booked in the contacts", action="map cost_yuan")
    rows = {"margin": _margin_row(treated, margin_share)}
    rows["kept"] = -_row(treated, "churned")
    rows["cost"] = _row(treated, "cost_yuan")
    known = [name for name in GAINS if name in treated.names]
    rows |= {name: _row(treated, name) for name in known}
    both = control + treated
    for name in {"margin", "revenue_yuan"} & set(rows):
        slopes = _slopes(both, rows[name], covariates)
        for covariate, slope in zip(covariates, slopes, strict=True):
            rows[name] = rows[name] - slope * _row(treated, covariate)
    weights = np.array(list(rows.values()))
    held = weights.copy()
    held[2] = 0.0  # What the controls cost is no cost of the campaign.
    gaps = weights @ (treated.means - control.means)
    joint = weights @ treated.products @ weights.T / (treated.count - 1) / treated.count
    joint += held @ control.products @ held.T / (control.count - 1) / control.count
    months = control.mean("months")
    plain = _margin_row(control, margin_share) @ control.means
    left = min(max(control.mean("churned"), 0.0), 1.0)
    paid, windfall = _incentives(treated, float(gaps[1]), incentive_yuan)
    return Measured(
        treated_count=treated.count,
        window_months=window_months,
        margin_yuan=float(gaps[0]),
        kept_share=float(gaps[1]),
        cost_yuan=treated.mean("cost_yuan"),
        covariance=joint[:3, :3],
        monthly_margin_yuan=float(plain / months) if months > 0 else 0.0,
        monthly_churn_share=float(1 - (1 - left) ** (1 / window_months)),
        incentive_yuan=paid,
        windfall_yuan=windfall,
        confidence=confidence,
        gains={
            name: Gain(
                value=float(gaps[place]),
                variance=float(joint[place, place]),
                with_kept=float(joint[place, 1]),
                monthly=control.mean(name) / months if months > 0 else 0.0,
            )
            for place, name in enumerate(known, start=3)
        },
    )


def measured_from(
    churn: Estimate,
    *,
    window_months: int,
    cost_yuan: float,
    monthly_margin_yuan: float,
    margin: Estimate | None = None,
    others: Sequence[Estimate] = (),
    incentive_yuan: float = math.nan,
    windfall_yuan: float = math.nan,
) -> Measured:
    """Take what was measured from estimates of any design, for those without moments.

    Customers kept bring margin within the window too, half of it on average, so the two scatter
    together by that much; without an estimate of margin, that half is all that is counted.

    Args:
        churn: Effect on the share leaving within the window among the treated.
        window_months: Months of the window.
        cost_yuan: Cost a treated customer.
        monthly_margin_yuan: Margin of a customer in service, a month.
        margin: Effect on the margin of the window, yuan a treated customer.
        others: Effects on months in service and on revenue, where they were measured.
        incentive_yuan: Incentives a treated customer; NaN if unknown.
        windfall_yuan: Of those, to customers who would have stayed anyway; NaN if unknown.

    Raises:
        ArgumentError: The estimate of churn cannot tell.
    """
    if not churn.can_tell:
        raise ArgumentError("churn", churn.reason, "an estimate that can tell")
    kept, each = -churn.effect, monthly_margin_yuan * window_months / 2
    covariance = np.diag([0.0, churn.se**2, 0.0])
    if margin is not None and margin.can_tell:
        gain, error = margin.effect, margin.se
    else:
        gain, error = kept * each, abs(each) * churn.se
    covariance[0, 0] = error**2
    covariance[0, 1] = covariance[1, 0] = _together(each, churn.se, error)
    told = {one.outcome.name: one for one in others if one.can_tell and one.outcome.name in GAINS}
    served = told["months"].control_mean if "months" in told else math.nan
    left = min(max(churn.control_mean, 0.0), 1.0)
    return Measured(
        treated_count=churn.treated_count,
        window_months=window_months,
        margin_yuan=gain,
        kept_share=kept,
        cost_yuan=cost_yuan,
        covariance=covariance,
        monthly_margin_yuan=monthly_margin_yuan,
        monthly_churn_share=1 - (1 - left) ** (1 / window_months),
        incentive_yuan=incentive_yuan,
        windfall_yuan=windfall_yuan,
        confidence=churn.confidence,
        gains={
            name: _gain(one, one.control_mean / served, window_months, churn.se)
            for name, one in told.items()
            if served > 0
        },
    )


def _gain(one: Estimate, monthly: float, window_months: int, kept_error: float) -> Gain:
    together = _together(monthly * window_months / 2, kept_error, one.se)
    return Gain(value=one.effect, variance=one.se**2, with_kept=together, monthly=monthly)


def _together(each: float, kept_error: float, error: float) -> float:
    """Return how customers kept scatter with what each of them brings within the window.

    Never more than all of the latter's own scatter.
    """
    return math.copysign(min(abs(each) * kept_error, error), each) * kept_error


def _row(moments: Moments, name: str) -> FloatArray:
    row = np.zeros(len(moments.names))
    row[moments.place(name)] = 1.0
    return row


def _margin_row(moments: Moments, margin_share: float | None) -> FloatArray:
    if "margin_yuan" in moments.names:
        return _row(moments, "margin_yuan")
    if margin_share is None:
        raise ArgumentError(
            "margin_share",
            None,
            "given where the months carry no variable cost",
            action="give the share of revenue that is margin, or map variable_cost_yuan",
        )
    check_between(margin_share, "margin_share", low=0, high=1)
    return margin_share * _row(moments, "revenue_yuan")


def _slopes(both: Moments, row: FloatArray, covariates: Sequence[str]) -> FloatArray:
    """Return one slope a covariate for both arms; of those that determine one another, any."""
    if not covariates:
        return np.zeros(0)
    rows = np.array([_row(both, name) for name in covariates])
    squares = rows @ both.products @ rows.T
    cross = rows @ both.products @ row
    found: FloatArray = np.linalg.lstsq(squares, cross, rcond=1e-12)[0]
    return found


def _incentives(treated: Moments, kept: float, incentive_yuan: float) -> tuple[float, float]:
    """Return incentives paid a treated customer, and those of them to who would have stayed."""
    if "accepted" not in treated.names:
        return math.nan, math.nan
    accepted = treated.mean("accepted")
    left = accepted * treated.mean("churned") + (
        treated.products[treated.place("accepted"), treated.place("churned")] / treated.count
    )
    return incentives_of(accepted, float(left), kept, incentive_yuan)


def incentives_of(
    accepted_share: float, accepted_left_share: float, kept_share: float, incentive_yuan: float
) -> tuple[float, float]:
    """Return incentives paid a treated customer, and those of them to who would have stayed.

    Those who accepted and stayed are more than the campaign can have kept, even if it kept only
    such; the rest would have stayed without it, so the second figure is the least it can be.

    Args:
        accepted_share: Customers who accepted ÷ treated.
        accepted_left_share: Of the treated, those who accepted and left all the same.
        kept_share: Customers kept ÷ treated.
        incentive_yuan: Cost of the offer for one customer who accepts.
    """
    stayed_anyway = max(accepted_share - accepted_left_share - max(kept_share, 0.0), 0.0)
    return incentive_yuan * accepted_share, incentive_yuan * stayed_anyway
