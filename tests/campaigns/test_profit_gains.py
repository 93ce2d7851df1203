"""Months in service and revenue over the horizon: by hand, from customers, and covered."""

import math
from dataclasses import replace

import numpy as np
import pytest

from cvm.campaigns.effect import CHURN, MONTHS_KEPT, REVENUE, Estimate, cannot_tell
from cvm.campaigns.moments import Moments
from cvm.campaigns.profit import Profit
from cvm.campaigns.profit_assumptions import Assumptions
from cvm.campaigns.profit_measured import Gain, Measured, measure_profit, measured_from

PLAIN = Assumptions(horizon_months=8, discount_yearly=0.0, kept_churn_times=1.0)
GAINS = {
    "months": Gain(value=0.06, variance=4e-4, with_kept=1e-4, monthly=1.0),
    "revenue_yuan": Gain(value=7.0, variance=9.0, with_kept=0.01, monthly=80.0),
}


def profit(assumptions=PLAIN, **changed):
    base = Measured(
        treated_count=1000, window_months=6, margin_yuan=4.0, kept_share=0.02, cost_yuan=10.0,
        covariance=np.array([[4.0, 0.003, 0.1], [0.003, 1e-4, 0.0], [0.1, 0.0, 0.04]]),
        monthly_margin_yuan=50.0, monthly_churn_share=0.1, gains=GAINS,
    )  # fmt: skip
    churn = cannot_tell(CHURN, "few_events")
    return Profit(measured=replace(base, **changed), assumptions=assumptions, churn=churn)


def test_months_and_revenue_by_hand():
    one = profit()
    # Two months after the window are served by 90 % and 81 % of those kept.
    months, low, high = one.gained("months")
    assert months == pytest.approx(1000 * (0.06 + 0.02 * 1.71))
    wide = math.sqrt(4e-4 + 2 * 1.71 * 1e-4 + 1.71**2 * 1e-4)
    assert (high - low) / 2 == pytest.approx(1000 * 1.959964 * wide)
    assert one.gained("revenue_yuan")[0] == pytest.approx(1000 * (7 + 0.02 * 80 * 1.71))
    # At 10 % a year revenue counts less the later it comes; months do not.
    later = profit(replace(PLAIN, discount_yearly=0.1))
    assert later.gained("months")[0] == pytest.approx(months)
    money = 7 * 1.1**-0.25 + 0.02 * 80 * (0.9 * 1.1 ** (-7 / 12) + 0.81 * 1.1 ** (-8 / 12))
    assert later.gained("revenue_yuan")[0] == pytest.approx(1000 * money)
    # A horizon that ends with the window counts what was measured alone.
    assert profit(replace(PLAIN, horizon_months=6)).gained("months")[0] == pytest.approx(60)

    row = one.summary().iloc[0]
    assert row["kept_months"] == months
    assert row["revenue_low_yuan"] < row["revenue_yuan"] < row["revenue_high_yuan"]


def test_what_was_not_measured_is_not_said():
    one = profit(gains={})
    assert all(math.isnan(value) for value in one.gained("revenue_yuan"))
    assert "months in service" not in one.text("en")
    assert "+94 months in service and +¥9,736 of revenue" in profit().text("en")
    assert "在网时间合计+94个月，收入+9,736元" in profit().text("zh")
    months = profit(gains={"months": GAINS["months"]}).text("en")
    assert "+94 months in service over the horizon" in months
    assert "revenue" not in months


def test_gains_are_those_of_the_customers():
    rng = np.random.default_rng(2)
    arms = {}
    for arm, size, churn in (("control", 700, 0.3), ("treated", 900, 0.2)):
        left = rng.random(size) < churn
        served = np.where(left, rng.integers(0, 6, size), 6)
        bill = rng.normal(100, 20, size)
        revenue = served * bill
        arms[arm] = {
            "churned": left.astype(float), "months": served.astype(float),
            "revenue_yuan": revenue, "margin_yuan": 0.6 * revenue,
            "cost_yuan": rng.exponential(5, size) if arm == "treated" else np.zeros(size),
        }  # fmt: skip
    moments = {arm: Moments.from_columns(columns) for arm, columns in arms.items()}
    found = measure_profit(moments["control"], moments["treated"], window_months=6)

    for name, gain in found.gains.items():
        sides = [(arms[arm][name], -arms[arm]["churned"]) for arm in ("treated", "control")]
        assert gain.value == pytest.approx(sides[0][0].mean() - sides[1][0].mean())
        joint = sum(np.cov(*side) / len(side[0]) for side in sides)
        assert gain.variance == pytest.approx(joint[0, 0])
        assert gain.with_kept == pytest.approx(joint[0, 1])
    held = arms["control"]
    assert found.gains["months"].monthly == pytest.approx(1.0)
    assert found.gains["revenue_yuan"].monthly == pytest.approx(
        held["revenue_yuan"].sum() / held["months"].sum()
    )


def test_gains_from_estimates_of_another_design():
    counts = {"treated_count": 900, "control_count": 2_700}
    churn = Estimate(
        outcome=CHURN, effect=-0.05, se=0.01, low=-0.07, high=-0.03, p_value=0.001,
        treated_mean=0.1, control_mean=0.15, **counts,
    )  # fmt: skip
    months = Estimate(
        outcome=MONTHS_KEPT, effect=0.1, se=0.02, low=0.06, high=0.14, p_value=0.001,
        treated_mean=3.8, control_mean=3.7, **counts,
    )  # fmt: skip
    revenue = Estimate(
        outcome=REVENUE, effect=12.0, se=5.0, low=2.0, high=22.0, p_value=0.02,
        treated_mean=382.0, control_mean=370.0, **counts,
    )  # fmt: skip
    known = {"window_months": 4, "cost_yuan": 5.0, "monthly_margin_yuan": 60.0}
    found = measured_from(churn, others=[months, revenue], **known).gains
    assert found["months"] == Gain(value=0.1, variance=0.02**2, with_kept=0.0002, monthly=1.0)
    # A customer kept pays 100 yuan in two of the four months.
    assert found["revenue_yuan"].monthly == pytest.approx(100)
    assert found["revenue_yuan"].with_kept == pytest.approx(200 * 0.01 * 0.01)
    assert measured_from(churn, **known).gains == {}
    alone = measured_from(churn, others=[revenue], **known)
    assert alone.gains == {}


def test_the_interval_of_the_revenue_covers():
    rng = np.random.default_rng(4)
    joint = np.array([[9.0, 0.01], [0.01, 1e-4]])
    truth, runs, inside = profit().gained("revenue_yuan")[0], 4_000, 0
    for value, kept in rng.multivariate_normal([7.0, 0.02], joint, runs):
        gain = replace(GAINS["revenue_yuan"], value=value)
        _, low, high = profit(kept_share=kept, gains={"revenue_yuan": gain}).gained("revenue_yuan")
        inside += low <= truth <= high
    assert 0.94 <= inside / runs <= 0.96
