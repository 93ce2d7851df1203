"""What the charts show equals the tables: artists, not pixels."""

import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from cvm.views import overview as draw
from cvm.views import overview_groups as groups
from cvm.views.charts_overview import make_charts
from cvm.views.facts import read_facts
from cvm.views.theme import PALETTE, WIDTHS, new_figure, save_svg, themed
from overview_tables import (
    counties_table,
    months_table,
    overview_tables,
    points_years_table,
    tiers_table,
)


@pytest.fixture
def ax():
    with themed("zh"):
        yield new_figure("wide", 300).subplots()


def line(ax, label):
    return next(one for one in ax.get_lines() if one.get_label() == label)


def texts(ax):
    return [one.get_text() for one in ax.texts]


def test_customers_line(ax):
    draw.draw_customers(months_table(), ax, "zh")
    shown = ax.get_lines()[0].get_ydata()
    assert list(shown) == [20_000 + 100 * place for place in range(25)]
    assert texts(ax) == ["2.24万"]
    assert ax.get_title(loc="left") == "在网客户（万户）"


def test_a_month_left_out_is_a_gap(ax):
    months = months_table().drop(index=[10])
    draw.draw_customers(months, ax, "zh")
    shown = np.ma.filled(np.ma.masked_invalid(ax.get_lines()[0].get_ydata().astype(float)), np.nan)
    frame = draw.by_month(months)
    assert len(frame) == 25
    assert pd.isna(frame["customers"].iloc[10])
    assert 21_000 not in shown


def test_revenue_bars_begin_at_zero_and_the_last_year_is_darker(ax):
    draw.draw_revenue(months_table(), ax, "en")
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == [60.0 * (20_000 + 100 * place) for place in range(25)]
    assert ax.get_ylim()[0] == 0
    colours = [to_hex(bar.get_facecolor()) for bar in ax.patches]
    assert colours == [PALETTE.light.lower()] * 13 + [PALETTE.main.lower()] * 12
    assert ax.get_title(loc="left") == "Monthly revenue (million yuan)"


def test_churn_and_its_means(ax):
    draw.draw_churn(months_table(), ax, "zh", mean_share=0.015, mean_before_share=0.02)
    shown = ax.get_lines()[0].get_ydata().astype(float)
    assert list(shown[-24:]) == [0.02] * 12 + [0.015] * 12
    assert list(line(ax, "year_mean").get_ydata()) == [0.015, 0.015]
    months = [pd.Timestamp(value) for value in line(ax, "year_mean").get_xdata()]
    assert months == [pd.Timestamp("2025-06-01"), pd.Timestamp("2026-05-01")]
    assert "近12个月\n平均1.50%" in texts(ax)


def test_tiers_show_both_shares(ax):
    groups.draw_tiers(tiers_table(), ax, "zh")
    assert list(line(ax, "customer_share").get_xdata()) == [0.02, 0.04, 0.10, 0.14, 0.70]
    assert list(line(ax, "revenue_share").get_xdata()) == [0.10, 0.15, 0.15, 0.15, 0.45]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["钻石卡", "金卡", "银卡", "贵宾卡", "无卡"]
    assert {"2.0%", "10.0%", "70.0%", "45.0%"} <= set(texts(ax))


def test_a_withheld_tier_says_so(ax):
    tiers = tiers_table()
    tiers.loc[0, ["customer_share", "revenue_share"]] = np.nan
    groups.draw_tiers(tiers, ax, "en")
    assert "withheld" in texts(ax)
    assert "2.0%" not in texts(ax)


def test_points_years_against_the_cap(ax):
    groups.draw_points_years(points_years_table(), ax, "zh")
    assert [bar.get_height() for bar in ax.patches] == [0.025, 0.020]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [
        PALETTE.accent.lower(),
        PALETTE.main.lower(),
    ]
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, True]
    assert set(line(ax, "cap").get_ydata()) == {0.023}
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2025", "2026\n仅6个月"]


def test_counties_are_sorted_and_withheld_ones_come_last():
    with themed("zh"):
        axes = new_figure("wide", 300).subplots(1, 2, sharey=True)
        groups.draw_counties(counties_table(), list(axes), "zh")
        names = [label.get_text() for label in axes[0].get_yticklabels()]
    assert names == ["安宁", "城关", "榆中", "红古"]
    assert list(line(axes[0], "arpu").get_xdata()[:3]) == [72.5, 58.0, 51.0]
    assert list(line(axes[1], "churn").get_xdata()[:3]) == [0.0125, 0.016, 0.0225]
    assert [text.get_text() for text in axes[0].texts] == ["72.5", "58.0", "51.0", "–"]
    assert list(line(axes[1], "marked").get_ydata()) == [2]
    assert line(axes[0], "median").get_xdata()[0] == 58.0


def test_plot_of_the_result_follows_its_months():
    from types import SimpleNamespace

    axes = draw.plot_overview(SimpleNamespace(months=months_table()), lang="en")
    assert axes.get_lines()[0].get_ydata()[-1] == 22_400


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_chart_has_every_glyph_no_overlong_file_and_no_overlap_of_texts(lang):
    tables = overview_tables()
    for chart in make_charts(tables, read_facts(tables["overview_facts"]), lang):
        for width in WIDTHS:
            with warnings.catch_warnings(), themed(lang, width):
                warnings.simplefilter("error")
                figure = chart.paint(width)
                svg = save_svg(figure)
                crossing = overlapping_texts(figure)
            assert b"<text" not in svg, "glyphs are paths"
            assert len(svg) < 150_000
            assert crossing == [], (chart.key, lang, width)


def overlapping_texts(figure):
    """Return pairs of texts whose boxes overlap by more than a pixel, or that leave the figure."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = []
    for axes in figure.axes:
        labels = [*axes.texts, axes.xaxis.label, axes.yaxis.label]
        labels += [axes.title, axes._left_title, axes._right_title]
        for axis in (axes.xaxis, axes.yaxis):
            labels += [tick.label1 for tick in axis.get_major_ticks() if _inside(axis, tick)]
        boxes += [
            (label.get_text(), label.get_window_extent(renderer))
            for label in labels
            if label.get_text().strip() and label.get_visible()
        ]
    whole = figure.bbox
    found = [
        (text,)
        for text, box in boxes
        if box.x0 < whole.x0 - 1 or box.x1 > whole.x1 + 1 or box.y0 < whole.y0 - 1
    ]
    for place, (one, first) in enumerate(boxes):
        for other, second in boxes[place + 1 :]:
            wide = min(first.x1, second.x1) - max(first.x0, second.x0)
            high = min(first.y1, second.y1) - max(first.y0, second.y0)
            if wide > 1 and high > 2:
                found.append((one, other))
    return found


def _inside(axis, tick):
    low, high = sorted(axis.get_view_interval())
    return low <= tick.get_loc() <= high
