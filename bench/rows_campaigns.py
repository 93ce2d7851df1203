"""Campaigns: regression from cells beside statsmodels, retention over months beside lifelines."""

import numpy as np
import statsmodels.api as sm
from harness import Measurement, Row, time_in_turns
from lifelines import KaplanMeierFitter
from lifelines.statistics import logrank_test
from lifelines.utils import restricted_mean_survival_time
from numpy.testing import assert_allclose

from cvm.campaigns.regression import Cells, fit
from cvm.campaigns.survival import Exposure, compare_retention, log_rank

HORIZON = 24


def measure_regression(quick: bool) -> Measurement:
    """Time errors by cluster from cells and on rows."""
    customers = 20_000 if quick else 1_000_000
    rng = np.random.default_rng(1)
    arm, tier = rng.integers(0, 2, customers), rng.integers(0, 5, customers)
    county, band = rng.integers(0, 11, customers), rng.integers(0, 8, customers)
    bill = rng.gamma(2, 40, customers) + 5 * tier + 2 * arm
    rows = np.column_stack([np.ones(customers), arm, tier, band]).astype(float)
    key = ((arm * 5 + tier) * 8 + band) * 11 + county
    found, first, codes = np.unique(key, return_index=True, return_inverse=True)
    cells = Cells(
        design=rows[first],
        count=np.bincount(codes).astype(float),
        total=np.bincount(codes, bill),
        squares=np.bincount(codes, bill**2),
        cluster=county[first],
    )

    def peer() -> object:
        return sm.OLS(bill, rows).fit(cov_type="cluster", cov_kwds={"groups": county})

    fitted, theirs = fit(cells, errors="cluster"), peer()
    assert_allclose(fitted.coefficients, theirs.params, rtol=1e-9)
    assert_allclose(fitted.errors, theirs.bse, rtol=1e-9)
    ours_seconds, peer_seconds = time_in_turns(
        lambda: fit(cells, errors="cluster"), peer, repeats=3
    )
    return Measurement(
        ours_seconds=ours_seconds,
        peer_seconds=peer_seconds,
        note=f"{customers:,} customers in {len(found)} cells (made at the engine, not timed); "
        "equal to 1e-9",
    )


def measure_retention(quick: bool) -> Measurement:
    """Time Kaplan-Meier, log-rank and months kept, counting customers included."""
    customers = 20_000 if quick else 1_000_000
    rng = np.random.default_rng(2)
    treated = rng.integers(0, 2, customers).astype(bool)
    month = rng.geometric(np.where(treated, 0.02, 0.025))
    seen = rng.integers(6, HORIZON + 1, customers)
    months, left = np.minimum(month, seen), month <= seen

    def ours() -> tuple[float, float]:
        arms = Exposure.by_arm(months, left, treated, horizon=HORIZON)
        found = compare_retention(*arms, horizon=HORIZON)
        return found.estimate.effect, log_rank(*arms)[0]

    def peer() -> tuple[float, float]:
        means = [
            restricted_mean_survival_time(
                KaplanMeierFitter().fit(months[side], left[side]), t=HORIZON
            )
            for side in (~treated, treated)
        ]
        test = logrank_test(months[~treated], months[treated], left[~treated], left[treated])
        return means[1] - means[0], test.test_statistic

    assert_allclose(ours(), peer(), rtol=1e-9)
    ours_seconds, peer_seconds = time_in_turns(ours, peer, repeats=3)
    return Measurement(
        ours_seconds=ours_seconds,
        peer_seconds=peer_seconds,
        work=customers,
        note=f"{customers:,} customers × {HORIZON} months; equal to 1e-9",
    )


ROWS = [
    Row(
        name="cluster-robust regression from cells, 1 M customers",
        peer="statsmodels",
        target="≥ 15×",
        measure=measure_regression,
    ),
    Row(
        name="Kaplan-Meier, log-rank and months kept, 1 M customers",
        peer="lifelines",
        target="≥ 15×",
        measure=measure_retention,
    ),
]
