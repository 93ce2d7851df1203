"""The points rules told as chapters: earn, clear, redeem, owe, budget.

Each chapter is read from top to bottom; its figures are worked by hand or published.
"""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from cvm.core.months import month_from_index, month_index
from cvm.points.budget import simulate
from cvm.points.budget_law import assumed_law
from cvm.points.budget_programme import Programme
from cvm.points.closed_forms import (
    conditional_redemption_rate,
    cost_share,
    lognormal_quantile,
    most_generous_rate,
    redeemed_points_per_yuan_at_cap,
    ultimate_redemption_rate,
)
from cvm.points.deferred_revenue import allocate_price, roll_forward
from cvm.points.ledger import Movements, run_ledger
from cvm.points.liability import measure_liability
from cvm.points.liability_urr import estimate_urr
from cvm.points.population import MemberColumns, reduce_members
from cvm.points.replay import replay_ledger
from cvm.points.rulebook_read import RuleBookError, parse_rulebook, shipped_rulebook
from cvm.points.rules import Clearing
from cvm.points.rules_awards import points_earned
from cvm.points.scenarios import one_scenario
from cvm.points.triangles import from_cumulative

BEIJING = shipped_rulebook("beijing")
TWO_MONTHS = """
en = "Points live two months after the one they were earned in"
zh = "积分自获得次月起两个月有效"
[[rules]]
first_month = "2010-01"
[rules.clearing]
kind = "months"
months = 2
"""


class TestChapter1Earning:
    """Points come from the bill, from staying, from paying on time, and from data."""

    def test_one_yuan_earns_one_point_and_a_point_returns_two_percent(self):
        rules = shipped_rulebook("gotone").rules_in("2008-01")
        earned = points_earned(rules, bill_yuan=100)
        assert earned.sum(axis=1).tolist() == [100]
        assert rules.redemption.value_yuan(100) == pytest.approx(2.0)

    @pytest.mark.parametrize(
        ("bill", "tenure", "on_time", "data", "points"),
        [(300, 40, 8, 15, 450), (100, 70, 12, 5, 160), (500, 6, 3, 60, 530), (200, 25, 6, 10, 290)],
    )
    def test_beijing_adds_tenure_credit_and_data(self, bill, tenure, on_time, data, points):
        earned = points_earned(
            BEIJING.rules_in("2008-01"),
            bill_yuan=bill,
            tenure_months=tenure,
            on_time_months=on_time,
            data_yuan=data,
        )
        assert earned.sum(axis=1).tolist() == [points]

    def test_a_diamond_card_doubled_points_in_2012(self):
        rules = shipped_rulebook("national-2012").rules_in("2012-06")
        earned = points_earned(
            rules, bill_yuan=100, tenure_months=6, levels={"vip_tier": "diamond"}
        )
        assert earned.sum(axis=1).tolist() == [200]


class TestChapter2Clearing:
    """Points die, oldest first, when the rule of their time says so."""

    def test_three_year_rolling_clearing_takes_a_year_each_december(self):
        dies = BEIJING.expiry_index("consumption", month_index(date(2008, 5, 1)))
        assert month_from_index(dies) == date(2011, 12, 1)

    def test_rules_may_change_while_points_are_outstanding(self):
        book = shipped_rulebook("gotone")
        earned_2009 = book.expiry_index("consumption", month_index(date(2009, 3, 1)))
        earned_2022 = book.expiry_index("consumption", month_index(date(2022, 3, 1)))
        # Three-year clearing would have taken them in 2012, but it ended in 2011.
        assert month_from_index(earned_2009) == date(2024, 4, 1)
        # 36 months with the month of earning.
        assert month_from_index(earned_2022) == date(2025, 2, 1)

    def test_what_is_not_redeemed_in_time_is_cleared_oldest_first(self):
        result = run_ledger(
            parse_rulebook(TWO_MONTHS),
            first_month="2010-01",
            earned={"consumption": [[100], [100], [100], [0], [0]]},
            movements=Movements(redeemed=[[0], [50], [0], [0], [0]]),
        )
        months = result.roll_forward()
        # The 50 came from January's 100; the other 50 die in March, February's in April, March's in
        # May.
        assert months["expired"].tolist() == [0, 0, 50, 100, 100]
        assert months["close"].tolist() == [100, 150, 200, 100, 0]

    def test_an_impossible_rule_is_refused_with_its_line(self):
        with pytest.raises(RuleBookError, match="TOML:8"):
            parse_rulebook(TWO_MONTHS.replace("months = 2", "months = 0"), file="TOML")


