"""Scorecards: outcomes × segments beside one comparison at a time, corrections, gaps."""

from dataclasses import replace

import ibis
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from statsmodels.stats.multitest import multipletests

from cvm.campaigns.answer_scorecard import metrics_of
from cvm.campaigns.effect import CHURN, COMPLAINTS, REVENUE, Outcome
from cvm.campaigns.moments import moments_by
from cvm.campaigns.randomised import compare
from cvm.campaigns.scorecard import Metric, score
from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.data.reduce_campaigns_scorecard import collect_scorecard, reduce_scorecard

PER_MONTH = Outcome(name="revenue_yuan", kind="yuan", per="months")
METRICS = (
    Metric(outcome=CHURN),
    Metric(outcome=REVENUE, covariates=("bill_yuan",)),
    Metric(outcome=PER_MONTH, covariates=(("bill_yuan", "months_before"),)),
    Metric(outcome=COMPLAINTS),
)
TOGETHER = [one.columns for one in METRICS]


def customers(size=6_000, effect=-0.06, seed=1):
    """Customers of six counties; the offer keeps some in the north alone."""
    rng = np.random.default_rng(seed)
    county = rng.choice(["east", "north", "south", "west", "hill", "lake"], size)
    arm = rng.choice(["treated", "control"], size)
    treated = (arm == "treated") & (county == "north")
    churned = rng.random(size) < 0.15 + effect * treated
    before = rng.gamma(4, 25, size)
    months = np.where(churned, rng.integers(1, 6, size), 6)
    return pd.DataFrame(
        {
            "county": county,
            "arm": arm,
            "churned": churned,
            "months": months,
            "months_before": rng.integers(2, 4, size),
            "bill_yuan": before,
            "revenue_yuan": before * months + rng.normal(0, 20, size),
            "complaints": rng.poisson(0.1, size),
        }
    )


def cells_of(frame, **options):
    return collect_scorecard(ibis.memtable(frame), TOGETHER, **options)


def test_each_row_is_the_comparison_of_those_customers_alone():
    frame = customers()

    got = score(cells_of(frame), METRICS, treated_share=0.5)

    table = got.summary()
    assert len(table) == len(METRICS) * 7
    for group in ("all", "north", "lake"):
        part = frame if group == "all" else frame[frame["county"] == group]
        by_arm = moments_by(part.drop(columns=["county", "arm"]), part["arm"])
        for metric in METRICS:
            alone = compare(
                by_arm["control"],
                by_arm["treated"],
                metric.outcome,
                covariates=metric.covariates,
                adjustment="cuped" if metric.covariates else "none",
            )
            row = table[
                (table["group"] == group)
                & (table["outcome"] == metric.outcome.name)
                & (table["per"].isna() if metric.outcome.per is None else table["per"].notna())
            ].iloc[0]
            for name in ("effect", "se", "low", "high", "p_value", "relative"):
                assert_allclose(row[name], getattr(alone, name), rtol=1e-9)


def test_sizes_and_the_ratio_of_arms_in_each_segment():
    frame = customers()

    sizes = score(cells_of(frame), METRICS, treated_share=0.5).sizes.set_index("group")

    assert sizes.loc["all", ["treated_count", "control_count"]].sum() == len(frame)
    north = frame[frame["county"] == "north"]
    counts = north["arm"].value_counts()
    assert sizes.loc["north", "treated_count"] == counts["treated"]
    assert sizes.loc["north", "p_value"] == pytest.approx(stats.chisquare(counts).pvalue)


def test_outcomes_take_holm_and_segments_benjamini_and_hochberg():
    got = score(cells_of(customers()), METRICS)

    for effect, method in ((got.overall, "holm"), (got.segments, "fdr_bh")):
        raw = [one.p_value for one in effect.estimates]
        adjusted = [one.p_adjusted for one in effect.estimates]
        assert_allclose(adjusted, multipletests(raw, method=method)[1], rtol=1e-9)


def test_a_planted_effect_is_found_where_it_was_planted():
    got = score(cells_of(customers(40_000)), METRICS, treated_share=0.5)

    found = {(one.outcome.name, one.group) for one in got.segments.estimates if one.detected}
    assert ("churned", "north") in found
    assert {group for _, group in found} == {"north"}
    assert "churn (north) −" in got.text("en")
    assert "离网率（north）−" in got.text("zh")
    assert got.checks.items[0].status == "ok"


def test_a_failed_ratio_of_arms_stands_above_the_result():
    frame = customers()
    fewer = frame[(frame["arm"] == "control") | (np.arange(len(frame)) % 3 > 0)]

    got = score(cells_of(fewer), METRICS, treated_share=0.5)

    assert got.text("en").startswith("Do not rely on this result yet")
    # Without a planned share, all counties lack as many: nothing to see.
    assert not score(cells_of(fewer), METRICS).checks.failed
    one = frame[(frame["arm"] == "control") | (frame["county"] != "lake") | (frame.index % 3 > 0)]
    assert score(cells_of(one), METRICS).checks.failed


