"""What the ledger taught of channels and of bills near the threshold reaches the budget."""

from dataclasses import replace

import numpy as np
import pytest
from tests.points.budget_operator import alike, members, one_cell_a_member, programme

from cvm.core.checks import DataError
from cvm.points.behaviour_model import Behaviour
from cvm.points.behaviour_terms import ChannelMix, Coefficients
from cvm.points.budget import simulate
from cvm.points.budget_full import run_members
from cvm.points.budget_kernel import NEAR, REVENUE
from cvm.points.budget_law import law_of
from cvm.points.budget_run import run
from cvm.points.rulebook_read import shipped_rulebook
from cvm.points.rules import CHANNELS, Channel
from cvm.points.scenarios import one_scenario

MONTHS = 12


def two_channels(first=0.5, second=0.5):
    book = shipped_rulebook("beijing")
    return book.with_rules(
        channels=(
            Channel(name="mobile_products", cost_yuan_per_point=0.01, mix_share=first),
            Channel(name="merchants", cost_yuan_per_point=0.02, mix_share=second),
        )
    )


def observed(**shares):
    return np.array([[shares.get(name, 0.0) for name in CHANNELS]])


def shares_by_channel(what):
    budget = simulate(what, one_scenario(months=MONTHS))
    frame = budget.by_channel().set_index("channel")
    return budget, frame["redeemed_points"] / frame["redeemed_points"].sum()


def test_points_go_where_members_were_seen_to_redeem_not_where_the_rule_book_says():
    what = programme(2_000, months=MONTHS, book=two_channels())
    law = replace(what.law, channel_shares=observed(mobile_products=0.8, merchants=0.2))

    budget, share = shares_by_channel(replace(what, law=law))

    assert share["mobile_products"] == pytest.approx(0.8)
    # 0.8 × 0.01 + 0.2 × 0.02 yuan a point
    per_point = budget.cost_yuan(luck=False).sum() / budget.by_channel()["redeemed_points"].sum()
    assert per_point == pytest.approx(0.012)


def test_a_rule_that_moves_the_mix_moves_the_observed_one_in_proportion():
    what = programme(2_000, months=MONTHS, book=two_channels())
    law = replace(what.law, channel_shares=observed(mobile_products=0.8, merchants=0.2))
    moved = replace(what, law=law).with_book(two_channels(0.25, 0.75))

    _, share = shares_by_channel(moved)

    # Weights 0.8 × 0.25 ÷ 0.5 and 0.2 × 0.75 ÷ 0.5.
    assert share["mobile_products"] == pytest.approx(0.4 / 0.7)


def test_points_redeemed_where_the_rule_book_knows_no_cost_are_refused():
    what = programme(500, months=MONTHS, book=two_channels())
    law = replace(what.law, channel_shares=observed(mobile_products=0.7, services=0.3))

    with pytest.raises(DataError, match=r"30.0% of redeemed points outside.*services"):
        simulate(replace(what, law=law), one_scenario(months=MONTHS))


def behaviour(mix, **changes):
    known = Coefficients.known({"intercept": -1.0, "log_ratio": 0.5})
    return Behaviour(
        chance=known,
        take_all=Coefficients.known({"intercept": 0.0}),
        part=Coefficients.known({"intercept": 0.0}),
        part_spread=0.1,
        mix=mix,
        source="fitted",
        threshold_points=3_500,
        **changes,
    )


def test_redemptions_without_a_channel_count_as_the_others_do():
    shares = np.array([[0.3, 0.5, 0.2]])
    mix = ChannelMix(
        channels=("merchants", "mobile_products", "unknown"),
        tiers=(),
        shares=shares,
        covariance=np.zeros((1, 3, 3)),
    )

    law = law_of(behaviour(mix), tiers=("all",), draws=1)

    assert law.channel_shares == pytest.approx(
        observed(mobile_products=0.5 / 0.8, merchants=0.3 / 0.8)
    )


def test_a_ledger_without_channels_leaves_the_rule_book_its_mix():
    one = ChannelMix(
        channels=("all",), tiers=(), shares=np.ones((1, 1)), covariance=np.zeros((1, 1, 1))
    )

    assert law_of(behaviour(one), tiers=("all",), draws=1).channel_shares is None


def near(what):
    """Return bills near the threshold and all bills, by month."""
    ran = run(what, one_scenario(months=what.months))
    return ran.flow(NEAR)[0], ran.flow(REVENUE)[0]


def with_pressure(what, log_spend=0.05, below=600):
    law = replace(
        what.law, pressure_log_spend=np.array([log_spend]), pressure_below_points=float(below)
    )
    return replace(what, law=law)


def test_a_member_is_near_for_as_long_as_the_last_600_points_take_to_earn():
    what = alike(shipped_rulebook("beijing"), churn=0.0, hazard=1e-9, months=30)

    close, bills = near(with_pressure(what))

    months_near = close / bills
    # 249 points a month (200 of the bill, 20 for paying on time, 30 of data, rounded down), 269
    # from the second year on: 2,900 is passed after 11.6 months, 3,500 after 13.95.
    assert months_near.sum() == pytest.approx(2.33, rel=0.05)
    assert months_near[:10].sum() == pytest.approx(0.0, abs=1e-9)


def test_bills_near_the_threshold_are_those_of_members_run_one_by_one():
    columns = members(4_000)
    what = with_pressure(programme(4_000, cells=120, months=MONTHS))
    population = one_cell_a_member(columns, what.population)
    each = replace(what, population=population)
    full, _ = run_members(
        each,
        np.asarray(columns.lots_points),
        np.arange(columns.size),
        one_scenario(months=MONTHS),
        rng=np.random.default_rng(3),
    )

    close, _ = near(what)

    assert close.sum() == pytest.approx(full[:, NEAR].sum(), rel=0.04)


def test_pressure_moves_revenue_only_where_a_rule_moves_members():
    plain = programme(4_000, months=MONTHS)
    pressed = with_pressure(plain, log_spend=0.05)
    share = near(pressed)[0].sum() / near(pressed)[1].sum()
    settled = replace(pressed, near_share=share)

    def revenue(what):
        return simulate(what, one_scenario(months=MONTHS)).revenue_yuan().sum()

    # What the bills already hold is not counted again …
    assert revenue(settled) == pytest.approx(revenue(plain), rel=1e-9)
    # … and out of every member's reach, the threshold presses nobody.
    far = settled.with_book(settled.book.with_threshold(10_000_000))
    assert revenue(far) == pytest.approx(revenue(plain) / (1 + np.expm1(0.05) * share), rel=1e-9)
