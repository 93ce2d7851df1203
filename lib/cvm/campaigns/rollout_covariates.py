"""Staggered starts among units alike in what was known before: doubly robust, by group and period.

Starters are compared with others of the same covariates: changes of the others are predicted by a
regression, and the others weighted to look like the starters. Either may be wrong. For units that
are many (customers, sites); eleven branches bear no covariates.

Sources: Sant'Anna & Zhao (2020), Journal of Econometrics 219; Callaway & Sant'Anna (2021), ibid.
225; as ``est_method = "dr"`` of the R package `did`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from cvm.campaigns.propensity import SeparatedError
from cvm.campaigns.rollout import Controls, GroupTime, group_time_effects
from cvm.campaigns.rollout_panel import FloatArray, Panel
from cvm.core.checks import DataError

_STEPS, _SETTLED = 50, 1e-10
_HIGHEST = 1 - 1e-6


def adjusted_group_time_effects(
    panel: Panel,
    covariates: npt.ArrayLike,
    *,
    controls: Controls = "never",
    base: Literal["varying", "universal"] = "varying",
    anticipation: int = 0,
) -> GroupTime:
    """Return the effect on each group of starters in each period, covariates held equal.

    Args:
        panel: Units in every period.
        covariates: From before any start [unit, covariate], without a constant.
        controls: As in :func:`cvm.campaigns.rollout.group_time_effects`.
        base: As there.
        anticipation: As there.

    Returns:
        Effects whose averages and errors are taken as those without covariates.

    Raises:
        DataError: A covariate is not finite, or a comparison has fewer units than it takes.
        SeparatedError: Covariates decide without exception who starts.
    """
    known = np.asarray(covariates, dtype=np.float64)
    known = known[:, None] if known.ndim == 1 else known
    units = len(panel.start)
    if len(known) != units or not np.isfinite(known).all():
        raise DataError(
            "covariates", "missing or infinite for some units", f"known for each of {units} units"
        )
    plain = group_time_effects(panel, controls=controls, base=base, anticipation=anticipation)
    design = np.column_stack([np.ones(units), known])
    effects = np.zeros(len(plain.effect))
    contributed = np.zeros((units, len(plain.effect)))
    of = panel.cohorts.of
    for place, (cohort, at, since) in enumerate(plain.places.T):
        if at == since:
            continue
        rows = (of == cohort) | plain.held[place][of]
        change = panel.outcome[rows, at] - panel.outcome[rows, since]
        arm = (of[rows] == cohort).astype(np.float64)
        if min(arm.sum(), (1 - arm).sum()) <= design.shape[1]:
            raise DataError(
                "covariates",
                f"{known.shape[1]} for {int(arm.sum())} starters in a comparison",
                "fewer than the units on either side",
                action="leave out covariates, or compare without them",
            )
        found = _doubly_robust(change, arm, design[rows], panel.sizes[rows])
        effects[place] = found[0]
        contributed[rows, place] = found[1] * units / rows.sum()
    return replace(plain, effect=effects, contributed=contributed)


def _doubly_robust(
    change: FloatArray, arm: FloatArray, x: FloatArray, size: FloatArray
) -> tuple[float, FloatArray]:
    """Return the effect of one group in one period, and what each unit contributes to it."""
    count = len(arm)
    score, curve = _score(arm, x, size)
    held = size * (1 - arm)
    gram = np.linalg.pinv((x * held[:, None]).T @ x / count)
    rest = change - x @ (gram @ (x.T @ (held * change)) / count)
    by_line = (x * (held * rest)[:, None]) @ gram
    by_score = (x * (size * (arm - score))[:, None]) @ (count * curve)
    mine, theirs = size * arm, held * score / (1 - score)
    levels = [float((weight @ rest) / weight.sum()) for weight in (mine, theirs)]
    own = mine * (rest - levels[0]) - by_line @ (mine @ x / count)
    apart = theirs * (rest - levels[1])
    other = apart + by_score @ (apart @ x / count) - by_line @ (theirs @ x / count)
    return levels[0] - levels[1], own / mine.mean() - other / theirs.mean()


def _score(arm: FloatArray, x: FloatArray, size: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the chance to be a starter (logit), and the inverse of its information."""
    beta = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        score = special.expit(x @ beta)
        weight = size * score * (1 - score)
        curve = np.linalg.pinv((x * weight[:, None]).T @ x)
        step = curve @ (x.T @ (size * (arm - score)))
        beta = beta + step
        if float(np.abs(step).max()) < _SETTLED:
            return np.minimum(score, _HIGHEST), curve
    raise SeparatedError(
        "covariates",
        "without a finite fit",
        "between 0 and 1 for every unit",
        action="leave out covariates that decide alone who starts",
    )
