"""The one result type of all campaign designs: estimates in rows, and the sentence they allow."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from cvm.campaigns import words
from cvm.core.checks import ArgumentError, check_between, check_one_of
from cvm.core.i18n import say
from cvm.core.result import Result

if TYPE_CHECKING:
    from cvm.campaigns.check import Checks

KINDS = ("share", "yuan", "months", "number")
SOUGHT_POWER = 0.8


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What is compared between arms.

    Attributes:
        name: Column of the moments; for a ratio metric its numerator.
        kind: ``share`` (0–1), ``yuan``, ``months`` or ``number``: how values are written.
        better: Which direction is good for the operator, ``lower`` or ``higher``.
        per: Denominator of a ratio metric (total ÷ total, not the mean of ratios).
        guardrail: Watched so that it does not get worse, rather than meant to improve.
    """

    name: str
    kind: str = "number"
    better: str = "higher"
    per: str | None = None
    guardrail: bool = False

    def __post_init__(self) -> None:
        check_one_of(self.kind, "kind", KINDS)
        check_one_of(self.better, "better", ("lower", "higher"))


CHURN = Outcome(name="churned", kind="share", better="lower")
REVENUE = Outcome(name="revenue_yuan", kind="yuan")
MONTHS_KEPT = Outcome(name="months", kind="months")
COMPLAINTS = Outcome(name="complaints", better="lower", guardrail=True)
ARREARS = Outcome(name="arrears_stops", better="lower", guardrail=True)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One row: an effect on one outcome in one group of customers.

    Attributes:
        outcome: What was compared.
        group: Customers it speaks of: ``all``, a tier, a county, a month.
        estimand: ``as_assigned`` (ITT), ``reached`` (CACE) or ``treated`` (ATT).
        method: How it was estimated, for instance ``difference``, ``cuped``, ``lin``.
        treated_count: Customers treated (or the clusters' customers).
        control_count: Customers in control.
        treated_mean: Level with the offer, in the outcome's unit.
        control_mean: Level without it.
        effect: Difference of the two.
        se: Standard error of the effect.
        low: Lower end of the interval.
        high: Upper end.
        p_value: Chance of so large an effect if there were none, by the test the interval inverts.
        confidence: Of the interval (share).
        relative: Effect ÷ control level (share), with its Fieller interval.
        relative_low: Lower end of the relative interval.
        relative_high: Upper end.
        p_adjusted: p-value after a correction for many tests; NaN if none was made.
        reason: Why nothing can be told (a key of the catalogue); empty if it can.
    """

    outcome: Outcome
    group: str = "all"
    estimand: str = "as_assigned"
    method: str = "difference"
    treated_count: int = 0
    control_count: int = 0
    treated_mean: float = math.nan
    control_mean: float = math.nan
    effect: float = math.nan
    se: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan
    confidence: float = 0.95
    relative: float = math.nan
    relative_low: float = math.nan
    relative_high: float = math.nan
    p_adjusted: float = math.nan
    reason: str = ""

    def __post_init__(self) -> None:
        check_between(
            self.confidence, "confidence", low=0, high=1, include_low=False, include_high=False
        )

    @property
    def can_tell(self) -> bool:
        """Return whether there is an estimate with an interval."""
        return not self.reason and math.isfinite(self.effect) and math.isfinite(self.p_value)

    @property
    def detected(self) -> bool:
        """Return whether the effect differs from none at the interval's level."""
        decisive = self.p_value if math.isnan(self.p_adjusted) else self.p_adjusted
        return self.can_tell and decisive < 1 - self.confidence

    @property
    def good(self) -> bool:
        """Return whether the effect points in the operator's direction."""
        return self.effect < 0 if self.outcome.better == "lower" else self.effect > 0

    @property
    def detectable(self) -> float:
        """Return the size of effect that would have been seen with 80 % probability."""
        normal = words.NORMAL
        return (normal.inv_cdf(0.5 + self.confidence / 2) + normal.inv_cdf(SOUGHT_POWER)) * self.se

    def text(self, lang: str = "en") -> str:
        """Return one sentence that claims no more than the row."""
        return words.estimate_sentence(self, lang)


def cannot_tell(outcome: Outcome, reason: str, **known: Any) -> Estimate:
    """Return an estimate that honestly says nothing, and why.

    Args:
        outcome: What was to be compared.
        reason: A key under ``campaigns.reason``.
        known: Attributes of :class:`Estimate` that are known all the same.
    """
    return Estimate(outcome=outcome, reason=reason, **known)


@dataclass(frozen=True, kw_only=True)
class Effect(Result):
    """What a campaign did, whatever its design.

    Attributes:
        campaign: Identifier or name of the campaign.
        design: ``holdout``, ``targeted`` or ``staggered``.
        estimates: One row an outcome, estimand, method and group; the first is the headline.
        checks: The checks made before; failed ones stand above the result.
        correction: How p-values were adjusted; empty if they were not.
    """

    view: ClassVar[str] = "cvm.views.campaigns:plot_forest"

    campaign: str = ""
    design: str = "holdout"
    estimates: tuple[Estimate, ...]
    checks: Checks | None = None
    correction: str = ""

    def __post_init__(self) -> None:
        if not self.estimates:
            raise ArgumentError("estimates", "empty", "at least one estimate")

    @property
    def headline(self) -> Estimate:
        """Return the estimate the sentence speaks of."""
        return self.estimates[0]

    @property
    def naive_readings(self) -> tuple[Estimate, ...]:
        """Return what a naive reading would claim, where the design knows one."""
        return ()

    def summary(self) -> pd.DataFrame:
        """Return one row an estimate: who, how, levels, effect, interval, p-values, reason."""
        kept = [item.name for item in fields(Estimate) if item.name != "outcome"]
        rows = []
        for one in self.estimates:
            row: dict[str, object] = {
                "outcome": one.outcome.name,
                "per": one.outcome.per,
                "kind": one.outcome.kind,
                "guardrail": one.outcome.guardrail,
            }
            row |= {name: getattr(one, name) for name in kept}
            rows.append(row | {"detectable": one.detectable, "detected": one.detected})
        return pd.DataFrame(rows)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the estimates, and every frame of the checks."""
        found = {"summary": self.summary()}
        if self.checks is not None:
            found |= {f"checks_{name}": frame for name, frame in self.checks.frames().items()}
        return found

    def text(self, lang: str = "en") -> str:
        """Return failed checks first, then what the headline estimate allows to say."""
        first = self.headline.text(lang)
        worse = [
            one.text(lang)
            for one in self.estimates[1:]
            if one.outcome.guardrail and one.detected and not one.good
        ]
        parts = [first, *worse]
        if self.checks is not None and self.checks.failed:
            names = say("campaigns.list", lang).join(
                words.check_name(item.name, lang) for item in self.checks.failed
            )
            parts.insert(0, say("campaigns.effect.failed_checks", lang, checks=names))
        if self.correction:
            method = say(f"campaigns.correction.{self.correction}", lang)
            parts.append(say("campaigns.effect.corrected", lang, method=method))
        return words.joined(parts, lang)

    def with_estimates(self, estimates: Iterable[Estimate]) -> Effect:
        """Return the same result with other estimates."""
        return replace(self, estimates=tuple(estimates))

    def row(self, **wanted: str) -> Estimate:
        """Return the one estimate with the wanted values.

        Args:
            wanted: For instance ``outcome="churned", estimand="reached"``.

        Raises:
            ArgumentError: None fits; the message lists what there is.
        """
        for one in self.estimates:
            have = {name: getattr(one, name) for name in ("group", "estimand", "method")}
            have["outcome"] = one.outcome.name
            if all(have.get(name) == value for name, value in wanted.items()):
                return one
        known = [f"{e.outcome.name}/{e.group}/{e.estimand}/{e.method}" for e in self.estimates]
        raise ArgumentError("wanted", wanted, "an estimate of the result", available=known)
