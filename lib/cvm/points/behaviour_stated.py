"""Behaviour from stated assumptions, where there is no ledger to fit it to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import ArgumentError, check_between, check_finite
from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.core.result import Result
from cvm.points.behaviour_model import Behaviour
from cvm.points.behaviour_terms import ChannelMix, Coefficients, FloatArray

Range = tuple[float, float, float]
"""Low, likely and high; low to high is read as a 90 % range."""

CHANNELS = ("mobile_products", "services", "merchants", "applications")
TIERS = ("diamond", "gold", "silver", "vip", "none")
_REACH = NormalDist().inv_cdf(0.95)
_SHARES = ("monthly_chance", "take_all_share", "part_share")


@dataclass(frozen=True, kw_only=True, eq=False)
class StatedBehaviour(Result):
    """Assumptions about behaviour, with ranges; nothing in it was observed.

    Attributes:
        behaviour: What the assumptions come to.
        ranges: Assumption → low, likely, high.
    """

    view: ClassVar[str] = "cvm.views.points_behaviour:plot_chance"

    behaviour: Behaviour
    ranges: Mapping[str, Range]

    def summary(self) -> pd.DataFrame:
        """Return ``assumption``, ``low``, ``likely``, ``high`` and ``source`` (``stated``)."""
        rows = [(name, *values) for name, values in self.ranges.items()]
        table = pd.DataFrame(rows, columns=["assumption", "low", "likely", "high"])
        return table.assign(source=self.behaviour.source)

    def text(self, lang: str = "en") -> str:
        """Return the main assumptions, said to be assumptions."""
        low, likely, high = (format_share(value) for value in self.ranges["monthly_chance"])
        taken = self.behaviour.redeemed_share_of_balance(2 * self.behaviour.threshold_points)
        return say(
            "points_behaviour.stated",
            lang,
            chance=likely,
            low=low,
            high=high,
            taken=format_share(float(taken), decimals=0),
        )


def stated_behaviour(
    *,
    threshold_points: float = 3_500,
    exceed: bool = True,
    monthly_chance: Range = (0.06, 0.15, 0.30),
    double_balance_odds: Range = (1.0, 1.5, 2.5),
    just_qualified_odds: Range = (1.0, 2.0, 4.0),
    rush_odds: Range = (1.0, 3.0, 8.0),
    festival_odds: Range = (1.0, 1.3, 2.0),
    take_all_share: Range = (0.15, 0.40, 0.70),
    part_share: Range = (0.50, 0.65, 0.80),
    part_spread: float = 0.2,
    value_odds: Range = (1.0, 1.0, 1.0),
    channel_shares: Mapping[str, float] | None = None,
    channel_error: float = 0.05,
    pressure_log_spend: Range = (0.0, 0.0, 0.0),
    pressure_below_points: float = 600,
    month_spread: float = 0.15,
    rush_months: int = 3,
) -> StatedBehaviour:
    """Return behaviour from stated assumptions.

    Each is low, likely and high: the likely value is used, and low to high is read as a 90 % range
    (normal on the log-odds scale), from which draws are made. The defaults are wide on purpose: no
    operator's experience stands behind them. State your own.

    Args:
        threshold_points: Threshold (points).
        exceed: Whether a balance must be more than it.
        monthly_chance: Chance a month that a member with twice the threshold redeems, in an average
            month (share).
        double_balance_odds: Odds ratio of twice the balance.
        just_qualified_odds: Odds ratio of the first month above the threshold.
        rush_odds: Odds ratio if the whole balance is about to expire.
        festival_odds: Odds ratio of the Spring Festival month.
        take_all_share: Redeemers who take everything (share).
        part_share: Share of the balance that the others take.
        part_spread: Standard deviation of that share between members.
        value_odds: Odds ratio if a point buys twice as much.
        channel_shares: Channel → share of points; even over the four channels by default.
        channel_error: Standard error of each share.
        pressure_log_spend: Rise of log spending a little below the threshold.
        pressure_below_points: How far below.
        month_spread: Standard deviation between months of log odds, beyond the season.
        rush_months: Months before expiry in which members hurry.

    Raises:
        ArgumentError: A range that does not rise, or a value out of bounds.

    Example:
        >>> stated = stated_behaviour(monthly_chance=(0.1, 0.2, 0.3))
        >>> float(stated.behaviour.monthly_chance(7_000, expiring_share=0).round(3))
        0.2
    """
    odds = {
        "double_balance_odds": double_balance_odds,
        "just_qualified_odds": just_qualified_odds,
        "rush_odds": rush_odds,
        "festival_odds": festival_odds,
        "value_odds": value_odds,
    }
    shares = dict(zip(_SHARES, (monthly_chance, take_all_share, part_share), strict=True))
    logits = {name: _scaled(name, values, share=True) for name, values in shares.items()}
    logs = {name: _scaled(name, values, share=False) for name, values in odds.items()}
    rise = pressure_log_spend
    _check_rising("pressure_log_spend", rise)
    double, double_error = logs["double_balance_odds"]
    at_double, at_double_error = logits["monthly_chance"]
    value, value_error = logs["value_odds"]
    chance = Coefficients.known(
        {
            "intercept": at_double - double,
            "log_ratio": double / math.log(2),
            "just_qualified": logs["just_qualified_odds"][0],
            "rush": logs["rush_odds"][0],
            "festival": logs["festival_odds"][0],
            "value": value / math.log(2),
        }
    )
    spread = np.zeros((6, 6))
    # What is stated is the chance at twice the threshold; the intercept follows from it.
    spread[0, 0] = at_double_error**2 + double_error**2
    spread[1, 1] = (double_error / math.log(2)) ** 2
    spread[0, 1] = spread[1, 0] = -(double_error**2) / math.log(2)
    for at, name in ((2, "just_qualified_odds"), (3, "rush_odds"), (4, "festival_odds")):
        spread[at, at] = logs[name][1] ** 2
    spread[5, 5] = (value_error / math.log(2)) ** 2
    chance = Coefficients(
        names=chance.names, values=chance.values, covariance=spread, averages=chance.averages
    )
    behaviour = Behaviour(
        chance=chance,
        take_all=_intercept(logits["take_all_share"]),
        part=_intercept(logits["part_share"]),
        part_spread=part_spread,
        mix=_mix(channel_shares, channel_error),
        source="stated",
        threshold_points=threshold_points,
        exceed=exceed,
        tiers=TIERS,
        rush_months=rush_months,
        month_spread=month_spread,
        pressure_below_points=pressure_below_points,
        pressure_log_spend=rise[1],
        pressure_error=(rise[2] - rise[0]) / (2 * _REACH),
    )
    return StatedBehaviour(
        behaviour=behaviour, ranges={**shares, **odds, "pressure_log_spend": rise}
    )


def _scaled(name: str, values: Range, *, share: bool) -> tuple[float, float]:
    """Return the likely value on the log-odds scale, and its standard error."""
    _check_rising(name, values)
    for value in values:
        if share:
            check_between(value, name, low=0, high=1, include_low=False, include_high=False)
        else:
            check_between(value, name, low=0, high=1e6, include_low=False)
    low, likely, high = (math.log(value / (1 - value) if share else value) for value in values)
    return likely, (high - low) / (2 * _REACH)


def _check_rising(name: str, values: Range) -> None:
    if len(values) != 3:
        raise ArgumentError(name, values, "three numbers: low, likely, high")
    for value in values:
        check_finite(value, name)
    if not values[0] <= values[1] <= values[2]:
        raise ArgumentError(name, values, "rising: low, likely, high")


def _intercept(scaled: tuple[float, float]) -> Coefficients:
    return Coefficients.known({"intercept": scaled[0]}, errors={"intercept": scaled[1]})


def _mix(channel_shares: Mapping[str, float] | None, error: float) -> ChannelMix:
    given = channel_shares or dict.fromkeys(CHANNELS, 1 / len(CHANNELS))
    shares: FloatArray = np.array([list(given.values())], dtype=float)
    count = shares.shape[1]
    # Errors that leave the sum at 1.
    centred = np.eye(count) - 1 / count
    spread = error**2 * centred * (count / max(1, count - 1))
    return ChannelMix(channels=tuple(given), tiers=(), shares=shares, covariance=spread[np.newaxis])
