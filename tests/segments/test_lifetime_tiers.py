"""Value by tier within a horizon: closed forms, plain loops, and what cannot be told."""

import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError
from cvm.segments.lifetime import fit_lifetime
from cvm.segments.lifetime_ahead import look_ahead, project_tiers
from cvm.segments.lifetime_backtest import backtest_lifetime
from cvm.segments.lifetime_discount import discounted_renewals_closed
from cvm.segments.lifetime_models import log_retention, log_survival
from cvm.segments.lifetime_outlook import LifetimeOutlook
from cvm.segments.lifetime_tiers import value_tiers
from cvm.segments.survival_cohorts import cohorts_from_survivors, read_cohorts

REGULAR = [1000, 931, 868, 812, 766, 729, 692, 661]
HIGH_END = [1000, 989, 973, 963, 953, 941, 937, 929]
BOTH = cohorts_from_survivors({"gold": HIGH_END, "vip": REGULAR})
TODAY = pd.DataFrame(
    {"tier": ["gold", "gold", "vip"], "age_periods": [7, 30, 7], "customers": [900, 100, 661]}
)
EARNED = pd.DataFrame(
    {"tier": ["gold", "vip"], "earned_yuan": [300.0, 100.0], "error_yuan": [0.0, 2.0]}
)


def fit_of(**options):
    return fit_lifetime(BOTH, by_tier=True, **options)


def test_further_life_is_the_sum_of_survival():
    fit = fit_of()
    gold = look_ahead(fit, TODAY, 24)[0]
    at = fit.group("gold").point
    survival = np.exp(log_survival(at, np.arange(60.0)))
    expected = [0.9 * survival[7 + h] / survival[7] + 0.1 * survival[30 + h] / survival[30]
                for h in range(1, 25)]  # fmt: skip

    np.testing.assert_allclose(gold.staying[0], expected)
    assert gold.further()[0] == pytest.approx(sum(expected))
    assert gold.customers == 1000


def test_far_ahead_value_is_derl_in_closed_form():
    """Fader & Hardie (2010): discounted renewals by Gauss's function."""
    fit = fit_of()
    alpha, beta, _ = fit.group("vip").alpha_beta_c
    far = value_tiers(fit, TODAY, EARNED, horizon_months=900, discount_rate_year=0.2)
    each = discounted_renewals_closed(alpha, beta, 7, 1.2 ** (1 / 12) - 1)

    vip = far.table.set_index("tier").loc["vip"]
    assert vip["value_yuan"] == pytest.approx(100 * float(each), rel=1e-4)
    assert vip["total_yuan"] == pytest.approx(661 * vip["value_yuan"])
    assert far.total["value_yuan"] == pytest.approx(far.table["total_yuan"].sum())


def test_a_point_of_retention_is_a_point_after_a_year():
    fit = fit_of()
    at, rate = fit.group("vip").point, 1.1 ** (1 / 12) - 1
    vip = look_ahead(fit, TODAY, 36)[1]

    assert vip.with_point[0, 11] - vip.staying[0, 11] == pytest.approx(0.01)
    # Month by month, each retention raised by the same factor.
    retention = np.exp(log_retention(at, np.arange(8.0, 44)))
    factor = ((np.prod(retention[:12]) + 0.01) / np.prod(retention[:12])) ** (1 / 12)
    more = np.cumprod(np.minimum(1, factor * retention)) - np.cumprod(retention)
    discounted = more @ (1 + rate) ** -np.arange(36.0)
    found = value_tiers(fit, TODAY, EARNED, horizon_months=36).table.set_index("tier")
    assert found.loc["vip", "point_yuan"] == pytest.approx(100 * discounted)
    assert found.loc["vip", "point_yuan_low"] < 100 * discounted
    assert found.loc["vip", "point_yuan_high"] > 100 * discounted


def test_elasticity_is_the_effect_of_one_per_cent_more_monthly_retention():
    fit = fit_of()
    vip = look_ahead(fit, TODAY, 48)[1]
    weights = 1.01 ** -np.arange(48.0)
    steps = np.arange(1.0, 49)
    more, less = (vip.staying[0] * factor**steps @ weights for factor in (1.0001, 0.9999))

    assert vip.elasticity(0.01)[0] == pytest.approx((np.log(more) - np.log(less)) / 2e-4, rel=1e-5)


