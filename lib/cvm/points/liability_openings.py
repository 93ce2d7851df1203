"""Points from before the ledger begins: what is left of them, and what will yet be redeemed.

An opening balance says what was outstanding, not what was issued, so it has no place in a triangle.
It is valued by a life table over months to expiry, in which points enter when they come into sight
(delayed entry): each month, of the points outstanding, a share is redeemed and a share forfeited.
Points that never expire take the shares of all months. Source: Klein & Moeschberger, Survival
Analysis, section 4.6 (left truncation) with competing risks.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cvm.core.months import month_from_index
from cvm.points.rules_clearing import NEVER

_COHORT = ("dies", "at")


def life_table(cells: pd.DataFrame, *, start: int, end: int) -> pd.DataFrame:
    """Return what happens to outstanding points in a month, by months to their expiry.

    Args:
        cells: Reduction of the ledger with ``index`` (month of earning), ``dies`` (month of dying,
            or never), ``age_months``, ``redeemed_points``, ``forfeited_points``,
            ``expired_points`` and ``issued_points``.
        start: Month index of the first month of movements.
        end: Month index of the last.

    Returns:
        By ``left_months`` (0 in the month of dying; −1 for points that never expire):
        ``exposed_points`` (outstanding at the month's start, and issued in it),
        ``redeemed_share`` and ``forfeited_share`` of them, ``cohorts`` that were seen.
    """
    issued = cells.drop_duplicates("index")
    entry = np.maximum(issued["index"], start)
    moves = cells.assign(at=np.maximum(cells["index"] + cells["age_months"], start))
    gone = moves["redeemed_points"] + moves["expired_points"] + moves["forfeited_points"]
    flows = (
        moves.assign(gone=gone)
        .groupby([*_COHORT])[["redeemed_points", "forfeited_points", "gone"]]
        .sum()
    )
    came = issued.assign(at=entry).groupby([*_COHORT])["issued_points"].sum()
    rows = []
    for dies in issued["dies"].unique():
        first = int(came.loc[dies].index.min())
        months = pd.RangeIndex(first, min(end, int(dies)) + 1, name="at")
        here = flows.loc[dies].reindex(months, fill_value=0) if dies in flows.index else None
        if here is None or here.empty:
            continue
        arrived = came.loc[dies].reindex(months, fill_value=0)
        exposed = arrived.cumsum() - here["gone"].cumsum().shift(fill_value=0)
        left = dies - months.to_numpy() if dies < NEVER else np.full(len(months), -1)
        rows.append(here.assign(exposed_points=exposed, left_months=left, dies=dies))
    table = (
        pd.concat(rows)
        .groupby("left_months", as_index=False)
        .agg(
            exposed_points=("exposed_points", "sum"),
            redeemed=("redeemed_points", "sum"),
            forfeited=("forfeited_points", "sum"),
            cohorts=("dies", "nunique"),
        )
    )
    table = table[table["exposed_points"] > 0].reset_index(drop=True)
    table["redeemed_share"] = table.pop("redeemed") / table["exposed_points"]
    table["forfeited_share"] = table.pop("forfeited") / table["exposed_points"]
    return table


def redeemed_later(table: pd.DataFrame, months_left: int) -> float:
    """Return the share of outstanding points that will yet be redeemed.

    Args:
        table: From :func:`life_table`.
        months_left: Months in which they may still be redeemed; −1 if they never expire. A month
            that no points have reached takes the average of all.
    """
    mean = _means(table)
    if months_left < 0:
        redeemed, forfeited = mean
        return float(redeemed / (redeemed + forfeited)) if redeemed else 0.0
    shares = table.set_index("left_months")[["redeemed_share", "forfeited_share"]]
    held, total = 1.0, 0.0
    for left in range(months_left - 1, -1, -1):
        rates = shares.loc[left] if left in shares.index else mean
        redeemed, forfeited = np.asarray(rates, dtype="float64")
        total += held * redeemed
        held *= 1 - redeemed - forfeited
    return float(total)


def expected_by_lot(cells: pd.DataFrame, table: pd.DataFrame, *, end: int) -> pd.DataFrame:
    """Return what is outstanding of each month of earning, and what will be redeemed of it.

    Args:
        cells: The reduction's cells, with ``index`` and ``dies``.
        table: From :func:`life_table`.
        end: Month index of the close.

    Returns:
        ``vintage`` (month of earning; for opening balances, the month they are dated with),
        ``expiry_month`` (missing if never), ``outstanding_points``, ``expected_points``; vintages
        with none outstanding are left out.
    """
    rows = []
    for index in sorted(cells["index"].unique()):
        lot = cells.loc[cells["index"] == index]
        gone = lot[["redeemed_points", "expired_points", "forfeited_points"]].sum().sum()
        held = float(lot["issued_points"].iloc[0] - gone)
        dies = int(lot["dies"].iloc[0])
        if held < 1e-6:
            continue
        left = -1 if dies >= NEVER else max(dies - end, 0)
        share = redeemed_later(table, left)
        expiry = pd.NaT if dies >= NEVER else pd.Timestamp(month_from_index(dies))
        rows.append((pd.Timestamp(month_from_index(int(index))), expiry, held, held * share))
    names = ["vintage", "expiry_month", "outstanding_points", "expected_points"]
    frame = pd.DataFrame(rows, columns=names)
    frame[names[:2]] = frame[names[:2]].astype("datetime64[us]")
    frame[names[2:]] = frame[names[2:]].astype(float)
    return frame


def _means(table: pd.DataFrame) -> tuple[float, float]:
    weights = table["exposed_points"]
    if not weights.sum():
        return 0.0, 0.0
    redeemed, forfeited = (
        float(np.average(table[name], weights=weights))
        for name in ("redeemed_share", "forfeited_share")
    )
    return redeemed, forfeited
