"""Group-time effects of staggered starts averaged: over all, by start, since the start, by period.

Source: Callaway & Sant'Anna (2021), Journal of Econometrics 225; errors as in the R package `did`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import stats

from cvm.campaigns.rollout import GroupTime, Influence
from cvm.campaigns.rollout_panel import FloatArray
from cvm.core.checks import check_at_least, check_one_of

KINDS = ("simple", "group", "dynamic", "calendar")


@dataclass(frozen=True, kw_only=True, eq=False)
class Aggregate:
    """Effects averaged in one way.

    Attributes:
        kind: Of :data:`KINDS`.
        effects: What was averaged.
        at: What each part is: a start, periods since the start, a period; NaN for ``simple``.
        weights: By how much each effect enters each part [effect, part].
        effect: Effect of each part.
        overall: The average over parts (over those since the start for ``dynamic``).
        part_weights: By how much each part enters it.
    """

    kind: str
    effects: GroupTime
    at: FloatArray
    weights: FloatArray
    effect: FloatArray
    overall: float
    part_weights: FloatArray

    @cached_property
    def influence(self) -> Influence:
        """Return what each unit contributes to each part."""
        found = self.effects.influence.combined(self.weights)
        # Larger groups count more, and their sizes are themselves estimated.
        gaps = (self.weights > 0) * (self.effects.effect[:, None] - self.effect[None, :])
        share = _shares(self.effects)
        total = share @ (self.weights > 0)
        level = found.level + _by_cohort(self.effects, gaps) / total
        return replace(found, level=level)

    @cached_property
    def overall_influence(self) -> Influence:
        """Return what each unit contributes to the average."""
        found = self.influence.combined(self.part_weights[:, None])
        if self.kind != "group":
            return found
        cohorts = self.effects.panel.cohorts
        place = np.searchsorted(cohorts.start, self.at)
        level = found.level.copy()
        size = cohorts.size[place] / len(self.effects.panel.start)
        level[place, 0] += (self.effect - self.overall) / size.sum()
        return replace(found, level=level)

    @property
    def overall_se(self) -> float:
        """Return the standard error of the average."""
        return float(self.overall_influence.errors()[0])

    def table(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Return ``at``, ``effect``, ``se``, ``low``, ``high`` (each by itself)."""
        se = self.influence.errors()
        reach = stats.norm.ppf(0.5 + confidence / 2) * se
        return pd.DataFrame(
            {
                "at": self.at,
                "effect": self.effect,
                "se": se,
                "low": self.effect - reach,
                "high": self.effect + reach,
            }
        )

    def band(
        self, *, confidence: float = 0.95, draws: int = 999, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return a band that holds all parts at once (multiplier bootstrap, Mammen's weights)."""
        se = self.influence.errors()
        used = se > 1e-12
        contributed = self.influence.by_unit()[:, used]
        root = np.sqrt(5.0)
        low, share = (1 - root) / 2, (1 + root) / (2 * root)
        flips = np.where(rng.random((draws, len(contributed))) < share, low, (1 + root) / 2)
        drawn = flips @ contributed / len(contributed)
        most = np.abs(drawn / se[used]).max(axis=1)
        reach = float(np.quantile(most, confidence)) * se
        return self.effect - reach, self.effect + reach


def aggregate(
    effects: GroupTime, kind: str = "simple", *, within_periods: int | None = None
) -> Aggregate:
    """Average group-time effects, larger groups counting more.

    Args:
        effects: The effects.
        kind: ``simple`` (all after a start), ``group`` (by start), ``dynamic`` (by periods since
            the start) or ``calendar`` (by period).
        within_periods: Only so many periods from each start on; all by default.
    """
    check_one_of(kind, "kind", KINDS)
    after = effects.period >= effects.group
    if within_periods is not None:
        check_at_least(within_periods, "within_periods", 1)
        after &= effects.period < effects.group + within_periods
    since = effects.period - effects.group
    keys = {
        "simple": np.zeros(len(since)),
        "group": effects.group,
        "dynamic": since,
        "calendar": effects.period,
    }[kind]
    within = np.ones_like(after) if kind == "dynamic" else after
    at = np.unique(keys[within])
    share = _shares(effects)
    parts = share[:, None] * (within[:, None] & (keys[:, None] == at[None, :]))
    weights = parts / parts.sum(axis=0)
    effect = effects.effect @ weights
    counted = at >= 0 if kind == "dynamic" else np.ones(len(at), dtype=bool)
    part_weights = counted / counted.sum()
    if kind == "group":
        cohorts = effects.panel.cohorts
        size = cohorts.size[np.searchsorted(cohorts.start, at)]
        part_weights = size / size.sum()
    return Aggregate(
        kind=kind,
        effects=effects,
        at=np.array([np.nan]) if kind == "simple" else at,
        weights=weights,
        effect=effect,
        overall=float(effect @ part_weights),
        part_weights=part_weights,
    )


def _shares(effects: GroupTime) -> FloatArray:
    """Return the share of units, by size, that each effect is of."""
    cohorts = effects.panel.cohorts
    return cohorts.size[effects.places[0]] / len(effects.panel.start)


def _by_cohort(effects: GroupTime, values: FloatArray) -> FloatArray:
    """Return sums of values [effect, part] over the effects of each cohort [cohort, part]."""
    member = effects.places[0][None, :] == np.arange(len(effects.panel.cohorts.start))[:, None]
    return member.astype(float) @ values
