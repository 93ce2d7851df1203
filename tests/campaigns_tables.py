"""Hand-made tables of the campaigns page: one of each design, one null, one that cannot tell."""

import pandas as pd

from cvm.campaigns.effect import CHURN, Estimate, cannot_tell
from cvm.campaigns.portfolio import profit_of_row
from cvm.campaigns.register import Register, entry_of
from target_tables import targets_table

INFO = {
    "first_month": "2022-12-01",
    "last_month": "2025-11-01",
    "created": "2026-01-15T09:00:00+08:00",
}


def life(value=None, error=None, share=None, customers=None):
    """Return the second reading's columns; missing where no lifetime value is known."""
    known = value is not None
    return {
        "kept_value_se_yuan": 0.0, "life_value_yuan": value, "life_value_se_yuan": error,
        "life_known_share": share, "life_customers": customers,
        "life_months": 60 if known else None, "life_churn_share": 0.012 if known else None,
        "life_margin_yuan": 48.0 if known else None,
    }  # fmt: skip


WORTH = [
    {
        "campaign_id": "HANDSET", "customers": 4_000, "window_months": 6, "margin_yuan": 12.0,
        "kept_share": 0.03, "cost_yuan": 15.0, "monthly_margin_yuan": 60.0,
        "monthly_churn_share": 0.02, "confidence": 0.95, "cov_margin_margin": 9.0,
        "cov_margin_kept": 0.012, "cov_margin_cost": 0.02, "cov_kept_kept": 8e-5,
        "cov_kept_cost": 1e-5, "cov_cost_cost": 0.06, "horizon_months": 24,
        "discount_yearly": 0.1, "kept_churn_times": 1.5, "kept_value_yuan": None,
        **life(1_650.0, 190.0, 0.6, 210),
    },
    {
        "campaign_id": "SMS", "customers": 6_000, "window_months": 6, "margin_yuan": -0.5,
        "kept_share": 0.001, "cost_yuan": 1.2, "monthly_margin_yuan": 55.0,
        "monthly_churn_share": 0.022, "confidence": 0.95, "cov_margin_margin": 6.0,
        "cov_margin_kept": 0.01, "cov_margin_cost": 0.0, "cov_kept_kept": 6e-5,
        "cov_kept_cost": 0.0, "cov_cost_cost": 0.001, "horizon_months": 24,
        "discount_yearly": 0.1, "kept_churn_times": 1.5, "kept_value_yuan": None,
        **life(),
    },
    {
        "campaign_id": "RECHARGE", "customers": 900, "window_months": 4, "margin_yuan": 8.0,
        "kept_share": 0.05, "cost_yuan": 40.0, "monthly_margin_yuan": 50.0,
        "monthly_churn_share": 0.03, "confidence": 0.95, "cov_margin_margin": 16.0,
        "cov_margin_kept": 0.014, "cov_margin_cost": 0.0, "cov_kept_kept": 1.4e-4,
        "cov_kept_cost": 0.0, "cov_cost_cost": 0.0, "horizon_months": 24,
        "discount_yearly": 0.1, "kept_churn_times": 1.5, "kept_value_yuan": None,
        **life(2_100.0, 260.0, 1.0, 900),
    },
    {
        "campaign_id": "FAMILY", "customers": 8_000, "window_months": 12, "margin_yuan": 20.0,
        "kept_share": 0.04, "cost_yuan": 8.0, "monthly_margin_yuan": 100.0,
        "monthly_churn_share": 0.02, "confidence": 0.95, "cov_margin_margin": 200.0,
        "cov_margin_kept": 0.2, "cov_margin_cost": 0.0, "cov_kept_kept": 4e-4,
        "cov_kept_cost": 0.0, "cov_cost_cost": 0.0, "horizon_months": 24,
        "discount_yearly": 0.1, "kept_churn_times": 1.5, "kept_value_yuan": None,
        **life(),
    },
]  # fmt: skip


