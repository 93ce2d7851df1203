"""What another notebook recorded: its tables, handed on by the run or taken from the last one.

A notebook that reads tables of others says so in its metadata::

    "cvm": {"reads": {"10-lifetime-value": ["lifetime_tiers", "lifetime_facts"]}}

It then runs after them, runs again when their tables change, and gets the tables by the parameter
``published``. In JupyterLab, where nobody runs the others first, the last good run is looked up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cvm.core.checks import ArgumentError
from cvm.publish.table_json import frame_of

PARAMETER = "published"
Tables = dict[str, Mapping[str, Any]]


def reads_of(metadata: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the notebooks a notebook reads tables of, and which tables.

    Args:
        metadata: Its ``cvm`` metadata.

    Raises:
        ArgumentError: ``reads`` is not notebook → list of tables.
    """
    stated = metadata.get("reads", {})
    lists = isinstance(stated, Mapping) and all(isinstance(one, list) for one in stated.values())
    if not lists:
        raise ArgumentError("metadata.cvm.reads", stated, "notebook → list of its tables")
    return {str(name): tuple(map(str, tables)) for name, tables in stated.items()}


def write_published(file: Path, tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Write tables for a notebook that reads them, and return the file's place.

    Args:
        file: Where to.
        tables: Records by name.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(tables, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    return str(file)


def read_published(file: str | Path) -> Tables:
    """Return the tables that :func:`write_published` wrote."""
    return dict(json.loads(Path(file).read_text(encoding="utf-8")))


def last_published(folder: Path, metadata: Mapping[str, Any], data: Any, month: Any) -> Tables:
    """Return the tables a notebook reads, from the last good run on the same data and month.

    Args:
        folder: Of the run: ``figures.json`` and ``tables/``.
        metadata: The notebook's ``cvm`` metadata.
        data: The opened data set.
        month: The month asked for, or None.
    """
    head = folder / "figures.json"
    if not head.is_file():
        return {}
    stated = json.loads(head.read_text(encoding="utf-8"))
    asked = None if month is None else f"{month}"[:7]
    same = stated.get("data", {}).get("fingerprint") == getattr(data, "fingerprint", None)
    if not same or stated.get("parameters", {}).get("month") != asked:
        return {}
    names = [name for tables in reads_of(metadata).values() for name in tables]
    files = {name: folder / "tables" / f"{name}.json" for name in names}
    return {
        name: json.loads(file.read_text(encoding="utf-8"))
        for name, file in files.items()
        if file.is_file()
    }


def published_frame(name: str, tables: Tables, metadata: Mapping[str, Any]) -> pd.DataFrame | None:
    """Return a table another notebook recorded; None if it is not there.

    Raises:
        ArgumentError: The notebook's metadata do not declare that it reads this table.
    """
    declared = [one for names in reads_of(metadata).values() for one in names]
    if name not in declared:
        raise ArgumentError(
            "table",
            name,
            "declared by the notebook",
            available=declared,
            action="add it to metadata.cvm.reads",
        )
    return frame_of(tables[name]) if name in tables else None
