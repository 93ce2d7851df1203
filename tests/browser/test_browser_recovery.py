"""The server goes away and comes back, figures are renewed or lost: the page says so; pages that
are closed leave nothing behind."""

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from axe_checks import violations
from cvm.core.i18n import say
from cvm.core.snapshot import open_latest
from cvm.publish.serve import running
from cvm.publish.snapshot import write_snapshot
from security.served import free_port

pytestmark = pytest.mark.browser

BOARDS = Path(__file__).parents[2] / "dashboards"
OFTEN = "window.cvmAskMilliseconds = 300"


def again(root):
    """Publish the same pages anew."""
    with open_latest(root) as snapshot:
        pages = {
            name: {lang: snapshot.page(name, lang) for lang in ("zh", "en")}
            for name in snapshot.pages()
        }
        figures = {name: snapshot.figure(name) for name in snapshot.figures()}
    write_snapshot(
        root,
        tables={},
        pages=pages,
        figures=figures,
        fonts={},
        manifest={"data": {"last_month": "2026-06-01"}},
        now=datetime(2030, 1, 1, tzinfo=UTC),
    )


def test_a_page_outlives_its_server_and_says_what_is_new(published, browser, tmp_path):
    root, port = tmp_path / "published", free_port()
    shutil.copytree(published, root)
    page = browser.new_page()
    page.add_init_script(OFTEN)
    notice = page.locator(".cvm-server")
    sentence = page.locator("h1.cvm-sentence:visible")
    try:
        with running(root, dashboards=BOARDS, port=port) as server:
            page.goto(f"{server.address}voila/render/overview.ipynb?lang=zh", timeout=60_000)
            sentence.wait_for(timeout=60_000)
            said = sentence.inner_text()
            assert not notice.is_visible()

        notice.wait_for(state="visible", timeout=20_000)
        assert notice.inner_text() == say("page.server_lost", "zh")
        assert sentence.inner_text() == said

        with running(root, dashboards=BOARDS, port=port):
            notice.wait_for(state="hidden", timeout=20_000)
            again(root)
            notice.wait_for(state="visible", timeout=20_000)
            assert notice.inner_text() == say("page.renewed", "zh")
            shutil.rmtree(root)
            page.reload(timeout=60_000)
            lost = page.locator("#cvm-page[data-state=none], #cvm-page[data-state=damaged]")
            lost.wait_for(timeout=60_000)
            assert sentence.inner_text() == say("overview.status.title_none", "zh")
            assert violations(page) == []
            # Read without Chinese fonts too: the server's font is still there, with its characters.
            fonts = page.evaluate(
                """async () => {
                    await document.fonts.ready;
                    return [...document.fonts].map(one => [one.family, one.status]);
                }"""
            )
            assert ["CVM Sans SC", "loaded"] in [[name.strip('"'), way] for name, way in fonts]
    finally:
        page.close()


def held_mb(server):
    """Return the memory (MB) of the server and what it started, and how many that is."""
    process = psutil.Process(server.process.pid)
    started = process.children(recursive=True)
    held = sum(one.memory_full_info().uss for one in (process, *started))
    return held / 1e6, len(started)


def test_memory_of_closed_pages_is_returned_within_a_minute(published, browser):
    boards = sorted(file.name for file in BOARDS.glob("*.ipynb"))

    def opened(board):
        page = browser.new_page()
        page.goto(f"{server.address}voila/render/{board}?lang=zh", timeout=60_000)
        page.wait_for_selector("html[data-cvm=shown]", timeout=60_000)
        return page

    with running(published, dashboards=BOARDS, port=free_port()) as server:
        for board in boards:  # whatever is kept of a page for all its viewers
            opened(board).close()
        until = time.monotonic() + 60
        while held_mb(server)[1] and time.monotonic() < until:
            time.sleep(0.2)
        before, _ = held_mb(server)
        pages = [opened(board) for board in boards]
        for page in pages:
            page.close()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            after, kernels = held_mb(server)
            if not kernels and after < before + 10:
                break
            time.sleep(0.2)
        assert kernels == 0
        assert after < before + 10
