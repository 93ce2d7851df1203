"""Plans of runs: order, circles, parameters; and the swap of results."""

from __future__ import annotations

import io

import pytest
from made_notebooks import write_notebook
from rich.console import Console

from cvm.core.checks import ArgumentError, DataError
from cvm.publish import run_results
from cvm.publish.run_plan import assigned_names, inject, make_plan
from cvm.publish.run_progress import console_progress
from cvm.publish.run_records import NotebookRun, Step
from cvm.publish.run_results import check_table_names


def test_a_circle_is_named(tmp_path):
    write_notebook(tmp_path, "a", after=["b"])
    write_notebook(tmp_path, "b", after=["c"])
    write_notebook(tmp_path, "c", after=["a"])
    with pytest.raises(ArgumentError, match="free of circles") as caught:
        make_plan(tmp_path)
    assert set("abc") <= set(caught.value.value)


def test_an_unknown_predecessor_is_named(tmp_path):
    write_notebook(tmp_path, "a", after=["z"])
    with pytest.raises(ArgumentError, match=r"a metadata\.cvm\.after == 'z'.*available: a"):
        make_plan(tmp_path)


def test_an_unknown_choice_is_named(tmp_path):
    write_notebook(tmp_path, "a")
    with pytest.raises(ArgumentError, match="only == 'b'"):
        make_plan(tmp_path, ["b"])


def test_a_choice_may_carry_its_ending_and_takes_predecessors_as_done(tmp_path):
    write_notebook(tmp_path, "a")
    write_notebook(tmp_path, "b", after=["a"])
    plan = make_plan(tmp_path, ["b.ipynb"])
    assert dict(plan.after) == {"b": ()}
    assert plan.left_aside == ("a",)


def test_a_folder_without_notebooks_is_refused(tmp_path):
    with pytest.raises(DataError, match="a folder with notebooks"):
        make_plan(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{", '{"cells": 3}', "[1]"])
def test_a_damaged_notebook_is_named(tmp_path, text):
    (tmp_path / "a.ipynb").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.ipynb"):
        make_plan(tmp_path)


def test_only_declared_parameters_are_set(tmp_path):
    write_notebook(tmp_path, "a")
    stored = make_plan(tmp_path).notebooks["a"]
    copy, place = inject("a", stored, {"source": "x", "engine": "duckdb", "month": None})
    assert place == 2
    assert copy.cells[place].source == "source = 'x'\nmonth = None"
    assert len(stored.cells) == len(copy.cells) - 1


def test_a_notebook_without_a_parameters_cell_is_refused(tmp_path):
    write_notebook(tmp_path, "a")
    stored = make_plan(tmp_path).notebooks["a"]
    stored.cells[1].metadata["tags"] = []
    with pytest.raises(ArgumentError, match="0 cells tagged"):
        inject("a", stored, {})


def test_assigned_names_are_those_of_the_top_level():
    assert assigned_names("a = 1\nb: int = 2\nif a:\n    c = 3\nd, e = 4, 5") == {"a", "b"}
    assert assigned_names("a = (") == set()


def test_two_notebooks_may_not_record_one_table():
    with pytest.raises(ArgumentError, match="a and b both record it"):
        check_table_names({"a": {"t": {}}, "b": {"t": {}}})


def test_a_swap_that_breaks_puts_the_old_results_back(tmp_path):
    out, aside = tmp_path / "out", tmp_path / "out" / "aside"
    for folder, text in ((out, "old"), (aside, "new")):
        (folder / "executed").mkdir(parents=True)
        (folder / "executed" / "a.ipynb").write_text(text)
        (folder / "tables").mkdir()
    (out / "figures.json").write_text("old")
    # The new figures are missing: the third move fails, after two have been made.
    with pytest.raises(OSError, match=r"figures\.json"):
        run_results._swap(aside, out)
    assert (out / "executed" / "a.ipynb").read_text() == "old"
    assert (out / "figures.json").read_text() == "old"
    assert (out / "tables").is_dir()


def test_progress_is_one_line_a_notebook_where_there_is_no_terminal():
    text = io.StringIO()
    with console_progress("en", Console(file=text, width=200)) as tell:
        tell(Step(state="preparing"))
        tell(Step(state="preparing", share=0.5))
        tell(Step(notebook="a", state="started", cells=3))
        tell(Step(notebook="a", state="cell", cell=1, cells=3))
        tell(Step(notebook="a", state="ran", run=NotebookRun(name="a", state="ran", seconds=1.25)))
        tell(Step(notebook="b", state="reused", run=NotebookRun(name="b", state="reused")))
    assert text.getvalue().splitlines() == [
        "reading and checking the data",
        "✓ a  ran · 1.2 s",
        "= b  unchanged",
    ]


def test_progress_moves_on_a_terminal():
    text = io.StringIO()
    console = Console(file=text, width=120, force_terminal=True)
    with console_progress("zh", console) as tell:
        tell(Step(notebook="a", state="started", cells=3))
        tell(Step(notebook="a", state="cell", cell=2, cells=3))
        tell(Step(notebook="a", state="ran", run=NotebookRun(name="a", state="ran")))
    assert "已运行" in text.getvalue()
