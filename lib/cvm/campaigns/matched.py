"""Effects on the matched: sets compared, adjusted, and as differences in differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.campaigns.effect import Estimate, Outcome, cannot_tell
from cvm.campaigns.inference import LEAST_CUSTOMERS, LEAST_EVENTS
from cvm.campaigns.matching import Matches
from cvm.campaigns.moments import FloatArray
from cvm.campaigns.propensity import independent_columns
from cvm.campaigns.quantiles import t_p, t_reach
from cvm.campaigns.regression import Cells, fit
from cvm.campaigns.weighting import checked_outcome
from cvm.core.checks import DataError


def estimate_matched(
    outcome: Outcome,
    values: npt.ArrayLike,
    matches: Matches,
    *,
    before: npt.ArrayLike | None = None,
    score: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    group: str = "all",
) -> Estimate:
    """Compare each matched treated with its controls: the effect on the treated that are matched.

    Without replacement the error is that of independent sets; with replacement that of Abadie and
    Imbens, which counts that a control stands for several treated.

    Args:
        outcome: What is compared.
        values: The outcome of each customer.
        matches: Who is compared with whom.
        before: The same before the contact; if given, changes are compared (difference in
            differences on the matched).
        score: What was matched on; needed with replacement.
        confidence: Of the interval (share).
        group: Customers it speaks of.

    Raises:
        DataError: Lengths differ, a value is missing or infinite, or ``score`` is missing.

    Sources:
        Abadie & Imbens (2006), Econometrica 74; Abadie & Spiess (2022), JASA 117; Heckman,
        Ichimura & Todd (1997), Review of Economic Studies 64 (difference in differences).
    """
    y = checked_outcome(values, matches.size)
    change = y if before is None else y - checked_outcome(before, matches.size)
    method = "matched" if before is None else "matched_did"
    known = _known(matches, method, confidence, group)
    reason = reason_of_matches(outcome, y, matches)
    if reason:
        return cannot_tell(outcome, reason, **known)
    gaps = matches.differences(change)
    effect, sets = float(gaps.mean()), len(gaps)
    variance = float(gaps.var(ddof=1)) / sets
    if matches.replace:
        if score is None:
            raise DataError("score", None, "given for errors with replacement")
        variance = _reused_variance(change, matches, gaps - effect, np.asarray(score))
    level = float(y[matches.treated[matches.matched]].mean())
    return _estimate(outcome, effect, variance, level, sets - 1, known)


def adjust_matched(
    outcome: Outcome,
    values: npt.ArrayLike,
    matches: Matches,
    covariates: npt.ArrayLike,
    *,
    before: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    group: str = "all",
) -> Estimate:
    """Regress the outcome on treatment and covariates among the matched, errors by matched set.

    It removes what is left of imbalance, and the errors are right for matching without
    replacement. Errors of sets compared plainly are too wide where covariates tell much of the
    outcome, as the fitted propensity balances them better than chance would; these are not.

    Args:
        outcome: What is compared.
        values: The outcome of each customer.
        matches: Who is compared with whom, without replacement.
        covariates: From before the contact (customers × covariates).
        before: The same before the contact; if given, changes are compared (difference in
            differences on the matched).
        confidence: Of the interval (share).
        group: Customers it speaks of.

    Raises:
        ArgumentError: The matches are with replacement.
        DataError: Lengths differ, or a value is missing or infinite.

    Sources:
        Abadie & Spiess (2022), JASA 117; Ho, Imai, King & Stuart (2007), Political Analysis 15.
    """
    y = checked_outcome(values, matches.size)
    change = y if before is None else y - checked_outcome(before, matches.size)
    rows = np.asarray(covariates, dtype=np.float64)
    method = "matched_adjusted" if before is None else "matched_did"
    known = _known(matches, method, confidence, group)
    sets = matches.sets()
    reason = reason_of_matches(outcome, y, matches)
    if reason:
        return cannot_tell(outcome, reason, **known)
    inside = np.flatnonzero(sets >= 0)
    arm = np.zeros(matches.size)
    arm[matches.treated] = 1.0
    design = np.column_stack([np.ones(len(inside)), arm[inside], rows[inside]])
    design = design[:, independent_columns(design)]
    weight, own = matches.weights()[inside], change[inside]
    if design.shape[1] >= len(own):
        return cannot_tell(outcome, "few_customers", **known)
    cells = Cells(
        design=design,
        count=weight,
        total=weight * own,
        squares=weight * own**2,
        cluster=sets[inside],
    )
    found = fit(cells, errors="cluster")
    level = float(y[matches.treated[matches.matched]].mean())
    return _estimate(
        outcome,
        float(found.coefficients[1]),
        float(found.covariance[1, 1]),
        level,
        found.freedom,
        known,
    )


def reason_of_matches(outcome: Outcome, y: FloatArray, matches: Matches) -> str:
    """Return why these matches allow no answer (a key of ``campaigns.reason``), or nothing."""
    if not len(matches.treated):
        return "no_treated"
    if len(matches.treated) == matches.size:
        return "no_control"
    if min(len(matches.treated), matches.size - len(matches.treated)) < LEAST_CUSTOMERS:
        return "few_customers"
    if min(int(matches.matched.sum()), matches.control_count) < LEAST_CUSTOMERS:
        return "no_overlap"
    inside = y[matches.weights() > 0]
    if outcome.kind == "share":
        events = float(inside.sum())
        if min(events, len(inside) - events) < LEAST_EVENTS - 1e-9:
            return "few_events"
    return "" if np.ptp(inside) > 0 else "no_variation"


def balance_of_weights(
    covariates: npt.ArrayLike,
    names: list[str],
    treated: npt.ArrayLike,
    weights: npt.ArrayLike,
) -> pd.DataFrame:
    """Return standardised differences before, and after matching or weighting.

    Args:
        covariates: From before the contact (customers × covariates).
        names: Of the covariates.
        treated: 0 or 1 for each customer.
        weights: Of each customer after matching or weighting; 0 for those left out.

    Returns:
        Columns ``column``, ``treated_mean``, ``control_mean`` (after), ``deviation`` (of the
        treated before; √(p(1−p)) for columns of 0 and 1), ``smd_before``, ``smd``.

    Sources:
        Stuart (2010), Statistical Science 25: one deviation before and after, so that the
        difference moves for no other reason than its means.
    """
    rows, arm = np.asarray(covariates, dtype=np.float64), np.asarray(treated) == 1
    weight = np.asarray(weights, dtype=np.float64)
    table = []
    for name, column in zip(names, rows.T, strict=True):
        means = [float(column[side].mean()) for side in (arm, ~arm)]
        after = [
            float(np.average(column[side], weights=weight[side]))
            if weight[side].any()
            else math.nan
            for side in (arm, ~arm)
        ]
        binary = bool(np.isin(column, (0.0, 1.0)).all())
        own = math.sqrt(means[0] * (1 - means[0])) if binary else float(column[arm].std(ddof=1))
        found = [_standardised(gap[0] - gap[1], own) for gap in (means, after)]
        table.append((name, *after, own, *found))
    columns = ["column", "treated_mean", "control_mean", "deviation", "smd_before", "smd"]
    return pd.DataFrame(table, columns=columns)


def _standardised(gap: float, deviation: float) -> float:
    if deviation > 0:
        return gap / deviation
    return 0.0 if gap == 0 else math.nan


def _known(matches: Matches, method: str, confidence: float, group: str) -> dict[str, Any]:
    return {
        "method": method,
        "estimand": "treated",
        "confidence": confidence,
        "group": group,
        "treated_count": int(matches.matched.sum()),
        "control_count": matches.control_count,
    }


def _estimate(
    outcome: Outcome,
    effect: float,
    variance: float,
    level: float,
    freedom: float,
    known: dict[str, Any],
) -> Estimate:
    if not variance > 1e-24 * (abs(effect) + abs(level)) ** 2:
        return cannot_tell(outcome, "no_variation", **known)
    se = math.sqrt(variance)
    reach = t_reach(known["confidence"], freedom) * se
    without = level - effect
    return Estimate(
        outcome=outcome,
        **known,
        treated_mean=level,
        control_mean=without,
        effect=effect,
        se=se,
        low=effect - reach,
        high=effect + reach,
        p_value=t_p(effect / se, freedom),
        relative=effect / without if without > 0 else math.nan,
    )


def _reused_variance(
    y: FloatArray, matches: Matches, deviations: FloatArray, score: FloatArray
) -> float:
    """Return Abadie and Imbens' variance of the effect on the treated."""
    kept = matches.controls[matches.matched]
    share = 1.0 / (kept >= 0).sum(axis=1)
    uses, squares = np.zeros(matches.size), np.zeros(matches.size)
    places, spread = kept[kept >= 0], np.broadcast_to(share[:, None], kept.shape)[kept >= 0]
    np.add.at(uses, places, spread)
    np.add.at(squares, places, spread**2)
    controls = np.ones(matches.size, dtype=np.bool_)
    controls[matches.treated] = False
    noise = np.zeros(matches.size)
    noise[controls] = _own_noise(y[controls], score[controls])
    total = float((deviations**2).sum()) + float(((uses**2 - squares) * noise).sum())
    return total / len(kept) ** 2


def _own_noise(y: FloatArray, score: FloatArray) -> FloatArray:
    """Return each customer's variance of the outcome from its nearest in the same arm."""
    places = np.argsort(score, kind="stable")
    ordered, own = score[places], y[places]
    gaps = np.diff(ordered)
    left, right = np.r_[np.inf, gaps], np.r_[gaps, np.inf]
    nearest = np.where(right < left, np.arange(1, len(y) + 1), np.arange(-1, len(y) - 1))
    noise = np.empty(len(y))
    noise[places] = 0.5 * (own - own[nearest]) ** 2
    return noise
