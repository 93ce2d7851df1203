"""The naive reading, and what of it would have come without the campaign.

A campaign that picks customers by a fallen bill sees the bill rise afterwards whatever it does.
What comparable customers show, whom nobody contacted, is this regression to the mean; only the rest
can be the campaign's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.campaigns import words
from cvm.campaigns.effect import Estimate, Outcome, cannot_tell
from cvm.campaigns.inference import LEAST_CUSTOMERS, Arm, score_shares, welch
from cvm.campaigns.matching import Matches
from cvm.campaigns.quantiles import t_p, t_reach
from cvm.core.checks import ArgumentError
from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.core.result import Result

PARTS = ("naive", "regression", "rest")


@dataclass(frozen=True, kw_only=True)
class BeforeAfter(Result):
    """Before and after, taken apart.

    Attributes:
        outcome: What is read before and after.
        before: Level of the contacted before.
        after: Level after.
        naive: Change of the contacted: what a before-after reading claims.
        regression: Change of comparable customers whom nobody contacted.
        rest: Naive minus regression: what may be the campaign's.
        errors: Standard errors of the three.
        sets: Matched sets in which both could be read.
        confidence: Of the intervals (share).
        reason: Why nothing can be told (a key of ``campaigns.reason``); empty if it can.
    """

    view: ClassVar[str] = "cvm.views.campaigns_matched:plot_before_after"

    outcome: Outcome
    before: float = math.nan
    after: float = math.nan
    naive: float = math.nan
    regression: float = math.nan
    rest: float = math.nan
    errors: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    sets: int = 0
    confidence: float = 0.95
    reason: str = ""

    @property
    def regression_share(self) -> float:
        """Return the part of the naive reading that comparable customers show too; NaN if none."""
        return self.regression / self.naive if self.naive else math.nan

    def summary(self) -> pd.DataFrame:
        """Return one row a part: its change and interval, in the outcome's unit."""
        reach = t_reach(self.confidence, max(self.sets - 1, 1))
        values = (self.naive, self.regression, self.rest)
        return pd.DataFrame(
            {
                "part": PARTS,
                "outcome": self.outcome.name,
                "change": values,
                "low": [v - reach * e for v, e in zip(values, self.errors, strict=True)],
                "high": [v + reach * e for v, e in zip(values, self.errors, strict=True)],
                "sets": self.sets,
                "reason": self.reason,
            }
        )

    def text(self, lang: str = "en") -> str:
        """Return what a before-after reading claims, and what is left of it."""
        name = words.outcome_name(self.outcome.name, lang)
        if self.reason:
            why = words.known_or_plain(f"campaigns.reason.{self.reason}", self.reason, lang)
            return say("campaigns_matched.before_after.cannot_tell", lang, outcome=name, reason=why)
        kind = self.outcome.kind
        shown = {part: words.difference(getattr(self, part), kind, lang) for part in PARTS}
        flatters = self.naive > 0 and self.regression > self.errors[1] * 2
        share = self.regression_share
        key = "flatters" if flatters and share <= 1 else "all" if flatters else "plain"
        return say(
            f"campaigns_matched.before_after.{key}",
            lang,
            outcome=name,
            share=format_share(share, decimals=0),
            **shown,
        )


