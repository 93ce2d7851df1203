"""Rules that change over time: editions by the first month they hold in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol, TypeVar

from cvm.core.checks import ArgumentError
from cvm.core.months import iso_month, parse_month
from cvm.core.rule_checks import Checker


class Edition(Protocol):
    """Rules that hold from a month on, until the next edition."""

    @property
    def first_month(self) -> date:
        """First month they hold in."""


E = TypeVar("E", bound=Edition)


def check_editions(check: Checker, field: str, kind: type) -> bool:
    """Check that a field holds editions by rising first month, at least one."""
    if not check.records(field, kind):
        return False
    editions: Sequence[Edition] = getattr(check.record, field)
    if not editions:
        check.refuse(field, value="empty", expected="at least one edition")
    for at in range(1, len(editions)):
        before, here = editions[at - 1].first_month, editions[at].first_month
        if here <= before:
            check.refuse(
                field,
                at,
                "first_month",
                value=here,
                expected=f"later than the edition before ({before})",
                action="list the editions by rising first_month",
            )
    return True


def edition_in(editions: Sequence[E], month: date | str, *, book: str) -> E:
    """Return the edition in force in a month.

    Args:
        editions: By rising first month.
        month: The month.
        book: What they belong to, for the message.

    Raises:
        ArgumentError: There was none yet.
    """
    when = parse_month(month)
    held = [edition for edition in editions if edition.first_month <= when]
    if not held:
        raise ArgumentError(
            "month",
            iso_month(when),
            f"not before the {book} begins",
            available=[iso_month(edition.first_month) for edition in editions],
            action="choose a later month or add an edition that holds in it",
        )
    return held[-1]
