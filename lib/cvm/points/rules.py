"""One edition of a rule book: who may redeem, what a point buys, what it costs, when it dies.

Records are frozen, checked when made and changed with ``dataclasses.replace``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from cvm.core.rule_checks import Checker
from cvm.points.rules_clearing import Clearing, ClearingRule
from cvm.points.rules_earn import (
    POINT_CLASSES,
    CampaignBonus,
    CreditAward,
    DataAward,
    EarnRules,
    Multipliers,
    MultiplierTable,
    TenureStep,
)

__all__ = [
    "POINT_CLASSES",
    "CampaignBonus",
    "Cap",
    "Channel",
    "Clearing",
    "ClearingRule",
    "CreditAward",
    "DataAward",
    "EarnRules",
    "MultiplierTable",
    "Multipliers",
    "Qualification",
    "RedemptionValue",
    "Rules",
    "TenureStep",
    "ValueStep",
]

CHANNELS = ("mobile_products", "services", "merchants", "applications")


@dataclass(frozen=True, kw_only=True)
class Qualification:
    """Who may redeem (资格).

    Attributes:
        threshold_points: The balance that qualifies.
        exceed: Whether the balance must be more than the threshold, or at least it.
    """

    threshold_points: int = 0
    exceed: bool = True

    def __post_init__(self) -> None:
        check = Checker(self)
        check.whole("threshold_points", 0, 100_000_000)
        check.flag("exceed")
        check.finish()

    @property
    def smallest_points(self) -> int:
        """The smallest balance that qualifies; 1 where there is no threshold."""
        return max(1, self.threshold_points + self.exceed)


@dataclass(frozen=True, kw_only=True)
class ValueStep:
    """One row of a step table: so many points buy so many yuan."""

    points: int
    value_yuan: float

    def __post_init__(self) -> None:
        check = Checker(self)
        check.whole("points", 1, 100_000_000)
        check.between("value_yuan", 0, 1_000_000, decimals=2)
        check.finish()


@dataclass(frozen=True, kw_only=True)
class RedemptionValue:
    """What points buy (兑换金额): linear, or a step table.

    Attributes:
        yuan_per_point: Linear value of one point (yuan), or ``None`` with a step table.
        steps: Step table by rising points, or empty.
    """

    yuan_per_point: float | None = None
    steps: tuple[ValueStep, ...] = field(default=(), metadata={"item": ValueStep, "many": True})

    def __post_init__(self) -> None:
        check = Checker(self)
        linear = self.yuan_per_point is not None
        if linear:
            check.between("yuan_per_point", 0, 10)
        if check.records("steps", ValueStep):
            if linear == bool(self.steps):
                check.refuse(
                    "yuan_per_point",
                    value=self.yuan_per_point,
                    expected="given without steps" if linear else "given, or steps",
                    action="give either yuan_per_point or steps",
                )
            for at in range(1, len(self.steps)):
                before, here = self.steps[at - 1], self.steps[at]
                if here.points <= before.points or here.value_yuan <= before.value_yuan:
                    check.refuse(
                        "steps",
                        at,
                        value=f"{here.points} points, {here.value_yuan:g} yuan",
                        expected="more points and more yuan than the step before",
                        action="list the steps by rising points",
                    )
        check.finish()

    def value_yuan(self, points: Any) -> np.ndarray:
        """Return what amounts of points buy (yuan).

        In a step table an amount buys the largest step it reaches, the rest the next largest, and
        so on; what is left under the smallest step buys nothing.

        Args:
            points: Whole points, any shape.

        Example:
            >>> steps = tuple(ValueStep(points=p, value_yuan=v) for p, v in [(840, 10), (2500, 30)])
            >>> RedemptionValue(steps=steps).value_yuan([839, 840, 2499, 3340])
            array([ 0., 10., 20., 40.])
        """
        amounts = np.asarray(points, dtype=np.int64)
        if self.yuan_per_point is not None:
            return amounts * self.yuan_per_point
        value, rest = np.zeros(amounts.shape), amounts.copy()
        for step in reversed(self.steps):
            value += (rest // step.points) * step.value_yuan
            rest %= step.points
        return value

    @property
    def best_yuan_per_point(self) -> float:
        """Value of a point where it buys most (yuan)."""
        if self.yuan_per_point is not None:
            return self.yuan_per_point
        return max(step.value_yuan / step.points for step in self.steps)


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Where points are redeemed, and what that costs.

    Attributes:
        name: ``mobile_products``, ``services``, ``merchants`` or ``applications``.
        cost_yuan_per_point: Cost per point to operator and partner together (yuan).
        partner_share: Part of that cost the partner pays.
        minimum_points: Smallest redemption.
        step_points: A redemption is a multiple of this.
        mix_share: Part of the redeemed points that goes here; all channels sum to 1.
        yearly_growth: Yearly relative growth of its weight in the mix (0.1 is 10 %).
    """

    name: str
    cost_yuan_per_point: float
    partner_share: float = 0.0
    minimum_points: int = 1
    step_points: int = 1
    mix_share: float = 0.0
    yearly_growth: float = 0.0

    def __post_init__(self) -> None:
        check = Checker(self)
        check.one_of("name", CHANNELS)
        check.between("cost_yuan_per_point", 0, 10)
        check.between("partner_share", 0, 1)
        check.whole("minimum_points", 1, 100_000_000)
        check.whole("step_points", 1, 100_000_000)
        check.between("mix_share", 0, 1)
        check.between("yearly_growth", -1, 100)
        check.finish()

    @property
    def own_cost_yuan_per_point(self) -> float:
        """What a redeemed point costs the operator itself (yuan)."""
        return self.cost_yuan_per_point * (1 - self.partner_share)


