"""What the customer-value page says, worked out by hand from ``customer_value_tables``."""

import numpy as np
import pandas as pd
import pytest

from customer_value_tables import customer_value_tables, cuts_table, terms_table
from cvm.core.i18n import LANGUAGES, say
from cvm.views import page_parts
from cvm.views.customer_value_live import evaluate, levers_of, read_cuts, texts_at
from cvm.views.pages import PAGES
from cvm.views.pictures_customer_value import migration_chart
from cvm.views.theme import themed
from hand_made import drawn_page
from info_tables import INFO

PAGE = PAGES["customer-value"]
DIRECTION_NAMES = ("up", "stayed", "down", "left", "withheld")
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
        "The top tenth of customers in service bring 32.0% of margin; the 7.0% who hold VIP cards "
        "bring 32.5% of the revenue of those in service. A Diamond contract customer is worth ¥24k "
        "over the next 36 months, 20.0 times one without a card."
    )
    assert page.content["zh"]["sentence"] == (
        "在网客户中价值最高的10%贡献毛利的32.0%；贵宾卡客户占7.0%，贡献在网客户收入的32.5%。"
        "一名钻石卡后付费客户未来36个月价值2.4万元，是无卡客户的20.0倍。"
    )


def test_values_whose_intervals_meet_are_not_compared(undrawn):
    tables = customer_value_tables()
    tables["lifetime_tiers"]["value_yuan_low"] = 1_000.0
    told = PAGE.make(tables, INFO).content
    assert told["en"]["sentence"].endswith("cannot be told from these data.")
    assert "尚不足以判断" in told["zh"]["sentence"]


def cards_of(content):
    return {card["key"]: card for card in content["cards"]}


def test_the_cards_are_the_ladder_as_in_force_held_against_a_year_before(page):
    cards = cards_of(page.content["en"])
    assert list(cards) == ["holders", "moved", "revenue", "cost", "worth"]
    told = {key: [card[name] for name in ("value", "change", "direction", "tone", "note")]
            for key, card in cards.items()}  # fmt: skip
    # 700 ÷ 640; 33 of 100 after 30; 4,200 a month after 4,000.
    assert told == {
        "holders": ["700", "+9.4% on a year before", "up", "good", "VIP cards, 7.0% of customers"],
        "moved": ["0", "150 real moves in 12 months", "", "neutral",
                  "move a cut to see who does"],
        "revenue": ["32.5%", "+3.00 points on a year before", "up", "good", "¥650k in 12 months"],
        # 53,100 of 850,000.
        "cost": ["¥53.1k", "+5.0% on a year before", "up", "bad",
                 "6.25% of rated customers' revenue"],
        "worth": ["¥24k", "¥17k to ¥29k", "", "neutral", "contract, next 36 months"],
    }  # fmt: skip


def test_the_cards_say_whether_targets_are_met(page):
    cards = cards_of(page.content["zh"])
    assert {key: card["target"] for key, card in cards.items()} == {
        "holders": "占比目标≥7.5%，未达标",
        "moved": "",
        "revenue": "目标≥32.0%，已达标",
        # 6.247 % reads as the target's 6.25 %.
        "cost": "占收入目标≤6.25%，已达标",
        "worth": "",
    }
    assert "目标依据：2026年经营考核（自2026年1月起）。" in page.content["zh"]["notes"]


def test_the_cards_have_the_course_of_each_ladder(page):
    cards = cards_of(page.content["en"])
    assert [len(cards[key]["spark"]) for key in ("holders", "moved", "revenue", "cost")] == [24] * 4
    assert cards["holders"]["spark_alt"] == (
        "Customers with a tier, by month: from 585 to 700 over 24 months, lowest 585, highest 700"
    )
    assert cards["moved"]["spark"][0] == 0.8  # 120 of 150
    assert cards["moved"]["spark"][12] == 1.0
    # The card is of twelve months: its target marks no month.
    assert not any("spark_mark" in one for one in cards["revenue"]["courses"].values())
    assert cards["holders"]["courses"]["stars"]["spark"][2] is None  # withheld
    assert cards["cost"]["courses"]["cards"]["spark"] == cards["cost"]["spark"]
    # 17,000 to 29,000 about 24,000 on a scale to 1.15 × 29,000.
    gauge = cards["worth"]["gauge"]
    assert [gauge[name] for name in ("from", "fill", "mark")] == pytest.approx(
        [17 / 33.35, 1 / 1.15, 24 / 33.35], abs=1e-4
    )
    assert gauge["alt"] == "Value of one Diamond: ¥24k, interval ¥17k to ¥29k"


