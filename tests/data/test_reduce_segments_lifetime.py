"""Customers followed from a month on: by hand, and beside pandas on the sample operator."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError, MissingDataError
from cvm.data import collect, open_data
from cvm.data.reduce_segments_lifetime import (
    reduce_lifetime_margins,
    reduce_lifetime_spans,
    reduce_purchase_spend,
    reduce_purchases,
)
from segments_tables import as_table

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
START, LAST = date(2024, 12, 1), date(2025, 11, 1)


def months_of(rows):
    """Return customer-months from customer → (month, card, bill, cost, voice) …"""
    frame = pd.DataFrame(
        [(name, *row) for name, several in rows.items() for row in several],
        columns=[
            "customer_id",
            "month",
            "vip_tier",
            "bill_yuan",
            "variable_cost_yuan",
            "voice_yuan",
        ],
    )
    return as_table(frame, "month")


MONTHS = months_of(
    {
        # Gold when the time begins, then silver: gold he stays. 30 voice in both months up to then.
        "old": [
            ("2025-01-01", "vip", 500.0, 100.0, 40.0),
            ("2025-02-01", "gold", 500.0, 100.0, 20.0),
            ("2025-03-01", "gold", 400.0, 100.0, 90.0),
            ("2025-04-01", "silver", 300.0, 100.0, 90.0),
        ],
        # Joins within the time, without a card on file.
        "new": [("2025-03-01", None, 50.0, 60.0, 30.0), ("2025-04-01", "gold", 70.0, 60.0, 0.0)],
        # Leaves after one month.
        "gone": [("2025-02-01", "gold", 80.0, 10.0, 29.99)],
        # Seen before the time alone.
        "past": [("2025-01-01", "gold", 80.0, 10.0, 1.0)],
        "prepaid": [("2025-04-01", "gold", 80.0, 10.0, 1.0)],
    }
)
CUSTOMERS = as_table(
    pd.DataFrame(
        [
            ("old", "2019-05-01", "postpaid"),
            ("new", "2025-03-01", "postpaid"),
            ("gone", None, "postpaid"),
            ("past", "2019-05-01", "postpaid"),
            ("prepaid", "2019-05-01", "prepaid"),
        ],
        columns=["customer_id", "joined_month", "payment"],
    ),
    "joined_month",
)
SPAN = {"start": date(2025, 2, 1), "month": date(2025, 4, 1)}


def texts(frame):
    """Return rows as text, empty where a month is unknown."""
    shown = frame.copy()
    for name in ("joined_month", "first_month", "last_month"):
        shown[name] = ["" if pd.isna(v) else f"{pd.Timestamp(v):%Y-%m}" for v in shown[name]]
    return shown.to_numpy().tolist()


def test_spans_by_hand():
    got = collect(reduce_lifetime_spans(MONTHS, CUSTOMERS, **SPAN))

    assert sorted(texts(got)) == [
        ["gold", "", "2025-02", "2025-02", 1],
        ["gold", "2019-05", "2025-02", "2025-04", 1],
        ["unknown", "2025-03", "2025-03", "2025-04", 1],
    ]


def test_todays_customers_are_spans_of_one_month():
    got = collect(
        reduce_lifetime_spans(MONTHS, CUSTOMERS, start=SPAN["month"], month=SPAN["month"])
    )
    everybody = collect(
        reduce_lifetime_spans(
            MONTHS, CUSTOMERS, start=SPAN["month"], month=SPAN["month"], payment=None
        )
    )

    assert texts(got) == [
        ["gold", "2025-03", "2025-04", "2025-04", 1],
        ["silver", "2019-05", "2025-04", "2025-04", 1],
    ]
    assert everybody["customers"].sum() == 3


def test_bands_are_of_the_months_up_to_the_first_seen():
    def bands(band_months):
        got = collect(
            reduce_lifetime_spans(
                MONTHS,
                CUSTOMERS,
                by=(),
                bands={"voice_yuan": [30.0, 35.0]},
                band_months=band_months,
                **SPAN,
            )
        )
        return got.groupby("voice_yuan_band")["customers"].sum().to_dict()

    # old: mean of 40 and 20 lies on the cut; new: 30 in his first month; gone: just below.
    assert bands(12) == {0: 1, 1: 2}
    assert bands(1) == {0: 2, 1: 1}


def test_margins_are_of_the_months_after_the_first_seen():
    got = collect(reduce_lifetime_margins(MONTHS, CUSTOMERS, **SPAN)).set_index("vip_tier")

    gold = got.loc["gold"]  # old in March and April; gone adds a customer and no month
    assert gold[["customers", "customer_months"]].tolist() == [2, 2]
    assert gold[["revenue_yuan", "margin_yuan"]].tolist() == [700, 500]
    assert gold[["months_squared", "margin_squared", "margin_months"]].tolist() == [
        4,
        500**2,
        1000,
    ]
    assert got.loc["unknown", ["customer_months", "margin_yuan"]].tolist() == [1, 10]


def test_without_costs_margin_is_unknown_and_revenue_stays():
    months = MONTHS.drop("variable_cost_yuan")
    got = collect(reduce_lifetime_margins(months, CUSTOMERS, by=(), **SPAN))

    assert got["margin_yuan"].isna().all()
    assert got["margin_squared"].isna().all()
    assert got["revenue_yuan"].tolist() == [770]


def test_columns_that_are_missing_are_named_and_times_checked():
    with pytest.raises(MissingDataError, match="vip_tier"):
        reduce_lifetime_spans(MONTHS.drop("vip_tier"), CUSTOMERS, **SPAN)
    with pytest.raises(ArgumentError, match="start == "):
        reduce_lifetime_spans(MONTHS, CUSTOMERS, start=SPAN["month"], month=SPAN["start"])
    plain = CUSTOMERS.drop("joined_month", "payment")
    got = collect(reduce_lifetime_spans(MONTHS, plain, **SPAN))
    assert got["joined_month"].isna().all()
    assert got["customers"].sum() == 4


def test_purchases_by_hand():
    bought = as_table(
        pd.DataFrame(
            [
                ("a", "2025-01-05", 10.0),
                ("a", "2025-01-20", 20.0),  # the same month: one purchase of 30
                ("a", "2025-03-02", 50.0),
                ("a", "2025-04-09", 100.0),
                ("a", "2025-06-09", 100.0),  # after the month: two ahead at most
                ("a", "2025-08-09", 100.0),  # beyond what is looked ahead
                ("b", "2025-04-01", 9.0),
                ("c", "2025-05-31", 9.0),  # first purchase after the month: not known yet
                ("d", "2025-04-01", 0.0),  # no purchase
            ],
            columns=["customer_id", "bought_on", "yuan"],
        ),
        "bought_on",
    )
    options = {"month": date(2025, 4, 1), "when": "bought_on", "amount": "yuan"}
    got = collect(reduce_purchases(bought, ahead_months=2, **options))
    spend = collect(reduce_purchase_spend(bought, **options))

    assert got.drop(columns="mean_yuan").to_numpy().tolist() == [[0, 0, 0, 0, 1], [2, 3, 3, 1, 1]]
    assert got["mean_yuan"].tolist()[1] == 75
    assert spend[["repeats", "customers", "mean_yuan"]].to_numpy().tolist() == [[2, 1, 75.0]]
    assert spend["amount_bin"].tolist() == [int(np.floor(20 * np.log(75)))]


def test_only_prepaid_customers_purchases_are_taken():
    got = collect(reduce_purchases(MONTHS, CUSTOMERS, month=SPAN["month"], amount="bill_yuan"))
    everybody = collect(
        reduce_purchases(MONTHS, CUSTOMERS, month=SPAN["month"], amount="bill_yuan", payment=None)
    )

    assert got["customers"].sum() == 1
    assert everybody["customers"].sum() == 5


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return open_data(SAMPLE, work=tmp_path_factory.mktemp("work")).tables


def test_the_sample_agrees_with_pandas(tables):
    months = collect(tables["months"].select("customer_id", "month", "vip_tier", "bill_yuan"))
    people = collect(tables["customers"].select("customer_id", "joined_month", "payment"))
    rows = months.merge(people[people["payment"] == "postpaid"], on="customer_id")
    rows = rows[rows["month"] >= pd.Timestamp(START)].sort_values(["customer_id", "month"])
    each = rows.groupby("customer_id").agg(
        vip_tier=("vip_tier", "first"),
        joined_month=("joined_month", "first"),
        first_month=("month", "min"),
        last_month=("month", "max"),
        bills=("bill_yuan", "sum"),
        entry=("bill_yuan", "first"),
    )
    keys = ["vip_tier", "joined_month", "first_month", "last_month"]
    expected = each.groupby(keys).size().rename("customers").reset_index()
    options = {"start": START, "month": LAST}
    got = collect(reduce_lifetime_spans(tables["months"], tables["customers"], **options))
    later = each["bills"] - each["entry"]
    margins = collect(reduce_lifetime_margins(tables["months"], tables["customers"], **options))

    pd.testing.assert_frame_equal(
        got.sort_values(keys, ignore_index=True), expected, check_dtype=False
    )
    np.testing.assert_allclose(
        margins["revenue_yuan"], later.groupby(each["vip_tier"]).sum(), rtol=1e-9
    )
    assert margins["customers"].sum() == len(each)


def test_purchases_of_the_sample_agree_with_pandas(tables):
    cut = date(2024, 11, 1)
    months = collect(tables["months"].select("customer_id", "month", "bill_yuan"))
    people = collect(tables["customers"].select("customer_id", "payment"))
    rows = months.merge(people[people["payment"] == "prepaid"], on="customer_id")
    number = rows["month"].dt.year * 12 + rows["month"].dt.month
    end = cut.year * 12 + cut.month
    seen, ahead = number <= end, (number > end) & (number <= end + 6)
    first = number[seen].groupby(rows["customer_id"]).transform("min")
    each = pd.DataFrame(
        {
            "repeats": seen.groupby(rows["customer_id"]).sum() - 1,
            "span": number[seen].groupby(rows["customer_id"]).max()
            - number[seen].groupby(rows["customer_id"]).min(),
            "later": ahead.groupby(rows["customer_id"]).sum(),
            "mean": rows["bill_yuan"][seen][number[seen] > first]
            .groupby(rows["customer_id"])
            .mean(),
        }
    )
    each = each[each["repeats"] >= 0]
    options = {"month": cut, "amount": "bill_yuan"}
    got = collect(
        reduce_purchases(tables["months"], tables["customers"], ahead_months=6, **options)
    )
    spend = collect(reduce_purchase_spend(tables["months"], tables["customers"], **options))

    assert got["customers"].sum() == len(each)
    assert (got["customers"] * got["repeats"]).sum() == each["repeats"].sum()
    assert (got["customers"] * got["last_at"]).sum() == each["span"].sum()
    assert (got["customers"] * got["later"]).sum() == each["later"].sum()
    for table in (got, spend):
        total = (table["customers"] * table["mean_yuan"]).sum()
        assert total == pytest.approx(each["mean"].sum(), rel=1e-6)
    assert spend["customers"].sum() == (each["repeats"] > 0).sum()
