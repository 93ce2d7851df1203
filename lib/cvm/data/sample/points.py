"""The points accounts of a block: earn, transfer, redeem, clear, forfeit; exact in whole points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvm.data.sample.panel import Panel
from cvm.data.sample.people import People
from cvm.data.sample.settings import SampleSettings

CONSUMPTION, TENURE, CREDIT, DATA, BONUS = range(5)
CLASSES = 5
OPENING, EARNED, REDEEMED, EXPIRED, FORFEITED, TRANSFERRED_IN, TRANSFERRED_OUT = range(7)
NO_CHANNEL = -1
_STEP_POINTS = 100
_OPENING_NOISE = 0.12
_YEARS_BEFORE = 5


@dataclass(frozen=True)
class Movements:
    """Ledger rows other than what is earned every month, one element a row.

    ``month`` is an offset from the panel's first month; openings lie before it.
    """

    customer: np.ndarray
    month: np.ndarray
    point_class: np.ndarray
    entry: np.ndarray
    points: np.ndarray
    channel: np.ndarray


class Points:
    """Balances by year of earning and class.

    All classes have one life of whole calendar years, so lots of one year and class can be kept as
    one number: whatever the order within the year, first in first out takes the year before it.

    Attributes:
        earned: Points earned by class (consumption, tenure, credit, data), month and customer.
        balance: Points outstanding by customer.
    """

    def __init__(self, settings: SampleSettings, people: People, rng: np.random.Generator) -> None:
        count = len(people)
        self.settings, self.people, self.rng = settings, people, rng
        self.rules = settings.points
        self.lots = np.zeros((self.rules.clearing_years, CLASSES, count), dtype=np.int32)
        self.balance = np.zeros(count, dtype=np.int32)
        self.earlier = np.zeros(count, dtype=np.int32)
        self.earned = np.zeros((DATA + 1, settings.months, count), dtype=np.int32)
        streak = rng.geometric(np.clip(people.late_share, 0.02, 1.0)) - 1
        self.on_time_months = np.minimum(streak, np.maximum(-people.joined, 0))
        self._rows: list[tuple[np.ndarray, ...]] = []
        bands = np.arange(settings.months + 300)
        edge = np.searchsorted(np.array(self.rules.tenure_from_months), bands, side="right") - 1
        self.tenure_percent = np.array(self.rules.tenure_percent, dtype=np.int32)[edge]
        self._open()

    def movements(self) -> Movements:
        """Return all rows so far, in order of customer, month, entry and class."""
        columns = [np.concatenate(parts) for parts in zip(*self._rows, strict=True)]
        customer, month, point_class, entry, _, _ = columns
        order = np.lexsort((point_class, entry, month, customer))
        return Movements(*(column[order] for column in columns))

    def slot(self, year: int) -> int:
        """Return which of the lots holds points earned in the calendar year."""
        return year % self.rules.clearing_years

    def pressure(self, count: int) -> np.ndarray:
        """Return the log rise of the bill of members a little below the threshold."""
        rules = self.rules
        balance = self.balance[:count]
        near = (balance > rules.threshold - rules.pressure_below) & (balance <= rules.threshold)
        return rules.pressure_log_bill * near

    def earn(self, month: int, count: int, panel: Panel) -> None:
        """Give the month's points for the bill, tenure, payment on time and data."""
        rules, active = self.rules, panel.active[month, :count]
        streak = self.on_time_months[:count]
        streak += 1
        streak *= panel.on_time[month, :count]
        base = panel.bill[month, :count] // 10 * active
        tenure = month - self.people.joined[:count]
        earned = self.earned[:, month, :count]
        earned[CONSUMPTION] = base
        earned[TENURE] = base * self.tenure_percent[tenure] // 100
        earned[CREDIT] = base * rules.credit_percent // 100 * (streak >= rules.credit_months)
        enough = panel.data[month, :count] >= rules.data_yuan * 10
        earned[DATA] = rules.data_points * (enough & active)
        self.lots[self.slot(self.settings.calendar(month)[0]), : DATA + 1, :count] += earned
        self.balance[:count] += earned.sum(axis=0, dtype=np.int32)

    def give_bonus(self, month: int, who: np.ndarray, points: np.ndarray) -> None:
        """Book bonus points; ``who`` names no customer twice."""
        self.lots[self.slot(self.settings.calendar(month)[0]), BONUS, who] += points
        self.balance[who] += points
        classes = np.zeros((CLASSES, len(who)), dtype=np.int32)
        classes[BONUS] = points
        self._book(month, who, EARNED, classes)

    def transfer(self, month: int, count: int, panel: Panel) -> np.ndarray:
        """Move points from a few family members to the next one; return who gave.

        What arrives counts as earned in the month, in the class it had.
        """
        many = self.rng.binomial(count, self.rules.transfer_a_month)
        give = np.unique(self.rng.integers(0, count, many))
        to = self.people.next_in_family[give]
        fine = (to >= 0) & (to < count) & panel.active[month, give]
        give, to = give[fine], to[fine]
        fine = panel.active[month, to] & ~np.isin(to, give)
        give, to = give[fine], to[fine]
        points = self.balance[give] * 3 // 10 // _STEP_POINTS * _STEP_POINTS
        give, to, points = give[points > 0], to[points > 0], points[points > 0]
        taken = self._take(month, give, points)
        self.lots[self.slot(self.settings.calendar(month)[0])][:, to] += taken
        self.balance[to] += points
        self._book(month, give, TRANSFERRED_OUT, taken)
        self._book(month, to, TRANSFERRED_IN, taken)
        return give

    def redeem(
        self, month: int, count: int, panel: Panel, last: np.ndarray, gave: np.ndarray
    ) -> None:
        """Let qualified members redeem.

        Args:
            month: The month.
            count: Customers who have joined.
            panel: The block's months.
            last: Balances at the end of the month before.
            gave: Members who gave points away this month; they do not redeem.
        """
        rules, rng = self.rules, self.rng
        qualified = panel.active[month, :count] & (last[:count] > rules.threshold)
        qualified[gave] = False
        who = np.flatnonzero(qualified)
        ratio = last[who] / rules.threshold
        odds = rules.hazard + rules.hazard_log_balance * np.log(ratio)
        odds += rules.hazard_just_qualified * (self.earlier[who] <= rules.threshold)
        odds += rules.hazard_festival * self.settings.is_festival(month)
        odds += rules.hazard_saver * self._saving(who, last)
        year, calendar = self.settings.calendar(month)
        if calendar in rules.rush_months:
            oldest = self.lots[self.slot(year + 1)][:, who].sum(axis=0)
            odds += rules.hazard_expiring * oldest / last[who]
        who = who[rng.random(len(who)) * (1.0 + np.exp(-odds)) < 1.0]
        everything = rng.random(len(who)) < rules.redeem_all_share
        part = rules.least_part + (1 - rules.least_part) * rng.random(len(who))
        wanted = self.balance[who] * np.where(everything, 1.0, part)
        points = wanted.astype(np.int32) // _STEP_POINTS * _STEP_POINTS
        bounds = np.cumsum(rules.channel_shares)[:-1]
        channel = np.searchsorted(bounds, rng.random(len(who)), side="right")
        taken = self._take(month, who, points)
        self._book(month, who, REDEEMED, taken, channel)

    def clear(self, month: int, count: int) -> None:
        """Clear the oldest year, if this is the month for it."""
        year, calendar = self.settings.calendar(month)
        if calendar != self.rules.clearing_month:
            return
        lots = self.lots[self.slot(year + 1)]
        self._book(month, np.arange(count), EXPIRED, lots[:, :count])
        self.balance[:count] -= lots[:, :count].sum(axis=0, dtype=np.int32)
        lots[:] = 0

    def forfeit(self, month: int, who: np.ndarray) -> None:
        """Take all points of those who leave."""
        self._book(month, who, FORFEITED, self.lots[:, :, who].sum(axis=0))
        self.lots[:, :, who] = 0
        self.balance[who] = 0

    def _saving(self, who: np.ndarray, balance: np.ndarray) -> np.ndarray:
        return self.people.saver[who] & (balance[who] < self.people.saver_target[who])

    def _take(self, month: int, who: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Take points oldest year first, then in the order of classes; return them by class."""
        years, year = self.rules.clearing_years, self.settings.calendar(month)[0]
        order = [self.slot(year + 1 + age) for age in range(years)]
        cells = self.lots[:, :, who][order].reshape(years * CLASSES, len(who))
        before = np.cumsum(cells, axis=0, dtype=np.int32) - cells
        taken = np.clip(points - before, 0, cells).reshape(years, CLASSES, len(who))
        for place, slot in enumerate(order):
            self.lots[slot][:, who] -= taken[place]
        self.balance[who] -= points
        return taken.sum(axis=0, dtype=np.int32)

    def _book(
        self,
        month: int,
        who: np.ndarray,
        entry: int,
        points: np.ndarray,
        channel: np.ndarray | None = None,
    ) -> None:
        """Write ledger rows for the points moved (class × member) that are not zero."""
        point_class, member = np.nonzero(points)
        size = len(member)
        used = np.full(size, NO_CHANNEL) if channel is None else channel[member]
        self._rows.append(
            (
                who[member].astype(np.int32),
                np.full(size, month, dtype=np.int16),
                point_class.astype(np.int8),
                np.full(size, entry, dtype=np.int8),
                points[point_class, member].astype(np.int32),
                used.astype(np.int8),
            )
        )

    def _open(self) -> None:
        """Build opening balances: a coarse run, year by year, of the years before the panel."""
        rules, people, rng = self.rules, self.people, self.rng
        base = int(np.sum(people.joined < 0))
        yuan = np.exp(people.log_level[:base])
        first_year, first_month = self.settings.calendar(0)
        for year in range(first_year - _YEARS_BEFORE, first_year + 1):
            length = first_month - 1 if year == first_year else 12
            end = (year - first_year) * 12 - (first_month - 1) + length
            months = np.clip(end - people.joined[:base], 0, length)
            spend = yuan * months * np.exp(_OPENING_NOISE * rng.standard_normal(base))
            tenure = np.clip(end - months // 2 - people.joined[:base] - 1, 0, None)
            lots = self.lots[self.slot(year), :, :base]
            lots[CONSUMPTION] = spend
            lots[TENURE] = spend * self.tenure_percent[tenure] / 100
            on_time = (1 - people.late_share[:base]) ** rules.credit_months
            lots[CREDIT] = spend * on_time * rules.credit_percent / 100
            lots[DATA] = rules.data_points * np.round(months * 0.9)
            self.balance[:] = self.lots.sum(axis=(0, 1))
            self._redeem_before(end - 1, base, length)
            if length == 12:
                self.lots[self.slot(year + 1)] = 0
        self.balance[:] = self.lots.sum(axis=(0, 1))
        self.earlier[:] = self.balance
        for age in range(rules.clearing_years):
            year = first_year - age
            month = min((year - first_year) * 12 + 12 - first_month, -1)
            self._book(month, np.arange(base), OPENING, self.lots[self.slot(year), :, :base])

    def _redeem_before(self, end: int, base: int, length: int) -> None:
        """Let members redeem once at most in a year before the panel."""
        rules, rng = self.rules, self.rng
        ratio = np.maximum(self.balance[:base], 1) / rules.threshold
        odds = rules.hazard + rules.hazard_log_balance * np.log(ratio)
        odds += rules.hazard_saver * self._saving(np.arange(base), self.balance)
        stays = (1.0 / (1.0 + np.exp(odds))) ** (length * 0.7)
        redeems = (rng.random(base) >= stays) & (ratio > 1)
        who = np.flatnonzero(redeems)
        part = 0.4 + 0.5 * rng.random(len(who))
        points = (self.balance[who] * part).astype(np.int32) // _STEP_POINTS * _STEP_POINTS
        self._take(end, who, points)