class TestChapter3Redeeming:
    """Who may redeem, what a point buys, and what an operator's own ledger shows."""

    def test_more_than_3500_points_may_be_redeemed_and_no_less(self):
        earned = {"consumption": [[3_500, 3_501]]}
        asked = Movements(redeemed=[[3_500, 3_501]])
        result = run_ledger(BEIJING, first_month="2010-01", earned=earned, movements=asked)
        assert result.closing_points.tolist() == [3_500, 0]

    def test_a_step_table_buys_the_largest_steps_first(self):
        steps = shipped_rulebook("steps").rules[-1].redemption
        # 839 reach no step; 3,340 = 2,500 for 30 yuan + 840 for 10.
        assert steps.value_yuan([839, 840, 3_340]).tolist() == [0, 10, 40]

    def test_a_leaver_forfeits_what_is_left_and_nothing_is_lost_on_the_way(self):
        result = run_ledger(
            BEIJING.with_threshold(0),
            first_month="2010-01",
            earned={"consumption": [[100], [100], [0]]},
            movements=Movements(redeemed=[[0], [30], [0]], left=[2]),
        )
        months = result.roll_forward()
        assert months["forfeited"].tolist() == [0, 0, 170]
        assert months["earned"].sum() == months["redeemed"].sum() + months["forfeited"].sum()

    def test_a_ledger_that_clears_a_month_late_is_found_out(self):
        ledger = pd.DataFrame(
            {
                "customer_id": "A",
                "month": [date(2010, 1, 1), date(2010, 4, 1)],
                "entry": ["earned", "expired"],
                "points": [100, 100],
            }
        )
        found = replay_ledger(parse_rulebook(TWO_MONTHS), ledger).disagreements
        assert found["kind"].tolist() == ["expiry_late"]
        assert found["expected_month"].tolist() == [date(2010, 3, 1)]


class TestChapter4Owing:
    """What outstanding points will cost, and what of the price waits in the books."""

    def test_ten_percent_a_month_for_a_year_redeem_72_percent(self):
        assert ultimate_redemption_rate(0.10, 12) == pytest.approx(0.717570, abs=1e-6)
        assert ultimate_redemption_rate(0.05, 36, churn=0.02) == pytest.approx(0.669391, abs=1e-6)

    def test_the_eager_have_gone_so_what_is_left_is_redeemed_less(self):
        issued, redeemed = 1_000.0, 1_000 * (1 - 0.9**6)
        outstanding = issued - redeemed
        conditional = (0.717570 * issued - redeemed) / outstanding
        assert conditional_redemption_rate(0.10, 12, 6) == pytest.approx(conditional, abs=1e-5)

    def test_the_liability_is_outstanding_times_conditional_rate_times_cost(self):
        # Three vintages of 1,000; each year 300, then 200, then 100 are redeemed.
        triangle = from_cumulative(
            [[300, 500, 600], [300, 500, math.nan], [300, math.nan, math.nan]],
            [1_000] * 3,
            first_vintage="2022-12",
            grain="year",
            last_age=2,
        )
        found = measure_liability(estimate_urr(triangle), [0, 500, 700], cpp_yuan=0.02)
        # 100 more of the second vintage, 300 of the third.
        assert found.expected_points.tolist() == pytest.approx([0, 100, 300])
        assert found.liability_yuan == pytest.approx(8.0)

    def test_ifrs_15_shares_the_price_and_releases_it_as_points_are_redeemed(self):
        shared = allocate_price(100_000, 10_000, point_value_yuan=1, urr=0.95)
        assert (round(shared.airtime_yuan), round(shared.points_yuan)) == (91_324, 8_676)
        years = pd.DataFrame(
            {
                "vintage": [1, 1],
                "period": [1, 2],
                "deferred_yuan": [8_676, 0],
                "redeemed_points": [4_500, 4_000],
                "expected_points": [9_500, 9_700],
            }
        )
        found = roll_forward(years).summary()
        assert found["released_yuan"].round().tolist() == [4_110, 3_493]
        assert found["closing_yuan"].round().tolist() == [4_566, 1_073]
        # More redemption is expected in year 2, so part of year 1's release is taken back.
        assert found["catch_up_yuan"].iloc[1] < 0


