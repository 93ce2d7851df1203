"""A scorecard: every outcome in every segment, with corrections for how many are looked at.

Arms' sizes are checked first. Outcomes over all customers are few and decide, so they take Holm's
correction, which keeps the chance of any false finding; outcomes in segments are many and point to
where to look next, so they take Benjamini and Hochberg's, which keeps the share of false findings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations_with_replacement
from typing import ClassVar

import pandas as pd

from cvm.campaigns import words
from cvm.campaigns.check import Check, Checks
from cvm.campaigns.checks import sample_ratio
from cvm.campaigns.effect import Effect, Estimate, Outcome
from cvm.campaigns.funnel import ARMS
from cvm.campaigns.moments import Moments
from cvm.campaigns.multiple import adjust
from cvm.campaigns.randomised import Covariate, compare
from cvm.core.checks import ArgumentError, DataError, check_columns
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share
from cvm.core.naming import NameOf, names_of
from cvm.core.result import Result

_MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Metric:
    """An outcome and what was known before that sharpens it (CUPED).

    Attributes:
        outcome: What is compared.
        covariates: Columns from before the campaign, or numerator and denominator of a ratio.
    """

    outcome: Outcome
    covariates: tuple[Covariate, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that are read together."""
        names = [self.outcome.name, self.outcome.per]
        for one in self.covariates:
            names += [one] if isinstance(one, str) else list(one)
        return tuple(dict.fromkeys(name for name in names if name))


@dataclass(frozen=True, kw_only=True)
class Scorecard(Result):
    """Every outcome over all customers and in every segment.

    Attributes:
        by: What segments are: ``county``, ``vip_tier`` or any column.
        overall: Outcomes over all customers, with the check of the arms' sizes.
        segments: Outcomes in segments.
        sizes: ``group``, ``control_count``, ``treated_count`` (of the assigned, whether or not
            their figures are complete), ``p_value`` of the planned ratio, and ``incomplete``
            (customers left out, as a figure is missing or not finite).
    """

    view: ClassVar[str] = "cvm.views.campaigns_scorecard:plot_scorecard"
    by: str
    overall: Effect
    segments: Effect
    sizes: pd.DataFrame

    @property
    def checks(self) -> Checks:
        """Return the check of the arms' sizes."""
        assert self.overall.checks is not None
        return self.overall.checks

    def summary(self) -> pd.DataFrame:
        """Return one row an outcome and segment, all customers first."""
        return pd.concat([self.overall.summary(), self.segments.summary()], ignore_index=True)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the estimates and the arms' sizes."""
        return {"summary": self.summary(), "sizes": self.sizes}

    def named(self, of: NameOf) -> Scorecard:
        """Return the scorecard with the counties' names."""
        if self.by != "county":
            return self
        called = names_of("county", (one.group for one in self.segments.estimates), of)
        told = [replace(one, group=called[one.group]) for one in self.segments.estimates]
        return replace(self, segments=replace(self.segments, estimates=tuple(told)))

    def text(self, lang: str = "en") -> str:
        """Return a failed check, what differs over all customers, then in how many segments."""
        parts = []
        if self.checks.failed:
            names = words.check_name(self.checks.failed[0].name, lang)
            parts.append(say("campaigns.effect.failed_checks", lang, checks=names))
        lost = int(self.sizes["incomplete"].iloc[0])
        if lost:
            parts.append(_say("incomplete", lang, count=format_number(lost, lang)))
        parts.append(_sentence("overall", self.overall, lang))
        level = format_share(1 - self.segments.headline.confidence, decimals=0)
        by = words.known_or_plain(f"campaigns_scorecard.by.{self.by}", self.by, lang)
        parts.append(_sentence("segments", self.segments, lang, by=by, level=level))
        silent = sum(not one.can_tell for one in self.segments.estimates)
        if silent:
            parts.append(_say("silent", lang, count=format_number(silent, lang)))
        return words.joined(parts, lang)


