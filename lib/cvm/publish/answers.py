"""The answer in a notebook's first cell: the sentence that the run on the committed sample gave.

A reader of the stored notebook sees an answer before running anything. It is written by
``cvm accept`` between two markers and held by a test, so it cannot drift from the figures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import nbformat

from cvm.core.checks import DataError
from cvm.publish.book_records import answer_in
from cvm.publish.run_records import RunResult

_MARKED = re.compile(r"<!-- answer -->.*?<!-- /answer -->", re.DOTALL)


def answers_of(run: RunResult, lang: str) -> dict[str, str]:
    """Return the answer that each executed notebook recorded, in one language.

    Args:
        run: A run.
        lang: ``"zh"`` or ``"en"``.
    """
    found = {}
    for one in run.notebooks:
        if one.path is not None:
            answer = answer_in(nbformat.read(one.path, as_version=4))
            if lang in answer:
                found[one.name] = answer[lang]
    return found


def stale_answers(notebooks_dir: Path, answers: Mapping[str, str]) -> list[str]:
    """Return which stored notebooks state another answer than the run gave, one sentence each."""
    return [
        f"{name}: the first cell does not state the run's answer ({answer}); run `cvm accept`"
        for name, answer in answers.items()
        if _written(notebooks_dir / f"{name}.ipynb", answer) is not None
    ]


def write_answers(notebooks_dir: Path, answers: Mapping[str, str]) -> list[Path]:
    """Write the answers into the stored notebooks; return the files changed.

    Raises:
        DataError: A notebook that gives an answer has no place for it.
    """
    changed = []
    for name, answer in answers.items():
        path = notebooks_dir / f"{name}.ipynb"
        text = _written(path, answer)
        if text is not None:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def _written(path: Path, answer: str) -> str | None:
    """Return the notebook's text with the answer, or None if it states it already."""
    notebook = nbformat.read(path, as_version=4)
    cell = notebook.cells[0]
    if not _MARKED.search(cell.source):
        raise DataError(
            path.name,
            "no place for its answer",
            "marked in the first cell",
            action="write <!-- answer --><!-- /answer --> after **Answer.**",
        )
    source = _MARKED.sub(lambda _: f"<!-- answer -->{answer}<!-- /answer -->", cell.source)
    if source == cell.source:
        return None
    cell.source = source
    return nbformat.writes(notebook, indent=1) + "\n"
