"""The churn model beside statsmodels, scikit-learn and planted truth; what it refuses."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from cvm.core.checks import ArgumentError, DataError
from cvm.data import collect, open_data
from cvm.data.reduce_churn import reduce_churn, reduce_churn_snapshot
from cvm.segments.churn import fit_churn
from cvm.segments.churn_leaks import find_leaks
from cvm.segments.churn_logit import fit_logit
from cvm.segments.churn_ranking import area_under_curve
from cvm.segments.churn_snapshot import study_snapshot
from cvm.segments.churn_study import study_churn
from data.extracts import MAPPINGS, SHARED

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def drawn(rows, seed=3):
    """Return columns with a constant, and who left."""
    rng = np.random.default_rng(seed)
    columns = np.column_stack(
        [np.ones(rows), rng.standard_normal((rows, 4)), rng.random(rows) < 0.2]
    )
    odds = columns @ np.array([-3.0, 0.5, -0.4, 0.0, 0.8, 1.0])
    return columns, rng.random(rows) < 1 / (1 + np.exp(-odds))


@pytest.mark.parametrize("rows", [3_000, 90_000])
def test_coefficients_errors_and_likelihood_are_those_of_statsmodels(rows):
    columns, left = drawn(rows)
    mine, peer = fit_logit(columns, left), sm.Logit(left.astype(float), columns).fit(disp=0)

    np.testing.assert_allclose(mine.coefficients, peer.params, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(mine.errors, peer.bse, rtol=1e-7)
    assert mine.log_likelihood == pytest.approx(peer.llf, rel=1e-12)


def test_a_penalty_is_that_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    columns, left = drawn(3_000)
    mine = fit_logit(columns, left, ridge=np.array([0, 2.0, 2.0, 2.0, 2.0, 2.0]))
    peer = LogisticRegression(C=0.5, tol=1e-10, max_iter=1_000).fit(columns[:, 1:], left)
    np.testing.assert_allclose(mine.coefficients[1:], peer.coef_[0], rtol=1e-5)


def test_what_the_rows_cannot_tell_has_a_reason_and_no_number():
    columns, left = drawn(2_000)
    never = left & (columns[:, 5] == 0)
    cases = {
        "one_class": (columns, np.zeros(2_000, bool)),
        "too_few": (columns, np.arange(2_000) < 3),
        "collinear": (np.column_stack([columns, columns[:, 1] - columns[:, 2]]), left),
        "separated": (columns, never),
    }
    for reason, (given, gone) in cases.items():
        fit = fit_logit(given, gone)
        assert fit.reason == reason
        assert np.isnan(fit.coefficients).all()
    with pytest.raises(ArgumentError, match="finite"):
        fit_logit(np.where(columns > 3, np.nan, columns), left)


def rows_of(rng, count=4_000, months=1):
    """Return rows in the form of the engine's, with a driver and a level that matter."""
    bill = rng.lognormal(4.5, 0.6, count)
    tariff = rng.choice(["甲", "乙", "丙"], count, p=[0.6, 0.3, 0.1])
    odds = -2.4 - 0.5 * np.log(bill / 100) + 0.9 * (tariff == "丙")
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{at:06d}" for at in range(count)],
            "month": pd.Timestamp("2025-01-01")
            + pd.to_timedelta(rng.integers(0, months, count) * 31, unit="D"),
            "bill_yuan": bill,
            "tariff": tariff,
            "bill_fall_share": rng.random(count) * (rng.random(count) < 0.3),
            "age_years": np.where(rng.random(count) < 0.1, np.nan, rng.integers(18, 80, count)),
            "left": rng.random(count) < 1 / (1 + np.exp(-odds)),
        }
    )
    frame["month"] = frame["month"].dt.to_period("M").dt.to_timestamp()
    return frame


def test_planted_odds_of_a_number_and_a_level_are_found():
    table = fit_churn(rows_of(np.random.default_rng(1), 40_000)).summary().set_index("term")
    for term, planted in (("bill_yuan", -0.5), ("tariff=丙", 0.9)):
        assert table.loc[term, "low"] < planted < table.loc[term, "high"]
    assert table.loc["age_years", "p_value"] > 0.001


