"""The sample operator's own rules: points, cards and stars, the survey, and recharges."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PointsSettings:
    """Earn rules (Beijing), clearing, and how members behave.

    The month's order: earn, transfer, redeem, then (in December) clear. Points earned in calendar
    year Y, transfers in included, are cleared at the end of December Y + 2, oldest first.

    Attributes:
        tenure_from_months: Lower ends of the tenure bands (completed months).
        tenure_percent: Points on top of consumption points, by band.
        credit_months: Consecutive on-time months for the credit points.
        credit_percent: Credit points on top of consumption points.
        data_yuan: Data spend from which the data points are given.
        data_points: Those points, a month.
        threshold: Balance a member must exceed to redeem (balance of the month before).
        clearing_years: Calendar years a point lives, the year of earning included.
        clearing_month: Calendar month of clearing.
        hazard: Intercept of the log odds to redeem this month, once qualified.
        hazard_log_balance: Per ln(last month's balance ÷ threshold).
        hazard_just_qualified: In the first month after passing the threshold.
        hazard_festival: In the Spring Festival month.
        hazard_expiring: Per share of the balance to be cleared in December, in rush_months.
        hazard_saver: For members who save, until they reach their target.
        rush_months: Calendar months in which members look at what will expire.
        saver_target: Smallest and largest balance savers wait for.
        pressure_below: Points below the threshold at which spending rises.
        pressure_log_bill: Log rise of the bill there (points pressure).
        channel_shares: Redemptions by channel, in the order of the contract.
        cost_a_point_yuan: What a redeemed point costs, by channel.
        transfer_a_month: Chance that a family member gives points to the next one.
        redeem_all_share: Redemptions of everything; the others take a part.
        least_part: Smallest part of the balance those take.
    """

    tenure_from_months: tuple[int, ...] = (0, 13, 25, 37, 49, 61)
    tenure_percent: tuple[int, ...] = (0, 10, 20, 30, 40, 50)
    credit_months: int = 6
    credit_percent: int = 10
    data_yuan: float = 10.0
    data_points: int = 30
    threshold: int = 3_500
    clearing_years: int = 3
    clearing_month: int = 12
    hazard: float = -1.8
    hazard_log_balance: float = 0.90
    hazard_just_qualified: float = 1.00
    hazard_festival: float = 0.40
    hazard_expiring: float = 1.50
    hazard_saver: float = -2.00
    rush_months: tuple[int, ...] = (10, 11, 12)
    saver_target: tuple[int, int] = (8_000, 20_000)
    pressure_below: int = 600
    pressure_log_bill: float = 0.05
    channel_shares: tuple[float, ...] = (0.44, 0.22, 0.24, 0.10)
    cost_a_point_yuan: tuple[float, ...] = (0.0195, 0.0185, 0.0250, 0.0210)
    transfer_a_month: float = 0.004
    redeem_all_share: float = 0.40
    least_part: float = 0.40


@dataclass(frozen=True, kw_only=True)
class TierSettings:
    """VIP cards and stars.

    Attributes:
        vip_points: Consumption points of the points year (December–November) from which a card is
            given for the next twelve months: diamond, gold, silver, VIP. GoTone only.
        star_scores: Score from which stars 1 to 5 are given (Shanghai's score, every month;
            the rungs are this operator's own).
        star_family_bonus: Score for a family plan or corporate account.
        star_on_time_bonus: Score for twelve on-time months in a row.
        star_stop_penalty: Score lost for each arrears stop in twelve months.
        star_cap_stops: Stops in twelve months from which three stars are the most.
        star_least_months: Months of tenure before a customer is rated.
    """

    vip_points: tuple[int, ...] = (8_400, 4_800, 3_000, 2_100)
    star_scores: tuple[int, ...] = (90, 150, 210, 290, 420)
    star_family_bonus: int = 20
    star_on_time_bonus: int = 30
    star_stop_penalty: int = 10
    star_cap_stops: int = 3
    star_least_months: int = 3


@dataclass(frozen=True, kw_only=True)
class SurveySettings:
    """The satisfaction survey, every third month.

    Attributes:
        asked_share: Customers in service who answer, each time.
        drivers: Names of the drivers, in the order of the weights.
        weights_early: Weight of each driver's score in the overall score, first half of the panel.
        weights_late: The same in the second half: drivers change as the market matures.
        noise: Standard deviation of the overall score around the weighted sum.
    """

    asked_share: float = 0.04
    drivers: tuple[str, ...] = ("network", "tariff", "service", "billing")
    weights_early: tuple[float, ...] = (0.40, 0.25, 0.20, 0.10)
    weights_late: tuple[float, ...] = (0.25, 0.25, 0.35, 0.10)
    noise: float = 0.6


@dataclass(frozen=True, kw_only=True)
class RechargeSettings:
    """How prepaid customers recharge.

    Half of what makes one customer's bill larger than another's makes the recharges larger, the
    other half more frequent; with the customers' own taste for large ones this leaves size and
    frequency all but unrelated, as Gamma-Gamma takes them to be.

    Attributes:
        amounts_yuan: Amounts on sale, rising.
        usual_yuan: Usual recharge of a customer with the usual bill.
        usual_bill_yuan: That bill, a month.
        bill_share: Part of a customer's log bill above the usual that goes into the size.
        customer_sigma: Standard deviation of customers' log usual recharge around that.
        recharge_sigma: Standard deviation of a recharge's log around the customer's usual one,
            before it is taken to the nearest amount on sale.
    """

    amounts_yuan: tuple[int, ...] = (10, 20, 30, 50, 100, 200, 300, 500)
    usual_yuan: float = 50.0
    usual_bill_yuan: float = 85.0
    bill_share: float = 0.5
    customer_sigma: float = 0.28
    recharge_sigma: float = 0.35
