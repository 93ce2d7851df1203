"""The customer-value page in Chromium: its cuts agree with Python, in both languages."""

import random
from importlib import resources

import pytest
from test_browser_points_budget import move, shown

from customer_value_tables import cuts_table, terms_table
from cvm.core.snapshot import open_latest
from cvm.views.customer_value_live import evaluate, levers_of, read_cuts, texts_at, words

pytestmark = pytest.mark.browser

PAGE = "voila/render/customer-value.ipynb"
CUTS = read_cuts(cuts_table(), terms_table())
# Round figures end in halves, which two languages round apart: these do not.
UNROUND = read_cuts(cuts_table(stretch=1.000_137), terms_table())
NODES = {item["lever"]: item["nodes"] for one in levers_of(CUTS, "en") for item in one["levers"]}


def random_settings(dice):
    """Return random cuts of some tiers, crossing ones among them."""
    kept = dice.sample(sorted(NODES), dice.randint(0, len(NODES)))
    return {lever: dice.choice(NODES[lever]) for lever in kept}


@pytest.fixture(scope="module")
def arithmetic(browser):
    """The page's own script of the levers, in the browser."""
    folder = resources.files("cvm.apps")
    formats, code = (
        folder.joinpath(name).read_text("utf-8").strip()
        for name in ("page_numbers.js", "customer_value_levers.js")
    )
    page = browser.new_page()
    page.evaluate(f"() => {{ window.levers = {code}({formats}); }}")
    yield page
    page.close()


def test_the_browser_rates_as_python_does(arithmetic):
    dice = random.Random(7)
    asked = [[dice.choice(CUTS.ladders), random_settings(dice)] for _ in range(300)]
    got = arithmetic.evaluate(
        "([table, asked]) => asked.map(([ladder, one]) => "
        "window.levers.evaluate(table, ladder, one))",
        [CUTS.payload(), asked],
    )
    for (ladder, settings), answer in zip(asked, got, strict=True):
        expected = evaluate(CUTS, ladder, settings)
        tiers, expected_tiers = answer.pop("tiers"), expected.pop("tiers")
        assert answer == pytest.approx(expected, rel=1e-9, abs=1e-9)
        for name, values in expected_tiers.items():
            assert tiers[name] == pytest.approx(values, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_browser_says_what_python_says(arithmetic, lang):
    dice = random.Random(8)
    asked = [[dice.choice(CUTS.ladders), random_settings(dice)] for _ in range(200)]
    got = arithmetic.evaluate(
        """([table, words, lang, asked]) => asked.map(([ladder, one]) =>
             window.levers.texts(table, ladder, one, words, lang))""",
        [UNROUND.payload(), words(UNROUND, lang), lang, asked],
    )
    for (ladder, settings), answer in zip(asked, got, strict=True):
        assert answer == texts_at(UNROUND, ladder, settings, lang), (ladder, settings)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_cut_changes_figures_sentence_charts_and_the_address(open_page, published, lang):
    with open_latest(published) as snapshot:
        content = snapshot.page("customer-value", lang)
    page = open_page(f"{PAGE}?lang={lang}")
    sentence = page.locator("h1:visible").inner_text()
    before = shown(page, lang)
    assert before == {card["key"]: card["value"] + card["unit"] for card in content["cards"]}
    assert page.locator("[data-live=pyramid]:visible .cvm-bar").count() == 4
    assert page.locator("[data-live]:visible .cvm-bar-before").count() == 0

    # The slider stands on places of the bands: the last of gold's is 6,500.
    move(page, lang, "cut-cards-gold", 2)
    expected = texts_at(CUTS, "cards", {"cards.gold": 6_500.0}, lang)
    assert page.locator("h1:visible").inner_text() == expected["sentence"]
    cards = {key: card["value"] + card["unit"] for key, card in expected["cards"].items()}
    assert shown(page, lang) == before | cards
    titles = page.locator("[data-live] h3:visible").all_inner_texts()
    assert titles == [expected["pyramid_title"], expected["cost_title"]]
    # Gold and VIP differ from today, in both charts.
    assert page.locator("[data-live]:visible .cvm-bar-before").count() == 4
    assert "cut-cards-gold=6500" in page.url

    again = open_page(page.url.split("/", 3)[3])
    assert again.locator("h1:visible").inner_text() == expected["sentence"]
    page.get_by_role("button", name="恢复现行门槛" if lang == "zh" else "Back to").click()
    assert page.locator("h1:visible").inner_text() == sentence
    assert shown(page, lang) == before
    assert "cut-" not in page.url


def test_another_ladder_has_sliders_and_figures_of_its_own_and_a_link(open_page):
    page = open_page(f"{PAGE}?lang=en")
    page.locator("select[data-ladder]:visible").select_option("stars")
    expected = texts_at(CUTS, "stars", {}, "en")
    assert page.locator("h1:visible").inner_text() == expected["sentence"]
    assert page.get_by_role("slider").count() == 2
    assert "ladder=stars" in page.url
    again = open_page(page.url.split("/", 3)[3])
    assert again.locator("h1:visible").inner_text() == expected["sentence"]
    again.get_by_role("button", name="中文").click()
    assert again.locator("h1:visible").inner_text() == texts_at(CUTS, "stars", {}, "zh")["sentence"]


def test_the_keyboard_moves_a_cut_and_both_languages_follow(open_page):
    page = open_page(f"{PAGE}?lang=en")
    slider = page.get_by_role("slider", name="VIP from")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "1,000 points"
    page.get_by_role("button", name="中文").click()
    assert page.locator("h1:visible").inner_text().startswith("贵宾卡：按此门槛，500户升级")


@pytest.mark.parametrize(
    "query", ["ladder=clubs&cut-cards-gold=NaN", "cut-cards-gold=-5&cut-stars-1=1e9", "ladder="]
)
def test_a_crafted_address_is_held_to_the_sliders(open_page, query):
    page = open_page(f"{PAGE}?lang=en&{query}")
    for slider in page.locator("input[type=range]:visible").all():
        low, high = (float(slider.get_attribute(side)) for side in ("min", "max"))
        assert low <= float(slider.input_value()) <= high
    assert page.locator("select[data-ladder]:visible").input_value() == "cards"
    assert "NaN" not in page.locator("#cvm-page").inner_text()


def test_printed_and_without_scripts_the_answer_stands_there(open_page, browser, server):
    page = open_page(f"{PAGE}?lang=en")
    page.emulate_media(media="print")
    assert page.locator(".cvm-value:visible").count() == 5
    assert page.locator("[data-live]:visible .cvm-bar").count() == 8
    assert page.locator("picture img:visible").count() == 4
    context = browser.new_context(java_script_enabled=False)
    quiet = context.new_page()
    quiet.goto(f"{server}{PAGE}?lang=zh", wait_until="load", timeout=60_000)
    assert quiet.locator("h1:visible").inner_text().startswith("价值最高的10%客户")
    context.close()