def score(
    cells: pd.DataFrame,
    metrics: Sequence[Metric],
    *,
    by: str = "county",
    treated_share: float | None = None,
    across_outcomes: str = "holm",
    across_segments: str = "benjamini_hochberg",
    confidence: float = 0.95,
    campaign: str = "",
) -> Scorecard:
    """Compare arms in every outcome, over all customers and in every segment.

    Args:
        cells: ``arm``, the segment, ``customers``, ``sum_…`` and ``product_…__…`` (and ``near_…``,
            ``complete``): of ``cvm.data.reduce_campaigns_scorecard``, or one campaign's
            :attr:`cvm.campaigns.cells.Tables.cells`.
        metrics: What is compared.
        by: Column of the segment.
        treated_share: Share that was to be treated; without it, only whether segments share one
            ratio of arms is checked.
        across_outcomes: Correction over outcomes of all customers, of
            :data:`cvm.campaigns.multiple.CORRECTIONS`.
        across_segments: Correction over outcomes in segments.
        confidence: Of the intervals; what is left of 1 is the level of both corrections.
        campaign: Name for the result.

    Raises:
        ArgumentError: No metric is given, or one twice.
        DataError: There are no cells, an arm has another name, or a sum is missing.
        MissingDataError: The cells lack a column.

    Sources:
        See :func:`cvm.campaigns.randomised.compare` and :mod:`cvm.campaigns.multiple`.
    """
    keys = [(one.outcome.name, one.outcome.per) for one in metrics]
    if not metrics or len(set(keys)) < len(keys):
        raise ArgumentError("metrics", keys, "at least one, each once")
    check_columns(cells.columns, ["arm", by, "customers"], "cells")
    if not len(cells) or not set(cells["arm"]) <= set(ARMS):
        raise DataError("cells.arm", sorted(set(cells["arm"])), " or ".join(ARMS))
    sizes = _sizes(cells, by, treated_share)
    followed = cells[cells["complete"]] if "complete" in cells else cells
    near = {
        name.removeprefix("near_"): float(cells[name].iloc[0])
        for name in map(str, cells.columns)
        if name.startswith("near_")
    }

    def compared(part: pd.DataFrame, group: str) -> list[Estimate]:
        return [_compare(part, one, near, group, confidence) for one in metrics]

    named = followed[by].astype("str")
    parts = [compared(followed[named == group], group) for group in sizes["group"].iloc[1:]]
    overall = Effect(
        campaign=campaign,
        estimates=tuple(compared(followed, "all")),
        checks=Checks(items=(_ratio(sizes, treated_share),)),
    )
    segments = Effect(campaign=campaign, estimates=tuple(chain.from_iterable(parts)))
    return Scorecard(
        by=by,
        overall=adjust(overall, across_outcomes),
        segments=adjust(segments, across_segments),
        sizes=sizes,
    )


def _compare(
    cells: pd.DataFrame, metric: Metric, near: Mapping[str, float], group: str, confidence: float
) -> Estimate:
    """Compare the arms of some cells."""
    control, treated = (
        _moments(cells[cells["arm"] == arm], metric.columns, near) for arm in ("control", "treated")
    )
    return compare(
        control,
        treated,
        metric.outcome,
        covariates=metric.covariates,
        adjustment="cuped" if metric.covariates else "none",
        group=group,
        confidence=confidence,
    )


def _moments(
    cells: pd.DataFrame, names: Sequence[str], near: Mapping[str, float]
) -> Moments | None:
    """Return the moments of all customers of some cells; None if there are none."""
    count = int(cells["customers"].sum())
    if not count:
        return None
    check_columns(cells.columns, [f"sum_{name}" for name in names], "cells")
    products = {}
    for pair in combinations_with_replacement(names, 2):
        either = [f"product_{pair[0]}__{pair[1]}", f"product_{pair[1]}__{pair[0]}"]
        column = next((name for name in either if name in cells), either[0])
        check_columns(cells.columns, [column], "cells")
        products[pair] = float(cells[column].to_numpy(float).sum())
    sums = {name: float(cells[f"sum_{name}"].to_numpy(float).sum()) for name in names}
    return Moments.from_sums(count, sums, products, shifts=near)


