"""sBG and BdW: Fader & Hardie's published fits, independent routes, and what cannot be told."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import betaln
from scipy.stats import beta as beta_law
from scipy.stats import chi2

from cvm.core.checks import ArgumentError
from cvm.segments.lifetime import fit_lifetime
from cvm.segments.lifetime_backtest import backtest_lifetime
from cvm.segments.lifetime_estimate import estimate
from cvm.segments.lifetime_models import (
    log_likelihood,
    log_likelihood_and_gradient,
    log_retention,
    log_survival,
)
from cvm.segments.survival_cohorts import Risk, cohorts_from_survivors

# Fader & Hardie (2007), "How to project customer retention", table 1: % surviving, years 0–12.
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394]
BOTH = cohorts_from_survivors({"high": HIGH_END, "regular": REGULAR}, period_months=12)


def point(alpha, beta, c=None):
    rest = [] if c is None else [np.log(c)]
    return np.array([np.log(alpha / beta), np.log(alpha), *rest])


@pytest.mark.parametrize(
    ("survivors", "alpha", "beta", "value", "projected"),
    [
        (REGULAR, 0.7041, 1.1820, -1680.265, [22.0, 20.4, 19.1, 18.0, 17.0]),
        (HIGH_END, 0.6681, 3.8061, -1611.158, [46.0, 43.6, 41.4, 39.5, 37.8]),
    ],
)
def test_sbg_as_published(survivors, alpha, beta, value, projected):
    fit = fit_lifetime(cohorts_from_survivors({"a": survivors[:8]}))
    row = fit.summary().iloc[0]

    assert row["alpha"] == pytest.approx(alpha, abs=5e-5)
    assert row["beta"] == pytest.approx(beta, abs=5e-5)
    assert row["log_likelihood"] == pytest.approx(value, abs=5e-4)
    curve = fit.survival(12)["survival_share"].to_numpy()
    np.testing.assert_allclose(100 * curve[8:], projected, atol=0.05)


@pytest.mark.parametrize(
    ("survivors", "parameters", "value"),
    [
        (REGULAR, [0.5083, 0.8688, 1.2094], -1930.930),
        (HIGH_END, [0.2496, 1.6542, 1.5968], -2004.817),
    ],
)
def test_bdw_as_published(survivors, parameters, value):
    row = fit_lifetime(cohorts_from_survivors({"a": survivors}), model="bdw").summary().iloc[0]

    np.testing.assert_allclose(row[["alpha", "beta", "c"]].to_numpy(float), parameters, atol=5e-5)
    assert row["log_likelihood"] == pytest.approx(value, abs=5e-4)


@pytest.mark.parametrize("c", [1.0, 0.7, 1.6])
def test_survival_is_the_mean_over_customers(c):
    def one(t):
        return quad(lambda x: (1 - x) ** (t**c) * beta_law.pdf(x, 1.3, 2.4), 0, 1)[0]

    found = np.exp(log_survival(point(1.3, 2.4, c), np.array([0, 1, 2, 7])))

    np.testing.assert_allclose(found, [one(t) for t in (0, 1, 2, 7)], rtol=1e-8)


@pytest.mark.parametrize("scale", [1, 40, 3_000])
def test_customers_ever_more_alike_keep_their_digits(scale):
    at = point(0.02 * scale, 0.98 * scale)
    ages = np.arange(1.0, 20)
    product = np.cumprod((0.98 * scale + ages - 1) / (scale + ages - 1))

    np.testing.assert_allclose(np.exp(log_survival(at, ages)), product, rtol=1e-11)
    with_c = np.append(at, 0.0)
    np.testing.assert_allclose(log_retention(with_c, ages), log_retention(at, ages), rtol=1e-9)


def test_the_likelihood_is_the_papers_and_its_gradient_exact():
    risk = BOTH.risk("high")
    at = point(0.6, 3.0, 1.2)
    steps = np.arange(13.0) ** 1.2
    survival = np.exp(betaln(0.6, 3.0 + steps) - betaln(0.6, 3.0))
    counts = np.array(HIGH_END)
    direct = -np.diff(counts) @ np.log(-np.diff(survival)) + counts[-1] * np.log(survival[-1])
    value, gradient = log_likelihood_and_gradient(at, risk)

    assert value == pytest.approx(direct, rel=1e-12)
    assert log_likelihood(at, risk) == pytest.approx(direct, rel=1e-12)
    step = 1e-6 * np.eye(3)
    slopes = [(log_likelihood(at + s, risk) - log_likelihood(at - s, risk)) / 2e-6 for s in step]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6)


def test_standard_errors_are_those_of_the_observed_information():
    row = fit_lifetime(cohorts_from_survivors({"a": REGULAR[:8]})).summary().iloc[0]
    risk = cohorts_from_survivors({"a": REGULAR[:8]}).risk()

    def value(alpha, beta):
        return float(log_likelihood(point(alpha, beta), risk))

    at, h = row[["alpha", "beta"]].to_numpy(float), 1e-3
    shift = np.eye(2) * h
    second = np.array(
        [
            [
                (
                    value(*(at + i + j))
                    - value(*(at + i - j))
                    - value(*(at - i + j))
                    + value(*(at - i - j))
                )
                / (4 * h * h)
                for j in shift
            ]
            for i in shift
        ]
    )
    errors = np.sqrt(np.diag(np.linalg.inv(-second)))

    np.testing.assert_allclose(
        row[["alpha_error", "beta_error"]].to_numpy(float), errors, rtol=1e-3
    )


@pytest.mark.parametrize("model", ["sbg", "bdw"])
def test_intervals_are_profile_likelihood_intervals(model):
    """The lowest S(12) on the contour is that of a constrained search by another route."""
    fit = fit_lifetime(cohorts_from_survivors({"a": REGULAR[:8]}), model=model)
    item = fit.estimates[0]
    floor = item.log_likelihood - chi2.ppf(0.9, 1) / 2
    for sign in (1, -1):
        found = minimize(
            lambda at, sign=sign: sign * float(log_survival(at, np.array([12.0]))[0]),
            item.point,
            constraints={
                "type": "ineq",
                "fun": lambda at: float(log_likelihood(at, item.risk)) - floor,
            },
            method="SLSQP",
            options={"ftol": 1e-10, "maxiter": 500},
        )
        edge = fit.survival(12).iloc[-1]["low" if sign == 1 else "high"]
        assert edge == pytest.approx(np.exp(sign * found.fun), rel=4e-3)


def test_tiers_have_their_own_models_where_they_differ():
    fit = fit_lifetime(BOTH, by_tier=True)

    assert fit.summary()["group"].tolist() == ["high", "regular"]
    assert fit.tiers_differ_p() < 1e-10
    assert "differ clearly" in fit.text("en")
    alike = cohorts_from_survivors({"a": REGULAR, "b": REGULAR})
    same = fit_lifetime(alike, by_tier=True)
    assert same.tiers_differ_p() == pytest.approx(1.0)
    assert "统一建模" in same.text("zh")
    with pytest.raises(ArgumentError, match="available: high, regular"):
        fit.group("silver")


def test_customers_all_alike_are_said_to_be_so():
    counts = np.round(100_000 * 0.9 ** np.arange(8))
    fit = fit_lifetime(cohorts_from_survivors({"a": counts}))

    assert fit.estimates[0].alike
    assert fit.summary()["first_churn_share"].item() == pytest.approx(0.1, abs=1e-3)
    assert "no difference between customers" in fit.text("en")
    np.testing.assert_allclose(
        fit.project(3)["expected_customers"], counts[-1] * 0.9 ** np.arange(1, 4), rtol=2e-3
    )


@pytest.mark.parametrize(
    ("counts", "reason", "en", "zh"),
    [
        ([50, 50, 50], "nobody_left", "Nobody of all customers has left", "无人离网"),
        ([50], "no_period", "no period has passed", "暂无法判断"),
        ([50, 40], "one_period", "only one period", "至少需要两个周期"),
        ([50, 20, 0], "", "Of all customers", "全部客户"),
        ([50, 0], "everyone_left", "nobody to project", "已全部离网"),
    ],
)
@pytest.mark.parametrize("model", ["sbg", "bdw"])
def test_what_cannot_be_told_is_said(counts, reason, en, zh, model):
    fit = fit_lifetime(cohorts_from_survivors({"a": counts}), model=model)

    assert fit.summary()["reason"].item() == reason
    assert en in fit.text("en")
    assert zh in fit.text("zh")
    projected = fit.project(2)
    assert projected["now_customers"].tolist() == [counts[-1]] * 2
    assert projected["expected_customers"].isna().all() == bool(reason)
    assert np.all(projected["low"] <= projected["high"])


def test_where_nobody_left_the_data_still_bound_churn():
    """The exact binomial limit: 0.1 = (1 − q)^100."""
    fit = fit_lifetime(cohorts_from_survivors({"a": [50, 50, 50]}))

    assert fit.summary()["most_churn_share"].item() == pytest.approx(1 - 0.1**0.01)
    assert fit.project(1)["low"].item() == np.floor(50 * 0.1**0.01 + 0.5)


def test_a_tier_without_leavers_does_not_spoil_the_others():
    cohorts = cohorts_from_survivors({"gold": [50, 50, 50], "regular": REGULAR})
    fit = fit_lifetime(cohorts, by_tier=True)

    assert fit.summary()["reason"].tolist() == ["nobody_left", ""]
    assert np.isnan(fit.tiers_differ_p())
    assert set(fit.project(1)["tier"]) == {"gold", "regular"}


def test_a_projection_starts_from_the_customers_of_today():
    fit = fit_lifetime(cohorts_from_survivors({"a": REGULAR[:8]}))
    row = fit.project(1).iloc[0]
    alpha, beta = fit.summary()[["alpha", "beta"]].iloc[0]

    assert row["expected_customers"] == pytest.approx(241 * (beta + 7) / (alpha + beta + 7))
    assert row["low"] < row["expected_low"] < row["expected_high"] < row["high"]


def test_the_back_test_beats_a_constant_churn_where_churn_falls():
    test = backtest_lifetime(BOTH, hold_out=5, by_tier=True)
    overall = test.overall()

    assert len(test.rows) == 10
    assert overall["model_error_share"] < overall["naive_error_share"]
    assert test.rows["inside"].all()
    first = test.rows[test.rows["tier"] == "regular"].iloc[0]
    assert first["naive_customers"] == pytest.approx(241 * 241 / 262)
    assert first["actual_customers"] == 223
    assert "missed by" in test.text("en")
    assert "朴素预测" in test.text("zh")


def test_the_back_test_says_when_the_naive_forecast_wins():
    # Churn jumps in the held-out periods: nothing can foresee it, and it is not hidden.
    test = backtest_lifetime(cohorts_from_survivors({"a": [*REGULAR[:8], 150, 90]}), hold_out=2)
    overall = test.overall()

    assert not test.rows["inside"].any()
    assert ("did not beat" in test.text("en")) == (
        overall["model_error_share"] >= overall["naive_error_share"]
    )


def test_a_back_test_without_a_model_says_so():
    test = backtest_lifetime(cohorts_from_survivors({"a": [50, 50, 50, 49]}), hold_out=1)

    assert test.summary()["cohorts_left_out"].item() == 1
    assert "no forecast to test" in test.text("en")


def test_arguments_are_checked():
    with pytest.raises(ArgumentError, match="available: sbg, bdw"):
        fit_lifetime(BOTH, model="weibull")
    with pytest.raises(ArgumentError, match="confidence"):
        fit_lifetime(BOTH, confidence=1.0)


def test_extreme_counts_still_fit():
    few = Risk(ages=np.array([1.0, 2]), at_risk=np.array([3.0, 2]), lost=np.array([1.0, 1]))
    many = Risk(
        ages=np.array([1.0, 2, 3]),
        at_risk=np.array([1e8, 9.9e7, 9.85e7]),
        lost=np.array([1e6, 5e5, 3e5]),
    )
    for risk in (few, many):
        for model in ("sbg", "bdw"):
            item = estimate("a", risk, model)
            assert np.isfinite(item.log_likelihood)
            assert np.all(np.isfinite(item.contour(0.9)))
