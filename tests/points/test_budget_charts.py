"""The budget's charts draw what the frames say, in both languages."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from budget_operator import programme

from cvm.points.budget import simulate
from cvm.points.budget_drivers import tornado, waterfall
from cvm.points.budget_holdout import HoldOut
from cvm.points.generosity import most_generous
from cvm.points.generosity_changes import compare_changes
from cvm.points.shocks import try_shocks
from cvm.views.points_budget import plot_frontier, plot_tornado, plot_waterfall


@pytest.fixture(scope="module")
def budget():
    return simulate(programme(1_000, cells=8, months=24), count=32, rng=np.random.default_rng(0))


@pytest.fixture
def ax():
    with mpl.rc_context({"backend": "agg"}):
        figure, axes = plt.subplots()
        yield axes
        plt.close(figure)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_fan_shows_cost_and_cap(budget, ax, lang):
    budget.plot(ax, lang=lang)
    cost, cap = (line.get_ydata() for line in ax.get_lines())
    frame = budget.months()
    assert np.allclose(cap / cost, 0.023 * frame["revenue_yuan"] / frame["cost_yuan"])
    assert ax.get_title("left")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_chart_is_drawn(budget, lang):
    now = {"member_months": 1e4, "earned_points": 2e6, "redeemed_points": 1e6, "cost_yuan": 2e4}
    found = most_generous(budget, year=2010)
    shocks = try_shocks(budget, ("amnesty", "price_war"), year=2010, count=8)
    held = HoldOut(
        budget=budget,
        year=2010,
        actual_cost_yuan=3e4,
        actual_revenue_yuan=1e6,
        naive_share=0.02,
        last_revenue_yuan=1e6,
    )
    draws = [
        lambda ax: found.plot(ax, lang=lang),
        lambda ax: plot_frontier(found, ax, lang=lang),
        lambda ax: plot_tornado(tornado(budget), ax, lang=lang),
        lambda ax: plot_waterfall(waterfall(budget, now), ax, lang=lang),
        lambda ax: shocks.plot(ax, lang=lang),
        lambda ax: compare_changes(budget).plot(ax, lang=lang),
        lambda ax: held.plot(ax, lang=lang),
    ]
    for draw in draws:
        figure, axes = plt.subplots()
        draw(axes)
        assert axes.get_title("left")
        assert axes.has_data()
        plt.close(figure)
