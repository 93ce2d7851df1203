"""What the early-warning page says, worked out by hand from ``early_warning_tables``."""

import numpy as np
import pytest

from cvm.core.i18n import LANGUAGES, say
from cvm.segments.warning_reach import evaluate_reach
from cvm.views import page_parts
from cvm.views.early_warning_live import levers_of, texts_at
from cvm.views.pages import PAGES
from cvm.views.segments_warning import draw_reasons, draw_track
from cvm.views.targets import read_targets
from cvm.views.theme import new_figure, themed
from early_warning_tables import (
    FACTS,
    RANKS,
    TARGETS,
    early_warning_tables,
    facts_table,
)
from hand_made import drawn_page
from info_tables import INFO
from target_tables import targets_table

PAGE = PAGES["early-warning"]


@pytest.fixture(scope="module")
def page():
    return drawn_page("early-warning")


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr(page_parts, "save_svg", lambda figure: b"<svg/>")


def test_the_sentence_says_whom_what_is_at_stake_and_how_the_last_list_did(page):
    assert page.content["en"]["sentence"] == (
        "Call 200 of the 360 customers with warning signs who may be called: 58 of those called "
        "are expected to leave within 3 months, with ¥86k at risk. Of the last list 25.0% left, "
        "5.0 times the base, and it held 10% of all leavers."
    )
    assert page.content["zh"]["sentence"] == (
        "本月应外呼200户（可外呼预警客户共360户）：预计其中58户将在3个月内离网，涉及风险价值8.6万元。"
        "上期名单中25.0%已离网，为全网的5.0倍，覆盖全部离网客户的10%。"
    )
    assert page.content["en"]["tone"] == "good"


def test_the_cards_are_the_list_and_the_last_list(page):
    cards = {card["key"]: card for card in page.content["en"]["cards"]}
    assert list(cards) == ["calls", "leavers", "value", "gain", "last"]
    assert (cards["calls"]["value"], cards["calls"]["change"]) == (
        "200",
        "of 360 who may be called",
    )
    assert (cards["leavers"]["value"], cards["leavers"]["change"]) == (
        "58",
        "29.0% of those called",
    )
    # 86,000 of 91,700 at risk with candidates; 0.2 × 86,000 − 2,800.
    assert (cards["value"]["value"], cards["value"]["change"][:3]) == ("¥86k", "94%")
    assert (cards["gain"]["value"], cards["gain"]["tone"]) == ("¥14.4k", "good")
    assert (cards["last"]["value"], cards["last"]["change"]) == ("25.0%", "5.0 times the base")
    zh = {card["key"]: card for card in page.content["zh"]["cards"]}
    assert (zh["value"]["value"], zh["value"]["unit"]) == ("8.6万", "元")
    assert cards["leavers"]["note"] == "if nothing is done; last list: 48 expected, 50 left"
    assert zh["leavers"]["note"] == "如不采取措施；上期名单预计48户，实际50户"


def test_cards_have_a_target_or_a_gauge_and_the_course_of_past_lists(page):
    cards = {card["key"]: card for card in page.content["en"]["cards"]}
    # Capacity 200, all of it used: the gauge runs to 1.25 capacities.
    gauge = cards["calls"]["gauge"]
    assert (gauge["fill"], gauge["mark"]) == (pytest.approx(0.8), pytest.approx(0.8))
    assert gauge["alt"] == "200 calls, capacity 200"
    told = {key: (card["target"], card["target_tone"]) for key, card in cards.items()}
    assert told == {
        "calls": ("", ""),
        "leavers": ("Target hit rate at least 20.0%: met", "good"),  # 29.0 %
        "value": ("Target share at least 95%: not met", "bad"),  # 94 %
        "gain": ("Target at least ¥14k: met", "good"),  # ¥14.4k
        "last": ("Target hit rate at least 20.0%: met", "good"),  # 25.0 %
    }
    # Shares of 20, 22, none, 25, 18 and 25 % against 20 %: between 18 and 25.
    assert cards["last"]["spark"] == [
        round(one / 7, 3) if one is not None else None for one in (2, 4, None, 7, 0, 7)
    ]
    assert cards["last"]["spark_mark"] == round(2 / 7, 3)
    # 40, 44, –, 40, 36 and 50 left; September and October are not over; 58 are expected now.
    assert cards["leavers"]["spark"] == [
        round(one / 22, 3) if one is not None else None
        for one in (4, 8, None, 4, 0, 14, None, None, 22)
    ]
    assert cards["leavers"]["spark_alt"].endswith("as they left, the last as expected now.")
    assert [len(cards[key]["spark"]) for key in ("value", "gain")] == [9, 9]
    # Lowest of the gains: 0.2 × 56,000 − 2,800.
    assert "lowest ¥8,400, highest ¥14.4k" in cards["gain"]["spark_alt"]
    notes = " ".join(page.content["zh"]["notes"])
    assert "目标依据：2026年经营考核" in notes


