"""Where a notebook's data and metadata lie, and which month it reports on."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from cvm.core.checks import ArgumentError, DataError
from cvm.core.i18n import say
from cvm.core.months import format_month, iso_month, parse_month

# A month with fewer customers than this share of the month before is taken for a cut-off extract.
_FULL_MONTH_SHARE = 0.5


def project_folder() -> Path:
    """Return the nearest folder from here upwards that holds ``pyproject.toml``; else here."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "pyproject.toml").is_file():
            return folder
    return here


def find_source(source: str | Path) -> str | Path:
    """Return a path as it is found from here or from the project; anything else unchanged."""
    if "://" in str(source) or Path(source).exists():
        return source
    in_project = project_folder() / source
    return in_project if in_project.exists() else source


def notebook_metadata(name: str) -> dict[str, Any]:
    """Return the ``cvm`` metadata of the notebook's file; empty if no file is found."""
    for folder in (Path.cwd(), Path.cwd() / "notebooks", project_folder() / "notebooks"):
        file = folder / f"{name}.ipynb"
        if file.is_file():
            try:
                stored = json.loads(file.read_text(encoding="utf-8"))
            except ValueError as problem:
                raise DataError(file.name, str(problem), "a readable notebook") from None
            return dict(stored.get("metadata", {}).get("cvm", {}))
    return {}


def stored_notebooks() -> dict[str, dict[str, Any]]:
    """Return the ``cvm`` metadata of every notebook of the project, in order of their names."""
    folder = project_folder() / "notebooks"
    return {file.stem: notebook_metadata(file.stem) for file in sorted(folder.glob("*.ipynb"))}


def choose_month(
    data: Any, month: str | date | None, language: str
) -> tuple[date | None, str | None]:
    """Return the month to report on, and what the reader must know about the choice.

    Args:
        data: The opened data set.
        month: The month asked for; by default the last one whose rows are about as many as those
            of the month before, since an extract is often cut off within its last month.
        language: ``"zh"`` or ``"en"``.

    Raises:
        ArgumentError: The month asked for lies outside the data.
    """
    first, last = data.first_month, data.last_month
    if month is not None:
        chosen = parse_month(month)
        if last is not None and not (first or chosen) <= chosen <= last:
            raise ArgumentError(
                "month",
                iso_month(chosen),
                "a month of the data",
                available=[f"{iso_month(first or last)} to {iso_month(last)}"],
            )
        return chosen, None
    if last is None:
        return None, say("book.month.none", language)
    return _last_full_month(data, last, language)


def _last_full_month(data: Any, last: date, language: str) -> tuple[date, str | None]:
    if not data.has("months", "month"):
        return last, None
    months = data.table("months").group_by("month").agg(rows=lambda table: table.count())
    rows = {parse_month(m): int(n) for m, n in months.to_pandas().itertuples(index=False)}
    latest = sorted(rows)[-2:]
    if len(latest) < 2 or rows[latest[1]] >= _FULL_MONTH_SHARE * rows[latest[0]]:
        return (latest[-1] if latest else last), None
    note = say(
        "book.month.not_full",
        language,
        month=format_month(latest[1], language),
        rows=f"{rows[latest[1]]:,}",
        usual=f"{rows[latest[0]]:,}",
        used=format_month(latest[0], language),
    )
    return latest[0], note
