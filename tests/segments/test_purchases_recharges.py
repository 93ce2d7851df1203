"""MBG/NBD for recharges, and intervals of what was foretold: peers, draws, planted truth."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.optimize import approx_fprime

from cvm.core.checks import ArgumentError, DataError
from cvm.data import collect
from cvm.data.reduce_recharges import months_ahead, reduce_recharge_spend, reduce_recharges
from cvm.data.sample import make_sample
from cvm.segments.purchases import fit_purchases, fit_recharges
from cvm.segments.purchases_backtest import backtest_purchases
from cvm.segments.purchases_counts import Purchases, compress, summarise_purchases
from cvm.segments.purchases_expect import chance_active
from cvm.segments.purchases_models import bgnbd_log_likelihood, fold
from cvm.segments.purchases_months import expected_months
from cvm.segments.purchases_spend import fit_spend
from cvm.segments.purchases_spread import months_variance, purchases_variance

CDNOW = Path(__file__).parents[2].parent / "shared" / "data" / "cdnow_sample.txt"
# As printed for MBG/NBD on the CDNOW sample by the R package BTYDplus and by lifetimes.
PUBLISHED = (0.525, 6.183, 0.891, 1.614)


def drawn(customers, rng, *, at=(1.5, 1.2, 0.8, 12.0), observed=20.0, ahead=6.0):
    """Draw customers as MBG/NBD says; returns x, tx, T, whether active, purchases ahead."""
    r, alpha, a, b = at
    rate, leave = rng.gamma(r, 1 / alpha, customers), rng.beta(a, b, customers)
    end = rng.uniform(observed / 2, observed, customers)
    stays = rng.geometric(leave) - 1  # purchases survived, the first included
    most = int(rng.poisson(rate.max() * (observed + ahead)) + 60)
    gaps = rng.exponential(1 / rate[:, None], (customers, most))
    when = np.cumsum(gaps, axis=1)
    happens = np.arange(1, most + 1) <= stays[:, None]
    seen = happens & (when <= end[:, None])
    x = seen.sum(1)
    last = np.where(x > 0, np.where(seen, when, 0).max(1), 0.0)
    active = stays > x
    later = (happens & (when > end[:, None]) & (when <= end[:, None] + ahead)).sum(1)
    return x.astype(float), last, end, active, later


def test_mbgnbd_as_published():
    if not CDNOW.is_file():
        pytest.skip("shared/data/cdnow_sample.txt is not beside the checkout")
    names = ["whole", "customer_id", "date", "units", "yuan"]
    rows = pd.read_csv(CDNOW, sep=r"\s+", header=None, names=names, dtype={"date": str})
    rows["date"] = pd.to_datetime(rows["date"], format="%Y%m%d")
    each = summarise_purchases(rows, end=date(1997, 9, 30))
    fit = fit_purchases(
        compress(each["repeats"], each["last_at"], each["observed"]), model="mbgnbd"
    )
    assert fit.parameters == pytest.approx(PUBLISHED, abs=6e-4)


def test_mbgnbd_as_lifetimes_has_it():
    x, last, end, _, _ = drawn(800, np.random.default_rng(5))
    fit = fit_purchases(compress(x, last, end), model="mbgnbd")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an option that pandas no longer has
        lifetimes = pytest.importorskip("lifetimes")
    peer = lifetimes.ModifiedBetaGeoFitter()
    peer.fit(x, last, end)
    theirs = peer.params_[["r", "alpha", "a", "b"]].to_numpy()

    data = fold(fit.purchases, first=1)
    at_theirs = bgnbd_log_likelihood(np.log(theirs), data)[0]
    assert fit.log_likelihood == pytest.approx(at_theirs, rel=1e-10)
    assert fit.parameters == pytest.approx(theirs, rel=1e-4)
    np.testing.assert_allclose(
        chance_active(theirs, x, last, end, first=1),
        peer.conditional_probability_alive(x, last, end),
        rtol=1e-9,
    )


def test_the_gradient_is_exact():
    x, last, end, _, _ = drawn(300, np.random.default_rng(6))
    data = fold(compress(x, last, end), first=1)
    for at in (np.log([0.9, 1.0, 0.8, 9.0]), np.log([2.0, 3.0, 5.0, 1.1])):
        numeric = approx_fprime(at, lambda p: bgnbd_log_likelihood(p, data)[0], 1e-7)
        np.testing.assert_allclose(bgnbd_log_likelihood(at, data)[1], numeric, rtol=1e-4, atol=1e-2)


def test_activity_mean_and_variance_are_those_of_drawn_customers():
    """Grouped by what the model says, thirty thousand drawn customers do what it says."""
    at = (1.5, 1.2, 0.8, 6.0)
    x, last, end, active, later = drawn(30_000, np.random.default_rng(8), at=at)
    fit = fit_purchases(compress(x[:500], last[:500], end[:500]), model="mbgnbd")
    true = Purchases(repeats=x, last_at=last, observed=end, customers=np.ones(len(x)))
    known = replace(fit, parameters=np.array(at), purchases=true)
    chance = known.chance_active()
    assert active.mean() == pytest.approx(chance.mean(), abs=0.01)
    mean = known.expected(x, last, end, 6.0)
    spread = known.variance(x, last, end, 6.0)
    for group in (x == 0, (x > 0) & (chance < 0.5), (x >= 10) & (chance > 0.9)):
        size = group.sum()
        assert size > 300
        assert active[group].mean() == pytest.approx(chance[group].mean(), abs=3 / size**0.5)
        error = np.sqrt(spread[group].sum()) / size
        assert abs(later[group].mean() - mean[group].mean()) < 4 * error
        squares = (later - mean)[group] ** 2
        away = squares.mean() - spread[group].mean()
        assert abs(away) < 4 * squares.std() / size**0.5


def test_without_differences_and_leaving_the_spread_is_poissons():
    x, last, end = np.array([0.0, 3, 40]), np.array([0.0, 9, 19]), np.array([20.0, 20, 20])
    tiny = np.array([1e4, 1e4, 1e-9, 1e4])  # one rate for all, nobody leaves
    found = purchases_variance(tiny, x, last, end, 6.0)
    assert found == pytest.approx([6.0] * 3, rel=1e-2)
    assert purchases_variance(tiny, x, last, end, 0.0) == pytest.approx([0.0] * 3)


def test_the_spread_of_months_is_that_of_drawn_coins():
    alpha, beta, gamma, delta = at = np.array([2.0, 1.0, 0.7, 9.0])
    rng = np.random.default_rng(4)
    x, seen, months = 5.0, 6, 8
    buys = rng.beta(alpha + x, beta + seen - x, 200_000)
    leaves = rng.beta(gamma, delta + seen, 200_000)
    there = np.arange(months) < rng.geometric(leaves)[:, None] - 1
    came = (there & (rng.random(there.shape) < buys[:, None])).sum(1)

    # Bought in the last month, so there is nobody who left.
    assert expected_months(at, x, 6.0, 6.0, months)[0] == pytest.approx(came.mean(), rel=0.01)
    assert months_variance(at, x, 6.0, 6.0, months)[0] == pytest.approx(came.var(), rel=0.01)


@pytest.mark.calibration
def test_the_interval_holds_what_comes_as_often_as_said():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(500):
        x, last, end, _, later = drawn(150, rng, observed=12.0, ahead=4.0)
        fit = fit_purchases(compress(x, last, end), model="mbgnbd", confidence=0.95)
        frame = pd.DataFrame({"repeats": x, "last_at": last, "observed": end})
        test = backtest_purchases(fit, frame, later, ahead=4.0)
        held += test.low <= later.sum() <= test.high
    assert 0.93 <= held / 500 <= 0.97


@pytest.fixture(scope="module")
def operator(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recharged") / "sample"
    make_sample(folder, customers=10_000, seed=31)
    tables = {
        name: ibis.memtable(pq.read_table(folder / "tables" / name))
        for name in ("recharges", "customers")
    }
    planted = pq.read_table(folder / "planted" / "recharges").to_pandas()
    bills = pq.read_table(
        folder / "tables" / "months", columns=["customer_id", "month", "bill_yuan"]
    )
    return tables, planted, bills.to_pandas()


CUT, UNTIL = date(2024, 11, 1), date(2025, 11, 30)


@pytest.fixture(scope="module")
def held_out(operator):
    found = collect(reduce_recharges(**operator[0], month=CUT, ahead_months=12))
    keys = ("repeats", "last_at", "observed", "customers")
    fit = fit_recharges(compress(*(found[key] for key in keys)))
    test = backtest_purchases(
        fit, found, found["later"], ahead=months_ahead(CUT, UNTIL), most=60, step=10
    )
    return found, fit, test


@pytest.fixture(scope="module")
def known(operator):
    """What is planted about those who had recharged by the cut."""
    tables, planted, _ = operator
    rows = collect(tables["recharges"].select("customer_id", "recharged_on"))
    by_then = rows.loc[pd.to_datetime(rows["recharged_on"]) <= "2024-11-30", "customer_id"]
    return planted[planted["customer_id"].isin(by_then)].assign(
        stops_on=lambda frame: pd.to_datetime(frame["stops_on"]).fillna(pd.Timestamp("2099-12-31"))
    )


def test_the_planted_share_still_recharging_is_found(held_out, known):
    """Truth: the last day planted for each customer."""
    found, fit, _ = held_out
    still = known["stops_on"] > "2024-11-30"
    assert fit.model == "mbgnbd"
    assert found["customers"].sum() == len(known)
    share = fit.chance_active() @ fit.purchases.customers / len(known)
    assert share == pytest.approx(still.mean(), abs=0.012)
    # BG/NBD counts all who never came back as active, as its authors say; most of them left.
    plain = fit_purchases(fit.purchases)
    assert plain.chance_active() @ fit.purchases.customers / len(known) - still.mean() > 0.02


def test_the_planted_recharges_of_the_next_year_are_foretold(operator, held_out, known):
    """Truth: on each day up to the last one planted, bill ÷ days of the month ÷ mean recharge."""
    test = held_out[2]
    total = test.rows.sum()
    rows = operator[2].merge(known, on="customer_id")
    month = pd.to_datetime(rows["month"])
    ahead = month > "2024-11-30"
    able = ((rows["stops_on"] - month).dt.days + 1).clip(0, month.dt.days_in_month)
    a_day = rows["bill_yuan"] / month.dt.days_in_month / rows["mean_recharge_yuan"]
    planted = float((a_day.clip(upper=0.9) * able)[ahead].sum())

    assert total["actual_purchases"] == pytest.approx(planted, abs=4 * planted**0.5)
    assert total["expected_purchases"] == pytest.approx(planted, rel=0.04)
    assert total["naive_purchases"] > 1.2 * planted
    assert test.mean_absolute_error < 0.75 * test.naive_mean_absolute_error


def test_the_back_test_says_whether_its_interval_held(held_out):
    test = held_out[2]
    total = test.rows.sum()
    inside = test.low <= total["actual_purchases"] <= test.high
    assert test.low < total["expected_purchases"] < test.high
    assert ("outside the interval" in test.text("en")) != inside
    assert ("落在区间之外" in test.text("zh")) != inside
    assert "recharges came" in test.text("en")
    assert "实际充值" in test.text("zh")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_groups_of_recharges_are_named_at_the_axis(held_out, lang):
    axes = held_out[2].plot(lang=lang)
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["0–9", "10–19", "20–29", "30–39", "40–49", "50–59", "60+"]
    assert {"en": "recharges", "zh": "充值"}[lang] in axes.get_xlabel()


def test_the_planted_mean_recharge_is_found(operator):
    tables, planted, _ = operator
    bins = collect(reduce_recharge_spend(**tables, month=date(2025, 11, 1)))
    spend = fit_spend(bins["repeats"], bins["mean_yuan"], bins["customers"], of="recharges")
    assert spend.mean_yuan == pytest.approx(planted["mean_recharge_yuan"].mean(), rel=0.03)
    assert "a recharge on average" in spend.text("en")
    assert "平均每次充值" in spend.text("zh")


def test_times_in_steps_of_a_week_tell_the_same(operator, held_out):
    _, fit, _ = held_out
    found = collect(reduce_recharges(**operator[0], month=CUT, step_days=7))
    keys = ("repeats", "last_at", "observed", "customers")
    rough = fit_recharges(compress(*(found[key] for key in keys)))
    many = fit.purchases.customers
    for tell in (lambda f: f.chance_active(), lambda f: f.expected_purchases(12.0)):
        assert tell(rough) @ rough.purchases.customers == pytest.approx(tell(fit) @ many, rel=0.01)


def test_what_cannot_be_told_is_said():
    silent = fit_recharges(compress([0, 0], [0, 0], [5, 6]))
    assert silent.text("en") == "Nobody has a repeat recharge, so future recharges cannot be told."
    assert "充值" in silent.text("zh")
    assert np.isnan(silent.variance([0], [0], [5], 6.0)).all()
    rows = pd.DataFrame({"repeats": [0, 0], "last_at": [0, 0], "observed": [5, 6]})
    with pytest.raises(DataError, match="no_repeat"):
        backtest_purchases(silent, rows, [0, 1], ahead=3)
    with pytest.raises(ArgumentError, match="of == "):
        fit_purchases(compress([1], [2], [5]), of="gifts")
