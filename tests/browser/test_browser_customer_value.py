"""The customer-value page in Chromium: its cuts agree with Python, in both languages."""

import random
from functools import cache

import pytest

from customer_value_tables import customer_value_tables, cuts_table, terms_table
from cvm.views.cards_customer_value import told_of
from cvm.views.customer_value_live import evaluate, levers_of, read_cuts, texts_at, words
from cvm.views.targets import read_targets
from page_checks import same_address

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


@cache
def told(lang):
    """Return targets and courses as the page hands them to its script."""
    tables = customer_value_tables()
    return told_of(tables, UNROUND, read_targets(tables["targets"]), lang)


@pytest.fixture
def arithmetic(lever_script):
    return lever_script("customer_value")


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
        """([table, words, lang, asked, told]) => asked.map(([ladder, one]) =>
             window.levers.texts(table, ladder, one, words, lang, told))""",
        [UNROUND.payload(), words(UNROUND, lang), lang, asked, told(lang)],
    )
    tones = set()
    for (ladder, settings), answer in zip(asked, got, strict=True):
        expected = texts_at(UNROUND, ladder, settings, lang, told(lang))
        assert answer == expected, (ladder, settings)
        tones |= {card["target_tone"] for card in answer["cards"].values() if "target" in card}
    assert tones == {"", "good", "bad"}


def test_another_ladder_has_sliders_and_figures_of_its_own_and_a_link(open_page):
    page = open_page(f"{PAGE}?lang=en")
    page.locator("select[data-ladder]:visible").select_option("stars")
    expected = texts_at(CUTS, "stars", {}, "en")
    assert page.locator("h1:visible").inner_text() == expected["sentence"]
    assert page.get_by_role("slider").count() == 2
    assert "ladder=stars" in page.url
    # Another ladder has a course of its own, and no target: those are of cards.
    card = page.locator('[data-card="holders"]:visible')
    assert card.locator(".cvm-spark:visible").get_attribute("data-course") == "stars"
    assert card.locator(".cvm-target").inner_text() == ""
    page.locator("select[data-ladder]:visible").select_option("cards")
    assert card.locator(".cvm-spark:visible").get_attribute("data-course") == "cards"
    assert card.locator(".cvm-target").inner_text() == "Target share at least 7.5%: not met"
    assert "+9.4% on a year before" in card.locator(".cvm-change").inner_text()
    page.locator("select[data-ladder]:visible").select_option("stars")
    again = open_page(same_address(page))
    assert again.locator("h1:visible").inner_text() == expected["sentence"]
    again.get_by_role("button", name="中文").click()
    assert again.locator("h1:visible").inner_text() == texts_at(CUTS, "stars", {}, "zh")["sentence"]
