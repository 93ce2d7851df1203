"""Branches month by month: who was in service, who left, what those who stayed earned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.campaigns.rollout_panel import Panel
from cvm.core.checks import DataError, check_columns

FloatArray = npt.NDArray[np.float64]
_LEAST_ORDERS = 40


@dataclass(frozen=True, kw_only=True, eq=False)
class Branches:
    """Branches, their months and their starts.

    Attributes:
        panel: Monthly share that leaves [branch, month], and when each branch starts.
        at_risk: Customers in service the month before [branch, month].
        margin_yuan: Margin a customer who stayed [branch, month]; None if it is not known.
        revenue_yuan: Revenue of the same; None if it is not known.
        assigned: Customers assigned; 0 if it is not known.
        covered_share: Of the customers in service at their branch's start, those assigned.
    """

    panel: Panel
    at_risk: FloatArray
    margin_yuan: FloatArray | None = None
    revenue_yuan: FloatArray | None = None
    assigned: int = 0
    covered_share: float = 1.0

    @property
    def started(self) -> npt.NDArray[np.bool_]:
        """Return which branches start within the months."""
        return np.isfinite(self.panel.start)

    @property
    def reason(self) -> str:
        """Return why so few branches allow nothing to be told; empty if they do."""
        start = self.panel.start
        if not len(self.panel.groups):
            return "no_treated"
        if len(start) < 3:
            return "few_clusters"
        _, counts = np.unique(np.nan_to_num(start, nan=-1.0), return_counts=True)
        ways = math.lgamma(len(start) + 1) - sum(math.lgamma(count + 1) for count in counts)
        if ways < math.log(_LEAST_ORDERS):
            return "few_clusters"
        return "" if self.panel.outcome.std() > 0 else "no_variation"


def read_branches(cells: pd.DataFrame, starts: pd.DataFrame | Mapping[str, int]) -> Branches:
    """Return branches as arrays; those that had started before the first month are left out.

    Args:
        cells: Branch × month of ``reduce_branch_months``: ``county``, ``month_index``, ``at_risk``,
            ``left`` and, if known, ``margin_yuan`` and ``revenue_yuan``.
        starts: Month index of the first assignment by branch, as a mapping or as
            ``reduce_branch_starts`` gives it; others never start. Offers act from the month after.

    Raises:
        DataError: A branch lacks a month, or counts make no sense.
    """
    check_columns(cells.columns, ["county", "month_index", "at_risk", "left"], "cells")
    wide = cells.pivot_table(index="county", columns="month_index", values=["at_risk", "left"])
    if wide.isna().any(axis=None):
        short = wide.index[wide.isna().any(axis=1)].tolist()
        raise DataError(
            "cells",
            f"without some months in {', '.join(map(str, short[:5]))}",
            "a row for every branch and month",
            action="leave out branches that opened or closed within the months",
        )
    at_risk, left = wide["at_risk"].to_numpy(float), wide["left"].to_numpy(float)
    finite = np.isfinite(at_risk).all() and np.isfinite(left).all()
    if not finite or (at_risk <= 0).any() or (left < 0).any() or (left > at_risk).any():
        raise DataError("cells", "with more leavers than customers", "0 ≤ left ≤ at_risk, above 0")
    started, assigned = _starts(starts)
    begun = np.array([started.get(str(name), np.nan) for name in wide.index], float) + 1
    periods = wide["left"].columns.to_numpy(float)
    kept = ~(begun <= periods[0])
    start = np.where(begun > periods[-1], np.nan, begun)[kept]
    names = tuple(map(str, wide.index[kept]))
    panel = Panel(
        outcome=(left / at_risk)[kept],
        periods=periods,
        start=start,
        weight=at_risk.mean(axis=1)[kept],
        unit=names,
    )
    there = [at_risk[kept][unit, periods == at][0] for unit, at in enumerate(start) if at == at]
    told = [assigned.get(name, 0) for name, at in zip(names, start, strict=True) if at == at]
    covered = sum(told) / sum(there) if sum(told) else 1.0
    return Branches(
        panel=panel,
        at_risk=at_risk[kept],
        margin_yuan=_each("margin_yuan", cells, at_risk - left, kept),
        revenue_yuan=_each("revenue_yuan", cells, at_risk - left, kept),
        assigned=int(sum(assigned.values())),
        covered_share=min(covered, 1.0),
    )


def _starts(
    starts: pd.DataFrame | Mapping[str, int],
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Return month of the start and customers assigned, by branch."""
    if not isinstance(starts, pd.DataFrame):
        return starts, {}
    check_columns(starts.columns, ["county", "start_index", "customers"], "starts")
    names = starts["county"].astype(str).tolist()
    return (
        dict(zip(names, starts["start_index"].astype(int).tolist(), strict=True)),
        dict(zip(names, starts["customers"].astype(int).tolist(), strict=True)),
    )


def _each(
    name: str, cells: pd.DataFrame, stayed: FloatArray, kept: npt.NDArray[np.bool_]
) -> FloatArray | None:
    """Return an amount a customer who stayed; None where that of some is not known."""
    if name not in cells or cells[name].isna().any() or (stayed <= 0).any():
        return None
    wide = cells.pivot_table(index="county", columns="month_index", values=name)
    found = wide.to_numpy(float) / stayed
    return np.asarray(found[kept]) if np.isfinite(found).all() else None
