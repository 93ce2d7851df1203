"""Leaving with covariates held equal: published fits, lifelines, planted pace, bad input."""

import numpy as np
import pytest
from lifelines import CoxPHFitter
from lifelines.datasets import load_rossi
from lifelines.statistics import proportional_hazard_test
from numpy.testing import assert_allclose
from statsmodels.duration.hazard_regression import PHReg

from cvm.campaigns.candidates import Candidates
from cvm.campaigns.hazard import hazard_ratios, hazard_ratios_of
from cvm.campaigns.hazard_fit import DivergedError, fit_hazards
from cvm.core.checks import ArgumentError, DataError

COVARIATES = ("fin", "age", "race", "wexp", "mar", "paro", "prio")


@pytest.fixture(scope="module")
def rossi():
    return load_rossi()


def of(frame, names=COVARIATES, **options):
    columns = {name: frame[name] for name in names}
    return hazard_ratios(frame["week"], frame["arrest"], columns, **options)


def test_rossi_recidivism_as_published(rossi):
    """Rossi, Berk & Lenihan (1980): coefficients as in R's coxph (Efron), all in three digits."""
    found = of(rossi)
    rows = found.rows.set_index("covariate")

    six = {
        "fin": (-0.379422, 0.191379),
        "age": (-0.057438, 0.021999),
        "prio": (0.091497, 0.028649),
    }
    three = {
        "fin": (-0.379, 0.684, 0.191, 0.047),
        "age": (-0.057, 0.944, 0.022, 0.009),
        "race": (0.314, 1.369, 0.308, 0.308),
        "wexp": (-0.150, 0.861, 0.212, 0.480),
        "mar": (-0.434, 0.648, 0.382, 0.256),
        "paro": (-0.085, 0.919, 0.196, 0.665),
        "prio": (0.091, 1.096, 0.029, 0.001),
    }
    for name, published in six.items():
        assert_allclose(rows.loc[name, ["log_ratio", "se"]].astype(float), published, atol=6e-7)
    for name, published in three.items():
        told = rows.loc[name, ["log_ratio", "ratio", "se", "p_value"]].astype(float)
        assert_allclose(told, published, atol=6e-4)
    assert found.log_likelihood == pytest.approx(-658.747659, abs=6e-7)
    assert (found.customers, found.left) == (432, 114)


def test_intervals_and_the_drift_of_the_ratio_are_those_of_lifelines(rossi):
    peer = CoxPHFitter().fit(rossi, "week", "arrest")
    found = of(rossi)

    ends = ["exp(coef) lower 95%", "exp(coef) upper 95%"]
    assert_allclose(
        found.rows[["low", "high"]], peer.summary.loc[list(COVARIATES), ends], rtol=2e-5
    )
    drift = proportional_hazard_test(peer, rossi, time_transform="rank").summary["p"]
    for first in ("fin", "age", "wexp"):
        rest = [name for name in COVARIATES if name != first]
        # Leavers of one month share their mean here (Breslow), lifelines orders them (Efron).
        assert of(rossi, [first, *rest]).steady_p == pytest.approx(drift[first], rel=0.25)
    assert "did not stay the same" in of(rossi, ["age", "fin"]).text("en")
    assert "did not stay the same" not in found.text("en")


def test_a_planted_pace_is_found_and_told():
    rng = np.random.default_rng(5)
    treated, bill = rng.integers(0, 2, 6_000), rng.standard_normal(6_000)
    monthly = 0.03 * np.exp(np.log(0.6) * treated - 0.5 * bill)
    month = rng.geometric(np.clip(monthly, 0, 0.9))
    months, left = np.minimum(month, 12), month <= 12

    found = hazard_ratios(months, left, {"treated": treated, "bill": bill})
    plain = hazard_ratios(months, left, {"treated": treated})

    first = found.rows.iloc[0]
    assert first["low"] < 0.6 < first["high"]
    assert first["ratio"] == pytest.approx(0.6, abs=0.08)
    # What else decides about leaving makes the ratio of the treated sharper, not another.
    assert plain.rows["ratio"].iloc[0] == pytest.approx(first["ratio"], abs=0.05)
    assert "more slowly" in found.text("en")
    assert "离网更慢" in found.text("zh")
    assert found.rows["step_ratio"].iloc[1] == pytest.approx(
        np.exp(found.rows["log_ratio"].iloc[1] * bill.std())
    )


@pytest.mark.calibration
@pytest.mark.parametrize(("planted", "campaigns"), [(1.0, 4_000), (0.6, 1_000)])
def test_no_effect_is_called_one_as_often_as_said_and_intervals_cover(planted, campaigns):
    """A covariate that matters, and ties by month; 4.9 % of 18,000 called without an effect."""
    rng = np.random.default_rng(12)
    called = covered = contradictions = 0
    for _ in range(campaigns):
        treated, bill = rng.integers(0, 2, 400), rng.standard_normal(400)
        # Months are intervals of continuous time, in which ratios stay the same.
        pace = 0.05 * planted**treated * np.exp(-0.5 * bill)
        month = np.ceil(rng.exponential(1 / pace))
        months, left = np.minimum(month, 6), month <= 6
        rows = hazard_ratios(months, left, {"treated": treated, "bill": bill}).rows
        low, high, p_value = (rows[name].iloc[0] for name in ("low", "high", "p_value"))
        called += p_value < 0.05
        covered += low <= planted <= high
        contradictions += (p_value < 0.05) == (low <= 1.0 <= high)

    assert contradictions == 0
    assert 0.93 <= covered / campaigns <= 0.97
    if planted == 1.0:
        assert 0.04 <= called / campaigns <= 0.06


