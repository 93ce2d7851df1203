"""The full-population run: every member, every lot, every month, with the dice thrown.

It is the yardstick of the reduced projection and shares none of its arithmetic: lots are kept one
by one and eaten oldest first, redemptions and leavings are drawn. Its cost grows with members.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cvm.points.budget_kernel import (
    EARNED,
    EXPIRED,
    FLOWS,
    FORFEITED,
    MEMBERS,
    NEAR,
    OPEN,
    REDEEMED,
    REVENUE,
    RUSH_NODES,
    SQUARE,
    VALUE,
)
from cvm.points.budget_plan import Plan, drivers_of, grid_step, make_plan, rush_tables
from cvm.points.budget_programme import Programme
from cvm.points.ledger_kernels import compiled
from cvm.points.scenarios import Scenarios

FloatArray = npt.NDArray[np.float64]


@compiled
def _live(  # type: ignore[no-untyped-def]
    lots, dies, class_share, tier, cell, churn, earn_bill, earn_data, bill, growth, data,
    churn_times, odds_times, threshold, near_points, rush_to, from_start, spend_start, table,
    grid_step, season, just_qualified, rush, take_all, least_part, shares, weights, step, rng,
    out, by_month,
):  # fmt: skip
    members, months = lots.shape[1], growth.shape[0]
    rows, groups = lots.shape[0], dies.shape[1]
    stack = np.zeros((rows + months, groups))
    for i in range(members):
        k, tau = cell[i], tier[i]
        stack[:] = 0.0
        balance = 0.0
        for r in range(rows):
            stack[r] = lots[r, i] * class_share[k, r]
            balance += lots[r, i]
        previous = balance
        for t in range(months):
            out[t, OPEN] += balance
            out[t, MEMBERS] += 1.0
            out[t, REVENUE] += bill[k] * growth[t]
            start = balance
            if threshold[t] - near_points < start <= threshold[t]:
                out[t, NEAR] += bill[k] * growth[t]
            gained = earn_bill[k, t] * growth[t] + earn_data[k, t] * data[t]
            stack[rows + t] = gained * class_share[k, rows + t]
            balance += gained
            out[t, EARNED] += gained
            held = start if from_start else balance
            if held > threshold[t] and held > 0.0:
                x = min(np.sqrt(held) / grid_step, table.shape[1] - 1.001)
                at = int(x)
                odds = table[tau, at] + (x - at) * (table[tau, at + 1] - table[tau, at])
                odds *= season[t] * odds_times
                before = previous if from_start else start
                if before <= threshold[t]:
                    odds *= just_qualified
                if rush_to[t] >= 0:
                    dying = 0.0
                    for r in range(rows + t + 1):
                        for g in range(groups):
                            if dies[r, g] <= rush_to[t]:
                                dying += stack[r, g]
                    x = min(dying / held, 1.0) * (RUSH_NODES - 1)
                    at = min(int(x), RUSH_NODES - 2)
                    odds *= rush[at] + (x - at) * (rush[at + 1] - rush[at])
                if rng.random() * (1.0 + odds) < odds:
                    share = 1.0
                    if least_part >= 0.0:
                        if rng.random() >= take_all:
                            share = least_part + (1.0 - least_part) * rng.random()
                    else:
                        u = rng.random()
                        q = 0
                        while q < shares.shape[0] - 1 and u >= weights[q]:
                            u -= weights[q]
                            q += 1
                        share = shares[q]
                    wanted = share * (start if spend_start else balance)
                    wanted = np.floor(wanted / step) * step if step > 1.0 else wanted
                    left = wanted
                    for r in range(rows + t + 1):
                        whole = stack[r].sum()
                        bite = min(whole, left)
                        if bite > 0.0:
                            stack[r] *= 1.0 - bite / whole
                        left -= bite
                        if left <= 0.0:
                            break
                    balance -= wanted
                    out[t, REDEEMED] += wanted
                    out[t, VALUE] += wanted
                    out[t, SQUARE] += wanted * wanted
                    by_month[t, i] = wanted
            for r in range(rows + t + 1):
                for g in range(groups):
                    if dies[r, g] == t and stack[r, g] > 0.0:
                        out[t, EXPIRED] += stack[r, g]
                        balance -= stack[r, g]
                        stack[r, g] = 0.0
            previous = start
            if rng.random() < churn[k, t] * churn_times:
                out[t, FORFEITED] += balance
                break


def run_members(
    programme: Programme,
    lots_points: FloatArray,
    cell: npt.NDArray[np.int64],
    scenarios: Scenarios,
    *,
    rng: np.random.Generator,
    at: int = 0,
    even_part: tuple[float, float] | None = None,
    by_member: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """Run every member through one scenario, with dice.

    Joiners are left out; compare with a population without them.

    Args:
        programme: Its population has a cell a member, or cells whose rates the members share.
        lots_points: Outstanding points [month of earning, member].
        cell: Cell of each member.
        scenarios: The draws.
        rng: The dice.
        at: Which scenario.
        even_part: (share that takes everything, smallest part of the others), in place of the
            behaviour's few shares.
        by_member: Keep what each member redeems each month.

    Returns:
        (flows [month, flow of the kernel], redeemed points [month, member], empty unless kept).
    """
    plan: Plan = make_plan(programme)
    drivers = drivers_of(programme, plan, scenarios)
    law, months = programme.law, programme.months
    book = programme.book
    lives, size = plan.lives, len(plan.cells)
    dies = np.concatenate([lives.old_dies, lives.new_dies[:, :months]], axis=1).T
    share = np.ones((size, len(dies), 1))
    if lives.differ:
        old = np.broadcast_to(lives.old_share, (size, *lives.old_share.shape))
        share = np.concatenate([old, lives.new_share.swapaxes(0, 1)], axis=2).swapaxes(1, 2)
    next_month = book.earned_usable == "next_month"
    draw = int(scenarios.draw[at])
    out = np.zeros((months, FLOWS))
    members = lots_points.shape[1]
    kept = np.zeros((months, members))
    take_all, least = even_part if even_part is not None else (0.0, -1.0)
    _live(
        np.ascontiguousarray(lots_points, np.float64),
        np.ascontiguousarray(dies),
        np.ascontiguousarray(share),
        plan.cells.tier[cell],
        np.asarray(cell, np.int64),
        plan.churn,
        plan.earn_bill,
        plan.earn_data,
        plan.cells.bill_yuan,
        drivers.growth[at],
        drivers.data[at],
        float(drivers.churn[at]),
        1.0,
        plan.threshold,
        float(law.pressure_below_points),
        plan.rush_to,
        law.from_start or next_month,
        next_month,
        np.exp(law.balance_log_odds[draw]),
        grid_step(),
        plan.season[draw] * drivers.odds[at],
        float(np.exp(law.just_qualified_log_odds[draw])),
        rush_tables(law)[draw],
        take_all,
        least,
        law.shares,
        law.share_weights,
        float(law.step_points),
        rng,
        out,
        kept,
    )
    return out, kept if by_member else kept[:, :0]
