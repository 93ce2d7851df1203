"""The customer-value dashboard: ``show()`` is all that ``dashboards/customer-value.ipynb`` calls.

The bands of the score behind the levers travel with the page and are read by a small script in the
browser, so a moved cut answers at once, no kernel is asked, and the page works as a plain file too.
No customer stands in what travels.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cvm.apps.elements import asset, section, tag, text
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

NAME = "customer-value"
AREA = "customer_value"
# What stands beside the sliders, so that it is in sight while they are moved.
BRIEF = ("moved", "cost")
CHARTS = ("pyramid", "cost")


def show(root: str | Path | None = None, *, lang: str | None = None) -> PageView:
    """Return the customers' value in the snapshot in force, or a page that says why there is none.

    Args:
        root: The folder of snapshots; by default that of the environment variable
            ``CVM_PUBLISHED``, else ``published`` beside ``dashboards``.
        lang: Language it opens in; by default that of the address (``?lang=en``), else Chinese.
    """
    return open_page(NAME, root, lang, LIVE)


def page_section(content: Mapping[str, Any], lang: str) -> str:
    """Return the levers and the two charts they move; nothing where no bands are published."""
    live = content.get("live")
    if not live:
        return ""
    panel = lever_panel(AREA, _ladders(live["ladders"], lang), lang, beside=brief(content, BRIEF))
    charts = "".join(live_chart(AREA, key, live["titles"][key], lang) for key in CHARTS)
    body = tag("div", panel + charts, class_="cvm-live")
    return section("live", say(f"{AREA}.live.heading", lang), body)


def _ladders(ladders: list[Mapping[str, Any]], lang: str) -> str:
    """Return the choice of a ladder, and each one's sliders; the script shows the chosen one's."""
    name = f"cvm-ladder-{lang}"
    options = "".join(text("option", one["label"], value=one["ladder"]) for one in ladders)
    choice = tag(
        "p",
        text("label", say(f"{AREA}.live.ladder", lang), for_=name)
        + tag("select", options, id=name, data_ladder=True),
        class_="cvm-ladder",
    )
    return choice + "".join(
        tag(
            "fieldset",
            "".join(lever_slider(item, lang) for item in one["levers"]),
            aria_label=one["label"],
            data_of=one["ladder"],
            hidden=place > 0,
        )
        for place, one in enumerate(ladders)
    )


def page_script(model: PageModel) -> str:
    """Return the script with the bands and the words of both languages."""
    parts = live_parts(model)
    if not parts:
        return ""
    data = {
        "table": next(live["table"] for live in parts.values() if live["table"]),
        "words": {lang: live["words"] for lang, live in parts.items()},
    }
    return live_script("customer_value", data)


LIVE = Live(
    section=page_section, styles=live_styles() + asset("customer_value.css"), script=page_script
)
