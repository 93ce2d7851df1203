"""The campaigns page: registers joined, honest where a table is absent, same as Python's worth."""

import math

import pandas as pd
import pytest

from campaigns_tables import INFO, WORTH, campaigns_tables
from cvm.campaigns.portfolio import profit_of_row, worth_row
from cvm.views.campaigns_live import evaluate, texts_at, worth_rows
from cvm.views.pages import PAGES
from cvm.views.pages_campaigns import join_registers

LANGS = pytest.mark.parametrize("lang", ["zh", "en"])


@pytest.fixture(scope="module")
def page():
    return PAGES["campaigns"].make(campaigns_tables(), INFO)


@LANGS
def test_the_page_answers_and_shows_every_campaign(page, lang):
    content = page.content[lang]

    assert "定制终端保有" in content["sentence"]
    assert [row["id"] for row in content["live"]["register"]] == ["HANDSET", "CARE", "SMS"]
    assert [row["evidence"] for row in content["live"]["register"]] == ["A", "D", "C"]
    assert [card["key"] for card in content["cards"]] == ["count", "worked", "paid", "cost", "net"]
    assert content["cards"][0]["value"] == "3"
    assert content["cards"][2]["value"] == "1"
    assert len(page.figures) == 4


@LANGS
def test_one_campaign_shows_forest_funnel_survival_and_checks(page, lang):
    handset, care, sms = page.content[lang]["live"]["details"]

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
    assert math.isnan(join_registers(campaigns_tables()).entries[1].kept_share)
