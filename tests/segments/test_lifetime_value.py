"""Discounted value: Fader & Hardie's DERL, series by hand, assumptions, and losses."""

import math

import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError
from cvm.segments.lifetime import fit_lifetime
from cvm.segments.lifetime_discount import (
    discounted_renewals,
    discounted_renewals_closed,
    mean_residual_periods,
    median_residual_periods,
    residual_periods,
)
from cvm.segments.lifetime_models import log_survival
from cvm.segments.lifetime_value import ValueAssumptions, value_customers
from cvm.segments.survival_cohorts import cohorts_from_survivors, read_cohorts

REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
BOTH = cohorts_from_survivors({"gold": HIGH_END, "vip": REGULAR}, period_months=12)


def point(alpha, beta, c=1.0):
    return np.array([np.log(alpha / beta), np.log(alpha), np.log(c)])


def test_derl_as_published():
    """Fader & Hardie (2010): γ .764, δ 1.296, 10 %, 100 a year, n = 1, 2, 5."""
    closed = discounted_renewals_closed(0.764, 1.296, np.array([0, 1, 4]), 0.1)
    series, _ = discounted_renewals(point(0.764, 1.296), 4, 0.1)

    np.testing.assert_allclose(100 * closed, [288.22, 393.94, 568.25], atol=0.005)
    np.testing.assert_allclose(100 * series[[0, 1, 4]], [288.22, 393.94, 568.25], atol=0.005)


@pytest.mark.parametrize("rate", [0.1, 0.008, 0.5])
@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 0.5), (1.0, 9.0), (2.0, 40.0), (30.0, 400.0)])
def test_the_series_is_the_closed_form(alpha, beta, rate):
    ages = np.arange(30)
    series, _ = discounted_renewals(point(alpha, beta), 29, rate)

    np.testing.assert_allclose(
        series, discounted_renewals_closed(alpha, beta, ages, rate), rtol=2e-6
    )


@pytest.mark.parametrize("c", [0.6, 1.0, 1.5])
def test_value_and_elasticity_are_their_sums(c):
    ahead, at = np.arange(1, 4_000), point(0.8, 6.0, c)
    survival = np.exp(log_survival(at, np.arange(5.0, 4_005)))
    terms = survival[1:] / survival[0] / 1.1 ** (ahead - 1)
    renewals, elasticity = discounted_renewals(at, 5, 0.1)

    assert renewals[5] == pytest.approx(terms.sum(), rel=1e-6)
    assert elasticity[5] == pytest.approx((ahead * terms).sum() / terms.sum(), rel=1e-5)


def test_elasticity_is_the_effect_of_one_per_cent_more_retention():
    ahead, at = np.arange(1.0, 600), point(0.8, 6.0)
    survival = np.exp(log_survival(at, ahead))
    more = (survival * 1.0001**ahead / 1.1 ** (ahead - 1)).sum()
    less = (survival * 0.9999**ahead / 1.1 ** (ahead - 1)).sum()

    _, elasticity = discounted_renewals(at, 0, 0.1)
    assert elasticity[0] == pytest.approx((math.log(more) - math.log(less)) / 2e-4, rel=1e-4)


def test_elasticity_of_customers_alike_is_the_textbook_one():
    _, elasticity = discounted_renewals(point(0.2 * 3000, 0.8 * 3000), 0, 0.1)

    assert elasticity[0] == pytest.approx(1.1 / (1.1 - 0.8), rel=2e-3)


def test_residual_lifetime():
    at = point(2.5, 4.0)
    far = residual_periods(at, 3, 200_000)

    assert mean_residual_periods(at, 3) == pytest.approx(7 / 1.5)
    assert far == pytest.approx(7 / 1.5, rel=1e-3)
    assert residual_periods(at, 3, 1) == pytest.approx(7 / 9.5)
    assert mean_residual_periods(point(0.9, 4.0), 3) == math.inf
    survival = np.exp(log_survival(at, np.arange(3, 10.0)))
    assert median_residual_periods(at, 3) == np.argmax(survival <= survival[0] / 2)
    assert median_residual_periods(point(0.001, 40.0), 3, longest=12) == math.inf


