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


part = numba.njit(nogil=True, error_model="numpy")
"""A piece of a loop: compiled into it, and kept on disk with it."""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile on first use and keep the code on disk, or in memory where no disk can be written."""
    try:
        return numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # numba: "cannot cache function: no locator available"
        return part(function)


@part
def _per(x, top, inverse, add):  # type: ignore[no-untyped-def]
    """Return floor((x × top + add − ½) ÷ bottom), with ½ in ``add`` and inverse = 1 ÷ bottom.

    Exact for whole x × top below 2**50: the quotient lies at least ½ ÷ bottom from a whole number,
    more than the float's error. Unlike a division, it is vectorised.
    """
    return np.int64((x * top + add) * inverse)


@part
def _award_bill(n, bill, left, t, top, bottom, add, fen, base, out):  # type: ignore[no-untyped-def]
    """Write bills while in service to fen, their points to out and, as floats, to base.

    Returns how many bills are negative.
    """
    scale, inverse, half = np.float64(top), 1.0 / bottom, add + 0.5
    negative = 0
    for j in range(n):
        value = bill[j] if left[j] > t else np.int32(0)
        negative += np.int64(value < 0)
        amount = np.float64(value)
        points = _per(amount, scale, inverse, half)
        fen[j] = amount
        base[j] = np.float64(points)
        out[j] = points
    return negative


@part
def _award_tenure(n, of, started, t, tops, bottom, add, out):  # type: ignore[no-untyped-def]
    """Write the share of a row that the table names for each member's tenure."""
    inverse, half = 1.0 / bottom, add + 0.5
    last = tops.shape[0] - 1
    for j in range(n):
        months = min(max(started[j] + t, 0), last)
        out[j] = _per(of[j], tops[months], inverse, half)


@part
def _award_credit(n, of, on_time, streak, months, top, bottom, add, points, out):  # type: ignore[no-untyped-def]
    """Write a share of a row + fixed points for those who have paid on time for long enough."""
    scale, inverse, half = np.float64(top), 1.0 / bottom, add + 0.5
    for j in range(n):
        run = streak[j] + 1 if on_time[j] != 0 else 0
        streak[j] = run
        won = _per(of[j], scale, inverse, half) + points
        out[j] = won if run >= months else 0


@part
def _award_data(n, spent, left, t, minimum, top, bottom, add, points, out):  # type: ignore[no-untyped-def]
    """Write points of those in service who spent enough; return how many are negative."""
    scale, inverse, half = np.float64(top), 1.0 / bottom, add + 0.5
    negative = 0
    for j in range(n):
        fen = spent[j]
        negative += np.int64(fen < 0)
        won = _per(np.float64(fen), scale, inverse, half) + points
        out[j] = won if (fen >= minimum) & (left[j] > t) else 0
    return negative


@part
def _in_service(n, left, t, out):  # type: ignore[no-untyped-def]
    """Clear what those who have left would be given."""
    for j in range(n):
        out[j] = out[j] if left[j] > t else 0


@part
def _earn(m, e, t, b, n, streak, row, gain, totals):  # type: ignore[no-untyped-def]
    """Write what each member of a block earns in month t into gain[k, j]."""
    d = e.edition[t]
    left, fen, base = m.left[b : b + n], row[0], row[1]
    top, bottom, add = e.base[d]
    bill, consumption = m.bill_fen[t, b : b + n], gain[e.slot[0]]
    negative = _award_bill(n, bill, left, t, top, bottom, add, fen, base, consumption)
    of = fen if e.on_bill[d] != 0 else base
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
        _earn_bonus(m, e, t, d, b, n, fen, base, gain)
    totals.counts[0, t, NEGATIVE] += negative


@part
def _earn_bonus(m, e, t, d, b, n, fen, base, gain):  # type: ignore[no-untyped-def]
    """Add campaigns, then multipliers of what else was earned."""
    mode, bottom, add, bill_bottom, bill_add = e.times[d]
    level, left = m.level[t % m.level.shape[0], b : b + n], m.left[b : b + n]
    for j in range(n):
        bonus = 0
        for c in range(e.campaign.shape[0]):
            edition, first, last, top, low, extra, minimum, points = e.campaign[c]
            if edition == d and first <= t <= last and fen[j] >= minimum and left[j] > t:
                bonus += _per(base[j], top, 1.0 / low, extra + 0.5) + points
        times = e.times_top[d, level[j]]
        if mode == 1:
            top = e.base[d, 0] * times
            gain[e.slot[0], j] = _per(fen[j], top, 1.0 / bill_bottom, bill_add + 0.5)
        elif mode > 1:
            of = base[j]
            for s in range(1, 4):
                if mode == 3 and e.slot[s] >= 0:
                    of += gain[e.slot[s], j]
            bonus += _per(of, times - bottom, 1.0 / bottom, add + 0.5)
        if e.slot[4] >= 0:
            gain[e.slot[4], j] = bonus


