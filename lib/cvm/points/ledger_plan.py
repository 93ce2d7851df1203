"""A rule book, made into the arrays that the ledger's compiled loops read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np

from cvm.core.checks import ArgumentError
from cvm.core.months import add_months, month_index
from cvm.points.ledger_types import Course, Earning
from cvm.points.rulebook import RuleBook
from cvm.points.rules import Rules
from cvm.points.rules_clearing import NEVER
from cvm.points.rules_earn import POINT_CLASSES
from cvm.points.rules_exact import ExactEarn, ExactRate, exact_earn, exact_rate, exact_times

# Amounts stay under 2**35; amount × numerator must stay under 2**50 to be exact in the kernels.
_LARGEST_NUMERATOR = 2**15
_OUT_OF_REACH = 2**40
_MODES = {("consumption", "consumption"): 1, ("bonus", "consumption"): 2, ("bonus", "all"): 3}


@dataclass(frozen=True, kw_only=True)
class Window:
    """The months a ledger runs over.

    Attributes:
        first_month: First month of movements.
        months: How many.
        history: Months before it that opening lots were earned in.
    """

    first_month: date
    months: int
    history: int = 0

    @property
    def lots(self) -> int:
        """Months in which points may have been earned."""
        return self.history + self.months

    def month(self, t: int) -> date:
        """Return the month at a position; negative ones are history."""
        return add_months(self.first_month, t)


def active_classes(book: RuleBook, window: Window, moved_in: bool) -> tuple[str, ...]:
    """Return the classes that can hold points, in the rule book's order."""
    used = {"consumption"}
    for rules in _editions(book, window):
        earn = rules.earn
        booked = earn.multipliers is not None and earn.multipliers.booked_as == "bonus"
        used |= {"tenure"} if earn.tenure else set()
        used |= {"credit"} if earn.credit else set()
        used |= {"data"} if earn.data else set()
        used |= {"bonus"} if booked or earn.campaigns else set()
    used |= {book.transferred_in_class} if moved_in else set()
    return tuple(name for name in book.class_order if name in used)


def expiry_indices(book: RuleBook, window: Window, classes: Sequence[str]) -> np.ndarray:
    """Return the month index at whose end each lot dies: [class, lot month]."""
    first = month_index(window.first_month) - window.history
    return np.array(
        [[book.expiry_index(name, first + h) for h in range(window.lots)] for name in classes],
        dtype=np.int64,
    )


def plan_course(
    book: RuleBook,
    window: Window,
    classes: Sequence[str],
    *,
    by_class: bool,
    moved_out: bool,
    enforce: bool,
) -> tuple[Course, bool]:
    """Return how points leave, and whether plain accounts will do.

    Accounts (the cumulative identity) need every lot of an account to die no sooner than the lots
    before it, and the account to be redeemed from its front. Otherwise each lot is followed.

    Args:
        book: The rules.
        window: The months.
        classes: The classes, in the order of ties.
        by_class: Redemptions are given class by class.
        moved_out: Points are also given away, which follows the order across classes.
        enforce: Redemptions below the threshold are refused.
    """
    first = month_index(window.first_month)
    expiry = expiry_indices(book, window, classes)
    rising = bool((np.diff(expiry, axis=1) >= 0).all())
    alike = bool((expiry == expiry[0]).all())
    in_order = book.redemption_order == "class_order" or len(classes) == 1
    one_by_one = by_class or in_order
    accounts = len(classes) if one_by_one else 1
    cut = np.full((accounts, window.months), -1, np.int64)
    for p in range(accounts):
        for t in range(window.months):
            cut[p, t] = np.searchsorted(np.maximum.accumulate(expiry[p]), first + t, "right") - 1
    rank, lot = _ranks(book, expiry)
    held = [rules.qualification.smallest_points for rules in _by_month(book, window)]
    course = Course(
        history=window.history,
        lag=int(book.earned_usable == "next_month"),
        smallest=np.array(held, np.int64),
        enforce=int(enforce),
        truncate=int(book.over_redemption == "truncate"),
        forfeit=int(book.forfeit_on_leaving),
        in_slot=_row(classes, book.transferred_in_class),
        cut=cut,
        rank=rank,
        lot=lot,
        dies=np.minimum(expiry - first, NEVER).ravel()[lot],
    )
    crossed = by_class and moved_out and not in_order
    return course, rising and (alike or one_by_one) and not crossed


