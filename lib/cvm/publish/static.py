"""The published dashboards as plain files, which open from a folder or an e-mail without a server.

A page holds all it shows, levers included, so a file of it is the page. Beside the pages stands the
list of dashboards in both languages.
"""

from __future__ import annotations

from datetime import date
from html import escape
from importlib import import_module, resources
from pathlib import Path
from types import ModuleType

import jinja2

from cvm.apps.model import STALE_AFTER_DAYS
from cvm.apps.page import HTML_LANG, PageView
from cvm.core.checks import DataError
from cvm.core.i18n import LANGUAGES, say
from cvm.core.snapshot import FONT, open_latest
from cvm.data.swap import swap_in, written_aside
from cvm.publish.landing import landing

_TEMPLATES = "voila/templates/cvm"
_ASSETS = ("static/chrome.css", "static/favicon.svg")
# Nothing is asked of another host, whatever a page holds.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline' 'self' file:; script-src 'unsafe-inline'; "
    "img-src data: 'self' file:; font-src data: 'self' file:"
)


def write_static(
    root: str | Path, folder: str | Path, *, dashboards: str | Path, today: date
) -> list[str]:
    """Write the snapshot in force as plain files.

    Written aside and swapped in at the end: a folder written before stays whole until then.

    Args:
        root: Folder of all snapshots.
        folder: Folder to write; what an earlier call wrote there is replaced.
        dashboards: Folder of the dashboards' notebooks, which name the pages.
        today: To say when figures are old.

    Returns:
        The files' names; ``index.html`` is the list of dashboards.

    Raises:
        SnapshotError: There is no snapshot, or it is damaged.
        DataError: The folder holds something that was not written here, or there is no dashboard.
    """
    target = Path(folder).resolve()
    names = sorted(file.stem for file in Path(dashboards).glob("*.ipynb"))
    if not names:
        raise DataError("dashboards", str(dashboards), "a folder with dashboards (.ipynb)")
    with open_latest(root) as snapshot:
        font = snapshot.read(FONT) if FONT in snapshot.manifest["files"] else b""
    _check_ours(target)
    files: dict[str, bytes] = {"font.woff2": font} if font else {}
    for name in _ASSETS:
        asset = resources.files("cvm.publish").joinpath(f"{_TEMPLATES}/{name}")
        files[name] = asset.read_bytes()
    for name in names:
        files[f"{name}.html"] = _document(_app(name).show(root)).encode()
    for lang in LANGUAGES:
        files[f"index-{lang}.html"] = _list(root, dashboards, lang, today).encode()
    files["index.html"] = files[f"index-{LANGUAGES[0]}.html"]
    with written_aside(target.parent) as aside:
        for name, content in files.items():
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            (aside / name).write_bytes(content)
        swap_in(aside, target, replace=True)
    return sorted(files)


def _check_ours(target: Path) -> None:
    """Refuse a folder with files of somebody else: nothing is lost by a slip of the hand."""
    if target.exists() and any(target.iterdir()) and not (target / "index-zh.html").is_file():
        raise DataError(
            "folder",
            str(target),
            "new, empty, or written by an earlier `cvm publish --static`",
            action="name another folder",
        )


def _app(name: str) -> ModuleType:
    """Return the module of a dashboard; its notebook is named as it, with hyphens."""
    return import_module(f"cvm.apps.{name.replace('-', '_')}")


def _document(view: PageView) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="{HTML_LANG[view.lang]}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="cvm-home" content="index-{lang}.html">\n'
        f"<title>{escape(view.model.name)}</title>\n"
        '<link rel="icon" href="static/favicon.svg" type="image/svg+xml">\n'
        '<style>body{margin:0}</style>\n</head>\n<body class="cvm-static">\n'
        f"{view._repr_html_()}\n</body>\n</html>\n"
    )


def _list(root: str | Path, dashboards: str | Path, lang: str, today: date) -> str:
    shown = landing(root, dashboards, lang, today=today, stale_days=STALE_AFTER_DAYS)
    for board in shown["boards"]:
        board["href"] = f"{Path(board['file']).stem}.html?lang={lang}"
    source = resources.files("cvm.publish").joinpath(f"{_TEMPLATES}/landing.html")
    other = "en" if lang == "zh" else "zh"
    # The template escapes what it shows, as Voilà's environment does.
    template = jinja2.Environment(autoescape=True).from_string(source.read_text(encoding="utf-8"))
    return template.render(
        **shown,
        lang=lang,
        other=other,
        assets="static/",
        language_href=f"index-{other}.html",
        say=lambda key, **values: say(key, lang, **values),
    )
