"""Every design that applies to a campaign by branch, on one estimand, beside the naive reading."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from cvm.campaigns.branches import Branches
from cvm.campaigns.compare_designs import DesignComparison, compare_designs
from cvm.campaigns.effect import CHURN, Estimate, cannot_tell
from cvm.campaigns.rollout_averages import aggregate
from cvm.campaigns.rollout_branches import RolloutEffect, over_window
from cvm.campaigns.rollout_orders import within_window
from cvm.campaigns.rollout_panel import Panel
from cvm.campaigns.synthetic import Method, mean_gap

FloatArray = npt.NDArray[np.float64]
MIXES: tuple[Method, ...] = ("synthetic", "synthetic_did")
NAIVE = "branch_before_after"


def compare_rollout(
    effect: RolloutEffect, *, orders: int = 99, rng: np.random.Generator
) -> DesignComparison:
    """Compare the designs that apply to a campaign by branch, all on churn of those assigned.

    Against branches not started yet (intervals from other orders of starts, and from branches'
    scatter in large samples), and each branch against a mix of others: synthetic control and
    synthetic difference-in-differences. The naive reading before and after stands beside them.

    Args:
        effect: What the staggered starts show.
        orders: Orders of starts that the errors of the mixes rest on.
        rng: Draws them.
    """
    branches, headline = effect.branches, effect.headline
    if branches is None or effect.monthly is None:
        return compare_designs({headline.method: headline})
    average = aggregate(effect.monthly, within_periods=effect.window_months)
    rows = {headline.method: headline}
    rows["staggered_normal"] = _by_error(
        effect, branches, "staggered_normal", average.overall, average.overall_se
    )
    for method in MIXES:
        rows[method] = _mixed(effect, branches, method, orders, rng)
    return compare_designs(rows, naive={NAIVE: read_branches_naively(effect)})


def mixed_average(panel: Panel, *, window_months: int, method: Method) -> float:
    """Return the mean gap of branches that start from mixes of others, larger ones counting more.

    Each group of starters is set against branches that start after its window is over, or never;
    those with fewer than two such branches, or whose window is not over, do not count.

    Args:
        panel: Branches and their starts.
        window_months: Months from each start on.
        method: How the others are mixed.

    Returns:
        The mean monthly gap; NaN where no group can be mixed for.
    """
    total = size = 0.0
    for group in panel.groups:
        end = group + window_months - 1
        months = panel.periods <= end
        waiting = np.isnan(panel.start) | (panel.start > end)
        mine = panel.start == group
        short = end > panel.periods[-1] or (panel.periods < group).sum() < 2
        if short or waiting.sum() < 2:
            continue
        rows = mine | waiting
        alone = Panel(
            outcome=panel.outcome[np.ix_(rows, months)],
            periods=panel.periods[months],
            start=np.where(mine, panel.start, np.nan)[rows],
        )
        weight = float(panel.sizes[mine].sum())
        total += weight * mean_gap(alone, method=method)
        size += weight
    return total / size if size else math.nan


def read_branches_naively(effect: RolloutEffect) -> Estimate:
    """Return churn after each start minus before it, as a report that knows no others would."""
    branches, months = effect.branches, effect.window_months
    assert branches is not None
    panel = branches.panel
    since = panel.periods[None, :] - panel.start[:, None]
    parts = []
    for inside in ((since >= 0) & (since < months), (since < 0) & (since >= -months)):
        at_risk = float((branches.at_risk * inside).sum())
        parts.append((float((branches.at_risk * panel.outcome * inside).sum()), at_risk))
    if not parts[1][1]:
        return _cannot(effect, NAIVE, "no_control")
    after, before = (left / at_risk for left, at_risk in parts)
    variance = sum(
        rate * (1 - rate) / at_risk
        for rate, (_, at_risk) in zip((after, before), parts, strict=True)
    )
    return _by_error(effect, branches, NAIVE, after - before, math.sqrt(variance))


def mixed_error(
    panel: Panel,
    found: float,
    *,
    window_months: int,
    method: Method,
    orders: int,
    rng: np.random.Generator,
) -> float:
    """Return the error of :func:`mixed_average`: its scatter over other orders of starts.

    What was found is taken out of the branches before starts are handed out anew, so that what is
    left holds no effect.

    Args:
        panel: Branches and their starts.
        found: The average.
        window_months: Months from each start on.
        method: How the others are mixed.
        orders: How many orders.
        rng: Draws them.

    Returns:
        NaN where fewer than half of the orders leave branches to mix.
    """
    rest = panel.outcome - found * within_window(panel, window_months)
    drawn = np.array(
        [
            mixed_average(
                replace(panel, outcome=rest, start=rng.permutation(panel.start)),
                window_months=window_months,
                method=method,
            )
            for _ in range(orders)
        ]
    )
    told = drawn[~np.isnan(drawn)]
    return math.sqrt(float((told**2).mean())) if len(told) >= orders / 2 else math.nan


def _mixed(
    effect: RolloutEffect,
    branches: Branches,
    method: Method,
    orders: int,
    rng: np.random.Generator,
) -> Estimate:
    panel, months = branches.panel, effect.window_months
    found = mixed_average(panel, window_months=months, method=method)
    if math.isnan(found):
        return _cannot(effect, method, "few_clusters")
    se = mixed_error(panel, found, window_months=months, method=method, orders=orders, rng=rng)
    if math.isnan(se):
        return _cannot(effect, method, "few_clusters")
    return _by_error(effect, branches, method, found, se)


def _by_error(
    effect: RolloutEffect, branches: Branches, method: str, monthly: float, se: float
) -> Estimate:
    """Return an estimate of the window from a monthly effect and its error.

    An error that so few branches tell is itself unsure: Student's t with two branches less than
    there are.
    """
    sure = effect.headline.confidence
    law = stats.norm if method == NAIVE else stats.t(max(len(branches.panel.start) - 2, 1))
    if not (math.isfinite(se) and se > 0):
        return _cannot(effect, method, "no_variation")
    reach = float(law.isf((1 - sure) / 2)) * se
    ends = (monthly, monthly - reach, monthly + reach)
    p_value = 2 * float(law.sf(abs(monthly) / se))
    return Estimate(
        outcome=CHURN,
        method=method,
        p_value=p_value,
        **_who(effect),
        **over_window(branches, effect.window_months, *ends, sure),
    )


def _cannot(effect: RolloutEffect, method: str, reason: str) -> Estimate:
    return cannot_tell(CHURN, reason, method=method, **_who(effect))


def _who(effect: RolloutEffect) -> dict[str, Any]:
    one = effect.headline
    names = ("estimand", "treated_count", "control_count", "confidence")
    return {name: getattr(one, name) for name in names}
