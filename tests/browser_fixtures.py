"""A published snapshot, the real server, a real Chromium; every foreign request fails the test."""

import os
import shutil
import socket
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlparse

import pytest

REPOSITORY = Path(__file__).parents[1]
SCREENSHOTS = REPOSITORY / "build" / "screenshots"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Fewer processes, which cost more than the pages of the tests.
    "--disable-extensions",
    "--in-process-gpu",
    "--renderer-process-limit=1",
]


# Fonts are there, and every picture of the language shown, not only those in sight.
WHOLE = """async () => {
  const shown = [...document.querySelectorAll('#cvm-page picture img')]
    .filter(image => image.getClientRects().length);
  for (const image of shown) image.loading = 'eager';
  await Promise.all([document.fonts.ready, ...shown.map(image => image.decode())]);
}"""


@pytest.fixture(scope="session")
def chromium_path():
    """Where Chromium is; without one the tests are skipped, on CI they fail."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CVM_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        told = "no Chromium: install Debian's chromium, or set CVM_CHROMIUM to a browser's path"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(told)
        pytest.skip(told)
    return found


@pytest.fixture(scope="session")
def browser(chromium_path):
    """One Chromium for all tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium_path, args=QUIET)
        yield started
        started.close()


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A snapshot of the hand-made tables, as ``cvm publish`` writes it."""
    from cvm.publish.page_workbook import page_workbook
    from cvm.publish.snapshot import write_snapshot
    from cvm.views.fonts import WEB_FONT_FILE, web_font
    from hand_made import TABLES, drawn_page

    root = tmp_path_factory.mktemp("published")
    made = {name: drawn_page(name) for name in TABLES}
    now = datetime.now(UTC)
    books = {
        f"{name}.xlsx": page_workbook(page.content, {}, made=now) for name, page in made.items()
    }
    contents = {
        name: {
            lang: {**content, "workbook": f"{name}.xlsx"} for lang, content in page.content.items()
        }
        for name, page in made.items()
    }
    pictures = {name: file for page in made.values() for name, file in page.figures.items()}
    write_snapshot(
        root,
        tables={},
        pages=contents,
        figures=pictures | books,
        fonts={WEB_FONT_FILE: web_font([str(page.content) for page in made.values()])},
        manifest={"data": {"last_month": "2026-05-01"}},
        now=now,
    )
    return root


@pytest.fixture(scope="session")
def server(published):
    """The dashboards as they are served; gives the address with a slash at its end."""
    from cvm.publish.serve import running

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running(published, dashboards=REPOSITORY / "dashboards", port=port) as started:
        yield started.address


@pytest.fixture(scope="session")
def lever_script(browser):
    """By a page's name, its own script of the levers in the browser, as ``window.levers``."""
    from cvm.apps.elements import asset

    opened = []

    def load(name):
        page = browser.new_page()
        opened.append(page)
        levers, numbers = asset(f"{name}_levers.js").strip(), asset("page_numbers.js").strip()
        page.evaluate(f"() => {{ window.levers = {levers}({numbers}); }}")
        return page

    yield load
    for page in opened:
        page.close()


@pytest.fixture
def screenshots():
    """The folder of pictures for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS


@pytest.fixture
def open_page(browser, server):
    """Open a dashboard; what the console says and who is asked is checked at the end."""
    contexts, problems = [], []

    def listen(page):
        page.on(
            "console",
            lambda message: (
                problems.append(message.text) if message.type in ("error", "warning") else None
            ),
        )
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: _check_host(request.url, server, problems))

    def open_(path, *, width=1440, height=900, **context):
        made = browser.new_context(viewport={"width": width, "height": height}, **context)
        contexts.append(made)
        page = made.new_page()
        listen(page)
        page.goto(server + path, wait_until="load", timeout=60_000)
        page.wait_for_selector("html[data-cvm=shown] #cvm-page", timeout=60_000)
        page.evaluate(WHOLE)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []


def _check_host(url, server, problems):
    parts = urlparse(url)
    if parts.scheme not in ("data", "blob") and parts.netloc != urlparse(server).netloc:
        problems.append(f"foreign request: {url}")
