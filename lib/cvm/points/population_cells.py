"""From members to cells: who goes together, and what a cell keeps of its members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cvm.core.checks import check_at_least
from cvm.points.population_kernels import cell_sums, spread_balances
from cvm.points.population_tree import grow_tree, sample_of

FloatArray = npt.NDArray[np.float64]
NODES = 96
TENURE_MONTHS = 180
_CHUNK = 1_000_000
ATTRIBUTES = (
    "bill_yuan",
    "earned_points",
    "churn",
    "tenure_months",
    "on_time_share",
    "data_reach_share",
    "data_yuan",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Cells of members; arrays have one row a cell.

    Attributes:
        members: Members of a cell; of joiners, their share of all who join.
        bill_yuan: Mean bill a month (yuan).
        earned_points: Mean points earned a month as observed, missing if not known.
        churn: Monthly chance of leaving (share).
        churn_spread: Its standard deviation between members of the cell.
        tenure_share: Share of the cell's bill by months since joining [cell, month], the last for
            that long or longer.
        on_time_share: Chance of the credit award a month.
        data_reach_share: Chance of the data award a month.
        data_yuan: Mean data spend a month (yuan).
        tier: Position of the tier.
        county_share: Share of the cell's points in each county [cell, county].
        left_points: Points a member keeps once lots up to a row have died [cell, row of lots].
        node_points: Distance between the nodes of the balance lattice (points).
        node_members: Members at each node [cell, node].
    """

    members: FloatArray
    bill_yuan: FloatArray
    earned_points: FloatArray
    churn: FloatArray
    churn_spread: FloatArray
    tenure_share: FloatArray
    on_time_share: FloatArray
    data_reach_share: FloatArray
    data_yuan: FloatArray
    tier: npt.NDArray[np.int64]
    county_share: FloatArray
    left_points: FloatArray
    node_points: FloatArray
    node_members: FloatArray

    def __len__(self) -> int:
        return len(self.members)

    @property
    def balance_points(self) -> FloatArray:
        """Return the outstanding points of each cell."""
        nodes = np.arange(self.node_members.shape[1])
        return (self.node_members @ nodes) * self.node_points


