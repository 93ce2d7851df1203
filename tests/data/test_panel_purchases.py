"""Purchases in memory give the cells that the engine gives, and those of plain loops."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.core.months import month_index
from cvm.data import collect
from cvm.data.panel_kernels import sum_purchases
from cvm.data.panel_purchases import load_purchases
from cvm.data.reduce_segments_shapes import reduce_segments_rfm, reduce_segments_rfm_kept
from segments_tables import as_table

LAST = date(2025, 11, 1)
COLUMNS = {"when": "bought_on", "amount": "amount_yuan"}


def purchases(rng, size=400):
    frame = pd.DataFrame(
        {
            "customer_id": rng.choice([f"客{c}" for c in range(30)], size),
            "bought_on": np.datetime64("2023-06-01") + rng.integers(0, 1_100, size),
            "amount_yuan": rng.normal(30, 30, size).round(rng.choice([0, 2, 9])),
        }
    )
    frame.loc[rng.random(size) < 0.05, "amount_yuan"] = np.nan
    return frame


@settings(max_examples=5, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 2**32 - 1))
def test_cells_of_any_window_are_those_of_the_table(seed):
    rng = np.random.default_rng(seed)
    frame = purchases(rng)
    table, window = as_table(frame, "bought_on"), int(rng.integers(1, 15))
    held = load_purchases(table, **COLUMNS)
    bounds = {"recency_months": 2, "frequency": 3, "amount_bin": 80}

    for reduce, more in ((reduce_segments_rfm, {}), (reduce_segments_rfm_kept, {"bounds": bounds})):
        asked = {"month": LAST, "window_months": window, **COLUMNS, **more}
        got, expected = collect(reduce(held, **asked)), collect(reduce(table, **asked))
        pd.testing.assert_frame_equal(got, expected, rtol=1e-12)


def test_habits_are_those_of_plain_loops():
    frame = purchases(np.random.default_rng(5))
    held = load_purchases(as_table(frame, "bought_on"), **COLUMNS)

    got = collect(held.habits(LAST, 12)).set_index("customer_id")

    expected = {}
    for row in frame.itertuples():
        month = month_index(row.bought_on.date())
        if row.amount_yuan > 0 and month_index(LAST) - 12 < month <= month_index(LAST):
            latest, count, total = expected.get(row.customer_id, (0, 0, 0.0))
            expected[row.customer_id] = (max(latest, month), count + 1, total + row.amount_yuan)
    assert got["latest"].to_dict() == {name: latest for name, (latest, _, _) in expected.items()}
    assert got["frequency"].to_dict() == {name: count for name, (_, count, _) in expected.items()}
    for name, (_, _, total) in expected.items():
        assert got.loc[name, "amount"] == pytest.approx(total, abs=0.005)


def test_what_stood_in_memory_before_does_not_matter():
    ends, months, amounts = np.array([2, 2, 3]), np.array([5, 9, 6]), np.array([0.5, 4.0, 2.0])
    latest, frequency, total = np.full(3, 77), np.full(3, 77), np.full(3, np.nan)

    sum_purchases(ends, months, amounts, 0, 5, 8, latest, frequency, total)

    assert latest.tolist() == [5, -1, 6]
    assert frequency.tolist() == [1, 0, 1]
    assert total.tolist() == [0.5, 0.0, 2.0]


def test_one_core_gives_the_same(monkeypatch):
    table = as_table(purchases(np.random.default_rng(6)), "bought_on")
    held = load_purchases(table, **COLUMNS)
    usual = collect(held.habits(LAST, 12))

    monkeypatch.setattr("cvm.data.panel_purchases.threads", lambda: 1)
    monkeypatch.setattr("cvm.data.panel_purchases._BLOCK", 7)

    pd.testing.assert_frame_equal(collect(held.habits(LAST, 12)), usual)


def test_months_and_columns_that_are_not_held_are_named():
    table = as_table(purchases(np.random.default_rng(7)), "bought_on")
    held = load_purchases(table, **COLUMNS, first_month=date(2024, 12, 1), last_month=LAST)

    with pytest.raises(ArgumentError, match="available: 2024-12 to 2025-11"):
        reduce_segments_rfm(held, month=date(2025, 10, 1), **COLUMNS)
    with pytest.raises(ArgumentError, match="month == '2025-12'"):
        reduce_segments_rfm(held, month=date(2025, 12, 1), **COLUMNS)
    with pytest.raises(ArgumentError, match="when == 'month'.*available: bought_on"):
        reduce_segments_rfm(held, month=LAST)
    with pytest.raises(MissingDataError, match="without month, bill_yuan"):
        load_purchases(table)


def test_a_panel_says_what_it_holds():
    frame = pd.DataFrame(
        {"customer_id": ["a", "a", "b"], "bought_on": [LAST] * 3, "amount_yuan": [1.0, 2.0, -1.0]}
    )

    assert repr(load_purchases(as_table(frame, "bought_on"), **COLUMNS)) == (
        "PurchasesPanel: 2 purchases (amount_yuan by bought_on) of 1 customers, 2025-11 to 2025-11"
    )


def test_a_month_after_the_last_purchase_counts_from_there():
    table = as_table(purchases(np.random.default_rng(8)), "bought_on")
    asked = {"month": date(2026, 9, 1), **COLUMNS}

    got = collect(reduce_segments_rfm(load_purchases(table, **COLUMNS), **asked))

    pd.testing.assert_frame_equal(got, collect(reduce_segments_rfm(table, **asked)), rtol=1e-12)


def test_purchases_that_cannot_be_held_are_refused():
    frame = pd.DataFrame(
        {"customer_id": ["a", "b"], "bought_on": [LAST, LAST], "amount_yuan": [1.0, np.inf]}
    )
    table = as_table(frame, "bought_on")

    with pytest.raises(DataError, match="a finite number in every row"):
        load_purchases(table, **COLUMNS)
    with pytest.raises(DataError, match="at least one purchase"):
        load_purchases(table.filter(table.amount_yuan < 0), **COLUMNS)
    nobody = table.filter(table.amount_yuan < 2).mutate(customer_id=ibis.null("string"))
    with pytest.raises(DataError, match="purchases.customer_id == 'missing in a row'"):
        load_purchases(nobody, **COLUMNS)
