"""The rules of stored notebooks: each is broken once here, then all stored ones keep them."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import nbformat
import pytest
from made_notebooks import write_notebook
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from cvm.publish.notebook_rules import check_dashboard, check_notebook

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DASHBOARDS = sorted((ROOT / "dashboards").glob("*.ipynb"))
FIGURE = "book.figure('customers_active', 1, unit='customers', tolerance=0)"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_notebooks_keep_the_rules(path):
    assert check_notebook(path) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_stored_notebooks_call_says_what_its_arguments_are(path):
    """``Shift``+``Tab`` on any function shows each argument with its meaning."""
    silent = []
    for name, item in imported_by(path):
        told = inspect.getdoc(item) or ""
        arguments = inspect.signature(item).parameters if inspect.isroutine(item) else ()
        unsaid = [one for one in arguments if not re.search(rf"\b{one}\b.*:", told)]
        if not told or unsaid:
            silent.append((name, unsaid))

    assert silent == []


def imported_by(path):
    """Return what a notebook imports from the library, by name."""
    for cell in nbformat.read(path, as_version=4)["cells"]:
        # A module that is imported has no arguments.
        for node in ast.walk(ast.parse(cell["source"])) if cell["cell_type"] == "code" else ():
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("cvm"):
                for alias in node.names:
                    item = getattr(importlib.import_module(node.module), alias.name, None)
                    if inspect.isroutine(item) or inspect.isclass(item):
                        yield alias.name, item


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_stored_dashboards_keep_the_rules(path):
    assert check_dashboard(path) == []


def test_a_good_notebook_breaks_none(tmp_path):
    path = write_notebook(
        tmp_path,
        "good",
        "import cvm\nbook = cvm.open_book('good', source=source)",
        FIGURE,
        "#: What to notice.",
        "if book.can('survey'):\n    book.table('by_brand', 1, counts=None)",
        "# not a heading\nmatching = sorted([1], key=lambda x: -x)",
        needs={"months": ["bill_yuan"]},
        optional={"survey": ["overall_score"]},
        publishes=["by_brand"],
    )
    assert check_notebook(path) == []


@pytest.mark.parametrize(
    ("cells", "stated", "broken"),
    [
        (["def f():\n    return 1"], {}, "cell 3 defines f"),
        (["if 1:\n    class A:\n        pass"], {}, "cell 3 defines A"),
        (["f = lambda x: x"], {}, "cell 3 names a lambda"),
        (["\n".join(["x = 1"] * 13)], {}, "cell 3 has 13 lines, at most 12"),
        (["\n".join(["x = 1"] * 9)] * 3, {}, "its cells have 9 lines at the median"),
        (["%run other.ipynb"], {}, "cell 3 runs %run"),
        (["!pip install x"], {}, "cell 3 runs !pip"),
        (["x = 1\n%pip install x"], {}, "cell 3 runs %pip"),
        (["path = '/home/me/data.csv'"], {}, "cell 3 names a path of one machine"),
        (["path = r'C:\\data.csv'"], {}, "cell 3 names a path of one machine"),
        (["#: See file:///x."], {}, "cell 3 names a path of one machine"),
        (["#: # Another"], {}, "has 2 level-1 headings"),
        ([FIGURE], {}, "cell 3 shows a figure that no text"),
        ([FIGURE, "x = 1"], {}, "cell 3 shows a figure that no text"),
        (["result.plot()"], {}, "cell 3 shows a figure that no text"),
        ([FIGURE, "#: .", FIGURE, "#: ."], {}, "figure customers_active is recorded 2 times"),
        (["book.figure('nameless_thing', 1, unit='rows', tolerance=0)"], {}, "no words"),
        (["book.figure('customers_active', 1, unit='sheep', tolerance=0)"], {}, "unit sheep"),
        (["book.figure(name, 1, unit='rows', tolerance=0)"], {}, "not written out"),
        (["x = 1"], {"needs": {"nights": []}}, "no table nights"),
        (["x = 1"], {"needs": {"months": ["colour"]}}, "no column months.colour"),
        (["x = 1"], {"optional": {"survey": ["colour"]}}, "survey.colour"),
        (
            ["x = 1"],
            {"optional": {"cost": {"needs": {"ledger": []}, "en": "cost"}}},
            "lacks its words",
        ),
        (["x = 1"], {"needs": 3}, "metadata.cvm"),
        (["x = 1"], {"after": ["nowhere"]}, "no notebook nowhere"),
        (["x = 1"], {"reads": {"nowhere": ["t"]}}, "reads: no notebook nowhere"),
        (["x = 1"], {"reads": {"a": ["t"]}}, "reads: a publishes no t"),
        (["x = 1"], {"reads": {"a": ["t"]}}, "parameters lack published"),
        (["book.published('t')"], {}, "reads lacks t"),
        (["x = 1"], {"reads": ["a"]}, "notebook → list of its tables"),
        (["x = 1"], {"publishes": ["t"]}, "publishes t, which no cell records"),
        (["book.table('t', 1, counts=None)"], {}, "publishes lacks t"),
        (["book.can('points_cost')"], {}, "book.can('points_cost')"),
        (["x = 1"], {"colour": 1}, "metadata.cvm.colour is not known"),
        (["cvm.open_book('other', source=source)"], {}, "opens the book 'other'"),
    ],
)
def test_each_rule_is_told_with_its_cell(tmp_path, cells, stated, broken):
    problems = check_notebook(write_notebook(tmp_path, "a", *cells, **stated))
    assert [problem for problem in problems if broken in problem], problems


def broken(path, change):
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)
    return check_notebook(path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda n: n.cells[2].update(execution_count=1),
            "cell 3 is stored with an execution count",
        ),
        (
            lambda n: n.cells[2].update(
                outputs=[nbformat.v4.new_output("stream", name="stdout", text="x")]
            ),
            "cell 3 is stored with outputs",
        ),
        (lambda n: n.cells[1].metadata.update(tags=[]), "has 0 cells tagged parameters"),
        (lambda n: n.cells[2].metadata.update(tags=["parameters"]), "has 2 cells tagged"),
        (lambda n: n.cells[1].update(source="source = 1"), "parameters lack month, language"),
        (lambda n: n.cells[0].update(source="# Title"), "does not state the question"),
        (lambda n: n.cells[0].update(source="No title. Question?"), "has 0 level-1 headings"),
        (lambda n: n.metadata.pop("cvm"), "has no metadata.cvm"),
        (lambda n: n.metadata["cvm"].pop("needs"), "metadata.cvm.needs is missing"),
        (lambda n: n.metadata.update(cvm_run={}), "stored with the state of a run"),
    ],
)
def test_what_a_save_can_break_is_told(tmp_path, change, expected):
    problems = broken(write_notebook(tmp_path, "a", "x = 1"), change)
    assert [problem for problem in problems if expected in problem], problems


def test_a_heading_inside_code_is_no_title(tmp_path):
    path = write_notebook(tmp_path, "a", "#: Example:\n```\n# comment\n```")
    assert check_notebook(path) == []


def test_a_damaged_file_is_told(tmp_path):
    (tmp_path / "a.ipynb").write_text("{")
    assert len(check_notebook(tmp_path / "a.ipynb")) == 1


def dashboard(folder, *cells, title="# Overview 经营总览"):
    notebook = new_notebook(cells=[new_markdown_cell(title), *map(new_code_cell, cells)])
    path = folder / "overview.ipynb"
    nbformat.write(notebook, path)
    return check_dashboard(path)


def test_a_dashboard_is_a_title_and_one_call(tmp_path):
    assert dashboard(tmp_path, "from cvm.apps import overview\n\noverview.show()") == []
    assert "code cells" in dashboard(tmp_path, "a()", "b()")[0]
    assert "one call" in dashboard(tmp_path, "x = 1\nshow(x)")[0]
    assert "level-1" in dashboard(tmp_path, "show()", title="Overview")[0]
