"""The sample operator's targeted campaign is recovered; the null one, uncontrolled, is null."""

import ibis
import numpy as np
import pytest

from cvm.campaigns.candidates import make_candidates
from cvm.campaigns.compare_designs import compare_designs
from cvm.campaigns.without_control import judge_without_control
from cvm.data import collect
from cvm.data.reduce_campaigns_matched import reduce_campaign_contacts, reduce_campaign_rows
from cvm.data.sample import make_sample
from cvm.data.sample.truth import read_truth

CARE, NULL = "CARE-TARGETED", "SMS-NULL"
WINDOW_MONTHS = {CARE: 4, NULL: 6}


@pytest.fixture(scope="module")
def operator(tmp_path_factory):
    folder = tmp_path_factory.mktemp("operator")
    make_sample(folder, customers=60_000)
    engine = ibis.duckdb.connect()
    tables = {
        name: engine.read_parquet(str(folder / "tables" / name / "*.parquet"))
        for name in ("customers", "months", "contacts")
    }
    return tables, read_truth(folder)


@pytest.fixture(scope="module")
def judged(operator):
    found = {}
    for name, window in WINDOW_MONTHS.items():
        rows = collect(reduce_campaign_rows(**operator[0], campaign_id=name, window_months=window))
        contacts = collect(reduce_campaign_contacts(**operator[0], campaign_id=name))
        found[name] = judge_without_control(
            make_candidates(rows, window_months=window),
            campaign=name,
            contacts=contacts,
            rng=np.random.default_rng(7),
        )
    return found


def test_everybody_contacted_can_be_judged(operator, judged):
    effect = judged[CARE]

    assert effect.headline.treated_count == operator[1].effect(CARE)["customers"]
    assert effect.headline.treated_mean == pytest.approx(
        operator[1].effect(CARE)["churn_share_with"], abs=1e-9
    )
    assert effect.checks.failed == ()
    assert effect.checks.item("contacts_usable").status == "ok"


@pytest.mark.parametrize(
    ("outcome", "truth"),
    [("churned", "churn_share"), ("months", "months"), ("revenue_yuan", "revenue_yuan")],
)
def test_every_method_recovers_the_planted_effect(operator, judged, outcome, truth):
    planted = operator[1].effect(CARE)[truth]

    found = [one for one in judged[CARE].estimates if one.outcome.name == outcome]

    methods = {one.method for one in found}
    assert {"aipw_cross_fitted", "matched", "matched_adjusted", "ipw"} <= methods
    assert ("matched_did" in methods) == (outcome == "revenue_yuan")
    for one in found:
        # Fifteen intervals are asked at once, so each is held to 99.5 % (2.81 errors).
        assert abs(one.effect - planted) < 2.81 * one.se, one.method


def test_the_campaign_works_and_the_naive_readings_mislead(operator, judged):
    effect, planted = judged[CARE], operator[1].effect(CARE)["churn_share"]

    assert effect.headline.detected
    assert effect.headline.good
    # Against everybody else the campaign seems to drive customers away.
    assert effect.naive.low > 0 > planted
    # Most of what a before-after reading shows comes without any contact.
    assert 0.5 < effect.before_after.regression_share < 1
    assert "回升" in effect.text("zh")


def test_all_designs_on_the_contacted_agree(judged):
    rows = {one.method: one for one in judged[CARE].estimates if one.outcome.name == "churned"}

    assert compare_designs(rows).verdict == "agree"


def test_the_null_campaign_without_its_control_is_called_null(judged):
    effect = judged[NULL]

    assert effect.checks.failed == ()
    assert not any(one.detected for one in effect.estimates if one.group == "all")
    assert "no effect on churn can be detected" in effect.text("en")
    assert "nothing" in effect.sensitivity.text("en")
    rows = {one.method: one for one in effect.estimates if one.outcome.name == "churned"}
    assert compare_designs(rows).verdict == "none"
