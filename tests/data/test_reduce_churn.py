"""Churn features by hand, and the rule that nothing later than the scoring month is read."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError, MissingDataError
from cvm.data import collect
from cvm.data.reduce_churn import reduce_churn, reduce_churn_rates, reduce_churn_snapshot


def month(text):
    return pd.Timestamp(f"{text}-01").date()


MONTHS = pd.DataFrame(
    {
        "customer_id": ["A"] * 5 + ["B"] * 3 + ["C"] * 2,
        "month": [
            *map(month, ("2025-01", "2025-02", "2025-03", "2025-04", "2025-05")),
            *map(month, ("2025-01", "2025-02", "2025-03")),
            # C was away in March and April.
            *map(month, ("2025-02", "2025-05")),
        ],
        "bill_yuan": [100.0, 200.0, 300.0, 50.0, 400.0, 80.0, 60.0, 30.0, 90.0, 45.0],
        "variable_cost_yuan": [20.0, 40.0, 60.0, 10.0, 80.0, 16.0, 12.0, 6.0, 18.0, 9.0],
        "complaints": [0, 1, 0, 2, 0, 0, 0, 3, 1, 0],
        "off_net_share": [0.1, 0.2, 0.3, 0.8, 0.4, 0.5, 0.5, 0.5, 0.2, 0.6],
        "paid_on_time": [True, False, True, True, True, False, False, True, True, True],
    }
)
CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["A", "B", "C"],
        "joined_month": [month("2024-01"), month("2023-03"), month("2025-02")],
        "left_month": [None, month("2025-04"), None],
        "handset_until_month": [month("2027-03"), month("2025-03"), None],
        "brand": ["gotone", "mzone", None],
        "family_id": ["F1", None, None],
    }
)


def tables():
    # Given as memory tables, columns of months keep their kind.
    kinds = {"joined_month": "date", "left_month": "date", "handset_until_month": "date"}
    return (
        ibis.memtable(MONTHS).cast({"month": "date"}),
        ibis.memtable(CUSTOMERS).cast(kinds),
    )


def reduced(scoring, known_to="2025-05", months=None, customers=None, **options):
    own = tables()
    made = reduce_churn(
        own[0] if months is None else months,
        own[1] if customers is None else customers,
        scoring_months=[month(one) for one in scoring],
        known_to=month(known_to),
        **options,
    )
    return collect(made).sort_values(["customer_id", "month"]).reset_index(drop=True)


def test_features_of_a_month_by_hand():
    row = reduced(["2025-04"]).set_index("customer_id").loc["A"]
    assert row["bill_before_yuan"] == pytest.approx(200)
    assert row["bill_fall_share"] == pytest.approx(0.75)
    assert row["complaints_3m"] == 3
    assert row["late_3m"] == 1
    assert row["off_net_before_share"] == pytest.approx(0.2)
    assert row["margin_yuan"] == pytest.approx((80 + 160 + 240 + 40) / 4)
    assert row["tenure_months"] == 15
    # Twenty-three months to go: signed in this month; a month before it was not signed yet.
    assert bool(row["handset_locked"])
    assert row["handset_left_months"] == 23
    assert not reduced(["2025-03"]).set_index("customer_id").loc["A", "handset_locked"]
    assert (bool(row["in_family"]), row["left"]) == (True, False)


def test_a_customers_first_month_has_no_fall_and_a_rise_is_none():
    rows = reduced(["2025-01", "2025-02"]).set_index(["customer_id", "month"])
    assert rows.loc[("A", "2025-01-01"), "bill_fall_share"] == 0
    assert np.isnan(rows.loc[("A", "2025-01-01"), "bill_before_yuan"])
    assert rows.loc[("A", "2025-02-01"), "bill_fall_share"] == 0


def test_a_gap_in_the_panel_is_not_taken_for_the_month_before():
    row = reduced(["2025-05"]).set_index("customer_id").loc["C"]
    # March and April are missing; February is three months back.
    assert row["bill_before_yuan"] == pytest.approx(90)
    assert row["seen_months"] == 1
    assert row["complaints_3m"] == 0


def test_the_label_is_known_only_within_what_is_known():
    rows = reduced(["2025-01", "2025-02", "2025-03"], horizon_months=2)
    b = rows[rows["customer_id"] == "B"].set_index("month")["left"]
    assert b.tolist() == [False, True, True]
    late = reduced(["2025-04", "2025-05"], horizon_months=1).set_index(["customer_id", "month"])
    assert late.loc[("A", "2025-04-01"), "left"] == False  # noqa: E712
    assert pd.isna(late.loc[("A", "2025-05-01"), "left"])


def test_without_months_of_leaving_the_panel_tells():
    customers = tables()[1].drop("left_month")
    rows = reduced(["2025-03"], customers=customers).set_index("customer_id")["left"]
    assert rows.to_dict() == {"A": False, "B": True}


@pytest.mark.parametrize("scoring", ["2025-02", "2025-03"])
def test_nothing_after_the_scoring_month_is_read(scoring):
    before = reduced([scoring], known_to=scoring)
    months, customers = tables()
    at = month(scoring)
    # The future is another one: bills, complaints, leaving.
    later = months.month > at
    months = months.mutate(
        bill_yuan=later.ifelse(9_999.0, months.bill_yuan),
        complaints=later.ifelse(31, months.complaints),
        off_net_share=later.ifelse(1.0, months.off_net_share),
    )
    customers = customers.mutate(
        left_month=ibis.cases((customers.left_month <= at, customers.left_month))
    )
    pd.testing.assert_frame_equal(
        before, reduced([scoring], known_to=scoring, months=months, customers=customers)
    )
    assert before["left"].isna().all()


def test_columns_an_extract_lacks_are_left_out():
    months, _ = tables()
    rows = reduced(["2025-03"], months=months.select("customer_id", "month", "bill_yuan"))
    assert not {"complaints", "margin_yuan", "late_3m"} & set(rows.columns)


def test_rates_count_everybody_once_a_part():
    months, customers = tables()
    rows = reduce_churn(
        months, customers, scoring_months=[month("2025-02"), month("2025-03")],
        known_to=month("2025-05"),
    )  # fmt: skip
    cells = collect(
        reduce_churn_rates(rows, [("brand", "brand", ()), ("off", "off_net_share", (0.3, 0.5))])
    )
    assert cells.groupby("part")[["customers", "left"]].sum().to_numpy().tolist() == [[5, 1]] * 2
    march = cells[cells["month"] == "2025-03-01"].set_index(["part", "level"])
    assert march.loc[("off", "1"), "customers"] == 1  # A, at 0.3 exactly
    assert march.loc[("off", "2"), ["customers", "left"]].tolist() == [1, 1]
    assert ("brand", "unknown") in cells.set_index(["part", "level"]).index


def test_a_snapshot_gives_its_columns_and_the_label():
    customers = ibis.memtable(
        pd.DataFrame({"customer_id": ["1", "2", "3"], "churned": [True, False, None],
                      "attr_plan": ["a", "b", "c"]})
    )  # fmt: skip
    rows = collect(reduce_churn_snapshot(customers)).sort_values("customer_id")
    assert rows["left"].tolist() == [True, False]
    assert list(rows.columns) == ["customer_id", "attr_plan", "left"]


def test_bad_requests_are_refused():
    months, customers = tables()
    with pytest.raises(ArgumentError, match="none after 2025-03"):
        reduce_churn(
            months, customers, scoring_months=[date(2025, 4, 1)], known_to=date(2025, 3, 1)
        )
    with pytest.raises(MissingDataError, match="bill_yuan"):
        reduce_churn(
            months.drop("bill_yuan"), customers, scoring_months=[date(2025, 3, 1)],
            known_to=date(2025, 3, 1),
        )  # fmt: skip
    with pytest.raises(MissingDataError, match="churned"):
        reduce_churn_snapshot(customers)
