"""Published numbers, and what other packages make of the same data (golden/make_campaigns.py)."""

import json
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar
from scipy.stats import binom, norm
from statsmodels.stats import proportion
from statsmodels.stats.proportion import confint_proportions_2indep

from cvm.campaigns.effect import Outcome
from cvm.campaigns.inference import score_shares
from cvm.campaigns.moments import Moments, moments_by
from cvm.campaigns.randomised import compare
from cvm.campaigns.regression import Cells, adjust_by_regression, fit

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "campaigns.json").read_text())
COVARIATES = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")
EARNINGS = Outcome(name="re78", kind="yuan")


@pytest.fixture(scope="module")
def lalonde():
    return {name: np.array(values) for name, values in GOLDEN["lalonde"].items()}


@pytest.fixture(scope="module")
def users():
    arms = GOLDEN["tea_tasting"]["arms"]
    return [
        Moments.from_sums(
            arms[arm]["count"],
            arms[arm]["sums"],
            {(one, other): value for one, other, value in arms[arm]["products"]},
        )
        for arm in ("0", "1")
    ]


def design(lalonde):
    return np.column_stack([lalonde[name] for name in COVARIATES])


def test_lalondes_experiment_as_published(lalonde):
    by_arm = moments_by({"re78": lalonde["re78"]}, lalonde["treat"].astype(int))

    found = compare(by_arm[0], by_arm[1], EARNINGS)

    assert (found.treated_count, found.control_count) == (185, 260)
    # 1794.3433 is the mean taken in single precision, in which the data come; here in double.
    assert found.effect == pytest.approx(1794.3433, abs=2e-3)
    assert found.se == pytest.approx(670.9966, abs=5e-4)  # Neyman


def test_lalondes_pooled_error_is_the_classical_one_of_regression(lalonde):
    rows = np.column_stack([np.ones(445), lalonde["treat"]])

    found = fit(Cells.from_rows(lalonde["re78"], rows), errors="classical")

    assert found.errors[1] == pytest.approx(632.8534, abs=5e-4)


def test_lalonde_adjusted_by_lin_with_hc2(lalonde):
    cells = Cells.from_rows(lalonde["re78"], np.ones((445, 1)))

    found = adjust_by_regression(EARNINGS, lalonde["treat"], design(lalonde), cells)

    assert found.effect == pytest.approx(1621.583, abs=5e-4)
    assert found.se == pytest.approx(694.72, abs=5e-3)


def test_lin_from_moments_gives_the_regressions_effect_and_nearly_its_error(lalonde):
    by_arm = moments_by(
        {name: lalonde[name] for name in ("re78", *COVARIATES)}, lalonde["treat"].astype(int)
    )

    found = compare(by_arm[0], by_arm[1], EARNINGS, covariates=COVARIATES, adjustment="lin")

    assert found.effect == pytest.approx(1621.583, abs=5e-3)
    assert found.se == pytest.approx(694.72, rel=0.05)


@pytest.mark.parametrize(
    ("name", "covariates", "outcome"),
    [
        ("orders_per_session", (), Outcome(name="orders", per="sessions")),
        (
            "orders_per_session_cuped",
            (("orders_covariate", "sessions_covariate"),),
            Outcome(name="orders", per="sessions"),
        ),
        ("revenue", (), Outcome(name="revenue")),
        ("revenue_cuped", ("revenue_covariate",), Outcome(name="revenue")),
    ],
)
def test_ratio_metrics_and_cuped_equal_tea_tasting(users, name, covariates, outcome):
    peer = GOLDEN["tea_tasting"]["analyses"][name]

    found = compare(
        *users, outcome, covariates=covariates, adjustment="cuped" if covariates else "none"
    )

    ours = (
        found.control_mean,
        found.treated_mean,
        found.effect,
        found.low,
        found.high,
        found.relative,
        found.p_value,
    )
    names = (
        "control",
        "treatment",
        "effect_size",
        "effect_size_ci_lower",
        "effect_size_ci_upper",
        "rel_effect_size",
        "pvalue",
    )
    assert_allclose(ours, [peer[one] for one in names], rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "effect", "p_value"),
    [
        ("orders_per_session", 0.0233050, 0.0762376),
        ("orders_per_session_cuped", 0.0317343, 0.00229294),
        ("revenue", 0.4890831, 0.1230699),
        ("revenue_cuped", 0.7310144, 0.00674393),
    ],
)
def test_the_golden_analyses_are_the_published_ones(name, effect, p_value):
    peer = GOLDEN["tea_tasting"]["analyses"][name]

    assert peer["effect_size"] == pytest.approx(effect, abs=5e-8)
    assert peer["pvalue"] == pytest.approx(p_value, rel=1e-5)


