"""What the early-warning page says, worked out by hand from ``early_warning_tables``."""

import numpy as np
import pytest

from cvm.core.i18n import LANGUAGES
from cvm.segments.warning_reach import evaluate_reach
from cvm.views import page_parts
from cvm.views.early_warning_live import levers_of, texts_at
from cvm.views.pages import PAGES
from early_warning_tables import FACTS, INFO, RANKS, early_warning_tables, facts_table
from hand_made import drawn_page

PAGE = PAGES["early-warning"]


@pytest.fixture(scope="module")
def page():
    return drawn_page("early-warning")


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr(page_parts, "save_svg", lambda figure: b"<svg/>")


def test_the_sentence_says_whom_what_is_at_stake_and_how_the_last_list_did(page):
    assert page.content["en"]["sentence"] == (
        "Call 200 of 360 customers with warning signs: 58 of those called are expected to leave "
        "within 3 months, with ¥86k at risk. Of the last list 25.0% left, 5.0 times the base, and "
        "it held 10% of all leavers."
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


def test_titles_say_what_the_pictures_show(page):
    titles = {chart["key"]: chart["title"] for chart in page.content["en"]["charts"]}
    assert titles == {
        "reasons": "Most at stake: Bill fall, ¥51k with 120 customers",
        "scored": "Of the last list 25.0% left, of all others 4.6%",
        "calibration": "Of the riskiest group 8.0% were expected to leave; 8.4% did",
        "healths": "Of the four health scores, business tells leavers best",
    }
    zh = {chart["key"]: chart["title"] for chart in page.content["zh"]["charts"]}
    assert zh["scored"] == "上期名单离网25.0%，其余客户离网4.6%"


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
    for name in ("ranks", "scored", "calibration", "healths", "tiers"):
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
