"""Regressions of the behaviour fit: chance, size, channel shares and points pressure."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cvm.core.checks import check_columns
from cvm.points.behaviour_design import Design
from cvm.points.behaviour_terms import ChannelMix, Coefficients, FloatArray

_LEAST_TIER_REDEMPTIONS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """A regression's outcome.

    Attributes:
        coefficients: With the covariance the errors stand for.
        fitted: Fitted chance or share a cell.
        dispersion: Variance ÷ the variance the model implies (Pearson), at least 1.
        month_spread: Standard deviation of months around the model (log odds), beyond chance.
    """

    coefficients: Coefficients
    fitted: FloatArray
    dispersion: float
    month_spread: float = 0.0


def estimate_chance(
    plan: Design, events: FloatArray, others: FloatArray, months: FloatArray
) -> Estimate:
    """Fit a binomial logit to cells (statsmodels GLM).

    The covariance is the model's, times the dispersion, plus what shocks common to a month add:
    with score s_m of month m and spread τ, A⁻¹ (φ A + τ² Σ s_m s_mᵀ) A⁻¹. The spread is found by
    moments from observed against expected redeemers a month (DerSimonian & Laird 1986).

    Args:
        plan: The design.
        events: Events a cell.
        others: Non-events a cell.
        months: A number for each cell's month.
    """
    matrix, size = plan.matrix, events + others
    fit = _glm(np.column_stack([events, others]), matrix)
    chance = np.asarray(fit.fittedvalues, dtype=float)
    variance = size * chance * (1 - chance)
    spare = max(1, len(size) - matrix.shape[1])
    pearson = float(np.sum((events - size * chance) ** 2 / np.maximum(variance, 1e-12)))
    dispersion = max(1.0, pearson / spare)
    names, place = np.unique(months, return_inverse=True)
    gap = np.bincount(place, weights=events - size * chance)
    spread_of_gap = dispersion * np.bincount(place, weights=variance)
    scores = np.stack([np.bincount(place, weights=variance * column) for column in matrix.T], 1)
    by_month = sum(name == "festival" or name.startswith("month_") for name in plan.names)
    left = max(1, len(names) - max(1, by_month))
    excess = float(np.sum(gap**2 / np.maximum(spread_of_gap, 1e-12))) - left
    raw = np.bincount(place, weights=variance)
    reach = float(np.sum(raw**2 / np.maximum(spread_of_gap, 1e-12))) * left / len(names)
    spread_squared = max(0.0, excess / reach) if reach > 0 else 0.0
    inverse = np.linalg.inv((matrix * variance[:, None]).T @ matrix)
    covariance = dispersion * inverse + spread_squared * inverse @ scores.T @ scores @ inverse
    return Estimate(
        coefficients=_coefficients(plan, fit, covariance, size),
        fitted=chance,
        dispersion=dispersion,
        month_spread=float(np.sqrt(spread_squared)),
    )


def estimate_share(
    plan: Design, count: FloatArray, total: FloatArray, squares: FloatArray
) -> Estimate:
    """Fit a fractional logit (Papke & Wooldridge 1996) to shares added up in cells.

    Args:
        plan: The design.
        count: Shares added up in a cell.
        total: Their sum.
        squares: Their sum of squares, from which the dispersion is exact in spite of the cells.
    """
    matrix = plan.matrix
    fit = _glm(np.column_stack([total, count - total]), matrix)
    mean = np.asarray(fit.fittedvalues, dtype=float)
    around = squares - 2 * mean * total + count * mean**2
    spare = max(1.0, float(count.sum()) - matrix.shape[1])
    dispersion = float(np.sum(around / (mean * (1 - mean)))) / spare
    inverse = np.linalg.inv((matrix * (count * mean * (1 - mean))[:, None]).T @ matrix)
    return Estimate(
        coefficients=_coefficients(plan, fit, dispersion * inverse, count),
        fitted=mean,
        dispersion=dispersion,
    )


def with_level(
    base: Estimate, name: str, terms: FloatArray, events: FloatArray, others: FloatArray
) -> Coefficients:
    """Add a level of its own for cells the estimate was not made from, its other terms held.

    Args:
        base: The estimate.
        name: Name of the level.
        terms: The estimate's terms in those cells [cell, term].
        events: Events in them.
        others: Non-events in them.
    """
    known = base.coefficients
    odds = terms @ known.values  # noqa: PD011
    fit = _glm(np.column_stack([events, others]), np.ones((len(odds), 1)), offset=odds)
    chance = np.asarray(fit.fittedvalues, dtype=float)
    weight = (events + others) * chance * (1 - chance)
    # The level takes up what the held terms are off by, on average over the cells.
    mean = weight @ terms / weight.sum()
    shared = -known.covariance @ mean
    own = base.dispersion / weight.sum() + mean @ known.covariance @ mean
    size = len(known.names)
    covariance = np.empty((size + 1, size + 1))
    covariance[:size, :size] = known.covariance
    covariance[:size, size] = covariance[size, :size] = shared
    covariance[size, size] = own
    return Coefficients(
        names=(*known.names, name),
        values=np.append(known.values, float(fit.params[0])),
        covariance=covariance,
        averages=np.append(known.averages, 0.0),
    )


def constant_share(events: float, count: float) -> Coefficients:
    """Return an intercept alone, for data too thin for more (Jeffreys: a half added to each)."""
    share = (events + 0.5) / (count + 1.0)
    error = 1.0 / np.sqrt((count + 1.0) * share * (1.0 - share))
    return Coefficients.known(
        {"intercept": float(np.log(share / (1 - share)))}, errors={"intercept": float(error)}
    )


def channel_mix(channels: pd.DataFrame | None) -> ChannelMix:
    """Return shares of points by channel, for all members and by tier where there are enough.

    The covariance is that of a ratio of sums over independent redemptions:
    Σ p² (1[a] − s_a)(1[b] − s_b) ÷ (Σ p)². Tiers with under 200 redemptions take the shares of all.

    Args:
        channels: ``vip_tier``, ``channel``, ``redemptions``, ``points``, ``points_squared``;
            ``None`` where the ledger tells no channel.
    """
    if channels is None or channels.empty or not channels["points"].sum():
        one = np.ones((1, 1))
        return ChannelMix(channels=("all",), tiers=(), shares=one, covariance=np.zeros((1, 1, 1)))
    needed = ("vip_tier", "channel", "redemptions", "points", "points_squared")
    check_columns(channels.columns, needed, "channels")
    columns = list(needed[2:])
    frame = channels.assign(channel=channels["channel"].fillna("unknown").astype(str))
    frame[columns] = frame[columns].astype(float)
    names = tuple(sorted(frame["channel"].unique()))
    many = frame.groupby("vip_tier")["redemptions"].sum()
    tiers = tuple(sorted(str(tier) for tier in many[many >= _LEAST_TIER_REDEMPTIONS].index))
    parts = [frame, *(frame[frame["vip_tier"] == tier] for tier in tiers)]
    shares, covariances = zip(*(_ratio_shares(part, names) for part in parts), strict=True)
    return ChannelMix(
        channels=names, tiers=tiers, shares=np.stack(shares), covariance=np.stack(covariances)
    )


def _ratio_shares(frame: pd.DataFrame, names: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    sums = frame.groupby("channel")[["points", "points_squared"]].sum().reindex(names).fillna(0.0)
    points, squares = sums["points"].to_numpy(), sums["points_squared"].to_numpy()
    share = points / points.sum()
    away = np.eye(len(names)) - share
    return share, (away * squares[:, None]).T @ away / points.sum() ** 2


def spend_pressure(pressure: pd.DataFrame | None) -> tuple[float, float]:
    """Return the rise of log spending below the threshold, and its standard error.

    Who enters the stretch below the threshold has just earned more than usual, and so has who
    leaves it; half the difference of the two changes is free of that.

    Args:
        pressure: ``month``, ``move`` (``entered``, ``passed``), ``members``, ``log_change_sum``,
            ``log_change_squared_sum``; ``None`` where there are no bills.

    Returns:
        Rise and standard error; (0, 0) where it cannot be told.
    """
    if pressure is None:
        return 0.0, 0.0
    sums = ["members", "log_change_sum", "log_change_squared_sum"]
    check_columns(pressure.columns, ("month", "move", *sums), "pressure")
    # Within a month, season and price changes move both alike.
    both = [
        pressure[pressure["move"] == move].groupby("month")[sums].sum()
        for move in ("entered", "passed")
    ]
    months = both[0].index.intersection(both[1].index)
    count, total, squares = (
        np.stack([frame.loc[months, name].to_numpy(dtype=float) for frame in both]) for name in sums
    )
    enough = (count > 1).all(axis=0)
    if not enough.any():
        return 0.0, 0.0
    count, total, squares = count[:, enough], total[:, enough], squares[:, enough]
    mean = total / count
    pooled = float((squares - count * mean**2).sum() / (count - 1).sum())
    weight = 4 / (pooled * (1 / count).sum(axis=0))
    rise = (mean[0] - mean[1]) / 2
    return float(weight @ rise / weight.sum()), float(weight.sum() ** -0.5)


def _glm(endog: FloatArray, matrix: FloatArray, offset: FloatArray | None = None) -> Any:
    # Imported here, as it takes a second and a dashboard's kernel does not need it.
    import statsmodels.api as sm

    model = sm.GLM(endog, matrix, family=sm.families.Binomial(), offset=offset)
    with warnings.catch_warnings():
        # As many parameters as cells fit exactly; terms too thin to tell are out beforehand.
        warnings.simplefilter("ignore")
        return model.fit(maxiter=100)


def _coefficients(
    plan: Design, fit: Any, covariance: FloatArray, weights: FloatArray
) -> Coefficients:
    return Coefficients(
        names=plan.names,
        values=np.asarray(plan.free @ fit.params),
        covariance=np.asarray(plan.free @ covariance @ plan.free.T),
        averages=np.asarray(weights @ plan.terms / weights.sum()),
    )
