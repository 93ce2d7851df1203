"""A list scored by hand, its intervals over many lists, and savings told only with a control."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep

from cvm.core.checks import ArgumentError
from cvm.segments.warning_list import WarningList
from cvm.segments.warning_score import score_list


def a_list(fates, value=100.0, chance=0.2):
    table = pd.DataFrame(
        {
            "customer_id": [f"C{at:05d}" for at in range(len(fates))],
            "fate": fates,
            "chance_share": chance,
            "value_yuan": value,
        }
    )
    return WarningList(
        table=table, listed_on=date(2025, 12, 1), period="month", calls=10, saved_share=0.2
    )


def outcomes(made, left):
    return pd.Series(np.asarray(left, bool), index=made.table["customer_id"])


def test_precision_lift_and_value_by_hand():
    made = a_list(["called"] * 50 + ["no_sign"] * 950, value=[300.0] * 50 + [100.0] * 950)
    got = score_list(made, outcomes(made, [True] * 10 + [False] * 40 + [True] * 20 + [False] * 930))
    assert got.precision.value == pytest.approx(0.2)
    assert got.lift.value == pytest.approx(0.2 / 0.03)
    assert got.caught.value == pytest.approx(10 / 30)
    assert got.value_hit.value == pytest.approx(3_000 / 5_000)
    assert got.calibration.value == pytest.approx(1)
    assert "20.0% left" in got.text("en")
    assert "6.7倍" in got.text("zh")


def test_savings_need_a_control_and_have_newcombes_interval():
    made = a_list(["called"] * 400 + ["held_out"] * 200 + ["no_sign"] * 400)
    left = [True] * 40 + [False] * 360 + [True] * 40 + [False] * 160 + [False] * 400
    got = score_list(made, outcomes(made, left))
    low, high = confint_proportions_2indep(40, 200, 40, 400, method="newcomb", compare="diff")
    assert got.saved.value == pytest.approx(0.10)
    assert (got.saved.low, got.saved.high) == pytest.approx((low, high))
    # 20 yuan a head lost by the held out, 10 by the called, over 400 calls.
    assert got.saved_yuan.value == pytest.approx(4_000)
    assert "Calls kept 10.0 in 100" in got.text("en")
    assert not np.isfinite(score_list(made, outcomes(made, left), called=False).saved.value)
    few = replace(
        made, table=made.table.assign(fate=["called"] * 590 + ["held_out"] * 10 + ["no_sign"] * 400)
    )
    assert "too few, were held out" in score_list(few, outcomes(few, left)).text("en")


def test_too_few_leavers_an_empty_list_and_a_missing_outcome():
    made = a_list(["called"] * 50 + ["no_sign"] * 50)
    few = score_list(made, outcomes(made, [True] * 3 + [False] * 97))
    assert few.reason == "few_leavers"
    assert few.summary()["value"].isna().all()
    assert "不足" in few.text("zh")
    none = a_list(["no_sign"] * 100)
    assert score_list(none, outcomes(none, [True] * 50 + [False] * 50)).reason == "empty"
    with pytest.raises(ArgumentError, match="C00099"):
        score_list(made, outcomes(made, [False] * 100).iloc[:99])


@pytest.mark.calibration
def test_intervals_of_a_list_cover():
    """1,000 lists of 300 among 3,000, called and held out: lift, value hit and saving."""
    rng = np.random.default_rng(12)
    runs, size = 1_000, 3_000
    fates = np.array(["called"] * 200 + ["held_out"] * 100 + ["no_sign"] * 2_700)
    risk = np.array([0.15] * 200 + [0.25] * 100 + [0.05] * 2_700)
    value = rng.gamma(2, 100, size)
    listed = fates != "no_sign"
    lift = risk[listed].mean() / risk.mean()
    hit = (risk * value)[listed].sum() / (risk * value).sum()
    made = a_list(fates, value=value)
    inside = np.zeros(3)
    for _ in range(runs):
        got = score_list(made, outcomes(made, rng.random(size) < risk))
        inside += (
            got.lift.low < lift < got.lift.high,
            got.value_hit.low < hit < got.value_hit.high,
            got.saved.low < 0.10 < got.saved.high,
        )
    assert ((inside / runs > 0.93) & (inside / runs < 0.975)).all(), inside / runs
