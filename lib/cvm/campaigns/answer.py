"""One campaign with a random control, from its small tables to the whole answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from cvm.campaigns import words
from cvm.campaigns.answer_branches import (
    assigned_by_branch,
    checks_by_branch,
    estimates_by_branch,
    measured_by_branch,
    tiers_by_branch,
)
from cvm.campaigns.answer_checks import check_campaign
from cvm.campaigns.answer_estimates import (
    churn_by_tier,
    estimates_of,
    money_before,
    retention_of,
)
from cvm.campaigns.cells import Tables
from cvm.campaigns.check import Checks
from cvm.campaigns.effect import Effect, Estimate
from cvm.campaigns.looks import look_monthly
from cvm.campaigns.profit import Profit
from cvm.campaigns.profit_assumptions import Assumptions
from cvm.campaigns.profit_life import KeptLife
from cvm.campaigns.profit_measured import measure_profit
from cvm.campaigns.register import Entry, entry_of
from cvm.campaigns.survival import Retention
from cvm.core.checks import CvmError
from cvm.core.i18n import say
from cvm.core.result import Result


@dataclass(frozen=True, kw_only=True)
class Answer(Result):
    """All that is told of one campaign with a random control.

    Attributes:
        campaign_id: Identifier.
        name: As the campaign managers call it.
        effect: Churn as assigned (the headline) and of those reached, adjusted, then the other
            outcomes and guardrails, with Holm's correction over those.
        tiers: Churn by card, with Holm's correction; None without cells.
        retention: Survival and months kept over the window; None where it cannot be drawn.
        looks: What a look at the end of each month would have said; None without months at risk.
        profit: Whether it was worth it; None where it cannot be told.
        no_profit: Why not (the error's own words); empty if it can be told.
        entry: The campaign's row of the register.
        funnel: Contact funnel; empty where the contacts do not tell.
        overlaps: Other campaigns its customers were in.
    """

    view: ClassVar[str] = "cvm.views.campaigns_answer:plot_answer"
    campaign_id: str
    name: str
    effect: Effect
    tiers: Effect | None
    retention: Retention | None
    looks: Effect | None
    profit: Profit | None
    no_profit: str
    entry: Entry
    funnel: pd.DataFrame
    overlaps: pd.DataFrame

    @property
    def checks(self) -> Checks:
        """Return the checks, which stand above the result."""
        assert self.effect.checks is not None
        return self.effect.checks

    @property
    def by_branch(self) -> bool:
        """Return whether whole branches were assigned, so that errors count branches."""
        return any(one.name == "by_branch" for one in self.checks.items)

    @property
    def many(self) -> tuple[Estimate, ...]:
        """Return what is asked beside the headline: further outcomes, and churn by card."""
        others = [one for one in self.effect.estimates if not math.isnan(one.p_adjusted)]
        return (*others, *(() if self.tiers is None else self.tiers.estimates[1:]))

    def summary(self) -> pd.DataFrame:
        """Return the estimates, the headline first."""
        return self.effect.summary()

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return every frame: estimates, checks, tiers, survival, looks, funnel, worth."""
        found = self.effect.frames()
        parts: dict[str, Result | None] = {
            "tiers": self.tiers,
            "retention": self.retention,
            "looks": self.looks,
            "profit": self.profit,
        }
        for name, part in parts.items():
            if part is not None:
                found |= {
                    name if key == "summary" else f"{name}_{key}": frame
                    for key, frame in part.frames().items()
                }
        return found | {"funnel": self.funnel, "overlaps": self.overlaps}

    def text(self, lang: str = "en") -> str:
        """Return failed checks, the effect, months kept, and whether it was worth it."""
        parts = [self.effect.text(lang)]
        if self.retention is not None and self.retention.estimate.can_tell:
            parts.append(self.retention.text(lang))
        if self.profit is not None:
            parts.append(self.profit.text(lang))
        else:
            parts.append(say("campaigns_answer.no_profit", lang))
        return words.joined(parts, lang)


def answer_holdout(
    tables: Tables,
    campaign_id: str,
    *,
    control_share: float | None = None,
    assumptions: Assumptions | None = None,
    margin_share: float | None = None,
    confidence: float = 0.95,
    expected_ratio: float = 0.8,
    life: KeptLife | None = None,
) -> Answer:
    """Answer whether one campaign with a random control worked and was worth it.

    Where whole branches were assigned, every error counts branches: by what chance could have
    assigned instead, with the wild bootstrap beside. Survival and looks, which would count
    customers, are then left out.

    Args:
        tables: The small tables of all campaigns.
        campaign_id: Which one.
        control_share: Share that was to be held out; without it the arms' sizes are only compared
            between cards.
        assumptions: What the campaign cannot show about later months.
        margin_share: Share of revenue that is margin, where the months carry no costs.
        confidence: Of all intervals (share).
        expected_ratio: Hazard ratio at which looks before the end are sharpest.
        life: What customers kept are worth over a lifetime, where that is known.

    Raises:
        ArgumentError: There is no such campaign.
    """
    own = tables.of(campaign_id)
    row = own.campaigns.iloc[0].to_dict()
    control, treated = own.arms()
    whole = assigned_by_branch(own)
    checks = check_campaign(
        own,
        control_share=control_share,
        branches=checks_by_branch(own, confidence) if whole else (),
    )
    retention = None if whole else retention_of(own, confidence)
    effect = Effect(
        campaign=campaign_id,
        design=str(row.get("design") or "holdout"),
        estimates=estimates_by_branch(own, confidence)
        if whole
        else estimates_of(control, treated, retention, confidence),
        checks=checks,
    )
    churn = effect.headline
    profit, no_profit = _profit(
        own,
        row,
        churn,
        assumptions=assumptions or Assumptions(),
        margin_share=margin_share,
        life=life,
    )
    exposures = None if whole else own.exposures()
    by_tier = tiers_by_branch if whole else churn_by_tier
    money: dict[str, Any] = {"cost_yuan": own.cost_yuan()} | (profit.money() if profit else {})
    failed = [item.name for item in checks.failed]
    contact = own.contact()
    return Answer(
        campaign_id=campaign_id,
        name=str(row.get("name") or campaign_id),
        effect=effect,
        tiers=by_tier(own, confidence, campaign_id),
        retention=retention,
        looks=None
        if exposures is None
        else look_monthly(
            *exposures,
            expected_ratio=expected_ratio,
            confidence=confidence,
            campaign=campaign_id,
        ),
        profit=profit,
        no_profit=no_profit,
        entry=entry_of(row, churn, evidence="C" if failed else "A", failed_checks=failed, **money),
        funnel=pd.DataFrame() if contact is None else contact,
        overlaps=own.overlaps.drop(columns="campaign_id", errors="ignore"),
    )


def _profit(
    own: Tables,
    row: dict[Any, Any],
    churn: Estimate,
    *,
    assumptions: Assumptions,
    margin_share: float | None,
    life: KeptLife | None,
) -> tuple[Profit | None, str]:
    """Return what the campaign was worth, or why nobody can tell."""
    control, treated = own.arms()
    if control is None or treated is None or not churn.can_tell:
        return None, churn.reason
    incentive = row.get("incentive_yuan")
    whole = assigned_by_branch(own)
    try:
        measured = measure_profit(
            control,
            treated,
            window_months=own.window_months,
            incentive_yuan=0.0 if incentive is None or pd.isna(incentive) else float(incentive),
            margin_share=margin_share,
            covariates=[] if whole else money_before(treated),
            confidence=churn.confidence,
        )
        if whole:
            measured = measured_by_branch(measured, own, margin_share=margin_share)
    except CvmError as error:
        return None, str(error)
    profit = Profit(
        campaign=str(row.get("name") or row["campaign_id"]),
        measured=measured,
        assumptions=assumptions,
        churn=churn,
        life=life,
    )
    return profit, ""
