"""Rows at size: texts read apart from their rows say what each cell says by itself."""

from __future__ import annotations

import pyarrow as pa
import pytest

from cvm.data import convert_rows as module
from cvm.data.convert import BLANK, READ, UNREADABLE, convert
from cvm.data.convert_rows import MARK, convert_rows
from cvm.data.delimit import ROW
from cvm.data.fields import build_fields
from cvm.data.mapping import TableMapping
from cvm.data.raw import Raw, Stage
from cvm.data.tables import CONTRACT

ODD = {
    "customer_id": ["C1", '="C2"', " C3 ", "1.38E+10", "NULL", "", None, "客户4", "C 5"],
    "month": ["2025-03", "202503", "2025年3月", "2025/3/1", "202513", "9999-12-31", "-", None, ""],
    "bill_yuan": ["12.5", "¥1,234.50", "１２", "1.2万", "(5)", "abc", "--", None, "7 "],
    "complaints": ["3", "1,234", "1,23", "-7", "12,345,678", "3.0", "3.5", None, "无"],
    "off_net_share": ["0.25", "25%", "3‰", "1", "x", "", None, "-", "0.5 "],
    "paid_on_time": ["是", "否", "Y", "maybe", "1", "-", None, "", "TRUE"],
    "vip_tier": ["金卡", "gold", "platinum", "Ｇold", "无", "-", None, "", " 银卡"],
}


def rows_of(stage: Stage, copies: int) -> Raw:
    """Return a raw table that repeats every odd text, each column in another order."""
    width = len(ODD["month"])
    columns = {
        name: [texts[(row * step) % width] for row in range(width * copies)]
        for (name, texts), step in zip(ODD.items(), (1, 2, 4, 5, 7, 8, 1), strict=True)
    }
    number = range(1, width * copies + 1)
    table = pa.table({ROW: number} | {k: pa.array(v, pa.string()) for k, v in columns.items()})
    stage.connection.register("given", table)
    stage.connection.execute("CREATE TABLE raw_months AS FROM given")
    return Raw(
        table=stage.backend.table("raw_months"),
        headers=tuple(ODD),
        rows=width * copies,
        source="months.csv",
        how={},
    )


@pytest.mark.parametrize("most_texts", [0, 1_000], ids=["many texts", "few texts"])
def test_every_row_says_what_its_cell_says_by_itself(most_texts, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MOST_TEXTS", most_texts)
    mapping = TableMapping(table="months")
    with Stage(tmp_path / "stage") as stage:
        raw = rows_of(stage, copies=5)
        fields = build_fields(stage, raw, mapping)
        whole = convert_rows(stage, raw, "months", fields)
        found = whole.order_by(ROW).to_pyarrow().to_pylist()
        alone = {ROW: raw.table[ROW]}
        for name in ODD:
            cell = convert(raw.table[name], CONTRACT["months"][name])
            alone |= {name: cell.value, MARK + name: cell.mark}
        wanted = raw.table.select(**alone).order_by(ROW).to_pyarrow().to_pylist()
    assert {field.name for field in fields} == set(ODD)
    assert found == wanted
    # By hand, so that both routes being wrong alike would show.
    marks = [row[MARK + "complaints"] for row in found[:9]]
    assert sorted(marks) == sorted([READ] * 5 + [UNREADABLE] * 2 + [READ, BLANK])
    assert {row["complaints"] for row in found} == {3, 1234, -7, 12_345_678, None}


def test_plain_columns_take_no_second_pass(tmp_path):
    """Texts that are all plain are not read the long way: only one table of texts is made."""
    mapping = TableMapping(table="months")
    ids, months = ["C1", "C2"] * 50, ["202503"] * 100
    table = pa.table({ROW: range(1, 101), "customer_id": ids, "month": months})
    with Stage(tmp_path / "stage") as stage:
        stage.connection.register("given", table)
        stage.connection.execute("CREATE TABLE raw_months AS FROM given")
        raw = Raw(
            table=stage.backend.table("raw_months"),
            headers=("customer_id", "month"),
            rows=100,
            source="months.csv",
            how={},
        )
        whole = convert_rows(stage, raw, "months", build_fields(stage, raw, mapping))
        made = {name for (name,) in stage.connection.execute("SHOW TABLES").fetchall()}
        marks = [name for name in whole.columns if name.startswith(MARK)]
    assert "stage_months_whole" in made
    assert marks == []
    assert not any(name.startswith("read_") for name in made)
