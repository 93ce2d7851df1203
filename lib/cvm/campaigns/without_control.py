"""A campaign without a random control, judged whole: estimates, checks, sensitivity, naive reading.

The contacted are compared with customers who, in the same month, might have been contacted too.
Nothing here can know what the operator did not record; the sensitivity says how much that may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from cvm.campaigns import targeted_checks as check
from cvm.campaigns.candidates import Candidates
from cvm.campaigns.check import Check, Checks
from cvm.campaigns.compare_designs import DesignComparison, compare_designs, compare_methods
from cvm.campaigns.crossfit import METHOD
from cvm.campaigns.effect import (
    ARREARS,
    CHURN,
    COMPLAINTS,
    MONTHS_KEPT,
    REVENUE,
    Estimate,
    Outcome,
    cannot_tell,
)
from cvm.campaigns.moments import moments_by
from cvm.campaigns.propensity import (
    SeparatedError,
    fit_propensity,
)
from cvm.campaigns.randomised import compare
from cvm.campaigns.targeted import TargetedEffect
from cvm.campaigns.targeted_steps import Steps
from cvm.campaigns.weighting import reason_of_columns
from cvm.core.checks import ArgumentError, check_at_least

MARGIN = Outcome(name="margin_yuan", kind="yuan")
OUTCOMES = (CHURN, REVENUE, MARGIN, MONTHS_KEPT, COMPLAINTS, ARREARS)


def judge_without_control(
    candidates: Candidates,
    *,
    campaign: str = "",
    outcomes: Sequence[Outcome] = OUTCOMES,
    ratio: int = 3,
    caliper_deviations: float = 0.2,
    folds: int = 5,
    contacts: pd.DataFrame | None = None,
    checks: Sequence[Check] = (),
    confidence: float = 0.95,
    rng: np.random.Generator,
) -> TargetedEffect:
    """Judge a campaign that held nobody out.

    The headline is the doubly robust estimate with cross-fitting on all at risk. Beside it stand
    the matched (in time, within a caliper), adjusted and as differences in differences, and the
    weighted; all on the same estimand, the contacted.

    Args:
        candidates: The contacted and those at risk.
        campaign: Name for the result.
        outcomes: The first is the headline; those without a known column are left out.
        ratio: Controls matched with each contacted.
        caliper_deviations: Largest distance of a match, in deviations of the propensity's logit.
        folds: Of the cross-fitting.
        contacts: Counts of usable contacts, for the check of them.
        checks: Made before, to stand in front: of the contacts themselves.
        confidence: Of the intervals (share).
        rng: Randomness of the folds.

    Raises:
        ArgumentError: No outcome is known.
        DataError: An outcome is missing or infinite for some customers.
    """
    check_at_least(folds, "folds", 2)
    known = tuple(one for one in outcomes if candidates.knows(one.name))
    if not known:
        names = [one.name for one in outcomes]
        raise ArgumentError("outcomes", names, "known", available=list(candidates.columns))
    first = [*checks, check.complete(candidates)]
    if contacts is not None:
        first.insert(0, check.contacts_usable(contacts))
    reason = candidates.reason
    values = candidates.column(known[0].name)
    if not reason and np.isfinite(values).all():
        reason = reason_of_columns(known[0], values, candidates.treated)
        reason = "" if reason in ("few_events", "no_variation") else reason
    propensity = None
    if not reason:
        try:
            propensity = fit_propensity(candidates.treated, candidates.covariates)
        except SeparatedError:
            reason = "separated"
    if propensity is None:
        return _silent(candidates, campaign, known, reason, first, confidence)
    try:
        steps = Steps(
            candidates, propensity, known, ratio, caliper_deviations, folds, confidence, rng
        )
    except SeparatedError:
        return _silent(candidates, campaign, known, "separated", first, confidence)
    return steps.effect(campaign, first)


def against_held_out(candidates: Candidates, outcome: Outcome = CHURN) -> Estimate:
    """Compare the contacted with those a campaign held out at random, for designs side by side.

    Under a random hold-out the effect as assigned is that on the contacted.

    Args:
        candidates: With the column ``held_out``.
        outcome: What is compared.
    """
    values, held = candidates.column(outcome.name), candidates.column("held_out") == 1
    rows = candidates.treated | held
    by_arm = moments_by({outcome.name: values[rows]}, candidates.treated[rows])
    found = compare(by_arm.get(False), by_arm.get(True), outcome)
    return replace(found, method="randomised", estimand="treated")


def compare_with_held_out(candidates: Candidates, effect: TargetedEffect) -> DesignComparison:
    """Set designs that do not look at who was held out beside the random control itself.

    Args:
        candidates: With the column ``held_out``.
        effect: What they came to, as if nobody had been held out.
    """
    found = compare_methods(effect)
    known = against_held_out(candidates, effect.headline.outcome)
    return compare_designs({known.method: known, **found.rows}, naive=found.naive)


def _silent(
    candidates: Candidates,
    campaign: str,
    outcomes: Sequence[Outcome],
    reason: str,
    checks: list[Check],
    confidence: float,
) -> TargetedEffect:
    """Return a result that honestly says nothing, and why."""
    counts = {
        "treated_count": int(candidates.treated.sum()),
        "control_count": int((~candidates.treated).sum()),
    }
    estimates = tuple(
        cannot_tell(
            one,
            reason,
            estimand="treated",
            method=METHOD,
            confidence=confidence,
            **counts,
        )
        for one in outcomes
    )
    return TargetedEffect(
        campaign=campaign, estimates=estimates, checks=Checks(items=tuple(checks))
    )
