"""The early-warning dashboard: ``show()`` is all that ``dashboards/early-warning.ipynb`` calls.

The groups of rank behind the levers travel with the page and are read by a small script in the
browser, so a lever answers at once, no kernel is asked, and the page works as a plain file too. No
customer stands in what travels.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cvm.apps.elements import section, tag
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

NAME = "early-warning"
AREA = "early_warning"
# What stands beside the sliders, so that it is in sight while they are moved.
BRIEF = ("value", "gain")
CHARTS = ("reach", "gain")


def show(root: str | Path | None = None, *, lang: str | None = None) -> PageView:
    """Return the early warning of the snapshot in force, or a page that says why there is none.

    Args:
        root: The folder of snapshots; by default that of the environment variable
            ``CVM_PUBLISHED``, else ``published`` beside ``dashboards``.
        lang: Language it opens in; by default that of the address (``?lang=en``), else Chinese.
    """
    return open_page(NAME, root, lang, LIVE)


def page_section(content: Mapping[str, Any], lang: str) -> str:
    """Return the levers and the two charts they move; nothing where no groups are published."""
    live = content.get("live")
    if not live:
        return ""
    sliders = tag("fieldset", "".join(lever_slider(item, lang) for item in live["levers"]))
    panel = lever_panel(AREA, sliders, lang, beside=brief(content, BRIEF))
    charts = "".join(live_chart(AREA, key, live["titles"][key], lang) for key in CHARTS)
    body = tag("div", panel + charts, class_="cvm-live")
    return section("live", say(f"{AREA}.live.heading", lang), body)


def page_script(model: PageModel) -> str:
    """Return the script with the groups and the words of both languages."""
    parts = live_parts(model)
    if not parts:
        return ""
    data = {
        "table": next(live["table"] for live in parts.values() if live["table"]),
        "facts": next(iter(parts.values()))["facts"],
        "words": {lang: live["words"] for lang, live in parts.items()},
    }
    return live_script("early_warning", data)


LIVE = Live(section=page_section, styles=live_styles(), script=page_script)
