"""Without a random control: published numbers of matching and weighting, and greedy by brute force.

Sources: MatchIt's ``lalonde`` (Ho, Imai, King & Stuart 2011, JSS 42(8); the vignette's tables);
Stata's ``teffects`` on Cattaneo's (2010) birth weights, as statsmodels keeps them for its tests.
"""

from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose, assert_array_equal
from statsmodels.treatment.tests.results import results_teffects as stata

from cvm.campaigns.crossfit import draw_folds, estimate_cross_fitted
from cvm.campaigns.effect import Outcome
from cvm.campaigns.matched import adjust_matched, balance_of_weights, estimate_matched
from cvm.campaigns.matching import caliper_of, match_nearest, match_risk_sets
from cvm.campaigns.propensity import (
    common_support,
    discrimination,
    fit_propensity,
    overlap_share,
    trim,
)
from cvm.campaigns.regression import Cells, fit
from cvm.campaigns.score_matching import estimate_score_matched
from cvm.campaigns.weighting import estimate_weighted
from cvm.core.checks import ArgumentError, DataError

COVARIATES = ["age", "educ", "black", "hispan", "married", "nodegree", "re74", "re75"]
EARNINGS, WEIGHT = Outcome(name="re78", kind="yuan"), Outcome(name="bweight")


@pytest.fixture(scope="module")
def lalonde():
    folders = [parent / "shared" / "data" for parent in Path(__file__).parents]
    file = next((f / "matchit_lalonde.tab" for f in folders if f.is_dir()), None)
    if file is None or not file.is_file():
        pytest.skip("shared/data/matchit_lalonde.tab is not beside the checkout")
    frame = pd.read_csv(file, sep=r"\s+")
    frame["black"] = (frame["race"] == "black") * 1.0
    frame["hispan"] = (frame["race"] == "hispan") * 1.0
    return frame


@pytest.fixture(scope="module")
def births():
    folder = resources.files("statsmodels.treatment.tests.results")
    with resources.as_file(folder / "cataneo2.csv") as file:
        return pd.read_csv(file)


def test_matchits_lalonde_naive_and_regression(lalonde):
    arm, earned = lalonde["treat"] == 1, lalonde["re78"]
    rows = np.column_stack([np.ones(614), lalonde["treat"], lalonde[COVARIATES]])

    found = fit(Cells.from_rows(earned, rows), errors="classical")

    assert earned[arm].mean() - earned[~arm].mean() == pytest.approx(-635.026, abs=5e-4)
    assert found.coefficients[1] == pytest.approx(1548.244, abs=5e-4)
    assert found.errors[1] == pytest.approx(781.279, abs=5e-4)


@pytest.mark.parametrize("scale", ["score", "linear"])
def test_matchits_lalonde_nearest_neighbour(lalonde, scale):
    propensity = fit_propensity(lalonde["treat"], lalonde[COVARIATES])

    matches = match_nearest(lalonde["treat"], getattr(propensity, scale))
    plain = estimate_matched(EARNINGS, lalonde["re78"], matches)
    adjusted = adjust_matched(EARNINGS, lalonde["re78"], matches, lalonde[COVARIATES])

    assert (plain.treated_count, plain.control_count) == (185, 185)
    assert plain.effect == pytest.approx(894.367, abs=5e-4)
    assert adjusted.effect == pytest.approx(1344.936, abs=5e-4)


def test_matchits_table_of_balance(lalonde):
    propensity = fit_propensity(lalonde["treat"], lalonde[COVARIATES])
    matches = match_nearest(lalonde["treat"], propensity.score)
    rows = np.column_stack([propensity.score, lalonde[COVARIATES]])

    table = balance_of_weights(
        rows, ["distance", *COVARIATES], lalonde["treat"], matches.weights()
    ).set_index("column")

    before = [1.7941, -0.3094, 0.0550, 1.7615, -0.3498, -0.8263, 0.2450, -0.7211, -0.2903]
    after = [0.9739, 0.0718, -0.1290, 1.0259, -0.6629, -0.0552, 0.1546, -0.0505, -0.0257]
    assert_allclose(table["smd_before"], before, atol=5.1e-5)
    assert_allclose(table["smd"], after, atol=5.1e-5)