@dataclass(frozen=True, kw_only=True)
class Cap:
    """Cost control (成本控制).

    Attributes:
        cost_share_of_revenue: Highest cost of the points year ÷ revenue (0.023 is 2.3 %).
        probability: Probability with which it is to be kept.
    """

    cost_share_of_revenue: float = 0.023
    probability: float = 0.95

    def __post_init__(self) -> None:
        check = Checker(self)
        check.between("cost_share_of_revenue", 0, 1)
        check.between("probability", 0.5, 1)
        check.finish()


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules in force from a month on.

    Attributes:
        first_month: First month they hold.
        earn: What a month earns.
        qualification: Who may redeem.
        redemption: What a point buys.
        clearing: When points die.
        channels: Where points go; the mix of all sums to 1.
        cap: The cost cap, or ``None``.
    """

    first_month: date
    earn: EarnRules = field(default_factory=EarnRules, metadata={"item": EarnRules})
    qualification: Qualification = field(
        default_factory=Qualification, metadata={"item": Qualification}
    )
    redemption: RedemptionValue = field(
        default_factory=lambda: RedemptionValue(yuan_per_point=0.02),
        metadata={"item": RedemptionValue},
    )
    clearing: Clearing = field(default_factory=Clearing, metadata={"item": Clearing})
    channels: tuple[Channel, ...] = field(default=(), metadata={"item": Channel, "many": True})
    cap: Cap | None = field(default=None, metadata={"item": Cap})

    def __post_init__(self) -> None:
        check = Checker(self)
        check.month("first_month")
        check.record_of("earn", EarnRules)
        check.record_of("qualification", Qualification)
        check.record_of("redemption", RedemptionValue)
        check.record_of("clearing", Clearing)
        check.record_of("cap", Cap, needed=False)
        if check.records("channels", Channel) and self.channels:
            self._check_channels(check)
        not_before = None if check.problems else self.clearing.not_before
        if not_before and not_before < self.first_month:
            check.refuse(
                "clearing",
                "not_before",
                value=not_before,
                expected=f"not before the edition begins ({self.first_month})",
            )
        check.finish()

    def _check_channels(self, check: Checker) -> None:
        names = [channel.name for channel in self.channels]
        for at, name in enumerate(names):
            if name in names[:at]:
                check.refuse("channels", at, "name", value=name, expected="named only once")
        total = math.fsum(channel.mix_share for channel in self.channels)
        if abs(total - 1) > 1e-9:
            check.refuse(
                "channels",
                value=f"mix_share summing to {total:g}",
                expected="channels whose mix_share sums to 1",
            )
