"""The compiled loops of the exact ledger.

They stand in one file because compiled code cached on disk does not notice a change in another.
Members are taken in blocks that fit the cache; within a block every month is one pass over its
members, which the compiler turns into vector instructions. The kernels release the interpreter's
lock and add whole numbers only, so that any number of threads gives the same totals. Arrays and
single-letter names are those of :mod:`cvm.points.ledger_types`; ``j`` is a member of the block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

EARNED, REDEEMED, EXPIRED, FORFEITED, IN, OUT = range(6)
REQUESTS, REQUESTED, BELOW, BELOW_POINTS, OVER, OVER_POINTS, NEGATIVE = range(7)
BLOCK = 1_000


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile on first use and keep the code on disk, or in memory where no disk can be written."""
    try:
        return numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # numba: "cannot cache function: no locator available"
        return numba.njit(nogil=True, error_model="numpy")(function)


@compiled
def _per(x, top, inverse, add):  # type: ignore[no-untyped-def]
    """Return floor((x × top + add − ½) ÷ bottom), with ½ in ``add`` and inverse = 1 ÷ bottom.

    Exact for whole x × top below 2**50: the quotient lies at least ½ ÷ bottom from a whole number,
    more than the float's error. Unlike a division, it is vectorised.
    """
    return np.int64((np.float64(x) * top + add) * inverse)


@compiled
def _award(n, of, top, bottom, add, points, out):  # type: ignore[no-untyped-def]
    """Write a share of a row + fixed points to out."""
    inverse, half = 1.0 / bottom, add + 0.5
    for j in range(n):
        out[j] = _per(of[j], top, inverse, half) + points


@compiled
def _award_bill(n, bill, left, t, top, bottom, add, fen, out):  # type: ignore[no-untyped-def]
    """Write bills while in service to fen, their points to out; return how many are negative."""
    inverse, half = 1.0 / bottom, add + 0.5
    negative = 0
    for j in range(n):
        value = np.int64(bill[j]) if left[j] > t else np.int64(0)
        negative += np.int64(value < 0)
        fen[j] = value
        out[j] = _per(value, top, inverse, half)
    return negative


@compiled
def _award_tenure(n, of, started, t, tops, bottom, add, out):  # type: ignore[no-untyped-def]
    """Write the share of a row that the table names for each member's tenure."""
    inverse, half = 1.0 / bottom, add + 0.5
    last = tops.shape[0] - 1
    for j in range(n):
        months = min(max(started[j] + t, 0), last)
        out[j] = _per(of[j], tops[months], inverse, half)


@compiled
def _award_credit(n, of, on_time, streak, months, top, bottom, add, points, out):  # type: ignore[no-untyped-def]
    """Write a share of a row + fixed points for those who have paid on time for long enough."""
    inverse, half = 1.0 / bottom, add + 0.5
    for j in range(n):
        run = streak[j] + 1 if on_time[j] != 0 else 0
        streak[j] = run
        won = _per(of[j], top, inverse, half) + points
        out[j] = won if run >= months else 0


@compiled
def _award_data(n, spent, left, t, minimum, top, bottom, add, points, out):  # type: ignore[no-untyped-def]
    """Write points of those in service who spent enough; return how many are negative."""
    inverse, half = 1.0 / bottom, add + 0.5
    negative = 0
    for j in range(n):
        fen = np.int64(spent[j])
        won = _per(fen, top, inverse, half) + points
        negative += np.int64(fen < 0)
        out[j] = won if (fen >= minimum) & (left[j] > t) else 0
    return negative


@compiled
def _in_service(n, left, t, out):  # type: ignore[no-untyped-def]
    """Clear what those who have left would be given."""
    for j in range(n):
        out[j] = out[j] if left[j] > t else 0