def test_retention_cannot_pass_one():
    loyal = cohorts_from_survivors({"gold": [100_000, 99_990, 99_985, 99_981, 99_978]})
    today = pd.DataFrame({"tier": ["gold"], "age_periods": [4], "customers": [99_978]})
    gold = look_ahead(fit_lifetime(loyal, by_tier=True), today, 24)[0]

    assert gold.with_point.max() <= 1
    assert np.all(gold.with_point[0] >= gold.staying[0])


def test_the_interval_joins_life_and_margin():
    fit = fit_of()
    table = value_tiers(fit, TODAY, EARNED, horizon_months=24).table.set_index("tier")
    rate = 1.1 ** (1 / 12) - 1
    gold, vip = look_ahead(fit, TODAY, 24)
    life = gold.discounted(rate)

    assert table.loc["gold", "value_yuan_low"] == pytest.approx(300 * life.min())
    assert table.loc["gold", "value_yuan_high"] == pytest.approx(300 * life.max())
    life = vip.discounted(rate)
    below = np.hypot(100 * (life[0] - life.min()), life[0] * 2 * 1.6448536)
    assert table.loc["vip", "value_yuan"] - table.loc["vip", "value_yuan_low"] == pytest.approx(
        below
    )


def test_tiers_fitted_together_err_together():
    apart = value_tiers(fit_of(), TODAY, EARNED).total
    fit = fit_lifetime(BOTH)
    found = value_tiers(fit, TODAY, EARNED)
    table = found.table
    reach = (table["customers"] * (table["value_yuan"] - table["value_yuan_low"])).sum()

    assert found.total["value_yuan"] - found.total["low_yuan"] == pytest.approx(reach)
    assert apart["low_yuan"] < apart["value_yuan"] < apart["high_yuan"]


def test_a_loss_grows_with_life_and_is_said():
    earned = EARNED.assign(earned_yuan=[-20.0, 100.0])
    found = value_tiers(fit_of(), TODAY, earned)
    gold = found.table.set_index("tier").loc["gold"]

    assert gold["value_yuan_low"] < gold["value_yuan"] < gold["value_yuan_high"] < 0
    assert gold["point_yuan"] < 0
    assert "gold lie below the cost to serve" in found.text("en")
    assert "金卡的毛利低于服务成本" in found.text("zh")


def test_nobody_is_lost_where_a_tier_cannot_be_told():
    cohorts = cohorts_from_survivors(
        {"gold": [50, 50, 50], "silver": [40, 0, 0], "vip": REGULAR, "none": [30, 25, 20]}
    )
    today = pd.DataFrame(
        {
            "tier": ["diamond", "gold", "vip"],
            "age_periods": [9, 2, 7],
            "customers": [12, 50, 661],
        }
    )
    found = value_tiers(fit_lifetime(cohorts, by_tier=True), today, EARNED, horizon_months=12)
    table = found.table.set_index("tier")

    assert table["reason"].to_dict() == {
        "diamond": "not_seen",
        "gold": "nobody_left",
        "silver": "nobody_now",
        "vip": "",
        "none": "nobody_now",
    }
    assert table["customers"].sum() == 723
    assert found.total["customers"] == 661
    # Of fifty nobody left in a hundred chances: at least 0.1^(1/100) stay a month, at 90 %.
    least = (0.1 ** (np.arange(1.0, 13) / 100)).sum()
    assert table.loc["gold", "further_months_low"] == pytest.approx(least)
    assert table.loc["gold", "further_months_high"] == 12
    assert np.isnan(table.loc["gold", "value_yuan"])
    en, zh = found.text("en"), found.text("zh")
    assert "Nobody of gold has left yet (50 customers)" in en
    assert "Nobody was followed who came in as diamond, so its 12 customers" in en
    assert "Nobody holds" in en
    assert "金卡（50户）至今无人离网" in zh


def test_a_tier_without_a_margin_has_a_life_and_no_value():
    found = value_tiers(fit_of(), TODAY, EARNED.head(1))
    vip = found.table.set_index("tier").loc["vip"]

    assert vip["reason"] == "not_earned"
    assert vip["further_months"] > 0
    assert np.isnan(vip["value_yuan"])
    assert "it is not known what a month earns" in found.text("en")


def test_few_customers_are_counted_and_not_named():
    today = TODAY.assign(customers=[9, 0, 661]).query("customers > 0")
    found = value_tiers(fit_of(), today, EARNED)

    assert found.total["customers"] == 670
    assert "gold" not in found.text("en")
    assert "金卡" not in found.text("zh")
    assert "fewer than 10 customers are counted and not named" in found.text("en")


