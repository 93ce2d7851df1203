"""Reading a published snapshot. Standard library only: every dashboard's kernel imports this.

A snapshot is a folder ``<root>/<stamp>/`` with ``manifest.json``, ``tables/``, ``pages/``,
``figures/`` and ``fonts/``; ``<root>/latest`` is one line of text that names the stamp in force.
Nothing is trusted: the manifest carries its own digest, and every file is checked against the
manifest when it is read. ``cvm.publish.snapshot`` writes what this module reads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from types import ModuleType, TracebackType
from typing import IO, Any

from cvm.core.checks import ArgumentError, DataError, check_one_of
from cvm.core.i18n import LANGUAGES, say

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows: an open file already keeps its folder from being removed.
    fcntl = None

FORMAT = 1
"""The layout this version writes and the newest it reads."""

LATEST = "latest"
MANIFEST = "manifest.json"
FONT = "fonts/cvm-sans-sc.woff2"


class SnapshotError(DataError):
    """A snapshot that cannot be shown.

    Attributes:
        key: The catalogue's entry that tells a viewer what is wrong and whom to ask.
    """

    key = "publish.snapshot_damaged"

    def text(self, lang: str) -> str:
        """Return the sentence for a viewer, without paths or file names."""
        return say(self.key, lang)


class NoSnapshotError(SnapshotError):
    """Nothing has been published yet."""

    key = "publish.snapshot_none"


class DamagedSnapshotError(SnapshotError):
    """The snapshot in force is incomplete or was changed after it was published."""


class NewerSnapshotError(SnapshotError):
    """The snapshot was written by a later version of the suite."""

    key = "publish.snapshot_newer"


class Snapshot:
    """One published snapshot, read-only.

    While it is open, publishing keeps its folder even if newer snapshots push it out. Use it in a
    ``with`` statement, or call :meth:`close`, where many are opened.

    Attributes:
        folder: The snapshot's folder.
        manifest: The verified manifest.
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any], hold: IO[bytes]) -> None:
        self.folder = folder
        self.manifest = manifest
        self._hold = hold

    @property
    def stamp(self) -> str:
        """The snapshot's name: the moment of publishing in UTC."""
        return str(self.manifest["stamp"])

    @property
    def created(self) -> datetime:
        """The moment of publishing, in the publisher's time zone."""
        return datetime.fromisoformat(self.manifest["created"])

    @property
    def last_month(self) -> date | None:
        """The last month the data cover, where the source has months."""
        text = self.manifest.get("data", {}).get("last_month")
        return date.fromisoformat(text) if text else None

    def age_days(self, today: date) -> int:
        """Return how many days ago it was published, never below 0.

        Args:
            today: The viewer's date; nothing here reads the clock.
        """
        return max(0, (today - self.created.date()).days)

    def pages(self) -> list[str]:
        """Return the names of the pages."""
        return self._names("pages/", ".json")

    def tables(self) -> list[str]:
        """Return the names of the tables."""
        return self._names("tables/", ".json")

    def figures(self) -> list[str]:
        """Return the file names of the figures."""
        return self._names("figures/", "")

    def page(self, name: str, lang: str) -> dict[str, Any]:
        """Return a page's content in one language.

        Raises:
            ArgumentError: There is no such page or language.
            DamagedSnapshotError: The file is missing or changed.
        """
        check_one_of(lang, "lang", LANGUAGES)
        check_one_of(name, "page", self.pages())
        content: dict[str, Any] = self._json(f"pages/{name}.json")[lang]
        return content

    def table(self, name: str) -> dict[str, Any]:
        """Return a table as it was published: columns, rows, and which cells are withheld.

        Raises:
            ArgumentError: There is no such table.
            DamagedSnapshotError: The file is missing or changed.
        """
        check_one_of(name, "table", self.tables())
        return self._json(f"tables/{name}.json")

    def figure(self, name: str) -> bytes:
        """Return a figure's bytes (SVG).

        Raises:
            ArgumentError: There is no such figure.
            DamagedSnapshotError: The file is missing or changed.
        """
        check_one_of(name, "figure", self.figures())
        return self.read(f"figures/{name}")

    def read(self, path: str) -> bytes:
        """Return the verified bytes of one file of the snapshot.

        Args:
            path: A path the manifest lists, with forward slashes.

        Raises:
            ArgumentError: The manifest does not list it, so no path leads outside the folder.
            DamagedSnapshotError: The file is missing, unreadable or changed.
        """
        expected = self.manifest["files"].get(path)
        if expected is None:
            raise ArgumentError("path", path, "a file of the snapshot")
        try:
            content = (self.folder / path).read_bytes()
        except OSError as error:
            raise _damaged(
                self.folder.parent, self.folder / path, f"readable ({error.strerror})"
            ) from error
        if hashlib.sha256(content).hexdigest() != expected:
            raise _damaged(
                self.folder.parent, self.folder / path, "as it was published (its checksum differs)"
            )
        return content

    def close(self) -> None:
        """Let publishing remove this snapshot when it is old."""
        self._hold.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _names(self, folder: str, ending: str) -> list[str]:
        found = [path for path in self.manifest["files"] if path.startswith(folder)]
        return sorted(path[len(folder) : len(path) - len(ending)] for path in found)

    def _json(self, path: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.read(path))
        return content


