"""The satisfaction survey: driver scores, and an overall score with planted weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvm.data.sample.panel import Panel
from cvm.data.sample.people import People
from cvm.data.sample.settings import SampleSettings

_EVERY = 3


@dataclass(frozen=True)
class Answers:
    """Answered surveys, one element a survey; scores are whole numbers.

    Attributes:
        customer: Position in the block.
        month: Month of the survey (offset).
        drivers: Scores of the drivers (driver × survey), 1–10.
        overall: Overall score, 1–10.
        recommend: Would recommend, 0–10.
    """

    customer: np.ndarray
    month: np.ndarray
    drivers: np.ndarray
    overall: np.ndarray
    recommend: np.ndarray


def ask(
    settings: SampleSettings, people: People, panel: Panel, rng: np.random.Generator
) -> Answers:
    """Draw the surveys of a block."""
    rules = settings.survey
    rows = np.arange(_EVERY - 1, settings.months, _EVERY)
    asked = panel.active[rows] & (rng.random((len(rows), len(people))) < rules.asked_share)
    customer, place = np.nonzero(asked.T)
    month = rows[place]
    complaints, stops = panel.complaints[month, customer], panel.stops[month, customer]
    usual = np.log(np.array(settings.bills.median_yuan))[people.brand[customer]]
    network = 7.5 + 0.5 * np.sin(people.county[customer] * 1.7)
    tariff = 6.8 - 0.6 * (panel.log_bill[month, customer] - usual)
    tariff = tariff - 0.8 * people.outdated_tariff[customer]
    service = 7.8 - 1.4 * complaints
    billing = 7.7 - 1.0 * stops - 0.5 * ~panel.on_time[month, customer]
    common = 0.5 * rng.standard_normal(len(customer))
    drivers = np.stack((network, tariff, service, billing)) + common
    drivers = _score(drivers + 1.1 * rng.standard_normal(drivers.shape), 1)
    late = month >= settings.months // 2
    weights = np.where(
        late, np.array(rules.weights_late)[:, None], np.array(rules.weights_early)[:, None]
    )
    weighted = (weights * drivers).sum(axis=0) + (1 - weights.sum(axis=0)) * 7.0
    overall = weighted + rules.noise * rng.standard_normal(len(customer))
    recommend = overall - 0.4 + 0.9 * rng.standard_normal(len(customer))
    return Answers(customer, month, drivers, _score(overall, 1), _score(recommend, 0))


def _score(values: np.ndarray, low: int) -> np.ndarray:
    return np.clip(np.round(values), low, 10).astype(np.int64)
