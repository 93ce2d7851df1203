"""A campaign by branch: planted effects, null rollouts, orders of starts, too few branches."""

from dataclasses import replace

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cvm.campaigns.branches import read_branches
from cvm.campaigns.portfolio import profit_of_row
from cvm.campaigns.profit_assumptions import Assumptions
from cvm.campaigns.profit_measured import incentives_of
from cvm.campaigns.rollout import group_time_effects
from cvm.campaigns.rollout_averages import aggregate
from cvm.campaigns.rollout_branches import MARGIN_IN_SERVICE, REVENUE_IN_SERVICE, judge_rollout
from cvm.campaigns.rollout_designs import (
    MIXES,
    compare_rollout,
    mixed_average,
    mixed_error,
    read_branches_naively,
)
from cvm.campaigns.rollout_kernels import event_weights, window_weights
from cvm.campaigns.rollout_orders import draw_orders, invert_orders, within_window, year_before
from cvm.campaigns.rollout_panel import Panel
from cvm.campaigns.rollout_profit import rollout_entry, rollout_profit
from cvm.campaigns.rollout_record import GROUPS, Rollout, record_rollouts
from cvm.campaigns.synthetic import against_mix
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


def test_an_effect_on_the_assigned_is_that_on_the_branch_over_the_share_assigned():
    frame = cells(-0.004)
    starts = begun(frame, share=0.5)

    whole, half = judge(frame).headline, judge(frame, starts).headline

    assert read_branches(frame, starts).covered_share == pytest.approx(0.5, abs=1e-3)
    for name in ("effect", "low", "high"):
        assert getattr(half, name) == pytest.approx(2 * getattr(whole, name), rel=1e-3)
    assert half.control_mean == pytest.approx(whole.control_mean)
    assert half.p_value == whole.p_value
    assert half.treated_count == starts["customers"].sum()


def test_interval_and_p_value_never_contradict():
    for seed in range(5):
        one = judge(cells(-0.0015, seed=seed), orders=99).headline
        assert (one.p_value < 0.05) == (one.low > 0 or one.high < 0)
        assert one.low <= one.effect <= one.high


@pytest.mark.calibration
def test_null_rollouts_are_called_null_as_often_as_said_and_intervals_cover():
    """Orders of starts handed out by chance: 2,000 rollouts whose branches differ for good."""
    rng = np.random.default_rng(8)
    periods, start = np.arange(10.0), np.array([4.0, 4, 4, 6, 6, 6] + [np.nan] * 5)
    called = covered = 0
    for _ in range(2_000):
        level = 0.02 + 0.003 * rng.standard_normal(11)
        drift = 0.004 * rng.standard_normal((11, 10)).cumsum(axis=1) / 3
        mine = rng.permutation(start)
        treated = (mine[:, None] <= periods) & (periods < mine[:, None] + WINDOW)
        outcome = np.clip(level[:, None] + drift, 1e-4, 1) - 0.003 * treated
        panel = Panel(outcome=outcome, periods=periods, start=mine)
        drawn = draw_orders(panel, [outcome, treated], window_months=WINDOW, orders=99, rng=rng)
        low, high, _ = invert_orders(drawn, 0.05, 0.001)
        covered += low <= -0.003 <= high
        at_zero = np.abs(drawn[:, 0] + 0.003 * drawn[:, 1])
        called += (at_zero >= at_zero[0] - 1e-12).mean() <= 0.05

    # Of 100 orders in all the five farthest out are called: exactly 5 %.
    assert 0.04 <= called / 2_000 <= 0.06
    assert 0.94 <= covered / 2_000 <= 0.97


@pytest.mark.calibration
def test_trends_before_the_start_are_called_different_in_one_of_twenty():
    """By 39 other orders of starts, among branches that drift apart: exactly 2 of 40."""
    rng = np.random.default_rng(15)
    start = np.array([15.0, 15, 15, 17, 17, 17] + [np.nan] * 5)
    called = 0
    for _ in range(1_500):
        drift = rng.standard_normal((11, 20)).cumsum(axis=1)
        panel = Panel(outcome=drift, periods=np.arange(20.0), start=rng.permutation(start))
        called += year_before(panel, 39, rng) <= 0.05

    assert 0.04 <= called / 1_500 <= 0.06


