"""What months earn, member by member, in exact whole points, each class on its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.core.months import month_index, parse_month
from cvm.points.rules import Rules
from cvm.points.rules_earn import POINT_CLASSES, EarnRules, Multipliers
from cvm.points.rules_exact import (
    ExactEarn,
    ExactRate,
    exact_earn,
    exact_rate,
    exact_times,
    level_labels,
    to_fen,
)


def points_earned(
    rules: Rules | EarnRules,
    *,
    bill_yuan: Any,
    tenure_months: Any = None,
    on_time_months: Any = None,
    data_yuan: Any = None,
    levels: Mapping[str, Any] | None = None,
    month: date | str | None = None,
) -> pd.DataFrame:
    """Return the points that customer-months earn, by class.

    Args:
        rules: An edition of a rule book, or its earn rules.
        bill_yuan: Bill of the month (yuan, whole fen), one per customer-month; one number will do.
        tenure_months: Months since joining; needed where there is a tenure table.
        on_time_months: Consecutive months paid on time, this one included; needed for credit.
        data_yuan: Data spend of the month (yuan); needed for data points.
        levels: Column (``brand``, ``vip_tier``, ``star``) → level; needed for its multipliers.
        month: The month of all rows; needed where there are campaigns.

    Returns:
        One row a customer-month, one 64-bit whole-number column a point class.

    Raises:
        MissingDataError: The rules need an input that is not given.
        DataError: An amount is missing, negative or no whole number of fen.

    Example:
        >>> from cvm.points.rulebook_read import shipped_rulebook
        >>> earned = points_earned(
        ...     shipped_rulebook("beijing").rules_in("2008-05"),
        ...     bill_yuan=[300, 100],
        ...     tenure_months=[40, 70],
        ...     on_time_months=[8, 12],
        ...     data_yuan=[15, 5],
        ... )
        >>> earned.sum(axis=1).tolist()
        [450, 160]
    """
    earn = rules.earn if isinstance(rules, Rules) else rules
    _check_lengths(bill_yuan, tenure_months, on_time_months, data_yuan, *(levels or {}).values())
    exact = exact_earn(earn)
    bill_fen = np.atleast_1d(to_fen(bill_yuan))
    base = exact.base.of(bill_fen)
    awarded = bill_fen if exact.award_on_bill else base
    zero = np.zeros_like(base)
    tenure, credit, data = zero, zero, zero
    if exact.tenure:
        tenure = _tenure_points(exact, awarded, _counts(tenure_months, "tenure_months"))
    if earn.credit:
        held = _counts(on_time_months, "on_time_months") >= exact.credit_months
        credit = np.where(held, exact.credit.of(awarded) + exact.credit_points, 0)
    if earn.data:
        spend = to_fen(_given(data_yuan, "data_yuan"), "data_yuan")
        reached = spend >= exact.data_minimum_fen
        data = np.where(reached, exact.data.of(spend) + exact.data_points, 0)
    consumption, bonus = base, zero
    if earn.multipliers is not None:
        top, bottom = _times(earn.multipliers, levels or {})
        if earn.multipliers.booked_as == "consumption":
            consumption = _multiplied_bill(earn, bill_fen, top, bottom)
        else:
            of = base if earn.multipliers.of == "consumption" else base + tenure + credit + data
            bonus = _rounded(of * (top - bottom), bottom, earn)
    for campaign in exact.campaigns:
        if month is None:
            raise MissingDataError(
                "month", None, "given: the rules have campaigns", action="give month"
            )
        if campaign.first_index <= month_index(parse_month(month)) <= campaign.last_index:
            won = campaign.rate.of(base) + campaign.points
            bonus = bonus + np.where(bill_fen >= campaign.minimum_fen, won, 0)
    columns = np.broadcast_arrays(consumption, tenure, credit, data, bonus)
    index = bill_yuan.index if isinstance(bill_yuan, pd.Series) else None
    return pd.DataFrame(dict(zip(POINT_CLASSES, columns, strict=True)), index=index)


def star_levels(star: Any, vip_tier: Any) -> np.ndarray:
    """Return star levels that carry the card at five stars, as the star rules name them.

    Args:
        star: Star rating, 0–5.
        vip_tier: VIP card; five stars with no silver, gold or diamond card count as silver, the
            lowest.

    Example:
        >>> star_levels([4, 5, 5], ["gold", "gold", "none"]).tolist()
        ['4', '5-gold', '5-silver']
    """
    stars, cards = level_labels(star), level_labels(vip_tier)
    named = np.isin(cards, ("gold", "diamond"))
    top = "5-" + np.where(named, cards, "silver").astype(object)
    return np.where(stars == "5", top, stars)


def level_times(
    multipliers: Multipliers, levels: Mapping[str, Any]
) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Return which combination of levels each row has, and the combinations.

    Args:
        multipliers: The tables.
        levels: Column → level, arrays of one shape.

    Returns:
        (codes in the levels' shape, combinations in the order of the codes).

    Raises:
        MissingDataError: A table's column is not given.
    """
    codes: np.ndarray = np.zeros(1, np.int64)
    combinations: list[tuple[str, ...]] = [()]
    for table in multipliers.tables:
        labels = level_labels(_given(levels.get(table.column), f"levels[{table.column!r}]"))
        numbers, words = pd.factorize(labels.ravel())
        codes = codes * len(words) + numbers.reshape(labels.shape)
        combinations = [(*before, str(word)) for before in combinations for word in words]
    return codes, combinations


def _times(multipliers: Multipliers, levels: Mapping[str, Any]) -> tuple[np.ndarray, int]:
    """Return the multipliers of the rows over one common denominator."""
    codes, combinations = level_times(multipliers, levels)
    bottom = 100 ** len(multipliers.tables)
    top = [int(exact_times(multipliers, item) * bottom) for item in combinations]
    return np.asarray(top, np.int64)[codes], bottom


def _multiplied_bill(
    earn: EarnRules, bill_fen: np.ndarray, top: np.ndarray, bottom: int
) -> np.ndarray:
    rate = exact_rate(earn.points_per_yuan) / 100
    return _rounded(bill_fen * rate.numerator * top, rate.denominator * bottom, earn)


def _rounded(amounts: np.ndarray, denominator: int, earn: EarnRules) -> np.ndarray:
    add = {"down": 0, "up": denominator - 1, "nearest": denominator // 2}[earn.rounding]
    return ExactRate(numerator=1, denominator=denominator, add=add).of(amounts)


def _tenure_points(exact: ExactEarn, awarded: np.ndarray, months: np.ndarray) -> np.ndarray:
    points = np.zeros_like(awarded)
    for since, rate in exact.tenure:
        points = np.where(months >= since, rate.of(awarded), points)
    return points


def _check_lengths(*inputs: Any) -> None:
    sizes = sorted({np.size(values) for values in inputs if values is not None} - {1})
    if len(sizes) > 1:
        raise ArgumentError("inputs", f"of lengths {sizes}", "of one length")


def _given(values: Any, name: str) -> Any:
    if values is None:
        raise MissingDataError(
            name, None, "given: the rules depend on it", action=f"give {name}, or change the rules"
        )
    return values


def _counts(values: Any, name: str) -> np.ndarray:
    numbers = np.asarray(_given(values, name))
    if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
        missing = int((~np.isfinite(numbers)).sum())
        raise DataError(name, f"missing in {missing} rows", "known in every row")
    return numbers.astype(np.int64)