@part
def _add(n, row, out):  # type: ignore[no-untyped-def]
    """Add a row to out; return the row's sum."""
    total = 0
    for j in range(n):
        value = np.int64(row[j])
        out[j] += value
        total += value
    return total


@part
def _copy(n, row, out):  # type: ignore[no-untyped-def]
    for j in range(n):
        out[j] = row[j]


@part
def _fill(n, value, out):  # type: ignore[no-untyped-def]
    for j in range(n):
        out[j] = value


@part
def _cumulate(n, before, now, pool):  # type: ignore[no-untyped-def]
    """Turn a month's lots into what was earned so far; return the lots' sum."""
    total = 0
    for j in range(n):
        lot = now[j]
        total += lot
        pool[j] += lot
        now[j] = before[j] + lot
    return total


@part
def _negative(n, row):  # type: ignore[no-untyped-def]
    count = 0
    for j in range(n):
        count += np.int64(row[j] < 0)
    return count


@part
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


@part
def _book(entry, t, b, who, pooled, used, earned, cum, at, done, totals):  # type: ignore[no-untyped-def]
    """Book what left the accounts of some members this month to the classes it came from.

    A pooled account's lots stand in a row, by month and within a month by class: ``used`` is how
    far along the row points have gone, ``at`` the month that is, ``done`` how far in each class.
    """
    kept = totals.redeemed if entry == REDEEMED else totals.expired
    keep = kept.shape[0] > 0 and entry in (REDEEMED, EXPIRED)
    for j in who:
        h, rest = at[j], np.int64(0)
        if pooled:
            while earned[h, 0, j] < used[0, j]:
                h += 1
            at[j] = h
            rest = used[0, j] - (earned[h - 1, 0, j] if h > 0 else 0)
        for k in range(cum.shape[1]):
            if pooled:
                before = cum[h - 1, k, j] if h > 0 else 0
                share = min(rest, cum[h, k, j] - before)
                rest -= share
                gone = before + share
            else:
                gone = used[k, j]
            moved = gone - done[k, j]
            done[k, j] = gone
            totals.flows[entry, k, t] += moved
            if keep:
                kept[k, t, b + j] = moved


@part
def _pick(n, row, who):  # type: ignore[no-untyped-def]
    """Write the positions that are not zero; return how many."""
    count = 0
    for j in range(n):
        who[count] = j
        count += np.int64(row[j] != 0)
    return count


@part
def _grant(asked, t, b, who, smallest, c, usable, used, who_took, tally):  # type: ignore[no-untyped-def]
    """Take what some members ask for from their accounts; return how many took, and who.

    What is asked is [1, t, member], of all accounts in their order, or [class, t, member].
    """
    accounts, by_class = used.shape[0], asked.shape[0] > 1
    took = 0
    for j in who:
        held = np.int64(0)
        for p in range(accounts):
            held += usable[p, j] - used[p, j]
        given = np.int64(0)
        for q in range(asked.shape[0]):
            ask = np.int64(asked[q, t, b + j])
            spare = usable[q, j] - used[q, j] if by_class else held
            tally[REQUESTED] += ask
            tally[REQUESTS] += np.int64(ask > 0)
            tally[NEGATIVE] += np.int64(ask < 0)
            if ask > 0 and held < smallest:
                tally[BELOW] += 1
                tally[BELOW_POINTS] += ask
                ask *= 1 - c.enforce
            give = ask
            if ask > spare:
                give = spare * c.truncate
                tally[OVER] += 1
                tally[OVER_POINTS] += ask - give
            given += give
            for p in range(q, q + 1 if by_class else accounts):
                part = min(give, usable[p, j] - used[p, j])
                used[p, j] += part
                give -= part
        who_took[took] = j
        took += np.int64(given > 0)
    return took


@part
def _forfeit(t, who, left, earned, used, who_lost):  # type: ignore[no-untyped-def]
    """Take all that those who have left hold; return how many lost something, and who."""
    lost = 0
    for j in who:
        if left[j] <= t:
            gone = np.int64(0)
            for p in range(used.shape[0]):
                gone += earned[p, j] - used[p, j]
                used[p, j] = earned[p, j]
            who_lost[lost] = j
            lost += np.int64(gone > 0)
    return lost


