"""Published groups of risk tell of no few who left."""

import pandas as pd

from cvm.segments.warning_outlook import without_few


def groups(left):
    customers = [100, 100, 100, 100]
    return pd.DataFrame(
        {
            "group": [1, 2, 3, 4],
            "customers": customers,
            "expected_share": [0.02, 0.1, 0.2, 0.4],
            "left": left,
            "observed_share": [one / 100 for one in left],
            "caught_share": pd.Series(left).cumsum() / sum(left),
        }
    )


def test_few_leavers_of_a_group_are_hidden_with_the_next_fewest_and_what_adds_them_up():
    found = without_few(groups([3, 12, 20, 40]))

    # 3 + 12 = 15 less one each: 13 ways; with 75 in all they cannot be told apart.
    assert found["left"].isna().tolist() == [True, True, False, False]
    assert found["observed_share"].isna().tolist() == [True, True, False, False]
    assert found["caught_share"].isna().all()
    assert found["customers"].tolist() == [100] * 4
    assert found["expected_share"].notna().all()


def test_groups_of_many_leavers_are_published_as_they_are():
    whole = groups([0, 12, 20, 40])
    pd.testing.assert_frame_equal(without_few(whole), whole)