@dataclass(frozen=True)
class MemberTable:
    """Members as arrays.

    Attributes:
        lots: Outstanding points [month of earning, member].
        window_months: Months from each row of lots to the start.
        amounts: Member × :data:`ATTRIBUTES`.
        tier: Codes of tiers.
        county: Codes of counties.
    """

    lots: npt.NDArray[Any]
    window_months: npt.NDArray[np.int64]
    amounts: FloatArray
    tier: npt.NDArray[np.int64]
    county: npt.NDArray[np.int64]

    def left(self, rows: npt.NDArray[np.int64]) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Return points left once the lots up to a row die [member, row], and if any would die."""
        lots = np.asarray(self.lots[:, rows], float).T
        through = np.cumsum(lots, axis=1)
        left = through[:, -1:] - through
        return left, through > 0

    def features(self, rows: npt.NDArray[np.int64]) -> FloatArray:
        """Return what makes members alike: earning, dying, leaving, on comparable scales."""
        values = self.amounts[rows]
        earned = np.maximum(_earned(values), 1e-9)
        left, dying = self.left(rows)
        within = np.minimum(values[:, 3:4], self.window_months[None, :])
        # Who lost or spent all old points shows a lower bound of what the window holds.
        left = np.where(dying, left, np.maximum(left, earned[:, None] * within))
        held = np.log1p(left / earned[:, None] / 6.0)
        picked = held[:, np.unique(np.linspace(0, max(held.shape[1] - 2, 0), 3).astype(int))]
        return np.column_stack(
            [
                2.5 * np.log(earned + 1.0),
                picked,
                0.5 * np.log(values[:, 2] + 1e-4),
                0.4 * np.log1p(values[:, 3] / 12.0),
                0.5 * values[:, 4:6],
            ]
        )


def _earned(values: FloatArray) -> FloatArray:
    return np.where(values[:, 1] > 0, values[:, 1], values[:, 0])


def cells_of(
    table: MemberTable, rows: npt.NDArray[np.int64], cells: int, tiers: int, counties: int
) -> Cells:
    """Grow a tree in each tier on a sample, then sort all members into the cells."""
    check_at_least(cells, "cells", 1)
    picked = rows[sample_of(len(rows))]
    importance = _earned(table.amounts[picked]) + 1e-9
    features = table.features(picked)
    by_tier = np.bincount(table.tier[picked], importance, minlength=tiers)
    present = np.flatnonzero(np.bincount(table.tier[rows], minlength=tiers))
    trees, first, offset = {}, {}, 0
    for tier in present:
        mine = table.tier[picked] == tier
        wanted = max(1, round(cells * by_tier[tier] / by_tier.sum()))
        here = features[mine] if mine.any() else table.features(rows[table.tier[rows] == tier][:1])
        weight = importance[mine] if mine.any() else np.ones(1)
        trees[tier], first[tier] = grow_tree(here, weight, wanted), offset
        offset += trees[tier].leaves
    cell = np.empty(len(rows), np.int32)
    for begin in range(0, len(rows), _CHUNK):
        part = rows[begin : begin + _CHUNK]
        found = np.empty(len(part), np.int32)
        features = table.features(part)
        for tier in present:
            mine = table.tier[part] == tier
            found[mine] = trees[tier].assign(features[mine]) + first[tier]
        cell[begin : begin + _CHUNK] = found
    return _fill(table, rows, cell, offset, counties)


def _fill(
    table: MemberTable,
    rows: npt.NDArray[np.int64],
    cell: npt.NDArray[np.int32],
    count: int,
    counties: int,
) -> Cells:
    members = np.bincount(cell, minlength=count).astype(float)
    sums = np.zeros((count, len(ATTRIBUTES) + 1))
    lots = table.lots.shape[0]
    kept, dying_members, all_kept = (np.zeros((count, lots)) for _ in range(3))
    county_points, tenure = np.zeros((count, counties)), np.zeros((count, TENURE_MONTHS))
    most, tier = np.zeros(count), np.zeros(count, np.int64)
    balances = np.empty(len(rows))
    for begin in range(0, len(rows), _CHUNK):
        part, here = rows[begin : begin + _CHUNK], cell[begin : begin + _CHUNK]
        ones, values = np.ones(len(part)), table.amounts[part]
        cell_sums(here, ones, np.column_stack([values, values[:, 2] ** 2]), sums)
        left, dying = table.left(part)
        cell_sums(here, ones, np.where(dying, left, 0.0), kept)
        cell_sums(here, ones, dying.astype(float), dying_members)
        cell_sums(here, ones, left, all_kept)
        balances[begin : begin + _CHUNK] = np.asarray(table.lots[:, part], float).sum(axis=0)
        weight = _earned(values) + 1e-9
        county_points += _added(here, table.county[part], weight, county_points.shape)
        months = np.minimum(values[:, 3], TENURE_MONTHS - 1).astype(np.int64)
        tenure += _added(here, months, values[:, 0] + 1e-9, tenure.shape)
        tier[here] = table.tier[part]
    np.maximum.at(most, cell, balances)
    means = sums / members[:, None]
    earned = _earned(means)
    # A node a month of earning, wider only where balances reach too far for the lattice.
    width = np.maximum(np.maximum(earned, most / (NODES - 2)), 1.0)
    nodes = np.zeros((count, NODES))
    spread_balances(cell, np.ones(len(rows)), balances, width, nodes)
    return Cells(
        members=members,
        bill_yuan=means[:, 0],
        earned_points=means[:, 1],
        churn=means[:, 2],
        churn_spread=np.sqrt(np.maximum(means[:, 7] - means[:, 2] ** 2, 0.0)),
        tenure_share=tenure / tenure.sum(axis=1, keepdims=True),
        on_time_share=means[:, 4],
        data_reach_share=means[:, 5],
        data_yuan=means[:, 6],
        tier=tier,
        county_share=county_points / county_points.sum(axis=1, keepdims=True),
        left_points=np.where(
            dying_members > 0,
            kept / np.maximum(dying_members, 1.0),
            np.maximum(all_kept / members[:, None], most[:, None]),
        ),
        node_points=width,
        node_members=nodes,
    )


def _added(
    row: npt.NDArray[np.int32],
    column: npt.NDArray[np.int64],
    weight: FloatArray,
    shape: tuple[int, ...],
) -> FloatArray:
    places = row.astype(np.int64) * shape[1] + column
    sums = np.bincount(places, weight, minlength=shape[0] * shape[1])
    return np.asarray(sums, float).reshape(shape)
