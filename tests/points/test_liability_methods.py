"""Chain ladder, Bornhuetter-Ferguson, Cape Cod: published numbers, the library's, zeros."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cvm.core.checks import ArgumentError
from cvm.points.liability_expected import expected_development, unredeemed_ladder
from cvm.points.liability_methods import chain_ladder, fill_last_variance

GOLDEN_FOLDER = Path(__file__).parents[1] / "golden"
GOLDEN = json.loads((GOLDEN_FOLDER / "chain_ladder.json").read_text(encoding="utf-8"))
RULES = {"mack": "mack", "log_linear": "log-linear"}


def array(values):
    return np.array(values, dtype=float)


def shape(size):
    """Ages known and final of a square triangle whose last age is its width."""
    return size - 1 - np.arange(size), np.full(size, size - 1)


def from_golden(name):
    cumulative = array(GOLDEN[name]["cumulative"])
    return cumulative, *shape(len(cumulative))


def test_raa_is_as_published():
    cumulative, latest, final = from_golden("raa")

    by_rule = {rule: chain_ladder(cumulative, latest, final, sigma_rule=rule) for rule in RULES}

    mack = by_rule["mack"]
    known = cumulative[np.arange(10), latest]
    assert (mack.ultimate - known).sum() == pytest.approx(52_135, abs=0.5)
    assert np.sqrt(mack.total_variance) == pytest.approx(26_909, abs=0.5)
    assert np.sqrt(by_rule["log_linear"].total_variance) == pytest.approx(26_881, abs=0.5)
    published = [2.99936, 1.62352, 1.27089, 1.17167, 1.11338, 1.04193, 1.03326, 1.01694, 1.00922]
    np.testing.assert_allclose(mack.factors, published, atol=6e-6)


def test_taylor_ashe_is_as_published():
    cumulative, latest, final = from_golden("genins")

    found = chain_ladder(cumulative, latest, final)

    known = cumulative[np.arange(10), latest]
    assert (found.ultimate - known).sum() == pytest.approx(18_680_856, abs=0.5)
    assert np.sqrt(found.total_variance) == pytest.approx(2_447_095, abs=0.5)


def test_taylor_ashe_by_year_as_mack_printed_it():
    """Mack (1993), ASTIN Bulletin 23: reserves in thousands, standard errors in per cent."""
    cumulative, latest, final = from_golden("genins")

    found = chain_ladder(cumulative, latest, final)

    reserve = (found.ultimate - cumulative[np.arange(10), latest])[1:]
    share = 100 * found.standard_error[1:] / reserve
    thousands = [95, 470, 710, 985, 1419, 2178, 3920, 4279, 4626]
    np.testing.assert_array_equal(np.round(reserve / 1000), thousands)
    np.testing.assert_array_equal(np.round(share), [80, 26, 19, 27, 29, 26, 22, 23, 29])


@pytest.mark.parametrize("name", ["raa", "genins"])
@pytest.mark.parametrize("rule", RULES)
def test_chain_ladder_and_mack_equal_the_actuarial_library(name, rule):
    expected = GOLDEN[name][RULES[rule]]

    found = chain_ladder(*from_golden(name), sigma_rule=rule)

    np.testing.assert_allclose(found.factors, expected["factors"], rtol=1e-12)
    np.testing.assert_allclose(found.sigma, expected["sigma"], rtol=1e-9)
    np.testing.assert_allclose(found.ultimate, expected["ultimate"], rtol=1e-12)
    np.testing.assert_allclose(
        found.standard_error, np.nan_to_num(array(expected["standard_error"])), rtol=1e-9
    )
    assert np.sqrt(found.total_variance) == pytest.approx(
        expected["total_standard_error"], rel=1e-9
    )


@pytest.mark.parametrize("name", ["raa", "genins"])
def test_methods_on_exposure_equal_the_actuarial_library(name):
    cumulative, latest, final = from_golden(name)
    exposure = np.full(len(cumulative), float(GOLDEN[name]["exposure"]))

    ferguson = expected_development(cumulative, exposure, latest, final, prior=GOLDEN["prior"])
    cape_cod = expected_development(cumulative, exposure, latest, final)

    np.testing.assert_allclose(ferguson.ultimate, GOLDEN[name]["bornhuetter_ferguson"], rtol=1e-12)
    np.testing.assert_allclose(cape_cod.ultimate, GOLDEN[name]["cape_cod"], rtol=1e-12)
    assert cape_cod.prior == pytest.approx(GOLDEN[name]["cape_cod_prior"], rel=1e-12)


def test_early_zeros_count_where_the_library_drops_them():
    given_rows = GOLDEN["early_zeros"]["given"]
    cumulative = np.full((4, 4), np.nan)
    for row, values in enumerate(given_rows):
        cumulative[row, : len(values)] = values

    found = chain_ladder(cumulative, *shape(4))

    # By hand: 50 + 60 + 40 points a year after 0 + 10 + 0.
    assert found.factors[0] == 15
    # The library read the two zeros as missing and kept 60 ÷ 10 alone.
    assert GOLDEN["early_zeros"]["mack"]["factors"][0] == 6
    np.testing.assert_allclose(found.factors[1:], [1.4, 80 / 70])


def test_planted_zeros_bias_the_library_and_not_us(monkeypatch):
    monkeypatch.syspath_prepend(str(GOLDEN_FOLDER))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    from planted_zeros import VINTAGES, planted_triangles

    latest, final = shape(VINTAGES)
    errors = {"cape_cod": [], "unredeemed": []}
    for redeemed, issued, ultimate in planted_triangles():
        found = expected_development(redeemed, issued, latest, final).ultimate
        errors["cape_cod"].append(found.sum() / ultimate.sum() - 1)
        found = unredeemed_ladder(redeemed, issued, latest, final).ultimate
        errors["unredeemed"].append(found.sum() / ultimate.sum() - 1)

    library = GOLDEN["planted_zeros"]
    assert library["chain_ladder"] < -0.02
    assert library["cape_cod"] < -0.008
    # Three standard errors of the mean of 200 programmes hold zero.
    for values in errors.values():
        assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(errors["cape_cod"])) < 0.25 * abs(library["cape_cod"])


def test_a_column_of_zeros_cannot_be_multiplied_but_cape_cod_carries_on():
    cumulative = array([[0, 20, 40], [0, 30, np.nan], [0, np.nan, np.nan]])
    issued = array([100, 100, 100])

    ladder = chain_ladder(cumulative, *shape(3))
    cape_cod = expected_development(cumulative, issued, *shape(3))

    assert np.isnan(ladder.ultimate).tolist() == [False, False, True]
    assert ladder.ultimate[1] == 60
    # Reached: 0, ½, 1. Prior: (40 + 30 + 0) ÷ (100 + 50 + 0) = 7/15.
    np.testing.assert_allclose(cape_cod.share_by_age, [0, 0.5, 1])
    assert cape_cod.prior == pytest.approx(7 / 15)
    np.testing.assert_allclose(cape_cod.ultimate, [40, 30 + 50 * 7 / 15, 100 * 7 / 15])


def test_unredeemed_points_by_hand():
    cumulative = array([[10, 28], [20, np.nan]])

    found = unredeemed_ladder(cumulative, array([100, 100]), *shape(2))

    # Kept: 170 of 200 in the first period, 72 of 90 in the second.
    np.testing.assert_allclose(found.factors, [0.85, 0.8])
    np.testing.assert_allclose(found.ultimate, [28, 100 - 80 * 0.8])


def test_a_vintage_redeemed_whole_stays_whole():
    cumulative = array([[100, 100, 100], [100, 100, np.nan], [100, np.nan, np.nan]])

    found = unredeemed_ladder(cumulative, array([100, 100, 100]), *shape(3))

    np.testing.assert_array_equal(found.ultimate, [100, 100, 100])


def test_nothing_happens_after_expiry():
    # Life of two ages: the third and fourth columns of the older vintages are complete.
    cumulative = array(
        [[10, 30, 30, 30], [20, 50, 50, np.nan], [10, 20, np.nan, np.nan], [10] + [np.nan] * 3]
    )
    latest, final = np.minimum(shape(4)[0], 1), np.full(4, 1)

    found = chain_ladder(cumulative, latest, final)

    assert found.factors[0] == 100 / 40
    np.testing.assert_array_equal(found.ultimate, [30, 50, 20, 25])
    assert found.standard_error[:3].tolist() == [0, 0, 0]
    assert found.standard_error[3] > 0


def test_the_last_variance_by_either_rule():
    seen = array([9.0, 4.0, 1.0, np.nan])

    assert fill_last_variance(seen, "mack")[-1] == pytest.approx(1 / 4)
    line = np.polyfit([0, 1, 2], np.log([9, 4, 1]), 1)
    assert fill_last_variance(seen, "log_linear")[-1] == pytest.approx(np.exp(np.polyval(line, 3)))
    assert np.isnan(fill_last_variance(array([np.nan]), "mack")).all()
    with pytest.raises(ArgumentError, match="sigma_rule"):
        fill_last_variance(seen, "median")


increments = arrays(float, (5, 5), elements=st.floats(0, 20).map(lambda x: round(x, 3)))


@settings(deadline=None)
@given(increments)
def test_projections_never_fall_and_unredeemed_never_pass_the_issued(steps):
    cumulative = steps.cumsum(axis=1)
    cumulative[np.add.outer(range(5), range(5)) > 4] = np.nan
    issued = np.full(5, 100.0)
    latest, final = shape(5)
    known = cumulative[np.arange(5), latest]

    for found in (
        expected_development(cumulative, issued, latest, final),
        unredeemed_ladder(cumulative, issued, latest, final),
        chain_ladder(cumulative, latest, final),
    ):
        told = np.isfinite(found.ultimate)
        assert (found.ultimate[told] >= known[told] - 1e-9).all()
    left = unredeemed_ladder(cumulative, issued, latest, final)
    assert (left.ultimate[np.isfinite(left.ultimate)] <= 100 + 1e-9).all()


@settings(deadline=None)
@given(increments, st.floats(0.1, 1_000))
def test_scaling_every_point_scales_the_answer(steps, scale):
    cumulative = steps.cumsum(axis=1) + 0.5
    cumulative[np.add.outer(range(5), range(5)) > 4] = np.nan
    issued = np.full(5, 200.0)
    latest, final = shape(5)

    small = expected_development(cumulative, issued, latest, final)
    large = expected_development(scale * cumulative, scale * issued, latest, final)

    np.testing.assert_allclose(large.ultimate, scale * small.ultimate, rtol=1e-9)
    np.testing.assert_allclose(
        large.standard_error, scale * small.standard_error, rtol=1e-6, atol=1e-6 * scale
    )