def test_without_targets_and_past_lists_cards_say_what_they_said(undrawn):
    tables = early_warning_tables()
    del tables["targets"], tables["early_warning_track"]
    tables["early_warning_facts"] = facts_table(capacity=None, last_left=None)
    content = PAGE.make(tables, INFO).content["en"]
    for card in content["cards"]:
        assert (card["target"], card["target_tone"], card["spark"]) == ("", "", [])
        assert card["gauge"] is None
    assert content["cards"][0]["note"] == "most expected gain first"
    assert content["cards"][1]["note"] == "if nothing is done"
    assert "Targets" not in " ".join(content["notes"])


def test_titles_say_what_the_pictures_show(page):
    titles = {chart["key"]: chart["title"] for chart in page.content["en"]["charts"]}
    assert titles == {
        "reasons": "Most at stake: Bill fall, ¥51k with 120 customers",
        "track": "Each of 5 past lists found leavers: 3.6 to 5.0 times the base",
        "calibration": "Of the riskiest group 8.0% were expected to leave; 8.4% did",
        # Business .68 to .72, calling circle .66 to .70: their intervals meet.
        "healths": (
            "Of the four health scores, business and calling circle tell leavers best, with no "
            "clear difference between them"
        ),
    }
    zh = {chart["key"]: chart["title"] for chart in page.content["zh"]["charts"]}
    assert zh["track"] == "往期5份名单的离网率均显著高于全网，为其3.6–5.0倍"
    assert zh["healths"] == "四个健康维度中，业务与通话圈区分力最强，彼此差异不显著"


@pytest.mark.parametrize(
    ("low", "high", "tone"), [(1.2, 3.0, "good"), (0.9, 3.0, "neutral"), (0.3, 0.8, "bad")]
)
def test_a_last_list_that_may_be_chance_is_neither_good_nor_bad(low, high, tone, undrawn):
    facts = facts_table(last_lift_low=low, last_lift_high=high)
    content = PAGE.make(early_warning_tables() | {"early_warning_facts": facts}, INFO).content["en"]
    assert (content["tone"], content["cards"][-1]["tone"]) == (tone, tone)


def test_a_reason_is_called_largest_only_among_those_known_whole(undrawn):
    def chart(reasons):
        tables = early_warning_tables() | {"early_warning_reasons": reasons}
        charts = PAGE.make(tables, INFO).content["en"]["charts"]
        return next(one for one in charts if one["key"] == "reasons")

    reasons = early_warning_tables()["early_warning_reasons"]
    of_fall = (reasons["reason"] == "bill_fall") & (reasons["status"] == "called")
    figures = ["customers", "expected_leavers", "value_at_risk_yuan"]
    partly = reasons.assign(**{name: reasons[name].mask(of_fall) for name in figures})
    found = chart(partly)
    assert found["title"].startswith("Of the reasons shown in full, most at stake: ")
    assert "Bill fall" not in found["title"] + found["alt"]
    one = reasons["reason"] == "bill_fall"
    alone = reasons.assign(**{name: reasons[name].where(one) for name in figures})
    assert chart(alone)["title"] == "Value at risk by first reason"


def test_the_page_says_what_a_customer_who_stays_is_taken_to_be_worth(page, undrawn):
    assert not any("Value if the customer stays" in note for note in page.content["en"]["notes"])
    told = early_warning_tables() | {"early_warning_facts": facts_table(value_months=24.0)}
    notes = {lang: " ".join(PAGE.make(told, INFO).content[lang]["notes"]) for lang in ("en", "zh")}
    assert "the last four months (the bill, where costs are not known) times 24" in notes["en"]
    assert "近4个月平均月毛利（成本未知时按账单）×24个月" in notes["zh"]


def test_one_health_is_called_best_only_where_its_interval_stands_clear(undrawn):
    tables = early_warning_tables()
    healths = tables["early_warning_healths"]
    above = healths["score"] == "business"
    tables["early_warning_healths"] = healths.assign(
        auc_low=healths["auc_low"].mask(above, 0.701), auc=healths["auc"].mask(above, 0.71)
    )
    charts = {chart["key"]: chart for chart in PAGE.make(tables, INFO).content["en"]["charts"]}
    assert charts["healths"]["title"] == "Of the four health scores, business tells leavers best"


