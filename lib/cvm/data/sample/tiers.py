"""VIP cards by the points of a year, and stars by Shanghai's score, month by month."""

from __future__ import annotations

import numpy as np

from cvm.data.sample.panel import Panel
from cvm.data.sample.people import People
from cvm.data.sample.settings import SampleSettings

NO_CARD = 4
_YEAR = 12


class Tiers:
    """Running sums behind cards and stars.

    Months before the panel are not published; they enter as the customer's usual bill.

    Attributes:
        card: Code of the card held (diamond, gold, silver, VIP, none).
    """

    def __init__(self, settings: SampleSettings, people: People, rng: np.random.Generator) -> None:
        count = len(people)
        self.settings, self.people, self.rules = settings, people, settings.tiers
        self.usual_jiao = np.round(np.exp(people.log_level) * 10.0)
        self.member = people.brand == 0
        earlier = np.clip(-people.joined, 0, _YEAR)
        noise = np.exp(0.10 * rng.standard_normal(count))
        first = (settings.calendar(0)[1] - 12) % _YEAR
        self.year_points = self.usual_jiao / 10.0 * noise * np.minimum(earlier, first or _YEAR)
        self.card = self._cards(self.usual_jiao / 10.0 * noise * earlier)
        self.sum_jiao = self.usual_jiao * earlier
        self.stops = np.zeros(count, dtype=np.int64)

    def new_year(self, month: int, count: int) -> None:
        """In December, set cards by the points of the year before (to November)."""
        if self.settings.calendar(month)[1] != 12:
            return
        if month > 0:
            self.card[:count] = self._cards(self.year_points)[:count]
        self.year_points[:] = 0

    def _cards(self, points: np.ndarray) -> np.ndarray:
        rungs = np.array(self.rules.vip_points[::-1])
        card = NO_CARD - np.searchsorted(rungs, points, side="right")
        return np.where(self.member, card, NO_CARD).astype(np.int8)

    def step(
        self, month: int, count: int, panel: Panel, points: np.ndarray, streak: np.ndarray
    ) -> None:
        """Write the month's cards and stars.

        Args:
            month: The month.
            count: Customers who have joined.
            panel: The block's months.
            points: Consumption points earned in the month.
            streak: On-time months in a row.
        """
        rules, people = self.rules, self.people
        self.year_points[:count] += points
        panel.vip[month, :count] = self.card[:count]
        total, joined = self.sum_jiao[:count], people.joined[:count]
        total += panel.bill[month, :count]
        self.stops[:count] += panel.stops[month, :count]
        leaving = month - _YEAR
        if leaving >= 0:
            self.stops[:count] -= panel.stops[leaving, :count]
            total -= panel.bill[leaving, :count]
        else:
            total -= self.usual_jiao[:count] * (joined <= leaving)
        tenure = month - joined
        score = total / 10.0 / np.clip(tenure + 1, 1, _YEAR) + tenure
        score += rules.star_family_bonus * (people.kind[:count] > 0)
        score += rules.star_on_time_bonus * (streak >= _YEAR)
        score -= rules.star_stop_penalty * self.stops[:count]
        star = np.searchsorted(np.array(rules.star_scores), score, side="right")
        star = np.where(self.stops[:count] >= rules.star_cap_stops, np.minimum(star, 3), star)
        panel.star[month, :count] = np.where(tenure >= rules.star_least_months, star, 0)
