"""Methods that use the points issued: Bornhuetter-Ferguson, Cape Cod, unredeemed points.

Sources: Bornhuetter & Ferguson (1972), "The actuary and IBNR", Proceedings of the CAS 59; Bühlmann
& Straub (1983) for Cape Cod; Mack (2008), "The prediction error of Bornhuetter/Ferguson", ASTIN
Bulletin 38(1).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cvm.points.liability_methods import (
    FloatArray,
    IntArray,
    Projection,
    SigmaRule,
    chain_ladder,
    fill_last_variance,
)


def cape_cod_prior(latest_amount: FloatArray, exposure: FloatArray, reached: FloatArray) -> float:
    """Return the ratio of ultimate to exposure that all vintages together show.

    Args:
        latest_amount: Amount so far, a vintage.
        exposure: Points issued, a vintage.
        reached: Share of the ultimate reached at each vintage's age.
    """
    used = float((exposure * reached).sum())
    return float(latest_amount.sum()) / used if used > 0 else float("nan")


def expected_development(
    cumulative: FloatArray,
    exposure: FloatArray,
    latest: IntArray,
    final: IntArray,
    *,
    prior: float | None = None,
    prior_standard_error: float = 0.0,
    sigma_rule: SigmaRule = "mack",
) -> Projection:
    """Return Bornhuetter-Ferguson (``prior`` given) or Cape Cod (``prior`` estimated).

    Future redemption is prior × exposure × share still to come, with the chain ladder's pattern; it
    does not multiply what was redeemed so far, so young vintages with zeros are no trouble.

    Errors follow the model under which increments are independent with means proportional to
    exposure. Cape Cod: process v Σ s² and, for the estimated means, (Σ v)² s² ÷ V at each age to
    come. Bornhuetter-Ferguson: Mack (2008), where the pattern's error is the smaller of its past's
    and its future's, and errors of the pattern count as fully correlated between vintages (an upper
    bound).

    Args:
        cumulative: Vintage × age; NaN in the future.
        exposure: Points issued, a vintage.
        latest: Age up to which each vintage is known.
        final: Age at which each vintage is complete.
        prior: Share of issued points expected to be redeemed by the last age.
        prior_standard_error: Uncertainty of ``prior``.
        sigma_rule: See :func:`chain_ladder`.
    """
    ladder = chain_ladder(cumulative, latest, final, sigma_rule=sigma_rule)
    ages, rows = np.arange(cumulative.shape[1]), np.arange(len(cumulative))
    reached = ladder.share_by_age
    so_far = cumulative[rows, latest]
    estimated = prior is None
    level = cape_cod_prior(so_far, exposure, reached[latest]) if prior is None else prior
    if so_far.sum() == 0 and estimated:
        level = float("nan")
    to_come = reached[np.minimum(ages, final[:, None])] - reached[latest][:, None]
    ahead = ages > latest[:, None]
    path = np.where(
        ahead, so_far[:, None] + level * exposure[:, None] * to_come, np.nan_to_num(cumulative)
    )
    known = ages <= np.minimum(latest, final)[:, None]
    variance, volume = _increment_variance(cumulative, exposure, known, sigma_rule)
    future = ahead & (ages <= final[:, None])
    process = np.where(future, variance, 0.0).sum(axis=1) * exposure
    with np.errstate(divide="ignore", invalid="ignore"):
        by_age = np.where(future, np.sqrt(variance / volume) * exposure[:, None], 0.0)
        past = np.where(known, variance / volume, 0.0).sum(axis=1) * exposure**2
    if estimated:
        estimation = (by_age**2).sum(axis=1)
        shared = float((by_age.sum(axis=0) ** 2).sum())
    else:
        pattern = np.minimum((by_age**2).sum(axis=1), past)
        level_error = prior_standard_error * exposure * to_come[:, -1]
        wider = 1 + (prior_standard_error / level) ** 2 if level else 1.0
        estimation = pattern * wider + level_error**2
        shared = float(wider * np.sqrt(pattern).sum() ** 2 + level_error.sum() ** 2)
    return Projection(
        path=path,
        factors=ladder.factors,
        sigma=np.sqrt(variance),
        share_by_age=reached,
        process_variance=process,
        estimation_variance=estimation,
        total_variance=float(process.sum()) + shared,
        prior=level,
    )


def _increment_variance(
    cumulative: FloatArray,
    exposure: FloatArray,
    known: npt.NDArray[np.bool_],
    sigma_rule: SigmaRule,
) -> tuple[FloatArray, FloatArray]:
    """Return s² (variance of an increment per unit of exposure) and the exposure, by age."""
    steps = np.where(known, np.nan_to_num(np.diff(cumulative, axis=1, prepend=0.0)), 0.0)
    weights = np.where(known, exposure[:, None], 0.0)
    volume = weights.sum(axis=0)
    seen = known.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = steps.sum(axis=0) / volume
        squares = np.where(known, (steps - means * weights) ** 2 / exposure[:, None], 0.0)
    variances = np.where(seen > 1, squares.sum(axis=0) / np.maximum(seen - 1, 1), np.nan)
    return fill_last_variance(variances, sigma_rule), volume


def unredeemed_ladder(
    cumulative: FloatArray,
    exposure: FloatArray,
    latest: IntArray,
    final: IntArray,
    *,
    sigma_rule: SigmaRule = "mack",
) -> Projection:
    """Return the chain ladder on points *not yet* redeemed, turned back into redeemed points.

    It starts from the points issued, which are never zero, and shrinks: no vintage can pass its
    issued points and early zeros need no care. One minus a factor is the age's redemption hazard.

    Args:
        cumulative: Redeemed points, vintage × age; NaN in the future.
        exposure: Points issued, a vintage.
        latest: Age up to which each vintage is known.
        final: Age at which each vintage is complete.
        sigma_rule: See :func:`chain_ladder`.
    """
    left = np.column_stack([exposure, exposure[:, None] - cumulative])
    kept = chain_ladder(left, latest + 1, final + 1, sigma_rule=sigma_rule)
    path = kept.path
    # Once a vintage is redeemed whole, 0 × an unknown factor is still 0.
    gone = np.maximum.accumulate(np.nan_to_num(left, nan=1.0) <= 0, axis=1)
    path = exposure[:, None] - np.where(gone, 0.0, path)[:, 1:]
    average = np.cumprod(np.nan_to_num(kept.factors, nan=1.0))
    redeemed = 1 - average
    return Projection(
        path=path,
        factors=kept.factors,
        sigma=kept.sigma,
        share_by_age=redeemed / redeemed[-1] if redeemed[-1] > 0 else np.full(len(average), np.nan),
        process_variance=kept.process_variance,
        estimation_variance=kept.estimation_variance,
        total_variance=kept.total_variance,
    )
