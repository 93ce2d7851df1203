"""A page model as one piece of HTML: styles, both languages, and a little script.

The piece holds every figure and word it shows, so it is there with the first paint. Pictures, font
and workbook are in it too, so that it works in JupyterLab and as a plain file; only a server that
keeps them has them fetched (:mod:`cvm.apps.page_files`). Language and drill-down change in the
browser at once; no kernel is asked. Every text is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from cvm.apps.elements import asset, json_for_script, section, tag, text
from cvm.apps.model import OTHER_SHAPE, PageModel, of_other_version
from cvm.apps.page_cards import render_cards
from cvm.apps.page_charts import render_chart, render_drill
from cvm.apps.page_files import FONT_ENDING, MIMES, file_address, file_addresses, font_face
from cvm.core.checks import check_one_of
from cvm.core.i18n import LANGUAGES, say

LANGUAGE_NAMES = {"zh": "中文", "en": "English"}
HTML_LANG = {"zh": "zh-CN", "en": "en"}


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
        try:
            return render(self.model, self.lang, self.live, files=self.files)
        except OTHER_SHAPE as error:
            if self.model.state != "shown":
                raise
            self.model = of_other_version(self.model.name, error)
            return render(self.model, self.lang, files=self.files)


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


def render_content(
    model: PageModel, lang: str, addresses: Mapping[str, str], live: Live | None = None
) -> str:
    """Return a shown page in one language; ``addresses`` says where its files are."""
    content = model.contents[lang]
    cards = render_cards(content["cards"], lang)
    charts = "".join(render_chart(chart, addresses, lang) for chart in content["charts"])
    return tag(
        "main",
        _notices(model.notices.get(lang, ()))
        + _hero(content)
        + section("cards", say("overview.cards_heading", lang), cards)
        + (live.section(content, lang) if live is not None else "")
        + section(
            "charts",
            say("overview.charts_heading", lang),
            tag(
                "div",
                charts + render_drill(content.get("drill"), addresses, lang),
                class_="cvm-charts",
            ),
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
