"""Months as the suite counts them: first-of-month dates outside, whole numbers inside.

A month's *index* is ``year × 12 + (month − 1)``, so differences are months. The points year runs
from December to November unless a rule book says otherwise.
"""

from __future__ import annotations

import re
from datetime import date

from cvm.core.checks import ArgumentError, check_between

_MONTH_FORMS = (
    re.compile(r"^(\d{4})-(\d{1,2})(?:-\d{1,2})?$"),
    re.compile(r"^(\d{4})/(\d{1,2})(?:/\d{1,2})?$"),
    re.compile(r"^(\d{4})\.(\d{1,2})(?:\.\d{1,2})?$"),
    re.compile(r"^(\d{4})(\d{2})(?:\d{2})?$"),
    re.compile(r"^(\d{4})年(\d{1,2})月(?:\d{1,2}日)?$"),
)


def parse_month(text: str | date, name: str = "month") -> date:
    """Return the first day of the month that ``text`` names.

    Args:
        text: ``2026-03``, ``202603``, ``2026/3/1``, ``2026.3``, ``2026年3月``, or a date.
        name: The argument's name, for the error.

    Raises:
        ArgumentError: It names no month.

    Example:
        >>> parse_month("2026年3月")
        datetime.date(2026, 3, 1)
    """
    if isinstance(text, date):
        return date(text.year, text.month, 1)
    for form in _MONTH_FORMS:
        match = form.match(text.strip())
        if match and 1 <= int(match[2]) <= 12:
            return date(int(match[1]), int(match[2]), 1)
    raise ArgumentError(name, text, "a month such as 2026-03, 202603, 2026/3/1 or 2026年3月")


def month_index(month: date) -> int:
    """Return the month's number, so that differences count months.

    Example:
        >>> month_index(date(2026, 3, 1)) - month_index(date(2025, 12, 1))
        3
    """
    return month.year * 12 + month.month - 1


def month_from_index(index: int) -> date:
    """Return the first day of the month with this index."""
    return date(index // 12, index % 12 + 1, 1)


def add_months(month: date, months: int) -> date:
    """Return the month that lies ``months`` later (earlier if negative)."""
    return month_from_index(month_index(month) + months)


def points_year(month: date, first_month: int = 12) -> int:
    """Return the points year a month belongs to, named by the calendar year it ends in.

    Args:
        month: Any day of the month.
        first_month: The calendar month the points year begins with (1–12); 12 is December–November.

    Example:
        >>> points_year(date(2025, 12, 1)), points_year(date(2026, 11, 1))
        (2026, 2026)
    """
    check_between(first_month, "first_month", low=1, high=12)
    if first_month == 1:
        return month.year
    return month.year + (month.month >= first_month)


def format_month(month: date, lang: str) -> str:
    """Return ``2026-03`` in English and ``2026年3月`` in Chinese."""
    return f"{month.year}年{month.month}月" if lang == "zh" else f"{month:%Y-%m}"
