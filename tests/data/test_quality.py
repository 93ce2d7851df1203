"""Checking as a whole: nothing is lost, everything at once, shapes, severities, Spark."""

from __future__ import annotations

import os
import shutil
from datetime import date, datetime
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clean_operator import TODAY, as_arrow, as_tables, clean_rows

from cvm.core.checks import ArgumentError, DataError
from cvm.data import quality_keys
from cvm.data.engine import connect
from cvm.data.findings import Finding
from cvm.data.quality import Checked, check_tables

MAY = date(2024, 5, 1)


SPARK_TABLES = ("customers", "months", "ledger")


def dirty_rows() -> dict[str, list[dict]]:
    """Return the clean operator with a dozen faults in different customers."""
    rows = clean_rows()
    months, customers, ledger = rows["months"], rows["customers"], rows["ledger"]
    months[0]["bill_yuan"] = -1.0
    months[0]["star"] = 9
    months[1]["bill_yuan"] = None
    months.append({**months[100]})
    months.append({**months[200], "bill_yuan": 1.0, "voice_yuan": None, "data_yuan": None})
    months.append({**months[0]})
    customers[25]["brand"] = "5G"
    customers[26]["left_month"] = date(2099, 12, 1)
    customers.append({**customers[30]})
    ledger[50]["points"] = -5
    rows["contacts"][1]["contacted_on"] = date(2030, 1, 1)
    rows["survey"][3]["overall_score"] = 11.0
    return rows


def found(checked: Checked) -> dict[tuple[str, str, str], int]:
    return {(f.table, f.column, f.check): f.rows for f in checked.findings}


def arrow_rows(table: ibis.Table) -> list[dict]:
    return table.order_by("_row").to_pyarrow().to_pylist()


@pytest.fixture(scope="module")
def dirty() -> Checked:
    return check_tables(as_tables(dirty_rows()), today=TODAY)


def test_every_problem_is_told_at_once(dirty: Checked) -> None:
    assert found(dirty) == {
        ("customers", "", "duplicate_row"): 1,
        ("customers", "brand", "not_allowed"): 1,
        ("customers", "left_month", "future"): 1,
        ("months", "bill_yuan", "negative"): 2,
        ("months", "bill_yuan", "missing_value"): 1,
        ("months", "star", "too_high"): 2,
        ("months", "", "duplicate_row"): 2,
        ("months", "", "conflicting_rows"): 2,
        ("ledger", "points", "negative"): 1,
        ("contacts", "contacted_on", "future"): 1,
        ("survey", "overall_score", "too_high"): 1,
    }
    assert dirty.ok


def test_rows_in_are_rows_clean_plus_rows_set_aside(dirty: Checked) -> None:
    rows = dirty_rows()
    for name, table in rows.items():
        clean = arrow_rows(dirty.clean[name])
        aside = arrow_rows(dirty.set_aside[name]) if name in dirty.set_aside else []
        numbers = [row["_row"] for row in clean + aside]
        assert sorted(numbers) == list(range(1, len(table) + 1))
        assert dirty.rows[name] == len(table)
        assert dirty.rows_set_aside[name] == len(aside)


def test_rows_set_aside_carry_all_reasons_and_their_original_columns(dirty: Checked) -> None:
    aside = {row["_row"]: row for row in arrow_rows(dirty.set_aside["months"])}
    assert set(aside) == {1, 2, 201, 436, 437, 438}
    assert aside[1]["bill_yuan"] == -1.0
    assert aside[1]["star"] == 9
    assert aside[1]["reason"] == "bill_yuan 为负数 / bill_yuan is negative"
    assert aside[438]["reason"] == (
        "bill_yuan 为负数 / bill_yuan is negative; 与前面的行完全相同 / repeats an earlier row"
    )
    assert aside[201]["reason"].endswith(
        "another row with the same customer_id, month says otherwise"
    )
    assert list(aside[1])[:2] == ["_row", "reason"]


def test_emptied_cells_are_listed_with_their_old_value(dirty: Checked) -> None:
    cells = dirty.emptied["customers"].to_pyarrow().to_pylist()
    assert [(c["_row"], c["column"], c["value"]) for c in cells] == [
        (26, "brand", "5G"),
        (27, "left_month", "2099-12-01"),
    ]
    clean = {row["customer_id"]: row for row in arrow_rows(dirty.clean["customers"])}
    assert clean["C025"]["brand"] is None
    assert clean["C026"]["left_month"] is None
    assert clean["C027"]["brand"] == "gotone"


