"""Progress of a run as a person watches it: moving lines on a terminal, one line each elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cvm.core.i18n import say
from cvm.publish.run_records import NotebookRun, Step
from cvm.publish.run_records import Progress as Tell

_MARKS = {
    "ran": "[green]✓[/]",
    "reused": "[dim]=[/]",
    "not_enough_data": "[yellow]–[/]",
    "failed": "[red]✗[/]",
    "not_run": "[yellow]·[/]",
}


@contextmanager
def waiting(console: Console, what: str) -> Iterator[None]:
    """Show that something goes on: a spinner on a terminal, one line elsewhere.

    Args:
        console: Where to show it.
        what: What is being done.
    """
    if not console.is_terminal:
        console.print(f"{what} …", highlight=False)
        yield
        return
    with console.status(what):
        yield


@contextmanager
def console_progress(language: str, console: Console | None = None) -> Iterator[Tell]:
    """Show a run's steps on a console.

    Args:
        language: ``"zh"`` or ``"en"``.
        console: Where to show them; by default standard error.

    Yields:
        The callable for ``run_notebooks(progress=…)``.
    """
    console = console or Console(stderr=True)
    bars = Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    tasks = {}

    def tell(step: Step) -> None:
        if step.state == "preparing":
            if "" not in tasks:
                words = say("book.run.preparing", language)
                tasks[""] = bars.add_task(words, total=1.0, note="")
                if not console.is_terminal:
                    console.print(words)
            bars.update(tasks[""], completed=step.share)
            return
        if "" in tasks:
            bars.remove_task(tasks.pop(""))
        if step.state == "started":
            tasks[step.notebook] = bars.add_task(step.notebook, total=step.cells, note="")
        elif step.state == "cell":
            note = say("book.run.cell", language, cell=step.cell, cells=step.cells)
            bars.update(tasks[step.notebook], completed=step.cell - 1, note=note)
        elif step.run is not None:
            if step.notebook in tasks:
                bars.remove_task(tasks.pop(step.notebook))
            console.print(_line(step.run, language), soft_wrap=True, highlight=False)

    with bars:
        yield tell


def _line(run: NotebookRun, language: str) -> str:
    parts = [say(f"book.run.{run.state}", language)]
    if run.state in ("ran", "failed"):
        parts.append(say("book.run.seconds", language, seconds=f"{run.seconds:.1f}"))
    if run.figures:
        parts.append(say("book.run.figures", language, figures=len(run.figures)))
    if run.lacking:
        parts.append(run.lacking)
    if run.because:
        parts.append(say("book.run.because", language, notebook=run.because))
    line = f"{_MARKS[run.state]} {run.name}  " + escape(" · ".join(parts))
    return f"{line}\n{escape(run.failure.text(language))}" if run.failure else line
