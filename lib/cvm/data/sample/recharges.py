"""Prepaid customers' recharges by day, from a random stream of their own.

On each day of service a customer recharges with the chance that makes a month's recharges add up
to the month's bill: bill ÷ days of the month ÷ the customer's mean recharge. Who leaves stops on a
day of the last month of service, and tells nobody. Who joins recharges on the first day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from cvm.core.months import month_from_index
from cvm.data.sample.panel import Panel
from cvm.data.sample.people import People
from cvm.data.sample.settings import SampleSettings

NEVER = 10**6
"""Day on which those who stay stop."""

_MOST_CHANCE = 0.9
_JIAO = 10.0


@dataclass(frozen=True)
class Recharges:
    """Recharges of a block. Days count from the panel's first day.

    Attributes:
        customer: Customer of each recharge, in order of customer and day.
        day: Day of each.
        yuan: Amount of each.
        stops_on: Last day on which each customer still recharges, :data:`NEVER` for those who stay.
        mean_yuan: What a recharge of each customer is expected to be.
        counted: By month: prepaid customers in service, those of them still active at its end,
            expected recharges (thousandths), recharges, their yuan, and the bills (jiao).
    """

    customer: np.ndarray
    day: np.ndarray
    yuan: np.ndarray
    stops_on: np.ndarray
    mean_yuan: np.ndarray
    counted: dict[str, np.ndarray]


def month_starts(settings: SampleSettings) -> np.ndarray:
    """Return the day on which each month of the panel begins, and the day after the last."""
    first = month_from_index(settings.first_index).toordinal()
    every = range(settings.months + 1)
    return np.array(
        [month_from_index(settings.first_index + at).toordinal() - first for at in every]
    )


def draw_recharges(
    settings: SampleSettings,
    people: People,
    panel: Panel,
    left: np.ndarray,
    rng: np.random.Generator,
) -> Recharges:
    """Draw the recharges of one block.

    Args:
        settings: The operator.
        people: Customers of the block.
        panel: Their months.
        left: First month without service (offset), negative for those who stay.
        rng: The block's generator for recharges alone.
    """
    starts, count = month_starts(settings), len(people)
    days = np.diff(starts)
    usual, mean_yuan = _sizes(settings, people, rng)
    draw = rng.random((2, count))
    joins_on = _day_of(people.joined, draw[0], starts, days, before=-1)
    stops_on = _day_of(left - 1, draw[1], starts, days, before=NEVER)
    counted = {name: np.zeros(settings.months, dtype=np.int64) for name in _COUNTED}
    who, when = [], []
    for month in range(settings.months):
        here = np.flatnonzero(panel.active[month] & ~people.postpaid)
        bill = panel.bill[month, here]
        chance = np.minimum(bill / _JIAO / days[month] / mean_yuan[here], _MOST_CHANCE)
        day = starts[month] + np.arange(days[month])
        joins, able = joins_on[here, None] == day, joins_on[here, None] < day
        able &= day <= stops_on[here, None]
        drawn = rng.random((len(here), days[month]), dtype=np.float32) < chance[:, None]
        row, column = np.nonzero((drawn & able) | joins)
        who.append(here[row])
        when.append(day[column])
        counted["in_service"][month] = len(here)
        counted["active"][month] = (stops_on[here] >= starts[month + 1]).sum()
        counted["expected_thousandths"][month] = round(
            1_000 * float(able.sum(axis=1) @ chance + joins.sum())
        )
        counted["bill_jiao"][month] = bill.sum()
    customer, at = np.concatenate(who), np.concatenate(when)
    order = np.lexsort((at, customer))
    customer, at = customer[order], at[order]
    yuan = _amounts(settings, usual[customer], rng)
    place = np.searchsorted(starts, at, side="right") - 1
    counted["recharges"] += np.bincount(place, minlength=settings.months)
    counted["yuan"] += np.bincount(place, weights=yuan, minlength=settings.months).astype(np.int64)
    return Recharges(customer, at, yuan, stops_on, mean_yuan, counted)


_COUNTED = ("in_service", "active", "expected_thousandths", "recharges", "yuan", "bill_jiao")


def _sizes(
    settings: SampleSettings, people: People, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log of each customer's usual recharge, and the mean of what is recharged."""
    rules = settings.recharges
    above = people.log_level - np.log(rules.usual_bill_yuan)
    usual = np.log(rules.usual_yuan) + rules.bill_share * above
    usual = usual + rules.customer_sigma * rng.standard_normal(len(people))
    bounds = np.concatenate(([-np.inf], _bounds(settings), [np.inf]))
    below = ndtr((bounds - usual[:, None]) / rules.recharge_sigma)
    return usual, np.diff(below, axis=1) @ np.array(rules.amounts_yuan, dtype=float)


def _bounds(settings: SampleSettings) -> np.ndarray:
    """Return the logs half way between the amounts on sale."""
    logs = np.log(settings.recharges.amounts_yuan)
    return (logs[1:] + logs[:-1]) / 2


def _amounts(settings: SampleSettings, usual: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw amounts on sale around each customer's usual one."""
    wanted = usual + settings.recharges.recharge_sigma * rng.standard_normal(len(usual))
    place = np.searchsorted(_bounds(settings), wanted, side="right")
    return np.array(settings.recharges.amounts_yuan, dtype=float)[place]


def _day_of(
    month: np.ndarray, draw: np.ndarray, starts: np.ndarray, days: np.ndarray, *, before: int
) -> np.ndarray:
    """Return a day of each customer's month; ``before`` where it lies before the panel."""
    inside = np.clip(month, 0, len(days) - 1)
    day = starts[inside] + (draw * days[inside]).astype(np.int64)
    return np.where(month < 0, before, day)
