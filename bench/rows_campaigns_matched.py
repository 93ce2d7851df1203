"""Campaigns without a control: greedy matching, and doubly robust effects beside EconML."""

import warnings

import numpy as np
from econml.dr import LinearDRLearner
from harness import Measurement, Row, time_in_turns
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from cvm.campaigns.crossfit import estimate_cross_fitted
from cvm.campaigns.effect import REVENUE
from cvm.campaigns.matching import caliper_of, match_nearest

CHECKED_CUSTOMERS = 5_000


def draw_scores(customers: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return who is contacted (a fifth) and the logit of the chance of it."""
    rng = np.random.default_rng(seed)
    score = rng.normal(-1.6, 0.8, customers)
    return rng.random(customers) < 1 / (1 + np.exp(-score)), score


def match_by_brute_force(arm: np.ndarray, score: np.ndarray, caliper: float) -> list[int]:
    """Return each treated's control by looking at every control, hardest to match first."""
    chosen, pool = np.flatnonzero(arm), np.flatnonzero(~arm)
    free, found = np.ones(len(pool), dtype=bool), np.full(len(arm), -1)
    for one in chosen[np.argsort(-score[chosen], kind="stable")]:
        far = np.where(free, np.abs(score[pool] - score[one]), np.inf)
        nearest = int(np.argmin(far))
        if far[nearest] <= caliper:
            found[one], free[nearest] = pool[nearest], False
    return found[chosen].tolist()


def measure_matching(customers: int) -> Measurement:
    """Time 1:1 matching without replacement within a caliper of 0.2 deviations."""
    arm, score = draw_scores(CHECKED_CUSTOMERS, 1)
    caliper = caliper_of(arm, score)
    ours = match_nearest(arm, score, caliper=caliper)
    assert_array_equal(ours.controls[:, 0], match_by_brute_force(arm, score, caliper))
    arm, score = draw_scores(customers, 2)
    caliper = caliper_of(arm, score)
    found = match_nearest(arm, score, caliper=caliper)
    seconds, _ = time_in_turns(lambda: match_nearest(arm, score, caliper=caliper), repeats=5)
    return Measurement(
        ours_seconds=seconds,
        work=customers,
        note=f"{customers:,} customers, {int(arm.sum()):,} contacted, "
        f"{found.unmatched_count:,} without a match; equal to brute force on "
        f"{CHECKED_CUSTOMERS:,}",
    )


def by_arm(both: np.ndarray) -> np.ndarray:
    """Return covariates of each arm apart, so that one regression serves as two."""
    covariates, arm = both[:, :-1], both[:, -1:]
    rows = np.column_stack([np.ones(len(both)), covariates])
    return np.hstack([rows * arm, rows * (1 - arm)])


def measure_doubly_robust(quick: bool) -> Measurement:
    """Time the cross-fitted AIPW effect with its error, on the same folds and models."""
    customers, columns, count = (20_000 if quick else 500_000), 12, 5
    rng = np.random.default_rng(3)
    x = rng.normal(size=(customers, columns))
    arm = (rng.random(customers) < 1 / (1 + np.exp(1 - 0.5 * x[:, 0]))).astype(np.int64)
    bill = 80 + 10 * x[:, 0] + 5 * x[:, 1] + 3 * arm + rng.normal(0, 20, customers)
    folds = rng.permutation(customers) % count
    splits = [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(count)]

    def ours() -> tuple[float, float]:
        found = estimate_cross_fitted(REVENUE, bill, arm, x, folds=folds, estimand="everyone")
        return found.effect, found.se

    def peer() -> tuple[float, float]:
        learner = LinearDRLearner(
            model_propensity=LogisticRegression(C=np.inf, tol=1e-8, max_iter=1_000),
            model_regression=make_pipeline(
                FunctionTransformer(by_arm), LinearRegression(fit_intercept=False)
            ),
            cv=splits,
            min_propensity=1e-6,
        )
        learner.fit(bill, arm, X=None, W=x, inference="statsmodels")
        found = learner.intercept__inference(T=1)
        return float(found.point_estimate), float(found.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine, theirs = ours(), peer()
        assert_allclose(mine[0], theirs[0], rtol=1e-5)
        assert_allclose(mine[1], theirs[1], rtol=1e-4)
        ours_seconds, peer_seconds = time_in_turns(ours, peer, repeats=3)
    return Measurement(
        ours_seconds=ours_seconds,
        peer_seconds=peer_seconds,
        work=customers,
        note=f"{customers:,} customers, {columns} covariates, {count} equal folds; effect equal "
        "to 1e-5, error to 1e-4",
    )


ROWS = [
    Row(
        name="1:1 matching within a caliper, 1 M customers",
        target="≤ 0.2 s",
        measure=lambda quick: measure_matching(100_000 if quick else 1_000_000),
    ),
    Row(
        name="1:1 matching within a caliper, 10 M customers",
        target="≤ 3 s",
        measure=lambda quick: measure_matching(200_000 if quick else 10_000_000),
    ),
    Row(
        name="cross-fitted doubly robust effect, 500 k customers",
        peer="EconML LinearDRLearner",
        target="≥ 3×",
        measure=measure_doubly_robust,
    ),
]
