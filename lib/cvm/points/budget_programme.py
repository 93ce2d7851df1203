"""A programme to project, and what its rules say of earning and of costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cvm.core.checks import ArgumentError, DataError, check_at_least
from cvm.core.months import add_months
from cvm.points.budget_law import RedemptionLaw
from cvm.points.population import Population
from cvm.points.population_cells import Cells
from cvm.points.rulebook import RuleBook
from cvm.points.rules import CHANNELS, Rules
from cvm.points.rules_earn import POINT_CLASSES, EarnRules
from cvm.points.scenarios import Scenarios

FloatArray = npt.NDArray[np.float64]
_UNLISTED_SHARE = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Programme:
    """A points programme to project: members, rules, behaviour.

    Attributes:
        population: The members at the start.
        book: The rules.
        law: How members redeem.
        months: Months to project.
        season_bills: Bills by calendar month relative to their mean, January first.
        tier_column: The column of the earn multipliers that the population's tiers stand for.
        start_book: The rules at the start, where ``book`` is a what-if: observed earnings belong to
            these.
        near_share: Share of the bills that was of members a little below the threshold
            (:attr:`RedemptionLaw.pressure_below_points`) in the months the bills are means of;
            ``None`` takes that of the start.
    """

    population: Population
    book: RuleBook
    law: RedemptionLaw
    months: int = 36
    season_bills: tuple[float, ...] = (1.0,) * 12
    tier_column: str = "vip_tier"
    start_book: RuleBook | None = None
    near_share: float | None = None

    def __post_init__(self) -> None:
        check_at_least(self.months, "months", 1)
        if self.law.balance_log_odds.shape[1] != len(self.population.tiers):
            raise ArgumentError(
                "law",
                f"of {self.law.balance_log_odds.shape[1]} tiers",
                f"of the population's {len(self.population.tiers)}",
                available=self.population.tiers,
            )

    @property
    def first_month(self) -> date:
        """Return the first month of the projection."""
        return self.population.first_month

    @cached_property
    def month_list(self) -> list[date]:
        """Return the months."""
        return [add_months(self.first_month, t) for t in range(self.months)]

    @cached_property
    def years(self) -> npt.NDArray[np.int64]:
        """Return the points year of each month."""
        return np.array([self.book.points_year_of(month) for month in self.month_list])

    @cached_property
    def whole_years(self) -> tuple[int, ...]:
        """Return the points years of which all twelve months are projected."""
        names, counts = np.unique(self.years, return_counts=True)
        return tuple(int(name) for name, count in zip(names, counts, strict=True) if count == 12)

    @cached_property
    def observed_near_share(self) -> float:
        """Return the share of bills of members a little below the threshold, as observed."""
        if self.near_share is not None:
            return self.near_share
        cells, rules = (
            self.population.cells,
            (self.start_book or self.book).rules_in(self.first_month),
        )
        limit = max(rules.qualification.smallest_points - 1, 0)
        width = cells.node_points[:, None]
        balance = np.arange(cells.node_members.shape[1]) * width
        # A node stands for balances half a node around it.
        above = [
            np.clip((balance - edge) / width + 0.5, 0.0, 1.0)
            for edge in (limit - self.law.pressure_below_points, limit)
        ]
        near = (cells.node_members * (above[0] - above[1])).sum(axis=1)
        return float(near @ cells.bill_yuan / max(cells.members @ cells.bill_yuan, 1e-9))

    def rules_at(self, t: int) -> Rules:
        """Return the rules in force in a month of the projection."""
        return self.book.rules_in(self.month_list[t])

    def with_book(self, book: RuleBook, law: RedemptionLaw | None = None) -> Programme:
        """Return the programme under other rules; what members earned so far stays observed."""
        start = self.start_book or self.book
        return replace(self, book=book, start_book=start, law=law or self.law)


def earned_points(
    cells: Cells, earn: EarnRules, tiers: tuple[str, ...], column: str, after: Any, month: date
) -> tuple[FloatArray, FloatArray]:
    """Return expected points a month of a member of each cell, by class.

    Args:
        cells: The cells.
        earn: The earn rules.
        tiers: Names of tiers.
        column: The column of multipliers that tiers stand for.
        after: Months since the start (one number or one a cell), which lengthen tenure.
        month: The month, for campaigns.

    Returns:
        Points that follow the bill, and points that follow data spend, both [class, cell] in the
        order of :data:`cvm.points.rules_earn.POINT_CLASSES`.
    """
    rounding = {"down": -0.5, "up": 0.5, "nearest": 0.0}[earn.rounding]
    base = np.maximum(cells.bill_yuan * earn.points_per_yuan + rounding, 0.0)
    tenure = np.zeros_like(base)
    if earn.tenure:
        since = np.array([step.from_months for step in earn.tenure])
        share = np.array([0.0, *(step.share for step in earn.tenure)])
        months = np.arange(cells.tenure_share.shape[1]) + np.reshape(after, (-1, 1))
        now = share[np.searchsorted(since, months, side="right")]
        tenure = base * (cells.tenure_share * now).sum(axis=1)
    credit = np.zeros_like(base)
    if earn.credit:
        credit = cells.on_time_share * (base * earn.credit.share + earn.credit.points)
    data = np.zeros_like(base)
    if earn.data:
        data = cells.data_reach_share * (
            earn.data.points + earn.data.points_per_yuan * cells.data_yuan
        )
    nothing = np.zeros_like(base)
    of_bill = dict(zip(POINT_CLASSES, (base, tenure, credit, nothing, nothing), strict=True))
    of_data = dict.fromkeys(POINT_CLASSES, nothing) | {"data": data}
    if earn.multipliers is not None:
        booked = earn.multipliers.booked_as
        for table in earn.multipliers.tables:
            if table.column != column:
                continue
            levels = np.array([table.levels.get(tier, table.otherwise) for tier in tiers])
            extra = levels[cells.tier] - 1.0
            if earn.multipliers.of == "all":
                of_data[booked] = of_data[booked] + extra * data
                of_bill[booked] = of_bill[booked] + extra * (base + tenure + credit)
            else:
                of_bill[booked] = of_bill[booked] + extra * base
    for campaign in earn.campaigns:
        if campaign.first_month <= month <= campaign.last_month:
            wins = cells.bill_yuan >= campaign.minimum_bill_yuan
            won = wins * (base * campaign.share + campaign.points)
            of_bill["bonus"] = of_bill["bonus"] + won
    return np.array([*of_bill.values()]), np.array([*of_data.values()])


def unit_costs(programme: Programme, scenarios: Scenarios) -> tuple[FloatArray, FloatArray]:
    """Return what a redeemed point costs through each channel, and the channels' shares of points.

    Shares are those observed in the ledger, moved by what the rules change of their mix; the rule
    book's own mix where none was observed. The first channel of the rules is the digital one whose
    weight ``channel_mix`` moves. Where only steps buy, costs are per yuan of the step table instead
    of per point.

    Returns:
        (part of a point's mean cost (yuan), share of points), both [scenario, month, channel];
        the cost sums over channels to the mean cost of a point.

    Raises:
        DataError: Members redeem through a channel that the rules do not have.
    """
    months = programme.months
    tilt = scenarios.factor("channel_mix")[:, None]
    cost_times = np.exp(scenarios.factor("cost_per_point"))[:, None]
    start = programme.start_book or programme.book
    known = start.rules_in(programme.first_month)
    before = known.redemption
    cost = np.zeros((len(scenarios), months, len(CHANNELS)))
    mix = np.zeros((len(scenarios), months, len(CHANNELS)))
    for t in range(months):
        rules = programme.rules_at(t)
        stepwise, best = bool(rules.redemption.steps), rules.redemption.best_yuan_per_point
        if not rules.channels:
            mix[:, t, 0] = 1.0
            cost[:, t, 0] = (1.0 if stepwise else best) * cost_times[:, 0]
            continue
        growth = np.array([1 + item.yearly_growth for item in rules.channels]) ** ((t + 1) / 12.0)
        weights = _channel_weights(programme, known, rules)[scenarios.draw] * growth
        weights[:, :1] *= np.exp(tilt)
        weights /= weights.sum(axis=1, keepdims=True)
        # Channels' costs belong to the value a point had; another value costs in proportion.
        times = (1.0 if stepwise else best) / before.best_yuan_per_point * cost_times[:, 0]
        for at, item in enumerate(rules.channels):
            place = CHANNELS.index(item.name)
            mix[:, t, place] = weights[:, at]
            cost[:, t, place] = weights[:, at] * item.own_cost_yuan_per_point * times
    return cost, mix


def _channel_weights(programme: Programme, known: Rules, rules: Rules) -> FloatArray:
    """Return weights of the rules' channels by draw: observed ones, times the rules' change."""
    law, stated = programme.law, np.array([item.mix_share for item in rules.channels])
    if law.channel_shares is None:
        return np.tile(stated, (law.draws, 1))
    places = [CHANNELS.index(item.name) for item in rules.channels]
    elsewhere = np.delete(law.channel_shares[0], places)
    if elsewhere.sum() > _UNLISTED_SHARE:
        missing = [name for at, name in enumerate(CHANNELS) if at not in places]
        raise DataError(
            "channels",
            f"with {elsewhere.sum():.1%} of redeemed points outside the rule book's",
            "redeemed through channels of the rule book",
            available=[item.name for item in rules.channels],
            action=f"add what a point costs through {', '.join(missing)} to the rule book",
        )
    before = {item.name: item.mix_share for item in known.channels}
    observed = law.channel_shares[:, places]
    weights = observed.copy()
    for at, item in enumerate(rules.channels):
        usual = before.get(item.name, 0.0)
        # A channel the rules did not have before starts with the share they give it.
        weights[:, at] = observed[:, at] * item.mix_share / usual if usual else item.mix_share
    return weights
