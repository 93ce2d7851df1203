"""What rule changes would cost or buy, from when, and on what knowledge each figure rests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from cvm.core.checks import ArgumentError, check_one_of
from cvm.core.i18n import say
from cvm.core.months import add_months
from cvm.core.result import Result
from cvm.points.budget import Budget, simulate
from cvm.points.budget_programme import Programme
from cvm.points.generosity import Generosity
from cvm.points.generosity_changes import STEP, ChangeTable, tier_multiplier_costs, with_earn
from cvm.points.rulebook import RuleBook
from cvm.points.rules import Clearing, RedemptionValue, ValueStep
from cvm.points.rules_earn import Multipliers
from cvm.points.shocks import SHOCKS, ShockTable

DATED = ("expiry_removed", "value", "base")
_BASIS = {
    "threshold_1000": "extrapolated",
    "digital_doubles": "assumed",
    "clearing_run": "assumed",
    "price_war": "assumed",
    "breakage_up": "arithmetic",
    "breakage_down": "arithmetic",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class RuleChanges(Result):
    """The rule changes of one page.

    Attributes:
        changes: Single changes by customer value per yuan.
        shocks: Named shocks beside the base.
        generosity: The frontier of the return rate.
    """

    changes: ChangeTable
    shocks: ShockTable
    generosity: Generosity

    def summary(self) -> pd.DataFrame:
        """Return the single changes, the best first."""
        return self.changes.summary()

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the tables by the names they are published under."""
        return {
            "rule_changes_single": self.changes.summary(),
            "rule_changes_shocks": self.shocks.summary(),
            "rule_changes_frontier": self.generosity.curve,
        }

    def text(self, lang: str = "en") -> str:
        """Return the change that buys most, and the shock that costs most."""
        return say(
            "points_rule_changes.text",
            lang,
            best=self.changes.text(lang),
            worst=self.shocks.text(lang),
        )


def basis_of(shock: str, *, fitted: bool) -> str:
    """Return what a shock's figure rests on.

    Args:
        shock: One of :data:`cvm.points.shocks.SHOCKS`.
        fitted: Whether behaviour was fitted to a ledger.

    Returns:
        ``fitted`` or ``stated`` (rules change, members act as they do), ``extrapolated``,
        ``assumed`` (the reaction is the assumption) or ``arithmetic``.
    """
    check_one_of(shock, "shock", SHOCKS)
    return _BASIS.get(shock, "fitted" if fitted else "stated")


def basis_table(shocks: ShockTable, lang: str = "en") -> pd.DataFrame:
    """Return each shock and what its figure rests on, in words.

    Args:
        shocks: The shocks tried.
        lang: ``"zh"`` or ``"en"``.
    """
    fitted = shocks.base.programme.law.fitted
    change, basis = (
        say(f"points_rule_changes.column.{name}", lang) for name in ("change", "basis")
    )
    rows = [
        {
            change: say(f"points_budget.shock.{name}", lang),
            basis: say(f"points_rule_changes.basis.{basis_of(name, fitted=fitted)}", lang),
        }
        for name in shocks.budgets
    ]
    return pd.DataFrame(rows)


def dated_changes(
    budget: Budget, *, after_months: Sequence[int] = (0, 6, 12), count: int = 64
) -> pd.DataFrame:
    """Return what a change costs by the month it takes effect in.

    Only changes of rules that members meet as they come: a threshold also changes how members look
    at their balance from the day it is announced, which is not dated here.

    Args:
        budget: The base; ``count`` of its scenarios serve.
        after_months: Months after the first projected one.
        count: Scenarios.

    Returns:
        ``change``, ``effective_month``, and for each whole points year ``points_year`` the
        ``cost_change_yuan`` and ``cost_share``; changes that do not apply are left out.

    Raises:
        ArgumentError: A month outside the projection.
    """
    programme, scenarios = budget.programme, budget.ran.scenarios.first(count)
    base = simulate(programme, scenarios, cap_share=budget.cap_share)
    rows = []
    for name in DATED:
        if name == "expiry_removed" and programme.rules_at(0).clearing.kind == "none":
            continue
        for after in after_months:
            if not 0 <= after < programme.months:
                raise ArgumentError("after_months", after, f"0 to {programme.months - 1}")
            since = add_months(programme.first_month, after)
            made = simulate(_from(programme, name, since), scenarios, cap_share=budget.cap_share)
            rows += [
                {
                    "change": name,
                    "effective_month": pd.Timestamp(since),
                    "points_year": year,
                    "cost_change_yuan": float(
                        (made.cost_yuan(year, luck=False) - base.cost_yuan(year, luck=False)).mean()
                    ),
                    "cost_share": float(made.cost_share(year).mean()),
                }
                for year in programme.whole_years
            ]
    return pd.DataFrame(rows)


def _from(programme: Programme, name: str, since: date) -> Programme:
    rules, book = programme.book.rules_in(since), programme.book
    changed: dict[str, Callable[[], RuleBook]] = {
        "expiry_removed": lambda: book.with_clearing(Clearing(kind="none"), since=since),
        "value": lambda: book.with_rules(since=since, redemption=_richer(rules.redemption)),
        "base": lambda: book.with_rules(
            since=since,
            earn=replace(
                rules.earn, points_per_yuan=round(rules.earn.points_per_yuan * (1 + STEP), 4)
            ),
        ),
    }
    return programme.with_book(changed[name]())


def _richer(redemption: RedemptionValue) -> RedemptionValue:
    if redemption.yuan_per_point is not None:
        return RedemptionValue(yuan_per_point=redemption.yuan_per_point * (1 + STEP))
    return RedemptionValue(
        steps=tuple(
            ValueStep(points=item.points, value_yuan=round(item.value_yuan * (1 + STEP), 2))
            for item in redemption.steps
        )
    )


def tier_costs(budget: Budget, multipliers: Multipliers | None = None) -> pd.DataFrame:
    """Return what each tier's multiplier costs, with the tier's members.

    Args:
        budget: The base.
        multipliers: Tried where the rules have none of their own.

    Returns:
        ``tier``, ``members`` at the start, ``multiplier``, ``cost_yuan`` of the first whole points
        year and ``share_of_revenue``; empty where there is no multiplier of the tiers.
    """
    programme = budget.programme
    earn = programme.rules_at(0).earn
    if earn.multipliers is None and multipliers is not None:
        programme = with_earn(programme, replace(earn, multipliers=multipliers))
        budget = simulate(programme, budget.ran.scenarios, cap_share=budget.cap_share)
    costs = tier_multiplier_costs(budget)
    cells = programme.population.cells
    members = np.bincount(
        cells.tier, weights=cells.members, minlength=len(programme.population.tiers)
    )
    by_tier = dict(zip(programme.population.tiers, members.round().astype(int), strict=True))
    costs.insert(1, "members", [by_tier[tier] for tier in costs["tier"]])
    return costs.astype({"members": "int64"})


def with_reaction(budget: Budget, log_odds: float) -> Budget:
    """Return the budget where redemption reacts to the value of a point, as assumed.

    Args:
        budget: The base.
        log_odds: Log odds to redeem per logarithm of a point's value: 0.5 raises the odds by 5 %
            for 10 % more value.
    """
    law = budget.programme.law
    reacting = replace(law, value_elasticity=np.full_like(law.value_elasticity, log_odds))
    programme = replace(budget.programme, law=reacting)
    return simulate(programme, budget.ran.scenarios, cap_share=budget.cap_share)
