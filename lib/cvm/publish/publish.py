"""From a run of notebooks to a snapshot in force: withhold, draw, write, swap."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvm import __version__
from cvm.core.checks import CvmError, DataError
from cvm.core.i18n import catalogue, say
from cvm.core.snapshot import FONT, SnapshotError, open_latest
from cvm.publish.disclosure import Policy, Withheld, find_withheld, summarise
from cvm.publish.page_workbook import page_workbook
from cvm.publish.run_cache import code_fingerprint, fingerprint
from cvm.publish.snapshot import PublishInterrupted, in_force, write_snapshot
from cvm.publish.table_json import cell_table, frame_of, withhold
from cvm.views.pages import PAGES, PageMaker

if TYPE_CHECKING:
    from cvm.publish.run import RunResult

STEPS = ("withhold", "pages", "font", "write")
"""The names :func:`publish` calls ``progress`` with, in order."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """What publishing did.

    Attributes:
        folder: The snapshot in force.
        fresh: False when nothing had changed and the snapshot in force was kept.
        withheld: Withheld rows by table.
        pages: Names of the pages.
    """

    folder: Path
    fresh: bool
    withheld: Mapping[str, Withheld] = field(default_factory=dict)
    pages: tuple[str, ...] = ()

    @property
    def stamp(self) -> str:
        """The snapshot's name."""
        return self.folder.name

    @property
    def withheld_rows(self) -> int:
        """How many rows of all tables are withheld."""
        return sum(len(found.rows) for found in self.withheld.values())

    def text(self, lang: str) -> str:
        """Return what was done in one sentence."""
        key = "publish.done.fresh" if self.fresh else "publish.done.kept"
        return say(key, lang, stamp=self.stamp, pages=len(self.pages), withheld=self.withheld_rows)


