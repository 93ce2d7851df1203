"""The overview's reductions: a case worked by hand, conservation, and the same on both engines."""

from datetime import date

import ibis
import pandas as pd
import pytest

from cvm.data import reduce_overview as reduce

# a: in service from January to March, leaves (left in April). b: joins in February.
# c: throughout. Gold: a always; b is silver; c moves from silver to gold in March.
MONTHS = pd.DataFrame(
    [
        ("a", "2026-01-01", 100.0, 40.0, "gold"),
        ("a", "2026-02-01", 110.0, 40.0, "gold"),
        ("a", "2026-03-01", 30.0, 10.0, "gold"),
        ("b", "2026-02-01", 50.0, 20.0, "silver"),
        ("b", "2026-03-01", 60.0, 20.0, "silver"),
        ("b", "2026-04-01", 70.0, 20.0, "silver"),
        ("c", "2026-01-01", 10.0, 5.0, "silver"),
        ("c", "2026-02-01", 10.0, 5.0, "silver"),
        ("c", "2026-03-01", 10.0, 5.0, "gold"),
        ("c", "2026-04-01", 10.0, 5.0, "gold"),
    ],
    columns=["customer_id", "month", "bill_yuan", "variable_cost_yuan", "vip_tier"],
).assign(month=lambda frame: pd.to_datetime(frame["month"]).dt.date)

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c"],
        "county": ["north", "north", "south"],
        "joined_month": [date(2025, 6, 1), date(2026, 2, 1), date(2020, 1, 1)],
        "left_month": [date(2026, 4, 1), None, None],
    }
)

LEDGER = pd.DataFrame(
    [
        ("a", date(2026, 1, 1), "earned", 100, None),
        ("a", date(2026, 1, 1), "redeemed", 40, 0.8),
        ("c", date(2026, 1, 1), "earned", 10, None),
        ("a", date(2026, 4, 1), "forfeited", 60, None),
    ],
    columns=["customer_id", "month", "entry", "points", "cost_yuan"],
)


@pytest.fixture
def months():
    return ibis.memtable(MONTHS)


@pytest.fixture
def customers():
    return ibis.memtable(CUSTOMERS)


def test_months_by_hand(months, customers):
    frame = reduce.reduce_months(months, customers).to_pandas()

    assert frame["customers"].tolist() == [2, 3, 3, 2]
    assert frame["revenue_yuan"].tolist() == [110, 170, 100, 80]
    assert frame["margin_yuan"].tolist() == [65, 105, 65, 55]
    assert frame["joined"].tolist() == [0, 1, 0, 0]
    assert frame["left"].tolist() == [0, 0, 0, 1]
    assert frame["revenue_squared"].tolist() == [10_100, 14_700, 4_600, 5_000]


def test_without_the_columns_there_is_null_not_zero(months):
    frame = reduce.reduce_months(months.drop("variable_cost_yuan")).to_pandas()

    assert frame[["joined", "left", "margin_yuan", "complaints"]].isna().all().all()


def test_groups_by_hand(months, customers):
    window = {"last_month": date(2026, 4, 1), "window_months": 2}
    tiers = reduce.reduce_groups(months, customers, "vip_tier", **window).to_pandas()
    tiers = tiers.set_index("vip_tier")

    # Window March–April; at risk February–March: gold a, a, c; silver b, c, b.
    assert tiers["customers"].to_dict() == {"gold": 1, "silver": 1}
    assert tiers["revenue_yuan"].to_dict() == {"gold": 50, "silver": 130}
    assert tiers["margin_yuan"].to_dict() == {"gold": 30, "silver": 90}
    assert tiers["last_revenue_yuan"].to_dict() == {"gold": 10, "silver": 70}
    assert tiers["customer_months"].to_dict() == {"gold": 3, "silver": 2}
    assert tiers["months_at_risk"].to_dict() == {"gold": 3, "silver": 3}
    assert tiers["left"].to_dict() == {"gold": 1, "silver": 0}


def test_leavers_of_all_groups_are_the_leavers_of_the_months(months, customers):
    window = {"last_month": date(2026, 4, 1), "window_months": 3}
    by_month = reduce.reduce_months(months, customers).to_pandas()
    for group in ("vip_tier", "county"):
        cells = reduce.reduce_groups(months, customers, group, **window).to_pandas()
        assert cells["left"].sum() == by_month["left"].tail(3).sum()
        assert cells["revenue_yuan"].sum() == by_month["revenue_yuan"].tail(3).sum()
        assert cells["months_at_risk"].sum() == by_month["customers"].iloc[:3].sum()


def test_points_months_by_hand():
    frame = reduce.reduce_points_months(ibis.memtable(LEDGER)).to_pandas().set_index("month")

    assert frame["earned_points"].tolist() == [110, 0]
    assert frame["redeemed_points"].tolist() == [40, 0]
    assert frame["forfeited_points"].tolist() == [0, 60]
    assert frame["points_cost_yuan"].iloc[0] == pytest.approx(0.8)


def test_a_snapshot_without_months_by_hand():
    from cvm.data.reduce_quality import reduce_snapshot

    customers = pd.DataFrame(
        {"churned": [True, False, False, False], "last_bill_yuan": [10.0, 20.0, 30.0, 40.0]}
    )

    row = reduce_snapshot(ibis.memtable(customers)).to_pandas().iloc[0]

    assert (row["customers"], row["churned"], row["churned_share"]) == (4, 1, 0.25)
    assert row["mean_bill_yuan"] == 25
    assert pd.isna(row["mean_tenure_months"])
