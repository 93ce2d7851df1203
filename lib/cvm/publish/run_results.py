"""The results of a run on disk: written aside, then put in place of the last good ones."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat

from cvm.core.checks import ArgumentError
from cvm.publish.book_records import figures_in, tables_in

_ENTRIES = ("executed", "tables", "figures.json")


def check_table_names(tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that no two notebooks record a table under one name.

    Args:
        tables: Notebook → its tables by name.

    Raises:
        ArgumentError: Two do.
    """
    owner: dict[str, str] = {}
    for notebook, own in tables.items():
        for name in own:
            if name in owner:
                raise ArgumentError(
                    "table name",
                    name,
                    "unique among all notebooks",
                    available=[f"{owner[name]} and {notebook} both record it"],
                    action="rename one of the two",
                )
            owner[name] = notebook


def swap_results(
    out_dir: Path,
    executed: Mapping[str, Path],
    *,
    left_aside: Sequence[str],
    header: Mapping[str, Any],
) -> dict[str, Path]:
    """Put a run's results in place and return the executed copies by notebook.

    Copies of notebooks that this run left aside stay if they were run on the same data with the
    same parameters; others go.

    Args:
        out_dir: Where the results stand.
        executed: Notebook → its executed copy of this run.
        left_aside: Stored notebooks that this run did not include.
        header: Data and parameters of the run, written at the head of ``figures.json``.
    """
    aside = out_dir / f".next-{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        (aside / "executed").mkdir(parents=True)
        (aside / "tables").mkdir()
        copies = {**_others(out_dir / "executed", left_aside, header), **executed}
        figures, tables = {}, {}
        for name in sorted(copies):
            shutil.copyfile(copies[name], aside / "executed" / f"{name}.ipynb")
            notebook = nbformat.read(copies[name], as_version=4)
            figures[name] = [figure.to_dict() for figure in figures_in(notebook)]
            tables[name] = tables_in(notebook)
        check_table_names(tables)
        for name, record in (item for own in tables.values() for item in own.items()):
            _write(aside / "tables" / f"{name}.json", record)
        _write(aside / "figures.json", {**header, "figures": figures})
        _swap(aside, out_dir)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return {name: out_dir / "executed" / f"{name}.ipynb" for name in executed}


def _others(folder: Path, left_aside: Sequence[str], header: Mapping[str, Any]) -> dict[str, Path]:
    kept = {}
    for file in (folder / f"{name}.ipynb" for name in left_aside):
        if file.is_file():
            about = json.loads(file.read_text(encoding="utf-8"))["metadata"].get("cvm_run", {})
            if all(about.get(key) == header[key] for key in ("data", "parameters")):
                kept[file.stem] = file
    return kept


def _write(path: Path, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _swap(aside: Path, out_dir: Path) -> None:
    """Move each entry of ``aside`` into place; on any error put the old ones back."""
    old = aside / "old"
    old.mkdir()
    moved: list[str] = []
    try:
        for entry in _ENTRIES:
            moved.append(entry)
            if (out_dir / entry).exists():
                (out_dir / entry).rename(old / entry)
            (aside / entry).rename(out_dir / entry)
    except BaseException:
        for entry in moved:
            if (old / entry).exists():
                if (out_dir / entry).exists():
                    (out_dir / entry).rename(aside / entry)
                (old / entry).rename(out_dir / entry)
        raise


def keep_failed(out_dir: Path, failed: Mapping[str, Path]) -> dict[str, Path]:
    """Keep the copies of failed notebooks in ``failed/``, in place of those of the run before.

    Args:
        out_dir: Where the results stand.
        failed: Notebook → its copy up to the failure; empty clears the folder.

    Returns:
        Notebook → where its copy stands now.
    """
    folder = out_dir / "failed"
    shutil.rmtree(folder, ignore_errors=True)
    if failed:
        folder.mkdir(parents=True)
    paths = {name: folder / f"{name}.ipynb" for name in failed}
    for name, path in failed.items():
        path.replace(paths[name])
    return paths
