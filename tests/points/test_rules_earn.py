"""Earning, against the documented cases and cases worked by hand with decimals."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.points.rulebook_read import shipped_rulebook
from cvm.points.rules import CampaignBonus, EarnRules, TenureStep
from cvm.points.rules_awards import points_earned, star_levels
from cvm.points.rules_exact import to_fen

BEIJING = shipped_rulebook("beijing").rules_in("2008-01")
NATIONAL = shipped_rulebook("national-2012").rules_in("2012-01")
STARS = shipped_rulebook("stars").rules_in("2014-01")


@pytest.mark.parametrize(
    ("bill", "tenure", "on_time", "data", "by_class"),
    [
        # The documented cases: 450, 160, 530 and 290 points.
        (300, 40, 8, 15, (300, 90, 30, 30, 0)),
        (100, 70, 12, 5, (100, 50, 10, 0, 0)),
        (500, 6, 3, 60, (500, 0, 0, 30, 0)),
        (200, 25, 6, 10, (200, 40, 20, 30, 0)),
        # The edges of the table: 12 | 13, 60 | 61 months, 5 | 6 on time, 9.99 | 10 yuan.
        (100, 12, 5, 9.99, (100, 0, 0, 0, 0)),
        (100, 13, 6, 10.00, (100, 10, 10, 30, 0)),
        (100, 60, 6, 0, (100, 40, 10, 0, 0)),
        (100, 61, 6, 0, (100, 50, 10, 0, 0)),
        # Each class is rounded on its own: 99.99 → 99; half of 99 → 49; a tenth → 9.
        (99.99, 61, 6, 0, (99, 49, 9, 0, 0)),
        (0.99, 61, 6, 0, (0, 0, 0, 0, 0)),
        (0, 61, 6, 10, (0, 0, 0, 30, 0)),
    ],
)
def test_beijing(bill, tenure, on_time, data, by_class) -> None:
    earned = points_earned(
        BEIJING, bill_yuan=bill, tenure_months=tenure, on_time_months=on_time, data_yuan=data
    )
    assert tuple(earned.iloc[0]) == by_class
    assert (earned.dtypes == np.int64).all()


@pytest.mark.parametrize(
    ("bill", "tenure", "card", "by_class"),
    [
        # Fractions go up: 100.01 → 101 points; 20 % of 101 = 20.2 → 21; 0.2 × 101 → 21.
        (100.01, 30, "none", (101, 21, 0, 0, 21)),
        (100.00, 12, "silver", (100, 0, 0, 0, 50)),
        (100.00, 13, "gold", (100, 10, 0, 0, 80)),
        (100.00, 61, "diamond", (100, 30, 0, 0, 100)),
        (100.00, 60, "gold", (100, 20, 0, 0, 80)),
    ],
)
def test_national_2012(bill, tenure, card, by_class) -> None:
    earned = points_earned(
        NATIONAL, bill_yuan=bill, tenure_months=tenure, levels={"vip_tier": [card]}
    )
    assert tuple(earned.iloc[0]) == by_class


def test_stars_after_2012() -> None:
    stars = [1, 2, 3, 4, 5, 5, 5, 0]
    cards = ["none", "none", "gold", "none", "silver", "gold", "diamond", "none"]
    earned = points_earned(STARS, bill_yuan=[100.0] * 8, levels={"star": star_levels(stars, cards)})
    assert earned["consumption"].tolist() == [100, 150, 200, 250, 300, 500, 500, 100]
    # One rounding, of the multiple: 10.10 × 1.5 = 15.15 → 16 (11 × 1.5 would be 17).
    assert points_earned(STARS, bill_yuan=10.10, levels={"star": [2.0]}).iloc[0, 0] == 16


@pytest.mark.parametrize(
    ("rounding", "rate", "bill", "points"),
    [
        # In floats 0.29 × 100 is below 29, 1.1 × 100 and 16.1 × 100 above 110 and 1,610.
        ("down", 100, 0.29, 29),
        ("up", 1.1, 100, 110),
        ("up", 1.1, 10, 11),
        ("up", 100, 16.10, 1610),
        ("down", 0.1, 30, 3),
        ("nearest", 1, 0.49, 0),
        ("nearest", 1, 0.50, 1),
        ("nearest", 1, 1.50, 2),
        ("nearest", 1, 2.50, 3),  # halves go up, not to even
        ("nearest", 0.3333, 1.5, 0),  # 0.49995
        ("up", 0.0001, 0.01, 1),
        ("down", 1, 99_999.99, 99_999),
    ],
)
def test_rounding_traps(rounding, rate, bill, points) -> None:
    rules = EarnRules(points_per_yuan=rate, rounding=rounding)
    assert points_earned(rules, bill_yuan=bill)["consumption"].tolist() == [points]


@settings(max_examples=200, deadline=None)
@given(
    fen=st.integers(0, 10_000_000),
    rate=st.integers(0, 50_000),
    share=st.integers(0, 20_000),
    rounding=st.sampled_from(["down", "up", "nearest"]),
    on_bill=st.booleans(),
)
def test_earning_equals_decimal_arithmetic(fen, rate, share, rounding, on_bill) -> None:
    mode = {"down": ROUND_FLOOR, "up": ROUND_CEILING, "nearest": ROUND_HALF_UP}[rounding]
    rules = EarnRules(
        points_per_yuan=rate / 10_000,
        rounding=rounding,
        award_base="bill" if on_bill else "points",
        tenure=(TenureStep(from_months=0, share=share / 10_000),),
    )
    earned = points_earned(rules, bill_yuan=fen / 100, tenure_months=1).iloc[0]
    exact = Decimal(fen) / 100 * Decimal(rate) / 10_000
    base = exact.to_integral_value(mode)
    tenure = ((exact if on_bill else base) * Decimal(share) / 10_000).to_integral_value(mode)
    assert (earned["consumption"], earned["tenure"]) == (base, tenure)


def test_campaigns_count_in_their_months_from_their_bill_on() -> None:
    bonus = CampaignBonus(
        name="spring",
        first_month="2010-02",
        last_month="2010-03",
        share=0.5,
        points=7,
        minimum_bill_yuan=50,
    )
    rules = EarnRules(campaigns=(bonus,))
    bills = [49.99, 50, 51]
    for month, expected in [("2010-01", [0, 0, 0]), ("2010-03", [0, 32, 32]), ("2010-04", [0] * 3)]:
        assert points_earned(rules, bill_yuan=bills, month=month)["bonus"].tolist() == expected
    with pytest.raises(MissingDataError, match="month"):
        points_earned(rules, bill_yuan=bills)


def test_multipliers_of_all_points() -> None:
    multipliers = replace(NATIONAL.earn.multipliers, of="all")
    earn = replace(NATIONAL.earn, multipliers=multipliers)
    earned = points_earned(earn, bill_yuan=100, tenure_months=61, levels={"vip_tier": ["silver"]})
    assert earned["bonus"].tolist() == [65]  # half of 100 + 30


def test_the_index_is_kept_and_one_number_serves_all() -> None:
    bills = pd.Series([10.0, 20.0], index=["a", "b"])
    earned = points_earned(
        BEIJING, bill_yuan=bills, tenure_months=13, on_time_months=0, data_yuan=0
    )
    assert earned.index.tolist() == ["a", "b"]
    assert earned["tenure"].tolist() == [1, 2]


def test_inputs_that_the_rules_need_are_asked_for() -> None:
    with pytest.raises(MissingDataError, match="tenure_months"):
        points_earned(BEIJING, bill_yuan=1)
    with pytest.raises(MissingDataError, match="vip_tier"):
        points_earned(NATIONAL, bill_yuan=1, tenure_months=1)
    with pytest.raises(DataError, match="tenure_months"):
        points_earned(BEIJING, bill_yuan=1, tenure_months=[np.nan], on_time_months=1, data_yuan=1)
    with pytest.raises(ArgumentError, match="one length"):
        points_earned(
            BEIJING, bill_yuan=[1, 2], tenure_months=[1, 2, 3], on_time_months=1, data_yuan=1
        )


@pytest.mark.parametrize("bad", [-0.01, 1.005, np.nan, np.inf])
def test_amounts_that_are_no_fen_are_refused(bad) -> None:
    with pytest.raises(DataError, match="1 rows"):
        to_fen([1.0, bad])


def test_every_fen_up_to_a_million_yuan_survives() -> None:
    fen = np.arange(100_000_000, step=37)
    assert (to_fen(fen / 100) == fen).all()


def test_editions_name_months_as_dates() -> None:
    assert BEIJING.first_month == date(2007, 1, 1)
