"""What the truth counts in every block: churn, the points programme, recharges."""

from __future__ import annotations

import numpy as np

from cvm.data.sample.block import Block
from cvm.data.sample.points import EARNED, EXPIRED, FORFEITED, OPENING, REDEEMED
from cvm.data.sample.settings import SampleSettings

_ENTRIES = {EARNED: "earned", EXPIRED: "expired", FORFEITED: "forfeited"}


def points_year_of(settings: SampleSettings, offset: int) -> int:
    """Return the points year (December–November) of a month of the panel."""
    year, month = settings.calendar(offset)
    return year + (month == 12)


def block_facts(settings: SampleSettings, block: Block) -> dict[str, int]:
    """Return sums of the block by key; they add over blocks and are whole numbers."""
    return {**_churn(block), **_points(settings, block), **_recharges(block)}


def _churn(block: Block) -> dict[str, int]:
    sums: dict[str, int] = {}
    rows = block.panel.active[:-1].sum(axis=0)
    gone = block.left > 0
    for brand in range(3):
        mine = block.people.brand == brand
        sums[f"churn|{brand}|exposed"] = int(rows[mine].sum())
        sums[f"churn|{brand}|left"] = int((gone & mine).sum())
    sums["months|rows"] = int(block.panel.active.sum())
    return sums


def _recharges(block: Block) -> dict[str, int]:
    return {
        f"recharges|{month}|{name}": int(value)
        for name, values in block.recharges.counted.items()
        for month, value in enumerate(values)
    }


def _points(settings: SampleSettings, block: Block) -> dict[str, int]:
    years = np.array([points_year_of(settings, offset) for offset in range(settings.months)])
    bill = (block.panel.bill * block.panel.active).sum(axis=1, dtype=np.int64)
    earned = block.earned.sum(axis=(0, 2), dtype=np.int64)
    moved = block.movements
    sums: dict[str, int] = {}
    for year in np.unique(years):
        key = f"year|{year}"
        sums[f"{key}|revenue_jiao"] = int(bill[years == year].sum())
        sums[f"{key}|earned"] = int(earned[years == year].sum())
        inside = (moved.month >= 0) & (years[np.maximum(moved.month, 0)] == year)
        for code, name in _ENTRIES.items():
            rows = inside & (moved.entry == code)
            more = int(moved.points[rows].sum())
            sums[f"{key}|{name}"] = sums.get(f"{key}|{name}", 0) + more
        for channel in range(4):
            rows = inside & (moved.entry == REDEEMED) & (moved.channel == channel)
            sums[f"{key}|redeemed|{channel}"] = int(moved.points[rows].sum())
    rows = moved.entry == OPENING
    sums["points|opening"] = int(moved.points[rows].sum())
    sums["points|closing"] = int(block.panel.balance[-1].sum())
    return sums
