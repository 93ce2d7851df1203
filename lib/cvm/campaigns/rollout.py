"""Staggered starts: group-time effects of Callaway and Sant'Anna, with their errors.

A branch that starts is compared with branches that have not started yet, or never do, from its last
month before the start. Two-way fixed effects would also compare it with branches that started
earlier, whose own effect then counts with the wrong sign.

Sources: Callaway & Sant'Anna (2021), Journal of Econometrics 225; errors as in the R package `did`
without covariates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cvm.campaigns.rollout_panel import FloatArray, Panel
from cvm.core.checks import DataError, check_at_least, check_one_of

Controls = Literal["never", "not_yet"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Influence:
    """What each unit contributes to some figures, told by cohort; errors follow from it.

    A unit contributes its size × (its deviations from its cohort's mean × ``slope`` + ``level``).

    Attributes:
        panel: The units.
        slope: By cohort, period and figure.
        level: By cohort and figure.
        own: What each unit contributes beside that [unit, figure], where covariates tell units of
            a cohort apart; None where they do not.
    """

    panel: Panel
    slope: FloatArray
    level: FloatArray
    own: FloatArray | None = None

    def errors(self) -> FloatArray:
        """Return the standard error of each figure."""
        if self.own is not None:
            squares = (self.by_unit() ** 2).sum(axis=0)
            return np.asarray(np.sqrt(squares) / len(self.panel.start))
        cohorts = self.panel.cohorts
        total = cohorts.size_squares @ self.level**2
        for slope, level, cross, square in zip(
            self.slope, self.level, cohorts.cross, cohorts.square, strict=True
        ):
            total = total + ((square @ slope) * slope).sum(axis=0) + 2 * level * (cross @ slope)
        return np.asarray(np.sqrt(np.maximum(total, 0.0)) / len(self.panel.start))

    def by_unit(self) -> FloatArray:
        """Return what each unit contributes [unit, figure]."""
        panel, cohorts = self.panel, self.panel.cohorts
        change = panel.outcome - panel.outcome.mean(axis=1, keepdims=True)
        found = np.empty((len(panel.start), self.level.shape[1]))
        for place, (slope, level) in enumerate(zip(self.slope, self.level, strict=True)):
            own = cohorts.of == place
            found[own] = (change[own] - cohorts.mean[place]) @ slope + level
        found *= panel.sizes[:, None]
        return found if self.own is None else found + self.own

    def combined(self, weights: FloatArray) -> Influence:
        """Return what each unit contributes to weighted sums of the figures [figure, sum]."""
        return Influence(
            panel=self.panel,
            slope=self.slope @ weights,
            level=self.level @ weights,
            own=None if self.own is None else self.own @ weights,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupTime:
    """Effects by start and period.

    Attributes:
        panel: What they are of.
        group: Start of each effect.
        period: Period of each effect.
        effect: The effects.
        places: Of each effect the cohort, the period and the period compared with, by position.
        held: Which cohorts each effect is compared with [effect, cohort].
        anticipation: Periods before the start in which an effect may show.
        contributed: What each unit contributes to each effect [unit, effect], where covariates
            were weighed; None where means of cohorts tell it.
    """

    panel: Panel
    group: FloatArray
    period: FloatArray
    effect: FloatArray
    places: npt.NDArray[np.int64]
    held: npt.NDArray[np.bool_]
    anticipation: int = 0
    contributed: FloatArray | None = None

    @cached_property
    def influence(self) -> Influence:
        """Return what each unit contributes to each effect."""
        cohorts = self.panel.cohorts
        if self.contributed is not None:
            empty = np.zeros((*cohorts.mean.shape, len(self.effect)))
            return Influence(panel=self.panel, slope=empty, level=empty[:, 0], own=self.contributed)
        cohort, at, since = self.places
        units, count = len(self.panel.start), len(self.effect)
        every = np.arange(count)
        against = units * self.held / _at_least_tiny(self.held @ cohorts.size)[:, None]
        change = cohorts.mean[:, at] - cohorts.mean[:, since]
        other = change[cohort, every] - self.effect
        slope = np.zeros((*cohorts.mean.shape, count))
        for period, sign in ((at, 1.0), (since, -1.0)):
            slope[:, period, every] -= sign * against.T
            slope[cohort, period, every] += sign * units / cohorts.size[cohort]
        return Influence(panel=self.panel, slope=slope, level=-against.T * (change - other))

    def table(self) -> pd.DataFrame:
        """Return ``group``, ``period``, ``effect``, ``se``."""
        return pd.DataFrame(
            {
                "group": self.group,
                "period": self.period,
                "effect": self.effect,
                "se": self.influence.errors(),
            }
        )

    def pre_test(self) -> tuple[float, float]:
        """Return Wald's statistic of no effect before any start, and its p-value (NaN if none)."""
        before = self.period < self.group
        used = before & (self.influence.errors() > 1e-12)
        if not used.any():
            return float("nan"), float("nan")
        contributed = self.influence.combined(np.eye(len(used))[:, used]).by_unit()
        units = len(contributed)
        covariance = contributed.T @ contributed / units
        if np.linalg.matrix_rank(covariance) < int(used.sum()):
            return float("nan"), float("nan")
        wald = float(units * self.effect[used] @ np.linalg.solve(covariance, self.effect[used]))
        return wald, float(stats.chi2.sf(wald, int(used.sum())))


def group_time_effects(
    panel: Panel,
    *,
    controls: Controls = "never",
    base: Literal["varying", "universal"] = "varying",
    anticipation: int = 0,
) -> GroupTime:
    """Return the effect on each group of starters in each period.

    Args:
        panel: Units in every period.
        controls: Compare with units that ``never`` start, or also with those that have
            ``not_yet`` started by the later of the two periods.
        base: Before the start, compare with the period before (``varying``), or with the last one
            before the start as after it (``universal``).
        anticipation: Periods before the start in which an effect may show already.

    Raises:
        DataError: Nobody starts, or there is nobody to compare with.
    """
    check_one_of(controls, "controls", ("never", "not_yet"))
    check_one_of(base, "base", ("varying", "universal"))
    check_at_least(anticipation, "anticipation", 0)
    if not len(panel.groups):
        raise DataError("start", "nowhere after the first period", "within the periods")
    never = np.isnan(panel.start)
    if controls == "never" and not never.any():
        raise DataError(
            "controls",
            "never",
            "units that never start",
            action="compare with those that have not started yet: controls='not_yet'",
        )
    places = _places(panel, base, anticipation)
    cohorts = panel.cohorts
    cohort, at, since = places
    later = panel.periods[np.maximum(at, since)] + anticipation
    held = np.broadcast_to(np.isnan(cohorts.start), (len(at), len(cohorts.start))).copy()
    if controls == "not_yet":
        held |= cohorts.start[None, :] > later[:, None]
        held[np.arange(len(at)), cohort] = False
    told = held.any(axis=1) | (at == since)
    if not told.any():
        raise DataError("controls", "none in any period", "units that have not started yet")
    (cohort, at, since), held = places[:, told], held[told]
    change = cohorts.mean[:, at] - cohorts.mean[:, since]
    own = change[cohort, np.arange(len(at))]
    size = held @ cohorts.size
    other = np.einsum("ka,a,ak->k", held, cohorts.size, change) / _at_least_tiny(size)
    return GroupTime(
        panel=panel,
        group=cohorts.start[cohort],
        period=panel.periods[at],
        effect=own - other,
        places=places[:, told],
        held=held,
        anticipation=anticipation,
    )


def _places(panel: Panel, base: str, anticipation: int) -> npt.NDArray[np.int64]:
    """Return cohort, period and period compared with, by position, of each effect to be told."""
    found = []
    for group in panel.groups:
        last = int(np.searchsorted(panel.periods, group - anticipation)) - 1
        if last < 0:
            continue
        at = np.arange(0 if base == "universal" else 1, len(panel.periods))
        early = panel.periods[at] < group - anticipation
        since = np.where(early & (base == "varying"), at - 1, last)
        cohort = np.full(len(at), np.searchsorted(panel.cohorts.start, group))
        found.append(np.stack([cohort, at, since]))
    return np.hstack(found) if found else np.zeros((3, 0), dtype=np.int64)


def _at_least_tiny(size: FloatArray) -> FloatArray:
    """Return sizes to divide by, where nobody's size is of nothing."""
    return np.maximum(size, 1e-300)
