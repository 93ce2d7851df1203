"""Campaigns without a control: the naive reading, sensitivity, bad input, designs side by side."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cvm.campaigns.before_after import compare_naively, read_before_after, read_change
from cvm.campaigns.candidates import campaigns_of, make_candidates, pick_campaign
from cvm.campaigns.compare_designs import compare_designs, compare_methods
from cvm.campaigns.effect import CHURN, REVENUE, Effect, Estimate, Outcome, cannot_tell
from cvm.campaigns.inference import score_shares
from cvm.campaigns.matched import adjust_matched, estimate_matched
from cvm.campaigns.matching import Matches, match_nearest
from cvm.campaigns.portfolio import profit_of_row
from cvm.campaigns.profit_measured import measured_from
from cvm.campaigns.propensity import SeparatedError, fit_propensity
from cvm.campaigns.sensitivity import (
    bound_mcnemar,
    bound_signed_rank,
    critical_gamma,
    e_value,
    e_values_of,
    rosenbaum_bounds,
)
from cvm.campaigns.targeted import evidence_of
from cvm.campaigns.targeted_checks import contacts_usable
from cvm.campaigns.targeted_record import GROUPS, Targeted, record_targeted
from cvm.campaigns.targeted_register import targeted_entry, targeted_profit
from cvm.campaigns.weighting import estimate_weighted
from cvm.campaigns.without_control import (
    against_held_out,
    compare_with_held_out,
    judge_without_control,
)
from cvm.core.checks import ArgumentError, DataError, MissingDataError

BILL = Outcome(name="bill_yuan", kind="yuan")
# Morton et al. (1982): lead in the blood (µg/dl) of 33 children whose fathers worked with lead, and
# of 33 neighbours' children; as printed in Rosenbaum (2002), Observational Studies, table 3.1.
# fmt: off
EXPOSED = np.array([
    38, 23, 41, 18, 37, 36, 23, 62, 31, 34, 24, 14, 21, 17, 16, 20, 15,
    10, 45, 39, 22, 35, 49, 48, 44, 35, 43, 39, 34, 13, 73, 25, 27,
])
NEIGHBOURS = np.array([
    16, 18, 18, 24, 19, 11, 10, 15, 16, 18, 18, 13, 19, 10, 16, 16, 24,
    13, 9, 14, 21, 19, 7, 18, 19, 12, 11, 22, 25, 16, 13, 11, 13,
])
# fmt: on


def panel(rng, customers=3_000, *, effect=0.0, months=(24_294, 24_295)):
    """Return rows as the engine reduces them to: contacts triggered by a fallen bill."""
    parts = []
    contacted = np.zeros(customers, dtype=bool)
    usual = rng.gamma(4, 25, customers)
    for period in months:
        fall = np.clip(rng.normal(0, 0.25, customers), 0, 0.9)
        now = ~contacted & (rng.random(customers) < 1 / (1 + np.exp(3 - 6 * fall)))
        churned = rng.random(customers) < 0.05 + 0.15 * fall + effect * now
        kept = usual * rng.lognormal(0, 0.1, customers)
        left = contacted.copy()
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": np.arange(customers),
                    "period": period,
                    "treated": now,
                    "contacted_later": False,
                    "before_bill_yuan": usual * (1 - fall),
                    "before_bill_mean_yuan": usual,
                    "before_bill_fall": fall,
                    "placebo_bill_yuan": usual * rng.lognormal(0, 0.1, customers),
                    "placebo_off_net_share": rng.random(customers),
                    "county": rng.choice(["A", "B", "C"], customers),
                    "churned": churned.astype(int),
                    "revenue_yuan": kept * 4 * ~churned,
                    "months": np.where(churned, 2, 4),
                    "complaints": rng.poisson(0.1, customers),
                    "kept_bill_yuan": np.where(churned, np.nan, kept),
                    "observed_months": 4,
                    "missing_months": 0,
                }
            )[~left]
        )
        contacted |= now
    return pd.concat(parts, ignore_index=True)


def judged(rows, **options):
    candidates = make_candidates(rows, window_months=4)
    return judge_without_control(candidates, rng=np.random.default_rng(0), **options)


# Sensitivity: published numbers


def test_rosenbaums_bounds_of_the_lead_pairs():
    """Rosenbaum (2002), table 4.3: children of lead workers, signed-rank test."""
    table = rosenbaum_bounds(EXPOSED - NEIGHBOURS, gammas=(2, 3, 4, 5)).set_index("gamma")

    assert table["p_value"].round(4).to_dict() == {2: 0.0018, 3: 0.0131, 4: 0.0367, 5: 0.0694}
    assert 4 < critical_gamma(EXPOSED - NEIGHBOURS, level=0.05) < 5


def test_without_hidden_bias_the_bound_is_the_usual_test():
    gaps = EXPOSED - NEIGHBOURS
    plain = stats.wilcoxon(gaps, alternative="greater", method="approx", zero_method="wilcox")

    assert bound_signed_rank(gaps, 1) == pytest.approx(plain.pvalue, rel=0.05)
    # scipy corrects the variance for ties, the bound (as published) takes Σ ranks² of tied ranks.
    assert critical_gamma(gaps, level=0.05) == critical_gamma(-gaps, better="lower", level=0.05)
    assert critical_gamma(gaps, better="lower") == 1.0


def test_the_bound_of_events_is_binomial():
    gaps = np.array([1] * 2 + [-1] * 12 + [0] * 86)

    assert bound_mcnemar(-gaps, 1) == pytest.approx(
        stats.binomtest(12, 14, alternative="greater").pvalue
    )
    assert bound_mcnemar(-gaps, 2) == pytest.approx(
        stats.binomtest(12, 14, p=2 / 3, alternative="greater").pvalue
    )
    gamma = critical_gamma(gaps, share=True, better="lower", level=0.05)
    assert bound_mcnemar(-gaps, gamma) == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize(
    ("ratio", "limit", "expected"),
    [
        # VanderWeele & Ding (2017): smoking and lung cancer; breast-feeding and leukaemia.
        (3.9, 1.8, (7.26303, 3.0)),
        (10.73, 8.02, (20.95, 15.52)),
        (0.80, 0.91, (1.81, 1.43)),
        (1.2, 0.9, (1.69, 1.0)),
    ],
)
def test_e_values_as_published(ratio, limit, expected):
    assert (e_value(ratio), e_value(ratio, limit)) == pytest.approx(expected, abs=6e-3)


def test_e_values_of_estimates():
    share = Estimate(
        outcome=CHURN,
        treated_mean=0.078,
        control_mean=0.02,
        effect=0.058,
        se=0.02,
        low=0.016,
        high=0.1,
        p_value=0.004,
    )
    money = Estimate(outcome=BILL, effect=5.0, se=1.0, low=3.0, high=7.0, p_value=1e-6)

    assert e_values_of(share) == pytest.approx((7.26303, 3.0), abs=1e-5)
    expected = e_value(math.exp(0.91 * 0.5)), e_value(math.exp(0.91 * 0.5 - 1.78 * 0.1))
    assert e_values_of(money, deviation=10.0) == pytest.approx(expected)
    with pytest.raises(DataError, match="deviation"):
        e_values_of(money)


# The naive reading


def test_before_and_after_add_up_by_hand():
    before = np.r_[np.full(30, 40.0), np.full(30, 40.0)]
    after = np.r_[np.full(30, 60.0), np.full(30, 52.0)] + np.tile([1.0, -1.0], 30)
    matches = Matches(treated=np.arange(30), controls=np.arange(30, 60)[:, None], size=60)

    found = read_before_after(BILL, before, after, matches)

    assert (found.naive, found.regression, found.rest) == pytest.approx((20, 12, 8))
    assert found.regression_share == pytest.approx(0.6)
    assert "60% of it" in found.text("en")
    assert "占60%" in found.text("zh")


def test_a_bill_that_fell_recovers_and_the_reading_says_so():
    found = judged(panel(np.random.default_rng(1)))

    reading = found.before_after
    # No effect is planted: the whole rise is regression to the mean.
    assert reading.naive > 10
    assert abs(reading.rest) < 2.6 * reading.errors[2]
    assert reading.naive == pytest.approx(reading.regression + reading.rest)
    assert not found.headline.detected
    assert found.naive.detected
    assert found.naive.effect > 0


def test_the_naive_comparison_is_the_test_of_two_groups():
    rng = np.random.default_rng(2)
    arm, churned, bill = rng.random(400) < 0.4, rng.random(400) < 0.2, rng.gamma(2, 40, 400)

    share = compare_naively(CHURN, churned, arm)
    money = compare_naively(BILL, bill, arm)

    expected = score_shares(
        (churned[~arm].sum(), (~arm).sum()), (churned[arm].sum(), arm.sum()), 0.95
    )
    assert share.p_value == pytest.approx(expected["p_value"])
    welch = stats.ttest_ind(bill[arm], bill[~arm], equal_var=False)
    assert money.p_value == pytest.approx(welch.pvalue, rel=1e-12)
    assert (money.low, money.high) == pytest.approx(welch.confidence_interval())


# What the engine reduced, as plain columns


def test_candidates_mark_what_was_filled_and_name_what_is_unknown():
    rows = panel(np.random.default_rng(3))
    rows.loc[:99, "before_bill_fall"] = np.nan
    rows["before_star"] = np.nan

    found = make_candidates(rows, window_months=4)

    assert found.filled == {"before_bill_fall": pytest.approx(100 / len(rows))}
    assert found.covariate("before_bill_fall_missing").sum() == 100
    assert found.covariate("before_bill_fall")[0] == pytest.approx(rows["before_bill_fall"].mean())
    assert found.unknown == ("before_star",)
    assert {"county=B", "county=C"} <= set(found.names) or {"county=A"} & set(found.names)
    assert found.column("churned").tolist() == rows["churned"].tolist()
    with pytest.raises(MissingDataError, match="margin"):
        found.column("margin")


def test_few_contacted_bear_few_covariates():
    rows = panel(np.random.default_rng(4)).assign(county="A", before_star=1.0)
    rows.loc[rows.index % 3 == 0, ["county", "before_star"]] = "B", 4.0
    rows.loc[rows.index % 3 == 1, ["county", "before_star"]] = "C", 5.0
    keep = ~rows["treated"] | (rows["treated"].cumsum() <= 40)

    found = make_candidates(rows[keep], window_months=4)

    assert len(found.names) == 8
    assert "before_bill_fall" in found.names
    assert set(found.left_out) < {"before_star", "county=A", "county=B", "county=C"}
    assert found.left_out


# Bad input


def test_all_contacted_is_said_not_estimated():
    rows = panel(np.random.default_rng(5)).query("treated")

    found = judged(rows)

    assert found.headline.reason == "no_control"
    assert math.isnan(found.headline.effect)
    assert "no customer was held out" in found.text("en")


def test_no_churn_at_all_cannot_be_told_but_revenue_can():
    rows = panel(np.random.default_rng(6))
    rows["churned"] = 0

    found = judged(rows)

    assert {one.reason for one in found.estimates if one.outcome.name == "churned"} == {
        "few_events"
    }
    assert found.row(outcome="revenue_yuan", method="aipw_cross_fitted").can_tell
    assert "Cannot tell" in found.text("en")
    assert "无法判断" in found.text("zh")


def test_a_control_of_five_cannot_tell():
    rows = panel(np.random.default_rng(7))
    few = pd.concat([rows.query("treated"), rows.query("not treated").head(5)])

    assert judged(few).headline.reason == "few_customers"


def test_one_county_is_judged_without_it():
    rows = panel(np.random.default_rng(15)).assign(county="A")
    found = judged(rows)

    assert found.headline.can_tell
    balance = found.checks.item("balance").table["column"]
    assert not balance.str.startswith("county").any()


@pytest.mark.parametrize(
    "change",
    [
        {"treated": True},
        {"churned": 0},
        {"observed_months": 2},
        {"treated": False},
    ],
    ids=["all treated", "no churn", "window open", "none treated"],
)
def test_no_number_comes_from_nothing_in_register_worth_or_designs(change):
    rows = panel(np.random.default_rng(16)).assign(margin_yuan=10.0, **change)
    rows["cost_yuan"] = np.where(rows["treated"], 5.0, np.nan)
    candidates = make_candidates(rows, window_months=4)
    effect = judge_without_control(candidates, rng=np.random.default_rng(0))
    tables = record_targeted(
        [Targeted({"campaign_id": "care"}, effect, targeted_profit(candidates, effect))]
    ).tables

    entry = tables["campaign_without_control"].iloc[0]
    assert (entry["evidence"], entry["worked"], entry["paid"]) == ("D", "unknown", "unknown")
    assert entry["reason"]
    assert np.isnan([entry[name] for name in ("kept_share", "roi", "margin_yuan")]).all()
    designs = tables["campaign_without_control_designs"]
    assert designs.loc[~designs["naive"], "effect"].isna().all()
    assert tables["campaign_without_control_worth"].empty
    assert "Fewer than two" in compare_methods(effect).text("en")


def test_a_trigger_that_decides_alone_leaves_nobody_to_compare():
    rows = panel(np.random.default_rng(8))
    rows = rows[rows["period"] == 24_294].copy()
    rows["treated"] = rows["before_bill_fall"] > 0.3

    found = judged(rows)

    assert found.headline.reason == "separated"
    assert "decides without exception" in found.text("en")
    with pytest.raises(SeparatedError):
        fit_propensity(rows["treated"], rows[["before_bill_fall"]])
    weighted = estimate_weighted(
        CHURN, rows["churned"], rows["treated"], rows[["before_bill_fall"]]
    )
    assert weighted.reason == "separated"


def test_no_overlap_is_said():
    rng = np.random.default_rng(9)
    score = np.r_[rng.normal(8, 1, 200), rng.normal(0, 1, 800)]
    arm = np.r_[np.ones(200), np.zeros(800)]
    values = rng.normal(size=1_000)
    matches = match_nearest(arm, score, caliper=0.05)

    assert estimate_matched(REVENUE, values, matches).reason == "no_overlap"
    assert adjust_matched(REVENUE, values, matches, score[:, None]).reason == "no_overlap"


def test_months_that_are_not_in_the_data_yet_or_missing_are_said():
    rows = panel(np.random.default_rng(10))

    early = judged(rows.assign(observed_months=2))
    gaps = rows.assign(missing_months=(rows.index % 5 == 0).astype(int))
    few = rows.assign(missing_months=(rows.index % 50 == 0).astype(int))

    assert early.headline.reason == "window_open"
    assert judged(gaps).headline.reason == "missing_months"
    told = judged(few)
    assert told.headline.can_tell
    assert told.checks.item("complete").status == "watch"
    assert told.checks.item("complete").value == pytest.approx(0.02, abs=1e-3)
    with pytest.raises(DataError, match="missing_months"):
        make_candidates(rows.assign(missing_months=1), window_months=4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outcomes_that_are_not_finite_are_refused_by_name(value):
    rows = panel(np.random.default_rng(11))
    rows.loc[3, "revenue_yuan"] = value

    with pytest.raises(DataError, match="missing or infinite in 1 rows"):
        judged(rows)


def test_infinite_covariates_and_no_rows_are_refused():
    rows = panel(np.random.default_rng(12))

    with pytest.raises(DataError, match="before_bill_fall"):
        make_candidates(rows.assign(before_bill_fall=np.inf), window_months=4)
    with pytest.raises(DataError, match="rows == 0"):
        make_candidates(rows.iloc[:0], window_months=4)
    with pytest.raises(ArgumentError, match="outcomes"):
        judged(rows, outcomes=[Outcome(name="nobody_knows")])


def test_contacts_after_leaving_are_counted_and_stand_above_the_result():
    contacts = pd.DataFrame({"status": ["after_leaving", "usable"], "customers": [150, 850]})

    check = contacts_usable(contacts)
    found = judged(panel(np.random.default_rng(13)), contacts=contacts)

    assert (check.status, check.value) == ("failed", pytest.approx(0.15))
    assert "15.0% of the contacts cannot be judged" in check.text("en")
    assert "checks failed: contacts that can be judged" in found.text("en")


def test_an_effect_that_is_planted_is_found_and_its_sensitivity_told():
    rows = panel(np.random.default_rng(14), 12_000, effect=-0.05)

    found = judged(rows, campaign="care")

    assert found.headline.detected
    assert found.headline.low < -0.05 < found.headline.high
    assert found.checks.failed == ()
    assert found.checks.item("placebo").status == "ok"
    assert found.sensitivity.gamma > 1
    assert 1 < found.sensitivity.e_value_limit < found.sensitivity.e_value
    assert "lowered churn" in found.text("en")
    assert "未知因素" in found.sensitivity.text("zh")
    frames = found.frames()
    assert {"summary", "naive", "before_after", "sensitivity_bounds", "scores"} <= set(frames)
    assert frames["scores"][["treated_share", "control_share"]].sum().tolist() == pytest.approx(
        [1, 1]
    )


def test_a_hidden_reason_for_contact_is_caught_by_the_placebo():
    rng = np.random.default_rng(15)
    rows = panel(rng, 6_000)
    # Whom the manager knows to have paid much long ago is contacted; no covariate tells.
    rows["placebo_off_net_share"] += 0.3 * rows["treated"]

    found = judged(rows)

    assert found.checks.item("placebo_outcome").status == "failed"
    assert found.text("en").startswith("Do not rely on this result yet")
    assert found.text("zh").startswith("以下检查未通过")


# Designs side by side


def estimate(effect, se, **known):
    reach = 1.96 * se
    return Estimate(
        outcome=CHURN,
        estimand="treated",
        effect=effect,
        se=se,
        low=effect - reach,
        high=effect + reach,
        p_value=2 * float(stats.norm.sf(abs(effect) / se)),
        **known,
    )


def test_designs_agree_disagree_or_cannot_tell_by_hand():
    near = {"matched": estimate(-0.03, 0.01), "aipw": estimate(-0.02, 0.008)}
    far = near | {"ipw": estimate(0.04, 0.01)}
    none = {"matched": estimate(-0.01, 0.01), "aipw": estimate(0.005, 0.01)}
    # One detects, the other points the other way: 0.05 apart, with an error of 0.032.
    open_ = {"synthetic": estimate(-0.03, 0.01), "synthetic_did": estimate(0.02, 0.03)}
    few = {
        "matched": estimate(-0.03, 0.01),
        "aipw": cannot_tell(CHURN, "no_overlap", estimand="treated"),
    }

    found = {
        name: compare_designs(one)
        for name, one in {
            "agree": near, "disagree": far, "none": none, "few": few, "open": open_,
        }.items()
    }  # fmt: skip

    assert {name: one.verdict for name, one in found.items()} == {name: name for name in found}
    assert [found[name].agree for name in found] == [True, False, None, None, None]
    # Gap 0.07 with error √(0.01² + 0.01²), times three pairs.
    expected = 3 * 2 * stats.norm.sf(0.07 / math.hypot(0.01, 0.01))
    assert found["disagree"].p_value == pytest.approx(expected)
    assert "disagree on churn among treated customers" in found["disagree"].text("en")
    assert "says little" in found["none"].text("en")
    assert "too few customers without contact resemble" in found["few"].text("en")
    assert "结论一致" in found["agree"].text("zh")
    assert "too wide to say whether they agree" in found["open"].text("en")
    assert "无法判断是否一致" in found["open"].text("zh")
    assert len(found["disagree"].summary()) == 3


def test_designs_are_compared_on_one_estimand_only():
    one, other = estimate(-0.03, 0.01), estimate(-0.02, 0.01)
    with pytest.raises(ArgumentError, match="one estimand at a time"):
        compare_designs({"a": one, "b": Estimate(outcome=CHURN, estimand="reached")})
    with pytest.raises(ArgumentError, match="at least one design"):
        compare_designs({})
    effect = Effect(estimates=(other, one))

    assert compare_designs({"a": one, "b": effect}).rows["b"] is other


# The register


def test_evidence_by_hand():
    rows = panel(np.random.default_rng(14), 6_000, effect=-0.05)
    found = judged(rows)
    agree = compare_methods(found)
    failed = judged(rows, contacts=pd.DataFrame({"status": ["no_month"], "customers": [9]}))
    silent = judged(rows.query("treated"))
    apart = replace(agree, verdict="disagree")
    weak = replace(found, sensitivity=replace(found.sensitivity, gamma=1.1, e_value_limit=1.2))

    assert set(agree.rows) == {
        "aipw_cross_fitted",
        "matched_adjusted",
        "matched",
        "ipw",
        "aipw_trimmed",
    }
    assert [evidence_of(one, agree) for one in (found, failed, silent, weak)] == list("BCDC")
    assert evidence_of(found, apart) == "C"


def test_the_register_row_and_what_it_was_worth():
    rows = panel(np.random.default_rng(14), 6_000, effect=-0.05)
    rows["margin_yuan"] = 0.6 * rows["revenue_yuan"]
    rows["cost_yuan"] = np.where(rows["treated"], 10.0, np.nan)
    candidates = make_candidates(rows, window_months=4)
    effect = judge_without_control(candidates, campaign="care", rng=np.random.default_rng(0))
    campaign = {
        "campaign_id": "care",
        "design": "targeted",
        "start_month": pd.Timestamp(2024, 7, 1),
    }

    profit = targeted_profit(candidates, effect)
    entry = targeted_entry(campaign, effect, profit)

    assert profit.cost_yuan == pytest.approx(10 * rows["treated"].sum())
    assert profit.measured.margin_yuan == pytest.approx(
        0.6 * effect.row(outcome="revenue_yuan", method="aipw_cross_fitted").effect
    )
    assert entry.kept_share == -effect.headline.effect
    assert entry.customers == rows["treated"].sum()
    assert (entry.evidence, entry.worked) == ("B", "yes")
    assert entry.roi == pytest.approx(profit.roi)
    rows["accepted"] = np.where(rows["treated"], np.arange(len(rows)) % 2, np.nan)
    taken = make_candidates(rows, window_months=4)
    told = targeted_profit(taken, effect, incentive_yuan=30.0)
    own = rows[rows["treated"]]
    stayed = (own["accepted"] * (1 - own["churned"])).mean() + effect.headline.effect
    assert told.summary()["windfall_yuan"][0] == pytest.approx(30.0 * stayed * len(own))
    assert told.roi == profit.roi
    assert math.isnan(profit.measured.windfall_yuan)
    no_cost = make_candidates(rows.drop(columns="cost_yuan"), window_months=4)
    assert targeted_profit(no_cost, effect) is None
    silent = judged(rows.query("treated"))
    assert targeted_profit(candidates, silent) is None
    assert targeted_entry(campaign, silent).evidence == "D"


def test_worth_scatters_more_where_customers_kept_bring_the_margin_too():
    """By hand: var(m) + v² var(k) + 2 v cov, with cov = each × var(k), each = half the window."""
    churn = Estimate(outcome=CHURN, effect=-0.04, se=0.01, low=-0.06, high=-0.02, p_value=1e-4,
                     treated_count=1_000, control_count=900, control_mean=0.1)  # fmt: skip
    margin = Estimate(outcome=Outcome(name="margin_yuan", kind="yuan"), effect=5.0, se=3.0,
                      low=-1.0, high=11.0, p_value=0.1)  # fmt: skip
    of = {"window_months": 4, "cost_yuan": 2.0, "monthly_margin_yuan": 50.0}

    found = measured_from(churn, margin=margin, **of).covariance
    alone = measured_from(churn, **of)

    assert found[:2, :2] == pytest.approx(np.array([[9.0, 0.01], [0.01, 1e-4]]))
    assert alone.margin_yuan == pytest.approx(0.04 * 100)
    assert alone.covariance[:2, :2] == pytest.approx(np.array([[1.0, 0.01], [0.01, 1e-4]]))
    sharp = measured_from(churn, margin=replace(margin, se=0.5), **of).covariance
    assert sharp[0, 1] == pytest.approx(0.5 * 0.01)


def test_a_report_of_before_and_after_is_the_change_of_the_contacted():
    before, after = np.array([100.0, 80, 60, 40] * 5), np.array([110.0, 100, 60, 70] * 5)
    found = read_change(REVENUE, before, after, control_count=7)
    paired = stats.ttest_rel(after, before)

    assert (found.effect, found.treated_count, found.control_count) == (15.0, 20, 7)
    assert found.p_value == pytest.approx(paired.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(paired.confidence_interval(0.95)))
    assert read_change(REVENUE, before, before + 1).reason == "no_variation"
    assert read_change(REVENUE, before[:1], after[:1]).reason == "few_customers"
    assert read_change(REVENUE, np.append(before, np.nan), np.append(after, 5.0)) == replace(
        found, control_count=0
    )


def test_naive_readings_stand_beside_the_designs_and_are_never_counted():
    rows = panel(np.random.default_rng(21), 6_000)
    found = judged(rows)
    churned, money = compare_methods(found), compare_methods(found, "revenue_yuan")

    assert list(churned.naive) == ["naive"]
    assert list(money.naive) == ["naive_before"]
    assert "matched_did" in money.rows
    # Contacted customers are those at risk: against everybody else they look driven away.
    assert churned.naive["naive"].detected
    assert churned.verdict == "none"
    alone = compare_designs(churned.rows)
    assert (alone.verdict, alone.p_value) == (churned.verdict, churned.p_value)
    assert churned.summary()["naive"].tolist() == [False] * 5 + [True]
    assert "everybody else" in churned.text("en")
    assert "everybody else" not in alone.text("en")


def test_curves_of_the_matched_end_where_the_matched_estimate_says():
    found = judged(panel(np.random.default_rng(22), 4_000, effect=-0.04))
    curves = found.curves.set_index(["arm", "month"])["kept_share"]

    matched = found.row(outcome="churned", method="matched")
    assert curves["treated", 0] == curves["control", 0] == 1.0
    # Who left in the panel above was there for two months.
    assert curves["treated", 2] == 1.0
    assert curves["treated", 3] == pytest.approx(1 - matched.treated_mean)
    gap = curves["treated", 4] - curves["control", 4]
    assert gap == pytest.approx(-matched.effect, abs=1e-9)
    retention = judged(panel(np.random.default_rng(22), 4_000, effect=-0.1)).retention
    assert retention.horizon == 4
    # The same customers leave less: months kept and the test within sets say so together.
    assert retention.estimate.effect > 0
    assert retention.estimate.detected
    assert retention.log_rank_p < 0.05
    assert "stay" in retention.text("en")
    assert "在网时间延长" in retention.text("zh")
    assert retention.plot(lang="zh").lines[0].get_ydata()[0] == 1.0


def test_the_record_holds_every_campaign_and_counts_customers():
    rows = panel(np.random.default_rng(23), 4_000, effect=-0.05)
    rows["margin_yuan"] = 0.6 * rows["revenue_yuan"]
    rows["cost_yuan"] = np.where(rows["treated"], 10.0, np.nan)
    rows["held_out"] = ~rows["treated"] & (np.arange(len(rows)) % 4 == 0)
    candidates = make_candidates(rows, window_months=4)
    effect = judge_without_control(candidates, campaign="care", rng=np.random.default_rng(0))
    silent = judged(rows.query("treated"))
    proof = compare_with_held_out(candidates, effect)
    campaigns = [{"campaign_id": name, "design": "targeted"} for name in ("care", "all")]

    tables = record_targeted(
        [
            Targeted(campaigns[0], effect, targeted_profit(candidates, effect)),
            Targeted(campaigns[1], silent),
        ],
        {"held": proof},
    ).tables

    assert list(tables) == list(GROUPS)
    for name, table in tables.items():
        assert not table.duplicated(GROUPS[name]).any()
        assert "customers" in table
    designs = tables["campaign_without_control_designs"]
    assert designs.groupby("campaign_id")["design"].first().to_dict()["held"] == "randomised"
    assert designs.query("campaign_id == 'all'")["effect"].isna().all()
    worth = tables["campaign_without_control_worth"]
    assert worth["campaign_id"].tolist() == ["care"]
    assert profit_of_row(worth.iloc[0]).roi == pytest.approx(
        tables["campaign_without_control"]["roi"][0]
    )
    balance = tables["campaign_without_control_balance"]
    assert balance["covariate"].iloc[0].startswith("before_bill")
    assert (balance["before"].abs().iloc[0]) > 0.5 > balance["after"].abs().max()
    empty = record_targeted([]).tables["campaign_without_control_worth"]
    assert list(empty.columns) == ["campaign_id", "customers"]


def test_a_campaign_is_picked_by_name_or_as_the_latest_of_its_design():
    campaigns = pd.DataFrame(
        {
            "campaign_id": ["old", "new", "held"],
            "start_month": pd.to_datetime(["2024-01-01", "2024-06-01", "2024-09-01"]),
            "design": ["targeted", "targeted", "holdout"],
        }
    )

    assert pick_campaign(campaigns)["campaign_id"] == "new"
    assert pick_campaign(campaigns, "old")["campaign_id"] == "old"
    assert pick_campaign(campaigns.drop(columns="design"))["campaign_id"] == "held"
    assert campaigns_of(campaigns)["campaign_id"].tolist() == ["old", "new"]
    with pytest.raises(ArgumentError, match="available: old, new, held"):
        pick_campaign(campaigns, "lost")
    with pytest.raises(ArgumentError, match="design"):
        pick_campaign(campaigns, design="staggered")


def test_the_held_out_give_the_plain_difference():
    rows = panel(np.random.default_rng(16), months=(24_294,))
    rows["held_out"] = ~rows["treated"] & (np.arange(len(rows)) % 2 == 0)
    one, other = (rows.loc[rows[name], "churned"] for name in ("treated", "held_out"))

    found = against_held_out(make_candidates(rows, window_months=4))

    assert found.effect == pytest.approx(one.mean() - other.mean())
    assert (found.method, found.estimand) == ("randomised", "treated")


def test_too_few_events_among_the_contacted_cannot_be_told():
    rng = np.random.default_rng(17)
    x, arm = rng.normal(size=(2_000, 1)), np.arange(2_000) < 40
    churned = (rng.random(2_000) < 0.05) & ~arm

    found = estimate_weighted(CHURN, churned, arm, x, method="ipw")

    # 5 % of 40 contacted would be two customers.
    assert found.reason == "few_events"
