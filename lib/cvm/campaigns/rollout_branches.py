"""A campaign that starts branch by branch: what it did, as sure as so few branches allow.

Branches are few and each has a life of its own, so errors that count customers as if they were
independent are too small, and those that count on many branches are wrong too. Here starts are
handed out anew among the branches: if the campaign did nothing, every such order was as likely.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.campaigns import words
from cvm.campaigns.effect import CHURN, Effect, Estimate, cannot_tell
from cvm.campaigns.register import Entry, entry_of
from cvm.campaigns.rollout import GroupTime, group_time_effects
from cvm.campaigns.rollout_averages import aggregate
from cvm.campaigns.rollout_panel import Panel
from cvm.core.checks import DataError, check_at_least, check_columns
from cvm.core.i18n import say

FloatArray = npt.NDArray[np.float64]
METHOD = "staggered"
_LEAST_ORDERS = 40
_GRID = 1_201
_BEFORE_LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class RolloutEffect(Effect):
    """What a campaign did that started branch by branch.

    Attributes:
        monthly: Effect on the monthly share that leaves, by group and month; None if none.
        events: Effect by months since the start: ``at``, ``effect``, ``low``, ``high`` (customers'
            scatter alone).
        monthly_effect: Its average over the window.
        customer_se: Error of that average if customers were all that scattered.
        branch_se: Spread of the average over other orders of starts.
        before_p: Chance of so large a difference before the start, if branches were alike then.
        orders: Orders of starts that were tried.
    """

    view: ClassVar[str] = "cvm.views.campaigns_branches:plot_events"

    monthly: GroupTime | None = None
    events: pd.DataFrame | None = None
    monthly_effect: float = math.nan
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
            key = "before_differs" if self.before_p < _BEFORE_LEVEL else "before_alike"
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
    rng: np.random.Generator,
) -> RolloutEffect:
    """Return what a staggered campaign did to leaving.

    Args:
        cells: Branch × month of ``reduce_branch_months``: ``county``, ``month_index``, ``at_risk``,
            ``left``. Branches without a row in some month are refused.
        starts: Month index of the first assignment by branch, as a mapping or as
            ``reduce_branch_starts`` gives it; others never start. Offers act from the month after.
        window_months: Months over which the effect is counted, from the start on.
        campaign: Identifier.
        orders: Orders of starts to try.
        confidence: Of the interval.
        rng: Draws the orders.

    Returns:
        The effect on the share leaving within the window among all customers of branches that
        started; with a reason where too few branches allow nothing to be told.

    Raises:
        DataError: A branch lacks a month, or counts make no sense.
    """
    check_at_least(window_months, "window_months", 1)
    treated_customers = 0
    if isinstance(starts, pd.DataFrame):
        check_columns(starts.columns, ["county", "start_index", "customers"], "starts")
        treated_customers = int(starts["customers"].sum())
        starts = {
            str(name): int(at)
            for name, at in zip(starts["county"], starts["start_index"], strict=True)
        }
    panel = _panel(cells, starts)
    known: dict[str, Any] = {"method": METHOD, "estimand": "treated", "confidence": confidence}
    sizes: dict[str, Any] = {"treated_count": treated_customers}
    reason = _reason(panel)
    if reason:
        empty = cannot_tell(CHURN, reason, **known, **sizes)
        return RolloutEffect(campaign=campaign, design="staggered", estimates=(empty,))
    effects = group_time_effects(panel, controls="not_yet")
    whole = aggregate(effects, within_periods=window_months)
    average = whole.overall
    weights = whole.overall_influence.outcome_slopes()[:, :, 0]
    at_risk = cells.pivot_table(index="county", columns="month_index", values="at_risk")
    spread = panel.outcome * (1 - panel.outcome) / at_risk.to_numpy(float)
    customer_se = float(np.sqrt((weights**2 * spread).sum()))
    drawn = _orders(panel, window_months, orders, rng)
    low, high, p_value = _invert(drawn, 1 - confidence, customer_se)
    if not (math.isfinite(low) and math.isfinite(high)):
        empty = cannot_tell(CHURN, "few_clusters", **known, **sizes)
        return RolloutEffect(campaign=campaign, design="staggered", estimates=(empty,))
    level = _level(panel, at_risk.to_numpy(float), window_months)
    headline = _over_window(level, average, low, high, window_months)
    dynamic = aggregate(effects, "dynamic")
    events = dynamic.table(confidence=confidence)
    months = events["at"].to_numpy(float)
    slopes = dynamic.influence.outcome_slopes()
    errors = np.sqrt((slopes**2 * spread[:, :, None]).sum(axis=(0, 1)))
    reach = words.NORMAL.inv_cdf(0.5 + confidence / 2) * errors
    events = events.assign(se=errors, low=events["effect"] - reach, high=events["effect"] + reach)
    started = np.isfinite(panel.start)
    count = int(at_risk.to_numpy(float)[~started].mean(axis=1).sum()) if (~started).any() else 0
    estimate = Estimate(
        outcome=CHURN,
        **known,
        **sizes,
        **headline,
        control_count=count,
        p_value=p_value,
    )
    return RolloutEffect(
        campaign=campaign,
        design="staggered",
        estimates=(estimate,),
        monthly=effects,
        events=events[(months >= -window_months) & (months < window_months)].reset_index(drop=True),
        monthly_effect=average,
        customer_se=customer_se,
        branch_se=float(drawn[1:, 0].std()),
        before_p=_placebo(panel, orders, rng),
        orders=len(drawn) - 1,
    )


def rollout_entry(
    campaign: Mapping[Any, Any], effect: RolloutEffect, starts: pd.DataFrame
) -> Entry:
    """Return the campaign's row of the register.

    Args:
        campaign: Its row in the contract table ``campaigns``.
        effect: What it did.
        starts: Of ``reduce_branch_starts``; tells what was booked.
    """
    cost = starts["cost_yuan"] if "cost_yuan" in starts else pd.Series(dtype=float)
    booked = float(cost.sum()) if len(cost) and cost.notna().all() else math.nan
    return entry_of(
        campaign,
        effect.headline,
        evidence="C",  # one design; nothing else stands beside it
        cost_yuan=booked,
    )


def _panel(cells: pd.DataFrame, starts: Mapping[str, int]) -> Panel:
    check_columns(cells.columns, ["county", "month_index", "at_risk", "left"], "cells")
    wide = cells.pivot_table(index="county", columns="month_index", values=["at_risk", "left"])
    if wide.isna().any(axis=None):
        short = wide.index[wide.isna().any(axis=1)].tolist()
        raise DataError(
            "cells",
            f"without some months in {', '.join(map(str, short[:5]))}",
            "a row for every branch and month",
            action="leave out branches that opened or closed within the months",
        )
    at_risk, left = wide["at_risk"].to_numpy(float), wide["left"].to_numpy(float)
    if (at_risk <= 0).any() or (left < 0).any() or (left > at_risk).any():
        raise DataError("cells", "with more leavers than customers", "0 ≤ left ≤ at_risk, above 0")
    begun = np.array([starts.get(str(name), np.nan) for name in wide.index], float) + 1
    periods = wide["left"].columns.to_numpy(float)
    kept = ~(begun <= periods[0])
    return Panel(
        outcome=(left / at_risk)[kept],
        periods=periods,
        start=np.where(begun > periods[-1], np.nan, begun)[kept],
        weight=at_risk.mean(axis=1)[kept],
        unit=tuple(map(str, wide.index[kept])),
    )


def _reason(panel: Panel) -> str:
    """Return why so few branches allow nothing; empty if they do."""
    if not len(panel.groups):
        return "no_treated"
    if len(panel.start) < 3:
        return "few_clusters"
    _, counts = np.unique(np.nan_to_num(panel.start, nan=-1.0), return_counts=True)
    ways = math.lgamma(len(panel.start) + 1) - sum(math.lgamma(count + 1) for count in counts)
    if ways < math.log(_LEAST_ORDERS):
        return "few_clusters"
    return "" if panel.outcome.std() > 0 else "no_variation"


def _average(panel: Panel, window_months: int) -> float:
    effects = group_time_effects(panel, controls="not_yet")
    return aggregate(effects, within_periods=window_months).overall


def _orders(panel: Panel, window_months: int, orders: int, rng: np.random.Generator) -> FloatArray:
    """Return averages of the outcome and of being treated under each order of starts [order, 2].

    The first row is the order as it was. With the treatment taken for the outcome, the average says
    how much of a constant effect an order would see.
    """
    started = panel.start[:, None] <= panel.periods[None, :]
    treated = started & (panel.periods[None, :] < panel.start[:, None] + window_months)
    found = np.empty((orders + 1, 2))
    for at in range(orders + 1):
        start = panel.start if at == 0 else rng.permutation(panel.start)
        for column, outcome in enumerate((panel.outcome, treated.astype(float))):
            moved = replace(panel, outcome=outcome, start=start)
            found[at, column] = _average(moved, window_months)
    return found


def _invert(drawn: FloatArray, level: float, scale: float) -> tuple[float, float, float]:
    """Return the effects that the orders do not contradict, and the p-value of none."""
    middle = drawn[0, 0]

    def p_of(effects: FloatArray) -> FloatArray:
        left = drawn[:, :1] - drawn[:, 1:] * effects[None, :]
        return np.asarray((np.abs(left) >= np.abs(left[:1]) - 1e-12).mean(axis=0))

    reach = 8.0 * max(float(drawn[1:, 0].std()), scale, 1e-12)
    for _ in range(4):
        effects = middle + np.linspace(-reach, reach, _GRID)
        inside = p_of(effects) > level
        if not (inside[0] or inside[-1]):
            break
        reach *= 3.0
    else:
        return math.nan, math.nan, math.nan
    kept = effects[inside]
    p_value = float(p_of(np.zeros(1))[0])
    low, high = float(kept.min()), float(kept.max())
    # The grid's step decides nothing: interval and p-value never contradict.
    step = 2 * reach / (_GRID - 1)
    if p_value > level:
        return min(low, 0.0), max(high, 0.0), p_value
    if low <= 0.0 <= high:
        return (step, high, p_value) if middle > 0 else (low, -step, p_value)
    return low, high, p_value


def _level(panel: Panel, at_risk: FloatArray, window_months: int) -> float:
    """Return the monthly share that left in the window where the campaign ran."""
    since = panel.periods[None, :] - panel.start[:, None]
    inside = (since >= 0) & (since < window_months)
    counted = at_risk[: len(panel.start)] * inside
    return float((panel.outcome * counted).sum() / counted.sum())


def _over_window(
    level: float, effect: float, low: float, high: float, months: int
) -> dict[str, Any]:
    """Return shares leaving within the window, from monthly shares that all months have alike."""

    def leaving(monthly: float) -> float:
        return 1.0 - (1.0 - min(max(monthly, 0.0), 1.0)) ** months

    treated = leaving(level)
    at = [treated - leaving(level - one) for one in (effect, low, high)]
    return {
        "treated_mean": treated,
        "control_mean": treated - at[0],
        "effect": at[0],
        "low": at[1],
        "high": at[2],
        "se": (at[2] - at[1]) / (2 * words.NORMAL.inv_cdf(0.975)),
    }


def _placebo(panel: Panel, orders: int, rng: np.random.Generator) -> float:
    """Return the p-value of the year before the start, by the same orders."""
    found = np.empty(min(orders, 499) + 1)
    for at in range(len(found)):
        start = panel.start if at == 0 else rng.permutation(panel.start)
        effects = group_time_effects(
            replace(panel, start=start), controls="not_yet", base="universal"
        )
        table = aggregate(effects, "dynamic")
        before = (table.at < -1) & (table.at >= -13)
        found[at] = table.effect[before].mean() if before.any() else 0.0
    return float((np.abs(found) >= abs(found[0]) - 1e-12).mean())
