"""Checks before any effect: sample ratio, balance (MatchIt's table), funnel, overlap, placebo."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from cvm.campaigns.balance import standardised_differences
from cvm.campaigns.check import Checks
from cvm.campaigns.checks import balance, contact, overlap, placebo, sample_ratio
from cvm.campaigns.effect import CHURN, Effect, Estimate
from cvm.campaigns.funnel import check_exclusive, contact_funnel
from cvm.campaigns.moments import Moments, moments_by
from cvm.core.checks import DataError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "matchit_lalonde.tab"


def test_sample_ratio_by_hand_and_beside_the_exact_test():
    found = sample_ratio([2_023], [1_977], treated_share=0.5)

    # χ² = 46² / 4000 = 0.529
    assert found.value == pytest.approx(0.46702, abs=5e-5)
    assert found.value == pytest.approx(binomtest(2_023, 4_000).pvalue, abs=0.02)
    assert found.status == "ok"


def test_a_lost_part_of_one_arm_is_seen_and_stands_above_the_result():
    check = sample_ratio([70_000], [28_000], treated_share=0.7)
    estimate = Estimate(
        outcome=CHURN,
        effect=-0.01,
        se=0.002,
        low=-0.014,
        high=-0.006,
        p_value=1e-6,
        treated_mean=0.1,
        control_mean=0.11,
    )

    text = Effect(estimates=(estimate,), checks=Checks(items=(check,))).text("en")

    assert check.status == "failed"
    assert text.startswith("Do not rely on this result yet, checks failed: sample ratio mismatch.")


def test_a_mismatch_that_cancels_over_strata_is_seen():
    assert sample_ratio([6_000, 4_000], [4_000, 6_000], treated_share=0.5).status == "failed"
    assert sample_ratio([10_000], [10_000], treated_share=0.5).status == "ok"


def test_nobody_at_all_cannot_be_checked_and_negative_counts_are_an_error():
    assert sample_ratio([0], [0], treated_share=0.5).status == "unknown"
    with pytest.raises(DataError, match="at least 0"):
        sample_ratio([-1], [5], treated_share=0.5)


@pytest.mark.skipif(not SHARED.is_file(), reason="MatchIt's lalonde is not beside the checkout")
def test_standardised_differences_as_matchit_prints_them():
    frame = pd.read_csv(SHARED, sep=r"\s+")
    frame["black"] = (frame["race"] == "black").astype(float)
    frame["hispan"] = (frame["race"] == "hispan").astype(float)
    printed = {
        "age": -0.3094,
        "educ": 0.0550,
        "black": 1.7615,
        "hispan": -0.3498,
        "married": -0.8263,
        "nodegree": 0.2450,
        "re74": -0.7211,
        "re75": -0.2903,
    }
    arms = moments_by({name: frame[name] for name in printed}, frame["treat"].to_numpy())

    found = standardised_differences(
        arms[0],
        arms[1],
        list(printed),
        spread="treated",
        binary=("black", "hispan", "married", "nodegree"),
    )

    assert found["smd"].tolist() == pytest.approx(list(printed.values()), abs=5.1e-5)


def test_chance_in_small_arms_is_no_imbalance_but_a_shift_in_large_ones_is():
    rng = np.random.default_rng(1)
    small = [Moments.from_columns({"bill_yuan": rng.normal(0, 1, 40)}) for _ in range(2)]
    large = [Moments.from_columns({"bill_yuan": rng.normal(k / 5, 1, 9_000)}) for k in range(2)]

    assert balance(*small, ["bill_yuan"]).status == "ok"
    assert balance(*large, ["bill_yuan"]).status == "failed"
    assert "bill" in balance(*large, ["bill_yuan"]).text("en")


def contacts():
    return pd.DataFrame(
        {
            "arm": ["treated"] * 4 + ["control"] * 4,
            "attempted": [True, True, True, False, True, None, False, False],
            "reached": [True, True, None, False, False, None, False, False],
            "accepted": [True, False, None, False, False, None, False, False],
        }
    )


def test_the_funnel_counts_customers_at_each_step():
    found = contact_funnel(contacts()).set_index("arm")

    assert found.loc["treated"].tolist() == [4, 3, 2, 1]
    assert found.loc["control"].tolist() == [4, 1, 0, 0]
    made, leaked = contact(contact_funnel(contacts()))
    assert (made.value, made.status) == (0.5, "ok")
    assert (leaked.value, leaked.status) == (0.25, "failed")
    assert "25.0%" in leaked.text("zh")


def test_a_funnel_of_cells_equals_that_of_rows():
    rows = contacts()
    cells = rows.groupby(list(rows.columns), dropna=False).size().rename("customers")

    pd.testing.assert_frame_equal(contact_funnel(cells.reset_index()), contact_funnel(rows))


def test_a_campaign_without_controls_leaves_leakage_unknown():
    _, leaked = contact(contact_funnel(contacts().query("arm == 'treated'")))

    assert leaked.status == "unknown"


def test_reached_without_an_attempt_and_unknown_arms_are_errors():
    wrong = contacts()
    wrong.loc[3, "reached"] = True
    with pytest.raises(DataError, match="1 rows that are not attempted"):
        contact_funnel(wrong)
    with pytest.raises(DataError, match="Treat in 1 rows"):
        check_exclusive(["a"], ["Treat"])


def test_arms_that_are_not_exclusive_are_an_error():
    with pytest.raises(DataError, match="1 customers in both arms"):
        check_exclusive(["a", "b", "a"], ["treated", "control", "control"])
    with pytest.raises(DataError, match="more than once"):
        check_exclusive(["a", "b", "a"], ["treated", "control", "treated"])
    check_exclusive(["a", "b"], ["treated", "control"])


def test_other_campaigns_may_overlap_equally_but_not_by_arm():
    assert overlap((700, 1_000), (710, 1_000)).status == "ok"
    assert overlap((700, 1_000), (500, 1_000)).status == "failed"
    assert overlap((0, 1_000), (0, 1_000)).status == "ok"
    assert overlap((0, 0), (0, 10)).status == "unknown"


def test_a_difference_before_the_campaign_fails_the_placebo():
    rng = np.random.default_rng(3)

    def month(gap):
        return tuple(
            Moments.from_columns({"churned": rng.random(4_000) < 0.1 + gap * arm}) for arm in (0, 1)
        )

    fine, _ = placebo({"-2": month(0), "-1": month(0)}, CHURN)
    wrong, estimates = placebo({"-2": month(0), "-1": month(0.04)}, CHURN)

    assert fine.status == "ok"
    assert wrong.status == "failed"
    assert [one.group for one in estimates] == ["-2", "-1"]
    assert "1 of 2" in wrong.text("en")


def test_checks_say_what_passed_failed_and_is_to_be_watched():
    passed = Checks(items=(sample_ratio([50], [50], treated_share=0.5),))
    mixed = Checks(items=(*passed.items, *contact(contact_funnel(contacts()))))

    assert passed.text("en") == "All 1 checks passed."
    assert passed.text("zh") == "全部1项检查均通过。"
    assert "controls contacted" in mixed.text("en")
    assert [one.name for one in mixed.failed] == ["leakage"]
    assert set(mixed.frames()) == {"summary", "sample_ratio", "contact", "leakage"}
