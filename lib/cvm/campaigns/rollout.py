"""Staggered starts: group-time effects of Callaway and Sant'Anna, aggregated, with their errors.

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

from cvm.core.checks import ArgumentError, DataError, check_at_least, check_one_of

FloatArray = npt.NDArray[np.float64]
Controls = Literal["never", "not_yet"]
KINDS = ("simple", "group", "dynamic", "calendar")


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Units observed in every period.

    Attributes:
        outcome: Outcome [unit, period].
        periods: The periods, rising; month indexes or years.
        start: Period in which each unit starts; NaN for one that never does.
        weight: Size of each unit; all alike by default.
        unit: Names of the units.
    """

    outcome: FloatArray
    periods: FloatArray
    start: FloatArray
    weight: FloatArray | None = None
    unit: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        units, periods = self.outcome.shape
        if len(self.periods) != periods or (np.diff(self.periods) <= 0).any():
            raise ArgumentError("periods", self.periods, f"{periods} rising periods")
        if len(self.start) != units:
            raise ArgumentError("start", len(self.start), f"one a unit ({units})")
        if not np.isfinite(self.outcome).all():
            raise DataError(
                "outcome",
                "missing or not finite in some periods",
                "known for every unit and period",
                action="leave out units or periods that are not whole",
            )
        if self.weight is not None and (
            len(self.weight) != units or not (np.asarray(self.weight) > 0).all()
        ):
            raise ArgumentError("weight", "not above 0 for every unit", f"{units} sizes above 0")

    @property
    def sizes(self) -> FloatArray:
        """Return the units' sizes, with a mean of one."""
        given = np.ones(len(self.start)) if self.weight is None else np.asarray(self.weight, float)
        return given / given.mean()

    @cached_property
    def groups(self) -> FloatArray:
        """Return the starts after the first period; who had started before it tells nothing."""
        known = self.start[np.isfinite(self.start)]
        return np.unique(known[known > self.periods[0]])


