"""The customer-value dashboard: ``show()`` is all that ``dashboards/customer-value.ipynb`` calls.

The bands of the score behind the levers travel with the page and are read by a small script in the
browser, so a moved cut answers at once, no kernel is asked, and the page works as a plain file too.
No customer stands in what travels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cvm.apps.elements import asset, tag, text
from cvm.apps.opened import dashboard
from cvm.apps.page_levers import Levers, lever_slider
from cvm.core.i18n import say


def _sliders(live: Mapping[str, Any], lang: str) -> str:
    """Return the choice of a ladder, and each one's sliders; the script shows the chosen one's."""
    ladders = live["ladders"]
    name = f"cvm-ladder-{lang}"
    options = "".join(text("option", one["label"], value=one["ladder"]) for one in ladders)
    choice = tag(
        "p",
        text("label", say("customer_value.live.ladder", lang), for_=name)
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


LIVE = Levers(
    area="customer_value",
    files="customer_value",
    sliders=_sliders,
    brief=("moved", "cost"),
    charts=("pyramid", "cost"),
    styles=asset("customer_value.css"),
).live()
show = dashboard("customer-value", LIVE)
