"""The sample operator as a whole: shape, reproducibility, calibration, errors."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cvm.core.checks import ArgumentError, DataError
from cvm.data.sample import SampleSettings, Truth, make_sample, read_truth
from cvm.data.sample.arrow import SNAPSHOT_COLUMNS
from cvm.data.sample.block import common_draws, simulate_block
from cvm.data.sample.facts import block_facts
from cvm.data.sample.truth import add_up, make_truth
from cvm.data.tables import CONTRACT

COMMITTED = Path(__file__).parents[2] / "data" / "sample"
ARROW = {
    "id": "string",
    "text": "string",
    "category": "string",
    "integer": "int64",
    "number": "double",
    "share": "double",
    "flag": "bool",
    "month": "date32[day]",
    "date": "date32[day]",
}


def tables_of(folder: Path) -> dict[str, object]:
    return {name: pq.read_table(folder / "tables" / name) for name in CONTRACT}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    folder = tmp_path_factory.mktemp("operator") / "sample"
    return folder, make_sample(folder, customers=3_000, seed=11)


def test_every_table_has_the_columns_and_types_of_the_contract(sample):
    for name, table in tables_of(sample[0]).items():
        expected = [
            (column.name, ARROW[column.kind])
            for column in CONTRACT[name].columns
            if column.name not in SNAPSHOT_COLUMNS
        ]
        assert [(field.name, str(field.type)) for field in table.schema] == expected


def test_values_lie_in_the_ranges_and_categories_of_the_contract(sample):
    for name, table in tables_of(sample[0]).items():
        frame = table.to_pandas()
        for column in CONTRACT[name].columns:
            if column.name in SNAPSHOT_COLUMNS:
                continue
            values = frame[column.name]
            if not column.nullable:
                assert values.notna().all(), (name, column.name)
            if column.allowed:
                assert set(values.dropna()) <= set(column.allowed), (name, column.name)
            if column.low is not None:
                assert values.min() >= column.low, (name, column.name)
            if column.high is not None:
                assert values.max() <= column.high, (name, column.name)


def test_keys_are_unique_and_references_are_met(sample):
    frames = {name: table.to_pandas() for name, table in tables_of(sample[0]).items()}
    for name, table in CONTRACT.items():
        if table.key:
            assert not frames[name].duplicated(list(table.key)).any(), name
        for column, other in table.references.items():
            known = set(frames[other][CONTRACT[other].key[0]])
            assert set(frames[name][column].dropna()) <= known, (name, column)


def test_the_panel_has_a_row_for_every_month_of_service_and_no_other(sample):
    frames = {name: table.to_pandas() for name, table in tables_of(sample[0]).items()}
    customers, months = frames["customers"], frames["months"]

    def index(values):
        return values.dt.year * 12 + values.dt.month - 1

    for name in ("joined_month", "left_month"):
        customers[name] = customers[name].astype("datetime64[s]")
    month = months["month"].astype("datetime64[s]")
    first, last = index(month).min(), index(month).max()
    start = index(customers["joined_month"]).clip(lower=first)
    end = index(customers["left_month"]).fillna(last + 1)
    rows = months.groupby("customer_id").size().reindex(customers["customer_id"], fill_value=0)
    assert (rows.to_numpy() == (end - start).to_numpy()).all()
    assert last - first == 35


def test_same_seed_gives_the_same_operator_whatever_the_parts_and_workers(tmp_path):
    small = {"customers": 20_500, "months": 6, "seed": 5}
    one = make_sample(tmp_path / "one", **small, part_customers=100_000)
    many = make_sample(tmp_path / "many", **small, part_customers=1, workers=2)
    assert one == many == read_truth(tmp_path / "many")
    assert len(list((tmp_path / "many" / "tables" / "months").iterdir())) == 3
    for name in CONTRACT:
        left, right = (
            pq.read_table(tmp_path / which / "tables" / name) for which in ("one", "many")
        )
        assert left.equals(right), name


def test_another_seed_gives_another_operator_and_global_random_state_is_untouched(sample, tmp_path):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    other = make_sample(tmp_path / "other", customers=3_000, seed=12)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert other.points_years != sample[1].points_years


def test_the_committed_sample_is_what_the_generator_makes(tmp_path):
    truth = read_truth(COMMITTED)
    again = make_sample(
        tmp_path / "again",
        customers=truth.operator["customers"],
        months=truth.operator["months"],
        seed=truth.operator["seed"],
    )
    assert again == truth
    for name in CONTRACT:
        committed = pq.read_table(COMMITTED / "tables" / name)
        made = pq.read_table(tmp_path / "again" / "tables" / name)
        assert made.equals(committed), name


def test_the_committed_sample_stays_within_two_megabytes():
    size = sum(file.stat().st_size for file in COMMITTED.rglob("*") if file.is_file())
    assert size <= 2_000_000


@pytest.mark.parametrize("seed", [1, 20_251_120, 77])
def test_points_cost_about_2_3_per_cent_and_churn_about_2_per_cent(seed):
    settings = SampleSettings(customers=20_000, seed=seed)
    sums = []
    for number in range(2):
        block = simulate_block(settings, number)
        sums.append(add_up([block.sums, block_facts(settings, block)]))
    truth = make_truth(settings, common_draws(settings), add_up(sums))
    assert 0.022 <= truth.last_whole_points_year["cost_share"] <= 0.024
    assert 0.015 <= truth.churn["monthly_share"] <= 0.025
    by_brand = truth.churn["monthly_share_by_brand"]
    assert by_brand["gotone"] + 0.005 < min(by_brand["easyown"], by_brand["mzone"])


def test_the_truth_survives_its_file(sample):
    folder, truth = sample
    assert read_truth(folder) == truth
    assert Truth.from_json(truth.to_json()) == truth


def test_other_files_of_a_sample_folder_stay_when_it_is_made_again(tmp_path):
    folder = tmp_path / "sample"
    make_sample(folder, customers=50, months=4)
    (folder / "README.md").write_text("mine", encoding="utf-8")
    make_sample(folder, customers=60, months=4)
    assert (folder / "README.md").read_text(encoding="utf-8") == "mine"
    assert read_truth(folder).operator["customers"] == 60
    assert [entry.name for entry in tmp_path.iterdir()] == ["sample"]


def test_a_failure_leaves_the_last_sample_as_it_was(tmp_path):
    folder = tmp_path / "sample"
    truth = make_sample(folder, customers=50, months=4)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_sample(folder, customers=60, months=4, progress=stop)
    assert read_truth(folder) == truth
    assert [entry.name for entry in tmp_path.iterdir()] == ["sample"]


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "work.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ArgumentError, match="a sample made before"):
        make_sample(tmp_path, customers=50)
    with pytest.raises(ArgumentError, match="a folder"):
        make_sample(tmp_path / "work.txt", customers=50)
    with pytest.raises(DataError, match="a sample operator"):
        read_truth(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("customers", 0), ("months", 1), ("seed", -1), ("part_customers", 0), ("workers", 0)],
)
def test_settings_out_of_range_are_named(tmp_path, name, value):
    with pytest.raises(ArgumentError, match=name):
        make_sample(tmp_path / "sample", **{"customers": 50, "months": 4, name: value})


@pytest.mark.parametrize("months", [2, 4, 13, 60])
@pytest.mark.parametrize("last_month", [date(2026, 10, 1), date(2024, 1, 1), date(2023, 12, 1)])
def test_any_length_and_end_of_panel_works(tmp_path, months, last_month):
    truth = make_sample(tmp_path / "sample", customers=40, months=months, last_month=last_month)
    assert truth.operator["last_month"] == f"{last_month:%Y-%m}"
    assert sum(year["months"] for year in truth.points_years.values()) == months


def test_one_customer_is_an_operator_too(tmp_path):
    assert make_sample(tmp_path / "sample", customers=1).operator["customers"] == 1
