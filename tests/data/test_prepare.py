"""Preparing: cached by content, whole or not at all, safe among processes and interruptions."""

import errno
import json
import os
import shutil
import subprocess
import sys
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from extracts import CUSTOMERS_ZH, TODAY, write

from cvm.core.checks import DataError
from cvm.data import open_data, prepare, prepared, prepared_files
from cvm.data.prepared import StoppedError
from cvm.data.tables import CONTRACT

MONTHS = "用户编号,账期,出账金额\n007,2026-01,10\n007,2026-02,11\n008,2026-01,12\n008,2026-02,13\n"


def write_extract(folder):
    write(folder / "客户.csv", CUSTOMERS_ZH, "gb18030")
    write(folder / "months.csv", MONTHS, "utf-8")
    return folder


@pytest.fixture
def extract(tmp_path):
    return write_extract(tmp_path / "in")


@pytest.fixture(scope="module")
def prepared_once(tmp_path_factory):
    """What preparing the extract makes; its name does not tell where the extract lay."""
    folder = tmp_path_factory.mktemp("once")
    return prepare(write_extract(folder / "in"), work=folder / "work", today=TODAY)


@pytest.fixture
def good(prepared_once, extract, tmp_path):
    """The prepared folder of the extract, as an earlier run left it under ``work``."""
    left = tmp_path / "work" / prepared_once.name
    shutil.copytree(prepared_once, left)
    assert prepare(extract, work=tmp_path / "work", today=TODAY) == left
    return left


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_a_prepared_folder_contains(extract, tmp_path):
    folder = prepare(extract, work=tmp_path / "work", today=TODAY)

    assert set(files_of(folder)) == {
        "prepared.json",
        "report.json",
        "tables/customers/part-00000.parquet",
        "tables/months/part-00000.parquet",
    }
    record = json.loads((folder / "prepared.json").read_text("utf-8"))
    assert record["rows"] == {"customers": 3, "months": 4}
    assert (record["first_month"], record["last_month"]) == ("2026-01-01", "2026-02-01")
    assert record["fingerprint"].startswith(folder.name.rpartition("-")[2])
    assert record["reading"]["customers"] == {
        "source": "客户.csv",
        "encoding": "gb18030",
        "certainty": "assumed",
        "delimiter": ",",
    }
    assert [child.name for child in (tmp_path / "work").iterdir()] == [folder.name]


def test_columns_have_the_contracts_types(prepared_once):
    folder = prepared_once

    file = pq.ParquetFile(folder / "tables" / "customers" / "part-00000.parquet")
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    wanted = {
        "integer": pa.int64(),
        "number": pa.float64(),
        "flag": pa.bool_(),
        "month": pa.date32(),
        "date": pa.date32(),
    }
    for name in ("customers", "months"):
        schema = pq.read_schema(folder / "tables" / name / "part-00000.parquet")
        for field in schema:
            assert field.type == wanted.get(CONTRACT[name][field.name].kind, pa.string())


def test_the_same_extract_is_prepared_once(good, extract, tmp_path, monkeypatch):
    monkeypatch.setattr(prepared, "check_tables", None)

    assert prepare(extract, work=tmp_path / "work", today=TODAY) == good
    assert prepare(extract, work=tmp_path / "work", today=date(2027, 1, 1)) == good
    assert open_data(good).folder == good


def test_content_mapping_and_code_decide_not_dates_of_files(good, extract, tmp_path, monkeypatch):
    os.utime(extract / "months.csv", (1, 1))
    assert prepare(extract, work=tmp_path / "work", today=TODAY) == good

    write(extract / "months.csv", MONTHS.replace("13", "14"))
    second = prepare(extract, work=tmp_path / "work", today=TODAY)
    assert second != good
    assert good.is_dir()

    monkeypatch.setattr("cvm.data.sources.code_version", lambda: "another")
    assert prepare(extract, work=tmp_path / "work", today=TODAY) not in (good, second)


def test_future_dates_are_judged_again_on_another_day(tmp_path):
    path = write(tmp_path / "客户.csv", CUSTOMERS_ZH)  # the last customer joined in May 2021
    joined = {}
    for today in (date(2021, 4, 30), date(2021, 6, 1), date(2021, 4, 30)):
        data = open_data(path, work=tmp_path / "work", today=today)
        future = [finding.rows for finding in data.report.findings if finding.check == "future"]
        assert future == ([1] if today.month == 4 else [])
        joined[today] = data.table("customers").joined_month.count().to_pyarrow().as_py()
    assert list(joined.values()) == [2, 3]