@part
def _expire(n, earned, used, took):  # type: ignore[no-untyped-def]
    """Take all that is earned and not gone; add it to what was taken; return the sum."""
    total = 0
    for j in range(n):
        gone = max(earned[j] - used[j], 0)
        used[j] += gone
        took[j] += gone
        total += gone
    return total


@part
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
    row = np.zeros((2, BLOCK), np.float64)
    zeros, total = np.zeros((classes, BLOCK), np.int64), np.zeros(BLOCK, np.int64)
    at, streak = np.zeros(BLOCK, np.int64), np.zeros(BLOCK, np.int64)
    who, some = np.zeros(BLOCK + 1, np.int64), np.zeros(BLOCK + 1, np.int64)
    leavers = np.zeros(BLOCK + 1, np.int64)
    for b in range(start, stop, BLOCK):
        n = min(BLOCK, stop - b)
        for p in range(accounts):
            _fill(n, 0, used[p])
        for k in range(classes):
            _fill(n, 0, done[k])
        _fill(n, 0, at)
        _copy(n, m.streak[b : b + n], streak)
        left = m.left[b : b + n]
        leaving = 0
        for j in range(n):
            leavers[leaving] = j
            leaving += c.forfeit * np.int64(left[j] < lots)
        for h in range(lots):
            t = h - c.history
            if t < 0:
                for k in range(classes):
                    _fill(n, 0, cum[h, k])
                    totals.opening[k] += _add(n, m.opening[k, h, b : b + n], cum[h, k])
            else:
                _gain(m, e, t, b, n, from_bills, c, streak, row, cum[h], totals)
            before = cum[h - 1] if h > 0 else zeros
            pool = earned[h, 0] if pooled else total
            if pooled:
                _copy(n, earned[h - 1, 0] if h > 0 else zeros[0], pool)
            for k in range(classes):
                added = _cumulate(n, before[k], cum[h, k], pool)
                if t >= 0:
                    totals.flows[EARNED, k, t] += added
            if t < 0:
                continue
            usable = earned[h - c.lag] if h >= c.lag else zeros
            for way in range(2):
                asked = m.request if way == 0 else m.moved_out
                if asked.shape[0] == 0:
                    continue
                if asked.shape[0] == 1:
                    count = _pick(n, asked[0, t, b : b + n], who)
                else:
                    _fill(n, 0, total)
                    for q in range(asked.shape[0]):
                        _mark(n, asked[q, t, b : b + n], total)
                    count = _pick(n, total, who)
                smallest = c.smallest[t] if way == 0 else np.int64(0)
                tally = totals.counts[way, t]
                took = _grant(asked, t, b, who[:count], smallest, c, usable, used, some, tally)
                entry = REDEEMED if way == 0 else OUT
                _book(entry, t, b, some[:took], pooled, used, earned, cum, at, done, totals)
            if leaving > 0:
                lost = _forfeit(t, leavers[:leaving], left, earned[h], used, some)
                _book(FORFEITED, t, b, some[:lost], pooled, used, earned, cum, at, done, totals)
            gone = 0
            _fill(n, 0, total)
            for p in range(accounts):
                if c.cut[p, t] >= 0:
                    gone += _expire(n, earned[c.cut[p, t], p], used[p], total)
            if gone > 0:
                count = _pick(n, total, who)
                _book(EXPIRED, t, b, who[:count], pooled, used, earned, cum, at, done, totals)
            if totals.balance.shape[0] > 0:
                _held(n, earned[h], used, totals.balance[t, b : b + n])
        for k in range(classes):
            for h in range(lots):
                first = cum[h - 1, k] if h > 0 else zeros[k]
                totals.aged[k, h] += _outstanding(n, cum[h, k], first, done[k])
        _held(n, earned[lots - 1], used, totals.closing[b : b + n])


@part
def _mark(n, row, total):  # type: ignore[no-untyped-def]
    """Note who has something in a row."""
    for j in range(n):
        total[j] = total[j] | row[j]


@part
def _held(n, earned, used, out):  # type: ignore[no-untyped-def]
    """Write members' balances over all accounts."""
    for p in range(used.shape[0]):
        for j in range(n):
            out[j] += earned[p, j] - used[p, j]


@compiled
def fill_lots(start, stop, from_bills, m, e, c, totals, lots):  # type: ignore[no-untyped-def]
    """Write what members earned into lots[h, k, member − start], for the ledger lot by lot."""
    streak = np.zeros(BLOCK, np.int64)
    row = np.zeros((2, BLOCK), np.float64)
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
