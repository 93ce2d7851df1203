"""Tiers as they are published: who was stopped for arrears, without telling of a few.

A tier's customers who were stopped, its exposure and its expected loss are one figure in three
units. Where they count one to nine, neighbouring tiers (bands of the score, moves) share one rate,
by :func:`cvm.core.few.pooled_counts`; customers, revenue and margin stay as they are. Analysts' own
results are exact.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cvm.core.few import pooled_counts


def shown_pyramid(rows: pd.DataFrame, terms: pd.DataFrame) -> pd.DataFrame:
    """Return a pyramid in which few stopped customers cannot be seen.

    Args:
        rows: Of :meth:`cvm.segments.tiers.TierPyramid.summary`.
        terms: Of :func:`cvm.segments.tiers.tier_terms`.
    """
    stopped = _by_ladder(rows, [])
    limit = _each(rows, "overdraft_limit_yuan")
    share = rows["ladder"].map(terms.groupby("ladder")["loss_share"].first())
    exposure = limit * stopped
    loss = share * exposure
    return rows.assign(
        stopped_customers=stopped,
        exposure_yuan=exposure,
        net_yuan=rows["net_yuan"] + rows["loss_yuan"] - loss,
        loss_yuan=loss,
    )


def shown_bands(bands: pd.DataFrame, pyramid: pd.DataFrame) -> pd.DataFrame:
    """Return bands of the score in which few stopped customers cannot be seen.

    Args:
        bands: Of :func:`cvm.segments.tiers_cuts.cut_bands`.
        pyramid: Of :meth:`cvm.segments.tiers.TierPyramid.summary`: where a tier's own sum is
            small, it is taken together with its neighbours there, as in the pyramid.
    """
    keys = ["ladder", "tier"]
    place = {key: at for at, key in enumerate(pyramid[keys].itertuples(index=False, name=None))}
    order = np.argsort(
        [place[key] for key in bands[keys].itertuples(index=False, name=None)], kind="stable"
    )
    found = bands.iloc[order]
    return found.assign(stopped_customers=_by_ladder(found, ["tier"])).loc[bands.index]


def shown_moves(rows: pd.DataFrame, loss_share: float) -> pd.DataFrame:
    """Return moves between tiers in which few stopped customers cannot be seen.

    Args:
        rows: Of :meth:`cvm.segments.tiers_change.TierChange.movers`.
        loss_share: See :class:`cvm.segments.tiers.TierCosts`.
    """
    stopped = _by_ladder(rows, ["tier"])
    exposure = _each(rows, "overdraft_limit_change_yuan") * stopped
    return rows.assign(
        stopped_customers=stopped,
        exposure_change_yuan=exposure,
        loss_change_yuan=loss_share * exposure,
    )


def _by_ladder(rows: pd.DataFrame, within: list[str]) -> pd.Series:
    parts = [
        pd.Series(
            pooled_counts(
                part["stopped_customers"].to_list(),
                part["customers"].to_list(),
                within=list(part[within].itertuples(index=False, name=None)) if within else (),
            ),
            index=part.index,
        )
        for _, part in rows.groupby("ladder", sort=False)
    ]
    return pd.concat(parts) if parts else pd.Series(dtype=float)


def _each(rows: pd.DataFrame, name: str) -> pd.Series:
    """Return an amount of a customer; nobody's is nothing."""
    return (rows[name] / rows["customers"].replace(0, np.nan)).fillna(0.0)
