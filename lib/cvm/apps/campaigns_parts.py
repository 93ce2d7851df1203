"""Parts of one campaign on the campaigns page: intervals, balance, and both charts over months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cvm.apps.elements import tag, text
from cvm.core.i18n import say
from cvm.core.money import format_share

AREA = "campaigns_page"
WIDTH, HEIGHT = 420, 220
CURVE_HEIGHT = 200
LABEL_HEIGHT = 15


def interval_bars(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return each row's interval as a bar on one scale; naive readings in another colour.

    Args:
        rows: ``label``, ``text`` and, where it can be told, ``low``, ``kept``, ``high``,
            ``detected``, ``naive``.
    """
    ends = [row[side] for row in rows if "kept" in row for side in ("low", "high")]
    if not rows:
        return ""
    low, high = min([0.0, *ends]), max([0.0, *ends])
    reach = (high - low) or 1.0

    def at(value: float) -> str:
        return f"{100 * (value - low) / reach:.2f}%"

    cells = ""
    for row in rows:
        marks = tag("i", "", class_="cvm-zero", style=f"left:{at(0)}")
        if "kept" in row:
            width = f"{100 * (row['high'] - row['low']) / reach:.2f}%"
            marks += tag("i", "", class_="cvm-line", style=f"left:{at(row['low'])};width:{width}")
            marks += tag("i", "", class_="cvm-point", style=f"left:{at(row['kept'])}")
        cells += text("span", row["label"])
        cells += tag(
            "span",
            marks,
            class_="cvm-span",
            aria_hidden="true",
            data_detected="true" if row.get("detected") else "false",
            data_naive="true" if row.get("naive") else None,
        )
        cells += text("span", row["text"])
    return tag("div", cells, class_="cvm-bars")


def balance_bars(balance: Mapping[str, Any]) -> str:
    """Return how far apart groups were before (hollow) and after matching (full)."""
    if not balance:
        return ""
    rows, limit = balance["rows"], balance["limit"]
    reach = 1.05 * max(
        [2 * limit, *(abs(row[side]) for row in rows for side in ("before", "after"))]
    )

    def at(value: float) -> str:
        return f"{50 + 50 * value / reach:.2f}%"

    band = f"left:{at(-limit)};width:{100 * limit / reach:.2f}%"
    cells = ""
    for row in rows:
        marks = tag("i", "", class_="cvm-band", style=band)
        marks += tag("i", "", class_="cvm-zero", style=f"left:{at(0)}")
        marks += tag("i", "", class_="cvm-before", style=f"left:{at(row['before'])}")
        marks += tag("i", "", class_="cvm-point", style=f"left:{at(row['after'])}")
        cells += text("span", row["label"])
        cells += tag("span", marks, class_="cvm-span", aria_hidden="true", data_detected="true")
        cells += text("span", row["text"])
    return tag("div", cells, class_="cvm-bars") + text("p", balance["note"], class_="cvm-note")


