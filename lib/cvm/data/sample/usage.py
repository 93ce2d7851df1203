"""What happens whatever the operator does: the bill's own path, calls, complaints, payment."""

from __future__ import annotations

import numpy as np

from cvm.data.sample.panel import Panel
from cvm.data.sample.people import People
from cvm.data.sample.settings import SampleSettings

_COMPLAINT_RATE = 0.022
_TWO_COMPLAINTS = 0.12
_STOP_IF_LATE, _TWO_STOPS_IF_LATE = 0.22, 0.02
_STRAY_FORWARDING, _STRAY_MINUTES = 0.02, 18.0


class Usage:
    """The state behind a block's exogenous months; :meth:`step` draws the next one.

    Attributes:
        stage: 0 outside a drift episode, else the month of the episode, from 1.
        onset: Month the last episode began, −99 if none.
        episodes: Episodes begun while in service.
    """

    def __init__(self, settings: SampleSettings, people: People, rng: np.random.Generator) -> None:
        bills, count = settings.bills, len(people)
        self.settings, self.people, self.rng = settings, people, rng
        self.level = people.log_level.copy()
        self.growth = people.slope + np.array(bills.trend_a_month)[people.brand]
        self.slow = bills.ar_sigma / np.sqrt(1 - bills.ar**2) * rng.standard_normal(count)
        self.stage = np.zeros(count, dtype=np.int8)
        self.onset = np.full(count, -99)
        self.forwards = np.zeros(count, dtype=np.bool_)
        self.episodes = 0
        county = 1 + 0.25 * np.cos(np.arange(11))
        self.complaint_rate = _COMPLAINT_RATE * county[people.county]
        self.episode_log = np.array((0.0, *settings.drift.log_bill))

    def step(self, month: int, count: int, panel: Panel) -> None:
        """Draw month ``month`` for the first ``count`` customers."""
        settings, rng, drift = self.settings, self.rng, self.settings.drift
        self._episodes(month, count, panel)
        drifting = self.stage[:count] > 0
        bills = settings.bills
        slow, level = self.slow[:count], self.level[:count]
        slow *= bills.ar
        slow += bills.ar_sigma * rng.standard_normal(count)
        level += self.growth[:count]
        season = bills.season[settings.calendar(month)[1] - 1]
        season += bills.festival * settings.is_festival(month)
        path = panel.log_bill[month, :count]
        path[:] = rng.standard_normal(count)
        path *= bills.shock_sigma
        path += level
        path += slow
        path += season
        path += self.episode_log[self.stage[:count]]
        circle = self.people.log_circle[:count] + drift.circle_log * drifting
        circle += 0.10 * rng.standard_normal(count)
        panel.circle[month, :count] = np.exp(circle) + 0.5
        off_net = self.people.off_net_logit[:count] + drift.off_net_logit * drifting
        off_net += 0.6 * rng.random(count)
        panel.off_net[month, :count] = 100.0 / (1.0 + np.exp(0.3 - off_net)) + 0.5
        self._forwarding(month, count, drifting, panel)
        self._complaints(month, count, drifting, panel)
        self._payment(month, count, panel)

    def _episodes(self, month: int, count: int, panel: Panel) -> None:
        """Move running episodes on by a month, and begin new ones."""
        stage = self.stage[:count]
        running = np.flatnonzero(stage)
        stage[running] = (stage[running] + 1) % len(self.episode_log)
        draw = self.rng.random(count)
        begun = np.flatnonzero((draw < self.settings.drift.onset_a_month) & (stage == 0))
        stage[begun] = 1
        self.onset[begun] = month
        self.forwards[begun] = self.rng.random(len(begun)) < self.settings.drift.forwards_share
        self.episodes += int(panel.active[month, begun].sum())

    def _forwarding(self, month: int, count: int, drifting: np.ndarray, panel: Panel) -> None:
        draw = self.rng.random(count)
        stray = np.flatnonzero(draw < _STRAY_FORWARDING)
        panel.forwarding[month, stray] = 1.0 + draw[stray] / _STRAY_FORWARDING * _STRAY_MINUTES
        who = np.flatnonzero(drifting & self.forwards[:count])
        low, high = self.settings.drift.forwarded_minutes
        panel.forwarding[month, who] = low + draw[who] * (high - low)

    def _complaints(self, month: int, count: int, drifting: np.ndarray, panel: Panel) -> None:
        rate = self.complaint_rate[:count] * (
            1.0 + (self.settings.drift.complaint_factor - 1.0) * drifting
        )
        draw = self.rng.random(count)
        panel.complaints[month, :count] = draw < rate
        panel.complaints[month, :count] += draw < rate * _TWO_COMPLAINTS

    def _payment(self, month: int, count: int, panel: Panel) -> None:
        late = self.people.late_share[:count]
        draw = self.rng.random(count)
        panel.on_time[month, :count] = draw >= late
        panel.stops[month, :count] = draw < late * _STOP_IF_LATE
        panel.stops[month, :count] += draw < late * _TWO_STOPS_IF_LATE
