"""The scorecard of one campaign with a random control: its outcomes in every county or card."""

from __future__ import annotations

from collections.abc import Collection

from cvm.campaigns.answer_estimates import MARGIN, MONEY_BEFORE, OWN_BEFORE
from cvm.campaigns.cells import Tables
from cvm.campaigns.effect import ARREARS, CHURN, COMPLAINTS, REVENUE
from cvm.campaigns.scorecard import Metric, Scorecard, score


def score_campaign(
    tables: Tables,
    campaign_id: str,
    *,
    by: str = "county",
    control_share: float | None = None,
    confidence: float = 0.95,
) -> Scorecard:
    """Score every outcome of a campaign over all customers and in every segment.

    Args:
        tables: The small tables of all campaigns.
        campaign_id: Which one.
        by: ``county`` or ``vip_tier``.
        control_share: Share that was to be held out; without it, only whether segments share one
            ratio of arms is checked.
        confidence: Of the intervals (share).

    Raises:
        ArgumentError: There is no such campaign.
        DataError: Nobody of it can be followed to the end of the window.
    """
    own = tables.of(campaign_id)
    return score(
        own.cells,
        metrics_of(own.measures),
        by=by,
        treated_share=None if control_share is None else 1 - control_share,
        confidence=confidence,
        campaign=campaign_id,
    )


def metrics_of(measures: Collection[str]) -> tuple[Metric, ...]:
    """Return the outcomes that cells have, with what was known before of each."""
    found = []
    for outcome in (CHURN, REVENUE, MARGIN, COMPLAINTS, ARREARS):
        if outcome.name in measures:
            before = MONEY_BEFORE if outcome.kind == "yuan" else [OWN_BEFORE.get(outcome.name)]
            covariates = tuple(name for name in before if name in measures)
            found.append(Metric(outcome=outcome, covariates=tuple(map(str, covariates))))
    return tuple(found)
