"""The ledger's checks against a walk through every customer's months in plain Python."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import numpy as np
import pytest
from clean_operator import TODAY, as_tables

from cvm.data.quality import check_tables

INFLOWS = ("opening", "earned", "transferred_in")
CUSTOMERS, MONTHS = 60, 8
Rows = list[dict[str, Any]]


def operator(seed: int, *, opened: bool) -> dict[str, Rows]:
    """Return customers, months and ledger with a few balances and movements that are wrong."""
    rng = np.random.default_rng(seed)
    customers, months, ledger = [], [], []
    for c in range(CUSTOMERS):
        name = f"C{c:03d}"
        old = c % 3 > 0
        joined = date(2020, 1, 1) if old else date(2024, 1, 1)
        customers.append({"customer_id": name, "joined_month": joined, "brand": "gotone"})
        balance = 200 if old else 0
        for m in range(1, MONTHS + 1):
            month = date(2024, m, 1)
            moves = [("opening", balance)] if m == 1 and old and opened else []
            moves.append(("earned", int(rng.integers(1, 30))))
            if rng.random() < 0.3:
                moves.append(("redeemed", int(rng.integers(1, balance // 2 + 2))))
            balance += sum(p if e in INFLOWS else -p for e, p in moves if e != "opening")
            if rng.random() < 0.01:
                moves.append(("expired", 500))  # a movement the balances know nothing of
            ledger += [
                {"customer_id": name, "month": month, "entry": entry, "points": points}
                | {"point_class": "consumption", "channel": None}
                for entry, points in moves
            ]
            told = None if rng.random() < 0.2 else balance + (7 if rng.random() < 0.02 else 0)
            row = {"customer_id": name, "month": month, "bill_yuan": 50.0 + c + m / 4}
            months.append(row | {"points_balance": told})
    return {"customers": customers, "months": months, "ledger": ledger}


def by_walking(rows: dict[str, Rows], *, opened: bool) -> dict[str, int]:
    """Return the months in which balance and ledger part, and the customers below zero."""
    moved: dict[tuple[str, date], int] = defaultdict(int)
    for row in rows["ledger"]:
        sign = 1 if row["entry"] in INFLOWS else -1
        moved[row["customer_id"], row["month"]] += sign * row["points"]
    told = {(r["customer_id"], r["month"]): r["points_balance"] for r in rows["months"]}
    parted = below = 0
    for customer in rows["customers"]:
        sums, lowest, before = 0, 0, 0 if opened else None
        for m in range(1, MONTHS + 1):
            at = customer["customer_id"], date(2024, m, 1)
            sums += moved[at]
            lowest = min(lowest, sums)
            if told[at] is None:
                continue
            apart = told[at] - sums
            if before is not None and apart != before and not (opened and apart == 0):
                parted += 1
            before = apart
        knows_all = opened or customer["joined_month"] >= date(2024, 1, 1)
        below += knows_all and lowest < 0
    found = {"ledger_unbalanced": parted, "ledger_below_zero": below}
    return {check: rows for check, rows in found.items() if rows}


@pytest.mark.parametrize("opened", [True, False], ids=["opened", "without opening entries"])
def test_balances_are_those_of_a_walk_through_the_months(opened: bool) -> None:
    rows = operator(1, opened=opened)
    checked = check_tables(as_tables(rows), today=TODAY)
    found = {f.check: f.rows for f in checked.findings if f.check.startswith("ledger_")}
    assert found == by_walking(rows, opened=opened)
    assert set(found) == {"ledger_unbalanced", "ledger_below_zero"}


def test_points_below_zero_are_told_without_a_panel_of_balances() -> None:
    rows = operator(3, opened=True)
    for row in rows["months"]:
        del row["points_balance"]
    checked = check_tables(as_tables(rows), today=TODAY)
    found = {f.check: f.rows for f in checked.findings if f.check.startswith("ledger_")}
    rows["months"] = [row | {"points_balance": None} for row in rows["months"]]
    assert found == by_walking(rows, opened=True)