@pytest.mark.calibration
@pytest.mark.parametrize("planted", [0.0, -0.004])
def test_mixes_of_other_branches_keep_their_level_and_cover(planted):
    """500 rollouts whose branches differ for good, judged by each way to mix the others.

    Of 3,000 without an effect 4.9 % were called by the synthetic control, 5.4 % by the other.
    """
    rng = np.random.default_rng(5)
    months, start = np.arange(12.0), np.array([5.0, 5, 7, 7] + [np.nan] * 7)
    missed = dict.fromkeys(MIXES, 0)
    for _ in range(500):
        level = 0.02 + 0.003 * rng.standard_normal(11)
        outcome = level[:, None] + 0.002 * rng.standard_normal((11, 12))
        mine = rng.permutation(start)
        panel = Panel(outcome=outcome, periods=months, start=mine)
        panel = replace(panel, outcome=outcome + planted * within_window(panel, 3))
        for method in MIXES:
            found = mixed_average(panel, window_months=3, method=method)
            se = mixed_error(panel, found, window_months=3, method=method, orders=19, rng=rng)
            missed[method] += abs(found - planted) / se > stats.t(9).isf(0.025)

    for method, count in missed.items():
        assert 0.04 <= count / 500 <= 0.06, method


def some_panel(seed=0):
    rng = np.random.default_rng(seed)
    start = np.array([3.0, 3, 5, 8, np.nan, np.nan, 5, 11])
    return Panel(
        outcome=rng.standard_normal((8, 12)),
        periods=np.arange(12.0),
        start=start,
        weight=rng.uniform(1, 5, 8),
    )


@pytest.mark.parametrize("universal", [False, True], ids=["varying", "universal"])
def test_weights_give_the_same_averages_as_group_time_effects(universal):
    panel = some_panel()
    base = "universal" if universal else "varying"
    effects = group_time_effects(panel, controls="not_yet", base=base)
    table = aggregate(effects, "dynamic")

    weights, behind = event_weights(panel, table.at, universal=universal)

    found = (weights * panel.outcome).sum(axis=(1, 2))
    assert found == pytest.approx(table.effect, abs=1e-12)
    assert (behind > 0).all()
    if not universal:
        whole = aggregate(effects, within_periods=4).overall
        assert (window_weights(panel, 4) * panel.outcome).sum() == pytest.approx(whole, abs=1e-12)


def test_a_constant_effect_is_seen_whole_and_branches_own_levels_not_at_all():
    panel = some_panel()
    since = panel.periods - panel.start[:, None]
    treated = ((since >= 0) & (since < 4)).astype(float)
    levels = np.repeat(np.arange(8.0)[:, None], 12, axis=1)
    months = np.repeat(np.arange(12.0)[None, :] ** 2, 8, axis=0)
    drawn = draw_orders(
        panel, [treated, levels, months], window_months=4, orders=1, rng=np.random.default_rng(0)
    )
    assert drawn[0] == pytest.approx([1.0, 0.0, 0.0], abs=1e-9)


def test_designs_agree_on_a_planted_effect_and_the_naive_reading_is_set_apart():
    effect = judge(cells(-0.006, spread=0.001))
    compared = compare_rollout(effect, orders=49, rng=np.random.default_rng(2))

    saved = (1 - 0.014) ** 6 - (1 - 0.02) ** 6
    assert list(compared.rows) == ["staggered", "staggered_normal", "synthetic", "synthetic_did"]
    for one in compared.told.values():
        assert one.low <= -saved <= one.high
        assert (one.p_value < 0.05) == (one.low > 0 or one.high < 0)
    assert compared.verdict == "agree"
    assert list(compared.naive) == ["branch_before_after"]
    assert compared.summary()["naive"].tolist() == [False] * 4 + [True]
    assert "before and after" in compared.text("en")


def test_a_naive_reading_takes_what_all_branches_did_for_the_campaigns():
    """Churn halves everywhere in month 14, whatever the campaign does."""
    frame = cells(0.0, spread=0.0)
    fallen = frame["month_index"] >= 14
    frame.loc[fallen, "left"] = (frame.loc[fallen, "left"] / 2).astype(int)
    effect = judge(frame)
    naive = read_branches_naively(effect)

    assert naive.detected
    assert naive.effect < -0.01
    assert not effect.headline.detected


