"""One branch against a mix of others: synthetic control, synthetic difference-in-differences.

With a single branch that starts there is no average over starts. The others are weighted so that
their mix followed the branch before; what parts them afterwards is the effect.

Sources: Abadie, Diamond & Hainmueller (2010), Journal of the American Statistical Association 105;
Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), American Economic Review 111, whose
regularisation and Frank-Wolfe steps are followed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import nnls

from cvm.campaigns.matching_kernels import compiled
from cvm.campaigns.rollout_panel import Panel
from cvm.core.checks import DataError, check_one_of

FloatArray = npt.NDArray[np.float64]
Method = Literal["did", "synthetic", "synthetic_did"]
METHODS = ("did", "synthetic", "synthetic_did")
_SUM_WEIGHT = 1e6
_TINY = 1e-6
_STEPS_BEFORE, _STEPS = 100, 10_000
_KEPT = 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class SyntheticEffect:
    """What parts the branches that started from the mix of the others.

    Attributes:
        method: Of :data:`METHODS`.
        effect: Mean effect over the periods since the start.
        unit_weights: Weight of each unit that never starts; they sum to 1.
        period_weights: Weight of each period before the start; they sum to 1 (zeros without).
        path: ``period``, ``observed``, ``mix`` (of the others), ``gap``.
        p_value: Share of units, each taken for the one that started, that part as far; NaN where
            it was not asked for.
    """

    method: str
    effect: float
    unit_weights: FloatArray
    period_weights: FloatArray
    path: pd.DataFrame
    p_value: float = math.nan


def against_mix(
    panel: Panel, *, method: Method = "synthetic_did", placebo: bool = False
) -> SyntheticEffect:
    """Compare units that start together with a mix of units that never start.

    Args:
        panel: All who start do so in the same period.
        method: ``did`` weights all alike, ``synthetic`` finds the mix of units nearest to the path
            before, ``synthetic_did`` one that runs parallel to it, and weights periods too.
        placebo: Take each unit that never starts for the one that started.

    Raises:
        DataError: Starts at several times, fewer than two units to mix, or two periods before.
    """
    effect, units, periods, mix, mine = _against(panel, method)
    found = SyntheticEffect(
        method=method,
        effect=effect,
        unit_weights=units,
        period_weights=periods,
        path=pd.DataFrame(
            {"period": panel.periods, "observed": mine, "mix": mix, "gap": mine - mix}
        ),
    )
    return replace(found, p_value=_placebo(panel, found)) if placebo else found


def mean_gap(panel: Panel, *, method: Method = "synthetic_did") -> float:
    """Return the effect of :func:`against_mix` alone, for those who ask thousands of times."""
    return _against(panel, method)[0]


def _against(
    panel: Panel, method: Method
) -> tuple[float, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the effect, both weights, the mix of the others and what it is set against."""
    check_one_of(method, "method", METHODS)
    if len(panel.groups) != 1:
        raise DataError(
            "start",
            f"in {len(panel.groups)} periods",
            "in one period for all who start",
            action="use group_time_effects for staggered starts",
        )
    started, before = np.isfinite(panel.start), panel.periods < panel.groups[0]
    if (~started).sum() < 2 or before.sum() < 2:
        raise DataError(
            "panel",
            f"with {(~started).sum()} units to mix and {before.sum()} periods before",
            "with two or more of each",
        )
    others, mine = panel.outcome[~started], panel.outcome[started].mean(axis=0)
    units, periods = _weights(others, mine, before, method, int(started.sum()))
    mix = units @ others
    gap = mine - mix
    return float(gap[~before].mean() - periods @ gap[before]), units, periods, mix, mine