def test_lalonde_weighted_to_the_treated(lalonde):
    found = estimate_weighted(
        EARNINGS, lalonde["re78"], lalonde["treat"], lalonde[COVARIATES], method="ipw"
    )

    assert found.effect == pytest.approx(1214.071, abs=5e-4)


@pytest.mark.parametrize("estimand", ["everyone", "treated"])
@pytest.mark.parametrize("method", ["ra", "ipw", "aipw", "ipwra"])
def test_birth_weights_as_stata_has_them(births, method, estimand):
    published = getattr(stata, f"results_{method}")
    table = published.table if estimand == "everyone" else getattr(published, "table_t", None)
    if table is None:
        pytest.skip("Stata's teffects aipw has no effect on the treated")

    found = estimate_weighted(
        WEIGHT,
        births["bweight"],
        births["mbsmoke_"],
        births[["mmarried_", "mage", "mage2", "fbaby_", "medu"]],
        outcome_covariates=births[["prenatal1_", "mmarried_", "mage", "fbaby_"]],
        method=method,
        estimand=estimand,
        link="probit",
    )

    assert found.effect == pytest.approx(table[0, 0], rel=1e-7)
    assert found.se == pytest.approx(table[0, 1], rel=2e-6)
    assert found.control_mean == pytest.approx(table[1, 0], rel=1e-7)
    assert (found.low, found.high) == pytest.approx((table[0, 4], table[0, 5]), rel=1e-5)


@pytest.mark.parametrize(
    ("method", "effect", "se"),
    [
        ("ra", -239.6392, 23.8240),
        ("ipw", -230.6886, 25.8152),
        ("aipw", -230.9892, 26.2106),
        ("ipwra", -229.9671, 26.6267),
    ],
)
def test_birth_weights_to_the_digits_stata_prints(births, method, effect, se):
    found = estimate_weighted(
        WEIGHT,
        births["bweight"],
        births["mbsmoke_"],
        births[["mmarried_", "mage", "mage2", "fbaby_", "medu"]],
        outcome_covariates=births[["prenatal1_", "mmarried_", "mage", "fbaby_"]],
        method=method,
        estimand="everyone",
        link="probit",
    )

    assert found.effect == pytest.approx(effect, abs=5e-5)
    assert found.se == pytest.approx(se, abs=5e-5)


def test_birth_weights_matched_on_the_score_as_stata_has_them(births):
    """Stata's manual of ``teffects psmatch``, example 1: −210.9683, robust error 32.021."""
    births = births.assign(squared=births["mage"] ** 2)
    rows = births[["mmarried_", "mage", "squared", "fbaby_", "medu"]]
    given = (WEIGHT, births["bweight"], births["mbsmoke_"], rows)

    found = estimate_score_matched(*given, estimand="everyone")

    assert found.effect == pytest.approx(-210.9683, abs=5e-5)
    assert found.se == pytest.approx(32.021, abs=5e-4)


@pytest.mark.parametrize("neighbours", [1, 3])
def test_matching_on_the_score_with_ties_by_brute_force(births, neighbours):
    births = births.iloc[::4]
    arm, y = births["mbsmoke_"].to_numpy(), births["bweight"].to_numpy(dtype=float)
    rows = births[["mmarried_", "mage", "fbaby_"]]
    score = fit_propensity(arm, rows).score

    gaps = []
    for one in np.flatnonzero(arm == 1):
        far = np.abs(score - score[one])
        far[arm == 1] = np.inf
        reach = np.sort(far)[neighbours - 1]
        gaps.append(y[one] - y[far <= reach + 1e-12].mean())

    found = estimate_score_matched(WEIGHT, y, arm, rows, neighbours=neighbours)
    assert found.effect == pytest.approx(np.mean(gaps), rel=1e-9)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_the_propensity_is_statsmodels(births, link):
    rows = births[["mmarried_", "mage", "fbaby_", "medu"]]
    model = {"logit": sm.Logit, "probit": sm.Probit}[link]
    theirs = model(births["mbsmoke_"], sm.add_constant(rows)).fit(disp=0)

    ours = fit_propensity(births["mbsmoke_"], rows, link=link)

    assert_allclose(ours.coefficients, theirs.params, rtol=1e-6)
    assert_allclose(ours.score, theirs.predict(), rtol=1e-7)


