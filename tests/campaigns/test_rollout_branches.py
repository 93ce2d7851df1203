"""A campaign by branch: planted effects, null rollouts, orders of starts, too few branches."""

import ibis
import numpy as np
import pandas as pd
import pytest

from cvm.campaigns.rollout import group_time_effects
from cvm.campaigns.rollout_averages import aggregate
from cvm.campaigns.rollout_branches import _invert, _orders, judge_rollout, rollout_entry
from cvm.campaigns.rollout_panel import Panel
from cvm.core.checks import DataError
from cvm.data import collect
from cvm.data.reduce_campaigns_branches import reduce_branch_months, reduce_branch_starts
from cvm.data.sample import make_sample
from cvm.data.sample.truth import read_truth

WINDOW = 6
STARTS = {f"b{at:02d}": 8 + 2 * (at // 2) for at in range(8)}


def cells(effect=0.0, *, seed=1, size=4_000, branches=11, months=24, spread=0.002):
    """Return eleven branches whose monthly churn is about 2 %, each with a level of its own."""
    rng = np.random.default_rng(seed)
    rows = []
    for at in range(branches):
        name, level = f"b{at:02d}", 0.02 + spread * rng.standard_normal()
        for month in range(months):
            since = month - STARTS.get(name, 99) - 1
            churn = level + effect * (0 <= since < WINDOW)
            count = int(size * (0.5 + at / branches))
            rows.append((name, month, count, rng.binomial(count, churn)))
    return pd.DataFrame(rows, columns=["county", "month_index", "at_risk", "left"])


def judge(frame, starts=STARTS, **options):
    given = {"window_months": WINDOW, "orders": 199, "rng": np.random.default_rng(3)} | options
    return judge_rollout(frame, starts, **given)


def test_a_planted_effect_is_found_with_its_size():
    effect = judge(cells(-0.005))

    assert effect.headline.detected
    assert effect.monthly_effect == pytest.approx(-0.005, abs=0.0015)
    # Six months at 1.5 % instead of 2 %.
    saved = (1 - 0.015) ** 6 - (1 - 0.02) ** 6
    assert -effect.headline.effect == pytest.approx(saved, rel=0.3)
    assert effect.headline.low <= -saved <= effect.headline.high
    assert "wider" not in effect.text("en")
    assert "分公司" in effect.text("zh")


def test_interval_and_p_value_never_contradict():
    for seed in range(5):
        one = judge(cells(-0.0015, seed=seed), orders=99).headline
        assert (one.p_value < 0.05) == (one.low > 0 or one.high < 0)
        assert one.low <= one.effect <= one.high


@pytest.mark.calibration
def test_null_rollouts_are_called_null_as_often_as_said_and_intervals_cover():
    """Orders of starts handed out by chance: 500 rollouts whose branches differ for good."""
    rng = np.random.default_rng(8)
    periods, start = np.arange(10.0), np.array([4.0, 4, 4, 6, 6, 6] + [np.nan] * 5)
    called = covered = 0
    for _ in range(500):
        level = 0.02 + 0.003 * rng.standard_normal(11)
        drift = 0.004 * rng.standard_normal((11, 10)).cumsum(axis=1) / 3
        mine = rng.permutation(start)
        treated = (mine[:, None] <= periods) & (periods < mine[:, None] + WINDOW)
        outcome = np.clip(level[:, None] + drift, 1e-4, 1) - 0.003 * treated
        panel = Panel(outcome=outcome, periods=periods, start=mine)
        drawn = _orders(panel, WINDOW, 99, rng)
        low, high, _ = _invert(drawn, 0.05, 0.001)
        covered += low <= -0.003 <= high
        null = Panel(outcome=outcome + 0.003 * treated, periods=periods, start=mine)
        at_zero = np.abs(drawn[:, 0] + 0.003 * drawn[:, 1])
        assert at_zero[0] == pytest.approx(abs(_orders(null, WINDOW, 1, rng)[0, 0]), abs=1e-9)
        called += (at_zero >= at_zero[0] - 1e-12).mean() < 0.05

    # 100 orders in all: at most 4 of them may be as far out, so 4 % by construction.
    assert 0.02 <= called / 500 <= 0.06
    assert 0.93 <= covered / 500 <= 0.98


def test_the_average_is_what_its_weights_say_and_a_constant_effect_is_seen_whole():
    frame = cells(0.0)
    wide = frame.pivot_table(index="county", columns="month_index", values=["left", "at_risk"])
    outcome = (wide["left"] / wide["at_risk"]).to_numpy()
    start = np.array([STARTS.get(name, np.nan) for name in wide.index], float) + 1
    panel = Panel(outcome=outcome, periods=np.arange(24.0), start=start)
    drawn = _orders(panel, WINDOW, 1, np.random.default_rng(0))

    average = aggregate(group_time_effects(panel, controls="not_yet"), within_periods=WINDOW)
    weights = average.overall_influence.outcome_slopes()[:, :, 0]
    assert (weights * outcome).sum() == pytest.approx(drawn[0, 0], abs=1e-12)
    assert drawn[0, 1] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("starts", "branches", "reason"),
    [
        ({}, 11, "no_treated"),
        ({"b00": 8}, 11, "few_clusters"),
        ({"b00": 8}, 2, "few_clusters"),
    ],
)
def test_too_few_branches_tell_nothing(starts, branches, reason):
    effect = judge(cells(-0.005, branches=branches), starts)

    assert effect.headline.reason == reason
    assert np.isnan(effect.headline.effect)
    assert effect.events is None
    assert effect.text("zh") != effect.text("en")


def test_a_branch_without_some_months_is_refused_by_name():
    frame = cells()
    with pytest.raises(DataError, match="b03"):
        judge(frame[~((frame["county"] == "b03") & (frame["month_index"] == 5))])
    with pytest.raises(DataError, match="leavers"):
        judge(frame.assign(left=frame["at_risk"] + 1))


def test_the_sample_operators_rollout_is_recovered(tmp_path):
    make_sample(tmp_path, customers=20_000)
    engine = ibis.duckdb.connect()
    tables = {
        name: engine.read_parquet(f"{tmp_path}/tables/{name}/*.parquet")
        for name in ("months", "customers", "contacts")
    }
    frame = collect(reduce_branch_months(tables["months"], tables["customers"]))
    begun = collect(
        reduce_branch_starts(tables["contacts"], tables["customers"], campaign_id="FAMILY-ROLLOUT")
    )
    truth = read_truth(tmp_path).effect("FAMILY-ROLLOUT", "all")

    effect = judge(frame, begun, window_months=12)
    entry = rollout_entry({"campaign_id": "FAMILY-ROLLOUT"}, effect, begun)

    assert begun["customers"].sum() == truth["customers"]
    assert len(begun) == 9
    assert effect.headline.detected
    assert effect.headline.low <= truth["churn_share"] <= effect.headline.high
    assert effect.headline.effect == pytest.approx(truth["churn_share"], abs=0.02)
    assert effect.before_p > 0.05
    assert (entry.evidence, entry.worked) == ("C", "yes")
    assert entry.customers == truth["customers"]
    assert entry.cost_yuan == pytest.approx(begun["cost_yuan"].sum())
