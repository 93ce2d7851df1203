"""Charts of campaigns without a control hold the figures of the result, in both languages."""

from dataclasses import replace

import numpy as np
import pytest
from test_without_control import judged, panel

from cvm.campaigns.check import Checks
from cvm.campaigns.compare_designs import compare_designs
from cvm.campaigns.effect import CHURN, cannot_tell
from cvm.core.checks import ArgumentError
from cvm.views import campaigns_matched as views


@pytest.fixture(scope="module")
def effect():
    return judged(panel(np.random.default_rng(14), 6_000, effect=-0.05))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_balance_is_drawn_before_and_after(effect, lang):
    axes = views.plot_love_matched(effect.checks, lang=lang)

    table = effect.checks.item("balance").table.dropna(subset=["smd", "smd_before"])
    before, after = (axes.get_lines()[k].get_xdata() for k in (1, 2))
    assert np.sort(before) == pytest.approx(np.sort(table["smd_before"]))
    assert np.sort(after) == pytest.approx(np.sort(table["smd"]))
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert ("话费降幅" if lang == "zh" else "fall of the bill") in labels


def test_marks_and_tops_are_named_where_they_stand(effect):
    drawn = [
        views.plot_love_matched(effect.checks, lang="en"),
        views.plot_overlap(effect, lang="en"),
    ]

    for axes, names in zip(
        drawn, [{"before matching", "after matching"}, {"not contacted", "contacted"}], strict=True
    ):
        legend = axes.get_legend()
        keys = [text.get_text() for text in legend.get_texts()] if legend else []
        assert names <= {*keys, *(text.get_text() for text in axes.texts)}
        # Named once: where the marks stand, or in a legend if there is no room.
        assert bool(keys) != any(text.get_text() in names for text in axes.texts)


def test_a_county_among_the_traits_is_told_by_its_name(effect):
    balance = effect.checks.item("balance")
    first = str(balance.table["column"].iloc[0])
    table = balance.table.replace({"column": {first: "county=C1"}})
    checks = Checks(items=(replace(balance, table=table, facts={"column": "county=C1"}),))

    told = checks.named(lambda kind, value: {"C1": "North"}.get(value, value))

    assert told.item("balance").facts["column"] == "county=North"
    labels = views.plot_love_matched(told, lang="en").get_yticklabels()
    assert "county: North" in [text.get_text() for text in labels]


@pytest.mark.parametrize("width", ["wide", "phone"])
def test_overlap_naive_sensitivity_and_before_after(effect, width):
    overlap = views.plot_overlap(effect, width=width)
    naive = views.plot_naive(effect, width=width)
    bounds = effect.sensitivity.plot(width=width)
    reading = effect.before_after.plot(width=width)

    assert len(overlap.patches) == 4
    points = [line.get_xdata()[0] for line in naive.get_lines() if line.get_marker() == "o"]
    assert points == pytest.approx([100 * effect.naive.effect, 100 * effect.headline.effect])
    assert bounds.get_lines()[0].get_ydata() == pytest.approx(effect.sensitivity.bounds["p_value"])
    bars = [patch.get_width() for patch in reading.patches]
    parts = (effect.before_after.naive, effect.before_after.regression, effect.before_after.rest)
    assert bars == pytest.approx(parts)


def test_designs_are_drawn_and_those_that_cannot_tell_say_so(effect):
    rows = {one.method: one for one in effect.estimates if one.outcome.name == "churned"}
    rows["naive"] = cannot_tell(CHURN, "no_overlap", estimand="treated")

    axes = compare_designs(rows).plot(lang="zh")

    points = [line.get_xdata()[0] for line in axes.get_lines() if line.get_marker() == "o"]
    assert points == pytest.approx([100 * one.effect for one in rows.values() if one.can_tell])
    assert "无法判断" in [text.get_text() for text in axes.texts]


def test_results_without_figures_refuse_or_say_so():
    silent = judged(panel(np.random.default_rng(5)).query("treated"))

    with pytest.raises(ArgumentError, match="scores"):
        views.plot_overlap(silent)
    with pytest.raises(ArgumentError, match="naive"):
        views.plot_naive(silent)
