"""Every reduction gives the same small table on DuckDB and on Spark."""

import importlib
import os
import pkgutil
import shutil
from datetime import date
from pathlib import Path

import ibis.expr.types as ir
import pandas as pd
import pytest

import cvm.data
from cvm.data import collect, open_data
from cvm.data import reduce_campaigns as campaigns
from cvm.data import reduce_campaigns_branches as branches
from cvm.data import reduce_campaigns_contact as contact
from cvm.data import reduce_campaigns_design as campaign_design
from cvm.data import reduce_campaigns_lives as lives
from cvm.data import reduce_campaigns_matched as matched
from cvm.data import reduce_campaigns_scorecard as scorecard
from cvm.data import reduce_churn as churn
from cvm.data import reduce_overview as overview
from cvm.data import reduce_points as points
from cvm.data import reduce_points_behaviour as behaviour
from cvm.data import reduce_points_ledger as ledger
from cvm.data import reduce_points_members as members
from cvm.data import reduce_points_pressure as pressure
from cvm.data import reduce_points_vintages as vintages
from cvm.data import reduce_quality as quality
from cvm.data import reduce_recharges as recharges
from cvm.data import reduce_segments as segments
from cvm.data import reduce_segments_lifetime as lifetime
from cvm.data import reduce_segments_migration as migration
from cvm.data import reduce_segments_shapes as shapes
from cvm.data import reduce_warning as warning
from cvm.data.panel_load import load_panel
from cvm.segments.scenes import SceneRules
from cvm.segments.tierbook_read import open_tierbook
from cvm.segments.tiers_rules import Score

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
LAST = date(2025, 11, 1)

BOOK = open_tierbook("sample")
GRACE = BOOK.with_ladder("stars", grace_months=2, most_steps_down=1)
SPEND = BOOK.with_ladder("corporate", score=Score(account_bill_yuan=1))
BANDS = {"voice_yuan": (50.0, 100.0), "age_years": (25, 45)}