@compiled
def _earn(m, e, t, b, n, streak, row, gain, totals):  # type: ignore[no-untyped-def]
    """Write what each member of a block earns in month t into gain[k, j]."""
    d = e.edition[t]
    left, fen = m.left[b : b + n], row[0]
    consumption = gain[e.slot[0]]
    top, bottom, add = e.base[d]
    bill = m.bill_fen[t, b : b + n]
    negative = _award_bill(n, bill, left, t, top, bottom, add, fen, consumption)
    of = fen if e.on_bill[d] != 0 else consumption
    if e.slot[1] >= 0:
        started = m.tenure[b : b + n]
        bottom, add = e.tenure[d]
        _award_tenure(n, of, started, t, e.tenure_top[d], bottom, add, gain[e.slot[1]])
    if e.slot[2] >= 0:
        top, bottom, add, months, points = e.credit[d]
        paid, credit = m.on_time[t, b : b + n], gain[e.slot[2]]
        _award_credit(n, of, paid, streak, months, top, bottom, add, points, credit)
        if points > 0:
            _in_service(n, left, t, credit)
    if e.slot[3] >= 0:
        top, bottom, add, minimum, points = e.data[d]
        spent, data = m.data_fen[t, b : b + n], gain[e.slot[3]]
        negative += _award_data(n, spent, left, t, minimum, top, bottom, add, points, data)
    if e.slot[4] >= 0 or e.times[d, 0] != 0:
        bonus = gain[e.slot[4]] if e.slot[4] >= 0 else row[2]
        _earn_bonus(m, e, t, d, b, n, fen, row[1], bonus, gain)
    totals.counts[0, t, NEGATIVE] += negative


@compiled
def _earn_bonus(m, e, t, d, b, n, fen, won, bonus, gain):  # type: ignore[no-untyped-def]
    """Add campaigns and multipliers; campaigns first, as they are shares of the plain points."""
    consumption = gain[e.slot[0]]
    _fill(n, 0, bonus)
    for c in range(e.campaign.shape[0]):
        edition, first, last, top, bottom, add, minimum, points = e.campaign[c]
        if edition == d and first <= t <= last:
            _award(n, consumption, top, bottom, add, points, won)
            for j in range(n):
                bonus[j] += won[j] if fen[j] >= minimum else 0
            _in_service(n, m.left[b : b + n], t, bonus)
    mode, bottom, add, bill_bottom, bill_add = e.times[d]
    if mode == 0:
        return
    level = m.level[t % m.level.shape[0], b : b + n]
    for j in range(n):
        times = e.times_top[d, level[j]]
        if mode == 1:
            top = e.base[d, 0] * times
            consumption[j] = _per(fen[j], top, 1.0 / bill_bottom, bill_add + 0.5)
        else:
            of = consumption[j]
            for s in range(1, 4):
                if mode == 3 and e.slot[s] >= 0:
                    of += gain[e.slot[s], j]
            bonus[j] += _per(of, times - bottom, 1.0 / bottom, add + 0.5)


@compiled
def _add(n, row, out):  # type: ignore[no-untyped-def]
    """Add a row to out; return the row's sum."""
    total = 0
    for j in range(n):
        value = np.int64(row[j])
        out[j] += value
        total += value
    return total


@compiled
def _copy(n, row, out):  # type: ignore[no-untyped-def]
    for j in range(n):
        out[j] = row[j]


@compiled
def _fill(n, value, out):  # type: ignore[no-untyped-def]
    for j in range(n):
        out[j] = value


@compiled
def _cumulate(n, before, now, pool):  # type: ignore[no-untyped-def]
    """Turn a month's lots into what was earned so far; return the lots' sum."""
    total = 0
    for j in range(n):
        lot = now[j]
        total += lot
        pool[j] += lot
        now[j] = before[j] + lot
    return total


@compiled
def _negative(n, row):  # type: ignore[no-untyped-def]
    count = 0
    for j in range(n):
        count += np.int64(row[j] < 0)
    return count


@compiled
def _gain(m, e, t, b, n, from_bills, c, streak, row, gain, totals):  # type: ignore[no-untyped-def]
    """Fill one month's lots of a block; count what is transferred in."""
    if from_bills:
        _earn(m, e, t, b, n, streak, row, gain, totals)
    else:
        for k in range(gain.shape[0]):
            totals.counts[0, t, NEGATIVE] += _negative(n, m.earned[k, t, b : b + n])
            _copy(n, m.earned[k, t, b : b + n], gain[k])
    if m.moved_in.shape[0] > 0:
        moved = m.moved_in[t, b : b + n]
        totals.counts[1, t, NEGATIVE] += _negative(n, moved)
        total = _add(n, moved, gain[c.in_slot])
        totals.flows[IN, c.in_slot, t] += total
        totals.flows[EARNED, c.in_slot, t] -= total


