"""The last points year of a sample operator held out: forecast, interval, actual, naive forecast.

The forecaster sees what an operator sees: bills, the ledger up to the year, nothing planted. The
behaviour is a stated one whose level is met to the year before.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import DataError
from cvm.core.months import month_index, parse_month
from cvm.data.sample import make_sample
from cvm.points.budget import simulate
from cvm.points.budget_holdout import HoldOut, fit_level
from cvm.points.budget_law import assumed_law
from cvm.points.budget_programme import Programme
from cvm.points.population import MemberColumns, reduce_members
from cvm.points.rulebook_read import shipped_rulebook
from cvm.points.rules import Clearing


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("operator")
    make_sample(folder, customers=8_000, months=36, seed=11)
    read = {name: pd.read_parquet(folder / "tables" / name) for name in ("customers", "months")}
    read["ledger"] = pd.read_parquet(folder / "tables" / "ledger")
    for name, column in (("customers", "joined_month"), ("months", "month"), ("ledger", "month")):
        read[name][column] = pd.to_datetime(read[name][column])
    return read


def last_year(tables, start, what):
    frame = tables[what]
    return frame[(frame["month"] >= start - pd.DateOffset(years=1)) & (frame["month"] < start)]


def programme_at(tables, first_month, law, months=12):
    """Return the programme as an operator sees it before a month."""
    start = pd.Timestamp(first_month)
    year, ledger = last_year(tables, start, "months"), tables["ledger"]
    before = ledger[ledger["month"] < start]
    rows = year.groupby("customer_id")
    here = year[year["month"] == year["month"].max()].set_index("customer_id")
    left = tables["customers"].set_index("customer_id")["left_month"]
    stays = pd.to_datetime(left.reindex(here.index)).isna() | (
        pd.to_datetime(left.reindex(here.index)) > start - pd.DateOffset(months=1)
    )
    ids = here.index[stays.to_numpy()]
    came = before[before["entry"].isin(["opening", "earned", "transferred_in"])]
    lots = came.pivot_table(
        index="customer_id", columns=came["month"].dt.year, values="points", aggfunc="sum"
    )
    lots = lots.reindex(ids).fillna(0.0)
    gone = before[before["entry"].isin(["redeemed", "expired", "transferred_out", "forfeited"])]
    spent = gone.groupby("customer_id")["points"].sum().reindex(ids).fillna(0.0).to_numpy()
    through = np.cumsum(lots.to_numpy(), axis=1)
    held = np.clip(through - spent[:, None], 0.0, lots.to_numpy())
    earned = last_year(tables, start, "ledger").query("entry == 'earned'")
    served = rows.size().reindex(ids).to_numpy()
    brand = tables["customers"].set_index("customer_id")["brand"]
    chance = leaving_chance(tables, year, start, brand)
    joined = tables["customers"].set_index("customer_id")["joined_month"].reindex(ids)
    joiners = tables["customers"]["joined_month"]
    columns = MemberColumns(
        lots_points=held.T,
        lot_months=[min(int(y) * 12 + 11, month_index(start) - 1) for y in lots.columns],
        bill_yuan=rows["bill_yuan"].mean().reindex(ids).to_numpy(),
        earned_points=earned.groupby("customer_id")["points"]
        .sum()
        .reindex(ids)
        .fillna(0)
        .to_numpy()
        / served,
        churn=brand.reindex(ids).map(chance).to_numpy(),
        tenure_months=((start - joined).dt.days / 30.44).clip(lower=0).to_numpy(),
        on_time_share=rows["paid_on_time"].mean().reindex(ids).to_numpy(),
        county=tables["customers"].set_index("customer_id")["county"].reindex(ids).to_numpy(),
        joiners_a_month=float(
            ((joiners >= start - pd.DateOffset(years=1)) & (joiners < start)).sum() / 12
        ),
    )
    paid = last_year(tables, start, "ledger").query("entry == 'redeemed'")
    book = shipped_rulebook("beijing").with_clearing(Clearing(kind="calendar_years", years=2))
    book = book.with_value(float(paid["cost_yuan"].sum() / paid["points"].sum()))
    return Programme(
        population=reduce_members(columns, first_month=parse_month(first_month), cells=64),
        book=book,
        law=law,
        months=months,
    )


def leaving_chance(tables, year, start, brand):
    left = pd.to_datetime(tables["customers"].set_index("customer_id")["left_month"])
    gone = left[(left >= start - pd.DateOffset(years=1)) & (left < start)]
    at_risk = year["customer_id"].map(brand).value_counts()
    return (brand.reindex(gone.index).value_counts() / at_risk).to_dict()


def in_year(tables, first_month):
    start = pd.Timestamp(first_month) + pd.DateOffset(years=1)
    ledger = last_year(tables, start, "ledger").query("entry == 'redeemed'")
    revenue = last_year(tables, start, "months")["bill_yuan"].sum()
    return float(ledger["points"].sum()), float(ledger["cost_yuan"].sum()), float(revenue)


@pytest.fixture(scope="module")
def held(tables):
    law = assumed_law(
        threshold_points=3_500,
        log_odds=-1.8,
        log_balance=0.5,
        step_points=100,
        log_odds_error=0.10,
        log_balance_error=0.10,
        draws=17,
        rng=np.random.default_rng(3),
    )
    past = programme_at(tables, "2023-12", law)
    points, cost, revenue = in_year(tables, "2023-12")
    fitted = law.shifted(fit_level(past, points))
    now = programme_at(tables, "2024-12", fitted)
    budget = simulate(now, count=512, naive_share=cost / revenue, rng=np.random.default_rng(4))
    _, actual, actual_revenue = in_year(tables, "2024-12")
    return HoldOut(
        budget=budget,
        year=2025,
        actual_cost_yuan=actual,
        actual_revenue_yuan=actual_revenue,
        naive_share=cost / revenue,
        last_revenue_yuan=revenue,
    )


def test_the_interval_holds_the_year_that_came(held):
    row = held.summary().iloc[0]
    assert row["inside"]
    assert abs(row["error_share"]) < 0.10


def test_the_sentence_sets_all_four_side_by_side(held):
    assert "naive" in held.text("en")
    assert "简单外推" in held.text("zh")
    assert held.summary()["naive_yuan"].iloc[0] == pytest.approx(
        held.naive_share * held.last_revenue_yuan
    )


def test_a_level_that_cannot_be_met_is_refused(held):
    program = replace(held.budget.programme, months=3)
    with pytest.raises(DataError, match="redeemed_points"):
        fit_level(program, 1e15)
