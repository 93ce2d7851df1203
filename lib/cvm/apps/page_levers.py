"""What all pages with levers share: the panel of sliders, the charts they move, and the script.

A slider is labelled, says its setting in words, and is kept in the address by its name. What a page
adds is its arithmetic (``<page>_levers.js``) and what it shows (``<page>.js``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cvm.apps.elements import asset, json_for_script, section, tag, text
from cvm.apps.model import PageModel
from cvm.apps.page import Live
from cvm.core.i18n import LANGUAGES, say


@dataclass(frozen=True, kw_only=True)
class Levers:
    """What tells one page with sliders and the charts they move from another.

    Attributes:
        area: The page's part of the catalogue.
        files: What its scripts are named by (see :func:`live_script`).
        sliders: The sliders of a page's live part, in a language, as field sets.
        brief: Cards that stand beside the sliders, so that they are in sight while those are moved.
        charts: The charts the sliders move.
        note: What stands above the brief, in a language.
        styles: CSS of this page only.
    """

    area: str
    files: str
    sliders: Callable[[Mapping[str, Any], str], str]
    brief: tuple[str, ...]
    charts: tuple[str, ...]
    note: Callable[[str], str] | None = None
    styles: str = ""

    def live(self) -> Live:
        """Return what the page adds to every page's HTML."""
        return Live(section=self.section, styles=live_styles() + self.styles, script=self.script)

    def section(self, content: Mapping[str, Any], lang: str) -> str:
        """Return the levers and the charts they move; nothing where their table is unpublished."""
        live = content.get("live")
        if not live:
            return ""
        beside = (self.note(lang) if self.note else "") + brief(content, self.brief)
        panel = lever_panel(self.area, self.sliders(live, lang), lang, beside=beside)
        charts = "".join(
            live_chart(self.area, key, live["titles"][key], lang) for key in self.charts
        )
        body = tag("div", panel + charts, class_="cvm-live")
        return section("live", say(f"{self.area}.live.heading", lang), body)

    def script(self, model: PageModel) -> str:
        """Return the script with the table, its facts, and the words of both languages."""
        parts = live_parts(model)
        if not parts:
            return ""
        # The table is the same in every language, so one carries it for all.
        shared: dict[str, Any] = {
            "table": next(live["table"] for live in parts.values() if live["table"])
        }
        facts = next(iter(parts.values())).get("facts")
        if facts is not None:
            shared["facts"] = facts
        told = {lang: live["told"] for lang, live in parts.items() if "told" in live}
        if told:
            shared["told"] = told
        words = {lang: live["words"] for lang, live in parts.items()}
        return live_script(self.files, {**shared, "words": words})


def lever_panel(area: str, sliders: str, lang: str, *, beside: str = "") -> str:
    """Return the panel of a page's sliders with the button that takes them back.

    Args:
        area: The page's part of the catalogue; ``<area>.live.eyebrow``, ``.title`` and ``.reset``
            stand there.
        sliders: One or more field sets, as HTML.
        lang: The language.
        beside: What stands under the sliders, so that it is in sight while they are moved.
    """
    reset = text(
        "button",
        say(f"{area}.live.reset", lang),
        type="button",
        class_="cvm-reset",
        disabled=True,
        data_reset=True,
    )
    return tag(
        "article",
        text("p", say(f"{area}.live.eyebrow", lang), class_="cvm-eyebrow")
        + text("h3", say(f"{area}.live.title", lang))
        + tag("div", sliders, class_="cvm-form")
        + reset
        + beside
        + tag("p", "", class_="cvm-hidden", role="status", data_spoken=True),
        class_="cvm-panel cvm-levers",
    )


def lever_slider(item: Mapping[str, Any], lang: str) -> str:
    """Return one slider.

    Args:
        item: ``lever`` (what the arithmetic calls it), ``name`` (what the address calls it),
            ``label``, ``low``, ``high``, ``step``, ``now``, ``value`` (now, in words), ``today``;
            with ``nodes`` the slider has these settings only and stands on their places.
        lang: The language.
    """
    name = f"cvm-lever-{item['name']}-{lang}"
    nodes: Sequence[float] = item.get("nodes", ())
    slider = tag(
        "input",
        type="range",
        id=name,
        min=item["low"],
        max=item["high"],
        step=item["step"],
        value=nodes.index(item["now"]) if nodes else item["now"],
        aria_valuetext=item["value"],
        aria_describedby=f"{name}-today",
        data_lever=item["lever"],
        data_name=item["name"],
        data_nodes=json.dumps(list(nodes)) if nodes else None,
    )
    return tag(
        "div",
        text("label", item["label"], for_=name)
        + text("output", item["value"], for_=name)
        + slider
        + text("small", item["today"], id=f"{name}-today"),
        class_="cvm-lever",
        data_moved="false",
    )


def brief(content: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Return some cards' figures in one line, to stand beside the sliders."""
    cards = {card["key"]: card for card in content["cards"]}
    shown = [cards[key] for key in keys if key in cards]
    parts = "".join(
        tag(
            "span",
            text("span", card["label"])
            + " "
            + text(
                "b", card["value"] + card["unit"], data_brief=card["key"], data_tone=card["tone"]
            ),
        )
        for card in shown
    )
    return tag("p", parts, class_="cvm-brief", aria_hidden="true")


def live_chart(area: str, key: str, title: str, lang: str) -> str:
    """Return the panel of a chart that the levers move; the script draws it."""
    caption = tag(
        "figcaption",
        text("p", say(f"{area}.live.{key}_name", lang), class_="cvm-eyebrow") + text("h3", title),
    )
    quiet = tag("noscript", text("p", say(f"{area}.live.no_script", lang)))
    save = text("button", say("page.save_picture", lang), type="button", data_save=key)
    return tag(
        "article",
        tag("figure", caption + tag("div", quiet, class_="cvm-picture"))
        + tag("div", tag("span") + save, class_="cvm-foot"),
        class_="cvm-panel",
        data_live=key,
    )


def live_parts(model: PageModel) -> dict[str, Mapping[str, Any]]:
    """Return the live part of a shown page by language; empty if one has none."""
    parts: dict[str, Mapping[str, Any]] = {
        lang: model.contents[lang].get("live") or {} for lang in LANGUAGES
    }
    return parts if all(parts.values()) else {}


def live_script(name: str, data: Mapping[str, Any]) -> str:
    """Return the script of a page's levers.

    Args:
        name: The page's files: ``<name>_levers.js`` takes the number formats and returns the
            arithmetic and the texts; ``<name>.js`` takes that, the shared parts and ``data``.
        data: What travels with the page; ``words`` by language among it.
    """
    numbers, parts = asset("page_numbers.js").strip(), asset("page_levers.js").strip()
    levers, page = asset(f"{name}_levers.js").strip(), asset(f"{name}.js").strip()
    return f"({page})({levers}({numbers}), {parts}, {json_for_script(data)});"


def live_styles() -> str:
    """Return the looks of sliders and live charts."""
    return asset("page_levers.css")
