"""Closed forms: published numbers, an independent month-by-month count, and limits."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError
from cvm.points.closed_forms import (
    conditional_redemption_rate,
    cost_share,
    lognormal_quantile,
    most_generous_rate,
    redeemed_points_per_yuan_at_cap,
    ultimate_redemption_rate,
)

shares = st.floats(0, 1)
lives = st.integers(0, 60)


def counted(hazard, life, churn, order):
    """Follow one point month by month."""
    held, redeemed = 1.0, 0.0
    for _ in range(life):
        if order == "leave_first":
            held *= 1 - churn
        redeemed += held * hazard
        held *= 1 - hazard
        if order == "redeem_first":
            held *= 1 - churn
    return redeemed, held


@pytest.mark.parametrize(
    ("hazard", "life", "urr"), [(0.05, 36, 0.842221), (0.05, 24, 0.708011), (0.10, 12, 0.717570)]
)
def test_urr_without_churn_is_the_published_one(hazard, life, urr):
    assert ultimate_redemption_rate(hazard, life) == pytest.approx(urr, abs=5e-7)


@pytest.mark.parametrize(
    ("hazard", "churn", "life", "urr"),
    [(0.05, 0.02, 36, 0.669391), (0.03, 0.015, 36, 0.542856)],
)
def test_urr_with_churn_is_the_published_one(hazard, churn, life, urr):
    assert ultimate_redemption_rate(hazard, life, churn=churn) == pytest.approx(urr, abs=5e-7)


@settings(deadline=None)
@given(shares, lives, shares, st.sampled_from(["redeem_first", "leave_first"]))
def test_urr_equals_a_month_by_month_count(hazard, life, churn, order):
    found = ultimate_redemption_rate(hazard, life, churn=churn, order=order)

    assert found == pytest.approx(counted(hazard, life, churn, order)[0], abs=1e-9)


@settings(deadline=None)
@given(st.floats(0, 0.5), st.integers(1, 60), st.floats(0, 0.5), st.data())
def test_conditional_urr_is_what_is_left_over_what_is_held(hazard, life, churn, data):
    age = data.draw(st.integers(0, life - 1))
    redeemed, held = counted(hazard, age, churn, "redeem_first")
    urr = ultimate_redemption_rate(hazard, life, churn=churn)

    found = conditional_redemption_rate(hazard, life, age, churn=churn)

    assert found * held == pytest.approx(urr - redeemed, abs=1e-9)


def test_limits_of_the_redemption_rate():
    assert ultimate_redemption_rate(0.0, 36) == 0
    assert ultimate_redemption_rate(0.05, 0) == 0
    assert ultimate_redemption_rate(1.0, 1) == 1
    assert ultimate_redemption_rate(0.05, math.inf) == 1
    assert ultimate_redemption_rate(0.05, math.inf, churn=0.02) == pytest.approx(0.05 / 0.069)
    assert ultimate_redemption_rate(1e-12, 36) == pytest.approx(36e-12)
    assert conditional_redemption_rate(0.05, 36, 40) == 0


def test_urr_takes_arrays():
    found = ultimate_redemption_rate(np.array([0.05, 0.10]), np.array([36.0, 12.0]))

    np.testing.assert_allclose(found, [0.842221, 0.717570], atol=5e-7)


@settings(deadline=None)
@given(st.floats(0.001, 1), st.integers(1, 60), shares)
def test_urr_rises_with_life_and_falls_with_churn(hazard, life, churn):
    base = ultimate_redemption_rate(hazard, life, churn=churn)

    assert ultimate_redemption_rate(hazard, life + 1, churn=churn) >= base - 1e-15
    assert ultimate_redemption_rate(hazard, life, churn=churn / 2) >= base - 1e-15


def test_the_cap_identity():
    product = redeemed_points_per_yuan_at_cap(0.023, 0.02)

    assert product == pytest.approx(1.15)
    assert cost_share(0.02, 1.25, product / 1.25) == pytest.approx(0.023)


def test_the_most_generous_rate_is_the_published_one():
    q95 = lognormal_quantile(math.log(1.05), 0.08, 0.95)

    assert most_generous_rate(0.023, q95) == pytest.approx(0.0192039, abs=5e-8)


@pytest.mark.parametrize(
    ("call", "subject"),
    [
        (lambda: ultimate_redemption_rate(1.2, 36), "hazard"),
        (lambda: ultimate_redemption_rate(float("nan"), 36), "hazard"),
        (lambda: ultimate_redemption_rate(0.05, -1), "life_months"),
        (lambda: ultimate_redemption_rate(0.05, 36, churn=2), "churn"),
        (lambda: ultimate_redemption_rate(0.05, 36, order="both"), "order"),
        (lambda: conditional_redemption_rate(0.05, 36, -1), "age_months"),
        (lambda: cost_share(0.02, 1.25, 1.5), "redeemed_share"),
        (lambda: redeemed_points_per_yuan_at_cap(0.023, 0), "point_value_yuan"),
        (lambda: most_generous_rate(0.023, 0), "upper_redeemed_per_yuan"),
        (lambda: lognormal_quantile(0, -1, 0.5), "log_sd"),
        (lambda: lognormal_quantile(0, 1, 1), "probability"),
    ],
)
def test_impossible_arguments_are_named(call, subject):
    with pytest.raises(ArgumentError) as caught:
        call()

    assert caught.value.subject == subject
