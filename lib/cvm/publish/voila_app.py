"""Voilà as we serve it: its own process, our pages, nothing from another host.

Run by ``cvm.publish.serve`` as ``python -m cvm.publish.voila_app``; not meant to be run by hand.
It differs from plain Voilà in six ways: a list of dashboards at ``/`` in place of the file tree;
our template and no other; kernels of this very Python, whatever is installed for the user; a page
without live widgets is made once a snapshot and its kernel ends at once; viewers reach no kernel at
all, unless live widgets are asked for; and the server ends when the process that started it goes
away (its standard input closes).
"""

from __future__ import annotations

import argparse
import functools
import logging
import os
import secrets
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import tornado.httpclient
import tornado.ioloop
import tornado.web
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_core.paths import jupyter_path
from traitlets.config import Config
from voila.app import Voila

from cvm.apps.opened import FILES_VARIABLE, ROOT_VARIABLE
from cvm.core.i18n import LANGUAGES, say
from cvm.publish.access import Access, Attempts
from cvm.publish.serve import ACCESS_VARIABLE
from cvm.publish.voila_access import (
    WARMING,
    AliveHandler,
    LoginHandler,
    log_request,
    login_texts,
)
from cvm.publish.voila_files import FILE, FileHandler, Files
from cvm.publish.voila_pages import (
    DashboardHandler,
    FontHandler,
    LandingHandler,
    NotFoundHandler,
    font_in_force,
)
from cvm.views.font_subset import subset_of

HERE = Path(__file__).parent / "voila"
STATIC = HERE / "templates" / "cvm" / "static"
# Only what live charts and standard controls need; Voilà's own widget manager comes by itself.
EXTENSIONS = [
    "anywidget",
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
]
_CULL_IDLE_SECONDS = 3_600
_MOST_LIVE_KERNELS = 60
# A viewer sends an address and a few headers; who sends more, or slowly, is cut off.
_LIMITS = {
    "max_header_size": 16_384,
    "max_body_size": 65_536,
    "body_timeout": 10.0,
    "idle_connection_timeout": 20.0,
}


class OwnKernelSpecs(KernelSpecManager):
    """One kernel: this Python, without what a dashboard never uses (history, debugger)."""

    def get_all_specs(self) -> dict[str, Any]:
        """Return the one kernel as Voilà lists kernels."""
        spec = self.get_kernel_spec("python3")
        return {"python3": {"resource_dir": spec.resource_dir, "spec": spec.to_dict()}}

    def find_kernel_specs(self) -> dict[str, str]:
        """Return the one kernel's name."""
        return {"python3": ""}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the one kernel, whatever a notebook asks for."""
        launch = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
        quick = ["--HistoryManager.enabled=False", "--InteractiveShell.banner1="]
        return KernelSpec(
            argv=[sys.executable, *launch, *quick], display_name="Python 3", language="python"
        )


class CvmVoila(Voila):
    """The server's process."""

    published = ""
    dashboards = ""
    token_header = ""
    live = False
    access = Access()
    warming = secrets.token_hex(16)

    @property
    def data_dir(self) -> str:
        """Voilà's own files (themes, schemas); our template's folder has none."""
        found = (path for path in jupyter_path("voila") if Path(path, "themes").is_dir())
        return str(next(found, super().data_dir))

    def init_settings(self) -> dict[str, Any]:
        """Add what our handlers need."""
        settings = super().init_settings()
        environment = settings["voila_jinja2_env"]
        environment.globals["say"] = say
        return {
            **settings,
            "cvm_published": self.published,
            "cvm_dashboards": self.dashboards,
            "cvm_token": self.token_header,
            "cvm_warming": self.warming,
            "cvm_live": self.live,
            "cvm_most_kernels": _MOST_LIVE_KERNELS,
            "cvm_access": self.access,
            "cvm_attempts": Attempts(),
            "cvm_files": Files(self.published),
            "cvm_base": self.server_url,
            "cookie_secret": secrets.token_bytes(32),
            "log_function": log_request,
            "websocket_max_message_size": 1_000_000,
            "cvm_voila_configuration": self.voila_configuration,
            "default_handler_class": NotFoundHandler,
        }

    def init_handlers(self) -> list[Any]:
        """Put our pages before Voilà's, and leave out its file tree and list of contents."""
        configuration = {"voila_configuration": self.voila_configuration}
        static = tornado.web.StaticFileHandler
        render = {
            "template_paths": self.template_paths,
            "config": self.config,
            "voila_configuration": self.voila_configuration,
        }
        ours = [
            (self.server_url, LandingHandler, configuration),
            (f"{self.server_url}cvm/static/(.*)", static, {"path": str(STATIC)}),
            (f"{self.server_url}login", LoginHandler),
            (f"{self.server_url}cvm/alive", AliveHandler),
            (f"{self.server_url}favicon.ico()", static, {"path": str(STATIC / "favicon.svg")}),
            (f"{self.server_url}cvm/font.woff2", FontHandler, configuration),
            (f"{self.server_url}cvm/files/{FILE}", FileHandler, configuration),
            (f"{self.server_url}voila/render/(.*)", DashboardHandler, render),
            (f"{self.server_url}voila/(?:tree|api/contents|files)(?:/.*)?", NotFoundHandler),
        ]
        # Voilà's own answers are the way to a kernel and to files: only live widgets need them.
        others = super().init_handlers() if self.live else []
        return [*ours, *others, (".*", NotFoundHandler)]

    def listen(self) -> None:
        """Listen, and make each dashboard once so that the first viewer need not wait."""
        font = font_in_force(self.app.settings)
        if font and self.access.needs_login:
            self.app.settings["cvm_login_font"] = subset_of(font, login_texts())
        boards = sorted(Path(self.dashboards).glob("*.ipynb"))
        tornado.ioloop.IOLoop.current().add_callback(self._warm, [file.name for file in boards])
        limits = {**_LIMITS, "xheaders": self.access.behind_proxy}
        self.app.listen = functools.partial(self.app.listen, **limits)
        super().listen()

    async def _warm(self, boards: list[str]) -> None:
        client = tornado.httpclient.AsyncHTTPClient()
        host = "127.0.0.1" if self.ip in ("", "0.0.0.0", "::") else self.ip
        for board in boards:
            for lang in LANGUAGES:
                await client.fetch(
                    f"http://{host}:{self.port}{self.server_url}voila/render/{quote(board)}?lang={lang}",
                    headers={WARMING: self.warming},
                    raise_error=False,
                    request_timeout=60,
                )
                if board in DashboardHandler.live:
                    break

    def _handle_signal_stop(self, sig: Any, frame: Any) -> None:
        self.ioloop.add_callback_from_signal(self.ioloop.stop)


