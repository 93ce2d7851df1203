"""What the overview page says, worked out by hand from the round tables of ``overview_tables``."""

import pytest

from cvm.core.snapshot import charts_of
from cvm.views import page_parts
from cvm.views.pages import PAGES
from hand_made import drawn_page
from overview_tables import INFO, brands_table, facts_table, months_table, overview_tables

OVERVIEW = PAGES["overview"]


@pytest.fixture(scope="module")
def page():
    return drawn_page("overview")


@pytest.fixture
def undrawn(monkeypatch):
    """Where only words matter, pictures are not drawn."""
    monkeypatch.setattr(page_parts, "save_svg", lambda figure: b"<svg/>")


def test_the_sentence_answers_the_question(page):
    sentence = page.content["zh"]["sentence"]
    for figure in ("2026年5月", "2.24万", "5.7%", "1.50%", "2.00%", "2.30%", "0.30"):
        assert figure in sentence
    assert page.content["zh"]["tone"] == "good"


def card(page, lang, key):
    return next(one for one in page.content[lang]["cards"] if one["key"] == key)


@pytest.mark.parametrize(
    ("lang", "key", "value", "change", "tone"),
    [
        ("zh", "customers", "2.24万", "同比+5.7%", "good"),
        ("en", "customers", "22.4k", "+5.7% on a year before", "good"),
        ("zh", "revenue", "1,600万", "同比+6.2%", "good"),
        ("en", "revenue", "¥16m", "+6.2% on a year before", "good"),
        ("zh", "arpu", "60.0", "与上年持平", "neutral"),
        ("zh", "churn", "1.50%", "同比−0.50个百分点", "good"),
        ("en", "churn", "1.50%", "−0.50 points on a year before", "good"),
        ("zh", "points", "2.00%", "低于上限0.30个百分点", "good"),
        ("en", "points", "2.00%", "0.30 points below the cap", "good"),
    ],
)
def test_key_figures(page, lang, key, value, change, tone):
    found = card(page, lang, key)
    assert (found["value"], found["change"], found["tone"]) == (value, change, tone)


def test_key_figures_are_held_against_their_targets(page, undrawn):
    told = {one["key"]: (one["target_tone"], one["target"]) for one in page.content["zh"]["cards"]}
    assert told == {
        "customers": ("good", "同比目标≥+5.0%，已达标"),
        "revenue": ("bad", "同比目标≥+7.0%，未达标"),
        "arpu": ("good", "目标≥60.0元，已达标"),
        "churn": ("bad", "目标≤1.40%，未达标"),
        "points": ("", "上限2.30% · 2026积分年度前6个月"),
    }
    # Churn by month is 1.5 to 2 %, the target 1.4 %: its line lies at the foot of the course.
    assert card(page, "zh", "churn")["spark_mark"] == 0
    assert card(page, "zh", "churn")["spark"][-1] == pytest.approx(1 / 6, abs=1e-3)
    assert "spark_mark" not in card(page, "zh", "customers")
    assert "目标依据：2026年经营考核（自2026年1月起）。" in page.content["zh"]["notes"]
    bare = {name: table for name, table in overview_tables().items() if name != "targets"}
    cards = OVERVIEW.make(bare, INFO).content["en"]["cards"]
    assert [one["target"] for one in cards[:4]] == [""] * 4


def test_an_overrun_of_the_cap_is_bad_news_everywhere(undrawn):
    tables = overview_tables() | {"overview_facts": facts_table(points_cost_share=0.0276)}
    page = OVERVIEW.make(tables, INFO)
    found = card(page, "zh", "points")
    assert (found["tone"], found["change"]) == ("bad", "超出上限0.46个百分点")
    # 0.0276 ÷ 0.023 = 1.2 caps on a gauge that ends at 1.25 caps.
    assert found["gauge"]["fill"] == pytest.approx(1.2 / 1.25)
    assert page.content["zh"]["tone"] == "bad"
    title = next(c["title"] for c in page.content["en"]["charts"] if c["key"] == "points")
    assert "above the cap of 2.30%" in title


