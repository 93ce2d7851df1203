"""How a table's headings and cells are told to a reader: words, names, and one format a column.

A column has one unit, so it has one number of decimals: what stands under each other can be
compared. The column's own name stays beside its words, since an analyst writes it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from cvm.core.i18n import catalogue, say
from cvm.core.months import format_month, month_from_index
from cvm.data.tables import CONTRACT
from cvm.views.names import TABLE, Names

LEFT = ("category", "flag", "month", "date")
"""Kinds of columns that name something and so stand to the left."""
_SHARES = ("_share", "_share_low", "_share_high", "share_of_revenue")
# Ratios that people read in per cent: returns, and the chance to see an effect.
_RETURNS = ("roi", "roi_low", "roi_high", "life_roi", "life_roi_low", "life_roi_high")
_IN_PER_CENT = ("share", "power", *_RETURNS)
_CHANCES = ("p_value", "p_adjusted", "holm", "benjamini_hochberg", "verdict_p", "before_p")
_SUMS = ("_yuan", "_yuan_low", "_yuan_high", "_points", "_minutes", "_mb")
_EVERYDAY_YEARS = (1900, 2200)
# Shares that small differ in their second decimal: 2.31 % against a cap of 2.30 %.
_SMALL_SHARE, _LARGE_SHARE = 0.1, 10
# From this ratio of the largest to the smallest on, one number of decimals does not suit both.
_UNLIKE = 100
_DIGITS = 4
_ONLY_WHOLE = 1e5
# Less than this is what arithmetic leaves of nought.
_NOUGHT = 1e-9
_WORDS = {
    "outcome": ("campaigns.outcome.{value}", "campaigns_design.outcome.{value}"),
    "method": ("campaigns.method.{value}", "points_liability.method.{value}"),
    "design": ("campaigns.method.{value}", "campaigns_page.design.{value}"),
    "estimand": ("campaigns.estimand.{value}",),
    "name": ("campaigns.check.{value}.name",),
    "check": ("campaigns.check.{value}.name",),
    "status": ("campaigns.status.{value}", "segments_warning.fate.{value}"),
    "group": ("campaigns.group.{value}",),
    "direction": ("segments_migration.way.{value}", "customer_value.direction.{value}"),
    "ladder": ("segments_value.ladder.{value}",),
    "key": ("columns.{value}", "figures.{value}"),
    "figure": ("columns.{value}", "figures.{value}"),
    "total": ("columns.{value}",),
    "reason": ("campaigns.reason.{value}",),
    "step": ("campaigns.funnel.{value}",),
    "offer": ("campaigns_page.offer.{value}",),
    "trigger": ("segments_warning.trigger.{value}",),
    "fate": ("segments_warning.fate.{value}",),
    "driver": ("points_page.lever.{value}", "points_budget.factor.{value}"),
    "lever": ("points_page.lever.{value}",),
    "shock": ("points_budget.shock.{value}",),
    "change": ("points_budget.change.{value}",),
    "kind": ("points_rules.replay.kinds.{value}",),
    "scene": ("segments_value.scene.{value}",),
    "class": ("segments_value.rfm.{value}",),
}
"""Columns whose values the catalogue knows, and where."""
_MOST_DECIMALS = 6
_ISO_DAY = re.compile(r"\d{4}-\d{2}-01")
_LIMIT = re.compile(r"(\w+?)_(low|high|se)(_yuan|_share)?")


def kind_of(column: str, values: pd.Series) -> str:
    """Return a column's kind as snapshots know it: what it holds, and how it is told."""
    if pd.api.types.is_bool_dtype(values):
        return "flag"
    if pd.api.types.is_integer_dtype(values):
        return "integer"
    if pd.api.types.is_numeric_dtype(values):
        return "share" if column.endswith("_share") else "number"
    first = next((value for value in values if not is_missing(value)), None)
    if isinstance(first, date | datetime | pd.Timestamp):
        return "month" if column == "month" or column.endswith("_month") else "date"
    if type(first).__name__ == "Decimal":
        return "number"
    return "category"


def is_missing(value: Any) -> bool:
    """Return whether a cell holds nothing."""
    return value is None or bool(pd.isna(value))


def column_label(column: str, lang: str) -> str:
    """Return a column's name in words: from the catalogue, the contract, or as it is."""
    known = _known_label(column, lang)
    limit = None if known else _LIMIT.fullmatch(column)
    if limit is None:
        return known or column.replace("_", " ")
    base = _known_label(limit[1] + (limit[3] or ""), lang) or _known_label(limit[1], lang)
    if base is None:
        return column.replace("_", " ")
    return say(f"shown.{limit[2]}", lang, words=base)


def _known_label(column: str, lang: str) -> str | None:
    for key in (f"columns.{column}", f"figures.{column}", f"common.{column}"):
        if key in catalogue():
            return say(key, lang)
    for name, table in CONTRACT.items():
        # Words such as "value" and "kind" mean something else outside the table of names.
        if name != TABLE and column in table.column_names:
            return table[column].zh if lang == "zh" else table[column].en
    return None