def campaign(name, label, offer, design, month):
    return {
        "campaign_id": name,
        "name": label,
        "offer": offer,
        "design": design,
        "start_month": pd.Timestamp(month),
    }


def churn(effect, se, p_value, treated, control):
    return Estimate(
        outcome=CHURN, effect=effect, se=se, low=effect - 1.96 * se, high=effect + 1.96 * se,
        p_value=p_value, treated_count=treated, control_count=control,
    )  # fmt: skip


def registers():
    """Return the register rows of the notebooks with and without a control."""
    handset = campaign("HANDSET", "定制终端保有", "handset", "holdout", "2024-03-01")
    sms = campaign("SMS", "增值业务短信推荐", "value_added", "holdout", "2025-01-01")
    care = campaign("CARE", "话费骤减关怀回访", "care_call", "targeted", "2024-07-01")
    with_control = (
        entry_of(handset, churn(-0.03, 0.009, 0.0009, 4000, 1700), evidence="A",
                 **profit_of_row(WORTH[0]).money()),
        entry_of(sms, churn(-0.001, 0.0077, 0.9, 6000, 6000), evidence="C",
                 failed_checks=["balance"], **profit_of_row(WORTH[1]).money()),
    )  # fmt: skip
    recharge = campaign("RECHARGE", "预存话费回馈", "prepay_handset", "targeted", "2024-10-01")
    without = (
        entry_of(care, cannot_tell(CHURN, "few_events", treated_count=93), evidence="D"),
        entry_of(recharge, churn(-0.05, 0.012, 0.0001, 900, 2700), evidence="B",
                 **profit_of_row(WORTH[2]).money()),
    )  # fmt: skip
    family = campaign("FAMILY", "家庭套餐分县推广", "family_plan", "staggered", "2023-11-01")
    by_branch = (
        entry_of(family, churn(-0.04, 0.02, 0.046, 8000, 1600), evidence="B",
                 **profit_of_row(WORTH[3]).money()),
    )  # fmt: skip
    entries = (with_control, without, by_branch)
    return tuple(Register(entries=one).summary() for one in entries)


def designs(name, effects, *, verdict="agree"):
    """Return designs on record; the last is a naive reading."""
    rows = [
        {"campaign_id": name, "design": design, "customers": 900, "effect": effect, "se": 0.012,
         "low": effect - 0.0235, "high": effect + 0.0235, "p_value": 0.001 if effect < -0.024
         else 0.4, "naive": False, "verdict": verdict, "verdict_p": 0.8, "reason": None}
        for design, effect in effects.items()
    ]  # fmt: skip
    rows[-1]["naive"] = True
    return rows


def estimates():
    rows = []
    for name, base in (("HANDSET", -0.03), ("SMS", -0.001)):
        for row, times, customers in (
            ("as_assigned", 1.0, 1700), ("reached", 1.5, 1700), ("gold", 1.2, 120),
            ("none", 0.9, 1500),
        ):  # fmt: skip
            effect = base * times
            rows.append(
                {"campaign_id": name, "row": row, "customers": customers, "effect": effect,
                 "low": effect - 0.02, "high": effect + 0.02, "treated_mean": 0.09,
                 "control_mean": 0.12, "detected": effect < -0.02, "reason": None}
            )  # fmt: skip
        # Withheld when published; and one that has nothing to tell.
        rows.append({"campaign_id": name, "row": "diamond"})
        rows.append({"campaign_id": name, "row": "vip", "customers": 30, "reason": "few_events"})
    return pd.DataFrame(rows)


