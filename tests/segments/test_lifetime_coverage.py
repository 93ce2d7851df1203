"""Over planted cohorts, 90 % intervals of projections hold what came as often as they say.

Every operator has planted differences between customers; its cohorts leave by binomial chance. Two
things are counted: the planted share (intervals of the expectation), and the customers who came to
be counted (intervals with chance in them), one to five periods ahead.
"""

import numpy as np
import pandas as pd
import pytest

from cvm.segments.lifetime import fit_lifetime
from cvm.segments.lifetime_ahead import project_tiers
from cvm.segments.lifetime_models import log_retention, log_survival
from cvm.segments.lifetime_tiers import value_tiers
from cvm.segments.survival_cohorts import cohorts_from_survivors, read_cohorts

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


def panel(truth, rng, *, seen, size):
    """Return monthly cohorts of one operator: joined long ago or lately, seen for some months."""
    rows = []
    for age in range(0, 49, 24):
        stay = np.exp(log_retention(truth, np.arange(age + 1.0, age + seen + 1)))
        counts = [size]
        for share in stay:
            counts.append(rng.binomial(counts[-1], share))
        rows.append(
            pd.DataFrame(
                {
                    "cohort": str(age),
                    "age_periods": np.arange(age, age + seen + 1),
                    "customers": counts,
                }
            )
        )
    return read_cohorts(pd.concat(rows))


def test_values_of_cohorts_first_seen_late_cover_as_said():
    """Monthly cohorts, left truncated: the planted life, value and count, over 500 operators."""
    rng = np.random.default_rng(7)
    size, seen, ahead, rate = 600, 12, 24, 1.1 ** (1 / 12) - 1
    held, margin, error = [], 80.0, 0.04
    for _ in range(500):
        churn, alpha = rng.uniform(0.01, 0.04), np.exp(rng.uniform(0, 2))
        truth = np.array([np.log(churn / (1 - churn)), np.log(alpha)])
        cohorts = panel(truth, rng, seen=seen, size=size)
        fit = fit_lifetime(cohorts)
        today = cohorts.latest()[["tier", "age_periods", "customers"]]
        # A mean month is told by some hundred customers' own.
        told = rng.normal(margin, margin * error)
        earned = pd.DataFrame(
            {"tier": ["all"], "earned_yuan": [told], "error_yuan": [margin * error]}
        )
        row = value_tiers(fit, today, earned, horizon_months=ahead).table.iloc[0]
        projected = project_tiers(fit, today, ahead).iloc[-1]
        ages, many = today["age_periods"].to_numpy(), today["customers"].to_numpy()
        survival = np.exp(log_survival(truth, np.arange(ages.max() + ahead + 1.0)))
        staying = np.array([survival[ages + h] / survival[ages] for h in range(1, ahead + 1)])
        mean = staying @ many / many.sum()
        value = margin * float(mean @ (1 + rate) ** -np.arange(float(ahead)))
        came = rng.binomial(many, staying[-1]).sum()
        held.append(
            (
                row["further_months_low"] <= mean.sum() <= row["further_months_high"],
                row["value_yuan_low"] <= value <= row["value_yuan_high"],
                projected["low"] <= came <= projected["high"],
            )
        )
    life, worth, counted = np.mean(held, axis=0)
    assert 0.87 <= life <= 0.93
    assert 0.87 <= worth <= 0.93
    assert 0.87 <= counted <= 0.93
