"""Charts of lifetime value show the figures of the result, in both languages."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cvm.segments.concentration import measure_concentration
from cvm.segments.lifetime import fit_lifetime
from cvm.segments.lifetime_backtest import backtest_lifetime
from cvm.segments.lifetime_value import ValueAssumptions, value_customers
from cvm.segments.purchases import fit_purchases
from cvm.segments.purchases_backtest import backtest_purchases
from cvm.segments.purchases_counts import compress
from cvm.segments.survival_cohorts import cohorts_from_survivors

REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
COHORTS = cohorts_from_survivors({"gold": [50, 50, 50], "regular": REGULAR})
LANGUAGES = pytest.mark.parametrize("lang", ["en", "zh"])


@pytest.fixture(autouse=True)
def _closed_figures():
    with mpl.rc_context({"backend": "agg"}):
        yield
        plt.close("all")


def line(axes, place):
    return [np.asarray(part.get_ydata(), float) for part in axes.get_lines()][place]


@LANGUAGES
def test_survival_shows_the_curve_and_what_was_observed(lang):
    axes = fit_lifetime(COHORTS, by_tier=True).plot(lang=lang)

    assert np.isnan(line(axes, 0)).all()  # gold cannot be told, its dots are there
    np.testing.assert_allclose(line(axes, 1), [1, 1])
    np.testing.assert_allclose(line(axes, 3), np.array(REGULAR[1:]) / 1000)
    np.testing.assert_allclose(line(axes, 2)[1:8], line(axes, 3), atol=0.02)
    assert axes.get_xlabel()
    axes.figure.draw_without_rendering()


@LANGUAGES
def test_the_back_test_shows_what_came(lang):
    test = backtest_lifetime(COHORTS, hold_out=2)
    axes = test.plot(lang=lang)

    np.testing.assert_allclose(line(axes, 2), test.summary()["actual_customers"])


@LANGUAGES
def test_value_shows_each_tier_and_names_what_cannot_be_told(lang):
    value = value_customers(fit_lifetime(COHORTS, by_tier=True), ValueAssumptions(margin_yuan=-1.0))
    axes = value.plot(lang=lang)
    widths = [bar.get_width() for bar in axes.patches]

    assert widths[0] == 0
    assert widths[1] == pytest.approx(value.total["value_yuan"])
    assert len(axes.get_yticklabels()[0].get_text()) > len("gold")


@LANGUAGES
def test_purchases_and_concentration_are_drawn(lang):
    x, last, end = [0, 1, 2, 5] * 20, [0, 4, 9, 20] * 20, [30, 31, 32, 33] * 20
    fit = fit_purchases(compress(x, last, end))
    frame = pd.DataFrame({"repeats": x, "last_at": last, "observed": end})
    test = backtest_purchases(fit, frame, np.array(x) / 2, ahead=10)
    curve = measure_concentration([1, 2, 3, 4, 5]).plot(lang=lang)

    assert len(fit.plot(lang=lang).patches) == 4
    np.testing.assert_allclose(line(test.plot(lang=lang), 2), [0, 0.5, 1, 2.5])
    np.testing.assert_allclose(line(curve, 1), np.array([0, 1, 3, 6, 10, 15]) / 15)


@LANGUAGES
def test_what_cannot_be_told_is_written_on_the_axes(lang):
    for result in (
        fit_purchases(compress([0], [0], [5])),
        measure_concentration([-1.0]),
        backtest_lifetime(cohorts_from_survivors({"a": [5, 5, 5, 4]}), hold_out=1),
        value_customers(
            fit_lifetime(cohorts_from_survivors({"a": [5, 5, 5]})), ValueAssumptions(margin_yuan=1)
        ),
    ):
        assert result.plot(lang=lang).texts
