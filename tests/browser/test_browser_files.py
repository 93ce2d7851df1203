"""A served page fetches what it shows and no more, keeps it for good, and outlives its server."""

import re
import shutil
from pathlib import Path

import pytest

from cvm.publish.serve import running
from security.served import ask, free_port

pytestmark = pytest.mark.browser

BOARDS = Path(__file__).parents[2] / "dashboards"
PAGE = "voila/render/overview.ipynb"
FILE = re.compile(r"cvm/files/[0-9a-f]{64}\.(?:svg|woff2|xlsx)")
DRAWN = """() => [...document.querySelectorAll('#cvm-page picture img')]
  .filter(one => one.getClientRects().length && one.complete && one.naturalWidth).length"""


def wait_until_drawn(page, pictures=5):
    for _ in range(100):
        if page.evaluate(DRAWN) == pictures:
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{page.evaluate(DRAWN)} pictures, not {pictures}")


def test_the_other_language_and_width_are_not_fetched(browser, server):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server}{PAGE}?lang=en", wait_until="load", timeout=60_000)
    wait_until_drawn(page)
    files = [url for url in asked if "/cvm/files/" in url]
    assert sum(url.endswith(".svg") for url in files) == 5, "five charts, one language, one width"
    assert sum(url.endswith(".woff2") for url in files) == 1
    page.get_by_role("button", name="中文").click()
    wait_until_drawn(page)
    page.close()


def test_files_are_named_by_their_content_and_kept_for_good(published, tmp_path):
    root = tmp_path / "published"
    shutil.copytree(published, root)
    with running(root, dashboards=BOARDS, port=free_port()) as server:
        status, page, _ = ask(server, f"/{PAGE}?lang=zh")
        assert status == 200
        assert len(page) < 150_000, "pictures, font and workbook are not in the page"
        files = sorted(set(FILE.findall(page)))
        assert len(files) == 22, "five charts in two languages and widths, font, workbook"
        shutil.rmtree(root)  # the page that is open keeps its pictures
        for file in files:
            status, _, headers = ask(server, f"/{file}", headers={"Accept-Encoding": "gzip"})
            assert status == 200
            assert "immutable" in headers["Cache-Control"]
            assert "default-src 'none'" in headers["Content-Security-Policy"]
        for wrong in ("0" * 64 + ".svg", "../manifest.json", "0" * 63 + ".svg", "0" * 64 + ".json"):
            assert ask(server, f"/cvm/files/{wrong}")[0] == 404


def test_an_open_page_is_whole_when_its_server_is_gone(browser, published):
    page = browser.new_page(viewport={"width": 1280, "height": 500})
    with running(published, dashboards=BOARDS, port=free_port()) as server:
        page.goto(f"{server.address}{PAGE}?lang=zh", wait_until="load", timeout=60_000)
        wait_until_drawn(page)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    assert page.evaluate(DRAWN) == 5
    page.close()


def test_printing_waits_for_the_pictures_that_paper_takes(open_page):
    page = open_page("voila/render/overview.ipynb?lang=zh")
    page.evaluate(
        """() => {
            const here = one => performance.getEntriesByName(one.src).length > 0;
            window.print = () => {
                const images = document.querySelectorAll('.cvm-in[data-in=zh] picture img');
                window.printed = [...images].map(here);
            };
        }"""
    )
    page.locator("[data-print]").click()
    page.wait_for_function("() => window.printed")
    assert page.evaluate("window.printed") == [True] * page.locator("picture img:visible").count()
    # A browser's own menu prints the same: every picture is that of the narrow page.
    shown = page.evaluate(
        """async () => {
            window.dispatchEvent(new Event('beforeprint'));
            const images = [...document.querySelectorAll('.cvm-in[data-in=zh] picture img')];
            await Promise.all(images.map(one => one.decode()));
            const narrow = images.map(one => one.currentSrc === one.src);
            window.dispatchEvent(new Event('afterprint'));
            await new Promise(requestAnimationFrame);
            return [narrow, images.map(one => one.currentSrc === one.src)];
        }"""
    )
    assert [set(one) for one in shown] == [{True}, {False}]
