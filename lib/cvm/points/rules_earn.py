"""Earn rules: how a month's bill becomes points, as records that check themselves.

Rates are written as decimals and used as exact fractions: bills count in fen, points are whole.
Meanings follow the operator's own documents (积分计算规则).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from cvm.core.rule_checks import Checker

Rounding = Literal["down", "up", "nearest"]
ROUNDINGS: tuple[Rounding, ...] = ("down", "up", "nearest")
POINT_CLASSES = ("consumption", "tenure", "credit", "data", "bonus")
RATE_DECIMALS = 4
LEVEL_COLUMNS = ("brand", "vip_tier", "star")


@dataclass(frozen=True, kw_only=True)
class TenureStep:
    """One row of the tenure table (网龄积分).

    Attributes:
        from_months: Tenure from which the row holds (months, inclusive).
        share: Tenure points per point of the month (0.3 is 30 %).
    """

    from_months: int
    share: float

    def __post_init__(self) -> None:
        check = Checker(self)
        check.whole("from_months", 0, 1_200)
        check.between("share", 0, 10, decimals=RATE_DECIMALS)
        check.finish()


@dataclass(frozen=True, kw_only=True)
class CreditAward:
    """Credit points (信用积分) for paying on time.

    Attributes:
        on_time_months: Consecutive months paid on time that are needed, this month included.
        share: Credit points per point of the month.
        points: Fixed points a month on top.
    """

    on_time_months: int
    share: float = 0.0
    points: int = 0

    def __post_init__(self) -> None:
        check = Checker(self)
        check.whole("on_time_months", 1, 1_200)
        check.between("share", 0, 10, decimals=RATE_DECIMALS)
        check.whole("points", 0, 1_000_000)
        check.finish()


@dataclass(frozen=True, kw_only=True)
class DataAward:
    """Data-service points (数据业务积分).

    Attributes:
        minimum_yuan: Data spend of the month that is needed (yuan, inclusive).
        points: Fixed points a month once it is reached.
        points_per_yuan: Points per yuan of data spend once it is reached.
    """

    minimum_yuan: float = 0.0
    points: int = 0
    points_per_yuan: float = 0.0

    def __post_init__(self) -> None:
        check = Checker(self)
        check.between("minimum_yuan", 0, 100_000, decimals=2)
        check.whole("points", 0, 1_000_000)
        check.between("points_per_yuan", 0, 100, decimals=RATE_DECIMALS)
        check.finish()


@dataclass(frozen=True, kw_only=True)
class MultiplierTable:
    """Multipliers by brand, card or star (品牌、星级倍数).

    Attributes:
        column: Whose level decides: ``brand``, ``vip_tier`` or ``star``. A star may carry the card,
            as ``5-gold``; see :func:`cvm.points.rules_awards.star_levels`.
        levels: Level → multiplier, 1 or more with at most two decimals.
        otherwise: Multiplier of a level that the table does not name.
    """

    column: str
    levels: Mapping[str, float]
    otherwise: float = 1.0

    def __post_init__(self) -> None:
        check = Checker(self)
        check.one_of("column", LEVEL_COLUMNS)
        check.between("otherwise", 1, 100, decimals=2)
        if not isinstance(self.levels, Mapping) or not self.levels:
            check.refuse("levels", value=self.levels, expected="a table of level = multiplier")
        else:
            for level, times in self.levels.items():
                _check_times(check, level, times)
        check.finish()


def _check_times(check: Checker, level: str, times: Any) -> None:
    number = isinstance(times, int | float) and not isinstance(times, bool)
    if not number or not 1 <= times <= 100 or round(times, 2) != times:
        check.refuse(
            "levels",
            level,
            value=times,
            expected="a multiplier from 1 to 100 with at most two decimals",
            action="for a level that earns less, lower points_per_yuan and raise the others",
        )


@dataclass(frozen=True, kw_only=True)
class Multipliers:
    """All multipliers of an edition; two tables multiply each other.

    Attributes:
        tables: One or two tables.
        booked_as: ``consumption``: the bill earns the multiple at once and is rounded once; tenure,
            credit and campaign shares stay shares of what it would earn without.
            ``bonus``: the part above 1 is points of the class ``bonus``, rounded on its own.
        of: For ``bonus``: the multiplied points, ``consumption`` or ``all`` (consumption, tenure,
            credit and data).
    """

    tables: tuple[MultiplierTable, ...] = field(metadata={"item": MultiplierTable, "many": True})
    booked_as: Literal["consumption", "bonus"] = "bonus"
    of: Literal["consumption", "all"] = "consumption"

    def __post_init__(self) -> None:
        check = Checker(self)
        if check.records("tables", MultiplierTable):
            columns = [table.column for table in self.tables]
            if not 1 <= len(columns) <= 2 or len(set(columns)) < len(columns):
                check.refuse("tables", value=columns, expected="one or two, of different columns")
        check.one_of("booked_as", ("consumption", "bonus"))
        check.one_of("of", ("consumption", "all"))
        if self.booked_as == "consumption" and self.of == "all":
            check.refuse("of", value="all", expected='"consumption" where booked_as is too')
        check.finish()


@dataclass(frozen=True, kw_only=True)
class CampaignBonus:
    """Extra points of a campaign, booked as ``bonus``.

    Attributes:
        name: The campaign.
        first_month: First month that earns it.
        last_month: Last month that earns it.
        share: Bonus points per consumption point of the month.
        points: Fixed points a month.
        minimum_bill_yuan: Bill of the month that is needed (yuan, inclusive).
    """

    name: str
    first_month: date
    last_month: date
    share: float = 0.0
    points: int = 0
    minimum_bill_yuan: float = 0.0

    def __post_init__(self) -> None:
        check = Checker(self)
        first, last = check.month("first_month"), check.month("last_month")
        if first and last and self.last_month < self.first_month:
            check.refuse(
                "last_month", value=self.last_month, expected=f"not before {self.first_month}"
            )
        share = check.between("share", 0, 100, decimals=RATE_DECIMALS)
        points = check.whole("points", 0, 1_000_000)
        check.between("minimum_bill_yuan", 0, 100_000, decimals=2)
        if share and points and self.share == 0 and self.points == 0:
            check.refuse("share", value=0, expected="above 0 where points is 0")
        check.finish()


@dataclass(frozen=True, kw_only=True)
class EarnRules:
    """What a month earns.

    Attributes:
        points_per_yuan: Consumption points per yuan of the bill, at most four decimals.
        rounding: What becomes of a fraction of a point, in each class on its own; ``nearest``
            takes halves up (四舍五入).
        award_base: What tenure and credit shares are taken of: the month's whole consumption
            ``points``, or the ``bill`` before rounding.
        tenure: Tenure table, by rising tenure; below its first row tenure earns nothing.
        credit: Credit points, or none.
        data: Data points, or none.
        multipliers: Brand and star multipliers, or none.
        campaigns: Campaign bonuses.
    """

    points_per_yuan: float = 1.0
    rounding: Rounding = "down"
    award_base: Literal["points", "bill"] = "points"
    tenure: tuple[TenureStep, ...] = field(default=(), metadata={"item": TenureStep, "many": True})
    credit: CreditAward | None = field(default=None, metadata={"item": CreditAward})
    data: DataAward | None = field(default=None, metadata={"item": DataAward})
    multipliers: Multipliers | None = field(default=None, metadata={"item": Multipliers})
    campaigns: tuple[CampaignBonus, ...] = field(
        default=(), metadata={"item": CampaignBonus, "many": True}
    )

    def __post_init__(self) -> None:
        check = Checker(self)
        check.between("points_per_yuan", 0, 100, decimals=RATE_DECIMALS)
        check.one_of("rounding", ROUNDINGS)
        check.one_of("award_base", ("points", "bill"))
        check.record_of("credit", CreditAward, needed=False)
        check.record_of("data", DataAward, needed=False)
        check.record_of("multipliers", Multipliers, needed=False)
        check.records("campaigns", CampaignBonus)
        if check.records("tenure", TenureStep):
            for at in range(1, len(self.tenure)):
                before, here = self.tenure[at - 1].from_months, self.tenure[at].from_months
                if here <= before:
                    check.refuse(
                        "tenure",
                        at,
                        "from_months",
                        value=here,
                        expected=f"more than the row before ({before})",
                        action="list the tenure rows by rising months",
                    )
        check.finish()
