"""A close of the liability: known hazards give known answers, lots add up, a ledger is dated."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.core.months import add_months, month_from_index, month_index
from cvm.points.deferred_closes import defer_closes
from cvm.points.liability_close import (
    close_points,
    compare_methods,
    cost_per_point,
)
from cvm.points.liability_openings import expected_by_lot, life_table, redeemed_later
from cvm.points.liability_published import published_tables
from cvm.points.rulebook_read import parse_rulebook, shipped_rulebook

FIRST = date(2023, 1, 1)
HAZARD, LIFE = 0.10, 12
BOOK = parse_rulebook(
    """
en = "Twelve months"
zh = "十二个月"
[[rules]]
first_month = "2000-01"
[rules.clearing]
kind = "months"
months = 12
counts_earning_month = true
"""
)
URR = 0.717570  # hazard .10, life 12: published in the project's list of closed forms


def ledger_cells(close, *, months=30, opening_points=0.0, hazard=HAZARD):
    """Return cells of points redeemed at a constant hazard that die after twelve months."""
    end, rows = month_index(close), []
    start = month_index(FIRST)
    for index in range(start, min(start + months, end + 1)):
        held = 1_000.0
        for age in range(end - index + 1):
            redeemed = held * hazard if age < LIFE else 0.0
            expired = held - redeemed if age == LIFE - 1 else 0.0
            held -= redeemed + expired
            rows.append((index, age, redeemed, expired, 0.0, 1_000.0))
    if opening_points:
        held = opening_points
        for age in range(1, end - start + 2):
            redeemed = held * hazard if age < LIFE else 0.0
            expired = held - redeemed if age == LIFE - 1 else 0.0
            held -= redeemed + expired
            rows.append((start - 1, age, redeemed, expired, 0.0, opening_points))
    frame = pd.DataFrame(
        rows,
        columns=[
            "vintage",
            "age_months",
            "redeemed_points",
            "expired_points",
            "forfeited_points",
            "issued_points",
        ],
    )
    frame["vintage"] = [month_from_index(index) for index in frame["vintage"]]
    return frame


def closed(month, **options):
    settings = {"cpp_yuan": 0.02, "grain": "month", "first_month": FIRST} | options
    opening = settings.pop("opening_points", 0.0)
    return close_points(ledger_cells(month, opening_points=opening), BOOK, month=month, **settings)


@pytest.mark.parametrize("method", ["cape_cod", "chain_ladder", "unredeemed"])
def test_a_constant_hazard_gives_the_closed_form(method):
    close = closed(date(2025, 6, 1), method=method)

    assert close.liability.estimate.total_urr == pytest.approx(URR, abs=1e-6)
    ages = np.arange(LIFE)
    held = 1_000 * 0.9 ** (ages[:-1] + 1)
    later = 1 - 0.9 ** (LIFE - 1 - ages[:-1])
    assert close.outstanding_points == pytest.approx(held.sum())
    assert close.liability_yuan == pytest.approx(0.02 * (held * later).sum())
    assert close.life_yuan == pytest.approx(close.liability_yuan)


def test_lots_add_up_to_the_vintages_and_expire_when_the_rules_say():
    close = closed(date(2025, 6, 1), grain="quarter")

    assert close.lots["liability_yuan"].sum() == pytest.approx(close.liability.liability_yuan)
    assert close.ageing()["liability_yuan"].sum() == pytest.approx(close.liability_yuan)
    assert (close.lots["expected_points"] <= close.lots["outstanding_points"] + 1e-9).all()
    calendar = close.calendar()
    expiry = [month.date() for month in calendar["expiry_month"]]
    assert expiry == [add_months(date(2025, 7, 1), k) for k in range(11)]
    assert calendar["outstanding_points"].iloc[0] == pytest.approx(1_000 * 0.9**11)


def test_opening_points_are_valued_by_what_is_left_of_their_life():
    close = closed(date(2023, 8, 1), opening_points=5_000.0)

    held = 5_000 * 0.9**8
    assert close.openings["outstanding_points"].tolist() == pytest.approx([held])
    # Dated December 2022, they live to the end of November: three months are left.
    assert close.openings["expected_points"].tolist() == pytest.approx([held * (1 - 0.9**3)])
    assert close.liability_yuan == pytest.approx(close.lots["liability_yuan"].sum())
    assert "before the ledger" in close.text("en")
    assert "结转" in close.text("zh")


def test_a_ledger_shorter_than_the_points_life_says_so():
    assert closed(date(2023, 8, 1)).is_short
    assert "shorter than the points' life" in closed(date(2023, 8, 1)).text("en")
    assert not closed(date(2025, 6, 1)).is_short


def test_movements_after_the_close_are_refused():
    with pytest.raises(DataError, match="after the close"):
        close_points(
            ledger_cells(date(2025, 6, 1)),
            BOOK,
            month=date(2025, 5, 1),
            first_month=FIRST,
            cpp_yuan=0.02,
        )


def test_openings_alone_make_no_triangle_and_columns_are_needed():
    cells = ledger_cells(date(2025, 6, 1))
    with pytest.raises(DataError, match="only opening balances"):
        close_points(
            cells, BOOK, month=date(2025, 6, 1), first_month=date(2026, 1, 1), cpp_yuan=0.02
        )
    with pytest.raises(MissingDataError, match="forfeited_points"):
        close_points(
            cells.drop(columns="forfeited_points"),
            BOOK,
            month=date(2025, 6, 1),
            first_month=FIRST,
            cpp_yuan=0.02,
        )


def two_cohorts():
    """Return cells of two cohorts: A was there before month 1 and dies in 3, B dies in 6."""
    names = [
        "index",
        "dies",
        "age_months",
        "redeemed_points",
        "expired_points",
        "forfeited_points",
        "issued_points",
    ]
    return pd.DataFrame(
        [
            (0, 3, 1, 10, 0, 10, 100),
            (0, 3, 2, 20, 0, 0, 100),
            (0, 3, 3, 30, 30, 0, 100),
            (2, 6, 0, 0, 0, 0, 200),
            (2, 6, 1, 50, 0, 0, 200),
            (2, 6, 2, 30, 0, 20, 200),
        ],
        columns=names,
    )


def test_the_life_table_by_hand():
    table = life_table(two_cohorts(), start=1, end=4).set_index("left_months")

    assert table["exposed_points"].to_dict() == {0: 60, 1: 80, 2: 250, 3: 200, 4: 200}
    assert table["redeemed_share"].to_dict() == pytest.approx(
        {0: 0.5, 1: 0.25, 2: 0.16, 3: 0.25, 4: 0.0}
    )
    assert table.loc[2, "forfeited_share"] == pytest.approx(0.12)
    assert table.loc[2, "cohorts"] == 2


def test_what_is_redeemed_later_by_hand():
    table = life_table(two_cohorts(), start=1, end=4)

    assert redeemed_later(table, 2) == pytest.approx(0.25 + 0.75 * 0.5)
    assert redeemed_later(table, 0) == 0.0
    shift = 2_024 * 12
    dated = two_cohorts().assign(
        index=lambda t: t["index"] + shift, dies=lambda t: t["dies"] + shift
    )
    lots = expected_by_lot(dated, table, end=4 + shift)
    assert lots["expiry_month"].tolist() == [pd.Timestamp(2024, 7, 1)]
    assert lots["outstanding_points"].tolist() == [100]
    assert lots["expected_points"].tolist() == pytest.approx([62.5])


def test_points_that_never_expire_are_redeemed_or_forfeited():
    cells = two_cohorts().assign(dies=2**31 - 1, expired_points=0)
    table = life_table(cells, start=1, end=4)

    redeemed, forfeited = 10 + 20 + 30 + 50 + 30, 10 + 20
    assert redeemed_later(table, -1) == pytest.approx(redeemed / (redeemed + forfeited))


def test_methods_stand_side_by_side():
    month = date(2025, 6, 1)
    frame = compare_methods(
        closed(month), {"chain_ladder": closed(month, method="chain_ladder")}
    ).set_index("method")

    assert list(frame.index) == ["cape_cod", "chain_ladder", "life_table"]
    assert frame["apart_share"].abs().max() == pytest.approx(0, abs=1e-9)


def test_cost_per_point_is_the_last_years_or_the_rule_books():
    months = [date(2024, 1, 1), date(2025, 1, 1), date(2025, 6, 1)]
    frame = pd.DataFrame(
        {"month": months, "points": [900, 100, 300], "cost_yuan": [90.0, 2.0, 6.4]}
    )
    assert cost_per_point(frame, BOOK, month=date(2025, 6, 1)) == pytest.approx(8.4 / 400)
    unknown = frame.assign(cost_yuan=np.nan)
    mix = 0.44 * 0.0195 + 0.22 * 0.0185 + 0.24 * 0.025 + 0.10 * 0.021
    assert cost_per_point(unknown, shipped_rulebook("sample"), month=date(2025, 6, 1)) == (
        pytest.approx(mix)
    )
    assert cost_per_point(unknown, BOOK, month=date(2025, 6, 1)) == 0.02


def test_published_rows_count_the_members_who_hold_their_points():
    close = closed(date(2025, 6, 1), grain="quarter")
    newest = month_index(date(2025, 6, 1))
    holders = pd.DataFrame(
        {"lot_index": [newest - 12, newest - 2, newest - 1, newest], "members": [50, 7, 9, 12]}
    )
    tables = published_tables(close, holders)

    assert tables["vintages"]["members"].tolist()[-1] == 12
    assert tables["ageing"]["members"].tolist() == [12]
    calendar = tables["calendar"].set_index("expiry_month")["members"]
    assert calendar.loc["2026-05-01"] == 12
    assert calendar.loc["2026-04-01"] == 9


def revenue(value=1_000.0):
    return {add_months(FIRST, k): value for k in range(36)}


def test_deferred_revenue_rolls_forward_and_an_unchanged_expectation_has_no_catch_up():
    closes = [closed(date(2025, 3, 1), grain="quarter"), closed(date(2025, 6, 1), grain="quarter")]
    found = defer_closes(closes, revenue(), point_value_yuan=0.02)

    periods = found.summary()
    assert periods["catch_up_yuan"].abs().max() < 1e-6
    closing = periods["opening_yuan"] + periods["deferred_yuan"] - periods["released_yuan"]
    assert np.allclose(closing, periods["closing_yuan"])
    # A quarter: 3,000 of bills, 3,000 points worth 0.02 × URR each.
    ssp = 3_000 * 0.02 * URR
    assert periods["deferred_yuan"].iloc[4] == pytest.approx(3_000 * ssp / (3_000 + ssp), rel=1e-4)


def test_a_lower_expectation_is_caught_up_at_once():
    month = date(2025, 6, 1)
    first, last = closed(date(2025, 3, 1), grain="quarter"), closed(month, grain="quarter")
    slower = close_points(
        ledger_cells(date(2025, 3, 1), hazard=0.14),
        BOOK,
        month=date(2025, 3, 1),
        first_month=FIRST,
        cpp_yuan=0.02,
    )
    steady = defer_closes([first, last], revenue(), point_value_yuan=0.02)
    revised = defer_closes([slower, last], revenue(), point_value_yuan=0.02)

    assert revised.summary()["catch_up_yuan"].iloc[-1] > 1
    assert abs(steady.summary()["catch_up_yuan"].iloc[-1]) < 1e-6


def test_closes_out_of_order_and_missing_revenue_are_refused():
    closes = [closed(date(2025, 6, 1), grain="quarter"), closed(date(2025, 3, 1), grain="quarter")]
    with pytest.raises(ArgumentError, match="in order"):
        defer_closes(closes, revenue(), point_value_yuan=0.02)
    with pytest.raises(ArgumentError, match="at least one close"):
        defer_closes([], revenue(), point_value_yuan=0.02)
    with pytest.raises(DataError, match="missing"):
        defer_closes(closes[::-1], {}, point_value_yuan=0.02)
