"""What the ledger runs on: a column a member, a row a month, whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.points.ledger_plan import Window
from cvm.points.ledger_types import Members
from cvm.points.rulebook import RuleBook
from cvm.points.rules_awards import level_times

_INT32_MAX = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Billing:
    """What members were billed, for the rules to earn from.

    Attributes:
        bill_fen: Bill [month, member] (fen; see :func:`cvm.points.rules_exact.to_fen`).
        tenure_months: Tenure in the first month [member]; needed where there is a tenure table.
        paid_on_time: Whether the bill was paid in time [month, member]; needed for credit points.
        on_time_before: Consecutive on-time months before the first month [member].
        data_fen: Data spend [month, member] (fen); needed for data points.
        levels: Column → level [member] or [month, member]; needed for its multipliers.
    """

    bill_fen: Any
    tenure_months: Any = None
    paid_on_time: Any = None
    on_time_before: Any = None
    data_fen: Any = None
    levels: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Movements:
    """What else moved members' points.

    Attributes:
        redeemed: Points redeemed or asked for [month, member], or class → such an array.
        transferred_in: Points received [month, member].
        transferred_out: Points given away [month, member].
        left: Position of the first month without service [member]; −1 for a member who stayed.
        opening: Class → points outstanding at the start by month of earning [month, member]; the
            last row is the month before the first.
    """

    redeemed: Any = None
    transferred_in: Any = None
    transferred_out: Any = None
    left: Any = None
    opening: Mapping[str, Any] = field(default_factory=dict)

    @property
    def history(self) -> int:
        """Months of earning that the opening lots name."""
        return max((np.shape(value)[0] for value in self.opening.values()), default=0)


def panel(values: Any, name: str, shape: tuple[int, ...], dtype: type = np.int32) -> np.ndarray:
    """Return values as a row-major array of one type, refusing what does not fit.

    Raises:
        ArgumentError: The shape is another.
        DataError: A value is no whole number, or too large.
    """
    array = np.asarray(values)
    if array.shape != shape:
        raise ArgumentError(name, f"of shape {array.shape}", f"of shape {shape} (months, members)")
    if array.dtype != dtype:
        if array.dtype.kind == "f" and not (np.isfinite(array) & (array == np.rint(array))).all():
            raise DataError(name, "not whole", "whole numbers without gaps")
        largest = 0
        if array.size and not np.can_cast(array.dtype, dtype):
            largest = max(int(array.max()), -int(array.min()))
        if largest > np.iinfo(dtype).max:
            raise DataError(name, largest, f"at most {np.iinfo(dtype).max}")
    # Read-only arrays are another type to the compiler: it would compile again.
    return np.require(array, dtype=dtype, requirements=["C", "A", "W"])


def members_of(
    book: RuleBook,
    window: Window,
    classes: tuple[str, ...],
    earned: Billing | Mapping[str, Any],
    movements: Movements,
) -> tuple[Members, dict[tuple[str, ...], list[tuple[str, ...]]]]:
    """Return the kernels' inputs, and the combinations of levels behind the level codes."""
    first = earned.bill_fen if isinstance(earned, Billing) else next(iter(earned.values()))
    size = np.shape(first)[-1]
    both, one = (window.months, size), (size,)
    combinations: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    none2, none3 = np.zeros((0, 0), np.int32), np.zeros((0, 0, 0), np.int32)
    zeros = np.zeros(size, np.int32)
    bill, data, tenure, on_time, streak = none2, none2, zeros, np.zeros((0, 0), np.uint8), zeros
    level, given = np.zeros((1, size), np.int16), none3
    if isinstance(earned, Billing):
        needs = _needs(book, window)
        bill = panel(earned.bill_fen, "bill_fen", both)
        if "tenure_months" in needs:
            tenure = panel(_present(earned.tenure_months, "tenure_months"), "tenure_months", one)
        if "paid_on_time" in needs:
            flags = np.asarray(_present(earned.paid_on_time, "paid_on_time"))
            flags = flags.view(np.uint8) if flags.dtype == bool else flags
            on_time = panel(flags, "paid_on_time", both, np.uint8)
        if earned.on_time_before is not None:
            streak = panel(earned.on_time_before, "on_time_before", one)
        if "data_fen" in needs:
            data = panel(_present(earned.data_fen, "data_fen"), "data_fen", both)
        if "credit" in classes and on_time.size == 0:
            on_time = np.zeros(both, np.uint8)
        if "data" in classes and data.size == 0:
            data = np.zeros(both, np.int32)
        level, combinations = _levels(book, window, earned, both)
    else:
        given = _by_class(earned, classes, "earned", both)
    request = none3
    if isinstance(movements.redeemed, Mapping):
        request = _by_class(movements.redeemed, classes, "redeemed", both)
    elif movements.redeemed is not None:
        request = panel(movements.redeemed, "redeemed", both)[np.newaxis]
    moved_in, moved_out = none2, none3
    if movements.transferred_in is not None:
        moved_in = panel(movements.transferred_in, "transferred_in", both)
    if movements.transferred_out is not None:
        moved_out = panel(movements.transferred_out, "transferred_out", both)[np.newaxis]
    left = np.full(size, _INT32_MAX, np.int32)
    if movements.left is not None:
        left = panel(movements.left, "left", one)
        left = np.where(left < 0, np.int32(_INT32_MAX), left).astype(np.int32)
    opening = _by_class(movements.opening, classes, "opening", (window.history, size))
    members = Members(
        bill_fen=bill,
        data_fen=data,
        tenure=tenure,
        on_time=on_time,
        streak=streak,
        level=level,
        earned=given,
        opening=opening,
        request=request,
        moved_in=moved_in,
        moved_out=moved_out,
        left=left,
    )
    return members, combinations


