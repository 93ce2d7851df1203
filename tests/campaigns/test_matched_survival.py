"""How long the matched stay: by hand, against statsmodels' stratified test, and its level."""

import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import survdiff

from cvm.campaigns.effect import MONTHS_KEPT, Estimate
from cvm.campaigns.matched_survival import log_rank_of_sets, matched_curves, matched_retention
from cvm.campaigns.matching import Matches
from cvm.core.checks import ArgumentError


def sets(count, ratio, *, missing=()):
    """Return sets of one treated and ``ratio`` controls, standing one after another."""
    places = np.arange(count * (ratio + 1)).reshape(count, ratio + 1)
    controls = places[:, 1:].copy()
    for row, column in missing:
        controls[row, column] = -1
    return Matches(treated=places[:, 0], controls=controls, size=places.size)


def lives(rng, matches, *, window=6, hazard=0.05, ratio=1.0):
    """Return months served and who left; each set has a hazard of its own."""
    arm = np.zeros(matches.size, dtype=bool)
    arm[matches.treated] = True
    own = np.repeat(rng.gamma(2.0, hazard / 2, len(matches.treated)), matches.size // len(arm[arm]))
    chance = np.clip(own * np.where(arm, ratio, 1.0), 1e-6, 0.9)
    month = rng.geometric(chance)
    left = month <= window
    return np.where(left, month - 1, window), left.astype(float)


def test_two_sets_by_hand():
    # Set 1: treated stays, its controls leave in months 1 and 2. Set 2: treated leaves in month 2.
    matches = sets(2, 2)
    served, left = np.array([3, 0, 1, 1, 3, 3]), np.array([0, 1, 1, 1, 0, 0.0])
    curves = matched_curves(served, matches, window_months=3).set_index(["arm", "month"])
    assert curves["kept_share"]["treated"].tolist() == [1, 1, 0.5, 0.5]
    assert curves["kept_share"]["control"].tolist() == [1, 0.75, 0.5, 0.5]
    # Months kept within the window, each month served counting: (3 + 1) ÷ 2 and (0.5 + 3) ÷ 2.
    months = curves["kept_share"].groupby("arm").sum() - 1
    assert months.to_dict() == {"treated": 2.0, "control": 1.75}

    # Five have to leave before anything is said; the same five times over.
    assert math.isnan(log_rank_of_sets(served, left, matches, window_months=3)[1])
    again = sets(10, 2)
    found = log_rank_of_sets(np.tile(served, 5), np.tile(left, 5), again, window_months=3)
    # Set 1, month 1: 1 of 3 at risk is treated; month 2: 1 of 2. Set 2, month 2: 1 of 3.
    gap = 5 * (-1 / 3 - 1 / 2 + 2 / 3)
    variance = 5 * (2 / 9 + 1 / 4 + 2 / 9)
    assert found[0] == pytest.approx(gap**2 / variance)


@pytest.mark.parametrize("ratio", [1, 3])
def test_the_test_within_sets_is_that_of_statsmodels(ratio):
    rng = np.random.default_rng(5)
    matches = sets(300, ratio, missing=[(4, ratio - 1)] if ratio > 1 else [])
    served, left = lives(rng, matches, ratio=0.5)
    found = log_rank_of_sets(served, left, matches, window_months=6)

    inside = matches.sets() >= 0
    arm = np.isin(np.arange(matches.size), matches.treated)
    time = np.where(left == 1, served + 1, 6)
    expected = survdiff(time[inside], left[inside], arm[inside], strata=matches.sets()[inside])
    assert found == pytest.approx(expected, rel=1e-9)


def test_its_level_holds_where_sets_differ():
    rng = np.random.default_rng(9)
    matches = sets(400, 3)
    tested = [
        log_rank_of_sets(*lives(rng, matches), matches, window_months=6)[1] for _ in range(1_500)
    ]
    assert 0.04 <= np.mean(np.array(tested) < 0.05) <= 0.06


def test_intervals_of_the_curves_cover():
    rng = np.random.default_rng(10)
    matches = sets(400, 3)
    own = np.clip(rng.gamma(2.0, 0.025, 1_000_000), 1e-6, 0.9)
    truth = 1 - float(((1 - own) ** 6).mean())
    inside = {"treated": 0, "control": 0}
    for _ in range(500):
        served, _ = lives(rng, matches)
        # Of those who stay to the end, the share after the window is that after its last month.
        stayed = matched_curves((served >= 6).astype(float), matches, window_months=1)
        for arm, low, high in stayed.loc[stayed["month"] == 1, ["arm", "low", "high"]].to_numpy():
            inside[arm] += low <= 1 - truth <= high
    assert all(0.93 <= count / 500 <= 0.97 for count in inside.values())


def test_what_cannot_be_told_is_not_said():
    nobody = Matches(treated=np.array([0]), controls=np.array([[-1]]), size=2)
    empty = matched_curves([3, 3], nobody, window_months=3)
    told = Estimate(outcome=MONTHS_KEPT, effect=0.1, se=0.1, low=-0.1, high=0.3, p_value=0.3)
    assert matched_retention(empty, told, math.nan) is None
    assert matched_retention(pd.DataFrame(columns=["arm", "month"]), told, 0.2) is None
    # Curves without anybody leaving: months kept cannot tell.
    matches = sets(30, 1)
    stayed = matched_curves(np.full(60, 3), matches, window_months=3)
    few = matched_retention(stayed, told, log_rank_of_sets(
        np.full(60, 3), np.zeros(60), matches, window_months=3)[1])  # fmt: skip
    assert few.text("en").startswith("Cannot tell")
    assert few.text("zh").startswith("无法判断")
    reused = Matches(treated=np.array([0]), controls=np.array([[1]]), size=2, replace=True)
    with pytest.raises(ArgumentError):
        log_rank_of_sets([3, 3], [0, 1], reused, window_months=3)
