"""Charts of value segments show the figures of the result, in both languages and widths."""

from datetime import date

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cvm.segments.certificate import certify_kept
from cvm.segments.clusters import find_clusters
from cvm.segments.cohort_base import view_cohorts
from cvm.segments.concentration import measure_concentration
from cvm.segments.crosstabs import CrossTabs, cross_table
from cvm.segments.rfm import score_rfm
from cvm.segments.scenes import SceneRules, tally_scenes
from cvm.segments.tierbook_read import open_tierbook
from cvm.segments.tiers import FIGURES, tally_tiers
from cvm.segments.tiers_change import compare_books
from cvm.segments.value_grid import make_grid
from cvm.segments.value_segments import ValueSegments
from cvm.views.segments_clusters import plot_numbers

MONTH = date(2025, 11, 1)
BOOK, PLAN = open_tierbook("sample"), open_tierbook("proposal")
BOTH = pytest.mark.parametrize(("lang", "width"), [("en", "wide"), ("zh", "phone")])


@pytest.fixture(autouse=True)
def _closed_figures():
    with mpl.rc_context({"backend": "agg"}):
        yield
        plt.close("all")


def frame(rows, *keys):
    return pd.DataFrame(rows, columns=[*keys, *FIGURES])


def texts(axes):
    axes.figure.draw_without_rendering()
    return [text.get_text() for text in axes.texts]


def ticks(axes, which="y"):
    axes.figure.draw_without_rendering()
    return [label.get_text() for label in getattr(axes, f"get_{which}ticklabels")()]


@pytest.fixture(scope="module")
def pyramid():
    return tally_tiers(
        frame([(4, 25, 750.0, 1.0, 0), (0, 75, 250.0, 1.0, 0)], "cards"), BOOK, MONTH
    )


@BOTH
def test_the_pyramid_shows_both_shares(pyramid, lang, width):
    axes = pyramid.plot(lang=lang, width=width)

    bars = [bar.get_width() for bar in axes.patches]
    assert bars == [0.25, 0, 0, 0, 0.75, 0, 0.75, 0, 0, 0, 0.25, 0]
    assert ticks(axes)[0].startswith({"en": "diamond", "zh": "钻石卡"}[lang])
    assert {"en": "25 customers", "zh": "25户"}[lang] in ticks(axes)[0]


@BOTH
def test_movers_stand_where_they_come_from_and_go_to(lang, width):
    cells = frame(
        [(3, 2, 10, 1.0, 1.0, 0), (2, 2, 5, 1.0, 1.0, 0), (0, 1, 4, 1.0, 1.0, 0)],
        "cards_before",
        "cards_after",
    )
    axes = compare_books(cells, BOOK, PLAN, MONTH).plot(lang=lang, width=width)

    axes.figure.draw_without_rendering()
    shown = {text.get_text(): text.get_position() for text in axes.texts}
    # Highest first: diamond, gold, silver, VIP, none.
    assert shown == {"10": (2, 1), "5": (2, 2), "4": (3, 4)}
    assert len(axes.get_legend().get_texts()) == 3


@BOTH
def test_the_grid_says_each_cell_s_shares(lang, width):
    rows = [(v, d, 10, 10.0, 1.0, 0) for v in range(3) for d in range(3)]
    grid = make_grid(
        frame(rows, "voice_yuan_band", "data_yuan_band"),
        {"voice": (50.0, 100.0), "data": (40.0, 80.0)},
    )
    axes = grid.plot(lang=lang, width=width)

    assert len(texts(axes)) == 9
    assert all("11.1%" in text for text in texts(axes))
    assert ticks(axes, "x")[2] == {"en": "high\nfrom ¥80", "zh": "高\n80元起"}[lang]
    assert ticks(axes)[0] == {"en": "high\nfrom ¥100", "zh": "高\n100元起"}[lang]


@BOTH
def test_scenes_show_what_a_customer_brings(lang, width):
    cells = frame([("local", 30, 300.0, 90.0, 1), ("data", 10, 700.0, 100.0, 0)], "scene")
    axes = tally_scenes(cells, SceneRules()).plot(lang=lang, width=width)

    assert [bar.get_width() for bar in axes.patches][4:] == [0.7, 0, 0.3, 0]
    # The first row has a little more room (0.7 beside 0.75), so that it says what its bars are.
    first = {
        "en": ["share of customers", "share of revenue · ¥70 a customer"],
        "zh": ["客户占比", "收入占比 · 户均70元"],
    }
    assert texts(axes)[:2] == first[lang]


