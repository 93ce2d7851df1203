"""The early-warning page's HTML: whole, escaped, labelled, small; no customer; a light kernel."""

import json
import re
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from apps.test_points_budget_page import Outline
from cvm.apps.early_warning import LIVE, show
from cvm.apps.model import load_page
from cvm.apps.page import render
from cvm.publish.snapshot import write_snapshot
from cvm.views.pages import PAGES
from early_warning_tables import INFO, early_warning_tables

NOW = datetime(2026, 12, 3, 9, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    made = PAGES["early-warning"].make(early_warning_tables(), INFO)
    root = tmp_path_factory.mktemp("published")
    write_snapshot(
        root, tables={}, pages={"early-warning": made.content}, figures=made.figures,
        fonts={"cvm-sans-sc.woff2": b"wOF2"}, manifest={"data": {}}, now=NOW,
    )  # fmt: skip
    return load_page(root, "early-warning", today=date(2026, 12, 5))


@pytest.fixture(scope="module")
def html(model):
    return render(model, "en", LIVE)


def test_every_element_is_closed_and_every_lever_is_labelled(html):
    seen = Outline(html).seen
    labelled = {attrs["for"] for tag, attrs in seen if tag == "label"}
    sliders = [attrs for tag, attrs in seen if tag == "input" and attrs.get("type") == "range"]
    assert len(sliders) == 4
    ids = [attrs["id"] for _, attrs in seen if "id" in attrs]
    assert len(set(ids)) == len(ids)
    for slider in sliders:
        assert slider["id"] in labelled
        assert slider["aria-describedby"] in ids
        assert float(slider["min"]) <= float(slider["value"]) <= float(slider["max"])


def test_texts_of_the_data_cannot_become_markup_and_no_customer_is_there(html):
    assert "<b>北" not in html
    assert "&lt;b&gt;北" in html
    assert "customer_id" not in html
    assert not re.search(r"\bC0\d{8}\b", html)


def test_the_groups_travel_once_and_are_small(model):
    script = LIVE.script(model)
    assert script.count('"expected_leavers": [') == 1
    assert len(json.dumps(model.contents["zh"]["live"])) < 20_000
    assert model.contents["en"]["live"]["table"] == {}


def test_without_groups_the_page_has_no_levers(model):
    bare = {lang: dict(content, live=None) for lang, content in model.contents.items()}
    assert LIVE.section(bare["en"], "en") == ""
    assert LIVE.script(type(model)(name=model.name, state="shown", contents=bare)) == ""


def test_no_snapshot_is_an_honest_page_without_levers(tmp_path):
    view = show(tmp_path, lang="en")
    assert view.model.state == "none"
    assert "evaluate" not in view._repr_html_()


def test_the_kernel_loads_nothing_heavy():
    code = (
        "import sys, cvm.apps.early_warning\n"
        "heavy = {'pandas', 'numpy', 'matplotlib', 'scipy', 'ibis', 'numba'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
