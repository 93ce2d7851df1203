"""The compiled loops that reduce members to cells. They see each member once or twice."""

from __future__ import annotations

import numpy as np

from cvm.points.ledger_kernels import compiled


@compiled
def assign_leaves(features, split_on, split_at, left, right, leaf):  # type: ignore[no-untyped-def]
    """Return each member's leaf of a tree; ``left`` and ``right`` are nodes, leaves have −1."""
    size = features.shape[0]
    out = np.empty(size, np.int32)
    for i in range(size):
        node = 0
        while left[node] >= 0:
            node = left[node] if features[i, split_on[node]] <= split_at[node] else right[node]
        out[i] = leaf[node]
    return out


@compiled
def cell_sums(cell, weight, values, out):  # type: ignore[no-untyped-def]
    """Add weight × values [member, column] to ``out`` [cell, column]."""
    for i in range(values.shape[0]):
        k = cell[i]
        for c in range(values.shape[1]):
            out[k, c] += weight[i] * values[i, c]


@compiled
def spread_balances(cell, weight, balance, width, out):  # type: ignore[no-untyped-def]
    """Spread members over the balance lattice of their cell, keeping members and points.

    A balance between two nodes is shared between them, so the sum over nodes of members × node's
    balance is the members' points. What passes the last node is counted there in proportion.
    """
    nodes = out.shape[1]
    for i in range(balance.shape[0]):
        k = cell[i]
        at = balance[i] / width[k]
        low = min(int(at), nodes - 2)
        part = at - low
        out[k, low] += weight[i] * (1.0 - part)
        out[k, low + 1] += weight[i] * part
