"""Text to values: how numbers, shares, months, days, flags and labels are written.

Every function takes an Ibis expression of tidy text (:func:`tidy`) and returns one, so a file of
any size is read by the query engine. Text that says nothing of the kind becomes null.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import ibis
from ibis.expr import types as ir

from cvm.data.contract import Column

# Full-width forms as Chinese input methods write them, and their half-width twins.
_FULL = "".join(chr(code) for code in range(0xFF01, 0xFF5F)) + "\u3000\u00a0，。"
_HALF = "".join(chr(code) for code in range(0x21, 0x7F)) + "  ,."
EMPTY = ("", "\\n", "null", "#n/a", "nan")
MISSING = (*EMPTY, "-", "--", "—", "——", "/", "n/a", "na", "none", "无", "空", "未知", "不详")
# What billing systems write for "no date".
NO_DATE = (
    r"^(?:0000|9999|2999|3000)(?:[-/.年]\d{1,2}(?:[-/.月]\d{1,2}日?|月)?|\d{2}|\d{4})?"
    r"(?:[ T][\d:.]+)?$|^0$"
)
TRUE = ("是", "y", "yes", "true", "t", "1", "1.0", "有", "真", "√", "✓", "对")
FALSE = ("否", "n", "no", "false", "f", "0", "0.0", "无", "没有", "假", "×", "✗", "非")

# Labels people write beside the contract's own Chinese and English ones.
SYNONYMS: dict[str, dict[str, str]] = {
    "brand": {"go tone": "gotone", "easy own": "easyown", "m-zone": "mzone", "m zone": "mzone"},
    "customer_type": {
        "个人客户": "personal",
        "家庭客户": "family",
        "集团客户": "corporate",
        "政企": "corporate",
        "政企客户": "corporate",
    },
    "vip_tier": {
        "钻卡": "diamond",
        "钻石": "diamond",
        "金": "gold",
        "银": "silver",
        "贵宾": "vip",
        "vip卡": "vip",
        "普通": "none",
        "无": "none",
    },
    "payment": {"预付": "prepaid", "后付": "postpaid"},
    "gender": {"f": "female", "m": "male", "女性": "female", "男性": "male"},
    "arm": {"试验组": "treated", "干预组": "treated", "目标组": "treated", "空白组": "control"},
    "entry": {
        "期初": "opening",
        "新增积分": "earned",
        "兑换积分": "redeemed",
        "清零积分": "expired",
    },
    "grade": {"a级": "A", "b级": "B", "c级": "C"},
}

_SPACE = r"[\s\x{3000}\x{a0}\x{feff}\x{200b}]"
# A trailing tab, ="…" or a leading apostrophe keeps Excel from rewriting identifiers; all go.
_TIDY = rf"(?s)^{_SPACE}*(?:=\"(.*)\"|'?(.*?)){_SPACE}*$"
PLAIN_INTEGER = r"^[+-]?\d{1,18}$"
# Groups: ( 1, sign 2 or 3, digits 4, 万 亿 千 5, sign behind 6, ) 7.
_NUMBER = (
    r"^(\()?([+-]?)(?:(?i:RMB|CNY)|[¥￥])?([+-]?)"
    r"((?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d*)?(?:[eE][+-]?\d{1,3})?)"
    r"(万|亿|千)?元?(-)?(\))?$"
)
_DATE = (
    r"^((?:19|20)\d{2})"
    r"(?:\s*[-/.年]\s*(\d{1,2})(?:\s*[-/.月]\s*(\d{1,2})\s*日?|\s*月)?|(\d{2})(\d{2})?)"
    r"(?:[ T]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?Z?)?$"
)
# Days since 1899-12-30, as Excel counts; 1970 to 2100, so that no YYYYM is taken for one.
_SERIAL = r"^(2[5-9]|[3-6]\d|7[0-2])\d{3}(\.0*)?$"


def tidy(text: ir.StringValue) -> ir.StringValue:
    """Return text without spaces around it and without Excel's guards (="…", apostrophe)."""
    return text.re_replace(_TIDY, r"\1\2")


def half_width(text: ir.StringValue) -> ir.StringValue:
    """Return text with full-width letters, digits and signs as their half-width twins."""
    return text.translate(_FULL, _HALF)


def number(text: ir.StringValue, *, decimal: str = ".") -> ir.FloatingValue:
    """Return tidy text as a number: separators, ¥ and 元, 万 and 亿, full-width digits, (12.5).

    Null where the text is no number. Per cent signs are read by shares only.
    """
    wide = half_width(text).re_replace(r"\s+", "")
    if decimal == ",":
        wide = wide.translate(".,", ",.")
    signs = wide.re_replace(_NUMBER, r"\1\2\3\6\7")
    digits = wide.re_replace(_NUMBER, r"\4").replace(",", "").try_cast("float64")
    scale = wide.re_replace(_NUMBER, r"\5")
    size = ibis.cases((scale == "万", 1e4), (scale == "亿", 1e8), (scale == "千", 1e3), else_=1.0)
    sign = ibis.cases(
        (one_of(signs, ("", "+")), 1.0),
        (one_of(signs, ("-", "()")), -1.0),
        else_=ibis.null("float64"),
    )
    readable = wide.re_search(_NUMBER) & wide.re_search(r"\d")
    finite = ibis.ifelse(digits.isinf(), ibis.null("float64"), digits)
    return ibis.ifelse(readable, sign * finite * size, ibis.null("float64"))