def test_one_branch_mixed_alone_is_the_synthetic_control_itself():
    panel = some_panel(3)
    start = np.full(8, np.nan)
    start[2] = 6.0
    alone = Panel(outcome=panel.outcome[:, :9], periods=panel.periods[:9], start=start)
    for method in ("synthetic", "synthetic_did"):
        whole = Panel(outcome=panel.outcome, periods=panel.periods, start=start)
        found = mixed_average(whole, window_months=3, method=method)
        assert found == pytest.approx(against_mix(alone, method=method).effect)
    # Nobody waits until the window is over.
    crowded = Panel(outcome=panel.outcome[:2], periods=panel.periods, start=np.array([4.0, 5.0]))
    assert np.isnan(mixed_average(crowded, window_months=3, method="synthetic"))


def with_margin(frame, gain=0.0, seed=4):
    """Return cells whose customers in service bring 60 yuan a month, and more in the window."""
    rng = np.random.default_rng(seed)
    since = frame["month_index"] - frame["county"].map(STARTS).fillna(99) - 1
    each = 60 + gain * ((since >= 0) & (since < WINDOW)) + 0.2 * rng.standard_normal(len(frame))
    return frame.assign(margin_yuan=each * (frame["at_risk"] - frame["left"]))


def begun(frame, cost=20_000.0, share=1.0):
    """Return starts whose branches assign a share of those in service, at a cost each."""
    at_risk = frame.set_index(["county", "month_index"])["at_risk"]
    rows = [(name, at, int(share * at_risk.loc[name, at + 1]), cost) for name, at in STARTS.items()]
    return pd.DataFrame(rows, columns=["county", "start_index", "customers", "cost_yuan"])


def test_worth_joins_customers_kept_with_what_those_who_stay_bring():
    frame = with_margin(cells(-0.005), gain=2.0)
    starts = begun(frame)
    effect = judge(frame, starts)
    margin = effect.row(outcome=MARGIN_IN_SERVICE.name)
    profit = rollout_profit(effect, starts, assumptions=Assumptions(horizon_months=WINDOW))
    entry = rollout_entry({"campaign_id": "R"}, effect, starts, profit=profit)

    assert margin.low <= 2.0 <= margin.high
    assert margin.control_mean == pytest.approx(60, abs=0.5)
    # By hand: kept × half the window × 60, and 2 yuan in each month served, less interest.
    kept = -effect.headline.effect
    served = WINDOW * (1 - effect.headline.treated_mean / 2)
    each = kept * WINDOW / 2 * margin.control_mean + margin.effect * served
    count = starts["customers"].sum()
    assert profit.margin_yuan == pytest.approx(count * each * 1.1 ** (-WINDOW / 24), rel=1e-9)
    assert profit.cost_yuan == pytest.approx(160_000)
    assert profit.positive_share > 0.99
    assert entry.roi == pytest.approx(profit.margin_yuan / 160_000 - 1)
    assert entry.roi_low < entry.roi < entry.roi_high
    assert (entry.worked, entry.paid, entry.evidence) == ("yes", "yes", "C")


def test_revenue_is_gained_by_customers_kept_and_by_those_who_stay():
    frame = with_margin(cells(-0.005), gain=2.0)
    # Every bill is 40 yuan above its margin: what is kept brings more, what stays as much more.
    frame["revenue_yuan"] = frame["margin_yuan"] + 40 * (frame["at_risk"] - frame["left"])
    starts = begun(frame)
    effect = judge(frame, starts)
    margin, revenue = (
        effect.row(outcome=one.name) for one in (MARGIN_IN_SERVICE, REVENUE_IN_SERVICE)
    )
    assert revenue.effect == pytest.approx(margin.effect, abs=1e-9)
    assert revenue.control_mean == pytest.approx(margin.control_mean + 40, abs=1e-9)

    profit = rollout_profit(effect, starts, assumptions=Assumptions(horizon_months=WINDOW))
    months, revenue_yuan, margin_yuan = (
        profit.summary()[name][0] for name in ("kept_months", "revenue_yuan", "margin_yuan")
    )
    low, high = (profit.summary()[f"revenue_{end}_yuan"][0] for end in ("low", "high"))
    interest = 1.1 ** (-WINDOW / 24)
    assert revenue_yuan == pytest.approx(margin_yuan + 40 * interest * months, rel=1e-9)
    assert low < revenue_yuan < high
    # Without revenue nothing else moves, and none is claimed.
    without = rollout_profit(
        judge(frame.drop(columns="revenue_yuan"), starts), starts,
        assumptions=Assumptions(horizon_months=WINDOW),
    )  # fmt: skip
    assert np.isnan(without.summary()["revenue_yuan"][0])
    same = ["kept_months", "margin_yuan", "margin_low_yuan", "margin_high_yuan", "roi_low"]
    assert without.summary()[same].equals(profit.summary()[same])


