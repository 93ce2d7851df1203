"""How a rule refuses itself: every problem of a record at once, each with its place.

A record (a frozen dataclass of the rule book) checks its fields with :class:`Checker` and raises
one :class:`RuleError` that holds all its problems. The reader of rule-book files joins the problems
of all records and adds the lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cvm.core.checks import ArgumentError, check_at_least, check_between, check_one_of
from cvm.core.months import parse_month

Place = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong in a record.

    Attributes:
        place: Path from the record to the wrong setting; empty for the record as a whole.
        value: What was given.
        expected: What it must be, as the end of "must be …".
        available: What could have been given instead.
        action: What to do.
    """

    place: Place
    value: Any
    expected: str
    available: tuple[Any, ...] | None = None
    action: str | None = None

    def within(self, outer: Place) -> Problem:
        """Return the same problem seen from an enclosing record."""
        return Problem(
            place=outer + self.place,
            value=self.value,
            expected=self.expected,
            available=self.available,
            action=self.action,
        )

    def sentence(self, subject: str = "") -> str:
        """Return the problem in the suite's one error form."""
        return str(
            ArgumentError(
                place_name(self.place) or subject or "rule",
                self.value,
                self.expected,
                available=self.available,
                action=self.action,
            )
        )


class RuleError(ArgumentError):
    """A rule that cannot be carried out.

    Attributes:
        problems: All that is wrong, in the order of the settings.
    """

    def __init__(self, record: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        subject = ".".join(filter(None, (record, place_name(first.place))))
        super().__init__(
            subject, first.value, first.expected, available=first.available, action=first.action
        )

    def _message(self) -> str:
        lines = [super()._message()]
        lines += [f"also: {problem.sentence()}" for problem in self.problems[1:]]
        return "\n".join(lines)


def place_name(place: Place) -> str:
    """Return a place as people write it.

    Example:
        >>> place_name(("rules", 0, "earn", "tenure", 1, "share"))
        'rules[0].earn.tenure[1].share'
    """
    name = ""
    for part in place:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


class Checker:
    """Collects the problems of one record; the record calls :meth:`finish` last."""

    def __init__(self, record: Any) -> None:
        self.record = record
        self.problems: list[Problem] = []

    def finish(self) -> None:
        """Raise what was found.

        Raises:
            RuleError: Something was.
        """
        if self.problems:
            raise RuleError(type(self.record).__name__, self.problems)

    def refuse(
        self,
        *place: str | int,
        value: Any,
        expected: str,
        available: Iterable[Any] | None = None,
        action: str | None = None,
    ) -> None:
        """Note a problem at a place."""
        self.problems.append(
            Problem(
                place=place,
                value=value,
                expected=expected,
                available=None if available is None else tuple(available),
                action=action,
            )
        )

    def _try(self, field: str, check: Any, *arguments: Any, **options: Any) -> bool:
        try:
            check(getattr(self.record, field), field, *arguments, **options)
        except ArgumentError as error:
            self.refuse(
                field,
                value=error.value,
                expected=error.expected,
                available=error.available,
                action=error.action,
            )
            return False
        return True

    def between(self, field: str, low: float, high: float, *, decimals: int | None = None) -> bool:
        """Check a number's range, and that it has at most ``decimals`` decimals."""
        return self._try(field, check_between, low=low, high=high) and self.decimals(
            field, decimals
        )

    def at_least(self, field: str, low: float, *, decimals: int | None = None) -> bool:
        """Check a number's lower end, and that it has at most ``decimals`` decimals."""
        return self._try(field, check_at_least, low) and self.decimals(field, decimals)

    def whole(self, field: str, low: int, high: int | None = None) -> bool:
        """Check a whole number; ``3.0`` is not one, so that a mistyped unit is seen."""
        value = getattr(self.record, field)
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(field, value=value, expected="a whole number")
            return False
        if high is None:
            return self._try(field, check_at_least, low)
        return self._try(field, check_between, low=low, high=high)

    def one_of(self, field: str, available: Iterable[Any]) -> bool:
        """Check that a word is known."""
        return self._try(field, check_one_of, list(available))

    def texts(self, *fields: str) -> bool:
        """Check that fields hold texts that are not empty."""
        before = len(self.problems)
        for field in fields:
            value = getattr(self.record, field)
            if not isinstance(value, str) or not value.strip():
                self.refuse(field, value=value, expected="a text that is not empty")
        return len(self.problems) == before

    def flag(self, field: str) -> bool:
        """Check true or false."""
        value = getattr(self.record, field)
        if not isinstance(value, bool):
            self.refuse(field, value=value, expected="true or false")
        return isinstance(value, bool)

    def decimals(self, field: str, places: int | None) -> bool:
        """Check that a rate is exact in ``places`` decimals, as whole-number arithmetic needs."""
        value = getattr(self.record, field)
        if places is None or decimals_of(value) <= places:
            return True
        self.refuse(field, value=value, expected=f"a number with at most {places} decimals")
        return False

    def month(self, field: str, *, needed: bool = True) -> bool:
        """Turn a month written as text into its first day; ``None`` stays if not ``needed``."""
        value = getattr(self.record, field)
        if value is None and not needed:
            return True
        with suppress(ArgumentError, AttributeError):
            object.__setattr__(self.record, field, parse_month(value, field))
            return True
        self.refuse(field, value=value, expected="a month such as 2007-01")
        return False

    def record_of(self, field: str, kind: type, *, needed: bool = True) -> bool:
        """Check that a field holds a record of one kind, or ``None`` if not ``needed``."""
        value = getattr(self.record, field)
        sound = isinstance(value, kind) or (value is None and not needed)
        if not sound:
            self.refuse(field, value=value, expected=f"a {kind.__name__}")
        return sound

    def records(self, field: str, kind: type) -> bool:
        """Check that a field holds records of one kind, and store them as a tuple."""
        value = getattr(self.record, field)
        if not isinstance(value, list | tuple):
            self.refuse(field, value=value, expected=f"a list of {kind.__name__}")
            return False
        object.__setattr__(self.record, field, tuple(value))
        wrong = [at for at, item in enumerate(value) if not isinstance(item, kind)]
        for at in wrong:
            self.refuse(field, at, value=value[at], expected=f"a {kind.__name__}")
        return not wrong


def decimals_of(value: float) -> int:
    """Return how many decimals a number is written with.

    Example:
        >>> decimals_of(0.02), decimals_of(1), decimals_of(3.0)
        (2, 0, 0)
    """
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def scaled(value: float, scale: int) -> int:
    """Return ``value × scale`` as the exact whole number that its decimal writing means.

    Example:
        >>> scaled(0.29, 100), int(0.29 * 100)
        (29, 28)
    """
    exact = Decimal(repr(value)) * scale
    if exact != exact.to_integral_value():
        raise ArgumentError("value", value, f"exact in units of 1/{scale}")
    return int(exact)
