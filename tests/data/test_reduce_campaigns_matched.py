"""A campaign without a control, by hand: who is at risk, what was before, what came after."""

from datetime import date

import ibis
import pandas as pd
import pytest

from cvm.core.months import add_months, month_index
from cvm.data import collect
from cvm.data.reduce_campaigns_matched import reduce_campaign_contacts, reduce_campaign_rows

FIRST = date(2025, 1, 1)
JUNE, JULY = (month_index(date(2025, month, 1)) for month in (6, 7))


def months_of(customer, bills, first=FIRST, **columns):
    return pd.DataFrame(
        {
            "customer_id": customer,
            "month": [add_months(first, step) for step in range(len(bills))],
            "bill_yuan": [float(bill) for bill in bills],
            "complaints": [0] * len(bills),
            **columns,
        }
    )


@pytest.fixture
def tables():
    # A is contacted in June, B in July, C never, D left in June, E joined in June.
    months = pd.concat(
        [
            months_of(
                "A", [100, 100, 100, 90, 30, 50, 80, 90, 100], complaints=[0] * 4 + [2] + [0] * 4
            ),
            months_of("B", [60] * 8),
            months_of("C", [40] * 9),
            months_of("D", [70] * 5),
            months_of("E", [20] * 4, first=date(2025, 6, 1)),
        ]
    )
    customers = pd.DataFrame(
        {
            "customer_id": list("ABCDE"),
            "left_month": [None, date(2025, 9, 1), None, date(2025, 6, 1), None],
            "joined_month": [date(2024, 6, 1)] * 4 + [date(2025, 6, 1)],
            "handset_until_month": [date(2025, 5, 1), date(2025, 6, 1), None, None, None],
        }
    )
    contacts = pd.DataFrame(
        [
            ("care", "A", date(2025, 6, 1), "treated"),
            ("care", "B", date(2025, 7, 1), "treated"),
            ("care", "D", date(2025, 6, 1), "treated"),
            ("care", "E", date(2025, 6, 1), "treated"),
            ("care", "X", date(2025, 6, 1), "treated"),
            ("care", "C", date(2025, 6, 1), "control"),
            ("sms", "C", date(2025, 4, 1), "treated"),
            ("sms", "A", date(2025, 8, 1), "treated"),
        ],
        columns=["campaign_id", "customer_id", "assigned_month", "arm"],
    )
    named = {"months": months, "customers": customers, "contacts": contacts}
    found = {}
    for name, frame in named.items():
        kinds = {column: "date" for column in frame.columns if column.endswith("month")}
        table = ibis.memtable(frame)
        found[name] = table.mutate(**{c: table[c].cast(kind) for c, kind in kinds.items()})
    return found


def reduced(tables, **options):
    given = {"campaign_id": "care", "window_months": 2} | options
    frame = collect(
        reduce_campaign_rows(tables["months"], tables["customers"], tables["contacts"], **given)
    )
    return frame.set_index(["customer_id", "period"])


def test_who_is_at_risk_in_each_month_of_contact(tables):
    rows = reduced(tables)

    # In June A is contacted, B and C are at risk; D had left, E had no month before.
    assert (
        rows.index.sort_values().tolist()
        == [
            ("A", JUNE),
            ("B", JUNE),
            ("B", JULY),
            ("C", JUNE),
            ("C", JULY),
            ("E", JULY),
        ][: len(rows)]
    )
    assert rows["treated"].to_dict() == {
        key: key in {("A", JUNE), ("B", JULY)} for key in rows.index
    }
    assert rows.loc[("B", JUNE), "contacted_later"]
    assert not rows["contacted_later"].drop(("B", JUNE)).any()


def test_what_was_before_and_after_by_hand(tables):
    a = reduced(tables).loc[("A", JUNE)]

    assert a["before_bill_yuan"] == 30
    assert a["before_bill_fall"] == pytest.approx(1 - 30 / ((100 + 100 + 90) / 3))
    assert a["before_bill_mean_yuan"] == pytest.approx((100 * 3 + 90 + 30) / 5)
    assert (a["before_complaints"], a["before_complaints_recent"]) == (2, 2)
    assert a["before_tenure_months"] == 12
    assert a["before_handset_lock"] == 0
    # July and August: the month of the contact counts for neither.
    assert (a["revenue_yuan"], a["months"], a["churned"]) == (170, 2, 0)
    assert a["kept_bill_yuan"] == 85
    assert (a["observed_months"], a["missing_months"]) == (2, 0)
    # The other campaign came after.
    assert a["before_other_contacts"] == 0


