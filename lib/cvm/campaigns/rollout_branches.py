"""A campaign that starts branch by branch: what it did, as sure as so few branches allow.

Branches are few and each has a life of its own, so errors that count customers as if they were
independent are too small, and those that count on many branches are wrong too. Here starts are
handed out anew among the branches: if the campaign did nothing, every such order was as likely.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.campaigns import words
from cvm.campaigns.branches import Branches, read_branches
from cvm.campaigns.check import Check, Checks
from cvm.campaigns.effect import CHURN, Effect, Estimate, Outcome, cannot_tell
from cvm.campaigns.rollout import GroupTime, group_time_effects
from cvm.campaigns.rollout_kernels import event_weights, window_weights
from cvm.campaigns.rollout_orders import draw_orders, invert_orders, within_window, year_before
from cvm.core.checks import check_at_least
from cvm.core.i18n import say

FloatArray = npt.NDArray[np.float64]
METHOD = "staggered"
MARGIN_IN_SERVICE = Outcome(name="margin_in_service_yuan", kind="yuan", guardrail=True)
"""Margin a month of a customer in service: whether those who stay earn more or less."""
REVENUE_IN_SERVICE = Outcome(name="revenue_in_service_yuan", kind="yuan", guardrail=True)
"""Revenue of the same."""
BEFORE_LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class RolloutEffect(Effect):
    """What a campaign did that started branch by branch.

    Attributes:
        branches: Who started when, and the months of each; None if nothing can be told.
        window_months: Months from each start on over which the effect is counted.
        monthly: Effect on the monthly share that leaves, by group and month; None if none.
        events: Effect by months since the start: ``at``, ``effect``, ``low``, ``high`` (customers'
            scatter alone).
        monthly_effect: Its average over the window, among all customers of branches that started.
        monthly_covariance: Of that average and of those of the monthly margin and revenue, over
            other orders of starts (3 × 3; 0 for what is not known).
        customer_se: Error of that average if customers were all that scattered.
        branch_se: Spread of the average over other orders of starts.
        before_p: Chance of so large a difference before the start, if branches were alike then.
        orders: Orders of starts that were tried.
    """

    view: ClassVar[str] = "cvm.views.campaigns_branches:plot_events"

    branches: Branches | None = None
    window_months: int = 12
    monthly: GroupTime | None = None
    events: pd.DataFrame | None = None
    monthly_effect: float = math.nan
    monthly_covariance: FloatArray | None = None
    customer_se: float = math.nan
    branch_se: float = math.nan
    before_p: float = math.nan
    orders: int = 0

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the estimates, the events and the effects by group and month."""
        found = super().frames()
        if self.events is not None:
            found["events"] = self.events
        if self.monthly is not None:
            found["group_months"] = self.monthly.table()
        return found

    def text(self, lang: str = "en") -> str:
        """Return what the branches allow to say, and what counting customers would have claimed."""
        parts = [super().text(lang)]
        if self.headline.can_tell:
            times = self.branch_se / self.customer_se if self.customer_se > 0 else math.nan
            key = "wider" if times > 1.1 else "alike"
            parts.append(say(f"campaigns_branches.{key}", lang, times=f"{times:.1f}"))
            key = "before_differs" if self.before_p < BEFORE_LEVEL else "before_alike"
            parts.append(say(f"campaigns_branches.{key}", lang, p=f"{self.before_p:.2f}"))
        return words.joined(parts, lang)


def judge_rollout(
    cells: pd.DataFrame,
    starts: pd.DataFrame | Mapping[str, int],
    *,
    window_months: int = 12,
    campaign: str = "",
    orders: int = 499,
    confidence: float = 0.95,
    checks: Sequence[Check] = (),
    rng: np.random.Generator,
) -> RolloutEffect:
    """Return what a staggered campaign did to leaving, and to the margin of those who stay.

    Args:
        cells: Of ``reduce_branch_months``, see :func:`cvm.campaigns.branches.read_branches`.
        starts: Month index of the first assignment by branch; of ``reduce_branch_starts`` it also
            tells how many were assigned.
        window_months: Months over which the effect is counted, from the start on.
        campaign: Identifier.
        orders: Orders of starts to try.
        confidence: Of the interval.
        checks: Made before, of the contacts themselves; the year before is checked here.
        rng: Draws the orders.

    Returns:
        The effect on the share leaving within the window among the customers assigned: nobody else
        in a branch is taken to be touched. With a reason where too few branches allow nothing to
        be told.

    Raises:
        DataError: A branch lacks a month, or counts make no sense.
    """
    check_at_least(window_months, "window_months", 1)
    branches = read_branches(cells, starts)
    known: dict[str, Any] = {
        "method": METHOD,
        "estimand": "treated",
        "confidence": confidence,
        "treated_count": branches.assigned,
    }
    if branches.reason:
        return _silent(campaign, branches.reason, checks, known)
    panel = branches.panel
    treated = within_window(panel, window_months).astype(float)
    asked = [panel.outcome, treated]
    brought = {
        MARGIN_IN_SERVICE: branches.margin_yuan,
        REVENUE_IN_SERVICE: branches.revenue_yuan,
    }
    known_amounts = {outcome: each for outcome, each in brought.items() if each is not None}
    asked += known_amounts.values()
    drawn = draw_orders(panel, asked, window_months=window_months, orders=orders, rng=rng)
    weights = window_weights(panel, window_months)
    spread = panel.outcome * (1 - panel.outcome) / branches.at_risk
    customer_se = float(np.sqrt((weights**2 * spread).sum()))
    low, high, p_value = invert_orders(drawn[:, :2], 1 - confidence, customer_se)
    if not (math.isfinite(low) and math.isfinite(high)):
        return _silent(campaign, "few_clusters", checks, known)
    waiting = branches.at_risk[~branches.started].mean(axis=1).sum()
    known["control_count"] = int(waiting)
    headline = Estimate(
        outcome=CHURN,
        **known,
        **over_window(branches, window_months, float(drawn[0, 0]), low, high, confidence),
        p_value=p_value,
    )
    amounts = tuple(
        _in_service(outcome, each, branches, drawn[:, [place, 1]], window_months, known)
        for place, (outcome, each) in enumerate(known_amounts.items(), start=2)
    )
    before_p = year_before(panel, orders, rng)
    return RolloutEffect(
        campaign=campaign,
        design="staggered",
        estimates=(headline, *amounts),
        branches=branches,
        window_months=window_months,
        monthly=group_time_effects(panel, controls="not_yet"),
        events=_events(branches, spread, window_months, confidence),
        monthly_effect=float(drawn[0, 0]),
        monthly_covariance=_covariance(drawn, [each is not None for each in brought.values()]),
        customer_se=customer_se,
        branch_se=float(drawn[1:, 0].std()),
        before_p=before_p,
        checks=Checks(items=(*checks, _year_before(before_p))),
        orders=len(drawn) - 1,
    )


