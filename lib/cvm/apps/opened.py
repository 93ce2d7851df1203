"""What every dashboard's ``show()`` does: find the snapshot, the language and the page.

Standard library and :mod:`cvm.core` only, so that a dashboard's kernel starts fast.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs

from cvm.apps.model import load_page
from cvm.apps.page import Live, PageView
from cvm.core.i18n import LANGUAGES

ROOT_VARIABLE = "CVM_PUBLISHED"
# Where the server that shows the page keeps files by content; a page elsewhere carries its own.
FILES_VARIABLE = "CVM_FILES"


class Show(Protocol):
    """A dashboard's ``show()``: all that its notebook calls."""

    def __call__(self, root: str | Path | None = None, *, lang: str | None = None) -> PageView:
        """Return the page of the snapshot in force."""


def dashboard(name: str, live: Live | None = None) -> Show:
    """Return the ``show()`` of a dashboard.

    Args:
        name: The page.
        live: Its levers, if it has some.
    """

    def show(root: str | Path | None = None, *, lang: str | None = None) -> PageView:
        """Return the page of the snapshot in force, or a page that says why there is none.

        Args:
            root: The folder of snapshots; by default that of the environment variable
                ``CVM_PUBLISHED``, else ``published`` beside ``dashboards``.
            lang: Language it opens in; by default that of the address (``?lang=en``), else Chinese.
        """
        folder = Path(root or os.environ.get(ROOT_VARIABLE) or Path("..", "published"))
        return PageView(
            load_page(folder, name, today=date.today()),
            lang or asked_language(os.environ.get("QUERY_STRING", "")),
            live,
            files=os.environ.get(FILES_VARIABLE, ""),
        )

    return show


def asked_language(query: str) -> str:
    """Return the language a page's address asks for; Chinese if it names none the suite has.

    Example:
        >>> asked_language("lang=en&focus=brand:gotone"), asked_language("lang=<script>")
        ('en', 'zh')
    """
    asked = parse_qs(query).get("lang", [""])[-1]
    return asked if asked in LANGUAGES else LANGUAGES[0]
