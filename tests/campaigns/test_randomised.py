"""Effects against a random control: hand-worked cases, conservation, sentences, bad input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from statsmodels.sandbox.regression.gmm import IV2SLS
from statsmodels.stats.multitest import multipletests

from cvm.campaigns.effect import CHURN, REVENUE, Effect, Estimate, Outcome, cannot_tell
from cvm.campaigns.moments import Moments, moments_by
from cvm.campaigns.multiple import adjusted_p_values, corrections
from cvm.campaigns.randomised import compare, compare_all, compare_groups
from cvm.campaigns.reached import compare_reached
from cvm.core.checks import ArgumentError, DataError


def arms(rng, size=4_000, effect=-0.03):
    treated = (rng.random(size) < 0.7).astype(int)
    reachable = rng.random(size) < 0.6
    reached = reachable & ((treated == 1) | (rng.random(size) < 0.05))
    churned = rng.random(size) < 0.15 + effect * reached
    before = rng.gamma(4, 25, size)
    revenue = before * 3 * ~churned + rng.normal(0, 20, size)
    columns = {
        "churned": churned,
        "reached": reached,
        "revenue_yuan": revenue,
        "before_yuan": before,
    }
    by_arm = moments_by(columns, treated)
    return by_arm[0], by_arm[1], columns, treated


def test_welch_by_hand():
    control = Moments.from_columns({"revenue_yuan": [10.0, 20.0, 30.0]})
    treated = Moments.from_columns({"revenue_yuan": [40.0, 60.0]})

    found = compare(control, treated, REVENUE, least_customers=2)

    assert found.effect == 30
    assert found.se == pytest.approx(np.sqrt(100 / 3 + 200 / 2))
    assert found.relative == pytest.approx(1.5)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=30),
    st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=30),
)
def test_moments_of_parts_add_up_to_moments_of_the_whole(one, other):
    parts = [Moments.from_columns({"x": v, "y": np.square(v)}) for v in (one, other)]
    whole = Moments.from_columns({"x": one + other, "y": np.square(one + other)})

    total = parts[0] + parts[1]

    assert total.count == whole.count
    assert_allclose(total.means, whole.means, rtol=1e-9, atol=1e-6)
    scale = np.sqrt(np.outer(np.diag(whole.products), np.diag(whole.products))).max() + 1
    assert_allclose(total.products / scale, whole.products / scale, atol=1e-9)


def test_sums_near_a_shift_keep_the_digits_of_large_bills():
    bills = 1e9 + np.arange(100.0)

    found = Moments.from_sums(
        100,
        {"bill": (bills - 1e9).sum()},
        {("bill", "bill"): ((bills - 1e9) ** 2).sum()},
        shifts={"bill": 1e9},
    )

    assert found.mean("bill") == bills.mean()
    assert found.variance("bill") == pytest.approx(np.arange(100).var(ddof=1), rel=1e-12)


def test_cuped_narrows_the_interval_as_far_as_the_month_before_explains():
    control, treated, columns, _ = arms(np.random.default_rng(1))

    plain = compare(control, treated, REVENUE)
    cuped = compare(control, treated, REVENUE, covariates=["before_yuan"], adjustment="cuped")

    explained = np.corrcoef(columns["before_yuan"], columns["revenue_yuan"])[0, 1] ** 2
    assert cuped.se**2 / plain.se**2 == pytest.approx(1 - explained, abs=0.05)


def test_reached_customers_beside_assigned_equal_two_stage_least_squares():
    control, treated, columns, arm = arms(np.random.default_rng(2), size=60_000)

    found = compare_reached(control, treated, CHURN)

    ones = np.ones(len(arm))
    peer = IV2SLS(
        columns["churned"].astype(float),
        np.column_stack([ones, columns["reached"]]),
        np.column_stack([ones, arm]),
    ).fit()
    assigned, reached = found.estimates
    assert reached.effect == pytest.approx(peer.params[1], rel=1e-9)
    assert reached.se == pytest.approx(peer.bse[1], rel=0.05)  # theirs is homoskedastic
    assert abs(reached.effect) > abs(assigned.effect)
    assert reached.low <= -0.03 <= reached.high
    assert reached.p_value == assigned.p_value
    assert reached.detected == (not reached.low <= 0 <= reached.high)


def test_nothing_is_told_of_reached_customers_if_nobody_more_was_reached():
    rng = np.random.default_rng(3)
    columns = {"churned": rng.random(4_000) < 0.1, "reached": rng.random(4_000) < 0.5}
    by_arm = moments_by(columns, np.arange(4_000) % 2)

    found = compare_reached(by_arm[0], by_arm[1], CHURN)

    assert found.row(estimand="reached").reason == "nobody_reached"
    assert "Cannot tell" in found.row(estimand="reached").text("en")


@pytest.mark.parametrize(("ours", "peer"), [("holm", "holm"), ("benjamini_hochberg", "fdr_bh")])
def test_corrections_equal_statsmodels_and_leave_out_what_cannot_tell(ours, peer):
    p_values = np.random.default_rng(1).random(12) ** 3

    found = adjusted_p_values(np.append(p_values, np.nan), ours)

    assert_allclose(found[:-1], multipletests(p_values, method=peer)[1], rtol=1e-12)
    assert np.isnan(found[-1])


def test_both_corrections_stand_side_by_side_over_outcomes_and_tiers():
    """Benjamini & Hochberg (1995), table 1: 15 outcomes; Holm finds 3, they find 4."""
    published = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
        0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
    ]  # fmt: skip
    family = [
        Estimate(outcome=CHURN, group=f"g{at}", effect=-0.01, p_value=p)
        for at, p in enumerate(published)
    ]

    found = corrections([*family, cannot_tell(REVENUE, "few_events")])

    assert found["detected_holm"].sum() == 3
    assert found["detected_benjamini_hochberg"].sum() == 4
    told = found.dropna(subset="p_value")
    for ours, peer in (("holm", "holm"), ("benjamini_hochberg", "fdr_bh")):
        assert_allclose(told[ours], multipletests(published, method=peer)[1], rtol=1e-12)
    assert found["group"].tolist()[:2] == ["g0", "g1"]


def test_effects_by_tier_are_corrected_and_the_headline_is_all_customers():
    rng = np.random.default_rng(5)
    groups = {}
    for tier, effect in (("gold", -0.08), ("none", 0.0)):
        control, treated, _, _ = arms(rng, effect=effect, size=9_000)
        groups[tier] = (control, treated)
    groups["diamond"] = (None, groups["gold"][1])

    found = compare_groups(groups, CHURN, campaign="C1")

    frame = found.summary().set_index("group")
    assert found.headline.group == "all"
    assert frame.loc["gold", "detected"]
    assert not frame.loc["none", "detected"]
    assert frame.loc["diamond", "reason"] == "no_control"
    assert frame.loc["gold", "p_adjusted"] == pytest.approx(2 * frame.loc["gold", "p_value"])
    assert "钻石卡" in found.row(group="diamond").text("zh")


def test_a_guardrail_that_gets_worse_is_in_the_sentence():
    rng = np.random.default_rng(6)
    complaints = Outcome(name="complaints", better="lower", guardrail=True)
    parts = [
        Moments.from_columns(
            {"churned": rng.random(5_000) < share, "complaints": rng.poisson(rate, 5_000)}
        )
        for share, rate in ((0.15, 0.1), (0.10, 0.2))
    ]

    found = compare_all(*parts, [CHURN, complaints])

    text = found.text("en")
    assert "lowered churn by" in text
    assert "raised complaints by" in text
    assert "Holm" in text
    assert "投诉" in found.text("zh")


def test_the_null_sentence_says_what_could_have_been_seen():
    control, treated, _, _ = arms(np.random.default_rng(11), effect=0.0)

    found = compare(control, treated, CHURN)

    assert not found.detected
    assert f"{100 * found.detectable:.2f} percentage points would have been seen" in found.text()
    assert "未检测到" in found.text("zh")


@pytest.mark.parametrize(
    ("control", "treated", "reason"),
    [
        (None, [0, 1] * 50, "no_control"),
        ([0, 1] * 50, None, "no_treated"),
        ([0, 1, 0, 0, 1], [0, 1] * 50, "few_customers"),
        ([0] * 100, [0] * 100, "few_events"),
        ([1] * 100, [1] * 100, "few_events"),
    ],
)
def test_what_cannot_be_told_is_said_and_no_number_comes_from_nothing(control, treated, reason):
    sides = [
        None if v is None else Moments.from_columns({"churned": v}) for v in (control, treated)
    ]

    found = compare(*sides, CHURN)

    assert found.reason == reason
    assert np.isnan([found.effect, found.low, found.p_value]).all()
    assert not found.detected
    for lang, start in (("en", "Cannot tell"), ("zh", "无法判断")):
        assert found.text(lang).startswith(start)
    assert Effect(estimates=(found,)).summary().loc[0, "reason"] == reason


def test_revenue_the_same_for_all_and_zero_denominators_cannot_tell():
    same = Moments.from_columns({"revenue_yuan": np.full(50, 8.0), "sessions": np.zeros(50)})
    per = Outcome(name="revenue_yuan", per="sessions")

    assert compare(same, same, REVENUE).reason == "no_variation"
    assert compare(same, same, per).reason == "no_denominator"


def test_covariates_that_determine_one_another_cannot_tell():
    rng = np.random.default_rng(1)
    x = rng.normal(size=100)
    one = Moments.from_columns({"revenue_yuan": rng.normal(size=100), "a": x, "b": 2 * x})

    found = compare(one, one, REVENUE, covariates=["a", "b"], adjustment="cuped")

    assert found.reason == "collinear"


def test_non_finite_outcomes_and_unknown_columns_are_errors():
    with pytest.raises(DataError, match="revenue_yuan == '2 missing or infinite"):
        Moments.from_columns({"revenue_yuan": [1.0, np.nan, np.inf]})
    with pytest.raises(DataError, match="infinite"):
        Moments.from_sums(3, {"x": np.inf}, {("x", "x"): 1.0})
    one = Moments.from_columns({"revenue_yuan": np.arange(50.0)})
    with pytest.raises(ArgumentError, match="churned.*available: revenue_yuan"):
        compare(one, one, CHURN)
    with pytest.raises(ArgumentError, match="covariates"):
        compare(one, one, REVENUE, adjustment="cuped")


def test_an_estimate_is_asked_for_by_what_it_is_of():
    effect = Effect(estimates=(Estimate(outcome=CHURN, reason="no_control"),))

    assert effect.row(outcome="churned").reason == "no_control"
    with pytest.raises(ArgumentError, match="churned/all/as_assigned/difference"):
        effect.row(outcome="bill")
    assert isinstance(effect.summary(), pd.DataFrame)
