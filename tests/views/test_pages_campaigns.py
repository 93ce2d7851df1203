"""The campaigns page: registers joined, honest where a table is absent, same as Python's worth."""

import math
import re

import pandas as pd
import pytest

from campaigns_tables import INFO, WORTH, campaigns_tables
from cvm.apps.campaigns import detail as detail_of_page
from cvm.campaigns.compare_designs import comparison_from, design_rows
from cvm.campaigns.portfolio import profit_of_row, worth_row
from cvm.views.campaigns_live import evaluate, texts_at, worth_rows
from cvm.views.pages import PAGES
from cvm.views.pages_campaigns import SOURCES, join_registers

PART = re.compile(r'data-part="(\w+)"')
LANGS = pytest.mark.parametrize("lang", ["zh", "en"])


@pytest.fixture(scope="module")
def page():
    return PAGES["campaigns"].make(campaigns_tables(), INFO)


@LANGS
def test_the_page_answers_and_shows_every_campaign(page, lang):
    content = page.content[lang]

    assert "定制终端保有" in content["sentence"]
    shown = {row["id"]: row["evidence"] for row in content["live"]["register"]}
    assert shown == {"FAMILY": "B", "HANDSET": "A", "CARE": "D", "RECHARGE": "B", "SMS": "C"}
    assert [card["key"] for card in content["cards"]] == ["count", "worked", "paid", "cost", "net"]
    assert content["cards"][0]["value"] == "5"
    assert content["cards"][2]["value"] == "2"
    # Two charts, in two languages and widths.
    assert len(page.figures) == 8
    told = content["charts"][1]["table"]["rows"]
    assert len(told) == 10
    assert {row[0] for row in told} == {"定制终端保有", "预存话费回馈", "家庭套餐分县推广"}


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
    assert diamond["text"] == ("客户数过少" if lang == "zh" else "too few customers")
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
    assert (family["balance"], family["funnel"], recharge["events"]) == ({}, [], {})
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
        "HANDSET": ["forest", "designs", "curves", "funnel", "checks"],
        "RECHARGE": ["designs", "curves", "balance", "checks"],
        "FAMILY": ["designs", "events"],
        "CARE": [],
        "SMS": ["forest", "checks"],
    }


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
