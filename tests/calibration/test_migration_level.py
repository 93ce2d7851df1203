"""Intervals of migration cover over simulated bases, a tier of a few customers included."""

import numpy as np
import pandas as pd
import pytest

from cvm.segments.migration import VIP_ORDER, measure_migration
from cvm.segments.migration_chain import draw_steady_states, steady_state, tier_values
from cvm.segments.migration_flows import measure_flows

# Yearly moves of five cards, leaving last; joiners at the bottom.
CHAIN = np.array(
    [
        [0.713, 0.043, 0.016, 0.005, 0.001, 0.222],
        [0.157, 0.485, 0.215, 0.013, 0.001, 0.129],
        [0.006, 0.140, 0.610, 0.126, 0.006, 0.112],
        [0.002, 0.003, 0.206, 0.643, 0.057, 0.089],
        [0.000, 0.006, 0.006, 0.218, 0.730, 0.040],
        [0.990, 0.008, 0.002, 0.000, 0.000, 0.000],
    ]
)
SMALL = (957, 93, 82, 35, 7, 235)
LARGE = tuple(10 * size for size in SMALL)
SETS = 500
AFTER = (*VIP_ORDER, "left")


def sampled(sizes, rng):
    return np.array([rng.multinomial(n, row) for n, row in zip(sizes, CHAIN, strict=True)], float)


@pytest.mark.calibration
@pytest.mark.parametrize("sizes", [SMALL, LARGE])
def test_steady_states_lie_in_their_intervals(sizes):
    rng = np.random.default_rng(17)
    truth = steady_state(CHAIN)
    covered = np.zeros(5)
    for _ in range(SETS):
        drawn = draw_steady_states(sampled(sizes, rng), 200, rng)
        low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
        covered += (low <= truth) & (truth <= high)

    assert (covered / SETS > 0.86).all()
    assert (covered / SETS < 0.94).all()


@pytest.mark.calibration
def test_values_lie_in_their_intervals():
    """Bills of a gamma distribution by tier; of SMALL the tiers of fewer than 50 are left out."""
    rng = np.random.default_rng(23)
    margin, rate, mean = 0.4 * 12, 0.1, np.array([50.0, 120, 180, 260, 420])
    truth = np.linalg.solve(np.eye(5) - CHAIN[:5, :5] / (1 + rate), margin * mean)
    for sizes, told in ((SMALL, 3), (LARGE, 5)):
        covered = np.zeros(5)
        for _ in range(SETS):
            customers = sampled(sizes, rng)[:5]
            sums, squares = np.zeros_like(customers), np.zeros_like(customers)
            for at, to in np.argwhere(customers > 0):
                bills = rng.gamma(3, mean[at] / 3, int(customers[at, to]))
                sums[at, to], squares[at, to] = bills.sum(), (bills**2).sum()
            value, error = tier_values(customers, sums, squares, margin=margin, rate=rate)
            reach = np.exp(1.645 * error / value)
            covered += (value / reach <= truth) & (truth <= value * reach)
        assert (covered[:told] / SETS > 0.86).all()
        assert (covered[:told] / SETS < 0.94).all()


@pytest.mark.calibration
@pytest.mark.parametrize(("sizes", "periods"), [(LARGE, 2), (SMALL, 2), (SMALL, 12)])
def test_periods_that_are_alike_are_taken_for_different_in_one_of_twenty(sizes, periods):
    rng = np.random.default_rng(29)
    pairs = [(source, target) for source in (*VIP_ORDER, "joined") for target in AFTER]
    frame = pd.DataFrame(pairs * periods, columns=["from_tier", "to_tier"])
    # Periods that do not follow one another, so that their stocks need not agree.
    frame["month_index"] = np.repeat(24_000 + 24 * np.arange(periods), len(pairs))
    frame["bill_yuan"] = frame["bill_squared"] = 0.0
    wrong = 0
    for _ in range(SETS):
        counts = np.concatenate([sampled(sizes, rng).ravel() for _ in range(periods)])
        found = measure_flows(frame.assign(customers=counts), months_apart=12)
        wrong += found.alike_p() < 0.05

    assert 0.03 <= wrong / SETS <= 0.07


@pytest.mark.calibration
def test_shares_lie_in_wilsons_limits():
    rng = np.random.default_rng(37)
    names = [(source, target) for source in VIP_ORDER for target in AFTER]
    covered = np.zeros(30)
    for _ in range(SETS):
        moves = pd.DataFrame(names, columns=["from_tier", "to_tier"]).assign(
            customers=sampled(LARGE, rng)[:5].ravel(), bill_yuan=0.0, bill_squared=0.0
        )
        found = measure_migration(moves, draws=0, rng=rng).moves()[:30]
        truth = CHAIN[:5].ravel()
        covered += (found["low"] <= truth) & (truth <= found["high"])
    # Of shares whose counts are not a handful; those of rare moves are whole numbers' limits.
    usual = np.outer(LARGE[:5], np.ones(6)).ravel() * CHAIN[:5].ravel() > 20
    assert (covered[usual] / SETS > 0.86).all()
    assert (covered[usual] / SETS < 0.94).all()