def test_incentives_to_who_would_have_stayed_are_at_least_those_of_the_others():
    """By hand: 300 of 1,000 accept at 24 yuan, 50 of them leave, 40 are kept; 210 would stay."""
    assert incentives_of(0.3, 0.05, 0.04, 24.0) == pytest.approx((7.2, 0.21 * 24))
    assert incentives_of(0.3, 0.05, -0.04, 24.0) == pytest.approx((7.2, 0.25 * 24))
    assert incentives_of(0.03, 0.01, 0.04, 24.0) == pytest.approx((0.72, 0.0))
    frame = with_margin(cells(-0.005))
    starts = begun(frame)
    taken = starts.assign(
        accepted=(0.3 * starts["customers"]).astype(int),
        accepted_left=(0.05 * starts["customers"]).astype(int),
    )
    effect = judge(frame, taken)
    told = rollout_profit(effect, taken, incentive_yuan=24.0)

    size = taken["customers"].sum()
    stayed = taken["accepted"].sum() - taken["accepted_left"].sum() + size * effect.headline.effect
    assert told.summary()["windfall_yuan"][0] == pytest.approx(24.0 * stayed)
    assert "would have stayed anyway" in told.text("en")
    for unknown in (
        rollout_profit(effect, starts, incentive_yuan=24.0),
        rollout_profit(effect, taken),
        rollout_profit(effect, taken, incentive_yuan=float("nan")),
    ):
        assert np.isnan(unknown.measured.windfall_yuan)
        assert "stayed anyway" not in unknown.text("en")


def test_worth_is_not_told_without_cost_margin_or_effect():
    frame = cells(-0.005)
    starts, priced = begun(frame), with_margin(frame)
    assert rollout_profit(judge(frame, starts), starts) is None
    unbooked = starts.assign(cost_yuan=[None, *starts["cost_yuan"][1:]])
    assert rollout_profit(judge(priced, unbooked), unbooked) is None
    few = starts[:1]
    assert rollout_profit(judge(priced.query("county < 'b02'"), few), few) is None
    gaps = priced.assign(margin_yuan=priced["margin_yuan"].mask(priced.index == 3))
    assert len(judge(gaps, starts).estimates) == 1


def test_evidence_needs_designs_that_agree_and_branches_that_were_alike():
    frame = cells(-0.006, spread=0.001)
    starts = begun(frame)
    effect = judge(frame, starts)
    compared = compare_rollout(effect, orders=49, rng=np.random.default_rng(2))
    row = {"campaign_id": "R"}

    assert rollout_entry(row, effect, starts, comparison=compared).evidence == "B"
    assert rollout_entry(row, effect, starts).evidence == "C"
    apart = replace(compared, verdict="disagree")
    assert rollout_entry(row, effect, starts, comparison=apart).evidence == "C"
    differed = replace(effect, before_p=0.01)
    assert rollout_entry(row, differed, starts, comparison=compared).evidence == "C"


