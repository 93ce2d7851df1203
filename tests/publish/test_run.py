"""Runs of notebooks: order, parameters, failures, what is kept and what is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from made_notebooks import LIGHT_FIGURE, no_data, opened, write_notebook

from cvm.publish import run as run_module
from cvm.publish.run import run_notebooks

pytestmark = pytest.mark.notebooks


@pytest.fixture(scope="module", autouse=True)
def same_code():
    """Hold the code's fingerprint still, so that an edit during the tests changes nothing."""
    patch = pytest.MonkeyPatch()
    patch.setattr(run_module, "code_fingerprint", lambda also: "code-1")
    yield
    patch.undo()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """One run of a good chain, a failing notebook with a dependent, and one that lacks data."""
    folder = tmp_path_factory.mktemp("mixed")
    notebooks = folder / "notebooks"
    write_notebook(
        notebooks,
        "01-first",
        opened("01-first"),
        "book.figure('customers_active', 7, unit='customers', tolerance=0)",
        "import pandas as pd\nframe = pd.DataFrame({'brand': ['a'], 'customers': [7]})\n"
        "book.table('by_brand', frame, counts='customers')",
        "print(source, month, language)",
        "import os, time\nended = time.time(); print(repr(ended))\n"
        "assert os.environ['PYTHONHASHSEED'] == '0'",
    )
    write_notebook(
        notebooks,
        "02-second",
        "import time; print(repr(time.time()))",
        after=["01-first"],
    )
    write_notebook(notebooks, "03-fails", "#: prose", "ratio = 1\nratio / 0", "x = 1")
    write_notebook(notebooks, "04-after-failure", "x = 1", after=["03-fails"])
    write_notebook(
        notebooks,
        "05-lacks",
        opened("05-lacks"),
        "book.needs()",
        needs={"months": ["bill_yuan"]},
    )
    steps = []
    result = run_notebooks(
        notebooks,
        folder / "out",
        dataset=no_data(),
        month="2026-05",
        language="en",
        workers=2,
        progress=steps.append,
    )
    return folder, result, steps


def states(result):
    return {run.name: run.state for run in result.notebooks}


def outputs(run):
    cells = nbformat.read(run.path, as_version=4).cells
    return [output.get("text", "") for cell in cells for output in cell.get("outputs", ())]


def test_each_notebook_ends_in_its_state(mixed):
    _, result, _ = mixed
    assert states(result) == {
        "01-first": "ran",
        "02-second": "ran",
        "03-fails": "failed",
        "04-after-failure": "not_run",
        "05-lacks": "not_enough_data",
    }
    assert not result.ok
    assert result.text("en").startswith("1 of 5 notebooks failed and 1 did not run")


def test_parameters_are_injected_after_the_parameters_cell(mixed):
    _, result, _ = mixed
    run = result.notebooks[0]
    cells = nbformat.read(run.path, as_version=4).cells
    assert cells[1].metadata.tags == ["parameters"]
    assert cells[2].metadata.tags == ["injected-parameters"]
    assert f"{Path('.').resolve()} 2026-05 en\n" in outputs(run)


def test_figures_and_tables_are_read_from_the_executed_copy(mixed):
    _, result, _ = mixed
    (figure,) = result.figures["01-first"]
    assert (figure.name, figure.value, figure.unit) == ("customers_active", 7, "customers")
    assert result.tables["by_brand"]["rows"] == [["a", 7]]


def test_a_notebook_runs_after_those_it_comes_after(mixed):
    _, result, _ = mixed
    ended = float(outputs(result.notebooks[0])[-1])
    began = float(outputs(result.notebooks[1])[-1])
    assert began > ended


def test_a_failure_names_notebook_cell_source_and_cause(mixed):
    _, result, _ = mixed
    (failure,) = result.failures
    # Title, parameters, prose, then the cell at fault; the injected cell does not count.
    assert (failure.notebook, failure.cell, failure.cells) == ("03-fails", 4, 5)
    assert failure.source == "ratio = 1\nratio / 0"
    assert failure.cause == "ZeroDivisionError: division by zero"
    assert failure.text("en") == (
        "03-fails stopped in cell 4 of 5\n    ratio = 1\n    ratio / 0\n"
        "Cause: ZeroDivisionError: division by zero"
    )
    assert "\x1b" not in failure.traceback


def test_the_failed_copy_is_kept_apart_and_nothing_is_published(mixed):
    folder, result, _ = mixed
    assert result.notebooks[2].path == folder / "out" / "failed" / "03-fails.ipynb"
    assert result.notebooks[2].path.is_file()
    assert not (folder / "out" / "figures.json").exists()
    assert not (folder / "out" / "executed").exists()