def _weights(
    others: FloatArray, mine: FloatArray, before: npt.NDArray[np.bool_], method: str, started: int
) -> tuple[FloatArray, FloatArray]:
    count, early = len(others), int(before.sum())
    if method == "did":
        return np.full(count, 1 / count), np.full(early, 1 / early)
    if method == "synthetic":
        return _simplex(others[:, before].T, mine[before]), np.zeros(early)
    noise = float(np.diff(others[:, before], axis=1).std(ddof=1))
    late = int((~before).sum())
    strong = (started * late) ** 0.25 * noise
    later = others[:, ~before].mean(axis=1)
    periods = _frank_wolfe(others[:, before], later, _TINY * noise, 1e-5 * noise)
    units = _frank_wolfe(others[:, before].T, mine[before], strong, 1e-5 * noise)
    return units, periods


def _simplex(columns: FloatArray, wanted: FloatArray) -> FloatArray:
    """Return weights, 0 or more and summing to 1, whose mix of columns is nearest to ``wanted``."""
    scale = _SUM_WEIGHT * max(float(np.abs(columns).max()), 1e-12)
    rows = np.vstack([columns, np.full(columns.shape[1], scale)])
    weights, _ = nnls(rows, np.append(wanted, scale), maxiter=100 * columns.shape[1])
    return np.asarray(weights / weights.sum())


def _frank_wolfe(
    columns: FloatArray, wanted: FloatArray, penalty: float, least: float
) -> FloatArray:
    """Return penalised weights of columns that run parallel to ``wanted``, the small ones cut."""
    moved = np.ascontiguousarray(columns - columns.mean(axis=0))
    target = np.ascontiguousarray(wanted - wanted.mean())
    weights = np.full(columns.shape[1], 1 / columns.shape[1])
    weights = _descend(moved, target, weights, penalty, least, _STEPS_BEFORE)
    weights = np.where(weights <= _KEPT * weights.max(), 0.0, weights)
    weights = weights / weights.sum()
    return np.asarray(_descend(moved, target, weights, penalty, least, _STEPS))


@compiled
def _descend(moved, target, start, penalty, least, steps):  # type: ignore[no-untyped-def]
    """Step towards the best single column, as far as the loss falls."""
    rows, count = moved.shape
    strength = rows * penalty**2
    weights, fitted, slope = start.copy(), moved @ start, np.empty(count)
    last = np.inf
    for at in range(steps):
        best = 0
        for column in range(count):
            slope[column] = strength * weights[column]
            for row in range(rows):
                slope[column] += (fitted[row] - target[row]) * moved[row, column]
            if slope[column] < slope[best]:
                best = column
        far = fall = 0.0
        for column in range(count):
            towards = (1.0 if column == best else 0.0) - weights[column]
            far += towards**2
            fall -= slope[column] * towards
        if far == 0.0:
            break
        size = strength * far
        for row in range(rows):
            size += (moved[row, best] - fitted[row]) ** 2
        step = min(max(fall / size, 0.0), 1.0)
        value = 0.0
        for row in range(rows):
            fitted[row] += step * (moved[row, best] - fitted[row])
            value += (fitted[row] - target[row]) ** 2 / rows
        for column in range(count):
            weights[column] += step * ((1.0 if column == best else 0.0) - weights[column])
            value += (penalty * weights[column]) ** 2
        if at >= 2 and last - value <= least**2:
            break
        last = value
    return weights


def _placebo(panel: Panel, found: SyntheticEffect) -> float:
    """Return the share of units whose gap grows as much after the start as the real one's."""
    never = np.flatnonzero(~np.isfinite(panel.start))
    before = panel.periods < panel.groups[0]

    def grows(path: pd.DataFrame) -> float:
        gap = path["gap"].to_numpy(float)
        early = math.sqrt(float((gap[before] ** 2).mean()))
        return math.sqrt(float((gap[~before] ** 2).mean())) / max(early, 1e-12)

    real, others = grows(found.path), []
    for unit in never:
        start = np.full(len(never), np.nan)
        start[never == unit] = panel.groups[0]
        alone = replace(panel, outcome=panel.outcome[never], start=start, weight=None, unit=())
        others.append(grows(against_mix(alone, method=found.method).path))  # type: ignore[arg-type]
    return float((1 + sum(other >= real for other in others)) / (1 + len(others)))
