"""Risk measures against hand-worked and closed-form values."""

from statistics import NormalDist

import numpy as np
import pytest

from cvm.core.checks import ArgumentError, DataError
from cvm.points.risk import (
    expected_overrun,
    interval,
    over_probability,
    tail_value_at_risk,
    value_at_risk,
)

EVEN = (np.arange(100_000) + 0.5) / 100_000
NORMAL = np.array([NormalDist().inv_cdf(u) for u in EVEN])


@pytest.mark.parametrize("level", [0.95, 0.99])
def test_a_normal_loss_has_its_closed_form(level):
    """VaR = z; TVaR = φ(z) ÷ (1 − level)."""
    z = NormalDist().inv_cdf(level)
    assert value_at_risk(NORMAL, level) == pytest.approx(z, abs=1e-3)
    expected = NormalDist().pdf(z) / (1 - level)
    assert tail_value_at_risk(NORMAL, level) == pytest.approx(expected, abs=2e-3)


def test_four_draws_by_hand():
    draws = [4.0, 1.0, 3.0, 2.0]
    assert value_at_risk(draws, 0.75) == 3.0
    assert tail_value_at_risk(draws, 0.75) == 4.0
    assert tail_value_at_risk(draws, 0.625) == pytest.approx((4 * 0.25 + 3 * 0.125) / 0.375)
    assert expected_overrun(draws, 2.5) == pytest.approx((1.5 + 0.5) / 4)
    assert over_probability(draws, 2.5).share == 0.5
    assert interval(draws, 0.5) == (1.75, 3.25)


def test_luck_is_integrated():
    """Normal draws of sd 1 with luck of sd 1 around them pass 2 as one of sd √2 does."""
    got = over_probability(NORMAL, 2.0, spread=np.ones_like(NORMAL))
    assert got.share == pytest.approx(1 - NormalDist(0, 2**0.5).cdf(2.0), abs=1e-4)
    bare = over_probability(NORMAL, 2.0)
    assert got.error < (got.share * (1 - got.share) / len(NORMAL)) ** 0.5
    assert bare.error == pytest.approx((bare.share * (1 - bare.share) / 1e5) ** 0.5, rel=1e-6)


def test_a_chance_never_seen_still_has_an_error():
    got = over_probability(np.zeros(100), 1.0)
    assert got.share == 0
    assert got.error > 0


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(DataError, match="finite"):
        value_at_risk([1.0, np.nan])
    with pytest.raises(ArgumentError, match="level"):
        tail_value_at_risk([1.0], 1.0)
    with pytest.raises(ArgumentError, match="spread"):
        over_probability([1.0, 2.0], 1.5, spread=[1.0])