def column_texts(
    values: Iterable[Any], column: str, kind: str, lang: str, names: Names | None = None
) -> list[str]:
    """Return a column's cells as people read them; a missing one is an en dash.

    Args:
        values: The cells, as in a frame or a recorded table.
        column: The column's name, which says its unit.
        kind: Its kind (:func:`kind_of`).
        lang: ``"zh"`` or ``"en"``.
        names: What counties and campaigns are called; by default what the catalogue knows.
    """
    cells = list(values)
    known = [cell for cell in cells if not is_missing(cell)]
    tell = _teller(known, column, kind, lang, names or Names())
    return ["–" if is_missing(cell) else tell(cell) for cell in cells]


def _teller(known: Sequence[Any], column: str, kind: str, lang: str, names: Names) -> Any:
    if kind == "flag":
        return lambda cell: say(f"shown.{'yes' if cell else 'no'}", lang)
    if kind in ("month", "date"):
        days = [_day(cell) for cell in known]
        if kind == "month" or all(day.day == 1 for day in days):
            return lambda cell: format_month(_day(cell), lang)
        return lambda cell: f"{_day(cell):%Y-%m-%d}"
    if kind == "category":
        return lambda cell: _category(cell, column, lang, names)
    numbers = np.array([float(cell) for cell in known])
    if column.endswith("_index") and _whole(numbers):
        return lambda cell: format_month(month_from_index(int(cell)), lang)
    if column.endswith("year") and _whole(numbers) and _within(numbers, _EVERYDAY_YEARS):
        return lambda cell: f"{int(cell)}"
    if kind == "share" or _is_share(column):
        return _share_teller(numbers)
    if column in _CHANCES:
        return lambda cell: "<0.001" if cell < 0.001 else f"{cell:.3f}"
    return _number_teller(numbers, column)


def _is_share(column: str) -> bool:
    """Return whether a column of numbers is told in per cent, as what it is a limit of is."""
    return _limit_of(column, "_share") or column.endswith(_SHARES) or column in _IN_PER_CENT


def _is_sum(column: str) -> bool:
    """Return whether a column holds amounts, of which the small change does not matter."""
    return _limit_of(column, "_yuan") or column.endswith(_SUMS)


def _limit_of(column: str, unit: str) -> bool:
    """Return whether a column is a limit or an error of one with the unit in its name."""
    if f"columns.{column}" in catalogue():
        return False
    limit = _LIMIT.fullmatch(column)
    return limit is not None and limit[3] is None and f"columns.{limit[1]}{unit}" in catalogue()


def _share_teller(numbers: np.ndarray) -> Any:
    largest = np.abs(numbers[np.isfinite(numbers)]).max(initial=0.0)
    decimals = 2 if largest < _SMALL_SHARE else 1 if largest < _LARGE_SHARE else 0
    return lambda cell: _signed(100 * float(cell), decimals) + "%"


def _number_teller(numbers: np.ndarray, column: str) -> Any:
    sizes = np.abs(numbers[np.isfinite(numbers) & (numbers != 0)])
    if not len(sizes) or _whole(numbers):
        return lambda cell: _signed(float(cell), 0)
    largest = float(sizes.max())
    if largest / sizes.min() > _UNLIKE and not _is_sum(column):
        return _by_itself
    decimals = _decimals(largest)
    if not _is_sum(column) and largest < _ONLY_WHOLE:
        # Of a measure such as the AIC a few units matter, whatever its size.
        decimals = max(decimals, 1)
    # What is not nought is never shown as nought.
    return lambda cell: (
        _signed(float(cell), decimals) if abs(cell) >= 0.5 * 10**-decimals else _by_itself(cell)
    )


def _by_itself(cell: Any) -> str:
    """Return a number in its own four digits, without noughts at their end."""
    text = _signed(float(cell), _decimals(abs(float(cell))))
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimals(size: float) -> int:
    """Return the decimals that show a number of this size to four digits."""
    if size == 0 or not math.isfinite(size):
        return 0
    return min(max(_DIGITS - 1 - math.floor(math.log10(size)), 0), _MOST_DECIMALS)


def _signed(value: float, decimals: int) -> str:
    if abs(value) < _NOUGHT:
        return "0"
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:,.{decimals}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.lstrip("-")


def _category(cell: Any, column: str, lang: str, names: Names) -> str:
    text = str(cell)
    if column.endswith("_month") and _ISO_DAY.fullmatch(text):
        return format_month(_day(text), lang)
    named = names.in_column(column, text, lang)
    if named != text:
        return named
    for area in _WORDS.get(column, ()):
        key = area.format(value=text)
        # A text with blanks to fill is a sentence, not a word.
        if key in catalogue() and "{" not in catalogue()[key][lang]:
            return say(key, lang)
    if lang == "zh":
        for table in CONTRACT.values():
            if column in table.column_names:
                return table[column].allowed.get(text, text)
    return text


def _day(cell: Any) -> date:
    return date.fromisoformat(cell[:10]) if isinstance(cell, str) else cell


def _whole(numbers: np.ndarray) -> bool:
    return bool(np.isfinite(numbers).all() and (numbers == np.round(numbers)).all())


def _within(numbers: np.ndarray, bounds: tuple[int, int]) -> bool:
    return bool(len(numbers) and numbers.min() >= bounds[0] and numbers.max() <= bounds[1])
