"""Lifetime value as a Markov chain, and when to stop contacting a customer.

Pfeifer & Carraway (2000), "Modeling customer relationships as Markov chains": the state is recency
(periods since the last purchase); V = (I − P ÷ (1 + d))⁻¹ R. Where each state offers a choice
between going on and stopping, policy improvement finds the best set of states to go on in, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, check_at_least, check_between, check_finite
from cvm.core.i18n import say
from cvm.core.money import format_yuan
from cvm.core.result import Result

FloatArray = npt.NDArray[np.float64]
_SUM_ERROR = 1e-9


def chain_value(
    transitions: npt.ArrayLike, rewards_yuan: npt.ArrayLike, discount_rate: float
) -> FloatArray:
    """Return the discounted value of standing in each state, its own reward first.

    Args:
        transitions: Chances from each state (row) to each (column); rows sum to 1.
        rewards_yuan: What a period in each state earns (yuan); may be negative.
        discount_rate: Per period, above 0.

    Raises:
        ArgumentError: Chances that are negative or do not sum to 1, shapes that do not agree, a
            reward that is not finite, or a discount rate not above 0.
    """
    chances = np.asarray(transitions, float)
    rewards = np.asarray(rewards_yuan, float)
    if chances.ndim != 2 or chances.shape != (len(rewards), len(rewards)) or not len(rewards):
        raise ArgumentError(
            "transitions", f"{chances.shape}", f"square, a row for each of {len(rewards)} rewards"
        )
    if not (np.all(chances >= 0) and np.allclose(chances.sum(axis=1), 1, atol=_SUM_ERROR)):
        sums = chances.sum(axis=1)
        raise ArgumentError(
            "transitions",
            f"rows summing to {', '.join(f'{value:g}' for value in sums)}",
            "chances, not negative, each row summing to 1",
            action="count leaving as a state of its own",
        )
    if not np.all(np.isfinite(rewards)):
        raise ArgumentError("rewards_yuan", rewards, "known in every state")
    check_between(discount_rate, "discount_rate", low=0, high=1e6, include_low=False)
    return np.linalg.solve(np.eye(len(rewards)) - chances / (1 + discount_rate), rewards)


@dataclass(frozen=True, kw_only=True, eq=False)
class RecencyValue(Result):
    """Value by recency under going on, stopping, and the best policy.

    Attributes:
        states: A row a recency: recency, buy_chance, always_yuan (contacting as long as there is a
            chance), best_yuan, contact (whether the best policy goes on contacting).
        stop_at: First recency at which the best policy stops; None if it never does.
        margin_yuan: Margin of a purchase.
        contact_yuan: Cost of a contact.
        discount_rate: Per period.
    """

    states: pd.DataFrame
    stop_at: int | None
    margin_yuan: float
    contact_yuan: float
    discount_rate: float

    view: ClassVar[str] = ""

    def summary(self) -> pd.DataFrame:
        """Return the states."""
        return self.states

    def text(self, lang: str = "en") -> str:
        """Return what a new customer is worth and when to stop contacting."""
        first = self.states.iloc[0]
        key = {None: "never_stop", 1: "never_start"}.get(self.stop_at, "stop")
        return say(
            f"segments_lifetime.markov.{key}",
            lang,
            best=format_yuan(first["best_yuan"], lang),
            always=format_yuan(first["always_yuan"], lang),
            last=(self.stop_at or 0) - 1,
        )


def recency_value(
    buy_chances: Sequence[float],
    *,
    margin_yuan: float,
    contact_yuan: float,
    discount_rate: float,
) -> RecencyValue:
    """Value customers by recency, and find where to stop contacting them.

    In recency k a customer has last bought k periods ago and was contacted; with chance
    ``buy_chances[k-1]`` the next period is one of purchase (recency 1), otherwise recency k + 1.
    After the last recency the customer is gone. Recency 1 earns the margin; a contact is paid in
    every state in which it is made. A customer who is not contacted does not come back.

    Args:
        buy_chances: Chance of a purchase at recency 1, 2, ….
        margin_yuan: Margin of a purchase (yuan).
        contact_yuan: Cost of a contact (yuan), 0 or more.
        discount_rate: Per period, above 0.

    Raises:
        ArgumentError: No chance, a chance outside 0–1, or a figure out of range.

    Example:
        >>> found = recency_value(
        ...     [0.3, 0.2, 0.15, 0.05], margin_yuan=40, contact_yuan=4, discount_rate=0.2
        ... )
        >>> found.states["always_yuan"].round(3).tolist(), found.stop_at
        ([52.32, 5.554, 1.251, -1.82], 4)
    """
    chances = np.asarray(buy_chances, float)
    if not len(chances):
        raise ArgumentError("buy_chances", "empty", "at least one chance")
    for place, chance in enumerate(chances):
        check_between(float(chance), f"buy_chances[{place + 1}]", low=0, high=1)
    check_finite(margin_yuan, "margin_yuan")
    check_at_least(contact_yuan, "contact_yuan", 0)
    count = len(chances)
    go_on = np.zeros((count + 1, count + 1))
    go_on[np.arange(count), 0] = chances
    go_on[np.arange(count), np.arange(1, count + 1)] = 1 - chances
    go_on[count, count] = 1
    stop = np.zeros_like(go_on)
    stop[:, count] = 1
    bought = np.zeros(count + 1)
    bought[0] = margin_yuan
    contacted = bought - contact_yuan
    contacted[count] = 0.0
    always = chain_value(go_on, contacted, discount_rate)
    contact = np.append(np.ones(count, bool), False)
    for _ in range(2 ** min(count, 20)):
        value = chain_value(
            np.where(contact[:, None], go_on, stop),
            np.where(contact, contacted, bought),
            discount_rate,
        )
        gain = contacted - bought + (go_on - stop) @ value / (1 + discount_rate)
        better = np.append(gain[:count] > 1e-12, False)
        if (better == contact).all():
            break
        contact = better
    stops = np.flatnonzero(~contact[:count])
    return RecencyValue(
        states=pd.DataFrame(
            {
                "recency": np.arange(1, count + 1),
                "buy_chance": chances,
                "always_yuan": always[:count],
                "best_yuan": value[:count],
                "contact": contact[:count],
            }
        ),
        stop_at=int(stops[0]) + 1 if len(stops) else None,
        margin_yuan=margin_yuan,
        contact_yuan=contact_yuan,
        discount_rate=discount_rate,
    )
