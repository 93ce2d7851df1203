"""Headers of an extract to columns of the contract, by name.

Headers are compared after normalising: case, spaces, underscores and full-width forms do not count,
and a unit in brackets is set apart. A unit the contract does not use becomes a factor (万元 is
10,000 yuan), an unknown one stops the match, so that no number changes its size unnoticed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from cvm.data.contract import Column, Table
from cvm.data.tables import CONTRACT

_UNIT = re.compile(r"^(?P<name>.+?)[(\[【(](?P<unit>[^()\[\]【】]*)[)\]】]$")
_NOISE = re.compile(r"[\s_\-./:·,、]+")

# Unit of the contract → unit in a header → factor.
_FACTORS: dict[str, dict[str, float]] = {
    "yuan": {
        "元": 1, "yuan": 1, "cny": 1, "rmb": 1, "¥": 1, "人民币": 1, "人民币元": 1,
        "角": 0.1, "分": 0.01, "千元": 1e3, "万元": 1e4, "百万元": 1e6, "亿元": 1e8,
    },
    "GB": {"gb": 1, "g": 1, "mb": 1 / 1024, "m": 1 / 1024, "kb": 1 / 1024**2, "tb": 1024},
    "minutes": {
        "分钟": 1, "分": 1, "min": 1, "mins": 1, "minute": 1, "minutes": 1,
        "秒": 1 / 60, "s": 1 / 60, "sec": 1 / 60, "seconds": 1 / 60,
        "小时": 60, "时": 60, "h": 60, "hours": 60,
    },
    "months": {"月": 1, "个月": 1, "month": 1, "months": 1, "年": 12, "years": 12},
    "points": {"分": 1, "积分": 1, "points": 1, "万分": 1e4},
    "years": {"岁": 1, "年": 1, "周岁": 1, "years": 1},
    "share": {"%": 0.01, "百分比": 0.01, "‰": 0.001},
}  # fmt: skip
_COUNTS = ("次", "个", "人", "户", "条", "件", "级", "count", "次数")

_LEAST_LIKENESS = 0.82
_LIKENESS_AT_MOST = 0.9
"""Confidence of the closest likeness; a known header has more."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """A header recognised as a column of the contract.

    Attributes:
        header: The header as the extract has it.
        column: The contract's column.
        confidence: 1 for the contract's own name, 0.95 for a known synonym, less for a likeness.
        factor: What the extract's numbers are multiplied by to have the contract's unit.
    """

    header: str
    column: str
    confidence: float
    factor: float = 1.0


def normalise(header: str) -> str:
    """Return a header without case, width, spaces and separators.

    Example:
        >>> normalise(" Customer_ID "), normalise("Ｃｕｓｔｏｍｅｒ　ＩＤ")
        ('customerid', 'customerid')
    """
    return _NOISE.sub("", unicodedata.normalize("NFKC", header)).casefold()


def split_unit(header: str) -> tuple[str, str]:
    """Return a header's name and the unit in brackets behind it.

    Example:
        >>> split_unit("账单金额（万元）")
        ('账单金额', '万元')
    """
    plain = unicodedata.normalize("NFKC", header).strip()
    found = _UNIT.match(plain)
    if found is None:
        return plain, ""
    return found["name"].strip(), found["unit"].strip()


def unit_factor(unit: str, column: Column) -> float | None:
    """Return the factor from a header's unit to the contract's, ``None`` if it is unknown.

    Example:
        >>> from cvm.data.tables import MONTHS
        >>> unit_factor("万元", MONTHS["bill_yuan"])
        10000.0
    """
    key = unit.casefold().replace(" ", "")
    if not key:
        return 1.0
    wanted = "share" if column.kind == "share" else column.unit
    if column.kind not in ("number", "integer", "share"):
        return 1.0
    known = _FACTORS.get(wanted)
    if known is None:
        return 1.0 if key in _COUNTS or key == wanted.casefold() else None
    factor = known.get(key)
    return None if factor is None else float(factor)


def match_headers(headers: Iterable[str], table: Table, *, fuzzy: bool = False) -> dict[str, Match]:
    """Return the column of the contract → the header that delivers it.

    Each header serves one column. Contract names go before Chinese and English names, those before
    synonyms, and those before likenesses.

    Args:
        headers: The extract's headers.
        table: The table of the contract.
        fuzzy: Also accept headers that are merely alike (for a proposal, not for reading).
    """
    offers = [
        match
        for header in headers
        for column in table.columns
        if (match := _rate(header, column, fuzzy)) is not None
    ]
    offers.sort(key=lambda match: -match.confidence)
    found: dict[str, Match] = {}
    used: set[str] = set()
    for match in offers:
        if match.column not in found and match.header not in used:
            found[match.column] = match
            used.add(match.header)
    return found


def guess_table(headers: Iterable[str], *, fuzzy: bool = False) -> tuple[str, dict[str, Match]]:
    """Return the table of the contract that the headers fit best, and the matches.

    The fit is the sum of confidences, required columns counting three times; a table whose required
    columns are all there wins over one that lacks some. A required column is there if its header
    is known, not merely alike.
    """
    listed = list(headers)
    best, best_matches, best_score = "customers", {}, (-1.0, -1.0)
    for name, table in CONTRACT.items():
        matches = match_headers(listed, table, fuzzy=fuzzy)
        known = [name for name, match in matches.items() if match.confidence > _LIKENESS_AT_MOST]
        have = [column for column in table.required if column in known]
        fit = sum(match.confidence for match in matches.values())
        score = (len(have) / max(1, len(table.required)), fit + 2 * len(have))
        total = (score[0] * score[1], score[1])
        if total > best_score:
            best, best_matches, best_score = name, matches, total
    return best, best_matches


def table_named(text: str) -> str | None:
    """Return the table of the contract that a file, sheet or database table is named after."""
    key = normalise(text)
    for name, table in CONTRACT.items():
        if key in {normalise(each) for each in (name, table.en, table.zh)}:
            return name
    return None


def _names(column: Column) -> Mapping[str, float]:
    names = {normalise(header): 0.95 for header in column.headers}
    names[normalise(column.en)] = 0.95
    names[normalise(column.zh)] = 1.0
    names[normalise(column.name)] = 1.0
    return names


def _rate(header: str, column: Column, fuzzy: bool) -> Match | None:
    names = _names(column)
    whole = names.get(normalise(header))
    if whole is not None and "(" not in unicodedata.normalize("NFKC", header):
        return Match(header=header, column=column.name, confidence=whole)
    name, unit = split_unit(header)
    factor = unit_factor(unit, column)
    if factor is None:
        return None
    exact = names.get(normalise(name))
    if exact is not None:
        return Match(header=header, column=column.name, confidence=exact, factor=factor)
    if not fuzzy:
        return None
    likeness = max(SequenceMatcher(None, normalise(name), each).ratio() for each in names)
    if likeness < _LEAST_LIKENESS:
        return None
    return Match(
        header=header, column=column.name, confidence=_LIKENESS_AT_MOST * likeness, factor=factor
    )
