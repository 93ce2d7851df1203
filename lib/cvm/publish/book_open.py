"""How a notebook opens its book: the data, the month reported on, and what others recorded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import cvm
from cvm.core.checks import check_one_of
from cvm.core.i18n import LANGUAGES
from cvm.publish.book import Book, Show
from cvm.publish.book_find import (
    choose_month,
    find_source,
    notebook_metadata,
    project_folder,
)
from cvm.publish.book_published import last_published, read_published


def open_book(
    name: str,
    *,
    source: str | Path,
    month: str | date | None = None,
    language: str = "zh",
    engine: str = "duckdb",
    strict: bool = True,
    work: str | Path | None = None,
    data: Any = None,
    metadata: Mapping[str, Any] | None = None,
    published: str | Path | None = None,
    show: Show | None = None,
) -> Book:
    """Open the data of one notebook and return its book.

    Args:
        name: The notebook's file name without ``.ipynb``.
        source: What :func:`cvm.data.open_data` reads; a relative path is looked up from the
            notebook's folder, then from the project's.
        month: Month to report on; by default the last full month of the data.
        language: ``"zh"`` or ``"en"``.
        engine: ``"duckdb"``, or a Spark address.
        strict: Refuse data with hard problems. If false, the book opens with their report and
            without tables, so that a notebook can show the report.
        work: Folder for prepared data; by default ``build/prepared`` of the project.
        data: An opened data set, in place of ``source``.
        metadata: The notebook's ``cvm`` metadata; by default read from the notebook's file.
        published: File with the tables of other notebooks; by default those of the last good run
            on the same data and month.
        show: Receives each MIME bundle; by default IPython's display, or print outside a notebook.

    Raises:
        ArgumentError: The language, or a month outside the data.
        DataError: The source cannot be used.
    """
    check_one_of(language, "language", LANGUAGES)
    show = show or _display
    if data is None:
        work = work or project_folder() / "build/prepared"
        data = _open(find_source(source), engine, work, strict)
    if metadata is None:
        metadata = notebook_metadata(name)
    if published is not None:
        others = read_published(published)
    else:
        others = last_published(project_folder() / "build/run", metadata, data, month)
    chosen, note = choose_month(data, month, language)
    if note:
        show({"text/markdown": note, "text/plain": note})
    return Book(
        name,
        data=data,
        month=chosen,
        language=language,
        metadata=metadata,
        show=show,
        others=others,
    )


def _open(source: str | Path, engine: str, work: str | Path, strict: bool) -> Any:
    from cvm.data.engine import Dataset
    from cvm.data.prepared import StoppedError

    try:
        return cvm.open_data(source, engine=engine, work=work)
    except StoppedError as stopped:
        if strict:
            raise
        return Dataset(
            folder=stopped.folder,
            tables={},
            report=stopped.report,
            first_month=None,
            last_month=None,
            fingerprint="",
            engine=engine,
        )


def _display(bundle: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
    from IPython import get_ipython

    if get_ipython() is None:
        print(bundle["text/plain"])
        return
    from IPython.display import display

    display(bundle, metadata=metadata, raw=True)
