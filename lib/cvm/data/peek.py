"""A first look at a file: its format, headers and first rows, without reading the whole."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from cvm.core.checks import DataError
from cvm.data.decode import detect_encoding
from cvm.data.delimit import detect_form, read_start, unique_headers
from cvm.data.raw import ReadOptions, check_file, first_line
from cvm.data.read_excel import peek_excel
from cvm.data.read_parquet import parquet_files

TEXT, EXCEL, PARQUET = "text", "excel", "parquet"
FILES = frozenset((".csv", ".tsv", ".txt", ".tab", ".dat", ".xlsx", ".xls", ".xlsm", ".xlsb",
                   ".parquet"))  # fmt: skip
_SAMPLE_ROWS = 200
_EXCEL_SUFFIXES = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")
# First bytes of a file → its format, whatever its name says.
_MAGIC = ((b"PAR1", PARQUET), (b"PK", EXCEL), (b"\xd0\xcf\x11\xe0", EXCEL))
_PACKED = ((b"\x1f\x8b", "gzip"), (b"Rar!", "RAR"), (b"7z\xbc\xaf", "7-Zip"), (b"BZh", "bzip2"))


@dataclass(frozen=True, kw_only=True)
class Peek:
    """What a first look shows.

    Attributes:
        headers: The headers.
        rows: Up to 200 rows, as text.
        how: Format, encoding and delimiter.
    """

    headers: tuple[str, ...]
    rows: list[list[str]]
    how: dict[str, str]


def format_of(path: Path) -> str:
    """Return ``text``, ``excel`` or ``parquet`` by the first bytes, not by the name.

    Billing systems write text and even web pages with the ending ``.xls``.

    Raises:
        DataError: The file is packed, or a web page.
    """
    if path.is_dir():
        return PARQUET
    with path.open("rb") as source:
        start = source.read(512)
    for magic, found in _MAGIC:
        if start.startswith(magic):
            return found
    for magic, packer in _PACKED:
        if start.startswith(magic):
            raise DataError(
                path.name, f"packed with {packer}", "an unpacked file", action="unpack it first"
            )
    if (
        start.lstrip(b"\xef\xbb\xbf \t\r\n")[:6]
        .lower()
        .startswith((b"<html", b"<!doct", b"<table"))
    ):
        raise DataError(
            path.name,
            "a web page (HTML)",
            "CSV, Excel or Parquet",
            action="open it in Excel and save it as .xlsx or CSV UTF-8",
        )
    if path.suffix.lower() == ".parquet":
        return PARQUET
    if path.suffix.lower() in _EXCEL_SUFFIXES and b"\x00" in start:
        return EXCEL
    return TEXT


def peek(path: Path, options: ReadOptions | None = None) -> Peek:
    """Return headers and first rows of a file.

    Raises:
        DataError: The file cannot be read; one message with the cause.
    """
    options = options or ReadOptions()
    if not path.is_dir():
        check_file(path)
    match format_of(path):
        case "excel":
            headers, rows = peek_excel(path, options)
            return Peek(headers=headers, rows=rows, how={"format": EXCEL})
        case "parquet":
            return _peek_parquet(path)
        case _:
            return _peek_text(path, options)


def _peek_parquet(path: Path) -> Peek:
    file = parquet_files(path)[0]
    try:
        with pq.ParquetFile(file) as opened:
            headers = tuple(opened.schema_arrow.names)
            batch = next(opened.iter_batches(batch_size=_SAMPLE_ROWS), None)
    except Exception as error:
        raise DataError(
            str(file), first_line(error), "a complete Parquet file", action="export it again"
        ) from None
    rows = [] if batch is None else batch.to_pylist()
    texts = [["" if row[each] is None else str(row[each]) for each in headers] for row in rows]
    return Peek(headers=headers, rows=texts, how={"format": PARQUET})


def _peek_text(path: Path, options: ReadOptions) -> Peek:
    encoding = options.encoding or detect_encoding(path).name
    sample = read_start(
        path,
        encoding="utf-8-sig" if encoding == "utf-8" else encoding,
        skip_rows=options.skip_rows,
    )
    form = detect_form(sample, path.name, delimiter=options.delimiter)
    try:
        records = list(
            islice(csv.reader(io.StringIO(sample), delimiter=form.delimiter), _SAMPLE_ROWS + 1)
        )
    except csv.Error:
        records = []
    headers = unique_headers(records[0]) if records else form.headers
    return Peek(
        headers=headers,
        rows=[record for record in records[1:] if len(record) == len(headers)],
        how={"format": TEXT, "encoding": encoding, "delimiter": form.delimiter},
    )
