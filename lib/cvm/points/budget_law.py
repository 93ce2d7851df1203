"""How members redeem, as the budget reads it: tables over balances, with draws of the unknown.

Log odds to redeem in a month, once qualified, are a sum: of balance and tier, of the season, of
having just qualified, and of the share of the balance that the next clearing would take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cvm.core.checks import ArgumentError, check_at_least, check_between
from cvm.points.rules import CHANNELS

if TYPE_CHECKING:
    from cvm.points.behaviour_model import Behaviour
    from cvm.points.behaviour_terms import ChannelMix, Coefficients

FloatArray = npt.NDArray[np.float64]
GRID = 192
MOST_POINTS = 400_000.0


def balance_grid() -> FloatArray:
    """Return the balances (points) of the tables: even steps of the square root."""
    return np.linspace(0.0, np.sqrt(MOST_POINTS), GRID) ** 2


@dataclass(frozen=True, kw_only=True, eq=False)
class RedemptionLaw:
    """Monthly redemption of qualified members; the first axis are draws, 0 the best estimate.

    Attributes:
        balance_log_odds: Log odds by balance [draw, tier, node of :func:`balance_grid`].
        season_log_odds: Added in each calendar month, January first [draw, 12].
        festival_log_odds: Added in the Spring Festival month [draw].
        just_qualified_log_odds: Added in the month after passing the threshold [draw].
        rush_log_odds: Added per share of the balance that the next clearing takes [draw].
        rush_months: Months before a clearing in which members hurry, its month included.
        shares: Parts of the balance that redemptions take.
        share_weights: How often each; they sum to 1.
        threshold_points: The threshold behaviour was seen under.
        from_start: Whether the odds follow the balance at the start of the month.
        step_points: A redemption is a multiple of this; half a step is lost on average.
        month_spread: Standard deviation of log odds from month to month, for all members at once.
        value_elasticity: Log odds per log of the value of a point [draw]: how redemption reacts.
        pressure_log_spend: Rise of log bills of who is a little below the threshold [draw].
        pressure_below_points: How far below it counts as a little (points).
        channel_shares: Shares of redeemed points by channel as observed [draw, channel of
            :data:`cvm.points.rules.CHANNELS`]; ``None`` takes the rule book's mix.
        fitted: Whether it was fitted to a ledger rather than assumed.
    """

    balance_log_odds: FloatArray
    season_log_odds: FloatArray
    festival_log_odds: FloatArray
    just_qualified_log_odds: FloatArray
    rush_log_odds: FloatArray
    value_elasticity: FloatArray
    pressure_log_spend: FloatArray
    shares: FloatArray
    share_weights: FloatArray
    threshold_points: int
    rush_months: int = 3
    from_start: bool = True
    step_points: int = 1
    month_spread: float = 0.0
    pressure_below_points: float = 0.0
    channel_shares: FloatArray | None = None
    fitted: bool = False

    def __post_init__(self) -> None:
        draws = len(self.balance_log_odds)
        if self.balance_log_odds.ndim != 3 or self.balance_log_odds.shape[2] != GRID:
            raise ArgumentError(
                "balance_log_odds", self.balance_log_odds.shape, f"[draw, tier, {GRID} balances]"
            )
        for name in _BY_DRAW[1:]:
            shape = (draws, 12) if name == "season_log_odds" else (draws,)
            if getattr(self, name).shape != shape:
                raise ArgumentError(name, getattr(self, name).shape, f"of shape {shape}")
        if abs(float(self.share_weights.sum()) - 1) > 1e-9 or (self.share_weights < 0).any():
            raise ArgumentError("share_weights", self.share_weights, "0 or more, summing to 1")
        if ((self.shares < 0) | (self.shares > 1)).any():
            raise ArgumentError("shares", self.shares, "in [0, 1]")
        check_at_least(self.step_points, "step_points", 1)
        check_at_least(self.month_spread, "month_spread", 0)
        check_at_least(self.pressure_below_points, "pressure_below_points", 0)
        mix = self.channel_shares
        if mix is not None and (
            mix.shape != (draws, len(CHANNELS)) or not np.allclose(mix.sum(axis=1), 1.0)
        ):
            raise ArgumentError("channel_shares", mix.shape, "[draw, channel], rows adding up to 1")

    @property
    def draws(self) -> int:
        """Return how many draws there are, the best estimate included."""
        return len(self.balance_log_odds)

    def shifted(self, log_odds: float) -> RedemptionLaw:
        """Return the law with all log odds raised, so that it meets a level."""
        return replace(self, balance_log_odds=self.balance_log_odds + log_odds)

    def best(self) -> RedemptionLaw:
        """Return the law without parameter uncertainty."""
        mix = None if self.channel_shares is None else self.channel_shares[:1]
        first = {name: getattr(self, name)[:1] for name in _BY_DRAW}
        return replace(self, channel_shares=mix, **first)

    def under_threshold(self, threshold_points: int) -> RedemptionLaw:
        """Return the law where members look at balance ÷ threshold, under another threshold."""
        check_at_least(threshold_points, "threshold_points", 0)
        grid = balance_grid()
        before, after = max(self.threshold_points, 500), max(threshold_points, 500)
        seen = np.minimum(grid * before / after, grid[-1])
        table = self.balance_log_odds.reshape(-1, GRID)
        moved = np.array([np.interp(seen, grid, row) for row in table])
        return replace(
            self,
            balance_log_odds=moved.reshape(self.balance_log_odds.shape),
            threshold_points=threshold_points,
        )


_BY_DRAW = (
    "balance_log_odds",
    "season_log_odds",
    "festival_log_odds",
    "just_qualified_log_odds",
    "rush_log_odds",
    "value_elasticity",
    "pressure_log_spend",
)


def part_shares(all_share: float, least_part: float) -> tuple[FloatArray, FloatArray]:
    """Return shares and weights where some take everything and others an even part.

    The even part between ``least_part`` and 1 is replaced by Gauss's two points, which keep its
    first three moments.

    Args:
        all_share: Redemptions that take the whole balance (share).
        least_part: Smallest part the others take (share).
    """
    check_between(all_share, "all_share", low=0, high=1)
    check_between(least_part, "least_part", low=0, high=1)
    points, weights = np.polynomial.legendre.leggauss(2)
    parts = least_part + (1 - least_part) * (points + 1) / 2
    return (
        np.concatenate([[1.0], parts]),
        np.concatenate([[all_share], (1 - all_share) * weights / 2]),
    )


def assumed_law(
    *,
    threshold_points: int,
    tiers: int = 1,
    log_odds: float = -1.8,
    log_balance: float = 0.9,
    just_qualified: float = 0.0,
    festival: float = 0.0,
    rush: float = 0.0,
    season: Sequence[float] | None = None,
    tier_log_odds: Sequence[float] | None = None,
    all_share: float = 0.4,
    least_part: float = 0.4,
    step_points: int = 1,
    value_elasticity: float = 0.0,
    pressure_log_spend: float = 0.0,
    pressure_below_points: float = 0.0,
    log_odds_error: float = 0.0,
    log_balance_error: float = 0.0,
    draws: int = 1,
    rng: np.random.Generator | None = None,
) -> RedemptionLaw:
    """Return a stated law: log odds linear in the log of balance ÷ threshold.

    Args:
        threshold_points: Balance the odds are measured at; 1,000 where there is no threshold.
        tiers: How many tiers.
        log_odds: At the threshold.
        log_balance: Per log of balance ÷ threshold.
        just_qualified: In the month after passing the threshold.
        festival: In the Spring Festival month.
        rush: Per share of the balance to be cleared, in the three months up to a clearing.
        season: By calendar month, January first.
        tier_log_odds: Added for each tier.
        all_share: Redemptions of the whole balance.
        least_part: Smallest part of the balance the others take.
        step_points: A redemption is a multiple of this.
        value_elasticity: Log odds per log of the value of a point.
        pressure_log_spend: Rise of log bills of who is a little below the threshold.
        pressure_below_points: How far below it.
        log_odds_error: Standard error of ``log_odds``: its range, where it is an assumption.
        log_balance_error: Standard error of ``log_balance``.
        draws: The best estimate and draws of the two.
        rng: Source of the draws; needed where there are errors.
    """
    if (log_odds_error or log_balance_error) and rng is None:
        raise ArgumentError("rng", None, "given where parameters are uncertain")
    errors = np.zeros((draws, 2))
    if rng is not None and draws > 1:
        errors[1:] = rng.standard_normal((draws - 1, 2)) * [log_odds_error, log_balance_error]
    log_ratio = np.log(np.maximum(balance_grid(), 1.0) / (threshold_points or 1_000))
    by_tier = np.zeros(tiers) if tier_log_odds is None else np.asarray(tier_log_odds, float)
    level = (log_odds + errors[:, :1])[:, :, None] + by_tier[None, :, None]
    slope = (log_balance + errors[:, 1])[:, None, None]
    shares, weights = part_shares(all_share, least_part)
    return RedemptionLaw(
        balance_log_odds=level + slope * log_ratio[None, None, :],
        season_log_odds=np.tile(np.zeros(12) if season is None else np.asarray(season), (draws, 1)),
        festival_log_odds=np.full(draws, float(festival)),
        just_qualified_log_odds=np.full(draws, float(just_qualified)),
        rush_log_odds=np.full(draws, float(rush)),
        value_elasticity=np.full(draws, float(value_elasticity)),
        pressure_log_spend=np.full(draws, float(pressure_log_spend)),
        pressure_below_points=pressure_below_points,
        shares=shares,
        share_weights=weights,
        threshold_points=threshold_points,
        step_points=step_points,
    )


def law_of(
    behaviour: Behaviour,
    *,
    tiers: Sequence[str],
    draws: int = 32,
    step_points: int = 1,
    rng: np.random.Generator | None = None,
) -> RedemptionLaw:
    """Return the law of a behaviour, fitted or stated, with draws of its coefficients.

    Months since the last redemption count with their average, as the budget does not follow them.

    Args:
        behaviour: Chance, share and threshold of redemption.
        tiers: Names of tiers in the order of the population; ``all`` takes the average tier.
        draws: The best estimate and draws of the coefficients.
        step_points: A redemption is a multiple of this.
        rng: Source of the draws; needed for more than one.
    """
    if draws > 1 and rng is None:
        raise ArgumentError("rng", None, "given where there are draws")
    drawn = [behaviour, *(behaviour.draw(rng, draws - 1) if rng is not None else ())]
    threshold = float(behaviour.threshold_points)
    # Below the threshold a behaviour allows no redemption; a lower threshold reads the row's start.
    grid = np.maximum(balance_grid(), threshold * (1 + 1e-9) + 1)
    months = np.arange(1, 13)
    tables, seasons, festivals, jumps, rushes = [], [], [], [], []
    for item in drawn:

        def odds(balance: FloatArray, item: Behaviour = item, **known: object) -> FloatArray:
            asked: dict[str, Any] = {
                "just_qualified": False, "festival": False, "expiring_share": 0.0, **known,
            }  # fmt: skip
            p = np.clip(item.monthly_chance(balance, **asked), 1e-9, 1 - 1e-9)
            return np.log(p / (1 - p))

        here = np.array([2.0 * max(threshold, 500.0)])
        base = float(odds(here)[0])
        season = odds(here, calendar_month=months) - base
        rows = [odds(grid) if tier == "all" else odds(grid, tier=tier) for tier in tiers]
        tables.append(rows)
        seasons.append(season)
        festivals.append(float(odds(here, festival=True)[0]) - base)
        jumps.append(float(odds(here, just_qualified=True)[0]) - base)
        rushes.append(float(odds(here, expiring_share=1.0)[0]) - base)
    everything = _average_chance(behaviour.take_all)
    part = _average_chance(behaviour.part)
    spread = min(behaviour.part_spread, part, 1 - part)
    return RedemptionLaw(
        balance_log_odds=np.array(tables, float),
        season_log_odds=np.array(seasons, float),
        festival_log_odds=np.array(festivals, float),
        just_qualified_log_odds=np.array(jumps, float),
        rush_log_odds=np.array(rushes, float),
        value_elasticity=np.array([item.chance.value("value") for item in drawn], float),
        pressure_log_spend=np.array([item.pressure_log_spend for item in drawn], float),
        pressure_below_points=behaviour.pressure_below_points,
        channel_shares=_observed_mix([item.mix for item in drawn]),
        shares=np.array([1.0, part - spread, part + spread]),
        share_weights=np.array([everything, (1 - everything) / 2, (1 - everything) / 2]),
        threshold_points=int(threshold),
        rush_months=behaviour.rush_months,
        step_points=step_points,
        month_spread=behaviour.month_spread,
        fitted=behaviour.source == "fitted",
    )


def _observed_mix(drawn: Sequence[ChannelMix]) -> FloatArray | None:
    """Return shares by channel [draw, channel]; None where no known channel was observed.

    Points of redemptions whose channel the ledger does not tell count as the others' do.
    """
    places = [CHANNELS.index(name) for name in drawn[0].channels if name in CHANNELS]
    columns = [at for at, name in enumerate(drawn[0].channels) if name in CHANNELS]
    if not places:
        return None
    shares = np.zeros((len(drawn), len(CHANNELS)))
    shares[:, places] = np.array([mix.shares[0, columns] for mix in drawn])
    told = shares.sum(axis=1, keepdims=True)
    return np.asarray(shares / told) if (told > 0).all() else None


def _average_chance(terms: Coefficients) -> float:
    log_odds = sum(value * mean for value, mean in zip(terms.values, terms.averages, strict=True))
    return float(1.0 / (1.0 + np.exp(-log_odds)))
