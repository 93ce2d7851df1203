"""Charts of value by tier show the result's figures, and nobody of a small tier."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cvm.segments.lifetime import fit_lifetime
from cvm.segments.lifetime_backtest import backtest_lifetime
from cvm.segments.lifetime_tiers import value_tiers
from cvm.segments.purchases_value import PrepaidValue
from cvm.segments.survival_cohorts import cohorts_from_survivors
from cvm.views.segments_lifetime_tiers import plot_staying, plot_tier_test

COHORTS = cohorts_from_survivors(
    {
        "diamond": [60, 60, 59, 59, 58, 58],
        "gold": [300, 296, 292, 289, 286, 283],
        "none": [1000, 931, 868, 812, 766, 729],
        "vip": [50, 50, 50, 50, 50, 50],
    }
)
TODAY = pd.DataFrame(
    {"tier": ["diamond", "gold", "none", "vip"], "age_periods": 5, "customers": [9, 283, 729, 50]}
)
EARNED = pd.DataFrame(
    {"tier": TODAY["tier"], "earned_yuan": [600.0, 300.0, -20.0, 100.0], "error_yuan": 3.0}
)
LANGUAGES = pytest.mark.parametrize("lang", ["en", "zh"])


@pytest.fixture(autouse=True)
def _closed_figures():
    with mpl.rc_context({"backend": "agg"}):
        yield
        plt.close("all")


@pytest.fixture(scope="module")
def value():
    return value_tiers(fit_lifetime(COHORTS, by_tier=True), TODAY, EARNED, horizon_months=24)


@LANGUAGES
@pytest.mark.parametrize("column", ["value_yuan", "point_yuan"])
@pytest.mark.parametrize("width", ["wide", "phone"])
def test_bars_are_values_and_small_or_untold_tiers_have_none(value, lang, column, width):
    axes = value.plot(lang=lang, column=column, width=width)
    table = value.table.set_index("tier")
    bars = dict(zip(table.index, [bar.get_width() for bar in axes.patches], strict=True))

    assert bars["gold"] == pytest.approx(table.loc["gold", column])
    assert bars["none"] == pytest.approx(table.loc["none", column])
    assert bars["diamond"] == bars["vip"] == 0
    labels = [label.get_text() for label in axes.get_yticklabels()]
    few, untold = {
        "en": ("fewer than 10 customers", "cannot be told"),
        "zh": ("不足10户", "暂无法判断"),
    }[lang]
    assert few in labels[0]
    assert untold in labels[2]
    # A loss is drawn to the left, in another colour.
    colours = dict(zip(table.index, [bar.get_facecolor() for bar in axes.patches], strict=True))
    assert bars["none"] < 0
    assert colours["none"] != colours["gold"]
    axes.figure.draw_without_rendering()


@LANGUAGES
def test_lines_are_the_shares_staying_of_tiers_that_may_be_named(value, lang):
    axes = plot_staying(value, lang=lang)
    shown = [np.asarray(line.get_ydata(), float) for line in axes.get_lines()]
    expected = [
        value.ahead.loc[value.ahead["tier"] == tier, "staying_share"] for tier in ("gold", "none")
    ]

    assert len(shown) == 2
    for mine, theirs in zip(shown, expected, strict=True):
        np.testing.assert_allclose(mine, theirs)
    texts = [text.get_text() for text in axes.texts]
    assert texts == (["gold", "no card"] if lang == "en" else ["金卡", "无卡"])
    axes.figure.draw_without_rendering()


@LANGUAGES
def test_the_test_by_tier_shows_how_far_each_forecast_was_off(lang):
    test = backtest_lifetime(COHORTS, hold_out=2, by_tier=True, add_up=True)
    axes = plot_tier_test(test, lang=lang)
    rows = test.rows[test.rows["ahead_periods"] == 2].set_index("tier")
    shown = rows.loc[["diamond", "gold", "none"]]  # nobody of vip left: there is no forecast

    naive, model = (np.asarray(line.get_xdata(), float) for line in axes.get_lines()[1:])
    for mine, column in ((naive, "naive_customers"), (model, "expected_customers")):
        np.testing.assert_allclose(mine, shown[column] / shown["actual_customers"] - 1)
    assert len(axes.get_yticklabels()) == 3
    axes.figure.draw_without_rendering()


@LANGUAGES
def test_prepaid_customers_by_silence(lang):
    groups = pd.DataFrame(
        {"silent": [0, 1, 2], "customers": [10, 20, 40], "active_customers": [10.0, 15.0, 10.0]}
    )
    value = PrepaidValue(groups=groups, totals={}, units_ahead=12, margin_share=0.4, confidence=0.9)
    axes = value.plot(lang=lang)

    assert [bar.get_height() for bar in axes.patches] == [1.0, 0.75, 0.25]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "2+"]
    axes.figure.draw_without_rendering()
