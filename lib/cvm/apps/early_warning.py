"""The early-warning dashboard: ``show()`` is all that ``dashboards/early-warning.ipynb`` calls.

The groups of rank behind the levers travel with the page and are read by a small script in the
browser, so a lever answers at once, no kernel is asked, and the page works as a plain file too. No
customer stands in what travels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cvm.apps.elements import tag
from cvm.apps.opened import dashboard
from cvm.apps.page_levers import Levers, lever_slider


def _sliders(live: Mapping[str, Any], lang: str) -> str:
    return tag("fieldset", "".join(lever_slider(item, lang) for item in live["levers"]))


LIVE = Levers(
    area="early_warning",
    files="early_warning",
    sliders=_sliders,
    brief=("value", "gain"),
    charts=("reach", "gain"),
).live()
show = dashboard("early-warning", LIVE)
