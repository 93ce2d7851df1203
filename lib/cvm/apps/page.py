"""A page model as one piece of HTML: styles, both languages, and a little script.

The piece holds every figure and word it shows, so it is there with the first paint. Pictures, font
and workbook are in it too, so that it works in JupyterLab and as a plain file; only a server that
keeps them has them fetched (:mod:`cvm.apps.page_files`). Language and drill-down change in the
browser at once; no kernel is asked. Every text is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from typing import Any

from cvm.apps.model import PageModel
from cvm.apps.page_files import FONT_ENDING, MIMES, file_address, file_addresses, font_face
from cvm.core.checks import check_one_of
from cvm.core.i18n import LANGUAGES, say

LANGUAGE_NAMES = {"zh": "中文", "en": "English"}
HTML_LANG = {"zh": "zh-CN", "en": "en"}
ARROWS = {"up": "▲", "down": "▼", "flat": "●", "": ""}
WIDE_FROM_PX = 1200
SPARK_WIDTH, SPARK_HEIGHT = 120, 30


@dataclass(frozen=True, kw_only=True)
class Live:
    """What a page with levers adds to it; all of it runs in the browser.

    Attributes:
        section: The levers and live charts of a shown page's content, in a language, as HTML.
        styles: CSS, scoped to the page.
        script: JavaScript for a shown page, data included.
    """

    section: Callable[[Mapping[str, Any], str], str]
    styles: str
    script: Callable[[PageModel], str]


class PageView:
    """What a dashboard's cell returns: shows itself as HTML wherever notebooks are shown.

    Attributes:
        model: What is shown.
        lang: The language it opens in.
        live: Its levers, if it has some.
        files: Where the server keeps files by content; empty if the page carries them itself.
    """

    def __init__(
        self, model: PageModel, lang: str = "zh", live: Live | None = None, *, files: str = ""
    ) -> None:
        self.model = model
        self.lang = check_one_of(lang, "lang", LANGUAGES)
        self.live = live
        self.files = files

    def __repr__(self) -> str:
        return f"PageView({self.model.name!r}, state={self.model.state!r})"

    def _repr_html_(self) -> str:
        return render(self.model, self.lang, self.live, files=self.files)


def render(model: PageModel, lang: str, live: Live | None = None, *, files: str = "") -> str:
    """Return the page as an HTML fragment that opens in ``lang``.

    Args:
        model: What is shown.
        lang: The language it opens in.
        live: Its levers, if it has some.
        files: Where the server keeps files by content; empty to carry them in the page.
    """
    addresses = file_addresses(model, files)
    main = "".join(
        tag(
            "div",
            render_content(model, one, addresses, live)
            if model.state == "shown"
            else render_status(model, one),
            class_="cvm-in",
            lang=HTML_LANG[one],
            data_in=one,
        )
        for one in LANGUAGES
    )
    titles = {one: f"{_title(model, one)} · {say('overview.suite', one)}" for one in LANGUAGES}
    pictures = asset("page_picture.js").strip()
    code = f"({asset('page.js').strip()})({json_for_script(titles)}, {pictures});"
    css = font_face(model.font, files) + asset("page.css")
    if live is not None and model.state == "shown":
        code, css = code + "\n" + live.script(model), css + live.styles
    script, styles = tag("script", code, raw=True), tag("style", css, raw=True)
    return tag(
        "div",
        _early(model, files)
        + styles
        + _header(lang, _tools(model, addresses))
        + _SERVER
        + main
        + script,
        id="cvm-page",
        class_="cvm",
        data_page=model.name,
        data_lang=lang,
        data_state=model.state,
    )


def _early(model: PageModel, files: str) -> str:
    """Return what has the browser fetch the font while it still reads the page."""
    if not (files and model.font):
        return ""
    address = file_address(model.font, FONT_ENDING, files)
    return tag(
        "link", rel="preload", href=address, as_="font", type=MIMES[FONT_ENDING], crossorigin=True
    )


# What the server has to say while the page is open; the script fills it.
_SERVER = '<p class="cvm-notice cvm-server" role="status" hidden></p>'


def tag(name: str, content: str = "", *, raw: bool = True, **attributes: Any) -> str:
    """Return one element; attributes are escaped, ``content`` is HTML already unless not ``raw``.

    A trailing underscore in an attribute's name is dropped and others become hyphens. Attributes
    that are None or False are left out; True gives a bare one.

    Example:
        >>> tag("p", "a < b", raw=False, class_="x", aria_label='say "hi"')
        '<p class="x" aria-label="say &quot;hi&quot;">a &lt; b</p>'
    """
    written = ""
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        written += f" {attribute}" if value is True else f' {attribute}="{escape(str(value))}"'
    if name in ("img", "source", "input", "link"):
        return f"<{name}{written}>"
    return f"<{name}{written}>{content if raw else escape(content)}</{name}>"


def text(name: str, content: str, **attributes: Any) -> str:
    """Return one element around a plain text."""
    return tag(name, content, raw=False, **attributes)


def render_content(
    model: PageModel, lang: str, addresses: Mapping[str, str], live: Live | None = None
) -> str:
    """Return a shown page in one language; ``addresses`` says where its files are."""
    content = model.contents[lang]
    charts = "".join(_chart(chart, addresses, lang) for chart in content["charts"])
    return tag(
        "main",
        _notices(model.notices.get(lang, ()))
        + _hero(content)
        + section("cards", say("overview.cards_heading", lang), _cards(content["cards"], lang))
        + (live.section(content, lang) if live is not None else "")
        + section(
            "charts",
            say("overview.charts_heading", lang),
            tag("div", charts + _drill(content.get("drill"), lang), class_="cvm-charts"),
        )
        + _about(content, lang),
        id=f"cvm-main-{lang}",
    )


def render_status(model: PageModel, lang: str) -> str:
    """Return the honest page for a snapshot that cannot be shown."""
    body = (
        text("h1", say(f"overview.status.title_{model.state}", lang), class_="cvm-sentence")
        + text("p", say(f"overview.status.{model.state}", lang))
        + text("p", say(f"overview.status.{model.state}_do", lang), class_="cvm-do")
    )
    if model.detail:
        summary = text("summary", say("overview.status.detail", lang))
        body += tag("details", summary + text("p", model.detail))
    return tag("main", tag("section", body, class_="cvm-status", role="status"))


def _title(model: PageModel, lang: str) -> str:
    if model.state == "shown":
        return str(model.contents[lang]["title"])
    return say(f"overview.status.title_{model.state}", lang)


def _tools(model: PageModel, addresses: Mapping[str, str]) -> str:
    """Return what lets a viewer take the page along: link, print, workbook."""
    if model.state != "shown":
        return ""
    file = model.contents[LANGUAGES[0]].get("workbook")
    tools = tag("button", _both("page.copy_link"), type="button", data_copy_link=True)
    tools += tag("button", _both("page.print"), type="button", data_print=True)
    if file:
        link = {"href": addresses[file], "download": file}
        tools += tag("a", _both("page.workbook"), **link, data_workbook=True)
    told = {
        key: {one: say(f"page.{key}", one) for one in LANGUAGES}
        for key in ("link_copied", "link_shown", "server_lost", "renewed")
    }
    return tag(
        "div",
        tools
        + tag("span", "", class_="cvm-told", role="status")
        + tag("script", json_for_script(told), type="application/json", data_told=True),
        class_="cvm-tools",
        role="group",
        aria_label=" / ".join(say("page.tools", one) for one in LANGUAGES),
    )


def _both(key: str) -> str:
    """Return a text in both languages; the page shows the one it stands in."""
    return "".join(
        text("span", say(key, one), lang=HTML_LANG[one], data_in=one) for one in LANGUAGES
    )


def _header(lang: str, tools: str) -> str:
    brand = _both("overview.suite")
    buttons = "".join(
        text(
            "button",
            LANGUAGE_NAMES[one],
            type="button",
            lang=HTML_LANG[one],
            data_set_lang=one,
            aria_pressed="true" if one == lang else "false",
        )
        for one in LANGUAGES
    )
    return tag(
        "header",
        # The script makes it a link to the list of dashboards where there is one.
        tag("a", brand, class_="cvm-brand", data_home="../../")
        + tools
        + tag("div", buttons, class_="cvm-toggle", role="group", aria_label="语言 / Language"),
        class_="cvm-header",
    )


def _notices(notices: Sequence[str]) -> str:
    return "".join(text("p", notice, class_="cvm-notice", role="status") for notice in notices)


def _hero(content: Mapping[str, Any]) -> str:
    dates = "".join(
        tag("span", escape(label) + " " + text("b", value)) for label, value in content["dates"][:2]
    )
    return tag(
        "section",
        tag(
            "p",
            text("span", content["title"]) + text("span", content["question"]),
            class_="cvm-question",
        )
        + text("h1", content["sentence"], class_="cvm-sentence")
        + tag("p", dates, class_="cvm-dates"),
        class_="cvm-hero",
        data_tone=content["tone"],
    )


def section(key: str, heading: str, body: str) -> str:
    """Return a section of a page under a heading for screen readers."""
    return tag("section", text("h2", heading) + body, class_=f"cvm-section cvm-section-{key}")


def _cards(cards: Sequence[Mapping[str, Any]], lang: str) -> str:
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
    picture = _gauge(card["gauge"]) if card["gauge"] else _spark(card)
    body = (
        text("h3", card["label"])
        + tag("p", value, class_="cvm-value", data_value=card["key"])
        + change
        + picture
        + text("p", card["target"] or card["note"], class_="cvm-note")
    )
    return tag("li", body, class_="cvm-card", data_card=card["key"])


def _spark(card: Mapping[str, Any]) -> str:
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
    lines = "".join(tag("polyline", points=" ".join(piece)) for piece in pieces if piece)
    dot = tag("circle", cx=f"{last[0]:.1f}", cy=f"{last[1]:.1f}", r="2.6")
    return _svg(lines + dot, card["spark_alt"], "cvm-spark")


def _gauge(gauge: Mapping[str, Any]) -> str:
    fill, mark = gauge["fill"] * SPARK_WIDTH, gauge["mark"] * SPARK_WIDTH
    middle = SPARK_HEIGHT / 2
    body = (
        tag("rect", class_="cvm-track", x=0, y=middle - 4, width=SPARK_WIDTH, height=8, rx=4)
        + tag("rect", class_="cvm-fill", x=0, y=middle - 4, width=f"{fill:.1f}", height=8, rx=4)
        + tag("line", x1=f"{mark:.1f}", x2=f"{mark:.1f}", y1=middle - 10, y2=middle + 10)
    )
    return _svg(body, gauge["alt"], "cvm-gauge")


def _svg(body: str, alt: str, class_: str) -> str:
    return tag(
        "svg",
        text("title", alt) + body,
        class_=class_,
        role="img",
        aria_label=alt,
        viewBox=f"0 0 {SPARK_WIDTH} {SPARK_HEIGHT}",
    )


def _chart(chart: Mapping[str, Any], addresses: Mapping[str, str], lang: str) -> str:
    files, sizes = chart["figures"], chart["size"]
    wide, phone = (addresses[files[width]] for width in ("wide", "phone"))
    picture = tag(
        "picture",
        tag(
            "source",
            media=f"(min-width: {WIDE_FROM_PX}px)",
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
    return tag(
        "article",
        tag("figure", caption + picture) + tag("div", details + save, class_="cvm-foot"),
        class_="cvm-panel",
        data_chart=chart["key"],
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


def _drill(drill: Mapping[str, Any] | None, lang: str) -> str:
    """Return the panel that shows one county or brand; its figures are all in the page."""
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
    return tag(
        "article",
        text("p", drill["label"], class_="cvm-eyebrow")
        + text("h3", drill["heading"])
        + text("label", drill["label"], for_=select_id, class_="cvm-hidden")
        + tag("select", options, id=select_id, data_focus=True)
        + tag("dl", facts, class_="cvm-facts", aria_live="polite")
        + tag("script", json_for_script(figures), type="application/json"),
        class_="cvm-panel cvm-drill",
    )


def _about(content: Mapping[str, Any], lang: str) -> str:
    notes = tag("ul", "".join(text("li", note) for note in content["notes"]))
    dates = "".join(
        tag("div", text("dt", label) + text("dd", value)) for label, value in content["dates"]
    )
    return tag(
        "footer",
        tag("section", text("h2", say("overview.chrome.notes_heading", lang)) + notes)
        + tag(
            "section",
            text("h2", say("overview.chrome.about_heading", lang)) + tag("dl", dates),
        ),
        class_="cvm-about",
    )


def json_for_script(value: Any) -> str:
    """Return JSON that cannot end the script element it stands in."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


@cache
def asset(name: str) -> str:
    """Return a text that lies beside the apps' modules."""
    return resources.files("cvm.apps").joinpath(name).read_text(encoding="utf-8")