def test_the_page_says_that_past_lists_were_drawn_up_afterwards(page, undrawn):
    assert any("nobody was called from them" in note for note in page.content["en"]["notes"])
    assert any("事后回溯" in note for note in page.content["zh"]["notes"])
    tables = early_warning_tables()
    del tables["early_warning_track"]
    unscored = facts_table(last_lift=None, last_precision=None)
    notes = PAGE.make(tables | {"early_warning_facts": unscored}, INFO).content["en"]["notes"]
    assert not any("Past lists" in note for note in notes)


def test_past_lists_are_told_by_month_and_a_single_one_as_the_last_list(page, undrawn):
    (track,) = (chart for chart in page.content["en"]["charts"] if chart["key"] == "track")
    rows = [
        dict(zip(track["table"]["columns"], row, strict=True)) for row in track["table"]["rows"]
    ]
    assert len(rows) == 5  # May's leavers are too few to be told
    assert rows[-1] == {
        "Month of list": "Aug 2026", "On the list": "200", "Left": "50",
        "Expected leavers": "48.0", "Share left": "25.0%", "From": "20.0%", "To": "31.0%",
        "Of the base": "5.0%", "Of all leavers": "10.0%", "Times the base": "5.0",
    }  # fmt: skip
    assert "Jul 2026 18.0% against 5.0%" in track["alt"]
    (note,) = (one for one in page.content["zh"]["notes"] if "往期名单" in one)
    assert note.endswith("不予展示：2026年5月。")

    tables = early_warning_tables()
    known = tables["early_warning_track"]
    tables["early_warning_track"] = known.assign(lift_low=known["lift_low"] - 2.9)
    titles = [one["title"] for one in PAGE.make(tables, INFO).content["en"]["charts"]]
    assert "2 of 5 past lists found leavers clearly better than chance" in titles
    tables["early_warning_track"] = known.tail(1)
    charts = {one["key"]: one["title"] for one in PAGE.make(tables, INFO).content["zh"]["charts"]}
    assert "track" not in charts
    assert charts["scored"] == "上期名单离网25.0%，其余客户离网4.6%"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_parts_and_lines_are_named_where_they_are(lang):
    tables = early_warning_tables()
    with themed(lang, "phone"):
        axes = draw_reasons(tables["early_warning_reasons"], new_figure("phone", 300).subplots(),
                            lang)  # fmt: skip
        names = {text.get_text(): text.xy for text in axes.texts}
        assert axes.get_legend() is None
        # Called is widest with bill falls, on top; beyond capacity with risk alone, at the bottom.
        called, beyond = [say(f"early_warning.part.{name}", lang) for name in
                          ("called", "over_capacity")]  # fmt: skip
        assert names[called] == pytest.approx((0, 2.29))
        assert names[beyond] == pytest.approx((6_000, 0.29))

        axes = draw_track(tables["early_warning_track"], new_figure("phone", 300).subplots(), lang,
                          months=3, ticks=3)  # fmt: skip
        said = [text.get_text().split()[-1] for text in axes.texts]
        assert said == ["25.0%", "24.0%", "5.0%"]
        listed = axes.lines[0].get_ydata()
        np.testing.assert_allclose(listed, [0.2, 0.22, np.nan, 0.25, 0.18, 0.25])
        assert axes.get_ylim()[1] > 0.31


def test_a_withheld_group_is_a_dash_and_none_called_is_a_zero(page):
    reasons, tiers, counties = page.content["en"]["drill"]["groups"]
    assert [one["label"] for one in reasons["choices"]] == [
        "Bill fall", "Unusual forwarding", "High risk alone",
    ]  # fmt: skip
    facts = [dict(map(tuple, one["facts"])) for one in tiers["choices"]]
    assert [one["label"] for one in tiers["choices"]] == ["Diamond", "Gold", "No card"]
    assert set(facts[0].values()) == {"–"}
    assert facts[2]["May be called"] == "310"
    assert facts[2]["Expected to leave"] == "17.4%"  # 54 ÷ 310
    assert [one["label"] for one in counties["choices"]] == ["Anning", "<b>North"]
    whole = dict(map(tuple, page.content["en"]["drill"]["all"]["facts"]))
    assert (whole["May be called"], whole["Expected leavers"]) == ("360", "68")
    notes = " ".join(page.content["en"]["notes"])
    assert "25 in a running campaign; 160 beyond the call capacity" in notes
    assert "family" not in notes


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_lever_moves_sentence_cards_and_titles(lang):
    texts = texts_at(RANKS, FACTS, {"calls": 75.0, "saved": 0.1}, lang)
    # A group and a half: 60,000 at risk, 32.5 leavers, 1,400 of acts; 0.1 × 60,000 − 1,400.
    cards = texts["cards"]
    assert cards["value"]["value"] == ("¥60k" if lang == "en" else "6万")
    assert cards["leavers"]["value"] == "32.5"
    assert cards["gain"]["value"] == ("¥4,600" if lang == "en" else "4,600")
    assert "75" in texts["sentence"]
    # A group pays while a tenth of it is more than its acts: up to the fourth, 600 against 500.
    assert "200" in texts["gain_title"]
    assert texts_at(RANKS, FACTS, {"calls": 200.0}, lang)["sentence"] == ""
    none = texts_at(RANKS, FACTS, {"saved": 0.0}, lang)
    assert (none["tone"], none["cards"]["gain"]["direction"]) == ("bad", "down")
    assert none["gain_title"].startswith("At this rate" if lang == "en" else "按此挽留率")
    assert texts_at(RANKS, FACTS, {"calls": 0.0}, lang)["cards"]["leavers"]["change"]