def event_chart(events: Mapping[str, Any], lang: str) -> str:
    """Return the effect on monthly churn by months since branches started, with intervals."""
    if not events:
        return ""
    points = events["points"]
    first, last = points[0][0], points[-1][0]
    low = min(0.0, *(point[2] for point in points))
    high = max(0.0, *(point[3] for point in points))
    left, right, top, bottom = 44, 12, 22, 40
    wide, tall = WIDTH - left - right, HEIGHT - top - bottom

    def across(month: float) -> float:
        return left + wide * (month - first + 0.5) / (last - first + 1)

    def down(value: float) -> float:
        return top + tall * (high - value) / ((high - low) or 1.0)

    marks = ""
    for month, effect, end, start in points:
        side = "cvm-after" if month >= 0 else None
        x = f"{across(month):.1f}"
        marks += tag(
            "line", "", x1=x, x2=x, y1=f"{down(end):.1f}", y2=f"{down(start):.1f}", class_=side
        )
        marks += tag("circle", "", cx=x, cy=f"{down(effect):.1f}", r=3, class_=side)
    zero = f"{down(0):.1f}"
    axes = tag("line", "", x1=left, x2=left + wide, y1=zero, y2=zero, class_="cvm-axis")
    begun = f"{across(-0.5):.1f}"
    if first < 0 <= last:
        axes += tag("line", "", x1=begun, x2=begun, y1=top, y2=top + tall, class_="cvm-begun")
    labels = ""
    for value in sorted({high, 0.0, low}):
        shown = "0" if value == 0 else f"{value:+.1f}".replace("-", "−")
        labels += text("text", shown, x=left - 6, y=f"{down(value) + 4:.1f}", text_anchor="end")
    for month in sorted({first, 0, last}):
        labels += text(
            "text",
            str(month).replace("-", "−"),
            x=f"{across(month):.1f}",
            y=HEIGHT - 24,
            text_anchor="middle",
        )
    labels += text(
        "text", say(f"{AREA}.live.events_axis", lang), x=left + wide / 2, y=HEIGHT - 7,
        text_anchor="middle",
    )  # fmt: skip
    labels += text("text", say(f"{AREA}.live.events_unit", lang), x=2, y=12)
    return tag(
        "svg",
        text("title", events["alt"]) + axes + marks + labels,
        class_="cvm-kept cvm-events",
        role="img",
        aria_label=events["alt"],
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
    )


def kept_curves(curves: Mapping[str, Sequence[float]], lang: str) -> str:
    """Return both arms' shares still in service, by month, as steps.

    Args:
        curves: Shares (0-1) of ``treated`` and ``control`` from the start on, by month.
        lang: The language.
    """
    if not curves or not all(curves.get(arm) for arm in ("treated", "control")):
        return ""
    floor = max(0.0, min(*curves["treated"], *curves["control"]) - 0.02)
    months = len(curves["treated"]) - 1
    left, right, top, bottom = 44, 64, 10, 40
    wide, tall = WIDTH - left - right, CURVE_HEIGHT - top - bottom

    def across(month: int) -> float:
        return left + wide * month / max(months, 1)

    def down(share: float) -> float:
        return top + tall * (1 - share) / ((1 - floor) or 1)

    steps = ""
    for arm, css in (("control", "cvm-held"), ("treated", "cvm-curve")):
        path = f"M{across(0):.1f} {down(curves[arm][0]):.1f}"
        for month, share in enumerate(curves[arm][1:], start=1):
            path += f"H{across(month):.1f}V{down(share):.1f}"
        steps += tag("path", "", d=path, class_=css)
    labels = ""
    for arm, y in _apart({arm: down(curves[arm][-1]) for arm in ("control", "treated")}).items():
        words = say(f"campaigns.arm.{arm}", lang)
        labels += text("text", words, x=left + wide + 6, y=f"{y + 4:.1f}")
    grid = ""
    for share in (1.0, floor):
        y, words = down(share), format_share(share, decimals=0)
        labels += text("text", words, x=left - 6, y=f"{y + 4:.1f}", text_anchor="end")
        grid = tag("line", "", x1=left, x2=left + wide, y1=y, y2=y, class_="cvm-grid") + grid
    for month in sorted({0, months // 2, months}):
        x = f"{across(month):.1f}"
        labels += text("text", str(month), x=x, y=CURVE_HEIGHT - 24, text_anchor="middle")
    axis, middle = say(f"{AREA}.live.months_axis", lang), left + wide / 2
    labels += text("text", axis, x=middle, y=CURVE_HEIGHT - 7, text_anchor="middle")
    ends = {arm: format_share(curves[arm][-1]) for arm in ("treated", "control")}
    alt = say(f"{AREA}.live.curves_alt", lang, months=months, **ends)
    return tag(
        "svg",
        text("title", alt) + grid + steps + labels,
        class_="cvm-kept",
        role="img",
        aria_label=alt,
        viewBox=f"0 0 {WIDTH} {CURVE_HEIGHT}",
    )


def _apart(heights: dict[str, float]) -> dict[str, float]:
    """Keep two labels a line's height apart, the higher curve's above (y grows downwards)."""
    upper, lower = sorted(heights, key=heights.__getitem__)
    return {**heights, lower: max(heights[lower], heights[upper] + LABEL_HEIGHT)}
