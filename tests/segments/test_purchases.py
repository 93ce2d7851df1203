"""Prepaid purchases: CDNOW as published, likelihoods by integration, and what cannot be told."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.optimize import approx_fprime
from scipy.special import gammaln
from scipy.stats import beta as beta_law
from scipy.stats import gamma as gamma_law

import cvm.segments.purchases as purchases_module
import cvm.segments.purchases_spend as spend_module
from cvm.core.checks import DataError, MissingDataError
from cvm.segments.lifetime_climb import with_gradient
from cvm.segments.purchases import fit_purchases
from cvm.segments.purchases_backtest import backtest_purchases
from cvm.segments.purchases_counts import compress, summarise_purchases
from cvm.segments.purchases_expect import chance_active, expected_purchases
from cvm.segments.purchases_models import (
    bgnbd_log_likelihood,
    fit_pareto,
    fold,
    pareto_log_likelihood,
)
from cvm.segments.purchases_spend import fit_spend
from cvm.segments.purchases_value import value_prepaid

CDNOW = Path(__file__).parents[2].parent / "shared" / "data" / "cdnow_sample.txt"
BGNBD = np.array([0.242595, 4.413602, 0.792922, 2.425907])
END = date(1997, 9, 30)


def plain_log_likelihood(parameters, x, last, end):
    """BG/NBD customer by customer, as printed by Fader, Hardie & Lee (2005), eq. 6."""
    r, alpha, a, b = parameters
    first = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    second = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    stayed = -(r + x) * np.log(alpha + end)
    gone = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + last)
    both = np.logaddexp(stayed, np.where(x > 0, gone, -np.inf))
    return float(np.sum(first + second + both))


@pytest.fixture(scope="module")
def cdnow():
    if not CDNOW.is_file():
        pytest.skip("shared/data/cdnow_sample.txt is not beside the checkout")
    frame = pd.read_csv(
        CDNOW,
        sep=r"\s+",
        header=None,
        names=["whole", "customer_id", "date", "units", "yuan"],
        dtype={"date": str},
    )
    return frame.assign(date=pd.to_datetime(frame["date"], format="%Y%m%d"))


@pytest.fixture(scope="module")
def customers(cdnow):
    return summarise_purchases(cdnow, end=END)


@pytest.fixture(scope="module")
def fit(customers):
    return fit_purchases(compress(*(customers[c] for c in ("repeats", "last_at", "observed"))))


@pytest.fixture(scope="module")
def spend(customers):
    return fit_spend(customers["repeats"], customers["mean_yuan"])


def made(size, rng, *, days=False):
    """Draw customers who buy and leave as BG/NBD says."""
    end = rng.uniform(20, 40, size)
    end = np.rint(end * 7) / 7 if days else np.rint(end)
    x, last = np.zeros(size), np.zeros(size)
    rate, leave = rng.gamma(0.8, 1 / 6, size), rng.beta(0.8, 2.4, size)
    now, here = np.zeros(size), np.ones(size, bool)
    while here.any():
        who = np.flatnonzero(here)
        step = rng.exponential(1 / rate[who])
        step = np.ceil(step * 7) / 7 if days else np.ceil(step)
        buys = now[who] + step <= end[who]
        here[who[~buys]] = False
        who, step = who[buys], step[buys]
        now[who] += step
        x[who] += 1
        last[who] = now[who]
        here[who[rng.random(len(who)) < leave[who]]] = False
    return x, last, end


def test_cdnow_is_the_published_sample(customers):
    assert len(customers) == 2357
    assert customers["repeats"].sum() == 2457
    assert (customers["repeats"] > 0).sum() == 946


def test_bgnbd_as_published(fit):
    np.testing.assert_allclose(fit.parameters, BGNBD, rtol=1e-5)
    assert fit.log_likelihood == pytest.approx(-9582.4292, abs=5e-5)
    assert expected_purchases(fit.parameters, 2, 30.43, 38.86, 39) == pytest.approx(1.226, abs=5e-4)
    assert fit.leaving_told
    assert np.all(fit.errors > 0)


def test_pareto_nbd_as_published(fit):
    """Fader & Hardie's CDNOW figures, to the digits they give.

    Their beta, 11.668745, lies nine millionths beside the maximum: the likelihood there is lower
    and still slopes, while at ours it does not.
    """
    published = np.array([0.553277, 10.577683, 0.606240, 11.668745])
    parameters, value = fit_pareto(fit.purchases)

    np.testing.assert_allclose(parameters[:3], published[:3], rtol=0, atol=5e-7)
    assert parameters[3] == pytest.approx(published[3], rel=1e-6)
    assert value == pytest.approx(-9594.9762, abs=5e-5)
    assert value > pareto_log_likelihood(np.log(published), fit.purchases)
    assert fit.pareto_check() == pytest.approx(value)

    def slope(at):
        return with_gradient(lambda p: pareto_log_likelihood(p, fit.purchases), np.log(at))[1]

    assert np.abs(slope(parameters)).max() < 1e-6 < 5e-5 < np.abs(slope(published)).max()


def test_five_point_gradients_are_those_of_a_known_function():
    value, gradient = with_gradient(lambda p: float(np.exp(p[0]) * np.sin(p[1])), np.array([1, 2]))

    assert value == np.e * np.sin(2)
    np.testing.assert_allclose(gradient, [np.e * np.sin(2), np.e * np.cos(2)], rtol=1e-8)


def test_gamma_gamma_as_published(spend):
    assert spend.customers == 946
    found = [spend.p, spend.q, spend.gamma]
    np.testing.assert_allclose(found, [6.24957, 3.74422, 15.44352], rtol=1e-5)
    assert "all but unrelated" in spend.text("en")
    assert "有复购的客户" in spend.text("zh")


def test_the_held_out_year_beside_the_naive_forecast(cdnow, customers, fit):
    later = cdnow[cdnow["date"].between("1997-10-01", "1998-06-30")]
    came = later.groupby("customer_id")["date"].nunique()
    test = backtest_purchases(
        fit, customers, came.reindex(customers["customer_id"]).fillna(0), ahead=39
    )

    assert test.rows["actual_purchases"].sum() == came.reindex(customers["customer_id"]).sum()
    assert test.rows["customers"].sum() == 2357
    assert test.mean_absolute_error < test.naive_mean_absolute_error
    assert "naive forecast" in test.text("en")
    assert "朴素预测" in test.text("zh")


def test_value_of_prepaid_customers(customers, fit, spend):
    found = value_prepaid(fit, spend, customers, units_ahead=4, margin_share=0.3, discount_rate=0.0)
    expected = expected_purchases(
        fit.parameters, *(customers[c] for c in ("repeats", "last_at", "observed")), 4
    )
    each = spend.expected_yuan(customers["repeats"], customers["mean_yuan"])

    np.testing.assert_allclose(found["value_yuan"], 0.3 * expected * each)
    once = found["repeats"] == 0
    assert found.loc[once, "yuan_per_purchase"].unique() == pytest.approx([spend.mean_yuan])
    less = value_prepaid(fit, spend, customers, units_ahead=4, margin_share=0.3, discount_rate=0.1)
    assert (less["value_yuan"] < found["value_yuan"]).all()


def test_the_folded_likelihood_is_the_customers_own_and_its_gradient_exact():
    x, last, end = made(3_000, np.random.default_rng(4))
    data = fold(compress(x, last, end))
    for at in (np.log([0.3, 4.0, 0.8, 2.5]), np.log([2.0, 30.0, 5.0, 1.1])):
        value, gradient = bgnbd_log_likelihood(at, data)
        assert value == pytest.approx(plain_log_likelihood(np.exp(at), x, last, end), rel=1e-12)
        numeric = approx_fprime(at, lambda p: bgnbd_log_likelihood(p, data)[0], 1e-7)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-2)


def test_bgnbd_integrates_over_customers():
    r, alpha, a, b = 0.9, 5.0, 1.4, 3.0
    x, last, end = 3, 12.0, 20.0

    nodes, weights = np.polynomial.legendre.leggauss(200)
    chance, rate = (nodes[:, None] + 1) / 2, 3 * (nodes + 1)
    stayed = (1 - chance) ** x * rate**x * np.exp(-rate * end)
    gone = chance * (1 - chance) ** (x - 1) * rate**x * np.exp(-rate * last)
    law = gamma_law.pdf(rate, r, scale=1 / alpha) * beta_law.pdf(chance, a, b)
    direct = (weights[:, None] / 2 * 3 * weights * (stayed + gone) * law).sum()
    value, _ = bgnbd_log_likelihood(np.log([r, alpha, a, b]), fold(compress([x], [last], [end])))
    assert value == pytest.approx(np.log(direct), abs=1e-6)


@pytest.mark.parametrize(("alpha", "beta"), [(10.6, 11.7), (12.0, 3.0)])
def test_pareto_nbd_integrates_over_leaving(alpha, beta):
    r, s, x, last, end = 0.55, 0.6, 4, 15.0, 30.0

    def gone(time):
        return (
            np.exp(gammaln(r + x) - gammaln(r))
            * alpha**r
            / (alpha + time) ** (r + x)
            * s
            * beta**s
            / (beta + time) ** (s + 1)
        )

    def rest(time):
        return (
            np.exp(gammaln(r + x) - gammaln(r))
            * alpha**r
            / (alpha + time) ** (r + x)
            * (beta / (beta + time)) ** s
        )

    direct = quad(gone, last, end)[0] + rest(end)
    found = pareto_log_likelihood(np.log([r, alpha, s, beta]), compress([x], [last], [end]))
    assert found == pytest.approx(np.log(direct), abs=1e-8)


@pytest.mark.parametrize("a", [0.5, 1.0, 2.5])
def test_expected_purchases_are_those_of_drawn_customers(a):
    """Simulated futures of customers with x = 2, tx = 8, T = 10, weighted by their posterior."""
    r, alpha, b, size = 1.2, 6.0, 2.0, 200_000
    rng = np.random.default_rng(9)
    rate, chance = rng.gamma(r + 2, 1 / (alpha + 10), size), rng.beta(a, b + 2, size)
    futures = (1 - (1 - chance) ** rng.poisson(rate * 15)) / chance
    active = chance_active([r, alpha, a, b], 2, 8, 10)
    found = expected_purchases([r, alpha, a, b], 2, 8, 10, 15)

    spread = futures.std() / np.sqrt(size)
    assert found / active == pytest.approx(futures.mean(), abs=4.5 * spread)


def test_customers_of_very_many_purchases_have_finite_figures():
    x = np.array([0.0, 60, 300, 3_000])
    last = np.where(x > 0, 364.0, 0.0)
    found = expected_purchases([0.6, 42, 0.8, 2.4], x, last, 365.0, 365.0)

    assert np.all(np.isfinite(found))
    assert np.all(np.diff(found) > 0)
    assert np.isfinite(
        pareto_log_likelihood(np.log([0.55, 4.0, 0.6, 30.0]), compress(x, last, np.full(4, 365.0)))
    )


@pytest.mark.parametrize("days", [False, True])
def test_very_many_distinct_customers_reach_the_same_maximum(days, monkeypatch):
    data = compress(*made(20_000, np.random.default_rng(2), days=days))
    exact = fit_purchases(data)
    monkeypatch.setattr(purchases_module, "_COARSE_FROM", 100)
    quick = fit_purchases(data)

    np.testing.assert_allclose(quick.parameters, exact.parameters, rtol=1e-4)
    assert quick.log_likelihood == pytest.approx(exact.log_likelihood, abs=1e-4)
    np.testing.assert_allclose(quick.errors, exact.errors, rtol=0.03)


def test_planted_behaviour_is_recovered():
    fit = fit_purchases(compress(*made(60_000, np.random.default_rng(7), days=True)))

    # Days, not instants: a purchase is up to a day late, hence the tolerance beside four errors.
    gap = np.abs(fit.parameters - [0.8, 6.0, 0.8, 2.4])
    assert np.all(gap < 4 * fit.errors + [0.02, 0.2, 0.05, 0.1])


def test_counting_is_the_same_by_places_and_by_sorting():
    x, last, end = made(5_000, np.random.default_rng(3))
    placed = compress(x, last, end)
    uneven = compress(x, last * np.pi, end * np.pi)
    groups = compress(placed.repeats, placed.last_at, placed.observed, placed.customers)

    assert placed.total == uneven.total == 5_000
    np.testing.assert_allclose(uneven.customers, placed.customers)
    np.testing.assert_allclose(uneven.last_at / np.pi, placed.last_at)
    np.testing.assert_array_equal(groups.customers, placed.customers)
    assert (placed.repeats * placed.customers).sum() == x.sum()


def test_purchases_of_one_day_count_once():
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "a", "a", "b", "c"],
            "date": [
                "2024-01-01",
                "2024-01-15 09:00",
                "2024-01-15 18:00",
                "2024-01-29",
                "2024-03-01",
            ],
            "yuan": [10.0, 20, 30, 5, 9],
        }
    )
    frame["date"] = pd.to_datetime(frame["date"], format="mixed")
    found = summarise_purchases(frame, end=date(2024, 1, 29)).set_index("customer_id")

    assert found.loc["a", ["repeats", "last_at", "observed", "mean_yuan"]].tolist() == [1, 2, 4, 50]
    assert found.loc["b", ["repeats", "observed"]].tolist() == [0, 0]
    assert "c" not in found.index


@pytest.mark.parametrize(
    ("x", "last", "end", "reason", "en", "zh"),
    [
        ([0, 0], [0, 0], [5, 6], "no_repeat", "Nobody has a repeat purchase", "复购"),
        ([0], [0], [0], "no_time", "No time has passed", "观察时间"),
    ],
)
def test_what_cannot_be_told_is_said(x, last, end, reason, en, zh):
    fit = fit_purchases(compress(x, last, end))

    assert fit.reason == reason
    assert en in fit.text("en")
    assert zh in fit.text("zh")
    assert np.isnan(fit.expected_purchases(3)).all()
    assert fit.by_repeats(3)["customers"].sum() == len(x)
    assert fit.summary()["estimate"].isna().all()


def test_one_customer_and_customers_who_never_leave():
    one = fit_purchases(compress([3], [9], [10]))
    steady = fit_purchases(compress([10] * 50, [10] * 50, [10] * 50))

    assert np.isfinite(one.log_likelihood)
    assert np.isfinite(steady.log_likelihood)
    assert not steady.leaving_told
    assert "how customers leave cannot be told" in steady.text("en")


@pytest.mark.parametrize(
    ("x", "last", "end", "message"),
    [
        ([-1], [0], [5], "repeats == -1"),
        ([1.5], [2], [5], "a whole number"),
        ([1], [6], [5], "at most the time observed"),
        ([1], [0], [5], "0 exactly for customers without repeat"),
        ([0], [2], [5], "0 exactly for customers without repeat"),
        ([1], [np.nan], [5], "last_at == nan"),
        ([1, 2], [1], [5, 5], "long"),
        ([], [], [], "no customers"),
    ],
)
def test_bad_counts_are_named(x, last, end, message):
    with pytest.raises(DataError, match=message):
        compress(x, last, end)


@pytest.mark.parametrize(
    ("x", "mean", "message"),
    [
        ([1] * 12, [-5.0] + [3.0] * 11, "1 of 12 missing, zero or negative"),
        ([1] * 12, [np.nan] * 12, "12 of 12"),
        ([1, 0], [3.0, np.nan], "1 customers with repeat purchases"),
        ([1] * 12, [3.0] * 12, "different between customers"),
    ],
)
def test_bad_spend_is_named(x, mean, message):
    with pytest.raises(DataError, match=message):
        fit_spend(x, mean)


def test_spend_integrates_over_customers():
    p, q, gamma = 3.0, 4.0, 20.0

    def seen(mean, n):
        inner = quad(
            lambda v: (
                gamma_law.pdf(mean, p * n, scale=1 / (v * n)) * gamma_law.pdf(v, q, scale=1 / gamma)
            ),
            0,
            2,
        )
        return np.log(inner[0])

    x, mean = np.array([1.0, 2, 6]), np.array([12.0, 30, 18])
    value, gradient = spend_module._log_likelihood(
        np.log([p, q, gamma]), x, mean, np.log(mean), np.ones(3)
    )
    assert value == pytest.approx(sum(map(seen, mean, x)), abs=1e-6)
    numeric = approx_fprime(
        np.log([p, q, gamma]),
        lambda at: spend_module._log_likelihood(at, x, mean, np.log(mean), np.ones(3))[0],
        1e-7,
    )
    np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-5)


def test_planted_spend_is_recovered():
    rng = np.random.default_rng(5)
    x = rng.integers(1, 6, 8_000)
    spend = fit_spend(x, rng.gamma(3.0 * x, 1 / rng.gamma(4.0, 1 / 20.0, 8_000)) / x)

    gap = np.abs(np.array([spend.p, spend.q, spend.gamma]) - [3, 4, 20])
    assert np.all(gap < 4 * np.array(spend.errors))
    assert spend.mean_yuan == pytest.approx(3 * 20 / 3, rel=0.03)


def test_a_missing_column_or_date_is_named():
    frame = pd.DataFrame({"customer_id": ["a"], "date": [pd.NaT], "yuan": [1.0]})
    with pytest.raises(DataError, match="purchases.date == '1 missing'"):
        summarise_purchases(frame, end=END)
    with pytest.raises(MissingDataError, match="yuan"):
        summarise_purchases(frame.drop(columns="yuan"), end=END)
