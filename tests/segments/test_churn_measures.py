"""AUC, Brier, calibration, lift and drift against textbook formulas worked another way."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from cvm.core.checks import ArgumentError
from cvm.segments.churn_calibration import (
    brier_score,
    calibration_curve,
    calibration_gap,
    compare_brier,
    spiegelhalter,
)
from cvm.segments.churn_drift import PSI_SHIFTED, PSI_STABLE, input_drift
from cvm.segments.churn_ranking import area_alone, area_under_curve, compare_areas, lift_table
from cvm.segments.measured import wilson


def drawn(seed, rows=300, ties=True):
    rng = np.random.default_rng(seed)
    left = rng.random(rows) < 0.25
    score = rng.normal(0.8 * left, 1.0)
    return (score.round(1) if ties else score), left


def delong(score, left):
    """Return area and variance by DeLong's definition: every leaver against every stayer."""
    gone, stayed = score[left], score[~left]
    wins = (gone[:, None] > stayed) + 0.5 * (gone[:, None] == stayed)
    return wins.mean(), wins.mean(axis=1).var(ddof=1) / len(gone) + wins.mean(axis=0).var(
        ddof=1
    ) / len(stayed)


@pytest.mark.parametrize("seed", range(4))
def test_the_area_and_its_error_are_delongs(seed):
    score, left = drawn(seed)
    got = area_under_curve(score, left)
    area, variance = delong(score, left)
    assert got.value == pytest.approx(area)
    assert got.value == pytest.approx(roc_auc_score(left, score))
    assert area_alone(score, left) == pytest.approx(roc_auc_score(left, score))
    assert got.error == pytest.approx(np.sqrt(variance))
    assert 0 < got.low < got.value < got.high < 1


def test_the_paired_difference_is_delongs_with_covariance():
    score, left = drawn(1)
    other, _ = drawn(2)
    rng = np.random.default_rng(3)
    other = score + rng.standard_normal(len(score))
    got = compare_areas(score, other, left)
    parts = []
    for one in (score, other):
        wins = (one[left][:, None] > one[~left]) + 0.5 * (one[left][:, None] == one[~left])
        parts.append((wins.mean(axis=1), wins.mean(axis=0)))
    gap = [parts[0][side] - parts[1][side] for side in (0, 1)]
    variance = gap[0].var(ddof=1) / left.sum() + gap[1].var(ddof=1) / (~left).sum()
    assert got.value == pytest.approx(roc_auc_score(left, score) - roc_auc_score(left, other))
    assert got.error == pytest.approx(np.sqrt(variance))
    assert got.p_value == pytest.approx(2 * norm.sf(abs(got.value) / np.sqrt(variance)))


def test_rows_repeated_by_a_customer_do_not_make_intervals_narrower():
    score, left = drawn(5)
    whose = np.arange(len(score))
    once = area_under_curve(score, left, whose=whose)
    again = area_under_curve(np.tile(score, 4), np.tile(left, 4), whose=np.tile(whose, 4))
    assert again.error == pytest.approx(once.error, rel=1e-9)
    assert once.error == pytest.approx(area_under_curve(score, left).error, rel=0.02)
    naive = area_under_curve(np.tile(score, 4), np.tile(left, 4))
    assert naive.error == pytest.approx(once.error / 2, rel=0.02)


def test_brier_and_calibration_by_hand():
    share, left = [0.1, 0.1, 0.5, 0.9], [False, True, True, True]
    got = brier_score(share, left)
    assert got.value == pytest.approx((0.01 + 0.81 + 0.25 + 0.01) / 4)
    assert got.value == pytest.approx(brier_score_loss(left, share))
    assert got.error == pytest.approx(np.std([0.01, 0.81, 0.25, 0.01], ddof=1) / 2)
    # Three left where 1.6 were expected.
    assert calibration_gap(share, left).value == pytest.approx(3 / 1.6)
    worse = compare_brier(share, [0.5] * 4, left)
    assert worse.value == pytest.approx(got.value - 0.25)