def _silent(
    campaign: str, reason: str, checks: Sequence[Check], known: Mapping[str, Any]
) -> RolloutEffect:
    """Return a result that honestly says nothing, and why."""
    return RolloutEffect(
        campaign=campaign,
        design="staggered",
        estimates=(cannot_tell(CHURN, reason, **known),),
        checks=Checks(items=tuple(checks)) if checks else None,
    )


def _year_before(before_p: float) -> Check:
    """Check that branches did not part from the others in the year before their start."""
    status = "unknown" if math.isnan(before_p) else "failed" if before_p < BEFORE_LEVEL else "ok"
    return Check(
        name="placebo_year",
        status=status,
        value=before_p,
        limit=BEFORE_LEVEL,
        facts={"p": before_p},
    )


def over_window(
    branches: Branches,
    window_months: int,
    effect: float,
    low: float,
    high: float,
    confidence: float,
) -> dict[str, Any]:
    """Return shares leaving within the window among those assigned, from monthly shares.

    Args:
        branches: Tells the monthly share that left, and how many of the customers were assigned.
        window_months: Months of the window; all have the monthly share alike.
        effect: On the monthly share among all customers of branches that started.
        low: Lower end of its interval.
        high: Upper end.
        confidence: Of the interval.

    Returns:
        ``treated_mean``, ``control_mean``, ``effect``, ``se``, ``low`` and ``high`` of an estimate.
    """
    counted = branches.at_risk * within_window(branches.panel, window_months)
    level = float((branches.panel.outcome * counted).sum() / counted.sum())

    def leaving(monthly: float) -> float:
        return 1.0 - (1.0 - min(max(monthly, 0.0), 1.0)) ** window_months

    share = branches.covered_share
    at = [(leaving(level) - leaving(level - one)) / share for one in (effect, low, high)]
    control = leaving(level - effect)
    return {
        "treated_mean": max(control + at[0], 0.0),
        "control_mean": control,
        "effect": at[0],
        "low": at[1],
        "high": at[2],
        "se": (at[2] - at[1]) / (2 * words.NORMAL.inv_cdf(0.5 + confidence / 2)),
    }


def _in_service(
    outcome: Outcome,
    each_yuan: FloatArray,
    branches: Branches,
    pair: FloatArray,
    window_months: int,
    known: Mapping[str, Any],
) -> Estimate:
    """Return the effect on what those in service bring a month, by the same orders of starts."""
    confidence = known["confidence"]
    low, high, p_value = invert_orders(pair, 1 - confidence, 0.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        return cannot_tell(outcome, "few_clusters", **known)
    counted = branches.at_risk * within_window(branches.panel, window_months)
    level = float((each_yuan * counted).sum() / counted.sum())
    effect, share = float(pair[0, 0]), branches.covered_share
    control = level - effect
    return Estimate(
        outcome=outcome,
        **known,
        treated_mean=control + effect / share,
        control_mean=control,
        effect=effect / share,
        low=low / share,
        high=high / share,
        se=(high - low) / share / (2 * words.NORMAL.inv_cdf(0.5 + confidence / 2)),
        p_value=p_value,
    )


def _covariance(drawn: FloatArray, known: Sequence[bool]) -> FloatArray:
    """Return how churn and amounts scatter together over orders, their own effects taken out.

    Args:
        drawn: Averages of churn, of having started and of the known amounts, the true order first.
        known: Of which amounts.
    """
    columns = [0, *range(2, drawn.shape[1])]
    rest = drawn[1:, columns] - drawn[1:, 1:2] * drawn[:1, columns]
    places = np.flatnonzero([True, *known])
    found = np.zeros((1 + len(known), 1 + len(known)))
    found[np.ix_(places, places)] = rest.T @ rest / len(rest)
    return found


def _events(
    branches: Branches, spread: FloatArray, window_months: int, confidence: float
) -> pd.DataFrame:
    """Return effects by months since the start, with the scatter of customers alone."""
    offsets = np.arange(-float(window_months), float(window_months))
    weights, behind = event_weights(branches.panel, offsets)
    there = behind > 0
    effect = (weights[there] * branches.panel.outcome).sum(axis=(1, 2))
    errors = np.sqrt((weights[there] ** 2 * spread).sum(axis=(1, 2)))
    reach = words.NORMAL.inv_cdf(0.5 + confidence / 2) * errors
    return pd.DataFrame(
        {
            "at": offsets[there],
            "effect": effect,
            "se": errors,
            "low": effect - reach,
            "high": effect + reach,
        }
    )
