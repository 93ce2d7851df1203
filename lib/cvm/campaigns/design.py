"""Before a campaign: how large a hold-out, what it costs, and what knowing is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy import stats

from cvm.campaigns import words
from cvm.campaigns.effect import CHURN, Outcome
from cvm.campaigns.power import effect_detectable, power_of_means, power_of_shares
from cvm.core.checks import ArgumentError, check_at_least, check_between
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.core.result import Result

DEFAULT_SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A campaign to be designed.

    Attributes:
        customers: Eligible customers.
        control_share: Held out.
        baseline: Level of the outcome without the offer.
        effect: Hoped-for difference, treated minus control (negative for churn).
        deviation: Standard deviation between customers; not needed for a share.
        outcome: What is judged.
        level: Of the two-sided test.
        power: Sought.
        explained_share: Share of the variance that months before explain (means only).
    """

    customers: int
    control_share: float = 0.2
    baseline: float
    effect: float
    deviation: float | None = None
    outcome: Outcome = CHURN
    level: float = 0.05
    power: float = 0.8
    explained_share: float = 0.0

    def __post_init__(self) -> None:
        check_at_least(self.customers, "customers", 4)
        check_between(
            self.control_share,
            "control_share",
            low=0,
            high=1,
            include_low=False,
            include_high=False,
        )
        if self.outcome.kind == "share":
            for value, name in (
                (self.baseline, "baseline"),
                (self.baseline + self.effect, "baseline + effect"),
            ):
                check_between(value, name, low=0, high=1, include_low=False, include_high=False)
        elif self.deviation is None:
            raise ArgumentError("deviation", None, "given for an outcome that is no share")

    @property
    def control_count(self) -> int:
        """Return the customers held out."""
        return max(round(self.customers * self.control_share), 2)

    @property
    def treated_count(self) -> int:
        """Return the customers treated."""
        return max(self.customers - self.control_count, 2)

    def power_at(self, effect: float) -> float:
        """Return the chance to see an effect of this size, in the direction hoped for."""
        sizes: dict[str, Any] = {
            "control_count": self.control_count,
            "treated_count": self.treated_count,
        }
        moved = math.copysign(abs(effect), self.effect or -1.0)
        if self.outcome.kind == "share":
            share = self.baseline + moved
            return power_of_shares(self.baseline, share, level=self.level, **sizes)
        return power_of_means(
            moved,
            self.deviation or math.nan,
            level=self.level,
            explained_share=self.explained_share,
            **sizes,
        )

    @property
    def detectable(self) -> float:
        """Return the smallest effect seen with the power sought; NaN if none can be."""
        if self.outcome.kind == "share":
            room = self.baseline if self.effect <= 0 else 1 - self.baseline
            most = room * (1 - 1e-9)
        else:
            most = 100 * (self.deviation or math.nan)
        return effect_detectable(self.power_at, power=self.power, most=most)


@dataclass(frozen=True, kw_only=True)
class Design(Result):
    """What a plan can see, and what other shares held out could.

    Attributes:
        plan: The plan.
        shares: Shares held out that the table compares.
    """

    view: ClassVar[str] = "cvm.views.campaigns:plot_design"
    plan: Plan
    shares: tuple[float, ...] = DEFAULT_SHARES

    def summary(self) -> pd.DataFrame:
        """Return one row a share held out: customers, detectable effect, power for the hope."""
        rows = []
        for share in sorted({*self.shares, self.plan.control_share}):
            one = replace(self.plan, control_share=share)
            rows.append(
                {
                    "control_share": share,
                    "control_count": one.control_count,
                    "treated_count": one.treated_count,
                    "detectable": one.detectable,
                    "power": one.power_at(one.effect),
                    "chosen": share == self.plan.control_share,
                }
            )
        return pd.DataFrame(rows)

    def text(self, lang: str = "en") -> str:
        """Return what the chosen share can see."""
        plan, kind = self.plan, self.plan.outcome.kind
        detectable = plan.detectable
        return say(
            "campaigns.design.text",
            lang,
            treated=format_number(plan.treated_count, lang),
            control=format_number(plan.control_count, lang),
            outcome=words.outcome_name(plan.outcome.name, lang),
            detectable="–"
            if math.isnan(detectable)
            else words.difference(detectable, kind, lang, sign=False),
            effect=words.difference(plan.effect, kind, lang),
            power=format_share(plan.power, decimals=0),
            chance=format_share(plan.power_at(plan.effect), decimals=0),
        )


