"""Checks that come before any effect: a failed one stands above the result."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
from scipy import stats

from cvm.campaigns.balance import standardised_differences
from cvm.campaigns.check import Check
from cvm.campaigns.effect import Estimate, Outcome
from cvm.campaigns.moments import Moments
from cvm.campaigns.multiple import adjusted_p_values
from cvm.campaigns.randomised import compare
from cvm.core.checks import DataError, check_between

SAMPLE_RATIO_LEVEL = 0.001
PLACEBO_LEVEL = 0.05
BALANCE_LIMIT = 0.1
CHANCE_REACH = 3.5
LEAKAGE_WATCHED, LEAKAGE_FAILED = 0.01, 0.10
OVERLAP_LEVEL = 0.001
LEAST_REACHED = 0.3


def sample_ratio(treated: Sequence[int], control: Sequence[int], *, treated_share: float) -> Check:
    """Check that as many were treated as planned (sample ratio mismatch).

    Args:
        treated: Customers treated in each stratum (one number if there are none).
        control: Customers held out in each stratum.
        treated_share: Planned share treated.

    Returns:
        The χ² test over all strata; it fails below 0.001, since a real mismatch is rarely subtle
        (Fabijan et al. 2019, KDD).

    Raises:
        DataError: The strata differ in number, or a count is negative.
    """
    check_between(
        treated_share, "treated_share", low=0, high=1, include_low=False, include_high=False
    )
    if len(treated) != len(control) or not len(treated):
        raise DataError("control", f"{len(control)} strata", f"{len(treated)} as in treated")
    if min(*treated, *control) < 0:
        raise DataError("treated", min(*treated, *control), "counts, at least 0")
    statistic, strata = 0.0, 0
    for one, other in zip(treated, control, strict=True):
        total = one + other
        if total:
            expected = total * treated_share
            statistic += (one - expected) ** 2 / (expected * (1 - treated_share))
            strata += 1
    total = sum(treated) + sum(control)
    p_value = float(stats.chi2.sf(statistic, strata)) if strata else math.nan
    status = "unknown" if not strata else "failed" if p_value < SAMPLE_RATIO_LEVEL else "ok"
    found = sum(treated) / total if total else math.nan
    return Check(
        name="sample_ratio",
        status=status,
        value=p_value,
        limit=SAMPLE_RATIO_LEVEL,
        facts={
            "treated": int(sum(treated)),
            "control": int(sum(control)),
            "expected": float(treated_share),
            "found": float(found),
            "p": p_value,
        },
        table=pd.DataFrame({"treated_count": list(treated), "control_count": list(control)}),
    )


def balance(control: Moments, treated: Moments, columns: Sequence[str]) -> Check:
    """Check that the arms were alike before: standardised differences of columns from before.

    A difference fails if it is above 0.1 and also larger than chance makes it in arms of this size.

    Args:
        control: Moments of the control.
        treated: Moments of the treated.
        columns: From before the campaign.
    """
    table = standardised_differences(control, treated, columns)
    sizes = [control.count, treated.count]
    limit = BALANCE_LIMIT
    if min(sizes):
        limit = max(limit, CHANCE_REACH * math.sqrt(1 / sizes[0] + 1 / sizes[1]))
    known = table.dropna(subset="smd")
    if known.empty:
        return Check(
            name="balance",
            status="unknown",
            value=math.nan,
            limit=limit,
            facts={"largest": math.nan, "column": "–", "limit": limit},
            table=table,
        )
    place = int(known["smd"].abs().to_numpy().argmax())
    largest = abs(float(known["smd"].to_numpy()[place]))
    return Check(
        name="balance",
        status="failed" if largest > limit else "ok",
        value=largest,
        limit=limit,
        facts={"largest": largest, "column": str(known["column"].iloc[place]), "limit": limit},
        table=table,
    )


def contact(funnel: pd.DataFrame) -> tuple[Check, Check]:
    """Check how many treated were reached, and how many controls were contacted all the same.

    Args:
        funnel: As :func:`cvm.campaigns.funnel.contact_funnel` gives it.

    Returns:
        ``contact`` (to be watched below 30 % reached) and ``leakage`` (to be watched from 1 %,
        failed from 10 % of the controls).
    """
    counts = {row["arm"]: row for row in funnel.to_dict("records")}
    reached, accepted = (_share(counts["treated"], step) for step in ("reached", "accepted"))
    leaked = _share(counts["control"], "attempted")
    made = "unknown" if math.isnan(reached) else "watch" if reached < LEAST_REACHED else "ok"
    kept = "failed" if leaked >= LEAKAGE_FAILED else "watch" if leaked >= LEAKAGE_WATCHED else "ok"
    return (
        Check(
            name="contact",
            status=made,
            value=reached,
            limit=LEAST_REACHED,
            facts={"reached": reached, "accepted": accepted},
            table=funnel,
        ),
        Check(
            name="leakage",
            status="unknown" if math.isnan(leaked) else kept,
            value=leaked,
            limit=LEAKAGE_FAILED,
            facts={"share": leaked},
            table=funnel,
        ),
    )


def _share(counts: Mapping[Hashable, Any], step: str) -> float:
    return counts[step] / counts["assigned"] if counts["assigned"] else math.nan


def overlap(treated: tuple[int, int], control: tuple[int, int]) -> Check:
    """Check that customers of both arms are equally often in other campaigns.

    Being in several campaigns does no harm to the comparison as long as it is as common in both
    arms; a difference (p below 0.001) means that the other campaign looked at this one's arms.

    Args:
        treated: Customers treated who are in another campaign at the same time; customers treated.
        control: The same of the controls.
    """
    if min(treated[1], control[1]) <= 0:
        status, p_value = "unknown", math.nan
    else:
        table = [[both, whole - both] for both, whole in (treated, control)]
        columns = [sum(row[k] for row in table) for k in (0, 1)]
        p_value = 1.0 if not min(columns) else float(stats.chi2_contingency(table).pvalue)
        status = "failed" if p_value < OVERLAP_LEVEL else "ok"
    shares = [both / whole if whole else math.nan for both, whole in (treated, control)]
    return Check(
        name="overlap",
        status=status,
        value=p_value,
        limit=OVERLAP_LEVEL,
        facts={"treated": shares[0], "control": shares[1]},
        table=pd.DataFrame(
            {
                "arm": ["treated", "control"],
                "elsewhere": [treated[0], control[0]],
                "assigned": [treated[1], control[1]],
            }
        ),
    )


def placebo(
    months: Mapping[str, tuple[Moments, Moments]], outcome: Outcome, *, confidence: float = 0.95
) -> tuple[Check, tuple[Estimate, ...]]:
    """Check that nothing "happened" in the months before the campaign.

    Args:
        months: Month before → moments of control and treated in that month.
        outcome: What the campaign is judged by, as measured in those months.
        confidence: Of the intervals (share).

    Returns:
        The check (failed if any month differs after Holm's correction at 5 %), and the estimates.
    """
    estimates = tuple(
        compare(control, treated, outcome, group=name, confidence=confidence)
        for name, (control, treated) in months.items()
    )
    adjusted = adjusted_p_values([one.p_value for one in estimates])
    told = [value for value in adjusted if not math.isnan(value)]
    found = sum(value < PLACEBO_LEVEL for value in told)
    smallest = min(told, default=math.nan)
    check = Check(
        name="placebo",
        status="unknown" if not told else "failed" if found else "ok",
        value=float(smallest),
        limit=PLACEBO_LEVEL,
        facts={"found": found, "months": len(told)},
        table=pd.DataFrame(
            {
                "month": list(months),
                "effect": [one.effect for one in estimates],
                "low": [one.low for one in estimates],
                "high": [one.high for one in estimates],
                "p_adjusted": adjusted,
            }
        ),
    )
    return check, estimates
