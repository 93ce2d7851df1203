"""Levers of a points budget, moved live: a small table is read, nothing is projected.

Uses the standard library only, so that a dashboard's kernel answers in milliseconds. The table is
made by :func:`cvm.points.budget_grid.lever_table` when a snapshot is published.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from math import exp, log
from statistics import NormalDist
from typing import Any

from cvm.core.checks import ArgumentError

LEVERS = ("threshold_points", "validity_years", "tenure_times", "spend_growth", "redemption")
# How far the return rate's lever reaches, as multiples of today's rate.
RATE_TIMES = (0.5, 1.5)


def evaluate_levers(
    table: Mapping[str, Any], *, return_rate: float | None = None, **levers: float
) -> dict[str, float]:
    """Return the year's figures with the levers where they are put.

    Between the settings that were run, logarithms of cost and revenue are interpolated in a
    straight line; the return rate is exact, as the cost is proportional to it (and redemption
    reacts along its own lever).

    Args:
        table: As made by ``lever_table``.
        return_rate: Yuan given back per yuan of bill; today's by default.
        levers: Of :data:`LEVERS`; those left out stay where they are today. ``spend_growth`` is a
            yearly log rate, ``redemption`` a log of odds, both on top of the scenarios'.

    Returns:
        ``cost_yuan``, ``revenue_yuan``, ``cost_share``, its 90 % interval, ``over_share`` (chance
        to pass the cap), ``kept_rate`` (highest return rate that keeps the cap 95 % of the time)
        and ``outside`` (1 if a lever lies outside what was run and was held at the end).

    Raises:
        ArgumentError: An unknown lever, or a rate that is not above 0.
    """
    unknown = sorted(set(levers) - set(table["axes"]))
    if unknown:
        raise ArgumentError("lever", unknown[0], "known", available=list(table["axes"]))
    rate_now = float(table["rate_now"])
    rate = rate_now if return_rate is None else return_rate
    if not rate > 0:
        raise ArgumentError("return_rate", rate, "above 0")
    times = rate / rate_now
    reaction = float(table["value_elasticity"]) * log(times)
    corners, outside = [(0, 1.0)], 0.0
    for name, axis in table["axes"].items():
        value = float(levers.get(name, table["now"][name]))
        if name == "redemption":
            value += reaction
        if not axis[0] - 1e-12 <= value <= axis[-1] + 1e-12:
            outside = 1.0
        low, part = _place(axis, value)
        corners = [
            (at * len(axis) + low + side, weight * share)
            for at, weight in corners
            for side, share in ((0, 1.0 - part), (1, part))
            if share > 0.0
        ]

    def read(name: str) -> float:
        return sum(float(table[name][at]) * weight for at, weight in corners)

    middle = read("log_share_mean") + log(times)
    sd = max(read("log_share_sd"), 1e-9)
    normal = NormalDist()
    z90, z95 = normal.inv_cdf(0.95), normal.inv_cdf(0.95)
    revenue, cost = exp(read("log_revenue")), exp(read("log_cost")) * times
    cap = float(table["cap_share"])
    return {
        "cost_yuan": cost,
        "revenue_yuan": revenue,
        "cost_share": exp(middle + sd * sd / 2),
        "cost_share_low": exp(middle - z90 * sd),
        "cost_share_high": exp(middle + z90 * sd),
        "over_share": 1.0 - normal.cdf((log(cap) - middle) / sd),
        "kept_rate": rate * exp(log(cap) - middle - z95 * sd),
        "outside": outside,
    }


def rate_reaction(value_elasticity: float) -> tuple[float, float]:
    """Return how far redemption reacts to the return rate's lever at most, down and up (log odds).

    Example:
        >>> rate_reaction(0.0)
        (0.0, 0.0)
        >>> [round(one, 3) for one in rate_reaction(0.8)]
        [-0.555, 0.324]
    """
    down, up = sorted(value_elasticity * log(times) for times in RATE_TIMES)
    # No minus before nothing.
    return min(down, 0.0) + 0.0, max(up, 0.0) + 0.0


def exceedance(table: Mapping[str, Any], rates: list[float], **levers: float) -> list[float]:
    """Return the chance to pass the cap at return rates, with the levers where they are put."""
    return [evaluate_levers(table, return_rate=r, **levers)["over_share"] for r in rates]


def _place(axis: list[float], value: float) -> tuple[int, float]:
    """Return the node below a value and how far it lies towards the next; ends hold."""
    if len(axis) == 1:
        return 0, 0.0
    low = min(max(bisect_right(axis, value) - 1, 0), len(axis) - 2)
    part = (value - axis[low]) / (axis[low + 1] - axis[low])
    return low, min(max(part, 0.0), 1.0)
