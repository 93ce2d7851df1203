"""One look for every chart: colours, type, spines, numbers and units.

Everything is applied inside ``with themed(lang):`` and undone after it; nothing here changes
matplotlib's settings for the rest of the process.

The colours come in steps of lightness, so that they stay apart in grey print and for every common
kind of colour blindness: ink (darkest), main, accent, muted, faint. A test measures it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cvm.core.checks import check_one_of
from cvm.core.i18n import LANGUAGES, say
from cvm.core.months import MONTH_NAMES
from cvm.views.fonts import chart_families

Width = Literal["wide", "phone"]
WIDTHS: tuple[Width, ...] = ("wide", "phone")
# CSS pixels: what a chart's column measures on a laptop, and on a phone.
WIDTH_PX: dict[str, int] = {"wide": 600, "phone": 340}
TEXT_PX: dict[str, float] = {"wide": 13.0, "phone": 12.0}


@dataclass(frozen=True, kw_only=True)
class Palette:
    """The suite's colours, from dark to light.

    Attributes:
        ink: Text and the strongest mark.
        main: What a chart is about.
        accent: What it is held against: a cap, a warning, the year before.
        accent_text: The accent where it is text (contrast 4.5 on white).
        muted: Context, axis texts (contrast 4.5 on white).
        faint: Lines that guide the eye; never text.
    """

    ink: str = "#12263F"
    main: str = "#1F5AA6"
    accent: str = "#D9720A"
    accent_text: str = "#A34E00"
    muted: str = "#5A687B"
    faint: str = "#D5DBE3"
    light: str = "#A9C4E8"
    paper: str = "#FFFFFF"


PALETTE = Palette()


@contextmanager
def themed(lang: str, width: Width = "wide") -> Iterator[Palette]:
    """Draw and save charts inside this context; matplotlib's settings are put back after it.

    Args:
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``: sets the size of type.

    Yields:
        The palette.

    Raises:
        ArgumentError: Unknown language or width.
    """
    check_one_of(lang, "lang", LANGUAGES)
    check_one_of(width, "width", WIDTHS)
    text = TEXT_PX[width]
    settings: dict[Any, Any] = {
        "font.family": chart_families(),
        "font.size": text,
        "axes.labelsize": text - 1,
        "axes.titlesize": text,
        "axes.titlelocation": "left",
        "axes.titlepad": 10,
        "axes.titlecolor": PALETTE.ink,
        "xtick.labelsize": text - 1,
        "ytick.labelsize": text - 1,
        "axes.edgecolor": PALETTE.faint,
        "axes.labelcolor": PALETTE.muted,
        "axes.linewidth": 1.0,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "grid.color": PALETTE.faint,
        "grid.linewidth": 0.8,
        "xtick.color": PALETTE.muted,
        "ytick.color": PALETTE.muted,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "xtick.major.pad": 6,
        "ytick.major.pad": 6,
        "text.color": PALETTE.ink,
        "lines.linewidth": 2.0,
        "lines.solid_capstyle": "round",
        "figure.facecolor": "none",
        "savefig.facecolor": "none",
        "axes.facecolor": "none",
        "axes.unicode_minus": True,
        "figure.dpi": 72,
        "savefig.dpi": 72,
        "svg.fonttype": "path",
        "svg.hashsalt": "cvm",
        "legend.frameon": False,
    }
    with mpl.rc_context(settings):
        yield PALETTE


def new_figure(width: Width, height_px: float) -> Figure:
    """Return an empty figure of a page's column; call inside :func:`themed`."""
    return Figure(figsize=(WIDTH_PX[width] / 72, height_px / 72), layout="constrained")


_ZH_UNITS = ((1e8, "亿"), (1e4, "万"))
_EN_UNITS = ((1e9, "billion "), (1e6, "million "), (1e3, "thousand "))


@dataclass(frozen=True, kw_only=True)
class AxisUnit:
    """How an axis counts: ticks are divided by ``size``; ``prefix`` goes before its unit."""

    size: float
    prefix: str


