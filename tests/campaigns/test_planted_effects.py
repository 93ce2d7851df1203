"""The sample operator's hold-outs: the planted effect is recovered, the null campaign is null."""

import pandas as pd
import pytest

from cvm.campaigns.check import Checks
from cvm.campaigns.checks import balance, contact, overlap, placebo, sample_ratio
from cvm.campaigns.effect import CHURN, REVENUE, Effect
from cvm.campaigns.funnel import check_exclusive, contact_funnel
from cvm.campaigns.moments import moments_by
from cvm.campaigns.randomised import compare, compare_groups
from cvm.campaigns.reached import compare_reached
from cvm.campaigns.survival import Exposure, compare_retention
from cvm.data.sample import make_sample
from cvm.data.sample.truth import read_truth

HOLDOUTS = ("HANDSET-HOLDOUT", "SMS-NULL", "CREDIT-HOLDOUT")
WINDOW_MONTHS = 6


@pytest.fixture(scope="module")
def operator(tmp_path_factory):
    folder = tmp_path_factory.mktemp("operator")
    make_sample(folder, customers=50_000)
    tables = {
        name: pd.read_parquet(folder / "tables" / name)
        for name in ("customers", "months", "contacts")
    }
    for frame in tables.values():
        for column in frame.columns:
            if column.endswith("month"):
                moment = pd.to_datetime(frame[column])
                frame[column] = moment.dt.year * 12 + moment.dt.month
    return tables, read_truth(folder)


@pytest.fixture(scope="module")
def customers_of(operator):
    """Return a function: campaign → its customers with outcomes of the window and months before."""
    tables, _ = operator
    last = int(tables["months"]["month"].max())
    months = tables["months"][["customer_id", "month", "bill_yuan"]]
    left = tables["customers"][["customer_id", "left_month"]]

    def of(campaign):
        frame = tables["contacts"].query("campaign_id == @campaign").merge(left, on="customer_id")
        joined = frame[["customer_id", "assigned_month"]].merge(months, on="customer_id")
        since = joined["month"] - joined["assigned_month"]
        bills = pd.pivot_table(
            joined.assign(since=since), "bill_yuan", "customer_id", "since", aggfunc="sum"
        )
        bills = bills.reindex(frame["customer_id"]).fillna(0.0).reset_index(drop=True)
        frame["revenue_yuan"] = bills[list(range(1, WINDOW_MONTHS + 1))].sum(axis=1)
        frame["bill_before"], frame["bill_2_before"] = bills[0], bills[-1]
        until = (frame["left_month"] - frame["assigned_month"]).fillna(10_000)
        frame["churned"] = until.between(1, WINDOW_MONTHS)
        frame["left"] = until < 10_000
        frame["months_observed"] = until.clip(upper=last - frame["assigned_month"]).astype(int)
        frame["attempted"] = frame["contacted_on"].notna()
        frame["reached"] = frame["reached"].fillna(False).astype(bool)
        return frame

    return of


def arms(frame):
    names = ["churned", "revenue_yuan", "reached", "bill_before", "bill_2_before"]
    by_arm = moments_by({name: frame[name] for name in names}, frame["arm"].to_numpy())
    return by_arm["control"], by_arm["treated"]


def checked(frame, treated_share):
    control, treated = arms(frame)
    before = placebo({"-1": arms(frame)}, type(REVENUE)(name="bill_2_before", kind="yuan"))[0]
    counts = frame["arm"].value_counts()
    return Checks(
        items=(
            sample_ratio([counts["treated"]], [counts["control"]], treated_share=treated_share),
            balance(control, treated, ["bill_before", "bill_2_before"]),
            *contact(contact_funnel(frame)),
            before,
        )
    )