def test_a_shrinking_base_and_rising_churn_are_bad(undrawn):
    facts = facts_table(customers_change_share=-0.031, churn_share=0.022)
    page = OVERVIEW.make(overview_tables() | {"overview_facts": facts}, INFO)
    assert card(page, "en", "customers")["tone"] == "bad"
    assert card(page, "en", "customers")["direction"] == "down"
    assert card(page, "en", "churn")["tone"] == "bad"
    titles = {chart["key"]: chart["title"] for chart in page.content["zh"]["charts"]}
    assert titles["base"].startswith("客户数一年下降3.1%")
    assert titles["churn"] == "月均离网率升至2.20%，比上年高0.20个百分点"


def test_titles_say_what_the_charts_show(page):
    titles = {chart["key"]: chart["title"] for chart in charts_of(page.content["zh"])}
    assert titles == {
        "base": "客户数一年增长5.7%，近12个月收入1,600万元",
        "churn": "月均离网率降至1.50%，比上年低0.50个百分点",
        "tiers": "持卡客户占30.0%，贡献收入55.0%",
        "points": "2026积分年度前6个月成本占收入2.00%，在2.30%上限之内",
        "counties": "可展示的县区中，安宁户均月收入最高（72.5元），榆中离网率最高（月均2.25%）",
    }


def test_the_table_under_a_chart_holds_its_figures(page):
    table = next(c["table"] for c in page.content["zh"]["charts"] if c["key"] == "points")
    assert table["rows"] == [
        ["2025", "12", "375,000", "15,000,000", "2.50", "2.30"],
        ["2026", "6", "160,000", "8,000,000", "2.00", "2.30"],
    ]


def test_nobody_is_said_to_have_left_before_the_data_begin(undrawn):
    months = overview_tables()["overview_months"]
    months = months.assign(left=[0, *months["left"].iloc[1:]])
    months.loc[0, "churn_share"] = None  # there is no month before it
    content = OVERVIEW.make(overview_tables() | {"overview_months": months}, INFO).content["en"]
    for key in ("base", "churn"):
        (chart,) = (one for one in content["charts"] if one["key"] == key)
        at = chart["table"]["columns"].index("Left")
        assert [row[at] for row in chart["table"]["rows"][-2:]] == ["400", "–"]


def test_a_withheld_county_is_a_dash_not_a_zero(page):
    table = page.content["en"]["drill"]["chart"]["table"]
    assert table["rows"][-1] == ["Honggu", "–", "–", "–", "–"]
    assert any("Rows withheld: 1" in note for note in page.content["en"]["notes"])
    group = page.content["en"]["drill"]["groups"][0]["choices"][-1]
    assert {value for _, value in group["facts"]} == {"–"}


def test_a_county_is_called_first_only_among_those_shown(undrawn):
    def title(counties):
        content = OVERVIEW.make(overview_tables() | {"overview_counties": counties}, INFO)
        return content.content["en"]["drill"]["chart"]["title"]

    counties = overview_tables()["overview_counties"]
    shown = counties.dropna(subset=["churn_share"])
    assert title(shown).startswith("安宁 earns most per customer (¥72.5); ")
    assert title(counties).startswith("Of the counties shown, 安宁 earns most")
    alone = counties.assign(
        **{
            name: counties[name].where(counties["county"] == "安宁")
            for name in ("arpu_yuan", "churn_share")
        }
    )
    assert title(alone) == "Revenue per customer and churn by county"


def test_churn_that_would_tell_of_few_leavers_is_explained(page, undrawn):
    def told(tables):
        return [
            one
            for one in OVERVIEW.make(tables, INFO).content["zh"]["notes"]
            if "离网客户过少" in one
        ]

    tables = overview_tables()
    assert not told(tables)  # what is withheld as a row is told of as a row
    tiers = tables["overview_tiers"]
    few = tiers["vip_tier"] == tiers["vip_tier"].iloc[0]
    hidden = tiers.assign(churn_share=tiers["churn_share"].mask(few))
    assert len(told(tables | {"overview_tiers": hidden})) == 1
    assert not told(tables | {"overview_tiers": tiers.assign(churn_share=None)})  # unknown, not few


