"""Tables of a close as they are published, each row with the members who hold its points."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cvm.core.checks import check_columns
from cvm.core.months import month_index
from cvm.points.liability_close import Close


def published_tables(
    close: Close, holders: pd.DataFrame, *, band_months: int = 12
) -> dict[str, pd.DataFrame]:
    """Return vintages, ageing and expiry calendar with a count of members for disclosure control.

    A row that joins several months of earning counts the members of the month most hold: at least
    so many hold points of the row, so a row is withheld rather too soon than too late.

    Args:
        close: The close.
        holders: By ``lot_index`` (month index of earning): ``members`` who hold such points.
        band_months: Width of a band of ages in months.

    Returns:
        ``vintages``, ``ageing``, ``calendar``; each with
        ``members``.
    """
    check_columns(holders.columns, ("lot_index", "members"), "holders")
    triangle, end = close.liability.triangle, month_index(close.liability.as_of)
    lots = holders[["lot_index", "members"]].copy()
    index = lots["lot_index"].to_numpy(np.int64)
    starts = np.array([month_index(vintage) for vintage in triangle.vintages])
    row = np.searchsorted(starts, index, side="right") - 1
    names = pd.to_datetime(list(triangle.vintages))
    lots["vintage"] = [names[at] if at >= 0 else pd.NaT for at in row]
    lots["from_months"] = (end - index) // band_months * band_months
    dies = dict(
        zip(close.lots["vintage"].map(month_index), close.lots["expiry_month"], strict=True)
    )
    lots["expiry_month"] = pd.to_datetime([dies.get(int(at), pd.NaT) for at in index])
    return {
        "vintages": _with_members(close.vintages(), lots, "vintage"),
        "ageing": _with_members(close.ageing(band_months=band_months), lots, "from_months"),
        "calendar": _with_members(close.calendar(), lots, "expiry_month"),
    }


def _with_members(frame: pd.DataFrame, lots: pd.DataFrame, key: str) -> pd.DataFrame:
    most = lots.groupby(key)["members"].max()
    out = frame.copy()
    out.insert(1, "members", out[key].map(most).fillna(0).astype("int64"))
    return out
