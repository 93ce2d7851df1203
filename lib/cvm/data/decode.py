"""Bytes to text: which encoding a file has, and a stream that turns it into UTF-8.

Detection reads samples from the start, the middle and the end; the whole file is then decoded
strictly, so a guess that is wrong anywhere is caught and, where the text allows, corrected. Memory
does not grow with the file.

GB18030 contains GBK and GB2312, so one decoder serves the three. The layout of its bytes is in
GB 18030-2022; 0x0A never occurs inside a character, so a line feed is always a safe place to cut.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from cvm.core.checks import ArgumentError, DataError

READABLE = ("utf-8", "gb18030 (also gbk, gb2312)", "utf-16")

_SAMPLE_BYTES = 1 << 17
_CHUNK_BYTES = 1 << 22
_MANY_BYTES = 1 << 25
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GB_NAMES = ("gbk", "gb2312", "cp936", "gb18030", "hz")
# Chinese text uses the 3,755 common characters of GB 2312 almost only; text in another encoding,
# read as GB18030, lands outside them more often than not.
_LEAST_COMMON_SHARE = 0.6
_YEN = "\u00a5"  # four bytes in GB18030, before every amount: says nothing about the encoding

Certainty = Literal["marked", "proved", "assumed", "given"]


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """What a file is encoded in, and how that is known.

    Attributes:
        name: Name of the Python codec.
        certainty: ``marked`` by a byte-order mark, ``proved`` by the bytes (valid UTF-8 beyond
            ASCII), ``assumed`` from the look of the text, ``given`` by the mapping.
    """

    name: str
    certainty: Certainty


@dataclass(frozen=True, kw_only=True)
class Utf8File:
    """A file that is now known to be UTF-8 throughout.

    Attributes:
        path: The file itself if it was UTF-8 already, else the transcoded copy.
        encoding: What the original was.
        cut_off: The last character is incomplete, so the file was cut off; the copy lacks it.
    """

    path: Path
    encoding: Encoding
    cut_off: bool


def detect_encoding(path: Path, *, near_byte: int | None = None) -> Encoding:
    """Return the encoding of a text file from samples of its bytes.

    Args:
        path: The file.
        near_byte: Offset of a byte that must be part of the samples, where one is known to be
            telling.

    Raises:
        DataError: The bytes are text of no readable encoding; the message says what they look like.
    """
    samples = _samples(path, near_byte)
    for mark, name in _MARKS:
        if samples[0].startswith(mark):
            return Encoding(name=name, certainty="marked")
    wide = _unmarked_utf16(samples[0])
    if wide:
        return Encoding(name=wide, certainty="assumed")
    if any(b"\x00" in sample for sample in samples):
        raise _undecodable(path, "a file with zero bytes (not text)")
    joined = b"\n".join(samples)
    if joined.isascii():
        return Encoding(name="utf-8", certainty="assumed")
    if all(_decodes(sample, "utf-8") for sample in samples):
        return Encoding(name="utf-8", certainty="proved")
    if _looks_chinese(samples):
        return Encoding(name="gb18030", certainty="assumed")
    raise _undecodable(path, f"text that looks like {_guess(joined)}")


def transcode_to_utf8(path: Path, copy: Path, *, encoding: str | None = None) -> Utf8File:
    """Decode a whole file strictly and make it available as UTF-8.

    Args:
        path: The file.
        copy: Where the UTF-8 copy goes if one is needed.
        encoding: The encoding the mapping gives; detected if ``None``.

    Raises:
        ArgumentError: The given encoding does not exist.
        DataError: The bytes cannot be decoded; the message names the byte and the line.
    """
    if encoding is not None:
        given = Encoding(name=_known_codec(encoding), certainty="given")
        return Utf8File(
            path=_target(path, copy, given), encoding=given, cut_off=_run(path, copy, given)
        )
    found = detect_encoding(path)
    try:
        cut_off = _run(path, copy, found)
    except _BrokenTextError as broken:
        # The samples were plain; look again at the place that was not.
        if found.certainty == "marked":
            raise broken.error(path, found) from None
        second = detect_encoding(path, near_byte=broken.byte)
        if second.name == found.name:
            raise broken.error(path, found) from None
        found = second
        try:
            cut_off = _run(path, copy, found)
        except _BrokenTextError as still_broken:
            raise still_broken.error(path, found) from None
    return Utf8File(path=_target(path, copy, found), encoding=found, cut_off=cut_off)


def normalise_newlines(path: Path, copy: Path) -> None:
    """Write a UTF-8 file again with one kind of line end, so that a strict parser accepts it."""
    with (
        path.open(encoding="utf-8-sig", newline=None) as source,
        copy.open("w", encoding="utf-8", newline="\n") as target,
    ):
        while chunk := source.read(_CHUNK_BYTES):
            target.write(chunk)


class _BrokenTextError(Exception):
    def __init__(self, byte: int, line: int) -> None:
        self.byte, self.line = byte, line
        super().__init__(byte, line)

    def error(self, path: Path, encoding: Encoding) -> DataError:
        return DataError(
            f"{path.name}.encoding",
            encoding.name,
            f"the encoding of the whole file, but byte {self.byte + 1:,} (line {self.line:,}) "
            "does not fit it",
            available=READABLE,
            action="save the file again in one encoding, or give its encoding in the mapping "
            '(encoding = "…")',
        )


def _run(path: Path, copy: Path, encoding: Encoding) -> bool:
    try:
        if _needs_copy(encoding):
            if encoding.name == "gb18030" and path.stat().st_size >= _MANY_BYTES:
                # Imported only here: small files are read before the compiler is loaded.
                from cvm.data.decode_gb18030 import to_utf8

                if to_utf8(path, copy):
                    return False
            with copy.open("w", encoding="utf-8", newline="") as target:
                return _decode_stream(path, encoding.name, target)
        return _decode_stream(path, encoding.name, None)
    except _BrokenTextError as broken:
        if encoding.certainty == "given":
            raise broken.error(path, encoding) from None
        raise


def _decode_stream(path: Path, codec: str, target: IO[str] | None) -> bool:
    # UTF-8 without a mark is the same codec; a mark where none was promised is skipped.
    codec = "utf-8-sig" if codec == "utf-8" else codec
    decoder = codecs.getincrementaldecoder(codec)("strict")
    byte, line = 0, 1
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError as error:
                offset = max(0, error.start - pending)
                raise _BrokenTextError(
                    byte + offset, line + chunk.count(b"\n", 0, offset)
                ) from None
            byte += len(chunk)
            line += chunk.count(b"\n")
            if target is not None:
                target.write(text)
    return bool(decoder.getstate()[0])


def _needs_copy(encoding: Encoding) -> bool:
    return encoding.name not in ("utf-8", "utf-8-sig")


def _target(path: Path, copy: Path, encoding: Encoding) -> Path:
    return copy if _needs_copy(encoding) else path


def _known_codec(name: str) -> str:
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        raise ArgumentError(
            "encoding", name, "the name of an encoding", available=(*READABLE, "big5", "latin-1")
        ) from None
    if codec in _GB_NAMES:
        return "gb18030"
    return codec


def _samples(path: Path, near_byte: int | None) -> list[bytes]:
    size = path.stat().st_size
    if size <= 3 * _SAMPLE_BYTES:
        return [path.read_bytes()]
    starts = {0, size // 2, size - _SAMPLE_BYTES}
    if near_byte is not None:
        starts.add(max(0, near_byte - _SAMPLE_BYTES // 2))
    samples = []
    with path.open("rb") as source:
        for start in sorted(starts):
            source.seek(start)
            sample = source.read(_SAMPLE_BYTES)
            samples.append(sample if start == 0 else _from_line_start(sample))
    return samples


def _from_line_start(sample: bytes) -> bytes:
    """Drop the first, partial line of a sample, so that it begins with a whole character."""
    ends = [place for end in (b"\n", b"\r") if (place := sample.find(end)) >= 0]
    return sample[min(ends) + 1 :] if ends else b""


def _unmarked_utf16(start: bytes) -> str | None:
    head = start[:2_000]
    if len(head) < 8:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > 0.3 * len(head) / 2 and even == 0:
        return "utf-16-le"
    if even > 0.3 * len(head) / 2 and odd == 0:
        return "utf-16-be"
    return None


def _decodes(sample: bytes, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)("strict").decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _looks_chinese(samples: list[bytes]) -> bool:
    """Tell whether bytes beyond ASCII are common Chinese when read as GB18030."""
    total = common = 0
    for sample in samples:
        if not _decodes(sample, "gb18030"):
            return False
        for character in codecs.getincrementaldecoder("gb18030")("strict").decode(sample):
            if not character.isascii() and character != _YEN:
                total += 1
                code = character.encode("gb18030")
                # Rows A1–A9 are punctuation and full-width forms, B0–D7 the common characters.
                common += len(code) == 2 and code[1] >= 0xA1 and 0xA1 <= code[0] <= 0xD7
    return total > 0 and common / total >= _LEAST_COMMON_SHARE


def _guess(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample[:_SAMPLE_BYTES]).best()
    return best.encoding if best is not None else "no known encoding"


def _undecodable(path: Path, found: str) -> DataError:
    return DataError(
        f"{path.name}.encoding",
        found,
        "text in a readable encoding",
        available=READABLE,
        action="save the file as UTF-8 (in Excel: CSV UTF-8), or give its encoding in the mapping "
        '(encoding = "…")',
    )
