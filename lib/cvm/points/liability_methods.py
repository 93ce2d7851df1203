"""The chain ladder with Mack's standard errors, on plain arrays.

:mod:`cvm.points.liability_expected` builds the methods on exposure upon it, and
:mod:`cvm.points.liability_urr` turns a projection into an answer.

Sources: Mack (1993), "Distribution-free calculation of the standard error of chain ladder reserve
estimates", ASTIN Bulletin 23(2); Mack (1999), ASTIN Bulletin 29(2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from cvm.core.checks import check_one_of

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
SigmaRule = Literal["mack", "log_linear"]
SIGMA_RULES: tuple[SigmaRule, ...] = ("mack", "log_linear")


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """A triangle carried on to each vintage's last age.

    Attributes:
        path: Cumulative amounts, vintage × age: observed, then projected. NaN: cannot tell.
        factors: Age-to-age factors; NaN where no vintage shows one.
        sigma: Mack's sigma of each factor (or of each age's increment).
        share_by_age: Share of the last age's total that is reached at each age (0–1).
        process_variance: What chance adds, a vintage (amount²).
        estimation_variance: What the uncertain factors add, a vintage (amount²).
        total_variance: Of the sum over vintages: factors are shared, so errors do not cancel.
        prior: The ratio of ultimate to exposure that the method used; NaN if none.
    """

    path: FloatArray
    factors: FloatArray
    sigma: FloatArray
    share_by_age: FloatArray
    process_variance: FloatArray
    estimation_variance: FloatArray
    total_variance: float
    prior: float = float("nan")

    @property
    def ultimate(self) -> FloatArray:
        """Return the amount at each vintage's last age."""
        return self.path[:, -1]

    @property
    def standard_error(self) -> FloatArray:
        """Return each vintage's prediction error."""
        return np.sqrt(self.process_variance + self.estimation_variance)


def chain_ladder(
    cumulative: FloatArray,
    latest: IntArray,
    final: IntArray,
    *,
    sigma_rule: SigmaRule = "mack",
) -> Projection:
    """Return the volume-weighted chain ladder with Mack's standard errors.

    A zero counts as a zero in every factor: its vintage's later redemptions enter the numerator.
    Mack's variance is proportional to the amount so far, so cells at zero say nothing about sigma.
    Where all vintages stand at zero the factor does not exist and the projection is NaN.

    Args:
        cumulative: Vintage × age; NaN in the future.
        latest: Age up to which each vintage is known.
        final: Age at which each vintage is complete; nothing happens after it.
        sigma_rule: How the last sigma, seen in one vintage only, is set: ``"mack"`` (smallest
            consistent with the two before) or ``"log_linear"`` (trend of the others).
    """
    pairs = _pairs(latest, final, cumulative.shape[1])
    before = np.where(pairs, np.nan_to_num(cumulative[:, :-1]), 0.0)
    after = np.where(pairs, np.nan_to_num(cumulative[:, 1:]), 0.0)
    base = before.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = after.sum(axis=0) / base
        squares = np.where(before > 0, (after - factors * before) ** 2 / before, 0.0).sum(axis=0)
    over = np.arange(len(factors)) >= final.max(initial=0)
    factors[over] = 1.0  # every vintage has expired: nothing more happens
    seen = (before > 0).sum(axis=0)
    variances = np.where(seen > 1, squares / np.maximum(seen - 1, 1), np.nan)
    variances = fill_last_variance(variances, sigma_rule)
    path = _multiply(cumulative, factors, latest, final)
    shares = _shares(factors, pairs)
    process, by_factor = _mack_terms(path, factors, variances, base, latest, final)
    return Projection(
        path=path,
        factors=factors,
        sigma=np.sqrt(variances),
        share_by_age=shares,
        process_variance=process,
        estimation_variance=(by_factor**2).sum(axis=1),
        total_variance=float(process.sum() + (by_factor.sum(axis=0) ** 2).sum()),
    )


