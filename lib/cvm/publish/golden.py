"""Golden figures: what each notebook's headline figures were when somebody last accepted them.

One JSON file a notebook. It says on which data and versions its figures were made, so that a
figure that moved can be told from one that was made of something else.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import pandas as pd

import cvm
from cvm.core.checks import DataError
from cvm.core.i18n import say
from cvm.core.result import Result
from cvm.publish.book_records import Figure
from cvm.publish.run_cache import write_whole
from cvm.publish.run_records import RunResult

Status = Literal["same", "moved", "missing", "new", "terms"]
_PACKAGES = ("duckdb", "ibis-framework", "numpy", "pandas", "pyarrow", "scipy", "statsmodels")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One headline figure against its golden value.

    Attributes:
        notebook: The notebook's name.
        name: The figure's name.
        status: ``same``, ``moved`` (by more than its tolerance), ``missing`` (golden, but not
            recorded), ``new`` (recorded, but not golden), ``terms`` (unit or tolerance differ).
        golden: The accepted figure.
        now: The recorded figure.
    """

    notebook: str
    name: str
    status: Status
    golden: Figure | None
    now: Figure | None

    @property
    def change(self) -> float | None:
        """Now less golden, in the figure's unit; ``None`` unless both are there."""
        if self.golden is None or self.now is None:
            return None
        return self.now.value - self.golden.value

    @property
    def change_share(self) -> float | None:
        """The change as a share of the golden value's size; ``None`` where that is 0."""
        if self.change is None or self.golden is None or self.golden.value == 0:
            return None
        return self.change / abs(self.golden.value)