def test_contributions_add_up_to_the_log_odds():
    rows = rows_of(np.random.default_rng(2))
    model = fit_churn(rows)
    share = model.predict(rows)
    whole = model.contributions(rows).sum(axis=1) + model.logit.coefficients[0]
    np.testing.assert_allclose(whole, np.log(share / (1 - share)), rtol=1e-9)
    # The score equations of a logit with a constant: expected leavers are the leavers.
    assert share.sum() == pytest.approx(rows["left"].sum(), rel=1e-6)


def test_a_short_extract_with_rare_levels_still_has_a_model(tmp_path):
    """Four months of the sample: one with a label, levels that nobody left, no history."""
    data = open_data(SAMPLE, work=tmp_path)
    months = data.table("months").filter(lambda t: t.month >= date(2025, 8, 1))
    rows = collect(
        reduce_churn(
            months, data.table("customers"), scoring_months=[date(2025, 8, 1)],
            known_to=date(2025, 11, 1), horizon_months=3,
        )
    )  # fmt: skip

    model = fit_churn(rows)

    assert model.told
    assert "held back" in model.text("en")
    # The constant is not held back: expected leavers are the leavers.
    assert model.predict(rows).sum() == pytest.approx(rows["left"].sum(), rel=1e-4)


def test_counties_of_a_model_are_told_by_their_names():
    rows = rows_of(np.random.default_rng(2))
    rows["county"] = np.where(rows["bill_yuan"] > rows["bill_yuan"].median(), "C1", "C2")
    model = fit_churn(rows, features=["county", "tariff"])

    told = model.named(lambda kind, value: f"{kind} {value}")

    levels = [(term.column, term.level) for term in told.design.terms]
    plain = [(term.column, term.level) for term in model.design.terms]
    assert any(column == "county" for column, _ in plain)
    named = {"county", "tariff"}
    assert levels == [
        (column, f"{column} {level}" if column in named and level not in ("", "other") else level)
        for column, level in plain
    ]
    drawn = [text.get_text() for text in told.plot(lang="en").get_yticklabels()]
    assert any("county C" in name for name in drawn)


def test_a_level_that_training_did_not_know_is_read_as_a_rare_one():
    rows = rows_of(np.random.default_rng(2))
    model = fit_churn(rows)
    new = rows.head(2).assign(tariff=["新套餐", None])
    assert np.isfinite(model.predict(new)).all()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("left_month", "later"),
        ("attr_Churn Reason", "later"),
        ("attr_离网原因", "later"),
        ("attr_Churn Score", "scored"),
        ("attr_Satisfaction Score", "scored"),
        ("attr_满意度", "scored"),
        ("attr_closing_call", "too_good"),
        ("attr_exit_note", "filled"),
        ("attr_innocent", "stated"),
    ],
)
def test_a_column_that_knows_the_future_is_refused_with_words(name, reason):
    rng = np.random.default_rng(4)
    rows = rows_of(rng)
    left = rows["left"].to_numpy()
    noise = rng.random(len(rows))
    rows[name] = {
        "too_good": left + 0.3 * rng.standard_normal(len(rows)),
        "filled": np.where(left & (noise < 0.95), "told", None),
    }.get(reason, noise)
    later = ("attr_innocent",)

    model = fit_churn(rows, recorded_later=later)
    assert [(one.column, one.reason) for one in model.refused] == [(name, reason)]
    assert name not in model.design.columns
    assert name in model.text("en")
    assert "已剔除" in model.text("zh")
    with pytest.raises(ArgumentError, match="leave these columns out"):
        fit_churn(rows, features=["bill_yuan", name], recorded_later=later)


@pytest.mark.parametrize("seed", range(5))
def test_honest_columns_are_not_refused(seed):
    rng = np.random.default_rng(seed)
    rows = rows_of(rng, 600)
    rows["attr_code"] = rng.integers(0, 400, len(rows)).astype(str)
    rows["attr_two"] = np.where(rows["left"] & (rng.random(len(rows)) < 0.5), "x", "y")
    columns = ["bill_yuan", "tariff", "age_years", "attr_code", "attr_two"]
    assert find_leaks(rows, columns, rows["left"]) == ()


def test_nobody_left_is_an_answer_without_numbers():
    rows = rows_of(np.random.default_rng(2)).assign(left=False)
    model = fit_churn(rows)
    assert (model.told, model.reason) == (False, "one_class")
    assert "No model" in model.text("en")
    with pytest.raises(DataError, match="one_class"):
        model.predict(rows)


