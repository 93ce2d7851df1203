"""Charts of the customer-value page, drawn from published tables: a frame in, axes out.

Cells that are withheld are missing in the frames; they are drawn as withheld, never as nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from cvm.core.i18n import say
from cvm.core.money import format_share, format_yuan
from cvm.views.chart_parts import (
    heat,
    ink_on_heat,
    lying_grid,
    say_beside,
    say_beside_bars,
    share_bars,
    shares_said,
)
from cvm.views.names import group_label
from cvm.views.theme import PALETTE, WIDTH_PX, Width, count_axis, share_axis

AREA = "customer_value"
BANDS = ("low", "middle", "high")
_DIRECTION_COLORS = {
    "up": PALETTE.ink,
    "stayed": PALETTE.light,
    "down": PALETTE.accent,
    "left": PALETTE.muted,
    "unknown": PALETTE.faint,
}
_LEAST_LABELLED = {"wide": 0.075, "phone": 0.14}
# Parts light enough for dark figures on them.
_ON_INK = ("stayed", "down", "unknown")
_WITHHELD: dict[str, Any] = {
    "facecolor": PALETTE.paper,
    "edgecolor": PALETTE.faint,
    "hatch": "////",
    "lw": 0.8,
}
_NAME_COLORS = {"up": PALETTE.ink, "stayed": PALETTE.main, "down": PALETTE.accent_text}
# Of a row, what its bar is high; of a picture's width, what bars are long; a letter's width.
_BAR = 0.54
_BAR_SHARE = 0.72
_NAME_PIXELS = {"zh": 11.0, "en": 5.6}


def draw_pyramid(rows: pd.DataFrame, names: list[str], axes: Axes, lang: str) -> Axes:
    """Draw each tier's share of customers and of revenue, the highest on top."""
    labels = (
        say(f"{AREA}.chart.pyramid_customers", lang),
        say(f"{AREA}.chart.pyramid_revenue", lang),
    )
    share_bars(axes, rows, names, room=1.2)
    missing = say(f"{AREA}.direction.withheld", lang)
    say_beside_bars(axes, rows, labels, shares_said(rows, missing=missing))
    return axes


def draw_grid(cells: pd.DataFrame, axes: Axes, lang: str, width: Width) -> Axes:
    """Draw the grid: a cell's colour is its share of revenue; its text that and of customers."""
    table = {(row["voice_band"], row["data_band"]): row for row in cells.to_dict("records")}
    shares = np.array(
        [
            [table.get((voice, data), {}).get("revenue_share", np.nan) for data in BANDS]
            for voice in reversed(BANDS)
        ],
        dtype=float,
    )
    heat(axes, shares)
    for y, voice in enumerate(reversed(BANDS)):
        for x, data in enumerate(BANDS):
            row = table.get((voice, data))
            known = row is not None and not np.isnan(shares[y, x])
            axes.text(
                x,
                y,
                say(
                    f"{AREA}.chart.grid_cell",
                    lang,
                    revenue=format_share(shares[y, x]),
                    customers=format_share(row["customer_share"]),
                )
                if known and row is not None
                else say(f"{AREA}.direction.withheld", lang),
                ha="center",
                va="center",
                color=ink_on_heat(shares, y, x),
                fontsize="small" if width == "phone" else None,
                linespacing=1.5,
            )
    names = [say(f"segments_value.band.{name}", lang) for name in BANDS]
    axes.set_xticks(range(3), names)
    axes.set_yticks(range(3), names[::-1])
    axes.set_xlabel(say(f"{AREA}.chart.grid_data", lang))
    axes.set_ylabel(say(f"{AREA}.chart.grid_voice", lang))
    return axes