@dataclass(frozen=True, kw_only=True)
class GoldenComparison(Result):
    """All headline figures against their golden values.

    Attributes:
        figures: Each figure, by notebook and name.
        other_data: Notebook → what its golden figures were made of, where that differs from this
            run: then a change may be the data's.
    """

    figures: tuple[Comparison, ...]
    other_data: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether every figure stands where it was."""
        return not self.differing

    @property
    def differing(self) -> tuple[Comparison, ...]:
        """The figures that moved, are missing, are new, or have other terms."""
        return tuple(figure for figure in self.figures if figure.status != "same")

    def summary(self) -> pd.DataFrame:
        """Return one row a figure: from, to, by how much, and what would have been allowed."""
        rows = [
            {
                "notebook": figure.notebook,
                "figure": figure.name,
                "status": figure.status,
                "from": figure.golden.value if figure.golden else None,
                "to": figure.now.value if figure.now else None,
                "change": figure.change,
                "change_share": figure.change_share,
                "allowed_change": figure.golden.allowed_change if figure.golden else None,
                "unit": (figure.golden or figure.now).unit,  # type: ignore[union-attr]
            }
            for figure in self.figures
        ]
        columns = ["notebook", "figure", "status", "from", "to", "change", "change_share"]
        return pd.DataFrame(rows, columns=[*columns, "allowed_change", "unit"])

    def text(self, lang: str = "en") -> str:
        """Return how many figures differ, in one sentence."""
        counts = {
            status: sum(figure.status == status for figure in self.figures)
            for status in ("moved", "missing", "new", "terms")
        }
        if self.ok:
            return say("book.golden.good", lang, figures=len(self.figures))
        bad = len(self.differing)
        return say("book.golden.bad", lang, bad=bad, figures=len(self.figures), **counts)

    def lines(self, lang: str = "en") -> list[str]:
        """Return one line for each figure that differs: from, to, by how much, its tolerance."""
        found = [_line(figure, lang) for figure in self.differing]
        return found + [
            say("book.golden.other_data", lang, notebook=notebook, difference=difference)
            for notebook, difference in self.other_data.items()
            if not self.ok
        ]


def _line(figure: Comparison, lang: str) -> str:
    head = f"{figure.notebook} · {figure.name}: {say(f'book.golden.{figure.status}', lang)}"
    old, new = figure.golden, figure.now
    if old is None or new is None:
        only = old or new
        return f"{head} ({_exact(only)})" if only else head
    if figure.status == "terms":
        return f"{head}, {_terms(old)} → {_terms(new)}"
    share = "" if figure.change_share is None else f" ({100 * figure.change_share:+.4g} %)"
    allowed = say("book.golden.allowed", lang, change=f"{old.allowed_change:.6g}", unit=old.unit)
    return f"{head}, {_exact(old)} → {_exact(new)}, {figure.change:+.6g}{share}; {allowed}"


def _exact(figure: Figure) -> str:
    return f"{figure.value:.10g} {figure.unit}"


def _terms(figure: Figure) -> str:
    return f"{figure.unit}, ±{100 * figure.tolerance:g} %, ±{figure.absolute:g}"


def compare(run: RunResult, folder: str | Path) -> GoldenComparison:
    """Compare the headline figures of a run to the golden ones.

    A figure's golden tolerance counts, so that loosening a notebook's own cannot hide a change.
    Golden figures of stored notebooks that the run did not include are left aside; those of a
    notebook that no longer exists, failed, or lacked data are missing.

    Args:
        run: The run; of all notebooks, or of some.
        folder: Folder of the golden files.

    Raises:
        DataError: A golden file is damaged.
    """
    goldens = read_goldens(folder)
    left_aside = set(run.left_aside)
    figures: list[Comparison] = []
    other = {}
    for notebook in sorted({*goldens, *run.figures} - left_aside):
        golden = {f.name: f for f in goldens[notebook].figures} if notebook in goldens else {}
        now = {f.name: f for f in run.figures.get(notebook, ())}
        figures += [
            _compare_one(notebook, name, golden.get(name), now.get(name))
            for name in [*golden, *(name for name in now if name not in golden)]
        ]
        difference = _difference(goldens.get(notebook), run)
        if difference:
            other[notebook] = difference
    return GoldenComparison(figures=tuple(figures), other_data=other)


def _compare_one(notebook: str, name: str, golden: Figure | None, now: Figure | None) -> Comparison:
    status: Status
    if golden is None:
        status = "new"
    elif now is None:
        status = "missing"
    elif abs(now.value - golden.value) > golden.allowed_change:
        status = "moved"
    elif _terms(now) != _terms(golden):
        status = "terms"
    else:
        status = "same"
    return Comparison(notebook=notebook, name=name, status=status, golden=golden, now=now)


@dataclass(frozen=True, kw_only=True)
class Golden:
    """The accepted figures of one notebook.

    Attributes:
        notebook: The notebook's name.
        figures: Its figures.
        made_of: Data, month and versions they were made of.
    """

    notebook: str
    figures: tuple[Figure, ...]
    made_of: Mapping[str, Any]


def read_goldens(folder: str | Path) -> dict[str, Golden]:
    """Return the golden figures by notebook; other JSON files of the folder are left aside.

    Raises:
        DataError: A golden file is damaged.
    """
    goldens = {}
    for file in sorted(Path(folder).glob("*.json")):
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(stored, dict) or stored.get("kind") != "notebook figures":
                continue
            figures = tuple(Figure.from_dict(figure) for figure in stored["figures"])
            golden = Golden(notebook=stored["notebook"], figures=figures, made_of=stored["made_of"])
        except (ValueError, KeyError, TypeError) as problem:
            raise DataError(
                str(file), str(problem), "a golden file", action="restore it from version control"
            ) from None
        goldens[golden.notebook] = golden
    return goldens


def accept(run: RunResult, folder: str | Path) -> list[Path]:
    """Make a run's headline figures the golden ones and return the files that changed.

    A notebook whose figures all stand within their tolerances keeps its file as it is, so that a
    change in version control is always a change of meaning.

    Args:
        run: A good run. If it included all notebooks, files of notebooks that are gone go too.
        folder: Folder of the golden files.

    Raises:
        DataError: A notebook failed or lacked data: there is nothing to accept.
    """
    for notebook in run.notebooks:
        if notebook.failure or notebook.lacking or notebook.because:
            raise DataError(
                notebook.name,
                notebook.state,
                "run to its end before its figures are accepted",
                action="run it on the sample and mend what stops it",
            )
    comparison = compare(run, folder)
    changed = []
    for name in sorted({figure.notebook for figure in comparison.differing}):
        path = Path(folder) / f"{name}.json"
        figures = run.figures.get(name, ())
        if figures:
            write_whole(path, _golden_text(name, figures, made_of(run)))
        else:
            path.unlink()
        changed.append(path)
    return changed


def made_of(run: RunResult) -> dict[str, Any]:
    """Return what a run's figures were made of: data, month, and versions."""
    versions = {package: metadata.version(package) for package in _PACKAGES}
    return {
        "data": run.data["fingerprint"],
        "month": run.parameters.get("month") or run.data.get("last_month"),
        "versions": {"python": platform.python_version(), "cvm": cvm.__version__, **versions},
    }


def _golden_text(notebook: str, figures: Sequence[Figure], made: Mapping[str, Any]) -> str:
    stored = {
        "kind": "notebook figures",
        "notebook": notebook,
        "how": "written by `cvm accept`; compared by `make test`",
        "made_of": made,
        "figures": [figure.to_dict() for figure in sorted(figures, key=lambda f: f.name)],
    }
    return json.dumps(stored, indent=1, ensure_ascii=False, sort_keys=True, allow_nan=False) + "\n"


def _difference(golden: Golden | None, run: RunResult) -> str:
    """Return what the golden figures were made of that this run was not."""
    if golden is None:
        return ""
    before, now = dict(golden.made_of), made_of(run)
    found = [key for key in ("data", "month") if before.get(key) != now[key]]
    versions = before.get("versions", {})
    return ", ".join(
        [f"{key} {before.get(key)} → {now[key]}" for key in found]
        + [
            f"{package} {versions.get(package)} → {version}"
            for package, version in now["versions"].items()
            if versions.get(package) != version
        ]
    )
