"""URR, liability and true-up: hand-worked cases, conservation, what cannot be told."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError, DataError
from cvm.points.closed_forms import ultimate_redemption_rate
from cvm.points.liability import measure_liability
from cvm.points.liability_tables import ageing, expiry_calendar, sensitivity
from cvm.points.liability_tail import Tail
from cvm.points.liability_true_up import PARTS, explain_true_up
from cvm.points.liability_urr import METHODS, compare_methods, estimate_urr
from cvm.points.triangles import from_cumulative

NAN = np.nan


def planted(vintages, life, hazard, churn=0.0, issued=1_000_000.0, **options):
    """A triangle of a constant hazard without noise, seen until the last vintage is new."""
    ages = np.arange(vintages)
    stays = (1 - hazard) * (1 - churn)
    share = hazard * (1 - stays ** np.minimum(ages + 1, life)) / (1 - stays)
    redeemed = np.tile(issued * share, (vintages, 1))
    redeemed[ages + ages[:, None] >= vintages] = NAN
    return from_cumulative(redeemed, np.full(vintages, issued), first_vintage="2024-01", **options)


@pytest.fixture
def triangle():
    """Three vintages of a life of three months (ages 0–2), by hand."""
    return from_cumulative(
        [[10, 30, 40], [20, 50, NAN], [10, NAN, NAN]],
        [100, 120, 80],
        first_vintage="2026-01",
        last_age=2,
    )


@pytest.mark.parametrize("method", ["cape_cod", "chain_ladder", "unredeemed"])
def test_a_planted_rate_is_recovered_by_every_method(method):
    found = estimate_urr(planted(12, 8, 0.05, churn=0.02, last_age=7), method=method)

    expected = ultimate_redemption_rate(0.05, 8, churn=0.02)
    np.testing.assert_allclose(found.urr, expected, rtol=1e-9)
    assert found.total_urr == pytest.approx(expected)
    assert found.total_standard_error == pytest.approx(0, abs=1e-9)
    assert not found.is_lower_bound


def test_chain_ladder_by_hand(triangle):
    found = estimate_urr(triangle, method="chain_ladder")

    # Factors 80 ÷ 30 and 40 ÷ 30.
    np.testing.assert_allclose(found.urr, [0.4, 50 * 4 / 3 / 120, 10 * 8 / 3 * 4 / 3 / 80])


def test_bornhuetter_ferguson_by_hand(triangle):
    found = estimate_urr(triangle, method="bornhuetter_ferguson", prior_urr=0.5)

    # Reached after each age: 9 ÷ 32, 3 ÷ 4 and all.
    expected = [40, 50 + 0.5 * 120 / 4, 10 + 0.5 * 80 * 23 / 32]
    np.testing.assert_allclose(found.urr, np.array(expected) / [100, 120, 80])


def test_an_uncertain_prior_widens_the_errors(triangle):
    certain, uncertain = (
        estimate_urr(triangle, method="bornhuetter_ferguson", prior_urr=0.5, prior_urr_se=error)
        for error in (0.0, 0.1)
    )

    assert (uncertain.standard_error[1:] > certain.standard_error[1:]).all()
    assert uncertain.standard_error[0] == 0


def test_no_vintage_is_redeemed_more_than_whole():
    triangle = from_cumulative(
        [[10, 90, 90], [40, 95, NAN], [60, NAN, NAN]],
        [100, 100, 100],
        first_vintage="2026-01",
        last_age=2,
    )

    found = estimate_urr(triangle, method="chain_ladder")

    assert found.urr.max() == 1
    assert found.capped.tolist() == [False, False, True]
    assert "cut at the points issued" in found.text("en")
    assert "封顶" in found.text("zh")


def test_the_tail_of_a_planted_hazard_is_the_closed_form():
    triangle = planted(12, 99, 0.05, last_age=35)

    bound = estimate_urr(triangle)
    whole = estimate_urr(triangle, tail=Tail())

    assert bound.is_lower_bound
    assert "lower bound" in bound.text("en")
    assert "下限" in bound.text("zh")
    assert not whole.is_lower_bound
    np.testing.assert_allclose(whole.urr, ultimate_redemption_rate(0.05, 36), rtol=1e-9)
    assert "assumption" in whole.text("en")


def test_points_that_never_expire_need_churn_in_the_tail():
    triangle = planted(12, 99, 0.05)

    with pytest.raises(ArgumentError, match="churn"):
        estimate_urr(triangle, tail=Tail())
    found = estimate_urr(triangle, tail=Tail(churn=0.02))
    left = 1 - ultimate_redemption_rate(0.05, 12)
    expected = 1 - left + left * 0.05 / 0.069
    np.testing.assert_allclose(found.urr, expected, rtol=1e-6)


def test_nothing_redeemed_yet_cannot_be_told():
    triangle = from_cumulative([[0, 0], [0, NAN]], [100, 100], first_vintage="2026-01", last_age=1)

    for method in ("cape_cod", "chain_ladder"):
        found = estimate_urr(triangle, method=method)
        assert np.isnan(found.urr).any()
        assert found.text("en").startswith("The redemption rate cannot be told")
        liability = measure_liability(found, [0, 100], cpp_yuan=0.02)
        assert "cannot be told" in liability.text("en")
        assert "无法估计" in liability.text("zh")


def test_one_diagonal_cannot_be_told():
    triangle = from_cumulative([[10]], [100], first_vintage="2026-01", last_age=3)

    with pytest.raises(DataError, match="at least two ages"):
        estimate_urr(triangle)


def test_a_zero_so_far_is_pointed_out_by_the_chain_ladder():
    triangle = from_cumulative(
        [[10, 30, 40], [20, 50, NAN], [0, NAN, NAN]],
        [100, 120, 80],
        first_vintage="2026-01",
        last_age=2,
    )

    assert "prefer Cape Cod" in estimate_urr(triangle, method="chain_ladder").text("en")
    assert estimate_urr(triangle).urr[2] > 0


@pytest.mark.parametrize(
    ("options", "subject"),
    [
        ({"method": "median"}, "method"),
        ({"sigma_rule": "median"}, "sigma_rule"),
        ({"method": "bornhuetter_ferguson"}, "prior_urr"),
        ({"prior_urr": 0.5}, "prior_urr"),
        ({"method": "bornhuetter_ferguson", "prior_urr": 1.5}, "prior_urr"),
        ({"confidence": 1.0}, "confidence"),
    ],
)
def test_impossible_settings_are_named(triangle, options, subject):
    with pytest.raises(ArgumentError) as caught:
        estimate_urr(triangle, **options)

    assert caught.value.subject == subject


def test_methods_stand_side_by_side(triangle):
    found = compare_methods(triangle)

    assert found["method"].tolist() == ["cape_cod", "chain_ladder", "unredeemed"]
    assert found["urr_share"].between(0, 1).all()


def test_liability_by_hand(triangle):
    estimate = estimate_urr(triangle, method="chain_ladder")

    found = measure_liability(estimate, [0, 60, 65], cpp_yuan=0.02)

    # To come: 50 × 1/3 of 60 held; 10 × (32/9 − 1) of 65 held.
    expected = [0, 50 / 3, 10 * 23 / 9]
    np.testing.assert_allclose(found.expected_points, expected)
    np.testing.assert_allclose(found.conditional_urr, [0, 50 / 180, 230 / 585])
    assert found.liability_yuan == pytest.approx(0.02 * sum(expected))
    urr = estimate.urr * [100, 120, 80] - [40, 50, 10]
    np.testing.assert_allclose(found.expected_points, urr, atol=1e-12)
    np.testing.assert_allclose(found.expected_by_period().sum(axis=1), expected)
    np.testing.assert_allclose(found.expected_by_period()[2, :2], [10 * 5 / 3, 10 * 8 / 9])


def test_liability_never_exceeds_what_is_held(triangle):
    found = measure_liability(estimate_urr(triangle), [0, 5, 65], cpp_yuan=0.02)

    assert found.expected_points[1] == 5
    assert found.interval_yuan()[1] <= 0.02 * 70


def test_ageing_and_expiry_calendar(triangle):
    found = measure_liability(estimate_urr(triangle), [0, 60, 65], cpp_yuan=0.02)

    bands = ageing(found, band_months=2)
    assert bands["from_months"].tolist() == [0, 2]
    assert bands["outstanding_points"].tolist() == [125, 0]
    calendar = expiry_calendar(found)
    assert calendar["expiry_month"].dt.strftime("%Y-%m").tolist() == ["2026-04", "2026-05"]
    assert calendar["expiring_points"].tolist() == [60, 65]
    np.testing.assert_allclose(
        calendar["redeemed_before_points"] + calendar["lapsing_points"],
        calendar["expiring_points"],
    )


def test_sensitivity_by_hand(triangle):
    estimate = estimate_urr(triangle, method="chain_ladder")
    found = measure_liability(estimate, [0, 60, 65], cpp_yuan=0.02, qualified_share=0.5)

    table = sensitivity(found).set_index(["lever", "change"])["difference_yuan"]

    # One point of breakage on the 200 points of the two live vintages.
    assert table["breakage", -0.01] == pytest.approx(0.02 * 2)
    assert table["breakage", 0.01] == pytest.approx(-0.02 * 2)
    assert table["cpp", 0.1] == pytest.approx(0.1 * found.liability_yuan)
    # All redemption comes from the qualified half: 0.55 ÷ 0.50 of it.
    assert table["qualified_share", 0.05] == pytest.approx(0.1 * found.liability_yuan)


@pytest.mark.parametrize(
    ("held", "options", "error"),
    [
        ([0, 60], {}, DataError),
        ([0, -1, 60], {}, DataError),
        ([0, NAN, 60], {}, DataError),
        ([0, 71, 60], {}, DataError),
        ([0, 60, 60], {"cpp_yuan": -1}, ArgumentError),
        ([0, 60, 60], {"qualified_share": 0}, ArgumentError),
        ([0, 60, 60], {"qualified_share": 0.1, "unqualified_urr": 1.0}, ArgumentError),
    ],
)
def test_bad_liability_input_is_refused(triangle, held, options, error):
    with pytest.raises(error):
        measure_liability(estimate_urr(triangle), held, **({"cpp_yuan": 0.02} | options))


@pytest.fixture
def closes():
    """Two closes a month apart, with what is known at the second worked by hand below."""
    before = from_cumulative([[10, 30], [20, NAN]], [100, 120], first_vintage="2026-01", last_age=1)
    after = from_cumulative(
        [[10, 30, 30], [20, 70, NAN], [10, NAN, NAN]],
        [100, 120, 80],
        first_vintage="2026-01",
        last_age=1,
    )
    return (
        measure_liability(estimate_urr(before, method="chain_ladder"), [70, 100], cpp_yuan=0.02),
        measure_liability(estimate_urr(after, method="chain_ladder"), [0, 50, 70], cpp_yuan=0.03),
    )


def test_true_up_by_hand(closes):
    found = explain_true_up(*closes)

    # Before: 20 × (3 − 1) = 40 points to come at 0.02. All were due this month; 50 came.
    # New vintage: 10 × (100 ÷ 30 − 1) = 70/3 points. The old rate must have been 10 points short.
    parts = found.parts_yuan
    assert closes[0].liability_yuan == pytest.approx(0.8)
    assert parts["expected_redemption"] == pytest.approx(-0.8)
    assert parts["redemption_beyond_expected"] == pytest.approx(-0.2)
    assert parts["urr_revision"] == pytest.approx(0.2)
    assert parts["new_points"] == pytest.approx(0.02 * 70 / 3)
    assert parts["cpp_change"] == pytest.approx(0.01 * 70 / 3)
    assert closes[1].liability_yuan == pytest.approx(0.03 * 70 / 3)


def test_the_true_up_sentence(closes):
    found = explain_true_up(*closes)

    assert found.text("en") == (
        "From Feb 2026 to Mar 2026 the liability fell by ¥0.1, from ¥0.8 to ¥0.7: new points"
        " +¥0.467, expected redemption −¥0.8, redemption beyond the expected −¥0.2, revised"
        " redemption rate +¥0.2, cost per point +¥0.233."
    )
    assert "减少0.1元" in found.text("zh")


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["cape_cod", "unredeemed"]), st.integers(1, 3))
def test_the_parts_of_a_true_up_add_up(seed, method, months):
    rng = np.random.default_rng(seed)
    vintages = 8
    issued = rng.integers(50, 200, vintages).astype(float)
    left = issued[:, None] * np.cumprod(1 - rng.uniform(0.02, 0.2, (vintages, vintages)), axis=1)
    redeemed = issued[:, None] - left
    redeemed[:, 4:] = redeemed[:, [3]]

    def close(seen, cpp):
        known = redeemed[:seen, :seen].copy()
        known[np.add.outer(range(seen), range(seen)) >= seen] = NAN
        triangle = from_cumulative(known, issued[:seen], first_vintage="2026-01", last_age=3)
        held = (issued[:seen] - triangle.redeemed_to_date) * rng.uniform(0.3, 1, seen)
        held[triangle.latest_age >= 3] = 0
        return measure_liability(estimate_urr(triangle, method=method), held, cpp_yuan=cpp)

    before, after = close(vintages - months, 0.02), close(vintages, 0.025)
    found = explain_true_up(before, after)

    assert before.liability_yuan >= 0
    assert math.fsum([before.liability_yuan, *found.parts_yuan.values()]) == pytest.approx(
        after.liability_yuan, rel=1e-12, abs=1e-12
    )
    assert set(found.parts_yuan) == set(PARTS)


def test_closes_that_do_not_follow_each_other_are_refused(closes):
    before, after = closes
    with pytest.raises(DataError, match="a later close"):
        explain_true_up(after, before)
    other = from_cumulative([[5, 10], [5, NAN]], [50, 50], first_vintage="2026-03", last_age=1)
    gone = measure_liability(estimate_urr(other), [0, 40], cpp_yuan=0.02)
    with pytest.raises(DataError, match="missing"):
        explain_true_up(before, gone)


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0.001, 0.05))
def test_liability_rises_with_what_is_held_and_with_cost(share, cpp):
    triangle = planted(6, 4, 0.1, last_age=3)
    estimate = estimate_urr(triangle)
    most = triangle.issued_points - triangle.redeemed_to_date

    less = measure_liability(estimate, share * most, cpp_yuan=cpp)
    more = measure_liability(estimate, most, cpp_yuan=cpp)

    assert 0 <= less.liability_yuan <= more.liability_yuan * (1 + 1e-12)
    dearer = measure_liability(estimate, most, cpp_yuan=2 * cpp)
    assert dearer.liability_yuan == pytest.approx(2 * more.liability_yuan)


@pytest.mark.parametrize("method", METHODS)
def test_frames_are_tidy_and_sentences_exist_in_both_languages(triangle, method):
    prior = 0.5 if method == "bornhuetter_ferguson" else None
    estimate = estimate_urr(triangle, method=method, prior_urr=prior)
    liability = measure_liability(estimate, [0, 60, 65], cpp_yuan=0.02)

    for result in (estimate, liability):
        assert result.text("en").endswith(".")
        assert result.text("zh").endswith("。")
        for table in result.frames().values():
            assert isinstance(table, pd.DataFrame)
            assert len(table)
    development = estimate.development()
    assert development.groupby("vintage")["redeemed_share"].is_monotonic_increasing.all()
    assert development["projected"].sum() == 3


def test_vintages_that_differ_for_life_are_pointed_out():
    rng = np.random.default_rng(3)
    hazard = 0.05 * np.linspace(0.6, 1.4, 10)[rng.permutation(10), None]
    redeemed = 1e5 * (1 - np.cumprod(1 - hazard * rng.uniform(0.98, 1.02, (10, 10)), axis=1))
    redeemed[np.add.outer(range(10), range(10)) >= 10] = NAN
    triangle = from_cumulative(redeemed, [1e5] * 10, first_vintage="2026-01", last_age=9)

    assert "the interval is too narrow" in estimate_urr(triangle).text("en")
    assert "区间偏窄" in estimate_urr(triangle).text("zh")
    by_chain_ladder = estimate_urr(triangle, method="chain_ladder")
    assert "throughout their life" not in by_chain_ladder.text("en")
    effects = by_chain_ladder.frames()["dependence"].set_index("effect")["p_value"]
    assert effects["vintage"] < 0.01 < effects["calendar"]


def test_a_small_triangle_says_nothing_about_dependence(triangle):
    assert estimate_urr(triangle).frames()["dependence"]["p_value"].isna().all()


@pytest.mark.parametrize("last_age", [35, None])
def test_a_planted_tail_is_expected_period_by_period(last_age):
    hazard, churn = 0.05, 0.02
    triangle = planted(12, 99, hazard, churn=0.0, last_age=last_age)
    estimate = estimate_urr(triangle, tail=Tail(churn=churn if last_age is None else 0.0))
    held = triangle.issued_points - triangle.redeemed_to_date

    found = measure_liability(estimate, held, cpp_yuan=0.02).expected_by_period()

    # The oldest vintage is in the tail: hazard of what is held, then of what stays.
    stays = (1 - hazard) * (1 - (churn if last_age is None else 0.0))
    np.testing.assert_allclose(found[0, :3], held[0] * hazard * stays ** np.arange(3), rtol=1e-5)
    # The newest follows its elders for eleven ages first.
    np.testing.assert_allclose(found[-1, :3], held[-1] * hazard * 0.95 ** np.arange(3), rtol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), estimate.expected_points)


def test_redemption_as_the_tail_expected_leaves_no_surprise():
    before = planted(12, 99, 0.05, last_age=35)
    after = planted(13, 99, 0.05, last_age=35)
    closes = [
        measure_liability(
            estimate_urr(one, tail=Tail()), one.issued_points - one.redeemed_to_date, cpp_yuan=0.02
        )
        for one in (before, after)
    ]

    parts = explain_true_up(*closes).parts_yuan

    assert parts["redemption_beyond_expected"] == pytest.approx(0, abs=1e-6)
    assert parts["urr_revision"] == pytest.approx(0, abs=1e-6)
    assert parts["expected_redemption"] < 0 < parts["new_points"]
