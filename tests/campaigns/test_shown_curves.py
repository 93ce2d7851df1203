"""Retention curves tell nobody how few left in a month."""

import itertools

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from cvm.campaigns.shown_curves import LEAST_LEFT, exact_months, shown_curve

MINIMUM = 10
"""As of the disclosure policy: a group below it is small, and a range this wide hides it."""


def curve(left, customers=400):
    kept = 1 - np.append(0, np.cumsum(left)) / customers
    error = np.sqrt(kept * (1 - kept) / customers)
    return pd.DataFrame(
        {
            "month": np.arange(len(kept)),
            "kept_share": kept,
            "low": kept - 1.96 * error,
            "high": kept + 1.96 * error,
            "customers": customers,
        }
    )


def test_a_month_of_many_leavers_is_exact_and_few_are_told_with_the_next():
    shown = shown_curve(curve([20, 5, 7, 30, 4]))

    # After 20, 32, then 66: the last four are told with the thirty before them.
    assert exact_months(np.cumsum([0, 20, 5, 7, 30, 4])) == [0, 1, 3, 5]
    assert_allclose(400 * (1 - shown["kept_share"]), [0, 20, 26, 32, 49, 66])
    assert shown["low"].iloc[1] == pytest.approx(curve([20])["low"].iloc[1], abs=5e-4)
    assert (shown["low"] <= shown["kept_share"]).all()
    assert (shown["kept_share"] <= shown["high"]).all()


def test_hardly_any_leavers_are_not_shown_and_none_at_all_are():
    few, none = shown_curve(curve([0, 3, 8])), shown_curve(curve([0, 0, 0]))

    assert few[["kept_share", "low", "high"]].isna().all(axis=None)
    assert (few["customers"] == 400).all()
    assert none["kept_share"].eq(1).all()
    assert shown_curve(curve([0, 3, 9]))["kept_share"].notna().all()


def test_what_is_shown_depends_on_exact_months_alone():
    one, other = shown_curve(curve([4, 3, 9, 20])), shown_curve(curve([2, 8, 6, 20]))

    pd.testing.assert_frame_equal(one, other)


def told(left):
    """Return all that a reader sees of leavers by month, as the tests above have it."""
    counts = np.append(0, np.cumsum(left))
    exact = exact_months(counts)
    if 0 < counts[-1] <= LEAST_LEFT:
        return ("withheld",)
    return tuple((month, int(counts[month])) for month in exact)


def test_no_reader_can_work_out_a_few_leavers():
    """Every way in which customers may leave over three months, grouped by what is shown of it."""
    behind = {}
    for left in itertools.product(range(29), repeat=3):
        behind.setdefault(told(left), []).append(left)
    for ways in behind.values():
        table = np.array(ways)
        sums = table.cumsum(axis=1)
        for counts in (*table.T, *sums.T, table[:, 1] + table[:, 2]):
            small = (counts > 0) & (counts < MINIMUM) & (table.max(axis=1) <= 14)
            if small.any():
                assert np.ptp(counts) >= MINIMUM, ways[:3]
    assert LEAST_LEFT > MINIMUM
