"""Lots behind a close: when their points die, what is outstanding, and who gets what share."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import DataError
from cvm.core.months import month_index
from cvm.points.liability import Liability
from cvm.points.rulebook import RuleBook
from cvm.points.rules_clearing import NEVER
from cvm.points.triangle_build import build_triangle
from cvm.points.triangles import Grain, Triangle


def share_out(lots: pd.DataFrame, liability: Liability) -> pd.DataFrame:
    """Return the lots with each vintage's expected points shared among its months of earning.

    Shares follow the lots' own expectation; no lot is expected to redeem more than it holds, and
    the lots of a vintage add up to it.

    Args:
        lots: ``vintage`` (month of earning), ``outstanding_points``, ``expected_points``,
            ``opening``; opening lots stay as they are.
        liability: The liability of the vintages.
    """
    out = lots.copy()
    starts = pd.to_datetime(list(liability.triangle.vintages))
    row = np.searchsorted(starts, out["vintage"], side="right") - 1
    for at in np.unique(row[~out["opening"]]):
        mine = (row == at) & ~out["opening"].to_numpy()
        held = out.loc[mine, "outstanding_points"].to_numpy(float)
        wanted = out.loc[mine, "expected_points"].to_numpy(float)
        goal = float(liability.expected_points[at])
        if wanted.sum() > goal:
            shared = wanted * goal / wanted.sum()
        else:
            room = held - wanted
            shared = wanted + room * (goal - wanted.sum()) / max(room.sum(), 1e-12)
        out.loc[mine, "expected_points"] = shared
    return out


def with_expiry(
    cells: pd.DataFrame, book: RuleBook, *, point_class: str = "consumption"
) -> pd.DataFrame:
    """Return the cells with ``index`` (month index of earning) and ``dies`` (of dying).

    Args:
        cells: The reduction, with ``vintage``.
        book: The rules.
        point_class: Class whose clearing rule holds.
    """
    frame = cells.copy()
    frame["vintage"] = pd.to_datetime(frame["vintage"]).dt.date
    frame["index"] = [month_index(month) for month in frame["vintage"]]
    dies = {at: book.expiry_index(point_class, at) for at in frame["index"].unique()}
    frame["dies"] = frame["index"].map(dies).astype("int64")
    return frame


def outstanding_by_vintage(cells: pd.DataFrame, triangle: Triangle) -> npt.NDArray[np.float64]:
    """Return issued − redeemed − expired − forfeited of each vintage of a triangle.

    Args:
        cells: The reduction, with ``index``.
        triangle: Made of it.
    """
    moved = cells["redeemed_points"] + cells["expired_points"] + cells["forfeited_points"]
    by_month = (
        cells.assign(moved=moved)
        .groupby("index")
        .agg(issued=("issued_points", "first"), moved=("moved", "sum"))
    )
    starts = [month_index(vintage) for vintage in triangle.vintages]
    row = np.searchsorted(starts, by_month.index.to_numpy(), side="right") - 1
    held = np.zeros(len(starts))
    np.add.at(held, row, (by_month["issued"] - by_month["moved"]).to_numpy(float))
    # Points are whole: less than one is what is left of equal sums.
    return np.where(np.abs(held) < 1e-6, 0.0, held)


def triangle_of(own: pd.DataFrame, month: date, grain: Grain) -> Triangle:
    """Return the redemption triangle of vintages that all expire, or never do.

    Args:
        own: The reduction, with ``index`` and ``dies``.
        month: Last month known.
        grain: Of the vintages.

    Raises:
        DataError: Some expire beside others that never do.
    """
    frame = own.copy()
    expires = frame["dies"] < NEVER
    if bool(expires.all()):
        frame["last_age_months"] = frame["dies"] - frame["index"]
    elif bool(expires.any()):
        raise DataError(
            "book",
            "with points that expire beside points that never do",
            "one kind for the vintages of a triangle",
            action="close each point class, or each side of the change of rules, on its own",
        )
    return build_triangle(frame, last_month=month, grain=grain)


def forfeited_share(own: pd.DataFrame, end: int, period_months: int) -> float:
    """Return the share of points forfeited in a period, where points never expire; else 0.

    Args:
        own: The reduction, with ``index`` and ``dies``.
        end: Month index of the last month known.
        period_months: Months of a period.
    """
    if bool((own["dies"] < NEVER).any()):
        return 0.0
    recent = own[own["index"] + own["age_months"] > end - 12]
    moved = own[["redeemed_points", "expired_points", "forfeited_points"]].sum().sum()
    held = own.drop_duplicates("index")["issued_points"].sum() - moved
    lost = recent["forfeited_points"].sum() / 12 * period_months
    return float(min(lost / held, 1.0)) if held > 0 else 0.0
