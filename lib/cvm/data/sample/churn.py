"""Who leaves next month: a logit of what stands in the customer's last row."""

from __future__ import annotations

import numpy as np

from cvm.data.sample.panel import Panel
from cvm.data.sample.people import People
from cvm.data.sample.settings import SampleSettings

_LOGS = np.log(np.maximum(np.arange(32_769), 1))
"""Natural logarithms of whole numbers, 0 read as 1."""


class Churn:
    """The planted churn model of a block."""

    def __init__(self, settings: SampleSettings, people: People) -> None:
        terms = settings.churn
        self.terms, self.people = terms, people
        self.start = np.maximum(people.joined, 0)
        self.fixed = (
            np.array(terms.brand)[people.brand]
            + terms.outdated_tariff * people.outdated_tariff
            + terms.new_number_range * people.new_number_range
            + terms.family * (people.kind == 1)
            + terms.corporate * (people.kind == 2)
            - terms.off_net_share * 0.35
            - terms.log_circle * np.log(40.0)
            - terms.log_tenure * np.log(24.0)
        )

    def seen(self, month: int, count: int, panel: Panel) -> None:
        """Write the log odds of the month's row, without the bill's terms, to ``panel.linear``."""
        terms, people = self.terms, self.people
        odds = panel.linear[month, :count]
        odds[:] = self.fixed[:count]
        odds += terms.complaints * np.minimum(panel.complaints[month, :count], 3)
        odds += terms.arrears_stops * np.minimum(panel.stops[month, :count], 2)
        odds += terms.log_circle * _LOGS[panel.circle[month, :count]]
        odds += terms.off_net_share / 100 * panel.off_net[month, :count]
        odds += terms.log_forwarding * _LOGS[panel.forwarding[month, :count] + 1]
        odds += terms.log_tenure * _LOGS[month - people.joined[:count] + 1]
        odds += terms.handset_lock * people.locked(month)[:count]

    def bill_fall(self, month: int, count: int, bill: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return how far the month's bill lies below the mean of up to three before it (0–1).

        Args:
            month: Row of ``bill`` that is judged; rows before a customer's start hold zeros.
            count: Customers.
            bill: Bills, month × customer.
            start: First month of each customer in the panel.
        """
        first = max(month - 3, 0)
        before = bill[first:month, :count].sum(axis=0, dtype=np.float64)
        known = np.clip(month - start[:count], 0, 3)
        with np.errstate(divide="ignore", invalid="ignore"):
            fall = 1.0 - bill[month, :count] * known / before
        return np.where(known > 0, np.maximum(fall, 0.0), 0.0)

    def bill_terms(self, bill: np.ndarray, fall: np.ndarray) -> np.ndarray:
        """Return the log odds from a bill (jiao) and its fall (0–1)."""
        yuan = np.maximum(bill, 10) / 10.0
        return self.terms.log_bill * np.log(yuan / 100.0) + self.terms.bill_fall * fall


def leaves(chance: np.ndarray, log_odds: np.ndarray) -> np.ndarray:
    """Return whether a uniform draw falls below the probability with these log odds."""
    return chance * (1.0 + np.exp(-log_odds)) < 1.0
