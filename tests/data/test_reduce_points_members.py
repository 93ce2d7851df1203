"""Members, lots and leavers at the start of a budget: by hand, and against sample balances."""

from datetime import date
from pathlib import Path

import ibis
import pandas as pd
import pytest

import cvm
from cvm.core.checks import MissingDataError
from cvm.data import collect
from cvm.data.reduce_points_members import (
    collect_points_start,
    reduce_points_leaving,
    reduce_points_lots,
    reduce_points_members,
)

ROOT = Path(__file__).parents[2]
FIRST = date(2026, 1, 1)


def months_table(rows):
    frame = pd.DataFrame(
        rows,
        columns=[
            "customer_id", "month", "bill_yuan", "data_yuan", "paid_on_time", "vip_tier",
            "points_balance",
        ],
    )  # fmt: skip
    frame["month"] = pd.to_datetime(frame["month"])
    return ibis.memtable(frame).mutate(month=ibis._.month.cast("date"))


@pytest.fixture
def months():
    return months_table(
        [
            ("a", "2025-11-01", 100.0, 5.0, True, "none", 900),
            ("a", "2025-12-01", 200.0, 15.0, True, "gold", 1_000),
            ("b", "2025-11-01", 50.0, 0.0, False, "none", 10),
            ("c", "2025-12-01", 80.0, 20.0, False, "none", 7),
        ]
    )


@pytest.fixture
def customers():
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "joined_month": pd.to_datetime(["2024-01-01", "2025-10-01", "2025-12-01"]),
            "county": ["east", "east", None],
        }
    )
    return ibis.memtable(frame).mutate(joined_month=ibis._.joined_month.cast("date"))


def ledger_table(rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "month", "entry", "points"])
    frame["month"] = pd.to_datetime(frame["month"])
    return ibis.memtable(frame).mutate(month=ibis._.month.cast("date"))


def test_habits_of_a_member_by_hand(months, customers):
    ledger = ledger_table(
        [
            ("a", "2025-11-01", "earned", 100),
            ("a", "2025-12-01", "earned", 300),
            ("a", "2026-01-01", "earned", 999),
        ]
    )
    got = collect(
        reduce_points_members(months, customers, ledger, first_month=FIRST, on_time_months=2)
    ).set_index("customer_id")
    assert list(got.index) == ["a", "c"]  # b is gone
    a = got.loc["a"]
    assert (a["vip_tier"], a["county"], a["points_balance"]) == ("gold", "east", 1_000)
    assert a["bill_yuan"] == 150
    assert a["data_reach_share"] == 0.5
    assert a["on_time_share"] == 1
    assert a["tenure_months"] == 24
    assert a["earned_points"] == 200
    assert got.loc["c", "county"] == "unknown"
    assert got.loc["c", "on_time_share"] == 0
    assert got.loc["c", "earned_points"] == 0


def test_without_data_spend_everybody_is_taken_to_reach_it(months, customers):
    bare = months.drop("data_yuan")
    got = collect(reduce_points_members(bare, customers, first_month=FIRST, on_time_months=2))
    assert got["data_reach_share"].tolist() == [1.0] * len(got)
    assert got["data_yuan"].tolist() == [0.0] * len(got)
    whole = collect(reduce_points_members(months, customers, first_month=FIRST, on_time_months=2))
    assert got["bill_yuan"].tolist() == whole["bill_yuan"].tolist()


def test_what_left_took_the_oldest_points():
    ledger = ledger_table(
        [
            ("a", "2023-12-01", "opening", 500),
            ("a", "2024-06-01", "earned", 300),
            ("a", "2025-06-01", "earned", 200),
            ("a", "2025-07-01", "redeemed", 600),
            ("b", "2025-06-01", "transferred_in", 50),
            ("b", "2025-07-01", "expired", 50),
            ("c", "2026-01-01", "earned", 70),
        ]
    )
    got = collect(reduce_points_lots(ledger, first_month=FIRST))
    assert got.to_numpy().tolist() == [["a", 2024 * 12 + 11, 200], ["a", 2025 * 12 + 11, 200]]
    monthly = collect(reduce_points_lots(ledger, first_month=FIRST, by_year=False))
    assert monthly["lot_index"].tolist() == [2024 * 12 + 5, 2025 * 12 + 5]
    # The year under way is dated by the last month before the start.
    early = collect(reduce_points_lots(ledger, first_month=date(2025, 7, 1)))
    assert early[early["customer_id"] == "b"].to_numpy().tolist() == [["b", 2025 * 12 + 5, 50]]


def test_each_class_keeps_its_own_newest_points():
    rows = [
        ("a", "2024-06-01", "consumption", "earned", 300),
        ("a", "2025-06-01", "consumption", "earned", 200),
        ("a", "2024-06-01", "bonus", "earned", 80),
        ("a", "2025-06-01", "bonus", "earned", 40),
        # The older bonus went in a clearing of its own; what was redeemed took the bill's oldest.
        ("a", "2025-06-01", "bonus", "expired", 80),
        ("a", "2025-07-01", "consumption", "redeemed", 250),
    ]
    columns = ["customer_id", "month", "point_class", "entry", "points"]
    frame = pd.DataFrame(rows, columns=columns)
    ledger = ibis.memtable(frame.assign(month=pd.to_datetime(frame["month"]).dt.date))

    got = collect(reduce_points_lots(ledger, first_month=FIRST, by_class=True))

    assert got.to_numpy().tolist() == [
        ["a", "bonus", 2025 * 12 + 11, 40],
        ["a", "consumption", 2024 * 12 + 11, 50],
        ["a", "consumption", 2025 * 12 + 11, 200],
    ]
    with pytest.raises(MissingDataError, match="point_class"):
        reduce_points_lots(ledger.drop("point_class"), first_month=FIRST, by_class=True)


def test_leavers_and_joiners_by_hand(months, customers):
    got = collect(reduce_points_leaving(months, customers, first_month=FIRST))
    assert got["at_risk"].sum() == 2  # a and b in November; December has no month after it
    assert got["left"].sum() == 1
    assert got["joined"].sum() == 1  # c; b joined in a month that is not in the data
    gone = got[got["left"] == 1].iloc[0]
    assert (gone["vip_tier"], gone["tenure_band"]) == ("none", 0)


def test_lots_add_up_to_the_balances_of_the_sample(tmp_path):
    data = cvm.open_data(ROOT / "data" / "sample", work=tmp_path)
    tables = [data.table(name) for name in ("months", "customers", "ledger")]
    start = collect_points_start(*tables, first_month=date(2025, 12, 1))
    held = start["lots"].groupby("customer_id")["points"].sum()
    members = start["members"].set_index("customer_id")
    assert len(members) == 1_188
    assert (held.reindex(members.index).fillna(0) == members["points_balance"]).all()
    assert len(held) == (members["points_balance"] > 0).sum()
    bare = collect_points_start(tables[0], tables[1], None, first_month=date(2025, 12, 1))
    assert bare["lots"] is None
    assert bare["members"]["earned_points"].isna().all()
