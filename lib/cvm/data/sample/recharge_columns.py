"""Recharges of a block in contract columns, and what is hidden about who makes them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from cvm.data.sample.block import Block
from cvm.data.sample.recharges import NEVER


def recharge_columns(block: Block, ids: pa.Array, first_day: int) -> dict[str, object]:
    """Return the columns of the block's recharges.

    Args:
        block: The block.
        ids: Identifiers of its customers.
        first_day: Day of the panel's first month, in days since 1970.
    """
    rows = block.recharges
    return {
        "customer_id": pa.DictionaryArray.from_arrays(rows.customer.astype(np.int32), ids),
        "recharged_on": _days(rows.day, first_day),
        "amount_yuan": rows.yuan,
    }


def planted_recharges(block: Block, ids: pa.Array, first_day: int) -> pa.Table:
    """Return prepaid customers' mean recharge, and the last day on which leavers recharge."""
    prepaid = np.flatnonzero(~block.people.postpaid)
    stops = block.recharges.stops_on[prepaid]
    stays = stops == NEVER
    return pa.table(
        {
            "customer_id": ids.take(pa.array(prepaid)),
            "mean_recharge_yuan": np.round(block.recharges.mean_yuan[prepaid], 4),
            "stops_on": _days(np.where(stays, 0, stops), first_day, stays),
        }
    )


def _days(day: np.ndarray, first_day: int, missing: np.ndarray | None = None) -> pa.Array:
    return pa.array((first_day + day).astype(np.int32), mask=missing).cast(pa.date32())
