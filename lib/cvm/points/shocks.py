"""Named shocks: what happens to the budget if the rules or the world change at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import check_one_of
from cvm.core.i18n import say
from cvm.core.money import format_yuan
from cvm.core.months import add_months
from cvm.core.result import Result
from cvm.points.budget import Budget, simulate
from cvm.points.budget_plan import make_plan
from cvm.points.budget_programme import Programme
from cvm.points.budget_urr import ultimate
from cvm.points.outlook_words import chance_text
from cvm.points.rules import Clearing
from cvm.points.scenarios import Scenarios

SHOCKS = (
    "expiry_removed",
    "expiry_shortened",
    "amnesty",
    "threshold_1000",
    "digital_doubles",
    "clearing_run",
    "price_war",
    "breakage_up",
    "breakage_down",
)
RUN_LOG_ODDS = 2.0
PRICE_WAR = {"spend_growth": -0.10, "churn": math.log(1.3), "acquisition": math.log(0.9)}


@dataclass(frozen=True, kw_only=True, eq=False)
class ShockTable(Result):
    """Budgets under shocks beside the base, over the same scenarios.

    Attributes:
        base: The budget without a shock.
        budgets: Shock → its budget.
        year: The points year compared.
    """

    view: ClassVar[str] = "cvm.views.points_budget:plot_shocks"

    base: Budget
    budgets: dict[str, Budget]
    year: int

    def summary(self) -> pd.DataFrame:
        """Return one row a shock: cost, its change, chance over the cap, closing points."""
        rows = []
        start = self.base.cost_yuan(self.year)
        for name, budget in {"base": self.base, **self.budgets}.items():
            cost = budget.cost_yuan(self.year)
            change = cost - start
            at = int(np.flatnonzero(budget.programme.years == self.year)[-1])
            row = {
                "shock": name,
                "cost_yuan": float(cost.mean()),
                "change_yuan": float(change.mean()),
                "change_low_yuan": float(np.quantile(change, 0.05)),
                "change_high_yuan": float(np.quantile(change, 0.95)),
                "cost_share": float(budget.cost_share(self.year).mean()),
                "close_points": float(budget.ran.close_points[:, at].mean()),
            }
            if budget.cap_share is not None:
                row["over_share"] = budget.over(self.year).share
            rows.append(row)
        return pd.DataFrame(rows)

    def text(self, lang: str = "en") -> str:
        """Return which shock costs most."""
        frame = self.summary().set_index("shock")
        change = frame["change_yuan"].to_dict()
        worst = max(self.budgets, key=lambda name: change[name])
        cost = format_yuan(change[worst], lang)
        name = say(f"points_budget.shock.{worst}", lang)
        if self.base.cap_share is None:
            return say(
                "points_budget.shock.text_no_cap", lang, worst=name, cost=cost, year=self.year
            )
        return say(
            "points_budget.shock.text",
            lang,
            worst=name,
            cost=cost,
            year=self.year,
            chance=chance_text(frame["over_share"].to_dict()[worst], lang),
            base=chance_text(frame["over_share"].to_dict()["base"], lang),
            count=f"{len(self.base.cost_yuan(self.year)):,}",
        )


def with_shock(
    programme: Programme, scenarios: Scenarios, name: str
) -> tuple[Programme, Scenarios]:
    """Return a programme and its scenarios under a named shock, from the first month on.

    ``threshold_1000`` lets members look at balance ÷ threshold as before. ``digital_doubles``
    doubles the odds to redeem and the first channel's weight. ``clearing_run`` raises the odds by
    e² per share of the balance about to die, from six months before the clearing; without a
    clearing rule, three-year clearing is announced. ``price_war``: bills fall by 10 % a year,
    churn rises by 30 %, acquisition falls by 10 %.

    Args:
        programme: The programme.
        scenarios: The draws.
        name: One of :data:`SHOCKS`.
    """
    check_one_of(name, "name", SHOCKS)
    book, since = programme.book, programme.first_month
    rules = book.rules_in(since)
    if name == "expiry_removed":
        return programme.with_book(
            book.with_clearing(Clearing(kind="none"), since=since)
        ), scenarios
    if name == "expiry_shortened":
        return programme.with_book(
            book.with_clearing(longer_life(rules.clearing, -12), since=since)
        ), scenarios
    if name == "amnesty":
        spared = replace(rules.clearing, already_earned="new_rule", not_before=_spared(programme))
        return programme.with_book(book.with_clearing(spared, since=since)), scenarios
    if name == "threshold_1000":
        points = min(1_000, rules.qualification.threshold_points)
        law = programme.law.under_threshold(points)
        return programme.with_book(book.with_threshold(points, since=since), law), scenarios
    if name == "digital_doubles":
        return programme, scenarios.shifted(redemption=math.log(2), channel_mix=math.log(2))
    if name == "clearing_run":
        return _run_on_clearing(programme), scenarios
    if name == "price_war":
        return programme, scenarios.shifted(**PRICE_WAR)
    return with_breakage(programme, scenarios, 0.01 if name == "breakage_up" else -0.01), scenarios


def longer_life(clearing: Clearing, months: int) -> Clearing:
    """Return a clearing rule with life longer by months (shorter if negative), by whole years.

    A rule without clearing stays so; a life never falls under a year.
    """
    if clearing.kind == "months":
        return replace(clearing, months=max(12, clearing.months + months), not_before=None)
    if clearing.kind == "calendar_years":
        return replace(clearing, years=max(1, clearing.years + months // 12), not_before=None)
    return clearing


def _spared(programme: Programme) -> date:
    """Return the month until which an amnesty spares all points: a year after the next clearing."""
    coming = int(make_plan(programme).next_clearing[0])
    return add_months(programme.first_month, max(coming, 0) + 12)


def _run_on_clearing(programme: Programme) -> Programme:
    law = replace(
        programme.law,
        rush_log_odds=programme.law.rush_log_odds + RUN_LOG_ODDS,
        rush_months=max(6, programme.law.rush_months),
    )
    since, book = programme.first_month, programme.book
    if book.rules_in(since).clearing.kind == "none":
        announced = Clearing(kind="calendar_years", years=3, not_before=add_months(since, 11))
        book = book.with_clearing(announced, since=since)
    return programme.with_book(book, law)


def with_breakage(programme: Programme, scenarios: Scenarios, change: float) -> Programme:
    """Return the programme with redemption moved so that breakage changes by an amount.

    Args:
        programme: The programme.
        scenarios: Draws; the first eight serve.
        change: Change of the share of issued points never redeemed (0.01 is one point).
    """

    def urr(shift: float) -> float:
        moved = replace(programme, law=programme.law.shifted(shift))
        return float(ultimate(moved, scenarios, count=8).urr.mean())

    goal = urr(0.0) - change
    low, high = (-1.0, 0.0) if change > 0 else (0.0, 1.0)
    at_low, at_high = urr(low), urr(high)
    for _ in range(6):
        share = (goal - at_low) / max(at_high - at_low, 1e-12)
        middle = low + min(max(share, 0.02), 0.98) * (high - low)
        here = urr(middle)
        if abs(here - goal) < 1e-4:
            break
        if here < goal:
            low, at_low = middle, here
        else:
            high, at_high = middle, here
    return replace(programme, law=programme.law.shifted(middle))


def try_shocks(
    budget: Budget, names: tuple[str, ...] = SHOCKS, *, year: int | None = None, count: int = 256
) -> ShockTable:
    """Return budgets under shocks, over the same scenarios as the base.

    Args:
        budget: The base.
        names: Shocks to try.
        year: The points year to compare; the first whole one by default.
        count: Scenarios to use, of the base's.
    """
    scenarios = budget.ran.scenarios.first(count)

    def budget_of(programme: Programme, draws: Scenarios) -> Budget:
        return simulate(programme, draws, cap_share=budget.cap_share, confidence=budget.confidence)

    budgets = {name: budget_of(*with_shock(budget.programme, scenarios, name)) for name in names}
    return ShockTable(
        base=budget_of(budget.programme, scenarios),
        budgets=budgets,
        year=budget.years[0] if year is None else year,
    )
