"""The one error form of the suite, and the checks that raise it.

Every error names the argument or column, its value, what was expected, what was available and what
to do. Nothing here knows about tables' meaning; it only checks shapes and ranges.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

_LONGEST_VALUE_CHARACTERS = 120


class CvmError(Exception):
    """A problem a user can act on, told in one form.

    Attributes:
        subject: The argument, column, file or setting at fault.
        value: What was given.
        expected: What it must be, as the end of the sentence "must be …".
        available: What could have been given instead, where that is known.
        action: What to do, as an imperative sentence.
    """

    def __init__(
        self,
        subject: str,
        value: Any,
        expected: str,
        *,
        available: Collection[Any] | None = None,
        action: str | None = None,
    ) -> None:
        self.subject = subject
        self.value = value
        self.expected = expected
        self.available = None if available is None else list(available)
        self.action = action
        super().__init__(self._message())

    def _message(self) -> str:
        parts = [f"{self.subject} == {_shown(self.value)}, must be {self.expected}"]
        if self.available is not None:
            parts.append(f"available: {', '.join(map(str, self.available)) or 'nothing'}")
        if self.action:
            parts.append(f"to do: {self.action}")
        return "; ".join(parts)


class ArgumentError(CvmError, ValueError):
    """An argument or setting outside what is allowed."""


class DataError(CvmError, ValueError):
    """A file, table or column that cannot be used as it is."""


class MissingDataError(DataError):
    """A table or column that an analysis needs and the data do not have."""


def _shown(value: Any) -> str:
    shown = repr(value) if isinstance(value, str) else str(value)
    if len(shown) <= _LONGEST_VALUE_CHARACTERS:
        return shown
    return shown[: _LONGEST_VALUE_CHARACTERS - 1] + "…"


def check_finite(value: float, name: str) -> float:
    """Return ``value`` if it is a finite number.

    Raises:
        ArgumentError: It is missing, infinite or not a number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ArgumentError(name, value, "a finite number", action=f"give a number for {name}")
    return value


def check_at_least(value: float, name: str, low: float) -> float:
    """Return ``value`` if it is finite and not below ``low``.

    Raises:
        ArgumentError: It is below ``low`` or not a finite number.

    Example:
        >>> check_at_least(-1, "threshold_points", 0)
        Traceback (most recent call last):
            ...
        cvm.core.checks.ArgumentError: threshold_points == -1, must be at least 0
    """
    check_finite(value, name)
    if value < low:
        raise ArgumentError(name, value, f"at least {low:g}")
    return value


def check_between(
    value: float,
    name: str,
    *,
    low: float,
    high: float,
    include_low: bool = True,
    include_high: bool = True,
) -> float:
    """Return ``value`` if it lies between ``low`` and ``high``.

    Raises:
        ArgumentError: It lies outside or is not a finite number.

    Example:
        >>> check_between(0.02, "value_yuan", low=0, high=1)
        0.02
    """
    check_finite(value, name)
    above = value >= low if include_low else value > low
    below = value <= high if include_high else value < high
    if not (above and below):
        left, right = "[" if include_low else "(", "]" if include_high else ")"
        raise ArgumentError(name, value, f"in {left}{low:g}, {high:g}{right}")
    return value


def check_one_of(value: Any, name: str, available: Iterable[Any]) -> Any:
    """Return ``value`` if it is one of ``available``.

    Raises:
        ArgumentError: It is not; the message lists what is.
    """
    choices = list(available)
    if value not in choices:
        raise ArgumentError(
            name, value, "one of the available", available=choices, action="choose one of them"
        )
    return value


def check_columns(available: Iterable[str], needed: Iterable[str], table: str) -> None:
    """Check that a table has the columns an analysis needs.

    Args:
        available: The table's columns.
        needed: The columns the analysis reads.
        table: The table's name, for the message.

    Raises:
        MissingDataError: Some are missing; the message names them all.
    """
    have = list(available)
    missing = [column for column in needed if column not in have]
    if missing:
        raise MissingDataError(
            f"{table}.columns",
            "without " + ", ".join(missing),
            "complete for this analysis",
            available=have,
            action=f"map {', '.join(missing)} in the mapping file, or supply them in the extract",
        )
