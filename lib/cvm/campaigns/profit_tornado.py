"""The few assumptions that decide a campaign's return, each at both of its plausible ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pandas as pd

from cvm.campaigns.profit_assumptions import Assumptions
from cvm.core.checks import ArgumentError

if TYPE_CHECKING:
    from cvm.campaigns.profit import Profit


def tornado_of(
    profit: Profit, ranges: Mapping[str, tuple[float, float]] | None = None
) -> pd.DataFrame:
    """Return the return at both ends of each assumption, the widest first.

    Args:
        profit: The campaign's worth.
        ranges: See :meth:`cvm.campaigns.profit.Profit.tornado`.

    Raises:
        ArgumentError: An assumption is not known.
    """
    known = {item.name for item in fields(Assumptions)} | {"kept_share"}
    rows = []
    for name, ends in (ranges or _ranges(profit)).items():
        if name not in known:
            raise ArgumentError("ranges", name, "an assumption", available=sorted(known))
        found = [_at(profit, name, end).roi for end in ends]
        swing = abs(found[1] - found[0])
        rows.append((name, *ends, *found, swing, min(found) < 0 < max(found)))
    columns = [
        "assumption",
        "low_setting",
        "high_setting",
        "roi_low_setting",
        "roi_high_setting",
        "swing",
        "decides",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values("swing", ascending=False, kind="stable", ignore_index=True)


def _at(profit: Profit, name: str, setting: float) -> Profit:
    if name == "kept_share":
        # Margin of the window moves with customers kept, by half the window's margin each.
        one = profit.measured
        each = one.monthly_margin_yuan * one.window_months / 2
        moved = one.margin_yuan + each * (setting - one.kept_share)
        return replace(profit, measured=replace(one, kept_share=float(setting), margin_yuan=moved))
    whole = name == "horizon_months"
    return profit.with_assumptions(**{name: int(setting) if whole else setting})


def _ranges(profit: Profit) -> dict[str, tuple[float, float]]:
    chosen = profit.assumptions
    found = {"kept_share": (-profit.churn.high, -profit.churn.low)} if profit.churn.can_tell else {}
    found["cost_times"] = (0.8 * chosen.cost_times, 1.2 * chosen.cost_times)
    found["discount_yearly"] = (0.05, 0.15)
    if chosen.kept_value_yuan is not None:
        value = chosen.kept_value_yuan
        return found | {"kept_value_yuan": (0.5 * value, 1.5 * value)}
    window = profit.measured.window_months
    half = max(window, round(chosen.horizon_months / 2))
    found["horizon_months"] = (half, round(chosen.horizon_months * 1.5))
    found["kept_churn_times"] = (1.0, 2 * max(chosen.kept_churn_times, 1.0))
    found["margin_times"] = (0.8 * chosen.margin_times, 1.2 * chosen.margin_times)
    return found
