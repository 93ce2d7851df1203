"""Triangles: what counts as observed, grouping by period, and what is refused."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.points.triangle_build import build_triangle, expiry_ages
from cvm.points.triangles import from_cumulative

NAN = np.nan


def frame(rows):
    return pd.DataFrame(rows, columns=["vintage", "age_months", "redeemed_points", "issued_points"])


@pytest.fixture
def small():
    """Three months; the second vintage is first redeemed a month later, the third not yet."""
    return frame(
        [
            ("2026-01", 0, 10, 100),
            ("2026-01", 2, 30, 100),
            ("2026-02", 1, 20, 80),
            ("2026-03", 0, 0, 50),
        ]
    )


def test_months_without_a_row_and_early_zeros_are_zeros_and_the_future_is_missing(small):
    triangle = build_triangle(small, last_month="2026-03")

    np.testing.assert_array_equal(
        triangle.redeemed_points, [[10, 10, 40], [0, 20, NAN], [0, NAN, NAN]]
    )
    np.testing.assert_array_equal(triangle.issued_points, [100, 80, 50])
    np.testing.assert_array_equal(triangle.redeemed_to_date, [40, 20, 0])
    assert triangle.vintages == (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1))
    assert triangle.last_month == date(2026, 3, 1)


def test_a_later_last_month_adds_zeros(small):
    triangle = build_triangle(small, last_month="2026-04")

    np.testing.assert_array_equal(triangle.redeemed_points[0], [10, 10, 40, 40])
    np.testing.assert_array_equal(triangle.redeemed_points[2], [0, 0, NAN, NAN])


def test_after_expiry_a_vintage_is_complete(small):
    triangle = build_triangle(small, last_month="2026-06", last_age_months=2)

    assert triangle.latest_age.tolist() == triangle.final_age.tolist() == [2, 2, 2]
    assert (triangle.ages_beyond == 0).all()


def test_points_that_never_expire_go_on_for_ever(small):
    triangle = build_triangle(small, last_month="2026-03")

    assert np.isinf(triangle.ages_beyond).all()


def test_quarters_end_with_the_last_month(small):
    # Counted back from April: February–April, and November–January with January alone.
    triangle = build_triangle(small, last_month="2026-04", grain="quarter", last_age_months=3)

    assert triangle.vintages == (date(2025, 11, 1), date(2026, 2, 1))
    np.testing.assert_array_equal(triangle.issued_points, [100, 130])
    np.testing.assert_array_equal(triangle.redeemed_points, [[10, 40], [20, NAN]])
    # January's points may be redeemed until April, one quarter on; March's until June, one on.
    assert triangle.last_age.tolist() == [1, 1]
    assert triangle.last_month == date(2026, 4, 1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 29), st.integers(0, 29), st.integers(0, 1_000)),
        min_size=1,
        max_size=30,
        unique_by=lambda cell: cell[:2],
    ),
    st.sampled_from(["month", "quarter", "year"]),
)
def test_points_are_conserved_in_every_grain(cells, grain):
    cells = [cell for cell in cells if cell[0] + cell[1] <= 29] or [(0, 0, 5)]
    months = pd.date_range("2024-01-01", periods=30, freq="MS")
    rows = frame([(months[earned], age, points, 30_000) for earned, age, points in cells])

    triangle = build_triangle(rows, last_month=months[-1], grain=grain)

    assert triangle.redeemed_to_date.sum() == rows["redeemed_points"].sum()
    assert triangle.issued_points.sum() == 30_000 * rows["vintage"].nunique()
    assert triangle.last_month == date(2026, 6, 1)


def test_expiry_by_life_and_by_calendar_year_clearing():
    months = pd.Series(["2012-01", "2012-12", "2013-01"])

    assert expiry_ages(months, life_months=36).tolist() == [36, 36, 36]
    # Points of 2012 die at the end of December 2015, those of 2013 a year later.
    assert expiry_ages(months, clearing_years=3).tolist() == [47, 36, 47]
    assert expiry_ages(months, clearing_years=3, clearing_month=3).tolist() == [38, 27, 38]


def test_each_vintage_may_have_its_own_expiry(small):
    rows = small.assign(last_age_months=[2, 2, 1, 1])

    triangle = build_triangle(rows, last_month="2026-03")

    assert triangle.last_age.tolist() == [2, 1, 1]
    assert triangle.final_age.tolist() == [2, 1, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.iloc[:0], "empty"),
        (lambda rows: rows.assign(redeemed_points=[10, -30, 20, 0]), "at least 0"),
        (lambda rows: rows.assign(redeemed_points=[10, np.inf, 20, 0]), "finite"),
        (lambda rows: rows.assign(redeemed_points=[10, NAN, 20, 0]), "finite"),
        (lambda rows: rows.assign(redeemed_points=[10, 91, 20, 0]), "no more than the points"),
        (lambda rows: rows.assign(issued_points=[100, 120, 80, 50]), "one value for each"),
        (lambda rows: rows.assign(issued_points=[100, 100, 0, 50]), "nothing was issued"),
        (lambda rows: rows.assign(age_months=[0, 3, 1, 0]), "in the future"),
        (lambda rows: rows.assign(age_months=[0, 0, 1, 0]), "given twice"),
        (lambda rows: rows.assign(last_age_months=[1, 1, 1, 1]), "after expiry"),
    ],
)
def test_bad_cells_are_refused_by_name(small, change, words):
    with pytest.raises(DataError, match=words) as caught:
        build_triangle(change(small), last_month="2026-03")

    assert "redemptions" in caught.value.subject or "redeemed_points" in caught.value.subject


def test_a_missing_column_is_named(small):
    with pytest.raises(MissingDataError, match="issued_points"):
        build_triangle(small.drop(columns="issued_points"), last_month="2026-03")


@pytest.mark.parametrize(
    ("redeemed", "issued", "options", "words"),
    [
        ([[]], [100], {}, "at least one vintage"),
        ([[10, 5]], [100], {}, "never decreasing"),
        ([[-1, 5]], [100], {}, "never decreasing"),
        ([[10, np.inf]], [100], {}, "finite"),
        ([[NAN, 10]], [100], {}, "finite"),
        ([[10, NAN, 20]], [100], {}, "without a gap"),
        ([[10, 101]], [100], {}, "no more than the points issued"),
        ([[10, 20]], [0], {}, "above 0"),
        ([[10, 20]], [NAN], {}, "above 0"),
        ([[10, 20]], [100, 100], {}, "one for each"),
        ([[10, 20]], [100], {"last_age": 0}, "nothing was redeemed"),
    ],
)
def test_bad_arrays_are_refused(redeemed, issued, options, words):
    with pytest.raises(DataError, match=words):
        from_cumulative(redeemed, issued, first_vintage="2026-01", **options)


def test_a_negative_last_age_is_refused():
    with pytest.raises(ArgumentError, match="last_age"):
        from_cumulative([[1, 2]], [10], first_vintage="2026-01", last_age=-2)


def test_the_frame_holds_the_observed_cells(small):
    cells = build_triangle(small, last_month="2026-03").frame()

    assert len(cells) == 6
    assert cells["redeemed_points"].tolist() == [10, 10, 40, 0, 20, 0]
