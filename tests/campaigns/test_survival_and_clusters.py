"""Retention beside lifelines; few branches by hand and by brute force; looks before the end."""

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
import statsmodels.api as sm
from lifelines import KaplanMeierFitter
from lifelines.statistics import logrank_test
from lifelines.utils import restricted_mean_survival_time
from numpy.testing import assert_allclose

from cvm.campaigns.clusters import wild_bootstrap
from cvm.campaigns.effect import CHURN, REVENUE, Estimate
from cvm.campaigns.randomisation import randomisation_inference
from cvm.campaigns.regression import Cells
from cvm.campaigns.sequential import always_valid, mixture_bound
from cvm.campaigns.survival import Exposure, compare_retention, log_rank
from cvm.core.checks import ArgumentError, DataError


@pytest.fixture(scope="module")
def lives():
    rng = np.random.default_rng(4)
    treated = rng.integers(0, 2, 4_000)
    month = rng.geometric(np.where(treated == 1, 0.03, 0.05))
    seen = rng.integers(6, 30, 4_000)
    return treated, np.minimum(month, seen), month <= seen


def exposures(lives, horizon=18):
    treated, months, left = lives
    return [
        Exposure.from_customers(months[treated == arm], left[treated == arm], horizon=horizon)
        for arm in (0, 1)
    ]


def test_kaplan_meier_and_greenwood_equal_lifelines(lives):
    treated, months, left = lives
    control, _ = exposures(lives)

    peer = KaplanMeierFitter().fit(months[treated == 0], left[treated == 0])

    assert_allclose(control.kept, peer.survival_function_at_times(range(1, 19)), rtol=1e-12)
    cumulative = peer._cumulative_sq_.loc[1:18].to_numpy().ravel()
    assert_allclose(control.kept_error(), control.kept * np.sqrt(cumulative), rtol=1e-12)


def test_leukaemia_remission_as_published():
    """Freireich et al. (1963): weeks in remission with 6-MP and placebo, log-rank 16.79."""
    weeks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    relapsed = np.isin(np.arange(21), [0, 1, 2, 4, 6, 9, 10, 14, 15])
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    drug = Exposure.from_customers(weeks, relapsed, horizon=35)
    other = Exposure.from_customers(placebo, np.ones(21), horizon=35)
    at = np.array([6, 7, 10, 13, 16, 22, 23]) - 1

    assert_allclose(drug.kept[at], [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], atol=5e-4)
    errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    assert_allclose(drug.kept_error()[at], errors, atol=5e-5)
    assert log_rank(other, drug)[0] == pytest.approx(16.79, abs=5e-3)


def test_the_log_rank_test_equals_lifelines(lives):
    treated, months, left = lives
    parts = [(months[treated == arm], left[treated == arm]) for arm in (0, 1)]
    cut = [(np.minimum(m, 19), e & (m <= 18)) for m, e in parts]

    statistic, p_value = log_rank(*exposures(lives))

    peer = logrank_test(cut[0][0], cut[1][0], cut[0][1], cut[1][1])
    assert statistic == pytest.approx(peer.test_statistic, rel=1e-10)
    assert p_value == pytest.approx(peer.p_value, rel=1e-8)


def test_restricted_mean_months_equal_lifelines(lives):
    treated, months, left = lives

    found = compare_retention(*exposures(lives), horizon=18)

    means = [
        restricted_mean_survival_time(
            KaplanMeierFitter().fit(months[treated == arm], left[treated == arm]), t=18
        )
        for arm in (0, 1)
    ]
    assert found.estimate.control_mean == pytest.approx(means[0], rel=1e-10)
    assert found.estimate.effect == pytest.approx(means[1] - means[0], rel=1e-9)
    assert found.estimate.detected
    assert "longer" in found.text("en")


def test_the_error_of_months_kept_is_that_of_many_repetitions():
    rng = np.random.default_rng(6)
    found = []
    for _ in range(400):
        month = rng.geometric(0.06, 400)
        exposure = Exposure.from_customers(np.minimum(month, 13), month <= 13, horizon=12)
        found.append(exposure.months_kept(12))

    means, variances = np.array(found).T
    assert np.std(means) == pytest.approx(np.sqrt(variances.mean()), rel=0.1)


def test_months_kept_by_hand():
    # Ten customers: two leave in month 1, four of the rest in month 2. S = 1, .8, .4.
    one = Exposure(at_risk=np.array([10.0, 8.0]), left=np.array([2.0, 4.0]))

    assert one.kept.tolist() == pytest.approx([0.8, 0.4])
    assert one.months_kept(2)[0] == pytest.approx(1.8)


def test_impossible_exposure_is_an_error():
    with pytest.raises(DataError, match="between 0 and"):
        Exposure(at_risk=np.array([5.0]), left=np.array([6.0]))
    with pytest.raises(DataError, match="never above"):
        Exposure(at_risk=np.array([5.0, 5.0]), left=np.array([1.0, 0.0]))


def test_no_churn_cannot_tell_and_a_horizon_beyond_the_data_is_an_error(lives):
    nobody = Exposure(at_risk=np.full(6, 100.0), left=np.zeros(6))

    found = compare_retention(nobody, nobody)

    assert not found.estimate.can_tell
    assert "Cannot tell" in found.text("en")
    assert "无法判断" in found.text("zh")
    with pytest.raises(ArgumentError, match="horizon == 40"):
        compare_retention(*exposures(lives), horizon=40)


