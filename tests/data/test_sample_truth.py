"""The planted truth is in the published tables: churn, campaigns, survey, triggers, tiers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import statsmodels.api as sm

from cvm.data.sample import SampleSettings, Truth, make_sample
from cvm.data.sample.block import simulate_block
from cvm.data.sample.campaigns import campaigns_within
from cvm.data.sample.churn import Churn
from cvm.data.sample.effects import happened, live_again, outcomes
from cvm.data.sample.truth import add_up

MONTHS = 36


def month_number(values: pd.Series) -> pd.Series:
    dates = values.astype("datetime64[s]")
    return dates.dt.year * 12 + dates.dt.month - 1


@pytest.fixture(scope="module")
def folder_and_truth(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    folder = tmp_path_factory.mktemp("truth") / "sample"
    return folder, make_sample(folder, customers=10_000, seed=21)


@pytest.fixture(scope="module")
def truth(folder_and_truth) -> Truth:
    return folder_and_truth[1]


@pytest.fixture(scope="module")
def panel(folder_and_truth) -> pd.DataFrame:
    """Customer-months with what is known then, and whether the customer leaves the month after."""
    folder, _ = folder_and_truth
    customers = pq.read_table(folder / "tables" / "customers").to_pandas()
    months = pq.read_table(folder / "tables" / "months").to_pandas()
    customers["joined"] = month_number(customers["joined_month"])
    customers["left"] = month_number(customers["left_month"]).fillna(-1)
    customers["lock"] = month_number(customers["handset_until_month"]).fillna(-99)
    months["m"] = month_number(months["month"])
    rows = months.merge(customers).sort_values(["customer_id", "m"]).reset_index(drop=True)
    bills = rows.groupby("customer_id")["bill_yuan"]
    before = bills.rolling(4, min_periods=1).sum().to_numpy() - rows["bill_yuan"]
    before /= bills.cumcount().clip(upper=3).replace(0, np.nan)
    rows["fall"] = (1 - rows["bill_yuan"] / before).clip(lower=0).fillna(0)
    rows["leaves"] = rows["left"] == rows["m"] + 1
    return rows


@pytest.fixture(scope="module")
def contacts(folder_and_truth) -> pd.DataFrame:
    rows = pq.read_table(folder_and_truth[0] / "tables" / "contacts").to_pandas()
    rows["assigned"] = month_number(rows["assigned_month"])
    return rows


def test_the_churn_coefficients_are_the_planted_ones(panel, contacts, truth):
    rows = panel[panel["m"] < panel["m"].max()]
    reached = contacts[contacts["reached"]].set_index("customer_id")["assigned"]
    first_contact = reached.groupby(level=0).min()
    untouched = rows["m"] < rows["customer_id"].map(first_contact).fillna(10**6)
    rows = rows[untouched]
    terms = truth.planted["churn"]
    design = pd.DataFrame(
        {
            **{f"brand {name}": rows["brand"] == name for name in ("gotone", "easyown", "mzone")},
            "log_bill": np.log(rows["bill_yuan"] / 100),
            "bill_fall": rows["fall"],
            "complaints": rows["complaints"].clip(upper=3),
            "arrears_stops": rows["arrears_stops"].clip(upper=2),
            "log_circle": np.log(rows["calling_circle"] / 40),
            "off_net_share": rows["off_net_share"] - 0.35,
            "log_forwarding": np.log1p(rows["forwarding_minutes"]),
            "log_tenure": np.log((rows["m"] - rows["joined"] + 1) / 24),
            "handset_lock": (rows["m"] <= rows["lock"]) & (rows["m"] > rows["lock"] - 24),
            "outdated_tariff": rows["tariff"].isin(["全球通旧商旅套餐", "神州行旧标准卡"]),
            "new_number_range": rows["number_range"].isin(["178", "198"]),
            "family": rows["customer_type"] == "family",
            "corporate": rows["customer_type"] == "corporate",
        }
    ).astype(float)
    fit = sm.Logit(rows["leaves"].astype(float), design).fit(disp=0)
    planted = pd.Series(
        {
            **dict(zip(design.columns[:3], terms["brand"], strict=True)),
            **{name: value for name, value in terms.items() if name != "brand"},
        }
    )
    away = (fit.params - planted) / fit.bse
    assert (away.abs() <= 3).all(), away
    assert fit.bse.max() < 0.25


def test_bills_fall_and_calls_are_forwarded_before_customers_leave(panel, truth):
    """The triggers lead: leavers' last months fall and forward far more than others'."""
    forwards = panel["forwarding_minutes"] > 20
    falls = panel["fall"] > 0.25
    assert falls[panel["leaves"]].mean() > 3 * falls[~panel["leaves"]].mean()
    assert forwards[panel["leaves"]].mean() > 3 * forwards[~panel["leaves"]].mean()
    leads = truth.warning["left_by_months_since_onset"]
    assert sum(leads.values()) > 0.15 * truth.warning["customers_left"]
    assert leads["1"] + leads["2"] + leads["3"] + leads["4"] > 10 * leads["6"]


def test_bills_picked_for_a_fall_come_back(panel):
    """Regression to the mean: what a before-after reading would call an effect."""
    panel = panel.assign(change=np.log(panel["bill_yuan"]))
    grouped = panel.groupby("customer_id")["change"]
    panel["next"] = grouped.shift(-3) - panel["change"]
    fallen = (panel["fall"] > 0.25) & panel["next"].notna()
    assert panel.loc[fallen, "next"].mean() > 0.15
    assert abs(panel.loc[panel["fall"] == 0, "next"].mean()) < 0.10


def test_a_random_hold_out_finds_the_planted_effects(panel, contacts, truth):
    """Difference in means with its standard error, against the realised effects of the truth."""
    for campaign, window in (("HANDSET-HOLDOUT", 6), ("SMS-NULL", 6), ("CREDIT-HOLDOUT", 6)):
        rows = contacts[contacts["campaign_id"] == campaign].copy()
        left = panel.groupby("customer_id")["left"].first().reindex(rows["customer_id"]).to_numpy()
        rows["churned"] = (left > rows["assigned"]) & (left <= rows["assigned"] + window)
        clean = ~((rows["arm"] == "control") & rows["reached"])
        treated = rows.loc[clean & (rows["arm"] == "treated"), "churned"]
        control = rows.loc[clean & (rows["arm"] == "control"), "churned"]
        error = np.sqrt(treated.var() / len(treated) + control.var() / len(control))
        difference = treated.mean() - control.mean()
        realised = truth.effect(campaign, "all")["churn_share"]
        assert abs(difference - realised) <= 3 * error
        assert treated.mean() == pytest.approx(
            truth.effect(campaign, "treated")["churn_share_with"], abs=1e-8
        )


def test_the_null_campaign_does_exactly_nothing(truth):
    for group in ("all", "treated", "reached"):
        for tier, effect in truth.campaigns["SMS-NULL"]["realised"][group].items():
            for outcome in ("churn_share", "revenue_yuan", "months"):
                assert effect[outcome] == 0, (group, tier)


def test_the_other_campaigns_keep_customers(truth):
    for campaign in ("FAMILY-ROLLOUT", "HANDSET-HOLDOUT", "CARE-TARGETED", "CREDIT-HOLDOUT"):
        reached = truth.effect(campaign, "reached")
        treated = truth.effect(campaign, "treated")
        assert reached["churn_share"] < treated["churn_share"] < 0
        assert reached["months"] > treated["months"] > 0
        diluted = reached["churn_share"] * reached["customers"] / treated["customers"]
        assert treated["churn_share"] == pytest.approx(diluted, abs=1e-6)


def test_the_targeted_campaign_picked_customers_at_risk(panel, contacts):
    rows = contacts[contacts["campaign_id"] == "CARE-TARGETED"]
    assert (rows["arm"] == "treated").all()
    picked = panel.merge(rows[["customer_id", "assigned"]], on="customer_id")
    picked = picked[picked["m"] == picked["assigned"] - 1]
    everybody = panel[panel["m"].isin(picked["m"].unique())]
    assert picked["fall"].mean() > everybody["fall"].mean() + 0.15
    assert picked["complaints"].mean() > 1.3 * everybody["complaints"].mean()


def test_the_roll_out_reaches_nine_counties_at_their_own_time(panel, contacts, truth):
    starts = truth.campaigns["FAMILY-ROLLOUT"]["county_starts"]
    assert sum(start is None for start in starts.values()) == 2
    assert len({start for start in starts.values() if start}) == 9
    rows = contacts[contacts["campaign_id"] == "FAMILY-ROLLOUT"]
    county = panel.groupby("customer_id")["county"].first().reindex(rows["customer_id"])
    seen = rows["assigned_month"].map(lambda day: f"{day:%Y-%m}").groupby(county.to_numpy())
    assert {name: set(months) for name, months in seen} == {
        name: {start} for name, start in starts.items() if start
    }


def test_contacts_are_imperfect_and_overlap(contacts, truth):
    for campaign, facts in truth.campaigns.items():
        funnel = facts["funnel"]
        assert funnel["treated"] > funnel["attempted"] > funnel["reached"] > funnel["accepted"]
        rows = contacts[contacts["campaign_id"] == campaign]
        assert (rows["arm"] == "treated").sum() == funnel["treated"]
        assert rows["reached"].sum() >= funnel["reached"]
        planted = facts["planted"]
        cost = planted["contact_cost_yuan"] * rows["contacted_on"].notna()
        cost += planted["incentive_yuan"] * rows["accepted"]
        assert np.allclose(rows["cost_yuan"], cost)
    assert truth.campaigns["HANDSET-HOLDOUT"]["funnel"]["controls_contacted"] > 0
    assert (contacts.groupby("customer_id").size() > 1).mean() > 0.4


def test_living_again_without_a_change_gives_what_was_published():
    """The counterfactual's own step, fed no change, must return the published outcomes."""
    settings = SampleSettings(customers=4_000, seed=9)
    block = simulate_block(settings, 0)
    churn = Churn(settings, block.people)
    for campaign in campaigns_within(MONTHS):
        entries = block.entries[campaign.campaign_id]
        nothing = np.zeros(len(entries))
        again = live_again(campaign, entries, block.panel, churn, nothing, nothing)
        fact = happened(campaign, entries, block.panel, block.left)
        for outcome, values in fact.items():
            assert (again[outcome] == values).all(), (campaign.campaign_id, outcome)


