"""The small tables a campaign is judged from, and what the library takes of them.

They are what ``cvm.data.reduce_campaigns`` and ``reduce_campaigns_contact`` return; any frames of
the same shape do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd

from cvm.campaigns.funnel import ARMS, read_funnel
from cvm.campaigns.moments import Moments
from cvm.campaigns.survival import Exposure
from cvm.core.checks import check_at_least, check_columns, check_one_of

Pair = tuple[Moments | None, Moments | None]
"""Moments of control and treated; None where an arm has nobody."""

_KEYS = ("campaign_id", "arm", "customers")


@dataclass(frozen=True, kw_only=True)
class Tables:
    """All small tables of an operator's campaigns.

    Attributes:
        campaigns: One row a campaign, as in the contract.
        cells: ``reduce_campaign_cells``.
        left_out: ``reduce_campaign_left_out``.
        before: ``reduce_campaign_before``.
        funnel: ``reduce_campaign_funnel``.
        overlaps: ``reduce_campaign_overlaps``.
        exposure: ``reduce_campaign_exposure``.
        window_months: Months after assignment over which outcomes are counted.
    """

    campaigns: pd.DataFrame
    cells: pd.DataFrame
    left_out: pd.DataFrame
    before: pd.DataFrame = field(default_factory=pd.DataFrame)
    funnel: pd.DataFrame = field(default_factory=pd.DataFrame)
    overlaps: pd.DataFrame = field(default_factory=pd.DataFrame)
    exposure: pd.DataFrame = field(default_factory=pd.DataFrame)
    window_months: int = 6

    def __post_init__(self) -> None:
        check_at_least(self.window_months, "window_months", 1)
        check_columns(self.campaigns.columns, ("campaign_id",), "campaigns")
        check_columns(self.cells.columns, _KEYS, "cells")
        check_columns(self.left_out.columns, (*_KEYS, "status"), "left_out")

    def of(self, campaign_id: str) -> Tables:
        """Return the tables of one campaign.

        Raises:
            ArgumentError: There is no such campaign; the message lists those there are.
        """
        known = self.campaigns["campaign_id"].tolist()
        check_one_of(campaign_id, "campaign_id", known)
        names = ("campaigns", "cells", "left_out", "before", "funnel", "overlaps", "exposure")
        kept = {}
        for name in names:
            frame = getattr(self, name)
            if "campaign_id" in frame:
                frame = frame[frame["campaign_id"] == campaign_id]
            kept[name] = frame
        return Tables(**kept, window_months=self.window_months)

    @property
    def measures(self) -> tuple[str, ...]:
        """Return the measures of the cells."""
        return measures_of(self.cells)

    def arms(self) -> Pair:
        """Return moments of control and treated over all cells, ``reached`` among the columns."""
        return arms_of(self.cells)

    def groups(self, by: str) -> dict[str, Pair]:
        """Return moments of both arms in each group, in order of the group's name.

        Args:
            by: ``vip_tier`` or ``county``.
        """
        check_columns(self.cells.columns, (by,), "cells")
        return {str(name): arms_of(part) for name, part in self.cells.groupby(by, sort=True)}

    def months_before(self) -> dict[str, tuple[Moments, Moments]]:
        """Return moments of both arms in each month before, where both arms have customers."""
        found = {}
        for since, part in self.before.groupby("since") if len(self.before) else ():
            control, treated = arms_of(part)
            if control is not None and treated is not None:
                found[str(since)] = (control, treated)
        return found

    def exposures(self, *, horizon_months: int | None = None) -> tuple[Exposure, Exposure] | None:
        """Return months at risk of control and treated; None where an arm has nobody."""
        if self.exposure.empty:
            return None
        longest = int(self.exposure["months_observed"].max())
        horizon = min(longest, horizon_months or longest)
        found = []
        for arm in ("control", "treated"):
            part = self.exposure[self.exposure["arm"] == arm]
            if part.empty or horizon < 1:
                return None
            found.append(_exposure(part, horizon))
        return found[0], found[1]

    def contact(self) -> pd.DataFrame | None:
        """Return assigned, attempted, reached and accepted by arm; None if contacts do not tell."""
        return read_funnel(self.funnel)

    def counts(self, status: str | None = None) -> dict[str, int]:
        """Return customers by arm, of one status or of all."""
        frame = self.left_out
        if status is not None:
            frame = frame[frame["status"] == status]
        counted = frame.groupby("arm")["customers"].sum()
        return {arm: int(counted.get(arm, 0)) for arm in ARMS}

    def cost_yuan(self) -> float:
        """Return what was booked for contacts and incentives; NaN if the contacts do not tell."""
        if self.funnel.empty or self.funnel["cost_yuan"].isna().all():
            return float("nan")
        return float(self.funnel["cost_yuan"].sum())


def measures_of(cells: pd.DataFrame) -> tuple[str, ...]:
    """Return the measures that cells hold sums of, in their order."""
    return tuple(name.removeprefix("sum_") for name in cells.columns if name.startswith("sum_"))


def arms_of(cells: pd.DataFrame) -> Pair:
    """Return moments of control and treated over some cells.

    ``reached`` stands among the columns where it is known for every cell.

    Raises:
        DataError: A sum is missing or infinite.
    """
    found = [
        moments_of(cells[cells["arm"] == arm]) if (cells["arm"] == arm).any() else None
        for arm in ("control", "treated")
    ]
    return found[0], found[1]


def moments_of(cells: pd.DataFrame) -> Moments:
    """Return the moments of all customers of some cells together."""
    names = list(measures_of(cells))
    total = cells.select_dtypes("number").sum(min_count=1)
    sums = {name: float(total[f"sum_{name}"]) for name in names}
    products: dict[tuple[str, str], float] = {
        pair: float(total[f"product_{pair[0]}__{pair[1]}"])
        for pair in combinations_with_replacement(names, 2)
    }
    if "reached" in cells and cells["reached"].notna().all():
        # Within a cell everybody was reached or nobody, so products with it are sums.
        part = cells[cells["reached"].astype(bool)].select_dtypes("number").sum()
        sums["reached"] = float(part["customers"])
        products |= {(name, "reached"): float(part[f"sum_{name}"]) for name in names}
        products["reached", "reached"] = sums["reached"]
    return Moments.from_sums(int(total["customers"]), sums, products)


def _exposure(part: pd.DataFrame, horizon: int) -> Exposure:
    months = part["months_observed"].to_numpy(dtype=np.int64)
    customers = part["customers"].to_numpy(dtype=np.float64)
    left = part["left"].to_numpy(dtype=bool) & (months <= horizon)
    place = np.minimum(months, horizon)
    seen = np.bincount(place, weights=customers, minlength=horizon + 1)
    gone = np.bincount(place, weights=customers * left, minlength=horizon + 1)
    at_risk = seen[::-1].cumsum()[::-1]
    return Exposure(at_risk=at_risk[1:], left=gone[1:].astype(np.float64))
