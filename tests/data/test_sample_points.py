"""The sample's ledger, replayed lot by lot in plain Python from the published tables alone."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import statsmodels.api as sm

from cvm.data.sample import make_sample

SIGNS = {
    "opening": 1,
    "earned": 1,
    "transferred_in": 1,
    "redeemed": -1,
    "expired": -1,
    "forfeited": -1,
    "transferred_out": -1,
}
TENURE = ((61, 50), (49, 40), (37, 30), (25, 20), (13, 10), (0, 0))
"""Beijing's table: months of tenure from which, per cent on top."""

CENTS_A_POINT = {
    "mobile_products": 1.95,
    "services": 1.85,
    "merchants": 2.50,
    "applications": 2.10,
}


def month_number(values: pd.Series) -> pd.Series:
    dates = values.astype("datetime64[s]")
    return dates.dt.year * 12 + dates.dt.month - 1


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("points") / "sample"
    make_sample(folder, customers=6_000, seed=3)
    frames = {
        name: pq.read_table(folder / "tables" / name).to_pandas()
        for name in ("customers", "months", "ledger", "contacts", "campaigns")
    }
    frames["planted"] = pq.read_table(folder / "planted" / "customers").to_pandas()
    frames["months"]["m"] = month_number(frames["months"]["month"])
    frames["ledger"]["m"] = month_number(frames["ledger"]["month"])
    frames["customers"]["joined"] = month_number(frames["customers"]["joined_month"])
    return frames


class Lots:
    """One member's points of one class as [month earned, points left], oldest first."""

    def __init__(self) -> None:
        self.lots: list[list[int]] = []

    def add(self, month: int, points: int) -> None:
        self.lots.append([month, points])

    def take(self, points: int) -> None:
        while points:
            lot = self.lots[0]
            used = min(points, lot[1])
            lot[1] -= used
            points -= used
            if lot[1] == 0:
                self.lots.pop(0)

    def clear_before(self, month: int) -> int:
        gone = sum(points for earned, points in self.lots if earned < month)
        self.lots = [lot for lot in self.lots if lot[0] >= month]
        return gone

    @property
    def total(self) -> int:
        return sum(points for _, points in self.lots)


def test_balances_and_clearing_equal_a_lot_by_lot_ledger(operator):
    """Three calendar years, the year of earning included, cleared at the end of December."""
    chosen = set(operator["customers"]["customer_id"].sample(400, random_state=1))
    ledger = operator["ledger"][operator["ledger"]["customer_id"].isin(chosen)]
    panel = operator["months"][operator["months"]["customer_id"].isin(chosen)]
    balances = {(row.customer_id, row.m): row.points_balance for row in panel.itertuples()}
    first, last = panel["m"].min(), panel["m"].max()
    cleared = 0
    for customer, moves in ledger.groupby("customer_id"):
        by_month: dict[int, list] = defaultdict(list)
        for move in moves.sort_values("m", kind="stable").itertuples():
            by_month[move.m].append(move)
        lots = defaultdict(Lots)
        for month in range(min(by_month), last + 1):
            here = by_month[month]
            for move in here:
                if move.entry in ("opening", "earned", "transferred_in"):
                    lots[move.point_class].add(month, move.points)
            for move in here:
                if move.entry in ("redeemed", "transferred_out"):
                    lots[move.point_class].take(move.points)
                if move.entry == "forfeited":
                    assert lots[move.point_class].total == move.points
                    lots[move.point_class].take(move.points)
            booked = {move.point_class: move.points for move in here if move.entry == "expired"}
            if month % 12 == 11 and month >= first:
                due = {name: one.clear_before(month - 11 - 12) for name, one in lots.items()}
                assert {name: points for name, points in due.items() if points} == booked
                cleared += sum(due.values())
            else:
                assert booked == {}
            if (customer, month) in balances:
                assert sum(one.total for one in lots.values()) == balances[customer, month]
    assert cleared > 0


def test_the_ledger_conserves_to_the_point(operator):
    ledger = operator["ledger"]
    signed = ledger["points"] * ledger["entry"].map(SIGNS)
    last = operator["months"]["m"].max()
    closing = operator["months"].loc[operator["months"]["m"] == last, "points_balance"].sum()
    assert signed.sum() == closing
    moved = ledger.groupby("entry")["points"].sum()
    assert moved["transferred_in"] == moved["transferred_out"] > 0
    assert set(moved.index) == set(SIGNS)