def branches(rng, effect=0.0, clusters=11):
    arm = np.array([1.0] * 5 + [0.0] * (clusters - 5))
    size = rng.integers(40, 400, clusters)
    branch = np.repeat(np.arange(clusters), size)
    value = rng.normal(0, 1, clusters)[branch] + rng.normal(0, 3, len(branch))
    value += effect * arm[branch]
    return branch, arm, value


def test_the_wild_bootstrap_from_sums_equals_brute_force_on_rows():
    branch, arm, value = branches(np.random.default_rng(2), clusters=8)
    rows = np.column_stack([np.ones(len(value)), arm[branch]])

    found = wild_bootstrap(REVENUE, Cells.from_rows(value, rows, branch))

    def statistic(y):
        fitted = sm.OLS(y, rows).fit(cov_type="cluster", cov_kwds={"groups": branch})
        return abs(fitted.params[1] / fitted.bse[1])

    held = value.mean()
    flipped = [
        statistic(held + (value - held) * np.array(signs)[branch])
        for signs in product([1, -1], repeat=8)
    ]
    assert found.p_value == pytest.approx(np.mean(np.array(flipped) >= flipped[0] * (1 - 1e-9)))


def test_randomisation_inference_equals_all_assignments_by_hand():
    customers = np.full(6, 100.0)
    totals = np.array([900.0, 950.0, 1000.0, 500.0, 560.0, 610.0])
    arm = np.array([1, 1, 1, 0, 0, 0])

    found = randomisation_inference(CHURN, customers, totals, arm, confidence=0.8)

    means = totals / 100
    statistics = []
    for chosen in combinations(range(6), 3):
        one, other = means[list(chosen)], np.delete(means, chosen)
        spread = np.sqrt(one.var(ddof=1) / 3 + other.var(ddof=1) / 3)
        statistics.append(abs(one.mean() - other.mean()) / spread)
    actual = statistics[0]
    assert found.p_value == pytest.approx(np.mean(np.array(statistics) >= actual - 1e-9))
    assert found.p_value == pytest.approx(2 / 20)
    assert found.effect == pytest.approx(9.5 - 5.5667, abs=1e-4)


def test_one_treated_branch_of_eleven_cannot_tell():
    arm = np.zeros(11)
    arm[3] = 1

    found = randomisation_inference(CHURN, np.full(11, 50.0), np.arange(11.0), arm)

    assert found.reason == "few_clusters"
    assert "too few branches" in found.text("en")


def test_four_branches_cannot_reach_five_per_cent():
    arm = np.array([1, 1, 0, 0])
    rows = np.column_stack([np.ones(4), arm])
    cells = Cells.from_rows([1.0, 2.0, 8.0, 9.0], rows, np.arange(4))

    assert wild_bootstrap(REVENUE, cells).reason == "few_clusters"
    found = randomisation_inference(REVENUE, np.ones(4), [1.0, 2.0, 8.0, 9.0], arm)
    assert found.reason == "few_clusters"


def test_an_interval_never_contradicts_its_p_value_with_few_branches():
    rng = np.random.default_rng(9)
    for effect in (0.0, 1.0, 1.5, 2.5):
        branch, arm, value = branches(rng, effect)
        rows = np.column_stack([np.ones(len(value)), arm[branch]])
        totals = np.bincount(branch, value)
        estimates = [
            wild_bootstrap(REVENUE, Cells.from_rows(value, rows, branch)),
            randomisation_inference(REVENUE, np.bincount(branch), totals, arm),
        ]
        for one in estimates:
            assert (one.p_value < 0.05) == (not one.low <= 0 <= one.high)
            assert one.low <= one.effect <= one.high


def test_the_mixture_bound_by_hand():
    # Variance 1, mixture 1: reach² = 2 × (2 ln 20 + ln 2).
    reach, p_value = mixture_bound(0.0, 1.0, 1.0, 0.95)

    assert reach == pytest.approx(np.sqrt(2 * (2 * np.log(20) + np.log(2))))
    assert p_value == 1.0
    assert mixture_bound(reach, 1.0, 1.0, 0.95)[1] == pytest.approx(0.05)


def test_later_looks_take_nothing_back():
    looks = [
        Estimate(outcome=CHURN, effect=e, se=s, p_value=0.5, low=e - s, high=e + s)
        for e, s in ((-0.03, 0.010), (-0.04, 0.006), (-0.01, 0.005))
    ]

    found = always_valid(looks, expected_effect=0.02)

    newest, *earlier = found.estimates
    assert newest.p_value <= min(one.p_value for one in earlier)
    assert newest.low >= max(one.low for one in earlier)
    assert all((one.p_value < 0.05) == (not one.low <= 0 <= one.high) for one in found.estimates)


def test_looks_of_different_outcomes_are_an_error():
    one = Estimate(outcome=CHURN, effect=0.1, se=0.1, p_value=0.3)

    with pytest.raises(DataError, match="looks"):
        always_valid([one, replace(one, outcome=REVENUE)], expected_effect=0.02)