def _sizes(cells: pd.DataFrame, by: str, treated_share: float | None) -> pd.DataFrame:
    """Return the arms' sizes over all customers and in each segment, against the planned share."""
    frame = cells.assign(group=cells[by].astype("str"), incomplete=0)
    if "complete" in cells:
        frame["incomplete"] = cells["customers"].where(~cells["complete"].astype(bool), 0)
    for arm in ARMS:
        frame[f"{arm}_count"] = cells["customers"].where(cells["arm"] == arm, 0)
    counts = [f"{arm}_count" for arm in ARMS]
    each = frame.groupby("group")[[*counts, "incomplete"]].sum()
    rows = pd.concat([each.sum().to_frame("all").T, each]).astype("int64")
    share = treated_share or float(rows["treated_count"].iloc[0] / rows[counts].iloc[0].sum())
    rows["p_value"] = [
        sample_ratio([treated], [control], treated_share=share).value if 0 < share < 1 else math.nan
        for treated, control in rows[counts].itertuples(index=False)
    ]
    if treated_share is None:
        rows.loc["all", "p_value"] = math.nan
    return rows.rename_axis("group").reset_index()


def _ratio(sizes: pd.DataFrame, treated_share: float | None) -> Check:
    """Return the check of the planned ratio, or, without one, that segments share one ratio."""
    treated, control = (sizes[f"{arm}_count"] for arm in ARMS)
    if treated_share is not None:
        check = sample_ratio([treated[0]], [control[0]], treated_share=treated_share)
        return replace(check, table=sizes)
    found = float(treated[0] / (treated[0] + control[0]))
    if not 0 < found < 1:
        return Check(name="sample_ratio_segments", status="unknown", value=math.nan, limit=math.nan)
    check = sample_ratio(treated[1:].tolist(), control[1:].tolist(), treated_share=found)
    return replace(check, name="sample_ratio_segments", table=sizes)


def _sentence(scope: str, effect: Effect, lang: str, **values: str) -> str:
    """Return how many comparisons of one correction differ, and which."""
    told = [one for one in effect.estimates if one.can_tell]
    found = sorted((one for one in told if one.detected), key=lambda one: one.p_value)
    values |= {
        "tests": format_number(len(told), lang),
        "method": say(f"campaigns.correction.{effect.correction}", lang),
    }
    if not told:
        return _say(f"{scope}_untold", lang, **values)
    if not found:
        return _say(f"{scope}_none", lang, **values)
    named = [_named(one, lang) for one in found[:_MOST_NAMED]]
    names = say("campaigns.list", lang).join(named)
    if len(found) > _MOST_NAMED:
        names = _say("more", lang, names=names)
    return _say(scope, lang, found=format_number(len(found), lang), names=names, **values)


def _named(one: Estimate, lang: str) -> str:
    """Return an outcome, its segment and its effect, e.g. ``churn (gold) −1.20 points``."""
    name = words.outcome_name(one.outcome.name, lang)
    if one.outcome.per:
        per = words.outcome_name(one.outcome.per, lang)
        name = _say("per", lang, outcome=name, per=per)
    if one.group != "all":
        group = words.known_or_plain(f"campaigns.group.{one.group}", one.group, lang)
        name = say("campaigns.effect.in_group", lang, outcome=name, group=group)
    value = words.difference(one.effect, one.outcome.kind, lang)
    return _say("named", lang, name=name, value=value)


def _say(key: str, lang: str, **values: str) -> str:
    return say(f"campaigns_scorecard.{key}", lang, **values)
