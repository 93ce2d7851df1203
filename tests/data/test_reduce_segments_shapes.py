"""RFM cells, cohorts of the base, features and snapshots, beside pandas and by hand."""

from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError, MissingDataError
from cvm.data import collect, open_data
from cvm.data.reduce_segments_shapes import (
    AMOUNT_BINS_A_LOG,
    reduce_segments_cohorts,
    reduce_segments_rfm,
    reduce_segments_rfm_kept,
    reduce_segments_snapshot,
    segment_features,
    snapshot_features,
)
from segments_tables import as_table, panel, people

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
LAST = date(2025, 11, 1)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return open_data(SAMPLE, work=tmp_path_factory.mktemp("work")).tables


def purchases(rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "bought_on", "amount_yuan"])
    return as_table(frame, "bought_on")


def test_rfm_of_recharges_by_hand():
    table = purchases(
        [
            ("a", "2025-11-30", 50.0),
            ("a", "2025-09-02", 50.0),
            ("b", "2025-08-15", 30.0),
            ("b", "2024-11-30", 99.0),  # a day before the window
            ("c", "2025-10-01", 0.0),  # no purchase
            ("d", "2025-12-01", 70.0),  # after the month
        ]
    )

    got = collect(reduce_segments_rfm(table, month=LAST, when="bought_on", amount="amount_yuan"))

    assert got.to_dict("list") == {
        "recency_months": [0, 3],
        "frequency": [2, 1],
        "amount_bin": [int(np.floor(AMOUNT_BINS_A_LOG * np.log(v))) for v in (100, 30)],
        "customers": [1, 1],
        "amount": [100.0, 30.0],
    }


def test_rfm_of_bills_agrees_with_pandas(tables):
    got = collect(reduce_segments_rfm(tables["months"], month=LAST))
    months = collect(tables["months"].select("customer_id", "month", "bill_yuan"))
    months["month"] = pd.to_datetime(months["month"])
    rows = months[(months["month"] > "2024-11-30") & (months["bill_yuan"] > 0)]
    each = rows.groupby("customer_id").agg(
        last=("month", "max"), frequency=("bill_yuan", "size"), amount=("bill_yuan", "sum")
    )
    each["recency_months"] = (2025 - each["last"].dt.year) * 12 + 11 - each["last"].dt.month
    expected = each.groupby(["recency_months", "frequency"])["amount"].agg(["size", "sum"])

    cells = got.groupby(["recency_months", "frequency"])[["customers", "amount"]].sum()
    assert cells["customers"].tolist() == expected["size"].tolist()
    np.testing.assert_allclose(cells["amount"], expected["sum"], rtol=1e-9)


def test_rfm_classes_of_two_windows_by_hand():
    table = purchases(
        [
            ("a", "2025-11-05", 100.0),
            ("a", "2024-11-05", 100.0),
            ("b", "2025-01-05", 10.0),
            ("b", "2024-10-05", 100.0),
            ("new", "2025-11-05", 100.0),
        ]
    )
    bounds = {"recency_months": 3, "frequency": 1, "amount_bin": int(20 * np.log(50))}

    got = collect(
        reduce_segments_rfm_kept(
            table, month=LAST, when="bought_on", amount="amount_yuan", bounds=bounds
        )
    )

    # Who bought in one window only has nothing to be compared with.
    assert got.to_numpy().tolist() == [["111", "010", 1], ["111", "111", 1]]


def test_a_purchase_table_without_its_columns_is_refused():
    table = purchases([("a", "2025-11-30", 50.0)])

    with pytest.raises(MissingDataError, match="purchases.columns == 'without month, bill_yuan'"):
        reduce_segments_rfm(table, month=LAST)


