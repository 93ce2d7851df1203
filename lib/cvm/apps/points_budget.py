"""The points-budget dashboard: ``show()`` is all that ``dashboards/points-budget.ipynb`` calls.

The grid behind the levers travels with the page and is read by a small script in the browser, so a
lever answers at once, no kernel is asked, and the page works as a plain file too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from cvm.apps.model import PageModel, load_page
from cvm.apps.overview import ROOT_VARIABLE, asked_language
from cvm.apps.page import Live, PageView, asset, json_for_script, section, tag, text
from cvm.core.i18n import LANGUAGES, say

NAME = "points-budget"
AREA = "points_page"
# What stands beside the sliders, so that it is in sight while they are moved.
BRIEF = ("share", "over")


def show(root: str | Path | None = None, *, lang: str | None = None) -> PageView:
    """Return the points budget of the snapshot in force, or a page that says why there is none.

    Args:
        root: The folder of snapshots; by default that of the environment variable
            ``CVM_PUBLISHED``, else ``published`` beside ``dashboards``.
        lang: Language it opens in; by default that of the address (``?lang=en``), else Chinese.
    """
    folder = Path(root or os.environ.get(ROOT_VARIABLE) or Path("..", "published"))
    model = load_page(folder, NAME, today=date.today())
    return PageView(model, lang or asked_language(os.environ.get("QUERY_STRING", "")), LIVE)


def live_section(content: Mapping[str, Any], lang: str) -> str:
    """Return the levers and the two charts they move; nothing where no grid is published."""
    live = content.get("live")
    if not live:
        return ""
    body = tag(
        "div",
        _panel(live, content, lang) + _chart("cap", live, lang) + _chart("rates", live, lang),
        class_="cvm-live",
    )
    return section("live", say(f"{AREA}.live.heading", lang), body)


def live_script(model: PageModel) -> str:
    """Return the script with the grid and the words of both languages."""
    lives: dict[str, Mapping[str, Any]] = {
        lang: model.contents[lang].get("live") or {} for lang in LANGUAGES
    }
    if not all(lives.values()):
        return ""
    data = {
        "table": next(live["table"] for live in lives.values() if live["table"]),
        "facts": next(iter(lives.values()))["facts"],
        "words": {lang: live["words"] for lang, live in lives.items()},
    }
    levers, page = asset("points_budget_levers.js").strip(), asset("points_budget.js").strip()
    return f"({page})({levers}, {json_for_script(data)});"


def _panel(live: Mapping[str, Any], content: Mapping[str, Any], lang: str) -> str:
    kinds = (("rule", "rules"), ("world", "world"))
    groups = "".join(
        tag(
            "fieldset",
            text("legend", say(f"{AREA}.live.{words}", lang))
            + "".join(_lever(item, lang) for item in live["levers"] if item["kind"] == kind),
        )
        for kind, words in kinds
    )
    cards = {card["key"]: card for card in content["cards"]}
    brief = "".join(
        tag(
            "span",
            text("span", cards[key]["label"])
            + " "
            + text(
                "b",
                cards[key]["value"] + cards[key]["unit"],
                data_brief=key,
                data_tone=cards[key]["tone"],
            ),
        )
        for key in BRIEF
        if key in cards
    )
    return tag(
        "article",
        text("p", say(f"{AREA}.live.eyebrow", lang), class_="cvm-eyebrow")
        + text("h3", say(f"{AREA}.live.title", lang))
        + tag("div", groups, class_="cvm-form")
        + text(
            "p",
            say(f"{AREA}.live.outside", lang),
            class_="cvm-outside",
            hidden=True,
            data_outside=True,
        )
        + text(
            "button",
            say(f"{AREA}.live.reset", lang),
            type="button",
            class_="cvm-reset",
            disabled=True,
            data_reset=True,
        )
        + tag("p", brief, class_="cvm-brief", aria_hidden="true")
        + tag("p", "", class_="cvm-hidden", role="status", data_spoken=True),
        class_="cvm-panel cvm-levers",
    )


def _lever(item: Mapping[str, Any], lang: str) -> str:
    name = f"cvm-lever-{item['name']}-{lang}"
    nodes: Sequence[float] = item["nodes"]
    now = nodes.index(item["now"]) if nodes else item["now"]
    slider = tag(
        "input",
        type="range",
        id=name,
        min=item["low"],
        max=item["high"],
        step=item["step"],
        value=now,
        aria_valuetext=item["value"],
        aria_describedby=f"{name}-today",
        data_lever=item["lever"],
        data_name=item["name"],
        data_nodes=json.dumps(list(nodes)),
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


def _chart(key: str, live: Mapping[str, Any], lang: str) -> str:
    caption = tag(
        "figcaption",
        text("p", say(f"{AREA}.live.{key}_name", lang), class_="cvm-eyebrow")
        + text("h3", live["titles"][key]),
    )
    quiet = tag("noscript", text("p", say(f"{AREA}.live.no_script", lang)))
    save = text("button", say("page.save_picture", lang), type="button", data_save=key)
    return tag(
        "article",
        tag("figure", caption + tag("div", quiet, class_="cvm-picture"))
        + tag("div", tag("span") + save, class_="cvm-foot"),
        class_="cvm-panel",
        data_live=key,
    )


LIVE = Live(section=live_section, styles=asset("points_budget.css"), script=live_script)
