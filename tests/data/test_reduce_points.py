"""Points reductions: cases worked by hand, first in first out lot by lot, and conservation."""

from collections import defaultdict
from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError, MissingDataError
from cvm.core.months import month_index
from cvm.data import collect
from cvm.data.reduce_points import FLOWS, reduce_points_channels, reduce_points_flows
from cvm.data.reduce_points_behaviour import reduce_points_behaviour
from cvm.data.reduce_points_pressure import reduce_points_pressure
from cvm.data.reduce_points_vintages import reduce_points_vintages
from cvm.points.triangle_build import build_triangle

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "tables"

# Threshold 100. a: 80 points of 2025, 110 at January's end, redeems 100 of 130 in March.
# b: joins in February, redeems all 150 in March. c: 200 points of 2025 from the start, cleared in
# March. d: 60 points, gives 20 to a in February, leaves in March.
LEDGER = [
    ("a", "2025-12", "opening", 80, None, None),
    ("a", "2026-01", "earned", 30, None, None),
    ("a", "2026-02", "earned", 10, None, None),
    ("a", "2026-02", "transferred_in", 20, None, None),
    ("a", "2026-03", "redeemed", 70, "services", 1.4),
    ("a", "2026-03", "redeemed", 50, "merchants", 1.0),
    ("b", "2026-02", "earned", 150, None, None),
    ("b", "2026-03", "redeemed", 150, "services", 3.0),
    ("c", "2025-12", "opening", 200, None, None),
    ("c", "2026-03", "expired", 200, None, None),
    ("d", "2025-12", "opening", 60, None, None),
    ("d", "2026-02", "transferred_out", 20, None, None),
    ("d", "2026-03", "forfeited", 40, None, None),
]
MONTHS = [
    ("a", "2026-01", 30.0, "gold", 110),
    ("a", "2026-02", 10.0, "gold", 140),
    ("a", "2026-03", 10.0, "gold", 20),
    ("a", "2026-04", 10.0, "gold", 20),
    ("b", "2026-02", 150.0, "none", 150),
    ("b", "2026-03", 10.0, "none", 0),
    ("c", "2026-01", 10.0, "silver", 200),
    ("c", "2026-02", 10.0, "silver", 200),
    ("c", "2026-03", 10.0, "gold", 0),
    ("d", "2026-01", 10.0, "none", 60),
    ("d", "2026-02", 10.0, "none", 40),
]
JANUARY, FEBRUARY, MARCH, APRIL = (pd.Timestamp(2026, month, 1) for month in range(1, 5))


def day(text):
    return date(int(text[:4]), int(text[5:]), 1)


@pytest.fixture
def ledger():
    columns = ["customer_id", "month", "entry", "points", "channel", "cost_yuan"]
    frame = pd.DataFrame(LEDGER, columns=columns)
    return ibis.memtable(frame.assign(month=frame["month"].map(day), point_class="consumption"))


@pytest.fixture
def months():
    columns = ["customer_id", "month", "bill_yuan", "vip_tier", "points_balance"]
    frame = pd.DataFrame(MONTHS, columns=columns)
    return ibis.memtable(frame.assign(month=frame["month"].map(day)))


@pytest.fixture(scope="module")
def sample():
    connection = ibis.duckdb.connect()
    return {
        name: connection.read_parquet(f"{SAMPLE}/{name}/*.parquet")
        for name in ("ledger", "months", "customers")
    }


def cells_of(ledger, months, **options):
    options = {"threshold_points": 100, "step_points": 10, **options}
    return collect(reduce_points_behaviour(ledger, months, **options))


def test_flows_by_hand(ledger, months):
    frame = collect(reduce_points_flows(ledger, months)).set_index(["month", "vip_tier"])

    march = frame.loc[MARCH]
    assert march["members"].to_dict() == {"gold": 2, "none": 1}
    assert march["redeemed_points"].to_dict() == {"gold": 120, "none": 150}
    assert march["redemptions"].to_dict() == {"gold": 1, "none": 1}
    # c was cleared in March, in which it is gold; d left in March, having been without a card.
    assert march["expired_points"].to_dict() == {"gold": 200, "none": 0}
    assert march["forfeited_points"].to_dict() == {"gold": 0, "none": 40}
    assert march["cost_yuan"].to_dict() == pytest.approx({"gold": 2.4, "none": 3.0})
    assert frame.loc[pd.Timestamp(2025, 12, 1), "opening_points"].to_dict() == {
        "gold": 80,
        "none": 60,
        "silver": 200,
    }


def test_flows_of_all_add_up_to_the_balance(sample):
    signs = dict(zip(FLOWS, (1, 1, -1, -1, -1, 1, -1), strict=True))
    for by in ((), ("county",), ("vip_tier", "county")):
        frame = collect(
            reduce_points_flows(sample["ledger"], sample["months"], sample["customers"], by=by)
        )
        net = sum(sign * frame[f"{entry}_points"] for entry, sign in signs.items())
        held = net.groupby(frame["month"]).sum().cumsum()
        shown = frame.groupby("month")["balance_points"].sum(min_count=1).dropna()
        assert (held.loc[shown.index] == shown).all()
        if by == ("county",):
            own = net.groupby([frame["county"], frame["month"]]).sum().groupby("county").cumsum()
            shown = frame.set_index(["county", "month"])["balance_points"].dropna()
            assert (own.loc[shown.index] == shown).all()


