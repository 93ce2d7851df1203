"""The gallery page: every notebook and dashboard, a small picture and its headline figures.

``docs/gallery.md`` and its pictures are generated from executed notebooks. Beside the pictures,
``gallery.json`` records what they were made from: the check compares that record with the stored
notebooks and the figures, not the pictures, whose pixels differ between machines.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from cvm.core.checks import DataError
from cvm.core.i18n import say
from cvm.publish.book_records import Figure
from cvm.publish.gallery_pictures import PICTURE_BYTES, write_picture
from cvm.publish.run_cache import notebook_fingerprint, write_whole
from cvm.publish.run_plan import read_notebook
from cvm.publish.run_records import RunResult

PAGE = "gallery.md"
FOLDER = "gallery"
_RECORD = "gallery.json"
_QUESTION = re.compile(
    r"\*\*\s*(?:Question|问题)\s*[.:。：]?\s*\*\*[.:。：]?\s*(.+?)(?=\n\s*\n|\n\*\*|\Z)", re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of the gallery.

    Attributes:
        name: File name of the notebook or dashboard, without its ending.
        file: The file, as the page links to it.
        title: Its level-1 heading.
        question: The question it states; empty for a dashboard.
        pictures: File names under ``docs/gallery``, Chinese before English.
        figures: Headline figures.
        source: Fingerprint of the stored notebook.
    """

    name: str
    file: str
    title: str
    question: str = ""
    pictures: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    source: str = ""


def write_gallery(
    run: RunResult,
    notebooks_dir: str | Path,
    docs_dir: str | Path,
    *,
    dashboards_dir: str | Path | None = None,
) -> list[Path]:
    """Write the gallery from a run and return the files written.

    Args:
        run: A good run of all notebooks.
        notebooks_dir: Folder of the stored notebooks.
        docs_dir: Folder of ``gallery.md``; pictures stand in ``gallery`` beneath it.
        dashboards_dir: Folder of the dashboards; their screenshots are taken from
            ``gallery/dashboard-<name>-<lang>.png`` as they are.

    Raises:
        DataError: A notebook of the run failed.
    """
    docs = Path(docs_dir)
    pictures = docs / FOLDER
    pictures.mkdir(parents=True, exist_ok=True)
    written = []
    notebooks = []
    for one in run.notebooks:
        if one.path is None or one.failure:
            raise DataError(one.name, one.state, "run to its end before the gallery is made")
        entry = _notebook_entry(Path(notebooks_dir) / f"{one.name}.ipynb", one.figures)
        executed = nbformat.read(one.path, as_version=4)
        language = str(run.parameters.get("language", "zh"))
        picture = write_picture(pictures, entry.name, entry.title, executed, one.figures, language)
        written.append(picture)
        notebooks.append(Entry(**{**vars(entry), "pictures": (picture.name,)}))
    dashboards = _dashboards(dashboards_dir, pictures)
    _drop_old(pictures, [*notebooks, *dashboards])
    page = render_page(notebooks, dashboards)
    write_whole(docs / PAGE, page)
    write_whole(pictures / _RECORD, _record_text(notebooks, dashboards, page))
    return [docs / PAGE, pictures / _RECORD, *written]


def check_gallery(
    notebooks_dir: str | Path,
    docs_dir: str | Path,
    *,
    figures: Mapping[str, Sequence[Figure]],
    dashboards_dir: str | Path | None = None,
) -> list[str]:
    """Return why the gallery is stale, one sentence each; none if it is not.

    Args:
        notebooks_dir: Folder of the stored notebooks.
        docs_dir: Folder of ``gallery.md``.
        figures: Notebook → its figures now: of a run, or the golden ones.
        dashboards_dir: Folder of the dashboards.
    """
    docs = Path(docs_dir)
    try:
        stored = json.loads((docs / FOLDER / _RECORD).read_text(encoding="utf-8"))
        page = (docs / PAGE).read_text(encoding="utf-8")
    except (OSError, ValueError) as problem:
        return [f"the gallery is missing or damaged: {problem}"]
    problems = []
    if hashlib.sha256(page.encode()).hexdigest() != stored.get("page"):
        problems.append(f"{PAGE} was changed by hand")
    files = sorted(Path(notebooks_dir).glob("*.ipynb"))
    entries = [_notebook_entry(file, figures.get(file.stem, ())) for file in files]
    problems += _compare(entries, stored.get("notebooks", {}), compare_figures=True)
    dashboards = _dashboards(dashboards_dir, docs / FOLDER)
    problems += _compare(dashboards, stored.get("dashboards", {}), compare_figures=False)
    for name, about in {**stored.get("notebooks", {}), **stored.get("dashboards", {})}.items():
        problems += _picture_problems(name, about.get("pictures", ()), docs / FOLDER)
    return problems


def _compare(
    entries: Sequence[Entry], stored: Mapping[str, Mapping[str, Any]], *, compare_figures: bool
) -> list[str]:
    problems = [f"{name} is gone" for name in stored if name not in {e.name for e in entries}]
    for entry in entries:
        about = stored.get(entry.name)
        if about is None:
            problems.append(f"{entry.name} is not in the gallery")
            continue
        if about["source"] != entry.source:
            problems.append(f"{entry.name} was changed since")
        if compare_figures:
            shown = {f["name"]: Figure.from_dict(f) for f in about["figures"]}
            problems += _moved(entry, shown)
        elif list(entry.pictures) != about["pictures"]:
            problems.append(f"{entry.name} has other screenshots")
    return problems


