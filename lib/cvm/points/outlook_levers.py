"""What one move of a lever does, read from the lever table, and the table held to the budget."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from cvm.points.budget import Budget
from cvm.points.budget_levers import LEVERS, evaluate_levers

RULES = ("return_rate", "threshold_points", "validity_years", "tenure_times")
NEVER_YEARS = 99.0
_RATE_STEP = 0.05
_THRESHOLD_STEP = 1_000.0
_TENURE_STEP = 0.25
_COLUMNS = ("log_share_mean", "log_share_sd", "log_cost", "log_revenue")


def hold_to(table: Mapping[str, Any], budget: Budget, *, year: int) -> dict[str, Any]:
    """Return the lever table moved so that today's setting gives the budget's own figures.

    The table is run with fewer scenarios and cells than the budget; what it says of *changes* is
    kept, its level is the budget's: cost, revenue, spread and the chance to pass the cap.

    Args:
        table: Of ``lever_table``.
        budget: The budget to hold it to; it has the table's cap.
        year: The points year of both.
    """
    cap, at = float(table["cap_share"]), budget.year_position(year)
    cost, revenue = budget.cost_yuan(year, luck=False), budget.revenue_yuan(year)
    share = np.log(np.maximum(cost, 1e-9) / np.maximum(revenue, 1e-9))
    luck = budget.ran.year_spread_yuan()[:, at] / np.maximum(cost, 1e-9)
    sd = max(float(np.sqrt(share.var() + (luck**2).mean())), 1e-6)
    over = budget.over(year, cap).share
    middle = float(share.mean())
    if 1e-4 < over < 1 - 1e-4:
        middle = float(np.log(cap)) - NormalDist().inv_cdf(1 - over) * sd
    place = _now_place(table)
    sd_times = sd / max(float(table["log_share_sd"][place]), 1e-9)
    wanted = {
        "log_share_mean": middle,
        "log_cost": float(np.log(max(budget.cost_yuan(year).mean(), 1e-9))),
        "log_revenue": float(np.log(max(revenue.mean(), 1e-9))),
    }
    moved = {
        name: [value + goal - float(table[name][place]) for value in table[name]]
        for name, goal in wanted.items()
    }
    moved["log_share_sd"] = [value * sd_times for value in table["log_share_sd"]]
    return {**table, **{name: [round(v, 8) for v in values] for name, values in moved.items()}}


def single_steps(table: Mapping[str, Any]) -> pd.DataFrame:
    """Return what each rule lever does alone, one moderate step either way.

    The steps: the return rate by 5 % of itself, the threshold by 1,000 points, the points' life by
    a year, the tenure table by a quarter.

    Returns:
        ``step`` (lever and direction), ``lever``, ``from_setting``, ``to_setting``,
        ``change_yuan``, ``cost_share``, ``over_share``, ``over_change_share``.
    """
    base = evaluate_levers(table)
    rows = []
    for lever in RULES:
        before, options = _settings(table, lever)
        for side, after in options.items():
            given: dict[str, Any] = {lever: after}
            got = evaluate_levers(table, **given)
            rows.append(
                {
                    "step": f"{lever}_{side}",
                    "lever": lever,
                    "from_setting": before,
                    "to_setting": after,
                    "change_yuan": got["cost_yuan"] - base["cost_yuan"],
                    "cost_share": got["cost_share"],
                    "over_share": got["over_share"],
                    "over_change_share": got["over_share"] - base["over_share"],
                }
            )
    return pd.DataFrame(rows)


def keeping_settings(table: Mapping[str, Any], *, wanted: float = 0.95) -> pd.DataFrame:
    """Return for each rule lever the mildest setting that alone keeps the cap often enough.

    Args:
        table: The lever table.
        wanted: Chance with which the cap is to be kept.

    Returns:
        ``lever``, ``from_setting``, ``to_setting``, ``change_yuan``, ``over_share``; a lever that
        cannot do it within the settings run is left out; empty where today's rules keep the cap.
    """
    base, rows = evaluate_levers(table), []
    for lever in RULES if base["over_share"] > 1 - wanted else ():
        before, options = _mildest_first(table, lever)
        for after in options:
            given: dict[str, Any] = {lever: after}
            got = evaluate_levers(table, **given)
            if got["over_share"] <= 1 - wanted:
                rows.append(
                    {
                        "lever": lever,
                        "from_setting": before,
                        "to_setting": after,
                        "change_yuan": got["cost_yuan"] - base["cost_yuan"],
                        "over_share": got["over_share"],
                    }
                )
                break
    names = ["lever", "from_setting", "to_setting", "change_yuan", "over_share"]
    return pd.DataFrame(rows, columns=names)


def _mildest_first(table: Mapping[str, Any], lever: str) -> tuple[float, list[float]]:
    """Return today's setting and stricter ones in round numbers, the nearest first."""
    if lever == "return_rate":
        rate = float(table["rate_now"])
        tenths = int(rate * 10_000)
        return rate, [at / 10_000 for at in range(tenths - 1, tenths // 4, -1)]
    axis, now = [float(v) for v in table["axes"][lever]], float(table["now"][lever])
    if lever == "threshold_points":
        first = (int(now) // 100 + 1) * 100
        return now, [float(v) for v in range(first, int(axis[-1]) + 1, 100)]
    if lever == "validity_years":
        return now, [v for v in reversed(axis) if v < now]
    steps = int((now - axis[0]) / 0.05 + 1e-9)
    return now, [round(now - 0.05 * at, 2) for at in range(1, steps + 1)]


def _settings(table: Mapping[str, Any], lever: str) -> tuple[float, dict[str, float]]:
    if lever == "return_rate":
        rate = float(table["rate_now"])
        return rate, {"down": rate * (1 - _RATE_STEP), "up": rate * (1 + _RATE_STEP)}
    axis, now = [float(v) for v in table["axes"][lever]], float(table["now"][lever])
    if len(axis) < 2:
        return now, {}
    if lever == "validity_years":
        at = axis.index(now)
        found = {"down": axis[at - 1]} if at else {}
        return now, found | ({"up": axis[at + 1]} if at + 1 < len(axis) else {})
    step = _THRESHOLD_STEP if lever == "threshold_points" else _TENURE_STEP
    low, high = max(now - step, axis[0]), min(now + step, axis[-1])
    found = {"down": low} if low < now else {}
    return now, found | ({"up": high} if high > now else {})


def lever_frame(table: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table as a frame: a row a setting, for a snapshot."""
    settings = list(product(*(table["axes"][name] for name in LEVERS)))
    frame = pd.DataFrame(settings, columns=list(LEVERS), dtype=float)
    frame.insert(0, "setting", np.arange(len(frame)))
    return frame.assign(**{name: table[name] for name in _COLUMNS})


def lever_facts(table: Mapping[str, Any]) -> dict[str, float]:
    """Return what the frame does not hold: today's settings, rate, elasticity, cap, year."""
    now = {f"now_{name}": float(value) for name, value in table["now"].items()}
    names = ("rate_now", "value_elasticity", "cap_share", "year")
    return now | {name: float(table[name]) for name in names}


def table_of(frame: pd.DataFrame, facts: Mapping[str, float]) -> dict[str, Any]:
    """Return the lever table again from its frame and facts.

    Args:
        frame: Of :func:`lever_frame`.
        facts: Of :func:`lever_facts`, among others.
    """
    ordered = frame.sort_values("setting")
    return {
        "axes": {name: sorted({float(v) for v in ordered[name]}) for name in LEVERS},
        "now": {name: float(facts[f"now_{name}"]) for name in LEVERS},
        "year": int(facts["year"]),
        "rate_now": float(facts["rate_now"]),
        "value_elasticity": float(facts["value_elasticity"]),
        "cap_share": float(facts["cap_share"]),
        **{name: [round(float(v), 8) for v in ordered[name]] for name in _COLUMNS},
    }


def _now_place(table: Mapping[str, Any]) -> int:
    place = 0
    for name in LEVERS:
        axis = list(table["axes"][name])
        place = place * len(axis) + axis.index(table["now"][name])
    return place
