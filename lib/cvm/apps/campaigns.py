"""The campaigns dashboard: ``show()`` is all that ``dashboards/campaigns.ipynb`` calls.

The few figures behind the levers travel with the page and are read by a small script in the
browser, so a lever answers at once, no kernel is asked, and the page works as a plain file too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cvm.apps.campaigns_parts import balance_bars, event_chart, interval_bars
from cvm.apps.elements import asset, section, tag, text
from cvm.apps.model import PageModel
from cvm.apps.opened import open_page
from cvm.apps.page import Live, PageView
from cvm.apps.page_levers import lever_panel, lever_slider, live_parts, live_script, live_styles
from cvm.core.i18n import say
from cvm.core.money import format_share

NAME = "campaigns"
AREA = "campaigns_page"
CURVE_WIDTH, CURVE_HEIGHT = 420, 200


def show(root: str | Path | None = None, *, lang: str | None = None) -> PageView:
    """Return the campaigns of the snapshot in force, or a page that says why there are none.

    Args:
        root: The folder of snapshots; by default that of the environment variable
            ``CVM_PUBLISHED``, else ``published`` beside ``dashboards``.
        lang: Language it opens in; by default that of the address (``?lang=en``), else Chinese.
    """
    return open_page(NAME, root, lang, LIVE)


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
        "forest": interval_bars(one["forest"]),
        "designs": designs and interval_bars(designs["rows"]) + _note(designs["sentence"]),
        "curves": _curves(one["curves"], lang),
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
        text("p", one["sentence"], class_="cvm-told")
        + tag("dl", facts, class_="cvm-facts")
        + (tag("div", parts, class_="cvm-parts") if parts else "")
    )


def _note(sentence: str) -> str:
    return text("p", sentence, class_="cvm-note")


def _funnel(rows: Sequence[Mapping[str, Any]]) -> str:
    cells = ""
    for row in rows:
        bar = tag("i", "", class_="cvm-part", style=f"width:{100 * row['share']:.1f}%")
        cells += text("span", row["label"])
        cells += tag("span", bar, class_="cvm-span", aria_hidden="true") + text("span", row["text"])
    return tag("div", cells, class_="cvm-bars") if rows else ""


def _curves(curves: Mapping[str, Sequence[float]], lang: str) -> str:
    """Return both arms' shares still in service, by month, as steps."""
    if not curves or not all(curves.get(arm) for arm in ("treated", "control")):
        return ""
    lowest = min(min(curves[arm]) for arm in ("treated", "control"))
    floor = max(0.0, lowest - 0.02)
    months = len(curves["treated"]) - 1
    left, right, top, bottom = 44, 64, 10, 40
    wide, tall = CURVE_WIDTH - left - right, CURVE_HEIGHT - top - bottom

    def place(month: int, share: float) -> tuple[float, float]:
        x = left + wide * month / max(months, 1)
        return x, top + tall * (1 - share) / ((1 - floor) or 1)

    lines, ends = "", {}
    for arm, css in (("control", "cvm-held"), ("treated", "cvm-curve")):
        shares = curves[arm]
        x, y = place(0, shares[0])
        path = f"M{x:.1f} {y:.1f}"
        for month, share in enumerate(shares[1:], start=1):
            x, y = place(month, share)
            path += f"H{x:.1f}V{y:.1f}"
        ends[arm] = y
        lines += tag("path", "", d=path, class_=css)
    # Labels keep a line's height between them, the higher curve's above.
    upper = min(ends, key=ends.__getitem__)
    lower = "control" if upper == "treated" else "treated"
    ends[lower] = max(ends[lower], ends[upper] + 15)
    labels = "".join(
        text("text", say(f"campaigns.arm.{arm}", lang), x=left + wide + 6, y=f"{y + 4:.1f}")
        for arm, y in ends.items()
    )
    for share in (1.0, floor):
        y = place(0, share)[1]
        labels += text(
            "text", format_share(share, decimals=0), x=left - 6, y=f"{y + 4:.1f}", text_anchor="end"
        )
        lines = tag("line", "", x1=left, x2=left + wide, y1=y, y2=y, class_="cvm-grid") + lines
    for month in sorted({0, months // 2, months}):
        x = place(month, 1.0)[0]
        labels += text("text", str(month), x=f"{x:.1f}", y=CURVE_HEIGHT - 24, text_anchor="middle")
    labels += text(
        "text",
        say(f"{AREA}.live.months_axis", lang),
        x=left + wide / 2,
        y=CURVE_HEIGHT - 7,
        text_anchor="middle",
    )
    alt = say(
        f"{AREA}.live.curves_alt",
        lang,
        months=months,
        treated=format_share(curves["treated"][-1]),
        control=format_share(curves["control"][-1]),
    )
    return tag(
        "svg",
        text("title", alt) + lines + labels,
        class_="cvm-kept",
        role="img",
        aria_label=alt,
        viewBox=f"0 0 {CURVE_WIDTH} {CURVE_HEIGHT}",
    )


def _checks(rows: Sequence[Mapping[str, str]]) -> str:
    items = "".join(
        tag("li", text("span", row["label"]) + text("b", row["text"]), data_status=row["status"])
        for row in rows
    )
    return tag("ul", items, class_="cvm-checks") if rows else ""


LIVE = Live(section=page_section, styles=live_styles() + asset("campaigns.css"), script=page_script)