def words() -> dict[str, dict[str, str]]:
    """Return what a dashboard's frame says, by language."""
    keys = {
        "opening": "page.opening",
        "lost": "page.lost",
        "reload": "page.reload",
        "no_script": "page.no_script",
        "error_title": "error.title",
        "error_failed": "error.failed",
    }
    return {
        lang: {name: say(f"publish.{key}", lang) for name, key in keys.items()}
        for lang in LANGUAGES
    }


def make_config(dashboards: str, host: str, port: int, base_url: str = "/") -> Config:
    """Return Voilà's settings; nothing of the user's own Jupyter settings is read."""
    config = Config()
    config.Voila.update(
        {"ip": host, "port": port, "port_retries": 0, "open_browser": False, "token": ""}
    )
    config.Voila.root_dir = dashboards
    config.Voila.config_file_paths = []
    config.Voila.log_level = "WARN"
    config.VoilaConfiguration.update(
        {
            "template": "cvm",
            "theme": "light",
            "allow_template_override": "NO",
            "allow_theme_override": "NO",
            "show_tracebacks": False,
            "strip_sources": True,
            "extension_allowlist": EXTENSIONS,
            "file_allowlist": [],
            "kernel_spec_manager_class": OwnKernelSpecs,
            "resources": {"cvm": {"words": words()}},
        }
    )
    config.Voila.base_url = base_url
    config.VoilaExecutor.timeout = 60
    config.MappingKernelManager.update(
        {"cull_idle_timeout": _CULL_IDLE_SECONDS, "cull_interval": 60, "cull_connected": True}
    )
    return config


def main(arguments: list[str] | None = None) -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    for name in ("published", "dashboards", "host", "token"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--base-url", default="/")
    parser.add_argument("--access-log", default="")
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args(arguments)
    os.environ[ROOT_VARIABLE] = given.published
    os.environ[FILES_VARIABLE] = "../../cvm/files/"  # as seen from a dashboard's address
    os.environ["JUPYTER_PATH"] = str(HERE.parent)
    CvmVoila.published, CvmVoila.dashboards = given.published, given.dashboards
    CvmVoila.token_header, CvmVoila.live = given.token, given.live
    # Taken out, so that no kernel has it.
    CvmVoila.access = Access.from_json(os.environ.pop(ACCESS_VARIABLE, Access().to_json()))
    if given.access_log:
        _log_to(given.access_log)
    settings = make_config(given.dashboards, given.host, given.port, given.base_url)
    app = CvmVoila.instance(config=settings)
    app.initialize([])
    _stop_with_starter(app)
    app.start()


def _log_to(file: str) -> None:
    log = logging.getLogger("cvm.access")
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def _stop_with_starter(app: CvmVoila) -> None:
    def wait() -> None:
        sys.stdin.buffer.read()
        app.ioloop.add_callback(app.ioloop.stop)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    main()
