"""What several outcomes could show under one plan: by hand, by simulation, by peers."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cvm.campaigns.design import Plan
from cvm.campaigns.design_sizes import Baseline, size_designs
from cvm.campaigns.effect import REVENUE
from cvm.campaigns.power import events_needed, power_of_events
from cvm.core.checks import ArgumentError, DataError
from cvm.data import collect, open_data
from cvm.data.reduce_campaigns_design import reduce_baseline, reduce_eligible

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
PLAN = Plan(customers=20_000, control_share=0.3, baseline=0.12, effect=-0.02)
BASE = Baseline(
    customers=20_000, window_months=6, churn_share=0.12, revenue_yuan=600.0,
    revenue_deviation_yuan=400.0, explained_share=0.75, branches=11, correlation=0.01,
)  # fmt: skip


@pytest.mark.parametrize(("ratio", "share"), [(0.5, 0.5), (0.8, 0.7), (1.3, 0.4)])
def test_power_of_events_undoes_the_events_needed(ratio, share):
    need = events_needed(ratio, power=0.9, treated_share=share)
    assert power_of_events(need, ratio, treated_share=share) == pytest.approx(0.9, abs=1e-4)
    assert power_of_events(need, 1.0) == pytest.approx(0.05)


def test_the_detectable_effect_is_seen_with_the_power_sought_and_sizes_too():
    table = size_designs(PLAN, BASE).summary().set_index("outcome")

    # The plan's own figures, by the function that R's numbers are tested on.
    assert table.loc["churn", "detectable"] == pytest.approx(-PLAN.detectable)
    assert table.loc["churn", "power"] == pytest.approx(PLAN.power_at(-0.02))
    # A quarter of the variance left halves the detectable effect.
    assert table.loc["revenue_cuped", "detectable"] == pytest.approx(
        table.loc["revenue", "detectable"] / 2, rel=1e-3
    )
    # Eleven branches at 1 % correlation: more customers do not help.
    assert math.isnan(table.loc["branches", "customers_needed"])
    assert table.loc["branches", "power"] < table.loc["churn", "power"]


def test_needed_customers_give_the_power():
    table = size_designs(PLAN, BASE).summary().set_index("outcome")
    need = table.loc["churn", "customers_needed"]

    again = Plan(customers=round(need), control_share=0.3, baseline=0.12, effect=-0.02)

    assert again.power_at(-0.02) == pytest.approx(0.8, abs=1e-3)


def test_the_correlation_of_branches_by_simulation():
    rng = np.random.default_rng(2)
    mean, planted = 0.2, 0.02
    a = mean * (1 / planted - 1)
    shares = rng.beta(a, a * (1 - mean) / mean, 4000)
    left = rng.binomial(50, shares)
    cells = pd.DataFrame(
        {"county": range(4000), "customers": 50, "sum_churned": left, "sum_revenue_yuan": 50.0 * 9,
         "sum_bill_before_yuan": 50.0, "product_churned__churned": left,
         "product_churned__revenue_yuan": 9.0 * left, "product_churned__bill_before_yuan": left,
         "product_revenue_yuan__revenue_yuan": 50.0 * 81,
         "product_revenue_yuan__bill_before_yuan": 50.0 * 9,
         "product_bill_before_yuan__bill_before_yuan": 50.0}
    )  # fmt: skip

    found = Baseline.from_cells(cells, window_months=6)

    assert found.correlation == pytest.approx(planted, abs=0.003)
    assert found.revenue_deviation_yuan == 0
    assert found.explained_share == 0


def test_the_baseline_of_the_sample_is_that_of_its_customers(tmp_path):
    data = open_data(SAMPLE, work=tmp_path).tables
    months, customers = data["months"], data["customers"]
    found = Baseline.from_cells(collect(reduce_baseline(months, customers)), window_months=6)
    panel = months.to_pandas()
    who = customers.to_pandas().set_index("customer_id")["left_month"]
    start = pd.Timestamp("2025-05-01")
    ids = panel.loc[pd.to_datetime(panel["month"]) == start, "customer_id"]
    left = pd.to_datetime(who.reindex(ids))
    window = panel[pd.to_datetime(panel["month"]) > start]
    revenue = window.groupby("customer_id")["bill_yuan"].sum().reindex(ids).fillna(0.0)

    assert found.customers == len(ids)
    assert found.churn_share == pytest.approx(
        ((left > start) & (left <= pd.Timestamp("2025-11-01"))).mean()
    )
    assert found.revenue_yuan == pytest.approx(revenue.mean())
    assert found.revenue_deviation_yuan == pytest.approx(revenue.std())
    eligible = collect(reduce_eligible(months, customers, month=pd.Timestamp("2025-11-01").date()))
    assert len(eligible) == (pd.to_datetime(panel["month"]) == pd.Timestamp("2025-11-01")).sum()
    assert not eligible.isna().any(axis=None)


def test_bad_plans_are_refused():
    with pytest.raises(ArgumentError, match="share that leaves"):
        size_designs(Plan(customers=100, baseline=1, effect=1, deviation=1, outcome=REVENUE), BASE)
    with pytest.raises(DataError, match="followed"):
        Baseline.from_cells(
            pd.DataFrame(columns=["county", "customers", "sum_churned"]), window_months=6
        )


def test_sentences():
    assert "离网" in size_designs(PLAN, BASE).text("zh")
    assert "whole branches" in size_designs(PLAN, BASE).text("en")
    assert BASE.text("zh").startswith("不做活动时")
