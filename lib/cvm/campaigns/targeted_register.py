"""A campaign without a control in the register: its evidence, its effect and what it was worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cvm.campaigns.candidates import Candidates
from cvm.campaigns.compare_designs import compare_methods
from cvm.campaigns.profit import Profit
from cvm.campaigns.profit_assumptions import Assumptions
from cvm.campaigns.profit_life import KeptLife
from cvm.campaigns.profit_measured import incentives_of, measured_from
from cvm.campaigns.register import Entry, entry_of
from cvm.campaigns.targeted import TargetedEffect, evidence_of

ROBUST = "aipw_cross_fitted"


def targeted_profit(
    candidates: Candidates,
    effect: TargetedEffect,
    *,
    incentive_yuan: float | None = None,
    assumptions: Assumptions | None = None,
    life: KeptLife | None = None,
) -> Profit | None:
    """Return what the campaign was worth; None where cost, margin or effect cannot be told.

    Args:
        candidates: The contacted and those at risk, with ``cost_yuan`` of the contacted and, if
            known, whether they ``accepted``.
        effect: What the campaign did, with margin and months kept among its outcomes.
        incentive_yuan: Cost of the offer for one customer who accepts; missing if not known.
        assumptions: What the campaign itself cannot show.
        life: What customers kept are worth over a lifetime, where that is known.
    """
    known = {one.outcome.name for one in effect.estimates}
    if not effect.headline.can_tell or not {"margin_yuan", "months"} <= known:
        return None
    margin, months = (effect.row(outcome=name, method=ROBUST) for name in ("margin_yuan", "months"))
    if not (margin.can_tell and months.can_tell and candidates.knows("cost_yuan")):
        return None
    revenue = [effect.row(outcome="revenue_yuan", method=ROBUST)] if "revenue_yuan" in known else []
    cost = candidates.column("cost_yuan")[candidates.treated]
    paid, windfall = _incentives(candidates, effect, incentive_yuan)
    measured = measured_from(
        effect.headline,
        window_months=candidates.window_months,
        cost_yuan=float(np.nan_to_num(cost).mean()),
        monthly_margin_yuan=margin.control_mean / months.control_mean,
        margin=margin,
        others=[months, *revenue],
        incentive_yuan=paid,
        windfall_yuan=windfall,
    )
    return Profit(
        campaign=effect.campaign,
        measured=measured,
        assumptions=assumptions or Assumptions(),
        churn=effect.headline,
        life=life,
    )


def _incentives(
    candidates: Candidates, effect: TargetedEffect, incentive_yuan: float | None
) -> tuple[float, float]:
    if incentive_yuan is None or pd.isna(incentive_yuan) or not candidates.knows("accepted"):
        return math.nan, math.nan
    accepted = np.nan_to_num(candidates.column("accepted")[candidates.treated])
    left = candidates.column("churned")[candidates.treated]
    kept = -effect.headline.effect
    return incentives_of(
        float(accepted.mean()), float((accepted * left).mean()), kept, float(incentive_yuan)
    )


def targeted_entry(
    campaign: Mapping[Any, Any], effect: TargetedEffect, profit: Profit | None = None
) -> Entry:
    """Return the campaign's row of the register.

    Args:
        campaign: Its row in the contract table ``campaigns``.
        effect: What it did to churn, the headline.
        profit: What it was worth, where that can be told.
    """
    failed = () if effect.checks is None else tuple(one.name for one in effect.checks.failed)
    comparison = compare_methods(effect)
    return entry_of(
        campaign,
        effect.headline,
        evidence=evidence_of(effect, comparison),
        designs=comparison.verdict,
        failed_checks=failed,
        **({} if profit is None else profit.money()),
    )
