"""One block of customers, month by month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cvm.data.sample.campaigns import Campaign, campaigns_within, county_starts
from cvm.data.sample.churn import Churn, leaves
from cvm.data.sample.contacts import Contacts, Entries
from cvm.data.sample.effects import effect_sums, outcomes
from cvm.data.sample.panel import Panel, bill_jiao
from cvm.data.sample.people import People, draw_people
from cvm.data.sample.points import Movements, Points
from cvm.data.sample.recharges import Recharges, draw_recharges
from cvm.data.sample.settings import BLOCK_CUSTOMERS, SampleSettings
from cvm.data.sample.survey import Answers, ask
from cvm.data.sample.tiers import Tiers
from cvm.data.sample.usage import Usage

STAYS = -1
_LEAD_MONTHS = 7


@dataclass(frozen=True)
class Block:
    """A simulated block.

    Attributes:
        first: Number of the block's first customer in the operator.
        people: Who they are.
        panel: Their months.
        left: First month without service (offset), :data:`STAYS` for those who stay.
        earned: Points earned by class (consumption, tenure, credit, data), month and customer.
        movements: The other ledger rows.
        entries: Campaign → who was in it.
        answers: The survey.
        recharges: Of prepaid customers.
        sums: What the truth adds up over blocks.
        rng: The block's generator, for the columns that nothing depends on.
    """

    first: int
    people: People
    panel: Panel
    left: np.ndarray
    earned: np.ndarray
    movements: Movements
    entries: Mapping[str, Entries]
    answers: Answers
    recharges: Recharges
    sums: dict[str, int]
    rng: np.random.Generator


def blocks_of(settings: SampleSettings) -> int:
    """Return the number of blocks of an operator."""
    return -(-settings.customers // BLOCK_CUSTOMERS)


def common_draws(settings: SampleSettings) -> dict[str, np.ndarray]:
    """Return what all blocks share: the month each county starts each staggered campaign."""
    rng = _stream(settings, 0)
    return {
        one.campaign_id: county_starts(one, settings.months, rng)
        for one in campaigns_within(settings.months)
        if one.design == "staggered"
    }


def _stream(settings: SampleSettings, *key: int) -> np.random.Generator:
    """Return a generator of its own for each key."""
    return np.random.Generator(
        np.random.SFC64(np.random.SeedSequence(settings.seed, spawn_key=key))
    )


def simulate_block(settings: SampleSettings, number: int) -> Block:
    """Simulate block ``number``; the result depends on the settings and the number alone."""
    rng = _stream(settings, 1, number)
    first = number * BLOCK_CUSTOMERS
    count = min(BLOCK_CUSTOMERS, settings.customers - first)
    people = draw_people(settings, count, rng)
    panel = Panel(settings.months, count)
    campaigns = campaigns_within(settings.months)
    contacts = Contacts(campaigns, common_draws(settings), people, rng)
    churn = Churn(settings, people)
    points = Points(settings, people, rng)
    left, sums = _run(settings, people, panel, churn, points, contacts, rng)
    entries = contacts.entries()
    for campaign in campaigns:
        if campaign.campaign_id in entries:
            mine = entries[campaign.campaign_id]
            given, absent = outcomes(campaign, mine, panel, churn, left)
            sums.update(effect_sums(campaign, mine, given, absent))
    return Block(
        first=first,
        people=people,
        panel=panel,
        left=left,
        earned=points.earned,
        movements=points.movements(),
        entries=entries,
        answers=ask(settings, people, panel, rng),
        recharges=draw_recharges(settings, people, panel, left, _stream(settings, 2, number)),
        sums=sums,
        rng=rng,
    )


def _run(
    settings: SampleSettings,
    people: People,
    panel: Panel,
    churn: Churn,
    points: Points,
    contacts: Contacts,
    rng: np.random.Generator,
) -> tuple[np.ndarray, dict[str, int]]:
    usage, tiers = Usage(settings, people, rng), Tiers(settings, people, rng)
    left = np.full(len(people), STAYS)
    sums = {f"lead|{months}": 0 for months in range(_LEAD_MONTHS)} | {"left": 0}
    joined_by = np.searchsorted(people.joined, np.arange(settings.months), side="right")
    for month in range(settings.months):
        count = int(joined_by[month])
        panel.active[month, :count] = left[:count] == STAYS
        if month:
            before = int(joined_by[month - 1])
            gone = _leaving(month, before, panel, churn, rng)
            left[gone] = month
            panel.active[month, gone] = False
            points.forfeit(month, gone)
            lead = np.bincount(np.clip(month - usage.onset[gone], 0, 99), minlength=100)
            sums["left"] += len(gone)
            for months in range(_LEAD_MONTHS):
                sums[f"lead|{months}"] += int(lead[months])
        usage.step(month, count, panel)
        panel.log_bill[month, :count] += points.pressure(count)
        panel.log_bill[month, :count] += panel.extra_bill[month, :count]
        panel.bill[month, :count] = bill_jiao(panel.log_bill[month, :count])
        _data_spend(settings, people, month, count, panel, rng)
        churn.seen(month, count, panel)
        panel.fall[month, :count] = churn.bill_fall(month, count, panel.bill, churn.start)
        tiers.new_year(month, count)
        last = points.balance.copy()
        points.earn(month, count, panel)
        tiers.step(
            month, count, panel, points.earned[0, month, :count], points.on_time_months[:count]
        )
        if month:
            _campaigns(month, contacts.step(month, count, panel), points)
        gave = points.transfer(month, count, panel)
        points.redeem(month, count, panel, last, gave)
        points.clear(month, count)
        points.earlier = last
        panel.balance[month, :count] = points.balance[:count]
    sums["episodes"] = usage.episodes
    return left, sums


def _leaving(
    month: int, before: int, panel: Panel, churn: Churn, rng: np.random.Generator
) -> np.ndarray:
    """Return who leaves: those of last month's rows whose draw falls below their hazard."""
    row = month - 1
    panel.chance[month, :before] = rng.random(before)
    odds = churn.bill_terms(panel.bill[row, :before], panel.fall[row, :before])
    odds += panel.linear[row, :before]
    odds += panel.extra_logit[month, :before]
    gone = leaves(panel.chance[month, :before], odds)
    return np.flatnonzero(gone & panel.active[row, :before])


def _campaigns(month: int, new: list[tuple[Campaign, Entries]], points: Points) -> None:
    for campaign, entries in new:
        if campaign.bonus_points:
            who = entries.customer[entries.accepted]
            points.give_bonus(month, who, np.full(len(who), campaign.bonus_points, dtype=np.int32))


def _data_spend(
    settings: SampleSettings,
    people: People,
    month: int,
    count: int,
    panel: Panel,
    rng: np.random.Generator,
) -> None:
    odds = people.data_logit[:count] + 0.5 * rng.random(count)
    odds += settings.bills.data_logit_a_month * (month - settings.months / 2) - 0.25
    share = (1 - settings.bills.other_share) / (1.0 + np.exp(-odds))
    panel.data[month, :count] = panel.bill[month, :count] * share
