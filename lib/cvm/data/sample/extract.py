"""The same operator as an IT department would deliver it: CSV files with Chinese headers."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cvm.core.checks import ArgumentError, check_one_of
from cvm.data.contract import Column, Table
from cvm.data.sample.truth import read_truth
from cvm.data.tables import CONTRACT

_BATCH_ROWS = 200_000


@dataclass(frozen=True, kw_only=True)
class Style:
    """How an extract is written.

    Attributes:
        encoding: Encoding of the files.
        separator: Between cells.
        month: Form of months: ``%Y%m`` and the like; ``{y}``, ``{m}`` and ``{d}`` also work.
        date: Form of days.
        money_sign: Before money.
        thousands: Between thousands, in money and points.
        chinese: Chinese headers and labels, 是 and 否; else those of the contract.
    """

    encoding: str
    separator: str = ","
    month: str = "{y}年{m}月"
    date: str = "{y}年{m}月{d}日"
    money_sign: str = "¥"
    thousands: str = ","
    chinese: bool = True


STYLES: Mapping[str, Style] = {
    "gb18030": Style(encoding="gb18030"),
    "gbk_tabs": Style(
        encoding="gbk", separator="\t", month="{y}{m:02}", date="{y}/{m}/{d}", money_sign="￥"
    ),
    "utf8_bom": Style(
        encoding="utf-8-sig", month="{y}-{m:02}", date="{y}-{m:02}-{d:02}", money_sign=""
    ),
    "utf8_plain": Style(
        encoding="utf-8",
        month="{y}/{m}/1",
        date="{y}/{m}/{d}",
        money_sign="",
        thousands="",
        chinese=False,
    ),
}
"""Styles by name; the first is what billing systems most often deliver."""


def header_of(column: Column, style: Style) -> str:
    """Return the header under which a column is delivered.

    Example:
        >>> header_of(CONTRACT["months"]["bill_yuan"], STYLES["gb18030"])
        '账单金额(元)'
    """
    if not style.chinese:
        return column.name
    unit = {"yuan": "(元)", "minutes": "(分钟)", "GB": "(GB)"}.get(column.unit, "")
    return column.zh if "数" in column.zh and unit == "(分钟)" else column.zh + unit


def write_extract(sample_folder: str | Path, out: str | Path, *, style: str = "gb18030") -> Path:
    """Write a sample operator as the files an IT department would deliver.

    Args:
        sample_folder: A sample made by ``make_sample``.
        out: Folder to write to, new or empty; one ``<table>.csv`` for each table.
        style: One of :data:`STYLES`. ``gb18030``: GB18030, Chinese headers and labels, ¥ and
            thousands separators, months as 2026年3月. ``gbk_tabs``: tabs, months as 202603.
            ``utf8_bom``: as Excel saves UTF-8. ``utf8_plain``: the contract's own names.

    Returns:
        The folder written.

    Raises:
        ArgumentError: The style is unknown, or the folder holds something.
        DataError: ``sample_folder`` is not a sample operator.
    """
    chosen = STYLES[check_one_of(style, "style", tuple(STYLES))]
    folder, target = Path(sample_folder), Path(out)
    read_truth(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ArgumentError("out", str(target), "a new or empty folder", action="name another")
    target.mkdir(parents=True, exist_ok=True)
    try:
        for name, table in CONTRACT.items():
            _write_table(folder / "tables" / name, target / f"{name}.csv", table, chosen)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return target


def _write_table(source: Path, file: Path, table: Table, style: Style) -> None:
    header = True
    with file.open("w", encoding=style.encoding, newline="") as lines:
        for batch in _batches(source):
            columns = [table[name] for name in batch.schema.names]
            out = csv.writer(lines, delimiter=style.separator)
            if header:
                out.writerow([header_of(column, style) for column in columns])
                header = False
            cells = [
                _cells(batch.column(place).to_pandas(), column, style)
                for place, column in enumerate(columns)
            ]
            out.writerows(zip(*cells, strict=True))


def _batches(source: Path) -> Iterable[pa.RecordBatch]:
    for part in sorted(source.glob("part-*.parquet")):
        with pq.ParquetFile(part) as file:
            empty = pa.RecordBatch.from_pylist([], schema=file.schema_arrow)
            yield empty
            yield from file.iter_batches(batch_size=_BATCH_ROWS)


def _cells(values: pd.Series, column: Column, style: Style) -> list[str]:
    """Return a column's cells as text; each distinct value is written once."""
    text = {value: _cell(value, column, style) for value in values.dropna().unique()}
    return [text.get(value, "") for value in values]


def _cell(value: object, column: Column, style: Style) -> str:
    if column.kind in ("month", "date"):
        day = pd.Timestamp(str(value))
        form = style.month if column.kind == "month" else style.date
        return form.format(y=day.year, m=day.month, d=day.day)
    if column.kind == "flag":
        return ("是" if value else "否") if style.chinese else str(bool(value)).lower()
    if column.kind == "category":
        return column.allowed.get(str(value), str(value)) if style.chinese else str(value)
    if column.kind == "integer":
        return f"{int(str(value)):,}".replace(",", style.thousands)
    if column.kind in ("number", "share"):
        return _number(float(str(value)), column, style)
    return str(value)


def _number(value: float, column: Column, style: Style) -> str:
    if column.unit != "yuan":
        return f"{value:.10g}"
    places = 2 if round(value, 2) == value else 3
    return style.money_sign + f"{value:,.{places}f}".replace(",", style.thousands)