def latest_stamp(root: str | Path) -> str | None:
    """Return the stamp of the snapshot in force, or None before the first one.

    Raises:
        DamagedSnapshotError: ``latest`` cannot be read or does not hold a stamp.
    """
    file = Path(root) / LATEST
    try:
        stamp = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(Path(root), file, "one line that names a snapshot") from error
    if not stamp or stamp.startswith(".") or any(mark in stamp for mark in "/\\\n:"):
        raise _damaged(Path(root), file, "one line that names a snapshot")
    return stamp


def open_latest(root: str | Path) -> Snapshot:
    """Open the snapshot in force under ``root``.

    Raises:
        NoSnapshotError: Nothing has been published there.
        DamagedSnapshotError: It is incomplete or was changed.
        NewerSnapshotError: A later version of the suite wrote it.
    """
    stamp = latest_stamp(root)
    if stamp is None:
        raise NoSnapshotError(
            "published", str(root), "a folder with a snapshot", action="run cvm publish first"
        )
    try:
        return open_snapshot(root, stamp)
    except DamagedSnapshotError:
        # A publish may have swapped and cleared away the old one between our two reads.
        newer = latest_stamp(root)
        if newer is None or newer == stamp:
            raise
        return open_snapshot(root, newer)


def open_snapshot(root: str | Path, stamp: str) -> Snapshot:
    """Open one snapshot by its stamp.

    Raises:
        DamagedSnapshotError: It is missing, incomplete or was changed.
        NewerSnapshotError: A later version of the suite wrote it.
    """
    folder = Path(root) / stamp
    file = folder / MANIFEST
    try:
        hold = file.open("rb")
    except OSError as error:
        raise _damaged(folder.parent, file, f"readable ({error.strerror})") from error
    try:
        _hold_shared(hold)
        if not file.exists():  # cleared away before the hold took effect
            raise _damaged(folder.parent, file, "readable (it was just removed)")
        return Snapshot(folder, _verified(hold.read(), file), hold)
    except BaseException:
        hold.close()
        raise


def charts_of(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return all charts of a page in a language, that beside a panel of choices last."""
    beside = (content.get("drill") or {}).get("chart")
    return [*content["charts"], *([beside] if beside else [])]


def manifest_digest(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest without its own ``digest`` entry."""
    rest = {name: value for name, value in manifest.items() if name != "digest"}
    text = json.dumps(rest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _verified(content: bytes, file: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
        found = int(manifest["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(file.parent.parent, file, "a manifest") from error
    if found > FORMAT:
        raise NewerSnapshotError(
            "snapshot.format",
            found,
            f"at most {FORMAT} for this version",
            action="update cvm, or publish again with this version",
        )
    if manifest.get("digest") != manifest_digest(manifest):
        raise _damaged(file.parent.parent, file, "as it was published (its digest differs)")
    return dict(manifest)


def _hold_shared(file: IO[bytes]) -> None:
    """Mark the snapshot as in use; without locks (some network drives) go on unmarked."""
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return


def _damaged(root: Path, file: Path, expected: str) -> DamagedSnapshotError:
    return DamagedSnapshotError(
        "snapshot",
        str(file),
        expected,
        available=sorted(path.parent.name for path in root.glob(f"*/{MANIFEST}")),
        action=f"run cvm publish --force, or write the stamp of an older one into {root / LATEST}",
    )
