"""One branch against a mix of others: Proposition 99, a mix known exactly, bad panels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cvm.campaigns.rollout_panel import Panel
from cvm.campaigns.synthetic import against_mix
from cvm.core.checks import DataError

PROP99 = Path(__file__).parents[3] / "shared" / "data" / "california_prop99.csv"


@pytest.fixture(scope="module")
def smoking():
    """Cigarette packs a head, 39 states, 1970-2000; California's tax rose in 1989."""
    if not PROP99.is_file():
        pytest.skip("shared/data/california_prop99.csv is not beside the checkout")
    frame = pd.read_csv(PROP99, sep=";")
    wide = frame.pivot_table(index="State", columns="Year", values="PacksPerCapita")
    start = np.where(wide.index == "California", 1989.0, np.nan)
    return Panel(outcome=wide.to_numpy(), periods=wide.columns.to_numpy(float), start=start)


# Arkhangelsky et al. (2021), Table 1, to the digits of their R package `synthdid`; the synthetic
# control is that of outcomes alone, by an exact quadratic programme.
@pytest.mark.parametrize(
    ("method", "effect", "tolerance"),
    [("synthetic_did", -15.60383, 1e-4), ("did", -27.34911, 1e-5), ("synthetic", -19.5136, 1e-3)],
)
def test_proposition_99(smoking, method, effect, tolerance):
    found = against_mix(smoking, method=method)

    assert found.effect == pytest.approx(effect, abs=tolerance)
    assert found.unit_weights.sum() == pytest.approx(1.0)
    assert (found.unit_weights >= 0).all()


def test_california_parts_further_than_other_states(smoking):
    found = against_mix(smoking, method="synthetic", placebo=True)

    # Abadie et al. (2010): the ratio of errors after to before is the largest of all states.
    assert found.p_value <= 3 / 39


def mixed(effect=0.0, seed=2):
    """A branch that is 30 % of one and 70 % of another, exactly, and an effect from period 12."""
    rng = np.random.default_rng(seed)
    others = rng.normal(10, 1, (6, 1)) + rng.normal(0, 0.5, (6, 20)).cumsum(axis=1)
    mine = 0.3 * others[1] + 0.7 * others[4] + effect * (np.arange(20) >= 12)
    start = np.array([12.0] + [np.nan] * 6)
    return Panel(outcome=np.vstack([mine, others]), periods=np.arange(20.0), start=start)


def test_a_mix_known_exactly_is_found_with_its_effect():
    found = against_mix(mixed(-2.0), method="synthetic")

    assert found.unit_weights == pytest.approx([0, 0.3, 0, 0, 0.7, 0], abs=1e-6)
    assert found.effect == pytest.approx(-2.0, abs=1e-6)
    assert found.path["gap"][:12].abs().max() < 1e-5


def test_a_level_of_its_own_does_not_matter_to_the_parallel_mix():
    panel = mixed(-2.0)
    raised = Panel(
        outcome=panel.outcome + np.array([5.0, 0, 0, 0, 0, 0, 0])[:, None],
        periods=panel.periods,
        start=panel.start,
    )

    assert against_mix(raised).effect == pytest.approx(against_mix(panel).effect, abs=1e-9)


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ([12.0, 14, np.nan, np.nan, np.nan, np.nan, np.nan], "group_time_effects"),
        ([12.0] * 6 + [np.nan], "two or more"),
        ([1.0] + [np.nan] * 6, "two or more"),
    ],
)
def test_what_cannot_be_mixed_is_refused(start, told):
    panel = mixed()
    with pytest.raises(DataError, match=told):
        against_mix(Panel(outcome=panel.outcome, periods=panel.periods, start=np.array(start)))
