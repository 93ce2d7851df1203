"""The sample as an IT department delivers it: read back whole, and every planted fault found."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cvm.core.checks import ArgumentError, DataError
from cvm.data import open_data
from cvm.data.prepared import StoppedError
from cvm.data.sample import PlantedFault, make_sample, plant_faults, read_truth, write_extract
from cvm.data.sample.extract import STYLES
from cvm.data.tables import CONTRACT

CHECKS = {
    "duplicate rows": ("months", "", "duplicate_row"),
    "negative bills": ("months", "bill_yuan", "negative"),
    "unknown customers": ("months", "customer_id", "unknown_reference"),
    "gaps in the panel": ("months", "month", "gap_inside"),
    "unbalanced ledger": ("ledger", "points", "ledger_unbalanced"),
    "truncated file": ("survey", "", "cut_off"),
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extract") / "sample"
    make_sample(folder, customers=250, seed=2)
    return folder


@pytest.fixture(scope="module")
def extract(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_extract(sample, tmp_path_factory.mktemp("delivered") / "extract")


def sorted_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame in one order, dates as text."""
    dates = [name for name in frame if name.endswith(("month", "_on"))]
    frame = frame.assign(
        **{name: frame[name].astype("datetime64[s]").astype(str) for name in dates}
    )
    return frame.sort_values(list(frame.columns)).reset_index(drop=True)


@pytest.mark.parametrize("style", list(STYLES))
def test_every_style_reads_back_whole_and_without_a_fault_but_planted_leakage(
    sample, tmp_path, style
):
    folder = write_extract(sample, tmp_path / "extract", style=style)
    read = open_data(folder, work=tmp_path / "work")
    for name in CONTRACT:
        made = pd.read_parquet(sample / "tables" / name)
        back = read.tables[name].to_pandas()[list(made.columns)]
        pd.testing.assert_frame_equal(sorted_frame(back), sorted_frame(made), check_dtype=False)
    leaked = sum(
        facts["funnel"]["controls_contacted"] for facts in read_truth(sample).campaigns.values()
    )
    found = {(one.table, one.check): one.rows for one in read.report.findings}
    assert found == ({("contacts", "control_contacted"): leaked} if leaked else {})


def test_the_extract_looks_like_one_from_a_billing_system(extract):
    lines = (extract / "months.csv").read_bytes().decode("gb18030").splitlines()
    assert lines[0].startswith("客户编号,月份,账单金额(元),")
    assert lines[1].split(",")[1] == "2022年12月"
    assert "¥" in lines[1]
    assert {"是", "否"} & set(lines[1].split(","))


def checked(folder: Path, work: Path) -> dict[tuple[str, str, str], int]:
    try:
        report = open_data(folder, work=work).report
    except StoppedError as stopped:
        report = stopped.report
    return {(one.table, one.column, one.check): one.rows for one in report.findings}


def test_every_planted_fault_is_found_with_its_count(extract, tmp_path):
    faults = plant_faults(extract, tmp_path / "damaged", seed=1, truncate=True)
    assert [fault.kind for fault in faults] == list(CHECKS)
    found = checked(tmp_path / "damaged", tmp_path / "work")
    assert {fault.kind: found.get(CHECKS[fault.kind]) for fault in faults} == {
        fault.kind: fault.rows for fault in faults
    }


def test_faults_concern_different_customers_and_follow_the_seed(extract, tmp_path):
    def plant(name: str, seed: int) -> tuple[PlantedFault, ...]:
        return plant_faults(extract, tmp_path / name, seed=seed, customers_each=3)

    one, same, other = plant("one", 1), plant("same", 1), plant("other", 2)
    assert one == same != other
    everybody = [name for fault in one for name in fault.customers]
    assert len(everybody) == len(set(everybody)) == 15
    files = {file.name: file.read_bytes() for file in (tmp_path / "one").iterdir()}
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "same").iterdir()}


def test_folders_in_use_and_unknown_styles_are_refused(sample, extract, tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ArgumentError, match="a new or empty folder"):
        write_extract(sample, tmp_path)
    with pytest.raises(ArgumentError, match="a new or empty folder"):
        plant_faults(extract, tmp_path)
    with pytest.raises(ArgumentError, match="gbk_tabs"):
        write_extract(sample, tmp_path / "new", style="latin")
    with pytest.raises(ArgumentError, match="customers_each"):
        plant_faults(extract, tmp_path / "new", customers_each=1_000)
    with pytest.raises(DataError, match="a sample operator"):
        write_extract(tmp_path, tmp_path / "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]
