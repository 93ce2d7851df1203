"""Clusters over many data sets: planted numbers are found, one bell curve is called a continuum."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from cvm.segments.clusters import find_clusters

pytestmark = pytest.mark.calibration

SETS = 500
NUMBERS = {"numbers": (2, 3, 4, 5), "resamples": 8}


def found(data, rng, **options):
    customers = pd.DataFrame(data, columns=["x", "y", "z"])
    customers.insert(0, "customer_id", [str(at) for at in range(len(data))])
    return find_clusters(customers, rng=rng, log_skewed=False, **options)


def test_planted_groups_are_found_with_their_number_and_never_called_a_continuum():
    """Three or four groups of 40 to 80, six deviations apart in some direction."""
    rng = np.random.default_rng(1)
    right, continuum, agree = 0, 0, []
    for at in range(SETS):
        groups = 3 + at % 2
        centres = 6.0 * np.eye(4)[:groups, :3]
        truth = np.repeat(np.arange(groups), rng.integers(40, 81, groups))
        result = found(centres[truth] + rng.normal(size=(len(truth), 3)), rng, **NUMBERS)
        right += len(result.rows) == groups
        continuum += result.continuum
        agree.append(adjusted_rand_score(truth, result.labels))

    assert right / SETS > 0.95
    assert continuum / SETS < 0.01
    assert np.median(agree) > 0.97


def test_one_bell_curve_is_called_a_continuum():
    """Correlated features, no groups: the borders are drawn, and the sentence must say so."""
    rng = np.random.default_rng(2)
    called = 0
    for _ in range(SETS):
        mix = rng.normal(size=(3, 3))
        called += found(rng.normal(size=(400, 3)) @ mix, rng, numbers=(4,), resamples=2).continuum

    assert called / SETS > 0.95
