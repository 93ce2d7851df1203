"""Cohorts: what is at risk and lost, left truncation, hold-outs, and every bad input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.segments.survival_cohorts import cohorts_from_survivors, read_cohorts


def table(*rows):
    return pd.DataFrame(rows, columns=["tier", "cohort", "age_periods", "customers"])


def test_cohorts_of_different_length_add_up_by_age():
    risk = read_cohorts(
        table(
            ("gold", "2023", 0, 100),
            ("gold", "2023", 1, 90),
            ("gold", "2023", 2, 85),
            ("gold", "2024", 0, 50),
            ("gold", "2024", 1, 40),
        )
    ).risk()

    assert risk.ages.tolist() == [1, 2]
    assert risk.at_risk.tolist() == [150, 90]
    assert risk.lost.tolist() == [20, 5]


def test_a_cohort_first_seen_late_counts_only_from_there():
    risk = read_cohorts(table(("gold", "old", 5, 30), ("gold", "old", 6, 27))).risk()

    assert (risk.ages.tolist(), risk.at_risk.tolist(), risk.lost.tolist()) == ([6], [30], [3])


def test_rows_in_any_order_and_without_a_tier_are_kept():
    cohorts = read_cohorts(
        table((None, "a", 1, 8), ("gold", "a", 0, 5), (None, "a", 0, 10), ("gold", "a", 1, 5))
    )

    assert cohorts.tiers == ["gold", "unknown"]
    assert cohorts.frame["customers"].sum() == 28
    assert cohorts.risk("unknown").lost.tolist() == [2]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.integers(0, 500), min_size=1, max_size=8).map(lambda v: sorted(v)[::-1]),
        min_size=1,
        max_size=5,
    )
)
def test_nobody_is_lost_in_counting(cohorts):
    named = {str(place): counts for place, counts in enumerate(cohorts)}
    risk = cohorts_from_survivors(named).risk()

    assert risk.lost.sum() == sum(counts[0] - counts[-1] for counts in cohorts)
    assert np.all(risk.lost <= risk.at_risk)


def test_a_hold_out_cuts_every_cohort_by_the_same_periods():
    cohorts = cohorts_from_survivors({"a": [9, 8, 7], "b": [5, 4]})

    assert cohorts.hold_out(1).frame["customers"].tolist() == [9, 8, 5]
    assert cohorts.hold_out(2).tiers == ["a"]
    with pytest.raises(ArgumentError, match="hold out fewer periods"):
        cohorts.hold_out(3)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("t", "a", 0, 10), ("t", "a", 1, -1)], "customers == -1, must be a whole number"),
        ([("t", "a", 0, 10), ("t", "a", 1, 2.5)], "customers == 2.5"),
        ([("t", "a", 0, 10), ("t", "a", 1, None)], "cohort a"),
        ([("t", "a", 0, 10), ("t", "a", 1, 12)], "12 at age 1 of cohort a .tier t., 2 more"),
        ([("t", "a", 0, 10), ("t", "a", 2, 9)], "2 in cohort a"),
        ([("t", "a", 0, 10), ("t", "a", 0, 9)], "one more than the age before"),
        ([("t", "a", -1, 10)], "age_periods == -1"),
        ([], "no rows"),
    ],
)
def test_bad_cohorts_are_named(rows, message):
    with pytest.raises(DataError, match=message):
        read_cohorts(table(*rows))


def test_a_missing_column_is_named():
    with pytest.raises(MissingDataError, match="customers"):
        read_cohorts(pd.DataFrame({"cohort": ["a"], "age_periods": [0]}))