def test_the_doubly_robust_effect_on_the_treated_agrees_with_its_kin(births):
    rows = births[["mmarried_", "mage", "mage2", "fbaby_", "medu", "prenatal1_"]]
    given = (WEIGHT, births["bweight"], births["mbsmoke_"], rows)
    folds = draw_folds(births["mbsmoke_"], rng=np.random.default_rng(1))

    plain = estimate_weighted(*given, method="aipw")
    kin = estimate_weighted(*given, method="ipwra")
    fitted = estimate_cross_fitted(*given, folds=folds)

    assert plain.effect == pytest.approx(kin.effect, abs=0.1 * plain.se)
    assert plain.se == pytest.approx(kin.se, rel=0.02)
    assert fitted.effect == pytest.approx(plain.effect, abs=0.2 * plain.se)
    assert fitted.se == pytest.approx(plain.se, rel=0.03)


def greedy(arm, score, *, ratio, caliper, strata, order):
    """Match by looking at every control for every treated, round by round."""
    chosen = np.flatnonzero(arm)
    pool = np.flatnonzero(~arm)
    turns = {"data": chosen, "largest": chosen[np.argsort(-score[chosen], kind="stable")]}[order]
    free = np.ones(len(pool), dtype=bool)
    found = {one: [] for one in chosen}
    for _ in range(ratio):
        for one in turns:
            far = np.abs(score[pool] - score[one])
            far[~free | (strata[pool] != strata[one])] = np.inf
            place = int(np.argmin(far))
            if far[place] <= caliper:
                free[place] = False
                found[one].append(pool[place])
    return [found[one] + [-1] * (ratio - len(found[one])) for one in chosen]


@pytest.mark.parametrize("digits", [1, 2, 16])
@pytest.mark.parametrize(("ratio", "order"), [(1, "largest"), (1, "data"), (3, "largest")])
def test_matching_is_the_greedy_one_of_brute_force(digits, ratio, order):
    rng = np.random.default_rng(digits)
    score = rng.normal(size=5_000).round(digits)
    arm = rng.random(5_000) < 0.5 / (1 + np.exp(-score))
    strata = rng.integers(0, 3, 5_000)
    caliper = 0.05

    ours = match_nearest(arm, score, ratio=ratio, caliper=caliper, strata=strata, order=order)

    expected = greedy(arm, score, ratio=ratio, caliper=caliper, strata=strata, order=order)
    assert_array_equal(ours.controls, expected)
    assert 0 < ours.unmatched_count < arm.sum()


def test_matching_with_replacement_takes_the_nearest_of_all():
    rng = np.random.default_rng(3)
    score = rng.normal(size=1_000).round(2)
    arm = rng.random(1_000) < 0.3

    ours = match_nearest(arm, score, replace=True, ratio=4)

    pool = np.flatnonzero(~arm)
    for one, found in zip(ours.treated, ours.controls, strict=True):
        far = np.abs(score[pool] - score[one])
        assert_array_equal(np.sort(found), np.sort(pool[np.argsort(far, kind="stable")[:4]]))


