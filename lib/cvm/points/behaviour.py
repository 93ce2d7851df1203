"""Redemption behaviour fitted to a ledger: chance, size, channel and points pressure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import DataError, check_at_least
from cvm.core.result import Result
from cvm.points.behaviour_design import Thin, checked_cells, with_terms
from cvm.points.behaviour_drivers import drivers
from cvm.points.behaviour_estimate import channel_mix, spend_pressure
from cvm.points.behaviour_fitting import fit_chance, fit_size
from cvm.points.behaviour_model import Behaviour
from cvm.points.behaviour_stated import stated_behaviour
from cvm.points.behaviour_tables import (
    by_ratio,
    calibration,
    coefficient_table,
    observed_assumed,
)
from cvm.points.behaviour_words import fit_text

_TIER_ORDER = ("diamond", "gold", "silver", "vip", "none")


@dataclass(frozen=True, kw_only=True, eq=False)
class BehaviourFit(Result):
    """Behaviour fitted to a ledger, and how well it fits.

    Attributes:
        behaviour: The fitted behaviour.
        cells: The cells of qualified members it was fitted to, with their means.
        thin: Terms the data could not tell; they count as no difference.
        dispersion: Variance ÷ the variance of independent member-months; errors hold it.
        months: Months behind the fit.
        below_threshold_redemptions: Redemptions by members below the threshold, which the rule
            does not allow; left out.
        assumed: What would have been assumed without a ledger, to hold it against.
    """

    view: ClassVar[str] = "cvm.views.points_behaviour:plot_calibration"

    behaviour: Behaviour
    cells: pd.DataFrame
    thin: tuple[Thin, ...]
    dispersion: float
    months: int
    below_threshold_redemptions: int
    assumed: Behaviour

    def coefficients(self) -> pd.DataFrame:
        """Return ``model`` (chance, take_all, part), ``term``, ``log_odds``, its error, odds."""
        return coefficient_table(self.behaviour)

    def calibration(self, *, groups: int = 10) -> pd.DataFrame:
        """Return expected against observed redemption by groups of rising chance."""
        return calibration(self.behaviour, self.cells, groups=groups, dispersion=self.dispersion)

    def observed_assumed(self) -> pd.DataFrame:
        """Return observed, fitted and assumed chance by what drives it, and the share taken."""
        return observed_assumed(self.behaviour, self.assumed, self.cells)

    def by_ratio(self) -> pd.DataFrame:
        """Return observed, fitted and assumed chance by bands of balance ÷ threshold."""
        return by_ratio(self.behaviour, self.assumed, self.cells, dispersion=self.dispersion)

    def drivers(self) -> pd.DataFrame:
        """Return what the chance depends on, the strongest first."""
        return drivers(self.behaviour, self.cells)

    def summary(self) -> pd.DataFrame:
        """Return one row: member-months, redeemers, chance, share taken, dispersion."""
        at_risk, redeemers = self.cells["at_risk"].sum(), self.cells["redeemers"].sum()
        taken = self.cells["redeemed_points"].sum() / self.cells["available_points"].sum()
        return pd.DataFrame(
            {
                "source": [self.behaviour.source],
                "months": [self.months],
                "qualified_member_months": [int(at_risk)],
                "redeemers": [int(redeemers)],
                "monthly_chance_share": [redeemers / at_risk],
                "redeemed_share_of_balance": [taken],
                "dispersion": [self.dispersion],
                "month_spread": [self.behaviour.month_spread],
                "pressure_log_spend": [self.behaviour.pressure_log_spend],
                "pressure_error": [self.behaviour.pressure_error],
                "strongest_driver": [self.drivers()["driver"].iloc[0]],
            }
        )

    def text(self, lang: str = "en") -> str:
        """Return the chance, its strongest driver, and what the data cannot tell."""
        return fit_text(self.summary(), self.drivers(), self.behaviour, self.thin, lang)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return summary, coefficients, calibration, drivers, observed v assumed, thin terms."""
        return {
            "summary": self.summary(),
            "coefficients": self.coefficients(),
            "calibration": self.calibration(),
            "drivers": self.drivers(),
            "observed_assumed": self.observed_assumed(),
            "cannot_tell": pd.DataFrame(
                [(item.term, item.redeemers, item.reason) for item in self.thin],
                columns=["term", "redeemers", "reason"],
            ),
        }


