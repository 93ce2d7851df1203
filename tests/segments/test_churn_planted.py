"""What the sample operator hides is found: drivers, lead of warnings, calibrated scores."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from cvm.core.months import add_months
from cvm.data import collect, open_data
from cvm.data.reduce_churn import reduce_churn, reduce_churn_rates
from cvm.data.sample import make_sample
from cvm.segments.churn import fit_churn
from cvm.segments.churn_study import study_churn
from cvm.segments.score import levels_of, score_rows, study_scores
from cvm.segments.warning import make_warning_list
from cvm.segments.warning_book import open_warning_book
from cvm.segments.warning_track import track_lists
from cvm.segments.warning_triggers import fire

LAST = date(2025, 11, 1)
BOOK = open_warning_book("sample")


@pytest.fixture(scope="module")
def operator(tmp_path_factory):
    """A sample operator, its truth, and its rows with leaving in the next month."""
    folder = tmp_path_factory.mktemp("planted")
    truth = make_sample(folder / "sample", customers=10_000, seed=21)
    data = open_data(folder / "sample", work=folder / "work")
    rows = collect(reduced(data, 1)).sort_values(["month", "customer_id"], ignore_index=True)
    return truth, data, rows


def reduced(data, horizon_months):
    months = [add_months(LAST, -back) for back in range(36)]
    return reduce_churn(
        data.table("months"), data.table("customers"), scoring_months=months, known_to=LAST,
        horizon_months=horizon_months,
    )  # fmt: skip


def test_planted_drivers_are_recovered(operator):
    truth, _, rows = operator
    planted = truth.planted["churn"]
    told = rows.assign(
        outdated=rows["tariff"].isin(["全球通旧商旅套餐", "神州行旧标准卡"]),
        new_range=rows["number_range"].isin(["178", "198"]),
        complaints=rows["complaints"].clip(upper=3),
        arrears_stops=rows["arrears_stops"].clip(upper=2),
    )
    expected = {
        "bill_yuan": planted["log_bill"],
        "bill_fall_share": planted["bill_fall"],
        "complaints": planted["complaints"],
        "arrears_stops": planted["arrears_stops"],
        "calling_circle": planted["log_circle"],
        "off_net_share": planted["off_net_share"],
        "forwarding_minutes": planted["log_forwarding"],
        "tenure_months": planted["log_tenure"],
        "handset_locked": planted["handset_lock"],
        "outdated": planted["outdated_tariff"],
        "new_range": planted["new_number_range"],
        "in_family": planted["family"],
        "in_account": planted["corporate"],
        "brand=easyown": planted["brand"][1] - planted["brand"][0],
        "brand=mzone": planted["brand"][2] - planted["brand"][0],
    }
    features = [name for name in expected if "=" not in name]
    table = fit_churn(told, features=[*features, "brand"]).summary().set_index("term")
    distance = (table["log_odds"] - pd.Series(expected)) / table["error"]
    # Fifteen intervals: one or two may miss at 95 %, none by far. Campaigns move a few customers.
    assert distance.abs().max() < 3.3
    assert (distance.abs() < 1.96).mean() > 0.75
    assert (table["error"] < table["log_odds"].abs().clip(lower=0.25)).all()


def test_warnings_lead_leaving_by_as_much_as_the_episodes_do(operator):
    truth, data, rows = operator
    episodes = {int(k): v for k, v in truth.warning["left_by_months_since_onset"].items()}
    of_episodes = sum(episodes.values())
    mean_lead = sum(months * count for months, count in episodes.items()) / of_episodes

    flags = fire(rows, BOOK).flags
    customers = collect(data.table("customers").select("customer_id", "left_month"))
    gone = customers.dropna().set_index("customer_id")["left_month"]
    warned = rows[flags["bill_fall"] | flags["forwarding"]]
    left = warned["customer_id"].map(gone)
    lead = (left.dt.year - warned["month"].dt.year) * 12 + left.dt.month - warned["month"].dt.month
    first = lead[lead.between(1, 6)].groupby(warned["customer_id"]).max()
    # Nearly all who left out of an episode were warned of, and about as early as can be.
    assert len(first) > 0.85 * of_episodes
    assert first.mean() == pytest.approx(mean_lead, abs=0.35)
    # And the triggers are quiet elsewhere: an episode lasts five months, so 1.6 % × 5 at most.
    assert len(warned) / len(rows) < 0.08


def test_the_model_beats_bill_falls_and_its_probabilities_hold(operator):
    _, _, rows = operator
    study = study_churn(rows, try_boosting=False)
    got = study.measures()
    assert got["gain"].low > 0.03
    # Half a year of another weather: campaigns and chance move the level by some per cent.
    assert got["calibration"].value == pytest.approx(1, abs=0.12)
    curve = study.calibration()
    inside = (curve["low_share"] <= curve["expected_share"]) & (
        curve["expected_share"] <= curve["high_share"]
    )
    assert inside.sum() >= 8
    # No honest column of the operator looks like one that knows the future.
    assert study.model.refused == ()
    planted = rows.assign(attr_note=rows["left"].fillna(False).astype(float))
    assert [one.column for one in study_churn(planted, try_boosting=False).model.refused] == [
        "attr_note"
    ]


def test_the_score_and_the_healths_hold_on_later_months(operator):
    _, data, rows = operator
    cells = collect(reduce_churn_rates(reduced(data, 1), BOOK.part_terms()))
    study = study_scores(rows, cells, BOOK)
    table = study.summary().set_index("score")
    assert table["ratio"].between(0.88, 1.12).all()
    assert (table["calibrated"] == (table["ratio_low"] <= 1) & (table["ratio_high"] >= 1)).all()
    assert table.loc["composite", "auc"] > table["auc"].drop("composite").max()
    assert (table["auc_low"] > 0.5).all()
    # The engine's levels and counts are pandas' own.
    known = rows[rows["left"].notna()]
    for part in BOOK.parts:
        levels = levels_of(known[part.column], part.edges)
        mine = known.groupby([levels, "month"])["left"].agg(["size", "sum"]).astype(int)
        theirs = cells[cells["part"] == part.name].set_index(["level", "month"])
        theirs = theirs[["customers", "left"]].sort_index()
        assert mine.sort_index().to_numpy().tolist() == theirs.to_numpy().tolist(), part.name
    # The composite score is the sum of its parts' rates × 100, health by health.
    scored = score_rows(known.head(50), study.rates, BOOK)
    parts = scored[[f"part_{part.name}" for part in BOOK.parts]].sum(axis=1)
    np.testing.assert_allclose(scored["composite"], parts)
    healths = scored[["brand_tariff", "business", "service", "circle"]].sum(axis=1)
    np.testing.assert_allclose(scored["composite"], healths)


def test_past_lists_find_the_leavers_whom_the_customers_table_names(operator):
    _, data, rows = operator
    track = track_lists(rows, BOOK, LAST, horizon_months=1, lists=3, calls=400)
    table = track.table.set_index("month")
    assert [str(month)[:7] for month in table.index] == ["2025-08", "2025-09", "2025-10"]
    # Who left is read from the customers themselves, not from the rows' label.
    customers = collect(data.table("customers").select("customer_id", "left_month"))
    gone = customers.set_index("customer_id")["left_month"]
    for month, row in table.iterrows():
        base = rows.loc[rows["month"] == month, "customer_id"].map(gone)
        left = int((base == month + pd.offsets.MonthBegin(1)).sum())
        assert (row["customers"], row["left"]) == (len(base), left)
        assert row["caught_share"] == pytest.approx(row["listed_left"] / left)
    assert (table["lift_low"] > 1.5).all()
    # Probabilities are the planted ones but for noise: each list's leavers come to those expected.
    assert (table["calibration_low"] < 1).all()
    assert (table["calibration_high"] > 1).all()
    assert table["lost_yuan"].sum() == pytest.approx(table["value_at_risk_yuan"].sum(), rel=0.25)
    # The last of them, made and counted by hand: the model knew nothing later than its month.
    at, told = pd.Timestamp("2025-10-01"), rows["month"] < "2025-10-01"
    now = rows[rows["month"] == at].reset_index(drop=True)
    made = make_warning_list(
        now, BOOK, chance_share=fit_churn(rows[told]).predict(now),
        value_yuan=24 * now["margin_yuan"], listed_on=add_months(at.date(), 1), calls=400,
    )  # fmt: skip
    left = now.set_index("customer_id")["left"].astype(bool)
    called = left[made.called["customer_id"]]
    assert track.last.precision.value == pytest.approx(called.mean())
    assert track.last.lift.value == pytest.approx(called.mean() / left.mean())
    assert not np.isfinite(track.last.saved.value)
    assert "cannot be told" in track.last.text("en")
