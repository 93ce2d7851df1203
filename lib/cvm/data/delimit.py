"""The form of a delimited text file: delimiter, headers, and whether its end is missing."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cvm.core.checks import DataError

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "vertical bar", "\x01": "Ctrl-A"}
ROW = "_row"

_SAMPLE_CHARACTERS = 1 << 18
_TAIL_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a text file is delimited.

    Attributes:
        delimiter: The character between fields.
        headers: The headers as written, made unique; blank ones are numbered.
        given: The mapping gave the delimiter; it was not detected.
    """

    delimiter: str
    headers: tuple[str, ...]
    given: bool


def read_start(path: Path, *, encoding: str = "utf-8-sig", skip_rows: int = 0) -> str:
    """Return the first characters of a text file, below the lines to skip."""
    with path.open(encoding=encoding, newline="", errors="ignore") as source:
        for _ in range(skip_rows):
            source.readline()
        return source.read(_SAMPLE_CHARACTERS)


def detect_form(sample: str, name: str, *, delimiter: str | None = None) -> Form:
    """Return delimiter and headers from the start of a file.

    Args:
        sample: What :func:`read_start` returned.
        name: The file's name, for errors.
        delimiter: What the mapping gives; detected if ``None``.

    Raises:
        DataError: There is no text, or the given delimiter is not the one it uses.
    """
    if not sample.strip():
        raise DataError(
            f"{name}.headers", "nothing", "a line of column names", action="export the file again"
        )
    scores = {each: _score(sample, each) for each in DELIMITERS}
    best = max(scores, key=lambda each: scores[each])
    if delimiter is None:
        return Form(delimiter=best, headers=_headers(sample, best), given=False)
    headers = _headers(sample, delimiter)
    if len(headers) == 1 and scores[best][1] > 1:
        raise DataError(
            f"{name}.delimiter",
            delimiter,
            f"the one the file uses; its first line is {headers[0][:60]!r}",
            available=[f"{best!r} ({DELIMITERS[best]})"],
            action="correct delimiter in the mapping, or leave it out",
        )
    return Form(delimiter=delimiter, headers=headers, given=True)


def unique_headers(headers: Iterable[str]) -> tuple[str, ...]:
    """Return headers that differ even without regard to case, as the query engine needs.

    Example:
        >>> unique_headers(["Age", "", "age"])
        ('Age', 'column 2', 'age (2)')
    """
    taken = Counter({ROW: 1})
    found = []
    for position, header in enumerate(headers, start=1):
        name = " ".join(str(header).replace("\ufeff", "").split()) or f"column {position}"
        taken[name.casefold()] += 1
        count = taken[name.casefold()]
        if count > 1:
            name = f"{name} ({count})"
            taken[name.casefold()] += 1
        found.append(name)
    return tuple(found)


def last_record_is_short(path: Path, form: Form) -> bool:
    """Tell whether a file ends within a record: no line end, and fewer fields than headers."""
    with path.open("rb") as source:
        size = source.seek(0, io.SEEK_END)
        source.seek(max(0, size - _TAIL_BYTES))
        tail = source.read()
    if not tail or tail.endswith((b"\n", b"\r")):
        return False
    last = tail.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rpartition(b"\n")[2]
    text = last.decode("utf-8", errors="ignore")
    fields = next(csv.reader([text], delimiter=form.delimiter), [])
    return 0 < len(fields) < len(form.headers)


def _records(sample: str, delimiter: str) -> list[list[str]]:
    complete = len(sample) < _SAMPLE_CHARACTERS
    records = []
    try:
        for record in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if record:
                records.append(record)
    except csv.Error:
        complete = False
    return records if complete or len(records) < 2 else records[:-1]


def _score(sample: str, delimiter: str) -> tuple[float, int]:
    """Rate a delimiter: share of records as wide as the headers, then the width."""
    records = _records(sample, delimiter)
    if not records or len(records[0]) < 2:
        return (0.0, 1)
    width = len(records[0])
    return (sum(len(record) == width for record in records) / len(records), width)


def _headers(sample: str, delimiter: str) -> tuple[str, ...]:
    records = _records(sample, delimiter)
    return unique_headers(records[0] if records else [sample.splitlines()[0]])
