"""Which notebooks run, in which order, with which parameters."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import nbformat

from cvm.core.checks import ArgumentError, DataError
from cvm.publish.book_published import reads_of

PARAMETERS_TAG = "parameters"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The notebooks of a run.

    Attributes:
        folder: Where they are stored.
        notebooks: The stored notebooks by name, in the order of their names.
        after: Notebook → the notebooks of this plan that come before it, those it reads among them.
        left_aside: Stored notebooks that are not of this plan.
    """

    folder: Path
    notebooks: Mapping[str, nbformat.NotebookNode]
    after: Mapping[str, tuple[str, ...]]
    left_aside: tuple[str, ...] = ()


def make_plan(folder: Path, only: Sequence[str] | None = None) -> Plan:
    """Read the notebooks of a folder and return the order they run in.

    Args:
        folder: Folder with the stored notebooks.
        only: Names of the notebooks to run, and with them those whose tables they read; by default
            all. What else they come after is then taken as done.

    Raises:
        ArgumentError: A name does not exist, or notebooks come after each other in a circle.
        DataError: The folder holds no notebook, or a file is not one.
    """
    files = {file.stem: file for file in sorted(folder.glob("*.ipynb"))}
    if not files:
        raise DataError(
            "notebooks", str(folder), "a folder with notebooks", action="check the folder's name"
        )
    chosen = list(files) if not only else [Path(name).stem for name in only]
    for name in chosen:
        if name not in files:
            raise ArgumentError("only", name, "a notebook", available=files)
    found: dict[str, nbformat.NotebookNode] = {}
    while chosen:
        name = chosen.pop()
        if name in files and name not in found:
            found[name] = read_notebook(files[name])
            chosen += reads_of(found[name].metadata.get("cvm", {}))
    notebooks = {name: found[name] for name in files if name in found}
    after = {}
    for name, notebook in notebooks.items():
        stated = notebook.metadata.get("cvm", {})
        before = tuple(dict.fromkeys([*stated.get("after", ()), *reads_of(stated)]))
        for other in before:
            if other not in files:
                raise ArgumentError(
                    f"{name} metadata.cvm.after", other, "a notebook", available=files
                )
        after[name] = tuple(other for other in before if other in notebooks)
    _check_no_circle(after)
    left_aside = tuple(name for name in files if name not in notebooks)
    return Plan(folder=folder, notebooks=notebooks, after=after, left_aside=left_aside)


def _check_no_circle(after: Mapping[str, tuple[str, ...]]) -> None:
    try:
        TopologicalSorter(after).prepare()
    except CycleError as problem:
        raise ArgumentError(
            "metadata.cvm.after",
            " → ".join(problem.args[1]),
            "free of circles",
            action="take one of these notebooks out of the other's 'after'",
        ) from None


def read_notebook(file: Path) -> nbformat.NotebookNode:
    """Return a stored notebook.

    Raises:
        DataError: The file is not a readable notebook.
    """
    try:
        return nbformat.read(file, as_version=4)
    except Exception as problem:  # nbformat raises many kinds; the file is the cause of each
        cause = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise DataError(
            file.name, cause, "a readable notebook", action="restore the file, or save it again"
        ) from None


def inject(
    name: str, notebook: nbformat.NotebookNode, values: Mapping[str, Any]
) -> tuple[nbformat.NotebookNode, int]:
    """Return a copy of the notebook with its parameters set, and the place of the added cell.

    Args:
        name: The notebook's name, for the error.
        notebook: The stored notebook.
        values: Parameter → value; only those the parameters cell declares are set.

    Raises:
        ArgumentError: The notebook has not exactly one parameters cell.
    """
    places = parameter_cells(notebook)
    if len(places) != 1:
        raise ArgumentError(
            name,
            f"{len(places)} cells tagged 'parameters'",
            "a notebook with exactly one",
            action="tag its one parameters cell in JupyterLab (property inspector, Cell Tags)",
        )
    declared = assigned_names(notebook.cells[places[0]].source)
    lines = [f"{key} = {value!r}" for key, value in values.items() if key in declared]
    copy = nbformat.from_dict(notebook)
    copy = nbformat.v4.upgrade(copy) if copy.nbformat_minor < 5 else copy
    cell = nbformat.v4.new_code_cell(
        "\n".join(lines), metadata={"tags": ["injected-parameters"]}, id="injected-parameters"
    )
    for old in copy.cells:
        if old.cell_type == "code":
            old.outputs, old.execution_count = [], None
    copy.cells.insert(places[0] + 1, cell)
    return copy, places[0] + 1


def parameter_cells(notebook: Mapping[str, Any]) -> list[int]:
    """Return the places of the code cells tagged ``parameters``."""
    return [
        place
        for place, cell in enumerate(notebook["cells"])
        if cell["cell_type"] == "code"
        and PARAMETERS_TAG in cell.get("metadata", {}).get("tags", ())
    ]


def assigned_names(source: str) -> set[str]:
    """Return the names that a cell's top-level assignments set."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    names = set()
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names
