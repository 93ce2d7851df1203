"""Small extracts for the reader's tests, written as bytes an operator's systems would write."""

from datetime import date
from pathlib import Path

import pytest

from cvm.data import collect, open_data

TODAY = date(2026, 11, 23)
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
MAPPINGS = Path(__file__).parents[2] / "data" / "mappings"

# 客户 table: identifiers that must stay text, Chinese labels, every way to write a month.
CUSTOMERS_ZH = (
    "用户编号,入网时间,品牌,县区,年龄\n"
    "007,2020年3月,全球通,东山县,35\n"
    "008,202104,神州行,西河县,36\n"
    "009,2021/5/1,动感地带,西河县,37\n"
)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write text as bytes of an encoding, line ends as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def read(source, tmp_path: Path, table: str = "customers", **options):
    """Open a source and return one table as a frame, in the order of its key."""
    data = open_data(source, work=tmp_path / "work", today=TODAY, **options)
    frame = collect(data.table(table))
    return frame.sort_values(list(frame.columns[:2])).reset_index(drop=True)


def findings(source, tmp_path: Path, **options) -> dict[str, list]:
    """Open a source and return its findings by check."""
    data = open_data(source, work=tmp_path / "work", today=TODAY, **options)
    found: dict[str, list] = {}
    for finding in data.report.findings:
        found.setdefault(finding.check, []).append(finding)
    return found


def shared(name: str) -> Path:
    """Return a public file beside the checkout, or skip."""
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{name} is not in {SHARED}; public data lie beside the checkout")
    return path
