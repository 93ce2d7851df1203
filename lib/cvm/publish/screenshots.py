"""Small pictures of the dashboards as they are now, for the gallery.

It drives the browser that the tests drive; without one it says so and leaves the pictures alone.
"""

from __future__ import annotations

import io
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

from cvm.core.checks import CvmError
from cvm.core.i18n import LANGUAGES
from cvm.publish.gallery_pictures import PICTURE_BYTES
from cvm.publish.serve import running

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
WIDTH_PX = 1280
SHOWN_PX = 640
# Cut below this height (CSS pixels): a gallery shows what a page is, not all of it.
TALLEST_PX = 1500
# Fonts are there, and every picture of the language shown, not only those in sight.
_WHOLE = """async () => {
  const shown = [...document.images].filter(image => image.getClientRects().length);
  for (const image of shown) image.loading = 'eager';
  await Promise.all([document.fonts.ready, ...shown.map(image => image.decode())]);
}"""


class NoBrowserError(CvmError):
    """There is no browser to take pictures with."""


def take_screenshots(
    published: Path, dashboards: Path, folder: Path, names: Iterable[str]
) -> list[Path]:
    """Write ``dashboard-<name>-<lang>.png`` for each dashboard and language.

    Args:
        published: Folder of the snapshots.
        dashboards: Folder of the dashboards' notebooks.
        folder: Where to.
        names: Names of the dashboards.

    Raises:
        NoBrowserError: Playwright or a browser is missing.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise _no_browser("Playwright", "pip install 'cvm[test]'") from None
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        raise _no_browser("Chromium", "install Debian's chromium")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    written = []
    with (
        running(published, dashboards=dashboards, port=port) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(QUIET))
        page = browser.new_page(viewport={"width": WIDTH_PX, "height": 900})
        for name in names:
            for lang in LANGUAGES:
                page.goto(f"{server.address}voila/render/{name}.ipynb?lang={lang}")
                page.wait_for_selector("html[data-cvm=shown], html[data-cvm=live]")
                page.evaluate(_WHOLE)
                target = folder / f"dashboard-{name}-{lang}.png"
                target.write_bytes(_small(page.screenshot(full_page=True)))
                written.append(target)
        browser.close()
    return written


def _small(png: bytes) -> bytes:
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(picture.height, TALLEST_PX)))
    size = (SHOWN_PX, round(picture.height * SHOWN_PX / picture.width))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    for colours in (128, 64, 32, 16):
        file = io.BytesIO()
        picture.quantize(colours).save(file, format="PNG", optimize=True)
        if file.tell() <= PICTURE_BYTES:
            break
    return file.getvalue()


def _no_browser(missing: str, action: str) -> NoBrowserError:
    return NoBrowserError(
        "dashboards' pictures", f"no {missing}", "taken by a browser", action=action
    )
