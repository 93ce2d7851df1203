"""The arrays that pass between the ledger and its compiled loops.

Names: ``t`` month of the window, ``h`` month of a lot (``history`` months precede the window),
``k`` class, ``p`` account, ``e`` edition, ``c`` campaign. Whole numbers have 64 bits unless another
size is given.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Members(NamedTuple):
    """What happened, one column a member; an absent input has no rows (see the ledger's inputs)."""

    bill_fen: np.ndarray  # int32 [t, member]
    data_fen: np.ndarray  # int32 [t, member]
    tenure: np.ndarray  # int32 [member], in the first month
    on_time: np.ndarray  # uint8 [t, member]
    streak: np.ndarray  # int32 [member], before the first month
    level: np.ndarray  # int16 [1 or t, member]
    earned: np.ndarray  # int32 [k, t, member], instead of bills
    opening: np.ndarray  # int32 [k, h, member]
    request: np.ndarray  # int32 [1 or k, t, member]
    moved_in: np.ndarray  # int32 [t, member]
    moved_out: np.ndarray  # int32 [1, t, member]
    left: np.ndarray  # int32 [member], first month without service


class Earning(NamedTuple):
    """Earn rules in whole numbers, one row an edition; rates are (numerator, denominator, add)."""

    edition: np.ndarray  # [t]
    base: np.ndarray  # [e, 3]
    on_bill: np.ndarray  # [e]
    tenure_top: np.ndarray  # [e, tenure in months], the last for all longer ones, over:
    tenure: np.ndarray  # [e, 2]: denominator, add
    credit: np.ndarray  # [e, 5]: rate, months needed, fixed points
    data: np.ndarray  # [e, 5]: rate, minimum fen, fixed points
    times_top: np.ndarray  # [e, level]
    times: (
        np.ndarray
    )  # [e, 5]: mode, denominator, add, and of the multiplied bill: denominator, add
    campaign: np.ndarray  # [c, 8]: edition, first t, last t, rate, minimum fen, points
    slot: np.ndarray  # [5]: row of consumption, tenure, credit, data, bonus; -1 if it has none


class Course(NamedTuple):
    """How points leave."""

    history: int
    lag: int  # 1 if a month's points are usable from the next month on
    smallest: np.ndarray  # [t], smallest balance that qualifies
    enforce: int  # 1: refuse redemptions below it
    truncate: int  # 1: cut redemptions above the balance, 0: refuse them whole
    forfeit: int  # 1: a leaver's points are forfeited
    in_slot: int
    cut: np.ndarray  # [p, t]: latest h dead at the month's end, -1 if none
    rank: np.ndarray  # [k, h]: place of the lot in the order of redemption
    lot: np.ndarray  # [rank]: k × lot months + h
    dies: np.ndarray  # [rank]: t at whose end it dies


class Totals(NamedTuple):
    """What the kernels add up."""

    flows: np.ndarray  # [entry, k, t]
    opening: np.ndarray  # [k]
    counts: np.ndarray  # [redemptions or transfers out, t, count]
    aged: np.ndarray  # [k, h]: outstanding at the end
    closing: np.ndarray  # [member]
    balance: np.ndarray  # [t, member], or no rows
    redeemed: np.ndarray  # [k, t, member], or no rows
    expired: np.ndarray  # [k, t, member], or no rows
