"""What a run of notebooks returns, and the steps it tells on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from cvm.core.i18n import say
from cvm.core.result import Result
from cvm.publish.book_records import Figure
from cvm.publish.run_kernel import Failure

State = Literal["ran", "reused", "not_enough_data", "failed", "not_run"]
GOOD: tuple[State, ...] = ("ran", "reused", "not_enough_data")


@dataclass(frozen=True, kw_only=True)
class NotebookRun:
    """How one notebook ended and what it recorded.

    Attributes:
        name: The notebook's name.
        state: ``ran``, ``reused`` (nothing it depends on changed), ``not_enough_data``, ``failed``,
            or ``not_run`` (one it comes after failed).
        path: The executed copy; ``None`` if it was not run.
        figures: Its headline figures.
        tables: Its recorded tables by name.
        seconds: How long it took when it ran.
        failure: Where and why it failed.
        lacking: What data it lacks, in words.
        because: The notebook whose failure kept it from running.
    """

    name: str
    state: State
    path: Path | None = None
    figures: tuple[Figure, ...] = ()
    tables: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    seconds: float = 0.0
    failure: Failure | None = None
    lacking: str = ""
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class RunResult(Result):
    """A run of notebooks.

    Attributes:
        notebooks: Each notebook's run, in the order of their names.
        data: Fingerprint and months of the data.
        parameters: What was injected, without the place of the data.
        out_dir: Where ``executed/``, ``tables/`` and ``figures.json`` stand.
        left_aside: Stored notebooks that this run was asked not to include.
    """

    notebooks: tuple[NotebookRun, ...]
    data: Mapping[str, Any]
    parameters: Mapping[str, Any]
    out_dir: Path
    left_aside: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no notebook failed; then the results on disk are this run's."""
        return all(run.state in GOOD for run in self.notebooks)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Where and why notebooks failed."""
        return tuple(run.failure for run in self.notebooks if run.failure)

    @property
    def lacking(self) -> dict[str, str]:
        """What data notebooks lack, in words, by notebook."""
        return {run.name: run.lacking for run in self.notebooks if run.lacking}

    @property
    def figures(self) -> dict[str, tuple[Figure, ...]]:
        """Headline figures by notebook."""
        return {run.name: run.figures for run in self.notebooks}

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Recorded tables of all notebooks by name."""
        return {name: table for run in self.notebooks for name, table in run.tables.items()}

    def summary(self) -> pd.DataFrame:
        """Return one row a notebook: state, seconds, figures, tables, and why if it failed."""
        rows = [
            {
                "notebook": run.name,
                "state": run.state,
                "seconds": round(run.seconds, 1),
                "figures": len(run.figures),
                "tables": len(run.tables),
                "cause": run.failure.cause if run.failure else run.lacking or run.because,
            }
            for run in self.notebooks
        ]
        return pd.DataFrame(rows)

    def text(self, lang: str = "en") -> str:
        """Return how the run ended in one sentence."""
        states = [run.state for run in self.notebooks]
        if self.ok:
            return say(
                "book.run.good",
                lang,
                notebooks=len(states),
                ran=states.count("ran"),
                reused=states.count("reused"),
                lacking=states.count("not_enough_data"),
            )
        return say(
            "book.run.bad",
            lang,
            notebooks=len(states),
            failed=states.count("failed"),
            not_run=states.count("not_run"),
        )


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of progress.

    Attributes:
        notebook: The notebook; empty while the data are prepared.
        state: ``preparing``, ``started``, ``cell``, or how the notebook ended.
        cell: The cell about to run, from 1.
        cells: How many cells the notebook has.
        share: Share of the preparation that is done (0–1).
        run: The notebook's run, once it has ended.
    """

    notebook: str = ""
    state: str
    cell: int = 0
    cells: int = 0
    share: float = 0.0
    run: NotebookRun | None = None


Progress = Callable[[Step], None]
