"""The exact ledger, lot by lot: for rules under which points do not die in the order they go.

Slower than accounts by an order of magnitude, but it follows any rule book: classes with different
lives redeemed oldest first, old points that keep an old rule. It reads lots that the other kernels
have filled, and calls none of them: compiled code cached on disk does not notice a change in
another file.
"""

from __future__ import annotations

import numpy as np

from cvm.points.ledger_kernels import (
    BELOW,
    BELOW_POINTS,
    EXPIRED,
    FORFEITED,
    NEGATIVE,
    OUT,
    OVER,
    OVER_POINTS,
    REDEEMED,
    REQUESTED,
    REQUESTS,
    compiled,
    part,
)


@part
def _take(amount, latest, only, entry, t, j, first, left, c, totals):  # type: ignore[no-untyped-def]
    """Take points from a member's lots in their order, up to lot month ``latest``."""
    lots = totals.aged.shape[1]
    r = first
    while amount > 0:
        k, h = c.lot[r] // lots, c.lot[r] % lots
        if left[r] > 0 and h <= latest and (only < 0 or only == k):
            taken = min(amount, left[r])
            left[r] -= taken
            amount -= taken
            totals.flows[entry, k, t] += taken
            if entry == REDEEMED and totals.redeemed.shape[0] > 0:
                totals.redeemed[k, t, j] += taken
        r += 1


@part
def _redeem(asked, way, t, j, latest, first, usable, left, c, totals):  # type: ignore[no-untyped-def]
    """Carry out one member's redemption or transfer."""
    by_class = asked.shape[0] > 1
    tally = totals.counts[way, t]
    total = usable.sum()
    for q in range(asked.shape[0]):
        ask = np.int64(asked[q])
        if ask == 0:
            continue
        tally[REQUESTED] += ask
        if ask < 0:
            tally[NEGATIVE] += 1
            continue
        tally[REQUESTS] += 1
        if way == 0 and total < c.smallest[t]:
            tally[BELOW] += 1
            tally[BELOW_POINTS] += ask
            if c.enforce != 0:
                continue
        have = usable[q] if by_class else total
        give = ask
        if ask > have:
            give = have * c.truncate
            tally[OVER] += 1
            tally[OVER_POINTS] += ask - give
        entry = REDEEMED if way == 0 else OUT
        _take(give, latest, q if by_class else -1, entry, t, j, first, left, c, totals)


@compiled
def run_lots(start, stop, lots_in, m, c, totals):  # type: ignore[no-untyped-def]
    """Run members ``start`` to ``stop`` whose lots are lots_in[h, k, member − start]."""
    classes, lots = totals.aged.shape
    size = classes * lots
    left = np.zeros(size, np.int64)
    usable = np.zeros(classes, np.int64)
    for j in range(start, stop):
        left[:] = 0
        first = size
        for h in range(lots):
            t = h - c.history
            for k in range(classes):
                points = np.int64(lots_in[h, k, j - start])
                if points > 0:
                    r = c.rank[k, h]
                    left[r] = points
                    first = min(first, r)
                if t < 0:
                    totals.opening[k] += points
            if t < 0:
                continue
            while first < size and left[first] == 0:
                first += 1
            for way in range(2):
                asked = m.request[:, t, j] if way == 0 else m.moved_out[:, t, j]
                wanted = np.int64(0)
                for q in range(asked.shape[0]):
                    wanted += abs(np.int64(asked[q]))
                if wanted > 0:
                    usable[:] = 0
                    for r in range(first, size):
                        if c.lot[r] % lots <= h - c.lag:
                            usable[c.lot[r] // lots] += left[r]
                    _redeem(asked, way, t, j, h - c.lag, first, usable, left, c, totals)
            balance = np.int64(0)
            for r in range(first, size):
                if left[r] > 0:
                    k = c.lot[r] // lots
                    leaves = m.left[j] <= t and c.forfeit != 0
                    entry = FORFEITED if leaves else EXPIRED
                    if leaves or c.dies[r] <= t:
                        totals.flows[entry, k, t] += left[r]
                        if entry == EXPIRED and totals.expired.shape[0] > 0:
                            totals.expired[k, t, j] += left[r]
                        left[r] = 0
                    balance += left[r]
            if totals.balance.shape[0] > 0:
                totals.balance[t, j] = balance
        totals.closing[j] = 0
        for r in range(size):
            totals.aged[c.lot[r] // lots, c.lot[r] % lots] += left[r]
            totals.closing[j] += left[r]
