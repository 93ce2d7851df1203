"""Branches month by month, by hand: who was there, who left, what stayed, who took the offer."""

from datetime import date

import ibis
import pandas as pd
import pytest

from cvm.core.checks import MissingDataError
from cvm.core.months import month_index
from cvm.data import collect
from cvm.data.reduce_campaigns_branches import reduce_branch_months, reduce_branch_starts

MAY, JUNE, JULY = (date(2025, month, 1) for month in (5, 6, 7))


def table(frame):
    found = ibis.memtable(frame)
    dates = [name for name in frame.columns if name.endswith("month")]
    return found.mutate(**{name: found[name].cast("date") for name in dates})


@pytest.fixture
def tables():
    """A stays, B leaves after May, C joins in June; D is of another branch and stays."""
    rows = [
        ("A", MAY, 100.0, 30.0), ("A", JUNE, 80.0, 20.0), ("A", JULY, 90.0, 25.0),
        ("B", MAY, 50.0, 10.0),
        ("C", JUNE, 40.0, 10.0), ("C", JULY, 60.0, 10.0),
        ("D", MAY, 20.0, 5.0), ("D", JUNE, 20.0, 5.0), ("D", JULY, 20.0, 5.0),
    ]  # fmt: skip
    months = pd.DataFrame(rows, columns=["customer_id", "month", "bill_yuan", "variable_cost_yuan"])
    customers = pd.DataFrame(
        {"customer_id": list("ABCD"), "county": ["x", "x", "x", "y"],
         "left_month": [None, JUNE, None, None]}
    )  # fmt: skip
    contacts = pd.DataFrame(
        [
            ("go", "A", MAY, "treated", 3.0, True),
            ("go", "B", MAY, "treated", 5.0, True),
            ("go", "C", JULY, "treated", 3.0, False),
            ("go", "D", JUNE, "control", 0.0, False),
            ("other", "D", MAY, "treated", 9.0, True),
        ],
        columns=["campaign_id", "customer_id", "assigned_month", "arm", "cost_yuan", "accepted"],
    )
    return {
        "months": table(months),
        "customers": table(customers.astype({"left_month": "object"})),
        "contacts": table(contacts),
    }


def test_who_was_there_the_month_before_and_left_and_what_the_others_brought(tables):
    found = collect(reduce_branch_months(tables["months"], tables["customers"]))
    rows = found.set_index(["county", "month_index"])

    june, july = (("x", month_index(month)) for month in (JUNE, JULY))
    assert rows.index.tolist() == [june, july, ("y", june[1]), ("y", july[1])]
    # In May A and B were there; only A is left in June and brings 80, of which 60 is margin.
    assert rows.loc[june, ["at_risk", "left"]].tolist() == [2, 1]
    assert rows.loc[june, ["revenue_yuan", "margin_yuan"]].tolist() == [80.0, 60.0]
    assert rows.loc[june, "revenue_squared"] == 6_400.0
    # A and C were there in June, and both in July.
    assert rows.loc[july, ["at_risk", "left"]].tolist() == [2, 0]
    assert rows.loc[july, "margin_yuan"] == 65.0 + 50.0


def test_a_margin_that_is_not_known_of_all_who_stayed_is_null(tables):
    months = tables["months"]
    unknown = (months.customer_id == "C").ifelse(ibis.null("float64"), months.variable_cost_yuan)
    for asked in (months.drop("variable_cost_yuan"), months.mutate(variable_cost_yuan=unknown)):
        found = collect(reduce_branch_months(asked, tables["customers"]))
        july = found.query("county == 'x'").iloc[-1]
        assert pd.isna(july["margin_yuan"])
        assert july["revenue_yuan"] == 150.0


def test_when_branches_started_what_was_booked_and_who_took_the_offer(tables):
    found = collect(reduce_branch_starts(tables["contacts"], tables["customers"], campaign_id="go"))

    assert found["county"].tolist() == ["x"]
    row = found.iloc[0]
    assert (row["start_index"], row["customers"], row["cost_yuan"]) == (month_index(MAY), 3, 11.0)
    # A and B took it, B left the month after.
    assert (row["accepted"], row["accepted_left"]) == (2, 1)
    plain = collect(
        reduce_branch_starts(
            tables["contacts"].drop("accepted", "cost_yuan"),
            tables["customers"].drop("left_month"),
            campaign_id="go",
        )
    ).iloc[0]
    assert plain[["cost_yuan", "accepted", "accepted_left"]].isna().all()
    with pytest.raises(MissingDataError, match="county"):
        reduce_branch_starts(
            tables["contacts"], tables["customers"].drop("county"), campaign_id="go"
        )