def test_unknown_groups_are_refused(ledger, months):
    with pytest.raises(ArgumentError, match="brand_colour"):
        reduce_points_flows(ledger, months, by=("brand_colour",))
    with pytest.raises(MissingDataError, match="county"):
        reduce_points_flows(ledger, months, by=("county",))


def test_channels_by_hand(ledger, months):
    frame = collect(reduce_points_channels(ledger, months)).set_index(["vip_tier", "channel"])

    assert frame["points"].to_dict() == {
        ("gold", "merchants"): 50,
        ("gold", "services"): 70,
        ("none", "services"): 150,
    }
    assert frame.loc[("none", "services"), "points_squared"] == 22_500
    with pytest.raises(MissingDataError, match="channel"):
        reduce_points_channels(ledger.drop("channel"), months)


def test_vintages_by_hand(ledger):
    frame = collect(reduce_points_vintages(ledger)).set_index(["vintage", "age_months"])
    december, january = pd.Timestamp(2025, 12, 1), JANUARY

    # a's 120: 80 of December, 30 of January, 10 of February (which then holds 20 more).
    assert frame["redeemed_points"].to_dict() == {
        (december, 0): 0,
        (december, 3): 80,
        (january, 0): 0,
        (january, 2): 30,
        (FEBRUARY, 0): 0,
        (FEBRUARY, 1): 10 + 150,
    }
    # d gave 20 of December's points to a, for whom they are February's.
    assert frame["issued_points"].groupby("vintage").first().tolist() == [320, 30, 180]
    assert frame.loc[(december, 3), ["expired_points", "forfeited_points"]].tolist() == [200, 40]


def lots_of(ledger):
    """Redeemed points by month of earning and age, lot by lot in plain Python."""
    order = ["opening", "earned", "transferred_in", "redeemed", "transferred_out", "expired"]
    place = {entry: at for at, entry in enumerate([*order, "forfeited"])}
    rows = ledger.assign(
        index=ledger["month"].map(month_index), place=ledger["entry"].map(place)
    ).sort_values(["customer_id", "index", "place"])
    held = defaultdict(list)
    taken, issued = defaultdict(int), defaultdict(int)
    for row in rows.itertuples():
        lots = held[row.customer_id]
        if row.place <= 2:
            lots.append([row.index, row.points])
            issued[row.index] += row.points
            continue
        rest = row.points
        while rest:
            used = min(rest, lots[0][1])
            lots[0][1] -= used
            rest -= used
            taken[row.entry, lots[0][0], row.index - lots[0][0]] += used
            if row.entry == "transferred_out":
                issued[lots[0][0]] -= used
            if not lots[0][1]:
                lots.pop(0)
    return taken, issued


def test_vintages_equal_lot_by_lot(sample):
    ledger = sample["ledger"]
    few = ledger.filter(ledger.customer_id.substr(ledger.customer_id.length() - 1, 1) < "4")
    taken, issued = lots_of(few.to_pandas())

    frame = collect(reduce_points_vintages(few))

    vintage = frame["vintage"].map(lambda stamp: month_index(stamp.date()))
    for entry in ("redeemed", "expired", "forfeited"):
        found = {
            (entry, lot, age): points
            for lot, age, points in zip(
                vintage, frame["age_months"], frame[f"{entry}_points"], strict=True
            )
            if points
        }
        assert found == {key: points for key, points in taken.items() if key[0] == entry}
    assert dict(zip(vintage, frame["issued_points"], strict=True)) == issued


def test_vintages_make_a_triangle(sample):
    frame = collect(reduce_points_vintages(sample["ledger"], first_month="2022-12"))

    triangle = build_triangle(frame, last_month="2025-11")

    assert len(triangle.vintages) == 36
    assert triangle.redeemed_to_date.sum() == frame["redeemed_points"].sum()
    assert (triangle.redeemed_to_date <= triangle.issued_points).all()
    one = collect(reduce_points_vintages(sample["ledger"], point_class="bonus"))
    assert one["issued_points"].sum() < frame["issued_points"].sum()


