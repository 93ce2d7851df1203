"""The points-budget page's HTML: whole, escaped, labelled, small; and a kernel that stays light."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest

from cvm.apps.model import load_page
from cvm.apps.page import render
from cvm.apps.points_budget import LIVE, show
from cvm.publish.snapshot import write_snapshot
from cvm.views.pages import PAGES
from points_budget_tables import INFO, points_budget_tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = PAGES["points-budget"].make(points_budget_tables(), INFO)
    root = tmp_path_factory.mktemp("published")
    write_snapshot(
        root,
        tables={},
        pages={"points-budget": made.content},
        figures=made.figures,
        fonts={"cvm-sans-sc.woff2": b"wOF2"},
        manifest={"data": {}},
        now=datetime(2026, 12, 3, 9, 12, tzinfo=UTC),
    )
    return root


@pytest.fixture(scope="module")
def html(folder):
    return render(load_page(folder, "points-budget", today=date(2026, 12, 5)), "en", LIVE)


class Outline(HTMLParser):
    """Elements in order; every one must be closed."""

    VOID = {"img", "source", "input", "br", "meta"}

    def __init__(self, html):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_every_element_is_closed_and_every_lever_is_labelled(html):
    seen = Outline(html).seen
    labelled = {attrs["for"] for tag, attrs in seen if tag == "label"}
    sliders = [attrs for tag, attrs in seen if tag == "input" and attrs.get("type") == "range"]
    assert len(sliders) == 12
    ids = [attrs["id"] for _, attrs in seen if "id" in attrs]
    assert len(set(ids)) == len(ids)
    for slider in sliders:
        assert slider["id"] in labelled
        assert slider["aria-valuetext"]
        assert slider["aria-describedby"] in ids
        assert float(slider["min"]) <= float(slider["value"]) <= float(slider["max"])


def test_texts_of_the_data_cannot_become_markup(html):
    assert "<b>北" not in html
    assert "&lt;b&gt;北" in html


def test_the_grid_travels_once_and_is_small(folder):
    model = load_page(folder, "points-budget", today=date(2026, 12, 5))
    script = LIVE.script(model)
    assert script.count('"log_share_mean"') == 2  # once in the data, once in the code
    assert len(json.dumps(model.contents["zh"]["live"])) < 300_000
    assert model.contents["en"]["live"]["table"] == {}


def test_without_a_grid_the_page_has_no_levers(folder):
    model = load_page(folder, "points-budget", today=date(2026, 12, 5))
    bare = {lang: dict(content, live=None) for lang, content in model.contents.items()}
    assert LIVE.section(bare["en"], "en") == ""
    assert LIVE.script(type(model)(name=model.name, state="shown", contents=bare)) == ""


def test_no_snapshot_is_an_honest_page_without_a_script_of_levers(tmp_path):
    view = show(tmp_path, lang="en")
    assert view.model.state == "none"
    assert "evaluate" not in view._repr_html_()


def test_a_snapshot_without_this_page_says_so(tmp_path):
    write_snapshot(
        tmp_path,
        tables={},
        pages={},
        figures={},
        fonts={},
        manifest={"data": {}},
        now=datetime(2026, 12, 3, tzinfo=UTC),
    )
    assert show(tmp_path).model.state == "missing"


def test_the_kernel_loads_nothing_heavy():
    code = (
        "import sys, cvm.apps.points_budget\n"
        "heavy = {'pandas', 'numpy', 'matplotlib', 'scipy', 'ibis', 'numba'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
