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
_REPEATED = 1e-14


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
    cohort, at, since = plain.places
    change = panel.outcome[:, at] - panel.outcome[:, since]
    # Periods in which a group is compared with the same others are taken together.
    pairs = np.column_stack([cohort, plain.held])[at != since]
    for first in np.unique(pairs, axis=0):
        mine, held = panel.cohorts.of == first[0], first[1:][panel.cohorts.of] == 1
        places = np.flatnonzero((cohort == first[0]) & (plain.held == first[1:]).all(axis=1))
        places = places[at[places] != since[places]]
        rows = mine | held
        arm = mine[rows].astype(np.float64)
        if min(arm.sum(), (1 - arm).sum()) <= design.shape[1]:
            raise DataError(
                "covariates",
                f"{known.shape[1]} for {int(arm.sum())} starters in a comparison",
                "fewer than the units on either side",
                action="leave out covariates, or compare without them",
            )
        cells = np.ix_(rows, places)
        effects[places], own = _doubly_robust(change[cells], arm, design[rows], panel.sizes[rows])
        contributed[cells] = own * units / rows.sum()
    return replace(plain, effect=effects, contributed=contributed)


def _doubly_robust(
    change: FloatArray, arm: FloatArray, x: FloatArray, size: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return effects on one group and what each unit contributes to them.

    Args:
        change: Of each unit over each pair of periods [unit, period].
        arm: 1 for the group's units, 0 for those it is compared with.
        x: Covariates with a constant.
        size: Of each unit.
    """
    count = len(arm)
    score, curve = _score(arm, x, size)
    held = size * (1 - arm)
    gram = _inverse((x * held[:, None]).T @ x / count)
    rest = change - x @ (gram @ ((x * held[:, None]).T @ change) / count)
    mine, theirs = size * arm, held * score / (1 - score)
    levels = [weight @ rest / weight.sum() for weight in (mine, theirs)]
    apart = theirs[:, None] * (rest - levels[1])
    # What the line and the score themselves are off by moves both sides.
    by_line = (held * (x @ (gram @ (x.T @ mine / count))))[:, None] * rest
    other_line = (held * (x @ (gram @ (x.T @ theirs / count))))[:, None] * rest
    by_score = (size * (arm - score))[:, None] * (x @ (curve @ (x.T @ apart)))
    own = mine[:, None] * (rest - levels[0]) - by_line
    other = apart + by_score - other_line
    return levels[0] - levels[1], own / mine.mean() - other / theirs.mean()


def _inverse(square: FloatArray) -> FloatArray:
    """Return the (pseudo-)inverse of a symmetric matrix: what covariates repeat counts once."""
    values, vectors = np.linalg.eigh(square)
    kept = values > _REPEATED * values[-1]
    return np.asarray((vectors[:, kept] / values[kept]) @ vectors[:, kept].T)


def _score(arm: FloatArray, x: FloatArray, size: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the chance to be a starter (logit), and the inverse of its information."""
    beta = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        score = special.expit(x @ beta)
        weight = size * score * (1 - score)
        curve = _inverse((x * weight[:, None]).T @ x)
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
