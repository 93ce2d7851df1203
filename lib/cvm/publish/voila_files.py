"""The files of pages by their content: pictures, font, workbook.

Their address is their checksum, so a browser keeps them for good and asks no second time. What is
not a file of a snapshot that was shown has no address.
"""

from __future__ import annotations

import gzip
from collections import OrderedDict
from hashlib import sha256

import tornado.web
from voila.handler import BaseVoilaHandler

from cvm.apps.page_files import FONT_ENDING, MIMES
from cvm.core.checks import CvmError
from cvm.core.snapshot import FONT, open_latest
from cvm.publish.voila_access import Gate

FILE = rf"([0-9a-f]{{64}})\.({'|'.join(MIMES)})"
# Pages opened before the last publish, or before the folder was lost, still get their pictures.
_MOST_SNAPSHOTS = 3


class Files:
    """The files of the last snapshots, by checksum; read once, a few megabytes each."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.by_stamp: OrderedDict[str, dict[str, bytes]] = OrderedDict()
        self.small: dict[str, bytes] = {}

    def find(self, mark: str) -> bytes | None:
        """Return a file by its checksum, or None."""
        return self._kept(mark) or (self._kept(mark) if self.take() else None)

    def packed(self, mark: str) -> bytes:
        """Return a file compressed; it is compressed once."""
        if mark not in self.small:
            self.small[mark] = gzip.compress(self._kept(mark) or b"", 6, mtime=0)
        return self.small[mark]

    def take(self) -> bool:
        """Read the snapshot in force unless it was read before; tell whether it was read now."""
        try:
            with open_latest(self.root) as snapshot:
                if snapshot.stamp in self.by_stamp:
                    return False
                files = [snapshot.figure(name) for name in snapshot.figures()]
                if FONT in snapshot.manifest["files"]:
                    files.append(snapshot.read(FONT))
        except CvmError:
            return False
        self.by_stamp[snapshot.stamp] = {sha256(one).hexdigest(): one for one in files}
        while len(self.by_stamp) > _MOST_SNAPSHOTS:
            self.by_stamp.popitem(last=False)
        self.small = {mark: one for mark, one in self.small.items() if self._kept(mark)}
        return True

    def _kept(self, mark: str) -> bytes | None:
        return next((files[mark] for files in self.by_stamp.values() if mark in files), None)


class FileHandler(Gate, BaseVoilaHandler):
    """One file of a page."""

    async def get(self, mark: str, ending: str) -> None:
        """Send it; its content never changes, so a browser may keep it."""
        files: Files = self.settings["cvm_files"]
        content = files.find(mark)
        if content is None:
            raise tornado.web.HTTPError(404)
        self.set_header("Content-Type", MIMES[ending])
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")
        self.set_header("Vary", "Accept-Encoding")
        packs = ending not in (FONT_ENDING, "xlsx")  # these two are compressed as they are
        if packs and "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            content = files.packed(mark)
        self.finish(content)