def integer(text: ir.StringValue, *, decimal: str = ".") -> ir.IntegerValue:
    """Return tidy text as a whole number; null where it has a fraction or is no number."""
    parsed = whole(number(text, decimal=decimal))
    return ibis.ifelse(text.re_search(PLAIN_INTEGER), text.try_cast("int64"), parsed)


def share(text: ir.StringValue, *, decimal: str = ".") -> ir.FloatingValue:
    """Return tidy text as a share: ``12.5%`` is 0.125, ``0.125`` is itself."""
    wide = half_width(text)
    size = ibis.cases((wide.endswith("%"), 100.0), (wide.endswith("‰"), 1000.0), else_=1.0)
    return number(wide.re_replace(r"\s*[%‰]$", ""), decimal=decimal) / size


def day(text: ir.StringValue, *, needs_day: bool = True) -> ir.DateValue:
    """Return tidy text as a date.

    Reads 2026-03-01, 2026/3/1, 2026.3.1, 2026年3月1日, 20260301, a time of day behind them, and
    Excel's day numbers. ``03/04/2026`` is ambiguous and therefore not read.

    Args:
        text: Tidy text.
        needs_day: A month alone (2026-03, 202603, 2026年3月) is not enough.
    """
    null = ibis.null("date")
    wide = half_width(text)
    month = wide.re_extract(_DATE, 2) + wide.re_extract(_DATE, 4)
    day_of_month = wide.re_extract(_DATE, 3) + wide.re_extract(_DATE, 5)
    if not needs_day:
        day_of_month = ibis.ifelse(day_of_month == "", "1", day_of_month)
    written = wide.re_extract(_DATE, 1) + "-" + month.lpad(2, "0") + "-" + day_of_month.lpad(2, "0")
    parts = ibis.ifelse(
        wide.re_search(_DATE) & (day_of_month != ""), written.try_cast("date"), null
    )
    number_of_days = wide.re_replace(r"\.0*$", "").try_cast("int64")
    serial = ibis.ifelse(
        wide.re_search(_SERIAL),
        (ibis.date("1899-12-30") + number_of_days.as_interval("D")).cast("timestamp").cast("date"),
        null,
    )
    return ibis.coalesce(parts, serial)


def month(text: ir.StringValue) -> ir.DateValue:
    """Return tidy text as the first day of a month; every form of :func:`day` and months alone."""
    return first_day(day(text, needs_day=False))


def flag(text: ir.StringValue) -> ir.BooleanValue:
    """Return tidy text as true or false: 是/否, Y/N, yes/no, true/false, 1/0, 有/无."""
    return flag_of(key(text))


def flag_of(word: ir.StringValue) -> ir.BooleanValue:
    """Return a lower-case, half-width word as true or false."""
    return ibis.cases(
        (one_of(word, TRUE), True), (one_of(word, FALSE), False), else_=ibis.null("boolean")
    )


def label(text: ir.StringValue, column: Column) -> ir.StringValue:
    """Return tidy text as a value of a category.

    The contract's values, their Chinese labels and common synonyms are recognised without regard to
    case and width. Any other label is returned as it is, for the check to report.
    """
    word = key(text)
    unknown = ibis.ifelse(one_of(word, MISSING), ibis.null("string"), text)
    known = labels(column)
    if not known:
        return unknown
    return ibis.cases(
        *((one_of(word, keys), value) for value, keys in known.items()), else_=unknown
    )


def one_of(text: ir.StringValue, words: Iterable[str]) -> ir.BooleanValue:
    """Tell whether text is one of some words."""
    # A pattern, since the engine computes the left side of a long IN for every row beforehand.
    return text.re_search("^(?:" + "|".join(re.escape(word) for word in words) + ")$")


def labels(column: Column) -> dict[str, list[str]]:
    """Return the contract's value → the labels it is known by, in lower case."""
    labels = {
        value: [value.casefold(), chinese.casefold()] for value, chinese in column.allowed.items()
    }
    if labels:
        for synonym, value in SYNONYMS.get(column.name, {}).items():
            labels[value].append(synonym)
    return labels


def key(text: ir.StringValue) -> ir.StringValue:
    """Return text by which words are compared: half-width and in lower case."""
    return half_width(text).lower()


def whole(value: ir.FloatingValue) -> ir.IntegerValue:
    """Return a number that has no fraction as a whole one; null for others."""
    # Rounding is by way of a 64-bit whole number, which larger ones do not fit.
    exact = ibis.ifelse(value.abs() < 2**53, value, ibis.null("float64"))
    return ibis.ifelse(exact == exact.round(), exact, ibis.null("float64")).cast("int64")


def first_day(value: ir.DateValue) -> ir.DateValue:
    """Return the first day of a date's month."""
    # Truncating gives a timestamp on DuckDB, whatever Ibis says; building the date does not.
    return ibis.date(value.year(), value.month(), 1)
