"""Earn rules as whole-number arithmetic: no rate ever passes through a float.

A rate written as 0.29 is the fraction 29/100; points are
``(amount × numerator + add) // denominator`` with ``add`` chosen by the rounding: down 0, up
denominator − 1, nearest half the denominator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from cvm.core.checks import DataError
from cvm.core.months import month_index
from cvm.core.rule_checks import scaled
from cvm.points.rules_earn import EarnRules, Multipliers, Rounding

FEN_PER_YUAN = 100
_RATE_SCALE = 10_000


@dataclass(frozen=True, kw_only=True)
class ExactRate:
    """A rate from whole amounts to whole points.

    Attributes:
        numerator: See the module.
        denominator: See the module.
        add: See the module.
    """

    numerator: int
    denominator: int
    add: int

    def of(self, amounts: Any) -> np.ndarray:
        """Return the points that whole amounts (0 or more) earn.

        Example:
            >>> ExactRate.make(Fraction(11, 10), "up").of([100, 101])
            array([110, 112])
        """
        return (np.asarray(amounts, np.int64) * self.numerator + self.add) // self.denominator

    @classmethod
    def make(cls, rate: Fraction, rounding: Rounding) -> ExactRate:
        """Return the rate with its rounding; halves go up in ``nearest``."""
        bottom = rate.denominator
        add = {"down": 0, "up": bottom - 1, "nearest": bottom // 2}[rounding]
        return cls(numerator=rate.numerator, denominator=bottom, add=add)


@dataclass(frozen=True, kw_only=True)
class ExactCampaign:
    """A campaign bonus in whole numbers; months are indices, both inclusive."""

    first_index: int
    last_index: int
    minimum_fen: int
    rate: ExactRate
    points: int


@dataclass(frozen=True, kw_only=True)
class ExactEarn:
    """The earn rules of an edition in whole numbers.

    Attributes:
        base: Fen of the bill → consumption points.
        award_on_bill: Whether tenure and credit rates apply to the bill in fen, not to points.
        tenure: (tenure from which it holds, rate).
        credit_months: On-time months needed for credit; 0 if there is no such award.
        credit: Rate of the credit award.
        credit_points: Its fixed points.
        data_minimum_fen: Data spend needed; 0 is any.
        data: Fen of data spend → data points.
        data_points: Fixed data points.
        campaigns: Campaign bonuses.
    """

    base: ExactRate
    award_on_bill: bool
    tenure: tuple[tuple[int, ExactRate], ...]
    credit_months: int
    credit: ExactRate
    credit_points: int
    data_minimum_fen: int
    data: ExactRate
    data_points: int
    campaigns: tuple[ExactCampaign, ...]


def exact_rate(value: float) -> Fraction:
    """Return a rate of the rule book as the fraction its decimals mean.

    Example:
        >>> exact_rate(0.29)
        Fraction(29, 100)
    """
    return Fraction(scaled(value, _RATE_SCALE), _RATE_SCALE)


def exact_earn(earn: EarnRules) -> ExactEarn:
    """Return earn rules in whole numbers."""
    base = exact_rate(earn.points_per_yuan) / FEN_PER_YUAN
    of_award = base if earn.award_base == "bill" else Fraction(1)

    def award(share: float) -> ExactRate:
        return ExactRate.make(exact_rate(share) * of_award, earn.rounding)

    credit, data = earn.credit, earn.data
    per_fen = exact_rate(data.points_per_yuan) / FEN_PER_YUAN if data else Fraction(0)
    return ExactEarn(
        base=ExactRate.make(base, earn.rounding),
        award_on_bill=earn.award_base == "bill",
        tenure=tuple((step.from_months, award(step.share)) for step in earn.tenure),
        credit_months=credit.on_time_months if credit else 0,
        credit=award(credit.share if credit else 0),
        credit_points=credit.points if credit else 0,
        data_minimum_fen=scaled(data.minimum_yuan, FEN_PER_YUAN) if data else 0,
        data=ExactRate.make(per_fen, earn.rounding),
        data_points=data.points if data else 0,
        campaigns=tuple(
            ExactCampaign(
                first_index=month_index(item.first_month),
                last_index=month_index(item.last_month),
                minimum_fen=scaled(item.minimum_bill_yuan, FEN_PER_YUAN),
                rate=ExactRate.make(exact_rate(item.share), earn.rounding),
                points=item.points,
            )
            for item in earn.campaigns
        ),
    )


def exact_times(multipliers: Multipliers, levels: tuple[str, ...]) -> Fraction:
    """Return the multiplier of one combination of levels, in the order of the tables."""
    times = [
        Fraction(scaled(table.levels.get(level, table.otherwise), 100), 100)
        for table, level in zip(multipliers.tables, levels, strict=True)
    ]
    return math.prod(times, start=Fraction(1))


def to_fen(yuan: Any, name: str = "bill_yuan") -> np.ndarray:
    """Return amounts of money as whole fen.

    Args:
        yuan: Amounts of 0 or more with at most two decimals, any shape.
        name: The column's name, for the error.

    Raises:
        DataError: An amount is missing, negative or no whole number of fen.

    Example:
        >>> to_fen([0.29, 16.1])
        array([  29, 1610])
    """
    amounts = np.asarray(yuan, dtype=np.float64)
    fen = np.rint(amounts * FEN_PER_YUAN)
    with np.errstate(invalid="ignore"):
        # A float amount below a trillion yuan is within 1e-2 fen of the fen it was written as.
        wrong = ~(np.isfinite(amounts) & (fen >= 0) & (np.abs(amounts * FEN_PER_YUAN - fen) < 0.01))
    if wrong.any():
        raise DataError(
            name,
            ", ".join(f"{value:g}" for value in amounts[wrong][:3]) + f" ({wrong.sum()} rows)",
            "amounts of 0 yuan or more with at most two decimals",
            action=f"correct {name} at its source, or round it to fen before",
        )
    return fen.astype(np.int64)


def level_labels(values: Any) -> np.ndarray:
    """Return levels as text, so that star 5, 5.0 and "5" are one."""
    series = pd.Series(np.asarray(values).ravel())
    if pd.api.types.is_float_dtype(series.dtype):
        series = series.astype("Int64")
    return series.astype(str).to_numpy(dtype=object).reshape(np.shape(values))
