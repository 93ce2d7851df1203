"""GB18030 to UTF-8 at the speed of a copy: what billing systems deliver most, gigabytes at a time.

Compiled loops look each character up in tables that Python's own codec fills, so both say the same.
What they do not know (bytes that are no character, a character cut off at the end) is left to the
codec, which names the byte.

The layout of the bytes is in GB 18030-2022: two, the second from 0x40; or four, the second and
fourth a digit. Four bytes count on from 0x81308130 in steps of 10, 126 and 10; from 0x90308130
they are the planes above U+FFFF in order.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from cvm.data.panel_kernels import compiled

_CHUNK_BYTES = 1 << 22
_LONGEST_BYTES = 4
_BASIC_FOURS = 39_420
"""Characters of four bytes below U+10000, and places without a character."""
_ABOVE = 189_000
"""Where U+10000 stands among the characters of four bytes."""
_BEYOND = _ABOVE + 0x100000
_NOTHING = 0


def to_utf8(path: Path, copy: Path) -> bool:
    """Write a UTF-8 copy of a whole GB18030 file.

    Args:
        path: The file.
        copy: Where the copy goes; worth nothing unless the file could be decoded.

    Returns:
        Whether all bytes are whole characters.
    """
    pairs, fours = _tables()
    room = np.empty(2 * (_CHUNK_BYTES + _LONGEST_BYTES), np.uint8)
    left = b""
    with path.open("rb") as source, copy.open("wb") as target:
        while chunk := source.read(_CHUNK_BYTES):
            given = np.frombuffer(left + chunk, np.uint8)
            read, written = _decode(given, room, pairs, fours)
            left = given[read:].tobytes()
            if len(left) >= _LONGEST_BYTES:
                return False
            target.write(room[:written].tobytes())
    return not left


@cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Return the code points of two-byte characters by their 16 bits, and of four-byte ones."""
    pairs = np.zeros(1 << 16, np.uint16)
    for first in range(0x81, 0xFF):
        for second in range(0x40, 0xFF):
            pairs[first << 8 | second] = _code_point(bytes((first, second)))
    fours = np.zeros(_BASIC_FOURS, np.uint16)
    for place in range(_BASIC_FOURS):
        rest, fourth = divmod(place, 10)
        rest, third = divmod(rest, 126)
        first, second = divmod(rest, 10)
        written = bytes((0x81 + first, 0x30 + second, 0x81 + third, 0x30 + fourth))
        fours[place] = _code_point(written)
    return pairs, fours


def _code_point(character: bytes) -> int:
    try:
        text = character.decode("gb18030")
    except UnicodeDecodeError:
        return _NOTHING
    return ord(text) if len(text) == 1 else _NOTHING


@compiled
def _decode(given, room, pairs, fours):  # type: ignore[no-untyped-def]
    """Decode whole characters from the start; return bytes read and written.

    Args:
        given: Bytes of GB18030.
        room: Where the UTF-8 goes, at least twice as long.
        pairs: Code points of two-byte characters.
        fours: Code points of four-byte characters below U+10000.
    """
    i, o, n = 0, 0, len(given)
    while i < n:
        a = np.int64(given[i])
        if a < 0x80:
            room[o] = a
            i += 1
            o += 1
            continue
        if i + 1 >= n or a < 0x81 or a > 0xFE:
            break
        b = np.int64(given[i + 1])
        width = 2
        if b >= 0x40:
            point = np.int64(pairs[a << 8 | b])
        else:
            if i + 3 >= n:
                break
            c, d = np.int64(given[i + 2]), np.int64(given[i + 3])
            if b < 0x30 or b > 0x39 or c < 0x81 or c > 0xFE or d < 0x30 or d > 0x39:
                break
            width = 4
            place = (((a - 0x81) * 10 + b - 0x30) * 126 + c - 0x81) * 10 + d - 0x30
            if place < _BASIC_FOURS:
                point = np.int64(fours[place])
            elif _ABOVE <= place < _BEYOND:
                point = place - _ABOVE + 0x10000
            else:
                break
        if point == _NOTHING:
            break
        i += width
        if point < 0x800:
            room[o] = 0xC0 | point >> 6
            o += 1
        else:
            if point < 0x10000:
                room[o] = 0xE0 | point >> 12
                o += 1
            else:
                room[o] = 0xF0 | point >> 18
                room[o + 1] = 0x80 | point >> 12 & 0x3F
                o += 2
            room[o] = 0x80 | point >> 6 & 0x3F
            o += 1
        room[o] = 0x80 | point & 0x3F
        o += 1
    return i, o
