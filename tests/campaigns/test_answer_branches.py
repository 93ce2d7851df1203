"""Whole branches as the random control: errors count branches, and say so."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cvm.campaigns.answer import answer_holdout
from cvm.campaigns.answer_branches import assigned_by_branch
from cvm.campaigns.cells import Tables

NAMES = ("churned", "months", "revenue_yuan", "margin_yuan", "cost_yuan", "bill_before_yuan")


def tables(branches, *, mixed=False, tier="none"):
    """Return tables of branches given as (arm, customers, leavers, bill before)."""
    rows = []
    for place, (arm, count, left, bill) in enumerate(branches):
        values = np.zeros((count, len(NAMES)))
        values[:left, 0] = 1.0
        values[:, 1] = 6 - 3 * values[:, 0]
        values[:, 2] = 100 * values[:, 1]
        values[:, 3] = 60 * values[:, 1]
        values[:, 4] = 12.0 if arm == "treated" else 0.0
        values[:, 5] = bill + np.linspace(-5, 5, count)
        row = {
            "campaign_id": "X", "arm": arm, "vip_tier": tier, "county": f"B{place:02d}",
            "reached": True, "customers": count,
        }  # fmt: skip
        row |= {f"sum_{name}": values[:, k].sum() for k, name in enumerate(NAMES)}
        row |= {
            f"product_{NAMES[k]}__{NAMES[j]}": float(values[:, k] @ values[:, j])
            for k in range(len(NAMES))
            for j in range(k, len(NAMES))
        }
        rows.append(row)
    cells = pd.DataFrame(rows)
    if mixed:
        cells.loc[0, "county"] = "B01"
    left_out = cells[["campaign_id", "arm", "customers"]].assign(status="followed")
    campaigns = pd.DataFrame({"campaign_id": ["X"], "name": ["分县活动"], "design": ["holdout"]})
    return Tables(campaigns=campaigns, cells=cells, left_out=left_out, window_months=6)


# Branches differ far more than their customers' luck; the offer does nothing.
LEFT = (30, 55, 22, 20, 40, 60, 28, 25, 45, 70, 25)
WHOLE = [
    ("treated" if place % 2 else "control", 400, left, 80 + place % 3)
    for place, left in enumerate(LEFT)
]


def test_branches_are_told_from_customers():
    assert assigned_by_branch(tables(WHOLE))
    assert not assigned_by_branch(tables(WHOLE, mixed=True).of("X"))
    assert not assigned_by_branch(tables([("treated", 400, 20, 80)] * 3))
    # A handful of customers may lie apart by luck.
    assert not assigned_by_branch(tables([("treated", 5, 1, 80), ("control", 5, 1, 80)]))


def test_the_p_value_is_that_of_every_other_assignment():
    answer = answer_holdout(tables(WHOLE), "X")
    one = answer.effect.headline

    counts, left = np.full(11, 400.0), np.array(LEFT, float)
    actual = np.array([arm == "treated" for arm, *_ in WHOLE])

    def statistic(arm):
        sides = [left[arm] / 400, left[~arm] / 400]
        gap = sides[0].mean() - sides[1].mean()
        return abs(gap) / np.sqrt(sum(side.var(ddof=1) / len(side) for side in sides))

    ways = []
    for chosen in itertools.combinations(range(11), int(actual.sum())):
        arm = np.zeros(11, dtype=bool)
        arm[list(chosen)] = True
        ways.append(statistic(arm))
    expected = np.mean(np.array(ways) >= statistic(actual) * (1 - 1e-9))

    assert one.method == "randomisation"
    assert one.p_value == pytest.approx(expected)
    assert one.effect == pytest.approx(
        left[actual].sum() / counts[actual].sum() - left[~actual].sum() / counts[~actual].sum()
    )
    assert [row.method for row in answer.effect.estimates[:2]] == [
        "randomisation",
        "wild_bootstrap",
    ]
    # Customers counted as independent would have claimed a finding.
    apart = tables(WHOLE, mixed=True)
    treated, control = left[actual].sum(), left[~actual].sum()
    naive = stats.chi2_contingency(
        [[treated, 2_000 - treated], [control, 2_400 - control]], correction=False
    ).pvalue
    assert naive < 0.001 < 0.05 < one.p_value
    assert not assigned_by_branch(apart)


def test_the_sentence_the_checks_and_the_worth_count_branches():
    answer = answer_holdout(tables(WHOLE), "X")
    names = {item.name: item.status for item in answer.checks.items}
    assert names["by_branch"] == "watch"
    assert names["placebo_branches"] == "ok"
    assert "sample_ratio_even" not in names
    assert "5 branches with the offer and 6 without" in answer.checks.text("en")
    assert "误差按分公司" in answer.checks.text("zh")
    assert "no effect on churn can be detected" in answer.text("en")
    assert answer.retention is None
    assert answer.looks is None
    # By hand: scatter of branches, widened to Student's t with nine degrees of freedom.
    shares = np.array(LEFT) / 400
    arm = np.array([name == "treated" for name, *_ in WHOLE])
    variance = sum(shares[side].var(ddof=1) / side.sum() for side in (arm, ~arm))
    factor = (stats.t.ppf(0.975, 9) / stats.norm.ppf(0.975)) ** 2
    assert answer.profit.measured.covariance[1, 1] == pytest.approx(variance * factor)
    assert answer.profit.measured.cost_yuan == 12.0
    assert answer.entry.worked == "none"


def test_bills_that_differed_before_stand_above_the_result():
    unlike = [(arm, count, left, 120 if arm == "treated" else 80 + k % 3)
              for k, (arm, count, left, _) in enumerate(WHOLE)]  # fmt: skip
    answer = answer_holdout(tables(unlike), "X")
    assert "placebo_branches" in [one.name for one in answer.checks.failed]
    assert "Do not rely" in answer.text("en")
    assert answer.entry.evidence == "C"


def test_two_branches_or_no_churn_cannot_tell():
    two = answer_holdout(tables([("treated", 400, 20, 80), ("control", 400, 40, 81)]), "X")
    assert two.effect.headline.reason == "few_clusters"
    assert two.entry.evidence == "D"
    nobody = answer_holdout(tables([(arm, count, 0, bill) for arm, count, _, bill in WHOLE]), "X")
    assert not nobody.effect.headline.can_tell
    assert nobody.profit is None


def test_a_campaign_drawn_by_customer_is_judged_as_before():
    answer = answer_holdout(tables(WHOLE, mixed=True), "X")
    assert answer.effect.headline.method == "difference"
    assert "by_branch" not in [item.name for item in answer.checks.items]
