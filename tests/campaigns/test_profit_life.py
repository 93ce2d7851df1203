"""Customers kept over their remaining life: by hand, by simulated lives, and what is left out."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cvm.campaigns.effect import CHURN, Estimate
from cvm.campaigns.profit import Profit
from cvm.campaigns.profit_assumptions import Assumptions
from cvm.campaigns.profit_life import KeptLife, churn_of, kept_lives, value_card
from cvm.campaigns.profit_measured import Measured
from cvm.core.checks import MissingDataError

TWO = {"horizon_months": 2, "discount_rate_year": 0.0, "confidence": 0.9}
SIXTY = {"horizon_months": 60, "discount_rate_year": 0.1, "confidence": 0.9}
PLAIN = Assumptions(horizon_months=8, discount_yearly=0.0, kept_churn_times=1.0)


def card(value, life, *, value_ends=(0, 0), life_ends=(0, 0), **more):
    return {
        "value_yuan": value, "value_yuan_low": value + value_ends[0],
        "value_yuan_high": value + value_ends[1], "further_months": life,
        "further_months_low": life + life_ends[0], "further_months_high": life + life_ends[1],
    } | more  # fmt: skip


def facts(**known):
    return pd.DataFrame({"key": list(known), "value": list(map(float, known.values()))})


def cards(*rows):
    names = ["arm", "vip_tier", "contract", "customers", "left"]
    return pd.DataFrame(rows, columns=names).assign(campaign_id="H")


def profit(life=None, assumptions=PLAIN, **changed):
    measured = Measured(
        treated_count=1000, window_months=6, margin_yuan=4.0, kept_share=0.02, cost_yuan=10.0,
        covariance=np.array([[4.0, 0.003, 0.1], [0.003, 1e-4, 0.0], [0.1, 0.0, 0.04]]),
        monthly_margin_yuan=50.0, monthly_churn_share=0.1,
    )  # fmt: skip
    churn = Estimate(
        outcome=CHURN, effect=-0.02, se=0.01, low=-0.04, high=0.0, p_value=0.06,
        treated_count=1000, control_count=500,
    )  # fmt: skip
    return Profit(
        campaign="H", measured=replace(measured, **changed), assumptions=assumptions, churn=churn,
        life=life,
    )  # fmt: skip


LIFE = KeptLife(
    value_yuan=300.0, value_se_yuan=30.0, known_share=0.75, customers=100, months=60,
    churn_share=0.02, margin_yuan=40.0,
)  # fmt: skip


def test_a_card_by_hand():
    # 90 % stay each month: 0.9 + 0.81 of two months, 100 yuan each.
    found = value_card(card(171.0, 1.71), TWO, 1.0)
    assert (found.churn_share, found.margin_yuan, found.value_yuan) == pytest.approx(
        (0.1, 100.0, 171.0)
    )
    # Those kept leave twice as fast: 0.8 + 0.64.
    assert value_card(card(171.0, 1.71), TWO, 2.0).value_yuan == pytest.approx(144.0)
    assert value_card(card(171.0, 1.71), TWO, 20.0).value_yuan == pytest.approx(0.0)
    # Nobody leaves: every month of the horizon, however fast "times" nothing is.
    assert churn_of(2.0, 2) == 0.0
    assert value_card(card(200.0, 2.0), TWO, 5.0).value_yuan == pytest.approx(200.0)
    # A card that costs more than it brings loses money on whoever stays.
    assert value_card(card(-171.0, 1.71), TWO, 2.0).value_yuan == pytest.approx(-144.0)
    assert math.isnan(churn_of(0.0, 60))


def test_the_first_month_after_the_window_lies_a_month_ahead():
    # The card's value counts its next renewal in full; at 10 % a year a month is 1.1^(−1/12).
    found = value_card(card(3186.0, 37.0), SIXTY, 1.0)
    assert found.value_yuan == pytest.approx(3186.0 * 1.1 ** (-1 / 12))


def test_a_card_agrees_with_simulated_lives():
    rng = np.random.default_rng(3)
    churn, month, times, yearly = 0.02, 55.0, 1.5, 1.1
    lives = np.minimum(rng.geometric(churn, 400_000) - 1, 60)
    # What a yuan a month is worth for so many months, the first of them so far ahead.
    series = (1 - yearly ** (-np.arange(61) / 12)) / (1 - yearly ** (-1 / 12))
    value = month * series[lives].mean()
    kept = np.minimum(rng.geometric(times * churn, 400_000) - 1, 60)

    found = value_card(card(value, lives.mean()), SIXTY, times)

    assert found.churn_share == pytest.approx(churn, rel=0.01)
    assert found.value_yuan == pytest.approx(
        month * yearly ** (-1 / 12) * series[kept].mean(), rel=0.01
    )


def test_without_an_end_it_is_the_familiar_ratio_of_hazards():
    far = {"horizon_months": 8_000, "discount_rate_year": 0.1, "confidence": 0.9}
    # Long lives, so that months are as good as continuous time.
    life, discount = 500.0, math.log(1.1) / 12
    hazard = 1 / life
    for times in (1.0, 1.5, 3.0):
        found = value_card(card(1_000.0, life), far, times).value_yuan
        expected = 1_000 * (hazard + discount) / (times * hazard + discount)
        assert found == pytest.approx(expected, rel=0.015)


def test_the_error_holds_both_ends():
    # Life known, value ± 10 %: the error is a tenth of the value over 1.645.
    known = value_card(card(1_000, 40, value_ends=(-100, 100)), SIXTY, 1.5)
    assert known.value_se_yuan == pytest.approx(0.1 * known.value_yuan / 1.6449, rel=1e-3)
    # A life that is open makes it wider, as a longer one loses less to faster leaving.
    both = card(1_000, 40, value_ends=(-100, 100), life_ends=(-4, 4))
    assert value_card(both, SIXTY, 1.5).value_se_yuan > known.value_se_yuan


TIERS = pd.DataFrame(
    [
        card(1_000, 40, value_ends=(-50, 50), vip_tier="gold", customers=60),
        card(400, 30, value_ends=(-20, 20), vip_tier="none", customers=900),
        card(9_000, 55, vip_tier="diamond", customers=9),
        card(math.nan, math.nan, vip_tier="vip", customers=80),
    ]
)


def values(times=1.5):
    rows = {row["vip_tier"]: row for row in TIERS.to_dict("records")}
    return {name: value_card(rows[name], SIXTY, times) for name in ("gold", "none")}


def test_those_who_left_without_the_offer_say_whom_it_keeps():
    held = cards(
        ("control", "gold", True, 100, 5), ("control", "none", True, 300, 20),
        ("treated", "gold", True, 300, 9), ("treated", "none", True, 300, 40),
        ("control", "none", False, 200, 25), ("treated", "none", False, 400, 60),
    )  # fmt: skip
    found = kept_lives(held, TIERS, facts(**SIXTY))["H"]
    one = values()
    assert found.value_yuan == pytest.approx(
        0.2 * one["gold"].value_yuan + 0.8 * one["none"].value_yuan
    )
    # 25 of the control's 50 leavers pay after use.
    assert (found.known_share, found.customers, found.months) == (0.5, 50, 60)
    # Errors of cards add up; who holds which is a sample of 25.
    spread = 0.2 * 0.8 * (one["gold"].value_yuan - one["none"].value_yuan) ** 2 / 25
    together = 0.2 * one["gold"].value_se_yuan + 0.8 * one["none"].value_se_yuan
    assert found.value_se_yuan == pytest.approx(math.hypot(together, math.sqrt(spread)))

    # No control: those who left in spite of the offer, 49 of 109 with a card that has a value.
    alone = kept_lives(held[held["arm"] == "treated"], TIERS, facts(**SIXTY))["H"]
    assert (alone.known_share, alone.customers) == (49 / 109, 109)
    mean = (9 * one["gold"].value_yuan + 40 * one["none"].value_yuan) / 49
    assert alone.value_yuan == pytest.approx(mean)
    # Too few leavers: all treated stand for those kept.
    few = kept_lives(held.assign(left=1), TIERS, facts(**SIXTY))["H"]
    assert (few.known_share, few.customers) == (0.6, 1_000)
    half = 0.5 * (one["gold"].value_yuan + one["none"].value_yuan)
    assert few.value_yuan == pytest.approx(half)
    faster = kept_lives(held, TIERS, facts(**SIXTY), Assumptions(kept_churn_times=3.0))["H"]
    assert faster.value_yuan < found.value_yuan


def test_small_cards_and_cards_without_a_figure_are_left_out_with_their_share():
    held = cards(
        ("treated", "gold", None, 40, 1), ("treated", "diamond", None, 10, 0),
        ("treated", "vip", None, 30, 0), ("treated", "silver", None, 20, 0),
    )  # fmt: skip
    found = kept_lives(held, TIERS, facts(**SIXTY))["H"]
    assert found.known_share == 0.4
    assert found.value_yuan == pytest.approx(values()["gold"].value_yuan)

    # Fewer than ten without a value are taken as the others, so that nobody can count them.
    nearly = held.assign(customers=[40, 9, 0, 0])
    almost = kept_lives(nearly, TIERS, facts(**SIXTY))["H"]
    assert (almost.known_share, almost.customers) == (1.0, 49)

    nobody = kept_lives(held.iloc[1:], TIERS, facts(**SIXTY))["H"]
    assert (nobody.known_share, nobody.can_tell) == (0.0, False)
    assert profit(nobody).over_life is None
    assert "No lifetime value is known" in profit(nobody).text("en")
    assert "没有可用的生命周期价值" in profit(nobody).text("zh")


def test_one_value_for_all_serves_every_card():
    whole = TIERS.iloc[1:2].assign(vip_tier="all")
    held = cards(("treated", "gold", None, 40, 1), ("treated", "none", None, 60, 0))
    assert kept_lives(held, whole, facts(**SIXTY))["H"].known_share == 1.0


def test_without_lifetime_values_all_is_as_before():
    held = cards(("treated", "gold", None, 40, 1))
    assert kept_lives(held, None, None) == {}
    assert kept_lives(held, TIERS, facts(margin_share=0.4)) == {}
    plain = profit()
    assert plain.over_life is None
    assert "life" not in plain.text("en")
    row = plain.summary().iloc[0]
    assert math.isnan(row["life_roi"])
    assert row["life_months"] == 0
    with pytest.raises(MissingDataError):
        kept_lives(held.drop(columns="left"), TIERS, facts(**SIXTY))


def test_life_is_counted_from_the_end_of_the_window_and_nothing_twice():
    one = profit(LIFE)
    other = one.over_life
    # Over the horizon 85.5 yuan after the window; a quarter have no other value.
    assert other.kept_value_yuan == pytest.approx(0.75 * 300 + 0.25 * 85.5)
    assert other.margin_yuan == pytest.approx(1000 * (4 + 0.02 * (0.75 * 300 + 0.25 * 85.5)))
    assert (other.cost_yuan, other.measured) == (one.cost_yuan, one.measured)
    # At a discount it counts from the end of the window, half a year after assignment.
    later = profit(replace(LIFE, known_share=1.0), replace(PLAIN, discount_yearly=0.1)).over_life
    assert later.kept_value_yuan == pytest.approx(300 * 1.1**-0.5)
    # The headline does not move.
    assert one.roi == profit().roi
    assert one.roi_interval() == profit().roi_interval()
    # A value as it stands over the horizon leaves both readings the same.
    same = profit(replace(LIFE, value_yuan=85.5)).over_life
    assert same.roi == pytest.approx(one.roi)


def test_the_second_interval_covers_what_it_should():
    # Effect, margin, card values and who is without one drawn about a known truth.
    rng = np.random.default_rng(11)
    truth, runs = profit(replace(LIFE, known_share=0.75)), 2_000
    expected = truth.over_life.roi
    drawn = rng.multivariate_normal([4.0, 0.02, 10.0], truth.measured.covariance, runs)
    value = rng.normal(300, 30, runs)
    share = rng.binomial(100, 0.75, runs) / 100
    inside = 0
    for (margin, kept, cost), each, part in zip(drawn, value, share, strict=True):
        life = replace(LIFE, value_yuan=each, known_share=part)
        one = profit(life, margin_yuan=margin, kept_share=kept, cost_yuan=cost).over_life
        low, high = one.roi_interval()
        inside += low <= expected <= high
    assert 0.93 <= inside / runs <= 0.97


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_sentence_says_both_readings_and_what_makes_them_differ(lang):
    one = profit(LIFE)
    said = one.text(lang)
    assert f"{100 * one.over_life.roi:+.0f}%".replace("-", "−") in said
    assert f"{100 * one.roi:+.0f}%".replace("-", "−") in said
    for part in ("10.0%", "2.0%", "60", "1"):
        assert part in said
    assert (
        "没有可用的生命周期价值" if lang == "zh" else "No lifetime value is known for 25%"
    ) in said
    full = profit(replace(LIFE, known_share=1.0)).text(lang)
    assert "25%" not in full
    stated = profit(LIFE, replace(PLAIN, kept_value_yuan=500.0)).text(lang)
    assert (
        "给定的保有客户价值" if lang == "zh" else "the stated value of a kept customer"
    ) in stated