@pytest.mark.parametrize(
    ("given", "message"),
    [({"horizon_months": 0}, "horizon"), ({"discount_rate_year": 0}, "discount_rate_year == 0")],
)
def test_assumptions_out_of_range_are_named(given, message):
    with pytest.raises(ArgumentError, match=message):
        value_tiers(fit_of(), TODAY, EARNED, **given)


def test_projected_tiers_are_the_sums_of_their_cohorts():
    frame = pd.DataFrame(
        {
            "tier": ["gold"] * 8 + ["vip"] * 8 + ["gold"] * 4,
            "cohort": ["a"] * 16 + ["b"] * 4,
            "age_periods": [*range(8), *range(8), 20, 21, 22, 23],
            "customers": [*HIGH_END, *REGULAR, 100, 99, 98, 98],
        }
    )
    cohorts = read_cohorts(frame)
    fit = fit_lifetime(cohorts, by_tier=True)
    today = cohorts.latest()[["tier", "age_periods", "customers"]]
    mine = project_tiers(fit, today, 6)
    theirs = fit.project(6).groupby(["tier", "ahead_periods"])

    np.testing.assert_allclose(mine["expected_customers"], theirs["expected_customers"].sum())
    np.testing.assert_allclose(mine["now_customers"], theirs["now_customers"].sum())
    # One cohort alone: the same limits to the customer.
    vip = mine["tier"] == "vip"
    for name in ("expected_low", "expected_high", "low", "high"):
        np.testing.assert_allclose(mine.loc[vip, name], theirs[name].sum()["vip"])


def test_cohorts_added_up_are_tested_as_a_whole():
    test = backtest_lifetime(BOTH, hold_out=2, by_tier=True, add_up=True, naive_periods=3)
    rows = test.rows.set_index(["tier", "ahead_periods"])

    assert rows["actual_customers"].to_dict() == {
        ("gold", 1): 937, ("gold", 2): 929, ("vip", 1): 692, ("vip", 2): 661,
    }  # fmt: skip
    # The naive forecast by hand: three last known months, from 868 of 931 … to 729.
    kept = (812 + 766 + 729) / (868 + 812 + 766)
    assert rows.loc[("vip", 2), "naive_customers"] == pytest.approx(729 * kept**2)
    single = backtest_lifetime(BOTH, hold_out=2, by_tier=True, naive_periods=3)
    assert test.overall()["model_error_share"] == pytest.approx(
        single.overall()["model_error_share"]
    )
    with pytest.raises(ArgumentError, match="naive_periods"):
        backtest_lifetime(BOTH, hold_out=2, naive_periods=0)


def outlook(today=TODAY, followed=None, test=None):
    return LifetimeOutlook(
        tiers=value_tiers(fit_of(), today, EARNED, horizon_months=24),
        followed=followed or {"gold": 1000, "vip": 1000},
        margin_share=0.7,
        backtest=test,
    )


def test_the_page_gets_a_row_a_tier_and_its_facts():
    test = backtest_lifetime(BOTH, hold_out=2, by_tier=True, add_up=True)
    found = outlook(test=test)
    tiers, facts = found.frames()["lifetime_tiers"], found.frames()["lifetime_facts"]

    assert list(tiers.columns) == [
        "vip_tier",
        "customers",
        "further_months",
        "further_months_low",
        "further_months_high",
        "value_yuan",
        "value_yuan_low",
        "value_yuan_high",
    ]
    assert tiers["vip_tier"].tolist() == ["gold", "vip"]
    assert tiers["customers"].tolist() == [1000, 661]
    known = dict(zip(facts["key"], facts["value"], strict=True))
    assert known["horizon_months"] == 24
    assert known["discount_rate_year"] == 0.1
    assert known["margin_share"] == 0.7
    assert known["backtest_model_error_share"] == test.overall()["model_error_share"]
    assert known["backtest_naive_error_share"] == test.overall()["naive_error_share"]
    for lang in ("en", "zh"):
        assert found.tiers.text(lang) in found.text(lang)
    assert "Too few months" in outlook().text("en")


def test_figures_that_rest_on_few_followed_customers_stay_at_home():
    tiers = outlook(followed={"gold": 9, "vip": 1000}).page_tiers().set_index("vip_tier")

    assert tiers.loc["gold", "customers"] == 1000
    assert tiers.loc["gold"].drop("customers").isna().all()
    assert tiers.loc["vip"].notna().all()
