"""The ``cvm`` command: every step from an operator's extract to a served dashboard.

The command line is the only place that reads the clock, the environment and the working folder.
Each command is a thin call of the library; libraries load inside the command that needs them, so
that ``cvm --help`` answers at once.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console

from cvm.core.checks import ArgumentError, CvmError

app = typer.Typer(
    help="Customer value management: points budgets, retention campaigns, value segments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

# The base of all errors in the command's words; typer has moved it between its releases.
_Refused: Any = typer.BadParameter.__mro__[2]

SMALL_SAMPLE = Path("data/sample")
DEMO_CUSTOMERS = 20_000
DEFAULT_ZONE = "Asia/Shanghai"

Source = Annotated[
    str,
    typer.Option(help="Extract: a folder, a file, a mapping (.toml), or a database URL."),
]
Month = Annotated[str | None, typer.Option(help="Month to report, such as 2026-03.")]
Language = Annotated[str, typer.Option(help="zh or en.")]
Engine = Annotated[str, typer.Option(help="duckdb, local[2], or spark://host:port.")]
Zone = Annotated[
    str,
    typer.Option(envvar="CVM_ZONE", help="Time zone whose clock the dashboards are dated by."),
]
Check = Annotated[bool, typer.Option("--check", help="Only fail if the file is stale.")]


def main() -> None:
    """Run the command and turn every expected failure into one clear message."""
    try:
        sys.exit(app(standalone_mode=False))
    except _Refused as error:
        error.show()
        sys.exit(error.exit_code)
    except CvmError as error:
        _fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        _fail("stopped; the last good run and snapshot are as they were", code=130)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        where = f" ({error.filename})" if error.filename else ""
        _fail(f"the disk is full{where}; nothing was replaced. Free some space and run it again")


def _fail(message: str, code: int = 2) -> None:
    err.print("[bold red]cvm:[/] ", end="")
    err.print(message, markup=False)
    sys.exit(code)


def _now(zone: str) -> datetime:
    """Return the moment by the clock of a time zone.

    Raises:
        ArgumentError: There is no such zone.
    """
    try:
        return datetime.now(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ArgumentError(
            "zone", zone, "a time zone such as Asia/Shanghai", action="name one of the tz database"
        ) from error


def project_root() -> Path:
    """Return the folder that holds ``notebooks/``: the working folder or one above it.

    Raises:
        ArgumentError: There is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    raise ArgumentError(
        "working folder",
        str(here),
        "inside a copy of the project",
        action="change into the folder that holds notebooks/ and pyproject.toml",
    )


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Folder to write.")] = Path("build/sample"),
    customers: Annotated[int, typer.Option(help="Customers to make.")] = DEMO_CUSTOMERS,
    months: Annotated[int, typer.Option(help="Months of history.")] = 36,
    seed: Annotated[int | None, typer.Option(help="Same seed, same operator.")] = None,
    extract: Annotated[
        Path | None,
        typer.Option(help="Also write it as an operator would deliver it: Chinese CSV."),
    ] = None,
) -> None:
    """Make a sample operator with planted truth."""
    from cvm.publish.project import make_sample_once

    make_sample_once(folder, customers=customers, months=months, seed=seed, console=out)
    if extract is not None:
        from cvm.data.sample import write_extract
        from cvm.publish.run_progress import waiting

        with waiting(out, "writing the extract"):
            write_extract(folder, extract)
        out.print(f"as an operator's extract: {extract}")


@app.command("map")
def map_file(
    file: Annotated[Path, typer.Argument(help="A file of the extract.")],
    to: Annotated[Path | None, typer.Option(help="Write the proposal here.")] = None,
) -> None:
    """Propose a mapping from a file's headers, for you to correct."""
    from cvm.data.propose import propose_mapping

    text = propose_mapping(file)
    if to is None:
        print(text)
        return
    if to.exists():
        raise ArgumentError("--to", str(to), "a new file", action="name another file or remove it")
    to.write_text(text, encoding="utf-8")
    out.print(f"{to}: correct it, then run: cvm check-data {to}")


@app.command("check-data")
def check_data(
    source: Annotated[str, typer.Argument(help="Folder, file, mapping (.toml) or database URL.")],
    mapping: Annotated[Path | None, typer.Option(help="Mapping to use.")] = None,
    engine: Engine = "duckdb",
    language: Language = "en",
) -> None:
    """Check an extract against the contract and report every problem at once."""
    from cvm.data import open_data
    from cvm.data.prepared import StoppedError
    from cvm.publish.run_progress import waiting

    try:
        with waiting(err, "checking"):
            data = open_data(source, mapping=mapping, engine=engine, today=date.today())
        report, folder = data.report, data.folder
    except StoppedError as stopped:
        report, folder = stopped.report, stopped.folder
    for line in report.lines(language):
        out.print(line, markup=False)
    out.print(report.text(language), style="bold", markup=False)
    out.print(f"report and rows set aside: {folder}", markup=False)
    if not report.ok:
        sys.exit(2)


