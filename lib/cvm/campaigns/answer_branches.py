"""A random control of whole branches: every error counts branches, not their customers.

Where each branch has one arm alone, its customers share whatever happened there. Estimates by
customer would then be far too sure of themselves, so all of them are made anew by branch.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cvm.campaigns.answer_estimates import MARGIN
from cvm.campaigns.cells import Tables
from cvm.campaigns.check import Check
from cvm.campaigns.checks import PLACEBO_LEVEL
from cvm.campaigns.clusters import wild_bootstrap
from cvm.campaigns.effect import (
    ARREARS,
    CHURN,
    COMPLAINTS,
    MONTHS_KEPT,
    REVENUE,
    Effect,
    Estimate,
    Outcome,
)
from cvm.campaigns.moments import FloatArray
from cvm.campaigns.multiple import adjusted_p_values
from cvm.campaigns.profit_measured import Measured
from cvm.campaigns.randomisation import randomisation_inference
from cvm.campaigns.regression import Cells
from cvm.campaigns.words import NORMAL

LEAST_IN_BRANCH = 10
"""Customers a branch on average, below which arms may lie apart by luck."""
SEED = 2026
"""Of the draws where branches are too many to try every assignment."""
BILL_BEFORE = Outcome(name="bill_before_yuan", kind="yuan")


def assigned_by_branch(own: Tables) -> bool:
    """Return whether each branch holds one arm alone, so that branches were assigned as wholes."""
    if own.cells.empty or "county" not in own.cells:
        return False
    arms = own.cells.groupby("county")["arm"].nunique()
    both = own.cells["arm"].nunique() == 2
    enough = own.cells["customers"].sum() >= LEAST_IN_BRANCH * len(arms)
    return bool(both and len(arms) >= 2 and (arms == 1).all() and enough)


def estimates_by_branch(own: Tables, confidence: float) -> tuple[Estimate, ...]:
    """Return churn by what chance could have assigned instead, the wild bootstrap, other outcomes.

    The headline stands as it is; p-values of the other outcomes are adjusted (Holm).

    Args:
        own: Tables of one campaign, assigned by branch.
        confidence: Of the intervals (share).
    """
    known = [
        one
        for one in (REVENUE, MARGIN, MONTHS_KEPT, COMPLAINTS, ARREARS)
        if f"sum_{one.name}" in own.cells
    ]
    first = _by_chance(own.cells, CHURN, confidence)
    others = [_by_chance(own.cells, one, confidence) for one in known]
    told = adjusted_p_values([one.p_value for one in others])
    adjusted = [replace(one, p_adjusted=float(p)) for one, p in zip(others, told, strict=True)]
    return (first, _wild(own.cells, confidence), *adjusted)


def tiers_by_branch(own: Tables, confidence: float, campaign: str) -> Effect:
    """Return churn of all and by card, p-values adjusted for the cards (Holm)."""
    groups = {str(name): part for name, part in own.cells.groupby("vip_tier", sort=True)}
    found = [_by_chance(part, CHURN, confidence, group=name) for name, part in groups.items()]
    told = adjusted_p_values([one.p_value for one in found])
    return Effect(
        campaign=campaign,
        correction="holm",
        estimates=(
            _by_chance(own.cells, CHURN, confidence),
            *(replace(one, p_adjusted=float(p)) for one, p in zip(found, told, strict=True)),
        ),
    )


def checks_by_branch(own: Tables, confidence: float) -> tuple[Check, ...]:
    """Return how many branches there are, and a placebo on their bills before.

    Sample ratio and balance of single customers say nothing where branches were assigned.
    """
    table = _totals(own.cells, CHURN.name)
    counts = {arm: int((table["arm"] == arm).sum()) for arm in ("treated", "control")}
    found = [
        Check(
            name="by_branch",
            status="watch",
            value=float(min(counts.values())),
            limit=math.nan,
            facts=counts,
            table=table,
        )
    ]
    if f"sum_{BILL_BEFORE.name}" in own.cells:
        before = _by_chance(own.cells, BILL_BEFORE, confidence)
        differs = before.can_tell and before.p_value < PLACEBO_LEVEL
        status = "failed" if differs else "ok" if before.can_tell else "unknown"
        found.append(
            Check(
                name="placebo_branches",
                status=status,
                value=before.p_value,
                limit=PLACEBO_LEVEL,
                facts={"p": before.p_value},
                table=_totals(own.cells, BILL_BEFORE.name),
            )
        )
    return tuple(found)


def measured_by_branch(
    measured: Measured, own: Tables, *, margin_share: float | None = None
) -> Measured:
    """Return what was measured with the scatter of branches in place of their customers'.

    The scatter is widened from the normal to Student's t with two branches fewer than there are.

    Args:
        measured: Plain differences, with the scatter of customers.
        own: Tables of one campaign, assigned by branch.
        margin_share: Share of revenue that is margin, where the months carry no costs.
    """
    known = f"sum_{MARGIN.name}" in own.cells
    names = [MARGIN.name if known else REVENUE.name, CHURN.name, "cost_yuan", *measured.gains]
    signs = np.array([1.0 if known else margin_share or 0.0, -1.0, *[1.0] * (len(names) - 2)])
    covariance, branches = np.zeros((len(names), len(names))), 0
    for arm in ("treated", "control"):
        cells = own.cells[own.cells["arm"] == arm]
        columns = [f"sum_{name}" for name in names]
        summed = cells.groupby("county")[["customers", *dict.fromkeys(columns)]].sum()
        count = summed["customers"].to_numpy(dtype=np.float64)
        totals = np.column_stack([summed[name] for name in columns]) * signs
        if arm == "control":
            totals[:, 2] = 0.0
        rest = totals - count[:, None] * (totals.sum(axis=0) / count.sum())
        some = len(count)
        covariance += rest.T @ rest / count.sum() ** 2 * some / max(some - 1, 1)
        branches += some
    wider = stats.t.ppf(0.5 + measured.confidence / 2, max(branches - 2, 1))
    covariance *= float(wider / NORMAL.inv_cdf(0.5 + measured.confidence / 2)) ** 2
    gains = {
        name: replace(
            gain,
            variance=float(covariance[place, place]),
            with_kept=float(covariance[place, 1]),
        )
        for place, (name, gain) in enumerate(measured.gains.items(), start=3)
    }
    return replace(measured, covariance=covariance[:3, :3], gains=gains)


def _totals(cells: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return customers and the outcome's sum by branch, with its arm."""
    return (
        cells.groupby("county", sort=True)
        .agg(arm=("arm", "first"), customers=("customers", "sum"), total=(f"sum_{name}", "sum"))
        .reset_index()
    )


def _by_chance(
    cells: pd.DataFrame, outcome: Outcome, confidence: float, *, group: str = "all"
) -> Estimate:
    table = _totals(cells, outcome.name)
    found = randomisation_inference(
        outcome,
        table["customers"],
        table["total"],
        (table["arm"] == "treated").astype(float),
        confidence=confidence,
        rng=np.random.default_rng(SEED),
    )
    return replace(found, group=group)


def _wild(cells: pd.DataFrame, confidence: float) -> Estimate:
    table = _totals(cells, CHURN.name)
    arm: FloatArray = np.asarray(table["arm"] == "treated", dtype=np.float64)
    total = table["total"].to_numpy(dtype=np.float64)
    known: dict[str, Any] = {"count": table["customers"].to_numpy(dtype=np.float64), "total": total}
    made = Cells(
        design=np.column_stack([np.ones(len(arm)), arm]),
        **known,
        squares=total,
        cluster=np.arange(len(arm)),
    )
    return wild_bootstrap(CHURN, made, confidence=confidence, rng=np.random.default_rng(SEED))
