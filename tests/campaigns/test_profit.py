"""Was it worth it: by hand, by simulation, by resampling customers, and with bad input."""

import math
from dataclasses import replace

import numpy as np
import pytest

from cvm.campaigns.effect import CHURN, REVENUE, Estimate, cannot_tell
from cvm.campaigns.moments import Moments
from cvm.campaigns.profit import Profit
from cvm.campaigns.profit_assumptions import Assumptions, kept_value
from cvm.campaigns.profit_measured import Measured, measure_profit, measured_from
from cvm.core.checks import ArgumentError, DataError

PLAIN = Assumptions(horizon_months=8, discount_yearly=0.0, kept_churn_times=1.0)


def measured(**changed):
    # Of 1,000 treated 20 are kept; each costs 10 yuan; a month in service earns 50 yuan.
    base = Measured(
        treated_count=1000,
        window_months=6,
        margin_yuan=4.0,
        kept_share=0.02,
        cost_yuan=10.0,
        covariance=np.array([[4.0, 0.003, 0.1], [0.003, 1e-4, 0.0], [0.1, 0.0, 0.04]]),
        monthly_margin_yuan=50.0,
        monthly_churn_share=0.1,
        incentive_yuan=8.0,
        windfall_yuan=6.0,
    )
    return replace(base, **changed)


def profit(assumptions=PLAIN, **changed):
    churn = Estimate(
        outcome=CHURN, effect=-0.02, se=0.01, low=-0.04, high=0.0, p_value=0.06,
        treated_count=1000, control_count=500,
    )  # fmt: skip
    return Profit(campaign="H", measured=measured(**changed), assumptions=assumptions, churn=churn)


def test_a_kept_customer_by_hand():
    # Two months after the window, 90 % and 81 % still there, 50 yuan each.
    assert kept_value(measured(), PLAIN) == pytest.approx(50 * (0.9 + 0.81))
    # At 10 % a year, months 7 and 8 count 1.1^(−7/12) and 1.1^(−8/12).
    discounted = kept_value(measured(), replace(PLAIN, discount_yearly=0.1))
    assert discounted == pytest.approx(50 * (0.9 * 1.1 ** (-7 / 12) + 0.81 * 1.1 ** (-8 / 12)))
    # Those kept leave twice as fast.
    assert kept_value(measured(), replace(PLAIN, kept_churn_times=2.0)) == pytest.approx(
        50 * (0.8 + 0.64)
    )
    # No churn, no discount: a plain sum. Everybody gone at once: nothing.
    assert kept_value(measured(monthly_churn_share=0.0), PLAIN) == pytest.approx(100)
    assert kept_value(measured(), replace(PLAIN, kept_churn_times=20.0)) == 0
    assert kept_value(measured(), replace(PLAIN, horizon_months=6)) == 0


def test_margin_cost_and_return_by_hand():
    found = profit()

    # 4 yuan in the window and 0.02 × 85.5 after it, a treated customer.
    assert found.margin_yuan == pytest.approx(1000 * (4 + 0.02 * 85.5))
    assert found.cost_yuan == pytest.approx(10_000)
    assert found.net_yuan == pytest.approx(5710 - 10_000)
    assert found.roi == pytest.approx(-0.429)
    # 10 yuan ÷ (85.5 after the window + 50 × 3 within it).
    assert found.break_even_share == pytest.approx(10 / (85.5 + 150))
    assert found.kept_customers == pytest.approx(20)


def test_the_break_even_effect_breaks_even():
    found = profit()
    each = 50 * 3
    at = found.break_even_share

    even = profit(kept_share=at, margin_yuan=at * each)

    assert even.net_yuan == pytest.approx(0, abs=1e-6)
    assert even.positive_share == pytest.approx(0.5)


def test_a_lifetime_value_passed_in_replaces_the_series():
    given = Assumptions(kept_value_yuan=600.0, discount_yearly=0.21)

    found = profit(given)

    assert found.kept_value_yuan == pytest.approx(600 / 1.1)
    assert "kept_value_yuan" in found.tornado()["assumption"].tolist()
    assert "horizon_months" not in found.tornado()["assumption"].tolist()