def test_cohorts_by_hand():
    both = {"bill_yuan": [10.0] * 12 + [20.0] * 12}
    frame = collect(
        panel(
            {
                "stayed": both,
                "recent": {"bill_yuan": [10.0] * 6 + [20.0] * 12},
                "joined": {"bill_yuan": [20.0] * 3},
                "left": both,
                "passed": both,
            },
            LAST,
        )
    )
    month = pd.to_datetime(frame["month"])
    frame = frame[~((frame["customer_id"] == "left") & (month > "2025-02-28"))]
    month = pd.to_datetime(frame["month"])
    frame = frame[~((frame["customer_id"] == "passed") & (month > "2024-03-31"))]
    customers = people({name: {} for name in ("stayed", "recent", "joined", "left", "passed")})

    got = collect(reduce_segments_cohorts(as_table(frame, "month"), customers, month=LAST))
    rows = got.set_index("status")

    assert set(got["joined_year"]) == {2020}
    assert rows["before_yuan"].to_dict() == {
        "stayed": 120.0, "recent": 60.0, "joined": 0.0, "left": 120.0, "passed": 40.0,
    }  # fmt: skip
    assert rows["now_yuan"].to_dict() == {
        "stayed": 240.0, "recent": 240.0, "joined": 60.0, "left": 60.0, "passed": 0.0,
    }  # fmt: skip
    # Margin: 30 yuan a month less.
    assert rows.loc["stayed", "now_margin_yuan"] == 240.0 - 12 * 30


def test_cohorts_keep_every_customer_and_every_yuan(tables):
    got = collect(reduce_segments_cohorts(tables["months"], tables["customers"], month=LAST))
    months = collect(tables["months"].select("customer_id", "month", "bill_yuan"))
    month = pd.to_datetime(months["month"])
    now, before = month > "2024-11-30", (month > "2023-11-30") & (month <= "2024-11-30")

    assert got["customers"].sum() == months.loc[now | before, "customer_id"].nunique()
    assert got["now_yuan"].sum() == pytest.approx(months.loc[now, "bill_yuan"].sum(), abs=0.01)
    assert got["before_yuan"].sum() == pytest.approx(
        months.loc[before, "bill_yuan"].sum(), abs=0.01
    )


def test_cohorts_without_a_joining_month_stand_in_one_row_a_status():
    customers = people({"a": {}}).drop("joined_month")

    got = collect(reduce_segments_cohorts(panel({"a": {}}, LAST, months=24), customers, month=LAST))

    assert got["joined_year"].isna().all()
    assert got["status"].tolist() == ["stayed"]


def test_features_are_means_of_the_months_in_service():
    months = panel({"a": {"bill_yuan": [10.0, 30.0]}, "b": {"bill_yuan": 5.0}}, LAST)

    got = collect(segment_features(months, month=LAST, features=["bill_yuan"]))

    assert got.to_dict("list") == {"customer_id": ["a", "b"], "bill_yuan": [20.0, 5.0]}
    with pytest.raises(MissingDataError, match="tenure"):
        segment_features(months, month=LAST, features=["tenure"])


def test_a_sample_of_customers_does_not_depend_on_the_order_of_rows(tables):
    months = tables["months"]
    some = {"month": LAST, "features": ["bill_yuan"], "most_customers": 50}

    one = collect(segment_features(months, **some))
    other = collect(segment_features(months.order_by(ibis.desc("bill_yuan")), **some))

    assert len(one) == 50
    pd.testing.assert_frame_equal(one, other)


def test_a_snapshot_describes_those_who_have_not_left():
    table = ibis.memtable(
        pd.DataFrame(
            {
                "customer_id": ["a", "b", "c"],
                "last_bill_yuan": [15.0, 25.0, None],
                "churned": [False, True, False],
            }
        )
    )

    spread = collect(reduce_segments_snapshot(table, column="last_bill_yuan", step=10))
    people_left = collect(snapshot_features(table))

    assert spread["customers"].tolist() == [1, 1]
    assert spread["bin"].iloc[0] == 1
    assert pd.isna(spread["bin"].iloc[1])
    assert people_left["customer_id"].tolist() == ["a", "c"]
    with pytest.raises(ArgumentError, match="a column of customers"):
        snapshot_features(table.drop("last_bill_yuan"))
