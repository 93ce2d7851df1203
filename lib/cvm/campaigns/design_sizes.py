"""One plan, several outcomes: what churn, time to churn, revenue or whole branches could show."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cvm.campaigns.cells import moments_of
from cvm.campaigns.design import Plan
from cvm.campaigns.power import (
    customers_needed,
    effect_detectable,
    power_of_clusters,
    power_of_events,
    power_of_means,
    power_of_shares,
)
from cvm.core.checks import ArgumentError, DataError, check_columns
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share
from cvm.core.result import Result


@dataclass(frozen=True, kw_only=True)
class Baseline(Result):
    """What happens without an offer.

    Attributes:
        customers: In service at the start.
        window_months: Months followed.
        churn_share: Share leaving within the window.
        revenue_yuan: Mean revenue of the window.
        revenue_deviation_yuan: Its standard deviation between customers.
        explained_share: Share of that variance which months before explain (R²).
        branches: Counties.
        correlation: Share of the variance of churn that lies between counties.
    """

    customers: int
    window_months: int
    churn_share: float
    revenue_yuan: float
    revenue_deviation_yuan: float
    explained_share: float
    branches: int
    correlation: float

    @classmethod
    def from_cells(cls, cells: pd.DataFrame, *, window_months: int) -> Baseline:
        """Take it from ``reduce_baseline``.

        Raises:
            DataError: Nobody was followed over the window.
        """
        check_columns(cells.columns, ("county", "customers", "sum_churned"), "cells")
        if cells.empty or cells["customers"].sum() < 2:
            raise DataError("cells", "empty", "customers followed over the window")
        whole = moments_of(cells)
        spread = whole.variance("revenue_yuan") * whole.variance("bill_before_yuan")
        covariance = whole.covariance("revenue_yuan", "bill_before_yuan")
        return cls(
            customers=whole.count,
            window_months=window_months,
            churn_share=whole.mean("churned"),
            revenue_yuan=whole.mean("revenue_yuan"),
            revenue_deviation_yuan=math.sqrt(whole.variance("revenue_yuan")),
            explained_share=min(covariance**2 / spread, 0.999) if spread > 0 else 0.0,
            branches=len(cells),
            correlation=_correlation(cells),
        )

    def summary(self) -> pd.DataFrame:
        """Return one row."""
        return pd.DataFrame([self.__dict__])

    def text(self, lang: str = "en") -> str:
        """Return churn and revenue without an offer."""
        return say(
            "campaigns_design.baseline",
            lang,
            customers=format_number(self.customers, lang),
            months=self.window_months,
            churn=format_share(self.churn_share),
        )


def _correlation(cells: pd.DataFrame) -> float:
    """Return the intraclass correlation of churn by analysis of variance, at least 0.

    Sources:
        Donner & Klar (2000), chapter 1.
    """
    sizes = cells["customers"].to_numpy(dtype=np.float64)
    left = cells["sum_churned"].to_numpy(dtype=np.float64)
    total, groups = sizes.sum(), len(sizes)
    if groups < 2 or total <= groups:
        return 0.0
    shares, mean = left / sizes, left.sum() / total
    between = float((sizes * (shares - mean) ** 2).sum()) / (groups - 1)
    within = float((sizes * shares * (1 - shares)).sum()) / (total - groups)
    each = (total - (sizes**2).sum() / total) / (groups - 1)
    spread = between + (each - 1) * within
    return float(min(max((between - within) / spread, 0.0), 1.0)) if spread > 0 else 0.0


@dataclass(frozen=True, kw_only=True)
class Sizes(Result):
    """What each outcome could show under one plan.

    Attributes:
        plan: The plan, whose effect is one on the share leaving.
        table: One row an outcome.
    """

    plan: Plan
    table: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        """Return ``outcome``, ``hoped``, ``detectable``, ``power`` and ``customers_needed``."""
        return self.table

    def text(self, lang: str = "en") -> str:
        """Return which outcome is the likeliest to show the effect, and by how much."""
        known = self.table.dropna(subset="power")
        powers: dict[str, float] = dict(zip(known["outcome"], known["power"], strict=True))
        best = max(powers, key=powers.__getitem__)
        return say(
            "campaigns_design.best",
            lang,
            outcome=say(f"campaigns_design.outcome.{best}", lang),
            power=format_share(powers[best], decimals=0),
            wanted=format_share(self.plan.power, decimals=0),
            branches=format_share(powers.get("branches"), decimals=0),
        )


def size_designs(plan: Plan, baseline: Baseline) -> Sizes:
    """Compare outcomes and units under one plan.

    Revenue is hoped to rise by what the customers kept would have paid: half the window each.

    Args:
        plan: On the share leaving.
        baseline: What happens without an offer.

    Raises:
        ArgumentError: The plan is not on a share.
    """
    if plan.outcome.kind != "share":
        raise ArgumentError("plan.outcome", plan.outcome.name, "the share that leaves")
    ratio = plan.treated_count / plan.control_count
    money = -plan.effect * baseline.revenue_yuan / max(1 - plan.baseline / 2, 1e-9) / 2
    deviation = baseline.revenue_deviation_yuan
    hazard = math.log1p(-plan.baseline - plan.effect) / math.log1p(-plan.baseline)
    kind = math.sqrt(plan.baseline * (1 - plan.baseline))

    def churn(count: float, effect: float) -> float:
        share = plan.baseline + effect
        return power_of_shares(
            plan.baseline, share, control_count=count, treated_count=count * ratio, level=plan.level
        )

    def events(count: float, effect: float) -> float:
        lost = count * plan.baseline + count * ratio * (plan.baseline + effect)
        times = math.log1p(-plan.baseline - effect) / math.log1p(-plan.baseline)
        return power_of_events(lost, times, treated_share=1 - plan.control_share, level=plan.level)

    def revenue(explained: float) -> Callable[[float, float], float]:
        return lambda count, effect: power_of_means(
            effect,
            deviation,
            control_count=count,
            treated_count=count * ratio,
            level=plan.level,
            explained_share=explained,
        )

    def branches(count: float, effect: float) -> float:
        held = max(round(baseline.branches * plan.control_share), 1)
        return power_of_clusters(
            effect,
            kind,
            control_clusters=held,
            treated_clusters=max(baseline.branches - held, 1),
            cluster_customers=max(count * (1 + ratio) / baseline.branches, 1),
            correlation=baseline.correlation,
            level=plan.level,
        )

    rows = [
        ("churn", plan.effect, churn, -plan.baseline * (1 - 1e-9)),
        ("time_to_churn", plan.effect, events, -plan.baseline * (1 - 1e-9)),
        ("revenue", money, revenue(0.0), 100 * deviation),
        ("revenue_cuped", money, revenue(baseline.explained_share), 100 * deviation),
    ]
    if baseline.branches >= 3:
        rows.append(("branches", plan.effect, branches, -1.0))
    table = pd.DataFrame([_row(plan, *row) for row in rows])
    table["hazard_ratio"] = [hazard if name == "time_to_churn" else None for name, *_ in rows]
    return Sizes(plan=plan, table=table)


def _row(
    plan: Plan,
    name: str,
    hoped: float,
    power_at: Callable[[float, float], float],
    most: float,
) -> dict[str, object]:
    """Return what one outcome can show; NaN where no number of customers is enough."""
    held = plan.control_count
    sign = math.copysign(1.0, most)
    found = effect_detectable(
        lambda size: power_at(held, sign * size), power=plan.power, most=abs(most)
    )
    try:
        need = customers_needed(lambda count: power_at(count, hoped), power=plan.power)
        needed = need / plan.control_share
    except ArgumentError:
        needed = math.nan
    return {
        "outcome": name,
        "hoped": hoped,
        "detectable": sign * found,
        "power": power_at(held, hoped),
        "customers_needed": needed,
    }
