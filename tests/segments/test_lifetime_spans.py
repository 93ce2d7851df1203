"""Spans of service become cohorts: by hand, beside one customer at a time, and nobody is lost."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.core.months import add_months
from cvm.segments.lifetime_earned import earned_by_tier
from cvm.segments.lifetime_spans import read_spans

START, MONTH = date(2025, 1, 1), date(2025, 4, 1)


def spans_of(rows):
    """Return spans from (tier, joined, first, last, customers), months counted from the start."""
    columns = ["vip_tier", "joined_month", "first_month", "last_month", "customers"]
    frame = pd.DataFrame(rows, columns=columns)
    for name in columns[1:4]:
        frame[name] = [
            pd.NaT if pd.isna(k) else pd.Timestamp(add_months(START, int(k))) for k in frame[name]
        ]
    return frame


def test_a_cohort_first_seen_late_starts_at_its_age():
    spans = read_spans(
        spans_of(
            [
                ("gold", -2, 0, 3, 5),
                ("gold", -2, 0, 0, 2),
                ("gold", -2, 0, 1, 1),
                ("gold", 1, 1, 3, 4),
                ("gold", None, 0, 3, 7),  # age unknown
                ("gold", 2, 1, 3, 1),  # joined after he was seen: age unknown as well
            ]
        ),
        MONTH,
        tier="vip_tier",
    )
    frame = spans.cohorts().frame

    old = frame[frame["cohort"] == "2024-11 from 2025-01"]
    assert old["age_periods"].tolist() == [2, 3, 4, 5]
    assert old["customers"].tolist() == [8, 6, 5, 5]
    new = frame[frame["cohort"] == "2025-02"]
    assert new["age_periods"].tolist() == [0, 1, 2]
    assert new["customers"].tolist() == [4, 4, 4]
    assert spans.left_out == 8
    assert spans.today().to_numpy().tolist() == [["gold", 2, 4], ["gold", 5, 5]]


customer = st.tuples(
    st.sampled_from(["gold", "none"]),
    st.integers(-30, 3),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(1, 4),
).filter(lambda row: row[1] <= row[2] <= row[3])


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(customer, min_size=1, max_size=12))
def test_everybody_is_at_risk_in_every_month_he_was_seen_before_the_last(rows):
    spans = read_spans(spans_of(rows), MONTH, tier="vip_tier")
    risk = spans.cohorts().risk()
    # One customer at a time: at risk of the next age in each month seen but the last of all.
    at_risk, lost = {}, {}
    for _, joined, first, last, many in rows:
        for month in range(first, last + 1):
            if month < 3:
                age = month - joined + 1
                at_risk[age] = at_risk.get(age, 0) + many
                lost[age] = lost.get(age, 0) + many * (month == last)

    assert dict(zip(risk.ages, risk.at_risk, strict=True)) == at_risk
    assert dict(zip(risk.ages, risk.lost, strict=True)) == lost
    here = sum(row[4] for row in rows if row[3] == 3)
    assert spans.today()["customers"].sum() == here
    assert spans.frame["customers"].sum() == sum(row[4] for row in rows)


def test_several_columns_make_one_tier_and_none_pools():
    frame = spans_of([("gold", 0, 0, 3, 1), ("none", 0, 0, 3, 2)]).assign(band=[1, 0])

    assert read_spans(frame, MONTH, tier=["vip_tier", "band"]).cohorts().tiers == [
        "gold·1",
        "none·0",
    ]
    assert read_spans(frame, MONTH).cohorts().tiers == ["all"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("gold", 0, 0, 3, 0), "spans.customers == "),
        (("gold", 0, 0, 3, 1.5), "spans.customers == "),
        (("gold", 0, None, 3, 1), "spans.first_month"),
        (("gold", 0, 0, 4, 1), "spans.last_month"),
        (("gold", 0, 2, 1, 1), "spans.last_month"),
    ],
)
def test_spans_that_cannot_be_are_named(row, message):
    with pytest.raises(DataError, match=message):
        read_spans(spans_of([("gold", 0, 0, 3, 1), row]), MONTH)


def test_nothing_to_read_is_said():
    with pytest.raises(DataError, match="no rows"):
        read_spans(spans_of([]), MONTH)
    with pytest.raises(MissingDataError, match="star"):
        read_spans(spans_of([("gold", 0, 0, 3, 1)]), MONTH, tier="star")
    with pytest.raises(DataError, match="3 customers without a joining month"):
        read_spans(spans_of([("gold", None, 0, 3, 3)]), MONTH).cohorts()


def margins_of(frame):
    """Return the sums that the engine makes, from customer, tier, months, revenue and margin."""
    rows = frame.assign(
        customers=1,
        months_squared=frame["n"] ** 2,
        revenue_squared=frame["revenue"] ** 2,
        revenue_months=frame["revenue"] * frame["n"],
        margin_squared=frame["margin"] ** 2,
        margin_months=frame["margin"] * frame["n"],
    ).rename(columns={"n": "customer_months", "revenue": "revenue_yuan", "margin": "margin_yuan"})
    return rows.groupby("vip_tier", as_index=False).sum(numeric_only=True)


def test_the_error_of_a_month_is_that_of_a_regression_clustered_by_customer():
    """A mean month and its error are statsmodels' intercept, clustered by customer."""
    rng = np.random.default_rng(5)
    months = rng.integers(1, 9, 60)
    owner = np.repeat(np.arange(60), months)
    bill = rng.gamma(5, 20, 60)[owner] + rng.normal(0, 5, len(owner))
    each = pd.DataFrame({"c": owner, "bill": bill}).groupby("c")["bill"].agg(["size", "sum"])
    found = earned_by_tier(
        margins_of(
            pd.DataFrame(
                {"vip_tier": "gold", "n": each["size"], "revenue": each["sum"],
                 "margin": 0.6 * each["sum"]}
            )
        ),
        tier="vip_tier",
        cost_to_serve_yuan={"gold": 3.0},
    )  # fmt: skip
    fit = sm.OLS(0.6 * bill, np.ones(len(bill))).fit(cov_type="cluster", cov_kwds={"groups": owner})

    assert found["margin_yuan"].tolist() == pytest.approx([fit.params[0]])
    assert found["error_yuan"].tolist() == pytest.approx([fit.bse[0]])
    assert found["earned_yuan"].tolist() == pytest.approx([fit.params[0] - 3])


def test_a_stated_share_takes_the_place_of_costs():
    rows = pd.DataFrame(
        {
            "vip_tier": ["gold", "gold", "vip"],
            "n": [2.0, 2.0, 0.0],
            "revenue": [100.0, 300.0, 0.0],
            "margin": [np.nan] * 3,
        }
    )
    margins = margins_of(rows).assign(margin_yuan=np.nan)
    found = earned_by_tier(margins, tier="vip_tier", margin_share=-0.1).set_index("tier")

    assert found.loc["gold", "earned_yuan"] == pytest.approx(-10)
    # Means of 50 and 150: standard deviation 50 √2, error of their mean 50, times the share.
    assert found.loc["gold", "error_yuan"] == pytest.approx(5)
    # A tier without a later month has no figure, and is still there.
    assert found.loc["vip", ["customers", "customer_months"]].tolist() == [1, 0]
    assert np.isnan(found.loc["vip", "earned_yuan"])
    with pytest.raises(ArgumentError, match="margin_share"):
        earned_by_tier(margins, tier="vip_tier")
    with pytest.raises(ArgumentError, match=r"cost_to_serve_yuan\[gold\]"):
        earned_by_tier(margins, tier="vip_tier", margin_share=0.4, cost_to_serve_yuan={"gold": -1})