def test_one_of_the_two_worlds_is_what_happened():
    settings = SampleSettings(customers=4_000, seed=9)
    block = simulate_block(settings, 0)
    churn = Churn(settings, block.people)
    for campaign in campaigns_within(MONTHS):
        entries = block.entries[campaign.campaign_id]
        given, absent = outcomes(campaign, entries, block.panel, churn, block.left)
        fact = happened(campaign, entries, block.panel, block.left)
        for outcome, values in fact.items():
            assert (np.where(entries.reached, given[outcome], absent[outcome]) == values).all()
            same = ~entries.reachable
            assert (given[outcome] == absent[outcome])[same].all()


def test_the_survey_carries_its_weights_and_they_change(folder_and_truth):
    folder, truth = folder_and_truth
    rows = pq.read_table(folder / "tables" / "survey").to_pandas()
    month = month_number(rows["surveyed_month"])
    late = month >= month_number(pd.Series(pd.to_datetime([truth.operator["first_month"]])))[0] + 18
    drivers = ["network_score", "tariff_score", "service_score", "billing_score"]
    for chosen, weights in ((~late, "weights_early"), (late, "weights_late")):
        design = sm.add_constant(rows.loc[chosen, drivers])
        fit = sm.OLS(rows.loc[chosen, "overall_score"], design).fit()
        planted = np.array(truth.planted["survey"][weights])
        away = (fit.params[drivers] - planted) / fit.bse[drivers]
        assert (away.abs() <= 3).all(), away


