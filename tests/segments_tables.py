"""Small customer-month tables for the tests of value segments, and a plain way to rate them."""

from __future__ import annotations

from datetime import date

import ibis
import pandas as pd

from cvm.core.months import add_months, month_index

MONTHS_COLUMNS = {
    "bill_yuan": 100.0,
    "variable_cost_yuan": 30.0,
    "voice_yuan": 60.0,
    "data_yuan": 30.0,
    "voice_minutes": 300.0,
    "roaming_minutes": 0.0,
    "arrears_stops": 0,
    "paid_on_time": True,
}


def panel(customers: dict[str, dict], last: date, *, months: int = 12) -> ibis.Table:
    """Return a month table: each customer's columns are one value, or a list up to ``last``."""
    rows = []
    for customer, given in customers.items():
        size = max([len(v) for v in given.values() if isinstance(v, list)], default=months)
        for at in range(size):
            row = {"customer_id": customer, "month": add_months(last, at + 1 - size)}
            for name, usual in MONTHS_COLUMNS.items():
                value = given.get(name, usual)
                row[name] = value[at] if isinstance(value, list) else value
            rows.append(row)
    return as_table(pd.DataFrame(rows), "month")


def people(customers: dict[str, dict]) -> ibis.Table:
    """Return a customers table; every customer joined in 2020-01 unless it says otherwise."""
    usual = {
        "joined_month": date(2020, 1, 1),
        "brand": "gotone",
        "customer_type": "personal",
        "county": "east",
        "age_years": 40,
        "account_id": None,
    }
    frame = pd.DataFrame([{"customer_id": name} | usual | row for name, row in customers.items()])
    return as_table(frame, "joined_month").mutate(account_id=ibis._.account_id.cast("string"))


def as_table(frame: pd.DataFrame, *dates: str) -> ibis.Table:
    """Return an Ibis table whose named columns are dates."""
    frame = frame.copy()
    for name in dates:
        frame[name] = pd.to_datetime(frame[name])
    return ibis.memtable(frame).mutate(**{name: ibis._[name].cast("date") for name in dates})


def sample_star(months: pd.DataFrame, customer: pd.Series, month: date) -> int:
    """Rate one customer by the sample operator's stars, in plain words; −1 is unrated.

    Score: average monthly bill of the last 12 months + months since joining + 20 for a family plan
    or corporate account + 30 for 12 months paid on time − 10 for each arrears stop; both bonuses
    together at most 50. Stars from 90, 150, 210, 290, 420; three stops allow three stars; rated
    after three months.
    """
    index = months["month"].map(lambda value: month_index(value.date()))
    window = months[(index > month_index(month) - 12) & (index <= month_index(month))]
    joined = customer["joined_month"]
    tenure = month_index(month) - month_index(joined.date())
    if tenure < 3 or window.empty:
        return -1
    stops = int(window["arrears_stops"].sum())
    bonus = 20 * (customer["customer_type"] != "personal") + 30 * (
        int(window["paid_on_time"].sum()) == 12
    )
    score = round(window["bill_yuan"].sum() / len(window), 6) + tenure + min(bonus, 50) - 10 * stops
    level = sum(score >= cut for cut in (90, 150, 210, 290, 420))
    return min(level, 3) if stops >= 3 else level