def test_a_notebook_without_its_data_says_what_is_missing(mixed):
    _, result, _ = mixed
    assert "customer months (table months)" in result.notebooks[4].lacking


def test_progress_names_every_notebook_once_at_its_end(mixed):
    _, result, steps = mixed
    ended = [step.notebook for step in steps if step.run is not None]
    assert sorted(ended) == sorted(states(result))
    assert [s.cell for s in steps if s.notebook == "03-fails" and s.state == "cell"][-1] == 4


def test_mended_it_runs_only_what_had_not_run_and_puts_the_results_in_place(mixed):
    folder, _, _ = mixed
    write_notebook(folder / "notebooks", "03-fails", "x = 2")
    again = run_notebooks(
        folder / "notebooks", folder / "out", dataset=no_data(), month="2026-05", language="en"
    )
    assert states(again) == {
        "01-first": "reused",
        "02-second": "reused",
        "03-fails": "ran",
        "04-after-failure": "ran",
        "05-lacks": "not_enough_data",
    }
    out = folder / "out"
    stored = json.loads((out / "figures.json").read_text(encoding="utf-8"))
    assert stored["data"]["fingerprint"] == "data-1"
    assert stored["figures"]["01-first"][0]["value"] == 7
    assert json.loads((out / "tables" / "by_brand.json").read_text())["counts"] == "customers"
    assert sorted(file.name for file in (out / "executed").iterdir()) == [
        f"{name}.ipynb" for name in states(again)
    ]
    assert not (out / "failed").exists()
    assert not list(out.glob(".next-*"))


@pytest.fixture
def quick(tmp_path):
    """One quick notebook and how to run it."""
    write_notebook(tmp_path / "notebooks", "01-quick", LIGHT_FIGURE)

    def run(**options):
        options = {"dataset": no_data(), **options}
        return run_notebooks(tmp_path / "notebooks", tmp_path / "out", **options)

    return run


def test_what_did_not_change_is_not_run_again(quick):
    first = quick()
    assert states(first) == {"01-quick": "ran"}
    began = time.perf_counter()
    again = quick()
    assert time.perf_counter() - began < 2
    assert states(again) == {"01-quick": "reused"}
    assert again.figures == first.figures
    assert states(quick(force=True)) == {"01-quick": "ran"}


def test_other_parameters_run_again_and_both_results_are_kept(quick):
    assert states(quick()) == {"01-quick": "ran"}
    assert states(quick(month="2026-04")) == {"01-quick": "ran"}
    assert states(quick()) == {"01-quick": "reused"}


def test_a_damaged_kept_copy_runs_again(quick, tmp_path):
    quick()
    for kept in (tmp_path / "out" / ".kept").iterdir():
        kept.write_text("{")
    assert states(quick()) == {"01-quick": "ran"}


def test_a_failed_run_leaves_the_last_good_one_untouched(quick, tmp_path):
    quick()
    good = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    write_notebook(tmp_path / "notebooks", "01-quick", "raise ValueError('broken')")
    assert not quick().ok
    now = {p: p.read_bytes() for p in good if p.exists()}
    assert now == good


def test_only_some_notebooks_leave_the_others_in_place(quick, tmp_path):
    write_notebook(tmp_path / "notebooks", "02-other", "x = 1", after=["01-quick"])
    quick()
    result = quick(only=["02-other"], force=True)
    assert states(result) == {"02-other": "ran"}
    stored = json.loads((tmp_path / "out" / "figures.json").read_text(encoding="utf-8"))
    assert list(stored["figures"]) == ["01-quick", "02-other"]
    assert stored["figures"]["01-quick"][0]["value"] == 7


@pytest.mark.parametrize(
    ("cells", "cause", "cell"),
    [
        (["import time\ntime.sleep(60)"], "the cell ran longer than 1 s", 3),
        (["x = 1", "import os\nos._exit(3)"], "the kernel died", 4),
        (["def f(:\n  pass"], "SyntaxError", 3),
        (
            [
                opened("01-quick"),
                "book.figure('a', 1, unit='rows', tolerance=0)",
                "book.figure('a', 2, unit='rows', tolerance=0)",
            ],
            "unique in its notebook",
            5,
        ),
        (
            [opened("01-quick"), "book.figure('a', float('nan'), unit='rows', tolerance=0)"],
            "figure a == nan, must be a finite number",
            4,
        ),
    ],
    ids=["slow", "dead", "syntax", "twice", "nan"],
)
def test_what_stops_a_notebook_is_named(quick, tmp_path, cells, cause, cell):
    write_notebook(tmp_path / "notebooks", "01-quick", *cells)
    timeout = 1 if "sleep" in cells[0] else 60
    (failure,) = quick(language="en", timeout_seconds=timeout).failures
    assert cause in failure.cause
    assert failure.cell == cell
    assert failure.source == cells[cell - 3]