REDUCTIONS = {
    "reduce_months": lambda t: overview.reduce_months(t["months"], t["customers"]),
    "reduce_months, customers unknown": lambda t: overview.reduce_months(t["months"]),
    "reduce_groups by card": lambda t: overview.reduce_groups(
        t["months"], t["customers"], "vip_tier", LAST
    ),
    "reduce_groups by county": lambda t: overview.reduce_groups(
        t["months"], t["customers"], "county", LAST, window_months=6
    ),
    "reduce_points_months": lambda t: overview.reduce_points_months(t["ledger"]),
    "reduce_coverage": lambda t: quality.reduce_coverage(t["months"]),
    "reduce_bills": lambda t: quality.reduce_bills(t["months"], LAST),
    "reduce_snapshot": lambda t: quality.reduce_snapshot(
        t["customers"].mutate(
            churned=t["customers"].left_month.notnull(), tenure_months=t["customers"].age_years
        )
    ),
    "reduce_churn": lambda t: churn.reduce_churn(
        t["months"], t["customers"], scoring_months=[date(2025, 8, 1), LAST], known_to=LAST
    ).order_by("customer_id", "month"),
    "reduce_churn, months alone tell who left": lambda t: churn.reduce_churn(
        t["months"].select("customer_id", "month", "bill_yuan"),
        t["customers"].select("customer_id"),
        scoring_months=[date(2025, 6, 1)],
        known_to=LAST,
        horizon_months=3,
    ).order_by("customer_id"),
    "reduce_churn_snapshot": lambda t: churn.reduce_churn_snapshot(
        t["customers"].mutate(churned=t["customers"].left_month.notnull().cast("int64") == 1)
    ).order_by("customer_id"),
    "reduce_churn_rates": lambda t: churn.reduce_churn_rates(
        churn.reduce_churn(
            t["months"], t["customers"], scoring_months=[date(2025, 8, 1)], known_to=LAST
        ),
        [("tariff", "tariff", ()), ("off_net", "off_net_share", (0.3, 0.5))],
    ),
    "reduce_signals": lambda t: warning.reduce_signals(
        t["months"], at=LAST, customers=t["customers"]
    ).order_by("customer_id"),
    "reduce_signals, by week": lambda t: warning.reduce_signals(
        t["months"].mutate(day=t["months"].month).drop("month"),
        at=LAST,
        period="week",
        periods_before=9,
    ).order_by("customer_id"),
    "reduce_segments_cells": lambda t: segments.reduce_segments_cells(
        t["months"],
        t["customers"],
        t["accounts"],
        t["ledger"],
        month=LAST,
        ladders=GRACE.terms(LAST),
        bands=BANDS,
        scenes=SceneRules().terms(),
    ),
    "reduce_segments_cells by county": lambda t: segments.reduce_segments_cells(
        t["months"], t["customers"], month=LAST, by=("county", "star")
    ),
    "reduce_segments_cells by the account's spend": lambda t: segments.reduce_segments_cells(
        t["months"], t["customers"], month=LAST, ladders=SPEND.terms(LAST)
    ),
    "reduce_segments_scores": lambda t: segments.reduce_segments_scores(
        t["months"], t["customers"], month=LAST, ladder=BOOK.terms(LAST)["stars"], step=5
    ),
    "reduce_segments_spread": lambda t: segments.reduce_segments_spread(
        t["months"], month=LAST, columns=["voice_yuan", "margin_yuan"], step=2.0
    ),
    "reduce_segments_kept": lambda t: segments.reduce_segments_kept(
        t["months"],
        t["customers"],
        month=LAST,
        bands=BANDS,
        scenes=SceneRules().terms(),
        window_months=6,
    ),
    "reduce_segments_rfm": lambda t: shapes.reduce_segments_rfm(t["months"], month=LAST),
    "reduce_segments_rfm_kept": lambda t: shapes.reduce_segments_rfm_kept(
        t["ledger"].filter(lambda rows: rows.entry == "redeemed"),
        month=LAST,
        amount="points",
        bounds={"recency_months": 5, "frequency": 3, "amount_bin": 160},
    ),
    "reduce_segments_cohorts": lambda t: shapes.reduce_segments_cohorts(
        t["months"], t["customers"], month=LAST
    ),
    "reduce_segments_snapshot": lambda t: shapes.reduce_segments_snapshot(
        t["customers"], column="age_years", step=5
    ),
    "segment_features": lambda t: shapes.segment_features(
        t["months"], month=LAST, most_customers=200
    ),
    "reduce_ledger": lambda t: quality.reduce_ledger(t["ledger"]),
    "reduce_campaign_rows": lambda t: matched.reduce_campaign_rows(
        t["months"],
        t["customers"],
        t["contacts"],
        campaign_id="CARE-TARGETED",
        window_months=4,
    ),
    "reduce_campaign_rows, few columns": lambda t: matched.reduce_campaign_rows(
        t["months"].select("customer_id", "month", "bill_yuan"),
        t["customers"].select("customer_id"),
        t["contacts"],
        campaign_id="SMS-NULL",
        window_months=6,
    ),
    "reduce_campaign_contacts": lambda t: matched.reduce_campaign_contacts(
        t["months"], t["customers"], t["contacts"], campaign_id="FAMILY-ROLLOUT"
    ),
    "reduce_points_flows": lambda t: points.reduce_points_flows(
        t["ledger"], t["months"], t["customers"], by=("vip_tier", "county")
    ),
    "reduce_points_flows, months alone": lambda t: points.reduce_points_flows(
        t["ledger"], t["months"], by=()
    ),
    "reduce_points_channels": lambda t: points.reduce_points_channels(t["ledger"], t["months"]),
    "reduce_points_behaviour": lambda t: behaviour.reduce_points_behaviour(
        t["ledger"], t["months"], threshold_points=3_500, clearing_years=2
    ),
    "reduce_points_behaviour, points live 24 months": lambda t: behaviour.reduce_points_behaviour(
        t["ledger"], t["months"], threshold_points={LAST: 1_000}, exceed=False, life_months=24
    ),
    "reduce_points_pressure": lambda t: pressure.reduce_points_pressure(
        t["months"], threshold_points=3_500
    ),
    "reduce_points_vintages": lambda t: vintages.reduce_points_vintages(t["ledger"]),
    "reduce_first_month": lambda t: ledger.reduce_first_month(t["ledger"]),
    "reduce_points_cost": lambda t: ledger.reduce_points_cost(t["ledger"]),
    "reduce_revenue": lambda t: ledger.reduce_revenue(t["months"]),
    "reduce_holders": lambda t: ledger.reduce_holders(t["ledger"], LAST),
    "reduce_points_members": lambda t: members.reduce_points_members(
        t["months"], t["customers"], t["ledger"], first_month=LAST
    ).order_by("customer_id"),
    "reduce_points_lots": lambda t: members.reduce_points_lots(
        t["ledger"], first_month=LAST
    ).order_by("customer_id", "lot_index"),
    "reduce_points_lots by class": lambda t: members.reduce_points_lots(
        t["ledger"], first_month=LAST, by_class=True
    ).order_by("customer_id", "point_class", "lot_index"),
    "reduce_points_leaving": lambda t: members.reduce_points_leaving(
        t["months"], t["customers"], first_month=LAST
    ),
    "reduce_tier_moves": lambda t: migration.reduce_tier_moves(t["months"], month=LAST),
    "reduce_tier_flows": lambda t: migration.reduce_tier_flows(t["months"], months_to=[LAST]),
    "reduce_tier_months": lambda t: migration.reduce_tier_months(
        t["months"], month=LAST, window_months=3, column="star"
    ),
    "reduce_tier_ages": lambda t: migration.reduce_tier_ages(
        t["months"], t["customers"], month=LAST, years=2, column="star"
    ),
    "reduce_lifetime_spans": lambda t: lifetime.reduce_lifetime_spans(
        t["months"], t["customers"], start=date(2024, 12, 1), month=LAST
    ),
    "reduce_lifetime_spans by usage": lambda t: lifetime.reduce_lifetime_spans(
        t["months"],
        t["customers"],
        start=date(2024, 12, 1),
        month=LAST,
        by=(),
        bands={"voice_yuan": (50.0, 100.0)},
    ),
    "reduce_lifetime_margins": lambda t: lifetime.reduce_lifetime_margins(
        t["months"], t["customers"], start=date(2024, 12, 1), month=LAST
    ),
    "reduce_purchases": lambda t: lifetime.reduce_purchases(
        t["months"],
        t["customers"],
        month=date(2025, 5, 1),
        amount="bill_yuan",
        ahead_months=6,
    ),
    "reduce_purchase_spend": lambda t: lifetime.reduce_purchase_spend(
        t["months"], t["customers"], month=LAST, amount="bill_yuan"
    ),
    "reduce_recharge_days": lambda t: recharges.reduce_recharge_days(t["recharges"], month=LAST),
    "reduce_recharges": lambda t: recharges.reduce_recharges(
        t["recharges"], t["customers"], month=date(2025, 5, 1), ahead_months=6, step_days=7
    ),
    "reduce_recharge_spend": lambda t: recharges.reduce_recharge_spend(
        t["recharges"], t["customers"], month=LAST
    ),
    "reduce_branch_months": lambda t: branches.reduce_branch_months(t["months"], t["customers"]),
    "reduce_branch_starts": lambda t: branches.reduce_branch_starts(
        t["contacts"], t["customers"], campaign_id="FAMILY-ROLLOUT"
    ),
    "reduce_campaign_cells": lambda t: campaigns.reduce_campaign_cells(
        t["months"], t["customers"], t["contacts"]
    ),
    "reduce_scorecard": lambda t: scorecard.reduce_scorecard(
        t["customers"].mutate(
            arm=(t["customers"].gender == "female").ifelse("treated", "control"),
            left=t["customers"].left_month.notnull(),
        ),
        [("left", "age_years")],
        near={"age_years": 40.0},
    ),
    "reduce_campaign_cards": lambda t: lives.reduce_campaign_cards(
        t["months"], t["customers"], t["contacts"], window_months=4
    ),
    "reduce_campaign_left_out": lambda t: campaigns.reduce_campaign_left_out(
        t["months"], t["customers"], t["contacts"], window_months=9
    ),
    "reduce_campaign_before": lambda t: campaigns.reduce_campaign_before(
        t["months"], t["customers"], t["contacts"], placebo_months=3
    ),
    "reduce_baseline": lambda t: campaign_design.reduce_baseline(t["months"], t["customers"]),
    "reduce_eligible": lambda t: campaign_design.reduce_eligible(
        t["months"], t["customers"], month=LAST
    ),
    "reduce_campaign_funnel": lambda t: contact.reduce_campaign_funnel(t["contacts"]),
    "reduce_campaign_overlaps": lambda t: contact.reduce_campaign_overlaps(t["contacts"]),
    "reduce_campaign_exposure": lambda t: contact.reduce_campaign_exposure(
        t["months"], t["customers"], t["contacts"]
    ),
}