@pytest.mark.parametrize("ties", ["months", "days"])
def test_fits_are_those_of_statsmodels(ties):
    rng = np.random.default_rng(8)
    table = rng.standard_normal((300, 3)) * (1.0, 0.5, 2.0)
    time = rng.exponential(8 / np.exp(table @ (0.4, -0.2, 0.1)))
    time = np.ceil(time) if ties == "months" else time
    gone = (time <= 12).astype(float)
    months = np.minimum(time, 12)

    found = fit_hazards(months, gone, table)
    peer = PHReg(months, table, status=gone, ties="efron").fit(disp=0)

    assert_allclose(found.coefficients, peer.params, rtol=1e-5)
    assert_allclose(found.covariance, peer.cov_params(), rtol=1e-5)
    assert found.log_likelihood == pytest.approx(peer.llf, abs=1e-8)


def test_covariates_that_decide_who_leaves_have_no_finite_fit():
    # Whoever has the higher score leaves first, without exception.
    score, months = np.linspace(1, -1, 60), np.arange(1.0, 61.0)
    with pytest.raises(DivergedError):
        fit_hazards(months, np.ones(60), score[:, None])
    assert hazard_ratios(months, np.ones(60), {"score": score}).reason == "foretold"


@pytest.mark.parametrize(
    ("months", "left", "treated", "reason"),
    [
        ([1] * 40, [0] * 40, [0, 1] * 20, "few_events"),
        ([1, 2] * 20, [1, 0] * 20, [1] * 40, "no_control"),
        ([1, 2] * 20, [1, 0] * 20, [0] * 40, "no_treated"),
        ([1, 2] * 20, [1, 0] * 20, [1, 0] * 20, "few_events"),
    ],
    ids=["nobody leaves", "all treated", "none treated", "one arm without leavers"],
)
def test_nothing_is_told_from_nothing(months, left, treated, reason):
    found = hazard_ratios(months, left, {"treated": treated})

    assert (found.reason, len(found.rows)) == (reason, 0)
    assert found.text("zh") != found.text("en")


def test_a_covariate_that_others_determine_is_left_out_but_never_what_is_asked(rossi):
    twice = {"fin": rossi["fin"], "one": rossi["age"], "two": 2.0 * rossi["age"] + 1}
    found = hazard_ratios(rossi["week"], rossi["arrest"], twice)
    once = of(rossi, ["fin", "age"])
    assert found.left_out == ("two",)
    assert_allclose(found.rows["log_ratio"], once.rows["log_ratio"])
    again = {"fin": rossi["fin"], "other": 1 - rossi["fin"]}
    assert hazard_ratios(rossi["week"], rossi["arrest"], again).reason == "collinear"


def test_only_as_many_covariates_are_weighed_as_leavers_can_bear(rossi):
    found = of(rossi.head(100))
    told = len(found.rows) + len(found.left_out)
    assert told == len(COVARIATES)
    assert len(found.rows) == max(found.left // 10, 1)


def test_input_without_sense_is_refused(rossi):
    with pytest.raises(ArgumentError, match="covariates"):
        hazard_ratios([1.0], [1], {})
    with pytest.raises(DataError, match="age"):
        of(rossi.assign(age=np.nan))
    with pytest.raises(DataError, match="age"):
        of(rossi.assign(age=np.inf))
    with pytest.raises(DataError, match="months_observed"):
        of(rossi.assign(week=0))
    with pytest.raises(DataError, match="left"):
        of(rossi.assign(arrest=2))


def candidates(held=True, open_window=False):
    rng = np.random.default_rng(2)
    count = 2_000
    treated = np.arange(count) % 3 == 0
    churned = (rng.random(count) < 0.2).astype(float)
    return Candidates(
        treated=treated,
        period=np.zeros(count, dtype=np.int64),
        customer=np.arange(count),
        covariates=rng.standard_normal((count, 2)),
        names=("before_bill_yuan_log", "before_bill_fall"),
        columns={
            "held_out": (held & (np.arange(count) % 3 == 1)).astype(float),
            "churned": churned,
            "months": np.where(churned == 1, rng.integers(0, 6, count), 6.0),
        },
        window_months=6,
        window_open=open_window,
    )


def test_who_was_neither_treated_nor_held_out_does_not_count():
    found = hazard_ratios_of(candidates())
    assert found.customers == 1_334
    assert found.rows["covariate"].tolist() == [
        "treated",
        "before_bill_yuan_log",
        "before_bill_fall",
    ]
    assert hazard_ratios_of(candidates(held=False)).reason == "no_control"
    assert hazard_ratios_of(candidates(open_window=True)).reason == "window_open"
