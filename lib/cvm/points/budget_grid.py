"""The table behind a dashboard's levers: the budget run once at each setting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from cvm.core.checks import ArgumentError
from cvm.points.budget import Budget
from cvm.points.budget_levers import LEVERS, rate_reaction
from cvm.points.budget_programme import Programme
from cvm.points.budget_run import run
from cvm.points.generosity import return_rate
from cvm.points.generosity_changes import with_earn
from cvm.points.rules import Clearing
from cvm.points.shocks import longer_life

NEVER_YEARS = 99.0
_PAD = 1e-3  # a slider's steps are rounded


def lever_table(
    budget: Budget,
    *,
    year: int | None = None,
    threshold_points: Sequence[float] = (500, 1_000, 2_000, 3_500, 5_000),
    validity_years: Sequence[float] | None = None,
    tenure_times: Sequence[float] = (0.0, 1.0, 2.0),
    spend_growth: Sequence[float] = (-0.10, 0.0, 0.10),
    redemption: Sequence[float] = (-0.5, 0.0, 0.5),
    count: int = 64,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Run the budget at each setting of the levers; return what the dashboard reads.

    Every setting that the levers reach together lies within what is run, so none is ever asked for
    that was not: where redemption reacts to a point's value, its axis is run further by as much as
    the return rate can add. Behaviour follows balance ÷ threshold when the threshold moves. The
    share of revenue is taken as lognormal over scenarios, members' own luck included.

    Args:
        budget: The base; it must have a cap.
        year: The points year; the first whole one by default.
        threshold_points: Thresholds.
        validity_years: Years points live; 99 is for ever. By default a year less, as now, a year
            more, for ever.
        tenure_times: Multiples of the tenure table.
        spend_growth: Yearly log growth on top of the scenarios'.
        redemption: Log odds on top of the scenarios', before any reaction to a point's value.
        count: Scenarios, of the budget's.
        progress: Called with settings done and in all.

    Returns:
        A table that JSON can hold, for :func:`cvm.points.budget_levers.evaluate_levers`.
    """
    if budget.cap_share is None:
        raise ArgumentError("cap_share", None, "given", action="give the budget a cap_share")
    programme, scenarios = budget.programme, budget.ran.scenarios.first(count)
    elasticity = float(programme.law.value_elasticity[0])
    rules = programme.rules_at(0)
    now_years = _years(rules.clearing)
    if validity_years is None:
        shorter = [now_years - 1] if 1 < now_years < NEVER_YEARS else []
        longer = [now_years + 1] if now_years < NEVER_YEARS else [3.0]
        validity_years = [*shorter, now_years, *longer, NEVER_YEARS]
    axes = {
        "threshold_points": _axis(threshold_points, rules.qualification.threshold_points),
        "validity_years": _axis(validity_years, now_years),
        "tenure_times": _axis(tenure_times if rules.earn.tenure else (1.0,), 1.0),
        "spend_growth": _axis(spend_growth, 0.0),
        "redemption": _reacting(_axis(redemption, 0.0), elasticity),
    }
    wanted = budget.years[0] if year is None else year
    last = int(np.flatnonzero(programme.years == wanted)[-1]) + 1
    short = replace(programme, months=last)
    at = list(np.unique(short.years)).index(wanted)
    columns: dict[str, list[float]] = {
        name: [] for name in ("log_share_mean", "log_share_sd", "log_cost", "log_revenue")
    }
    settings = list(product(*(axes[name] for name in LEVERS)))
    for done, setting in enumerate(settings):
        threshold, years, tenure, growth, level = setting
        moved = _moved(short, int(threshold), years, now_years, tenure)
        ran = run(moved, scenarios.shifted(spend_growth=growth, redemption=level))
        cost = ran.by_year(ran.cost_yuan)[:, at]
        revenue = ran.by_year(ran.revenue_yuan)[:, at]
        luck = ran.year_spread_yuan()[:, at] / np.maximum(cost, 1e-9)
        share = np.log(np.maximum(cost, 1e-9) / np.maximum(revenue, 1e-9))
        sd = float(np.sqrt(share.var() + (luck**2).mean()))
        for name, value in (
            ("log_share_mean", float(share.mean())),
            ("log_share_sd", sd),
            ("log_cost", float(np.log(max(cost.mean(), 1e-9)))),
            ("log_revenue", float(np.log(max(revenue.mean(), 1e-9)))),
        ):
            columns[name].append(round(value, 7))
        if progress is not None:
            progress(done + 1, len(settings))
    return {
        "axes": axes,
        "now": {
            "threshold_points": float(rules.qualification.threshold_points),
            "validity_years": now_years,
            "tenure_times": 1.0,
            "spend_growth": 0.0,
            "redemption": 0.0,
        },
        "year": int(wanted),
        "rate_now": return_rate(programme),
        "value_elasticity": elasticity,
        "cap_share": budget.cap_share,
        **columns,
    }


def _axis(values: Sequence[float], now: float) -> list[float]:
    return sorted({float(value) for value in values} | {float(now)})


def _reacting(axis: list[float], elasticity: float) -> list[float]:
    """Return the axis of redemption, further by its reaction to the return rate's lever."""
    down, up = rate_reaction(elasticity)
    ends = [axis[0] + down - _PAD] if down < 0 else []
    ends += [axis[-1] + up + _PAD] if up > 0 else []
    return sorted([*axis, *(round(end, 6) for end in ends)])


def _years(clearing: Clearing) -> float:
    if clearing.kind == "months":
        return max(1.0, round(clearing.months / 12))
    return float(clearing.years) if clearing.kind == "calendar_years" else NEVER_YEARS


def _moved(
    programme: Programme, threshold: int, years: float, now_years: float, tenure: float
) -> Programme:
    book, since, law = programme.book, programme.first_month, programme.law
    rules = programme.rules_at(0)
    if threshold != rules.qualification.threshold_points:
        book = book.with_threshold(threshold, since=since)
        law = law.under_threshold(threshold)
    if years != now_years:
        if years >= NEVER_YEARS:
            clearing = Clearing(kind="none")
        elif now_years >= NEVER_YEARS:
            clearing = Clearing(kind="calendar_years", years=int(years))
        else:
            clearing = longer_life(rules.clearing, 12 * int(years - now_years))
        book = book.with_clearing(clearing, since=since)
    moved = programme.with_book(book, law)
    if tenure != 1.0:
        steps = tuple(
            replace(item, share=round(item.share * tenure, 4)) for item in rules.earn.tenure
        )
        moved = with_earn(moved, replace(rules.earn, tenure=steps))
    return moved