@pytest.mark.parametrize("campaign", HOLDOUTS)
def test_checks_of_a_sound_campaign_pass(customers_of, operator, campaign):
    frame = customers_of(campaign)
    check_exclusive(frame["customer_id"], frame["arm"])
    share = operator[1].campaigns[campaign]["planted"]["control_share"]

    found = checked(frame, 1 - share)

    assert found.failed == ()
    funnel = operator[1].campaigns[campaign]["funnel"]
    counted = contact_funnel(frame).set_index("arm").loc["treated"]
    assert counted["reached"] == funnel["reached"]
    assert counted["accepted"] == funnel["accepted"]


@pytest.mark.parametrize("campaign", HOLDOUTS)
def test_the_planted_effects_lie_in_the_intervals(customers_of, operator, campaign):
    control, treated = arms(customers_of(campaign))
    truth = operator[1]

    # Nine intervals are asked at once: at 99 % all of them hold in nine of ten samples or more.
    both = compare_reached(control, treated, CHURN, campaign=campaign, confidence=0.99)
    revenue = compare(
        control,
        treated,
        REVENUE,
        covariates=["bill_before", "bill_2_before"],
        adjustment="cuped",
        confidence=0.99,
    )

    realised = {group: truth.effect(campaign, group) for group in ("treated", "reached")}
    assigned, reached = both.estimates
    assert assigned.low <= realised["treated"]["churn_share"] <= assigned.high
    assert reached.low <= realised["reached"]["churn_share"] <= reached.high
    assert revenue.low <= realised["treated"]["revenue_yuan"] <= revenue.high


def test_the_effective_campaign_is_called_effective(customers_of):
    frame = customers_of("HANDSET-HOLDOUT")
    control, treated = arms(frame)

    found = compare_reached(control, treated, CHURN)

    assert found.headline.detected
    assert found.headline.good
    assert "lowered churn" in found.text("en")
    assert "离网率降低" in found.text("zh")


def test_the_null_campaign_is_called_null(customers_of):
    control, treated = arms(customers_of("SMS-NULL"))

    found = Effect(
        estimates=(compare(control, treated, CHURN), compare(control, treated, REVENUE)),
    )

    assert not any(one.detected for one in found.estimates)
    assert "no effect on churn can be detected" in found.text("en")


def test_months_kept_agree_with_the_planted_months(customers_of, operator):
    frame = customers_of("HANDSET-HOLDOUT")
    exposures = [
        Exposure.from_customers(part["months_observed"], part["left"], horizon=WINDOW_MONTHS)
        for part in (frame[frame["arm"] == arm] for arm in ("control", "treated"))
    ]

    found = compare_retention(*exposures)

    # Months in service in the window leave out the month of leaving, so the first month counts
    # for nobody who left in it: the restricted mean of months 0–5 after a month's shift.
    assert found.estimate.effect > 0
    assert found.estimate.detected
    planted = operator[1].effect("HANDSET-HOLDOUT")["months"]
    assert found.estimate.low <= planted <= 1.4 * found.estimate.high


def test_groups_add_up_and_overlap_with_other_campaigns_is_even(customers_of, operator):
    frame = customers_of("CREDIT-HOLDOUT")
    others = operator[0]["contacts"].query("campaign_id != 'CREDIT-HOLDOUT'")["customer_id"]
    frame["elsewhere"] = frame["customer_id"].isin(others)
    counts = frame.groupby("arm")["elsewhere"].agg(["sum", "size"])
    bands = pd.qcut(frame["bill_before"], 3, labels=["low", "middle", "high"]).astype(str)

    groups = compare_groups(
        {band: arms(part) for band, part in frame.groupby(bands)}, CHURN, correction="holm"
    )

    check = overlap(*(tuple(counts.loc[arm].tolist()) for arm in ("treated", "control")))
    assert check.status == "ok"
    assert groups.headline.effect == pytest.approx(compare(*arms(frame), CHURN).effect)
    assert (
        sum(one.treated_count for one in groups.estimates[1:]) == (frame["arm"] == "treated").sum()
    )