def test_the_relative_effect_of_orders_per_session_is_the_published_one(users):
    # tea-tasting, make_users_data(rng=42): relative difference of orders per session.
    found = compare(*users, Outcome(name="orders", per="sessions"))

    assert found.relative == pytest.approx(0.0877033, abs=5e-8)


def test_the_score_interval_as_newcombe_prints_it():
    # Newcombe (1998), Statistics in Medicine 17, table II, method 6 (Miettinen & Nurminen).
    found = score_shares((48, 80), (56, 70), 0.95)

    assert (round(found["low"], 4), round(found["high"], 4)) == (0.0528, 0.3382)


@pytest.mark.parametrize(
    ("control", "treated"), [((12, 300), (25, 280)), ((1, 60), (6, 90)), ((410, 9000), (350, 8800))]
)
def test_the_score_test_and_interval_equal_a_search_for_the_restricted_maximum(control, treated):
    found = score_shares(control, treated, 0.95)

    test = proportion.test_proportions_2indep(*treated, *control, method="score", compare="diff")
    assert found["p_value"] == pytest.approx(test.pvalue, rel=1e-9)
    for gap in (found["low"], found["high"]):
        assert abs(searched_statistic(control, treated, gap)) == pytest.approx(1.959964, abs=1e-4)


def searched_statistic(control, treated, gap):
    """Return the score statistic with the restricted share found by numerical search."""
    (left_0, n_0), (left_1, n_1) = control, treated

    def misfit(p):
        return -(binom.logpmf(left_1, n_1, p) + binom.logpmf(left_0, n_0, p - gap))

    limits = (max(0, gap) + 1e-9, min(1, 1 + gap) - 1e-9)
    p = minimize_scalar(misfit, bounds=limits, method="bounded", options={"xatol": 1e-12}).x
    variance = p * (1 - p) / n_1 + (p - gap) * (1 - p + gap) / n_0
    total = n_0 + n_1
    return (left_1 / n_1 - left_0 / n_0 - gap) / np.sqrt(variance * total / (total - 1))


def test_the_score_interval_of_the_ratio_equals_statsmodels():
    found = score_shares((30, 900), (18, 1100), 0.95)

    low, high = confint_proportions_2indep(18, 1100, 30, 900, method="score", compare="ratio")
    assert_allclose([found["relative_low"] + 1, found["relative_high"] + 1], [low, high], rtol=1e-6)


@pytest.mark.parametrize("errors", ["classical", "HC0", "HC1", "HC2", "HC3", "cluster"])
def test_regression_from_cells_equals_statsmodels_on_rows(errors):
    rng = np.random.default_rng(5)
    tier, branch = rng.integers(0, 4, 3000), rng.integers(0, 11, 3000)
    arm = (branch % 2).astype(float)
    bill = rng.gamma(2, 50, 3000) + 5 * tier + 3 * arm
    rows = np.column_stack([np.ones(3000), arm, tier])
    keys, codes = np.unique(np.column_stack([rows, branch]), axis=0, return_inverse=True)
    cells = Cells(
        design=keys[:, :3],
        count=np.bincount(codes).astype(float),
        total=np.bincount(codes, bill),
        squares=np.bincount(codes, bill**2),
        cluster=keys[:, 3].astype(int),
    )

    found = fit(cells, errors=errors)

    kind = {"classical": "nonrobust"}.get(errors, errors)
    options = {"cov_kwds": {"groups": branch}} if errors == "cluster" else {}
    peer = sm.OLS(bill, rows).fit(cov_type=kind, **options)
    assert_allclose(found.coefficients, peer.params, rtol=1e-9)
    assert_allclose(found.errors, peer.bse, rtol=1e-9)


def test_reach_of_the_interval_is_the_normal_quantile_for_many_customers(users):
    found = compare(*users, Outcome(name="revenue"))

    assert (found.high - found.effect) / found.se == pytest.approx(norm.isf(0.025), abs=2e-3)
