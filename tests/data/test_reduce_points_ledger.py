"""Small tables of the ledger for a close, by hand; the sample's holders hold what it says."""

from datetime import date
from pathlib import Path

import ibis
import pandas as pd

from cvm.core.months import month_index
from cvm.data import collect
from cvm.data.reduce_points_ledger import (
    first_members,
    reduce_first_month,
    reduce_holders,
    reduce_points_cost,
    reduce_revenue,
)

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "tables"
LEDGER = pd.DataFrame(
    [
        ("a", date(2024, 12, 1), "opening", 80, None),
        ("a", date(2025, 1, 1), "earned", 30, None),
        ("b", date(2025, 1, 1), "earned", 20, None),
        ("a", date(2025, 2, 1), "redeemed", 90, 1.8),
        ("b", date(2025, 2, 1), "redeemed", 5, 0.2),
        ("b", date(2025, 3, 1), "redeemed", 15, 0.3),
    ],
    columns=["customer_id", "month", "entry", "points", "cost_yuan"],
)


def test_the_first_month_leaves_openings_aside():
    found = collect(reduce_first_month(ibis.memtable(LEDGER)))["month"].iloc[0]
    assert pd.Timestamp(found) == pd.Timestamp(2025, 1, 1)


def test_cost_by_month_with_and_without_costs():
    frame = collect(reduce_points_cost(ibis.memtable(LEDGER)))
    assert frame["points"].tolist() == [95, 15]
    assert frame["cost_yuan"].tolist() == [2.0, 0.3]
    without = collect(reduce_points_cost(ibis.memtable(LEDGER.drop(columns="cost_yuan"))))
    assert without["cost_yuan"].isna().all()


def test_revenue_by_month():
    months = pd.DataFrame({"month": [date(2025, 1, 1)] * 2, "bill_yuan": [10.0, 5.5]})
    assert collect(reduce_revenue(ibis.memtable(months)))["revenue_yuan"].tolist() == [15.5]


def test_holders_hold_the_newest_points():
    found = collect(reduce_holders(ibis.memtable(LEDGER), date(2025, 2, 1)))
    january = month_index(date(2025, 1, 1))
    assert found.to_dict("list") == {"lot_index": [january], "members": [2], "points": [35]}


def test_members_are_the_first_by_identifier():
    ledger = ibis.memtable(LEDGER)
    assert set(collect(first_members(ledger, 1))["customer_id"]) == {"a"}
    others = ibis.memtable(pd.DataFrame({"customer_id": ["b", "a", "0"]}))
    assert set(collect(first_members(others, 1, like=ledger))["customer_id"]) == {"a"}


def test_holders_of_the_sample_hold_the_balances_of_its_months():
    connection = ibis.duckdb.connect()
    ledger = connection.read_parquet(str(SAMPLE / "ledger" / "*.parquet"))
    months = connection.read_parquet(str(SAMPLE / "months" / "*.parquet"))
    last = date(2025, 11, 1)
    held = collect(reduce_holders(ledger, last))["points"].sum()
    balance = collect(months.filter(months.month == last).agg(points=months.points_balance.sum()))
    assert held == balance["points"].iloc[0]