def test_customers_are_worth_renewals_times_what_they_earn():
    fit = fit_lifetime(BOTH, by_tier=True)
    found = value_customers(
        fit,
        ValueAssumptions(
            margin_yuan={"gold": 300, "vip": 100},
            cost_to_serve_yuan={"gold": 40, "vip": 0},
            discount_rate_year=0.1,
        ),
    )
    alpha, beta, _ = fit.group("gold").alpha_beta_c
    gold = found.rows[found.rows["tier"] == "gold"].iloc[0]
    each = float(discounted_renewals_closed(alpha, beta, 7, 0.1)) * 260

    assert gold["each_yuan"] == pytest.approx(each)
    assert gold["value_yuan"] == pytest.approx(491 * each)
    assert found.total["value_yuan"] == pytest.approx(found.summary()["value_yuan"].sum())
    spread = found.summary()["value_yuan"] - found.summary()["low_yuan"]
    assert found.total["value_yuan"] - found.total["low_yuan"] == pytest.approx(np.hypot(*spread))
    # Taking customers to be alike understates what those who stayed are worth.
    assert gold["naive_each_yuan"] < gold["each_yuan"]


def test_monthly_cohorts_take_the_monthly_rate():
    assumed = ValueAssumptions(margin_yuan=1.0, discount_rate_year=0.12)

    assert assumed.period_rate(12) == pytest.approx(0.12)
    assert (1 + assumed.period_rate(1)) ** 12 == pytest.approx(1.12)


def test_one_fit_for_all_moves_tiers_together():
    fit = fit_lifetime(BOTH)
    found = value_customers(fit, ValueAssumptions(margin_yuan={"gold": 300, "vip": 100}))

    assert found.total["low_yuan"] == pytest.approx(found.summary()["low_yuan"].sum())


def test_a_margin_below_the_cost_to_serve_is_said_not_hidden():
    fit = fit_lifetime(BOTH, by_tier=True)
    found = value_customers(
        fit, ValueAssumptions(margin_yuan={"gold": -20, "vip": 100}, cost_to_serve_yuan=10)
    )
    gold = found.summary().iloc[0]

    assert gold["low_yuan"] < gold["value_yuan"] < gold["high_yuan"] < 0
    assert "gold lie below the cost to serve" in found.text("en")
    assert "金卡的毛利低于服务成本" in found.text("zh")


def test_customers_whose_lifetime_cannot_be_told_are_listed_and_left_out():
    cohorts = cohorts_from_survivors({"never": [50, 50, 50], "vip": REGULAR})
    found = value_customers(fit_lifetime(cohorts, by_tier=True), ValueAssumptions(margin_yuan=100))

    assert found.rows["customers"].sum() == 50 + 241
    assert found.total["customers"] == 241
    assert "never (50 customers)" in found.text("en")
    assert "50户" in found.text("zh")


def test_a_tier_that_has_emptied_is_worth_nothing():
    frame = pd.DataFrame(
        {
            "tier": ["gold"] * 3 + ["vip"] * 3,
            "cohort": "2024",
            "age_periods": [0, 1, 2] * 2,
            "customers": [100, 80, 70, 9, 3, 0],
        }
    )
    found = value_customers(fit_lifetime(read_cohorts(frame)), ValueAssumptions(margin_yuan=1))

    assert found.summary()["value_yuan"].tolist()[1] == 0
    assert found.total["customers"] == 70


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"margin_yuan": float("nan")}, "margin_yuan == nan"),
        ({"margin_yuan": {"gold": None}}, r"margin_yuan\[gold\]"),
        ({"margin_yuan": 1, "cost_to_serve_yuan": -1}, "cost_to_serve_yuan == -1"),
        ({"margin_yuan": 1, "discount_rate_year": 0}, "discount_rate_year == 0"),
    ],
)
def test_assumptions_are_checked(given, message):
    with pytest.raises(ArgumentError, match=message):
        ValueAssumptions(**given)


def test_a_tier_without_a_margin_is_named():
    with pytest.raises(ArgumentError, match="without vip"):
        value_customers(fit_lifetime(BOTH), ValueAssumptions(margin_yuan={"gold": 1}))
