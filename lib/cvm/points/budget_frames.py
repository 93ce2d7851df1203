"""The frames of a budget: by month, points year, tier, county and channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.points.budget_kernel import EARNED, EXPIRED, FORFEITED, MEMBERS, REDEEMED, VALUE
from cvm.points.risk import expected_overrun, interval, tail_value_at_risk, value_at_risk
from cvm.points.rules import CHANNELS

if TYPE_CHECKING:
    from cvm.points.budget import Budget

FloatArray = npt.NDArray[np.float64]
_POINTS = (
    ("earned_points", EARNED),
    ("redeemed_points", REDEEMED),
    ("expired_points", EXPIRED),
    ("forfeited_points", FORFEITED),
)


def months_frame(budget: Budget) -> pd.DataFrame:
    """Return one row a month; points and money are means over scenarios.

    Transfers between members cancel out in the programme's total.
    """
    ran = budget.ran
    cost = ran.cost_yuan
    noise = ran.scenarios.member_noise[:, None] * ran.month_spread_yuan()
    drawn = np.maximum(cost + noise, 0.0)
    tail = (1 - budget.confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    frame = pd.DataFrame({"month": pd.to_datetime(ran.programme.month_list)})
    frame["points_year"] = ran.programme.years
    frame["members"] = ran.flow(MEMBERS).mean(axis=0)
    frame["revenue_yuan"] = ran.revenue_yuan.mean(axis=0)
    frame["open_points"] = ran.open_points.mean(axis=0)
    for name, at in _POINTS:
        frame[name] = ran.flow(at).mean(axis=0)
    frame["transferred_points"] = 0.0
    frame["close_points"] = ran.close_points.mean(axis=0)
    frame["cost_yuan"] = cost.mean(axis=0)
    frame["cost_low_yuan"], frame["cost_high_yuan"] = low, high
    return frame


def accrued_yuan(budget: Budget) -> tuple[FloatArray, FloatArray]:
    """Return accrued cost and closing liability by scenario and points year (yuan).

    Accrued cost is what was paid plus the rise of the liability: outstanding points × conditional
    URR × cost per point. The conditional rate of all scenarios is that of those followed to the
    end, moved along with what their factors explain.
    """
    ran, end = budget.ran, budget.ultimate
    years = len(ran.plan.years)
    followed = len(end.conditional_urr)
    basis = np.column_stack([np.ones(len(ran.scenarios)), ran.scenarios.factors])
    varied = basis[:, basis.std(axis=0) > 0]
    basis = np.column_stack([np.ones(len(basis)), varied])
    if followed <= basis.shape[1] + 2:
        basis = basis[:, :1]
    fit, *_ = np.linalg.lstsq(basis[:followed], end.conditional_urr, rcond=None)
    rate = np.clip(basis @ fit, 0.0, 1.0)
    opening = np.linalg.lstsq(basis[:followed], end.opening_urr, rcond=None)[0]
    first_rate = np.clip(basis @ opening, 0.0, 1.0)
    unit = _unit_by_year(budget)
    last = [int(np.flatnonzero(ran.plan.year_of == at)[-1]) for at in range(years)]
    closing = ran.close_points[:, last] * rate * unit
    before = np.column_stack([ran.open_points[:, 0] * first_rate * unit[:, 0], closing[:, :-1]])
    return ran.by_year(ran.cost_yuan) + closing - before, closing


def _unit_by_year(budget: Budget) -> FloatArray:
    ran = budget.ran
    redeemed, cost = ran.by_year(ran.flow(REDEEMED)), ran.by_year(ran.cost_yuan)
    return np.divide(cost, redeemed, out=np.zeros_like(cost), where=redeemed > 0)


def years_frame(budget: Budget) -> pd.DataFrame:
    """Return one row a points year that is projected whole (all, if none is)."""
    ran, rows = budget.ran, []
    accrued, liability = accrued_yuan(budget)
    deferred = budget.deferred_revenue().summary().set_index("period")["closing_yuan"]
    names = list(ran.plan.years)
    for year in budget.years or tuple(int(name) for name in names):
        at = names.index(year)
        mine = ran.plan.year_of == at
        cost, revenue = budget.cost_yuan(year), budget.revenue_yuan(year)
        share = budget.cost_share(year)
        row: dict[str, float] = {"points_year": year}
        row["open_points"] = float(ran.open_points[:, mine][:, 0].mean())
        for name, flow in _POINTS:
            row[name] = float(ran.flow(flow)[:, mine].sum(axis=1).mean())
        row["transferred_points"] = 0.0
        row["close_points"] = float(ran.close_points[:, mine][:, -1].mean())
        row["revenue_yuan"] = float(revenue.mean())
        row["cost_yuan"] = float(cost.mean())
        row["cost_low_yuan"], row["cost_high_yuan"] = interval(cost, budget.confidence)
        row["accrued_cost_yuan"] = float(accrued[:, at].mean())
        row["liability_yuan"] = float(liability[:, at].mean())
        row["deferred_revenue_yuan"] = float(deferred.loc[year])
        row["cost_share"] = float(share.mean())
        row["cost_share_low"], row["cost_share_high"] = interval(share, budget.confidence)
        for level in (0.95, 0.99):
            row[f"var_{level:.0%}_yuan".replace("%", "")] = value_at_risk(cost, level)
            row[f"tvar_{level:.0%}_yuan".replace("%", "")] = tail_value_at_risk(cost, level)
        if budget.cap_share is not None:
            over = budget.over(year)
            row["cap_share"] = budget.cap_share
            row["over_share"], row["over_error"] = over.share, over.error
            row["expected_overrun_yuan"] = expected_overrun(cost - budget.cap_share * revenue, 0.0)
        if budget.naive_share is not None:
            row["naive_cost_yuan"] = budget.naive_share * float(revenue.mean())
        rows.append(row)
    return pd.DataFrame(rows)


def by_tier(budget: Budget) -> pd.DataFrame:
    """Return members, revenue, redeemed points and cost by points year and tier."""
    ran, tiers = budget.ran, budget.programme.population.tiers
    cost = ran.flows[:, :, :, VALUE] * ran.unit_cost_yuan.sum(axis=2)[:, :, None]
    revenue, redeemed = ran.tier_revenue_yuan, ran.flows[:, :, :, REDEEMED]
    amounts = {"revenue_yuan": revenue, "redeemed_points": redeemed, "cost_yuan": cost}
    return _parts(budget, "tier", tiers, {n: ran.by_year(v) for n, v in amounts.items()})


def by_county(budget: Budget) -> pd.DataFrame:
    """Return redeemed points and cost by points year and county.

    A cell's redemption is shared among counties as its earned points are.
    """
    ran, county = budget.ran, budget.ran.plan.cells.county_share
    value = ran.cell_flows[:, :, :, 1]
    total = value.sum(axis=2)
    yearly = ran.by_year(ran.cost_yuan)
    unit = np.divide(yearly, total, out=np.zeros_like(yearly), where=total > 0)
    amounts = {
        "redeemed_points": ran.cell_flows[:, :, :, 0] @ county,
        "cost_yuan": (value @ county) * unit[:, :, None],
    }
    return _parts(budget, "county", budget.programme.population.counties, amounts)


def by_channel(budget: Budget) -> pd.DataFrame:
    """Return redeemed points and cost by points year and channel."""
    ran = budget.ran
    amounts = {
        "redeemed_points": ran.by_year(ran.flow(REDEEMED)[:, :, None] * ran.mix),
        "cost_yuan": ran.by_year(ran.flow(VALUE)[:, :, None] * ran.unit_cost_yuan),
    }
    frame = _parts(budget, "channel", CHANNELS, amounts)
    return frame[frame.groupby("channel")["cost_yuan"].transform("sum") > 0].reset_index(drop=True)


def _parts(
    budget: Budget, name: str, parts: tuple[str, ...], amounts: dict[str, FloatArray]
) -> pd.DataFrame:
    rows = []
    for at, year in enumerate(budget.ran.plan.years):
        if budget.years and year not in budget.years:
            continue
        for place, part in enumerate(parts):
            row = {"points_year": int(year), name: part}
            row |= {label: float(v[:, at, place].mean()) for label, v in amounts.items()}
            low, high = interval(amounts["cost_yuan"][:, at, place], budget.confidence)
            rows.append(row | {"cost_low_yuan": low, "cost_high_yuan": high})
    return pd.DataFrame(rows)
