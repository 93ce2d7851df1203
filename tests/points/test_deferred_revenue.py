"""Deferred revenue: the standards' own examples, hand-worked vintages, conservation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.points.deferred_revenue import allocate_price, roll_forward

COLUMNS = ["vintage", "period", "deferred_yuan", "redeemed_points", "expected_points"]


def frame(rows, expired=None):
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table if expired is None else table.assign(expired=expired)


def test_ifrs_15_illustrative_example_52():
    shared = allocate_price(100_000, 10_000, point_value_yuan=1, urr=0.95)
    assert shared.points_ssp_yuan == pytest.approx(9_500)
    assert round(shared.airtime_yuan) == 91_324
    assert round(shared.points_yuan) == 8_676

    found = roll_forward(
        frame([("A", 1, shared.points_yuan, 4_500, 9_500), ("A", 2, 0, 4_000, 9_700)])
    ).summary()

    assert found["released_yuan"].round().tolist() == [4_110, 3_493]
    assert found["closing_yuan"].round().tolist() == [4_566, 1_073]


def test_ifric_13_example():
    found = roll_forward(
        frame([("A", 1, 100, 40, 80), ("A", 2, 0, 41, 90), ("A", 3, 0, 9, 90)])
    ).summary()

    np.testing.assert_allclose(found["released_yuan"], [50, 40, 10])
    np.testing.assert_allclose(found["closing_yuan"], [50, 10, 0], atol=1e-12)
    # Year 2 by hand: 41 of 90 on redemption; 40 of 90 instead of 40 of 80 taken back.
    np.testing.assert_allclose(found["redemption_yuan"], [50, 100 * 41 / 90, 10])
    np.testing.assert_allclose(found["catch_up_yuan"], [0, 100 * (40 / 90 - 0.5), 0], atol=1e-12)


def test_several_vintages_roll_forward_by_period():
    found = roll_forward(
        frame(
            [
                ("2024", 2024, 1_000, 30, 60),
                ("2024", 2025, 0, 15, 60),
                ("2025", 2025, 800, 10, 40),
                ("2025", 2026, 0, 10, 40),
            ]
        )
    )

    # 2024: 500, then 250, then nothing happens in 2026. 2025: 200, then 200.
    summary = found.summary()
    assert summary["period"].tolist() == [2024, 2025, 2026]
    np.testing.assert_allclose(summary["opening_yuan"], [0, 500, 850])
    np.testing.assert_allclose(summary["deferred_yuan"], [1_000, 800, 0])
    np.testing.assert_allclose(summary["released_yuan"], [500, 450, 200])
    np.testing.assert_allclose(summary["closing_yuan"], [500, 850, 650])


def test_expiry_releases_what_is_left_also_if_nothing_was_redeemed():
    rows = [("A", 1, 100, 30, 80), ("A", 2, 0, 10, 80), ("B", 1, 50, 0, 40), ("B", 2, 0, 0, 40)]

    found = roll_forward(frame(rows, expired=[False, True, False, True])).by_vintage

    assert found.loc[[1, 3], "closing_yuan"].tolist() == [0, 0]
    np.testing.assert_allclose(found["released_yuan"], [37.5, 62.5, 0, 50])
    np.testing.assert_allclose(found["redemption_yuan"], [37.5, 25, 0, 0])
    np.testing.assert_allclose(found["catch_up_yuan"], [0, 37.5, 0, 50])


@st.composite
def histories(draw):
    rows = []
    for vintage in range(draw(st.integers(1, 4))):
        first = draw(st.integers(0, 3))
        redeemed = 0
        for period in range(first, first + draw(st.integers(1, 5))):
            now = draw(st.integers(0, 100))
            redeemed += now
            expected = redeemed + draw(st.integers(0, 200))
            amount = draw(st.integers(0, 1_000)) if period == first else 0
            rows.append((vintage, period, amount, now, expected))
    return rows


@settings(max_examples=50, deadline=None)
@given(histories())
def test_nothing_is_lost_and_no_liability_is_negative(rows):
    found = roll_forward(frame(rows))

    for table in (found.by_vintage, found.summary()):
        moved = table["opening_yuan"] + table["deferred_yuan"] - table["released_yuan"]
        np.testing.assert_allclose(moved, table["closing_yuan"], atol=1e-9)
        parts = table["redemption_yuan"] + table["catch_up_yuan"]
        np.testing.assert_allclose(parts, table["released_yuan"], atol=1e-9)
        assert (table["closing_yuan"] > -1e-9).all()
    summary = found.summary()
    np.testing.assert_allclose(
        summary["opening_yuan"].iloc[1:], summary["closing_yuan"].iloc[:-1], atol=1e-9
    )
    assert summary["released_yuan"].sum() + summary["closing_yuan"].iloc[-1] == pytest.approx(
        sum(row[2] for row in rows)
    )


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 1))
def test_the_price_is_shared_whole_and_more_likely_points_take_more(price, points, urr, less):
    shared = allocate_price(price, points, point_value_yuan=0.02, urr=urr)

    assert shared.airtime_yuan + shared.points_yuan == pytest.approx(price)
    assert 0 <= shared.points_yuan <= price
    fewer = allocate_price(price, points, point_value_yuan=0.02, urr=urr * less)
    assert fewer.points_yuan <= shared.points_yuan * (1 + 1e-12)


def test_the_sentence_tells_the_catch_up():
    found = roll_forward(frame([("A", 2024, 100, 40, 80), ("A", 2025, 0, 41, 90)]))

    assert found.text("en") == (
        "In 2025 deferred revenue went from ¥50 to ¥10: ¥0 newly deferred, ¥40 released to "
        "revenue, after taking back ¥5.56 because more points are expected to be redeemed."
    )
    assert found.text("zh").startswith("2025递延收入由50元变为10元")


def test_the_sentence_tells_how_many_months_a_period_has():
    months = [pd.Timestamp("2025-08-01"), pd.Timestamp("2025-11-01")]
    rows = [("A", months[0], 100, 40, 80), ("A", months[1], 0, 40, 80)]
    found = roll_forward(frame(rows))

    assert found.text("en").startswith("In the 3 months to Nov 2025 deferred revenue went from ¥50")
    assert found.text("zh").startswith("截至2025年11月的3个月内，递延收入由50元变为")
    # A single period does not tell how long it is; months by the month need no more than a date.
    assert roll_forward(frame(rows[:1])).text("en").startswith("In Aug 2025 deferred")
    monthly = [("A", months[0], 100, 40, 80), ("A", pd.Timestamp("2025-09-01"), 0, 40, 80)]
    assert roll_forward(frame(monthly)).text("en").startswith("In Sep 2025 deferred")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "at least one row"),
        ([("A", 1, 100, 90, 80)], "at least what has been redeemed"),
        ([("A", 1, -1, 0, 80)], "deferred_yuan == -1"),
        ([("A", 1, 100, np.nan, 80)], "finite"),
        ([("A", 1, 100, 10, np.inf)], "finite"),
        ([("A", 1, 100, 10, 80), ("A", 1, 0, 10, 80)], "one row a vintage and period"),
    ],
)
def test_bad_rows_are_refused(rows, words):
    with pytest.raises(DataError, match=words):
        roll_forward(frame(rows))


def test_missing_columns_and_bad_prices_are_named():
    with pytest.raises(MissingDataError, match="expected_points"):
        roll_forward(frame([("A", 1, 1, 1, 1)]).drop(columns="expected_points"))
    with pytest.raises(ArgumentError, match="urr == 1.1"):
        allocate_price(100, 10, point_value_yuan=0.02, urr=1.1)
    with pytest.raises(ArgumentError, match="price_yuan"):
        allocate_price(-1, 10, point_value_yuan=0.02, urr=0.5)
