"""The compiled loops of the projection: cells of members through the months, exact in expectation.

The state of a member is one number, consumed points ``C``: balance = earned ``E`` − ``C``. Earning
moves E for the whole cell at once, redemption raises C, and clearing is C ← max(C, E at the last
month whose points are dead): first in, first out, without lots. A cell is a distribution of members
over an even lattice of C. What falls between two nodes is shared so that points are kept exactly.
Where point classes live differently long, a clearing maps each balance to what is left of it.
Single letters: k cell, t month, j node, s scenario, q part of the balance.
"""

from __future__ import annotations

import numpy as np

from cvm.points.budget_lives_kernel import balance_since, kept_of, survivors
from cvm.points.ledger_kernels import compiled

EARNED, REDEEMED, EXPIRED, FORFEITED, SQUARE, VALUE, OPEN, MEMBERS, REVENUE, NEAR = range(10)
FLOWS = 10
RUSH_NODES = 17


@compiled
def _between(table, x):  # type: ignore[no-untyped-def]
    """Interpolate a table of odds over even steps; ``x`` counts steps."""
    at = min(int(x), table.shape[0] - 2)
    return table[at] + (x - at) * (table[at + 1] - table[at])


@compiled
def _steps(points, step_points, step_yuan, step):  # type: ignore[no-untyped-def]
    """Return the points used and what they buy, where only steps buy (yuan per point apart)."""
    if step_points.shape[0] == 0:
        used = max(points - 0.5 * (step - 1.0), 0.0) if step > 1.0 else points
        return used, used
    used, yuan, rest = 0.0, 0.0, points
    for i in range(step_points.shape[0] - 1, -1, -1):
        times = np.floor(rest / step_points[i])
        used += times * step_points[i]
        yuan += times * step_yuan[i]
        rest -= times * step_points[i]
    return used, yuan


