"""Encodings: the bytes are made by Python's codecs, not by the code under test."""

import codecs

import pytest
from extracts import CUSTOMERS_ZH, read, write

from cvm.core.checks import ArgumentError, DataError
from cvm.data.decode import detect_encoding, transcode_to_utf8
from cvm.data.mapping import parse_mapping

BY_HAND = {
    # 全球通 in four encodings, from the code charts.
    "utf-8": b"\xe5\x85\xa8\xe7\x90\x83\xe9\x80\x9a",
    "utf-8-sig": b"\xef\xbb\xbf\xe5\x85\xa8\xe7\x90\x83\xe9\x80\x9a",
    "gb18030": b"\xc8\xab\xc7\xf2\xcd\xa8",
    "utf-16": b"\xff\xfe\x68\x51\x03\x74\x1a\x90",
}
FORMS = ["utf-8", "utf-8-sig", "gb18030", "gbk", "gb2312", "utf-16", "utf-16-le", "utf-16-be"]


@pytest.mark.parametrize("encoding", BY_HAND)
def test_bytes_made_by_hand_are_read(encoding, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(BY_HAND[encoding])

    found = transcode_to_utf8(path, tmp_path / "copy")

    assert found.path.read_text(encoding="utf-8-sig") == "全球通"
    assert found.encoding.name == encoding


@pytest.mark.parametrize("encoding", FORMS)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_chinese_extract_reads_the_same_in_every_encoding(encoding, newline, tmp_path):
    write(tmp_path / "in" / "客户.csv", CUSTOMERS_ZH.replace("\n", newline), encoding)

    frame = read(tmp_path / "in", tmp_path)

    assert frame["customer_id"].tolist() == ["007", "008", "009"]
    assert frame["brand"].tolist() == ["gotone", "easyown", "mzone"]
    assert frame["county"].tolist() == ["东山县", "西河县", "西河县"]
    assert frame["joined_month"].dt.strftime("%Y-%m-%d").tolist() == [
        "2020-03-01",
        "2021-04-01",
        "2021-05-01",
    ]


def test_characters_of_four_bytes_and_rare_names_survive(tmp_path):
    # 㐂 (U+3402) and 𠮷 (U+20BB7) take four bytes in GB18030; 喆 and 镕 are outside GB 2312.
    text = CUSTOMERS_ZH.replace("东山县", "东㐂𠮷喆镕县")
    frame = read(write(tmp_path / "customers.csv", text, "gb18030"), tmp_path)

    assert frame["county"][0] == "东㐂𠮷喆镕县"


@pytest.mark.parametrize("place", [0, 300_000, 550_000, 1_099_999])
def test_one_chinese_cell_anywhere_decides_between_utf8_and_gb18030(place, tmp_path):
    lines = [f"C{i},plain\n" for i in range(1_100_000 // 10)]
    lines[place // 10] = f"C{place // 10},全球通\n"
    path = tmp_path / "a.csv"
    for encoding in ("utf-8", "gb18030"):
        path.write_bytes("".join(lines).encode(encoding))
        found = transcode_to_utf8(path, tmp_path / "copy")
        assert found.encoding.name == encoding
        assert "全球通" in found.path.read_text(encoding="utf-8")


def test_what_was_assumed_is_told(tmp_path):
    cases = {
        "utf-8-sig": ("utf-8-sig", "marked"),
        "utf-8": ("utf-8", "proved"),
        "gbk": ("gb18030", "assumed"),
    }
    for encoding, expected in cases.items():
        found = detect_encoding(write(tmp_path / "a.csv", CUSTOMERS_ZH, encoding))
        assert (found.name, found.certainty) == expected
    found = detect_encoding(write(tmp_path / "a.csv", "id,a\n1,2\n"))
    assert (found.name, found.certainty) == ("utf-8", "assumed")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("客戶編號,品牌\n1,全球通電話號碼變更與優惠方案\n2,費率與帳單說明\n", "big5"),
        ("id,name\n1,café crème brûlée à la française\n2,élève\n", "latin-1"),
        ("番号,名前\n1,カタカナとひらがなのデータ\n2,東京都渋谷区\n", "shift_jis"),
    ],
)
def test_another_encoding_ends_in_one_clear_message(text, encoding, tmp_path):
    path = write(tmp_path / "customers.csv", text, encoding)

    with pytest.raises(DataError) as raised:
        detect_encoding(path)

    assert "customers.csv.encoding" in str(raised.value)
    assert "utf-8, gb18030" in str(raised.value)
    assert 'encoding = "…"' in str(raised.value)


def test_a_file_of_two_encodings_names_the_line(tmp_path):
    path = tmp_path / "customers.csv"
    good = CUSTOMERS_ZH.encode("utf-8")
    path.write_bytes(good + "010,202104,神州行,西河,36\n".encode("gb18030"))

    with pytest.raises(DataError, match=r"looks like|line 5"):
        transcode_to_utf8(path, tmp_path / "copy")


def test_a_given_encoding_that_does_not_fit_names_byte_and_line(tmp_path):
    path = write(tmp_path / "customers.csv", CUSTOMERS_ZH, "gb18030")

    with pytest.raises(DataError, match=r"byte 1 \(line 1\) does not fit") as raised:
        transcode_to_utf8(path, tmp_path / "copy", encoding="utf-8")
    assert raised.value.subject == "customers.csv.encoding"
    with pytest.raises(ArgumentError, match="encoding == 'gb-99'"):
        transcode_to_utf8(path, tmp_path / "copy", encoding="gb-99")


def test_a_mapping_may_give_any_encoding(tmp_path):
    text = "客戶編號,性別\n1,女\n2,男\n"
    path = write(tmp_path / "a.csv", text, "big5")
    mapping = parse_mapping(
        '[customers]\nencoding = "big5"\n[customers.columns]\n'
        'customer_id = "客戶編號"\ngender = "性別"\n'
    )
    assert read(path, tmp_path, mapping=mapping)["gender"].tolist() == ["female", "male"]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_character_cut_in_two_is_a_file_cut_off(encoding, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("a,b\n1,县".encode(encoding)[:-1])

    assert transcode_to_utf8(path, tmp_path / "copy").cut_off


def test_characters_across_the_chunks_of_a_stream_survive(tmp_path, monkeypatch):
    monkeypatch.setattr("cvm.data.decode._CHUNK_BYTES", 3)
    path = write(tmp_path / "a.csv", CUSTOMERS_ZH, "gb18030")

    found = transcode_to_utf8(path, tmp_path / "copy", encoding="gbk")

    assert found.path.read_text(encoding="utf-8") == CUSTOMERS_ZH
    assert codecs.lookup(found.encoding.name).name == "gb18030"