def read_panel(
    frame: pd.DataFrame, *, unit: str, period: str, outcome: str, start: str, weight: str = ""
) -> Panel:
    """Return a panel from one row a unit and period.

    Units that had started before the first period are left out, as nothing is known of them without
    the offer; a start that is missing or 0 means never.

    Args:
        frame: The rows.
        unit: Column of units.
        period: Column of periods (numbers).
        outcome: Column of the outcome.
        start: Column of the period in which the unit starts.
        weight: Column of sizes; the mean over periods counts.

    Raises:
        DataError: A unit lacks a period, or starts twice.
    """
    wide = frame.pivot_table(index=unit, columns=period, values=outcome, aggfunc="first")
    if wide.isna().any(axis=None) or len(frame) != wide.size:
        short = wide.index[wide.isna().any(axis=1)].tolist()[:5]
        raise DataError(
            "units",
            short or "with a period twice",
            "with one row in every period",
            action="leave out units or periods that are not whole",
        )
    starts = frame.assign(**{start: frame[start].fillna(0)}).groupby(unit)[start]
    if (starts.min() != starts.max()).any():
        raise DataError(start, "differing within a unit", "one start a unit")
    begun = starts.first().reindex(wide.index).to_numpy(float)
    begun = np.where(begun > 0, begun, np.nan)
    periods = wide.columns.to_numpy(float)
    kept = ~(begun <= periods[0])
    sizes = None
    if weight:
        sizes = frame.groupby(unit)[weight].mean().reindex(wide.index).to_numpy(float)[kept]
    return Panel(
        outcome=wide.to_numpy(float)[kept],
        periods=periods,
        start=begun[kept],
        weight=sizes,
        unit=tuple(map(str, wide.index[kept])),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupTime:
    """Effects by start and period.

    Attributes:
        panel: What they are of.
        group: Start of each effect.
        period: Period of each effect.
        effect: The effects.
        influence: What each unit contributes [unit, effect]; errors follow from it.
        anticipation: Periods before the start in which an effect may show.
    """

    panel: Panel
    group: FloatArray
    period: FloatArray
    effect: FloatArray
    influence: FloatArray
    anticipation: int = 0

    def table(self) -> pd.DataFrame:
        """Return ``group``, ``period``, ``effect``, ``se``."""
        return pd.DataFrame(
            {
                "group": self.group,
                "period": self.period,
                "effect": self.effect,
                "se": errors(self.influence),
            }
        )

    def pre_test(self) -> tuple[float, float]:
        """Return Wald's statistic of no effect before any start, and its p-value (NaN if none)."""
        before = self.period < self.group
        spread = errors(self.influence)
        used = before & (spread > 1e-12)
        if not used.any():
            return float("nan"), float("nan")
        units = len(self.influence)
        covariance = self.influence[:, used].T @ self.influence[:, used] / units
        if np.linalg.matrix_rank(covariance) < int(used.sum()):
            return float("nan"), float("nan")
        wald = float(units * self.effect[used] @ np.linalg.solve(covariance, self.effect[used]))
        return wald, float(stats.chi2.sf(wald, int(used.sum())))


def errors(influence: FloatArray) -> FloatArray:
    """Return standard errors from what each unit contributes [unit, …]."""
    return np.asarray(np.sqrt((influence**2).sum(axis=0)) / len(influence))


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
    weight, units = panel.sizes, len(panel.start)
    found: list[tuple[float, float, float, FloatArray]] = []
    for group in panel.groups:
        last = int(np.searchsorted(panel.periods, group - anticipation)) - 1
        if last < 0:
            continue
        treated = panel.start == group
        for at in range(0 if base == "universal" else 1, len(panel.periods)):
            period = panel.periods[at]
            early = period < group - anticipation
            ref = at - 1 if early and base == "varying" else last
            if base == "universal" and at == last:
                found.append((group, period, 0.0, np.zeros(units)))
                continue
            later = max(period, panel.periods[ref]) + anticipation
            held = never | ((panel.start > later) & ~treated if controls == "not_yet" else False)
            if not held.any():
                continue
            change = panel.outcome[:, at] - panel.outcome[:, ref]
            mine, theirs = weight * treated, weight * held
            own, other = (float(w @ change / w.sum()) for w in (mine, theirs))
            influence = units * (
                mine * (change - own) / mine.sum() - theirs * (change - other) / theirs.sum()
            )
            found.append((group, period, own - other, influence))
    if not found:
        raise DataError("controls", "none in any period", "units that have not started yet")
    groups, periods, effects, influences = zip(*found, strict=True)
    return GroupTime(
        panel=panel,
        group=np.array(groups),
        period=np.array(periods),
        effect=np.array(effects),
        influence=np.column_stack(influences),
        anticipation=anticipation,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Aggregate:
    """Effects averaged in one way.

    Attributes:
        kind: Of :data:`KINDS`.
        at: What each part is: a start, periods since the start, a period; empty for ``simple``.
        effect: Effect of each part.
        influence: What each unit contributes to each part [unit, part].
        overall: The average over parts (over those since the start for ``dynamic``).
        overall_influence: What each unit contributes to it.
    """

    kind: str
    at: FloatArray
    effect: FloatArray
    influence: FloatArray
    overall: float
    overall_influence: FloatArray

    @property
    def overall_se(self) -> float:
        """Return the standard error of the average."""
        return float(errors(self.overall_influence))

    def table(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Return ``at``, ``effect``, ``se``, ``low``, ``high`` (each by itself)."""
        se = errors(self.influence)
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
        se = errors(self.influence)
        used = se > 1e-12
        root = np.sqrt(5.0)
        low, share = (1 - root) / 2, (1 + root) / (2 * root)
        flips = np.where(rng.random((draws, len(self.influence))) < share, low, (1 + root) / 2)
        drawn = flips @ self.influence[:, used] / len(self.influence)
        most = np.abs(drawn / se[used]).max(axis=1)
        reach = float(np.quantile(most, confidence)) * se
        return self.effect - reach, self.effect + reach


def aggregate(
    effects: GroupTime, kind: str = "simple", *, within_periods: int | None = None
) -> Aggregate:
    """Average group-time effects, larger groups counting more.

    Args:
        effects: The effects.
        within_periods: Only so many periods from each start on; all by default.
        kind: ``simple`` (all after a start), ``group`` (by start), ``dynamic`` (by periods since
            the start) or ``calendar`` (by period).
    """
    check_one_of(kind, "kind", KINDS)
    weight, start = effects.panel.sizes, effects.panel.start
    member = weight[:, None] * (start[:, None] == effects.group[None, :])
    share = member.mean(axis=0)
    after = effects.period >= effects.group
    if within_periods is not None:
        check_at_least(within_periods, "within_periods", 1)
        after &= effects.period < effects.group + within_periods

    def average(which: npt.NDArray[np.bool_]) -> tuple[float, FloatArray]:
        """Return the average of some effects, and what each unit contributes to it."""
        parts = share[which] / share[which].sum()
        off = member[:, which] - share[which]
        total = share[which].sum()
        shift = off / total - off.sum(axis=1, keepdims=True) * share[which] / total**2
        contributed = effects.influence[:, which] @ parts + shift @ effects.effect[which]
        return float(effects.effect[which] @ parts), np.asarray(contributed)

    if kind == "simple":
        value, influence = average(after)
        return Aggregate(
            kind=kind,
            at=np.array([np.nan]),
            effect=np.array([value]),
            influence=influence[:, None],
            overall=value,
            overall_influence=influence,
        )
    since = effects.period - effects.group
    keys = {"group": effects.group, "dynamic": since, "calendar": effects.period}[kind]
    within = np.ones_like(after) if kind == "dynamic" else after
    places = np.unique(keys[within])
    found = [average(within & (keys == place)) for place in places]
    values = np.array([one for one, _ in found])
    influences = np.column_stack([two for _, two in found])
    counted = places >= 0 if kind == "dynamic" else np.ones(len(places), bool)
    if kind == "group":
        # Groups count by their size, which is itself estimated.
        first = [int(np.flatnonzero(effects.group == place)[0]) for place in places]
        size, off = share[first], member[:, first] - share[first]
        total = size.sum()
        shift = off / total - off.sum(axis=1, keepdims=True) * size / total**2
        overall = float(values @ size / total)
        overall_influence = influences @ (size / total) + shift @ values
    else:
        overall = float(values[counted].mean())
        overall_influence = influences[:, counted].mean(axis=1)
    return Aggregate(
        kind=kind,
        at=places,
        effect=values,
        influence=influences,
        overall=overall,
        overall_influence=np.asarray(overall_influence),
    )
