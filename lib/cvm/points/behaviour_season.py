"""The Spring Festival, the one season that moves between calendar months."""

from __future__ import annotations

from datetime import date

FESTIVAL_IN_JANUARY = frozenset(
    {2001, 2004, 2006, 2009, 2012, 2014, 2017, 2020, 2023, 2025, 2028, 2031, 2033, 2036, 2039}
)
"""Years, 2000 to 2040, whose Spring Festival falls in January (new moon of the Chinese calendar's
first month); in the others it is February, and years outside the range are taken as such."""

JANUARY_SHARE = len(FESTIVAL_IN_JANUARY) / 41
"""Share of those years, for a month of which only the number in the calendar is known."""


def is_spring_festival(month: date) -> bool:
    """Return whether the Spring Festival falls in the month.

    Example:
        >>> is_spring_festival(date(2025, 1, 1)), is_spring_festival(date(2026, 1, 1))
        (True, False)
    """
    return month.month == (1 if month.year in FESTIVAL_IN_JANUARY else 2)
