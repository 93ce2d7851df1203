"""A campaign by branch in the register: its evidence, its effect and what it was worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cvm.campaigns.compare_designs import DesignComparison
from cvm.campaigns.effect import CHURN
from cvm.campaigns.profit import Profit
from cvm.campaigns.profit_assumptions import Assumptions
from cvm.campaigns.profit_life import KeptLife
from cvm.campaigns.profit_measured import Gain, Measured, incentives_of
from cvm.campaigns.register import Entry, entry_of
from cvm.campaigns.rollout_branches import (
    BEFORE_LEVEL,
    MARGIN_IN_SERVICE,
    REVENUE_IN_SERVICE,
    RolloutEffect,
)


def rollout_profit(
    effect: RolloutEffect,
    starts: pd.DataFrame,
    *,
    incentive_yuan: float | None = None,
    assumptions: Assumptions | None = None,
    life: KeptLife | None = None,
) -> Profit | None:
    """Return what the campaign was worth; None where cost, margin or effect cannot be told.

    A customer kept brings half the window's margin; those who stay bring more or less each month,
    as their margin moved; revenue likewise. All scatter as other orders of starts show, together.

    Args:
        effect: What the campaign did, with the margin of those in service.
        starts: Of ``reduce_branch_starts``; tells what was booked and who accepted.
        incentive_yuan: Cost of the offer for one customer who accepts; missing if not known.
        assumptions: What the campaign itself cannot show.
        life: What customers kept are worth over a lifetime, where that is known.
    """
    told = {one.outcome: one for one in effect.estimates if one.can_tell}
    cost, branches = booked_yuan(starts), effect.branches
    if not {CHURN, MARGIN_IN_SERVICE} <= set(told) or branches is None:
        return None
    if not math.isfinite(cost) or not branches.assigned:
        return None
    churn, margin, months = told[CHURN], told[MARGIN_IN_SERVICE], effect.window_months
    served = months * (1 - churn.treated_mean / 2)
    each = margin.control_mean * months / 2
    # Kept falls by this much as the monthly share rises by one: the slope of the window's share.
    monthly_stay = (1 - churn.control_mean) ** (1 / months)
    slope = -months * monthly_stay ** (months - 1)
    revenue = told.get(REVENUE_IN_SERVICE)
    each_revenue = 0.0 if revenue is None else revenue.control_mean * months / 2
    # Of the monthly averages of churn, margin and revenue: margin, customers kept and revenue.
    moves = np.array(
        [[each * slope, served, 0.0], [slope, 0.0, 0.0], [each_revenue * slope, 0.0, served]]
    )
    assert effect.monthly_covariance is not None
    spread = moves @ effect.monthly_covariance @ moves.T / branches.covered_share**2
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = spread[:2, :2]
    paid, windfall = _incentives(starts, -churn.effect, incentive_yuan)
    # Whoever is kept serves half the window's months.
    gains = {
        "months": Gain(
            value=-churn.effect * months / 2,
            variance=float(covariance[1, 1]) * (months / 2) ** 2,
            with_kept=float(covariance[1, 1]) * months / 2,
            monthly=1.0,
        )
    }
    if revenue is not None:
        gains["revenue_yuan"] = Gain(
            value=-churn.effect * each_revenue + revenue.effect * served,
            variance=float(spread[2, 2]),
            with_kept=float(spread[2, 1]),
            monthly=revenue.control_mean,
        )
    measured = Measured(
        treated_count=churn.treated_count,
        window_months=months,
        margin_yuan=-churn.effect * each + margin.effect * served,
        kept_share=-churn.effect,
        cost_yuan=cost / churn.treated_count,
        covariance=covariance,
        monthly_margin_yuan=margin.control_mean,
        monthly_churn_share=1 - monthly_stay,
        incentive_yuan=paid,
        windfall_yuan=windfall,
        confidence=churn.confidence,
        gains=gains,
    )
    return Profit(
        campaign=effect.campaign,
        measured=measured,
        assumptions=assumptions or Assumptions(),
        churn=churn,
        life=life,
    )


def _incentives(
    starts: pd.DataFrame, kept_share: float, incentive_yuan: float | None
) -> tuple[float, float]:
    names = ["accepted", "accepted_left"]
    told = all(name in starts and starts[name].notna().all() for name in names)
    if incentive_yuan is None or pd.isna(incentive_yuan) or not told:
        return math.nan, math.nan
    accepted, left = (float(starts[name].sum() / starts["customers"].sum()) for name in names)
    return incentives_of(accepted, left, kept_share, float(incentive_yuan))


def rollout_entry(
    campaign: Mapping[Any, Any],
    effect: RolloutEffect,
    starts: pd.DataFrame,
    *,
    profit: Profit | None = None,
    comparison: DesignComparison | None = None,
) -> Entry:
    """Return the campaign's row of the register.

    Args:
        campaign: Its row in the contract table ``campaigns``.
        effect: What it did.
        starts: Of ``reduce_branch_starts``; tells what was booked.
        profit: What it was worth, where that can be told.
        comparison: Its designs side by side; without it one design stands alone.
    """
    money: dict[str, Any] = {"cost_yuan": booked_yuan(starts)}
    return entry_of(
        campaign,
        effect.headline,
        evidence=evidence_of_rollout(effect, comparison),
        designs="" if comparison is None else comparison.verdict,
        failed_checks=failed_checks(effect),
        **(money | ({} if profit is None else profit.money())),
    )


def evidence_of_rollout(effect: RolloutEffect, comparison: DesignComparison | None) -> str:
    """Return the quality of evidence of a campaign by branch.

    Returns:
        ``B`` if designs agree (or none detects anything) and no check failed, that of the year
        before the start among them; ``C`` otherwise; ``D`` if nothing can be told.
    """
    if not effect.headline.can_tell:
        return "D"
    alike = not effect.before_p < BEFORE_LEVEL and not failed_checks(effect)
    agree = comparison is not None and comparison.verdict in ("agree", "none")
    return "B" if alike and agree else "C"


def failed_checks(effect: RolloutEffect) -> list[str]:
    """Return the names of the checks that failed."""
    return [] if effect.checks is None else [one.name for one in effect.checks.failed]


def booked_yuan(starts: pd.DataFrame) -> float:
    """Return what was booked for all branches; NaN where some did not book."""
    cost = starts["cost_yuan"] if "cost_yuan" in starts else pd.Series(dtype=float)
    return float(cost.sum()) if len(cost) and cost.notna().all() else math.nan