def _needs(book: RuleBook, window: Window) -> set[str]:
    found = set()
    for t in range(window.months):
        earn = book.rules_in(window.month(t)).earn
        found |= {"tenure_months"} if earn.tenure else set()
        found |= {"paid_on_time"} if earn.credit else set()
        found |= {"data_fen"} if earn.data else set()
    return found


def _levels(
    book: RuleBook, window: Window, earned: Billing, both: tuple[int, int]
) -> tuple[np.ndarray, dict[tuple[str, ...], list[tuple[str, ...]]]]:
    columns = {}
    for t in range(window.months):
        multipliers = book.rules_in(window.month(t)).earn.multipliers
        if multipliers is not None:
            columns[tuple(table.column for table in multipliers.tables)] = multipliers
    if len(columns) > 1:
        raise ArgumentError(
            "rules",
            f"multipliers of {' and then '.join(map('+'.join, columns))}",
            "multiplied by the same columns within one window",
            action="run the ledger in two windows, the second with the first's lots as opening",
        )
    for names, multipliers in columns.items():
        shaped = {
            name: values if np.ndim(values) else np.full(both[1], values, dtype=object)
            for name, values in earned.levels.items()
        }
        codes, items = level_times(multipliers, shaped)
        codes = np.atleast_2d(codes)
        if codes.shape not in (both, (1, both[1])):
            raise ArgumentError(
                "levels", f"of shape {codes.shape}", f"of shape {both} or {both[1:]}"
            )
        return np.ascontiguousarray(codes, dtype=np.int16), {names: items}
    return np.zeros((1, both[1]), np.int16), {}


def _by_class(
    values: Mapping[str, Any], classes: tuple[str, ...], name: str, shape: tuple[int, int]
) -> np.ndarray:
    """Stack arrays by class; a class that is not given has none."""
    unknown = [key for key in values if key not in classes]
    if unknown:
        raise ArgumentError(f"{name} classes", unknown, "known here", available=classes)
    rows = np.zeros((len(classes), *shape), np.int32)
    for key, value in values.items():
        array = np.asarray(value)
        label = f"{name}[{key!r}]"
        rows[classes.index(key), shape[0] - array.shape[0] :] = panel(
            array, label, (array.shape[0], shape[1]) if name == "opening" else shape
        )
    return rows


def _present(values: Any, name: str) -> Any:
    if values is None:
        raise MissingDataError(
            name, None, "given: the rules depend on it", action=f"give {name}, or change the rules"
        )
    return values
