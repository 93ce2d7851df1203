"""Which rule change gives customers most for the money; what a tier's multiplier costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.core.result import Result
from cvm.points.budget import Budget, simulate
from cvm.points.budget_frames import accrued_yuan
from cvm.points.budget_kernel import VALUE
from cvm.points.budget_programme import Programme
from cvm.points.generosity import with_value_times
from cvm.points.rules import EarnRules, MultiplierTable, RedemptionValue
from cvm.points.shocks import longer_life

STEP = 0.10


@dataclass(frozen=True, kw_only=True)
class Change:
    """One rule change.

    Attributes:
        name: Which, as in the catalogue.
        programme: The programme under it.
        values: What its name in words needs.
    """

    name: str
    programme: Programme
    values: dict[str, float]

    def label(self, lang: str) -> str:
        """Return the change in words."""
        shown = {
            key: format_share(value, decimals=0) if key == "percent" else format_number(value, lang)
            for key, value in self.values.items()
        }
        return say(f"points_budget.change.{self.name}", lang, **shown)


def single_changes(programme: Programme) -> list[Change]:
    """Return single rule changes that give members more, those that apply.

    A threshold a third lower (behaviour follows balance ÷ threshold), a year more of life, and 10 %
    more value, points per yuan, or tenure awards.
    """
    book, since, rules = programme.book, programme.first_month, programme.rules_at(0)
    changes = []
    threshold = rules.qualification.threshold_points
    if threshold:
        lower = max(round(threshold * 2 / 3 / 100) * 100, 0)
        moved = book.with_threshold(lower, since=since)
        law = programme.law.under_threshold(lower)
        changes.append(
            Change(
                name="threshold",
                programme=programme.with_book(moved, law),
                values={"points": float(lower)},
            )
        )
    if rules.clearing.kind != "none":
        longer = book.with_clearing(longer_life(rules.clearing, 12), since=since)
        changes.append(Change(name="validity", programme=programme.with_book(longer), values={}))
    more = {"percent": STEP}
    changes.append(
        Change(name="value", programme=with_value_times(programme, 1 + STEP), values=more)
    )
    earn = rules.earn
    base = replace(earn, points_per_yuan=round(earn.points_per_yuan * (1 + STEP), 4))
    changes.append(Change(name="base", programme=with_earn(programme, base), values=more))
    if earn.tenure:
        steps = tuple(
            replace(item, share=round(item.share * (1 + STEP), 4)) for item in earn.tenure
        )
        tenure = replace(earn, tenure=steps)
        changes.append(Change(name="tenure", programme=with_earn(programme, tenure), values=more))
    return changes


def with_earn(programme: Programme, earn: EarnRules) -> Programme:
    """Return the programme with other earn rules from the first month on."""
    return programme.with_book(programme.book.with_rules(since=programme.first_month, earn=earn))


@dataclass(frozen=True, kw_only=True, eq=False)
class ChangeTable(Result):
    """Rule changes by what customers get for a yuan.

    Attributes:
        rows: One a change: customer value and costs, all over the whole projection a year, and
            ``value_per_yuan``: customer value ÷ accrued cost.
        changes: The changes.
    """

    view: ClassVar[str] = "cvm.views.points_budget:plot_changes"

    rows: pd.DataFrame
    changes: list[Change]

    def summary(self) -> pd.DataFrame:
        """Return the changes, the best first."""
        return self.rows

    def text(self, lang: str = "en") -> str:
        """Return which change buys the most."""
        best = self.rows.iloc[0] if len(self.rows) else None
        if best is None or not best["customer_value_yuan"] > 0:
            return say("points_budget.change.nothing", lang)
        label = next(c.label(lang) for c in self.changes if c.name == best["change"])
        return say(
            "points_budget.change.text",
            lang,
            best=label,
            ratio=f"{float(best['value_per_yuan']):.2f}",
            value=format_yuan(float(best["customer_value_yuan"]), lang),
            cost=format_yuan(float(best["accrued_cost_yuan"]), lang),
        )


def compare_changes(budget: Budget, changes: list[Change] | None = None) -> ChangeTable:
    """Return single rule changes by customer value per yuan of accrued cost.

    Customer value is the face value of what members redeem within the projection. The cost is
    accrued: cash, and what the liability at the end is higher by, so that a change which brings
    redemption forward is charged only for what would have lapsed, and one that piles up points is
    charged for what they will yet cost. Today's liability is the base's in both: what a change does
    to points already held is part of its cost. (In the long run each ratio goes to a point's value
    ÷ its cost: it tells how soon the money reaches members.)

    Args:
        budget: The base; 128 of its scenarios serve.
        changes: The changes; :func:`single_changes` by default.
    """
    changes = single_changes(budget.programme) if changes is None else changes
    scenarios = budget.ran.scenarios.first(128)

    def figures(programme: Programme) -> np.ndarray:
        made = simulate(programme, scenarios, cap_share=budget.cap_share)
        _, liability = accrued_yuan(made)
        years = programme.months / 12
        value = face_value_yuan(made)
        cash = made.ran.cost_yuan.sum(axis=1)
        # The liability at the start is the same with and without a change, and cancels.
        carried = cash + liability[:, -1]
        return np.array([value, cash.mean() / years, carried.mean() / years])

    base = figures(budget.programme)
    rows = []
    for change in changes:
        value, cash, accrued = figures(change.programme) - base
        rows.append(
            {
                "change": change.name,
                "customer_value_yuan": value,
                "cash_cost_yuan": cash,
                "accrued_cost_yuan": accrued,
                "value_per_yuan": value / accrued if accrued > 1e-9 * base[2] else np.inf,
            }
        )
    frame = pd.DataFrame(rows).sort_values("value_per_yuan", ascending=False, ignore_index=True)
    return ChangeTable(rows=frame, changes=changes)


def face_value_yuan(budget: Budget) -> float:
    """Return what members buy with points a year, mean over scenarios (yuan)."""
    programme, value = budget.programme, budget.ran.flow(VALUE)
    worth = np.array(
        [
            1.0 if rules.redemption.steps else rules.redemption.best_yuan_per_point
            for rules in (programme.rules_at(t) for t in range(programme.months))
        ]
    )
    return float((value * worth).sum(axis=1).mean() / (programme.months / 12))


def tier_multiplier_costs(budget: Budget, *, year: int | None = None) -> pd.DataFrame:
    """Return what each tier's multiplier costs: the budget less that with the multiplier at 1.

    Returns:
        ``tier``, ``multiplier``, ``cost_yuan``, ``share_of_revenue``; empty without multipliers of
        the population's tiers.
    """
    programme, rows = budget.programme, []
    scenarios = budget.ran.scenarios.first(256)
    base = simulate(programme, scenarios, cap_share=budget.cap_share)
    earn = programme.rules_at(0).earn
    tables = earn.multipliers.tables if earn.multipliers else ()
    for at, table in enumerate(tables):
        if table.column != programme.tier_column:
            continue
        for tier in programme.population.tiers:
            times = table.levels.get(tier, table.otherwise)
            if times == 1:
                continue
            flat: MultiplierTable = replace(table, levels={**table.levels, tier: 1.0})
            assert earn.multipliers is not None
            replaced = replace(earn.multipliers, tables=(*tables[:at], flat, *tables[at + 1 :]))
            without = with_earn(programme, replace(earn, multipliers=replaced))
            other = simulate(without, scenarios, cap_share=budget.cap_share)
            saved = base.cost_yuan(year, luck=False) - other.cost_yuan(year, luck=False)
            rows.append(
                {
                    "tier": tier,
                    "multiplier": times,
                    "cost_yuan": float(saved.mean()),
                    "share_of_revenue": float((saved / base.revenue_yuan(year)).mean()),
                }
            )
    return pd.DataFrame(rows, columns=["tier", "multiplier", "cost_yuan", "share_of_revenue"])


def step_versus_linear(
    budget: Budget, steps: RedemptionValue, linear: RedemptionValue, *, year: int | None = None
) -> pd.DataFrame:
    """Return a step table and a linear value side by side, over the same scenarios.

    Args:
        budget: The base.
        steps: The step table.
        linear: The linear value.
        year: The points year; the first whole one by default.

    Returns:
        One row each: cost, cost share, chance over the cap, points redeemed, what a redeemed point
        buys.
    """
    rows = []
    scenarios = budget.ran.scenarios.first(256)
    kinds: dict[str, RedemptionValue] = {"steps": steps, "linear": linear}
    programme = budget.programme
    for name, value in kinds.items():
        book = programme.book.with_rules(since=programme.first_month, redemption=value)
        made = simulate(programme.with_book(book), scenarios, cap_share=budget.cap_share)
        redeemed = float(made.ran.flow(1).sum(axis=1).mean()) / (made.programme.months / 12)
        row = {
            "kind": name,
            "cost_yuan": float(made.cost_yuan(year).mean()),
            "cost_share": float(made.cost_share(year).mean()),
            "redeemed_points": redeemed,
            "yuan_per_redeemed_point": face_value_yuan(made) / max(redeemed, 1e-9),
        }
        if made.cap_share is not None:
            row["over_share"] = made.over(year).share
        rows.append(row)
    return pd.DataFrame(rows)