def campaigns_tables(*, without_control=True):
    """Return the published tables by name; withheld cells are missing."""
    held, targeted, by_branch = registers()
    steps = (("assigned", 4000), ("attempted", 3700), ("reached", 2600), ("accepted", 900))
    curves = [
        {"campaign_id": "HANDSET", "arm": arm, "since": month, "customers": 1700,
         "kept_share": 1 - rate * month, "low": 0.8, "high": 1.0}
        for arm, rate in (("treated", 0.015), ("control", 0.02))
        for month in range(7)
    ]  # fmt: skip
    checks = [
        {"campaign_id": "HANDSET", "check": name, "status": "ok", "customers": 4000}
        for name in ("sample_ratio", "balance", "placebo")
    ] + [{"campaign_id": "SMS", "check": "balance", "status": "failed", "customers": 6000}]
    tables = {
        "targets": targets_table(),
        "campaign_with_control": held,
        "campaign_with_control_estimates": estimates(),
        "campaign_with_control_funnel": pd.DataFrame(
            [{"campaign_id": "HANDSET", "step": s, "customers": c} for s, c in steps]
        ),
        "campaign_with_control_curves": pd.DataFrame(curves),
        "campaign_with_control_checks": pd.DataFrame(checks),
        "campaign_with_control_worth": pd.DataFrame(WORTH[:2]),
    }
    if not without_control:
        return tables
    beside = {"aipw_cross_fitted": -0.05, "matched": -0.046, "ipw": -0.052, "naive": 0.01}
    proof = {"randomised": -0.03, "matched": -0.026, "naive": -0.06}
    starts = {"staggered": -0.04, "synthetic": -0.035, "branch_before_after": -0.07}
    return tables | {
        "campaign_without_control": targeted,
        "campaign_without_control_designs": pd.DataFrame(
            designs("RECHARGE", beside) + designs("HANDSET", proof)
        ),
        "campaign_without_control_balance": pd.DataFrame(
            {"campaign_id": "RECHARGE", "customers": 900,
             "covariate": ["before_bill_fall", "before_bill_yuan_log", "vip_tier=gold"],
             "before": [1.39, -0.56, 0.21], "after": [0.01, -0.03, 0.04]}
        ),
        "campaign_without_control_curves": pd.DataFrame(
            [{"campaign_id": "RECHARGE", "since": month, "arm": arm, "customers": 850,
              "kept_share": 1 - rate * month}
             for arm, rate in (("treated", 0.02), ("control", 0.033)) for month in range(5)]
        ),
        "campaign_without_control_checks": pd.DataFrame(
            [{"campaign_id": "RECHARGE", "check": name, "status": "ok", "customers": 900}
             for name in ("matched", "balance", "placebo", "hidden_bias")]
        ),
        "campaign_without_control_worth": pd.DataFrame(WORTH[2:3]),
        "campaign_without_control_funnel": pd.DataFrame(
            [{"campaign_id": "RECHARGE", "step": step, "customers": customers}
             for step, customers in
             (("assigned", 900), ("attempted", 880), ("reached", 610), ("accepted", 210))]
        ),
        "campaign_by_branch_funnel": pd.DataFrame(
            [{"campaign_id": "FAMILY", "step": step, "customers": customers}
             for step, customers in
             (("assigned", 8000), ("attempted", 7800), ("reached", 5100), ("accepted", 2300))]
        ),
        "campaign_by_branch_checks": pd.DataFrame(
            [{"campaign_id": "FAMILY", "check": name, "status": status, "customers": 8000}
             for name, status in (("contacts_usable", "ok"), ("elsewhere", "watch"),
                                  ("placebo_year", "ok"))]
        ),
        "campaign_by_branch": by_branch,
        "campaign_by_branch_designs": pd.DataFrame(designs("FAMILY", starts)),
        "campaign_by_branch_events": pd.DataFrame(
            [{"campaign_id": "FAMILY", "since": month, "customers": 8000, "effect": effect,
              "low": effect - 0.004, "high": effect + 0.004}
             for month, effect in zip(
                 range(-6, 6),
                 [0.001, -0.002, 0.0, 0.002, -0.001, 0.0, -0.004, -0.003, -0.005, -0.004, -0.002,
                  -0.004], strict=True)]
        ),
        "campaign_by_branch_worth": pd.DataFrame(WORTH[3:]),
    }  # fmt: skip