def test_cells_by_hand(ledger, months):
    cells = cells_of(ledger, months, clearing_years=1, clearing_month=3, rush_months=2)
    by = cells.groupby(["month", "vip_tier"])[["at_risk", "redeemers", "balance_points"]].sum()

    # Balances at the start: March a 140 (gold), b 150, c 200 (gold by then).
    assert by.loc[(MARCH, "gold")].tolist() == [2, 1, 340]
    assert by.loc[(MARCH, "none")].tolist() == [1, 1, 150]
    qualified = cells[cells["qualified"]]
    assert qualified.groupby("month")["at_risk"].sum().to_dict() == {
        JANUARY: 1,
        FEBRUARY: 2,
        MARCH: 3,
    }
    just = cells[cells["just_qualified"]].groupby(["month", "vip_tier"])["at_risk"].sum()
    assert just.to_dict() == {(FEBRUARY, "gold"): 1, (MARCH, "none"): 1}
    # c waits since before the data: the last band, beyond that for long waits.
    assert qualified[qualified["vip_tier"] == "silver"]["waited_band"].eq(8).all()


def test_size_and_rush_by_hand(ledger, months):
    cells = cells_of(ledger, months, clearing_years=1, clearing_month=3, rush_months=2)
    march = cells[cells["month"] == MARCH]

    assert march["took_all"].sum() == 1
    assert march["part_sum"].sum() == pytest.approx(120 / 140)
    assert march["part_squared_sum"].sum() == pytest.approx((120 / 140) ** 2)
    assert march["available_points"].sum() == 140 + 150
    assert march["redeemed_points_squared"].sum() == 120**2 + 150**2
    # Points of 2025 die at the end of March, so February and March are rush months: of a, 80 of 110
    # and then 80 of 140; c's 200 of 200; d's 60 of 60.
    rush = cells.groupby("month")["rush_share_sum"].sum()
    assert rush[JANUARY] == 0
    assert rush[FEBRUARY] == pytest.approx(80 / 110 + 1 + 1)
    assert rush[MARCH] == pytest.approx(80 / 140 + 1)
    logs = cells.groupby("month")["log_ratio_sum"].sum()
    assert logs[FEBRUARY] == pytest.approx(np.log(1.1) + np.log(2))


def test_points_that_live_for_months_expire_each_by_itself(ledger, months):
    # A life of two months: points of December die at the end of February.
    cells = cells_of(ledger, months, life_months=2, rush_months=1)

    rush = cells.groupby("month")["rush_share_sum"].sum()
    assert rush[FEBRUARY] == pytest.approx(80 / 110 + 1 + 1)
    with pytest.raises(ArgumentError, match="life_months"):
        cells_of(ledger, months, life_months=2, clearing_years=2)


def test_without_clearing_nothing_rushes(ledger, months):
    assert cells_of(ledger, months)["rush_share_sum"].eq(0).all()


def test_a_threshold_that_changed(ledger, months):
    changed = {date(2026, 1, 1): 100, date(2026, 3, 1): 145}
    cells = cells_of(ledger, months, threshold_points=changed)

    qualified = cells[cells["qualified"]].groupby("month")["at_risk"].sum()
    assert qualified.to_dict() == {JANUARY: 1, FEBRUARY: 2, MARCH: 2}
    reached = cells_of(ledger, months, threshold_points=140, exceed=False)
    assert reached[reached["qualified"] & (reached["month"] == MARCH)]["at_risk"].sum() == 3


def test_the_ledger_tells_balances_where_the_months_do_not(ledger, months):
    pd.testing.assert_frame_equal(
        cells_of(ledger, months.drop("points_balance")), cells_of(ledger, months)
    )


def test_cells_hold_every_member_month_and_redemption(sample):
    cells = collect(
        reduce_points_behaviour(
            sample["ledger"], sample["months"], threshold_points=3_500, clearing_years=2
        )
    )

    redeemed = sample["ledger"].filter(sample["ledger"].entry == "redeemed")
    assert cells["at_risk"].sum() == sample["months"].count().execute()
    assert cells["redeemed_points"].sum() == redeemed.points.sum().execute()
    who = redeemed.select("customer_id", "month").distinct().count().execute()
    assert cells["redeemers"].sum() == who
    assert cells.loc[~cells["qualified"], "redeemers"].sum() == 0


def test_pressure_by_hand():
    rows = [
        # Enters the stretch 80–100 at February's end, passes 100 at March's end.
        ("a", "2026-01", 10.0, 70),
        ("a", "2026-02", 20.0, 90),
        ("a", "2026-03", 22.0, 112),
        ("a", "2026-04", 11.0, 123),
        # Jumps over the stretch: neither.
        ("b", "2026-01", 10.0, 70),
        ("b", "2026-02", 90.0, 160),
        ("b", "2026-03", 90.0, 250),
    ]
    columns = ["customer_id", "month", "bill_yuan", "points_balance"]
    frame = pd.DataFrame(rows, columns=columns)
    table = ibis.memtable(frame.assign(month=frame["month"].map(day)))

    found = collect(reduce_points_pressure(table, threshold_points=100, below_points=20))

    assert found["month"].tolist() == [MARCH, APRIL]
    assert found["move"].tolist() == ["entered", "passed"]
    assert found["log_change_sum"].tolist() == pytest.approx([np.log(1.1), np.log(0.5)])
    assert found["log_change_squared_sum"].tolist() == pytest.approx(
        [np.log(1.1) ** 2, np.log(0.5) ** 2]
    )
