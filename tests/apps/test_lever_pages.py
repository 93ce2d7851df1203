"""The HTML of every page with levers: whole, escaped, labelled, small; no customer in it."""

import json
import re
from dataclasses import dataclass
from datetime import date
from importlib import import_module

import pytest

from cvm.apps.model import load_page
from cvm.apps.page import render
from hand_made import publish_pages
from page_checks import Outline

TODAY = date(2026, 12, 5)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is known of a page: its sliders in both languages, and what travels with it."""

    page: str
    sliders: int
    shared: str
    # A column of what travels: how often the script names it.
    column: str
    times: int
    most_bytes: int
    # A text of the hand-made data that is markup, where the page shows texts of the data.
    evil: str = "<b>北"

    @property
    def app(self):
        return import_module(f"cvm.apps.{self.page.replace('-', '_')}")


CASES = (
    Case(
        page="points-budget", sliders=2 * 6, shared="table", column='"log_share_mean"',
        times=2,  # once in the data, once in the code
        most_bytes=300_000,
    ),
    Case(
        page="campaigns", sliders=2 * 2, shared="rows", column='"kept_value_yuan": ',
        times=4,  # one a campaign whose worth is known
        most_bytes=30_000, evil="",
    ),
    Case(
        page="customer-value", sliders=2 * (3 + 2), shared="table",
        column='"stopped_customers": [', times=2,  # one a ladder
        most_bytes=30_000,
    ),
    Case(
        page="early-warning", sliders=2 * 2, shared="table", column='"expected_leavers": [',
        times=1, most_bytes=20_000,
    ),
)  # fmt: skip


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.page)
def case(request):
    return request.param


@pytest.fixture(scope="module")
def model(case, tmp_path_factory):
    root = publish_pages(tmp_path_factory.mktemp("published"), case.page)
    return load_page(root, case.page, today=TODAY)


@pytest.fixture(scope="module")
def html(case, model):
    return render(model, "en", case.app.LIVE)


def test_every_element_is_closed_and_every_lever_is_labelled(case, html):
    outline = Outline(html)
    labelled = {attrs["for"] for attrs in outline.all("label")}
    sliders = [attrs for attrs in outline.all("input") if attrs.get("type") == "range"]
    assert len(sliders) == case.sliders
    ids = [attrs["id"] for _, attrs in outline.seen if "id" in attrs]
    assert len(set(ids)) == len(ids)
    for slider in sliders:
        assert slider["id"] in labelled
        assert slider["aria-valuetext"]
        assert slider["aria-describedby"] in ids
        assert float(slider["min"]) <= float(slider["value"]) <= float(slider["max"])


def test_texts_of_the_data_cannot_become_markup_and_no_customer_is_there(case, html):
    if case.evil:
        assert case.evil not in html
        assert case.evil.replace("<", "&lt;").replace(">", "&gt;") in html
    assert "customer_id" not in html
    assert not re.search(r"\bC0\d{8}\b", html)


def test_what_the_levers_read_travels_once_and_is_small(case, model):
    assert case.app.LIVE.script(model).count(case.column) == case.times
    assert len(json.dumps(model.contents["zh"]["live"])) < case.most_bytes
    assert not model.contents["en"]["live"][case.shared]


def test_without_it_the_page_has_no_levers(case, model):
    bare = {lang: dict(content, live=None) for lang, content in model.contents.items()}
    live = case.app.LIVE
    assert live.section(bare["en"], "en") == ""
    assert live.script(type(model)(name=model.name, state="shown", contents=bare)) == ""


def test_no_snapshot_is_an_honest_page_without_levers(case, tmp_path):
    view = case.app.show(tmp_path, lang="en")
    assert view.model.state == "none"
    assert "evaluate" not in view._repr_html_()


def test_a_snapshot_without_the_page_says_so(case, tmp_path):
    assert case.app.show(publish_pages(tmp_path)).model.state == "missing"


def test_without_scripts_one_ladder_is_seen_not_all_at_once(tmp_path):
    customer_value = next(case for case in CASES if case.page == "customer-value")
    root = publish_pages(tmp_path, customer_value.page)
    outline = Outline(customer_value.app.show(root, lang="en")._repr_html_())
    labelled = {attrs["for"] for attrs in outline.all("label")}
    ladders = [attrs for attrs in outline.all("select") if "data-ladder" in attrs]
    assert len(ladders) == 2, "one a language"
    assert {attrs["id"] for attrs in ladders} <= labelled
    sets = [attrs for attrs in outline.all("fieldset") if "data-of" in attrs]
    assert ["hidden" in attrs for attrs in sets] == [False, True] * 2