def test_a_note_tells_what_the_course_and_the_change_on_a_year_are_of(page):
    notes = " ".join(page.content["en"]["notes"])
    assert "who held a tier on record in each month" in notes


def test_a_course_that_is_not_known_is_not_told(undrawn):
    tables = customer_value_tables()
    short = tables["tier_holders_months"]
    tables["tier_holders_months"] = short[pd.to_datetime(short["month"]) > "2026-01-01"]
    cards = cards_of(PAGE.make(tables, INFO).content["en"])
    assert cards["holders"]["change"] == "7.0% of customers"
    assert cards["cost"]["change"] == "6.25% of rated customers' revenue"
    assert sum(height is not None for height in cards["holders"]["spark"]) == 10
    del tables["tier_holders_months"], tables["tier_moves_months"], tables["targets"]
    cards = cards_of(PAGE.make(tables, INFO).content["en"])
    assert [card["spark"] for card in cards.values()] == [[]] * 5
    assert "Under the cards" not in " ".join(PAGE.make(tables, INFO).content["en"]["notes"])
    assert [card["target"] for card in cards.values()] == [""] * 5
    assert cards["moved"]["change"] == "0 up, 0 down"
    withheld = customer_value_tables()
    moves = withheld["tier_moves_months"]
    moves["customers"] = moves["customers"].astype("Float64")
    moves.loc[(moves["ladder"] == "cards") & (moves["month"] == "2026-03-01"), "customers"] = None
    cards = cards_of(PAGE.make(withheld, INFO).content["en"])
    assert cards["moved"]["change"] == "0 up, 0 down"


def test_a_lever_keeps_the_course_and_judges_the_new_figure(page):
    told = page.content["en"]["live"]["told"]
    assert told["of"] == "cards"

    def at(ladder, settings):
        return texts_at(CUTS, ladder, settings, "en", told)["cards"]

    # VIP from 1,000: 1,200 of 10,000 hold a card, with 750,000 of 2 million.
    more = at("cards", {"cards.vip": 1_000.0})
    assert more["holders"]["target"] == "Target share at least 7.5%: met"
    assert (more["holders"]["change"], more["holders"]["note"]) == (
        "12.0% of customers", "today 700",
    )  # fmt: skip
    assert more["cost"]["target_tone"] == "bad"
    # Gold from 6,500: 42,900 of 850,000.
    less = at("cards", {"cards.gold": 6_500.0})
    assert less["cost"]["note"] == "5.05% of rated customers' revenue"
    assert less["cost"]["target_tone"] == "good"
    assert less["holders"]["target_tone"] == "bad"
    # Targets are of cards; stars have a change of their own and no target.
    stars = at("stars", {})
    assert [stars[key]["target"] for key in ("holders", "revenue", "cost")] == [""] * 3
    assert stars["holders"]["change"] == "level with a year before"
    assert stars["moved"]["change"] == "720 real moves in 12 months"


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
    assert cards["holders"]["note"] == "stars, 55.0% of customers"
    # Targets are of cards, which cannot be moved here.
    assert [card["target"] for card in content["cards"]] == [""] * 5
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
    assert content["sentence"] == (
        "The 7.0% who hold VIP cards bring 32.5% of the revenue of those in service."
    )
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


@pytest.mark.parametrize("width", ["wide", "phone"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_direction_is_named_once_over_a_part_of_its_own(lang, width):
    chart = migration_chart(customer_value_tables()["tier_migration"], lang)
    with themed(lang, width):
        figure = chart.paint(width)
        figure.draw_without_rendering()
    (axes,) = figure.axes
    names = [say(f"customer_value.direction.{one}", lang) for one in DIRECTION_NAMES]
    shown = [text for text in axes.texts if text.get_text() in names]
    assert sorted(text.get_text() for text in shown) == sorted(names)
    assert axes.get_legend() is None
    boxes = [text.get_window_extent() for text in shown]
    assert not any(
        one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[place + 1 :]
    )


def test_directions_without_room_for_their_names_have_a_legend():
    rows = [("gold", "up", 100), ("gold", "stayed", 3), ("gold", "down", 3), ("gold", "left", 3)]
    moves = pd.DataFrame(rows, columns=["tier", "direction", "customers"])
    with themed("en", "phone"):
        (axes,) = migration_chart(moves, "en").paint("phone").axes
    assert [one.get_text() for one in axes.get_legend().get_texts()] == [
        "up", "stayed", "down", "left",
    ]  # fmt: skip
