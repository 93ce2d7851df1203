"""Numbers as people read them: 万 and 亿 in Chinese, k and m in English, shares in per cent."""

from __future__ import annotations

import math

_ZH_STEPS = ((1e8, "亿"), (1e4, "万"))
_SHORTEN_FROM = 9_999.5
_EN_STEPS = ((1e9, "bn"), (1e6, "m"), (1e3, "k"))


def format_number(value: float | None, lang: str, *, digits: int = 3) -> str:
    """Return a count or amount shortened to about ``digits`` significant digits.

    Missing values are an en dash, so that a gap is never read as zero.

    Example:
        >>> format_number(1_234_567, "zh"), format_number(1_234_567, "en")
        ('123万', '1.23m')
    """
    if value is None or not math.isfinite(value):
        return "–"
    steps = _ZH_STEPS if lang == "zh" else _EN_STEPS
    for position, (size, unit) in enumerate(steps):
        # Four digits read as well as "9.88k", and lose nothing.
        if abs(value) >= max(0.99995 * size, _SHORTEN_FROM):
            text = _significant(value / size, digits)
            # 9,999.9 万 rounds up to 10000 万: say 1 亿 instead.
            if position and abs(float(text.replace(",", ""))) * size >= steps[position - 1][0]:
                size, unit = steps[position - 1]
                text = _significant(value / size, digits)
            return text + unit
    return _significant(value, max(digits, 4) if abs(value) >= 999.5 else digits)


def _significant(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    whole_digits = math.floor(math.log10(abs(value))) + 1
    decimals = max(0, digits - whole_digits)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_yuan(value: float | None, lang: str, *, digits: int = 3) -> str:
    """Return an amount of money with its unit.

    Example:
        >>> format_yuan(23_400_000, "zh"), format_yuan(23_400_000, "en")
        ('2,340万元', '¥23.4m')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if lang == "zh":
        return format_number(value, lang, digits=digits) + "元"
    sign = "-" if value < 0 else ""
    return f"{sign}¥{format_number(abs(value), lang, digits=digits)}"


def format_share(value: float | None, *, decimals: int = 1) -> str:
    """Return a share (0–1) in per cent.

    Example:
        >>> format_share(0.023)
        '2.3%'
    """
    if value is None or not math.isfinite(value):
        return "–"
    return f"{100 * value:.{decimals}f}%"


def format_points(value: float | None) -> str:
    """Return a difference of shares in percentage points, with its sign.

    Example:
        >>> format_points(-0.0041)
        '-0.41'
    """
    if value is None or not math.isfinite(value):
        return "–"
    return f"{100 * value:+.2f}"
