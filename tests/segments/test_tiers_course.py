"""Holders of tiers by month: a hand-worked case, and the sample counted by plain loops."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import cvm
from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.data import collect
from cvm.data.reduce_segments_migration import reduce_tier_flows, reduce_tier_months
from cvm.segments.migration_flows import measure_flows
from cvm.segments.tiers_course import trace_holders, trace_moves

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
LAST = date(2025, 11, 1)
TERMS = pd.DataFrame(
    [
        ("cards", "cards_none", 0, 0.02, 0.0),
        ("cards", "silver", 1, 0.02, 12.0),
        ("cards", "gold", 2, 0.03, 120.0),
    ],
    columns=["ladder", "tier", "place", "revenue_cost_share", "serve_yuan"],
)


def test_holders_bring_and_cost_by_hand():
    months = pd.DataFrame(
        [
            (date(2025, 10, 1), "silver", 10, 1_000.0),
            (date(2025, 10, 1), "none", 90, 4_000.0),
            (date(2025, 11, 1), "gold", 5, 2_000.0),
            (date(2025, 11, 1), "silver", 20, 2_500.0),
            (date(2025, 11, 1), "none", 80, 3_000.0),
            (date(2025, 11, 1), "unknown", 3, 60.0),
        ],
        columns=["month", "tier", "customers", "revenue_yuan"],
    )

    found = trace_holders({"cards": months}, TERMS).set_index(["month", "held"])

    october, november = pd.Timestamp("2025-10-01"), pd.Timestamp("2025-11-01")
    # 1,000 × 2 % + 10 × 12 ÷ 12; then 2,500 × 2 % + 20 and 2,000 × 3 % + 5 × 10.
    assert found.loc[(october, "holders"), "cost_yuan"] == pytest.approx(20 + 10)
    assert found.loc[(november, "holders"), "cost_yuan"] == pytest.approx(50 + 20 + 60 + 50)
    assert found.loc[(november, "holders"), "customers"] == 25
    assert found.loc[(november, "others"), ["customers", "revenue_yuan"]].tolist() == [83, 3_060.0]
    assert found["cost_yuan"].isna().tolist() == [False, True] * 2


def test_the_sample_by_plain_loops():
    months = cvm.open_data(SAMPLE).table("months")
    rows = collect(months.select("month", "vip_tier", "star", "bill_yuan")).to_dict("records")
    for column in ("vip_tier", "star"):
        expected = {}
        for row in rows:
            month = pd.Timestamp(row["month"])
            if pd.Timestamp("2025-06-01") <= month:
                seen = expected.setdefault((month, str(row[column])), [0, 0.0])
                seen[0] += 1
                seen[1] += row["bill_yuan"]
        told = collect(reduce_tier_months(months, month=LAST, window_months=6, column=column))
        got = {
            (pd.Timestamp(row.month), row.tier): [row.customers, pytest.approx(row.revenue_yuan)]
            for row in told.itertuples()
        }
        assert got == expected


def test_who_moved_is_whoever_rose_or_fell():
    rows = [
        (24_000, "none", "vip", 7), (24_000, "vip", "none", 2), (24_000, "vip", "vip", 40),
        (24_000, "none", "left", 5), (24_000, "joined", "none", 9),
    ]  # fmt: skip
    columns = ["month_index", "from_tier", "to_tier", "customers"]
    flows = pd.DataFrame(rows, columns=columns).assign(bill_yuan=0.0, bill_squared=0.0)

    told = trace_moves({"cards": measure_flows(flows)})

    assert told.to_dict("list") == {
        "ladder": ["cards"] * 2,
        "month": [pd.Timestamp("2000-01-01")] * 2,
        "direction": ["moved", "stayed"],
        "customers": [9, 40],
    }


def test_moves_add_up_to_the_base_less_who_left():
    months = cvm.open_data(SAMPLE).table("months")
    flows = measure_flows(collect(reduce_tier_flows(months, months_to=[date(2025, 1, 1), LAST])))
    told = trace_moves({"cards": flows}).groupby("month")["customers"].sum()
    for row in flows.summary().itertuples():
        assert told[pd.Timestamp(row.month)] == row.before - row.left


def test_what_cannot_be_traced_is_refused():
    months = pd.DataFrame(columns=["month", "tier", "customers", "revenue_yuan"])
    with pytest.raises(DataError, match="no tiers of stars.*available: cards"):
        trace_holders({"stars": months}, TERMS)
    with pytest.raises(MissingDataError, match="revenue_yuan"):
        trace_holders({"cards": months.drop(columns="revenue_yuan")}, TERMS)
    table = cvm.open_data(SAMPLE).table("months")
    with pytest.raises(ArgumentError, match="window_months == 0"):
        reduce_tier_months(table, month=LAST, window_months=0)
    with pytest.raises(MissingDataError, match="vip_tier"):
        reduce_tier_months(table.drop("vip_tier"), month=LAST)
    assert trace_holders({}, TERMS).empty
    assert trace_moves({}).empty
