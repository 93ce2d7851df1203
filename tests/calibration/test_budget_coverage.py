"""Over 200 planted operators, 90 % intervals of the year's cost hold what came as often as said.

Each operator has factors of its own and members of its own, thrown by dice with every lot kept
(the full-population run). The forecaster knows neither: it has the members at the start, the joint
distribution of the factors, and an estimate of behaviour with its standard error.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "points"))

from budget_operator import members, one_cell_a_member, programme

from cvm.points.budget import simulate
from cvm.points.budget_full import run_members
from cvm.points.budget_kernel import REDEEMED
from cvm.points.budget_law import assumed_law
from cvm.points.risk import interval
from cvm.points.scenarios import draw_scenarios

pytestmark = pytest.mark.calibration

OPERATORS, MEMBERS, GROUPS, ERROR = 200, 1_500, 8, 0.10


def believed(log_odds, rng, draws=17):
    return assumed_law(
        threshold_points=3_500,
        tiers=3,
        log_odds=log_odds,
        just_qualified=1.0,
        rush=1.5,
        festival=0.4,
        step_points=100,
        log_odds_error=ERROR,
        draws=draws,
        rng=rng,
    )


def outcomes():
    """Return, for each operator: forecast mean, interval, actual, and the naive forecast."""
    rng = np.random.default_rng(2_026)
    truths = draw_scenarios(count=OPERATORS, months=12, rng=rng)
    estimates = -1.8 + ERROR * rng.standard_normal(OPERATORS)
    rows = []
    for group in range(GROUPS):
        columns = members(MEMBERS, seed=group)
        base = programme(MEMBERS, cells=24, months=12)
        base = replace(base, population=_reduced(columns, base))
        whole = replace(base, population=one_cell_a_member(columns, base.population))
        for at in range(group, OPERATORS, GROUPS):
            thrown, _ = run_members(
                whole,
                columns.lots_points,
                np.arange(MEMBERS),
                truths,
                rng=rng,
                at=at,
                even_part=(0.4, 0.4),
            )
            actual = 0.02 * thrown[:, REDEEMED].sum() * np.exp(truths.factor("cost_per_point")[at])
            forecast = simulate(
                replace(base, law=believed(estimates[at], rng)), count=128, workers=1, rng=rng
            )
            cost = forecast.cost_yuan()
            rows.append((cost.mean(), *interval(cost, 0.9), actual))
    return np.array(rows)


def _reduced(columns, base):
    from cvm.points.population import reduce_members

    return reduce_members(columns, first_month=base.first_month, cells=24)


@pytest.fixture(scope="module")
def rows():
    return outcomes()


def test_ninety_per_cent_intervals_cover_87_to_93_per_cent(rows):
    _, low, high, actual = rows.T
    coverage = ((low <= actual) & (actual <= high)).mean()
    assert 0.87 <= coverage <= 0.93, coverage


def test_forecasts_are_unbiased(rows):
    mean, _, _, actual = rows.T
    relative = mean / actual - 1
    assert abs(relative.mean()) < 3 * relative.std() / np.sqrt(OPERATORS) + 0.003


def test_intervals_are_no_wider_than_the_errors(rows):
    """Ends are missed about equally on both sides."""
    _, low, high, actual = rows.T
    under, over = (actual < low).sum(), (actual > high).sum()
    assert abs(under - over) <= 3 * np.sqrt(under + over)
