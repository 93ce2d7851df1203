"""What our Voilà answers: the list of dashboards, a dashboard, its font, and honest errors."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections import OrderedDict, defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import tornado.iostream
import tornado.web
from jupyter_core.utils import ensure_async
from voila.handler import BaseVoilaHandler
from voila.tornado.handler import TornadoVoilaHandler

from cvm.core.checks import CvmError
from cvm.core.i18n import LANGUAGES, say
from cvm.core.snapshot import FONT, SnapshotError, latest_stamp, open_latest
from cvm.publish.landing import landing
from cvm.publish.voila_access import WARMING, Gate

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
_KERNEL_ID = re.compile("<!-- kernel ([0-9a-f-]{36}) -->")
_STALE_DAYS = 40
_MOST_PAGES = 64
_MOST_KERNELS = 4
_MOST_WAITING = 32
_WHOLE = "dataset.cvm = 'shown'"  # our template's last words on a page without live widgets


class LandingHandler(Gate, BaseVoilaHandler):
    """The list of dashboards."""

    async def get(self) -> None:
        """Show it in the language asked for, else the browser's, else Chinese."""
        lang = self.get_argument("lang", "")
        if lang not in LANGUAGES:
            asked = self.request.headers.get("Accept-Language", "")
            lang = "en" if asked.lower().startswith("en") else "zh"
        shown = landing(
            self.settings["cvm_published"],
            self.settings["cvm_dashboards"],
            lang,
            today=date.today(),
            stale_days=_STALE_DAYS,
        )
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-CVM-Server", self.settings["cvm_token"])
        for board in shown["boards"]:
            board["href"] = f"{self.base_url}voila/render/{quote(board['file'])}?lang={lang}"
        other = "en" if lang == "zh" else "zh"
        template = self.settings["voila_jinja2_env"].get_template("landing.html")
        self.finish(
            template.render(
                **shown,
                lang=lang,
                other=other,
                assets=f"{self.base_url}cvm/static/",
                language_href=f"?lang={other}",
                say=lambda key, **values: say(key, lang, **values),
            )
        )


class FontHandler(Gate, BaseVoilaHandler):
    """The snapshot's font, for what stands around the dashboards; pages bring their own.

    The last one that could be read is kept: a page that says that its figures are gone is read on a
    machine without Chinese fonts too.
    """

    async def get(self) -> None:
        """Send it, or nothing if there never was one: the browser then takes its own."""
        font = font_in_force(self.settings)
        if font is None:
            raise tornado.web.HTTPError(404)
        self.set_header("Content-Type", "font/woff2")
        self.set_header("Cache-Control", "no-cache")  # asked again, answered 304 by its checksum
        self.finish(font)


def font_in_force(settings: dict[str, Any]) -> bytes | None:
    """Return the snapshot's font, else the last one there was, and keep it in ``settings``."""
    with suppress(CvmError), open_latest(settings["cvm_published"]) as snapshot:
        settings["cvm_font"] = snapshot.read(FONT)
    font: bytes | None = settings.get("cvm_font")
    return font


@dataclass(frozen=True)
class Kept:
    """A page made once: as it is, compressed, and its mark."""

    whole: bytes
    small: bytes
    etag: str

    @classmethod
    def of(cls, page: bytes) -> Kept:
        """Compress and mark a page."""
        return cls(page, gzip.compress(page, 6, mtime=0), f'"{sha256(page).hexdigest()[:32]}"')


