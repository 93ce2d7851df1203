"""The steps of judging a campaign without a control: estimates, placebos, checks, readings."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.campaigns import targeted_checks as check
from cvm.campaigns.before_after import BeforeAfter, compare_naively, read_before_after, read_change
from cvm.campaigns.candidates import Candidates
from cvm.campaigns.check import Check, Checks
from cvm.campaigns.crossfit import cross_fit, draw_folds, estimate_cross_fitted
from cvm.campaigns.effect import (
    MONTHS_KEPT,
    REVENUE,
    Estimate,
    Outcome,
)
from cvm.campaigns.matched import adjust_matched, balance_of_weights, estimate_matched
from cvm.campaigns.matched_survival import log_rank_of_sets, matched_curves
from cvm.campaigns.matching import Matches, caliper_of, match_risk_sets
from cvm.campaigns.propensity import (
    Propensity,
    common_support,
    overlap_share,
)
from cvm.campaigns.sensitivity import critical_gamma, e_values_of, rosenbaum_bounds
from cvm.campaigns.targeted import Sensitivity, TargetedEffect
from cvm.campaigns.weighting import estimate_weighted

BY_EVERY_METHOD = (REVENUE, MONTHS_KEPT)
BILL = Outcome(name="bill_yuan", kind="yuan")
PLACEBO_BILL = Outcome(name="placebo_bill_yuan", kind="yuan")
PLACEBO_OUTCOME = Outcome(name="placebo_off_net_share")
BILLS = tuple(f"before_bill_{name}" for name in ("yuan", "yuan_log", "mean_yuan", "mean_yuan_log"))
"""Covariates that stand for the level before, which differences in differences subtract."""
SUPPORT_TAIL = 0.001
_BINS = 30


class Steps:
    """The steps on one campaign's candidates."""

    def __init__(
        self,
        candidates: Candidates,
        propensity: Propensity,
        outcomes: tuple[Outcome, ...],
        ratio: int,
        caliper_deviations: float,
        folds: int,
        confidence: float,
        rng: np.random.Generator,
    ) -> None:
        self.data, self.propensity, self.outcomes = candidates, propensity, outcomes
        self.confidence = confidence
        self.cluster = np.unique(candidates.customer, return_inverse=True)[1]
        self.folds = draw_folds(candidates.treated, count=folds, rng=rng, cluster=self.cluster)
        self.fitted = cross_fit(
            candidates.treated,
            candidates.covariates,
            folds=self.folds,
            cluster=self.cluster,
            propensity=propensity,
        )
        self.matches = match_risk_sets(
            candidates.treated,
            propensity.linear,
            period=candidates.period,
            customer=self.cluster,
            ratio=ratio,
            caliper=caliper_of(
                candidates.treated, propensity.linear, deviations=caliper_deviations
            ),
        )

    def effect(self, campaign: str, checks: list[Check]) -> TargetedEffect:
        """Return the whole result, with checks made before in front of its own."""
        headline, *others = (self.robust(one) for one in self.outcomes)
        first = self.outcomes[0]
        values = self.data.column(first.name)
        sensitivity = self.sensitivity(headline)
        scores = self.scores()
        items = [*checks, *self.checks(sensitivity, scores)]
        trimmed = [one for one in sensitivity.variants if one.outcome.name == first.name]
        estimates = (
            headline,
            *self.kin(first),
            *trimmed,
            *others,
            *(row for one in self.outcomes[1:] if one in BY_EVERY_METHOD for row in self.kin(one)),
        )
        return TargetedEffect(
            campaign=campaign,
            estimates=estimates,
            checks=Checks(items=tuple(items)),
            naive=compare_naively(first, values, self.data.treated, confidence=self.confidence),
            naive_before=self.change(),
            before_after=self.before_after(),
            sensitivity=sensitivity,
            scores=scores,
            **self.survival(),
        )

    def robust(self, outcome: Outcome) -> Estimate:
        """Return the doubly robust, cross-fitted estimate."""
        values = self.data.column(outcome.name)
        return self.fitted.estimate(outcome, values, confidence=self.confidence)

    def robust_on(self, outcome: Outcome, rows: npt.NDArray[np.bool_], method: str) -> Estimate:
        """Return the doubly robust estimate on some of the rows."""
        data = self.data.some(rows)
        found = estimate_cross_fitted(
            outcome,
            data.column(outcome.name),
            data.treated,
            data.covariates,
            folds=self.folds[rows],
            cluster=self.cluster[rows],
            confidence=self.confidence,
        )
        return replace(found, method=method)

    def kin(self, outcome: Outcome) -> list[Estimate]:
        """Return the other estimates of the same effect."""
        values = self.data.column(outcome.name)
        sure = self.confidence
        found = [
            adjust_matched(outcome, values, self.matches, self.data.covariates, confidence=sure),
            estimate_matched(outcome, values, self.matches, confidence=sure),
        ]
        if outcome.name == REVENUE.name and self.data.knows("before_bill_mean_yuan"):
            before = self.data.column("before_bill_mean_yuan") * self.data.window_months
            known = self.data.covariates[:, [name not in BILLS for name in self.data.names]]
            found.append(
                adjust_matched(outcome, values, self.matches, known, before=before, confidence=sure)
            )
        found.append(
            estimate_weighted(
                outcome,
                values,
                self.data.treated,
                self.data.covariates,
                method="ipw",
                propensity=self.propensity,
                cluster=self.cluster,
                confidence=sure,
            )
        )
        return found

    def sensitivity(self, headline: Estimate) -> Sensitivity:
        """Return bounds on what is not known, and the same estimate where it should not differ."""
        outcome = headline.outcome
        values = self.data.column(outcome.name)
        nearest = Matches(
            treated=self.matches.treated,
            controls=self.matches.controls[:, :1],
            size=self.matches.size,
        )
        gaps = nearest.differences(values)
        bounds, gamma = pd.DataFrame(columns=["gamma", "p_value"]), math.nan
        if (gaps != 0).any():
            share, side = outcome.kind == "share", _direction(headline)
            bounds = rosenbaum_bounds(gaps, share=share, better=side)
            level = (1 - self.confidence) / 2
            gamma = critical_gamma(gaps, share=share, better=side, level=level)
        deviation = check.deviation_of(values)
        e_value, limit = e_values_of(headline, deviation=deviation or None)
        return Sensitivity(
            finding=headline,
            bounds=bounds,
            gamma=gamma,
            e_value=e_value,
            e_value_limit=limit,
            variants=(self.trimmed(outcome), *self.placebos()),
        )

    def trimmed(self, outcome: Outcome) -> Estimate:
        """Return the estimate where the arms overlap: no tails that only one of them has."""
        inside = common_support(self.data.treated, self.propensity, tail=SUPPORT_TAIL)
        return self.robust_on(outcome, inside, "aipw_trimmed")

    def placebos(self) -> list[Estimate]:
        """Return what should be zero: the bill of months before, and what no offer can move."""
        found = []
        asked = ((PLACEBO_BILL, "placebo_month"), (PLACEBO_OUTCOME, "placebo_outcome"))
        for outcome, method in asked:
            if self.data.knows(outcome.name):
                known = np.isfinite(self.data.column(outcome.name))
                found.append(self.robust_on(outcome, known, method))
        return found

    def checks(self, sensitivity: Sensitivity, scores: pd.DataFrame) -> list[Check]:
        """Return whether contacted and others can be compared, and placebos are nothing."""
        table = balance_of_weights(
            self.data.covariates,
            list(self.data.names),
            self.data.treated,
            self.matches.weights(),
        )
        share = overlap_share(self.data.treated, self.propensity)
        items = [
            check.matched(self.matches),
            check.comparable(share, scores),
            check.balanced(table),
            check.contacted_later(self.data, self.matches),
        ]
        for one in sensitivity.variants:
            deviation = check.deviation_of(self.data.column(one.outcome.name))
            if one.method == "placebo_month":
                items.append(check.placebo_month(one, deviation))
            elif one.method == "placebo_outcome":
                items.append(check.placebo_outcome(one, deviation))
        return [*items, check.hidden_bias(sensitivity.finding, sensitivity.gamma)]

    def before_after(self) -> BeforeAfter | None:
        """Return the reading of the bill: the month before the contact against the window."""
        if not (self.data.knows("before_bill_yuan") and self.data.knows("kept_bill_yuan")):
            return None
        return read_before_after(
            BILL,
            self.data.column("before_bill_yuan"),
            self.data.column("kept_bill_yuan"),
            self.matches,
            confidence=self.confidence,
        )

    def change(self) -> Estimate | None:
        """Return revenue of the contacted over the window against as many months before."""
        asked = any(one.name == REVENUE.name for one in self.outcomes)
        if not (asked and self.data.knows("before_bill_mean_yuan")):
            return None
        arm = self.data.treated
        return read_change(
            REVENUE,
            self.data.column("before_bill_mean_yuan")[arm] * self.data.window_months,
            self.data.column(REVENUE.name)[arm],
            control_count=int((~arm).sum()),
            confidence=self.confidence,
        )

    def survival(self) -> dict[str, Any]:
        """Return curves of the matched by months since the contact, and their log-rank test."""
        if not (self.data.knows("churned") and self.data.knows("months")):
            return {}
        left, window = self.data.column("churned"), self.data.window_months
        served = np.where(left == 0, window, self.data.column("months"))
        return {
            "curves": matched_curves(
                served, self.matches, window_months=window, confidence=self.confidence
            ),
            "log_rank_p": log_rank_of_sets(served, left, self.matches, window_months=window)[1],
        }

    def scores(self) -> pd.DataFrame:
        """Return the share of each arm by bin of the propensity's logit."""
        linear = self.propensity.linear
        edges = np.linspace(linear.min(), linear.max() + 1e-9, _BINS + 1)
        arm = self.data.treated
        counts = [np.histogram(linear[side], edges)[0] for side in (arm, ~arm)]
        return pd.DataFrame(
            {
                "low": edges[:-1],
                "high": edges[1:],
                "treated_share": counts[0] / max(int(arm.sum()), 1),
                "control_share": counts[1] / max(int((~arm).sum()), 1),
            }
        )


def _direction(estimate: Estimate) -> str:
    """Return the direction the finding points in, which a bound must explain."""
    if not estimate.can_tell:
        return estimate.outcome.better
    return "higher" if estimate.effect > 0 else "lower"
