"""The overview dashboard: ``show()`` is all that ``dashboards/overview.ipynb`` calls.

Nothing on this page has to be computed while it is looked at: figures are made when a snapshot is
published, language and drill-down change in the browser. So it needs no live widget, its kernel
imports the standard library only, and what a viewer sees is there with the first paint.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs

from cvm.apps.model import load_page
from cvm.apps.page import PageView
from cvm.core.i18n import LANGUAGES

NAME = "overview"
ROOT_VARIABLE = "CVM_PUBLISHED"


def show(root: str | Path | None = None, *, lang: str | None = None) -> PageView:
    """Return the overview of the snapshot in force, or a page that says why there is none.

    Args:
        root: The folder of snapshots; by default that of the environment variable
            ``CVM_PUBLISHED``, else ``published`` beside ``dashboards``.
        lang: Language it opens in; by default that of the address (``?lang=en``), else Chinese.
    """
    folder = Path(root or os.environ.get(ROOT_VARIABLE) or Path("..", "published"))
    model = load_page(folder, NAME, today=date.today())
    return PageView(model, lang or asked_language(os.environ.get("QUERY_STRING", "")))


def asked_language(query: str) -> str:
    """Return the language a page's address asks for; Chinese if it names none the suite has.

    Example:
        >>> asked_language("lang=en&focus=brand:gotone"), asked_language("lang=<script>")
        ('en', 'zh')
    """
    asked = parse_qs(query).get("lang", [""])[-1]
    return asked if asked in LANGUAGES else LANGUAGES[0]
