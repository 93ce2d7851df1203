"""Members' reduced columns as a points budget takes them, and what the past says of the future."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import DataError, check_columns
from cvm.core.months import month_index
from cvm.points.population import MemberColumns
from cvm.points.rules_earn import POINT_CLASSES

_SHRINK_MONTHS = 200.0
_BANDS = (12, 36)
_ASSUMED_YEARS = 1.0
FloatArray = npt.NDArray[np.float64]


def member_columns(
    members: pd.DataFrame,
    lots: pd.DataFrame | None,
    leaving: pd.DataFrame,
    *,
    first_month: date,
    window_months: int = 12,
    points_per_yuan: float = 1.0,
    bill_times: float = 1.0,
) -> MemberColumns:
    """Return members as plain columns.

    Args:
        members: One row a member, of ``reduce_points_members``, collected.
        lots: What they hold by when it was earned, of ``reduce_points_lots``; by class too where
            classes live differently long. Without them the
            balance counts as the newest points earned; without a balance, as one year's.
        leaving: Leavers and joiners by tier and tenure, of ``reduce_points_leaving``.
        first_month: First month to project.
        window_months: Months over which bills were averaged and leaving was counted.
        points_per_yuan: Points earned per yuan, where there is no ledger to tell.
        bill_times: Brings bills and earnings, which are means of past months, to the start.

    Raises:
        MissingDataError: A column is missing.
        DataError: No member, or a point class that does not exist.
    """
    needed = ["customer_id", "vip_tier", "county", "tenure_months", "bill_yuan", "earned_points"]
    check_columns(members.columns, needed, "members")
    if members.empty:
        raise DataError("members", "none", "at least one in service before the first month")
    start = month_index(first_month)
    known = members["earned_points"].notna().all()
    bills = members["bill_yuan"].to_numpy(float) * bill_times
    earned = members["earned_points"].to_numpy(float) * bill_times if known else None
    class_share = None
    if lots is None:
        rate = bills * points_per_yuan
        held, lot_months = _assumed_lots(members, rate if earned is None else earned, start)
    else:
        held, lot_months = _lots(members["customer_id"], lots, start)
        class_share = _class_share(lots, lot_months)
    return MemberColumns(
        lots_points=held,
        lot_months=lot_months,
        bill_yuan=bills,
        churn=chance_of_leaving(members, leaving),
        earned_points=earned,
        tenure_months=members["tenure_months"].to_numpy(float),
        tier=members["vip_tier"].to_numpy(object),
        county=members["county"].to_numpy(object),
        on_time_share=members["on_time_share"].to_numpy(float),
        data_reach_share=members["data_reach_share"].to_numpy(float),
        data_yuan=members["data_yuan"].fillna(0.0).to_numpy(float),
        joiners_a_month=float(leaving["joined"].sum()) / window_months,
        lot_class_share=class_share,
    )


def chance_of_leaving(members: pd.DataFrame, leaving: pd.DataFrame) -> FloatArray:
    """Return each member's monthly chance of leaving, from those alike in tier and tenure.

    Small groups are drawn towards the rate of their tenure band, as 200 member-months weigh.

    Args:
        members: With ``vip_tier`` and ``tenure_months``.
        leaving: ``vip_tier``, ``tenure_band``, ``at_risk``, ``left``.
    """
    check_columns(leaving.columns, ["vip_tier", "tenure_band", "at_risk", "left"], "leaving")
    whole = leaving["left"].sum() / max(leaving["at_risk"].sum(), 1)
    band = leaving.groupby("tenure_band")[["left", "at_risk"]].sum()
    of_band = (band["left"] + _SHRINK_MONTHS * whole) / (band["at_risk"] + _SHRINK_MONTHS)
    prior = leaving["tenure_band"].map(of_band)
    rate = (leaving["left"] + _SHRINK_MONTHS * prior) / (leaving["at_risk"] + _SHRINK_MONTHS)
    rates = pd.Series(
        rate.to_numpy(float),
        index=pd.MultiIndex.from_frame(leaving[["vip_tier", "tenure_band"]]),
    )
    bands = np.searchsorted(_BANDS, members["tenure_months"].to_numpy(float), side="left")
    keys = pd.MultiIndex.from_arrays([members["vip_tier"], bands])
    own = rates.reindex(keys).to_numpy(float)
    fallback = pd.Series(bands).map(of_band).fillna(whole).to_numpy(float)
    return np.where(np.isfinite(own), own, fallback)


def _lots(
    ids: pd.Series, lots: pd.DataFrame, start: int
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    check_columns(lots.columns, ["customer_id", "lot_index", "points"], "lots")
    place = pd.Series(np.arange(len(ids)), index=ids.to_numpy())
    mine = lots[lots["customer_id"].isin(place.index)]
    months = np.unique(np.append(mine["lot_index"].to_numpy(np.int64), start - 1))
    held = np.zeros((len(months), len(ids)))
    rows = np.searchsorted(months, mine["lot_index"].to_numpy(np.int64))
    columns = place.loc[mine["customer_id"]].to_numpy()
    np.add.at(held, (rows, columns), mine["points"].to_numpy(float))
    return held, months


def _class_share(lots: pd.DataFrame, months: npt.NDArray[np.int64]) -> FloatArray | None:
    """Return the part of each row of lots in each point class, where the lots tell classes."""
    if "point_class" not in lots.columns:
        return None
    unknown = sorted(set(lots["point_class"].dropna()) - set(POINT_CLASSES))
    if unknown or lots["point_class"].isna().any():
        raise DataError(
            "lots.point_class",
            unknown[0] if unknown else "missing",
            "a point class, as classes live differently long",
            available=POINT_CLASSES,
            action="mend the ledger's point_class, or give all classes one life",
        )
    points = np.zeros((len(POINT_CLASSES), len(months)))
    place = lots["point_class"].map(POINT_CLASSES.index).to_numpy(np.int64)
    rows = np.searchsorted(months, lots["lot_index"].to_numpy(np.int64))
    np.add.at(points, (place, rows), lots["points"].to_numpy(float))
    total = points.sum(axis=0)
    return np.divide(points, total, out=np.zeros_like(points), where=total > 0)


def _assumed_lots(
    members: pd.DataFrame, monthly: FloatArray, start: int
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Return a balance as the newest points earned, one row a calendar year."""
    balance = members["points_balance"].astype("float64").to_numpy()
    balance = np.where(np.isfinite(balance), balance, 12 * _ASSUMED_YEARS * monthly)
    this_year = start - 1
    ends = [this_year]
    while len(ends) < 3:
        ends.append(ends[-1] - ends[-1] % 12 - 1)
    lengths = [this_year % 12 + 1, 12, 12]
    held, rest = [], balance
    for at, length in enumerate(lengths):
        row = rest if at == len(lengths) - 1 else np.minimum(rest, monthly * length)
        held.append(row)
        rest = rest - row
    return np.array(held[::-1]), np.array(ends[::-1], np.int64)