def publish(
    run: RunResult | str | Path,
    root: str | Path,
    *,
    now: datetime,
    pages: Mapping[str, PageMaker] | None = None,
    policy: Policy | None = None,
    keep: int = 5,
    force: bool = False,
    code: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> Published:
    """Publish a run's small tables as a snapshot, unless nothing has changed.

    Args:
        run: A run, or the folder it wrote (``tables/`` and ``figures.json``).
        root: Folder of all snapshots.
        now: The moment of publishing, with its time zone.
        pages: Pages by name; by default those of :data:`cvm.views.pages.PAGES`.
        policy: When a group of customers is too small to be shown.
        keep: How many snapshots stay.
        force: Publish even when nothing has changed.
        code: Fingerprint of the code; by default it is computed.
        progress: Called with each of :data:`STEPS` as it begins.

    Returns:
        The snapshot in force, and what is withheld in it.

    Raises:
        DataError: The run failed, recorded no table, or recorded one that may not be published.
        PublishError: The snapshot cannot be written; the last good one stays in force.
        PublishInterrupted: Ctrl-C; the last good one stays in force.
    """
    tell = progress or (lambda step: None)
    policy = policy or Policy()
    try:
        records, data, parameters = _read_run(run)
        makers = PAGES if pages is None else pages
        inputs = fingerprint(
            [records, data, parameters, sorted(makers), policy, code or code_fingerprint()]
        )
        if not force:
            kept = _unchanged(Path(root), inputs)
            if kept is not None:
                return kept
        tell("withhold")
        tables = {name: cell_table(record) for name, record in records.items()}
        withheld = find_withheld(list(tables.values()), policy)
        public = {
            name: withhold(record, withheld[name].rows, tables[name].groups)
            for name, record in records.items()
        }
        moment = now if now.tzinfo else now.replace(tzinfo=UTC)
        manifest: dict[str, Any] = {
            "data": data,
            "parameters": parameters,
            "code_version": __version__,
            "minimum_customers": policy.minimum_customers,
            "suppressed": summarise(withheld),
            "inputs": inputs,
        }
        tell("pages")
        contents, figures = _make_pages(makers, public, withheld, manifest, moment)
        tell("font")
        font, manifest["font_characters"] = _font(Path(root), [public, contents])
        tell("write")
        folder = write_snapshot(
            root,
            tables=public,
            pages=contents,
            figures=figures,
            fonts={Path(FONT).name: font},
            manifest=manifest,
            now=moment,
            keep=keep,
        )
    except PublishInterrupted:
        raise
    except KeyboardInterrupt as stop:
        raise PublishInterrupted(f"publishing was stopped; {in_force(root)}") from stop
    return Published(folder=folder, fresh=True, withheld=withheld, pages=tuple(sorted(contents)))


def _read_run(
    run: RunResult | str | Path,
) -> tuple[dict[str, dict[str, Any]], dict[str, Any], dict[str, Any]]:
    """Return a run's tables, what it says of the data, and its parameters."""
    if not isinstance(run, str | Path):
        if not run.ok:
            raise DataError(
                "run",
                ", ".join(failure.notebook for failure in run.failures),
                "free of failed notebooks",
                action="mend the notebook, run again, then publish",
            )
        # The folder, not the result: a run of some notebooks keeps the tables of the others there.
        run = run.out_dir
    records, about = _read_folder(Path(run))
    data, parameters = about.get("data", {}), about.get("parameters", {})
    if not records:
        raise DataError(
            "run",
            str(run),
            "a run that recorded at least one table",
            action="run the notebooks that publish tables (cvm run), then publish",
        )
    return records, dict(data), dict(parameters)


def _read_folder(folder: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    records: dict[str, dict[str, Any]] = {}
    about: dict[str, Any] = {}
    try:
        for file in sorted(folder.glob("tables/*.json")):
            records[file.stem] = json.loads(file.read_text(encoding="utf-8"))
        if (folder / "figures.json").is_file():
            about = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            "run", str(folder), "a folder written by cvm run", action="run the notebooks again"
        ) from error
    return records, about


def _unchanged(root: Path, inputs: str) -> Published | None:
    """Return the snapshot in force if it was made from the same inputs and is whole."""
    try:
        with open_latest(root) as snapshot:
            if snapshot.manifest.get("inputs") != inputs:
                return None
            for path in snapshot.manifest["files"]:
                snapshot.read(path)
            return Published(folder=snapshot.folder, fresh=False, pages=tuple(snapshot.pages()))
    except SnapshotError:
        return None


def _make_pages(
    makers: Mapping[str, PageMaker],
    public: Mapping[str, Mapping[str, Any]],
    withheld: Mapping[str, Withheld],
    manifest: Mapping[str, Any],
    moment: datetime,
) -> tuple[dict[str, dict[str, Any]], dict[str, bytes]]:
    """Make every page from what may be shown, and nothing else."""
    frames = {name: frame_of(record) for name, record in public.items()}
    info = {
        **manifest["data"],
        "created": moment.isoformat(timespec="seconds"),
        "code_version": manifest["code_version"],
        "minimum": manifest["minimum_customers"],
    }
    contents: dict[str, dict[str, Any]] = {}
    figures: dict[str, bytes] = {}
    for name, maker in sorted(makers.items()):
        behind = {key: frames[key] for key in (*maker.needs, *maker.optional) if key in frames}
        # A page tells of its own withheld rows, not of those that stand on other pages.
        own = sum(len(withheld[key].rows) for key in behind if key in withheld)
        try:
            page = maker.make(frames, info | {"suppressed": own})
        except CvmError:
            raise
        except Exception as error:
            raise DataError(
                f"page {name}",
                f"{type(error).__name__}: {error}",
                "made from the published tables",
                available=sorted(frames),
                action="check the tables this page is made from",
            ) from error
        workbook = f"{name}.xlsx"
        figures |= page.figures
        figures[workbook] = page_workbook(page.content, behind, made=moment)
        contents[name] = {
            lang: {**content, "workbook": workbook} for lang, content in page.content.items()
        }
    return contents, figures


def _font(root: Path, texts: list[Any]) -> tuple[bytes, str]:
    """Return the font with the characters the pages need, and the characters' fingerprint.

    Making it takes seconds, so that of the snapshot in force is taken if its characters are ours.
    """
    characters = sorted(set("".join(_strings(texts))))
    mark = fingerprint(["".join(characters), catalogue()])
    try:
        with open_latest(root) as snapshot:
            if snapshot.manifest.get("font_characters") == mark:
                return snapshot.read(FONT), mark
    except CvmError:
        pass
    from cvm.views.fonts import web_font

    return web_font(characters), mark


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield str(key)
            yield from _strings(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _strings(entry)
