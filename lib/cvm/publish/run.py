"""Run the notebooks headless: in order, side by side, only what changed, all or nothing.

Every notebook runs in a kernel of this Python with its parameters injected. What succeeded is kept
by fingerprint; what a run found is read from the executed notebooks alone. The results of a run
replace those of the last good one in one step at the end, and only if no notebook failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import cvm
from cvm.core.checks import check_at_least, check_one_of
from cvm.core.i18n import LANGUAGES
from cvm.core.months import parse_month
from cvm.publish.run_cache import Store, code_fingerprint
from cvm.publish.run_job import Job, one_at_a_time, run_in_order
from cvm.publish.run_plan import make_plan
from cvm.publish.run_records import NotebookRun, Progress, RunResult, Step
from cvm.publish.run_results import check_table_names, keep_failed, swap_results

__all__ = ["NotebookRun", "Progress", "RunResult", "Step", "run_notebooks"]


def run_notebooks(
    notebooks_dir: str | Path,
    out_dir: str | Path,
    *,
    source: str | Path | None = None,
    month: str | date | None = None,
    language: str = "zh",
    engine: str = "duckdb",
    only: Sequence[str] | None = None,
    workers: int = 2,
    timeout_seconds: float = 900,
    force: bool = False,
    work: str | Path | None = None,
    dataset: Any = None,
    today: date | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Run notebooks on one data set and keep what they recorded.

    The data are prepared once; every kernel opens the prepared folder. A notebook is not run again
    while its own source, its parameters, the data and the code are as they were.

    Args:
        notebooks_dir: Folder with the stored notebooks.
        out_dir: Folder for ``executed/``, ``tables/`` and ``figures.json``.
        source: What :func:`cvm.data.open_data` reads.
        month: Month to report on; by default the last full month of the data.
        language: ``"zh"`` or ``"en"``.
        engine: Query engine, set where a notebook declares ``engine`` among its parameters.
        only: Names of the notebooks to run; by default all.
        workers: Notebooks that run at once.
        timeout_seconds: Longest time for one cell.
        force: Run also what has not changed.
        work: Folder for prepared data; by default ``prepared`` beside ``out_dir``.
        dataset: An opened data set, in place of ``source``.
        today: Day after which dates lie in the future, for the checks of the data.
        progress: Called with each step; calls never overlap.

    Returns:
        Each notebook's run. A failure is reported there, not raised; then the results of the last
        good run stand untouched and the failed copies are in ``out_dir/failed``.

    Raises:
        ArgumentError: A setting, a name or the order of the notebooks does not fit.
        DataError: The data or a notebook's file cannot be used.
    """
    check_one_of(language, "language", LANGUAGES)
    check_at_least(workers, "workers", 1)
    out = Path(out_dir).resolve()
    plan = make_plan(Path(notebooks_dir).resolve(), only)
    tell = one_at_a_time(progress)
    if dataset is None:
        tell(Step(state="preparing"))
        dataset = cvm.open_data(
            source,
            engine=engine,
            work=Path(work) if work else out.parent / "prepared",
            today=today,
            progress=lambda _what, share: tell(Step(state="preparing", share=share)),
        )
    parameters = {
        "month": f"{parse_month(month):%Y-%m}" if month else None,
        "language": language,
        "engine": engine,
    }
    data = {
        "fingerprint": dataset.fingerprint,
        "first_month": str(dataset.first_month) if dataset.first_month else None,
        "last_month": str(dataset.last_month) if dataset.last_month else None,
    }
    job = Job(
        folder=plan.folder,
        parameters=parameters,
        source=str(Path(dataset.folder).resolve()),
        data=data,
        store=Store(out / ".kept"),
        code=code_fingerprint((plan.folder.parent / "data").rglob("*.toml")),
        timeout_seconds=timeout_seconds,
        force=force,
        tell=tell,
    )
    runs = run_in_order(plan, job, int(workers))
    result = RunResult(
        notebooks=tuple(runs[name] for name in sorted(runs)),
        data=data,
        parameters=parameters,
        out_dir=out,
        left_aside=plan.left_aside,
    )
    return _keep(result)


def _keep(result: RunResult) -> RunResult:
    """Put a good run's results in place of the last ones; of a bad one, keep the failed copies."""
    failed = {run.name: run.path for run in result.notebooks if run.failure and run.path}
    paths = keep_failed(result.out_dir, failed)
    if result.ok:
        check_table_names({run.name: run.tables for run in result.notebooks})
        paths = swap_results(
            result.out_dir,
            {run.name: run.path for run in result.notebooks if run.path},
            left_aside=result.left_aside,
            header={"data": dict(result.data), "parameters": dict(result.parameters)},
        )
    runs = tuple(replace(run, path=paths.get(run.name, run.path)) for run in result.notebooks)
    return replace(result, notebooks=runs)
