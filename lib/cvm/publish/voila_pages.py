"""What our Voilà answers: the list of dashboards, a dashboard, its font, and honest errors."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict, defaultdict
from datetime import date
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

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
_KERNEL_ID = re.compile("<!-- kernel ([0-9a-f-]{36}) -->")
_STALE_DAYS = 40
_MOST_PAGES = 64
WARMING = "X-CVM-Warming"
_WHOLE = "dataset.cvm = 'shown'"  # our template's last words on a page without live widgets
# Everything comes from this server. Widgets' scripts arrive as blobs, pictures and fonts as data.
CONTENT_SECURITY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob: data:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "frame-ancestors 'self'",
        "base-uri 'self'",
        "form-action 'self'",
    ]
)


class _Talking:
    """Puts our headers and our words into every page."""

    def set_default_headers(self) -> None:
        super().set_default_headers()  # type: ignore[misc]
        self.set_header("Content-Security-Policy", CONTENT_SECURITY)  # type: ignore[attr-defined]
        self.set_header("X-Content-Type-Options", "nosniff")  # type: ignore[attr-defined]

    @property
    def content_security_policy(self) -> str:
        return CONTENT_SECURITY


class LandingHandler(_Talking, BaseVoilaHandler):
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


class FontHandler(_Talking, BaseVoilaHandler):
    """The snapshot's font, for what stands around the dashboards; pages bring their own."""

    async def get(self) -> None:
        """Send it, or nothing if there is none: the browser then takes its own."""
        try:
            with open_latest(self.settings["cvm_published"]) as snapshot:
                font = snapshot.read(FONT)
        except CvmError as error:
            raise tornado.web.HTTPError(404) from error
        self.set_header("Content-Type", "font/woff2")
        self.set_header("Cache-Control", "no-cache")  # asked again, answered 304 by its checksum
        self.finish(font)


class DashboardHandler(_Talking, TornadoVoilaHandler):
    """One dashboard.

    A page without live widgets is the same for everyone who asks for it on one day, from one
    snapshot. It is made once, kept, and its kernel ends; viewers who ask at the same time wait for
    the one that is being made. A page with live widgets gets a kernel for each viewer.
    """

    pages: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
    locks: defaultdict[tuple[Any, ...], asyncio.Lock] = defaultdict(asyncio.Lock)
    live: set[str] = set()

    @tornado.web.authenticated
    async def get(self, path: str | None = None) -> None:
        """Send the page piece by piece, the loading state first."""
        file = Path(self.settings["cvm_dashboards"], path or "")
        if not path or "/" in path or file.suffix != ".ipynb" or not file.is_file():
            raise tornado.web.HTTPError(404)
        self.xsrf_token  # noqa: B018  sets the cookie that Voilà's shutdown call needs
        key = self._key(file)
        if path in self.live or key is None:
            await self._make(path)
            return
        async with self.locks[key]:
            if key not in self.pages:
                page = await self._make(path)
                if page:
                    self.pages[key] = page
                    while len(self.pages) > _MOST_PAGES:
                        self.pages.popitem(last=False)
            else:
                self.pages.move_to_end(key)
                self.set_header("Content-Type", "text/html; charset=utf-8")
                self.set_header("Cache-Control", "no-store")
                self.write(self.pages[key])
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
        return (stamp, file.name, changed, self.request.query[:200], date.today())

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
            viewed = self.request.headers.get(WARMING) != self.settings["cvm_token"]
            kernel = _KERNEL_ID.search(page)
            if kernel and not (live and viewed) and kernel[1] in self.kernel_manager:
                await ensure_async(self.kernel_manager.shutdown_kernel(kernel[1], now=True))
        if live:
            self.live.add(path)
        return page.encode() if whole and _WHOLE in page else b""


class NotFoundHandler(_Talking, BaseVoilaHandler):
    """Every other address."""

    def initialize(self, **kwargs: Any) -> None:
        """Take the configuration, which Tornado's default handler gets no other way."""
        super().initialize(voila_configuration=self.settings["cvm_voila_configuration"])

    async def get(self, *path: str) -> None:
        """Say that there is no such page."""
        raise tornado.web.HTTPError(404)
