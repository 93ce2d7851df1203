"""GB18030 decoded in compiled loops, against Python's own codec on the same bytes."""

from __future__ import annotations

import numpy as np
import pytest

from cvm.core.checks import DataError
from cvm.data import decode, decode_gb18030
from cvm.data.decode import transcode_to_utf8
from cvm.data.decode_gb18030 import to_utf8

EVERY = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)


def test_every_character_there_is(tmp_path):
    (tmp_path / "a").write_bytes(EVERY.encode("gb18030"))
    assert to_utf8(tmp_path / "a", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == EVERY.encode("utf-8")


def test_characters_across_the_ends_of_chunks(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    text = "".join(rng.choice(list("a1,\n客户￥¥\u3000𠮷é"), 5_000))
    (tmp_path / "a").write_bytes(text.encode("gb18030"))
    for size in (5, 64, 1_001):
        monkeypatch.setattr(decode_gb18030, "_CHUNK_BYTES", size)
        assert to_utf8(tmp_path / "a", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == text.encode("utf-8")


def test_what_the_codec_refuses_is_left_to_it(tmp_path):
    rng = np.random.default_rng(2)
    refused = 0
    for _ in range(400):
        given = b"ab" + rng.integers(0x20, 0x100, 6, dtype=np.uint8).tobytes() + b"customer"
        (tmp_path / "a").write_bytes(given)
        try:
            wanted = given.decode("gb18030").encode("utf-8")
        except UnicodeDecodeError:
            wanted = None
            refused += 1
        assert to_utf8(tmp_path / "a", tmp_path / "copy") is (wanted is not None)
        assert wanted is None or (tmp_path / "copy").read_bytes() == wanted
    assert 50 < refused < 350


def test_large_files_say_what_small_ones_say(tmp_path, monkeypatch):
    good, bad = "客户,月份\n全球通,¥1\n".encode("gb18030"), b"\xff\n"
    (tmp_path / "good").write_bytes(good * 50)
    (tmp_path / "cut").write_bytes(good * 50 + "客".encode("gb18030")[:1])
    (tmp_path / "bad").write_bytes(good * 50 + bad)
    told = []
    for many in (1 << 25, 0):
        monkeypatch.setattr(decode, "_MANY_BYTES", many)
        texts = []
        for name in ("good", "cut"):
            found = transcode_to_utf8(tmp_path / name, tmp_path / "copy", encoding="gbk")
            texts.append((found.path.read_bytes(), found.cut_off))
        with pytest.raises(DataError) as problem:
            transcode_to_utf8(tmp_path / "bad", tmp_path / "copy", encoding="gbk")
        told.append((texts, str(problem.value)))
    assert told[0] == told[1]
    assert [cut for _, cut in told[0][0]] == [False, True]