def _pairs(latest: IntArray, final: IntArray, ages: int) -> npt.NDArray[np.bool_]:
    """Return where an age and the next are both known, before expiry (vintage × age)."""
    return np.arange(1, ages) <= np.minimum(latest, final)[:, None]


def _open(latest: IntArray, final: IntArray, ages: int) -> npt.NDArray[np.bool_]:
    """Return which steps from one age to the next lie ahead (vintage × age)."""
    step = np.arange(ages - 1)
    return (step >= latest[:, None]) & (step < final[:, None])


def _multiply(
    cumulative: FloatArray, factors: FloatArray, latest: IntArray, final: IntArray
) -> FloatArray:
    path = np.array(cumulative, dtype=float)
    ahead = _open(latest, final, path.shape[1])
    with np.errstate(invalid="ignore"):
        for age, factor in enumerate(factors):
            grown = np.where(ahead[:, age], path[:, age] * factor, path[:, age])
            path[:, age + 1] = np.where(age < latest, path[:, age + 1], grown)
    path[np.isinf(path)] = np.nan
    return path


def _shares(factors: FloatArray, pairs: npt.NDArray[np.bool_]) -> FloatArray:
    """Return the share of the last age's total reached at each age.

    Where every vintage still stood at zero (0 ÷ 0), nothing of the total had been reached.
    """
    shares = np.ones(len(factors) + 1)
    for age in range(len(factors) - 1, -1, -1):
        none_yet = bool(pairs[:, age].any()) and not np.isfinite(factors[age])
        with np.errstate(invalid="ignore", divide="ignore"):
            shares[age] = 0.0 if none_yet else shares[age + 1] / factors[age]
    return shares


def _mack_terms(
    path: FloatArray,
    factors: FloatArray,
    variances: FloatArray,
    base: FloatArray,
    latest: IntArray,
    final: IntArray,
) -> tuple[FloatArray, FloatArray]:
    """Return the process variance a vintage, and the error each factor gives each vintage."""
    ahead = _open(latest, final, path.shape[1])
    ultimate = path[:, -1]
    growth = np.ones_like(path)
    for age in range(len(factors) - 1, -1, -1):
        step = np.where(ahead[:, age], factors[age], 1.0)
        growth[:, age] = growth[:, age + 1] * step
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(factors == 0, 0.0, variances / factors**2)
        process = np.where(ahead, relative * growth[:, :-1], 0.0).sum(axis=1) * ultimate
        by_factor = np.where(ahead, np.sqrt(relative / base) * ultimate[:, None], 0.0)
    return process, by_factor


def fill_last_variance(variances: FloatArray, sigma_rule: SigmaRule) -> FloatArray:
    """Return the variances with those that one vintage alone cannot show filled in.

    Mack's rule: min(σ⁴₋₁ ÷ σ²₋₂, σ²₋₁, σ²₋₂). Log-linear: the least-squares line of ln σ over the
    ages that have one.

    Args:
        variances: σ² by age; NaN where fewer than two vintages show it.
        sigma_rule: ``"mack"`` or ``"log_linear"``.

    Raises:
        ArgumentError: Another rule.
    """
    check_one_of(sigma_rule, "sigma_rule", SIGMA_RULES)
    filled = variances.copy()
    ages = np.arange(len(filled))
    missing = np.flatnonzero(~np.isfinite(filled))
    positive = np.isfinite(filled) & (filled > 0)
    if sigma_rule == "log_linear" and positive.sum() >= 2:
        slope, level = np.polyfit(ages[positive], np.log(filled[positive]), 1)
        filled[missing] = np.exp(level + slope * missing)
        return filled
    for age in missing:
        earlier = filled[max(0, age - 2) : age]
        earlier = earlier[np.isfinite(earlier)]
        if len(earlier) == 2:
            ratio = earlier[1] ** 2 / earlier[0] if earlier[0] > 0 else 0.0
            filled[age] = min(ratio, *earlier)
        elif len(earlier) == 1:
            filled[age] = earlier[0]
    return filled
