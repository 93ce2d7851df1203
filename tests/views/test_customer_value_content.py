"""What the customer-value page says, worked out by hand from ``customer_value_tables``."""

import numpy as np
import pytest

from customer_value_tables import INFO, customer_value_tables, cuts_table, terms_table
from cvm.core.i18n import LANGUAGES
from cvm.views import page_parts
from cvm.views.customer_value_live import evaluate, levers_of, read_cuts, texts_at
from cvm.views.pages import PAGES
from hand_made import drawn_page

PAGE = PAGES["customer-value"]
CUTS = read_cuts(cuts_table(), terms_table())


@pytest.fixture(scope="module")
def page():
    return drawn_page("customer-value")


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr(page_parts, "save_svg", lambda figure: b"<svg/>")


def facts_of(choice):
    return dict(map(tuple, choice["facts"]))


def test_the_sentence_says_where_value_lies_and_what_a_card_is_worth(page):
    # 700 of 10,000 hold a card, with 650 thousand of 2 million; 24,000 ÷ 1,200.
    assert page.content["en"]["sentence"] == (
        "The top tenth of customers bring 32.0% of margin; the 7.0% who hold VIP cards bring 32.5% "
        "of revenue. A Diamond contract customer is worth ¥24k over the next 36 months, 20.0 times "
        "one without a card."
    )
    assert page.content["zh"]["sentence"] == (
        "价值最高的10%客户贡献32.0%的毛利；贵宾卡客户占7.0%，贡献32.5%的收入。"
        "一名钻石卡后付费客户未来36个月价值2.4万元，是无卡客户的20.0倍。"
    )


def test_values_whose_intervals_meet_are_not_compared(undrawn):
    tables = customer_value_tables()
    tables["lifetime_tiers"]["value_yuan_low"] = 1_000.0
    told = PAGE.make(tables, INFO).content
    assert told["en"]["sentence"].endswith("cannot be told from these data.")
    assert "尚不足以判断" in told["zh"]["sentence"]


def test_the_cards_are_the_ladder_as_in_force(page):
    cards = {card["key"]: card for card in page.content["en"]["cards"]}
    assert list(cards) == ["holders", "moved", "revenue", "cost", "worth"]
    assert (cards["holders"]["value"], cards["holders"]["change"]) == ("700", "7.0% of customers")
    assert cards["holders"]["note"] == "VIP cards, of 2,200 rated"
    assert (cards["moved"]["value"], cards["moved"]["change"]) == ("0", "0 up, 0 down")
    assert cards["revenue"]["value"] == "32.5%"
    # 53,100 of 850,000.
    assert (cards["cost"]["value"], cards["cost"]["change"][:4]) == ("¥53.1k", "6.2%")
    assert (cards["worth"]["value"], cards["worth"]["change"]) == ("¥24k", "¥17k to ¥29k")


def test_value_says_what_it_rests_on(page):
    notes = " ".join(page.content["en"]["notes"])
    assert "discounted at 10.0% a year; a test on held-out months missed by 0.7%" in notes
    assert "留出检验误差0.7%，按固定保有率推算误差1.1%" in " ".join(page.content["zh"]["notes"])


def test_titles_say_what_the_pictures_show(page):
    titles = {chart["key"]: chart["title"] for chart in page.content["en"]["charts"]}
    assert titles["concentration"] == "The top 10% bring 32.0% of margin"
    # Diamond's leavers are withheld; of 150 gold customers 10 left and 20 fell.
    assert titles["migration"] == (
        "Of Gold customers a year ago 6.7% have left and 13.3% moved down"
    )
    assert titles["lifetime"] == "A Diamond customer is worth ¥24k, one without a card ¥1,200"
    grid = next(chart for chart in page.content["zh"]["charts"] if chart["key"] == "grid")
    assert grid["title"].startswith("语音数据双高客户占4.0%")


def test_a_withheld_cell_is_a_dash_and_so_is_a_sum_over_it(page):
    migration = next(c for c in page.content["en"]["charts"] if c["key"] == "migration")
    rows = {(row[0], row[1]): row[2:] for row in migration["table"]["rows"]}
    assert rows["Diamond", "left"] == ["–", "–"]
    assert rows["Diamond", "stayed"] == ["30", "66.7%"]
    cards, _, _, ages, counties = page.content["en"]["drill"]["groups"]
    assert [one["label"] for one in cards["choices"]] == [
        "Diamond", "Gold", "VIP", "No tier", "Not rated",
    ]  # fmt: skip
    diamond = facts_of(cards["choices"][0])
    assert diamond["Revenue per customer, 12 months"] == "¥3,750"  # 150,000 ÷ 40
    assert [one["label"] for one in ages["choices"]] == ["–24", "25–34", "55+"]
    by_name = {one["label"]: facts_of(one) for one in counties["choices"]}
    assert by_name["Anning"]["Customers"] == "5,300"
    assert set(by_name["<b>North"].values()) == {"–"}
    assert facts_of(page.content["en"]["drill"]["all"])["Margin"] == "60.0%"