def test_cards_are_set_in_december_by_the_points_of_the_year(panel):
    """One point a yuan, December to November, decides the card of the next twelve months."""
    member = panel[panel["brand"] == "gotone"].copy()
    member["points"] = np.floor(member["bill_yuan"] + 1e-9)
    member["year"] = (member["m"] + 1) // 12
    year = member.groupby(["customer_id", "year"])["points"].sum()
    held = member[member["m"] % 12 == 11].set_index(["customer_id", "year"])["vip_tier"]
    before = year.reindex(
        pd.MultiIndex.from_arrays(
            [held.index.get_level_values(0), held.index.get_level_values(1) - 1]
        )
    ).fillna(0)
    first = held.index.get_level_values("year") == member["year"].min()
    steps = [before >= 8_400, before >= 4_800, before >= 3_000, before >= 2_100]
    expected = np.select(steps, ["diamond", "gold", "silver", "vip"], "none")
    assert (held.to_numpy() == expected)[~first].all()
    changes = member.groupby(["customer_id", "year"])["vip_tier"].nunique()
    assert (changes == 1).all()
    assert (panel.loc[panel["brand"] != "gotone", "vip_tier"] == "none").all()


def test_stars_follow_the_score(panel):
    """Average bill of twelve months + months of tenure + bonuses − 10 a stop."""
    rows = panel[panel["m"] >= panel["joined"]].copy()
    grouped = rows.groupby("customer_id")
    rolled = {
        name: grouped[name].rolling(12, min_periods=1).sum().to_numpy()
        for name in ("bill_yuan", "arrears_stops", "paid_on_time")
    }
    seen = grouped.cumcount() + 1
    tenure = rows["m"] - rows["joined"]
    streak = np.where(seen >= 12, rolled["paid_on_time"], 0)
    score = rolled["bill_yuan"] / seen.clip(upper=12) + tenure - 10 * rolled["arrears_stops"]
    score += 20 * rows["customer_type"].isin(["family", "corporate"]) + 30 * (streak == 12)
    star = np.searchsorted([90, 150, 210, 290, 420], score, side="right")
    star = np.where(rolled["arrears_stops"] >= 3, np.minimum(star, 3), star)
    known = seen >= 12
    sure = known & (
        np.abs(np.subtract.outer(score.to_numpy(), [90, 150, 210, 290, 420])) > 1e-6
    ).all(axis=1)
    assert (rows["star"] == star)[sure].all()
    assert (rows.loc[tenure < 3, "star"] == 0).all()


