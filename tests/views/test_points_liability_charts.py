"""Charts of the liability show the figures of the result, in both languages."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cvm.points.deferred_revenue import roll_forward
from cvm.points.liability import measure_liability
from cvm.points.liability_true_up import explain_true_up
from cvm.points.liability_urr import estimate_urr
from cvm.points.triangles import from_cumulative
from cvm.views.points_liability import plot_calendar, plot_triangle

NAN = np.nan


@pytest.fixture(autouse=True)
def _closed_figures():
    with mpl.rc_context({"backend": "agg"}):
        yield
        plt.close("all")


def liability(redeemed, issued, held, cpp):
    triangle = from_cumulative(redeemed, issued, first_vintage="2026-01", last_age=2)
    return measure_liability(estimate_urr(triangle), held, cpp_yuan=cpp)


@pytest.fixture
def before():
    return liability([[10, 30], [20, NAN]], [100, 120], [70, 100], 0.02)


@pytest.fixture
def after():
    return liability(
        [[10, 30, 40], [20, 50, NAN], [10, NAN, NAN]], [100, 120, 80], [0, 60, 65], 0.02
    )


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_triangle_shows_observed_and_projected_shares(after, lang):
    axes = after.estimate.plot(lang=lang)

    lines = [line for line in axes.get_lines() if len(line.get_xdata())]
    np.testing.assert_allclose(lines[0].get_ydata(), [0.1, 0.3, 0.4])
    newest = [line for line in lines if line.get_xdata()[0] == 0 and len(line.get_xdata()) == 3]
    assert newest[-1].get_ydata()[-1] == pytest.approx(after.estimate.urr[2])
    assert axes.get_title(loc="left")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_ageing_bars_add_up_to_the_points_outstanding(after, lang):
    axes = after.plot(lang=lang)

    assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(125)
    assert axes.get_ylabel()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_calendar_shows_every_expiry(after, lang):
    axes = plot_calendar(after, lang=lang)

    assert len(axes.patches) == 4
    first = {"en": "Apr 26", "zh": "26年4月"}[lang]
    assert axes.get_xticklabels()[0].get_text() == first


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_waterfall_ends_where_the_next_close_begins(before, after, lang):
    found = explain_true_up(before, after)

    axes = found.plot(lang=lang)

    bars = axes.patches
    assert len(bars) == 7
    assert bars[0].get_width() == pytest.approx(before.liability_yuan)
    assert bars[-1].get_width() == pytest.approx(after.liability_yuan)
    last_part = bars[-2]
    assert last_part.get_x() + last_part.get_width() == pytest.approx(after.liability_yuan)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_deferred_revenue_bars_and_line(lang):
    rows = [("A", 2024, 100, 40, 80), ("A", 2025, 0, 41, 90), ("A", 2026, 0, 9, 90)]
    columns = ["vintage", "period", "deferred_yuan", "redeemed_points", "expected_points"]

    axes = roll_forward(pd.DataFrame(rows, columns=columns)).plot(lang=lang)

    assert [bar.get_height() for bar in axes.patches] == pytest.approx([100, 0, 0, -50, -40, -10])
    assert list(axes.get_lines()[0].get_ydata()) == pytest.approx([50, 10, 0], abs=1e-9)


def test_a_given_axes_is_drawn_on(after):
    _, axes = plt.subplots()

    assert plot_triangle(after.estimate, axes) is axes