@pytest.mark.parametrize(
    "cause",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        duckdb.IOException("IO Error: Could not write file: No space left on device"),
        KeyboardInterrupt(),
        duckdb.InterruptException("INTERRUPT Error: Interrupted!"),
    ],
    ids=["disk full", "disk full in the engine", "Ctrl-C", "Ctrl-C in the engine"],
)
@pytest.mark.parametrize("step", ["stage_table", "make_record"])
def test_an_interruption_leaves_what_was_there(cause, step, good, extract, tmp_path, monkeypatch):
    work = tmp_path / "work"
    before = files_of(work)
    write(extract / "months.csv", MONTHS.replace("13", "14"))

    def fail(*_, **__):
        raise cause

    monkeypatch.setattr(prepared, step, fail)
    expected = KeyboardInterrupt if "nterr" in repr(cause) else DataError
    with pytest.raises(expected) as raised:
        prepare(extract, work=work, today=TODAY)

    if expected is DataError:
        assert "No space left on device" in str(raised.value)
        assert "make room on the disk" in str(raised.value)
    assert files_of(work) == before
    assert [child.name for child in work.iterdir()] == [good.name]
    monkeypatch.undo()
    assert prepare(extract, work=work, today=TODAY) != good


def test_an_interruption_between_two_tables(extract, tmp_path, monkeypatch):
    written = prepared_files.write_table

    def second_fails(stage, folder, table):
        if folder.name == "months":
            raise OSError(errno.ENOSPC, "No space left on device")
        written(stage, folder, table)

    monkeypatch.setattr(prepared, "write_table", second_fails)
    with pytest.raises(DataError, match="nothing was changed"):
        prepare(extract, work=tmp_path / "work", today=TODAY)
    assert list((tmp_path / "work").iterdir()) == []


def test_what_a_killed_process_left_is_removed(extract, tmp_path):
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    left = tmp_path / "work" / f".aside-{gone}-x"
    ours = tmp_path / "work" / f".aside-{os.getpid()}-x"
    left.mkdir(parents=True)
    ours.mkdir()

    prepare(extract, work=tmp_path / "work", today=TODAY)

    assert not left.exists()
    assert ours.exists()


def test_two_processes_at_once(extract, tmp_path):
    code = (
        "import sys; from datetime import date; from cvm.data import open_data;"
        "d = open_data(sys.argv[1], work=sys.argv[2], today=date(2026, 11, 23));"
        "print(d.folder, d.table('months').count().to_pyarrow())"
    )
    command = [sys.executable, "-c", code, str(extract), str(tmp_path / "work")]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate() for process in running]

    assert [process.returncode for process in running] == [0, 0, 0], said
    assert len({out for out, _ in said}) == 1
    assert len(list((tmp_path / "work").iterdir())) == 1


def test_data_that_stop_keep_their_report_and_spoil_nothing(good, extract, tmp_path):
    work = tmp_path / "work"
    write(extract / "months.csv", "用户编号,出账金额\n007,10\n008,x\n")

    for _ in range(2):
        with pytest.raises(StoppedError) as raised:
            prepare(extract, work=work, today=TODAY)
        stopped = raised.value
        assert "missing_column" in {finding.check for finding in stopped.report.stops}
        assert stopped.folder.name.endswith("-stopped")
        assert str(stopped.folder / "report.json") in str(stopped)
        assert not (stopped.folder / "tables").exists()
        assert "months.csv" in os.listdir(stopped.folder / "set_aside")
    assert len(list(work.iterdir())) == 2
    assert (good / "prepared.json").is_file()


def test_a_broken_prepared_folder_is_made_again(good, extract, tmp_path):
    (good / "prepared.json").unlink()

    again = prepare(extract, work=tmp_path / "work", today=TODAY)

    assert again == good
    assert (good / "prepared.json").is_file()


def test_progress_is_told(extract, tmp_path):
    told = []
    prepare(
        extract,
        work=tmp_path / "work",
        today=TODAY,
        progress=lambda what, share: told.append((what, share)),
    )
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[-1] == ("done", 1.0)
    assert ("read months", 0.0) in told
