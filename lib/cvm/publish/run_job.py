"""One notebook's run from its stored copy to its record, and all of them in their order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import nbformat

from cvm.core.checks import CvmError
from cvm.publish.book_published import PARAMETER, reads_of, write_published
from cvm.publish.book_records import figures_in, tables_in
from cvm.publish.run_cache import Store, notebook_fingerprint
from cvm.publish.run_kernel import Failure, Kernels, Outcome
from cvm.publish.run_plan import Plan, inject
from cvm.publish.run_records import GOOD, NotebookRun, Progress, State, Step

# Long enough to cost nothing, short enough that Ctrl-C is heard on Windows too.
_WAIT_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every notebook of a run shares.

    Attributes:
        folder: Where the notebooks are stored; the kernels work there.
        parameters: What is injected, without the place of the data.
        source: Place of the prepared data.
        data: Fingerprint and months of the data.
        store: Executed notebooks by fingerprint.
        code: Fingerprint of the code.
        timeout_seconds: Longest time for one cell.
        force: Run also what has not changed.
        tell: Receives each step.
        kernels: The kernels of the run.
    """

    folder: Path
    parameters: Mapping[str, Any]
    source: str
    data: Mapping[str, Any]
    store: Store
    code: str
    timeout_seconds: float
    force: bool
    tell: Progress
    kernels: Kernels = field(default_factory=Kernels)

    def run(
        self,
        name: str,
        stored: nbformat.NotebookNode,
        others: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> NotebookRun:
        """Run a notebook, or take its kept copy if nothing it depends on changed.

        Args:
            name: The notebook's name.
            stored: The stored notebook.
            others: Tables of other notebooks that it reads, as recorded in this run.

        Raises:
            ArgumentError: The notebook has not exactly one parameters cell.
            Stopped: The run was stopped.
        """
        key = notebook_fingerprint(
            stored,
            parameters=self.parameters,
            others=others or {},
            data=self.data["fingerprint"],
            code=self.code,
        )
        kept = None if self.force else self.store.get(name, key)
        if kept is not None:
            return _record(name, kept, self.store.path(name, key), "reused")
        cells = len(stored.cells)
        self.tell(Step(notebook=name, state="started", cells=cells))
        began = time.perf_counter()
        outcome = self._execute(name, stored, others or {})
        seconds = time.perf_counter() - began
        executed = outcome.notebook
        executed.metadata["cvm_run"] = {
            "fingerprint": key if outcome.failure is None else "",
            "seconds": round(seconds, 3),
            "lacking": outcome.lacking,
            "data": dict(self.data),
            "parameters": dict(self.parameters),
        }
        failure = outcome.failure or _unreadable(name, executed)
        if failure:
            path = self.store.put(name, "failed", executed)
            return NotebookRun(
                name=name, state="failed", path=path, seconds=seconds, failure=failure
            )
        return _record(name, executed, self.store.put(name, key, executed), "ran")

    def _execute(
        self, name: str, stored: nbformat.NotebookNode, others: Mapping[str, Mapping[str, Any]]
    ) -> Outcome:
        values = {"source": self.source, **self.parameters}
        if reads_of(stored.metadata.get("cvm", {})):
            values[PARAMETER] = write_published(self.store.folder / f"{name}.reads.json", others)
        notebook, place = inject(name, stored, values)
        cells = len(stored.cells)
        return self.kernels.execute(
            name,
            notebook,
            folder=self.folder,
            injected=place,
            timeout_seconds=self.timeout_seconds,
            language=self.parameters["language"],
            on_cell=lambda cell: self.tell(
                Step(notebook=name, state="cell", cell=cell, cells=cells)
            ),
        )


def _record(name: str, executed: nbformat.NotebookNode, path: Path, state: State) -> NotebookRun:
    about = executed.metadata["cvm_run"]
    if about["lacking"]:
        state = "not_enough_data"
    return NotebookRun(
        name=name,
        state=state,
        path=path,
        figures=figures_in(executed),
        tables=tables_in(executed),
        seconds=about["seconds"],
        lacking=about["lacking"],
    )


def _unreadable(name: str, executed: nbformat.NotebookNode) -> Failure | None:
    """Return the failure of a notebook whose records contradict each other."""
    seen: list[Any] = []
    for number, cell in enumerate(executed.cells, start=1):
        seen.append(cell)
        try:
            figures_in({"cells": seen})
            tables_in({"cells": seen})
        except CvmError as problem:
            # One cell was injected, always before the first record.
            return Failure(
                notebook=name,
                cell=number - 1,
                cells=len(executed.cells) - 1,
                source=cell.source,
                cause=str(problem),
            )
    return None


def run_in_order(plan: Plan, job: Job, workers: int) -> dict[str, NotebookRun]:
    """Run every notebook after those it comes after, ``workers`` at a time.

    A failure keeps only the notebooks that come after it from running. When the run is stopped
    (Ctrl-C), every kernel is killed before the exception goes on.
    """
    sorter = TopologicalSorter(plan.after)
    sorter.prepare()
    runs: dict[str, NotebookRun] = {}
    running: dict[Future[NotebookRun], str] = {}
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="cvm-run")
    try:
        while sorter.is_active():
            for name in sorted(sorter.get_ready()):
                because = next((b for b in plan.after[name] if runs[b].state not in GOOD), "")
                if because:
                    _end(
                        NotebookRun(name=name, state="not_run", because=because), runs, job, sorter
                    )
                else:
                    stored = plan.notebooks[name]
                    others = _read(stored.metadata.get("cvm", {}), runs)
                    running[pool.submit(job.run, name, stored, others)] = name
            if running:
                done, _ = wait(running, timeout=_WAIT_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    _end(future.result(), runs, job, sorter)
    except BaseException:
        job.kernels.stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return runs


def _read(stated: Mapping[str, Any], runs: Mapping[str, NotebookRun]) -> dict[str, dict[str, Any]]:
    """Return the tables a notebook reads, as far as the notebooks before it recorded them."""
    return {
        table: runs[other].tables[table]
        for other, tables in reads_of(stated).items()
        for table in tables
        if table in runs[other].tables
    }


def _end(
    run: NotebookRun, runs: dict[str, NotebookRun], job: Job, sorter: TopologicalSorter[str]
) -> None:
    runs[run.name] = run
    sorter.done(run.name)
    job.tell(Step(notebook=run.name, state=run.state, run=run))


def one_at_a_time(progress: Progress | None) -> Callable[[Step], None]:
    """Return ``progress`` as kernels in several threads may call it."""
    lock = threading.Lock()

    def tell(step: Step) -> None:
        if progress is not None:
            with lock:
                progress(step)

    return tell