def design_campaign(plan: Plan, *, shares: Sequence[float] = DEFAULT_SHARES) -> Design:
    """Return what a plan can see, beside other shares held out.

    Args:
        plan: The plan.
        shares: Other shares held out to set beside it (0–1).
    """
    return Design(plan=plan, shares=tuple(shares))


@dataclass(frozen=True, kw_only=True)
class HoldoutWorth(Result):
    """What a hold-out costs, and what knowing is worth.

    Attributes:
        control_count: Customers held out.
        cost_yuan: Expected profit forgone on them (negative if the offer is expected to lose).
        worth_yuan: Expected gain from deciding about later customers with the result in hand.
        future_customers: To whom the decision will apply.
    """

    control_count: int
    cost_yuan: float
    worth_yuan: float
    future_customers: int

    @property
    def worth_it(self) -> bool:
        """Return whether knowing is worth more than it costs."""
        return self.worth_yuan > self.cost_yuan

    def summary(self) -> pd.DataFrame:
        """Return one row: customers, cost and worth (yuan)."""
        return pd.DataFrame(
            {
                "control_count": [self.control_count],
                "future_customers": [self.future_customers],
                "cost_yuan": [self.cost_yuan],
                "worth_yuan": [self.worth_yuan],
                "worth_it": [self.worth_it],
            }
        )

    def text(self, lang: str = "en") -> str:
        """Return cost and worth, and which is larger."""
        return say(
            "campaigns.design.holdout",
            lang,
            control=format_number(self.control_count, lang),
            cost=format_yuan(self.cost_yuan, lang),
            worth=format_yuan(self.worth_yuan, lang),
            verdict=say("campaigns.design.worth_it", lang)
            if self.worth_it
            else say("campaigns.design.not_worth_it", lang),
        )


def value_holdout(
    *,
    control_count: int,
    profit_yuan: float,
    profit_deviation_yuan: float,
    result_error_yuan: float,
    future_customers: int,
) -> HoldoutWorth:
    """Weigh the profit forgone on the hold-out against the value of the information it gives.

    Before the campaign the profit a customer is believed to be normal. Afterwards the offer goes to
    the future customers only if the result, weighed with that belief, says that it pays.

    Args:
        control_count: Customers held out.
        profit_yuan: Believed profit of treating a customer, offer and contact paid.
        profit_deviation_yuan: How unsure that belief is (standard deviation).
        result_error_yuan: Standard error the campaign's estimate will have, in yuan a customer.
        future_customers: To whom the decision will apply.

    Sources:
        Raiffa & Schlaifer (1961), chapter 5 (preposterior analysis, normal belief).

    Example:
        >>> worth = value_holdout(control_count=1000, profit_yuan=0, profit_deviation_yuan=10,
        ...     result_error_yuan=0, future_customers=1)
        >>> round(worth.worth_yuan, 4)  # 10 ÷ √(2π)
        3.9894
    """
    check_at_least(control_count, "control_count", 0)
    check_at_least(future_customers, "future_customers", 0)
    check_at_least(profit_deviation_yuan, "profit_deviation_yuan", 0)
    check_at_least(result_error_yuan, "result_error_yuan", 0)
    variance = profit_deviation_yuan**2 + result_error_yuan**2
    moves = profit_deviation_yuan**2 / math.sqrt(variance) if variance else 0.0
    decided_now = max(profit_yuan, 0.0)
    gain = 0.0
    if moves > 0:
        z = profit_yuan / moves
        gain = moves * float(stats.norm.pdf(z)) + profit_yuan * float(stats.norm.cdf(z))
        gain = float(np.maximum(gain - decided_now, 0.0))
    return HoldoutWorth(
        control_count=control_count,
        cost_yuan=control_count * profit_yuan,
        worth_yuan=future_customers * gain,
        future_customers=future_customers,
    )
