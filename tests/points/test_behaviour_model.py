"""The behaviour model by hand: distance to the threshold, its terms, draws, stated assumptions."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError
from cvm.points.behaviour_model import Behaviour, ChannelMix, Coefficients
from cvm.points.behaviour_season import is_spring_festival
from cvm.points.behaviour_stated import stated_behaviour

TERMS = {
    "intercept": -1.8,
    "log_ratio": 0.9,
    "log_ratio_over_3": 0.5,
    "just_qualified": 1.0,
    "rush": 1.5,
    "festival": 0.4,
    "tier_gold": 0.2,
    "since_3": -0.3,
    "waited_5": -0.1,
    "waited_longer": -1.0,
    "waited_unknown": -0.7,
    "month_1": 0.06,
    "value": 0.8,
}
AVERAGES = {"intercept": 1.0, "just_qualified": 0.25, "tier_gold": 0.1}


def behaviour(**changes):
    settings = {
        "chance": Coefficients.known(TERMS, averages=AVERAGES),
        "take_all": Coefficients.known({"intercept": math.log(0.4 / 0.6)}),
        "part": Coefficients.known({"intercept": math.log(0.7 / 0.3)}),
        "part_spread": 0.1,
        "mix": ChannelMix(
            channels=("services", "merchants"),
            tiers=("gold",),
            shares=np.array([[0.6, 0.4], [0.2, 0.8]]),
            covariance=np.zeros((2, 2, 2)),
        ),
        "source": "fitted",
        "threshold_points": 3_500,
        "tiers": ("gold", "none"),
        "waited_edges_months": (2, 5),
        "pressure_below_points": 600,
        "pressure_log_spend": 0.05,
    }
    return Behaviour(**{**settings, **changes})


def chance(log_odds):
    return 1 / (1 + math.exp(-log_odds))


def test_the_chance_by_hand():
    model = behaviour()
    state = {
        "tier": "gold",
        "calendar_month": 1,
        "festival": True,
        "just_qualified": True,
        "months_since_last": 2,
        "months_waited": 0,
        "months_to_expiry": 1,
        "expiring_share": 0.5,
    }
    base = -1.8 + 0.9 * math.log(2) + 0.2 + 0.06 + 0.4 + 1.0 - 0.3 + 0.75

    assert model.monthly_chance(7_000, **state) == pytest.approx(chance(base))
    # Clearing is further than the rush months away; a wait of known length; another of unknown.
    later = {**state, "months_to_expiry": 3}
    assert model.monthly_chance(7_000, **later) == pytest.approx(chance(base - 0.75))
    for months, effect in ((2, 0.0), (3, -0.1), (6, -1.0), (math.nan, -0.7)):
        waited = {**state, "months_waited": months}
        assert model.monthly_chance(7_000, **waited) == pytest.approx(chance(base + effect))
    bent = base + 0.9 * math.log(2) + 0.5 * math.log(4 / 3)
    assert model.monthly_chance(14_000, **state) == pytest.approx(chance(bent))
    richer = chance(base + 0.8 * math.log(1.25))
    assert model.monthly_chance(7_000, **state, value_ratio=1.25) == pytest.approx(richer)


def test_what_is_not_known_counts_with_its_average():
    expected = -1.8 + 0.9 * math.log(2) + 0.25 * 1.0 + 0.1 * 0.2
    assert behaviour().monthly_chance(7_000) == pytest.approx(chance(expected))


def test_nobody_redeems_below_the_threshold():
    model = behaviour()
    assert model.monthly_chance([0, 3_499, 3_500]).tolist() == [0, 0, 0]
    assert model.monthly_chance(3_501) > 0
    assert behaviour(exceed=False).monthly_chance(3_500) > 0
    assert model.monthly_chance(0, threshold_points=0) == 0


def test_behaviour_follows_the_distance_to_a_new_threshold():
    model = behaviour()
    assert model.monthly_chance(2_000, threshold_points=1_000) == pytest.approx(
        float(model.monthly_chance(7_000))
    )
    # No threshold: far above it, at the end of the range seen.
    assert model.monthly_chance(5_000, threshold_points=0) == pytest.approx(
        float(model.monthly_chance(10 * 3_500))
    )


@given(
    balance=st.floats(1, 200_000),
    low=st.floats(0, 50_000),
    step=st.floats(0, 50_000),
)
def test_a_higher_threshold_never_raises_the_chance(balance, low, step):
    model = behaviour()
    before = model.monthly_chance(balance, threshold_points=low)
    after = model.monthly_chance(balance, threshold_points=low + step)
    assert 0 <= after <= before <= 1


@given(balance=st.floats(0, 200_000), more=st.floats(0, 200_000), share=st.floats(0, 1))
def test_the_chance_rises_with_balance_and_expiry(balance, more, share):
    model = behaviour()
    assert model.monthly_chance(balance + more) >= model.monthly_chance(balance)
    calm = model.monthly_chance(balance, expiring_share=0)
    assert model.monthly_chance(balance, expiring_share=share) >= calm


def test_arguments_broadcast():
    model = behaviour()
    found = model.monthly_chance(
        np.full((4, 1), 5_000), calendar_month=np.arange(1, 13), tier=[["gold"]]
    )
    assert found.shape == (4, 12)
    codes = model.monthly_chance([5_000, 5_000], tier=[0, 1])
    names = model.monthly_chance([5_000, 5_000], tier=["gold", "none"])
    assert codes.tolist() == names.tolist()


def test_size_by_hand():
    model = behaviour()
    assert model.redeemed_share_of_balance(5_000) == pytest.approx(0.4 + 0.6 * 0.7)
    square = 0.4 + 0.6 * (0.7**2 + 0.1**2)
    assert model.redeemed_share_of_balance(5_000, moment=2) == pytest.approx(square)


def test_channels_and_pressure():
    model = behaviour()
    assert model.channel_mix().tolist() == [0.6, 0.4]
    assert model.channel_mix(["gold", "none"]).tolist() == [[0.2, 0.8], [0.6, 0.4]]
    lift = model.spend_lift([2_900, 2_901, 3_500, 3_501])
    assert lift.tolist() == pytest.approx([1, math.exp(0.05), math.exp(0.05), 1])
    # The stretch of pressure moves with the threshold.
    assert model.spend_lift(900, threshold_points=1_000) == pytest.approx(math.exp(0.05))


def test_draws_have_the_spread_of_the_errors_and_leave_the_rest():
    names = {"intercept": -1.8, "log_ratio": 0.9}
    errors = {"intercept": 0.1, "log_ratio": 0.2}
    mix = ChannelMix(
        channels=("a", "b"),
        tiers=(),
        shares=np.array([[0.6, 0.4]]),
        covariance=np.array([[[1e-4, -1e-4], [-1e-4, 1e-4]]]),
    )
    model = behaviour(chance=Coefficients.known(names, errors=errors), mix=mix, tiers=())
    drawn = model.draw(np.random.default_rng(1), 4_000)

    slopes = np.array([each.chance.value("log_ratio") for each in drawn])
    assert slopes.mean() == pytest.approx(0.9, abs=0.01)
    assert slopes.std() == pytest.approx(0.2, rel=0.05)
    shares = np.array([each.mix.shares[0] for each in drawn])
    assert np.allclose(shares.sum(axis=1), 1)
    assert shares[:, 0].std() == pytest.approx(0.01, rel=0.05)
    again = model.draw(np.random.default_rng(1), 4_000)
    assert again[7].chance.value("log_ratio") == drawn[7].chance.value("log_ratio")
    assert model.draw(np.random.default_rng(1), 0) == ()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m: m.monthly_chance(math.nan), "balance_points"),
        (lambda m: m.monthly_chance(5_000, threshold_points=math.inf), "balance_points"),
        (lambda m: m.monthly_chance(5_000, tier="platinum"), "platinum"),
        (lambda m: m.monthly_chance(5_000, tier=7), "tier"),
        (lambda m: m.monthly_chance(5_000, calendar_month=13), "calendar_month"),
        (lambda _: behaviour(ratio_range=(2.0, 1.0)), "ratio_range"),
        (lambda _: behaviour(since_edges_months=(12, 3)), "since_edges_months"),
        (lambda _: behaviour(threshold_points=math.nan), "threshold_points"),
        (lambda _: Coefficients.known({"intercept": math.inf}), "coefficients"),
    ],
)
def test_what_makes_no_sense_is_refused(call, said):
    with pytest.raises(ArgumentError, match=said):
        call(behaviour())


def test_the_spring_festival_of_known_years():
    # 2023-01-22, 2024-02-10, 2025-01-29, 2026-02-17.
    found = [is_spring_festival(date(year, 1, 1)) for year in (2023, 2024, 2025, 2026)]
    assert found == [True, False, True, False]
    assert is_spring_festival(date(2026, 2, 1))


def test_stated_behaviour_is_what_was_stated():
    stated = stated_behaviour(
        monthly_chance=(0.1, 0.2, 0.3),
        double_balance_odds=(1.5, 2.0, 3.0),
        festival_odds=(1.0, 1.5, 2.0),
        channel_shares={"services": 0.7, "merchants": 0.3},
    )
    model = stated.behaviour

    assert model.monthly_chance(7_000) == pytest.approx(0.2)
    odds = model.monthly_chance(14_000) / (1 - model.monthly_chance(14_000))
    assert odds == pytest.approx(0.25 * 2)
    festive = model.monthly_chance(7_000, festival=True)
    assert festive / (1 - festive) == pytest.approx(0.25 * 1.5)
    assert model.source == "stated"
    assert model.channel_mix().tolist() == [0.7, 0.3]
    # Low to high is a 90 % range: of the chance at twice the threshold, whatever the slope drawn.
    drawn = [
        float(each.monthly_chance(7_000)) for each in model.draw(np.random.default_rng(2), 2_000)
    ]
    reach = (math.log(0.3 / 0.7) - math.log(0.1 / 0.9)) / (2 * 1.6449)
    assert np.std([math.log(x / (1 - x)) for x in drawn]) == pytest.approx(reach, rel=0.05)


def test_stated_behaviour_says_that_it_is_stated():
    stated = stated_behaviour()
    assert set(stated.summary()["source"]) == {"stated"}
    assert "not observed" in stated.text("en")
    assert "假设" in stated.text("zh")


@pytest.mark.parametrize(
    "options",
    [
        {"monthly_chance": (0.3, 0.2, 0.4)},
        {"monthly_chance": (0.0, 0.2, 0.4)},
        {"rush_odds": (-1.0, 1.0, 2.0)},
        {"take_all_share": (0.2, math.nan, 0.4)},
        {"channel_shares": {"services": 0.7, "merchants": 0.7}},
    ],
)
def test_stated_ranges_are_checked(options):
    with pytest.raises(ArgumentError):
        stated_behaviour(**options)
