"""The early-warning page in Chromium: its levers agree with Python, in both languages."""

import random
from importlib import resources

import pytest
from test_browser_points_budget import move, shown

from cvm.core.snapshot import open_latest
from cvm.segments.warning_reach import evaluate_reach
from cvm.views.early_warning_live import texts_at, words
from early_warning_tables import FACTS, RANKS

pytestmark = pytest.mark.browser

PAGE = "voila/render/early-warning.ipynb"
WIDTHS = (1440, 1024, 390)
MOST = sum(RANKS["customers"])
# Round figures end in halves, which two languages round apart: these do not.
UNROUND = {
    name: [value * (1 if name == "customers" else 1.000_137) for value in values]
    for name, values in RANKS.items()
}


def random_settings(dice):
    """Return a random setting: whole calls, sometimes at a group's end; a share kept."""
    settings = {
        "calls": float(dice.choice([dice.randint(0, MOST), 0, 50, 200, MOST])),
        "saved": dice.choice([0.0, dice.randint(0, 50) / 100]),
    }
    kept = dice.sample(sorted(settings), dice.randint(0, 2))
    return {name: settings[name] for name in kept}


@pytest.fixture(scope="module")
def arithmetic(browser):
    """The page's own script of the levers, in the browser."""
    folder = resources.files("cvm.apps")
    formats, code = (
        folder.joinpath(name).read_text("utf-8").strip()
        for name in ("page_numbers.js", "early_warning_levers.js")
    )
    page = browser.new_page()
    page.evaluate(f"() => {{ window.levers = {code}({formats}); }}")
    yield page
    page.close()


def test_the_browser_reads_the_groups_as_python_does(arithmetic):
    dice = random.Random(5)
    asked = [[dice.uniform(0, 1.2 * MOST), dice.uniform(0, 0.6)] for _ in range(300)]
    got = arithmetic.evaluate(
        "([table, asked]) => asked.map(([calls, saved]) => "
        "window.levers.evaluate(table, calls, saved))",
        [RANKS, asked],
    )
    for (calls, saved), answer in zip(asked, got, strict=True):
        expected = evaluate_reach(RANKS, calls=calls, saved_share=saved)
        assert answer == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_browser_says_what_python_says(arithmetic, lang):
    dice = random.Random(6)
    asked = [{}, *(random_settings(dice) for _ in range(200))]
    got = arithmetic.evaluate(
        """([table, facts, words, lang, asked]) =>
             asked.map(one => window.levers.texts(table, facts, one, words, lang))""",
        [UNROUND, FACTS, words(lang), lang, asked],
    )
    for settings, answer in zip(asked, got, strict=True):
        assert answer == texts_at(UNROUND, FACTS, settings, lang), settings


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_lever_changes_figures_sentence_charts_and_the_address(open_page, published, lang):
    with open_latest(published) as snapshot:
        content = snapshot.page("early-warning", lang)
    page = open_page(f"{PAGE}?lang={lang}")
    sentence = page.locator("h1:visible").inner_text()
    assert sentence == content["sentence"]
    before = shown(page, lang)
    assert before == {card["key"]: card["value"] + card["unit"] for card in content["cards"]}
    titles = page.locator("figcaption h3:visible").all_inner_texts()
    assert titles == [*content["live"]["titles"].values(), *(c["title"] for c in content["charts"])]

    move(page, lang, "calls", 75)
    move(page, lang, "saved", 0.1)
    expected = texts_at(RANKS, FACTS, {"calls": 75.0, "saved": 0.1}, lang)
    assert page.locator("h1:visible").inner_text() == expected["sentence"]
    cards = {key: card["value"] + card["unit"] for key, card in expected["cards"].items()}
    assert shown(page, lang) == before | cards
    assert page.locator("[data-live=gain]:visible .cvm-before").count() == 1
    assert "calls=75" in page.url
    assert "saved=0.1" in page.url

    again = open_page(page.url.split("/", 3)[3])
    assert again.locator("h1:visible").inner_text() == expected["sentence"]
    page.get_by_role("button", name="恢复现行设置" if lang == "zh" else "Back to").click()
    assert page.locator("h1:visible").inner_text() == sentence
    assert shown(page, lang) == before
    assert "calls=" not in page.url


def test_the_keyboard_moves_a_lever_and_both_languages_follow(open_page):
    page = open_page(f"{PAGE}?lang=en")
    slider = page.get_by_role("slider", name="Calls this month")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "199"
    page.get_by_role("button", name="中文").click()
    assert page.get_by_role("slider", name="本月外呼户数").input_value() == "199"
    assert page.locator("h1:visible").inner_text().startswith("外呼199户")


def test_the_drill_down_shows_a_reason_and_keeps_it_in_the_address(open_page):
    page = open_page(f"{PAGE}?lang=en")
    panel = page.locator(".cvm-drill:visible")
    panel.locator("select").select_option(label="Bill fall")
    assert panel.locator("dd").all_inner_texts()[:2] == ["120", "90"]
    assert "focus=reason%3Abill_fall" in page.url


@pytest.mark.parametrize(
    "query", ["calls=NaN&saved=9", "calls=-5", "calls=%3Cscript%3E&saved=", "calls=1e9"]
)
def test_a_crafted_address_is_held_to_the_sliders(open_page, query):
    page = open_page(f"{PAGE}?lang=en&{query}")
    for slider in page.locator("input[type=range]:visible").all():
        low, high = (float(slider.get_attribute(side)) for side in ("min", "max"))
        assert low <= float(slider.input_value()) <= high
    assert "NaN" not in page.locator("#cvm-page").inner_text()


def test_printed_and_without_scripts_the_answer_stands_there(open_page, browser, server):
    page = open_page(f"{PAGE}?lang=en")
    page.emulate_media(media="print")
    assert page.locator(".cvm-value:visible").count() == 5
    assert page.locator("[data-live]:visible .cvm-curve").count() == 2
    assert page.locator("picture img:visible").count() == 4
    context = browser.new_context(java_script_enabled=False)
    quiet = context.new_page()
    quiet.goto(f"{server}{PAGE}?lang=zh", wait_until="load", timeout=60_000)
    assert quiet.locator("h1:visible").inner_text().startswith("本月应外呼200户")
    context.close()