class DashboardHandler(Gate, TornadoVoilaHandler):
    """One dashboard.

    A page without live widgets is the same for everyone who asks for it on one day, from one
    snapshot. It is made once, kept, and its kernel ends; viewers who ask at the same time wait for
    the one that is being made. A page with live widgets gets a kernel for each viewer.
    """

    pages: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()
    locks: defaultdict[tuple[Any, ...], asyncio.Lock] = defaultdict(asyncio.Lock)
    live: set[str] = set()
    kernels = asyncio.Semaphore(_MOST_KERNELS)
    waiting = 0

    @tornado.web.authenticated
    async def get(self, path: str | None = None) -> None:
        """Send the page piece by piece, the loading state first."""
        file = Path(self.settings["cvm_dashboards"], path or "")
        if not path or "/" in path or file.suffix != ".ipynb" or not file.is_file():
            raise tornado.web.HTTPError(404)
        self.xsrf_token  # noqa: B018  sets the cookie that Voilà's shutdown call needs
        key = self._key(file)
        if path in self.live or key is None:
            await self._make_in_turn(path)
            return
        async with self.locks[key]:
            if key not in self.pages:
                page = await self._make_in_turn(path)
                if page:
                    self.pages[key] = Kept.of(page)
                    self.settings["cvm_files"].take()
                    while len(self.pages) > _MOST_PAGES:
                        self.pages.popitem(last=False)
            else:
                self.pages.move_to_end(key)
                self._send(self.pages[key])
        if not self.locks[key].locked():
            self.locks.pop(key, None)

    def _key(self, file: Path) -> tuple[Any, ...] | None:
        try:
            stamp = latest_stamp(self.settings["cvm_published"])
        except SnapshotError:
            return None
        changed = file.stat().st_mtime_ns
        if stamp is None:
            return None
        # The language alone makes a page another one; the rest of an address is read in the
        # browser, so no address makes the server work again.
        lang = self.get_query_argument("lang", "")
        return (stamp, file.name, changed, lang if lang in LANGUAGES else "", date.today())

    def _send(self, page: Kept) -> None:
        """Send a page that is kept: small if the browser takes it so, not at all if it has it."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "private, no-cache")
        self.set_header("Vary", "Accept-Encoding")
        self.set_header("Etag", page.etag)
        if self.check_etag_header():
            self.set_status(304)
        elif "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.write(page.small)
        else:
            self.write(page.whole)

    async def _make_in_turn(self, path: str) -> bytes:
        """Run the dashboard when few others are being run; refuse it when too many wait."""
        kind = type(self)
        live_kernels = len(self.kernel_manager.list_kernel_ids()) if path in self.live else 0
        if kind.waiting >= _MOST_WAITING or live_kernels >= self.settings["cvm_most_kernels"]:
            self.set_header("Retry-After", "60")
            raise tornado.web.HTTPError(503)
        kind.waiting += 1
        try:
            async with self.kernels:
                return await self._make(path)
        finally:
            kind.waiting -= 1

    async def _make(self, path: str) -> bytes:
        """Run the dashboard, send it, and return the page if others may have it too."""
        sent: list[str] = []
        whole = False
        try:
            async for html in self.get_generator(path=path):
                sent.append(html)
                self.write(html)
                await self.flush()
            whole = True
        except tornado.iostream.StreamClosedError:
            pass  # the viewer left; the kernel ends below
        finally:
            page = "".join(sent)
            live = whole and WIDGET_MIME in page
            viewed = self.request.headers.get(WARMING) != self.settings["cvm_warming"]
            kernel = _KERNEL_ID.search(page)
            wanted = live and viewed and self.settings["cvm_live"]
            if kernel and not wanted and kernel[1] in self.kernel_manager:
                await ensure_async(self.kernel_manager.shutdown_kernel(kernel[1], now=True))
        if live:
            self.live.add(path)
        return page.encode() if whole and _WHOLE in page else b""


class NotFoundHandler(Gate, BaseVoilaHandler):
    """Every other address."""

    def initialize(self, **kwargs: Any) -> None:
        """Take the configuration, which Tornado's default handler gets no other way."""
        super().initialize(voila_configuration=self.settings["cvm_voila_configuration"])

    async def get(self, *path: str) -> None:
        """Say that there is no such page."""
        raise tornado.web.HTTPError(404)