def test_too_short_a_panel_is_said_not_scored():
    rows = rows_of(np.random.default_rng(2), months=3)
    study = study_churn(rows, test_months=3)
    assert study.reason == "few_months"
    assert study.summary()["value"].isna().all()
    assert "不足" in study.text("zh")


def test_the_test_reads_only_months_after_training():
    rows = rows_of(np.random.default_rng(7), 12_000, months=12)
    study = study_churn(rows, test_months=3, choose_months=2, horizon_months=3)
    # Three months ahead: two months between are left out, as their leaving was not known yet.
    assert [one.month for one in study.train_months] == [1, 7]
    assert [one.month for one in study.test_months] == [10, 12]
    assert study.test["month"].dt.month.between(10, 12).all()
    # Nothing later than training moves the model.
    rows.loc[rows["month"].dt.month >= 10, "bill_yuan"] *= 100
    again = study_churn(rows, test_months=3, choose_months=2, horizon_months=3)
    np.testing.assert_array_equal(study.model.logit.coefficients, again.model.logit.coefficients)
    assert again.drift.iloc[0]["column"] == "bill_yuan"
    assert again.drift.iloc[0]["psi"] > 0.25


def test_trees_replace_the_logit_only_where_they_earn_it():
    rng = np.random.default_rng(8)
    rows = rows_of(rng, 12_000, months=10)
    assert study_churn(rows, test_months=2, choose_months=3).model.kind == "logit"
    # Leaving where one of two flags is up but not both: no logit of the flags sees it.
    one, other = rng.random(len(rows)), rng.random(len(rows))
    crossed = (one > 0.5) ^ (other > 0.5)
    rows = rows.assign(one=one, other=other, left=rng.random(len(rows)) < 0.03 + 0.15 * crossed)
    study = study_churn(rows, test_months=2, choose_months=3)
    assert study.model.kind == "boosting"
    assert study.rival.low > 0.01
    assert study.measures()["auc"].value > 0.65


def test_a_snapshot_is_tested_out_of_fold_and_says_so():
    rows = rows_of(np.random.default_rng(3), 4_000).drop(columns=["month", "bill_fall_share"])
    study = study_snapshot(rows, try_boosting=False)
    # The same folds by hand: each customer is judged by a model that has not seen him.
    assert study.test["chance_share"].notna().all()
    assert (
        study.measures()["auc"].value
        < area_under_curve(study.model.predict(study.test), study.test["left"]).value
    )
    assert "out of fold" in study.text("en")
    assert "交叉验证" in study.text("zh")
    assert not np.isfinite(study.gain.value)
    pd.testing.assert_frame_equal(
        study.test, study_snapshot(rows.sample(frac=1, random_state=1), try_boosting=False).test
    )
    few = study_snapshot(rows.assign(left=np.arange(len(rows)) < 5))
    assert few.reason == "few_leavers"


# Known out-of-fold figures of both files: logit .845 (Brier .135) and .93, boosted trees .985.
@pytest.mark.parametrize(
    ("name", "kind", "auc", "brier"),
    [
        ("ibm_telco_churn", "logit", 0.845, 0.135),
        ("iranian_churn", "logit", 0.93, None),
        ("iranian_churn", "boosting", 0.985, None),
    ],
)
def test_published_snapshots_reach_the_known_accuracy(name, kind, auc, brier, tmp_path):
    if not (SHARED / f"{name}.csv").is_file():
        pytest.skip(f"shared/data/{name}.csv is not beside the checkout")
    data = open_data(MAPPINGS / f"{name}.toml", work=tmp_path)
    rows = collect(reduce_churn_snapshot(data.table("customers"))).sort_values("customer_id")
    if name == "iranian_churn":
        assert len(rows) == 2_850  # the 300 exact copies are set aside
    study = study_snapshot(rows, try_boosting=kind == "boosting")
    # Trees must earn their keep, and do so on the Iranian operator's customers alone.
    assert study.model.kind == kind
    got = study.measures()
    assert got["auc"].value == pytest.approx(auc, abs=0.008)
    assert got["calibration"].low < 1 < got["calibration"].high
    if brier is not None:
        assert got["brier"].value == pytest.approx(brier, abs=0.004)
    assert study.model.refused == ()
