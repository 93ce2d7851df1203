"""Where a notebook's data and metadata lie, and which month it reports on."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from cvm.core.checks import ArgumentError, DataError
from cvm.core.i18n import say
from cvm.core.money import format_yuan
from cvm.core.months import format_month, iso_month, parse_month

# A month with fewer customers than this share of the month before is taken for a cut-off extract.
_FULL_MONTH_SHARE = 0.5
# A mean bill below this share of the month before is one that is not billed to its end: seasons and
# price cuts move the mean of many customers less within a month.
_FULL_BILL_SHARE = 0.7
_ENOUGH_CUSTOMERS = 100


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
            of the month before, and whose bills are about as high, since an extract is often cut
            off within its last month.
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
    table = data.table("months")
    sums = {"rows": table.count()}
    if data.has("months", "bill_yuan"):
        sums["yuan"] = table.bill_yuan.sum()
    found = table.group_by("month").agg(**sums).to_pandas()
    months = {parse_month(row["month"]): row for row in found.to_dict("records")}
    latest = sorted(months)[-2:]
    if len(latest) < 2:
        return (latest[-1] if latest else last), None
    before, now = (months[one] for one in latest)
    told = {
        name: format_month(one, language)
        for name, one in zip(("used", "month"), latest, strict=True)
    }
    if now["rows"] < _FULL_MONTH_SHARE * before["rows"]:
        counts = {"rows": f"{now['rows']:,}", "usual": f"{before['rows']:,}"}
        return latest[0], say("book.month.not_full", language, **told, **counts)
    if "yuan" in sums and min(now["rows"], before["rows"]) >= _ENOUGH_CUSTOMERS:
        mean, usual = (float(one["yuan"]) / one["rows"] for one in (now, before))
        if mean < _FULL_BILL_SHARE * usual:
            bills = {"mean": format_yuan(mean, language), "usual": format_yuan(usual, language)}
            return latest[0], say("book.month.not_billed", language, **told, **bills)
    return latest[1], None
