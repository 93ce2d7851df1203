"""The campaigns the sample operator ran: how customers came in, and what it did to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvm.data.sample.settings import COUNTIES

CHANNELS = ("call", "sms", "store", "manager", "app")
"""Contact channels, by code."""

NEVER = 10_000
"""Start of a county that a staggered campaign never reaches."""


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One campaign with its planted effect.

    The effect holds for customers who are reached, from the month after assignment, for
    ``window_months`` months: on the log odds of leaving in the month, and on the log bill. Effects
    by tier follow the order diamond, gold, silver, VIP, none (card held when assigned).

    Attributes:
        campaign_id: Identifier.
        name: Chinese name.
        name_en: English name.
        offer: Kind of offer (:data:`cvm.data.tables.OFFERS`).
        design: ``holdout``, ``targeted`` or ``staggered``.
        months_before_end: First assignment, in months before the panel's last month.
        waves: Months of assignment in a row (targeted), or months between counties (staggered).
        window_months: Months the effect holds, and over which outcomes are counted.
        brands: Codes of the brands that may take part.
        take_share: Part of the eligible who are taken, at random.
        control_share: Part of those held out, at random.
        select: Log odds of being picked when targeted: intercept, per unit of bill fall, per
            complaint, with forwarding over 20 minutes; all in the month before assignment.
        channel_shares: Of :data:`CHANNELS`.
        attempted_share: Treated customers whom somebody tried to contact.
        reach: Log odds of being reached when tried: intercept, per unit of bill fall.
        accepted_share: Reached customers who accept.
        leaked_share: Controls who are contacted all the same.
        contact_cost_yuan: Of one attempt.
        incentive_yuan: For one who accepts.
        bonus_points: For one who accepts.
        churn_log_odds: Effect on the log odds of leaving, by tier.
        churn_if_falling: Added to it when the bill fell by over 0.2 in the month before.
        churn_if_settled: Added when tenure is 60 months or more and the bill did not fall so.
        log_bill: Effect on the log bill, by tier.
    """

    campaign_id: str
    name: str
    name_en: str
    offer: str
    design: str
    months_before_end: int
    waves: int = 1
    window_months: int = 6
    brands: tuple[int, ...] = (0, 1, 2)
    take_share: float = 1.0
    control_share: float = 0.0
    select: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    channel_shares: tuple[float, ...]
    attempted_share: float = 0.93
    reach: tuple[float, float] = (0.9, -0.8)
    accepted_share: float = 0.30
    leaked_share: float = 0.0
    contact_cost_yuan: float
    incentive_yuan: float
    bonus_points: int = 0
    churn_log_odds: tuple[float, ...]
    churn_if_falling: float = 0.0
    churn_if_settled: float = 0.0
    log_bill: tuple[float, ...]


CAMPAIGNS = (
    Campaign(
        campaign_id="FAMILY-ROLLOUT",
        name="家庭套餐分县推广",
        name_en="Family plan by county",
        offer="family_plan",
        design="staggered",
        months_before_end=24,
        waves=2,
        window_months=12,
        channel_shares=(0.5, 0.0, 0.5, 0.0, 0.0),
        take_share=0.85,
        accepted_share=0.35,
        contact_cost_yuan=3.0,
        incentive_yuan=24.0,
        churn_log_odds=(-0.55, -0.50, -0.50, -0.45, -0.40),
        log_bill=(0.02, 0.02, 0.02, 0.03, 0.03),
    ),
    Campaign(
        campaign_id="HANDSET-HOLDOUT",
        name="定制终端保有",
        name_en="Custom handset retention",
        offer="handset",
        design="holdout",
        months_before_end=20,
        take_share=0.65,
        control_share=0.30,
        channel_shares=(0.6, 0.0, 0.2, 0.2, 0.0),
        leaked_share=0.03,
        contact_cost_yuan=4.0,
        incentive_yuan=60.0,
        bonus_points=500,
        churn_log_odds=(-1.00, -0.90, -0.80, -0.65, -0.45),
        log_bill=(0.03, 0.03, 0.02, 0.02, 0.01),
    ),
    Campaign(
        campaign_id="CARE-TARGETED",
        name="话费骤减关怀回访",
        name_en="Care call on falling bills",
        offer="care_call",
        design="targeted",
        months_before_end=16,
        waves=3,
        window_months=4,
        select=(-5.4, 10.0, 1.5, 1.5),
        channel_shares=(0.7, 0.0, 0.0, 0.3, 0.0),
        accepted_share=0.40,
        contact_cost_yuan=6.0,
        incentive_yuan=30.0,
        churn_log_odds=(-0.80, -0.75, -0.70, -0.60, -0.50),
        log_bill=(0.04, 0.04, 0.03, 0.02, 0.02),
    ),
    Campaign(
        campaign_id="SMS-NULL",
        name="增值业务短信推荐",
        name_en="Value-added services by SMS",
        offer="value_added",
        design="holdout",
        months_before_end=10,
        take_share=0.50,
        control_share=0.50,
        channel_shares=(0.0, 0.8, 0.0, 0.0, 0.2),
        reach=(1.3, 0.0),
        accepted_share=0.08,
        leaked_share=0.01,
        contact_cost_yuan=0.1,
        incentive_yuan=5.0,
        churn_log_odds=(0.0, 0.0, 0.0, 0.0, 0.0),
        log_bill=(0.0, 0.0, 0.0, 0.0, 0.0),
    ),
    Campaign(
        campaign_id="CREDIT-HOLDOUT",
        name="分月话费赠送",
        name_en="Monthly bill credit",
        offer="bill_credit",
        design="holdout",
        months_before_end=8,
        take_share=0.60,
        control_share=0.40,
        channel_shares=(0.5, 0.3, 0.1, 0.0, 0.1),
        accepted_share=0.45,
        leaked_share=0.02,
        contact_cost_yuan=2.0,
        incentive_yuan=36.0,
        churn_log_odds=(-0.30, -0.30, -0.30, -0.25, -0.25),
        churn_if_falling=-0.70,
        churn_if_settled=0.40,
        log_bill=(0.0, 0.0, 0.0, 0.0, 0.0),
    ),
)
"""Chronological; customers may be in several at once."""

_COUNTIES_LEFT_OUT = 2


def county_starts(campaign: Campaign, months: int, rng: np.random.Generator) -> np.ndarray:
    """Return the month in which a staggered campaign starts in each county (offsets).

    The order of the counties is random; the last two never start.
    """
    order = rng.permutation(len(COUNTIES))
    start = np.full(len(COUNTIES), NEVER)
    first = months - 1 - campaign.months_before_end
    started = order[: len(COUNTIES) - _COUNTIES_LEFT_OUT]
    start[started] = first + campaign.waves * np.arange(len(started))
    return start


def campaigns_within(months: int) -> tuple[Campaign, ...]:
    """Return the campaigns that fit a panel of ``months`` with three months before them."""
    return tuple(one for one in CAMPAIGNS if months - 1 - one.months_before_end >= 3)


def months_of(campaign: Campaign, months: int) -> tuple[int, int]:
    """Return first and last month of assignment (offsets)."""
    first = months - 1 - campaign.months_before_end
    if campaign.design == "staggered":
        return first, first + campaign.waves * (len(COUNTIES) - _COUNTIES_LEFT_OUT - 1)
    return first, first + campaign.waves - 1
