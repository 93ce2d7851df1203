"""The overview dashboard: ``show()`` is all that ``dashboards/overview.ipynb`` calls.

Nothing on this page has to be computed while it is looked at: figures are made when a snapshot is
published, language and drill-down change in the browser. So it needs no live widget, its kernel
imports the standard library only, and what a viewer sees is there with the first paint.
"""

from __future__ import annotations

from pathlib import Path

from cvm.apps.opened import open_page
from cvm.apps.page import PageView

NAME = "overview"


def show(root: str | Path | None = None, *, lang: str | None = None) -> PageView:
    """Return the overview of the snapshot in force, or a page that says why there is none.

    Args:
        root: The folder of snapshots; by default that of the environment variable
            ``CVM_PUBLISHED``, else ``published`` beside ``dashboards``.
        lang: Language it opens in; by default that of the address (``?lang=en``), else Chinese.
    """
    return open_page(NAME, root, lang)