class TestChapter5Budgeting:
    """What a year costs against the cap, and how generous the programme may be."""

    FIRST = "2008-12"

    def programme(self, book, *, hazard=0.05, months=36):
        """Return members all alike: a bill of 200 yuan, no points yet, a fixed chance to redeem."""
        members = MemberColumns(
            lots_points=np.zeros((1, 1_000)),
            lot_months=[month_index(date(2008, 11, 1))],
            bill_yuan=np.full(1_000, 200.0),
            tenure_months=0.0,
        )
        law = assumed_law(
            threshold_points=0,
            log_odds=math.log(hazard / (1 - hazard)),
            log_balance=0.0,
            all_share=1.0,
            least_part=1.0,
        )
        population = reduce_members(members, first_month=self.FIRST, cells=1)
        return Programme(
            population=population, book=book, law=replace(law, from_start=False), months=months
        )

    def book(self):
        rules = shipped_rulebook("gotone").rules[0]
        bare = replace(
            rules, qualification=replace(rules.qualification, threshold_points=0), channels=()
        )
        return replace(shipped_rulebook("gotone"), rules=(bare,), earned_usable="same_month")

    def test_a_cap_of_2_3_percent_is_1_15_redeemed_points_a_yuan(self):
        assert redeemed_points_per_yuan_at_cap(0.023, 0.02) == pytest.approx(1.15)
        assert cost_share(0.02, 1.25, 0.92) == pytest.approx(0.023)

    def test_cost_is_value_times_points_a_yuan_times_share_redeemed(self):
        budget = simulate(self.programme(self.book()), one_scenario(months=36))
        months = budget.roll_forward()
        revenue = budget.ran.revenue_yuan.sum()
        a_yuan = months["earned_points"].sum() / revenue
        share = months["redeemed_points"].sum() / months["earned_points"].sum()
        cost = budget.ran.cost_yuan.sum() / revenue
        # Bills are rounded down to whole points, so a yuan earns a little less than one.
        assert a_yuan == pytest.approx(1.0, abs=0.005)
        assert cost == pytest.approx(cost_share(0.02, a_yuan, share), rel=1e-9)

    def test_every_month_opens_with_what_the_last_one_closed(self):
        months = simulate(self.programme(self.book()), one_scenario(months=48)).roll_forward()
        left = months["open_points"] + months["earned_points"] + months["transferred_points"]
        for gone in ("redeemed_points", "expired_points", "forfeited_points"):
            left = left - months[gone]
        assert np.allclose(left, months["close_points"])
        assert np.allclose(months["close_points"][:-1], months["open_points"][1:])

    def test_points_that_live_longer_never_cost_less(self):
        book = self.book()
        costs = [
            simulate(
                self.programme(changed, months=60), one_scenario(months=60)
            ).ran.cost_yuan.sum()
            for changed in (
                book.with_clearing(Clearing(kind="calendar_years", years=1)),
                book,
                book.with_clearing(Clearing(kind="none")),
            )
        ]
        assert costs == sorted(costs)
        assert costs[0] < costs[2]

    def test_the_most_generous_rate_is_the_cap_over_a_bad_year(self):
        bad_year = lognormal_quantile(math.log(1.05), 0.08, 0.95)
        assert most_generous_rate(0.023, bad_year) == pytest.approx(0.0192039, abs=5e-8)
