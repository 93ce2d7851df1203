"""A programme set up from an operator's own year: levels met to the past, then projected.

What a projection of the year before misses in revenue and in redeemed points is taken up in the
growth of bills and in the level of redemption; the rest is behaviour, rules and members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from cvm.core.checks import ArgumentError, DataError
from cvm.core.months import add_months
from cvm.points.behaviour_model import Behaviour
from cvm.points.budget_holdout import fit_level
from cvm.points.budget_kernel import NEAR, REVENUE
from cvm.points.budget_law import RedemptionLaw, law_of
from cvm.points.budget_programme import Programme
from cvm.points.budget_run import run
from cvm.points.forecast_years import (
    MONTHS,
    history_without_ledger,
    horizon,
    points_years,
    start_months,
    year_from,
)
from cvm.points.members import member_columns
from cvm.points.population import MemberColumns, reduce_members
from cvm.points.rulebook import RuleBook
from cvm.points.rulebook_read import read_rulebook, shipped_rulebook
from cvm.points.rules import Rules
from cvm.points.scenarios import ScenarioSpec, one_scenario

__all__ = [
    "Forecast",
    "Start",
    "behaviour_terms",
    "history_without_ledger",
    "horizon",
    "make_forecast",
    "open_rulebook",
    "points_years",
    "start_months",
    "year_from",
]

_HALF_YEAR = (MONTHS + 1) / 24
_LARGEST_GROWTH = 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """What is known of members before a month.

    Attributes:
        first_month: First month not known.
        members: One row a member in service, of ``reduce_points_members``.
        leaving: Leavers and joiners, of ``reduce_points_leaving``.
        lots: Points by when they were earned, of ``reduce_points_lots``; ``None`` without a ledger.
    """

    first_month: date
    members: pd.DataFrame
    leaving: pd.DataFrame
    lots: pd.DataFrame | None = None

    def columns(self, *, points_per_yuan: float = 1.0, bill_times: float = 1.0) -> MemberColumns:
        """Return the members as plain columns, their bills brought forward."""
        return member_columns(
            self.members,
            self.lots,
            self.leaving,
            first_month=self.first_month,
            points_per_yuan=points_per_yuan,
            bill_times=bill_times,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast:
    """A programme ready to be projected, and what the past taught.

    Attributes:
        programme: Members, rules and behaviour at the start.
        spec: The factors' distribution, growth of bills centred on the past year's.
        columns: The members, for a coarser reduction.
        growth: Yearly log growth of bills beyond what joining and leaving explain.
        level: Log odds of redemption added so that the past year is met; 0 if it was not tried.
    """

    programme: Programme
    spec: ScenarioSpec
    columns: MemberColumns
    growth: float
    level: float

    def learnt(self) -> pd.DataFrame:
        """Return what the past taught: growth of bills and level of redemption."""
        population = self.programme.population
        return pd.DataFrame(
            {
                "members": [population.members],
                "cells": [len(population.cells)],
                "outstanding_points": [population.outstanding_points],
                "joiners_a_month": [population.joiners_a_month],
                "growth": [self.growth],
                "level": [self.level],
            }
        )

    def coarse(self, cells: int = 40) -> Programme:
        """Return the programme with fewer cells, for tables of many settings."""
        small = reduce_members(
            self.columns, first_month=self.programme.first_month, cells=cells, joiner_cells=2
        )
        return replace(self.programme, population=small)


def behaviour_terms(rules: Rules) -> dict[str, Any]:
    """Return how the behaviour reduction reads a ledger under these rules.

    Returns:
        The keywords of ``reduce_points_behaviour``: threshold and clearing.
    """
    clearing, qualification = rules.clearing, rules.qualification
    terms: dict[str, Any] = {
        "threshold_points": qualification.threshold_points,
        "exceed": qualification.exceed,
    }
    if clearing.kind == "calendar_years":
        terms |= {"clearing_years": clearing.years, "clearing_month": clearing.month}
    elif clearing.kind == "months":
        terms |= {"life_months": clearing.months}
    return terms


def lots_by(rules: Rules) -> dict[str, bool]:
    """Return how the reduction of members adds up what they hold under these rules.

    Returns:
        The keywords ``by_year`` and ``by_class`` of ``collect_points_start``.
    """
    clearing = rules.clearing
    kinds = {clearing.kind, *(rule.kind for rule in clearing.classes.values())}
    return {"by_year": "months" not in kinds, "by_class": bool(clearing.classes)}


def point_values(book: RuleBook) -> dict[date, float]:
    """Return first month → value of a point (yuan) of the book's editions, for the fit."""
    return {item.first_month: item.redemption.best_yuan_per_point for item in book.rules}