@BOTH
def test_rfm_puts_the_most_recent_and_frequent_on_the_top_right(lang, width):
    rows = [(at, 10 - at, 100 - at, 1 + (at == 0), 1.0) for at in range(10)]
    names = ["recency_months", "frequency", "amount_bin", "customers", "amount"]
    axes = score_rfm(pd.DataFrame(rows, columns=names)).plot(lang=lang, width=width)

    axes.figure.draw_without_rendering()
    shown = {text.get_position(): text.get_text() for text in axes.texts}
    # Two of eleven lie at 10/11 of the ranks, score 5; the next at 8.5/11, score 4.
    assert shown[(4, 0)] == f"{200 / 11:.1f}%"


@BOTH
def test_cohorts_stand_side_by_side(lang, width):
    rows = [(float(year), "stayed", 1, 100.0, 50.0 + year - 2000) for year in range(2000, 2022)]
    names = ["joined_year", "status", "customers", "before_yuan", "now_yuan"]
    cells = pd.DataFrame(rows, columns=names).assign(before_margin_yuan=0.0, now_margin_yuan=0.0)
    axes = view_cohorts(cells, MONTH).plot(lang=lang, width=width)

    heights = [bar.get_height() for bar in axes.patches]
    assert sum(heights) == pytest.approx(22 * 100 + sum(50 + at for at in range(22)))
    assert {"en": "to\n20", "zh": "及以前"}[lang] in ticks(axes, "x")[0]


@BOTH
def test_a_certificate_shows_where_segments_stand_against_the_bounds(lang, width):
    kept = pd.DataFrame({"before": ["a", "b"], "after": ["a", "a"], "customers": [30, 10]})
    axes = certify_kept(kept).plot(lang=lang, width=width)

    points = axes.collections[0].get_offsets()
    np.testing.assert_allclose(points[:, 0], [0.75, 0.0])
    assert len(set(map(tuple, axes.collections[0].get_facecolors()))) == 2


@pytest.fixture(scope="module")
def clusters():
    rng = np.random.default_rng(0)
    data = np.vstack([rng.normal(at, 0.3, (60, 2)) for at in (20, 40, 60)])
    people = pd.DataFrame(data, columns=["voice_yuan", "data_yuan"])
    people.insert(0, "customer_id", [str(at) for at in range(len(people))])
    return find_clusters(people, rng=rng, resamples=10)


@BOTH
def test_clusters_show_their_centres(clusters, lang, width):
    axes = clusters.plot(lang=lang, width=width)

    expected = [f"{score:+.1f}" for score in clusters.profile["score"]]
    assert texts(axes) == expected
    assert (
        ticks(axes, "x")
        == {"en": ["voice spend", "data spend"], "zh": ["语音消费", "数据业务消费"]}[lang]
    )
    numbers = plot_numbers(clusters, lang=lang, width=width)
    line = numbers.get_lines()[1]
    np.testing.assert_allclose(line.get_ydata(), clusters.numbers["least_jaccard"])


@BOTH
def test_groups_show_a_customer_s_revenue(lang, width):
    cells = frame(
        [("east", 4, 12, 2_400.0, 1.0, 0), ("west", 0, 20, 2_000.0, 1.0, 0)], "county", "cards"
    )
    cards = BOOK.editions[0].cards
    tabs = CrossTabs(
        tables={"county": cross_table(cells, "county", "county", cards, level="cards")}
    )

    axes = tabs.plot(lang=lang, width=width)

    assert [bar.get_width() for bar in axes.patches] == [200, 100]
    assert ticks(axes) == ["east", "west"]


@BOTH
def test_the_answer_shows_the_pyramid_or_what_there_is(pyramid, lang, width):
    value = measure_concentration([1.0, 2.0, 3.0])

    assert ValueSegments(pyramid=pyramid).plot(lang=lang, width=width).patches
    assert ValueSegments(concentration=value).plot(lang=lang, width=width).get_lines()
    assert texts(ValueSegments().plot(lang=lang, width=width)) == [ValueSegments().text(lang)]
