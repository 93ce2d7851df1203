"""Where recorded expiry and the rules' differ: which clearing was late, early, missing or wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd

_NEAR_MONTHS = 12
_KEYS = ["member", "row"]


def sparse(expected: np.ndarray, recorded: np.ndarray) -> pd.DataFrame:
    """Return the cells [row, month, member] in which two arrays of points differ.

    Returns:
        ``row``, ``t``, ``member``, ``expected``, ``recorded``.
    """
    row, t, member = np.nonzero(expected != recorded)
    return pd.DataFrame(
        {
            "row": row,
            "t": t,
            "member": member,
            "expected": expected[row, t, member],
            "recorded": recorded[row, t, member],
        }
    )


def compare_expiry(expected: np.ndarray, recorded: np.ndarray) -> pd.DataFrame:
    """Return the disagreements about expiry, each once.

    An expiry the rules want and the ledger lacks in its month is matched with the nearest expiry
    within a year that the ledger has and the rules do not want: that one was late or early.

    Args:
        expected: Points the rules expire [class, month, member].
        recorded: Points the ledger expires, in the same shape.

    Returns:
        ``kind``, ``row``, ``member``, ``t`` (where recorded, else where expected), ``expected_t``
        (−1 if the rules want none), ``expected`` and ``recorded`` points.
    """
    cells = sparse(expected, recorded)
    both = cells[(cells["expected"] > 0) & (cells["recorded"] > 0)]
    wanted = cells[cells["recorded"] == 0].sort_values("t", kind="stable")
    found = cells[cells["expected"] == 0].sort_values("t", kind="stable")
    found = found.assign(found=np.arange(len(found)))
    shifted = wanted.iloc[:0].assign(found=0, recorded_t=0)
    if len(wanted) and len(found):
        shifted = pd.merge_asof(
            wanted.drop(columns="recorded"),
            found[["row", "member", "t", "recorded", "found"]].assign(recorded_t=found["t"]),
            on="t",
            by=_KEYS,
            direction="nearest",
            tolerance=_NEAR_MONTHS,
        )
        shifted = shifted.dropna(subset="found").drop_duplicates("found")
    missing = wanted.merge(
        shifted[["row", "member", "t"]], on=["row", "member", "t"], how="left", indicator=True
    )
    missing = missing[missing["_merge"] == "left_only"]
    not_due = found[~found["found"].isin(shifted["found"])]
    parts = [
        _part("expiry_amount", both, both["t"], both["t"]),
        _part("expiry_missing", missing, missing["t"], missing["t"]),
        _part("expiry_not_due", not_due, not_due["t"], np.full(len(not_due), -1)),
    ]
    when = shifted["recorded_t"].astype(np.int64)
    for kind, rows in (("expiry_late", when > shifted["t"]), ("expiry_early", when < shifted["t"])):
        parts.append(_part(kind, shifted[rows], when[rows], shifted.loc[rows, "t"]))
    return pd.concat(parts, ignore_index=True)


def _part(kind: str, cells: pd.DataFrame, t: object, expected_t: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "kind": kind,
            "row": cells["row"].to_numpy(np.int64),
            "member": cells["member"].to_numpy(np.int64),
            "t": np.asarray(t, dtype=np.int64),
            "expected_t": np.asarray(expected_t, dtype=np.int64),
            "expected": cells["expected"].to_numpy(np.int64),
            "recorded": cells["recorded"].to_numpy(np.int64),
        }
    )


def rows_where(
    kind: str, mask: np.ndarray, expected: np.ndarray, recorded: np.ndarray
) -> pd.DataFrame:
    """Return the cells [row, month, member] of a mask as disagreements of one kind."""
    row, t, member = np.nonzero(mask)
    return pd.DataFrame(
        {
            "kind": kind,
            "row": row,
            "member": member,
            "t": t,
            "expected_t": t,
            "expected": expected[row, t, member],
            "recorded": recorded[row, t, member],
        }
    )