def test_errors_with_replacement_by_hand():
    """Abadie & Imbens (2006): Σ(d − τ)² + Σ_controls (K² − K'²)·σ², over N₁²; six customers."""
    arm = np.array([1, 1, 1, 0, 0, 0] * 20)
    score = np.array([0.0, 0.1, 5.0, 0.05, 5.1, 9.0] * 20) + 10.0 * np.repeat(np.arange(20), 6)
    y = np.array([3.0, 5.0, 9.0, 1.0, 4.0, 8.0] * 20)

    matches = match_nearest(arm, score, replace=True)
    found = estimate_matched(EARNINGS, y, matches, score=score)

    # Differences 2, 4, 5. The first control stands for two, and its own nearest is the last control
    # of the group before (1.05 away; in the first group the second, 5.05 away).
    gaps = np.array([2.0, 4.0, 5.0] * 20)
    noise = np.full(20, 0.5 * (1.0 - 8.0) ** 2)
    noise[0] = 0.5 * (1.0 - 4.0) ** 2
    variance = (((gaps - gaps.mean()) ** 2).sum() + ((4 - 2) * noise).sum()) / 60**2
    assert found.effect == pytest.approx(11 / 3)
    assert found.se == pytest.approx(np.sqrt(variance))
    assert found.control_count == 40


def test_matching_in_time_takes_only_customers_at_risk_and_each_once():
    # Customer 0 is contacted in month 1, 1 in month 2; 2 and 3 never. Scores say 1 is nearest to 0.
    period = np.array([1, 1, 1, 1, 2, 2, 2])
    customer = np.array([0, 1, 2, 3, 1, 2, 3])
    treated = np.array([1, 0, 0, 0, 1, 0, 0])
    score = np.array([0.5, 0.5, 0.4, 0.0, 0.5, 0.4, 0.0])

    found = match_risk_sets(treated, score, period=period, customer=customer)

    # 1 serves as a control in month 1, before its own contact; 2 is then free for month 2.
    assert found.treated.tolist() == [0, 4]
    assert found.controls[:, 0].tolist() == [1, 5]

    # A control of month 1 is not used again in month 2.
    score[[1, 5]] = 0.0, 0.45
    again = match_risk_sets(treated, score, period=period, customer=customer)
    assert again.controls[:, 0].tolist() == [2, 6]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"customer": [0, 0, 2, 3]}, "twice in a month"),
        ({"period": [1, 1, 2, 2], "customer": [0, 1, 0, 1]}, "at risk only before"),
        ({"treated": [1, 0, 1, 0], "period": [1, 1, 2, 2], "customer": [0, 1, 0, 1]}, "twice"),
    ],
)
def test_risk_sets_that_are_none_are_refused(change, message):
    given = {"treated": [1, 0, 0, 0], "period": [1, 1, 1, 1], "customer": [0, 1, 2, 3]} | change
    treated = given.pop("treated")

    with pytest.raises(DataError, match=message):
        match_risk_sets(
            np.array(treated), np.zeros(4), **{k: np.array(v) for k, v in given.items()}
        )


def test_calipers_support_and_overlap_by_hand():
    arm = np.array([1, 1, 1, 0, 0, 0] * 20)
    covariate = np.array([[1.0], [2.0], [3.0], [0.0], [1.0], [2.0]] * 20)

    propensity = fit_propensity(arm, covariate)

    expected = 0.2 * np.sqrt(2 / 3 * 60 / 59)  # both arms vary by ⅔, with 59 degrees of freedom
    assert caliper_of(arm, covariate[:, 0]) == pytest.approx(expected)
    inside = common_support(arm, propensity)
    assert_array_equal(inside, (covariate[:, 0] > 0.5) & (covariate[:, 0] < 2.5))
    assert overlap_share(arm, propensity) == pytest.approx(2 / 3)
    # Of nine pairs treated–control the treated stands higher in six and level in two.
    assert discrimination(arm, propensity) == pytest.approx((6 + 2 / 2) / 9)
    assert trim(propensity, low=0.01, high=0.99).all()
    with pytest.raises(ArgumentError, match="below high"):
        trim(propensity, low=0.9, high=0.1)


