"""Intervals of migration cover over simulated bases, a tier of a few customers included."""

import numpy as np
import pandas as pd
import pytest

from cvm.segments.migration import VIP_ORDER, measure_migration
from cvm.segments.migration_chain import (
    LEAST_CUSTOMERS,
    draw_chains,
    draw_steady_states,
    steady_state,
)
from cvm.segments.migration_flows import alike_p

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
BILLS = np.array([50.0, 120, 180, 260, 420])
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


def planted_bills(customers, rng, went):
    """Return sums and squares of bills, gamma by tier and by where a customer goes."""
    sums, squares = np.zeros((2, *customers.shape))
    for at, to in np.argwhere(customers > 0):
        bills = rng.gamma(3, BILLS[at] * went[to] / 3, int(customers[at, to]))
        sums[at, to], squares[at, to] = bills.sum(), (bills**2).sum()
    return sums, squares


ALIKE, TOGETHER = (1.0,) * 6, (0.6, 0.9, 1.1, 1.4, 1.7, 0.7)
"""Bills by where a customer goes: those who leave pay less, those who rise more."""


@pytest.mark.calibration
@pytest.mark.parametrize(
    ("sizes", "went"),
    [
        (SMALL, TOGETHER),
        ((60, 10, 10, 10, 10, 20), ALIKE),
        ((957, 93, 82, 5, 2, 235), TOGETHER),
        ((3_000, 300, 250, 110, 25, 700), TOGETHER),
    ],
    ids=["small", "tiers of ten", "tiers of five and two", "large"],
)
def test_values_lie_in_their_intervals(sizes, went):
    """Over 1,000 operators, 90 % intervals; a tier of fewer than five customers is not told."""
    rng = np.random.default_rng(23)
    margin, rate, operators = 0.4 * 12, 0.1, 1_000
    earned = margin * BILLS * (CHAIN[:5] @ went)
    truth = np.linalg.solve(np.eye(5) - CHAIN[:5, :5] / (1 + rate), earned)
    covered = np.zeros(5)
    for _ in range(operators):
        customers = sampled(sizes, rng)[:5]
        drawn = draw_chains(customers, *planted_bills(customers, rng, went), 200, rng)
        low, high = drawn.limits(0.9, margin=margin, rate=rate)
        covered += (low <= truth) & (truth <= high)
    share, size = covered / operators, np.array(sizes[:5])
    # Of a tier of five 87 % hold, of those of ten or more 88 to 93 %.
    least = np.where(size < 10, 0.84, 0.86)
    assert ((least <= share) & (share <= 0.94))[size >= LEAST_CUSTOMERS].all(), share


@pytest.mark.calibration
@pytest.mark.parametrize(("sizes", "periods"), [(LARGE, 2), (SMALL, 2), (SMALL, 12)])
def test_periods_that_are_alike_are_taken_for_different_in_one_of_twenty(sizes, periods):
    rng = np.random.default_rng(29)
    places = np.subtract.outer(np.arange(5), np.arange(5))
    # Of the tiers one to each direction: stayed, up, down, and left last.
    towards = np.array([places == 0, places < 0, places > 0]).astype(float)
    ways = np.append(np.einsum("ij,wij->iw", CHAIN[:5, :5], towards), CHAIN[:5, 5:], axis=1)
    drawn = [
        rng.multinomial(size, ways_of, size=(4_000, periods))
        for size, ways_of in zip(sizes[:5], ways, strict=True)
    ]
    wrong = [alike_p(one) < 0.05 for one in np.stack(drawn, axis=2)]

    assert 0.04 <= np.mean(wrong) <= 0.06


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
