"""The result of a campaign without a control: the effect, the naive reading, the sensitivity."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd

from cvm.campaigns import words
from cvm.campaigns.before_after import BeforeAfter
from cvm.campaigns.compare_designs import DesignComparison
from cvm.campaigns.effect import MONTHS_KEPT, Effect, Estimate
from cvm.campaigns.matched_survival import MatchedRetention, matched_retention
from cvm.core.i18n import say
from cvm.core.result import Result

SOME_STRENGTH = 1.25
"""Odds or risk ratio of something unknown that a finding must withstand to count as good."""


@dataclass(frozen=True, kw_only=True)
class Sensitivity(Result):
    """How far the finding can be trusted when customers were not picked at random.

    Attributes:
        finding: The estimate it is about.
        bounds: Strength of an unknown trait (``gamma``) → largest ``p_value`` (one-sided).
        gamma: Strength from which it could explain the finding; 1 if there is nothing to explain.
        e_value: Strength of ties with contact and outcome that could explain the estimate.
        e_value_limit: The same for the end of its interval.
        variants: The same effect with overlap trimmed, and what should be zero: placebo month and
            placebo outcome.
    """

    view: ClassVar[str] = "cvm.views.campaigns_matched:plot_sensitivity"

    finding: Estimate
    bounds: pd.DataFrame = field(default_factory=pd.DataFrame)
    gamma: float = math.nan
    e_value: float = math.nan
    e_value_limit: float = math.nan
    variants: tuple[Estimate, ...] = ()

    def summary(self) -> pd.DataFrame:
        """Return one row a question: what was asked, what was found."""
        rows: list[dict[str, object]] = [
            {"question": "gamma", "value": self.gamma},
            {"question": "e_value", "value": self.e_value},
            {"question": "e_value_limit", "value": self.e_value_limit},
        ]
        for one in self.variants:
            rows.append(
                {
                    "question": one.method,
                    "outcome": one.outcome.name,
                    "value": one.effect,
                    "low": one.low,
                    "high": one.high,
                    "p_value": one.p_value,
                    "reason": one.reason,
                }
            )
        columns = ["question", "outcome", "value", "low", "high", "p_value", "reason"]
        return pd.DataFrame(rows).reindex(columns=columns)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary and the bounds."""
        return {"summary": self.summary(), "bounds": self.bounds}

    def text(self, lang: str = "en") -> str:
        """Return how strong something unknown must be to explain the finding."""
        key = "campaigns_matched.sensitivity"
        if not self.finding.can_tell:
            return say(f"{key}.cannot_tell", lang)
        if not self.finding.detected:
            return say(f"{key}.nothing", lang)
        values = {"gamma": f"{self.gamma:.2f}", "e_value": f"{self.e_value:.2f}"}
        if not self.gamma > 1:
            return say(f"{key}.by_pairs", lang, **values)
        return say(f"{key}.explained", lang, limit=f"{self.e_value_limit:.2f}", **values)


def evidence_of(effect: TargetedEffect, comparison: DesignComparison) -> str:
    """Return the quality of evidence of a campaign without a control.

    Args:
        effect: The result.
        comparison: Its methods side by side, on the headline's outcome.

    Returns:
        ``B`` if no check failed, the methods agree (or none detects anything), and a finding would
        need something unknown of some strength to be explained; ``C`` otherwise; ``D`` if nothing
        can be told.
    """
    if not effect.headline.can_tell:
        return "D"
    failed = effect.checks is not None and bool(effect.checks.failed)
    weak = False
    if effect.sensitivity is not None and effect.headline.detected:
        held = max(effect.sensitivity.gamma, effect.sensitivity.e_value_limit)
        weak = not held >= SOME_STRENGTH
    return "C" if failed or weak or comparison.verdict not in ("agree", "none") else "B"


@dataclass(frozen=True, kw_only=True)
class TargetedEffect(Effect):
    """What a campaign without a control did, beside what a naive reading would claim.

    Attributes:
        naive: The contacted against everybody else at risk.
        naive_before: Revenue of the contacted after the contact against their own before it.
        before_after: The reading before and after, taken apart.
        sensitivity: How far the finding can be trusted.
        scores: Shares of both arms by bin of the propensity's logit.
        curves: Share still in service by ``arm`` and ``month``, of the matched.
        log_rank_p: p-value of the log-rank test within matched sets; NaN if it cannot be made.
    """

    design: str = "targeted"
    naive: Estimate | None = None
    naive_before: Estimate | None = None
    before_after: BeforeAfter | None = None
    sensitivity: Sensitivity | None = None
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    log_rank_p: float = math.nan

    @property
    def retention(self) -> MatchedRetention | None:
        """Return how long the matched stay; None where months or curves are not known."""
        found = [
            one
            for one in self.estimates
            if (one.outcome.name, one.method) == (MONTHS_KEPT.name, "matched")
        ]
        return matched_retention(self.curves, found[0], self.log_rank_p) if found else None

    @property
    def naive_readings(self) -> tuple[Estimate, ...]:
        """Return what naive readings claim: against everybody else, and before and after."""
        return tuple(one for one in (self.naive, self.naive_before) if one is not None)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the estimates, the checks, the naive reading, sensitivity and overlap."""
        found = super().frames()
        if self.naive is not None:
            found["naive"] = Effect(estimates=(self.naive,)).summary()
        if self.before_after is not None:
            found["before_after"] = self.before_after.summary()
        if self.sensitivity is not None:
            found |= {f"sensitivity_{k}": v for k, v in self.sensitivity.frames().items()}
        return found | {"scores": self.scores, "curves": self.curves}

    def text(self, lang: str = "en") -> str:
        """Return the effect with its checks, then what a naive reading would have claimed."""
        parts = [super().text(lang)]
        if self.headline.can_tell and self.before_after is not None:
            parts.append(self.before_after.text(lang))
        return words.joined(parts, lang)
