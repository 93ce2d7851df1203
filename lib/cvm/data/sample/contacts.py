"""Assigning a block's customers to campaigns, reaching them, and what would have happened else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from cvm.data.sample.campaigns import NEVER, Campaign, months_of
from cvm.data.sample.churn import Churn, leaves
from cvm.data.sample.panel import Panel
from cvm.data.sample.people import People, pick

_FALLING, _SETTLED_MONTHS, _FORWARDING_MINUTES = 0.2, 60, 20
TIER_CODES = 5
WITH, WITHOUT = 1, 0


@dataclass(frozen=True)
class Entries:
    """Customers in one campaign, one element a customer.

    Attributes:
        customer: Position in the block.
        month: Month of assignment (offset).
        tier: Code of the card held in that month.
        treated: Assigned to the offer.
        attempted: Somebody tried to contact the customer.
        reached: The contact came about.
        accepted: The customer took the offer.
        reachable: Would be reached if treated; known for controls too.
        channel: Code of the contact channel.
        day: Day of the month of the attempt.
        churn_log_odds: Effect on the log odds of leaving if reached.
        log_bill: Effect on the log bill if reached.
    """

    customer: np.ndarray
    month: np.ndarray
    tier: np.ndarray
    treated: np.ndarray
    attempted: np.ndarray
    reached: np.ndarray
    accepted: np.ndarray
    reachable: np.ndarray
    channel: np.ndarray
    day: np.ndarray
    churn_log_odds: np.ndarray
    log_bill: np.ndarray

    def __len__(self) -> int:
        return len(self.customer)


def joined_entries(parts: list[Entries]) -> Entries:
    """Return the entries of several months as one."""
    return Entries(
        *(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Entries))
    )


class Contacts:
    """The campaigns of a block as the months go by."""

    def __init__(
        self,
        campaigns: tuple[Campaign, ...],
        starts: Mapping[str, np.ndarray],
        people: People,
        rng: np.random.Generator,
    ) -> None:
        self.campaigns, self.starts, self.people, self.rng = campaigns, starts, people, rng
        self.inside = {one.campaign_id: np.zeros(len(people), dtype=np.bool_) for one in campaigns}
        self.parts: dict[str, list[Entries]] = {one.campaign_id: [] for one in campaigns}

    def step(self, month: int, count: int, panel: Panel) -> list[tuple[Campaign, Entries]]:
        """Assign and contact in the month, and write the effects into the months that follow."""
        new = []
        for campaign in self.campaigns:
            first, last = months_of(campaign, panel.shape[0])
            if not first <= month <= last:
                continue
            who = self._assigned(campaign, month, count, panel)
            entries = self._contact(campaign, month, who, panel)
            self.inside[campaign.campaign_id][who] = True
            self.parts[campaign.campaign_id].append(entries)
            hit = entries.reached
            until = min(month + campaign.window_months, panel.shape[0] - 1)
            for later in range(month + 1, until + 1):
                panel.extra_logit[later, who[hit]] += entries.churn_log_odds[hit]
                panel.extra_bill[later, who[hit]] += entries.log_bill[hit]
            new.append((campaign, entries))
        return new

    def entries(self) -> dict[str, Entries]:
        """Return who was in each campaign that anybody entered, in order of customer."""
        result = {}
        for name, parts in self.parts.items():
            if parts:
                entries = joined_entries(parts)
                order = np.argsort(entries.customer, kind="stable")
                result[name] = Entries(
                    *(getattr(entries, item.name)[order] for item in fields(Entries))
                )
        return result

    def _assigned(self, campaign: Campaign, month: int, count: int, panel: Panel) -> np.ndarray:
        people, rng = self.people, self.rng
        fine = panel.active[month, :count] & panel.active[month - 1, :count]
        fine &= ~self.inside[campaign.campaign_id][:count]
        if len(campaign.brands) < 3:
            fine &= np.isin(people.brand[:count], campaign.brands)
        chance = np.full(count, campaign.take_share)
        if campaign.design == "staggered":
            start = self.starts[campaign.campaign_id]
            fine &= (start[people.county[:count]] == month) & (month < NEVER)
        elif campaign.design == "targeted":
            base, by_fall, by_complaint, by_forwarding = campaign.select
            odds = base + by_fall * panel.fall[month - 1, :count]
            odds += by_complaint * panel.complaints[month - 1, :count]
            odds += by_forwarding * (panel.forwarding[month - 1, :count] > _FORWARDING_MINUTES)
            chance = 1.0 / (1.0 + np.exp(-odds))
        return np.flatnonzero(fine & (rng.random(count) < chance))

    def _contact(self, campaign: Campaign, month: int, who: np.ndarray, panel: Panel) -> Entries:
        rng, size = self.rng, len(who)
        fall = panel.fall[month - 1, who]
        tier = panel.vip[month, who]
        treated = rng.random(size) >= campaign.control_share
        tried = rng.random(size) < campaign.attempted_share
        odds = campaign.reach[0] + campaign.reach[1] * fall
        reachable = tried & (rng.random(size) * (1.0 + np.exp(-odds)) < 1.0)
        offered = treated | (rng.random(size) < campaign.leaked_share)
        falling = fall > _FALLING
        settled = ~falling & (month - self.people.joined[who] >= _SETTLED_MONTHS)
        reached = offered & reachable
        return Entries(
            customer=who,
            month=np.full(size, month),
            tier=tier,
            treated=treated,
            attempted=offered & tried,
            reached=reached,
            accepted=reached & (rng.random(size) < campaign.accepted_share),
            reachable=reachable,
            channel=pick(rng, campaign.channel_shares, size),
            day=rng.integers(3, 27, size),
            churn_log_odds=np.array(campaign.churn_log_odds)[tier]
            + campaign.churn_if_falling * falling
            + campaign.churn_if_settled * settled,
            log_bill=np.array(campaign.log_bill)[tier],
        )


def outcomes(
    campaign: Campaign, entries: Entries, panel: Panel, churn: Churn
) -> dict[int, dict[str, np.ndarray]]:
    """Return each customer's outcomes in the window, with the offer and without.

    Both worlds share every draw and every other campaign; they differ only in this campaign's
    effect, which those who would be reached get in the world with it. The window begins the month
    after assignment.

    Returns:
        :data:`WITH` and :data:`WITHOUT` → ``churned`` (0 or 1), ``revenue_jiao`` (bills in the
        window while in service) and ``months`` (in service), one element a customer.
    """
    months = panel.shape[0]
    who, start = entries.customer, churn.start[entries.customer]
    own_logit = entries.churn_log_odds * entries.reached
    own_bill = entries.log_bill * entries.reached
    result = {}
    for world in (WITHOUT, WITH):
        given = entries.reachable * float(world)
        more_logit = entries.churn_log_odds * given - own_logit
        more_bill = entries.log_bill * given - own_bill
        alive = np.ones(len(who), dtype=np.bool_)
        churned = np.zeros(len(who), dtype=np.int64)
        revenue = np.zeros(len(who), dtype=np.int64)
        served = np.zeros(len(who), dtype=np.int64)
        back = [panel.bill[np.maximum(entries.month - age, 0), who] for age in (3, 2, 1, 0)]
        for step in range(1, campaign.window_months + 1):
            month = entries.month + step
            inside = month < months
            month = np.minimum(month, months - 1)
            row = month - 1
            known = np.clip(row - start, 0, 3)
            fall = _fall(back, known)
            odds = panel.linear[row, who] + churn.bill_terms(back[-1], fall)
            odds += panel.extra_logit[month, who] + more_logit
            gone = alive & inside & leaves(panel.chance[month, who], odds)
            churned += gone
            alive &= ~gone
            bill = _bill(panel.log_bill[month, who] + more_bill)
            revenue += bill * (alive & inside)
            served += alive & inside
            back = [*back[1:], bill]
        result[world] = {"churned": churned, "revenue_jiao": revenue, "months": served}
    return result


def _fall(back: list[np.ndarray], known: np.ndarray) -> np.ndarray:
    before = np.zeros(len(known))
    for age in (1, 2, 3):
        before += back[3 - age] * (known >= age)
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = 1.0 - back[3] * known / before
    return np.where(known > 0, np.maximum(fall, 0.0), 0.0)


def _bill(log_bill: np.ndarray) -> np.ndarray:
    return bill_jiao(log_bill)


def bill_jiao(log_bill: np.ndarray) -> np.ndarray:
    """Return the bill in whole jiao, at least 2 yuan and at most 20,000."""
    return np.clip(np.exp(log_bill) * 10.0 + 0.5, 20, 200_000).astype(np.int32)


def effect_sums(
    campaign: Campaign, entries: Entries, worlds: Mapping[int, Mapping[str, np.ndarray]]
) -> dict[str, int]:
    """Add outcomes up by group and tier, for the realised effects in the truth.

    Groups: ``all`` who entered (as if all treated, against none), ``treated`` (as assigned) and
    ``reached`` (treated and reached: the effect on the treated).
    """
    groups = {
        "all": np.ones(len(entries), dtype=np.bool_),
        "treated": entries.treated,
        "reached": entries.treated & entries.reached,
    }
    sums: dict[str, int] = {}
    for name, group in groups.items():
        for tier in (None, *range(TIER_CODES)):
            rows = group if tier is None else group & (entries.tier == tier)
            key = f"campaign|{campaign.campaign_id}|{name}|{'all' if tier is None else tier}"
            sums[f"{key}|customers"] = int(rows.sum())
            for world, label in ((WITH, "with"), (WITHOUT, "without")):
                for outcome, values in worlds[world].items():
                    sums[f"{key}|{outcome}_{label}"] = int(values[rows].sum())
    key = f"campaign|{campaign.campaign_id}|funnel"
    control = ~entries.treated
    sums[f"{key}|treated"] = int(entries.treated.sum())
    sums[f"{key}|control"] = int(control.sum())
    sums[f"{key}|attempted"] = int((entries.treated & entries.attempted).sum())
    sums[f"{key}|reached"] = int((entries.treated & entries.reached).sum())
    sums[f"{key}|accepted"] = int((entries.treated & entries.accepted).sum())
    sums[f"{key}|controls_contacted"] = int((control & entries.attempted).sum())
    return sums
