"""The figures of published pages, worked out again from the raw tables with pandas alone.

Nothing here imports the suite: whoever reads the data dictionary, the glossary and the notes of the
pages would reckon so. ``test_notebooks.py`` holds the published cards against it.
"""

from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

# Of data/tierbooks/sample.toml: lowest score, share of the bill given back, services a year (yuan).
CARDS = {
    "none": (0, 0.0, 0.0),
    "vip": (2_100, 0.0, 6 + 3),
    "silver": (3_000, 0.005, 0.02 * 35 + 2 * 6 + 1.5 * 3),
    "gold": (4_800, 0.010, 0.05 * 35 + 4 * 6 + 2 * 3 + 0.4 * 80 + 6 * 5),
    "diamond": (8_400, 0.020, 0.1 * 35 + 8 * 6 + 3 * 3 + 2 * 80 + 12 * 5),
}
POINTS_COST = 0.8 * 0.02
"""Cost of a yuan's points: eight in ten are redeemed, at 0.02 yuan each."""
LEAVING_MONTHS = 3
WINDOW_MONTHS = 6


def month_number(months: pd.Series) -> pd.Series:
    """Return months as whole numbers, one apart."""
    dates = pd.to_datetime(months)
    return dates.dt.year * 12 + dates.dt.month


class Recomputed:
    """Figures of an operator's last month, by the page that shows them."""

    def __init__(self, source: Path) -> None:
        names = ("months", "customers", "ledger", "contacts", "campaigns")
        tables = {name: pd.read_parquet(source / "tables" / name) for name in names}
        self.months, self.customers, self.ledger, self.contacts, self.campaigns = tables.values()
        self.customers["left"] = month_number(self.customers["left_month"])
        self.months["at"] = month_number(self.months["month"])
        self.ledger["at"] = month_number(self.ledger["month"])
        self.now = self.months["at"].max()

    @cached_property
    def by_month(self) -> pd.DataFrame:
        """Customers, revenue and leavers of each month."""
        found = self.months.groupby("at").agg(
            customers=("customer_id", "nunique"), revenue=("bill_yuan", "sum")
        )
        left = self.customers["left"].value_counts()
        return found.assign(
            left=left.reindex(found.index).fillna(0), before=found["customers"].shift()
        )

    def overview(self) -> dict[str, float]:
        """Return the overview's cards and what they changed by on a year before."""
        last, before = self.by_month.iloc[-12:], self.by_month.iloc[-24:-12]
        churn = [year["left"].sum() / year["before"].sum() for year in (last, before)]
        arpu = self.by_month["revenue"] / self.by_month["customers"]
        cost = self.ledger.loc[self.ledger["at"] > self.now - 12, "cost_yuan"].sum()
        return {
            "customers": last["customers"].iloc[-1],
            "customers_change": last["customers"].iloc[-1] / before["customers"].iloc[-1] - 1,
            "revenue": last["revenue"].sum(),
            "revenue_change": last["revenue"].sum() / before["revenue"].sum() - 1,
            "arpu": arpu.iloc[-1],
            "arpu_change": arpu.iloc[-1] / arpu.iloc[-13] - 1,
            "churn": churn[0],
            "churn_change": 100 * (churn[0] - churn[1]),
            # The data end with a points year, December to November.
            "points": cost / last["revenue"].sum(),
        }

    @cached_property
    def in_service(self) -> pd.DataFrame:
        """Customers of the last month with their last twelve, rated by the points of last year."""
        here = self.months[self.months["at"] == self.now].set_index("customer_id")
        year = self.months[self.months["at"] > self.now - 12]
        sums = year.groupby("customer_id").agg(
            revenue=("bill_yuan", "sum"), cost=("variable_cost_yuan", "sum"), seen=("at", "size")
        )
        # Cards are set in December on the points year before: the whole yuan of each month's bill.
        scored = self.months[self.months["at"].between(self.now - 23, self.now - 12)]
        points = np.floor(scored["bill_yuan"] + 1e-9).groupby(scored["customer_id"]).sum()
        rows = here[["vip_tier", "star"]].join(sums).join(points.rename("points"))
        rows = rows.join(self.customers.set_index("customer_id")["brand"])
        rows["rated"] = (rows["brand"] == "gotone") & rows["points"].notna()
        least = np.array([one[0] for one in CARDS.values()])
        place = np.searchsorted(least, rows["points"].fillna(0), side="right") - 1
        rows["tier"] = np.where(rows["rated"], np.array(list(CARDS))[place], "none")
        return rows

    def customer_value(self) -> dict[str, float]:
        """Return who holds a card, with what revenue and cost, and what the best tenth bring."""
        rows = self.in_service
        held = rows["tier"] != "none"
        rated = rows[rows["rated"]]
        back = rated["tier"].map({name: one[1] for name, one in CARDS.items()})
        serve = rated["tier"].map({name: one[2] for name, one in CARDS.items()})
        cost = (rated["revenue"] * (POINTS_COST + back) + serve).sum()
        mean = ((rows["revenue"] - rows["cost"]) / rows["seen"]).sort_values(ascending=False)
        curve = np.concatenate([[0.0], mean.cumsum()])
        best = np.interp(len(mean) / 10, np.arange(len(mean) + 1), curve)
        return {
            "holders": held.sum(),
            "holders_share": held.mean(),
            "holders_revenue": rows.loc[held, "revenue"].sum() / rows["revenue"].sum(),
            "tier_serve": serve.sum(),
            "tier_cost": cost,
            "tier_cost_share": cost / rated["revenue"].sum(),
            "top_tenth": best / mean.sum(),
            "as_rated": (rows["tier"] == rows["vip_tier"]).mean(),
        }

    def migration(self) -> dict[str, float]:
        """Return what became of the customers of a year ago, as shares of them."""
        places = {name: place for place, name in enumerate(CARDS)}
        ends = [
            self.months[self.months["at"] == at].set_index("customer_id")["vip_tier"].map(places)
            for at in (self.now - 12, self.now)
        ]
        after = ends[1].reindex(ends[0].index)
        return {
            "up": (after > ends[0]).mean(),
            "down": (after < ends[0]).mean(),
            "left": after.isna().mean(),
            "joined": (~ends[1].index.isin(ends[0].index)).sum(),
        }

    def star_moves(self) -> tuple[int, int]:
        """Return changes of star in twelve months, and the customers behind them."""
        year = self.months[self.months["at"] >= self.now - 12].sort_values(["customer_id", "at"])
        same = year["customer_id"].eq(year["customer_id"].shift())
        moved = same & year["star"].ne(year["star"].shift())
        return int(moved.sum()), year.loc[moved, "customer_id"].nunique()

    def points(self) -> dict[str, float]:
        """Return the points held and what the last two points years cost."""
        into = self.ledger["entry"].isin(["earned", "opening", "transferred_in"])
        held = self.ledger["points"].where(into, -self.ledger["points"]).sum()
        year = self.ledger[self.ledger["at"] > self.now - 12]
        before = self.ledger[self.ledger["at"].between(self.now - 23, self.now - 12)]
        redeemed = year[year["entry"] == "redeemed"]
        return {
            "outstanding": held,
            "balances": self.months.loc[self.months["at"] == self.now, "points_balance"].sum(),
            "last_cost": year["cost_yuan"].sum(),
            "cost_before": before["cost_yuan"].sum(),
            "cost_per_point": redeemed["cost_yuan"].sum() / redeemed["points"].sum(),
        }

    def kept(self) -> dict[str, float]:
        """Return customers kept ÷ treated of each campaign with a random control."""
        held = self.campaigns.loc[self.campaigns["design"] == "holdout", "campaign_id"]
        rows = self.contacts.merge(self.customers[["customer_id", "left"]], on="customer_id")
        rows["after"] = rows["left"] - month_number(rows["assigned_month"])
        rows = rows[~(rows["after"] <= 0)]
        rows["gone"] = (rows["after"] <= WINDOW_MONTHS).astype(float)
        shares = rows.pivot_table(index="campaign_id", columns="arm", values="gone")
        return (shares["control"] - shares["treated"])[held].to_dict()

    def spent(self) -> float:
        """Return what was booked for the treated of all campaigns."""
        return float(self.contacts.loc[self.contacts["arm"] == "treated", "cost_yuan"].sum())

    def left_since(self) -> pd.Series:
        """Return, by month, the share of its customers who left within three months."""
        rows = self.months.merge(self.customers[["customer_id", "left"]], on="customer_id")
        rows["gone"] = (rows["left"] - rows["at"]).between(1, LEAVING_MONTHS)
        return rows.groupby("at")["gone"].mean().loc[: self.now - LEAVING_MONTHS]