def test_a_lever_moves_the_gauge_and_what_is_said_of_targets():
    goals = read_targets(targets_table(**TARGETS))
    cards = texts_at(RANKS, FACTS, {"calls": 240.0, "saved": 0.0}, "en", goals)["cards"]
    # 240 ÷ 200 ÷ 1.25; the fifth group brings 3,000 more of the value at risk: 89,000 of 91,700.
    assert cards["calls"]["gauge"]["fill"] == pytest.approx(0.96)
    assert cards["calls"]["note"] == "40 beyond the capacity of 200"
    assert cards["value"]["target_tone"] == "good"
    assert (cards["gain"]["target"], cards["gain"]["target_tone"]) == (
        "Target at least ¥14k: not met", "bad",
    )  # fmt: skip
    # All 360 hold 68 expected leavers, 18.9 %.
    all_ = texts_at(RANKS, FACTS, {"calls": 360.0}, "zh", goals)["cards"]
    assert all_["leavers"]["target"] == "命中率目标≥20.0%，未达标"
    assert all_["calls"]["gauge"]["fill"] == 1
    assert all_["calls"]["note"] == "超出外呼能力（200户）160户"
    nobody = texts_at(RANKS, FACTS, {"calls": 0.0}, "en", goals)["cards"]
    assert nobody["leavers"]["target"] == ""


def test_reach_is_monotone_and_adds_up():
    got = [evaluate_reach(RANKS, calls=at, saved_share=0.2) for at in np.linspace(0, 400, 41)]
    for name in ("calls", "leavers", "value_yuan", "cost_yuan"):
        values = [one[name] for one in got]
        assert values == sorted(values)
    assert got[-1]["value_yuan"] == pytest.approx(sum(RANKS["value_at_risk_yuan"]))
    assert got[-1]["calls"] == 360
    assert got[0]["gain_yuan"] == 0


def test_sliders_stand_where_the_list_stands():
    levers = {one["name"]: one for one in levers_of(RANKS, FACTS, "zh")}
    assert (levers["calls"]["high"], levers["calls"]["now"]) == (360.0, 200.0)
    assert (levers["saved"]["now"], levers["saved"]["value"]) == (0.2, "20%")
    assert levers["calls"]["today"] == "现行200户"


def test_what_is_not_published_is_said_and_the_rest_is_shown(undrawn):
    tables = early_warning_tables()
    for name in ("ranks", "scored", "track", "calibration", "healths", "tiers"):
        del tables[f"early_warning_{name}"]
    tables["early_warning_facts"] = facts_table(
        **{name: None for name in FACTS if name.startswith("last_")}
    )
    content = PAGE.make(tables, INFO).content["en"]
    assert content["live"] is None
    assert content["cards"] == []
    assert "No earlier list could be scored" in content["sentence"]
    assert content["tone"] == "neutral"
    notes = " ".join(content["notes"])
    assert "capacity cannot be moved" in notes
    assert "could not be tested" in notes


def test_withheld_groups_of_rank_stop_the_levers_not_the_page(undrawn):
    tables = early_warning_tables()
    tables["early_warning_ranks"].loc[7, ["customers", "expected_leavers"]] = np.nan
    content = PAGE.make(tables, INFO).content["en"]
    assert content["live"] is None
    assert content["sentence"].startswith("Call 200")


def test_nobody_to_call_is_said(undrawn):
    tables = early_warning_tables()
    tables["early_warning_facts"] = facts_table(calls=0.0, candidates=0.0)
    assert PAGE.make(tables, INFO).content["zh"]["sentence"].startswith("本月无需外呼客户")
