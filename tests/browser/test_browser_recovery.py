"""The server goes away and comes back, figures are renewed or lost: the page says so."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

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
    finally:
        page.close()