@app.command()
def run(
    names: Annotated[list[str] | None, typer.Argument(help="Notebooks; all if none.")] = None,
    source: Source = str(SMALL_SAMPLE),
    month: Month = None,
    language: Language = "zh",
    engine: Engine = "duckdb",
    to: Annotated[Path, typer.Option(help="Folder for the executed copies.")] = Path("build/run"),
    workers: Annotated[int, typer.Option(help="Notebooks at a time.")] = 2,
    force: Annotated[bool, typer.Option("--force", help="Run again what has not changed.")] = False,
) -> None:
    """Execute the notebooks headless and keep the executed copies and their figures."""
    from cvm.publish.project import run_project

    result = run_project(
        project_root(),
        to,
        source=source,
        month=month,
        language=language,
        engine=engine,
        only=names,
        workers=workers,
        force=force,
        today=date.today(),
        console=out,
    )
    out.print(f"{result.text('en')} Executed copies: {to / 'executed'}")


@app.command()
def publish(
    source: Source = str(SMALL_SAMPLE),
    month: Month = None,
    language: Language = "zh",
    engine: Engine = "duckdb",
    root: Annotated[Path, typer.Option(help="Folder of the snapshots.")] = Path("published"),
    zone: Zone = DEFAULT_ZONE,
    force: Annotated[
        bool, typer.Option("--force", help="Publish even if nothing changed.")
    ] = False,
    static: Annotated[
        Path | None,
        typer.Option(help="Also write the dashboards as plain files, for a folder or an e-mail."),
    ] = None,
) -> None:
    """Run the notebooks and publish what they found as a new snapshot."""
    from cvm.publish.project import publish_project

    now = _now(zone)
    publish_project(
        project_root(),
        root,
        source=source,
        month=month,
        language=language,
        engine=engine,
        force=force,
        now=now,
        console=out,
    )
    if static is not None:
        from cvm.publish.static import write_static

        files = write_static(
            root, static, dashboards=project_root() / "dashboards", today=date.today()
        )
        out.print(f"plain files: {static} ({len(files)}); open {static / 'index.html'}")


@app.command()
def warnings(
    to: Annotated[Path, typer.Argument(help="Folder for the list: it names customers.")],
    source: Source = str(SMALL_SAMPLE),
    month: Month = None,
    language: Language = "zh",
    engine: Engine = "duckdb",
    book: Annotated[str, typer.Option(help="Warning book, or a path to one (.toml).")] = "sample",
    horizon: Annotated[int, typer.Option(help="Months ahead that leaving is foretold.")] = 3,
    calls: Annotated[int | None, typer.Option(help="Most calls; by the book if not given.")] = None,
    control: Annotated[float, typer.Option(help="Share held out at random, to learn from.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the control's draw.")] = 2026,
    last: Annotated[
        Path | None, typer.Option(help="Folder of a list that was called, to score it.")
    ] = None,
    usage: Annotated[
        Path | None, typer.Option(help="File of usage by day: the list of a week or a day.")
    ] = None,
    period: Annotated[str, typer.Option(help="With --usage: week or day.")] = "week",
    at: Annotated[
        str | None, typer.Option(help="With --usage: the period's first day, such as 2026-03-23.")
    ] = None,
) -> None:
    """Write the warning list of a month, a week or a day as CSV and Excel; score an earlier one."""
    from cvm.publish.run_progress import waiting
    from cvm.publish.warning_job import (
        ListSettings,
        score_written,
        write_period_warnings,
        write_warnings,
    )

    settings = ListSettings(
        language=language, engine=engine, book=book, horizon_months=horizon, calls=calls,
        control_share=control, seed=seed, snapshots=Path("published"), today=date.today(),
    )  # fmt: skip
    with waiting(err, "warning"):
        if usage is None:
            made, files = write_warnings(source, to, settings, month=month)
        else:
            made, files, seen = write_period_warnings(
                source, usage, to, settings, period=period, at=at
            )
            out.print(seen.text(language), markup=False)
    out.print(made.text(language), markup=False)
    out.print(f"{files.calls} calls, {files.held_out} held out: {files.folder}", markup=False)
    if last is not None:
        scored = score_written(
            last, source, horizon_months=horizon, engine=engine, today=date.today()
        )
        out.print(scored.text(language), markup=False)


@app.command()
def serve(
    root: Annotated[Path, typer.Option(help="Folder of the snapshots.")] = Path("published"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8866,
    password_file: Annotated[
        Path | None, typer.Option(help="File with what `cvm hash-password` printed.")
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="File with a shared token.")] = None,
    user_header: Annotated[
        str, typer.Option(help="Header in which a proxy names the user it signed on.")
    ] = "",
    public_host: Annotated[
        list[str] | None, typer.Option(help="Name by which viewers reach the server; repeatable.")
    ] = None,
    base_url: Annotated[str, typer.Option(help="Path below a proxy, such as /cvm/.")] = "/",
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy of this machine stands in front.")
    ] = False,
    access_log: Annotated[Path | None, typer.Option(help="File for the access log.")] = None,
) -> None:
    """Serve the dashboards on the latest snapshot until Ctrl-C."""
    from cvm.publish.access import Access, read_secret

    access = Access(
        password_hash=read_secret(password_file, "password_file") if password_file else "",
        token=read_secret(token_file, "token_file") if token_file else "",
        user_header=user_header,
        public_hosts=tuple(name.lower() for name in public_host or ()),
        behind_proxy=behind_proxy,
    )
    options = {"access": access, "base_url": base_url, "access_log": access_log}
    _serve(root, project_root() / "dashboards", host, port, **options)