def _moved(entry: Entry, shown: Mapping[str, Figure]) -> list[str]:
    now = {figure.name: figure for figure in entry.figures}
    problems = [
        f"{entry.name}: figure {name} is shown or recorded alone"
        for name in sorted({*now} ^ {*shown})
    ]
    for name in now.keys() & shown.keys():
        if abs(now[name].value - shown[name].value) > shown[name].allowed_change:
            problems.append(
                f"{entry.name}: figure {name} is shown as {shown[name].value:.6g}, "
                f"is {now[name].value:.6g}"
            )
    return problems


def _picture_problems(name: str, pictures: Sequence[str], folder: Path) -> list[str]:
    missing = [p for p in pictures if not (folder / p).is_file()]
    large = [
        p for p in pictures if p not in missing and (folder / p).stat().st_size > PICTURE_BYTES
    ]
    return [f"{name}: picture {p} is missing" for p in missing] + [
        f"{name}: picture {p} is larger than {PICTURE_BYTES // 1000} kB" for p in large
    ]


def _notebook_entry(file: Path, figures: Sequence[Figure]) -> Entry:
    stored = read_notebook(file)
    question = _QUESTION.search(stored.cells[0].source if stored.cells else "")
    return Entry(
        name=file.stem,
        file=f"../notebooks/{file.name}",
        title=_title(stored, file.stem),
        question=" ".join(question[1].split()) if question else "",
        figures=tuple(figures),
        source=notebook_fingerprint(stored, parameters={}, data="", code=""),
    )


def _title(notebook: Mapping[str, Any], name: str) -> str:
    for cell in notebook["cells"]:
        found = re.search(r"^#\s+(.+)$", cell["source"], re.MULTILINE)
        if cell["cell_type"] == "markdown" and found:
            return found[1].strip()
    return name


def _dashboards(folder: str | Path | None, pictures: Path) -> list[Entry]:
    entries = []
    for file in sorted(Path(folder).glob("*.ipynb")) if folder else []:
        stored = read_notebook(file)
        shots = [f"dashboard-{file.stem}-{lang}.png" for lang in ("zh", "en")]
        entries.append(
            Entry(
                name=file.stem,
                file=f"../dashboards/{file.name}",
                title=_title(stored, file.stem),
                pictures=tuple(shot for shot in shots if (pictures / shot).is_file()),
                source=notebook_fingerprint(stored, parameters={}, data="", code=""),
            )
        )
    return entries


def _drop_old(pictures: Path, entries: Sequence[Entry]) -> None:
    """Remove pictures of notebooks that are gone; screenshots belong to their dashboards."""
    kept = {picture for entry in entries for picture in entry.pictures}
    for file in [*pictures.glob("*.png"), *pictures.glob("*.svg")]:
        if file.name not in kept and not file.name.startswith("dashboard-"):
            file.unlink()


def render_page(notebooks: Sequence[Entry], dashboards: Sequence[Entry]) -> str:
    """Return the gallery page in Markdown, both languages side by side."""
    lines = [f"# {_both('title')}", "", say("book.gallery.intro", "en"), ""]
    lines += [say("book.gallery.intro", "zh"), ""]
    if dashboards:
        lines += [f"## {_both('dashboards')}", ""]
        lines += [line for entry in dashboards for line in _entry_lines(entry)]
    lines += [f"## {_both('notebooks')}", ""]
    lines += [line for entry in notebooks for line in _entry_lines(entry)]
    return "\n".join(lines).rstrip() + "\n"


def _both(key: str) -> str:
    return f"{say(f'book.gallery.{key}', 'en')} · {say(f'book.gallery.{key}', 'zh')}"


def _entry_lines(entry: Entry) -> list[str]:
    lines = [f"### [{entry.title}]({entry.file})", ""]
    if entry.question:
        lines += [f"> {entry.question}", ""]
    for picture in entry.pictures:
        lines += [f'<img src="{FOLDER}/{picture}" alt="{_attribute(entry.title)}" width="480">', ""]
    if not entry.pictures:
        lines += [f"*{_both('no_screenshot')}*", ""]
    if entry.figures:
        lines += [f"| {_both('figure')} | {_both('value')} |", "| --- | --- |"]
        lines += [_figure_line(figure) for figure in entry.figures]
        lines.append("")
    elif entry.file.startswith("../notebooks"):
        lines += [_both("no_figures"), ""]
    return lines


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def _figure_line(figure: Figure) -> str:
    words = " · ".join(dict.fromkeys(figure.label(lang) for lang in ("en", "zh")))
    values = " · ".join(dict.fromkeys(figure.text(lang) for lang in ("en", "zh")))
    return f"| {words} | {values} |"


def _record_text(notebooks: Sequence[Entry], dashboards: Sequence[Entry], page: str) -> str:
    record = {
        "page": hashlib.sha256(page.encode()).hexdigest(),
        "notebooks": {
            entry.name: {
                "source": entry.source,
                "pictures": list(entry.pictures),
                "figures": [figure.to_dict() for figure in entry.figures],
            }
            for entry in notebooks
        },
        "dashboards": {
            entry.name: {"source": entry.source, "pictures": list(entry.pictures)}
            for entry in dashboards
        },
    }
    return json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