def test_the_kernel_is_this_python_with_this_library(quick, tmp_path):
    write_notebook(
        tmp_path / "notebooks", "01-quick", "import sys, cvm\nprint(sys.executable, cvm.__file__)"
    )
    import cvm

    assert f"{sys.executable} {cvm.__file__}\n" in outputs(quick().notebooks[0])


def test_ctrl_c_leaves_no_kernel_and_the_last_good_run(quick, tmp_path):
    quick()
    good = (tmp_path / "out" / "figures.json").read_bytes()
    for name in ("02-slow", "03-slow"):
        # Each starts a child, as a Spark notebook starts a JVM.
        write_notebook(
            tmp_path / "notebooks",
            name,
            f"import subprocess, sys, time\nopen('{name}.started', 'w').close()\n"
            "subprocess.run([sys.executable, '-c', 'import time; time.sleep(300)'])",
        )
    script = textwrap.dedent(
        f"""
        import sys
        sys.path[:0] = {[str(Path(__file__).parent)]!r}
        from made_notebooks import no_data
        from cvm.publish.run import run_notebooks
        try:
            run_notebooks({str(tmp_path / "notebooks")!r}, {str(tmp_path / "out")!r},
                          dataset=no_data(), only=["02-slow", "03-slow"])
        except KeyboardInterrupt:
            sys.exit(130)
        """
    )
    library = str(Path(run_module.__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": library}
    )
    try:
        started = [tmp_path / "notebooks" / f"{n}.started" for n in ("02-slow", "03-slow")]
        wait_until(lambda: all(file.exists() for file in started), seconds=60)
        family = wait_until(lambda: grown_family(process.pid, 4), seconds=20)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        wait_until(lambda: not any(alive(child) for child in family), seconds=5)
    finally:
        process.kill()
    assert (tmp_path / "out" / "figures.json").read_bytes() == good


def wait_until(condition, *, seconds):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)
    return found


def grown_family(pid, size):
    family = psutil.Process(pid).children(recursive=True)
    return family if len(family) >= size else None


def alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


READS = {"10-late": ["by_brand"]}
GIVES = (
    "import pandas as pd\nbook.table('by_brand', pd.DataFrame({'brand': ['a', 'b'],"
    " 'customers': [%d, 40], 'share': [0.5, None]}), counts='customers')"
)


def test_a_notebook_reads_what_a_later_numbered_one_recorded(tmp_path):
    folder = tmp_path / "notebooks"
    reader = (
        opened("06-early").replace("language=language", "language=language, published=published"),
        "frame = book.published('by_brand')",
        "print(None if frame is None else frame.fillna(-1).to_dict('list'))",
    )
    write_notebook(folder, "06-early", *reader, reads=READS)
    file = folder / "06-early.ipynb"
    file.write_text(file.read_text().replace("month = None", "month = None\\npublished = None"))
    write_notebook(folder, "10-late", opened("10-late"), GIVES % 60, publishes=["by_brand"])

    def run(**options):
        return run_notebooks(folder, tmp_path / "out", dataset=no_data(), **options)

    # Asked for alone, it brings along what it reads.
    result = run(only=["06-early"])
    assert states(result) == {"06-early": "ran", "10-late": "ran"}
    told = "{'brand': ['a', 'b'], 'customers': [60, 40], 'share': [0.5, -1.0]}"
    assert told in "".join(outputs(result.notebooks[0]))
    assert states(run()) == {"06-early": "reused", "10-late": "reused"}

    # What it reads has changed, so it runs again.
    write_notebook(folder, "10-late", opened("10-late"), GIVES % 61, publishes=["by_brand"])
    again = run()
    assert states(again) == {"06-early": "ran", "10-late": "ran"}
    assert "[61, 40]" in "".join(outputs(again.notebooks[0]))

    # Nothing recorded: the notebook says so and goes on.
    write_notebook(folder, "10-late", "x = 1")
    alone = run(language="en").notebooks[0]
    assert alone.state == "ran"
    assert "None" in "".join(outputs(alone))
    cells = nbformat.read(alone.path, as_version=4).cells
    shown = [out for cell in cells for out in cell.get("outputs", ()) if "data" in out]
    assert any("by_brand" in out["data"].get("text/plain", "") for out in shown)
