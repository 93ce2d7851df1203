"""Scenarios: moments, correlation, common draws, refusals."""

import numpy as np
import pytest

from cvm.core.checks import ArgumentError
from cvm.points.scenarios import FACTORS, Marginal, ScenarioSpec, draw_scenarios, one_scenario


def draws(count=4_096, **given):
    return draw_scenarios(count=count, rng=np.random.default_rng(0), **given)


def test_sobol_draws_have_the_moments_asked_for():
    spec = ScenarioSpec()
    got = draws(spec=spec)
    for at, name in enumerate(FACTORS):
        marginal = spec.marginals[name]
        assert got.factors[:, at].mean() == pytest.approx(marginal.mean, abs=0.002 * marginal.sd)
        assert got.factors[:, at].std() == pytest.approx(marginal.sd, rel=0.01)
    assert np.allclose(np.corrcoef(got.factors.T), spec.correlation(), atol=0.02)


def test_a_distribution_is_edited_by_factor():
    spec = ScenarioSpec().with_factor("redemption", mean=0.1, sd=0.02)
    got = draws(spec=spec)
    assert got.factor("redemption").mean() == pytest.approx(0.1, abs=1e-3)
    assert ScenarioSpec().marginals["redemption"] == Marginal(sd=0.08)
    fixed = draws(spec=spec.without_uncertainty())
    assert np.allclose(fixed.factors.std(axis=0), 0.0)


def test_the_same_seed_gives_the_same_draws_and_another_other_ones():
    one, two = draws(count=64), draws(count=64)
    assert np.array_equal(one.factors, two.factors)
    other = draw_scenarios(count=64, rng=np.random.default_rng(1))
    assert not np.array_equal(one.factors, other.factors)


def test_a_what_if_moves_every_draw_alike():
    base = draws(count=32)
    moved = base.shifted(churn=0.3)
    assert np.allclose(moved.factor("churn") - base.factor("churn"), 0.3)
    assert np.array_equal(moved.factor("redemption"), base.factor("redemption"))
    assert base.first(8).factors.shape == (8, len(FACTORS))


def test_sources_of_uncertainty_can_be_held():
    base = draws(count=256, draws=5)
    assert set(np.unique(base.draw)) == {1, 2, 3, 4}
    assert not base.at(systematic=False).factors.std(axis=0).round(12).any()
    assert not base.at(parameter=False).draw.any()
    assert not base.at(member=False).member_noise.any()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"marginals": {"weather": Marginal()}}, "weather"),
        ({"correlations": {("churn", "churn"): 0.5}}, "two factors"),
        ({"correlations": {("churn", "redemption"): 1.5}}, r"\[-1, 1\]"),
        (
            {
                "correlations": {
                    ("churn", "redemption"): 0.9,
                    ("churn", "spend_growth"): 0.9,
                    ("redemption", "spend_growth"): -0.9,
                }
            },
            "possible together",
        ),
    ],
)
def test_impossible_distributions_are_refused(given, match):
    with pytest.raises(ArgumentError, match=match):
        ScenarioSpec(**given)


def test_perfect_correlation_is_possible():
    spec = ScenarioSpec(correlations={("churn", "redemption"): 1.0})
    got = draws(spec=spec, count=64)
    assert np.allclose(got.factor("churn") / 0.10, got.factor("redemption") / 0.08)


def test_one_scenario_is_the_centre():
    got = one_scenario(redemption=0.2)
    assert got.factor("redemption").tolist() == [0.2]
    assert got.factor("churn").tolist() == [0.0]
