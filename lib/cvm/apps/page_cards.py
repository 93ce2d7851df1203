"""A page's cards as HTML: one figure each, its change, and a small picture of its course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from cvm.apps.elements import tag, text
from cvm.core.i18n import say

ARROWS = {"up": "▲", "down": "▼", "flat": "●", "": ""}
SPARK_WIDTH, SPARK_HEIGHT = 120, 30


def render_cards(cards: Sequence[Mapping[str, Any]], lang: str) -> str:
    """Return the list of a page's cards."""
    return tag("ul", "".join(_card(card, lang) for card in cards), class_="cvm-cards")


def _card(card: Mapping[str, Any], lang: str) -> str:
    value = escape(card["value"]) + (text("small", card["unit"]) if card["unit"] else "")
    change = ""
    if card["change"]:
        judged = say(f"overview.chrome.{card['tone']}", lang)
        arrow = ARROWS[card["direction"]]
        change = tag(
            "p",
            (text("span", arrow, aria_hidden="true") + " " if arrow else "")
            + escape(card["change"])
            + (text("span", f" ({judged})", class_="cvm-hidden") if arrow else ""),
            class_="cvm-change",
            data_tone=card["tone"],
        )
    picture = _gauge(card["gauge"]) if card["gauge"] else _course(card)
    body = (
        text("h3", card["label"])
        + tag("p", value, class_="cvm-value", data_value=card["key"])
        + change
        + picture
        + text("p", card["target"], class_="cvm-target", data_tone=card.get("target_tone", ""))
        + text("p", card["note"], class_="cvm-note")
    )
    return tag("li", body, class_="cvm-card", data_card=card["key"])


def _course(card: Mapping[str, Any]) -> str:
    """Return the sparkline; of a card with several, the first is seen until a script changes it."""
    courses = card.get("courses")
    if not courses:
        return _spark(card)
    return "".join(
        _spark(one, data_course=name, hidden=name != card["course"])
        for name, one in courses.items()
    )


def _spark(card: Mapping[str, Any], **attributes: Any) -> str:
    heights = card["spark"]
    if len(heights) < 2:
        return ""
    step = (SPARK_WIDTH - 6) / (len(heights) - 1)
    pieces: list[list[str]] = [[]]
    last = (0.0, 0.0)
    for place, height in enumerate(heights):
        if height is None:
            pieces.append([])
            continue
        last = (3 + place * step, 3 + (1 - height) * (SPARK_HEIGHT - 6))
        pieces[-1].append(f"{last[0]:.1f},{last[1]:.1f}")
    # A line between a point and itself is a dot: a value between two gaps is seen too.
    lines = "".join(
        tag("polyline", points=" ".join(piece if piece[1:] else 2 * piece))
        for piece in pieces
        if piece
    )
    dot = tag("circle", cx=f"{last[0]:.1f}", cy=f"{last[1]:.1f}", r="2.6")
    mark = card.get("spark_mark")
    if mark is not None:
        y = f"{3 + (1 - mark) * (SPARK_HEIGHT - 6):.1f}"
        lines = tag("line", x1=3, x2=SPARK_WIDTH - 3, y1=y, y2=y) + lines
    return _svg(lines + dot, card["spark_alt"], "cvm-spark", **attributes)


def _gauge(gauge: Mapping[str, Any]) -> str:
    fill, mark = gauge["fill"] * SPARK_WIDTH, gauge["mark"] * SPARK_WIDTH
    start = gauge.get("from", 0.0) * SPARK_WIDTH
    middle = SPARK_HEIGHT / 2
    body = (
        tag("rect", class_="cvm-track", x=0, y=middle - 4, width=SPARK_WIDTH, height=8, rx=4)
        + tag(
            "rect",
            class_="cvm-fill",
            x=f"{start:.1f}",
            y=middle - 4,
            width=f"{fill - start:.1f}",
            height=8,
            rx=4,
        )
        + tag("line", x1=f"{mark:.1f}", x2=f"{mark:.1f}", y1=middle - 10, y2=middle + 10)
    )
    return _svg(body, gauge["alt"], "cvm-gauge")


def _svg(body: str, alt: str, class_: str, **attributes: Any) -> str:
    return tag(
        "svg",
        text("title", alt) + body,
        class_=class_,
        role="img",
        aria_label=alt,
        viewBox=f"0 0 {SPARK_WIDTH} {SPARK_HEIGHT}",
        **attributes,
    )
