"""Starts handed out anew among branches: what each order would show if the campaign did nothing.

Source: Fisher (1935), The Design of Experiments; Rosenbaum (2002), Observational Studies, 2.4–2.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cvm.campaigns.rollout_kernels import event_weights, window_weights
from cvm.campaigns.rollout_panel import Panel

FloatArray = npt.NDArray[np.float64]
_GRID = 1_201
_YEAR_BEFORE = np.arange(-13.0, -1.0)


def within_window(panel: Panel, window_months: int) -> npt.NDArray[np.bool_]:
    """Return where a unit [unit, period] is within the window after its start."""
    since = panel.periods[None, :] - panel.start[:, None]
    return np.asarray((since >= 0) & (since < window_months))


def draw_orders(
    panel: Panel,
    outcomes: Sequence[FloatArray],
    *,
    window_months: int,
    orders: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the average over the window of each outcome under each order of starts.

    Args:
        panel: Units and their starts.
        outcomes: Outcomes [unit, period]. With the treatment taken for the outcome, the average
            says how much of a constant effect an order would see.
        window_months: Months from each start on.
        orders: How many orders.
        rng: Draws them.

    Returns:
        [order, outcome]; the first row is the order as it was.
    """
    stacked = np.stack(outcomes)
    found = np.empty((orders + 1, len(stacked)))
    for at in range(orders + 1):
        start = panel.start if at == 0 else rng.permutation(panel.start)
        weights = window_weights(panel, window_months, start=start)
        found[at] = (stacked * weights).sum(axis=(1, 2))
    return found


def invert_orders(drawn: FloatArray, level: float, scale: float) -> tuple[float, float, float]:
    """Return the ends of the effects that the orders do not contradict, and the p-value of none.

    Args:
        drawn: Of :func:`draw_orders`, for the outcome and for the treatment as outcome.
        level: Effects with a p-value above it are not contradicted.
        scale: A size that the search starts from, beside the scatter of the orders.

    Returns:
        NaN three times where no effect, however large, is contradicted.
    """
    middle = drawn[0, 0]

    def p_of(effects: FloatArray) -> FloatArray:
        left = drawn[:, :1] - drawn[:, 1:] * effects[None, :]
        return np.asarray((np.abs(left) >= np.abs(left[:1]) - 1e-12).mean(axis=0))

    reach = 8.0 * max(float(drawn[1:, 0].std()), scale, 1e-12)
    for _ in range(4):
        effects = middle + np.linspace(-reach, reach, _GRID)
        inside = p_of(effects) > level
        if not (inside[0] or inside[-1]):
            break
        reach *= 3.0
    else:
        return math.nan, math.nan, math.nan
    kept = effects[inside]
    p_value = float(p_of(np.zeros(1))[0])
    low, high = float(kept.min()), float(kept.max())
    # The grid's step decides nothing: interval and p-value never contradict.
    step = 2 * reach / (_GRID - 1)
    if p_value > level:
        return min(low, 0.0), max(high, 0.0), p_value
    if low <= 0.0 <= high:
        return (step, high, p_value) if middle > 0 else (low, -step, p_value)
    return low, high, p_value


def year_before(panel: Panel, orders: int, rng: np.random.Generator) -> float:
    """Return the p-value of no difference in the year before the start, by other orders."""
    found = np.empty(orders + 1)
    for at in range(orders + 1):
        start = panel.start if at == 0 else rng.permutation(panel.start)
        weights, behind = event_weights(panel, _YEAR_BEFORE, universal=True, start=start)
        effects = (weights * panel.outcome).sum(axis=(1, 2))
        found[at] = effects[behind > 0].mean() if (behind > 0).any() else 0.0
    return float((np.abs(found) >= abs(found[0]) - 1e-12).mean())
