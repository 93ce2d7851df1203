"""Over many simulated campaigns: the return's interval covers, its chance is calibrated."""

import numpy as np
import pytest

from cvm.campaigns.effect import CHURN, cannot_tell
from cvm.campaigns.moments import Moments
from cvm.campaigns.profit import Profit
from cvm.campaigns.profit_assumptions import Assumptions
from cvm.campaigns.profit_measured import measure_profit

pytestmark = pytest.mark.calibration
CAMPAIGNS, HELD, TREATED = 1500, 600, 1400
CHURN_WITHOUT, BEFORE_MEAN, MONTHS = 0.12, 80.0, 6
ASSUMED = Assumptions(horizon_months=18, discount_yearly=0.0, kept_value_yuan=500.0)


def simulate(rng, count, churn_share, accepted_share):
    left = rng.random(count) < churn_share
    before = rng.gamma(4, BEFORE_MEAN / 4, count)
    accepted = rng.random(count) < accepted_share
    return Moments.from_columns(
        {
            "churned": left,
            "months": np.where(left, 3, MONTHS),
            "margin_yuan": MONTHS * before * np.where(left, 0.5, 1) + rng.normal(0, 30, count),
            "cost_yuan": np.where(accepted, 42.0, 2.0) * (accepted_share > 0),
            "bill_before_yuan": before,
        }
    )


def campaigns(kept, seed):
    rng = np.random.default_rng(seed)
    for _ in range(CAMPAIGNS):
        control = simulate(rng, HELD, CHURN_WITHOUT, 0.0)
        treated = simulate(rng, TREATED, CHURN_WITHOUT - kept, 0.3)
        shown = measure_profit(
            control, treated, window_months=MONTHS, covariates=["bill_before_yuan"]
        )
        yield Profit(measured=shown, assumptions=ASSUMED, churn=cannot_tell(CHURN, "few_events"))


def true_return(kept):
    # A customer kept earns half the window's margin and 500 yuan after it; costs are 14 yuan.
    return kept * (0.5 * MONTHS * BEFORE_MEAN + 500.0) / 14.0 - 1


@pytest.mark.parametrize(("kept", "seed"), [(0.03, 1), (14.0 / 740.0, 2)])
def test_the_interval_of_the_return_covers_and_the_chance_is_calibrated(kept, seed):
    truth = true_return(kept)
    covered, chances = 0, []

    for one in campaigns(kept, seed):
        low, high = one.roi_interval()
        covered += low <= truth <= high
        chances.append(one.positive_share)

    assert 0.93 <= covered / CAMPAIGNS <= 0.97
    if abs(truth) < 1e-9:
        # At break-even the chance of a profit is as often below any level as the level says.
        for level in (0.1, 0.25, 0.5, 0.75, 0.9):
            assert np.mean(np.array(chances) < level) == pytest.approx(level, abs=0.04)
