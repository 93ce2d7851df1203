"""What a dashboard page shows, before it is HTML: read from the snapshot, nothing computed.

Standard library and :mod:`cvm.core` only, so that a viewer's kernel stays small and starts fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from cvm.core.checks import CvmError
from cvm.core.i18n import LANGUAGES, say
from cvm.core.snapshot import (
    DamagedSnapshotError,
    NoSnapshotError,
    Snapshot,
    SnapshotError,
    charts_of,
    open_latest,
)

State = Literal["shown", "none", "damaged", "missing", "other_version"]
# Figures are renewed once a month; a month and a few days later they are said to be old.
STALE_AFTER_DAYS = 40
FONT = "fonts/cvm-sans-sc.woff2"
# What content of another shape raises. Checksums were right, so no file is damaged.
OTHER_SHAPE = (CvmError, LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, kw_only=True)
class PageModel:
    """One page of the snapshot in force, or why there is none.

    Attributes:
        name: The page's name.
        state: ``"shown"``, or why it is not: ``"none"`` published, ``"damaged"``, this page is
            ``"missing"`` from the snapshot, or its content is of an ``"other_version"``.
        contents: The page's content by language (see :mod:`cvm.views.pages`); empty unless shown.
        figures: Pictures and the workbook by file name.
        font: The web font (WOFF2), empty if the snapshot has none.
        notices: What a viewer must know before reading, by language.
        detail: For whoever runs the server; never a path.
    """

    name: str
    state: State
    contents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    figures: Mapping[str, bytes] = field(default_factory=dict)
    font: bytes = b""
    notices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    detail: str = ""


def load_page(root: str | Path, name: str, *, today: date) -> PageModel:
    """Read a page from the snapshot in force under ``root``; never raises for a bad snapshot.

    Args:
        root: The folder of all snapshots.
        name: The page.
        today: The viewer's date, to say when figures are old.
    """
    try:
        with open_latest(root) as snapshot:
            return _read(snapshot, name, today)
    except NoSnapshotError:
        return PageModel(name=name, state="none")
    except SnapshotError as error:
        return PageModel(name=name, state="damaged", detail=_without_path(error))
    except OTHER_SHAPE as error:
        return of_other_version(name, error)


def of_other_version(name: str, error: Exception) -> PageModel:
    """Return the model of a page whose content has not the shape that this version shows.

    Args:
        name: The page.
        error: What showing it came upon; its kind and what it looked for are told, no figures.
    """
    looked_for = f": {error.args[0]}" if isinstance(error, KeyError) and error.args else ""
    return PageModel(name=name, state="other_version", detail=f"{type(error).__name__}{looked_for}")


def _read(snapshot: Snapshot, name: str, today: date) -> PageModel:
    if name not in snapshot.pages():
        return PageModel(name=name, state="missing", detail=", ".join(snapshot.pages()))
    contents: dict[str, dict[str, Any]] = {lang: snapshot.page(name, lang) for lang in LANGUAGES}
    wanted = {
        file
        for content in contents.values()
        for chart in charts_of(content)
        for file in chart["figures"].values()
    }
    wanted |= {content["workbook"] for content in contents.values() if content.get("workbook")}
    known = set(snapshot.figures())
    if wanted - known:
        raise DamagedSnapshotError("figures", sorted(wanted - known)[0], "in the snapshot")
    days = snapshot.age_days(today)
    notices: dict[str, tuple[str, ...]] = {
        lang: (say("overview.status.stale", lang, days=days),) if days > STALE_AFTER_DAYS else ()
        for lang in LANGUAGES
    }
    return PageModel(
        name=name,
        state="shown",
        contents=contents,
        figures={file: snapshot.figure(file) for file in sorted(wanted)},
        font=snapshot.read(FONT) if FONT in snapshot.manifest["files"] else b"",
        notices=notices,
    )


def _without_path(error: SnapshotError) -> str:
    """Return what is wrong with which file, without the folders of this machine."""
    file = Path(str(error.value)).name if isinstance(error.value, str) else error.value
    return f"{file}: must be {error.expected}"