@pytest.mark.parametrize(
    ("starts", "branches", "reason"),
    [
        ({}, 11, "no_treated"),
        ({"b00": 8}, 11, "few_clusters"),
        ({"b00": 8}, 2, "few_clusters"),
        ({"b00": 8}, 1, "few_clusters"),
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
    with pytest.raises(DataError, match="cells"):
        judge(frame.assign(left=frame["left"].astype(float).mask(frame.index == 3, np.inf)))


def test_nothing_is_told_where_nobody_leaves_or_all_branches_start_at_once():
    assert judge(cells().assign(left=0)).headline.reason == "no_variation"
    at_once = {f"b{at:02d}": 8 for at in range(11)}
    assert judge(cells(), at_once).headline.reason == "few_clusters"


def test_branches_of_five_customers_detect_nothing():
    effect = judge(cells(-0.005, size=10))
    assert not effect.headline.detected
    assert effect.headline.high - effect.headline.low > 0.2


def test_no_number_comes_from_nothing_in_register_worth_or_designs():
    frame = with_margin(cells(-0.005, branches=2))
    starts = begun(cells())[:1]
    effect = judge(frame, starts)
    compared = compare_rollout(effect, rng=np.random.default_rng(0))
    judged = Rollout({"campaign_id": "R"}, effect, starts, compared, rollout_profit(effect, starts))
    tables = record_rollouts([judged])

    entry = tables["campaign_by_branch"].iloc[0]
    assert (entry["evidence"], entry["worked"], entry["reason"]) == ("D", "unknown", "few_clusters")
    assert np.isnan([entry[name] for name in ("kept_share", "roi")]).all()
    assert entry["cost_yuan"] == 20_000
    assert tables["campaign_by_branch_designs"]["effect"].isna().all()
    for name in ("events", "worth"):
        assert tables[f"campaign_by_branch_{name}"].empty
        assert "campaign_id" in tables[f"campaign_by_branch_{name}"]


def test_the_record_holds_a_campaigns_designs_months_and_worth():
    frame = with_margin(cells(-0.006, spread=0.001))
    starts = begun(frame)
    effect = judge(frame, starts)
    compared = compare_rollout(effect, orders=19, rng=np.random.default_rng(0))
    profit = rollout_profit(effect, starts)
    tables = record_rollouts([Rollout({"campaign_id": "R"}, effect, starts, compared, profit)])

    for name, table in tables.items():
        assert not table.duplicated(GROUPS[name]).any()
        assert (table["customers"] > 0).all()
    assert tables["campaign_by_branch_events"]["since"].tolist() == list(range(-WINDOW, WINDOW))
    again = profit_of_row(tables["campaign_by_branch_worth"].iloc[0])
    assert again.roi == pytest.approx(tables["campaign_by_branch"]["roi"][0])
    assert again.positive_share == pytest.approx(profit.positive_share)


def test_a_branch_that_had_started_before_the_first_month_is_left_out():
    frame = cells(-0.005)
    early = judge(frame, STARTS | {"b10": -3})
    assert early.headline.can_tell
    assert "b10" not in early.branches.panel.unit


def test_the_sample_operators_rollout_is_recovered(tmp_path):
    make_sample(tmp_path, customers=20_000)
    engine = ibis.duckdb.connect()
    tables = {
        name: engine.read_parquet(f"{tmp_path}/tables/{name}/*.parquet")
        for name in ("months", "customers", "contacts")
    }
    frame = collect(reduce_branch_months(tables["months"], tables["customers"]))
    started = collect(
        reduce_branch_starts(tables["contacts"], tables["customers"], campaign_id="FAMILY-ROLLOUT")
    )
    truth = read_truth(tmp_path).effect("FAMILY-ROLLOUT", "all")

    effect = judge(frame, started, window_months=12)
    entry = rollout_entry({"campaign_id": "FAMILY-ROLLOUT"}, effect, started)

    assert started["customers"].sum() == truth["customers"]
    assert len(started) == 9
    assert effect.headline.detected
    assert effect.headline.low <= truth["churn_share"] <= effect.headline.high
    assert effect.headline.effect == pytest.approx(truth["churn_share"], abs=0.02)
    assert effect.before_p > 0.05
    assert effect.branches.covered_share == pytest.approx(0.83, abs=0.02)
    assert (entry.evidence, entry.worked) == ("C", "yes")
    profit = rollout_profit(effect, started)
    assert profit.cost_yuan == pytest.approx(started["cost_yuan"].sum())
    assert profit.roi_interval()[0] < profit.roi < profit.roi_interval()[1]
    compared = compare_rollout(effect, orders=49, rng=np.random.default_rng(5))
    assert compared.verdict == "agree"
    for one in compared.told.values():
        assert one.low <= truth["churn_share"] <= one.high
    assert entry.customers == truth["customers"]
    assert entry.cost_yuan == pytest.approx(started["cost_yuan"].sum())
