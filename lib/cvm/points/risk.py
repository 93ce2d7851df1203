"""Risk of a cost: the chance to pass a cap, value at risk, tail value at risk, expected overrun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cvm.core.checks import ArgumentError, DataError, check_between

FloatArray = npt.NDArray[np.float64]


def _draws(values: Any, name: str = "values") -> FloatArray:
    draws = np.asarray(values, float)
    if draws.ndim != 1 or not draws.size or not np.isfinite(draws).all():
        raise DataError(name, f"of shape {draws.shape}", "a list of finite numbers, not empty")
    return draws


def value_at_risk(values: Any, level: float = 0.95) -> float:
    """Return the smallest draw that at least ``level`` of the draws do not pass (VaR).

    Example:
        >>> value_at_risk(range(1, 101), 0.95)
        95.0
    """
    check_between(level, "level", low=0, high=1, include_low=False, include_high=False)
    ordered = np.sort(_draws(values))
    return float(ordered[int(np.ceil(level * len(ordered) - 1e-9)) - 1])


def tail_value_at_risk(values: Any, level: float = 0.95) -> float:
    """Return the mean of the worst 1 − ``level`` of the draws (TVaR, expected shortfall).

    A draw on the border counts in part, so the measure is coherent. Source: Acerbi & Tasche (2002).

    Example:
        >>> tail_value_at_risk(range(1, 101), 0.95)
        98.0
    """
    draws = _draws(values)
    var = value_at_risk(draws, level)
    over = np.maximum(draws - var, 0.0).mean()
    return float(var + over / (1.0 - level))


@dataclass(frozen=True, kw_only=True)
class Probability:
    """A chance estimated from scenarios.

    Attributes:
        share: The chance.
        error: Its standard error.
    """

    share: float
    error: float


def over_probability(values: Any, cap: float, *, spread: Any = None) -> Probability:
    """Return the chance to pass a cap, with its standard error.

    Args:
        values: Draws.
        cap: The cap.
        spread: Standard deviation of members' luck around each draw, if it is not yet in them; it
            is then integrated analytically, which makes the estimate smoother.

    Example:
        >>> over_probability([1.0, 2.0, 3.0, 4.0], 3.5).share
        0.25
    """
    from scipy.special import ndtr

    draws = _draws(values)
    if spread is None:
        chance = (draws > cap).astype(float)
    else:
        sd = np.asarray(spread, float)
        if sd.shape != draws.shape:
            raise ArgumentError("spread", sd.shape, f"of shape {draws.shape}, as values")
        safe = np.where(sd > 0, sd, 1.0)
        chance = np.where(sd > 0, ndtr((draws - cap) / safe), draws > cap)
    share = float(chance.mean())
    # Draws at 0 or 1 alone say nothing of the error: at least that of half a scenario is kept.
    variance = max(float(chance.var()), 0.5 / len(draws) * (1 - 0.5 / len(draws)))
    return Probability(share=share, error=float(np.sqrt(variance / len(draws))))


def expected_overrun(values: Any, cap: float) -> float:
    """Return the mean amount above the cap (0 where below)."""
    return float(np.maximum(_draws(values) - cap, 0.0).mean())


def interval(values: Any, confidence: float = 0.9) -> tuple[float, float]:
    """Return the central interval of draws."""
    check_between(confidence, "confidence", low=0, high=1, include_low=False, include_high=False)
    tail = (1 - confidence) / 2
    low, high = np.quantile(_draws(values), [tail, 1 - tail])
    return float(low), float(high)
