"""What will the programme cost next points year: the budget and all around it, for one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import ArgumentError
from cvm.core.result import Result
from cvm.points.budget import Budget
from cvm.points.budget_drivers import tornado, waterfall
from cvm.points.budget_holdout import HoldOut
from cvm.points.budget_levers import evaluate_levers
from cvm.points.generosity import Generosity, most_generous
from cvm.points.outlook_levers import (
    hold_to,
    keeping_settings,
    lever_facts,
    lever_frame,
    single_steps,
)
from cvm.points.outlook_words import WANTED_SHARE, outlook_sentence

PREFIX = "points_budget_"
# Columns that add up over tiers and counties, which disclosure control must know.
ADDITIVE = ("revenue_yuan", "redeemed_points", "cost_yuan")
_FORECAST_FACTS = (
    "over_error",
    "expected_overrun_yuan",
    "cost_low_yuan",
    "cost_high_yuan",
    "var_95_yuan",
    "tvar_95_yuan",
    "var_99_yuan",
    "tvar_99_yuan",
    "liability_yuan",
    "open_points",
)
_YEAR_COLUMNS = (
    "revenue_yuan",
    "cost_yuan",
    "cost_share",
    "earned_points",
    "redeemed_points",
    "expired_points",
    "forfeited_points",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Outlook(Result):
    """Next points year's cost, its risk, what moves it and what keeps the cap.

    Attributes:
        budget: The forecast.
        table: The lever table, held to the budget.
        generosity: The most generous return rate.
        members: Members at the start, one row each, with ``vip_tier`` and ``county``.
        history: Months so far, of ``reduce_points_flows``.
        years: Whole points years so far, of :func:`cvm.points.forecast.points_years`.
        holdout: Last year's forecast beside what came; ``None`` where there was no year to test on.
    """

    view: ClassVar[str] = "cvm.views.charts_points_budget:plot_outlook"

    budget: Budget
    table: Mapping[str, Any]
    generosity: Generosity
    members: pd.DataFrame
    history: pd.DataFrame
    years: pd.DataFrame
    holdout: HoldOut | None = None

    @property
    def year(self) -> int:
        """Return the points year forecast."""
        return int(self.table["year"])

    @cached_property
    def facts(self) -> dict[str, float]:
        """Return the page's figures by name; those of levers at today's setting."""
        budget = self.budget
        now = evaluate_levers(self.table)
        row = budget.summary().set_index("points_year").loc[[self.year]].iloc[0].to_dict()
        found = {
            **{k: v for k, v in now.items() if k not in ("outside",)},
            **{name: float(row[name]) for name in _FORECAST_FACTS},
            "generous_rate": self.generosity.rate,
            "generous_error": self.generosity.kept.error,
            "fitted": float(budget.programme.law.fitted),
            "scenarios": float(len(budget.ran.scenarios)),
            "last_month_index": float(
                budget.programme.first_month.year * 12 + budget.programme.first_month.month - 2
            ),
            "wanted_share": WANTED_SHARE,
            "extra_years": float(budget.programme.rules_at(0).clearing.kind == "calendar_years"),
        }
        found |= lever_facts(self.table)
        if len(self.years):
            last = self.years.iloc[-1]
            found |= {
                "last_year": float(last["points_year"]),
                "last_cost_yuan": float(last["cost_yuan"]),
                "last_share": float(last["cost_share"]),
            }
        return found

    def fact(self, key: str) -> float:
        """Return one fact; not a number where it is not known."""
        return self.facts.get(key, float("nan"))

    @cached_property
    def steps(self) -> pd.DataFrame:
        """Return each rule lever moved one step either way."""
        return single_steps(self.table)

    @cached_property
    def keeps(self) -> pd.DataFrame:
        """Return for each rule lever the mildest setting that alone keeps the cap often enough."""
        return keeping_settings(self.table, wanted=WANTED_SHARE)

    def drivers(self) -> pd.DataFrame:
        """Return what moves the year's cost: rule levers by one step, the world by 10 %–90 %."""
        rows = []
        for lever, frame in self.steps.groupby("lever", sort=False):
            sides = frame.set_index(frame["step"].str.rsplit("_", n=1).str[1])
            rows.append({"driver": str(lever), "kind": "rule"} | _sides(sides))
        world = tornado(self.budget, year=self.year)
        for factor, low, high in world.itertuples(index=False):
            rows.append(
                {
                    "driver": str(factor),
                    "kind": "world",
                    "low_yuan": float(low),
                    "high_yuan": float(high),
                    "low_setting": float("nan"),
                    "high_setting": float("nan"),
                }
            )
        frame = pd.DataFrame(rows)
        width = (frame["high_yuan"] - frame["low_yuan"]).abs()
        return frame.loc[width.sort_values(ascending=False).index].reset_index(drop=True)

    def waterfall(self) -> pd.DataFrame | None:
        """Return the way from the last whole points year's cost; ``None`` without one."""
        if not len(self.years):
            return None
        last = {str(name): float(value) for name, value in self.years.iloc[-1].items()}
        needed = ("member_months", "earned_points", "redeemed_points", "cost_yuan")
        if not all(last.get(name, 0.0) > 0 for name in needed):
            return None
        return waterfall(self.budget, last, year=self.year)

    def months(self) -> pd.DataFrame:
        """Return cost and points by month: what was, then what is expected."""
        names = ["revenue_yuan", "cost_yuan", "earned_points", "redeemed_points"]
        names += ["expired_points", "forfeited_points"]
        seen = self.history[self.history["members"] > 0]
        past = seen[["month", *names]].assign(kind="actual")
        coming = self.budget.months()
        coming = coming[["month", *names, "cost_low_yuan", "cost_high_yuan", "close_points"]]
        frame = pd.concat([past, coming.assign(kind="forecast")], ignore_index=True)
        return frame.assign(month=pd.to_datetime(frame["month"]))

    def path(self) -> pd.DataFrame:
        """Return cost ÷ revenue to date by month of the points year, beside last year's."""
        ran = self.budget.ran
        mine = ran.programme.years == self.year
        cost = np.cumsum(ran.cost_yuan[:, mine], axis=1)
        # Members who have redeemed wait before they do so again, so that luck evens out: it grows
        # over the months as theirs does, to the year's own spread.
        monthly = np.cumsum(ran.month_spread_yuan()[:, mine] ** 2, axis=1)
        yearly = ran.year_spread_yuan()[:, self.budget.year_position(self.year)]
        spread = yearly[:, None] * np.sqrt(monthly / np.maximum(monthly[:, -1:], 1e-12))
        drawn = np.maximum(cost + ran.scenarios.member_noise[:, None] * spread, 0.0)
        revenue = np.maximum(np.cumsum(ran.revenue_yuan[:, mine], axis=1), 1e-9)
        tail = (1 - self.budget.confidence) / 2
        low, high = np.quantile(drawn / revenue, [tail, 1 - tail], axis=0)
        months = [m for m, own in zip(ran.programme.month_list, mine, strict=True) if own]
        frame = pd.DataFrame({"month": pd.to_datetime(months)})
        frame["cost_share"] = (cost / revenue).mean(axis=0)
        frame["low_share"], frame["high_share"] = low, high
        frame["cap_share"] = self.fact("cap_share")
        past = self.history.set_index(pd.to_datetime(self.history["month"]))
        before = past.reindex(frame["month"] - pd.DateOffset(years=1))
        to_date = before[["cost_yuan", "revenue_yuan"]].to_numpy(float).cumsum(axis=0)
        return frame.assign(last_year_share=to_date[:, 0] / to_date[:, 1])

    def points_years(self) -> pd.DataFrame:
        """Return points years so far and forecast, with intervals of the latter."""
        names = ["points_year", *_YEAR_COLUMNS]
        coming = self.budget.summary()
        more = [
            "cost_low_yuan", "cost_high_yuan", "cost_share_low", "cost_share_high", "over_share",
            "open_points", "close_points",
        ]  # fmt: skip
        frames = [coming[[*names, *more]].assign(kind="forecast")]
        if len(self.years):
            frames.insert(0, self.years[names].assign(kind="actual"))
        frame = pd.concat(frames, ignore_index=True)
        return frame.assign(cap_share=self.fact("cap_share"))

    def groups(self, name: str) -> pd.DataFrame:
        """Return the year's cost by ``tier`` or ``county``, with members at the start."""
        frame = self.budget.by_tier() if name == "tier" else self.budget.by_county()
        label = "vip_tier" if name == "tier" else name
        known = self.members[label].value_counts()
        mine = frame[frame["points_year"] == self.year].drop(columns="points_year")
        made = mine.rename(columns={name: label}).reset_index(drop=True)
        made.insert(1, "customers", made[label].map(known).fillna(0).astype("int64"))
        return made.assign(cost_of_all_share=made["cost_yuan"] / made["cost_yuan"].sum())

    def summary(self) -> pd.DataFrame:
        """Return the facts: key, value."""
        return pd.DataFrame({"key": list(self.facts), "value": list(self.facts.values())})

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return every table of the page by the name it has in a snapshot."""
        found = {
            "facts": self.summary(),
            "months": self.months(),
            "years": self.points_years(),
            "path": self.path(),
            "drivers": self.drivers(),
            "steps": self.steps,
            "keeps": self.keeps,
            "rates": self.generosity.curve,
            "levers": lever_frame(self.table),
            "tiers": self.groups("tier"),
            "counties": self.groups("county"),
        }
        steps = self.waterfall()
        if steps is not None:
            found["waterfall"] = steps
        if self.holdout is not None:
            found["holdout"] = self.holdout.summary()
        return {PREFIX + name: frame for name, frame in found.items()}

    def text(self, lang: str = "en") -> str:
        """Return cost, chance to pass the cap, and what alone would keep it."""
        return outlook_sentence(self.facts, self.keeps, lang)


def _sides(sides: pd.DataFrame) -> dict[str, float]:
    found: dict[str, float] = {}
    for side, name in (("down", "low"), ("up", "high")):
        there = side in sides.index
        found[f"{name}_yuan"] = float(sides["change_yuan"][side]) if there else 0.0
        found[f"{name}_setting"] = float(sides["to_setting"][side]) if there else float("nan")
    return found


def make_outlook(
    budget: Budget,
    table: Mapping[str, Any],
    *,
    members: pd.DataFrame,
    history: pd.DataFrame,
    years: pd.DataFrame,
    holdout: HoldOut | None = None,
) -> Outlook:
    """Return the outlook of a budget.

    Args:
        budget: The forecast; it has a cap.
        table: Of ``lever_table``, of the same programme; it is held to the budget here.
        members: Members at the start, one row each, with ``vip_tier`` and ``county``.
        history: Months so far.
        years: Whole points years so far.
        holdout: Last year's forecast beside what came.

    Raises:
        ArgumentError: The budget has no cap.
    """
    if budget.cap_share is None:
        raise ArgumentError("cap_share", None, "given", action="give the budget a cap_share")
    year = int(table["year"])
    return Outlook(
        budget=budget,
        table=hold_to(table, budget, year=year),
        generosity=most_generous(budget, year=year, wanted=WANTED_SHARE),
        members=members,
        history=history,
        years=years,
        holdout=holdout,
    )


def hold_out(budget: Budget, years: pd.DataFrame) -> HoldOut | None:
    """Return the last whole points year's forecast beside what came and last year's ratio.

    Args:
        budget: The forecast, made from what was known before that year.
        years: Whole points years, of :func:`cvm.points.forecast.points_years`.

    Returns:
        ``None`` where costs of two years are not known.
    """
    costs = years[["cost_yuan", "cost_share"]].tail(2)
    if len(costs) < 2 or costs.isna().any(axis=None):
        return None
    before, last = (years.iloc[at] for at in (-2, -1))
    return HoldOut(
        budget=budget,
        year=int(last["points_year"]),
        actual_cost_yuan=float(last["cost_yuan"]),
        actual_revenue_yuan=float(last["revenue_yuan"]),
        naive_share=float(before["cost_share"]),
        last_revenue_yuan=float(before["revenue_yuan"]),
    )