def test_customers_without_a_figure_are_counted_and_left_out_of_both_arms():
    frame = customers().astype({"complaints": float})
    frame.loc[[3, 5], "revenue_yuan"] = [np.nan, np.inf]
    frame.loc[7, "complaints"] = None
    known = frame.drop(index=[3, 5, 7])

    got = score(cells_of(frame), METRICS)

    assert got.sizes["incomplete"].iloc[0] == 3
    assert "Customers left out of every outcome, as a figure of theirs is missing: 3." in got.text(
        "en"
    )
    whole = score(cells_of(known), METRICS)
    assert_allclose(got.summary()["effect"], whole.summary()["effect"], rtol=1e-9)
    assert got.sizes["treated_count"].iloc[0] + got.sizes["control_count"].iloc[0] == len(frame)


def test_large_bills_keep_their_digits():
    frame = customers()
    frame["revenue_yuan"] += 1e8
    metrics = (Metric(outcome=REVENUE),)
    table = ibis.memtable(frame)

    kept = score(collect_scorecard(table, [("revenue_yuan",)]), metrics).overall.headline
    plain = reduce_scorecard(table, [("revenue_yuan",)]).to_pandas()

    arms = [frame.loc[frame["arm"] == arm, "revenue_yuan"] for arm in ("treated", "control")]
    peer = stats.ttest_ind(*arms, equal_var=False)
    assert kept.p_value == pytest.approx(peer.pvalue, rel=1e-6)
    assert set(plain["near_revenue_yuan"]) == {0.0}


def test_small_segments_cannot_tell_and_do_not_count():
    frame = customers()
    frame.loc[:8, "county"] = "island"

    got = score(cells_of(frame), METRICS)

    alone = [one for one in got.segments.estimates if one.group == "island"]
    assert {one.reason for one in alone} == {"few_customers"}
    assert all(np.isnan(one.p_adjusted) for one in alone)
    assert "as customers or events are too few: 4." in got.text("en")


def test_an_arm_without_customers_cannot_tell():
    frame = customers()

    got = score(cells_of(frame[frame["arm"] == "treated"]), METRICS)

    assert {one.reason for one in got.overall.estimates} == {"no_control"}
    assert got.checks.items[0].status == "unknown"
    assert got.text("zh") == (
        "整体层面没有可比较的指标。按县区细分后没有可比较的指标。"
        "另有24项细分比较因客户数或发生数过少无法判断。"
    )


def test_what_cannot_be_scored_is_refused():
    cells = cells_of(customers())
    with pytest.raises(ArgumentError, match="each once"):
        score(cells, (METRICS[0], METRICS[0]))
    with pytest.raises(ArgumentError, match="at least one"):
        score(cells, ())
    with pytest.raises(DataError, match="treated or control"):
        score(cells.assign(arm="A"), METRICS)
    with pytest.raises(MissingDataError, match="product_churned__complaints"):
        score(cells, (Metric(outcome=CHURN, covariates=("complaints",)),))
    with pytest.raises(MissingDataError, match="without tenure_months"):
        collect_scorecard(ibis.memtable(customers()), [("tenure_months",)])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_picture_marks_what_differs(lang):
    got = score(cells_of(customers(40_000)), METRICS, treated_share=0.5)

    axes = got.plot(lang=lang)

    detected = [one for one in (*got.overall.estimates, *got.segments.estimates) if one.detected]
    assert len(axes.patches) == len(detected)
    churn = next(one for one in detected if (one.outcome.name, one.group) == ("churned", "north"))
    assert f"−{abs(100 * churn.effect):.2f}" in [text.get_text() for text in axes.texts]
    assert len(axes.get_yticks()) == 7
    assert len(axes.get_xticks()) == len(METRICS)


def test_counties_are_told_by_their_names_and_nothing_else_changes():
    got = score(cells_of(customers(40_000)), METRICS, treated_share=0.5)
    names = {"north": "Up there", "east": "Same", "west": "Same"}

    told = got.named(lambda kind, value: names.get(value, value) if kind == "county" else "?")

    assert "(Up there)" in told.text("en")
    assert told.text("en") == got.text("en").replace("(north)", "(Up there)")
    shown = [text.get_text() for text in told.plot(lang="en").get_yticklabels()]
    # Two of one name keep their own, so that no row is two counties.
    assert shown == ["all customers", "east", "hill", "lake", "Up there", "south", "west"]
    assert got.named(lambda kind, value: "x").sizes is got.sizes
    by_card = replace(got, by="vip_tier")
    assert by_card.named(lambda kind, value: "x") is by_card


def test_a_campaign_is_scored_from_its_cells():
    names = ("churned", "revenue_yuan", "complaints", "complaints_before", "bill_before_yuan")
    metrics = {one.outcome.name: one.covariates for one in metrics_of(names)}

    assert metrics == {
        "churned": (),
        "revenue_yuan": ("bill_before_yuan",),
        "complaints": ("complaints_before",),
    }