def draw_concentration(
    curve: pd.DataFrame, top_tenth: float | None, measured: str, axes: Axes, lang: str
) -> Axes:
    """Draw the Lorenz curve against equal value, the top tenth marked."""
    x = [0.0, *curve["customer_share"]]
    y = [0.0, *curve["value_share"]]
    axes.plot([0, 1], [0, 1], color=PALETTE.muted, lw=1.2, ls=(0, (4, 3)))
    axes.fill_between(x, y, x, color=PALETTE.light, alpha=0.35, lw=0)
    axes.plot(x, y, color=PALETTE.main)
    axes.text(
        0.4,
        0.42,
        say(f"{AREA}.chart.concentration_equal", lang),
        rotation=45.0,
        rotation_mode="anchor",
        transform_rotates_text=True,
        ha="center",
        va="bottom",
        color=PALETTE.muted,
        fontsize="small",
    )
    if top_tenth is not None:
        at = 1 - top_tenth
        axes.plot([0.9, 0.9], [at, 1.0], color=PALETTE.accent, lw=3)
        axes.plot([0.9], [at], "o", color=PALETTE.accent, ms=6)
        axes.annotate(
            say(f"{AREA}.chart.concentration_top", lang, share=format_share(top_tenth)),
            (0.9, 1.0),
            xytext=(-6, -2),
            textcoords="offset points",
            ha="right",
            va="top",
            color=PALETTE.accent_text,
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(min(0.0, *y), 1)
    share_axis(axes)
    share_axis(axes, axis="x")
    axes.set_xlabel(say(f"{AREA}.chart.concentration_x", lang))
    axes.set_ylabel(say(f"{AREA}.chart.concentration_y", lang, measured=measured))
    return axes


def draw_migration(shares: pd.DataFrame, axes: Axes, lang: str, width: Width) -> Axes:
    """Draw a bar a tier, parted by what became of its customers within a year.

    Args:
        shares: Tier × direction (``up``, ``stayed``, ``down``, ``left``, ``unknown``); what is
            withheld is missing.
        axes: Where to draw.
        lang: ``"zh"`` or ``"en"``.
        width: ``"wide"`` or ``"phone"``.
    """
    parts = _parts(shares)
    for one in parts:
        axes.barh(one.place, one.share, left=one.left, height=_BAR, **_looks(one.name))
        if one.name != "withheld" and one.share >= _LEAST_LABELLED[width]:
            axes.text(
                one.middle,
                one.place,
                format_share(one.share, decimals=0),
                ha="center",
                va="center",
                color=PALETTE.ink if one.name in _ON_INK else PALETTE.paper,
                fontsize="small",
            )
    axes.set_yticks(range(len(shares)), [group_label("tier", tier, lang) for tier in shares.index])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    share_axis(axes, axis="x")
    axes.grid(False, axis="y")
    axes.set_xlabel(say(f"{AREA}.chart.migration_x", lang))
    _name_directions(axes, parts, lang, width)
    return axes


class _Part(NamedTuple):
    """A part of a tier's bar: in which row, what it is, where it begins and how much it is."""

    place: int
    name: str
    left: float
    share: float

    @property
    def middle(self) -> float:
        return self.left + self.share / 2


def _parts(shares: pd.DataFrame) -> list[_Part]:
    """Return the parts of all bars; what no direction tells of a tier is withheld."""
    parts = []
    for place, row in enumerate(shares[list(_DIRECTION_COLORS)].to_dict("records")):
        left = 0.0
        for name, share in row.items():
            if share > 0:
                parts.append(_Part(place, str(name), left, share))
                left += share
        if 1 - left > 1e-9:
            parts.append(_Part(place, "withheld", left, 1 - left))
    return parts


def _name_directions(axes: Axes, parts: list[_Part], lang: str, width: Width) -> None:
    """Say over a part what it is, once for each direction; in a legend if there is no room."""
    names = [name for name in (*_DIRECTION_COLORS, "withheld") if name in {p.name for p in parts}]
    halves = {
        name: (_NAME_PIXELS[lang] * len(_direction(name, lang)) / 2 + 3)
        / (_BAR_SHARE * WIDTH_PX[width])
        for name in names
    }
    places = _places_of_names(parts, halves)
    if len(places) < len(names):
        looks = [_looks(name) for name in names]
        keys = [
            Patch(label=_direction(n, lang), **look) for n, look in zip(names, looks, strict=True)
        ]
        axes.legend(handles=keys, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)
        return
    for name, (place, middle) in places.items():
        axes.text(
            middle,
            place - _BAR / 2 - 0.03,
            _direction(name, lang),
            ha="center",
            va="bottom",
            color=_NAME_COLORS.get(name, PALETTE.muted),
            fontsize="small",
        )


def _places_of_names(parts: list[_Part], halves: dict[str, float]) -> dict[str, tuple[int, float]]:
    """Return the row and the middle of each name: over its widest part where no other name is.

    Args:
        parts: Of all bars.
        halves: Name → half of its width, as a share of a whole bar.
    """
    found: dict[str, tuple[int, float]] = {}
    for name, half in halves.items():
        for one in sorted((p for p in parts if p.name == name), key=lambda p: -p.share):
            middle = min(max(one.middle, half), 1 - half)
            apart = [
                place != one.place or abs(middle - at) >= half + halves[other]
                for other, (place, at) in found.items()
            ]
            if all(apart):
                found[name] = (one.place, middle)
                break
    return found


def _looks(name: str) -> dict[str, Any]:
    return _WITHHELD if name == "withheld" else {"color": _DIRECTION_COLORS[name]}


def draw_lifetime(
    tiers: pd.DataFrame, names: list[str], axes: Axes, lang: str, width: Width
) -> Axes:
    """Draw a customer's value by tier with its interval."""
    places = np.arange(len(tiers))
    value = tiers["value_yuan"].to_numpy(float)
    low, high = (tiers[f"value_yuan_{end}"].to_numpy(float) for end in ("low", "high"))
    axes.barh(places, value, height=0.5, color=PALETTE.light)
    axes.hlines(places, low, high, color=PALETTE.main, lw=3)
    axes.plot(value, places, "o", color=PALETTE.main, ms=6)
    for place, one, end in zip(places, value, high, strict=True):
        say_beside(axes, format_yuan(float(one), lang), (end, place), color=PALETTE.ink, gap=6)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    largest = float(high.max())
    axes.set_xlim(0, (1.2 if width == "wide" else 1.35) * largest)
    unit = count_axis(axes, lang, largest=largest, unit="yuan", axis="x")
    lying_grid(axes)
    name = say(f"{AREA}.chart.lifetime_x", lang)
    axes.set_xlabel(say("overview.axis.named", lang, name=name, unit=unit))
    return axes


def _direction(name: str, lang: str) -> str:
    return say(f"{AREA}.direction.{name}", lang)