def test_usage_scenes_show_in_the_split_of_the_bill(folder_and_truth, panel):
    """Voice × data is a grid: heavy data users spend little on voice, and the reverse."""
    planted = pq.read_table(folder_and_truth[0] / "planted" / "customers").to_pandas()
    rows = panel.merge(planted[["customer_id", "scene"]], on="customer_id")
    share = (rows["data_yuan"] / rows["bill_yuan"]).groupby(rows["scene"]).mean()
    roaming = (rows["roaming_minutes"] / rows["voice_minutes"]).groupby(rows["scene"]).mean()
    assert share["data_heavy"] > 0.5 > share["light"] > share["local_voice"]
    assert roaming.drop("business_travel").max() < 0.1 < roaming["business_travel"]
    parts = rows["voice_yuan"] + rows["data_yuan"]
    assert (parts <= rows["bill_yuan"] + 1e-9).all()
    assert (rows["variable_cost_yuan"] < rows["bill_yuan"]).all()


def test_blocks_hold_ten_thousand_customers_and_their_sums_add_up():
    settings = SampleSettings(customers=10_001, months=6, seed=4)
    assert len(simulate_block(settings, 1).people) == 1
    parts = [{"a": 1, "b": 2}, {"b": 3}]
    assert add_up(parts) == {"a": 1, "b": 5}


@pytest.fixture(scope="module")
def recharges(folder_and_truth) -> pd.DataFrame:
    """Recharges with their month, and what is planted about who made them."""
    folder, _ = folder_and_truth
    rows = pq.read_table(folder / "tables" / "recharges").to_pandas()
    planted = pq.read_table(folder / "planted" / "recharges").to_pandas()
    rows["m"] = month_number(rows["recharged_on"])
    return rows.merge(planted, on="customer_id", how="left")


