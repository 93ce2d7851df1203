"""Grid, scenes, RFM, cohorts, cross-tabs and certificates: by hand and by another route."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.segments.certificate import certificates_table, certify_kept, verdict
from cvm.segments.cohort_base import view_cohorts
from cvm.segments.concentration import measure_concentration
from cvm.segments.crosstabs import CrossTabs, age_names, cross_table, group_name
from cvm.segments.rfm import CLASSES, rfm_class_names, score_rfm
from cvm.segments.scenes import SceneRules, scene_names, tally_scenes
from cvm.segments.tierbook_read import open_tierbook
from cvm.segments.tiers import FIGURES, tally_tiers
from cvm.segments.value_grid import choose_cuts, grid_names, make_grid
from cvm.segments.value_segments import ValueSegments

MONTH = date(2025, 11, 1)
CUTS = {"voice": (50.0, 100.0), "data": (40.0, 80.0)}
BOOK = open_tierbook("sample")


def frame(rows, *keys):
    return pd.DataFrame(rows, columns=[*keys, *FIGURES])


def grid_cells(counts):
    rows = [
        (voice, data, count, 10.0 * count, 4.0 * count, 0)
        for voice, line in enumerate(counts)
        for data, count in enumerate(line)
    ]
    return frame(rows, "voice_yuan_band", "data_yuan_band")


def test_gamma_is_concordant_less_discordant_pairs_counted_one_by_one():
    counts = [[5, 2, 1], [3, 4, 2], [1, 0, 6]]
    grid = make_grid(grid_cells(counts), CUTS)
    who = [(v, d) for v in range(3) for d in range(3) for _ in range(counts[v][d])]
    signs = [
        np.sign((a[0] - b[0]) * (a[1] - b[1])) for i, a in enumerate(who) for b in who[i + 1 :]
    ]

    expected = (signs.count(1) - signs.count(-1)) / (signs.count(1) + signs.count(-1))

    assert grid.gamma == pytest.approx(expected)
    assert "go together" in grid.text("en")


def test_the_grid_has_its_empty_cells_and_its_totals():
    grid = make_grid(grid_cells([[5, 0], [0, 0]]), CUTS)

    assert len(grid.cells) == 9
    assert grid.cells["customers"].sum() == 5
    table = grid.frames()["value_grid"]
    total = table[(table["voice_band"] == "all") & (table["data_band"] == "all")].iloc[0]
    assert (total["customers"], total["customer_share"], total["revenue_yuan"]) == (5, 1.0, 50.0)
    rows = table[(table["voice_band"] != "all") & (table["data_band"] == "all")]
    assert rows["customers"].tolist() == [5, 0, 0]
    assert np.isnan(grid.gamma)
    assert grid.text("zh") == "没有高语音客户，或数据业务价值没有差异，交叉分类没有意义。"


def test_customers_whose_band_is_unknown_stay_in_the_grid():
    cells = frame(
        [(-1, 0, 7, 0.0, 0.0, 0), (2, 2, 3, 9.0, 3.0, 0)], "voice_yuan_band", "data_yuan_band"
    )

    grid = make_grid(cells, CUTS)

    assert grid.cells["customers"].sum() == 10
    assert grid.cells.set_index("voice_band").loc["unknown", "customers"] == 7


def test_shares_of_a_margin_that_is_not_above_zero_are_unknown():
    cells = frame([(0, 0, 5, 10.0, -4.0, 0)], "voice_yuan_band", "data_yuan_band")

    grid = make_grid(cells, CUTS)

    assert grid.cells["margin_yuan"].iloc[0] == -4
    assert grid.cells["margin_share"].isna().all()


def test_bad_cells_are_refused():
    with pytest.raises(MissingDataError, match="data_yuan_band"):
        make_grid(pd.DataFrame({"voice_yuan_band": [1]}), CUTS)
    with pytest.raises(DataError, match="at most 3 bands"):
        make_grid(grid_cells([[1] * 4]), CUTS | {"data": (1.0, 2.0, 3.0)})
    with pytest.raises(DataError, match="nobody"):
        make_grid(grid_cells([[0]]), CUTS)
    with pytest.raises(DataError, match="nobody with voice_yuan"):
        choose_cuts(pd.DataFrame({"measure": [], "bin": [], "customers": []}), "voice_yuan", step=1)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=30), st.floats(0.05, 0.95))
def test_a_cut_is_the_end_of_a_bin_nearest_to_the_share(counts, share):
    spread = pd.DataFrame({"measure": "x", "bin": range(len(counts)), "customers": counts})

    (cut,) = choose_cuts(spread, "x", step=2.0, shares=(share,))

    total, below = sum(counts), [sum(counts[: at + 1]) for at in range(len(counts) - 1)]
    gaps = [abs(held / total - share) for held in below]
    assert abs(below[int(cut / 2) - 1] / total - share) == pytest.approx(min(gaps))


def test_names_of_cells_are_those_the_reduction_writes():
    names = grid_names({"voice": (50.0,), "data": (40.0, 80.0)})

    assert names["1·1"] == {"zh": "语音高·数据中", "en": "voice high, data middle"}
    assert names["-1·0"]["zh"] == "语音不明·数据低"


def test_scenes_keep_their_order_and_empty_ones():
    cells = frame([("local", 30, 300.0, 90.0, 1), ("data", 10, 400.0, 100.0, 0)], "scene")

    scenes = tally_scenes(cells, SceneRules())

    assert scenes.rows["scene"].tolist() == ["data", "business_travel", "local", "mixed"]
    assert scenes.rows["customers"].tolist() == [10, 0, 30, 0]
    assert scenes.rows["margin_share"].iloc[0] == 0.25
    assert scenes.text("en").startswith("The largest scene is local voice (75% of customers)")
    assert "户均贡献最高的是流量型，近12个月户均40元（10户）" in scenes.text("zh")
    with pytest.raises(ArgumentError, match="below data_share_from"):
        SceneRules(local_share_to=0.6)


def rfm_cells(rows):
    names = ["recency_months", "frequency", "amount_bin", "customers", "amount"]
    return pd.DataFrame(rows, columns=names)


def test_rfm_scores_are_fifths_by_the_middle_rank():
    """Ten customers, all different in every measure, two a score; the latest score 5."""
    rows = [(at, 10 - at, 100 - at, 1, 1.0) for at in range(10)]

    rfm = score_rfm(rfm_cells(rows))

    scores = rfm.cells.set_index(["recency_score", "frequency_score", "amount_score"])["customers"]
    assert scores.to_dict() == {(s, s, s): 2 for s in range(1, 6)}
    assert rfm.cuts.set_index("score")["recency_months"].to_dict() == {1: 9, 2: 7, 3: 5, 4: 3, 5: 1}


def test_rfm_of_recharges_speaks_of_recharges():
    cells = pd.DataFrame(
        {
            "recency_months": [0, 5, 9],
            "frequency": [12, 6, 1],
            "amount_bin": [90, 80, 60],
            "customers": [10, 10, 10],
            "amount": [9000.0, 5000.0, 200.0],
        }
    )
    scored = score_rfm(cells, measured="recharges")
    assert "customers who recharged" in scored.text("en")
    assert "有充值的30户中" in scored.text("zh")


def test_rfm_scores_agree_with_pandas_cut_of_ranks():
    rng = np.random.default_rng(1)
    rows = [
        (int(r), int(f), int(m), 1, 5.0)
        for r, f, m in zip(
            rng.integers(0, 12, 400),
            rng.poisson(4, 400) + 1,
            rng.integers(60, 160, 400),
            strict=True,
        )
    ]
    rows = rfm_cells(rows)
    middle = rows["frequency"].rank(method="average").sub(0.5).div(len(rows))
    expected = np.minimum((middle * 5).astype(int) + 1, 5)

    cells = rows.groupby(list(rows.columns[:3]), as_index=False).sum()
    rfm = score_rfm(cells)

    counts = rfm.cells.groupby("frequency_score")["customers"].sum()
    assert counts.to_dict() == expected.value_counts().sort_index().to_dict()


def test_those_alike_share_a_score_and_the_sentence_says_so():
    rfm = score_rfm(rfm_cells([(0, 12, 50, 60, 1.0), (0, 12, 90, 40, 9.0)]))

    assert set(rfm.cells["recency_score"]) == {3}
    assert rfm.told == ("amount",)
    assert "alike in recency, frequency" in rfm.text("en")
    assert "全部客户的最近一次时间、频次相同" in rfm.text("zh")


def test_the_eight_classes_and_their_bounds():
    rows = [
        (0 if recent else 9, 9 if often else 1, 99 if large else 1, 10, 1.0)
        for recent, often, large in CLASSES
    ]
    rfm = score_rfm(rfm_cells(rows))

    assert rfm.cells["class"].nunique() == 8
    assert rfm.bounds == {"recency_months": 0, "frequency": 9, "amount_bin": 99}
    assert rfm_class_names()["011"] == {"zh": "重要保持", "en": "key: keep"}
    assert rfm.summary()["customers"].tolist() == [10] * 8
    with pytest.raises(DataError, match="nobody"):
        score_rfm(rfm_cells([]))


def cohorts(rows):
    names = ["joined_year", "status", "customers", "before_yuan", "now_yuan"]
    made = pd.DataFrame(rows, columns=names)
    return made.assign(before_margin_yuan=1.0, now_margin_yuan=1.0)


def test_the_change_of_revenue_is_the_sum_of_its_parts():
    view = view_cohorts(
        cohorts(
            [
                (2020.0, "stayed", 8, 80.0, 90.0),
                (2024.0, "recent", 3, 10.0, 30.0),
                (2025.0, "joined", 5, 0.0, 40.0),
                (2020.0, "left", 2, 20.0, 5.0),
                (np.nan, "passed", 1, 3.0, 0.0),
            ]
        ),
        MONTH,
    )
    parts = view.parts.set_index("part")["change_yuan"]

    assert parts.to_dict() == {"left": -15, "joined": 40, "stayed": 10, "recent": 20, "passed": -3}
    rows = view.rows.set_index("joined_year")
    assert list(rows.index) == ["2020", "2024", "2025", "unknown"]
    assert rows.loc["2020", "kept_share"] == 0.8
    assert np.isnan(rows.loc["2025", "kept_share"])
    assert "rose 46.0%, from ¥113 to ¥165" in view.text("en")
    assert "上年客户留存85%" in view.text("zh")  # 11 of 13


def test_early_years_are_added_up_and_nothing_is_lost():
    rows = cohorts([(float(year), "stayed", 1, 1.0, 2.0) for year in range(1999, 2020)])

    view = view_cohorts(rows, MONTH, most_years=5)

    assert view.rows["joined_year"].tolist() == ["–2015", "2016", "2017", "2018", "2019"]
    assert view.rows["customers"].sum() == 21
    assert view.rows["now_yuan"].sum() == 42


def test_of_a_year_that_few_left_it_is_not_published_what_would_tell():
    rows = [(2019.0, "left", 4, 1.0, 0.0), (2019.0, "stayed", 36, 1.0, 1.0)]
    rows += [(2020.0, "left", 16, 1.0, 0.0), (2020.0, "stayed", 144, 1.0, 1.0)]
    rows += [(2021.0, "left", 30, 1.0, 0.0), (2021.0, "stayed", 70, 1.0, 1.0)]
    view = view_cohorts(cohorts(rows), MONTH)

    found = view.frames()["base_cohorts"]

    # Beside 36 in service now, 40 before would tell that four left; so would 50 who left in all
    # beside 46 of the other years.
    assert found["kept_share"].isna().tolist() == [True, True, False]
    assert found["before_customers"].isna().tolist() == [True, True, False]
    assert found["customers"].tolist() == [36, 144, 70]
    assert view.rows["before_customers"].tolist() == [40, 160, 100]


def test_half_a_last_year_is_not_compared():
    view = view_cohorts(cohorts([(2025.0, "joined", 5, 0.0, 40.0)]), MONTH, whole=False)

    assert (
        view.text("en")
        == "Last year is not fully in the data, so this year cannot be held against it."
    )
    with pytest.raises(DataError, match="a known status"):
        view_cohorts(cohorts([(2025.0, "gone", 5, 0.0, 40.0)]), MONTH)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(*[st.sampled_from("abcd")] * 2, st.integers(1, 99)), min_size=1, max_size=20)
)
def test_jaccard_of_kept_segments_is_that_of_sets(pairs):
    table = pd.DataFrame(pairs, columns=["before", "after", "customers"])
    table = table.groupby(["before", "after"], as_index=False)["customers"].sum()
    before, after, start = {}, {}, 0
    for row in table.itertuples():
        people = set(range(start, start + row.customers))
        start += row.customers
        before.setdefault(row.before, set()).update(people)
        after.setdefault(row.after, set()).update(people)

    got = certify_kept(table).rows.set_index("segment")["jaccard"]

    for name in set(before) | set(after):
        one, two = before.get(name, set()), after.get(name, set())
        assert got[name] == pytest.approx(len(one & two) / len(one | two))


def test_a_certificate_warns_by_name():
    kept = pd.DataFrame(
        {"before": ["data", "local"], "after": ["data", "data"], "customers": [30, 10]}
    )
    paper = certify_kept(kept, scene_names())

    assert paper.rows["verdict"].tolist() == [verdict(0.75), verdict(0.0)] == ["stable", "unstable"]
    assert not paper.stable
    assert "Not to be relied on alone: local voice (0.00)" in paper.text("en")
    assert "本地语音型 (0.00)" in paper.text("zh")
    whole = certificates_table({"scene": paper})
    assert whole[["kind", "name_zh"]].to_numpy().tolist() == [
        ["scene", "流量型"],
        ["scene", "本地语音型"],
    ]
    assert certificates_table({}).empty
    with pytest.raises(DataError, match="one kind"):
        certify_kept(kept.assign(kind=["grid", "scene"]))


def tabs(rows):
    cells = frame(rows, "county", "cards")
    cards = BOOK.editions[0].cards
    return CrossTabs(
        tables={"county": cross_table(cells, "county", "county", cards, level="cards")}
    )


def test_cross_tabs_speak_of_groups_of_ten_and_more_only():
    found = tabs(
        [
            ("east", 4, 12, 2_400.0, 1.0, 0),
            ("west", 0, 20, 2_000.0, 1.0, 0),
            ("tiny", 4, 9, 99_999.0, 1.0, 0),
            ("unknown", 0, 30, 90_000.0, 1.0, 0),
        ]
    )

    assert found.tables["county"]["customers"].sum() == 71
    assert found.text("en") == (
        "Revenue a customer in 12 months: by county, from ¥200 (east) to ¥100 (west)."
    )
    assert "tiny" not in found.text("zh")
    assert tabs([("east", 4, 12, 2_400.0, 1.0, 0)]).text("zh").startswith("没有两个")


def test_cross_tabs_tell_counties_by_their_names():
    found = tabs([("east", 4, 12, 2_400.0, 1.0, 0), ("unknown", 0, 30, 90_000.0, 1.0, 0),
                  ("west", 0, 20, 2_000.0, 1.0, 0)])  # fmt: skip

    told = found.named(lambda kind, value: f"{kind} {value}")

    assert told.text("en") == found.text("en").replace("east", "county east").replace(
        "west", "county west"
    )
    assert set(told.tables["county"]["county"]) == {"county east", "county west", "unknown"}
    assert set(found.tables["county"]["county"]) == {"east", "west", "unknown"}


def test_ages_and_grades_have_names_in_both_languages():
    assert age_names([25, 35]) == {-1: "unknown", 0: "–24", 1: "25–34", 2: "35+"}
    assert group_name("age", "–24", "zh") == "24岁及以下"
    assert group_name("age", "35+", "en") == "35 years and over"
    assert group_name("grade", "unrated", "zh") == "非集团"
    assert group_name("customer_type", "family", "zh") == "家庭"


def test_the_answer_says_what_is_known_and_no_more():
    value = measure_concentration([1.0] * 90 + [10.0] * 10)
    pyramid = tally_tiers(
        frame([(4, 10, 100.0, 40.0, 0), (-1, 90, 100.0, 40.0, 0)], "cards"), BOOK, MONTH
    )

    alone = ValueSegments(concentration=value, measured="revenue")
    both = ValueSegments(concentration=value, pyramid=pyramid)

    assert (
        alone.text("en")
        == "Of 100 customers in service, the most valuable tenth bring 53% of revenue."
    )
    assert "贵宾卡客户占10%，贡献50%的收入，承诺服务年成本2,805元" in both.text("zh")
    assert "53% of margin" in both.text("en")
    assert ValueSegments().text("zh") == "数据中没有账单和使用量，无法判断客户价值。"
    assert ValueSegments().summary().empty
    with pytest.raises(DataError, match="margin or revenue"):
        ValueSegments(measured="profit")
