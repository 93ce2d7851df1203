"""Random hold-outs: false positives, coverage, and intervals that never contradict p-values."""

import numpy as np
import pytest

from cvm.campaigns.clusters import wild_bootstrap
from cvm.campaigns.effect import CHURN, REVENUE, Effect, Estimate, Outcome
from cvm.campaigns.moments import Moments, moments_by
from cvm.campaigns.multiple import CORRECTIONS, adjust
from cvm.campaigns.randomisation import randomisation_inference
from cvm.campaigns.randomised import compare
from cvm.campaigns.reached import compare_reached
from cvm.campaigns.regression import Cells, adjust_by_regression
from cvm.campaigns.sequential import always_valid
from cvm.campaigns.survival import Exposure, compare_retention

pytestmark = pytest.mark.calibration

CAMPAIGNS, CUSTOMERS, REACHED_SHARE = 2_500, 1_500, 0.6
KEEPS, LIFTS = 0.06, 12.0
"""Effect on those reached: churn share saved, yuan gained."""
PER_MONTH = Outcome(name="revenue_yuan", per="months", kind="yuan")


def draw(rng, effect):
    """Return one campaign's customers; ``effect`` 0 or 1 scales what the offer does."""
    treated = (rng.random(CUSTOMERS) < 0.6).astype(float)
    reached = (rng.random(CUSTOMERS) < REACHED_SHARE) & (
        (treated == 1) | (rng.random(CUSTOMERS) < 0.05)
    )
    before = rng.gamma(3, 30, CUSTOMERS)
    risk = 0.16 - 0.0004 * np.minimum(before, 150)
    churned = rng.random(CUSTOMERS) < risk - KEEPS * effect * reached
    months = rng.integers(4, 7, CUSTOMERS)
    revenue = before * months + rng.normal(0, 40, CUSTOMERS) + LIFTS * effect * reached
    return treated, {
        "churned": churned.astype(float),
        "reached": reached.astype(float),
        "revenue_yuan": revenue,
        "months": months.astype(float),
        "before_yuan": before,
    }


def estimates(treated, columns):
    """Return what each method makes of one campaign."""
    by_arm = moments_by(columns, treated)
    control, offered = by_arm[0.0], by_arm[1.0]
    before = {"covariates": ["before_yuan"]}
    return {
        "churn": compare(control, offered, CHURN),
        "churn reached": compare_reached(control, offered, CHURN).estimates[1],
        "revenue": compare(control, offered, REVENUE),
        "revenue cuped": compare(control, offered, REVENUE, adjustment="cuped", **before),
        "revenue lin": compare(control, offered, REVENUE, adjustment="lin", **before),
        "revenue a month": compare(control, offered, PER_MONTH),
    }


def truths(effect):
    lifted = 0.95 * REACHED_SHARE * effect
    return {
        "churn": -KEEPS * lifted,
        "churn reached": -KEEPS * effect,
        "revenue": LIFTS * lifted,
        "revenue cuped": LIFTS * lifted,
        "revenue lin": LIFTS * lifted,
        "revenue a month": LIFTS * lifted / 5,
    }


def recorded(found, truth):
    """Return the share detected, the share of intervals that hold the truth, contradictions."""
    p = np.array([one.p_value for one in found])
    low, high = (np.array([getattr(one, end) for one in found]) for end in ("low", "high"))
    contradictions = int(((p < 0.05) == ((low <= 0) & (high >= 0))).sum())
    return (
        float((p < 0.05).mean()),
        float(((low <= truth) & (truth <= high)).mean()),
        contradictions,
    )


@pytest.mark.parametrize("effect", [0, 1])
def test_intervals_cover_and_a_a_campaigns_are_called_different_in_one_of_twenty(effect):
    rng = np.random.default_rng(20_261_123 + effect)
    found = {}
    for _ in range(CAMPAIGNS):
        for name, one in estimates(*draw(rng, effect)).items():
            found.setdefault(name, []).append(one)

    truth = truths(effect)
    for name, several in found.items():
        detected, covered, contradictions = recorded(several, truth[name])
        assert contradictions == 0, name
        assert 0.93 <= covered <= 0.97, (name, covered)
        if not effect:
            assert 0.04 <= detected <= 0.06, (name, detected)


def test_lins_regression_with_hc2_keeps_its_level():
    rng = np.random.default_rng(5)
    found = []
    for _ in range(1_500):
        treated, columns = draw(rng, 0)
        rows = slice(0, 300)
        cells = Cells.from_rows(columns["revenue_yuan"][rows], np.ones((300, 1)))
        before = columns["before_yuan"][rows, None]
        found.append(adjust_by_regression(REVENUE, treated[rows], before, cells))

    detected, covered, contradictions = recorded(found, 0.0)
    assert 0.04 <= detected <= 0.06
    assert 0.93 <= covered <= 0.97
    assert contradictions == 0