@pytest.fixture(scope="module")
def planted_chances(folder_and_truth, panel) -> pd.DataFrame:
    """Prepaid customer-months with the recharges expected of a day, worked out from the tables."""
    planted = pq.read_table(folder_and_truth[0] / "planted" / "recharges").to_pandas()
    rows = panel[panel["payment"] == "prepaid"].merge(planted, on="customer_id")
    rows["days"] = pd.to_datetime(rows["month"]).dt.days_in_month
    rows["a_day"] = rows["bill_yuan"] / rows["days"] / rows["mean_recharge_yuan"]
    return rows


def test_recharges_lie_within_service_and_stop_in_silence(recharges, panel):
    prepaid = panel[panel["payment"] == "prepaid"]
    served = set(zip(prepaid["customer_id"], prepaid["m"], strict=True))
    assert set(zip(recharges["customer_id"], recharges["m"], strict=True)) <= served
    day, stop = (pd.to_datetime(recharges[name]) for name in ("recharged_on", "stops_on"))
    joined = recharges["customer_id"].map(panel.groupby("customer_id")["joined"].first())
    opening = recharges["m"] == joined
    assert (day <= stop)[stop.notna() & ~opening].all()
    assert not recharges.duplicated(["customer_id", "recharged_on"]).any()
    # Who joins in the panel recharges in the month of joining; so is it known when he began.
    came = prepaid.loc[prepaid["joined"] >= prepaid["m"].min(), "customer_id"].unique()
    assert set(came) <= set(recharges.loc[opening, "customer_id"])


def test_expected_recharges_are_the_bill_over_the_mean_recharge(planted_chances, truth):
    """The truth's expectation against one from the tables, in months nobody joins or stops in."""
    rows = planted_chances
    stops = month_number(pd.to_datetime(rows["stops_on"]))
    whole = (rows["m"] != rows["joined"]) & (rows["m"] != stops)
    expected = (rows["a_day"].clip(upper=0.9) * rows["days"])[whole].groupby(rows["m"]).sum()
    for month, facts in zip(
        sorted(expected.index), truth.recharges["months"].values(), strict=True
    ):
        here = rows[rows["m"] == month]
        partly = here[~whole[here.index]]
        assert facts["in_service"] == len(here)
        assert facts["still_recharging"] == (stops[here.index] != month).sum()
        assert facts["bill_yuan"] == pytest.approx(here["bill_yuan"].sum())
        most = expected[month] + (partly["a_day"] * partly["days"] + 1).sum()
        assert expected[month] - 0.01 <= facts["expected_recharges"] <= most


def test_recharges_came_as_expected_in_number_and_amount(recharges, truth):
    months = pd.DataFrame(truth.recharges["months"].values())
    assert months["recharges"].tolist() == recharges.groupby("m").size().tolist()
    assert months["recharged_yuan"].tolist() == recharges.groupby("m")["amount_yuan"].sum().tolist()
    away = (months["recharges"] - months["expected_recharges"]) / np.sqrt(
        months["expected_recharges"]
    )
    assert away.abs().max() < 4
    assert 0.7 < away.std() < 1.1  # days are drawn one by one: a little below Poisson
    assert months["recharged_yuan"].sum() == pytest.approx(months["bill_yuan"].sum(), rel=0.02)
    amounts = truth.recharges["planted"]["amounts_yuan"]
    assert set(recharges["amount_yuan"]) <= set(amounts)
    rest = recharges["amount_yuan"] - recharges["mean_recharge_yuan"]
    by_size = rest.groupby(pd.qcut(recharges["mean_recharge_yuan"], 5)).agg(["mean", "sem"])
    assert (by_size["mean"].abs() <= 3.5 * by_size["sem"]).all()


def test_size_and_frequency_of_recharges_are_all_but_unrelated(planted_chances):
    each = planted_chances.groupby("customer_id").agg(
        size=("mean_recharge_yuan", "first"), a_day=("a_day", "mean")
    )
    assert abs(np.log(each).corr().loc["size", "a_day"]) < 0.2
