"""The page's HTML: escaped, accessible, honest; and a kernel that stays light."""

import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from cvm.apps.model import PageModel, load_page
from cvm.apps.opened import asked_language
from cvm.apps.overview import show
from cvm.apps.page import render
from cvm.core.snapshot import open_latest
from cvm.publish.snapshot import write_snapshot
from cvm.views.pages import PAGES
from hand_made import publish_pages
from overview_tables import INFO, counties_table, overview_tables
from page_checks import Outline

TODAY = date(2026, 6, 10)


@pytest.fixture
def folder(tmp_path):
    return publish_pages(tmp_path, "overview", now=datetime(2026, 6, 3, 9, 12, tzinfo=UTC))


def test_a_published_page_is_shown_in_both_languages(folder):
    model = load_page(folder, "overview", today=TODAY)
    html = render(model, "en")
    outline = Outline(html)
    assert model.state == "shown"
    assert outline.all("div")[0]["data-lang"] == "en"
    assert [one["lang"] for one in outline.all("div") if "data-in" in one] == ["zh-CN", "en"]
    assert "22.4k" in html
    assert "2.24万" in html
    assert "font/woff2;base64,d09GMg==" in html


def test_pictures_have_words_tables_have_headings_controls_have_labels(folder):
    outline = Outline(render(load_page(folder, "overview", today=TODAY), "zh"))
    assert len(outline.all("img")) == 10
    assert all(len(image["alt"]) > 20 and image["width"] for image in outline.all("img"))
    assert all(picture["aria-label"] for picture in outline.all("svg"))
    assert {head["scope"] for head in outline.all("th")} == {"col", "row"}
    labels = {label["for"] for label in outline.all("label")}
    assert labels == {select["id"] for select in outline.all("select")}
    assert len({one["id"] for _, one in outline.seen if "id" in one}) == len(
        [one for _, one in outline.seen if "id" in one]
    )
    assert len(outline.all("h1")) == 2, "one a language"


def test_nothing_on_the_page_names_another_host(folder):
    html = render(load_page(folder, "overview", today=TODAY), "zh")
    for _, attributes in Outline(html).seen:
        for name in ("src", "href", "srcset", "action"):
            assert attributes.get(name, "data:").startswith("data:")
    assert "@import" not in html
    assert "url(http" not in html


def test_texts_of_the_data_cannot_become_markup():
    evil = '</script><img src=x onerror="alert(1)">'
    tables = overview_tables()
    tables["overview_counties"] = counties_table().assign(county=[evil, "b", "c", "d"])
    page = PAGES["overview"].make(tables, INFO)
    model = PageModel(
        name="overview", state="shown", contents=page.content, figures=page.figures, detail=evil
    )
    outline = Outline(render(model, "zh"))
    assert all("onerror" not in image for image in outline.all("img"))
    assert len(outline.all("img")) == 10
    assert len(outline.all("script")) == 4, "words of the tools, two drill-downs, the page's own"


def test_no_snapshot_has_an_honest_page(tmp_path):
    model = load_page(tmp_path / "nothing", "overview", today=TODAY)
    html = render(model, "zh")
    assert model.state == "none"
    assert "尚未发布任何数据" in html
    assert "Nothing has been published yet" in html
    assert str(tmp_path) not in html


def test_a_changed_file_shows_no_figure_and_no_path(folder):
    inside = open_latest(folder).folder
    figure = inside / "figures" / "overview-base-zh-wide.svg"
    figure.write_bytes(figure.read_bytes() + b" ")
    model = load_page(folder, "overview", today=TODAY)
    html = render(model, "zh")
    assert model.state == "damaged"
    assert "已发布的数据无法读取" in html
    assert "2.24万" not in html
    assert str(folder) not in html
    assert "overview-base-zh-wide.svg" in html


def test_a_snapshot_without_the_page_says_so(tmp_path):
    publish_pages(tmp_path, "campaigns")
    assert load_page(tmp_path, "overview", today=TODAY).state == "missing"


@pytest.mark.parametrize("lost", ["title", "charts", "cards", "sentence"])
def test_a_page_of_another_version_says_so_not_a_traceback(folder, lost):
    with open_latest(folder) as snapshot:
        pages = {lang: snapshot.page("overview", lang) for lang in ("zh", "en")}
        figures = {name: snapshot.figure(name) for name in snapshot.figures()}
    for page in pages.values():
        del page[lost]
    write_snapshot(
        folder, tables={}, pages={"overview": pages}, figures=figures, fonts={}, manifest={},
        now=datetime(2026, 6, 4, tzinfo=UTC),
    )  # fmt: skip
    view = show(folder, lang="en")
    html = view._repr_html_()
    assert "published by another version" in html
    assert "已发布的数据由其他版本的程序生成" in html
    assert "2.24万" not in html
    assert view.model.state == "other_version"


def test_a_page_of_no_shape_is_of_another_version_too(tmp_path):
    write_snapshot(
        tmp_path, tables={}, pages={"overview": {"zh": {}, "en": {}}}, figures={}, fonts={},
        manifest={}, now=datetime(2026, 6, 3, tzinfo=UTC),
    )  # fmt: skip
    assert load_page(tmp_path, "overview", today=TODAY).state == "other_version"


def test_old_figures_are_said_to_be_old(folder):
    fresh = load_page(folder, "overview", today=date(2026, 7, 1))
    old = load_page(folder, "overview", today=date(2026, 8, 1))
    assert fresh.notices["zh"] == ()
    assert "59天前" in old.notices["zh"][0]
    assert "59 days ago" in render(old, "en")


@pytest.mark.parametrize(
    ("query", "lang"),
    [("", "zh"), ("lang=en", "en"), ("lang=zh&lang=en", "en"), ("lang=../../etc", "zh")],
)
def test_language_of_the_address(query, lang):
    assert asked_language(query) == lang


def test_show_reads_folder_and_language_from_the_environment(folder, monkeypatch):
    monkeypatch.setenv("CVM_PUBLISHED", str(folder))
    monkeypatch.setenv("QUERY_STRING", "lang=en")
    view = show()
    assert (view.lang, view.model.state) == ("en", "shown")
    assert 'data-lang="en"' in view._repr_html_()


@pytest.mark.parametrize("name", PAGES)
def test_a_dashboards_kernel_imports_the_standard_library_only(name):
    code = (
        f"import sys; before = set(sys.modules); import cvm.apps.{name.replace('-', '_')};"
        "new = {name.split('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['cvm']"
