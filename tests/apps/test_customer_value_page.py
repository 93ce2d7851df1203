"""The customer-value page's HTML: whole, escaped, labelled, small; no customer; a light kernel."""

import json
import re
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from apps.test_points_budget_page import Outline
from customer_value_tables import INFO, customer_value_tables
from cvm.apps.customer_value import LIVE, show
from cvm.apps.model import load_page
from cvm.apps.page import render
from cvm.publish.snapshot import write_snapshot
from cvm.views.pages import PAGES

NOW = datetime(2026, 12, 3, 9, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    made = PAGES["customer-value"].make(customer_value_tables(), INFO)
    root = tmp_path_factory.mktemp("published")
    write_snapshot(
        root, tables={}, pages={"customer-value": made.content}, figures=made.figures,
        fonts={"cvm-sans-sc.woff2": b"wOF2"}, manifest={"data": {}}, now=NOW,
    )  # fmt: skip
    return load_page(root, "customer-value", today=date(2026, 12, 5))


@pytest.fixture(scope="module")
def html(model):
    return render(model, "en", LIVE)


def test_every_element_is_closed_and_every_lever_is_labelled(html):
    seen = Outline(html).seen
    labelled = {attrs["for"] for tag, attrs in seen if tag == "label"}
    sliders = [attrs for tag, attrs in seen if tag == "input" and attrs.get("type") == "range"]
    assert len(sliders) == 2 * (3 + 2)
    ids = [attrs["id"] for _, attrs in seen if "id" in attrs]
    assert len(set(ids)) == len(ids)
    for slider in sliders:
        assert slider["id"] in labelled
        assert slider["aria-describedby"] in ids
        assert float(slider["min"]) <= float(slider["value"]) <= float(slider["max"])
    ladders = [attrs for tag, attrs in seen if tag == "select" and "data-ladder" in attrs]
    assert {attrs["id"] for attrs in ladders} <= labelled
    # Without scripts one ladder is seen, not all at once.
    sets = [attrs for tag, attrs in seen if tag == "fieldset" and "data-of" in attrs]
    assert ["hidden" in attrs for attrs in sets] == [False, True] * 2


def test_texts_of_the_data_cannot_become_markup_and_no_customer_is_there(html):
    assert "<b>北" not in html
    assert "&lt;b&gt;北" in html
    assert "customer_id" not in html
    assert not re.search(r"\bC0\d{8}\b", html)


def test_the_bands_travel_once_and_are_small(model):
    script = LIVE.script(model)
    assert script.count('"stopped_customers": [') == 2  # one a ladder
    assert len(json.dumps(model.contents["zh"]["live"])) < 30_000
    assert model.contents["en"]["live"]["table"] == {}


def test_without_bands_the_page_has_no_levers(model):
    bare = {lang: dict(content, live=None) for lang, content in model.contents.items()}
    assert LIVE.section(bare["en"], "en") == ""
    assert LIVE.script(type(model)(name=model.name, state="shown", contents=bare)) == ""


def test_no_snapshot_is_an_honest_page_without_levers(tmp_path):
    view = show(tmp_path, lang="en")
    assert view.model.state == "none"
    assert "evaluate" not in view._repr_html_()


def test_the_kernel_loads_nothing_heavy():
    code = (
        "import sys, cvm.apps.customer_value\n"
        "heavy = {'pandas', 'numpy', 'matplotlib', 'scipy', 'ibis', 'numba'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
