"""Sample size and power as R prints them; assignment; what a hold-out costs and is worth."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nct, t
from statsmodels.stats.power import TTestIndPower

from cvm.campaigns.assign import assign_arms, assign_campaigns
from cvm.campaigns.design import Plan, design_campaign, value_holdout
from cvm.campaigns.effect import REVENUE
from cvm.campaigns.power import (
    customers_needed,
    events_needed,
    power_of_clusters,
    power_of_means,
    power_of_shares,
)
from cvm.core.checks import ArgumentError, DataError


def test_power_as_r_prints_it():
    # R: power.t.test(n = 20, delta = 1, sd = 1); power.prop.test(n = 50, p1 = .50, p2 = .75)
    assert power_of_means(1, 1, control_count=20) == pytest.approx(0.868953, abs=5e-7)
    assert power_of_shares(0.5, 0.75, control_count=50, strict=False) == pytest.approx(
        0.7401659, abs=5e-8
    )


def test_sizes_as_r_prints_them():
    # R: power.t.test(delta = 1, power = .90); power.prop.test(p1 = .50, p2 = .75, power = .90)
    means = customers_needed(lambda n: power_of_means(1, 1, control_count=n), power=0.9)
    shares, churn = (
        customers_needed(
            lambda n, a=a, b=b: power_of_shares(a, b, control_count=n, strict=False), power=power
        )
        for a, b, power in ((0.5, 0.75, 0.9), (0.03, 0.027, 0.8))
    )

    assert means == pytest.approx(22.02109, abs=5e-5)
    assert shares == pytest.approx(76.7069, abs=5e-4)
    assert churn == pytest.approx(48_291.7, abs=0.05)


def test_schoenfelds_events():
    assert events_needed(0.5) == pytest.approx(65.3457, abs=5e-5)
    assert events_needed(0.5) == pytest.approx(events_needed(2.0))


@pytest.mark.parametrize(("effect", "ratio"), [(0.3, 1.0), (0.1, 4.0), (0.0, 2.0)])
def test_power_of_means_equals_statsmodels_with_unequal_arms(effect, ratio):
    peer = TTestIndPower().power(effect, nobs1=90, alpha=0.05, ratio=ratio)

    ours = power_of_means(effect, 1, control_count=90, treated_count=90 * ratio)

    assert ours == pytest.approx(peer, abs=1e-9)


def test_without_an_effect_power_is_the_level():
    assert power_of_shares(0.03, 0.03, control_count=500) == pytest.approx(0.05)
    assert power_of_means(0, 10, control_count=500) == pytest.approx(0.05)


def test_eleven_branches_see_little_however_many_customers_they_hold():
    few, many = (
        power_of_clusters(
            0.1,
            1,
            control_clusters=5,
            treated_clusters=6,
            cluster_customers=customers,
            correlation=0.05,
        )
        for customers in (1_000, 1_000_000)
    )

    # By hand: se = √(.05 × (1/5 + 1/6)) for very many customers, nine degrees of freedom.
    shift, reach = 0.1 / math.sqrt(0.05 * (1 / 5 + 1 / 6)), t.isf(0.025, 9)
    assert many == pytest.approx(nct.sf(reach, 9, shift) + nct.cdf(-reach, 9, shift), abs=1e-4)
    assert many - few < 0.01


def test_months_before_halve_the_customers_needed_if_they_explain_half():
    plain = customers_needed(lambda n: power_of_means(5, 100, control_count=n))
    cuped = customers_needed(lambda n: power_of_means(5, 100, control_count=n, explained_share=0.5))

    assert cuped / plain == pytest.approx(0.5, abs=1e-3)


def test_a_plan_says_what_it_can_see_and_the_detectable_effect_has_the_power_sought():
    plan = Plan(customers=20_000, control_share=0.3, baseline=0.12, effect=-0.02)

    found = design_campaign(plan)

    chosen = found.summary().query("chosen").iloc[0]
    assert plan.power_at(chosen["detectable"]) == pytest.approx(0.8, abs=1e-6)
    assert chosen["control_count"] == 6_000
    assert "percentage points" in found.text("en")
    assert "个百分点" in found.text("zh")


def test_an_effect_too_small_for_the_base_is_said_not_to_be_seen():
    plan = Plan(customers=100, baseline=0.01, effect=-0.005)

    assert math.isnan(plan.detectable)
    assert "–" in design_campaign(plan).text("en")


def test_a_plan_for_revenue_needs_the_spread():
    with pytest.raises(ArgumentError, match="deviation"):
        Plan(customers=100, baseline=80, effect=2, outcome=REVENUE)


def test_what_knowing_is_worth_by_simulation():
    rng = np.random.default_rng(1)
    truth = rng.normal(2, 5, 400_000)
    seen = rng.normal(truth, 4)
    belief = (2 / 25 + seen / 16) / (1 / 25 + 1 / 16)
    gain = np.mean(np.where(belief > 0, truth, 0)) - 2

    found = value_holdout(
        control_count=500,
        profit_yuan=2,
        profit_deviation_yuan=5,
        result_error_yuan=4,
        future_customers=10_000,
    )

    assert found.cost_yuan == 1_000
    assert found.worth_yuan / 10_000 == pytest.approx(gain, abs=0.02)
    assert found.worth_it


def test_nothing_is_worth_knowing_where_nothing_is_in_doubt():
    found = value_holdout(
        control_count=10,
        profit_yuan=2,
        profit_deviation_yuan=0,
        result_error_yuan=1,
        future_customers=10_000,
    )

    assert found.worth_yuan == 0
    assert not found.worth_it
    assert "not worth" in found.text("en")


@pytest.fixture(scope="module")
def customers():
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:05}" for number in range(5_003)],
            "tier": rng.choice(["gold", "silver", "none"], 5_003, p=[0.1, 0.2, 0.7]),
            "county": rng.choice([f"K{n}" for n in range(11)], 5_003),
        }
    )


def test_assignment_keeps_the_share_in_each_stratum(customers):
    found = assign_arms(customers, control_share=0.2, seed=7, strata=["tier", "county"])

    sizes = found.table.groupby(["tier", "county"])["arm"].agg(
        held=lambda arm: (arm == "control").sum(), size="size"
    )
    assert ((sizes["held"] - 0.2 * sizes["size"]).abs() < 1).all()
    assert abs((found.table["arm"] == "control").sum() - 0.2 * 5_003) < 1


def test_assignment_is_the_same_from_the_seed_whatever_the_order_of_rows(customers):
    shuffled = customers.sample(frac=1, random_state=1)

    once = assign_arms(customers, control_share=0.2, seed=7, strata=["tier"])
    again = assign_arms(shuffled, control_share=0.2, seed=7, strata=["tier"])
    other = assign_arms(customers, control_share=0.2, seed=8, strata=["tier"])

    pd.testing.assert_frame_equal(once.table, again.table)
    assert not once.table["arm"].equals(other.table["arm"])


def test_every_customer_has_the_same_chance_even_in_strata_of_one():
    alone = pd.DataFrame({"customer_id": ["A", "B", "C"], "tier": ["x", "y", "z"]})

    held = np.mean(
        [
            (
                assign_arms(alone, control_share=0.3, seed=seed, strata=["tier"]).table["arm"]
                == "control"
            ).to_numpy()
            for seed in range(600)
        ],
        axis=0,
    )

    np.testing.assert_allclose(held, 0.3, atol=0.06)


def test_a_universal_control_is_in_no_campaign(customers, tmp_path):
    campaigns = {"A": customers.iloc[:3_000], "B": customers.iloc[2_000:]}

    found = assign_campaigns(campaigns, control_share=0.2, universal_share=0.05, seed=1)

    apart = {
        name: set(one.table.loc[one.table["arm"] == "universal_control", "customer_id"])
        for name, one in found.items()
    }
    shared = set(customers["customer_id"].iloc[2_000:3_000])
    assert apart["A"] & shared == apart["B"] & shared
    assert len(apart["A"] | apart["B"]) == pytest.approx(0.05 * 5_003, abs=1)
    file = found["A"].write(tmp_path / "a.csv")
    assert pd.read_csv(file)["arm"].value_counts()["control"] == pytest.approx(570, abs=5)
    assert file.read_bytes()[:3] == b"\xef\xbb\xbf"


def test_a_customer_given_twice_is_an_error(customers):
    with pytest.raises(DataError, match="1 repeated"):
        assign_arms(pd.concat([customers, customers.head(1)]), control_share=0.2, seed=1)


def test_global_random_state_is_untouched(customers):
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002

    assign_arms(customers, control_share=0.2, seed=7)

    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
