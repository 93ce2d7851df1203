"""Writing a snapshot: aside, checksummed, renamed into place, then swapped in at the end.

Order matters. Everything is written and flushed in a hidden sibling folder; one rename makes it a
snapshot; one atomic replacement of ``latest`` puts it in force. Whatever happens before that last
step (a full disk, Ctrl-C, a crash, a lost battery) leaves the last good snapshot in force, and the
next publish clears what the dead attempt left behind.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from cvm.core.checks import CvmError, check_at_least
from cvm.core.snapshot import FORMAT, LATEST, MANIFEST, SnapshotError, fcntl, latest_stamp
from cvm.core.snapshot import manifest_digest as _digest

_ASIDE = ".writing-"
_LEAVING = ".removing-"
_LOCK = ".lock"
_LOCK_WAIT_SECONDS = 60.0
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}


class PublishError(CvmError):
    """A snapshot could not be written; the last good one stays in force."""


class PublishInterrupted(KeyboardInterrupt):
    """Ctrl-C while publishing; the message says what is in force."""


def write_snapshot(
    root: str | Path,
    *,
    tables: Mapping[str, Mapping[str, Any]],
    pages: Mapping[str, Mapping[str, Any]],
    figures: Mapping[str, bytes],
    fonts: Mapping[str, bytes],
    manifest: Mapping[str, Any],
    now: datetime,
    keep: int = 5,
) -> Path:
    """Write one snapshot and put it in force.

    Args:
        root: The folder of all snapshots; made if need be.
        tables: Published tables by name, in the table form.
        pages: Pages by name, each ``{"zh": …, "en": …}``.
        figures: Pictures by file name.
        fonts: Fonts by file name.
        manifest: What else the manifest says: data, code version, parameters, what is withheld.
        now: The moment of publishing, with its time zone (taken as UTC without one).
        keep: How many snapshots stay, the new one included. The one in force, the one before it
            and any that a dashboard has open stay in any case.

    Returns:
        The new snapshot's folder.

    Raises:
        ArgumentError: ``keep`` is below 1.
        PublishError: The disk is full, the folder cannot be written, or another publish does not
            end.
        PublishInterrupted: Ctrl-C.
    """
    check_at_least(keep, "keep", 1)
    root = Path(root)
    moment = now if now.tzinfo else now.replace(tzinfo=UTC)
    files = _all_files(tables, pages, figures, fonts)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _only_publisher(root):
            _clear_leftovers(root)
            return _write_and_swap(root, files, manifest, moment, keep)
    except KeyboardInterrupt as stop:
        raise PublishInterrupted(f"publishing was stopped; {in_force(root)}") from stop
    except OSError as error:
        raise _told(root, error, sum(map(len, files.values()))) from error


def _all_files(
    tables: Mapping[str, Mapping[str, Any]],
    pages: Mapping[str, Mapping[str, Any]],
    figures: Mapping[str, bytes],
    fonts: Mapping[str, bytes],
) -> dict[str, bytes]:
    files = {f"tables/{name}.json": _json(table) for name, table in tables.items()}
    files |= {f"pages/{name}.json": _json(page) for name, page in pages.items()}
    files |= {f"figures/{name}": content for name, content in figures.items()}
    files |= {f"fonts/{name}": content for name, content in fonts.items()}
    return files


def _write_and_swap(
    root: Path,
    files: Mapping[str, bytes],
    manifest: Mapping[str, Any],
    moment: datetime,
    keep: int,
) -> Path:
    stamp = _free_stamp(root, moment)
    aside = root / f"{_ASIDE}{stamp}"
    try:
        for path, content in files.items():
            _write(aside / path, content)
        whole = {
            **manifest,
            "format": FORMAT,
            "stamp": stamp,
            "created": moment.isoformat(timespec="seconds"),
            "files": {path: hashlib.sha256(content).hexdigest() for path, content in files.items()},
        }
        whole["digest"] = _digest(whole)
        _write(aside / MANIFEST, _json(whole))
        for folder in {aside, *(path.parent for path in aside.rglob("*"))}:
            _flush_folder(folder)
        aside.rename(root / stamp)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    before = _stamp_in_force(root)
    try:
        _swap_latest(root, stamp)
    except BaseException:
        if _stamp_in_force(root) != stamp:
            shutil.rmtree(root / stamp, ignore_errors=True)
        raise
    _prune(root, keep=keep, spared={stamp, before})
    return root / stamp


def _swap_latest(root: Path, stamp: str) -> None:
    aside = root / f"{_ASIDE}{LATEST}"
    _write(aside, f"{stamp}\n".encode())
    _flush_folder(root)
    for pause_seconds in (0.02, 0.1, 0.5, 1.0):
        try:
            os.replace(aside, root / LATEST)
            break
        except PermissionError:  # Windows, while a reader has it open for a moment
            time.sleep(pause_seconds)
    else:
        os.replace(aside, root / LATEST)
    _flush_folder(root)


def _prune(root: Path, *, keep: int, spared: set[str | None]) -> None:
    """Remove the oldest snapshots beyond ``keep``, but none that is spared or open."""
    stamps = sorted(path.parent.name for path in root.glob(f"*/{MANIFEST}"))
    for stamp in stamps[: max(0, len(stamps) - keep)]:
        if stamp not in spared and not _in_use(root / stamp):
            # Rename first: a reader never finds half a snapshot.
            with suppress(OSError):
                leaving = (root / stamp).rename(root / f"{_LEAVING}{stamp}")
                shutil.rmtree(leaving, ignore_errors=True)


def _in_use(folder: Path) -> bool:
    if fcntl is None:
        return False
    with suppress(OSError), (folder / MANIFEST).open("rb+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _clear_leftovers(root: Path) -> None:
    """Remove what dead attempts left; safe because only one publisher holds the lock."""
    for path in root.iterdir():
        if path.name.startswith((_ASIDE, _LEAVING)):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


@contextmanager
def _only_publisher(root: Path) -> Iterator[None]:
    """Hold the publishers' lock; it ends with the process, however the process ends."""
    with (root / _LOCK).open("a+b") as file:
        waited_seconds = 0.0
        while not _locked(file):
            if waited_seconds >= _LOCK_WAIT_SECONDS:
                raise PublishError(
                    "published",
                    str(root),
                    "free of another publish",
                    action="wait until the other publish ends, then run this one again",
                )
            time.sleep(0.1)
            waited_seconds += 0.1
        yield


def _locked(file: IO[bytes]) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt  # Windows only

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True


def _free_stamp(root: Path, moment: datetime) -> str:
    base = moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    stamp, number = base, 1
    while (root / stamp).exists():
        number += 1
        stamp = f"{base}-{number:02d}"
    return stamp


def _stamp_in_force(root: Path) -> str | None:
    try:
        return latest_stamp(root)
    except SnapshotError:
        return None


def in_force(root: str | Path) -> str:
    """Return which snapshot is in force, for messages on a publish that did not end well."""
    stamp = _stamp_in_force(Path(root))
    return f"{stamp} stays in force, untouched" if stamp else "nothing was published before"


def _told(root: Path, error: OSError, size_bytes: int) -> PublishError:
    if error.errno in _NO_ROOM:
        return PublishError(
            "disk",
            str(root),
            f"a place with at least {max(1, round(size_bytes / 1e6))} MB free "
            f"(the disk is full; {in_force(root)})",
            action="free some space or give another folder, then publish again",
        )
    return PublishError(
        "published",
        str(root),
        f"a folder that can be written ({error.strerror or error}; {in_force(root)})",
        action="check the folder and its permissions, then publish again",
    )


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _json(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8")
