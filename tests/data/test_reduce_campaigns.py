"""Campaigns reduced to small tables: by hand, against the planted truth, and with bad input."""

from datetime import date
from pathlib import Path

import ibis
import pandas as pd
import pytest

from cvm.campaigns.cells import Tables
from cvm.core.checks import ArgumentError
from cvm.data import collect, open_data
from cvm.data import reduce_campaigns as reduce
from cvm.data.reduce_campaigns_contact import (
    collect_campaigns,
    reduce_campaign_exposure,
    reduce_campaign_overlaps,
)
from cvm.data.reduce_campaigns_lives import reduce_campaign_cards
from cvm.data.sample.truth import read_truth

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def month(number):
    return date(2024 + (number - 1) // 12, (number - 1) % 12 + 1, 1)


def operator(customers, *, months=12, assigned=4, skip=(), bad=()):
    """Return tables of customers given as {id: (arm, month of leaving or None)}."""
    panel = [
        {
            "customer_id": name,
            "month": month(at),
            "bill_yuan": float("nan") if (name, at) in bad else 10.0 * at,
            "variable_cost_yuan": 4.0,
            "complaints": at % 2,
            "vip_tier": "gold",
        }
        for name, (_, left) in customers.items()
        for at in range(1, months + 1)
        if (left is None or at < left) and (name, at) not in skip
    ]
    who = [
        {
            "customer_id": name,
            "joined_month": month(1),
            "left_month": None if left is None else month(left),
            "county": "A",
        }
        for name, (_, left) in customers.items()
    ]
    contacts = [
        {
            "campaign_id": "X",
            "customer_id": name,
            "assigned_month": month(assigned),
            "arm": arm,
            "reached": arm == "treated",
        }
        for name, (arm, _) in customers.items()
    ]
    who_frame = pd.DataFrame(who)
    who_frame["left_month"] = pd.to_datetime(who_frame["left_month"])
    frames = [pd.DataFrame(panel), who_frame, pd.DataFrame(contacts)]
    for frame in frames:
        for column in frame.columns:
            if "month" in column:
                frame[column] = pd.to_datetime(frame[column])
    return [
        ibis.memtable(frame).mutate(
            **{c: ibis._[c].cast("date") for c in frame.columns if "month" in c}
        )
        for frame in frames
    ]


def test_a_hand_worked_campaign():
    tables = operator({"a": ("treated", None), "b": ("treated", 7), "c": ("control", 5)})

    cells = collect(reduce.reduce_campaign_cells(*tables, window_months=3, before_months=2))
    cells = cells.set_index("arm")

    # Assigned in month 4; the window is months 5–7, the covariates months 3–4.
    assert cells.loc["treated", "customers"] == 2
    assert cells.loc["treated", "sum_churned"] == 1
    assert cells.loc["treated", "sum_months"] == 3 + 2
    assert cells.loc["treated", "sum_revenue_yuan"] == (50 + 60 + 70) + (50 + 60)
    assert cells.loc["treated", "sum_margin_yuan"] == (46 + 56 + 66) + (46 + 56)
    assert cells.loc["treated", "sum_complaints"] == 2 + 1
    assert cells.loc["treated", "sum_bill_before_yuan"] == 2 * 35
    assert cells.loc["treated", "sum_bill_yuan"] == 2 * 40
    assert cells.loc["treated", "sum_tenure_months"] == 6
    assert cells.loc["control", "sum_churned"] == 1
    assert cells.loc["control", "sum_months"] == 0
    assert cells.loc["control", "sum_revenue_yuan"] == 0


def test_everybody_is_counted_once_and_told_why_not():
    tables = operator(
        {
            "kept": ("treated", None),
            "gone": ("control", 6),
            "gone before": ("treated", 4),
            "gap": ("control", None),
            "no number": ("control", None),
        },
        skip=[("gap", 6)],
        bad=[("no number", 5)],
    )
    months, customers, contacts = tables
    twice = contacts.filter(contacts.customer_id == "kept").mutate(arm=ibis.literal("control"))
    stranger = contacts.filter(contacts.customer_id == "kept").mutate(
        customer_id=ibis.literal("stranger")
    )

    found = collect(
        reduce.reduce_campaign_left_out(
            months, customers, contacts.union(stranger), window_months=3
        )
    )
    clash = collect(
        reduce.reduce_campaign_left_out(months, customers, contacts.union(twice), window_months=3)
    )
    early = collect(reduce.reduce_campaign_left_out(*tables, window_months=9))

    counted = found.set_index(["arm", "status"])["customers"].to_dict()
    assert counted == {
        ("control", "followed"): 1,
        ("control", "missing_months"): 2,
        ("treated", "followed"): 1,
        ("treated", "not_in_service"): 1,
        ("treated", "unknown_customer"): 1,
    }
    assert clash.loc[clash["status"] == "both_arms", "customers"].sum() == 1
    assert set(early["status"]) == {"window_open", "not_in_service"}


def test_without_a_leaving_month_the_last_month_seen_tells():
    months, customers, contacts = operator({"a": ("treated", 7), "b": ("control", None)})

    given = collect(reduce.reduce_campaign_cells(months, customers, contacts, window_months=3))
    seen = collect(
        reduce.reduce_campaign_cells(
            months, customers.drop("left_month"), contacts, window_months=3
        )
    )

    pd.testing.assert_frame_equal(given, seen)


def test_measures_the_tables_lack_are_left_out():
    months, customers, contacts = operator({"a": ("treated", None)})

    cells = collect(
        reduce.reduce_campaign_cells(
            months.drop("variable_cost_yuan", "complaints", "vip_tier"),
            customers.select("customer_id"),
            contacts.drop("reached"),
            window_months=3,
        )
    )

    assert "sum_margin_yuan" not in cells
    assert "sum_complaints" not in cells
    assert cells["vip_tier"].tolist() == ["none"]
    assert cells["county"].tolist() == ["unknown"]
    assert cells["reached"].isna().all()


def test_months_under_observation_by_hand():
    tables = operator({"a": ("treated", None), "b": ("treated", 7), "c": ("control", 5)})

    found = collect(reduce_campaign_exposure(*tables, horizon_months=5))

    rows = found.set_index(["arm", "months_observed", "left"])["customers"].to_dict()
    assert rows == {
        ("treated", 5, False): 1,
        ("treated", 3, True): 1,
        ("control", 1, True): 1,
    }


def test_overlap_looks_both_ways_within_the_window():
    contacts = pd.DataFrame(
        [
            ("X", "a", month(4), "treated"),
            ("Y", "a", month(8), "control"),
            ("Y", "b", month(8), "treated"),
        ],
        columns=["campaign_id", "customer_id", "assigned_month", "arm"],
    )
    contacts["assigned_month"] = pd.to_datetime(contacts["assigned_month"])
    table = ibis.memtable(contacts)

    near = collect(reduce_campaign_overlaps(table, window_months=4))
    far = collect(reduce_campaign_overlaps(table, window_months=3))

    assert near[["campaign_id", "other_campaign", "customers"]].to_numpy().tolist() == [
        ["X", "Y", 1],
        ["Y", "X", 1],
    ]
    assert far.empty


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return open_data(SAMPLE, work=tmp_path_factory.mktemp("prepared")).tables


WINDOWS = {
    "HANDSET-HOLDOUT": 6,
    "SMS-NULL": 6,
    "CREDIT-HOLDOUT": 6,
    "CARE-TARGETED": 4,
}


@pytest.mark.parametrize("window", [4, 6])
def test_what_happened_is_what_the_generator_wrote_down(sample, window):
    truth = read_truth(SAMPLE)
    parts = [sample[name] for name in ("months", "customers", "contacts")]

    cells = collect(reduce.reduce_campaign_cells(*parts, window_months=window))

    for campaign in [name for name, months in WINDOWS.items() if months == window]:
        rows = cells[(cells["campaign_id"] == campaign) & (cells["arm"] == "treated")]
        planted = truth.effect(campaign, "treated")
        customers = rows["customers"].sum()
        assert customers == planted["customers"]
        for measure, name in (
            ("churned", "churn_share_with"),
            ("revenue_yuan", "revenue_yuan_with"),
            ("months", "months_with"),
        ):
            assert rows[f"sum_{measure}"].sum() / customers == pytest.approx(
                planted[name], abs=2e-6
            )


def test_who_is_not_followed_to_the_end_is_counted_apart(sample):
    parts = [sample[name] for name in ("months", "customers", "contacts")]

    found = collect(reduce.reduce_campaign_left_out(*parts, window_months=12))

    family = found[found["campaign_id"] == "FAMILY-ROLLOUT"].set_index("status")["customers"]
    assert family.sum() == read_truth(SAMPLE).campaigns["FAMILY-ROLLOUT"]["funnel"]["treated"]
    # Counties that started in January and March 2025 have fewer than twelve months behind them.
    assert family["window_open"] == 80 + 133


def test_all_tables_of_one_campaign(sample):
    names = ("campaigns", "months", "customers", "contacts")
    tables = Tables(**collect_campaigns(*(sample[name] for name in names)), window_months=6)

    one = tables.of("SMS-NULL")
    control, treated = one.arms()
    funnel = one.contact().set_index("arm")
    exposures = one.exposures()

    truth = read_truth(SAMPLE).campaigns["SMS-NULL"]["funnel"]
    assert (treated.count, control.count) == (truth["treated"], truth["control"])
    assert funnel.loc["treated", "reached"] == truth["reached"]
    assert funnel.loc["treated", "accepted"] == truth["accepted"]
    assert funnel.loc["control", "attempted"] == truth["controls_contacted"]
    assert treated.mean("reached") == pytest.approx(truth["reached"] / truth["treated"])
    assert exposures[1].at_risk[0] == truth["treated"]
    # The share that left within the window, by either table.
    assert 1 - exposures[1].kept[5] == pytest.approx(treated.mean("churned"))
    with pytest.raises(ArgumentError, match="available: FAMILY-ROLLOUT"):
        tables.of("NONE")


def test_moments_from_cells_are_those_of_the_customers(sample):
    parts = [sample[name] for name in ("months", "customers", "contacts")]
    rows = reduce.entrants(*parts, window_months=6)
    frame = rows.filter(
        rows.campaign_id == "CREDIT-HOLDOUT", rows.arm == "control", rows.status == "followed"
    ).to_pandas()
    names = ("campaigns", "months", "customers", "contacts")

    tables = Tables(**collect_campaigns(*(sample[name] for name in names)), window_months=6)
    control, _ = tables.of("CREDIT-HOLDOUT").arms()

    columns = ["churned", "revenue_yuan", "bill_before_yuan", "reached"]
    expected = frame[columns].astype(float).cov()
    for one in columns:
        for other in columns:
            assert control.covariance(one, other) == pytest.approx(expected.loc[one, other])


def test_cards_of_a_campaign_by_hand():
    months, customers, contacts = operator(
        {
            "a": ("treated", None), "b": ("treated", 7), "c": ("control", 6), "d": ("control", 12),
            "e": ("treated", 4), "f": ("control", None),
        },
        skip=[("f", 4)],
    )  # fmt: skip
    paying = customers.mutate(
        payment=ibis.cases((customers.customer_id == "a", "prepaid"), else_="postpaid")
    )
    found = collect(reduce_campaign_cards(months, paying, contacts, window_months=3))
    # e had left when assigned in month 4, f has no row then; d leaves after the window.
    rows = [tuple(row) for row in found.drop(columns="campaign_id").itertuples(index=False)]
    assert rows == [
        ("control", "gold", True, 2, 1),
        ("treated", "gold", False, 1, 0),
        ("treated", "gold", True, 1, 1),
    ]
    # Without cards and ways to pay, what is not known is missing.
    bare = collect(reduce_campaign_cards(months.drop("vip_tier"), customers, contacts))
    assert bare["vip_tier"].tolist() == ["none", "none"]
    assert bare["contract"].isna().all()