def read_before_after(
    outcome: Outcome,
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    matches: Matches,
    *,
    confidence: float = 0.95,
) -> BeforeAfter:
    """Take a before-after reading apart into regression to the mean and the rest.

    Sets count in which the contacted and at least one control could be read before and after (a
    customer who left has no bill); naive = regression + rest holds exactly.

    Args:
        outcome: What is read.
        before: Level of each customer before the contact; NaN where there is none.
        after: Level after it; NaN where there is none.
        matches: Who is compared with whom.
        confidence: Of the intervals (share).

    Raises:
        ArgumentError: Lengths differ.

    Sources:
        Galton (1886); Barnett, van der Pols & Dobson (2005), Int. J. Epidemiology 34.
    """
    first, last = (np.asarray(one, dtype=np.float64) for one in (before, after))
    if first.shape != (matches.size,) or last.shape != (matches.size,):
        raise ArgumentError("before", first.shape, f"one level for each of {matches.size} rows")
    change = last - first
    known = np.isfinite(change)
    places = matches.controls
    there = (places >= 0) & known[places]
    usable = known[matches.treated] & there.any(axis=1)
    if usable.sum() < LEAST_CUSTOMERS:
        return BeforeAfter(outcome=outcome, confidence=confidence, reason="few_customers")
    own = matches.treated[usable]
    mine = change[own]
    taken, of = there[usable], places[usable]
    theirs = np.where(taken, change[of], 0.0).sum(axis=1) / taken.sum(axis=1)
    size = int(usable.sum())
    errors = [float(part.std(ddof=1)) / math.sqrt(size) for part in (mine, theirs, mine - theirs)]
    return BeforeAfter(
        outcome=outcome,
        before=float(first[own].mean()),
        after=float(last[own].mean()),
        naive=float(mine.mean()),
        regression=float(theirs.mean()),
        rest=float((mine - theirs).mean()),
        errors=(errors[0], errors[1], errors[2]),
        sets=size,
        confidence=confidence,
    )


def read_change(
    outcome: Outcome,
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    *,
    control_count: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """Take the change of the contacted for the campaign's effect, as reports do.

    Shown beside an estimate, never instead of one: whatever would have changed anyway is in it.

    Args:
        outcome: What is read.
        before: Level of each contacted before, in the outcome's unit; NaN where unknown.
        after: Level of each after.
        control_count: Customers the estimates beside it compare with.
        confidence: Of the interval (share).
    """
    first, last = (np.asarray(one, dtype=np.float64) for one in (before, after))
    known = np.isfinite(first) & np.isfinite(last)
    first, last = first[known], last[known]
    given: dict[str, Any] = {
        "method": "naive_before",
        "estimand": "treated",
        "confidence": confidence,
        "treated_count": len(first),
        "control_count": control_count,
    }
    if len(first) < LEAST_CUSTOMERS:
        return cannot_tell(outcome, "few_customers", **given)
    change = last - first
    effect, se = float(change.mean()), float(change.std(ddof=1)) / math.sqrt(len(change))
    if se == 0:
        return cannot_tell(outcome, "no_variation", **given)
    reach = t_reach(confidence, len(change) - 1) * se
    return Estimate(
        outcome=outcome,
        **given,
        treated_mean=float(last.mean()),
        control_mean=float(first.mean()),
        effect=effect,
        se=se,
        low=effect - reach,
        high=effect + reach,
        p_value=t_p(effect / se, len(change) - 1),
    )


def compare_naively(
    outcome: Outcome,
    values: npt.ArrayLike,
    treated: npt.ArrayLike,
    *,
    confidence: float = 0.95,
) -> Estimate:
    """Compare the contacted with everybody else at risk, as if they had been picked at random.

    Shown beside an estimate, never instead of one: it mixes the campaign with how it picked.
    """
    y, arm = np.asarray(values, dtype=np.float64), np.asarray(treated) == 1
    known: dict[str, Any] = {"method": "naive", "estimand": "treated", "confidence": confidence}
    one, other = y[arm], y[~arm]
    if outcome.kind == "share":
        found = score_shares(
            (float(other.sum()), len(other)), (float(one.sum()), len(one)), confidence
        )
        return Estimate(outcome=outcome, **(known | found))
    control, contacted = (
        Arm(
            mean=float(part.mean()),
            variance=float(part.var(ddof=1)) / len(part),
            freedom=len(part) - 1,
            count=len(part),
        )
        for part in (other, one)
    )
    return Estimate(outcome=outcome, **(known | welch(control, contacted, confidence)))