def test_intervals_agree_with_a_joint_simulation():
    given = Assumptions(kept_value_yuan=600.0, kept_value_se_yuan=40.0)
    found = profit(given, kept_share=0.05, margin_yuan=8.0)

    drawn = found.simulated(rng=np.random.default_rng(5), draws=400_000)

    low, high = found.roi_interval()
    assert low < found.roi < high
    assert drawn["roi"].quantile([0.025, 0.975]).tolist() == pytest.approx([low, high], abs=0.05)
    assert (drawn["net_yuan"] > 0).mean() == pytest.approx(found.positive_share, abs=0.005)
    assert drawn["margin_yuan"].std() == pytest.approx(
        np.diff(found.margin_interval())[0] / 2 / 1.959964, rel=0.01
    )


def test_the_sign_of_the_interval_and_of_the_chance_agree():
    for margin in np.linspace(-5, 25, 31):
        found = profit(margin_yuan=float(margin))
        low, high = found.roi_interval()
        assert (low > 0) == (found.positive_share > 0.975)
        assert (high < 0) == (found.positive_share < 0.025)


def customers(rng, count, *, treated):
    """Draw customers: who leaves earns half; who is treated leaves less, and some accept."""
    left = rng.random(count) < (0.08 if treated else 0.12)
    before = rng.gamma(4, 20, count)
    margin = 6 * before * np.where(left, 0.5, 1.0) + rng.normal(0, 20, count)
    accepted = treated & (rng.random(count) < 0.3)
    columns = {
        "churned": left,
        "months": np.where(left, 3, 6),
        "margin_yuan": margin,
        "cost_yuan": 2.0 * treated + 40.0 * accepted,
        "bill_before_yuan": before,
    }
    return columns | ({"accepted": accepted} if treated else {})


def arms(seed, sizes=(3000, 6000)):
    rng = np.random.default_rng(seed)
    control = customers(rng, sizes[0], treated=False)
    treated = customers(rng, sizes[1], treated=True)
    names = list(control)
    return (
        Moments.from_columns(control | {"accepted": np.zeros(sizes[0])}),
        Moments.from_columns({name: treated[name] for name in [*names, "accepted"]}),
        control,
        treated,
    )


def test_the_covariance_is_that_of_resampled_customers():
    control, treated, held, offered = arms(3)
    found = measure_profit(control, treated, window_months=6, incentive_yuan=40)
    rng = np.random.default_rng(4)
    draws = []
    for _ in range(1500):
        a, b = rng.integers(0, 3000, 3000), rng.integers(0, 6000, 6000)
        draws.append(
            (
                offered["margin_yuan"][b].mean() - held["margin_yuan"][a].mean(),
                held["churned"][a].mean() - offered["churned"][b].mean(),
                offered["cost_yuan"][b].mean(),
            )
        )
    expected = np.cov(np.array(draws).T)

    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(np.sqrt(np.diag(expected)), rel=0.06)
    correlation = expected[0, 1] / math.sqrt(expected[0, 0] * expected[1, 1])
    own = found.covariance[0, 1] / math.sqrt(found.covariance[0, 0] * found.covariance[1, 1])
    assert own == pytest.approx(correlation, abs=0.06)


def test_months_before_sharpen_the_margin_and_leave_customers_kept_alone():
    control, treated, *_ = arms(3)
    sizes = {"window_months": 6, "incentive_yuan": 40.0}

    plain = measure_profit(control, treated, **sizes)
    sharp = measure_profit(control, treated, covariates=["bill_before_yuan"], **sizes)

    assert sharp.kept_share == plain.kept_share
    assert sharp.covariance[0, 0] < 0.3 * plain.covariance[0, 0]


def test_incentives_to_who_would_have_stayed_by_hand():
    # 100 treated, 40 accept, 4 of those leave; 10 more stay than without the offer.
    accepted = np.repeat([1, 0], [40, 60])
    left = np.concatenate([np.repeat([1, 0], [4, 36]), np.repeat([1, 0], [6, 54])])
    treated = Moments.from_columns(
        {
            "churned": left,
            "months": 6 - left,
            "margin_yuan": 100.0 - left,
            "cost_yuan": 5.0 * accepted,
            "accepted": accepted,
        }
    )
    held = np.repeat([1, 0], [20, 80])
    control = Moments.from_columns(
        {
            "churned": held,
            "months": 6 - held,
            "margin_yuan": 100.0 - held,
            "cost_yuan": 0.0 * held,
            "accepted": 0 * held,
        }
    )

    found = measure_profit(control, treated, window_months=6, incentive_yuan=5)

    assert found.incentive_yuan == pytest.approx(5 * 0.4)
    # At most 10 of the 36 who accepted and stayed were kept by it: 26 would have stayed anyway.
    assert found.windfall_yuan == pytest.approx(5 * 0.26)


