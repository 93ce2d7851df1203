"""Small counts cannot be worked out from what is shown."""

import itertools

import numpy as np
import pytest

from cvm.core.few import FEWEST, too_few_to_show


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
