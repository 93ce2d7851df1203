"""The exact points ledger: every member, every month, first in first out, to the point.

A month goes: earn and receive, redeem, give away, forfeit on leaving, expire at its end. Points are
never negative and none is lost: open + earned + in − redeemed − out − expired − forfeited = close.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import numpy as np

from cvm.core.checks import ArgumentError, DataError, check_at_least
from cvm.core.months import parse_month
from cvm.points.ledger_inputs import Billing, Movements, members_of
from cvm.points.ledger_plan import Window, active_classes, plan_course, plan_earning
from cvm.points.ledger_result import LedgerResult
from cvm.points.ledger_types import Course, Earning, Members, Totals
from cvm.points.rulebook import RuleBook

__all__ = ["Billing", "LedgerResult", "Movements", "run_ledger", "warm_up"]

_LOT_CHUNK = 4_096


def run_ledger(
    book: RuleBook,
    *,
    first_month: date | str,
    earned: Billing | Mapping[str, Any],
    movements: Movements | None = None,
    recorded: bool = False,
    by_member: bool = False,
    workers: int | None = None,
) -> LedgerResult:
    """Run members' points through the rules.

    Args:
        book: The rules.
        first_month: First month of the arrays.
        earned: Bills for the rules to earn from, or points earned by class [month, member].
        movements: Redemptions, transfers, leavings and opening lots.
        recorded: Redemptions stand in an operator's ledger: one below the threshold is counted and
            carried out. Otherwise they are requests, and it is counted and refused.
        by_member: Keep each member's monthly balances, and redeemed and expired points by class.
        workers: Threads; all cores by default. The result does not depend on it.

    Returns:
        The roll-forward, counts of what was refused or cut, closing balances, ageing.

    Raises:
        ArgumentError: Arrays of different shapes, or a month before the rule book begins.
        DataError: A negative or fractional amount.
        MissingDataError: The rules need an input that is not given.

    Example:
        >>> from cvm.points.rulebook_read import shipped_rulebook
        >>> book = shipped_rulebook("beijing").with_threshold(100)
        >>> result = run_ledger(
        ...     book,
        ...     first_month="2010-01",
        ...     earned={"consumption": [[300], [300]]},
        ...     movements=Movements(redeemed=[[0], [450]]),
        ... )
        >>> result.roll_forward()[["open", "earned", "redeemed", "close"]].values.tolist()
        [[0, 300, 0, 300], [300, 300, 450, 150]]
    """
    movements = movements or Movements()
    first: Any = (
        earned.bill_fen if isinstance(earned, Billing) else next(iter(earned.values()), None)
    )
    if np.ndim(first) != 2:
        raise ArgumentError("earned", f"of {np.ndim(first)} dimensions", "of months by members")
    months, size = np.shape(first)
    check_at_least(months, "months of earned", 1)
    window = Window(
        first_month=parse_month(first_month, "first_month"),
        months=months,
        history=movements.history,
    )
    classes = _classes(book, window, earned, movements)
    members, combinations = members_of(book, window, classes, earned, movements)
    course, in_accounts = plan_course(
        book,
        window,
        classes,
        by_class=members.request.shape[0] > 1,
        moved_out=members.moved_out.shape[0] > 0,
        enforce=not recorded,
    )
    earning = plan_earning(book, window, classes, combinations)
    totals = _empty_totals(course, window, len(classes), size, by_member)
    parts = _run(
        members, earning, course, totals, in_accounts, isinstance(earned, Billing), workers
    )
    for part in parts:
        for name in ("flows", "opening", "counts", "aged"):
            getattr(totals, name)[:] += getattr(part, name)
    result = LedgerResult(
        book=book,
        window=window,
        classes=classes,
        flows=totals.flows,
        opening=totals.opening,
        counts=totals.counts,
        aged=totals.aged,
        closing_points=totals.closing,
        balance_points=totals.balance,
        redeemed_points=totals.redeemed,
        expired_points=totals.expired,
        recorded=recorded,
    )
    result.check()
    return result


def warm_up() -> None:
    """Compile the loops and leave the code on disk, so that the next process starts at once."""
    from cvm.points.rules import Clearing, ClearingRule, Rules

    short = Clearing(kind="months", months=2, classes={"bonus": ClearingRule()})
    for clearing in (Clearing(), short):
        book = RuleBook(
            name="warm-up",
            en="warm-up",
            zh="预热",
            rules=(Rules(first_month=date(2000, 1, 1), clearing=clearing),),
        )
        bills = np.full((2, 3), 10_000, np.int32)
        moves = Movements(redeemed=np.ones((2, 3), np.int32), transferred_in=np.ones((2, 3)))
        run_ledger(book, first_month="2000-01", earned=Billing(bill_fen=bills), movements=moves)


def _classes(
    book: RuleBook, window: Window, earned: Billing | Mapping[str, Any], movements: Movements
) -> tuple[str, ...]:
    moved_in = movements.transferred_in is not None
    named = set(movements.opening)
    if isinstance(movements.redeemed, Mapping):
        named |= set(movements.redeemed)
    if isinstance(earned, Billing):
        named |= set(active_classes(book, window, moved_in))
    else:
        named |= set(earned) | ({book.transferred_in_class} if moved_in else set())
    unknown = sorted(named - set(book.class_order))
    if unknown:
        raise ArgumentError("point classes", unknown, "known", available=book.class_order)
    return tuple(name for name in book.class_order if name in named)


def _empty_totals(
    course: Course, window: Window, classes: int, size: int, by_member: bool
) -> Totals:
    rows = window.months if by_member else 0
    accounts = classes if by_member else 0
    return Totals(
        flows=np.zeros((6, classes, window.months), np.int64),
        opening=np.zeros(classes, np.int64),
        counts=np.zeros((2, window.months, 7), np.int64),
        aged=np.zeros((classes, window.lots), np.int64),
        closing=np.zeros(size, np.int64),
        balance=np.zeros((rows, size if by_member else 0), np.int64),
        redeemed=np.zeros((accounts, rows, size if by_member else 0), np.int64),
        expired=np.zeros((accounts, rows, size if by_member else 0), np.int64),
    )


def _run(
    members: Members,
    earning: Earning,
    course: Course,
    totals: Totals,
    in_accounts: bool,
    from_bills: bool,
    workers: int | None,
) -> list[Totals]:
    """Run the members in as many ranges as there are threads; return each range's totals."""
    from cvm.points.ledger_kernels import BLOCK, fill_lots, run_accounts
    from cvm.points.ledger_lots import run_lots

    size = totals.closing.shape[0]
    threads = max(1, workers or os.cpu_count() or 1)
    step = max(BLOCK, -(-size // (threads * 4)) // BLOCK * BLOCK)

    def run(start: int) -> Totals:
        stop = min(start + step, size)
        part = totals._replace(
            **{
                name: np.zeros_like(getattr(totals, name))
                for name in ("flows", "opening", "counts", "aged")
            }
        )
        if in_accounts:
            run_accounts(start, stop, from_bills, members, earning, course, part)
            return part
        for begin in range(start, stop, _LOT_CHUNK):
            end = min(begin + _LOT_CHUNK, stop)
            lots = np.zeros((part.aged.shape[1], part.aged.shape[0], end - begin), np.int64)
            fill_lots(begin, end, from_bills, members, earning, course, part, lots)
            run_lots(begin, end, lots, members, course, part)
        return part

    starts = range(0, size, step)
    if threads == 1 or len(starts) <= 1:
        parts = [run(start) for start in starts]
    else:
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(run, starts))
    negative = sum(int(part.counts[:, :, 6].sum()) for part in parts)
    if negative:
        raise DataError(
            "amounts",
            f"negative in {negative} customer-months",
            "0 or more",
            action="correct negative bills, earnings and redemptions before the ledger is run",
        )
    return parts