def _ranks(book: RuleBook, expiry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    classes, lots = expiry.shape
    keys = {
        "oldest_first": lambda k, h: (h, k),
        "soonest_expiry_first": lambda k, h: (expiry[k, h], h, k),
        "class_order": lambda k, h: (k, h),
    }
    key = keys[book.redemption_order]
    ordered = sorted(np.ndindex(classes, lots), key=lambda at: key(*at))
    lot = np.array([k * lots + h for k, h in ordered], np.int64)
    rank = np.empty(classes * lots, np.int64)
    rank[lot] = np.arange(classes * lots)
    return rank.reshape(classes, lots), lot


def plan_earning(
    book: RuleBook,
    window: Window,
    classes: Sequence[str],
    combinations: Mapping[tuple[str, ...], Sequence[tuple[str, ...]]],
) -> Earning:
    """Return the earn rules of every edition in force within the window.

    Args:
        book: The rules.
        window: The months.
        classes: The classes, in the order of their rows.
        combinations: Columns of the multiplier tables → combinations of levels, by level code.

    Raises:
        ArgumentError: A rate has so many digits that it cannot be followed exactly.
    """
    editions = _editions(book, window)
    exact = [exact_earn(rules.earn) for rules in editions]
    longest = max((since for item in exact for since, _ in item.tenure), default=0)
    tenure_top = np.zeros((len(exact), longest + 1), np.float64)
    tenure = np.ones((len(exact), 2), np.int64)
    for d, item in enumerate(exact):
        bottom = math.lcm(*(rate.denominator for _, rate in item.tenure))
        tenure[d] = bottom, _add(bottom, editions[d])
        for since, rate in item.tenure:
            tenure_top[d, since:] = _checked(rate.numerator * (bottom // rate.denominator))
    levels = max((len(items) for items in combinations.values()), default=1)
    times_top = np.zeros((len(exact), max(levels, 1)), np.int64)
    times = np.zeros((len(exact), 5), np.int64)
    for d, rules in enumerate(editions):
        _fill_times(rules, combinations, times_top[d], times[d])
    first = month_index(window.first_month)
    campaigns = [
        (d, each.first_index - first, each.last_index - first, *_triple(each.rate),
         each.minimum_fen, each.points)
        for d, item in enumerate(exact) for each in item.campaigns
    ]  # fmt: skip
    return Earning(
        edition=np.array([editions.index(rules) for rules in _by_month(book, window)], np.int64),
        base=np.array([_triple(item.base) for item in exact], np.int64),
        on_bill=np.array([item.award_on_bill for item in exact], np.int64),
        tenure_top=tenure_top,
        tenure=tenure,
        credit=np.array([_credit(item) for item in exact], np.int64),
        data=np.array([_data(item) for item in exact], np.int64),
        times_top=times_top,
        times=times,
        campaign=np.array(campaigns, np.int64).reshape(-1, 8),
        slot=np.array([_row(classes, name) for name in POINT_CLASSES], np.int64),
    )  # fmt: skip


def _fill_times(
    rules: Rules,
    combinations: Mapping[tuple[str, ...], Sequence[tuple[str, ...]]],
    top: np.ndarray,
    row: np.ndarray,
) -> None:
    multipliers = rules.earn.multipliers
    if multipliers is None:
        return
    values = [
        exact_times(multipliers, item)
        for item in combinations[tuple(table.column for table in multipliers.tables)]
    ]
    # In lowest terms, so that the exact range reaches as far as it can.
    bottom = math.lcm(*(value.denominator for value in values))
    top[: len(values)] = [_checked(int(value * bottom)) for value in values]
    base = exact_rate(rules.earn.points_per_yuan) / 100
    mode = _MODES[multipliers.booked_as, multipliers.of]
    if mode == 1:
        _checked(base.numerator * int(top.max()))
    on_bill = base.denominator * bottom
    row[:] = (mode, bottom, _add(bottom, rules), on_bill, _add(on_bill, rules))


def _credit(item: ExactEarn) -> tuple[int, ...]:
    months = item.credit_months or _OUT_OF_REACH
    return (*_triple(item.credit), months, item.credit_points)


def _data(item: ExactEarn) -> tuple[int, ...]:
    awards = item.data_points or item.data.numerator
    minimum = item.data_minimum_fen if awards else _OUT_OF_REACH
    return (*_triple(item.data), minimum, item.data_points)


def _triple(rate: ExactRate) -> tuple[int, int, int]:
    return _checked(rate.numerator), rate.denominator, rate.add


def _add(bottom: int, rules: Rules) -> int:
    return ExactRate.make(Fraction(1, bottom), rules.earn.rounding).add


def _checked(numerator: int) -> int:
    if numerator > _LARGEST_NUMERATOR:
        raise ArgumentError(
            "rate",
            numerator,
            f"a fraction whose numerator is at most {_LARGEST_NUMERATOR}",
            action="write rates and multipliers with fewer decimals",
        )
    return numerator


def _row(classes: Sequence[str], name: str) -> int:
    return classes.index(name) if name in classes else -1


def _by_month(book: RuleBook, window: Window) -> list[Rules]:
    return [book.rules_in(window.month(t)) for t in range(window.months)]


def _editions(book: RuleBook, window: Window) -> list[Rules]:
    held = _by_month(book, window)
    return [rules for rules in book.rules if any(rules is item for item in held)]
