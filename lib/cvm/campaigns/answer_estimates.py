"""Every estimate of a campaign with a random control, the headline first."""

from __future__ import annotations

from dataclasses import replace

from cvm.campaigns.cells import Tables
from cvm.campaigns.effect import (
    ARREARS,
    CHURN,
    COMPLAINTS,
    REVENUE,
    Effect,
    Estimate,
    Outcome,
    cannot_tell,
)
from cvm.campaigns.moments import Moments
from cvm.campaigns.multiple import adjusted_p_values
from cvm.campaigns.randomised import compare, compare_groups
from cvm.campaigns.reached import compare_reached
from cvm.campaigns.survival import Retention, compare_retention

MARGIN = Outcome(name="margin_yuan", kind="yuan")
BILL_IN_SERVICE = Outcome(name="revenue_yuan", kind="yuan", per="months")
"""Revenue ÷ months in service: whether those who stay pay more."""
BEFORE = ("bill_yuan", "bill_before_yuan", "tenure_months", "complaints_before", "arrears_before")
"""Covariates from before the campaign."""
MONEY_BEFORE = ("bill_yuan", "bill_before_yuan")
OWN_BEFORE = {"complaints": "complaints_before", "arrears_stops": "arrears_before"}


def estimates_of(
    control: Moments | None,
    treated: Moments | None,
    retention: Retention | None,
    confidence: float,
) -> tuple[Estimate, ...]:
    """Return churn as assigned, of those reached and adjusted; then every other outcome.

    The headline was chosen before the campaign and stands as it is; p-values of the other outcomes
    and of the guardrails are adjusted for how many there are (Holm).

    Args:
        control: Moments of the control; None without one.
        treated: Moments of the treated.
        retention: Months kept, to stand among the outcomes.
        confidence: Of the intervals (share).
    """
    first = compare(control, treated, CHURN, confidence=confidence)
    if control is None or treated is None:
        return (first,)
    beside = [_of_reached(control, treated, confidence)]
    before = [name for name in BEFORE if name in treated.names]
    if first.can_tell and before:
        beside += [
            compare(
                control,
                treated,
                CHURN,
                covariates=before,
                adjustment=adjustment,
                confidence=confidence,
            )
            for adjustment in ("cuped", "lin")
        ]
    others = [] if retention is None else [retention.estimate]
    others += [
        _outcome(control, treated, one, confidence)
        for one in (REVENUE, MARGIN, BILL_IN_SERVICE, COMPLAINTS, ARREARS)
        if one.name in treated.names
    ]
    told = adjusted_p_values([one.p_value for one in others])
    adjusted = [replace(one, p_adjusted=float(p)) for one, p in zip(others, told, strict=True)]
    return (first, *beside, *adjusted)


def money_before(moments: Moments) -> list[str]:
    """Return the bills before the campaign that there are, to sharpen what concerns money."""
    return [name for name in MONEY_BEFORE if name in moments.names]


def _of_reached(control: Moments, treated: Moments, confidence: float) -> Estimate:
    if "reached" in treated.names and "reached" in control.names:
        return compare_reached(control, treated, CHURN, confidence=confidence).estimates[1]
    return cannot_tell(
        CHURN, "reached_unknown", estimand="reached", method="wald", confidence=confidence
    )


def _outcome(control: Moments, treated: Moments, one: Outcome, confidence: float) -> Estimate:
    own = OWN_BEFORE.get(one.name)
    covariates = [own] if own in treated.names else []
    if one.kind == "yuan":
        covariates = money_before(treated) if one.per is None else []
    return compare(
        control,
        treated,
        one,
        covariates=[name for name in covariates if name],
        adjustment="cuped" if covariates else "none",
        confidence=confidence,
    )


def churn_by_tier(own: Tables, confidence: float, campaign: str) -> Effect | None:
    """Return churn by card, adjusted for how many there are; None without cells."""
    if own.cells.empty:
        return None
    groups = own.groups("vip_tier")
    return compare_groups(groups, CHURN, confidence=confidence, campaign=campaign)


def retention_of(own: Tables, confidence: float) -> Retention | None:
    """Return survival over the window; None where it was not followed to its end by both arms."""
    exposures = own.exposures(horizon_months=own.window_months)
    if exposures is None:
        return None
    seen = min(one.months_seen for one in exposures)
    if seen < own.window_months:
        return None
    return compare_retention(*exposures, horizon=own.window_months, confidence=confidence)
