"""Months as the suite counts them: first-of-month dates outside, whole numbers inside.

A month's *index* is ``year × 12 + (month − 1)``, so differences are months. The points year runs
from December to November unless a rule book says otherwise.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

from cvm.core.checks import ArgumentError, check_between

_MONTH_FORMS = (
    re.compile(r"^(\d{4})-(\d{1,2})(?:-\d{1,2})?$"),
    re.compile(r"^(\d{4})/(\d{1,2})(?:/\d{1,2})?$"),
    re.compile(r"^(\d{4})\.(\d{1,2})(?:\.\d{1,2})?$"),
    re.compile(r"^(\d{4})(\d{2})(?:\d{2})?$"),
    re.compile(r"^(\d{4})年(\d{1,2})月(?:\d{1,2}日)?$"),
)
_IN_WORDS = re.compile(r"^([A-Z][a-z]{2}) (\d{4})$")
# All of China keeps one clock.
BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def parse_month(text: str | date, name: str = "month") -> date:
    """Return the first day of the month that ``text`` names.

    Args:
        text: ``2026-03``, ``202603``, ``2026/3/1``, ``2026.3``, ``2026年3月``, ``Mar 2026``, or a
            date.
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
    in_words = _IN_WORDS.match(text.strip())
    if in_words and in_words[1] in MONTH_NAMES:
        return date(int(in_words[2]), MONTH_NAMES.index(in_words[1]) + 1, 1)
    raise ArgumentError(name, text, "a month such as 2026-03, 202603, 2026/3/1 or 2026年3月")


def month_index(month: date) -> int:
    """Return the month's number, so that differences count months.

    Args:
        month: Any day of the month.

    Example:
        >>> month_index(date(2026, 3, 1)) - month_index(date(2025, 12, 1))
        3
    """
    return month.year * 12 + month.month - 1


def month_from_index(index: int) -> date:
    """Return the first day of the month with this index."""
    return date(index // 12, index % 12 + 1, 1)


def add_months(month: date, months: int) -> date:
    """Return the first day of the month that lies some months later.

    Args:
        month: Any day of a month.
        months: How many later; earlier if negative.

    Example:
        >>> add_months(date(2026, 1, 31), -2)
        datetime.date(2025, 11, 1)
    """
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
    """Return a month as people read it.

    Example:
        >>> format_month(date(2026, 3, 1), "en"), format_month(date(2026, 3, 1), "zh")
        ('Mar 2026', '2026年3月')
    """
    if lang == "zh":
        return f"{month.year}年{month.month}月"
    return f"{MONTH_NAMES[month.month - 1]} {month.year}"


def format_moment(moment: datetime, lang: str) -> str:
    """Return a moment as people read it, by the clock of its own time zone, which is named.

    Args:
        moment: A moment that knows its time zone.
        lang: ``"zh"`` or ``"en"``.

    Raises:
        ArgumentError: It does not know its time zone.

    Example:
        >>> from datetime import UTC
        >>> format_moment(datetime(2026, 11, 26, 4, 31, tzinfo=UTC), "en")
        '26 Nov 2026, 04:31 (UTC)'
    """
    offset = moment.utcoffset()
    if offset is None:
        raise ArgumentError("moment", moment.isoformat(), "a moment with its time zone")
    if offset == BEIJING.utcoffset(None):
        zone = "北京时间" if lang == "zh" else "Beijing time"
    else:
        zone = str(timezone(offset)).replace("-", "−")
    if lang == "zh":
        return f"{format_day(moment, lang)} {moment:%H:%M}（{zone}）"
    return f"{format_day(moment, lang)}, {moment:%H:%M} ({zone})"


def format_day(day: date, lang: str) -> str:
    """Return a day as people read it.

    Example:
        >>> format_day(date(2026, 11, 6), "en"), format_day(date(2026, 11, 6), "zh")
        ('6 Nov 2026', '2026年11月6日')
    """
    month = format_month(day, lang)
    return f"{month}{day.day}日" if lang == "zh" else f"{day.day} {month}"


def iso_month(month: date) -> str:
    """Return a month as it is typed and as machines read it: ``2026-03``."""
    return f"{month:%Y-%m}"
