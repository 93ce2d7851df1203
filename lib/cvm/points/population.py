"""Members in reduced form: some hundred cells that carry all a points budget needs.

A cell holds members who earn, leave and lose points alike. It keeps their distribution over
balances on a lattice, so thresholds act as they act on members, and the points that would be left
if their older points died, so clearing does too. After the reduction nothing costs more with more
members.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_at_least
from cvm.core.months import month_index, parse_month
from cvm.points.population_cells import ATTRIBUTES, TENURE_MONTHS, Cells, MemberTable, cells_of
from cvm.points.population_tree import sample_of
from cvm.points.rules_earn import POINT_CLASSES

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MemberColumns:
    """Members in service at the start, as plain columns, one element a member.

    Attributes:
        lots_points: Outstanding points [month of earning, member].
        lot_months: Month index of each row of ``lots_points``, rising.
        bill_yuan: Bill a month (yuan), as expected on average over a year.
        churn: Monthly chance of leaving (share).
        earned_points: Points earned a month as observed; ``None`` takes what the rules say.
        tenure_months: Months since joining.
        tier: Tier of each member, as words.
        county: County of each member, as words.
        on_time_share: Chance that the month's credit award is earned.
        data_reach_share: Chance that the month's data award is earned.
        data_yuan: Data spend a month (yuan).
        joiners_a_month: How many join a month. They are like the members of the last 12 months.
        lot_class_share: Part of each row of lots in each class of
            :data:`cvm.points.rules_earn.POINT_CLASSES` [class, row]; only read where classes live
            differently long. ``None`` takes what is earned now.
    """

    lots_points: Any
    lot_months: Any
    bill_yuan: Any
    churn: Any = 0.0
    earned_points: Any = None
    tenure_months: Any = 120.0
    tier: Any = "all"
    county: Any = "all"
    on_time_share: Any = 1.0
    data_reach_share: Any = 1.0
    data_yuan: Any = 0.0
    joiners_a_month: float = 0.0
    lot_class_share: FloatArray | None = None

    @property
    def size(self) -> int:
        """Return how many members there are."""
        return int(np.shape(self.lots_points)[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """A programme's members at the start of a projection, reduced.

    Attributes:
        first_month: First month to project.
        lot_months: Month index of each row of lots.
        tiers: Names of tiers.
        counties: Names of counties.
        cells: Members in service.
        joiners: What joiners are like.
        joiners_a_month: How many join a month.
        lot_class_share: Part of each row of lots in each point class [class, row of lots]; ``None``
            where no ledger tells.
    """

    first_month: date
    lot_months: npt.NDArray[np.int64]
    tiers: tuple[str, ...]
    counties: tuple[str, ...]
    cells: Cells
    joiners: Cells
    joiners_a_month: float = 0.0
    lot_class_share: FloatArray | None = None
    source_members: float = field(default=0.0)

    @property
    def members(self) -> float:
        """Return the members in service."""
        return float(self.cells.members.sum())

    @property
    def outstanding_points(self) -> float:
        """Return the outstanding points."""
        return float(self.cells.balance_points.sum())


def reduce_members(
    columns: MemberColumns, *, first_month: date | str, cells: int = 120, joiner_cells: int = 6
) -> Population:
    """Reduce members to cells.

    Members and points are kept exactly, by tier. Memory grows with members, the result does not.

    Args:
        columns: The members.
        first_month: First month to project; all lots were earned before it.
        cells: Most cells for members in service.
        joiner_cells: Most cells for joiners.

    Raises:
        DataError: Columns of different lengths, negative or missing amounts.
        ArgumentError: Lots in the future, or no member.
    """
    start = month_index(parse_month(first_month, "first_month"))
    size = columns.size
    check_at_least(size, "members", 1)
    lot_months = np.asarray(columns.lot_months, np.int64)
    if (
        len(lot_months) != np.shape(columns.lots_points)[0]
        or (np.diff(lot_months) <= 0).any()
        or (lot_months >= start).any()
    ):
        raise ArgumentError("lot_months", lot_months, "rising, one a row, before first_month")
    tier_codes, tiers = _codes(columns.tier, size, "tier")
    county_codes, counties = _codes(columns.county, size, "county")
    values = _values(columns, size)
    lots = np.asarray(columns.lots_points)
    if not np.isfinite(values).all() or (values < 0).any() or lots.min(initial=0) < 0:
        raise DataError("members", "with missing or negative amounts", "complete and 0 or more")
    table = MemberTable(lots, start - 1 - lot_months, values, tier_codes, county_codes)
    whole = cells_of(table, np.arange(size), cells, len(tiers), len(counties))
    recent = np.flatnonzero(values[:, 3] < 12)
    if not len(recent):
        recent = sample_of(size)
    joined = cells_of(table, recent, joiner_cells, len(tiers), len(counties))
    empty = np.zeros_like(joined.node_members)
    empty[:, 0] = joined.members / joined.members.sum()
    joiners = replace(
        joined,
        members=joined.members / joined.members.sum(),
        node_members=empty,
        tenure_share=np.eye(1, TENURE_MONTHS).repeat(len(joined), axis=0),
        left_points=np.zeros_like(joined.left_points),
    )
    return Population(
        first_month=parse_month(first_month),
        lot_months=lot_months,
        tiers=tiers,
        counties=counties,
        cells=whole,
        joiners=joiners,
        joiners_a_month=columns.joiners_a_month,
        lot_class_share=_class_share(columns.lot_class_share, len(lot_months)),
        source_members=float(size),
    )


def _class_share(given: FloatArray | None, rows: int) -> FloatArray | None:
    if given is None:
        return None
    share = np.asarray(given, float)
    if share.shape != (len(POINT_CLASSES), rows) or not np.isfinite(share).all():
        raise ArgumentError(
            "lot_class_share", share.shape, f"[{len(POINT_CLASSES)} classes, {rows} rows], finite"
        )
    return share


def _codes(labels: Any, size: int, name: str) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    if np.ndim(labels) == 0:
        return np.zeros(size, np.int64), (str(labels),)
    if len(labels) != size:
        raise DataError(name, f"of length {len(labels)}", f"of {size} members")
    codes, words = pd.factorize(np.asarray(labels), sort=True)
    if (codes < 0).any():
        raise DataError(name, "missing for some members", "known for all")
    return codes.astype(np.int64), tuple(map(str, words))


def _values(columns: MemberColumns, size: int) -> FloatArray:
    values = np.empty((size, len(ATTRIBUTES)))
    for at, name in enumerate(ATTRIBUTES):
        given = getattr(columns, name)
        column = np.asarray(0.0 if given is None else given, float)
        if column.ndim and column.shape != (size,):
            raise DataError(name, f"of shape {column.shape}", f"one number or {size} members'")
        values[:, at] = column
    if columns.earned_points is None:
        values[:, 1] = 0.0
    return values
