"""What moves a budget: one factor at a time, and from this year's cost to next year's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from cvm.core.checks import DataError
from cvm.points.budget import Budget
from cvm.points.budget_kernel import EARNED, MEMBERS, REDEEMED
from cvm.points.budget_run import run
from cvm.points.scenarios import FACTORS, Scenarios, one_scenario

Z80 = 1.2815515655446004
STEPS = ("members", "earning", "redemption", "unit_cost")


def tornado(budget: Budget, *, year: int | None = None) -> pd.DataFrame:
    """Return how the year's cost changes as each factor alone goes to its 10 % and 90 % points.

    Args:
        budget: The budget; centres and spreads are those of its draws.
        year: The points year; the first whole one by default.

    Returns:
        ``factor``, ``low_yuan``, ``high_yuan`` (changes of cost), the widest first.
    """
    draws = budget.ran.scenarios
    centre, sd = draws.factors.mean(axis=0), draws.factors.std(axis=0)
    months = budget.programme.months
    settings = [centre]
    for at in range(len(FACTORS)):
        for side in (-Z80, Z80):
            moved = centre.copy()
            moved[at] += side * sd[at]
            settings.append(moved)
    start = one_scenario(months=months)
    scenarios: Scenarios = replace(
        start,
        factors=np.array(settings),
        draw=np.zeros(len(settings), np.int64),
        month_noise=np.zeros((len(settings), months)),
        member_noise=np.zeros(len(settings)),
    )
    ran = run(budget.programme, scenarios, plan=budget.ran.plan)
    cost = ran.by_year(ran.cost_yuan)[:, budget.year_position(year)]
    change = (cost[1:] - cost[0]).reshape(-1, 2)
    frame = pd.DataFrame({"factor": FACTORS, "low_yuan": change[:, 0], "high_yuan": change[:, 1]})
    width = (frame["high_yuan"] - frame["low_yuan"]).abs()
    return frame.loc[width.sort_values(ascending=False).index].reset_index(drop=True)


def waterfall(
    budget: Budget, this_year: Mapping[str, float], *, year: int | None = None
) -> pd.DataFrame:
    """Return the way from this year's cost to the forecast, in steps that add up exactly.

    Cost = members × points earned a member × points redeemed per point earned × cost a point. The
    change is shared by logarithmic means (LMDI; Ang 2005), so no step is left over.

    Args:
        budget: The forecast.
        this_year: ``member_months``, ``earned_points``, ``redeemed_points`` and ``cost_yuan`` of
            the last points year, all above 0.
        year: The forecast's points year; the first whole one by default.

    Returns:
        ``step``, ``amount_yuan``: the start, four changes, the end.

    Raises:
        DataError: A figure is missing or not above 0.
    """
    at, ran = budget.year_position(year), budget.ran

    def mean(flow: int) -> float:
        return float(ran.by_year(ran.flow(flow))[:, at].mean())

    after = {
        "member_months": mean(MEMBERS),
        "earned_points": mean(EARNED),
        "redeemed_points": mean(REDEEMED),
        "cost_yuan": float(ran.by_year(ran.cost_yuan)[:, at].mean()),
    }
    for name in after:
        if not this_year.get(name, 0) > 0:
            raise DataError(f"this_year[{name!r}]", this_year.get(name), "above 0")

    def parts(of: Mapping[str, float]) -> np.ndarray:
        return np.array(
            [
                of["member_months"],
                of["earned_points"] / of["member_months"],
                of["redeemed_points"] / of["earned_points"],
                of["cost_yuan"] / of["redeemed_points"],
            ]
        )

    begin, end = float(this_year["cost_yuan"]), after["cost_yuan"]
    same = abs(end - begin) < 1e-9 * begin
    mean_cost = begin if same else (end - begin) / np.log(end / begin)
    amounts = mean_cost * np.log(parts(after) / parts(this_year))
    return pd.DataFrame({"step": ["start", *STEPS, "end"], "amount_yuan": [begin, *amounts, end]})
