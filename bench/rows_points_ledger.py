"""The exact points ledger beside a plain Python deque ledger and a vectorised NumPy one.

One case for all: the full Beijing table (tenure, credit, data), 36 months from January 2010 after
an opening lot of 2009, redemption above 3,500 points, leavers forfeit, and the three-year clearing
of December 2012. Bills are arrays when the clock starts; the compiled code is warm.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
from harness import Measurement, Row, time_in_turns

from cvm.points.ledger import Billing, LedgerResult, Movements, run_ledger
from cvm.points.rulebook_read import shipped_rulebook

MONTHS = 36
DEQUE_MEMBERS = 4_000
FLOWS = ("earned", "redeemed", "expired", "forfeited")
TENURE = ((61, 5), (49, 4), (37, 3), (25, 2), (13, 1), (0, 0))


@dataclass(frozen=True)
class Case:
    """The inputs, [month, member] and [member]."""

    bill_fen: np.ndarray
    data_fen: np.ndarray
    paid: np.ndarray
    asked: np.ndarray
    tenure: np.ndarray
    left: np.ndarray
    opening: np.ndarray

    def head(self, members: int) -> Case:
        """Return the first members."""
        return Case(
            *(np.ascontiguousarray(values[..., :members]) for values in vars(self).values())
        )


def make_case(members: int, seed: int = 20) -> Case:
    """Draw lognormal bills, 5 % late payments, 6 % redemption requests and 30 % leavers."""
    rng = np.random.default_rng(seed)
    shape = (MONTHS, members)
    level = rng.lognormal(4.6, 0.6, members).astype(np.float32)
    bill = np.rint(level * np.exp(0.3 * rng.standard_normal(shape, np.float32)) * 100)
    bill = bill.astype(np.int32)
    return Case(
        bill_fen=bill,
        data_fen=(bill * rng.random(shape, np.float32) * np.float32(0.3)).astype(np.int32),
        paid=rng.random(shape, np.float32) < 0.95,
        asked=np.where(
            rng.random(shape, np.float32) < 0.06,
            rng.integers(1, 60, shape, dtype=np.int32) * 100,
            np.int32(0),
        ),
        tenure=rng.integers(0, 120, members).astype(np.int32),
        left=np.where(rng.random(members) < 0.3, rng.integers(0, MONTHS, members), -1).astype(
            np.int32
        ),
        opening=(level * 6).astype(np.int32),
    )


def ours(case: Case, workers: int | None = None) -> LedgerResult:
    """Run the suite's ledger: by class, with ageing, refusals and closing balances."""
    return run_ledger(
        shipped_rulebook("beijing"),
        first_month="2010-01",
        earned=Billing(
            bill_fen=case.bill_fen,
            data_fen=case.data_fen,
            paid_on_time=case.paid,
            tenure_months=case.tenure,
        ),
        movements=Movements(
            redeemed=case.asked,
            left=case.left,
            opening={"consumption": case.opening[np.newaxis]},
        ),
        workers=workers,
    )


@dataclass(frozen=True)
class Answer:
    """What every ledger answers."""

    flows: np.ndarray  # [FLOWS, class, month]
    aged: np.ndarray  # [class, lot month], outstanding at the end; lot month 0 is the opening
    refused: np.ndarray  # [below the threshold, above the balance; month], requests
    closing: np.ndarray  # [member]


