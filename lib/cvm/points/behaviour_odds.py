"""The linear predictor of redemption: terms of a member's state, added up in log odds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cvm.core.checks import ArgumentError
from cvm.points.behaviour_season import JANUARY_SHARE
from cvm.points.behaviour_terms import Coefficients, FloatArray

OVER = "log_ratio_over_"
UNKNOWN_WAIT = "waited_unknown"


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """Where members stand at the start of a month; ``None`` is not known.

    Attributes:
        balance_points: Balance (points).
        threshold_points: Threshold (points).
        tier: Codes of tiers.
        calendar_month: 1–12.
        festival: Whether the Spring Festival falls in the month, or how often it does (0–1).
        just_qualified: Whether the balance was below the threshold a month earlier.
        months_since_last: Months since the last redemption, ``nan`` for never.
        months_waited: Months in a row qualified without redeeming.
        rush_share: Share of the balance that expires within the rush months.
        value_ratio: Value of a point ÷ its value where the behaviour was seen.
    """

    balance_points: FloatArray
    threshold_points: FloatArray
    tier: npt.NDArray[np.int64] | None = None
    calendar_month: npt.ArrayLike | None = None
    festival: npt.ArrayLike | None = None
    just_qualified: npt.ArrayLike | None = None
    months_since_last: npt.ArrayLike | None = None
    months_waited: npt.ArrayLike | None = None
    rush_share: FloatArray | None = None
    value_ratio: npt.ArrayLike = 1.0


def expit(odds: npt.ArrayLike) -> FloatArray:
    """Return the chance of log odds.

    Example:
        >>> float(expit(0.0))
        0.5
    """
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -500.0, 500.0))))


def log_odds(
    terms: Coefficients,
    state: State,
    *,
    ratio_range: tuple[float, float],
    tiers: tuple[str, ...],
    since_edges_months: tuple[int, ...],
    waited_edges_months: tuple[int, ...],
) -> FloatArray:
    """Return the log odds of members' states; what is not known counts with its average.

    Args:
        terms: Coefficients by name.
        state: The members.
        ratio_range: Balance ÷ threshold to which the ratio is cut.
        tiers: Names behind the codes of tiers.
        since_edges_months: Ends of the bands of months since the last redemption.
        waited_edges_months: Ends of the bands of months waited.

    Raises:
        ArgumentError: A balance is not finite, or a month not in 1–12.
    """
    ratio = log_ratio(state.balance_points, state.threshold_points, ratio_range)
    odds = terms.value("intercept") + terms.value("log_ratio") * ratio
    for name in terms.names:
        if name.startswith(OVER):
            odds = odds + terms.value(name) * np.maximum(ratio - over_knot(name), 0.0)
    if state.just_qualified is None:
        odds = odds + terms.average_effect("just_qualified")
    else:
        odds = odds + terms.value("just_qualified") * np.asarray(state.just_qualified, dtype=float)
    odds = odds + _season(terms, state.calendar_month, state.festival)
    if state.tier is None:
        odds = odds + terms.average_effect("tier_")
    else:
        odds = odds + np.array([terms.value(f"tier_{name}") for name in tiers])[state.tier]
    if state.months_since_last is None:
        odds = odds + terms.average_effect("since_")
    else:
        effects = [terms.value(f"since_{edge}") for edge in since_edges_months]
        band = month_band(state.months_since_last, since_edges_months)
        odds = odds + np.array([*effects, 0.0])[band]
    if state.months_waited is None:
        odds = odds + terms.average_effect("waited_")
    else:
        effects = [terms.value(name) for name in waited_names(waited_edges_months)]
        waited = np.asarray(state.months_waited, dtype=float)
        band = month_band(waited, waited_edges_months) + np.isnan(waited)
        odds = odds + np.array(effects)[band]
    if state.rush_share is None:
        odds = odds + terms.average_effect("rush")
    else:
        odds = odds + terms.value("rush") * state.rush_share
    if terms.value("value"):
        odds = odds + terms.value("value") * np.log(np.asarray(state.value_ratio, dtype=float))
    return np.asarray(odds, dtype=float)


def log_ratio(
    balance_points: FloatArray, threshold_points: FloatArray, ratio_range: tuple[float, float]
) -> FloatArray:
    """Return the logarithm of balance ÷ threshold, cut to the range.

    Without a threshold a balance is measured in points, as if the threshold were one point.

    Raises:
        ArgumentError: A balance or threshold is not finite.
    """
    if not (np.isfinite(balance_points).all() and np.isfinite(threshold_points).all()):
        raise ArgumentError("balance_points", "not finite", "finite numbers of points")
    low, high = ratio_range
    ratio = balance_points / np.maximum(threshold_points, 1.0)
    return np.asarray(np.log(np.clip(ratio, low, high)))


def over_knot(name: str) -> float:
    """Return the logarithm of the ratio from which a term of steeper or flatter slope counts.

    Example:
        >>> round(over_knot("log_ratio_over_1.5"), 4)
        0.4055
    """
    return float(np.log(float(name.removeprefix(OVER))))


def waited_names(edges: tuple[int, ...]) -> tuple[str, ...]:
    """Return the names of the bands of months waited; the first is what others are held against.

    Example:
        >>> waited_names((2, 5))
        ('waited_2', 'waited_5', 'waited_longer', 'waited_unknown')
    """
    return (*(f"waited_{edge}" for edge in edges), "waited_longer", UNKNOWN_WAIT)


def month_band(months: npt.ArrayLike, edges: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Return the band of a number of months; the last is for longer and for never.

    Example:
        >>> month_band([1, 3, 4, 40, float("nan")], (3, 12)).tolist()
        [0, 0, 1, 2, 2]
    """
    count = np.asarray(months, dtype=float)
    return np.searchsorted(np.array(edges, dtype=float), np.where(np.isnan(count), np.inf, count))


def _season(
    terms: Coefficients, calendar_month: npt.ArrayLike | None, festival: npt.ArrayLike | None
) -> FloatArray:
    if calendar_month is None:
        season = np.asarray(terms.average_effect("month_"))
        often = np.asarray(terms.average("festival"))
    else:
        month = np.asarray(calendar_month)
        if month.size and (month.min() < 1 or month.max() > 12):
            raise ArgumentError("calendar_month", str(month), "in [1, 12]")
        place = month.astype(np.int64) - 1
        season = np.array([terms.value(f"month_{at}") for at in range(1, 13)])[place]
        often = np.array([JANUARY_SHARE, 1.0 - JANUARY_SHARE, *[0.0] * 10])[place]
    share = often if festival is None else np.asarray(festival, dtype=float)
    return np.asarray(season + terms.value("festival") * share)
