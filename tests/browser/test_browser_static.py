"""The dashboards as plain files: opened from a folder, without a server, they are the same."""

from datetime import date
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import openpyxl
import pytest

from axe_checks import violations
from cvm.core.checks import DataError
from cvm.core.i18n import say
from cvm.core.snapshot import open_latest
from cvm.publish.static import write_static
from page_checks import sheets

pytestmark = pytest.mark.browser

REPOSITORY = Path(__file__).parents[2]
DASHBOARDS = REPOSITORY / "dashboards"
TODAY = date(2026, 6, 15)


@pytest.fixture(scope="module")
def folder(published, tmp_path_factory):
    """The snapshot as plain files, in a folder whose name needs care in an address."""
    target = tmp_path_factory.mktemp("plain files") / "看板 2026"
    write_static(published, target, dashboards=DASHBOARDS, today=TODAY)
    return target


@pytest.fixture
def visit(browser, folder):
    """Open a file; what the console says and what is asked of any server fails the test."""
    problems, contexts = [], []

    def open_(name, query=""):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda said: problems.append(said.text) if said.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                problems.append(asked.url)
                if not asked.url.startswith(("file:", "data:", "blob:"))
                else None
            ),
        )
        page.goto(f"file://{quote(str(folder / name))}{query}", wait_until="load")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_list_leads_to_every_page_and_back(visit, folder, published, lang):
    page = visit(f"index-{lang}.html")
    assert violations(page) == []
    links = page.locator(".cvm-dashboards a")
    assert links.count() == len(list(DASHBOARDS.glob("*.ipynb")))

    with open_latest(published) as snapshot:
        sentence = snapshot.page("points-budget", lang)["sentence"]
    page.locator(".cvm-dashboards a", has_text=sentence).click()

    shown = page.locator(f'[data-in="{lang}"] h1.cvm-sentence:visible')
    assert shown.inner_text() == sentence
    assert violations(page) == []
    page.locator(".cvm-brand").click()
    assert page.url.endswith(f"index-{lang}.html")


def test_levers_language_and_address_work_without_a_server(visit):
    page = visit("points-budget.html", "?lang=en")
    cost = page.locator('[data-in="en"] [data-value="cost"]')
    before = cost.inner_text()

    page.locator('[data-in="en"] [data-lever="return_rate"]').evaluate(
        "slider => { slider.value = slider.max; for (const kind of ['input', 'change']) "
        "slider.dispatchEvent(new Event(kind, {bubbles: true})); }"
    )

    page.wait_for_function(
        "before => document.querySelector('[data-in=en] [data-value=cost]').innerText !== before",
        arg=before,
    )
    page.wait_for_url("**rate=**")
    moved = cost.inner_text()
    again = visit("points-budget.html", page.url[page.url.index("?") :])
    assert again.locator('[data-in="en"] [data-value="cost"]').inner_text() == moved
    again.locator("[data-set-lang=zh]").click()
    assert again.locator("h1.cvm-sentence:visible").inner_text() != ""
    assert again.evaluate("document.documentElement.lang") == "zh-CN"


def test_a_page_prints_whole_and_its_figures_download(visit, tmp_path):
    page = visit("overview.html", "?lang=zh")
    height_mm = page.evaluate("document.documentElement.scrollHeight") / 96 * 25.4

    printed = page.pdf(format="A4", print_background=True)

    # A clipped print is one sheet, however long the page is.
    assert printed.startswith(b"%PDF")
    assert sheets(printed) >= min(2, height_mm // 297)
    with page.expect_download() as caught:
        page.locator(".cvm-panel summary:visible").first.click()
        page.locator("[data-save]:visible").first.click()
    caught.value.save_as(tmp_path / "chart.png")
    assert caught.value.suggested_filename.startswith("overview-")
    assert (tmp_path / "chart.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with page.expect_download() as caught:
        page.locator("[data-workbook]").click()
    caught.value.save_as(tmp_path / "figures.xlsx")
    book = openpyxl.load_workbook(BytesIO((tmp_path / "figures.xlsx").read_bytes()))
    sentence = page.locator("h1.cvm-sentence:visible").inner_text()
    assert sentence in [cell for row in book.worksheets[0].values for cell in row]


def test_copying_the_link_says_what_was_done(visit):
    page = visit("overview.html", "?lang=zh")

    page.locator("[data-copy-link]").click()

    told = page.locator(".cvm-told")
    told.wait_for(state="visible")
    assert told.inner_text() in (say("page.link_copied", "zh"), say("page.link_shown", "zh"))


def test_a_folder_of_somebody_else_is_left_alone(published, tmp_path):
    (tmp_path / "report.docx").write_text("mine")

    with pytest.raises(DataError, match="name another folder"):
        write_static(published, tmp_path, dashboards=DASHBOARDS, today=TODAY)

    assert (tmp_path / "report.docx").read_text() == "mine"


def test_writing_again_replaces_what_was_written_before(published, tmp_path):
    target = tmp_path / "plain"
    first = write_static(published, target, dashboards=DASHBOARDS, today=TODAY)
    (target / "old.html").write_text("left over")

    assert write_static(published, target, dashboards=DASHBOARDS, today=TODAY) == first
    assert not (target / "old.html").exists()