@pytest.mark.parametrize("effect", [0, 1])
def test_months_kept_cover_the_truth(effect):
    rng = np.random.default_rng(6 + effect)
    hazards, horizon = (0.05, 0.05 - 0.02 * effect), 8
    means = [sum((1 - hazard) ** month for month in range(horizon)) for hazard in hazards]
    found, log_rank = [], []
    for _ in range(CAMPAIGNS):
        arms = []
        for hazard in hazards:
            month, seen = rng.geometric(hazard, 500), rng.integers(4, 20, 500)
            arms.append(
                Exposure.from_customers(np.minimum(month, seen), month <= seen, horizon=horizon)
            )
        retention = compare_retention(*arms)
        found.append(retention.estimate)
        log_rank.append(retention.log_rank_p < 0.05)

    detected, covered, contradictions = recorded(found, means[1] - means[0])
    assert 0.93 <= covered <= 0.97
    assert contradictions == 0
    if not effect:
        assert 0.04 <= detected <= 0.06
        assert 0.04 <= np.mean(log_rank) <= 0.06


def branches(rng, effect):
    arm = rng.permuted(np.array([1.0] * 5 + [0.0] * 6))
    size = np.full(11, 200.0)
    level = rng.normal(0, 1, 11) + rng.normal(0, 3, 11) / np.sqrt(size)
    return size, size * (10 + level + effect * arm), arm


@pytest.mark.parametrize("effect", [0.0, 1.5])
def test_eleven_branches_keep_their_level_where_the_sandwich_does_not(effect):
    """Assignments by chance are exact: 23 of 462. Of 20,000 wild bootstraps 5.4 % were called."""
    rng = np.random.default_rng(12)
    wild, chance, sandwich = [], [], []
    for place in range(500 if effect else 4_000):
        size, total, arm = branches(rng, effect)
        if place < 2_500:
            chance.append(randomisation_inference(REVENUE, size, total, arm))
        cells = Cells(
            design=np.column_stack([np.ones(11), arm]),
            count=size,
            total=total,
            squares=total**2 / size,
            cluster=np.arange(11),
        )
        one = wild_bootstrap(REVENUE, cells)
        wild.append(one)
        sandwich.append(abs(one.effect - effect) <= 1.96 * one.se)

    for name, found in (("wild", wild), ("chance", chance)):
        detected, covered, contradictions = recorded(found, effect)
        assert contradictions == 0, name
        assert 0.93 <= covered <= 0.97, (name, covered)
        if not effect:
            assert 0.04 <= detected <= 0.06, (name, detected)
    assert np.mean(sandwich) < 0.93


def test_looking_every_month_never_finds_more_than_one_in_twenty_by_chance():
    rng = np.random.default_rng(3)
    looks, size = 24, 400
    plain_found = valid_found = 0
    covered = 0
    for _ in range(1_500):
        gap = rng.normal(0, np.sqrt(2 / size), looks).cumsum() / np.arange(1, looks + 1)
        errors = np.sqrt(2 / (size * np.arange(1, looks + 1)))
        plain_found += (np.abs(gap / errors) > 1.96).any()
        estimates = [
            Estimate(outcome=REVENUE, effect=float(e), se=float(s), p_value=0.5)
            for e, s in zip(gap, errors, strict=True)
        ]
        newest = always_valid(estimates, expected_effect=0.05).headline
        valid_found += newest.p_value < 0.05
        covered += newest.low <= 0 <= newest.high

    assert plain_found / 1_500 > 0.2
    assert valid_found / 1_500 <= 0.05
    assert covered / 1_500 >= 0.95


@pytest.mark.parametrize("real", [0, 4])
def test_corrections_keep_chance_findings_as_rare_as_said(real):
    """Eight outcomes of which some are truly better: Holm's chance of any false finding, and
    Benjamini and Hochberg's share of false findings, which is 5 % of the outcomes without one."""
    rng = np.random.default_rng(32)
    names = [f"outcome_{place}" for place in range(8)]
    outcomes = [Outcome(name=name, kind="yuan") for name in names]
    gap = np.where(np.arange(8) < real, 0.35, 0.0)
    any_false, false_share = [], []
    for _ in range(2_000 if real else 4_000):
        arms = [
            Moments.from_columns(dict(zip(names, rng.normal(shift, 1, (150, 8)).T, strict=True)))
            for shift in (np.zeros(8), gap)
        ]
        effect = Effect(estimates=tuple(compare(*arms, one) for one in outcomes))
        found = {
            method: np.array([one.detected for one in adjust(effect, method).estimates])
            for method in CORRECTIONS
        }
        any_false.append(found["holm"][real:].any())
        false_share.append(
            found["benjamini_hochberg"][real:].sum() / max(found["benjamini_hochberg"].sum(), 1)
        )

    assert np.mean(any_false) <= 0.06
    assert np.mean(false_share) == pytest.approx(0.05 * (8 - real) / 8, abs=0.01)
    if not real:
        assert np.mean(any_false) >= 0.04
