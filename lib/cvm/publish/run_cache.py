"""What makes a run repeat only what changed: fingerprints, and the store of executed notebooks."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat

_KEPT_COPIES = 4
_LIBRARY = Path(__file__).parents[1]


def code_fingerprint(also: Iterable[Path] = ()) -> str:
    """Return the fingerprint of all that notebooks run on besides their data.

    It covers the library's modules and catalogues, the installed packages with their versions (what
    the lock says, as it came out on this machine), and ``also``.

    Args:
        also: Other files that notebooks read, such as rule books.
    """
    digest = hashlib.sha256()
    files = [*_LIBRARY.rglob("*.py"), *_LIBRARY.rglob("*.toml")]
    for file in sorted(files):
        digest.update(file.relative_to(_LIBRARY).as_posix().encode())
        digest.update(file.read_bytes())
    for file in sorted(also):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    packages = {f"{found.name}=={found.version}" for found in metadata.distributions()}
    digest.update("\n".join(sorted(packages)).encode())
    return digest.hexdigest()


def notebook_fingerprint(
    notebook: Mapping[str, Any],
    *,
    parameters: Mapping[str, Any],
    data: str,
    code: str,
    others: Mapping[str, Any] | None = None,
) -> str:
    """Return the fingerprint of one run of a notebook.

    Args:
        notebook: The stored notebook; outputs and execution counts do not count.
        parameters: What is injected, without the place of the data.
        data: Fingerprint of the data.
        code: Fingerprint of the code.
        others: Tables of other notebooks that it reads.
    """
    cells = [
        [cell["cell_type"], cell["source"], sorted(cell.get("metadata", {}).get("tags", ()))]
        for cell in notebook["cells"]
    ]
    stated = notebook.get("metadata", {}).get("cvm", {})
    read = [dict(others)] if others else []
    return fingerprint([cells, stated, dict(parameters), data, code, *read])


def fingerprint(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    """Executed notebooks by fingerprint, a few of each, written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str, key: str) -> Path:
        """Return where a run of a notebook is, or would be, kept."""
        return self.folder / f"{name}.{key[:24]}.ipynb"

    def get(self, name: str, key: str) -> nbformat.NotebookNode | None:
        """Return the executed notebook of this fingerprint, if it is kept and readable."""
        try:
            kept = nbformat.read(self.path(name, key), as_version=4)
        except Exception:  # a damaged copy is as good as none: the notebook runs again
            return None
        return kept if kept.metadata.get("cvm_run", {}).get("fingerprint") == key else None

    def put(self, name: str, key: str, notebook: nbformat.NotebookNode) -> Path:
        """Keep an executed notebook, drop the oldest of its name, and return its place."""
        path = self.path(name, key)
        write_whole(path, nbformat.writes(notebook))
        copies = sorted(self.folder.glob(f"{name}.*.ipynb"), key=lambda file: file.stat().st_mtime)
        for old in copies[:-_KEPT_COPIES]:
            old.unlink(missing_ok=True)
        return path


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader finds the old text or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8", newline="\n")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