def test_a_random_order_is_the_generators_alone():
    rng = np.random.default_rng(0)
    arm, score = rng.random(300) < 0.5, rng.normal(size=300)

    first, second = (
        match_nearest(arm, score, order="random", rng=np.random.default_rng(5)) for _ in range(2)
    )

    assert_array_equal(first.controls, second.controls)
    with pytest.raises(ArgumentError, match="generator"):
        match_nearest(arm, score, order="random")


def test_smoking_and_weight_as_in_what_if():
    """Hernán & Robins (2020), Causal Inference: What If, sections 12.2 and 13.3 (NHEFS).

    Inverse probability weights 3.4 kg (2.4 to 4.5), standardisation 3.5 kg (2.6 to 4.5).
    """
    causaldata = pytest.importorskip("causaldata")
    frame = causaldata.nhefs_complete.load_pandas().data.dropna(subset=["wt82_71"])
    columns = [frame["sex"], frame["race"], frame["age"], frame["age"] ** 2]
    for name in ("education", "exercise", "active"):
        columns += [frame[name] == level for level in sorted(frame[name].unique())[1:]]
    for name in ("smokeintensity", "smokeyrs", "wt71"):
        columns += [frame[name], frame[name] ** 2]
    rows = np.column_stack([np.asarray(column, dtype=float) for column in columns])
    gained = Outcome(name="wt82_71")

    found = {
        method: estimate_weighted(
            gained, frame["wt82_71"], frame["qsmk"], rows, method=method, estimand="everyone"
        )
        for method in ("ipw", "ra", "aipw", "ipwra")
    }

    assert round(found["ipw"].effect, 1) == 3.4
    assert (found["ipw"].low, found["ipw"].high) == pytest.approx((2.4, 4.5), abs=0.15)
    assert found["ra"].effect == pytest.approx(3.5, abs=0.15)
    for one in found.values():
        assert one.effect == pytest.approx(3.4, abs=0.15)


def test_the_job_programme_beside_a_survey_has_too_little_overlap():
    """Cunningham (2021), Causal Inference: The Mixtape, section 5.4: NSW treated, CPS controls.

    Trimmed to scores of 0.1 to 0.9, the weighted difference is 1,806.73 (weights adding to one)
    and 2,006.365 (not); untrimmed −11,876.79 is no answer.
    """
    causaldata = pytest.importorskip("causaldata")
    trained = causaldata.nsw_mixtape.load_pandas().data.query("treat == 1")
    frame = pd.concat([trained, causaldata.cps_mixtape.load_pandas().data]).drop(columns="data_id")
    frame = frame.astype(float).reset_index(drop=True)
    powers = [frame["age"] ** 2, frame["age"] ** 3, frame["educ"] ** 2]
    flags = [frame["re74"] == 0, frame["re75"] == 0, frame["educ"] * frame["re74"]]
    names = ["age", "educ", "marr", "nodegree", "black", "hisp", "re74", "re75"]
    rows = np.column_stack([frame[names], *powers, *flags]).astype(float)
    arm, earned = frame["treat"].to_numpy(), frame["re78"].to_numpy()

    propensity = fit_propensity(arm, rows)
    untrimmed = estimate_weighted(
        EARNINGS, earned, arm, rows, method="ipw", estimand="everyone", propensity=propensity
    )

    score, kept = propensity.score, trim(propensity)
    weighted = earned * (arm - score) / (score * (1 - score))
    parts = [
        np.average(earned[kept], weights=w[kept]) for w in (arm / score, (1 - arm) / (1 - score))
    ]
    assert weighted.mean() == pytest.approx(-11_876.79, abs=5e-3)
    assert weighted[kept].mean() == pytest.approx(2_006.365, abs=5e-3)
    assert parts[0] - parts[1] == pytest.approx(1_806.73, abs=5e-3)
    assert untrimmed.reason == "no_overlap"
