"""The gate before our pages: known hosts, login, headers, and an access log without persons."""

from __future__ import annotations

import hmac
import logging
import time
from base64 import b64encode
from typing import Any
from urllib.parse import quote, urlsplit

import tornado.web

from cvm.core.checks import CvmError
from cvm.core.i18n import LANGUAGES, say
from cvm.core.snapshot import latest_stamp
from cvm.publish.access import Access, Attempts

SESSION = "cvm-session"
SESSION_DAYS = 0.5
WARMING = "X-CVM-Warming"
CONTENT_SECURITY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "form-action 'self'",
    ]
)
# Live widgets' scripts arrive as blobs, and their loader builds functions from text.
CONTENT_SECURITY_LIVE = CONTENT_SECURITY.replace(
    "script-src 'self' 'unsafe-inline'",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob: data:",
).replace("base-uri 'none'", "base-uri 'self'")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PROBLEMS = ("wrong", "too_many")
LOG = logging.getLogger("cvm.access")


def log_request(handler: tornado.web.RequestHandler) -> None:
    """Write what was asked and how it went: no address, no query, no user, no browser."""
    path = handler.request.path
    LOG.info(
        "%s %s %d %.0f ms",
        handler.request.method,
        path[:200].encode("ascii", "backslashreplace").decode(),
        handler.get_status(),
        1_000 * handler.request.request_time(),
    )


class Gate:
    """Comes before a handler's own doing: who may pass, and which headers every answer has."""

    def set_default_headers(self) -> None:
        """Put our headers into every answer."""
        super().set_default_headers()  # type: ignore[misc]
        self.set_header("Content-Security-Policy", self.content_security_policy)  # type: ignore[attr-defined]
        for name, value in HEADERS.items():
            self.set_header(name, value)  # type: ignore[attr-defined]

    @property
    def content_security_policy(self) -> str:
        """Return where a page may load from: nowhere but here."""
        live = self.settings.get("cvm_live")  # type: ignore[attr-defined]
        return CONTENT_SECURITY_LIVE if live else CONTENT_SECURITY

    async def prepare(self) -> None:
        """Let a request pass, send it to the login, or refuse it."""
        access: Access = self.settings["cvm_access"]  # type: ignore[attr-defined]
        request = self.request  # type: ignore[attr-defined]
        warming = hmac.compare_digest(
            request.headers.get(WARMING, "").encode(),
            self.settings["cvm_warming"].encode(),  # type: ignore[attr-defined]
        )
        if not warming:
            if not access.knows_host(request.host):
                raise tornado.web.HTTPError(403)
            if access.user_header and not request.headers.get(access.user_header):
                raise tornado.web.HTTPError(403)
            session = self.get_signed_cookie(SESSION, max_age_days=SESSION_DAYS)  # type: ignore[attr-defined]
            if access.needs_login and not session:
                here = quote(request.uri[:500])
                self.redirect(f"{self.settings['cvm_base']}login?next={here}")  # type: ignore[attr-defined]
                return
        going_on = super().prepare()  # type: ignore[misc]
        if going_on is not None:
            await going_on


class OpenHandler(tornado.web.RequestHandler):
    """What answers before the login; it tells nothing of the figures."""

    def set_default_headers(self) -> None:
        """Put our headers into every answer."""
        self.set_header("Content-Security-Policy", CONTENT_SECURITY)
        for name, value in HEADERS.items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-store")
        self.clear_header("Server")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say no more than the status."""
        self.finish(str(status_code))


class AliveHandler(OpenHandler):
    """Tells a page that the server is there, and which figures are in force."""

    def get(self) -> None:
        """Answer with the snapshot's name; without it where viewers must log in."""
        stamp: str | None = None
        if not self.settings["cvm_access"].guarded:
            try:
                stamp = latest_stamp(self.settings["cvm_published"])
            except CvmError:
                stamp = None
        self.set_header("X-CVM-Server", self.settings["cvm_token"])
        self.finish({"alive": True, "stamp": stamp})


class LoginHandler(OpenHandler):
    """Asks for the password or the token, in both languages."""

    def get(self) -> None:
        """Show the form."""
        self._show("")

    def post(self) -> None:
        """Let in who knows the password or the token; slow down who guesses."""
        origin = self.request.headers.get("Origin", "")
        access: Access = self.settings["cvm_access"]
        attempts: Attempts = self.settings["cvm_attempts"]
        if not access.knows_host(self.request.host) or (
            origin and urlsplit(origin).netloc != self.request.host
        ):
            raise tornado.web.HTTPError(403)
        address, now = self.request.remote_ip or "", time.monotonic()
        if not attempts.allowed(address, now):
            self.set_status(429)
            self.set_header("Retry-After", "60")
            self._show("too_many")
            return
        if not access.lets_in(self.get_body_argument("secret", "")[:200]):
            attempts.failed_at(address, now)
            self.set_status(401)
            self._show("wrong")
            return
        self.set_signed_cookie(
            SESSION,
            "in",
            expires_days=SESSION_DAYS,
            path=self.settings["cvm_base"],
            httponly=True,
            samesite="Strict" if not access.behind_proxy else "Lax",
            secure=self.request.protocol == "https",
        )
        self.redirect(self._next())

    def _next(self) -> str:
        """Return where the viewer wanted to go: an address of this server, nothing else."""
        asked, base = self.get_argument("next", ""), self.settings["cvm_base"]
        plain = asked.startswith(base) and not asked.startswith("//") and "\\" not in asked
        return asked if plain and not urlsplit(asked).netloc else base

    def _show(self, problem: str) -> None:
        template = self.settings["voila_jinja2_env"].get_template("login.html")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(
            template.render(
                base_url=self.settings["cvm_base"],
                problem=problem,
                next=self._next(),
                say=say,
                # The snapshot's font would tell which characters stand in figures and names.
                font=b64encode(self.settings.get("cvm_login_font", b"")).decode(),
            )
        )


def login_texts() -> list[str]:
    """Return all that the login may say, for a font that tells nothing else."""
    keys = ["landing.title", *(f"login.{one}" for one in ("title", "secret", "enter", *_PROBLEMS))]
    return [say(f"publish.{key}", lang) for key in keys for lang in LANGUAGES]