def test_a_cut_moved_by_hand():
    # Gold from 6,500: 100 customers with 120,000 fall to VIP, at 2 % and 10 yuan instead of 3 % and
    # 100: 10,200 less. Diamond from 6,500: 60 with 90,000 rise: 12,900 more.
    got = evaluate(CUTS, "cards", {"cards.gold": 6_500.0})
    assert (got["up"], got["down"], got["holders"]) == (0, 100, 700)
    assert got["cost_yuan"] == pytest.approx(53_100 - 10_200)
    up = evaluate(CUTS, "cards", {"cards.diamond": 6_500.0})
    assert (up["up"], up["down"]) == (60, 0)
    assert up["cost_yuan"] == pytest.approx(53_100 + 12_900)
    # VIP from 1,000: 500 more hold a card, 1,200 of 10,000.
    more = evaluate(CUTS, "cards", {"cards.vip": 1_000.0, "stars.1": 150.0})
    assert (more["holders"], more["holders_share"]) == (1_200, 0.12)
    assert more["cost_yuan"] == pytest.approx(53_100 + 500 * 10 + 100_000 * 0.01)


def test_stars_carry_overdraft_limits_and_expected_losses():
    got = evaluate(CUTS, "stars", {})
    assert got["limit_yuan"] == 4_500 * 50 + 1_000 * 100
    # One per cent of 1.7 million, service of 1,000, a tenth of the limits of 35 stopped.
    assert got["cost_yuan"] == pytest.approx(17_000 + 4_000 + 150 + 50)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_lever_moves_sentence_cards_and_titles(lang):
    texts = texts_at(CUTS, "cards", {"cards.gold": 6_500.0}, lang)
    cards = texts["cards"]
    assert cards["cost"]["value"] == ("¥42.9k" if lang == "en" else "4.29万")
    assert (cards["cost"]["direction"], cards["cost"]["tone"]) == ("down", "good")
    assert cards["moved"]["value"] == "100"
    assert ("¥10.2k less" if lang == "en" else "比现行减少1.02万元") in texts["sentence"]
    assert texts["cost_title"].startswith("¥42.9k" if lang == "en" else "年成本4.29万元")
    assert texts_at(CUTS, "cards", {"cards.gold": 5_000.0}, lang)["sentence"] == ""
    assert texts_at(CUTS, "stars", {"cards.gold": 6_500.0}, lang)["cards"]["moved"]["value"] == "0"
    standing = texts_at(CUTS, "stars", {}, lang)["sentence"]
    assert "5,500" in standing


def test_sliders_stand_on_the_starts_of_bands_between_their_neighbours():
    cards, stars = levers_of(CUTS, "en")
    assert [one["lever"] for one in cards["levers"]] == [
        "cards.diamond", "cards.gold", "cards.vip",
    ]  # fmt: skip
    nodes = {one["lever"]: one["nodes"] for one in cards["levers"]}
    assert nodes == {
        "cards.diamond": [6_500.0, 8_000.0, 12_000.0],
        "cards.gold": [3_500.0, 5_000.0, 6_500.0],
        "cards.vip": [0.0, 1_000.0, 2_000.0, 3_500.0],
    }
    assert cards["levers"][1]["today"] == "in force: 5,000 points"
    assert [one["lever"] for one in stars["levers"]] == ["stars.2", "stars.1"]


def test_a_ladder_with_a_withheld_band_cannot_be_moved_and_its_pyramid_stands_still(undrawn):
    tables = customer_value_tables()
    columns = ["movable", "from_score", "customers", "revenue_yuan", "stopped_customers"]
    tables["tier_cuts"] = tables["tier_cuts"].astype({"movable": "boolean"})
    tables["tier_cuts"].loc[6, columns] = None
    rows = tables["tier_pyramid"]
    rows.loc[rows["tier"] == "diamond", rows.columns[2:]] = np.nan
    content = PAGE.make(tables, INFO).content["en"]
    assert [one["ladder"] for one in content["live"]["ladders"]] == ["stars"]
    assert any("cuts of VIP cards cannot be moved" in note for note in content["notes"])
    cards = {card["key"]: card for card in content["cards"]}
    assert cards["holders"]["note"] == "stars, of 9,500 rated"
    pyramid = content["charts"][0]
    assert pyramid["title"] == "VIP cards: gold holds 1.6% of customers, 10.5% of revenue"
    assert pyramid["table"]["rows"][0] == ["diamond", "–", "–", "–", "–"]


def test_what_is_not_published_is_said_and_the_rest_is_shown(undrawn):
    whole = customer_value_tables()
    bare = {"tier_pyramid": whole["tier_pyramid"]}
    content = PAGE.make(bare, INFO).content["en"]
    assert content["live"] is None
    assert content["cards"] == []
    assert [chart["key"] for chart in content["charts"]] == ["pyramid"]
    assert content["sentence"] == "The 7.0% who hold VIP cards bring 32.5% of revenue."
    notes = " ".join(content["notes"])
    for words in ("cuts cannot be moved", "Migration is not", "Lifetime value is not", "grid of"):
        assert words in notes
    for name in set(whole) - {"tier_pyramid"}:
        less = {key: frame for key, frame in whole.items() if key != name}
        assert PAGE.make(less, INFO).content["zh"]["sentence"]


def test_a_withheld_part_of_those_without_a_card_leaves_their_share_untold(undrawn):
    tables = customer_value_tables()
    pyramid = tables["tier_pyramid"]
    pyramid.loc[pyramid["tier"] == "cards_none", ["customer_share", "revenue_share"]] = np.nan
    told = PAGE.make(tables, INFO).content["en"]["sentence"]
    assert "hold VIP cards" not in told
