"""The points-budget dashboard: ``show()`` is all that ``dashboards/points-budget.ipynb`` calls.

The grid behind the levers travels with the page and is read by a small script in the browser, so a
lever answers at once, no kernel is asked, and the page works as a plain file too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cvm.apps.elements import tag, text
from cvm.apps.opened import dashboard
from cvm.apps.page_levers import Levers, lever_slider
from cvm.core.i18n import say


def _sliders(live: Mapping[str, Any], lang: str) -> str:
    """Return the levers of the rules and those of the world, each under its heading."""
    kinds = (("rule", "rules"), ("world", "world"))
    return "".join(
        tag(
            "fieldset",
            text("legend", say(f"points_page.live.{words}", lang))
            + "".join(lever_slider(item, lang) for item in live["levers"] if item["kind"] == kind),
        )
        for kind, words in kinds
    )


def _outside(lang: str) -> str:
    """Return what the script shows where the settings lie outside the grid."""
    words = say("points_page.live.outside", lang)
    return text("p", words, class_="cvm-outside", hidden=True, data_outside=True)


LIVE = Levers(
    area="points_page",
    files="points_budget",
    sliders=_sliders,
    brief=("share", "over"),
    charts=("cap", "rates"),
    note=_outside,
).live()
show = dashboard("points-budget", LIVE)
