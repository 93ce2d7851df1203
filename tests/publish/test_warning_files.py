"""The list as files: readable by Excel in Chinese, whole or not at all, never in a snapshot."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError, DataError
from cvm.publish import warning_files
from cvm.publish.warning_files import read_warning_files, write_warning_files
from cvm.publish.warning_job import ListSettings, score_written, write_warnings
from segments.test_warning_list import listed, people

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
TODAY = date(2026, 1, 15)


def test_csv_and_excel_hold_the_same_list_in_chinese(tmp_path):
    made = listed()
    files = write_warning_files(made, tmp_path, lang="zh")
    assert files.folder.name == "2025-12-01-month"
    raw = (files.folder / "warnings.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    csv = pd.read_csv(files.folder / "warnings.csv", dtype=str, encoding="utf-8-sig")
    sheet = openpyxl.load_workbook(files.folder / "warnings.xlsx").active
    assert sheet.title == "预警名单"
    header, *rows = sheet.iter_rows(values_only=True)
    assert list(header) == list(csv.columns) == list(made.to_call("zh").columns)
    assert [row[1] for row in rows] == csv["客户编号"].tolist() == ["A", "F"]
    assert csv.loc[1, "预警原因"] == "降70%；呼转40分钟"
    assert rows[0][header.index("挽留时段止")].date() == date(2025, 12, 11)


def test_a_text_that_looks_like_a_formula_stays_a_text(tmp_path):
    rows = people()
    rows.loc[0, "customer_id"] = "=1+1"
    files = write_warning_files(listed(rows, contacts=None), tmp_path)
    sheet = openpyxl.load_workbook(files.folder / "warnings.xlsx").active
    found = [cell for cell in next(sheet.iter_cols(min_col=2, max_col=2)) if cell.value == "=1+1"]
    assert found
    assert found[0].data_type == "s"


def test_a_list_comes_back_as_it_was(tmp_path):
    made = listed(contacts=None, calls=4, control_share=0.5, rng=np.random.default_rng(1))
    files = write_warning_files(made, tmp_path)
    back = read_warning_files(files.folder)
    assert (back.listed_on, back.period, back.calls) == (made.listed_on, "month", 4)
    pd.testing.assert_frame_equal(back.fates(), made.fates(), check_dtype=False)
    assert back.table["reasons"].tolist() == made.table["reasons"].tolist()
    pd.testing.assert_frame_equal(back.to_call("en"), made.to_call("en"), check_dtype=False)
    (files.folder / "list.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="cvm warnings wrote"):
        read_warning_files(files.folder)


def test_a_failure_leaves_the_last_list_as_it_was(tmp_path, monkeypatch):
    files = write_warning_files(listed(), tmp_path)
    before = (files.folder / "warnings.csv").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(warning_files, "_write_excel", full)
    with pytest.raises(OSError, match="No space"):
        write_warning_files(listed(calls=1), tmp_path)
    assert (files.folder / "warnings.csv").read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [files.folder.name]


def test_a_list_is_never_written_among_the_snapshots(tmp_path):
    with pytest.raises(ArgumentError, match="outside the folder of snapshots"):
        write_warning_files(
            listed(), tmp_path / "published" / "x", snapshots=tmp_path / "published"
        )


def test_the_commands_steps_write_a_list_and_score_it_later(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = ListSettings(
        language="en", engine="duckdb", book="sample", horizon_months=3, calls=60,
        control_share=0.5, seed=1, snapshots=Path("published"), today=TODAY,
    )  # fmt: skip
    made, files = write_warnings(str(SAMPLE), tmp_path / "out", settings, month="2025-06")
    assert files.calls + files.held_out == 60
    assert json.loads((files.folder / "list.json").read_text())["listed_on"] == "2025-07-01"
    # The list's outcome by counting in the customers table.
    scored = score_written(
        files.folder, str(SAMPLE), horizon_months=3, engine="duckdb", today=TODAY
    )
    customers = pd.read_parquet(SAMPLE / "tables" / "customers").set_index("customer_id")
    left = pd.to_datetime(customers["left_month"]).between("2025-07-01", "2025-09-01")
    listed_ids = made.table["customer_id"][made.table["fate"].isin(["called", "held_out"])]
    assert scored.facts["listed_left"] == left[listed_ids].sum()
    with pytest.raises(ArgumentError, match="are over"):
        score_written(files.folder, str(SAMPLE), horizon_months=6, engine="duckdb", today=TODAY)
    with pytest.raises(ArgumentError, match="a month of the data"):
        write_warnings(str(SAMPLE), tmp_path / "out", settings, month="2031-01")