def test_clean_rows_are_untouched(dirty: Checked) -> None:
    given = {i + 1: row for i, row in enumerate(dirty_rows()["months"])}
    for row in arrow_rows(dirty.clean["months"]):
        number = row.pop("_row")
        assert row == given[number]


def test_months_are_read_at_their_first_day_and_widths_do_not_matter() -> None:
    table = pa.table(
        {
            "_row": pa.array([1, 2], pa.int32()),
            "customer_id": ["a", "a"],
            "month": pa.array([datetime(2024, 1, 31), datetime(2024, 2, 29)], pa.timestamp("us")),
            "bill_yuan": pa.array([1, 2], pa.int16()),
            "star": pa.array([None, None], pa.null()),
        }
    )
    checked = check_tables({"months": ibis.memtable(table)}, today=TODAY)
    assert found(checked) == {}
    clean = arrow_rows(checked.clean["months"])
    assert [row["month"] for row in clean] == [date(2024, 1, 1), date(2024, 2, 1)]
    assert str(checked.clean["months"].schema()["bill_yuan"]) == "float64"


def test_two_days_of_one_month_are_one_key() -> None:
    table = as_arrow(
        "months",
        [
            {"customer_id": c, "month": date(2024, 1, day), "bill_yuan": bill}
            for c, day, bill in [("a", 1, 1.0), ("a", 31, 2.0)]
            + [(f"b{i}", 1, 1.0 + i) for i in range(98)]
        ],
    )
    checked = check_tables({"months": ibis.memtable(table)}, today=TODAY)
    assert found(checked)[("months", "", "conflicting_rows")] == 2


def test_a_wrong_type_stops_and_says_what_it_is() -> None:
    rows = clean_rows()
    table = as_arrow("months", rows["months"])
    position = table.column_names.index("bill_yuan")
    text = pa.array([f"{r['bill_yuan']:,}元" for r in rows["months"]])
    table = table.set_column(position, "bill_yuan", text)
    checked = check_tables({"months": ibis.memtable(table)}, today=TODAY)
    assert not checked.ok
    (finding,) = checked.findings
    assert (finding.check, finding.column, finding.rows) == ("wrong_type", "bill_yuan", 435)
    assert finding.details == {"found": "string", "wanted": "float64"}
    assert finding.examples[0] == "row 1: bill_yuan 51.0元"


@pytest.mark.parametrize(("name", "hard"), [("months", True), ("survey", False)])
def test_an_empty_table(name: str, hard: bool) -> None:
    tables = as_tables(clean_rows())
    tables[name] = ibis.memtable(as_arrow(name, [], tuple(clean_rows()[name][0])))
    tables = {each: tables[each] for each in ("customers", name)}
    checked = check_tables(tables, today=TODAY)
    assert found(checked) == {(name, "", "empty_table"): 0}
    assert checked.ok is not hard
    assert name not in checked.clean


def test_no_table_at_all_stops() -> None:
    checked = check_tables({}, today=TODAY)
    assert [f.check for f in checked.findings] == ["no_data"]
    assert not checked.ok


