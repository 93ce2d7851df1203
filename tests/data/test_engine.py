"""The engine: the same tables, types and answers on DuckDB and on Spark."""

import os
import shutil
import subprocess
import sys
from datetime import date

import ibis
import pandas as pd
import pytest
from extracts import CUSTOMERS_ZH, TODAY, write

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.data import collect, open_data, prepare
from cvm.data.engine import open_prepared

MONTHS = (
    "用户编号,账期,出账金额,投诉次数,是否按时缴费,异网占比\n"
    "007,2026-01,10,0,是,\n007,2026-02,11.5,1,否,12%\n008,2026-01,12,,,5%\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("engine")
    write(tmp_path / "in" / "客户.csv", CUSTOMERS_ZH, "gb18030")
    write(tmp_path / "in" / "months.csv", MONTHS)
    return prepare(tmp_path / "in", work=tmp_path / "work", today=TODAY)


@pytest.fixture(scope="module")
def on_duckdb(folder):
    return open_prepared(folder)


@pytest.fixture(scope="module")
def on_spark(folder):
    if shutil.which("java") is None and "CI" not in os.environ:
        pytest.skip("Java is not installed, so Spark cannot run; install Java 17 to run this test")
    return open_prepared(folder, engine="local[2]")


def test_what_the_data_have(on_duckdb):
    assert set(on_duckdb.tables) == {"customers", "months"}
    assert (on_duckdb.first_month, on_duckdb.last_month) == (date(2026, 1, 1), date(2026, 2, 1))
    assert on_duckdb.has("months", "bill_yuan")
    assert not on_duckdb.has("months", "star")
    assert not on_duckdb.has("ledger")
    assert on_duckdb.require("months", "bill_yuan").columns == on_duckdb.table("months").columns
    assert on_duckdb.missing(
        {"months": ["bill_yuan", "star"], "ledger": ["points"], "customers": ["brand"]}
    ) == {"months": ["star"], "ledger": ["points"]}


def test_what_is_missing_is_named(on_duckdb):
    with pytest.raises(MissingDataError, match=r"table == 'ledger'.*available: customers, months"):
        on_duckdb.table("ledger")
    with pytest.raises(MissingDataError, match=r"months.columns == 'without star'"):
        on_duckdb.require("months", "star", "bill_yuan")


def every_kind(table):
    return table.mutate(
        half=table.bill_yuan / 2,
        cents=(table.bill_yuan * 100).cast("int64"),
        later=table.month > date(2026, 1, 15),
    ).order_by("customer_id", "month")


def test_types_in_a_frame(on_duckdb):
    frame = collect(every_kind(on_duckdb.table("months")))

    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "customer_id": "str",
        "month": "datetime64[us]",
        "bill_yuan": "float64",
        "off_net_share": "float64",
        "complaints": "Int64",
        "paid_on_time": "boolean",
        "half": "float64",
        "cents": "int64",
        "later": "bool",
    }
    assert frame["month"][0] == pd.Timestamp("2026-01-01")


def test_a_value_a_column_and_an_empty_table(on_duckdb):
    months = on_duckdb.table("months")
    assert collect(months.bill_yuan.sum().name("total"))["total"].tolist() == [33.5]
    assert sorted(collect(months.bill_yuan)["bill_yuan"]) == [10, 11.5, 12]
    empty = collect(months.filter(months.bill_yuan > 99))
    assert len(empty) == 0
    assert str(empty.dtypes["month"]) == "datetime64[us]"


@pytest.mark.spark
def test_the_same_frames_on_both_engines(on_duckdb, on_spark):
    for reduce in (
        every_kind,
        lambda t: (
            t.group_by("month")
            .agg(
                customers=t.count(),
                total=t.bill_yuan.sum(),
                spread=t.bill_yuan.var(),
                complained=t.complaints.sum(),
                on_time=t.paid_on_time.sum(),
                share=t.off_net_share.mean(),
                first=t.month.min(),
            )
            .order_by("month")
        ),
        lambda t: t.aggregate(none=t.bill_yuan.sum(where=t.bill_yuan > 99), ratio=t.count() / 0),
    ):
        frames = [collect(reduce(data.table("months"))) for data in (on_duckdb, on_spark)]
        pd.testing.assert_frame_equal(*frames)


@pytest.mark.spark
def test_dates_have_one_type_on_both_engines(on_duckdb, on_spark):
    for data in (on_duckdb, on_spark):
        assert str(data.table("months").schema()["month"]) == "date"
        first = data.table("months").month.min().to_pyarrow().as_py()
        assert first == date(2026, 1, 1)
        assert type(first) is date


@pytest.mark.spark
def test_two_folders_are_open_at_once(on_spark, tmp_path):
    other = write(tmp_path / "months.csv", "用户编号,账期,出账金额\n1,2025-01,1\n2,2025-01,2\n")
    data = open_data(other, engine="local[2]", work=tmp_path / "work", today=TODAY)

    assert data.table("months").count().to_pyarrow().as_py() == 2
    assert on_spark.table("months").count().to_pyarrow().as_py() == 3


@pytest.mark.spark
def test_spark_is_quiet_and_keeps_to_this_machine(on_spark, folder):
    code = (
        "import sys; from cvm.data.engine import open_prepared, collect;"
        "d = open_prepared(sys.argv[1], engine='local[2]');"
        "collect(d.table('months').limit(1));"
        "from pyspark.sql import SparkSession; c = SparkSession.active().sparkContext;"
        "assert c.uiWebUrl is None;"
        "assert c.getConf().get('spark.driver.bindAddress') == '127.0.0.1'"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:cvm", "-c", code, str(folder)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""
    assert ran.stderr == ""


@pytest.mark.parametrize("engine", ["polars", "", "DuckDB"])
def test_an_unknown_engine(engine, folder):
    with pytest.raises(ArgumentError, match=r"available: duckdb, local\[2\], spark://host:7077"):
        open_prepared(folder, engine=engine)


def test_spark_without_java(folder, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(ArgumentError, match=r"no Java is found.*install Java 17"):
        open_prepared(folder, engine="local[2]")


def test_spark_without_pyspark(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(ArgumentError, match=r"pyspark is not installed.*cvm\[spark\]"):
        open_prepared(folder, engine="local[2]")


def test_a_folder_that_is_not_whole(folder, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "tables" / "months" / "part-00000.parquet").unlink()
    with pytest.raises(DataError, match=r"months == 'no Parquet file'"):
        open_prepared(broken)
    (broken / "prepared.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="must be a complete prepared folder"):
        open_prepared(broken)


def test_collect_needs_no_table():
    assert collect(ibis.literal(1.5).name("x"))["x"].tolist() == [1.5]
