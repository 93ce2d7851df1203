"""A campaign's worth as one row of figures, by both readings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cvm.campaigns.profit import Profit


def summary_row(profit: Profit) -> dict[str, Any]:
    """Return what the campaign added, cost and returned, with intervals.

    Args:
        profit: The campaign's worth.
    """
    low, high = profit.roi_interval()
    margin_low, margin_high = profit.margin_interval()
    net_low, net_high = profit.net_interval()
    one = profit.measured
    row = {
        "campaign": profit.campaign,
        "treated_count": one.treated_count,
        "kept_customers": profit.kept_customers,
        **_three("kept_months", profit.gained("months")),
        **_three("revenue_yuan", profit.gained("revenue_yuan")),
        "margin_yuan": profit.margin_yuan,
        "margin_low_yuan": margin_low,
        "margin_high_yuan": margin_high,
        "cost_yuan": profit.cost_yuan,
        "incentive_yuan": one.treated_count * one.incentive_yuan,
        "windfall_yuan": one.treated_count * one.windfall_yuan,
        "net_yuan": profit.net_yuan,
        "net_low_yuan": net_low,
        "net_high_yuan": net_high,
        "roi": profit.roi,
        "roi_low": low,
        "roi_high": high,
        "positive_share": profit.positive_share,
        "kept_value_yuan": profit.kept_value_yuan,
        "break_even_share": profit.break_even_share,
        "horizon_months": profit.assumptions.horizon_months,
    }
    return row | _life_row(profit)


def _life_row(profit: Profit) -> dict[str, float]:
    """Return what the summary says of the second reading; missing without one."""
    other = profit.over_life
    low, high = (math.nan, math.nan) if other is None else other.roi_interval()
    return {
        "life_value_yuan": math.nan if other is None else other.kept_value_yuan,
        "life_known_share": math.nan if profit.life is None else profit.life.known_share,
        "life_margin_yuan": math.nan if other is None else other.margin_yuan,
        "life_net_yuan": math.nan if other is None else other.net_yuan,
        "life_roi": math.nan if other is None else other.roi,
        "life_roi_low": low,
        "life_roi_high": high,
        "life_positive_share": math.nan if other is None else other.positive_share,
        "life_months": 0 if profit.life is None or other is None else profit.life.months,
    }


def _three(name: str, values: tuple[float, float, float]) -> dict[str, float]:
    """Return a value and its interval as columns; the unit yuan stays last in their names."""
    unit = "_yuan" if name.endswith("_yuan") else ""
    stem = name.removesuffix(unit)
    return dict(zip((name, f"{stem}_low{unit}", f"{stem}_high{unit}"), values, strict=True))
