"""Folders that appear whole or not at all: written aside, then renamed into place."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_ASIDE = ".aside-"


@contextlib.contextmanager
def written_aside(parent: Path) -> Iterator[Path]:
    """Give a new folder beside the target; whatever is left of it at the end is removed.

    Args:
        parent: Where the target will stand. What a killed process left there is removed too.

    Raises:
        OSError: The parent cannot be written.
    """
    parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(parent)
    aside = Path(tempfile.mkdtemp(prefix=f"{_ASIDE}{os.getpid()}-", dir=parent))
    # mkdtemp makes it private; a prepared folder may be read by the group, as umask says.
    with contextlib.suppress(OSError):
        aside.chmod(0o777 & ~_umask())
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def swap_in(aside: Path, target: Path, *, replace: bool) -> None:
    """Rename a finished folder into place.

    Args:
        aside: The finished folder.
        target: Its place.
        replace: Put it in the place of a folder that is there. Otherwise that folder stays: another
            process was first, with the same content.
    """
    if replace and target.exists():
        old = Path(tempfile.mkdtemp(prefix=f"{_ASIDE}{os.getpid()}-", dir=target.parent))
        with contextlib.suppress(FileNotFoundError):
            target.rename(old / target.name)
        _rename(aside, target)
        shutil.rmtree(old, ignore_errors=True)
        return
    _rename(aside, target)


def _rename(aside: Path, target: Path) -> None:
    try:
        aside.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _remove_abandoned(parent: Path) -> None:
    """Remove what killed processes of this machine left behind."""
    if os.name != "posix":
        return
    for folder in parent.glob(f"{_ASIDE}*-*"):
        process = folder.name.removeprefix(_ASIDE).partition("-")[0]
        if process.isdigit() and not _alive(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