def test_without_costs_in_the_data_a_margin_share_is_asked_for():
    control, treated, held, offered = arms(3)
    renamed = [
        Moments.from_columns(
            {name.replace("margin_yuan", "revenue_yuan"): value for name, value in arm.items()}
        )
        for arm in (held | {"accepted": np.zeros(3000)}, offered)
    ]

    with pytest.raises(ArgumentError, match="variable_cost_yuan"):
        measure_profit(*renamed, window_months=6)
    found = measure_profit(*renamed, window_months=6, margin_share=0.5)
    whole = measure_profit(control, treated, window_months=6)

    assert found.margin_yuan == pytest.approx(0.5 * whole.margin_yuan)


def test_designs_without_moments_give_the_same_from_estimates():
    churn = Estimate(
        outcome=CHURN, effect=-0.02, se=0.01, low=-0.04, high=0, p_value=0.06,
        treated_count=1000, control_count=900, control_mean=1 - 0.9**6, treated_mean=0.4,
    )  # fmt: skip
    margin = Estimate(
        outcome=REVENUE, effect=4.0, se=2.0, low=0.1, high=7.9, p_value=0.045,
        treated_count=1000, control_count=900,
    )  # fmt: skip
    known = {"window_months": 6, "cost_yuan": 10.0, "monthly_margin_yuan": 50.0}

    both = measured_from(churn, margin=margin, **known)
    alone = measured_from(churn, **known)

    assert both.monthly_churn_share == pytest.approx(0.1)
    assert np.diag(both.covariance) == pytest.approx([4.0, 1e-4, 0.0])
    assert alone.margin_yuan == pytest.approx(0.02 * 150)
    assert np.linalg.matrix_rank(alone.covariance) == 1
    with pytest.raises(ArgumentError, match="no_control"):
        measured_from(cannot_tell(CHURN, "no_control"), **known)


def test_the_tornado_moves_one_assumption_at_a_time():
    found = profit()

    table = found.tornado().set_index("assumption")

    half = table.loc["cost_times"]
    assert half["roi_low_setting"] == pytest.approx((1 + found.roi) / 0.8 - 1)
    effect = table.loc["kept_share"]
    assert (effect["low_setting"], effect["high_setting"]) == (0.0, 0.04)
    # 20 more kept: each 150 in the window and 85.5 after it, over 10,000 of cost.
    assert effect["roi_high_setting"] - found.roi == pytest.approx(20 * (150 + 85.5) / 10_000)
    assert table["swing"].is_monotonic_decreasing
    with pytest.raises(ArgumentError, match="available"):
        found.tornado({"weather": (0, 1)})


def test_sentences_say_what_cannot_be_seen():
    found = profit()

    assert "No effect on churn was detectable; 28 customers kept per 1,000" in found.text("en")
    assert "每千户需保有42户才能保本，估计值为20户" in found.text("zh")
    assert "At least ¥6,000 of incentives (75%)" in found.text("en")
    assert "No cost was booked" in profit(cost_yuan=0.0, covariance=np.zeros((3, 3))).text("en")
    assert math.isnan(profit(cost_yuan=0.0).roi)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"margin_yuan": math.nan}, "margin_yuan == nan"),
        ({"covariance": np.full((3, 3), np.inf)}, "3 × 3 and finite"),
        ({"cost_yuan": -1.0}, "cost_yuan == -1"),
        ({"kept_share": 1.5}, "kept_share == 1.5"),
    ],
)
def test_nonsense_never_becomes_a_return(changed, message):
    with pytest.raises((ArgumentError, DataError), match=message):
        measured(**changed)


def test_a_control_of_five_is_refused():
    control, treated, *_ = arms(3, sizes=(5, 100))
    with pytest.raises(DataError, match="at least 20 customers"):
        measure_profit(control, treated, window_months=6)
