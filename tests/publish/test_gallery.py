"""The gallery: what it shows, and when it is stale."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import nbformat
import pytest
from made_notebooks import write_notebook
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from cvm.core.checks import DataError
from cvm.publish.book_records import TABLE_MIME, Figure
from cvm.publish.gallery import check_gallery, write_gallery
from cvm.publish.run_records import NotebookRun, RunResult

FIGURE = Figure(name="customers_active", value=20_000, unit="customers", tolerance=0.01)
SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'
TABLE = {
    "name": "t",
    "columns": [{"name": "brand", "kind": "category"}, {"name": "customers", "kind": "integer"}],
    "rows": [["gotone", 1200], ["mzone", 30]],
}


def png(width=1200, height=700):
    image = Image.linear_gradient("L").resize((width, height)).convert("RGBA")
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


class Project:
    """Notebooks, a run of them, a dashboard and docs, all in one folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.notebooks, self.docs = root, root / "notebooks", root / "docs"
        self.dashboards = root / "dashboards"
        self.runs: list[NotebookRun] = []
        self.dashboards.mkdir()
        notebook = new_notebook(cells=[new_markdown_cell("# Overview"), new_code_cell("show()")])
        nbformat.write(notebook, self.dashboards / "overview.ipynb")

    def add(self, name, data, figures=(FIGURE,)):
        notebook = nbformat.read(write_notebook(self.notebooks, name, "x = 1"), as_version=4)
        notebook.cells[2].outputs = [new_output("display_data", data=data)]
        path = self.root / "executed" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, path)
        self.runs.append(NotebookRun(name=name, state="ran", path=path, figures=tuple(figures)))

    def write(self):
        run = RunResult(
            notebooks=tuple(self.runs), data={}, parameters={"language": "zh"}, out_dir=self.root
        )
        return write_gallery(run, self.notebooks, self.docs, dashboards_dir=self.dashboards)

    def check(self, **figures):
        now = {run.name: run.figures for run in self.runs} | figures
        return check_gallery(self.notebooks, self.docs, figures=now, dashboards_dir=self.dashboards)


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.add("01-chart", {"image/png": png(), "text/plain": "chart"})
    return made


def test_it_shows_title_question_picture_and_figures_in_both_languages(project):
    project.write()
    page = (project.docs / "gallery.md").read_text(encoding="utf-8")
    assert "### [01-chart](../notebooks/01-chart.ipynb)" in page
    assert "> Does it run?" in page
    assert '<img src="gallery/01-chart.png"' in page
    assert "| customers in service · 在网客户数 | 20k customers · 2万户 |" in page
    assert "### [Overview](../dashboards/overview.ipynb)" in page
    assert project.check() == []


def test_a_chart_is_made_small(project):
    project.write()
    picture = project.docs / "gallery" / "01-chart.png"
    assert Image.open(picture).size == (480, 280)
    assert picture.stat().st_size < 30_000


def test_an_svg_is_kept_as_it_is(project):
    project.add("02-svg", {"image/svg+xml": SVG})
    project.write()
    assert (project.docs / "gallery" / "02-svg.svg").read_text(encoding="utf-8") == SVG
    assert project.check() == []


@pytest.mark.parametrize(
    ("data", "figures"),
    [({"text/plain": "1"}, (FIGURE,)), ({TABLE_MIME: TABLE}, ()), ({"text/plain": "1"}, ())],
    ids=["figures", "table", "nothing"],
)
def test_without_a_chart_there_is_a_card(project, data, figures):
    project.add("02-card", data, figures)
    project.write()
    card = Image.open(project.docs / "gallery" / "02-card.png")
    assert card.width == 480
    # Something is written on it: title, words and values leave more than paper and one line.
    assert len(card.convert("RGB").getcolors(100_000)) > 10


def test_screenshots_of_dashboards_are_shown_as_they_are(project):
    project.write()
    assert project.check() == []
    shot = project.docs / "gallery" / "dashboard-overview-zh.png"
    Image.new("RGB", (800, 600), "white").save(shot)
    before = shot.read_bytes()
    assert project.check() == ["overview has other screenshots"]
    project.write()
    assert project.check() == []
    assert shot.read_bytes() == before
    assert shot.name in (project.docs / "gallery.md").read_text(encoding="utf-8")


def test_a_figure_within_its_tolerance_is_not_stale_and_one_beyond_is(project):
    project.write()
    near = Figure(name="customers_active", value=20_100, unit="customers", tolerance=0.01)
    far = Figure(name="customers_active", value=20_300, unit="customers", tolerance=0.01)
    assert project.check(**{"01-chart": (near,)}) == []
    assert project.check(**{"01-chart": (far,)}) == [
        "01-chart: figure customers_active is shown as 20000, is 20300"
    ]
    assert "recorded alone" in project.check(**{"01-chart": ()})[0]


def test_other_pixels_are_not_stale_but_a_missing_or_large_picture_is(project):
    project.write()
    picture = project.docs / "gallery" / "01-chart.png"
    Image.new("RGB", (480, 280), "red").save(picture)
    assert project.check() == []
    picture.write_bytes(bytes(200_000))
    assert project.check() == ["01-chart: picture 01-chart.png is larger than 150 kB"]
    picture.unlink()
    assert project.check() == ["01-chart: picture 01-chart.png is missing"]


def test_a_changed_new_or_removed_notebook_is_stale(project):
    project.write()
    write_notebook(project.notebooks, "01-chart", "x = 2")
    write_notebook(project.notebooks, "02-new", "x = 1")
    assert project.check() == ["01-chart was changed since", "02-new is not in the gallery"]
    (project.notebooks / "01-chart.ipynb").unlink()
    assert "01-chart is gone" in project.check()


def test_a_page_changed_by_hand_or_missing_is_stale(project):
    project.write()
    page = project.docs / "gallery.md"
    page.write_text(page.read_text(encoding="utf-8") + "more", encoding="utf-8")
    assert project.check() == ["gallery.md was changed by hand"]
    page.unlink()
    assert "missing or damaged" in project.check()[0]


def test_writing_twice_gives_the_same_and_drops_what_is_gone(project):
    project.add("02-gone", {"text/plain": "1"})
    project.write()
    project.runs.pop()
    (project.notebooks / "02-gone.ipynb").unlink()
    project.write()
    files = {p: p.read_bytes() for p in project.docs.rglob("*") if p.is_file()}
    assert project.docs / "gallery" / "02-gone.png" not in files
    project.write()
    assert {p: p.read_bytes() for p in files} == files


def test_a_failed_notebook_makes_no_gallery(project):
    project.runs.append(NotebookRun(name="02-bad", state="failed"))
    with pytest.raises(DataError, match="02-bad"):
        project.write()
