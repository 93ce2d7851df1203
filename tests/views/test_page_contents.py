"""What the content of every page holds: plain JSON, the same in both languages, pictures, words."""

import json

import pytest

from cvm.core.i18n import LANGUAGES
from cvm.core.snapshot import charts_of
from cvm.views import page_parts
from cvm.views.pages import PAGES
from hand_made import TABLES, drawn_page

# The charts of the hand-made tables, in order; one beside the choices of a panel last.
CHARTS = {
    "overview": ["base", "churn", "tiers", "points", "counties"],
    "points-budget": ["path", "tornado", "waterfall", "proof"],
    "campaigns": ["register", "designs"],
    "customer-value": ["grid", "concentration", "migration", "lifetime"],
    "early-warning": ["reasons", "track", "calibration", "healths"],
}


@pytest.fixture(scope="module", params=PAGES)
def name(request):
    assert request.param in TABLES, f"add hand-made tables of {request.param} to hand_made.py"
    return request.param


@pytest.fixture(scope="module")
def page(name):
    return drawn_page(name)


def test_the_content_is_plain_json_in_both_languages(page):
    assert json.loads(json.dumps(page.content)) == page.content
    assert set(page.content) == set(LANGUAGES)
    zh, en = page.content["zh"], page.content["en"]
    for part in ("cards", "charts"):
        assert [one["key"] for one in zh[part]] == [one["key"] for one in en[part]]


def test_every_chart_has_both_pictures_words_and_figures(name, page):
    for lang, content in page.content.items():
        assert [chart["key"] for chart in charts_of(content)] == CHARTS[name]
        assert 2 <= len(content["charts"]) <= 4
        for chart in charts_of(content):
            assert set(chart["figures"]) == {"wide", "phone"}
            for width, file in chart["figures"].items():
                assert file == f"{name}-{chart['key']}-{lang}-{width}.svg"
                assert page.figures[file].startswith(b"<svg")
            assert len(chart["alt"]) > 20
            assert chart["table"]["rows"]
            assert all(len(row) == len(chart["table"]["columns"]) for row in chart["table"]["rows"])
    assert len(page.figures) == len(CHARTS[name]) * len(LANGUAGES) * 2


@pytest.mark.parametrize(
    ("name", "sentence", "notebook"),
    [
        ("points-budget", "not known", "02-points-budget"),
        ("campaigns", "No campaign is on record.", ""),
        ("customer-value", "cannot be told", "09-value-segments"),
        ("early-warning", "cannot be told", "12-early-warning"),
        ("overview", "", ""),
    ],
)
def test_nothing_published_is_an_honest_page(name, sentence, notebook, monkeypatch):
    monkeypatch.setattr(page_parts, "save_svg", lambda figure: b"<svg/>")
    page = PAGES[name].make({}, {})
    assert page.figures == {}
    for lang in LANGUAGES:
        content = page.content[lang]
        assert content["sentence"]
        assert content["cards"] == content["charts"] == []
        assert content["notes"]
        assert content["tone"] == "neutral"
        assert notebook in " ".join(content["notes"])
    assert sentence in page.content["en"]["sentence"]
    assert dict(page.content["en"]["dates"])["Data to"] == "unknown"
