"""Assigning a block's customers to campaigns, and reaching them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from cvm.data.sample.campaigns import Campaign, months_of
from cvm.data.sample.panel import Panel
from cvm.data.sample.people import People, pick

_FALLING, _SETTLED_MONTHS, _FORWARDING_MINUTES = 0.2, 60, 20


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
            starts = self.starts.get(campaign.campaign_id)
            if not first <= month <= last or (starts is not None and month not in starts):
                continue
            who = self._assigned(campaign, month, count, panel)
            entries = self._contact(campaign, month, who, panel)
            self.inside[campaign.campaign_id][who] = True
            self.parts[campaign.campaign_id].append(entries)
            hit = entries.reached
            window = slice(month + 1, month + 1 + campaign.window_months)
            panel.extra_logit[window, who[hit]] += entries.churn_log_odds[hit]
            panel.extra_bill[window, who[hit]] += entries.log_bill[hit]
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
            fine &= start[people.county[:count]] == month
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