def axis_unit(largest: float, lang: str) -> AxisUnit:
    """Return the step in which an axis up to ``largest`` reads best.

    Example:
        >>> axis_unit(23_400_000, "zh"), axis_unit(23_400_000, "en")
        (AxisUnit(size=10000.0, prefix='万'), AxisUnit(size=1000000.0, prefix='million '))
    """
    check_one_of(lang, "lang", LANGUAGES)
    steps = _ZH_UNITS if lang == "zh" else _EN_UNITS
    for size, prefix in steps:
        if np.isfinite(largest) and abs(largest) >= size:
            return AxisUnit(size=size, prefix=prefix)
    return AxisUnit(size=1.0, prefix="")


def count_axis(ax: Axes, lang: str, *, largest: float, unit: str, axis: str = "y") -> str:
    """Format an axis of counts or money and return its label with the unit, e.g. ``万户``.

    Args:
        ax: The axes.
        lang: Language of the unit.
        largest: Largest value shown.
        unit: ``"customers"``, ``"yuan"`` or ``"points"``.
        axis: ``"x"`` or ``"y"``.
    """
    step = axis_unit(largest, lang)
    target = ax.yaxis if axis == "y" else ax.xaxis
    target.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
    target.set_major_formatter(FuncFormatter(lambda value, _: f"{value / step.size:,.6g}"))
    return say(f"overview.unit.{unit}", lang, prefix=step.prefix)


def share_axis(ax: Axes, *, axis: str = "y", bins: int = 4) -> None:
    """Format an axis of shares (0–1) in per cent."""
    target = ax.yaxis if axis == "y" else ax.xaxis
    target.set_major_locator(MaxNLocator(nbins=bins, steps=[1, 2, 2.5, 5, 10]))
    target.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g}%"))


def month_axis(ax: Axes, months: pd.Series, lang: str, *, most: int = 6) -> None:
    """Put a few month ticks on the x axis, in the form of the language; the last month is one.

    Args:
        ax: Axes whose x is a month (datetime).
        months: The months shown.
        lang: Language of the labels.
        most: Largest number of ticks.
    """
    known = pd.DatetimeIndex(months).sort_values().unique()
    if not len(known):
        return
    step = next((s for s in (1, 2, 3, 6, 12, 24, 36) if len(known) / s <= most), 60)
    ticks = known[::-1][::step][::-1]
    ax.set_xticks(ticks.to_pydatetime())
    ax.set_xticklabels([short_month(tick.date(), lang) for tick in ticks])


def short_month(month: date, lang: str) -> str:
    """Return a month as an axis shows it.

    Example:
        >>> short_month(date(2026, 3, 1), "zh"), short_month(date(2026, 3, 1), "en")
        ('26年3月', 'Mar 26')
    """
    if lang == "zh":
        return f"{month.year % 100:02d}年{month.month}月"
    return f"{MONTH_NAMES[month.month - 1]} {month.year % 100:02d}"


_LONG_NUMBER = re.compile(rb"-?\d+\.\d{2,}")
_SIZE = re.compile(rb'((?:width|height)="[\d.]+)pt"')
_METADATA = re.compile(rb"\s*<metadata>.*?</metadata>", re.DOTALL)
_SPACES = re.compile(rb"\n\s*")


def save_svg(figure: Figure) -> bytes:
    """Return the figure as a small, repeatable SVG with its glyphs as paths.

    Coordinates are kept to a hundredth of a pixel inside glyphs' scale and a tenth elsewhere would
    not be seen; the file carries neither date nor the drawing program's metadata.

    Raises:
        UserWarning: A character has no glyph in any of the fonts: a picture with empty boxes is
            not published.
    """
    file = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph .* missing from")
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    svg = _METADATA.sub(b"", file.getvalue())
    svg = svg[svg.index(b"<svg") :]
    svg = _LONG_NUMBER.sub(_rounded, svg)
    svg = _SIZE.sub(rb'\1"', svg, count=2)
    return _SPACES.sub(b"\n", svg)


def _rounded(match: re.Match[bytes]) -> bytes:
    number = float(match[0])
    # Scales of glyphs are small numbers (0.12): they keep three digits.
    text = f"{number:.3f}" if abs(number) < 1 else f"{number:.1f}"
    text = text.rstrip("0").rstrip(".")
    return (text if text not in ("-0", "") else "0").encode()