def test_a_column_wrong_in_every_row_stops() -> None:
    rows = clean_rows()["months"]
    for row in rows[: len(rows) // 4]:
        row["bill_yuan"] *= -1
    checked = check_tables(as_tables({"months": rows}), today=TODAY)
    (stop,) = [f for f in checked.findings if f.severity == "hard"]
    assert (stop.check, stop.rows, stop.fate) == ("negative", 108, "stops")


def test_a_table_at_another_grain_stops() -> None:
    rows = clean_rows()["survey"]
    rows += [{**row, "network_score": 1.5} for row in rows]
    checked = check_tables(as_tables({"survey": rows}), today=TODAY)
    (stop,) = checked.findings
    assert (stop.check, stop.rows, stop.severity) == ("conflicting_rows", 70, "hard")
    assert not checked.ok


def test_ids_written_differently_stop() -> None:
    rows = clean_rows()
    for row in rows["contacts"]:
        row["customer_id"] = row["customer_id"].replace("C0", "C")
    checked = check_tables(
        as_tables({name: rows[name] for name in ("customers", "contacts")}), today=TODAY
    )
    (stop,) = [f for f in checked.findings if f.severity == "hard"]
    assert (stop.check, stop.column, stop.rows) == ("unknown_reference", "customer_id", 40)
    assert stop.details == {"ids": 20, "of": "customers"}


def test_findings_of_reading_come_into_the_same_list() -> None:
    hard = Finding(table="months", check="cut_off", severity="hard", rows=1, fate="stops")
    soft = Finding(table="months", check="malformed", severity="soft", rows=2)
    checked = check_tables(
        as_tables({"survey": clean_rows()["survey"]}), today=TODAY, extra=(soft, hard)
    )
    assert checked.findings == (hard, soft)
    assert not checked.ok


def test_a_table_without_row_numbers_or_with_repeated_ones_is_refused() -> None:
    table = as_arrow("survey", clean_rows()["survey"])
    with pytest.raises(DataError, match="_row"):
        check_tables({"survey": ibis.memtable(table.drop_columns("_row"))}, today=TODAY)
    twice = pa.concat_tables([table, table])
    with pytest.raises(DataError, match="unique"):
        check_tables({"survey": ibis.memtable(twice)}, today=TODAY)


def test_a_table_the_contract_does_not_know_is_refused() -> None:
    table = ibis.memtable(as_arrow("survey", clean_rows()["survey"]))
    with pytest.raises(ArgumentError, match="pets"):
        check_tables({"pets": table}, today=TODAY)


def test_rows_that_only_share_a_digest_do_not_repeat_each_other(monkeypatch) -> None:
    monkeypatch.setattr(quality_keys, "_suspects", lambda sound, _key: sound)
    assert check_tables(as_tables(clean_rows()), today=TODAY).findings == ()


def test_a_ledger_without_opening_entries_is_compared_by_its_changes() -> None:
    rows = clean_rows()
    rows["ledger"] = [r for r in rows["ledger"] if r["entry"] != "opening"]
    tables = {name: rows[name] for name in ("customers", "months", "ledger")}
    assert check_tables(as_tables(tables), today=TODAY).findings == ()
    lost = next(
        i for i, r in enumerate(rows["ledger"]) if r["customer_id"] == "C030" and r["month"] == MAY
    )
    del rows["ledger"][lost]
    checked = check_tables(as_tables(tables), today=TODAY)
    assert found(checked) == {("ledger", "points", "ledger_unbalanced"): 1}
    assert checked.findings[0].examples == (
        "customer_id C030, month 2024-05-01, points_balance 250, ledger 120",
    )


def test_the_last_month_cut_off_is_not_told_again_as_gaps() -> None:
    rows = clean_rows()
    rows["months"] = [
        r for r in rows["months"] if r["month"] < date(2024, 12, 1) or r["customer_id"] < "C008"
    ]
    tables = {name: rows[name] for name in ("customers", "months")}
    assert found(check_tables(as_tables(tables), today=TODAY)) == {
        ("months", "month", "month_cut_off"): 8
    }


def test_new_customers_without_a_bill_yet_are_no_cut_file() -> None:
    rows = clean_rows()
    rows["customers"] += [
        {**rows["customers"][0], "customer_id": f"N{i}", "joined_month": date(2024, 12, 1)}
        for i in range(12)
    ]
    tables = {name: rows[name] for name in ("customers", "months")}
    checked = check_tables(as_tables(tables), today=TODAY)
    assert found(checked) == {("months", "customer_id", "customers_without_rows"): 12}
    assert checked.ok


@pytest.mark.spark
def test_spark_finds_what_duckdb_finds(tmp_path: Path) -> None:
    if shutil.which("java") is None and "CI" not in os.environ:
        pytest.skip("Java is not installed, so Spark cannot run; install Java 17 to run this test")
    spark = connect("local[2]")
    rows = {name: table for name, table in dirty_rows().items() if name in SPARK_TABLES}
    stored = {}
    for name, table in rows.items():
        pq.write_table(as_arrow(name, table), tmp_path / f"{name}.parquet")
        stored[name] = spark.read_parquet(str(tmp_path / f"{name}.parquet"))
    by_duckdb = check_tables(as_tables(rows), today=TODAY)
    by_spark = check_tables(stored, today=TODAY)
    assert by_spark.findings == by_duckdb.findings
    assert by_spark.rows_set_aside == by_duckdb.rows_set_aside
    for name in ("customers", "months"):
        columns = ["_row", "reason"]
        assert arrow_rows(by_spark.set_aside[name].select(columns)) == arrow_rows(
            by_duckdb.set_aside[name].select(columns)
        )