@app.command("hash-password")
def hash_password() -> None:
    """Ask for a password and print its hash, for the file of `cvm serve --password-file`."""
    from cvm.publish.access import hash_password as make_hash

    out.print(make_hash(typer.prompt("password", hide_input=True, confirmation_prompt=True)))


def _serve(root: Path, dashboards: Path, host: str, port: int, **options: Any) -> None:
    from cvm.publish.serve import serve as serve_dashboards

    out.print("starting the dashboards …")

    def ready(address: str) -> None:
        out.print(f"[green]✓[/] dashboards on [bold]{address}[/]  (Ctrl-C stops them)")
        sys.stdout.flush()

    serve_dashboards(root, dashboards=dashboards, host=host, port=port, ready=ready, **options)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the notebooks; further arguments go to JupyterLab."""
    root = project_root()
    command = [sys.executable, "-m", "jupyter", "lab", "--notebook-dir", str(root)]
    command += ["--LabApp.default_url=/lab/tree/notebooks/00-start-here.ipynb"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container there is often no other user
    sys.exit(subprocess.call([*command, *context.args]))


@app.command()
def accept(
    names: Annotated[list[str] | None, typer.Argument(help="Notebooks; all if none.")] = None,
) -> None:
    """Rewrite the golden figures from a run on the committed sample, on purpose."""
    from cvm.publish.project import accept_project

    accept_project(project_root(), only=names, today=date.today(), console=out)


@app.command()
def dictionary(check: Check = False) -> None:
    """Write data/DICTIONARY.md from the contract and the notebooks' needs."""
    from cvm.data.dictionary import render_dictionary

    root = project_root()
    _generate(root / "data" / "DICTIONARY.md", render_dictionary(root / "notebooks"), check)


@app.command()
def environment(check: Check = False) -> None:
    """Write environment.yml from pyproject.toml."""
    from cvm.environment import render_environment

    root = project_root()
    _generate(root / "environment.yml", render_environment(root / "pyproject.toml"), check)


def _generate(path: Path, text: str, check: bool) -> None:
    if check:
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise ArgumentError(
                str(path), "stale", "as generated", action="run the command without --check"
            )
        return
    path.write_text(text, encoding="utf-8")
    out.print(f"wrote {path}")


@app.command()
def gallery(check: Check = False) -> None:
    """Make docs/gallery.md from the executed notebooks and the dashboards' screenshots."""
    from cvm.publish.project import make_gallery

    make_gallery(project_root(), check_only=check, today=date.today(), console=out)


@app.command()
def check() -> None:
    """Check format, lint and types."""
    root = project_root()
    steps = (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"])
    sys.exit(max(_python_module(root, *step) for step in steps))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run the test suite in parallel; further arguments go to pytest."""
    given = any(word.startswith("-n") for word in context.args)
    # tests/two_halves.py puts them in the order that this needs.
    workers = [] if given else ["-n", "2", "--dist", "worksteal"]
    sys.exit(_python_module(project_root(), "pytest", *workers, *context.args))


@app.command()
def bench(
    only: Annotated[list[str] | None, typer.Argument(help="Areas; all if none.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes.")] = False,
) -> None:
    """Time each row beside its peer, equality asserted first."""
    words = [*(only or []), *(["--quick"] if quick else [])]
    root = project_root()
    sys.exit(
        subprocess.call([sys.executable, str(root / "bench" / "harness.py"), *words], cwd=root)
    )


def _python_module(root: Path, module: str, *words: str) -> int:
    return subprocess.call([sys.executable, "-m", module, *words], cwd=root)


@app.command()
def demo(
    customers: Annotated[int, typer.Option(help="Size of the sample operator.")] = DEMO_CUSTOMERS,
    port: Annotated[int, typer.Option(help="Port of the dashboards.")] = 8866,
    serving: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve at the end.")] = True,
    zone: Zone = DEFAULT_ZONE,
) -> None:
    """Make the sample operator, run the notebooks on it, publish, and serve the dashboards."""
    from cvm.publish.project import make_sample_once, publish_project

    root = project_root()
    folder = root / "build" / "sample"
    make_sample_once(folder, customers=customers, console=out)
    publish_project(root, root / "published", source=str(folder), now=_now(zone), console=out)
    if serving:
        _serve(root / "published", root / "dashboards", "127.0.0.1", port)


if __name__ == "__main__":
    main()
