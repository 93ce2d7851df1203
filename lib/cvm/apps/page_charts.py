"""A page's charts as HTML, each with its table, and the panel that shows one county or brand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cvm.apps.elements import json_for_script, tag, text
from cvm.core.i18n import say

WIDE_FROM_PX = 1200


def render_chart(chart: Mapping[str, Any], addresses: Mapping[str, str], lang: str) -> str:
    """Return one chart's panel; ``addresses`` says where its pictures are."""
    return tag(
        "article",
        _chart(chart, addresses, lang),
        class_="cvm-panel",
        data_chart=chart["key"],
    )


def _chart(chart: Mapping[str, Any], addresses: Mapping[str, str], lang: str) -> str:
    caption = tag(
        "figcaption",
        text("p", chart["name"], class_="cvm-eyebrow") + text("h3", chart["title"]),
    )
    details = tag(
        "details",
        text("summary", say("overview.chrome.show_table", lang))
        + tag(
            "div",
            _table(chart["table"], chart["title"]),
            class_="cvm-scroll",
            tabindex=0,
            role="region",
            aria_label=chart["name"],
        ),
    )
    save = text("button", say("page.save_picture", lang), type="button", data_save=chart["key"])
    return tag("figure", caption + _picture(chart, addresses)) + tag(
        "div", details + save, class_="cvm-foot"
    )


def _picture(chart: Mapping[str, Any], addresses: Mapping[str, str]) -> str:
    """Return the picture; of its two widths a browser fetches the one it shows.

    Paper takes the phone's: two a row on A4, its texts stand there at about 8 points.
    """
    files, sizes = chart["figures"], chart["size"]
    wide, phone = (addresses[files[width]] for width in ("wide", "phone"))
    return tag(
        "picture",
        tag(
            "source",
            media=f"screen and (min-width: {WIDE_FROM_PX}px)",
            srcset=wide,
            width=sizes["wide"][0],
            height=sizes["wide"][1],
        )
        + tag(
            "img",
            src=phone,
            alt=chart["alt"],
            width=sizes["phone"][0],
            height=sizes["phone"][1],
            decoding="async",
            loading="lazy",
        ),
    )


def _table(table: Mapping[str, Any], caption: str) -> str:
    head = tag("tr", "".join(text("th", name, scope="col") for name in table["columns"]))
    rows = "".join(
        tag(
            "tr",
            text("th", row[0], scope="row") + "".join(text("td", cell) for cell in row[1:]),
        )
        for row in table["rows"]
    )
    hidden = text("caption", caption, class_="cvm-hidden")
    return tag("table", hidden + tag("thead", head) + tag("tbody", rows))


def render_drill(drill: Mapping[str, Any] | None, addresses: Mapping[str, str], lang: str) -> str:
    """Return the panel that shows one county or brand; its figures are all in the page.

    A chart that compares the choices stands in the same panel, before them.
    """
    if not drill or not drill["groups"]:
        return ""
    whole = drill["all"]
    options = text("option", whole["label"], value=whole["key"]) + "".join(
        tag(
            "optgroup",
            "".join(
                text("option", choice["label"], value=choice["key"]) for choice in group["choices"]
            ),
            label=group["label"],
        )
        for group in drill["groups"]
    )
    figures = {
        choice["key"]: [value for _, value in choice["facts"]]
        for choice in [whole, *(c for group in drill["groups"] for c in group["choices"])]
    }
    facts = "".join(
        tag("div", text("dt", label) + text("dd", value)) for label, value in whole["facts"]
    )
    select_id = f"cvm-focus-{lang}"
    chosen = (
        text("p", drill["label"], class_="cvm-eyebrow")
        + text("h3", drill["heading"])
        + text("label", drill["label"], for_=select_id, class_="cvm-hidden")
        + tag("select", options, id=select_id, data_focus=True)
        + tag("dl", facts, class_="cvm-facts", aria_live="polite")
        + tag("script", json_for_script(figures), type="application/json")
    )
    chart = drill.get("chart")
    if not chart:
        return tag("article", chosen, class_="cvm-panel cvm-drill")
    compared = tag("div", _chart(chart, addresses, lang), data_beside=chart["key"])
    return tag("article", compared + tag("div", chosen), class_="cvm-panel cvm-drill cvm-beside")
