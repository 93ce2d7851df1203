"""The steps of the project as the command line takes them: sample, run, publish, accept.

Each step redoes nothing that has not changed and shows its progress.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from datetime import date, datetime, time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cvm.core.checks import ArgumentError, DataError
from cvm.core.months import BEIJING
from cvm.data.sample import SampleSettings, make_sample
from cvm.publish import golden
from cvm.publish.answers import answers_of, write_answers
from cvm.publish.gallery import check_gallery, write_gallery
from cvm.publish.publish import Published, publish
from cvm.publish.run import RunResult, run_notebooks
from cvm.publish.run_progress import console_progress, waiting
from cvm.publish.screenshots import NoBrowserError, take_screenshots

NOTEBOOKS = "notebooks"
SMALL_SAMPLE = "data/sample"
GOLDENS = "tests/golden"
_MADE = "made.json"


def make_sample_once(
    folder: Path,
    *,
    customers: int,
    months: int = 36,
    seed: int | None = None,
    workers: int = 2,
    console: Console,
) -> bool:
    """Make a sample operator unless the folder holds the same one already.

    Args:
        folder: Where to.
        customers: Subscriptions.
        months: Months of the panel.
        seed: Seed of every draw; by default the generator's own.
        workers: Processes.
        console: Where progress is shown.

    Returns:
        Whether it was made now.
    """
    seed = SampleSettings.seed if seed is None else seed
    wanted = {"customers": customers, "months": months, "seed": seed, "code": _generator()}
    made = folder / _MADE
    if made.is_file() and json.loads(made.read_text(encoding="utf-8")) == wanted:
        console.print(f"[dim]=[/] sample operator: {customers:,} customers, unchanged ({folder})")
        return False
    made.unlink(missing_ok=True)
    bar = Progress(
        TextColumn("  sample operator"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} customers"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    if not console.is_terminal:
        console.print(f"making the sample operator: {customers:,} customers × {months} months …")
    with bar:
        task = bar.add_task("", total=customers)
        make_sample(
            folder,
            customers=customers,
            months=months,
            seed=seed,
            workers=workers,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    made.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    console.print(f"[green]✓[/] sample operator: {customers:,} customers × {months} months")
    return True


def _generator() -> str:
    """Return the fingerprint of the code that makes samples."""
    import cvm.data.sample as package

    digest = hashlib.sha256()
    for path in sorted(Path(package.__path__[0]).glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def run_project(
    root: Path,
    out: Path,
    *,
    source: str,
    today: date,
    console: Console,
    month: str | None = None,
    language: str = "zh",
    engine: str = "duckdb",
    only: list[str] | None = None,
    workers: int = 2,
    force: bool = False,
) -> RunResult:
    """Run the project's notebooks, showing one line each.

    Args:
        root: The project's folder.
        out: Folder for executed copies, tables and figures.
        source: What ``cvm.data.open_data`` reads.
        today: Day after which dates lie in the future.
        console: Where progress is shown.
        month: Month to report on.
        language: ``"zh"`` or ``"en"``.
        engine: Query engine.
        only: Names of the notebooks; by default all.
        workers: Notebooks at a time.
        force: Run also what has not changed.

    Raises:
        ArgumentError: A setting or a name does not fit, or a notebook failed.
        DataError: The data cannot be used.
    """
    with console_progress("en", console) as progress:
        result = run_notebooks(
            root / NOTEBOOKS,
            out,
            source=source,
            month=month,
            language=language,
            engine=engine,
            only=only,
            workers=workers,
            force=force,
            work=root / "build" / "prepared",
            today=today,
            progress=progress,
        )
    if not result.ok:
        raise ArgumentError(
            "notebooks",
            ", ".join(failure.notebook for failure in result.failures),
            "free of failures",
            action=f"mend the cell shown above; failed copies are in {out / 'failed'}",
        )
    return result


def publish_project(
    root: Path,
    published: Path,
    *,
    source: str,
    now: datetime,
    console: Console,
    month: str | None = None,
    language: str = "zh",
    engine: str = "duckdb",
    workers: int = 2,
    force: bool = False,
) -> Published:
    """Run the notebooks on an extract and publish what they found.

    Args:
        root: The project's folder.
        published: Folder of the snapshots.
        source: What ``cvm.data.open_data`` reads.
        now: The moment of publishing.
        console: Where progress is shown.
        month: Month to report on.
        language: Language of the executed copies; dashboards always have both.
        engine: Query engine.
        workers: Notebooks at a time.
        force: Run and publish even if nothing has changed.

    Raises:
        CvmError: A notebook failed, or the snapshot cannot be written.
    """
    result = run_project(
        root,
        root / "build" / "run",
        source=source,
        today=now.date(),
        console=console,
        month=month,
        language=language,
        engine=engine,
        workers=workers,
        force=force,
    )
    with waiting(console, "publishing"):
        done = publish(result, published, now=now, force=force)
    console.print(f"[green]✓[/] {done.text('en')}", highlight=False)
    return done


def run_on_small_sample(
    root: Path, *, today: date, console: Console, only: list[str] | None = None
) -> RunResult:
    """Run the notebooks on the committed sample, as the tests do.

    Args:
        root: The project's folder.
        today: Day after which dates lie in the future.
        console: Where progress is shown.
        only: Names of the notebooks; by default all.
    """
    return run_project(
        root,
        root / "build" / "golden",
        source=str(root / SMALL_SAMPLE),
        language="en",
        only=only,
        today=today,
        console=console,
    )


def accept_project(
    root: Path, *, today: date, console: Console, only: list[str] | None = None
) -> None:
    """Rewrite the golden figures and the answers in the notebooks, and say what changed.

    Args:
        root: The project's folder.
        today: Day after which dates lie in the future.
        console: Where progress is shown.
        only: Names of the notebooks; by default all.
    """
    result = run_on_small_sample(root, today=today, console=console, only=only)
    for line in golden.compare(result, root / GOLDENS).lines("en"):
        console.print(line, markup=False)
    changed = golden.accept(result, root / GOLDENS)
    changed += write_answers(root / NOTEBOOKS, answers_of(result, "en"))
    for path in changed:
        console.print(f"accepted {path.relative_to(root)}", highlight=False)
    if not changed:
        console.print("nothing to accept: every figure and answer stands where it was")


def make_gallery(root: Path, *, check_only: bool, today: date, console: Console) -> None:
    """Write the gallery, or check that it is not stale.

    Args:
        root: The project's folder.
        check_only: Only check, against the golden figures.
        today: Day after which dates lie in the future.
        console: Where progress is shown.

    Raises:
        DataError: The gallery is stale.
    """
    folders = {"dashboards_dir": root / "dashboards"}
    if check_only:
        figures = {name: one.figures for name, one in golden.read_goldens(root / GOLDENS).items()}
        stale = check_gallery(root / NOTEBOOKS, root / "docs", figures=figures, **folders)
        if stale:
            raise DataError(
                "docs/gallery.md", "; ".join(stale), "up to date", action="run cvm gallery"
            )
        return
    result = run_on_small_sample(root, today=today, console=console)
    pictures = root / "docs" / "gallery"
    pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as published, waiting(console, "taking pictures"):
        publish(result, published, now=datetime.combine(today, time(9), BEIJING))
        try:
            names = sorted(path.stem for path in folders["dashboards_dir"].glob("*.ipynb"))
            take_screenshots(Path(published), folders["dashboards_dir"], pictures, names)
        except NoBrowserError as missing:
            console.print(f"[yellow]–[/] the dashboards' pictures stay as they are: {missing}")
    for path in write_gallery(result, root / NOTEBOOKS, root / "docs", **folders):
        console.print(f"wrote {path.relative_to(root)}", highlight=False)