@compiled
def _book(entry, t, p, pooled, n, took, used, earned, cum, at, done, totals):  # type: ignore[no-untyped-def]
    """Book what left account p this month to the classes it came from.

    A pooled account's lots stand in a row, by month and within a month by class: ``used`` is how
    far along the row points have gone, ``at`` the month that is, ``done`` how far in each class.
    """
    if not pooled:
        totals.flows[entry, p, t] += _add(n, took, done[p])
        return
    for j in range(n):
        if took[j] > 0:
            h = at[j]
            while earned[h, 0, j] < used[j]:
                h += 1
            at[j] = h
            rest = used[j] - (earned[h - 1, 0, j] if h > 0 else 0)
            for k in range(cum.shape[1]):
                before = cum[h - 1, k, j] if h > 0 else 0
                part = min(rest, cum[h, k, j] - before)
                rest -= part
                totals.flows[entry, k, t] += before + part - done[k, j]
                done[k, j] = before + part


@compiled
def _grant(n, asked, total, have, smallest, enforce, truncate, want, tally):  # type: ignore[no-untyped-def]
    """Write what is given of what is asked to want; count what is not."""
    requests = requested = below = below_points = over = given = negative = 0
    for j in range(n):
        ask = np.int64(asked[j])
        low = (total[j] < smallest) & (ask > 0)
        requests += np.int64(ask > 0)
        requested += ask
        negative += np.int64(ask < 0)
        below += np.int64(low)
        below_points += ask if low else 0
        ask = 0 if low & (enforce != 0) else ask
        held = have[j]
        over += np.int64(ask > held)
        most = held if truncate != 0 else 0
        give = ask if ask <= held else most
        given += give
        want[j] = give
    tally[REQUESTS] += requests
    tally[REQUESTED] += requested
    tally[BELOW] += below
    tally[BELOW_POINTS] += below_points
    tally[OVER] += over
    tally[OVER_POINTS] += requested - below_points * enforce - given
    tally[NEGATIVE] += negative


@compiled
def _divide(n, spare, want):  # type: ignore[no-untyped-def]
    """Spread want[0] over the accounts, the first to go first."""
    for p in range(1, spare.shape[0]):
        for j in range(n):
            give = min(want[p - 1, j], spare[p - 1, j])
            want[p, j] = want[p - 1, j] - give
            want[p - 1, j] = give


@compiled
def _left_over(n, earned, used, out):  # type: ignore[no-untyped-def]
    """Write what is earned and not gone."""
    for j in range(n):
        out[j] = max(earned[j] - used[j], 0)


@compiled
def _expire(n, earned, used, took):  # type: ignore[no-untyped-def]
    """Take all that is earned and not gone; return the sum."""
    total = 0
    for j in range(n):
        gone = max(earned[j] - used[j], 0)
        used[j] += gone
        took[j] = gone
        total += gone
    return total


@compiled
def _forfeit(n, earned, used, left, t, took):  # type: ignore[no-untyped-def]
    """Take all that those who have left hold; return the sum."""
    total = 0
    for j in range(n):
        gone = earned[j] - used[j] if left[j] <= t else 0
        used[j] += gone
        took[j] = gone
        total += gone
    return total


@compiled
def _outstanding(n, after, before, done):  # type: ignore[no-untyped-def]
    """Return how much of a class's lots of a month is left."""
    total = 0
    for j in range(n):
        total += max(after[j] - max(before[j], done[j]), 0)
    return total


