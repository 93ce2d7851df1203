"""The campaigns page: registers joined, honest where a table is absent, same as Python's worth."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from campaigns_tables import INFO, WORTH, campaigns_tables
from cvm.apps.campaigns import detail as detail_of_page
from cvm.campaigns.compare_designs import comparison_from, design_rows
from cvm.campaigns.portfolio import profit_of_row, worth_row
from cvm.views.campaigns_live import evaluate, texts_at, worth_rows
from cvm.views.pages import PAGES
from cvm.views.pages_campaigns import SOURCES, join_registers
from hand_made import drawn_page
from names_tables import CAMPAIGNS, names_table

PART = re.compile(r'data-part="(\w+)"')
LANGS = pytest.mark.parametrize("lang", ["zh", "en"])


@pytest.fixture(scope="module")
def page():
    return drawn_page("campaigns")


@LANGS
def test_the_page_answers_and_shows_every_campaign(page, lang):
    content = page.content[lang]

    names = ["定制终端保有", "预存话费回馈", "家庭套餐分县推广"]
    if lang == "en":
        names = [CAMPAIGNS[name] for name in names]
    assert names[0] in content["sentence"]
    shown = {row["id"]: row["evidence"] for row in content["live"]["register"]}
    assert shown == {"FAMILY": "B", "HANDSET": "A", "CARE": "D", "RECHARGE": "B", "SMS": "C"}
    assert [card["key"] for card in content["cards"]] == ["count", "worked", "paid", "cost", "net"]
    assert content["cards"][0]["value"] == "5"
    assert content["cards"][2]["value"] == "2"
    # Two charts, in two languages and widths.
    assert len(page.figures) == 8
    told = content["charts"][1]["table"]["rows"]
    assert len(told) == 10
    assert {row[0] for row in told} == set(names)


@LANGS
def test_the_page_says_over_how_many_months_each_campaign_was_counted(page, lang):
    content = page.content[lang]
    label, months = ("统计窗口", "{}个月") if lang == "zh" else ("Counted over", "{} months")
    told = {one["id"]: dict(one["facts"]).get(label) for one in content["live"]["details"]}
    found = {"FAMILY": 12, "HANDSET": 6, "CARE": None, "RECHARGE": 4, "SMS": 6}
    assert told == {name: at and months.format(at) for name, at in found.items()}
    (note,) = (one for one in content["notes"] if ("窗口不同" in one or "that differ" in one))
    assert (
        "家庭套餐分县推广12个月；" if lang == "zh" else "Family plan by county 12 months; "
    ) in note


def test_the_page_says_when_a_campaign_is_called_worth_it_or_not(page):
    note = page.content["en"]["notes"][-1]
    assert "at least 80%, not worth it where that chance is at most 20%" in note
    assert (
        "不低于80%的，称为值得投入；概率不高于20%的，称为不值得" in page.content["zh"]["notes"][-1]
    )


def test_campaigns_counted_over_the_same_months_need_no_word_of_it(monkeypatch):
    monkeypatch.setattr("cvm.views.page_parts.save_svg", lambda figure: b"<svg/>")
    tables = campaigns_tables()
    for name in SOURCES:
        tables[f"{name}_worth"] = tables[f"{name}_worth"].assign(window_months=6)
    notes = PAGES["campaigns"].make(tables, INFO).content["en"]["notes"]
    assert not any("that differ" in note for note in notes)


def test_cards_add_campaigns_up_in_order_of_their_start_and_meet_targets_or_do_not(page):
    # By start: FAMILY (worked, 64,000 yuan), HANDSET (worked, 60,000), CARE (cannot tell, cost not
    # booked), RECHARGE (worked, 36,000), SMS (no effect, 7,200; the only one within a year).
    cards = {card["key"]: card for card in page.content["en"]["cards"]}
    assert cards["count"]["spark"] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert cards["worked"]["spark"] == [0.0, 0.333, 0.667, 0.667, 1.0, 1.0]
    assert cards["paid"]["spark"] == [0.0, 0.5, 1.0, 1.0, 1.0]
    spent = [0, 64, 124, 160, 167.2]
    assert cards["cost"]["spark"] == pytest.approx([at / 167.2 for at in spent], abs=5e-4)
    assert cards["cost"]["spark_alt"] == (
        "Spent, adding campaigns up in order of their start: "
        "¥64k after the first, ¥167k after all 4"
    )
    changes = {key: card["change"] for key, card in cards.items()}
    assert changes["count"] == "1 from the last 12 months"
    assert changes["worked"] == changes["paid"] == "none from the last 12 months"
    assert changes["cost"] == "¥7,200 from the last 12 months"
    assert (cards["net"]["direction"], cards["net"]["tone"]) == ("down", "bad")
    assert {key: card["target"] for key, card in cards.items()} == {
        "count": "Target for A or B at least 80%: not met",  # three of five
        "worked": "Target share at least 40%: met",
        "paid": "",
        "cost": "",
        "net": "Target return at least +200%: met",
    }
    assert "目标依据：2026年经营考核（自2026年1月起）。" in page.content["zh"]["notes"]


@LANGS
def test_what_is_left_of_margin_follows_the_levers_with_its_course_and_target(page, lang):
    tables = campaigns_tables()
    rows = worth_rows(*(tables[f"{name}_worth"] for name in SOURCES))
    entries = join_registers(tables).entries
    asked = page.content[lang]["live"]["asked"]
    assert asked["since"] == "2024-12"
    dear = {"horizon": 6.0, "cost": 2.0}
    got = {row["campaign_id"]: evaluate(row, dear) for row in rows}
    order = ["FAMILY", "HANDSET", "RECHARGE", "SMS"]
    sums = np.cumsum([0.0, *(got[name]["net_yuan"] for name in order)])
    cost = sum(got[name]["cost_yuan"] for name in order)

    card = texts_at(rows, entries, dear, lang, asked)["cards"]["net"]

    assert card["spark"] == pytest.approx((sums - sums.min()) / np.ptp(sums), abs=5e-4)
    assert card["target_tone"] == "bad"
    assert f"{100 * sums[-1] / cost:+,.0f}%".replace("-", "−") in card["note"]
    unknown = texts_at(rows, entries, dear, lang)["cards"]["net"]
    assert (unknown["change"], unknown["target"]) == ("", "")


@LANGS
def test_one_campaign_shows_forest_funnel_survival_and_checks(page, lang):
    details = {one["id"]: one for one in page.content[lang]["live"]["details"]}
    handset, care, sms = (details[name] for name in ("HANDSET", "CARE", "SMS"))

    assert [row["label"] for row in handset["forest"]][:2] == (
        ["按分配", "按触达"] if lang == "zh" else ["as assigned", "reached"]
    )
    # Churn turned round: 30 per 1,000, ends swapped.
    first = handset["forest"][0]
    assert (first["low"], first["kept"], first["high"]) == pytest.approx((10, 30, 50))
    assert [row["share"] for row in handset["funnel"]] == [1.0, 0.925, 0.65, 0.225]
    assert handset["curves"]["control"][-1] == pytest.approx(0.88)
    diamond = next(row for row in handset["forest"] if row["label"] in ("钻石卡", "diamond"))
    assert "kept" not in diamond
    assert diamond["text"] == ("涉及小群体，不展示" if lang == "zh" else "not shown (too few)")
    vip = next(row for row in handset["forest"] if row["label"] in ("贵宾卡", "VIP"))
    assert vip["text"] == ("无法判断" if lang == "zh" else "cannot tell")
    assert care["forest"] == []
    assert care["sentence"].startswith("无法判断" if lang == "zh" else "Cannot be told")
    assert sms["checks"][0]["status"] == "failed"
    assert ("暂不可采信" if lang == "zh" else "Do not rely") in sms["sentence"]


@LANGS
def test_campaigns_without_a_random_control_show_what_their_design_knows(page, lang):
    details = {one["id"]: one for one in page.content[lang]["live"]["details"]}
    recharge, family, handset = (details[name] for name in ("RECHARGE", "FAMILY", "HANDSET"))

    first, naive = recharge["designs"]["rows"][0], recharge["designs"]["rows"][-1]
    assert (first["low"], first["kept"], first["high"]) == pytest.approx((26.5, 50, 73.5))
    assert (first["detected"], first["naive"], naive["naive"]) == (True, False, True)
    assert ("结论一致" if lang == "zh" else "designs agree") in recharge["designs"]["sentence"]
    fall = recharge["balance"]["rows"][0]
    assert (fall["before"], fall["after"], fall["text"]) == (1.39, 0.01, "1.39 → 0.01")
    assert recharge["curves"]["treated"][-1] == pytest.approx(0.92)
    assert len(recharge["checks"]) == 4
    assert family["events"]["points"][0] == pytest.approx([-6, 0.1, -0.3, 0.5])
    # By hand: the mean of the six months since the start is −0.37 points.
    assert "−0.37" in family["events"]["alt"]
    assert [row["kept"] for row in family["designs"]["rows"]] == pytest.approx([40, 35, 70])
    assert (family["balance"], recharge["events"]) == ({}, {})
    assert [row["share"] for row in family["funnel"]] == [1.0, 0.975, 0.6375, 0.2875]
    told = {row["label"]: row["status"] for row in family["checks"]}
    year = (
        "启动前一年差异（安慰剂检验）"
        if lang == "zh"
        else ("differences in the year before the start (placebo)")
    )
    assert told[year] == "ok"
    # The random control stands first among the designs of a campaign that has one.
    label = handset["designs"]["rows"][0]["label"]
    assert label == ("随机对照" if lang == "zh" else "random control")


@LANGS
def test_only_parts_that_are_known_are_on_the_page(page, lang):
    parts = {
        one["id"]: PART.findall(detail_of_page(one, lang))
        for one in page.content[lang]["live"]["details"]
    }
    assert parts == {
        "HANDSET": ["worth", "forest", "designs", "curves", "funnel", "checks"],
        "RECHARGE": ["worth", "designs", "curves", "funnel", "balance", "checks"],
        "FAMILY": ["worth", "designs", "events", "funnel", "checks"],
        "CARE": [],
        "SMS": ["worth", "forest", "checks"],
    }


@LANGS
def test_one_campaign_shows_its_worth_over_the_horizon_and_over_the_remaining_life(page, lang):
    details = {one["id"]: one for one in page.content[lang]["live"]["details"]}
    handset, sms = details["HANDSET"], details["SMS"]
    life = profit_of_row(WORTH[0]).over_life

    first = handset["worth"]["rows"][0]["cells"]
    assert [name for name, _ in first[0] + first[1]] == [
        "roi", "interval", "life_roi", "life_interval"
    ]  # fmt: skip
    assert first[1][0][1] == f"{100 * life.roi:+,.0f}%"
    # 40 % of those kept have no lifetime value.
    assert "40%" in handset["worth"]["note"]
    assert "1.2%" in handset["worth"]["note"]
    assert sms["worth"]["rows"][0]["cells"][1] == []
    without = "没有可用的生命周期价值" if lang == "zh" else "No lifetime value is known"
    assert without in sms["worth"]["note"]
    html = detail_of_page(handset, lang)
    assert html.count('data-live-of="HANDSET"') == 8
    # What no lever can fill has no place that a script would fill.
    assert 'data-cell="life_roi"' not in detail_of_page(sms, lang)


@pytest.fixture(scope="module")
def changed():
    """A release without lifetime values, in which no design of one campaign detects anything."""
    tables = {
        name: frame.drop(columns=[one for one in frame if one.startswith("life_")])
        if name.endswith("_worth")
        else frame
        for name, frame in campaigns_tables().items()
    }
    tables["campaign_by_branch"] = tables["campaign_by_branch"].assign(designs="none")
    tables["names"] = names_table()
    return PAGES["campaigns"].make(tables, INFO)


@LANGS
def test_a_release_without_lifetime_values_says_so(page, changed, lang):
    note = "不含按卡级的生命周期价值" if lang == "zh" else "Lifetime values by card are not in"
    assert any(note in one for one in changed.content[lang]["notes"])
    assert not any(note in one for one in page.content[lang]["notes"])
    assert changed.content[lang]["live"]["register"] == page.content[lang]["live"]["register"]


@LANGS
def test_the_page_says_where_no_design_detects_anything(changed, lang):
    content = changed.content[lang]
    facts = {one["id"]: dict(one["facts"]) for one in content["live"]["details"]}
    label = "证据等级" if lang == "zh" else "Evidence"
    assert ("均未检测到影响" if lang == "zh" else "no design detects") in facts["FAMILY"][label]
    assert ("多种方法一致" if lang == "zh" else "designs agree") in facts["RECHARGE"][label]
    said = "均未检测到" if lang == "zh" else "none of them detects"
    assert any(said in one for one in content["notes"])


@LANGS
def test_the_sentence_follows_the_levers(lang):
    tables = campaigns_tables()
    rows = worth_rows(*(tables[f"{name}_worth"] for name in SOURCES))
    entries = join_registers(tables).entries
    now = texts_at(rows, entries, {}, lang)
    dear = texts_at(rows, entries, {"horizon": 6.0, "cost": 2.0}, lang)

    assert now["sentence"] == join_registers(tables).text(lang)
    assert (now["tone"], dear["tone"]) == ("good", "neutral")
    worth = "有效且值得投入" if lang == "zh" else "Worked and was worth its cost"
    assert worth in now["sentence"]
    assert worth not in dear["sentence"]
    dearer = evaluate(rows[0], {"horizon": 6.0, "cost": 2.0})
    assert f"{abs(100 * dearer['roi']):,.0f}%" in dear["sentence"]


def test_designs_come_back_from_the_record_as_they_were_written():
    rows = pd.DataFrame(campaigns_tables()["campaign_by_branch_designs"])
    again = design_rows("FAMILY", comparison_from(rows))
    for name in ("design", "effect", "low", "high", "naive", "verdict", "verdict_p", "reason"):
        assert [row[name] for row in again] == rows[name].tolist()
    withheld = rows.astype(object)
    withheld.loc[:, withheld.columns.drop(["campaign_id", "design"])] = None
    assert comparison_from(withheld) is None
    assert comparison_from(rows[rows["naive"]]) is None


def test_a_row_of_worth_gives_back_the_same_worth():
    for row in WORTH:
        profit = profit_of_row(row)
        assert worth_row(row["campaign_id"], profit) == pytest.approx(row)
    half = evaluate(WORTH[0], {"horizon": 24.0, "cost": 0.5})
    whole = evaluate(WORTH[0], {"horizon": 24.0, "cost": 1.0})
    assert half["roi"] == pytest.approx(2 * (1 + whole["roi"]) - 1)
    assert evaluate(WORTH[0], {"horizon": 6.0, "cost": 1.0})["margin_yuan"] == pytest.approx(
        4000 * 12.0 * 1.1**-0.25
    )


def test_a_longer_horizon_is_worth_more_where_customers_were_kept():
    tables = campaigns_tables()
    rows = worth_rows(tables["campaign_with_control_worth"])
    entries = join_registers(tables).entries
    twice = worth_rows(*[tables["campaign_with_control_worth"]] * 2, None)
    assert twice == rows
    nets = [
        evaluate(rows[0], {"horizon": float(months), "cost": 1.0})["net_yuan"]
        for months in range(6, 61, 6)
    ]
    assert nets == sorted(nets)
    cheap = texts_at(rows, entries, {"horizon": 60.0, "cost": 0.5}, "zh")
    # However good the return looks, an effect that chance explains stays open.
    assert cheap["campaigns"]["SMS"]["paid"] == "尚无定论"


@LANGS
def test_absent_tables_are_said_to_be_absent(lang):
    tables = campaigns_tables(without_control=False)
    alone = (
        PAGES["campaigns"]
        .make({"campaign_with_control": tables["campaign_with_control"]}, INFO)
        .content[lang]
    )
    nothing = PAGES["campaigns"].make({}, INFO).content[lang]

    assert alone["live"]["levers"] == []
    assert [card["key"] for card in alone["cards"]] == ["count", "worked", "cost"]
    assert any(
        word in " ".join(alone["notes"]) for word in ("无对照活动", "without a control are not")
    )
    assert nothing["charts"] == []
    assert nothing["sentence"] in ("没有活动记录。", "No campaign is on record.")


def test_withheld_rows_are_left_out_and_a_control_outranks_other_designs():
    tables = campaigns_tables()
    held = tables["campaign_with_control"].astype(object)
    held.loc[held["campaign_id"] == "SMS", held.columns.drop(["campaign_id"])] = None
    again = tables["campaign_with_control"].iloc[:1].assign(kept_share=0.5, evidence="B")

    joined = join_registers(
        {"campaign_with_control": held, "campaign_without_control": again}
    ).entries

    assert [one.campaign_id for one in joined] == ["HANDSET"]
    assert joined[0].kept_share == pytest.approx(0.03)
    assert worth_rows(pd.DataFrame([WORTH[0] | {"customers": None}])) == []
    care = next(
        one for one in join_registers(campaigns_tables()).entries if one.campaign_id == "CARE"
    )
    assert math.isnan(care.kept_share)