def fit_behaviour(
    cells: pd.DataFrame,
    *,
    threshold_points: float,
    exceed: bool = True,
    channels: pd.DataFrame | None = None,
    pressure: pd.DataFrame | None = None,
    pressure_below_points: float = 600,
    since_edges_months: tuple[int, ...] = (3, 12),
    waited_edges_months: tuple[int, ...] = (2, 5, 8, 11, 14, 17, 23),
    rush_months: int = 3,
    value_yuan: Mapping[date, float] | None = None,
    least_redeemers: int = 20,
    assumed: Behaviour | None = None,
) -> BehaviourFit:
    """Fit members' redemption behaviour to cells of member-months.

    The chance is a binomial logit, the share taken two: whether everything is taken, and a
    fractional logit of the part that others take. A cell enters with its means, so that bands lose
    little. A term with fewer than ``least_redeemers`` redeemers or non-redeemers is left out and
    named as one the data cannot tell.

    Args:
        cells: From the reduction of ledger and months
            (:func:`cvm.data.reduce_points_behaviour.reduce_points_behaviour`).
        threshold_points: Threshold of the cells (the newest, where it changed).
        exceed: Whether a balance must be more than it.
        channels: Redemptions by tier and channel; without them there is one channel, ``all``.
        pressure: Changes of bills near the threshold; without them, no points pressure on spending.
        pressure_below_points: How far below the threshold those were near.
        since_edges_months: Bands of the cells.
        waited_edges_months: Bands of the cells.
        rush_months: Rush months of the cells.
        value_yuan: First month → value of a point (yuan), where rules changed it within the cells:
            then the reaction to it is fitted too (:func:`cvm.points.forecast.point_values`). All
            that changed for good at the same time counts to it.
        least_redeemers: Redeemers and non-redeemers that a term needs.
        assumed: Behaviour to hold against the observed; by default the suite's stated one.

    Raises:
        MissingDataError: A column is missing.
        DataError: No redemption, or nobody who did not redeem; values that make no sense.
    """
    check_at_least(least_redeemers, "least_redeemers", 2)
    check_at_least(threshold_points, "threshold_points", 0)
    everyone = checked_cells(cells)
    below = everyone[~everyone["qualified"].astype(bool)]
    qualified = everyone[everyone["qualified"].astype(bool)].reset_index(drop=True)
    used = with_terms(qualified, value_yuan)
    _check_told(used)
    chance, terms, thin = fit_chance(used, since_edges_months, waited_edges_months, least_redeemers)
    take_all, part, part_spread = fit_size(used, least_redeemers)
    rise, rise_error = spend_pressure(pressure)
    tiers = tuple(sorted(set(everyone["vip_tier"]), key=_tier_place))
    behaviour = Behaviour(
        chance=terms,
        take_all=take_all,
        part=part,
        part_spread=part_spread,
        mix=channel_mix(channels),
        source="fitted",
        threshold_points=threshold_points,
        exceed=exceed,
        ratio_range=_ratio_range(used, least_redeemers),
        tiers=tiers,
        since_edges_months=since_edges_months,
        waited_edges_months=waited_edges_months,
        rush_months=rush_months,
        month_spread=chance.month_spread,
        pressure_below_points=pressure_below_points if pressure is not None else 0.0,
        pressure_log_spend=rise,
        pressure_error=rise_error,
    )
    absent = [
        Thin(term=f"tier_{tier}", redeemers=0)
        for tier in tiers
        if tier not in set(used["vip_tier"])
    ]
    return BehaviourFit(
        behaviour=behaviour,
        cells=used,
        thin=(*thin, *absent),
        dispersion=chance.dispersion,
        months=used["month"].nunique(),
        below_threshold_redemptions=int(below["redeemers"].sum()),
        assumed=assumed
        or stated_behaviour(threshold_points=threshold_points, exceed=exceed).behaviour,
    )


def _check_told(cells: pd.DataFrame) -> None:
    redeemers, at_risk = cells["redeemers"].sum(), cells["at_risk"].sum()
    advice = "check the ledger's redemptions and the threshold, or use stated_behaviour"
    if not redeemers:
        raise DataError("redeemers", 0, "above 0 among qualified members", action=advice)
    if redeemers >= at_risk:
        raise DataError(
            "redeemers", int(redeemers), f"fewer than the {at_risk:g} member-months", action=advice
        )


def _ratio_range(cells: pd.DataFrame, least: int) -> tuple[float, float]:
    """Return the ratios between which there are redeemers enough to speak of."""
    ordered = cells.sort_values("log_ratio", ascending=False)
    reached = ordered["redeemers"].cumsum() >= least
    top = (
        ordered["log_ratio"][reached].iloc[0] if bool(reached.any()) else ordered["log_ratio"].max()
    )
    low = float(np.exp(cells["log_ratio"].min()))
    return min(1.0, low), float(max(np.exp(top), low, 1.0))


def _tier_place(tier: str) -> tuple[int, str]:
    return (_TIER_ORDER.index(tier) if tier in _TIER_ORDER else len(_TIER_ORDER), tier)
