"""Purchases at most once a month: BG/BB against its paper, integration and drawn customers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import roots_jacobi

from cvm.core.checks import ArgumentError, DataError
from cvm.segments.lifetime_climb import with_gradient
from cvm.segments.purchases import fit_purchases
from cvm.segments.purchases_backtest import backtest_purchases
from cvm.segments.purchases_counts import Purchases, compress
from cvm.segments.purchases_months import (
    bgbb_log_likelihood,
    chance_active_months,
    expected_months,
)

# Fader, Hardie & Shang (2010), Marketing Science 29: the 11,104 supporters of a charity who first
# gave in 1995, by gifts in the six years after (x), year of the last (tx) and how many they are.
DONORS = np.array(
    [
        (6, 6, 1203), (5, 6, 728), (4, 6, 512), (3, 6, 357), (2, 6, 234), (1, 6, 129),
        (5, 5, 335), (4, 5, 284), (3, 5, 225), (2, 5, 173), (1, 5, 119),
        (4, 4, 240), (3, 4, 181), (2, 4, 155), (1, 4, 78),
        (3, 3, 322), (2, 3, 255), (1, 3, 129), (2, 2, 613), (1, 2, 277), (1, 1, 1091), (0, 0, 3464),
    ],
    dtype=float,
)  # fmt: skip
PAPER = np.array([1.204, 0.750, 0.657, 2.783])


@pytest.fixture(scope="module")
def donors():
    x, last, many = DONORS.T
    return fit_purchases(compress(x, last, np.full(len(x), 6.0), many), model="bgbb")


def drawn(parameters, customers, months, rng):
    """Draw customers month by month, as the model says: leave first, buy then.

    Returns buying [customers, months], 1 in a month with a purchase, and months survived.
    """
    alpha, beta, gamma, delta = parameters
    chance, leaving = rng.beta(alpha, beta, customers), rng.beta(gamma, delta, customers)
    survived = rng.geometric(np.maximum(leaving, 1e-12)) - 1
    bought = rng.random((customers, months)) < chance[:, None]
    return bought & (np.arange(months) < survived[:, None]), survived


def beta_rule(a, b):
    """Return nodes in (0, 1) and weights of a mean over a beta(a, b)."""
    nodes, weights = roots_jacobi(30, b - 1, a - 1)
    return (nodes + 1) / 2, weights / weights.sum()


def seen(bought):
    """Return x, tx, T of customers whose first purchase came just before the first month."""
    months = bought.shape[1]
    last = np.where(bought.any(1), months - np.argmax(bought[:, ::-1], axis=1), 0)
    return bought.sum(1), last, np.full(len(bought), months)


def test_the_papers_supporters_give_its_estimates(donors):
    assert donors.purchases.total == 11_104
    assert donors.parameters == pytest.approx(PAPER, abs=5e-4)
    assert donors.log_likelihood == pytest.approx(-33_225.6, abs=0.05)


def test_the_papers_expected_gifts_of_the_next_five_years(donors):
    # Its table of 2002 to 2006: who gave every year 3.75, who never gave again 0.07.
    found = donors.expected([6, 0], [6, 0], [6, 6], 5)
    assert found == pytest.approx([3.75, 0.07], abs=5e-3)


def test_the_gradient_is_that_of_the_likelihood(donors):
    at = np.log([0.7, 1.4, 0.4, 3.0])

    def value(point):
        return bgbb_log_likelihood(point, donors.purchases)[0]

    assert bgbb_log_likelihood(at, donors.purchases)[1] == pytest.approx(
        with_gradient(value, at)[1], rel=1e-6
    )


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 5), st.integers(0, 4), st.integers(0, 4))
def test_the_likelihood_is_the_integral_over_both_chances(x, silent_before, silent_after):
    last = x + silent_before if x else 0
    end = last + silent_after
    alpha, beta, gamma, delta = parameters = np.array([1.6, 1.3, 1.2, 3.1])

    # Given both chances the likelihood is a polynomial, which Gauss's rule integrates exactly.
    chance, of_chance = beta_rule(alpha, beta)
    leaving, of_leaving = (one[:, None] for one in beta_rule(gamma, delta))
    found = chance**x * (1 - chance) ** (end - x) * (1 - leaving) ** end
    for month in range(last, end):
        survived = (1 - leaving) ** month * leaving
        found = found + chance**x * (1 - chance) ** (month - x) * survived
    integral = (found * of_chance * of_leaving).sum()
    x_, last_, end_, many = (np.array([float(value)]) for value in (x, last, end, 1))
    one = Purchases(repeats=x_, last_at=last_, observed=end_, customers=many)
    assert bgbb_log_likelihood(np.log(parameters), one)[0] == pytest.approx(
        np.log(integral), abs=1e-9
    )


def test_drawn_customers_are_active_and_buy_as_often_as_foretold():
    parameters = np.array([2.0, 0.6, 0.8, 12.0])
    bought, survived = drawn(parameters, 400_000, 24, np.random.default_rng(1))
    x, last, _ = seen(bought[:, :12])
    frame = pd.DataFrame({"x": x, "last": last, "later": bought[:, 12:].sum(1)})
    frame["active"] = survived >= 12
    found = frame.groupby(["x", "last"]).agg(["mean", "size"])
    found = found[found["later"]["size"] > 2_000]
    assert len(found) > 12
    keys = found.index.to_frame().to_numpy(float).T
    chance = chance_active_months(parameters, *keys, 12.0)
    expected = expected_months(parameters, *keys, 12.0, 12)
    many = found["later"]["size"].to_numpy()
    # Five standard errors; a customer's later purchases lie within 0 and 12.
    assert (abs(chance - found["active"]["mean"]) < 5 * 0.5 / np.sqrt(many)).all()
    assert (abs(expected - found["later"]["mean"]) < 5 * 6 / np.sqrt(many)).all()


def test_planted_parameters_come_back_within_their_errors():
    truth = np.array([3.0, 0.3, 0.7, 14.0])
    bought, _ = drawn(truth, 60_000, 30, np.random.default_rng(5))
    fit = fit_purchases(compress(*seen(bought)), model="bgbb")
    assert (abs(np.log(fit.parameters / truth)) < 4 * np.sqrt(np.diag(fit.covariance))).all()
    assert fit.leaving_told


def test_who_buys_every_month_is_foretold_better_than_by_a_model_of_any_time():
    bought, _ = drawn((9.0, 0.4, 0.8, 20.0), 20_000, 24, np.random.default_rng(8))
    x, last, end = seen(bought[:, :12])
    came = bought[:, 12:].sum(1)
    each = pd.DataFrame({"repeats": x, "last_at": last, "observed": end, "came": came})
    frame = each.value_counts().rename("customers").reset_index()
    missed = {}
    for model in ("bgbb", "bgnbd"):
        fit = fit_purchases(compress(x, last, end), model=model)
        test = backtest_purchases(fit, frame, frame["came"], ahead=12)
        missed[model] = test.rows["expected_purchases"].sum() / came.sum() - 1
    assert abs(missed["bgbb"]) < 0.01
    assert missed["bgnbd"] > 0.03


def test_long_panels_do_not_underflow():
    x, last, end = np.array([0, 150, 300]), np.array([0, 299, 300]), np.array([300, 300, 300])
    fit = fit_purchases(compress(x, last, end, [40, 30, 30]), model="bgbb")
    assert np.isfinite(fit.log_likelihood)
    assert (fit.chance_active() >= 0).all()


def test_what_is_no_month_is_refused():
    with pytest.raises(DataError, match="whole months"):
        fit_purchases(compress([1, 0], [1.5, 0], [4, 4]), model="bgbb")
    with pytest.raises(DataError, match="at most one a month"):
        fit_purchases(compress([5, 0], [3, 0], [4, 4]), model="bgbb")
    with pytest.raises(ArgumentError, match="model"):
        fit_purchases(compress([1, 0], [1, 0], [4, 4]), model="bgbd")
    with pytest.raises(ArgumentError, match="whole months"):
        expected_months(PAPER, 1, 1, 6, 2.5)


def test_nobody_who_bought_again_cannot_be_told():
    fit = fit_purchases(compress([0, 0], [0, 0], [5, 6]), model="bgbb")
    assert fit.reason == "no_repeat"
    assert np.isnan(fit.expected([0], [0], [5], 3)).all()
    assert np.isnan(fit.active([0], [0], [5])).all()
    assert np.isnan(fit.pareto_check())


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_it_says_how_many_are_active(donors, lang):
    assert "5,082" in donors.text(lang)  # 46 % of 11,104
