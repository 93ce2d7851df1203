"""Small counts cannot be worked out from what is shown."""

import itertools

import numpy as np
import pytest

from cvm.core.few import FEWEST, pooled_counts, too_few_to_show


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ([4, 25, 50], [True, True, False]),
        ([9, 9, 50], [True, True, False]),
        ([4, 3, 20, 50], [True, True, True, False]),
        ([5, 6, 0, 20], [True, True, False, True]),
        ([10, 11, 0], [False, False, False]),
    ],
)
def test_small_counts_take_the_next_smallest_with_them(counts, hidden):
    assert too_few_to_show([[count] for count in counts]) == hidden


def test_one_count_of_several_is_enough_and_what_is_not_shown_anyway_is_cover():
    assert too_few_to_show([[40, 4], [50, 25], [60, 70]]) == [True, True, False]
    away = too_few_to_show([[5], [40], [50]], hidden=[False, True, False])
    assert away == [True, True, False]
    assert too_few_to_show([]) == []


def test_no_reader_can_work_out_a_small_count():
    """Every list of three counts and a large one: what else would fit what is shown?"""
    for counts in itertools.product(range(22), repeat=3):
        values = np.array([*counts, 40])
        away = np.array(too_few_to_show(values[:, None].tolist()))
        assert not ((values[~away] > 0) & (values[~away] < FEWEST)).any()
        together = values[away].sum()
        for count in values[away]:
            if 0 < count < FEWEST:
                # Each other is one or more, so this one is one to what they leave.
                assert together - (away.sum() - 1) - 1 >= FEWEST


def test_pooled_counts_are_shares_of_neighbours_with_the_same_sum():
    assert pooled_counts([4, 16, 30], [20, 60, 100]) == [5, 15, 30]
    # 3 of 40 and nobody of 30 are taken together with 20 of 100: 23 of 170.
    assert pooled_counts([0, 12, 3, 0, 20], [50, 100, 40, 30, 100]) == pytest.approx(
        [0, 12, 40 * 23 / 170, 30 * 23 / 170, 100 * 23 / 170]
    )
    # All but four are as telling as four; and too few of all cannot be told at all.
    assert pooled_counts([56, 20], [60, 100]) == pytest.approx([60 * 76 / 160, 100 * 76 / 160])
    assert np.isnan(pooled_counts([4, 3], [20, 60])).all()
    assert pooled_counts([], []) == []


def test_parts_of_a_whole_tell_what_the_whole_tells():
    # 7 of 80 is too few: its parts take the rate of both wholes, 54 of 260.
    found = pooled_counts([4, 3, 12, 35], [20, 60, 60, 120], within="aabb")
    assert found == pytest.approx([20 * 54 / 260, 60 * 54 / 260, 60 * 54 / 260, 120 * 54 / 260])
    # 10 are told of the first whole; who of them is where is not.
    found = pooled_counts([9, 1, 12, 30], [20, 60, 60, 90], within="aabb")
    assert found == pytest.approx([2.5, 7.5, 12, 30])


def test_pooled_counts_leave_every_small_count_at_least_ten_choices():
    """Every list of three counts of 30: each pool's sum is known, and who is in it."""
    for counts in itertools.product(range(0, 16, 3), repeat=3):
        found = pooled_counts([*counts, 40], [30, 30, 30, 90])
        whole = [float(value) for value in (*counts, 40)]
        assert sum(found) == pytest.approx(sum(whole))
        for before, after in zip(whole, found, strict=True):
            if 0 < before < FEWEST:
                pool = [
                    one
                    for one, shown, size in zip(whole, found, [30, 30, 30, 90], strict=True)
                    if shown / size == pytest.approx(after / 30)
                ]
                assert sum(pool) - len([one for one in pool if one]) >= FEWEST
