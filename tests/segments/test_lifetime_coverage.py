"""Over planted cohorts, 90 % intervals of projections hold what came as often as they say.

Every operator has planted differences between customers; its cohorts leave by binomial chance. Two
things are counted: the planted share (intervals of the expectation), and the customers who came to
be counted (intervals with chance in them), one to five periods ahead.
"""

import numpy as np
import pytest

from cvm.segments.lifetime import fit_lifetime
from cvm.segments.lifetime_models import log_retention, log_survival
from cvm.segments.survival_cohorts import cohorts_from_survivors

pytestmark = pytest.mark.calibration

AHEAD, COHORTS = 5, 3


def operator(rng, *, c=None):
    """Return coordinates of one operator's customers, drawn over the range operators show."""
    churn, alpha = rng.uniform(0.05, 0.4), np.exp(rng.uniform(-0.5, 1.5))
    found = [np.log(churn / (1 - churn)), np.log(alpha)]
    return np.array(found if c is None else [*found, np.log(c)])


def survivors(point, size, periods, rng):
    """Return customers of a cohort at ages 0 … periods."""
    stay = np.exp(log_retention(point, np.arange(1.0, periods + 1)))
    found = [size]
    for share in stay:
        found.append(rng.binomial(found[-1], share))
    return found


def coverage(operators, *, model, seen, size, seed, c=None):
    """Return how often expectations and counts fell within their intervals, and misses by side."""
    rng = np.random.default_rng(seed)
    expected, counted, below, above = [], [], [], []
    for _ in range(operators):
        truth = operator(rng, c=None if c is None else rng.uniform(*c))
        # Cohorts a period apart: the youngest is seen for the fewest periods.
        whole = [survivors(truth, size, seen + AHEAD - k, rng) for k in range(COHORTS)]
        known = {str(k): counts[: seen + 1 - k] for k, counts in enumerate(whole)}
        projected = fit_lifetime(cohorts_from_survivors(known), model=model).project(AHEAD)
        for k, counts in enumerate(whole):
            part = projected[projected["tier"] == str(k)]
            ages = np.arange(seen - k, seen - k + AHEAD + 1.0)
            survival = np.exp(log_survival(truth, ages))
            mean = known[str(k)][-1] * survival[1:] / survival[0]
            came = np.array(counts[seen + 1 - k :])
            expected.append((part["expected_low"] <= mean) & (mean <= part["expected_high"]))
            counted.append((part["low"] <= came) & (came <= part["high"]))
            below.append(came < part["low"])
            above.append(came > part["high"])
    return tuple(float(np.mean(held)) for held in (expected, counted, below, above))


@pytest.mark.parametrize(
    ("model", "operators", "seen", "size", "c"),
    [
        ("sbg", 350, 7, 1_000, None),
        ("sbg", 350, 5, 20_000, None),
        ("bdw", 110, 9, 5_000, (0.8, 1.3)),
    ],
)
def test_projections_cover_as_said(model, operators, seen, size, c):
    expected, counted, below, above = coverage(
        operators, model=model, seen=seen, size=size, seed=2026, c=c
    )

    assert 0.87 <= expected <= 0.93
    assert 0.87 <= counted <= 0.93
    # Neither side bears the misses alone.
    assert max(below, above) <= 0.085
