"""Small throw-away notebooks and a data set without data, for the tests of runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import ibis
import nbformat
import pandas as pd
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

OPEN = """import cvm
from types import SimpleNamespace
data = SimpleNamespace(first_month=None, last_month=None, has=lambda *names: False)
book = cvm.open_book({name!r}, source=source, data=data, language=language)"""

# What a book displays for a figure, without the second a book takes to load.
LIGHT_FIGURE = """from IPython.display import display
display({"application/vnd.cvm.figure+json": {"name": "customers_active", "value": 7,
    "unit": "customers", "tolerance": 0.0, "absolute": 0.0}}, raw=True)"""


def write_notebook(folder: Path, name: str, *cells: str, **stated: object) -> Path:
    """Write a notebook: a title, the parameters, then each text as code (prose if it starts with
    ``#:``)."""
    parameters = new_code_cell('source = "../data/sample"\nmonth = None\nlanguage = "zh"')
    parameters.metadata["tags"] = ["parameters"]
    body = [
        new_markdown_cell(cell[2:].strip()) if cell.startswith("#:") else new_code_cell(cell)
        for cell in cells
    ]
    title = new_markdown_cell(f"# {name}\n\n**Question.** Does it run?")
    notebook = new_notebook(cells=[title, parameters, *body])
    notebook.metadata["cvm"] = {"needs": {}, **stated}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def opened(name: str) -> str:
    """Return the cell that opens a book on no data at all."""
    return OPEN.format(name=name)


def no_data(fingerprint: str = "data-1") -> SimpleNamespace:
    """Return a prepared data set in name only."""
    return SimpleNamespace(
        folder=Path("."), fingerprint=fingerprint, first_month=None, last_month=date(2026, 5, 1)
    )


class FewTables:
    """A data set of a few frames, as notebooks see one."""

    def __init__(self, **frames: pd.DataFrame) -> None:
        self.tables = {name: ibis.memtable(frame) for name, frame in frames.items()}
        months = frames["months"]["month"] if "months" in frames else []
        self.first_month = min(months, default=None)
        self.last_month = max(months, default=None)

    def table(self, name: str) -> ibis.Table:
        return self.tables[name]

    def has(self, name: str, *columns: str) -> bool:
        return name in self.tables and set(columns) <= set(self.tables[name].columns)