def test_points_are_earned_by_beijings_table(operator):
    months = operator["months"].merge(operator["customers"][["customer_id", "joined"]])
    months = months.sort_values(["customer_id", "m"])
    earned = operator["ledger"].query("entry == 'earned'")
    earned = earned.pivot_table(index=["customer_id", "m"], columns="point_class", values="points")
    rows = months.join(earned, on=["customer_id", "m"]).fillna(
        {"tenure": 0, "credit": 0, "data": 0}
    )
    base = np.floor(rows["bill_yuan"] + 1e-9).astype(int)
    assert (rows["consumption"] == base).all()
    tenure = rows["m"] - rows["joined"]
    percent = np.select([tenure >= start for start, _ in TENURE], [rate for _, rate in TENURE])
    assert (rows["tenure"] == base * percent // 100).all()
    assert (rows["data"] == np.where(rows["data_yuan"] >= 10, 30, 0)).all()
    late = (~rows["paid_on_time"]).groupby(rows["customer_id"]).cumsum()
    streak = rows.groupby(["customer_id", late])["paid_on_time"].cumsum()
    known = (rows.groupby("customer_id").cumcount() >= 5) | (tenure < 5)
    expected = np.where(streak >= 6, base // 10, 0)
    assert (rows["credit"] == expected)[known].all()


def test_redemptions_follow_the_threshold_and_cost_what_their_channel_costs(operator):
    redeemed = operator["ledger"].query("entry == 'redeemed'")
    cost = redeemed["points"] * redeemed["channel"].map(CENTS_A_POINT) / 100
    assert np.allclose(redeemed["cost_yuan"], cost, atol=0.000_6)
    assert (
        operator["ledger"].query("entry != 'redeemed'")[["channel", "cost_yuan"]].isna().all().all()
    )
    one = redeemed.groupby(["customer_id", "m"]).agg(
        points=("points", "sum"), ways=("channel", "nunique")
    )
    assert (one["ways"] == 1).all()
    assert (one["points"] % 100 == 0).all()
    before = operator["months"].assign(m=operator["months"]["m"] + 1)
    before = before.set_index(["customer_id", "m"])["points_balance"]
    first = operator["months"]["m"].min()
    later = one[one.index.get_level_values("m") > first]
    assert (before.reindex(later.index) > 3_500).all()


def test_the_redemption_hazard_is_the_planted_one(operator):
    """Rush months are left out: what is about to be cleared is not in the panel."""
    months = operator["months"].sort_values(["customer_id", "m"]).copy()
    grouped = months.groupby("customer_id")["points_balance"]
    months["last"], months["earlier"] = grouped.shift(1), grouped.shift(2)
    redeemed = operator["ledger"].query("entry == 'redeemed'")[["customer_id", "m"]]
    given = operator["ledger"].query("entry == 'transferred_out'")[["customer_id", "m"]]
    key = pd.MultiIndex.from_frame(months[["customer_id", "m"]])
    months["redeems"] = key.isin(pd.MultiIndex.from_frame(redeemed))
    gives = key.isin(pd.MultiIndex.from_frame(given))
    months = months.merge(operator["planted"][["customer_id", "saver", "saver_target_points"]])
    calendar = months["m"] % 12 + 1
    fine = (months["last"] > 3_500) & months["earlier"].notna() & (calendar < 10) & ~gives
    rows, calendar = months[fine], calendar[fine]
    year = rows["m"] // 12
    festival = ((year == 2024) & (calendar == 2)) | ((year != 2024) & (calendar == 1))
    design = pd.DataFrame(
        {
            "constant": 1.0,
            "log_balance": np.log(rows["last"] / 3_500),
            "just_qualified": (rows["earlier"] <= 3_500).astype(float),
            "festival": festival.astype(float),
            "saver": (rows["saver"] & (rows["last"] < rows["saver_target_points"])).astype(float),
        }
    )
    fit = sm.Logit(rows["redeems"].astype(float), design).fit(disp=0)
    planted = pd.Series(
        {
            "constant": -1.8,
            "log_balance": 0.9,
            "just_qualified": 1.0,
            "festival": 0.4,
            "saver": -2.0,
        }
    )
    assert ((fit.params - planted).abs() <= 3 * fit.bse).all(), fit.summary()
    assert fit.bse.max() < 0.25


def test_members_near_the_threshold_spend_more(operator):
    """Points pressure: the same members' bills are about 5 % higher just below 3,500 points."""
    months = operator["months"].sort_values(["customer_id", "m"]).copy()
    months["last"] = months.groupby("customer_id")["points_balance"].shift(1)
    months["change"] = np.log(months["bill_yuan"]).groupby(months["customer_id"]).diff()
    below = (months["last"] > 2_900) & (months["last"] <= 3_500)
    earlier = below.groupby(months["customer_id"]).shift(1, fill_value=False)
    entering = months.loc[below & ~earlier, "change"].mean()
    assert 0.03 < entering - months["change"].mean() < 0.07


def test_the_bonus_goes_to_those_who_accept_the_handset(operator):
    accepted = operator["contacts"].query("campaign_id == 'HANDSET-HOLDOUT' and accepted")
    bonus = operator["ledger"].query("point_class == 'bonus' and entry == 'earned'")
    assert set(bonus["customer_id"]) == set(accepted["customer_id"])
    assert (bonus["points"] == 500).all()