def test_the_course_of_revenue_is_by_month_and_says_so(page):
    (card,) = (one for one in page.content["en"]["cards"] if one["key"] == "revenue")
    assert card["label"] == "Revenue, 12 months"
    assert card["spark_alt"].startswith("Revenue by month: from ")


def test_the_source_shows_no_folder_host_or_password(page, undrawn):
    dates = dict(page.content["en"]["dates"])
    assert dates["Source"] == "province-a"
    assert dates["Data to"] == "May 2026 (from May 2024)"
    assert dates["Published"] == "3 Jun 2026, 09:12 (Beijing time)"
    made = OVERVIEW.make(overview_tables(), INFO | {"source": "postgres://ann:secret@db/crm?x=1"})
    assert dict(made.content["en"]["dates"])["Source"] == "crm"


@pytest.mark.parametrize(
    ("table", "chart", "note"),
    [
        ("overview_tiers", "tiers", "没有卡级"),
        ("overview_points_years", "points", "没有积分成本"),
        ("overview_counties", "counties", "没有县区"),
        ("overview_months", "base", "没有客户月度表"),
    ],
)
def test_a_missing_table_is_said_not_hidden(table, chart, note, undrawn):
    tables = overview_tables()
    del tables[table]
    content = OVERVIEW.make(tables, INFO).content["zh"]
    assert chart not in [one["key"] for one in charts_of(content)]
    assert any(note in one for one in content["notes"])


def test_a_short_history_compares_nothing_with_a_year_before(undrawn):
    short = facts_table(
        customers_change_share=None, revenue_year_yuan=None, churn_before_share=None,
        revenue_change_share=None,
    )  # fmt: skip
    tables = {"overview_months": months_table().tail(6), "overview_facts": short}
    content = OVERVIEW.make(tables, INFO).content["en"]
    base = next(chart for chart in content["charts"] if chart["key"] == "base")
    assert base["title"] == "22.4k customers in service, ¥1.34m of revenue in May 2026"
    assert any("The data hold 6 months" in note for note in content["notes"])
    customers = next(one for one in content["cards"] if one["key"] == "customers")
    assert customers["change"] == "no figure of a year before"
    assert [one["label"] for one in content["cards"]][1] == "Revenue this month"


def test_a_figure_without_a_course_is_gauged_against_its_target(undrawn):
    tables = overview_tables() | {"overview_months": months_table().tail(1)}
    cards = {card["key"]: card for card in OVERVIEW.make(tables, INFO).content["en"]["cards"]}
    # 60 yuan of 60, on a gauge to a quarter beyond; 1.5 % of 1.4 % churn.
    assert cards["arpu"]["spark"] == []
    assert cards["arpu"]["gauge"]["fill"] == cards["arpu"]["gauge"]["mark"] == 0.8
    assert cards["churn"]["gauge"]["fill"] == pytest.approx(15 / 14 * 0.8, abs=1e-4)
    assert cards["churn"]["gauge"]["alt"] == "Monthly churn: 1.50%, target at most 1.40%"


def test_the_whole_base_is_counted_over_the_same_year_as_its_counties(undrawn):
    months = months_table()
    months.loc[months.index[-1], "revenue_yuan"] *= 2  # 22,400 × 60 yuan more, in one month
    content = OVERVIEW.make({"overview_months": months, "overview_brands": brands_table()}, {})
    whole = dict(content.content["en"]["drill"]["all"]["facts"])
    # Customer-months of the year: 12 × mean(21,300 … 22,400) = 262,200.
    assert whole["Monthly revenue per customer, 12 months"] == f"¥{60 + 22_400 * 60 / 262_200:,.1f}"