def test_wilson_limits_are_those_of_statsmodels():
    low, high = wilson([0, 3, 10], [10, 10, 10], 0.9)
    for at, count in enumerate((0, 3, 10)):
        expected = proportion_confint(count, 10, alpha=0.1, method="wilson")
        assert (low[at], high[at]) == pytest.approx(expected)
    assert tuple(one[0] for one in wilson([0], [0])) == (0.0, 1.0)


def test_the_calibration_curve_loses_nobody():
    share = np.repeat([0.02, 0.04, 0.5], [500, 300, 200])
    left = np.arange(1_000) % 7 == 0
    curve = calibration_curve(share, left, bins=10)
    assert curve["customers"].tolist() == [500, 300, 200]  # ties stay together
    assert curve["left"].sum() == left.sum()
    assert curve["expected_share"].tolist() == pytest.approx([0.02, 0.04, 0.5])


def test_lift_shares_ties_instead_of_ordering_them():
    score = np.array([9.0, 8.0, *[1.0] * 8])
    left = np.array([True, False, *[True] * 2, *[False] * 6])
    table = lift_table(score, left, groups=5)
    # The first two hold one leaver; of eight alike, each pair holds two eighths of two.
    assert table["left"].tolist() == [1, 0.5, 0.5, 0.5, 0.5]
    assert table["caught_share"].iloc[-1] == pytest.approx(1)
    assert table["lift"].iloc[0] == pytest.approx(0.5 / 0.3)


def test_psi_by_hand_and_ks_of_a_shift():
    before = pd.Series(["a"] * 60 + ["b"] * 40)
    after = pd.Series(["a"] * 30 + ["b"] * 70)
    old, new = np.array([60.5, 40.5]) / 101, np.array([30.5, 70.5]) / 101
    expected = np.sum((new - old) * np.log(new / old))
    assert input_drift(before, after)["psi"] == pytest.approx(expected)
    rng = np.random.default_rng(1)
    same, moved = (pd.Series(rng.normal(shift, 1, 5_000)) for shift in (0, 0))
    assert input_drift(same, moved)["psi"] < PSI_STABLE
    far = input_drift(same, moved + 1)
    assert far["psi"] > PSI_SHIFTED
    # Two normals one apart: the largest distance of their distributions is 2Φ(½) − 1.
    assert far["ks_distance"] == pytest.approx(2 * norm.cdf(0.5) - 1, abs=0.03)


def test_one_class_cannot_be_told_and_bad_scores_are_refused():
    assert np.isnan(area_under_curve([0.1, 0.2], [False, False]).value)
    with pytest.raises(ArgumentError, match="finite"):
        area_under_curve([np.nan, 0.2], [False, True])
    with pytest.raises(ArgumentError, match="one a row"):
        brier_score([0.1], [False, True])


@pytest.mark.calibration
def test_intervals_cover_and_tests_err_as_often_as_they_say():
    """1,000 data sets: AUC (true Φ(0.8 ÷ √2)), a paired gap of none, Brier, leavers ÷ expected."""
    rng = np.random.default_rng(20)
    runs, rows = 1_000, 400
    area = norm.cdf(0.8 / np.sqrt(2))
    inside = np.zeros(5)
    for _ in range(runs):
        left = rng.random(rows) < 0.25
        score = rng.normal(0.8 * left, 1.0)
        auc = area_under_curve(score, left)
        twins = [score + rng.standard_normal(rows) for _ in range(2)]
        gap = compare_areas(*twins, left)
        share = rng.beta(2, 6, rows)
        gone = rng.random(rows) < share
        ratio = calibration_gap(share, gone)
        # E[(p − y)²] = E[p (1 − p)] of a Beta(2, 6): 2 × 6 ÷ (8 × 9).
        loss = brier_score(share, gone)
        inside += (
            auc.low < area < auc.high,
            gap.low < 0 < gap.high,
            ratio.low < 1 < ratio.high,
            loss.low < 12 / 72 < loss.high,
            spiegelhalter(share, gone) > 0.05,
        )
    assert ((inside / runs > 0.93) & (inside / runs < 0.97)).all(), inside / runs