def numpy_ledger(case: Case, chunk: int = 8_192) -> Answer:
    """Run a vectorised NumPy ledger: the same cumulative identity, members in chunks.

    Points are earned for all at once; classes are split for those members only who redeem, leave
    or expire in the month. The chunk is the fastest of those tried (1,024 to all).
    """
    members = len(case.tenure)
    flows = np.zeros((4, 4, MONTHS), np.int64)
    aged = np.zeros((4, MONTHS + 1), np.int64)
    refused = np.zeros((2, MONTHS), np.int64)
    closing = np.zeros(members, np.int64)
    percent = np.zeros(1_000, np.int32)
    for since, tenth in TENURE[::-1]:
        percent[since:] = tenth
    for start in range(0, members, chunk):
        part = slice(start, min(start + chunk, members))
        size = part.stop - start
        left = np.where(case.left[part] < 0, MONTHS, case.left[part])
        cum = np.zeros((MONTHS + 1, 4, size), np.int64)
        earned = np.zeros((MONTHS + 1, size), np.int64)
        cum[0, 0] = earned[0] = case.opening[part]
        gone, done = np.zeros(size, np.int64), np.zeros((4, size), np.int64)
        streak = np.zeros(size, np.int32)

        for t in range(MONTHS):
            here = left > t
            base = (case.bill_fen[t, part] * here) // 100
            streak += 1
            streak *= case.paid[t, part]
            won = (
                base,
                base * percent[case.tenure[part] + t] // 10,
                (base // 10) * (streak >= 6),
                ((case.data_fen[t, part] >= 1_000) & here) * np.int32(30),
            )
            for k in range(4):
                np.add(cum[t, k], won[k], out=cum[t + 1, k])
                flows[0, k, t] += won[k].sum()
            np.sum(cum[t + 1], axis=0, out=earned[t + 1])
            who = np.flatnonzero(case.asked[t, part])
            held = earned[t + 1, who] - gone[who]
            qualified = held > 3_500
            refused[0, t] += len(who) - qualified.sum()
            who, held = who[qualified], held[qualified]
            asked = case.asked[t, start + who]
            refused[1, t] += (asked > held).sum()
            gone[who] += np.minimum(asked, held)
            _split(flows[1, :, t], t, who, gone, earned, cum, done)
            who = np.flatnonzero(left == t)
            who = who[gone[who] < earned[t + 1, who]]
            gone[who] = earned[t + 1, who]
            _split(flows[3, :, t], t, who, gone, earned, cum, done)
            if t == MONTHS - 1:
                who = np.flatnonzero(gone < earned[0])
                gone[who] = earned[0, who]
                _split(flows[2, :, t], t, who, gone, earned, cum, done)
        closing[part] = earned[-1] - gone
        before = np.concatenate([np.zeros((1, 4, size), np.int64), cum[:-1]])
        outstanding = cum - np.maximum(before, done)
        aged += np.maximum(outstanding, 0, out=outstanding).sum(axis=2).T
    return Answer(flows, aged, refused, closing)


def _split(
    flow: np.ndarray,
    t: int,
    who: np.ndarray,
    gone: np.ndarray,
    earned: np.ndarray,
    cum: np.ndarray,
    done: np.ndarray,
) -> None:
    """Add what left some members' accounts to the classes it came from."""
    used = gone[who]
    h = (earned[: t + 2, who] < used).sum(axis=0)
    rest = used - np.where(h > 0, earned[h - 1, who], 0)
    before = np.where(h > 0, cum[h - 1, :, who].T, 0)
    lot = cum[h, :, who].T - before
    ahead = np.cumsum(lot, axis=0) - lot
    now = before + np.clip(rest - ahead, 0, lot)
    flow += (now - done[:, who]).sum(axis=1)
    done[:, who] = now


def deque_ledger(case: Case) -> Answer:
    """Run a plain Python ledger: a deque of lots [month of death, class, lot month, points]."""
    flows = np.zeros((4, 4, MONTHS), np.int64).tolist()
    aged = np.zeros((4, MONTHS + 1), np.int64)
    refused = np.zeros((2, MONTHS), np.int64).tolist()
    closing = []
    columns = zip(
        case.bill_fen.T.tolist(),
        case.data_fen.T.tolist(),
        case.paid.T.tolist(),
        case.asked.T.tolist(),
        case.tenure.tolist(),
        case.left.tolist(),
        case.opening.tolist(),
        strict=True,
    )
    for bills, datas, paids, asks, tenure, left, opening in columns:
        lots = deque([[35, 0, 0, opening]])
        balance, streak = opening, 0
        for t in range(MONTHS):
            here = left < 0 or t < left
            streak = streak + 1 if paids[t] else 0
            if here:
                base = bills[t] // 100
                tenth = next(tenth for since, tenth in TENURE if tenure + t >= since)
                won = (
                    base,
                    base * tenth // 10,
                    base // 10 if streak >= 6 else 0,
                    30 if datas[t] >= 1_000 else 0,
                )
                for k, points in enumerate(won):
                    if points:
                        lots.append([t // 12 * 12 + 47, k, t + 1, points])
                        balance += points
                        flows[0][k][t] += points
            if asks[t]:
                if balance <= 3_500:
                    refused[0][t] += 1
                else:
                    refused[1][t] += asks[t] > balance
                    take = min(asks[t], balance)
                    balance -= take
                    while take:
                        lot = lots[0]
                        part = min(lot[3], take)
                        lot[3] -= part
                        take -= part
                        flows[1][lot[1]][t] += part
                        if not lot[3]:
                            lots.popleft()
            if not here and lots:
                for lot in lots:
                    flows[3][lot[1]][t] += lot[3]
                lots.clear()
                balance = 0
            while lots and lots[0][0] <= t:
                lot = lots.popleft()
                balance -= lot[3]
                flows[2][lot[1]][t] += lot[3]
        closing.append(balance)
        for _, k, h, points in lots:
            aged[k, h] += points
    return Answer(np.array(flows), aged, np.array(refused), np.array(closing))


def _same(peer: Answer, result: LedgerResult) -> None:
    """Assert that a peer's answer is ours, to the point."""
    order = [result.classes.index(name) for name in ("consumption", "tenure", "credit", "data")]
    assert peer.flows[2].sum() > 0
    assert (peer.flows == result.flows[:4, order]).all()
    assert (peer.aged == result.aged[order]).all()
    assert (peer.closing == result.closing_points).all()
    counts = result.refusals()
    assert (peer.refused[0] == counts["below_threshold"]).all()
    assert (peer.refused[1] == counts["above_balance"]).all()


def _beside_deque(quick: bool) -> Measurement:
    members = 20_000 if quick else 1_000_000
    case = make_case(members)
    few = case.head(min(DEQUE_MEMBERS, members))
    _same(deque_ledger(few), ours(few))
    times = []
    for _ in range(3):
        start = time.perf_counter()
        deque_ledger(few)
        times.append(time.perf_counter() - start)
    seconds, _ = time_in_turns(lambda: ours(case), repeats=7)
    return Measurement(
        ours_seconds=seconds,
        peer_seconds=statistics.median(times) * members / len(few.tenure),
        work=members * MONTHS,
        note=f"peer on {len(few.tenure):,} members, scaled to {members:,}; flows by class and "
        "month, ageing, refusals and closing balances equal",
    )


def _beside_numpy(quick: bool, workers: int | None = None) -> Measurement:
    members = 20_000 if quick else 1_000_000
    case = make_case(members)
    _same(numpy_ledger(case), ours(case))
    seconds, peer = time_in_turns(
        lambda: ours(case, workers), lambda: numpy_ledger(case), repeats=5
    )
    cores = "all cores beside one" if workers is None else "one core each"
    return Measurement(
        ours_seconds=seconds,
        peer_seconds=peer,
        work=members * MONTHS,
        note=f"{cores}; flows by class and month, ageing, refusals and closing balances equal",
    )


ROWS = [
    Row(
        name="exact ledger, Beijing table, 1 M members × 36 months",
        peer="a deque of lots in plain Python",
        target="≤ 0.25 s; ≥ 100×",
        measure=_beside_deque,
    ),
    Row(
        name="exact ledger, Beijing table, 1 M members × 36 months",
        peer="vectorised NumPy",
        target="≥ 6×",
        measure=_beside_numpy,
    ),
    Row(
        name="exact ledger on one core, 1 M members × 36 months",
        peer="vectorised NumPy",
        measure=lambda quick: _beside_numpy(quick, workers=1),
    ),
]
