"""How members redeem: the monthly chance, the share of the balance, the channel; pure NumPy.

The chance is a logit in the logarithm of balance ÷ threshold, so that behaviour follows the
distance to the threshold when a what-if moves it. Below the threshold the rule allows none, so the
chance is 0. Everything is vectorised: arguments broadcast against each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from cvm.core.checks import ArgumentError, check_at_least, check_one_of
from cvm.points.behaviour_odds import State, expit, log_odds
from cvm.points.behaviour_terms import ChannelMix, Coefficients, FloatArray

__all__ = ["Behaviour", "ChannelMix", "Coefficients"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Behaviour:
    """Members' redemption behaviour, fitted or stated.

    Terms of ``chance`` (log odds): ``intercept`` (a balance at the threshold, an average month),
    ``log_ratio`` (natural logarithm of balance ÷ threshold) and ``log_ratio_over_…`` (what it has
    beyond so many times the threshold), ``just_qualified`` (the first month
    above it), ``rush`` (share of the balance that expires within :attr:`rush_months`),
    ``festival`` (Spring Festival month), ``month_1`` … ``month_12`` (add up to zero), ``tier_…``
    (against no card), ``since_3`` … (last redemption so many months ago at most, against
    longer or never), ``waited_5`` … (months in a row qualified without redeeming, against fewer:
    who saves up for something waits) and ``value`` (per logarithm of a point's value ÷ its value
    today). The size models use the same names.

    Attributes:
        chance: Chance that a qualified member redeems in a month.
        take_all: Chance that who redeems takes everything.
        part: Mean share of the balance that the others take.
        part_spread: Standard deviation of that share between members.
        mix: Shares of points by channel.
        source: ``fitted`` to a ledger, or ``stated`` as an assumption.
        threshold_points: Threshold in force where the behaviour was seen (points).
        exceed: Whether a balance must be more than the threshold, or at least it.
        ratio_range: Balance ÷ threshold that the data cover; beyond it, the chance stays level.
        tiers: Tiers, in the order of integer codes.
        since_edges_months: Ends of the bands of months since the last redemption.
        waited_edges_months: Ends of the bands of months waited.
        rush_months: Months before expiry in which members hurry.
        month_spread: Standard deviation between months of the logarithm of redemption, beyond
            season and chance.
        pressure_below_points: Reach of points pressure below the threshold (points).
        pressure_log_spend: Rise of the logarithm of spending there.
        pressure_error: Its standard error.
    """

    chance: Coefficients
    take_all: Coefficients
    part: Coefficients
    part_spread: float
    mix: ChannelMix
    source: Literal["fitted", "stated"]
    threshold_points: float
    exceed: bool = True
    ratio_range: tuple[float, float] = (1.0, 10.0)
    tiers: tuple[str, ...] = ()
    since_edges_months: tuple[int, ...] = (3, 12)
    waited_edges_months: tuple[int, ...] = (2, 5, 8, 11, 14, 17, 23)
    rush_months: int = 3
    month_spread: float = 0.0
    pressure_below_points: float = 0.0
    pressure_log_spend: float = 0.0
    pressure_error: float = 0.0
    _codes: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_one_of(self.source, "source", ("fitted", "stated"))
        check_at_least(self.threshold_points, "threshold_points", 0)
        check_at_least(self.rush_months, "rush_months", 0)
        check_at_least(self.part_spread, "part_spread", 0)
        check_at_least(self.month_spread, "month_spread", 0)
        low, high = self.ratio_range
        if not 0 < low <= high:
            raise ArgumentError("ratio_range", self.ratio_range, "rising and above 0")
        for name in ("since_edges_months", "waited_edges_months"):
            edges = getattr(self, name)
            if list(edges) != sorted(set(edges)):
                raise ArgumentError(name, edges, "rising")
        object.__setattr__(self, "_codes", {name: at for at, name in enumerate(self.tiers)})

    def monthly_chance(
        self,
        balance_points: npt.ArrayLike,
        *,
        threshold_points: npt.ArrayLike | None = None,
        tier: npt.ArrayLike | None = None,
        calendar_month: npt.ArrayLike | None = None,
        festival: npt.ArrayLike | None = None,
        just_qualified: npt.ArrayLike | None = None,
        months_since_last: npt.ArrayLike | None = None,
        months_waited: npt.ArrayLike | None = None,
        months_to_expiry: npt.ArrayLike | None = None,
        expiring_share: npt.ArrayLike | None = None,
        value_ratio: npt.ArrayLike = 1.0,
        extra_log_odds: npt.ArrayLike = 0.0,
    ) -> FloatArray:
        """Return the chance that a member in service redeems in the month.

        What is left out counts with its average over the data.

        Args:
            balance_points: Balance at the start of the month.
            threshold_points: Threshold; by default the one in force where behaviour was seen.
            tier: Names of tiers, or integer codes into :attr:`tiers`.
            calendar_month: 1–12.
            festival: Whether the Spring Festival falls in the month; by default how often it does
                in this calendar month.
            just_qualified: Whether the balance was below the threshold a month earlier.
            months_since_last: Months since the last redemption; ``nan`` for never.
            months_waited: Months in a row, before this one, that the member qualified and did not
                redeem; ``nan`` if it began before the data.
            months_to_expiry: Months to the next clearing, 0 in the month of it. Left out,
                ``expiring_share`` is taken as within reach.
            expiring_share: Share of the balance that the next clearing takes; 0 without clearing.
            value_ratio: Value of a point ÷ its value where the behaviour was seen.
            extra_log_odds: A scenario's shift.

        Raises:
            ArgumentError: An unknown tier or month, or a balance that is not finite.
        """
        state = State(
            balance_points=np.asarray(balance_points, dtype=float),
            threshold_points=self._threshold(threshold_points),
            tier=None if tier is None else self.tier_codes(tier),
            calendar_month=calendar_month,
            festival=festival,
            just_qualified=just_qualified,
            months_since_last=months_since_last,
            months_waited=months_waited,
            rush_share=self._rush(expiring_share, months_to_expiry),
            value_ratio=value_ratio,
        )
        odds = self._log_odds(self.chance, state)
        chance = expit(odds + np.asarray(extra_log_odds, dtype=float))
        return np.where(self.qualifies(balance_points, threshold_points), chance, 0.0)

    def qualifies(
        self, balance_points: npt.ArrayLike, threshold_points: npt.ArrayLike | None = None
    ) -> npt.NDArray[np.bool_]:
        """Return whether balances may redeem."""
        threshold = self._threshold(threshold_points)
        balance = np.asarray(balance_points, dtype=float)
        enough = balance > threshold if self.exceed else balance >= threshold
        return np.asarray(enough & (balance > 0))

    def redeemed_share_of_balance(
        self,
        balance_points: npt.ArrayLike,
        *,
        threshold_points: npt.ArrayLike | None = None,
        tier: npt.ArrayLike | None = None,
        festival: npt.ArrayLike | None = None,
        months_to_expiry: npt.ArrayLike | None = None,
        expiring_share: npt.ArrayLike | None = None,
        moment: Literal[1, 2] = 1,
    ) -> FloatArray:
        """Return the mean share of the balance that who redeems takes (0–1).

        Args:
            balance_points: Balance at the start of the month.
            threshold_points: As in :meth:`monthly_chance`, like the arguments that follow.
            tier: Names or codes of tiers.
            festival: Whether it is the Spring Festival month.
            months_to_expiry: Months to the next clearing.
            expiring_share: Share of the balance it takes.
            moment: 1 for the mean share, 2 for the mean of its square (for members' noise).
        """
        state = State(
            balance_points=np.asarray(balance_points, dtype=float),
            threshold_points=self._threshold(threshold_points),
            tier=None if tier is None else self.tier_codes(tier),
            festival=festival,
            rush_share=self._rush(expiring_share, months_to_expiry),
        )
        everything = expit(self._log_odds(self.take_all, state))
        share = expit(self._log_odds(self.part, state))
        if moment == 2:
            share = np.minimum(share**2 + self.part_spread**2, 1.0)
        return np.asarray(everything + (1.0 - everything) * share)

    def channel_mix(self, tier: npt.ArrayLike | None = None) -> FloatArray:
        """Return shares of redeemed points by channel [..., channel], for tiers or for all."""
        if tier is None:
            return self.mix.shares[0]
        row = {name: 1 + at for at, name in enumerate(self.mix.tiers)}
        rows = np.array([row.get(name, 0) for name in self.tiers], dtype=np.int64)
        return np.asarray(self.mix.shares[rows[self.tier_codes(tier)]])

    def spend_lift(
        self, balance_points: npt.ArrayLike, *, threshold_points: npt.ArrayLike | None = None
    ) -> FloatArray:
        """Return the factor on spending from points pressure: above 1 a little below the threshold.

        Args:
            balance_points: Balance at the start of the month.
            threshold_points: Threshold; by default the one in force where behaviour was seen.
        """
        threshold = self._threshold(threshold_points)
        balance = np.asarray(balance_points, dtype=float)
        near = (balance > threshold - self.pressure_below_points) & (balance <= threshold)
        return np.asarray(np.exp(self.pressure_log_spend * near))

    def tier_codes(self, tier: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return integer codes of tiers given by name (codes pass through).

        Raises:
            ArgumentError: A tier is unknown.
        """
        given = np.asarray(tier)
        if given.dtype.kind in "iu":
            if given.size and (given.min() < 0 or given.max() >= len(self.tiers)):
                raise ArgumentError("tier", int(given.max()), f"a code below {len(self.tiers)}")
            return given.astype(np.int64)
        names, place = np.unique(given.astype(str), return_inverse=True)
        unknown = [name for name in names if name not in self._codes]
        if unknown:
            raise ArgumentError("tier", unknown[0], "a known tier", available=self.tiers)
        codes = np.array([self._codes[name] for name in names], dtype=np.int64)
        return codes[place].reshape(given.shape)

    def draw(self, rng: np.random.Generator, n: int) -> tuple[Behaviour, ...]:
        """Return ``n`` behaviours drawn from the sampling distribution of this one."""
        check_at_least(n, "n", 0)
        lift = self.pressure_log_spend + self.pressure_error * rng.standard_normal(n)
        parts = zip(
            self.chance.draw(rng, n),
            self.take_all.draw(rng, n),
            self.part.draw(rng, n),
            self.mix.draw(rng, n),
            lift,
            strict=True,
        )
        return tuple(
            replace(
                self,
                chance=chance,
                take_all=whole,
                part=part,
                mix=mix,
                pressure_log_spend=float(up),
            )
            for chance, whole, part, mix, up in parts
        )

    def _threshold(self, given: npt.ArrayLike | None) -> FloatArray:
        return np.asarray(self.threshold_points if given is None else given, dtype=float)

    def _rush(
        self, expiring_share: npt.ArrayLike | None, months_to_expiry: npt.ArrayLike | None
    ) -> FloatArray | None:
        if expiring_share is None:
            return None
        share = np.asarray(expiring_share, dtype=float)
        if months_to_expiry is None:
            return share
        return share * (np.asarray(months_to_expiry, dtype=float) < self.rush_months)

    def _log_odds(self, terms: Coefficients, state: State) -> FloatArray:
        return log_odds(
            terms,
            state,
            ratio_range=self.ratio_range,
            tiers=self.tiers,
            since_edges_months=self.since_edges_months,
            waited_edges_months=self.waited_edges_months,
        )
