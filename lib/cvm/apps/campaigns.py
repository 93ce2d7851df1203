"""The campaigns dashboard: ``show()`` is all that ``dashboards/campaigns.ipynb`` calls.

The few figures behind the levers travel with the page and are read by a small script in the
browser, so a lever answers at once, no kernel is asked, and the page works as a plain file too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cvm.apps.campaigns_parts import balance_bars, event_chart, interval_bars, kept_curves
from cvm.apps.elements import asset, section, tag, text
from cvm.apps.model import PageModel
from cvm.apps.opened import dashboard
from cvm.apps.page import Live
from cvm.apps.page_levers import lever_panel, lever_slider, live_parts, live_script, live_styles
from cvm.core.i18n import say

AREA = "campaigns_page"


def page_section(content: Mapping[str, Any], lang: str) -> str:
    """Return levers, register and one campaign; nothing where none is on record."""
    live = content.get("live")
    if not live or not live["register"]:
        return ""
    panel = _levers(live, lang) if live["levers"] else ""
    register = tag("div", panel + _register(live, lang), class_="cvm-live")
    return section("live", say(f"{AREA}.live.heading", lang), register) + section(
        "detail", say(f"{AREA}.live.detail_heading", lang), _details(live, lang)
    )


def page_script(model: PageModel) -> str:
    """Return the script with the figures behind the levers and the words of both languages."""
    parts = live_parts(model)
    if not (parts and all(live.get("register") for live in parts.values())):
        return ""
    data: dict[str, Any] = {
        "rows": next((live["rows"] for live in parts.values() if live["rows"]), []),
        "told": {lang: live["told"] for lang, live in parts.items()},
        "asked": {lang: live["asked"] for lang, live in parts.items()},
        "words": {lang: live["words"] for lang, live in parts.items()},
    }
    return live_script("campaigns", data)


def _levers(live: Mapping[str, Any], lang: str) -> str:
    sliders = "".join(lever_slider(item, lang) for item in live["levers"])
    return lever_panel(AREA, tag("fieldset", sliders), lang)


def _register(live: Mapping[str, Any], lang: str) -> str:
    names = ("name", "evidence", "customers", "kept", "cost", "roi", "chance", "verdict")
    labels = {name: say(f"{AREA}.column.{name}", lang) for name in names}
    head = tag("tr", "".join(text("th", labels[name], scope="col") for name in names))
    rows = "".join(_register_row(row, labels) for row in live["register"])
    table = tag("table", tag("thead", head) + tag("tbody", rows))
    return tag(
        "article",
        text("p", say(f"{AREA}.live.register_name", lang), class_="cvm-eyebrow")
        + text("h3", say(f"{AREA}.live.register_title", lang))
        + tag(
            "div",
            table,
            class_="cvm-scroll",
            tabindex=0,
            role="region",
            aria_label=say(f"{AREA}.live.register_name", lang),
        ),
        class_="cvm-panel cvm-register",
    )


def _register_row(row: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    def live(name: str, element: str = "span") -> str:
        of = row["id"] if row["live"] else None
        return text(element, row[_CELLS[name]], data_live_of=of, data_cell=name)

    opened = text("button", row["name"], type="button", class_="cvm-open", data_open=row["id"])
    cells = {
        "evidence": text("span", row["evidence"]),
        "customers": text("span", row["customers"]),
        "kept": text("span", row["kept"]) + text("small", row["kept_interval"]),
        "cost": live("cost"),
        "roi": live("roi") + live("interval", "small"),
        "chance": live("chance"),
        "verdict": text("span", row["worked"], data_tone=row["tone"]) + live("paid", "small"),
    }
    return tag(
        "tr",
        tag("th", opened + text("small", row["start"]), scope="row")
        + "".join(tag("td", cell, data_label=labels[name]) for name, cell in cells.items()),
        data_row=row["id"],
    )


_CELLS = {
    "cost": "cost",
    "roi": "roi",
    "interval": "roi_interval",
    "chance": "chance",
    "paid": "paid",
}


def _details(live: Mapping[str, Any], lang: str) -> str:
    details = live["details"]
    name = f"cvm-campaign-{lang}"
    options = "".join(text("option", one["label"], value=one["id"]) for one in details)
    chosen = details[0]["id"]
    parts = "".join(
        tag("div", detail(one, lang), data_campaign=one["id"], hidden=one["id"] != chosen)
        for one in details
    )
    return tag(
        "article",
        text("label", say(f"{AREA}.live.choose", lang), for_=name, class_="cvm-eyebrow")
        + tag("div", tag("select", options, id=name, data_choose=True), class_="cvm-choose")
        + parts,
        class_="cvm-panel cvm-drill",
    )


def detail(one: Mapping[str, Any], lang: str) -> str:
    """Return one campaign: its sentence, facts, and what its design knows of it."""
    facts = "".join(
        tag("div", text("dt", label) + text("dd", value)) for label, value in one["facts"]
    )
    designs = one["designs"]
    shown = {
        "worth": _worth(one["worth"], one["id"]),
        "forest": interval_bars(one["forest"]),
        "designs": designs and interval_bars(designs["rows"]) + _note(designs["sentence"]),
        "curves": kept_curves(one["curves"], lang),
        "events": event_chart(one["events"], lang),
        "funnel": _funnel(one["funnel"]),
        "balance": balance_bars(one["balance"]),
        "checks": _checks(one["checks"]),
    }
    # What a campaign's design does not know is left out.
    parts = "".join(
        tag("div", text("h4", say(f"{AREA}.live.{key}", lang)) + body, data_part=key)
        for key, body in shown.items()
        if body
    )
    return (
        text("h3", one["sentence"], class_="cvm-told")
        + tag("dl", facts, class_="cvm-facts")
        + (tag("div", parts, class_="cvm-parts") if parts else "")
    )


def _worth(worth: Mapping[str, Any], campaign: str) -> str:
    """Return both readings of a campaign's worth side by side; what levers move is named so."""
    if not worth:
        return ""

    def cell(told: Sequence[Sequence[str]]) -> str:
        shown = [
            text("small" if place else "span", value, data_live_of=campaign, data_cell=name)
            for place, (name, value) in enumerate(told)
        ]
        return tag("td", "".join(shown)) if shown else text("td", "–")

    head = tag(
        "tr", "<td></td>" + "".join(text("th", one, scope="col") for one in worth["columns"])
    )
    rows = "".join(
        tag("tr", text("th", row["label"], scope="row") + "".join(map(cell, row["cells"])))
        for row in worth["rows"]
    )
    table = tag("table", tag("thead", head) + tag("tbody", rows), class_="cvm-worth")
    return table + _note(worth["note"])


def _note(sentence: str) -> str:
    return text("p", sentence, class_="cvm-note")


def _funnel(rows: Sequence[Mapping[str, Any]]) -> str:
    cells = ""
    for row in rows:
        bar = tag("i", "", class_="cvm-part", style=f"width:{100 * row['share']:.1f}%")
        cells += text("span", row["label"])
        cells += tag("span", bar, class_="cvm-span", aria_hidden="true") + text("span", row["text"])
    return tag("div", cells, class_="cvm-bars") if rows else ""


def _checks(rows: Sequence[Mapping[str, str]]) -> str:
    items = "".join(
        tag("li", text("span", row["label"]) + text("b", row["text"]), data_status=row["status"])
        for row in rows
    )
    return tag("ul", items, class_="cvm-checks") if rows else ""


LIVE = Live(section=page_section, styles=live_styles() + asset("campaigns.css"), script=page_script)
show = dashboard("campaigns", LIVE)
