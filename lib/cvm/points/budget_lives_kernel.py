"""The compiled loops of points whose classes live differently long; see :mod:`budget_lives`."""

from __future__ import annotations

from cvm.points.ledger_kernels import compiled


@compiled
def _alive(share, dies, now):  # type: ignore[no-untyped-def]
    """Return the part of a month's points that does not die before the month ``now``."""
    part = 0.0
    for g in range(share.shape[0]):
        if dies[g] >= now:
            part += share[g]
    return part


@compiled
def survivors(  # type: ignore[no-untyped-def]
    k, newest, now, gone, earned, new_share, new_dies, old_share, old_dies, old_points, out
):
    """Write what each month's lot still holds, and will hold after some die; newest lots first.

    Args:
        k: The cell.
        newest: Newest month whose points count.
        now: The month.
        gone: Last month whose dying is looked ahead to.
        earned: Points earned up to the start of each month.
        new_share: Part of a month's points in each group [group, cell, month].
        new_dies: Month in which they die [group, month].
        old_share: Part of each row of lots held at the start [group, row].
        old_dies: Month in which they die [group, row].
        old_points: Points newer than each row of lots [cell, row].
        out: Receives balance up to the lot's far end, the same once the dead are gone, and the part
            of the lot that stays [lot, 3].

    Returns:
        How many lots there are.
    """
    balance, kept, count = 0.0, 0.0, 0
    for month in range(newest, -1, -1):
        size = earned[month + 1] - earned[month]
        alive = _alive(new_share[:, k, month], new_dies[:, month], now)
        if size * alive <= 0.0:
            continue
        stays = _alive(new_share[:, k, month], new_dies[:, month], gone + 1)
        balance += size * alive
        kept += size * stays
        out[count, 0], out[count, 1], out[count, 2] = balance, kept, stays / alive
        count += 1
    for row in range(old_points.shape[1] - 1, -1, -1):
        # Nothing bounds the oldest row: it holds what passes all others.
        size = old_points[k, row - 1] - old_points[k, row] if row > 0 else 1e15
        alive = _alive(old_share[:, row], old_dies[:, row], now)
        if size * alive <= 0.0:
            continue
        stays = _alive(old_share[:, row], old_dies[:, row], gone + 1)
        balance += size * alive
        kept += size * stays
        out[count, 0], out[count, 1], out[count, 2] = balance, kept, stays / alive
        count += 1
    return count


@compiled
def kept_of(balance, at, count, lots):  # type: ignore[no-untyped-def]
    """Return what a balance keeps once the dead are gone, and the lot it reaches into.

    Args:
        balance: A member's points.
        at: A lot it reaches at least.
        count: How many lots there are.
        lots: Of :func:`survivors`.
    """
    if count == 0:
        return balance, 0
    while at < count - 1 and lots[at, 0] < balance:
        at += 1
    low, kept = (lots[at - 1, 0], lots[at - 1, 1]) if at > 0 else (0.0, 0.0)
    return kept + (balance - low) * lots[at, 2], at


@compiled
def balance_since(  # type: ignore[no-untyped-def]
    k, first, newest, now, earned, new_share, new_dies
):
    """Return the living points earned from the month ``first`` on."""
    balance = 0.0
    for month in range(first, newest + 1):
        size = earned[month + 1] - earned[month]
        balance += size * _alive(new_share[:, k, month], new_dies[:, month], now)
    return balance
