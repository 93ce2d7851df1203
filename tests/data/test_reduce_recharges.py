"""Recharges reduced to what BG/NBD and Gamma-Gamma need: by hand, and against pandas."""

from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cvm.core.checks import ArgumentError, MissingDataError
from cvm.data import collect
from cvm.data.reduce_recharges import (
    DAYS_A_MONTH,
    months_ahead,
    reduce_recharge_days,
    reduce_recharge_spend,
    reduce_recharges,
)
from segments_tables import as_table

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
APRIL = date(2025, 4, 1)
ROWS = as_table(
    pd.DataFrame(
        [
            ("a", "2025-01-05", 10.0),
            ("a", "2025-01-20", 20.0),
            ("a", "2025-01-20", 30.0),  # the same day: one recharge of 50
            ("a", "2025-04-09", 100.0),
            ("a", "2025-05-09", 100.0),  # after the month: two ahead
            ("a", "2025-06-30", 100.0),
            ("a", "2025-07-01", 100.0),  # beyond what is looked ahead
            ("b", "2025-04-30", 9.0),
            ("c", "2025-05-01", 9.0),  # first recharge after the month: not known yet
            ("d", "2025-04-01", -9.0),  # no recharge
            ("e", "2025-04-01", 9.0),  # on contract
        ],
        columns=["customer_id", "recharged_on", "amount_yuan"],
    ),
    "recharged_on",
)
PEOPLE = as_table(
    pd.DataFrame({"customer_id": list("abcde"), "payment": ["prepaid"] * 4 + ["postpaid"]})
)


def days(frame):
    """Return rows with times in days."""
    times = frame[["last_at", "observed"]] * DAYS_A_MONTH
    return frame.assign(**times).drop(columns="mean_yuan").round(9).to_numpy().tolist()


def test_recharges_by_hand():
    got = collect(reduce_recharges(ROWS, PEOPLE, month=APRIL, ahead_months=2))
    everybody = collect(reduce_recharges(ROWS, month=APRIL))
    spend = collect(reduce_recharge_spend(ROWS, PEOPLE, month=APRIL))

    # a: 15 January and 94 days after 5 January, which is 115 days before the end of April.
    assert days(got) == [[0, 0, 0, 0, 1], [2, 94, 115, 2, 1]]
    assert got["mean_yuan"].tolist()[1] == 75
    assert everybody["customers"].sum() == 3
    assert spend[["repeats", "customers", "mean_yuan"]].to_numpy().tolist() == [[2, 1, 75.0]]
    assert spend["amount_bin"].tolist() == [int(np.floor(20 * np.log(75)))]


def test_recharges_that_end_within_the_month_count_silence_to_their_last_day():
    got = collect(reduce_recharges(ROWS, PEOPLE, month=APRIL, last_day=date(2025, 4, 20)))

    assert days(got) == [[2, 94, 105, 0, 1]]
    far = collect(reduce_recharge_days(ROWS, month=APRIL))
    told = far.assign(**{name: far[name].astype(str) for name in ("first_day", "last_day")})
    assert told.iloc[0].tolist() == [7, 4, "2025-01-05", "2025-04-30"]


def test_steps_keep_who_came_back():
    soon = as_table(
        pd.DataFrame(
            [("a", "2025-04-29", 10.0), ("a", "2025-04-30", 10.0)],
            columns=["customer_id", "recharged_on", "amount_yuan"],
        ),
        "recharged_on",
    )
    got = collect(reduce_recharges(soon, month=APRIL, step_days=7))
    rounded = collect(reduce_recharges(ROWS, PEOPLE, month=APRIL, step_days=7))

    assert days(got) == [[1, 7, 7, 0, 1]]
    assert days(rounded)[-1] == [2, 91, 112, 0, 1]


def test_months_ahead_are_counted_in_days():
    ahead = months_ahead(date(2025, 11, 1), date(2026, 2, 28))
    assert ahead * DAYS_A_MONTH == pytest.approx(31 + 31 + 28)
    assert months_ahead(date(2024, 11, 1), date(2024, 12, 1)) * DAYS_A_MONTH == pytest.approx(1)


def test_what_is_missing_or_out_of_range_is_named():
    with pytest.raises(MissingDataError, match="amount_yuan"):
        reduce_recharges(ROWS.drop("amount_yuan"), month=APRIL)
    with pytest.raises(ArgumentError, match="step_days"):
        reduce_recharges(ROWS, month=APRIL, step_days=0)
    with pytest.raises(ArgumentError, match="ahead_months"):
        reduce_recharges(ROWS, month=APRIL, ahead_months=-1)


def test_the_sample_agrees_with_pandas():
    tables = {
        name: ibis.memtable(pq.read_table(SAMPLE / "tables" / name))
        for name in ("recharges", "customers")
    }
    rows = collect(tables["recharges"])
    cut, last, end = (pd.Timestamp(day) for day in ("2024-11-30", "2025-05-31", "2024-11-30"))
    rows["day"] = pd.to_datetime(rows["recharged_on"])
    rows["first"] = rows.groupby("customer_id")["day"].transform("min")
    rows = rows[(rows["first"] <= cut) & (rows["day"] <= last)]
    seen = rows[rows["day"] <= cut]
    each = seen.groupby("customer_id").agg(
        repeats=("day", lambda day: day.nunique() - 1), last=("day", "max"), first=("first", "min")
    )
    each["later"] = rows[rows["day"] > cut].groupby("customer_id")["day"].nunique()
    repeat = seen[seen["day"] > seen["first"]].groupby(["customer_id", "day"])["amount_yuan"].sum()
    mean = repeat.groupby("customer_id").mean()

    month = date(2024, 11, 1)
    got = collect(
        reduce_recharges(tables["recharges"], tables["customers"], month=month, ahead_months=6)
    )
    spend = collect(reduce_recharge_spend(tables["recharges"], tables["customers"], month=month))
    many = got["customers"]
    assert many.sum() == len(each)
    assert many @ got["repeats"] == each["repeats"].sum()
    assert many @ got["later"] == each["later"].sum()
    for name, until in (("last_at", each["last"]), ("observed", end)):
        assert many @ got[name] * DAYS_A_MONTH == pytest.approx(
            (until - each["first"]).dt.days.sum()
        )
    for table in (got, spend):
        assert (table["customers"] * table["mean_yuan"]).sum() == pytest.approx(
            mean.sum(), rel=1e-6
        )
