"""What the list of dashboards says: from the snapshot in force, or honestly without one."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from cvm.core.i18n import say
from cvm.core.months import format_day, format_month
from cvm.core.snapshot import Snapshot, SnapshotError, open_latest
from cvm.views.pages import PAGES


def landing(
    root: str | Path, dashboards: str | Path, lang: str, *, today: date, stale_days: int
) -> dict[str, Any]:
    """Return what the list shows.

    Args:
        root: Folder of all snapshots.
        dashboards: Folder of the dashboards' notebooks.
        lang: ``"zh"`` or ``"en"``.
        today: The viewer's date.
        stale_days: Age from which the figures are said to be old (days).

    Returns:
        ``boards`` (``file``, ``title``, ``sentence``), ``dates``, ``stale``, ``problem`` and
        ``minimum`` (fewest customers of a shown group).
    """
    shown: dict[str, Any] = {"dates": [], "stale": "", "problem": "", "minimum": 0}
    files = sorted(Path(dashboards).glob("*.ipynb"), key=_place)
    try:
        with open_latest(root) as snapshot:
            shown["boards"] = [_board(file, lang, snapshot) for file in files]
            shown |= _about(snapshot, lang, today, stale_days)
    except SnapshotError as error:
        shown["boards"] = [_board(file, lang, None) for file in files]
        shown["problem"] = error.text(lang)
    return shown


def _place(file: Path) -> tuple[int, str]:
    """Return where a dashboard stands: in the order of the decisions, others after them."""
    known = list(PAGES)
    return (known.index(file.stem) if file.stem in known else len(known), file.name)


def _board(file: Path, lang: str, snapshot: Snapshot | None) -> dict[str, str]:
    board = {"file": file.name, "title": _title(file, lang), "sentence": ""}
    if snapshot is not None and file.stem in snapshot.pages():
        page = snapshot.page(file.stem, lang)
        board["title"] = page.get("title") or board["title"]
        board["sentence"] = page.get("sentence", "")
    return board


def _title(file: Path, lang: str) -> str:
    """Return a notebook's title; of ``中文 · English`` the part in the viewer's language."""
    try:
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        first = "".join(cells[0]["source"]).splitlines()[0]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return file.stem
    parts = [part.strip() for part in first.lstrip("# ").split("·")]
    return (parts[0] if lang == "zh" else parts[-1]) or file.stem


def _about(snapshot: Snapshot, lang: str, today: date, stale_days: int) -> dict[str, Any]:
    day = format_day(snapshot.created.date(), lang)
    dates = [say("publish.landing.published", lang, day=day)]
    if snapshot.last_month:
        month = format_month(snapshot.last_month, lang)
        dates.insert(0, say("publish.landing.data_until", lang, month=month))
    age_days = snapshot.age_days(today)
    stale = say("publish.landing.stale", lang, days=age_days) if age_days > stale_days else ""
    return {
        "dates": dates,
        "stale": stale,
        "minimum": snapshot.manifest.get("minimum_customers", 0),
    }
