"""The points-budget dashboard: ``show()`` is all that ``dashboards/points-budget.ipynb`` calls.

The grid behind the levers travels with the page and is read by a small script in the browser, so a
lever answers at once, no kernel is asked, and the page works as a plain file too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cvm.apps.elements import section, tag, text
from cvm.apps.model import PageModel
from cvm.apps.opened import open_page
from cvm.apps.page import Live, PageView
from cvm.apps.page_levers import (
    brief,
    lever_panel,
    lever_slider,
    live_chart,
    live_parts,
    live_script,
    live_styles,
)
from cvm.core.i18n import say

NAME = "points-budget"
AREA = "points_page"
# What stands beside the sliders, so that it is in sight while they are moved.
BRIEF = ("share", "over")
CHARTS = ("cap", "rates")


def show(root: str | Path | None = None, *, lang: str | None = None) -> PageView:
    """Return the points budget of the snapshot in force, or a page that says why there is none.

    Args:
        root: The folder of snapshots; by default that of the environment variable
            ``CVM_PUBLISHED``, else ``published`` beside ``dashboards``.
        lang: Language it opens in; by default that of the address (``?lang=en``), else Chinese.
    """
    return open_page(NAME, root, lang, LIVE)


def page_section(content: Mapping[str, Any], lang: str) -> str:
    """Return the levers and the two charts they move; nothing where no grid is published."""
    live = content.get("live")
    if not live:
        return ""
    charts = "".join(live_chart(AREA, key, live["titles"][key], lang) for key in CHARTS)
    body = tag("div", _panel(live, content, lang) + charts, class_="cvm-live")
    return section("live", say(f"{AREA}.live.heading", lang), body)


def page_script(model: PageModel) -> str:
    """Return the script with the grid and the words of both languages."""
    parts = live_parts(model)
    if not parts:
        return ""
    data = {
        "table": next(live["table"] for live in parts.values() if live["table"]),
        "facts": next(iter(parts.values()))["facts"],
        "words": {lang: live["words"] for lang, live in parts.items()},
    }
    return live_script("points_budget", data)


def _panel(live: Mapping[str, Any], content: Mapping[str, Any], lang: str) -> str:
    kinds = (("rule", "rules"), ("world", "world"))
    groups = "".join(
        tag(
            "fieldset",
            text("legend", say(f"{AREA}.live.{words}", lang))
            + "".join(lever_slider(item, lang) for item in live["levers"] if item["kind"] == kind),
        )
        for kind, words in kinds
    )
    outside = text(
        "p", say(f"{AREA}.live.outside", lang), class_="cvm-outside", hidden=True, data_outside=True
    )
    return lever_panel(AREA, groups, lang, beside=outside + brief(content, BRIEF))


LIVE = Live(section=page_section, styles=live_styles(), script=page_script)