@compiled
def project(  # type: ignore[no-untyped-def]
    first, last, mass0, width, tier, churn, joins, earn_bill, earn_data, bill,
    left_points, dead_month, next_clearing, rush_to,
    new_share, new_dies, old_share, old_dies, old_points, threshold, near_points,
    from_start, spend_start, odds_table, grid_step, season, just_qualified, rush,
    shares, share_weights, step_points, step_yuan, step,
    growth, data, churn_times, join_times, odds_times, draw,
    vintage_of, vintages, year_of, out, cell_out, painted,
):  # fmt: skip
    """Run scenarios ``first`` to ``last`` and add to ``out`` [scenario, month, tier, flow].

    Args are plain arrays; see :mod:`cvm.points.budget_plan`, which makes them. ``painted``
    [scenario, vintage, year], if it has scenarios, receives redeemed points by when they were
    earned; ``cell_out`` [scenario, year, cell, redeemed points, their value, its square].
    """
    cells, nodes = mass0.shape
    months = growth.shape[1]
    most_nodes = nodes
    for s in range(first, last):
        for k in range(cells):
            reach = 0.0
            for t in range(months):
                reach += earn_bill[k, t] * growth[s, t] + earn_data[k, t] * data[s, t]
            most_nodes = max(most_nodes, nodes + int(reach / width[k]) + 3)
    mass = np.zeros(most_nodes)
    earned = np.zeros(months + 1)
    paint = painted.shape[0] > 0
    edges = np.zeros(vintages + 2)
    classes = new_share.shape[0] > 0
    lots = np.zeros((months + old_points.shape[1] + 1, 3))
    dying = np.zeros(most_nodes if classes else 1)
    for s in range(first, last):
        p = draw[s]
        for k in range(cells):
            w, tau = width[k], tier[k]
            table = odds_table[p, tau]
            earned[0] = 0.0
            for t in range(months):
                earned[t + 1] = (
                    earned[t] + earn_bill[k, t] * growth[s, t] + earn_data[k, t] * data[s, t]
                )
            # Node j stands for C = (j − origin) × w; a balance of b at the start is C = −b.
            origin = nodes - 1
            top = min(most_nodes, nodes + int(earned[months] / w) + 2)
            low, high, head = top, 0, 0.0
            for j in range(top):
                mass[j] = 0.0
            for i in range(nodes):
                if mass0[k, i] > 0.0:
                    mass[origin - i] = mass0[k, i]
                    head += mass0[k, i]
                    low, high = min(low, origin - i), max(high, origin - i)
            consumed = 0.0
            for j in range(low, min(high + 1, top)):
                consumed += mass[j] * (j - origin) * w
            if paint:
                edges[0] = -1e18
                for v in range(1, vintages + 1):
                    edges[v] = 1e18
                for t in range(months):
                    v = vintage_of[t]
                    edges[v] = min(edges[v], earned[t])
            alive = 1.0
            for t in range(months):
                leaving = min(churn[k, t] * churn_times[s], 1.0)
                line, e = out[s, t, tau], earned[t + 1]
                y = year_of[t]
                line[OPEN] += alive * (head * earned[t] - consumed)
                join = joins[k, t] * join_times[s]
                if join > 0.0:
                    # Joiners hold nothing: they start where all earned so far is consumed.
                    more = join / max(alive, 1e-12)
                    at = earned[t] / w + origin
                    j = min(int(at), top - 2)
                    mass[j] += more * (1.0 - (at - j))
                    mass[j + 1] += more * (at - j)
                    low, high = min(low, j), max(high, j + 1)
                    head += more
                    consumed += more * earned[t]
                count = alive * head
                line[MEMBERS] += count
                line[REVENUE] += count * bill[k] * growth[s, t]
                line[EARNED] += count * (e - earned[t])
                usable = earned[t] if from_start else e
                if classes and paint:
                    # Where classes die apart, a vintage's points do not stay where it was earned.
                    for v in range(1, vintages + 1):
                        since = 0
                        while since <= t and vintage_of[since] < v:
                            since += 1
                        edges[v] = 1e18
                        if since <= t:
                            edges[v] = e - balance_since(
                                k, since, t, t, earned, new_share, new_dies
                            )
                gain = e - earned[t]
                if t > 0 and from_start:
                    gain = earned[t] - earned[t - 1]
                limit = threshold[t]
                edge = (usable - limit) / w + origin
                if near_points > 0.0:
                    # Bills of who starts the month a little below the threshold (points pressure).
                    upper = (earned[t] - limit) / w + origin
                    lower = upper + near_points / w
                    near = 0.0
                    for j in range(max(low, int(upper - 0.5)), min(high, int(lower + 1.5)) + 1):
                        reached = min(max(lower - j + 0.5, 0.0), 1.0)
                        near += mass[j] * (reached - min(max(upper - j + 0.5, 0.0), 1.0))
                    line[NEAR] += alive * near * bill[k] * growth[s, t]
                dead_next = -1e18
                n = rush_to[t]
                if n >= 0 and not classes:
                    dead_next = (
                        earned[min(dead_month[n] + 1, t + 1)]
                        if dead_month[n] >= 0
                        else -left_points[k, n]
                    )
                elif n >= 0:
                    count_lots = survivors(
                        k, t - 1 if from_start else t, t, n, earned,
                        new_share, new_dies, old_share, old_dies, old_points, lots,
                    )  # fmt: skip
                    reached = 0
                    for j in range(min(high, top - 2), low - 1, -1):
                        held = usable - (j - origin) * w
                        dying[j] = 0.0
                        if held > 0.0:
                            kept, reached = kept_of(held, reached, count_lots, lots)
                            dying[j] = held - kept
                factor = season[p, t] * odds_times[s, t]
                square, value, redeemed = 0.0, 0.0, 0.0
                for j in range(min(high, int(edge + 0.5), top - 2), low - 1, -1):
                    m = mass[j]
                    if m <= 1e-9:
                        continue
                    c = (j - origin) * w
                    held = usable - c
                    if held <= 0.0:
                        continue
                    # The node stands for members half a node around it: some are not there yet.
                    qualified = min(max(edge - j + 0.5, 0.0), 1.0)
                    before = min(max(edge - gain / w - j + 0.5, 0.0), 1.0)
                    odds = _between(table, np.sqrt(held) / grid_step) * factor
                    goes = dying[j] if classes and n >= 0 else dead_next - c
                    if goes > 0.0:
                        part = min(goes / held, 1.0) * (RUSH_NODES - 1)
                        odds *= _between(rush[p], part)
                    chance = before * odds / (1.0 + odds)
                    if before < qualified:
                        jump = odds * just_qualified[p]
                        chance += (qualified - before) * jump / (1.0 + jump)
                    moved = m * chance
                    mass[j] -= moved
                    for q in range(shares.shape[0]):
                        purse = earned[t] - c if spend_start else e - c
                        used, worth = _steps(shares[q] * purse, step_points, step_yuan, step)
                        part_moved = moved * share_weights[q]
                        redeemed += part_moved * used
                        value += part_moved * worth
                        square += part_moved * worth * worth
                        at = (c + used) / w + origin
                        i = min(int(at), top - 2)
                        mass[i] += part_moved * (1.0 - (at - i))
                        mass[i + 1] += part_moved * (at - i)
                        high = max(high, i + 1)
                        if paint:
                            for v in range(vintages):
                                over = min(c + used, edges[v + 1]) - max(c, edges[v])
                                if over > 0.0:
                                    painted[s, v, y] += alive * part_moved * over
                consumed += redeemed
                line[REDEEMED] += alive * redeemed
                line[VALUE] += alive * value
                line[SQUARE] += alive * square
                cell_out[s, y, k, 0] += alive * redeemed
                cell_out[s, y, k, 1] += alive * value
                cell_out[s, y, k, 2] += alive * square
                if next_clearing[t] == t and classes:
                    count_lots = survivors(
                        k, t, t, t, earned,
                        new_share, new_dies, old_share, old_dies, old_points, lots,
                    )  # fmt: skip
                    reached, expired = 0, 0.0
                    for j in range(min(high, top - 2), low - 1, -1):
                        m, held = mass[j], e - (j - origin) * w
                        if m <= 0.0 or held <= 0.0:
                            continue
                        kept, reached = kept_of(held, reached, count_lots, lots)
                        expired += m * (held - kept)
                        mass[j] = 0.0
                        at = (e - kept) / w + origin
                        i = min(int(np.floor(at)), top - 2)
                        mass[i] += m * (1.0 - (at - i))
                        mass[i + 1] += m * (at - i)
                        high = max(high, i + 1)
                    consumed += expired
                    line[EXPIRED] += alive * expired
                elif next_clearing[t] == t:
                    dead = earned[dead_month[t] + 1] if dead_month[t] >= 0 else -left_points[k, t]
                    at = dead / w + origin
                    i = min(int(np.floor(at)), top - 2)
                    expired, moved = 0.0, 0.0
                    for j in range(low, min(i + 1, top)):
                        m = mass[j]
                        if m > 0.0:
                            expired += m * (dead - (j - origin) * w)
                            moved += m
                            mass[j] = 0.0
                    if i >= low:
                        mass[i] += moved * (1.0 - (at - i))
                        mass[i + 1] += moved * (at - i)
                        low = i
                        high = max(high, i + 1)
                    consumed += expired
                    line[EXPIRED] += alive * expired
                line[FORFEITED] += alive * leaving * (head * e - consumed)
                alive *= 1.0 - leaving