def test_leaving_locks_and_other_campaigns(tables):
    rows = reduced(tables)

    # B left in September: within two months of July, not of June.
    assert rows.loc[("B", JULY), "churned"] == 1
    assert rows.loc[("B", JUNE), "churned"] == 0
    assert rows.loc[("B", JULY), "months"] == 1
    assert rows.loc[("B", JULY), "missing_months"] == 0
    assert rows.loc[("B", JUNE), "before_handset_lock"] == 1
    assert rows.loc[("C", JUNE), "before_other_contacts"] == 1


def test_what_the_tables_lack_is_null_not_zero(tables):
    rows = reduced(tables)

    for name in (
        "before_off_net_share",
        "arrears_stops",
        "vip_tier",
        "county",
        "placebo_off_net_share",
    ):
        assert rows[name].isna().all(), name
    # Nobody has bills of 7–9 months before, in nine months of data.
    assert rows["placebo_bill_yuan"].isna().all()


def test_without_the_month_of_leaving_the_last_month_seen_tells(tables):
    customers = tables["customers"].drop("left_month")

    rows = reduced(tables | {"customers": customers})

    # B's last bill is of August, so B left in September; the others are seen to the end.
    assert rows["churned"].to_dict() == reduced(tables)["churned"].to_dict()
    assert rows.loc[("B", JULY), "churned"] == 1


def test_who_was_held_out_and_what_a_contact_cost(tables):
    rows = reduced(tables)

    assert rows.index[rows["held_out"]].tolist() == [("C", JUNE)]
    assert rows["cost_yuan"].isna().all()
    costs = reduced(tables | {"contacts": tables["contacts"].mutate(cost_yuan=6.5)})["cost_yuan"]
    assert costs.dropna().to_dict() == {("A", JUNE): 6.5, ("B", JULY): 6.5}
    assert rows["accepted"].isna().all()
    contacts = tables["contacts"]
    took = contacts.mutate(accepted=contacts.customer_id == "A")
    accepted = reduced(tables | {"contacts": took})["accepted"]
    assert accepted.dropna().to_dict() == {("A", JUNE): 1.0, ("B", JULY): 0.0}


def test_a_customer_in_both_arms_counts_as_contacted_and_stands_in_one_row(tables):
    both = pd.DataFrame(
        [("care", "A", date(2025, 6, 1), "control")],
        columns=["campaign_id", "customer_id", "assigned_month", "arm"],
    )
    added = ibis.memtable(both)
    added = added.mutate(assigned_month=added.assigned_month.cast("date"))
    rows = reduced(tables | {"contacts": tables["contacts"].union(added)})

    assert not rows.index.duplicated().any()
    assert rows.loc[("A", JUNE), "treated"]
    assert not rows.loc[("A", JUNE), "held_out"]


def test_windows_that_are_not_over_and_missing_months_are_counted(tables):
    long = reduced(tables, window_months=6)
    gap = tables["months"].filter(
        ~((tables["months"].customer_id == "A") & (tables["months"].month == date(2025, 7, 1)))
    )

    assert long.loc[("A", JUNE), "observed_months"] == 3
    assert long.loc[("A", JUNE), "missing_months"] == 0
    assert reduced(tables | {"months": gap}).loc[("A", JUNE), "missing_months"] == 1


def test_contacts_that_cannot_be_judged_are_counted_by_reason(tables):
    found = collect(
        reduce_campaign_contacts(
            tables["months"], tables["customers"], tables["contacts"], campaign_id="care"
        )
    )

    assert dict(zip(found["status"], found["customers"], strict=True)) == {
        "usable": 2,
        "after_leaving": 1,
        "no_month_before": 1,
        "unknown_customer": 1,
    }
