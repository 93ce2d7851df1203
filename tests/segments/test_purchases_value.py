"""Prepaid totals with intervals, and rows that stand for several customers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError, DataError
from cvm.segments.purchases import fit_purchases
from cvm.segments.purchases_backtest import backtest_purchases
from cvm.segments.purchases_counts import compress
from cvm.segments.purchases_spend import fit_spend
from cvm.segments.purchases_value import sum_prepaid, value_prepaid


@pytest.fixture(scope="module")
def customers():
    """Groups of prepaid customers who share x, tx and T, drawn as BG/NBD says."""
    rng = np.random.default_rng(11)
    size = 1_500
    observed = rng.integers(6, 24, size).astype(float)
    x, last = np.zeros(size), np.zeros(size)
    for at, (rate, leave) in enumerate(
        zip(rng.gamma(1.5, 0.3, size), rng.beta(0.8, 3.0, size), strict=True)
    ):
        now, here = np.ceil(rng.exponential(1 / rate)), True
        while here and now <= observed[at]:
            x[at], last[at] = x[at] + 1, now
            here, now = rng.random() >= leave, now + np.ceil(rng.exponential(1 / rate))
    return pd.DataFrame(
        {
            "repeats": x,
            "last_at": last,
            "observed": observed,
            "mean_yuan": np.where(
                x > 0, rng.gamma(9, 1.0, size) * rng.gamma(12, 1.0, size), np.nan
            ),
            "customers": rng.integers(1, 4, size),
        }
    )


@pytest.fixture(scope="module")
def fits(customers):
    keys = ["repeats", "last_at", "observed", "customers"]
    fit = fit_purchases(compress(*(customers[key] for key in keys)))
    spend = fit_spend(customers["repeats"], customers["mean_yuan"], customers["customers"])
    return fit, spend


def repeated(frame):
    return frame.loc[frame.index.repeat(frame["customers"])].drop(columns="customers")


def total(customers, fits, **changes):
    options = {"units_ahead": 6, "margin_share": 0.4, "discount_rate": 0.008} | changes
    return sum_prepaid(*fits, customers, **options)


def test_weights_stand_for_repeated_rows(customers, fits):
    each = repeated(customers)
    spend = fit_spend(each["repeats"], each["mean_yuan"])
    came = np.arange(len(customers)) % 5
    mine = backtest_purchases(fits[0], customers, came, ahead=6)
    theirs = backtest_purchases(
        fits[0], each, came.repeat(customers["customers"].to_numpy()), ahead=6
    )

    for name in ("p", "q", "gamma", "log_likelihood", "customers", "correlation"):
        assert getattr(fits[1], name) == pytest.approx(getattr(spend, name), rel=1e-6), name
    np.testing.assert_allclose(fits[1].covariance, spend.covariance, rtol=1e-4)
    pd.testing.assert_frame_equal(mine.rows, theirs.rows, check_dtype=False)
    assert mine.mean_absolute_error == pytest.approx(theirs.mean_absolute_error)
    assert mine.naive_mean_absolute_error == pytest.approx(theirs.naive_mean_absolute_error)


def test_totals_are_sums_over_single_customers(customers, fits):
    found = total(customers, fits)
    each = value_prepaid(
        *fits, repeated(customers), units_ahead=6, margin_share=0.4, discount_rate=0.008
    )

    assert found.totals["customers"] == len(each)
    assert found.totals["value_yuan"] == pytest.approx(each["value_yuan"].sum())
    assert found.totals["active_customers"] == pytest.approx(each["active_chance"].sum())
    groups = found.groups
    assert groups["customers"].sum() == len(each)
    assert groups["value_yuan"].sum() == pytest.approx(found.totals["value_yuan"])
    silent = (each["observed"] - each["last_at"]).clip(upper=6)
    assert groups["customers"].tolist() == silent.value_counts().sort_index().tolist()
    assert f"{len(each):,} prepaid customers" in found.text("en")
    assert f"{len(each):,}名预付费客户" in found.text("zh")


def test_intervals_are_those_of_drawn_parameters(customers, fits):
    """The delta method beside draws from the parameters' own normal law, a twentieth as wide."""
    fit, spend = fits
    assert np.isfinite(fit.covariance).all()
    assert np.isfinite(spend.covariance).all()
    found = total(customers, fits).summary().set_index("total")
    rng = np.random.default_rng(3)
    narrow = 20.0
    logs = rng.multivariate_normal(np.log(fit.parameters), fit.covariance / narrow**2, 400)
    best = np.log([spend.p, spend.q, spend.gamma])
    spends = rng.multivariate_normal(best, spend.covariance / narrow**2, 400)
    drawn = []
    for purchase, (p, q, gamma) in zip(np.exp(logs), np.exp(spends), strict=True):
        rows = value_prepaid(
            replace(fit, parameters=purchase),
            replace(spend, p=p, q=q, gamma=gamma),
            customers,
            units_ahead=6,
            margin_share=0.4,
            discount_rate=0.008,
        )
        drawn.append(customers["customers"] @ rows["value_yuan"])
    reach = found.loc["value_yuan", "high"] - found.loc["value_yuan", "estimate"]

    assert narrow * np.std(drawn) * 1.6448536 == pytest.approx(reach, rel=0.1)


def test_a_negative_margin_turns_the_interval_with_it(customers, fits):
    found = total(customers, fits, margin_share=-0.4).totals

    assert found["value_yuan_low"] < found["value_yuan"] < found["value_yuan_high"] < 0


def test_what_cannot_be_told_or_counted_is_named(customers, fits):
    nobody = fit_purchases(compress([0, 0], [0, 0], [5, 6]))
    with pytest.raises(DataError, match="no_repeat"):
        total(customers, (nobody, fits[1]))
    with pytest.raises(ArgumentError, match="spend.q"):
        total(customers, (fits[0], replace(fits[1], q=0.9)))
    with pytest.raises(DataError, match="above 0 in every row"):
        total(customers.assign(customers=0), fits)
    with pytest.raises(DataError, match="purchases.customers == 0"):
        fit_spend([1.0] * 12, np.arange(1.0, 13), [0.0] + [1.0] * 11)
