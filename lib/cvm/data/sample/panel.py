"""The matrices of a block, month × customer, that the steps of a month fill in turn."""

from __future__ import annotations

import numpy as np


class Panel:
    """What a block's customers show each month, and what the draws were.

    Money is whole jiao (0.1 yuan), volumes are whole hundredths of a GB, shares whole per cent, so
    that published figures are exact. A cell counts only where ``active``.

    Attributes:
        linear: Log odds of leaving next month without the terms of the bill and of campaigns.
        log_bill: Log of the bill in yuan before rounding, campaigns included.
        chance: Uniform draw that decides whether the customer leaves in the month.
        extra_logit: What campaigns add to the log odds of leaving in the month.
        extra_bill: What campaigns add to the log bill of the month.
        fall: Fall of the bill against the mean of up to three months before it.
    """

    def __init__(self, months: int, customers: int) -> None:
        def empty(kind: type) -> np.ndarray:
            return np.zeros((months, customers), dtype=kind)

        self.active = empty(np.bool_)
        self.bill = empty(np.int32)
        self.data = empty(np.int32)
        self.circle = empty(np.int32)
        self.off_net = empty(np.int16)
        self.forwarding = empty(np.int16)
        self.complaints = empty(np.int8)
        self.stops = empty(np.int8)
        self.on_time = empty(np.bool_)
        self.vip = empty(np.int8)
        self.star = empty(np.int8)
        self.balance = empty(np.int32)
        self.linear = empty(np.float64)
        self.log_bill = empty(np.float64)
        self.chance = empty(np.float64)
        self.extra_logit = empty(np.float64)
        self.extra_bill = empty(np.float64)
        self.fall = empty(np.float64)

    @property
    def shape(self) -> tuple[int, int]:
        """Months and customers."""
        return self.active.shape[0], self.active.shape[1]


def bill_jiao(log_bill: np.ndarray) -> np.ndarray:
    """Return the bill in whole jiao, at least 2 yuan and at most 20,000."""
    bill = np.exp(log_bill)
    bill *= 10.0
    bill += 0.5
    return np.clip(bill, 20, 200_000, out=bill).astype(np.int32)
