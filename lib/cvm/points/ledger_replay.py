"""The replay of a ledger in parts: recorded movements into arrays, through the rules, compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cvm.core.checks import DataError, check_columns, check_one_of
from cvm.core.months import month_from_index
from cvm.points.ledger import run_ledger
from cvm.points.ledger_compare import compare_expiry, rows_where
from cvm.points.ledger_inputs import Movements
from cvm.points.ledger_result import LedgerResult
from cvm.points.rulebook import RuleBook
from cvm.points.rules_earn import POINT_CLASSES

ENTRIES = (
    "opening",
    "earned",
    "redeemed",
    "expired",
    "forfeited",
    "transferred_in",
    "transferred_out",
)
_SIGNS = {"opening": 1, "earned": 1, "transferred_in": 1}


def prepared(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return a ledger's checked columns: customer, month index, class, entry, points.

    ``attrs["by_class"]`` says whether what leaves is recorded by class.

    Raises:
        MissingDataError: A column is missing.
        DataError: An unknown entry or class, a gap, or points that are no whole number.
    """
    check_columns(ledger.columns, ("customer_id", "month", "entry", "points"), "ledger")
    if ledger.empty:
        raise DataError("ledger", "empty", "a ledger with movements")
    for column in ("customer_id", "month", "entry", "points"):
        gaps = int(ledger[column].isna().sum())
        if gaps:
            raise DataError(f"ledger.{column}", f"missing in {gaps} rows", "given in every row")
    entries = ledger["entry"].astype(str)
    for entry in entries.unique():
        check_one_of(entry, "ledger.entry", ENTRIES)
    if (entries == "opening").all():
        raise DataError("ledger", "opening rows only", "a ledger with movements")
    points = ledger["points"].to_numpy(np.float64)
    if (points < 0).any() or (points != np.rint(points)).any():
        raise DataError("ledger.points", float(points.min()), "whole numbers of 0 or more")
    names = ledger["point_class"] if "point_class" in ledger else pd.Series("", ledger.index)
    names = names.astype("object").where(names.notna(), "")
    out = entries.isin(("redeemed", "transferred_out", "expired"))
    classed = bool((names[out] != "").any())
    names = names.replace("", "consumption").astype(str)
    for name in names.unique():
        check_one_of(name, "ledger.point_class", POINT_CLASSES)
    months = pd.to_datetime(ledger["month"])
    moves = pd.DataFrame(
        {
            "customer_id": ledger["customer_id"].to_numpy(),
            "index": (months.dt.year * 12 + months.dt.month - 1).to_numpy(np.int64),
            "point_class": names.to_numpy(),
            "entry": entries.to_numpy(),
            "points": points.astype(np.int64),
        }
    )
    moves.attrs["by_class"] = classed or len(names.unique()) == 1
    return moves


def replay_part(
    book: RuleBook,
    moves: pd.DataFrame,
    classes: list[str],
    by_class: bool,
    first: int,
    last: int,
    base: int,
    size: int,
) -> pd.DataFrame:
    """Replay some members; ``member`` counts from the part's first."""
    history = max(first - int(moves["index"].min()), 0) if len(moves) else 0
    months, rows = last - first + 1, len(classes)
    cube = {name: np.zeros((rows, history + months, size), np.int64) for name in ENTRIES}
    places = (
        moves["point_class"].map({name: k for k, name in enumerate(classes)}).to_numpy(np.int64),
        moves["index"].to_numpy() - first + history,
        moves["member"].to_numpy() - base,
    )
    for name in ENTRIES:
        here = (moves["entry"] == name).to_numpy()
        np.add.at(
            cube[name], tuple(place[here] for place in places), moves.loc[here, "points"].to_numpy()
        )
    opening = cube["opening"][:, :history]
    now = {name: values[:, history:] for name, values in cube.items()}
    gone = now["forfeited"].sum(axis=0) > 0
    left = np.where(gone.any(axis=0), gone.argmax(axis=0), -1)
    out = now["redeemed"] + now["transferred_out"]
    asked: Any = {name: out[k] for k, name in enumerate(classes)} if by_class else out.sum(axis=0)
    result = run_ledger(
        book,
        first_month=month_from_index(first),
        earned={
            name: now["earned"][k] + now["transferred_in"][k] for k, name in enumerate(classes)
        },
        movements=Movements(
            redeemed=asked,
            left=left,
            opening={name: opening[k] for k, name in enumerate(classes)} if history else {},
        ),
        recorded=True,
        by_member=True,
    )
    net = sum(_SIGNS.get(name, -1) * values.sum(axis=0) for name, values in now.items())
    balance = opening.sum(axis=(0, 1)) + np.cumsum(net, axis=0)
    return _findings(book, result, now, out, opening.sum(axis=(0, 1)), balance, by_class, first)


def _findings(
    book: RuleBook,
    result: LedgerResult,
    now: dict[str, np.ndarray],
    out: np.ndarray,
    opening: np.ndarray,
    balance: np.ndarray,
    by_class: bool,
    first: int,
) -> pd.DataFrame:
    expected, recorded, given = result.expired_points, now["expired"], result.redeemed_points
    if not by_class:
        expected, recorded = expected.sum(axis=0)[None], recorded.sum(axis=0)[None]
        out, given = out.sum(axis=0)[None], given.sum(axis=0)[None]
    parts = [compare_expiry(expected, recorded)]
    overdrawn = balance[None] < 0
    beyond = (out > given) & ~np.broadcast_to(overdrawn, out.shape)
    parts.append(rows_where("redeemed_expired", beyond, given, out))
    first_overdrawn = overdrawn & (np.cumsum(overdrawn, axis=1) == 1)
    parts.append(
        rows_where("negative_balance", first_overdrawn, np.zeros_like(balance)[None], balance[None])
    )
    before = np.concatenate([opening[None], balance[:-1]])
    if book.earned_usable == "same_month":
        before = before + (now["earned"] + now["transferred_in"]).sum(axis=0)
    redeemed = now["redeemed"].sum(axis=0)
    smallest = [
        book.rules_in(month_from_index(first + t)).qualification.smallest_points
        for t in range(len(balance))
    ]
    needed = np.broadcast_to(np.array(smallest)[:, None], balance.shape)
    below = (redeemed > 0) & (before < needed)
    parts.append(
        rows_where("below_threshold", below[None], np.zeros_like(redeemed)[None], redeemed[None])
    )
    # A leaver's balance, without what the operator should have expired before.
    forfeits = now["forfeited"].sum(axis=0)
    kept = balance + forfeits
    wrong = (forfeits > 0) & (kept != forfeits) & (balance >= 0)
    parts.append(rows_where("forfeit_amount", wrong[None], kept[None], forfeits[None]))
    table = pd.concat(parts, ignore_index=True)
    if not by_class:
        table["row"] = -1
    whole = table["kind"].isin(("negative_balance", "below_threshold", "forfeit_amount"))
    table.loc[whole, "row"] = -1
    return table
