"""How strong something unknown must be to explain a finding: Rosenbaum's bounds, the E-value."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cvm.campaigns.effect import Estimate
from cvm.campaigns.moments import FloatArray
from cvm.core.checks import DataError, check_at_least, check_between

GAMMAS = (1.0, 1.1, 1.25, 1.5, 2.0, 3.0)
MOST_GAMMA = 100.0
_SLOPE, _WIDTH = 0.91, 1.78


def bound_signed_rank(differences: npt.ArrayLike, gamma: float) -> float:
    """Return the largest one-sided p-value that an unknown trait of strength ``gamma`` allows.

    Wilcoxon's signed-rank test of "treated above control" in matched pairs, where one of a pair may
    be ``gamma`` times as likely to be contacted as the other; its normal approximation. Pairs
    without a difference are left out, ties share their ranks.

    Args:
        differences: Treated minus control of each pair.
        gamma: Odds, at least 1; 1 is the usual test.

    Raises:
        DataError: No pair differs, or a difference is missing or infinite.

    Sources:
        Rosenbaum (2002), Observational Studies, section 4.3.

    Example:
        >>> round(bound_signed_rank([4, 8, -1, 6, 3, 9, 2, 5], 1), 4)
        0.0086
    """
    check_at_least(gamma, "gamma", 1)
    gaps = _pairs(differences)
    ranks = stats.rankdata(np.abs(gaps))
    chance = gamma / (1 + gamma)
    centre = chance * float(ranks.sum())
    spread = math.sqrt(chance * (1 - chance) * float((ranks**2).sum()))
    return float(stats.norm.sf((float(ranks[gaps > 0].sum()) - centre) / spread))


def bound_mcnemar(differences: npt.ArrayLike, gamma: float) -> float:
    """Return the largest one-sided p-value of McNemar's exact test that ``gamma`` allows.

    Args:
        differences: Treated minus control of each pair's event: −1, 0 or 1.
        gamma: Odds, at least 1.

    Raises:
        DataError: No pair differs, or a difference is missing or infinite.

    Sources:
        Rosenbaum (2002), Observational Studies, section 4.3.2.
    """
    check_at_least(gamma, "gamma", 1)
    gaps = _pairs(differences)
    return float(stats.binom.sf(int((gaps > 0).sum()) - 1, len(gaps), gamma / (1 + gamma)))


def _pairs(differences: npt.ArrayLike) -> FloatArray:
    gaps = np.asarray(differences, dtype=np.float64)
    if not np.isfinite(gaps).all():
        raise DataError("differences", "missing or infinite", "finite in every pair")
    gaps = gaps[gaps != 0]
    if not len(gaps):
        raise DataError("differences", "all zero", "different in at least one pair")
    return gaps


def rosenbaum_bounds(
    differences: npt.ArrayLike,
    *,
    share: bool = False,
    better: str = "higher",
    gammas: Sequence[float] = GAMMAS,
) -> pd.DataFrame:
    """Return the largest p-value at each strength of an unknown trait.

    Args:
        differences: Treated minus control of each pair.
        share: Whether the outcome is an event (McNemar instead of signed ranks).
        better: Direction in which an effect is looked for, ``higher`` or ``lower``.
        gammas: Strengths.

    Returns:
        Columns ``gamma`` and ``p_value`` (one-sided).
    """
    test, gaps = _test(differences, share, better)
    return pd.DataFrame(
        [(gamma, test(gaps, gamma)) for gamma in gammas], columns=["gamma", "p_value"]
    )


def critical_gamma(
    differences: npt.ArrayLike,
    *,
    share: bool = False,
    better: str = "higher",
    level: float = 0.025,
) -> float:
    """Return the strength from which an unknown trait could explain the finding.

    1 if there is nothing to explain: the test does not reject even without such a trait.

    Args:
        differences: Treated minus control of each pair.
        share: Whether the outcome is an event.
        better: Direction in which an effect is looked for.
        level: One-sided; 0.025 goes with a two-sided 95 % interval.
    """
    check_between(level, "level", low=0, high=0.5, include_low=False)
    test, gaps = _test(differences, share, better)
    low, high = 1.0, MOST_GAMMA
    if test(gaps, low) > level:
        return low
    if test(gaps, high) <= level:
        return high
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if test(gaps, middle) <= level else (low, middle)
    return low


def _test(
    differences: npt.ArrayLike, share: bool, better: str
) -> tuple[Callable[[FloatArray, float], float], FloatArray]:
    gaps = np.asarray(differences, dtype=np.float64)
    return (bound_mcnemar if share else bound_signed_rank), gaps if better == "higher" else -gaps


def e_value(ratio: float, limit: float | None = None) -> float:
    """Return how strongly something unknown must go with contact and outcome to explain a ratio.

    Args:
        ratio: Risk ratio found, above 0; below 1 it is turned over.
        limit: End of its interval nearer to 1; if given, what explains that end away.

    Returns:
        The E-value on the scale of risk ratios; 1 if the interval holds 1.

    Sources:
        VanderWeele & Ding (2017), Annals of Internal Medicine 167.

    Example:
        >>> round(e_value(3.9), 5), round(e_value(3.9, 1.8), 5)
        (7.26303, 3.0)
    """
    check_between(ratio, "ratio", low=0, high=1e12, include_low=False)
    used = ratio if limit is None else limit
    if limit is not None and (ratio - 1) * (limit - 1) <= 0:
        return 1.0
    if used <= 0:
        return MOST_GAMMA
    strength = 1 / used if ratio < 1 else used
    return strength + math.sqrt(strength * (strength - 1))


def e_values_of(estimate: Estimate, *, deviation: float | None = None) -> tuple[float, float]:
    """Return the E-values of an estimate and of its interval's end nearer to none.

    A share's ratio is taken from its levels. Other outcomes go by the standardised difference d:
    the ratio is about exp(0.91 d).

    Args:
        estimate: The estimate.
        deviation: Standard deviation of the outcome; needed unless it is a share.

    Raises:
        DataError: The deviation is missing or not above 0.

    Sources:
        VanderWeele & Ding (2017), table 2.
    """
    if not estimate.can_tell:
        return math.nan, math.nan
    edge = estimate.low if estimate.effect > 0 else estimate.high
    if estimate.outcome.kind == "share":
        level = estimate.control_mean
        if level <= 0 or estimate.treated_mean <= 0:
            return math.nan, math.nan
        return e_value((level + estimate.effect) / level), e_value(
            (level + estimate.effect) / level, max((level + edge) / level, 0.0)
        )
    if deviation is None or not deviation > 0:
        raise DataError("deviation", deviation, "above 0, for an outcome that is no share")
    d, se = estimate.effect / deviation, estimate.se / deviation
    near = _SLOPE * abs(d) - _WIDTH * se
    return e_value(math.exp(_SLOPE * abs(d))), e_value(math.exp(_SLOPE * abs(d)), math.exp(near))
