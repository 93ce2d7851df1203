"""Whether the earnings of a ledger are what the bills earn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cvm.core.checks import check_columns
from cvm.core.months import month_from_index
from cvm.points.rulebook import RuleBook
from cvm.points.rules_awards import points_earned


def earning_inputs(months: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    """Return the contract's month table with what earn rules ask about each customer-month.

    Adds ``tenure_months`` (from ``joined_month``), ``on_time_months`` (consecutive months paid on
    time, this one included), ``on_time_open`` (whether that run reaches back before a customer's
    first row, so that it may be longer) and ``brand``.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers``.

    Raises:
        MissingDataError: ``joined_month`` is missing.
    """
    check_columns(customers.columns, ("customer_id", "joined_month"), "customers")
    kept = [name for name in ("customer_id", "joined_month", "brand") if name in customers]
    frame = months.merge(customers[kept], on="customer_id", how="left")
    frame = frame.sort_values(["customer_id", "month"], ignore_index=True)
    now, joined = pd.to_datetime(frame["month"]), pd.to_datetime(frame["joined_month"])
    frame["tenure_months"] = (now.dt.year - joined.dt.year) * 12 + now.dt.month - joined.dt.month
    if "paid_on_time" in frame:
        on_time = frame["paid_on_time"].astype("boolean").fillna(False).astype(bool)
        run = (~on_time).groupby(frame["customer_id"]).cumsum()
        held = on_time.groupby([frame["customer_id"], run]).cumsum()
        first = frame.groupby("customer_id")["tenure_months"].transform("first")
        frame["on_time_months"] = held.astype("int64")
        frame["on_time_open"] = (run == 0) & (first > 0)
    return frame


def compare_earning(book: RuleBook, moves: pd.DataFrame, bills: pd.DataFrame) -> pd.DataFrame:
    """Compare what was earned with what the bills earn, by customer, month and class."""
    check_columns(bills.columns, ("customer_id", "month", "bill_yuan"), "bills")
    months = pd.to_datetime(bills["month"])
    index = (months.dt.year * 12 + months.dt.month - 1).to_numpy(np.int64)
    expected = []
    for at in np.unique(index):
        rows = bills[index == at]
        inputs = {
            name: rows[name]
            for name in ("tenure_months", "on_time_months", "data_yuan")
            if name in rows
        }
        month = month_from_index(int(at))
        earned = points_earned(
            book.rules_in(month),
            bill_yuan=rows["bill_yuan"],
            levels={name: rows[name] for name in ("brand", "vip_tier", "star") if name in rows},
            month=month,
            **inputs,
        )
        credit = book.rules_in(month).earn.credit
        if credit is not None and "on_time_open" in rows:
            short = rows["on_time_months"] < credit.on_time_months
            earned["credit"] = earned["credit"].astype("Int64").mask(rows["on_time_open"] & short)
        earned.insert(0, "index", at)
        earned.insert(0, "customer_id", rows["customer_id"])
        expected.append(earned)
    wide = pd.concat(expected, ignore_index=True)
    long = wide.melt(["customer_id", "index"], var_name="point_class", value_name="expected")
    long = long.dropna(subset="expected").astype({"expected": "int64"})
    keys = ["customer_id", "index", "point_class"]
    taken = moves[moves["entry"] == "earned"]
    recorded = taken.groupby(keys, observed=True)["points"].sum().rename("recorded").reset_index()
    if set(recorded["point_class"]) == {"consumption"}:
        long = long.groupby(keys[:2], observed=True)["expected"].sum().reset_index()
        long["point_class"] = "consumption"
    bonus_rules = any(
        rules.earn.multipliers is not None and rules.earn.multipliers.booked_as == "bonus"
        for rules in book.rules
    )
    both = long.merge(recorded, on=keys, how="left").fillna({"recorded": 0})
    if not bonus_rules:
        both = both[both["point_class"] != "bonus"]
    wrong = both[both["expected"] != both["recorded"]]
    months_wrong = [month_from_index(int(at)) for at in wrong["index"]]
    return pd.DataFrame(
        {
            "kind": "earned_amount",
            "customer_id": wrong["customer_id"].to_numpy(),
            "month": months_wrong,
            "point_class": wrong["point_class"].to_numpy(),
            "recorded_points": wrong["recorded"].to_numpy(np.int64),
            "expected_points": wrong["expected"].to_numpy(np.int64),
            "expected_month": months_wrong,
        }
    )