def _needs_spark() -> None:
    if shutil.which("java") is None and "CI" not in os.environ:
        pytest.skip("Java is not installed, so Spark cannot run; install Java 17 to run this test")


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    _needs_spark()
    work = tmp_path_factory.mktemp("prepared")
    return {
        engine: open_data(SAMPLE, engine=engine, work=work).tables
        for engine in ("duckdb", "local[2]")
    }


@pytest.mark.spark
@pytest.mark.parametrize("name", REDUCTIONS)
def test_a_reduction_is_the_same_on_both_engines(name, engines):
    by_engine = {engine: collect(REDUCTIONS[name](tables)) for engine, tables in engines.items()}

    assert len(by_engine["duckdb"]) > 0
    pd.testing.assert_frame_equal(by_engine["duckdb"], by_engine["local[2]"], rtol=1e-12)


@pytest.mark.spark
def test_a_panel_is_the_same_from_either_engine(engines):
    rated = []
    for tables in engines.values():
        held = load_panel(tables["months"], tables["customers"], first_month=date(2024, 12, 1))
        stars = {"stars": BOOK.terms(LAST)["stars"]}
        rated.append(collect(segments.reduce_segments_cells(held, month=LAST, ladders=stars)))

    pd.testing.assert_frame_equal(*rated)


def test_no_reduction_is_left_out():
    public = {
        name
        for module in pkgutil.iter_modules(cvm.data.__path__)
        if module.name.startswith("reduce_")
        for name, value in vars(importlib.import_module(f"cvm.data.{module.name}")).items()
        if name.startswith("reduce_") and callable(value)
    }

    tried = {name.split(",")[0].split(" ")[0] for name in REDUCTIONS}
    assert public == {name for name in tried if name.startswith("reduce_")}


def test_a_reduction_is_an_expression_not_a_result(tmp_path):
    tables = open_data(SAMPLE, work=tmp_path).tables

    assert all(isinstance(make(tables), ir.Table) for make in REDUCTIONS.values())