@compiled
def run_accounts(start, stop, from_bills, m, e, c, totals):  # type: ignore[no-untyped-def]
    """Run members through accounts whose lots die in the order they are earned and redeemed.

    Uses the cumulative identity: with E earned and C gone so far, C grows by what is redeemed, then
    to E of the latest dead lot where that is more; the balance is E − C. First in, first out.
    """
    classes, lots = totals.aged.shape
    accounts = c.cut.shape[0]
    pooled = accounts < classes
    cum = np.zeros((lots, classes, BLOCK), np.int64)
    earned = np.zeros((lots, 1, BLOCK), np.int64) if pooled else cum
    used = np.zeros((accounts, BLOCK), np.int64)
    done = np.zeros((classes, BLOCK), np.int64)
    took = np.zeros((accounts, BLOCK), np.int64)
    spare = np.zeros((accounts, BLOCK), np.int64)
    row = np.zeros((3, BLOCK), np.int64)
    zero, total = np.zeros(BLOCK, np.int64), np.zeros(BLOCK, np.int64)
    at, streak = np.zeros(BLOCK, np.int64), np.zeros(BLOCK, np.int64)
    for b in range(start, stop, BLOCK):
        n = min(BLOCK, stop - b)
        for p in range(accounts):
            _fill(n, 0, used[p])
        for k in range(classes):
            _fill(n, 0, done[k])
        _fill(n, 0, at)
        _copy(n, m.streak[b : b + n], streak)
        left = m.left[b : b + n]
        for h in range(lots):
            t = h - c.history
            if t < 0:
                for k in range(classes):
                    _fill(n, 0, cum[h, k])
                    totals.opening[k] += _add(n, m.opening[k, h, b : b + n], cum[h, k])
            else:
                _gain(m, e, t, b, n, from_bills, c, streak, row, cum[h], totals)
            pool = earned[h, 0] if pooled else total
            if pooled:
                _copy(n, earned[h - 1, 0] if h > 0 else zero, pool)
            for k in range(classes):
                added = _cumulate(n, cum[h - 1, k] if h > 0 else zero, cum[h, k], pool)
                if t >= 0:
                    totals.flows[EARNED, k, t] += added
            if t < 0:
                continue
            for way in range(2):
                asked = m.request if way == 0 else m.moved_out
                if asked.shape[0] == 0:
                    continue
                for p in range(accounts):
                    usable = earned[h - c.lag, p] if h >= c.lag else zero
                    _left_over(n, usable, used[p], spare[p])
                whole = spare[0]
                if accounts > 1:
                    whole = total
                    _copy(n, spare[0], total)
                for p in range(1, accounts):
                    _add(n, spare[p], total)
                smallest = c.smallest[t] if way == 0 else np.int64(0)
                for q in range(asked.shape[0]):
                    have = spare[q] if asked.shape[0] > 1 else whole
                    _grant(
                        n, asked[q, t, b : b + n], whole, have, smallest, c.enforce, c.truncate,
                        took[q], totals.counts[way, t],
                    )  # fmt: skip
                if asked.shape[0] == 1:
                    _divide(n, spare, took)
                entry = REDEEMED if way == 0 else OUT
                for p in range(accounts):
                    _add(n, took[p], used[p])
                    _book(entry, t, p, pooled, n, took[p], used[p], earned, cum, at, done, totals)
                    if way == 0 and totals.redeemed.shape[0] > 0:
                        _copy(n, took[p], totals.redeemed[p, t, b : b + n])
            for p in range(accounts):
                cut, gone = c.cut[p, t], took[p]
                if c.forfeit != 0 and _forfeit(n, earned[h, p], used[p], left, t, gone) > 0:
                    _book(FORFEITED, t, p, pooled, n, gone, used[p], earned, cum, at, done, totals)
                if cut >= 0 and _expire(n, earned[cut, p], used[p], gone) > 0:
                    _book(EXPIRED, t, p, pooled, n, gone, used[p], earned, cum, at, done, totals)
                    if totals.expired.shape[0] > 0:
                        _copy(n, gone, totals.expired[p, t, b : b + n])
            if totals.balance.shape[0] > 0:
                for p in range(accounts):
                    _left_over(n, earned[h, p], used[p], total)
                    _add(n, total, totals.balance[t, b : b + n])
        for k in range(classes):
            for h in range(lots):
                before = cum[h - 1, k] if h > 0 else zero
                totals.aged[k, h] += _outstanding(n, cum[h, k], before, done[k])
        for p in range(accounts):
            _left_over(n, earned[lots - 1, p], used[p], total)
            _add(n, total, totals.closing[b : b + n])


@compiled
def fill_lots(start, stop, from_bills, m, e, c, totals, lots):  # type: ignore[no-untyped-def]
    """Write what members earned into lots[h, k, member − start], for the ledger lot by lot."""
    streak = np.zeros(BLOCK, np.int64)
    row = np.zeros((3, BLOCK), np.int64)
    gain = np.zeros((lots.shape[1], BLOCK), np.int64)
    for b in range(start, stop, BLOCK):
        n = min(BLOCK, stop - b)
        _copy(n, m.streak[b : b + n], streak)
        for h in range(lots.shape[0]):
            t = h - c.history
            if t < 0:
                for k in range(gain.shape[0]):
                    _copy(n, m.opening[k, h, b : b + n], gain[k])
            else:
                _gain(m, e, t, b, n, from_bills, c, streak, row, gain, totals)
            for k in range(gain.shape[0]):
                added = _add(n, gain[k], lots[h, k, b - start : b - start + n])
                if t >= 0:
                    totals.flows[EARNED, k, t] += added