def open_rulebook(name: str) -> RuleBook:
    """Return a shipped rule book, or one from a file.

    Args:
        name: Of a shipped book (a file of ``data/rulebooks``), or a path that ends in ``.toml``.

    Raises:
        ArgumentError: There is no shipped book of that name; the message lists them.
        RuleBookError: The file is no rule book; all problems, with their lines.
    """
    return read_rulebook(name) if name.endswith(".toml") else shipped_rulebook(name)


def make_forecast(
    now: Start,
    *,
    book: RuleBook,
    behaviour: Behaviour,
    months: int,
    past: Start | None = None,
    actual: Mapping[str, float] | None = None,
    draws: int = 200,
    cells: int = 120,
    rng: np.random.Generator,
) -> Forecast:
    """Return a programme whose last year's projection would have met what came.

    Args:
        now: Members at the start.
        book: The rules.
        behaviour: Fitted, or stated.
        months: Months to project.
        past: Members a year before; without them, or without ``actual``, bills do not grow and
            behaviour stays as given.
        actual: ``revenue_yuan`` of the year between, and ``redeemed_points`` where it is known.
        draws: The best estimate of behaviour and draws of its coefficients.
        cells: Most cells of members.
        rng: Source of the draws.

    Raises:
        ArgumentError: ``past`` lies not a year before ``now``.
    """
    if past is None or actual is None:
        past = actual = None
    per_yuan = book.rules_in(now.first_month).earn.points_per_yuan
    law = _law_maker(behaviour, draws, book, rng)
    growth = level = 0.0
    near = None
    if past is not None and actual is not None:
        if add_months(past.first_month, MONTHS) != now.first_month:
            raise ArgumentError(
                "past.first_month", past.first_month, f"a year before {now.first_month}"
            )
        before = _programme(past, book, law, per_yuan, 1.0, cells)
        growth, near = _growth(before, actual), _near_share(before)
        redeemed = actual.get("redeemed_points")
        if redeemed is not None and redeemed > 0 and behaviour.source == "fitted":
            middle = float(np.exp(2 * _HALF_YEAR * growth))
            level = _level(_programme(past, book, law, per_yuan, middle, cells), redeemed)
    columns = now.columns(points_per_yuan=per_yuan, bill_times=float(np.exp(_HALF_YEAR * growth)))
    population = reduce_members(columns, first_month=now.first_month, cells=cells)
    programme = Programme(
        population=population,
        book=book,
        law=law(population.tiers).shifted(level),
        months=months,
        near_share=near,
    )
    return Forecast(
        programme=programme,
        spec=ScenarioSpec().with_factor("spend_growth", mean=growth),
        columns=columns,
        growth=growth,
        level=level,
    )


def _law_maker(behaviour: Behaviour, draws: int, book: RuleBook, rng: np.random.Generator) -> Any:
    made: dict[tuple[str, ...], RedemptionLaw] = {}
    step = max((item.step_points for item in book.rules[-1].channels), default=1)

    def law(tiers: tuple[str, ...]) -> RedemptionLaw:
        if tiers not in made:
            made[tiers] = law_of(behaviour, tiers=tiers, draws=draws, step_points=step, rng=rng)
        return made[tiers]

    return law


def _programme(
    start: Start, book: RuleBook, law: Any, per_yuan: float, bill_times: float, cells: int
) -> Programme:
    columns = start.columns(points_per_yuan=per_yuan, bill_times=bill_times)
    population = reduce_members(columns, first_month=start.first_month, cells=cells)
    return Programme(
        population=population, book=book, law=law(population.tiers).best(), months=MONTHS
    )


def _growth(past: Programme, actual: Mapping[str, float]) -> float:
    """Return the yearly log growth that brings past bills to the year's revenue.

    Bills are means of twelve months; the middle of the year after lies 13 months further on.
    """
    revenue = float(run(past, one_scenario(months=MONTHS), workers=1).revenue_yuan.sum())
    seen = float(actual["revenue_yuan"])
    if not (revenue > 0 and seen > 0):
        return 0.0
    growth = np.log(seen / revenue) / (2 * _HALF_YEAR)
    return float(np.clip(growth, -_LARGEST_GROWTH, _LARGEST_GROWTH))


def _near_share(past: Programme) -> float:
    """Return the share of the past year's bills that was of members near the threshold."""
    ran = run(past, one_scenario(months=MONTHS), workers=1)
    return float(ran.flow(NEAR).sum() / max(ran.flow(REVENUE).sum(), 1e-9))


def _level(past: Programme, redeemed: float) -> float:
    try:
        return fit_level(past, redeemed)
    except DataError:
        # A ledger whose redemptions the members' balances cannot bring: behaviour stays as fitted.
        return 0.0
