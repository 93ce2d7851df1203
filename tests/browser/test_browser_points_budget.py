"""The points budget in a real browser: the levers' arithmetic, words, address, widths, print."""

import json
import random
from importlib import resources

import pytest

from cvm.points.budget_levers import evaluate_levers
from cvm.views.points_budget_live import texts_at, words
from points_budget_tables import AXES, lever_table

pytestmark = pytest.mark.browser

PAGE = "voila/render/points-budget.ipynb"
FACTS = {
    "last_cost_yuan": 80_000.0,
    "last_year": 2026.0,
    "scenarios": 512.0,
    "extra_years": 1.0,
    "wanted_share": 0.95,
}


def random_settings(dice):
    """Return a random setting, sometimes at a node, sometimes beyond the grid."""
    settings = {"return_rate": dice.uniform(0.008, 0.035)}
    for name, axis in AXES.items():
        reach = axis[-1] - axis[0]
        inside = dice.uniform(axis[0] - 0.05 * reach, axis[-1] + 0.05 * reach)
        settings[name] = dice.choice([inside, dice.choice(axis)])
    kept = dice.sample(sorted(settings), dice.randint(0, len(settings)))
    return {name: settings[name] for name in kept}


@pytest.fixture(scope="module")
def arithmetic(browser):
    """The page's own script of the levers, in the browser."""
    numbers, levers = (
        resources.files("cvm.apps").joinpath(name).read_text("utf-8").strip()
        for name in ("page_numbers.js", "points_budget_levers.js")
    )
    page = browser.new_page()
    page.evaluate(f"() => {{ window.levers = {levers}({numbers}); }}")
    yield page
    page.close()


@pytest.mark.parametrize("value_elasticity", [0.0, 0.8])
def test_the_browser_reads_the_grid_as_python_does(arithmetic, value_elasticity):
    dice, table = random.Random(5), lever_table(value_elasticity)
    asked = [random_settings(dice) for _ in range(300)]
    got = arithmetic.evaluate(
        "([table, asked]) => asked.map(settings => window.levers.evaluate(table, settings))",
        [table, asked],
    )
    for settings, answer in zip(asked, got, strict=True):
        expected = evaluate_levers(table, **settings)
        for name, value in expected.items():
            assert answer[name] == pytest.approx(value, rel=1e-6, abs=1e-9), (settings, name)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_browser_says_what_python_says(arithmetic, lang):
    dice, table = random.Random(6), lever_table()
    asked = [{}, *(random_settings(dice) for _ in range(150))]
    got = arithmetic.evaluate(
        """([table, facts, words, lang, asked]) =>
             asked.map(one => window.levers.texts(table, facts, one, words, lang))""",
        [table, FACTS, words(lang), lang, asked],
    )
    for settings, answer in zip(asked, got, strict=True):
        expected = json.loads(json.dumps(texts_at(table, FACTS, settings, lang)))
        for card in (*answer["cards"].values(), *expected["cards"].values()):
            if card["gauge"]:
                card["gauge"] = {
                    key: pytest.approx(value, abs=1e-4) if key != "alt" else value
                    for key, value in card["gauge"].items()
                }
        assert {**answer, "cards": None} == {**expected, "cards": None}
        for key, card in expected["cards"].items():
            mine = answer["cards"][key]
            assert {**mine, "gauge": None} == {**card, "gauge": None}, settings


def move(page, lang, name, value):
    """Put a slider, as a hand would: input while it moves, change when it is let go."""
    page.locator(f"#cvm-lever-{name}-{lang}").evaluate(
        """(one, value) => {
            one.value = value;
            one.dispatchEvent(new Event('input', {bubbles: true}));
            one.dispatchEvent(new Event('change', {bubbles: true}));
        }""",
        str(value),
    )


def shown(page, lang):
    return {
        card.get_attribute("data-card"): card.locator(".cvm-value").inner_text().replace("\n", "")
        for card in page.locator(f".cvm-in[data-in={lang}] .cvm-card").all()
    }


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_lever_changes_figures_sentence_charts_and_the_address(open_page, lang):
    page = open_page(f"{PAGE}?lang={lang}")
    before = shown(page, lang)
    sentence = page.locator("h1:visible").inner_text()
    curve = page.locator("[data-live=rates]:visible .cvm-curve").get_attribute("d")
    move(page, lang, "rate", 0.019)
    move(page, lang, "threshold", 4_500)
    expected = texts_at(
        lever_table(), FACTS, {"return_rate": 0.019, "threshold_points": 4_500}, lang
    )
    assert page.locator("h1:visible").inner_text() == expected["sentence"]
    cards = {key: card["value"] + card["unit"] for key, card in expected["cards"].items()}
    assert shown(page, lang) == cards != before
    assert page.locator("[data-live=rates]:visible .cvm-curve").get_attribute("d") != curve
    assert page.locator("[data-live=rates]:visible .cvm-before").count() == 1
    assert "rate=0.019" in page.url
    assert "threshold=4500" in page.url
    assert page.locator("[data-spoken]").first.text_content()

    again = open_page(page.url.split("/", 3)[3])
    assert again.locator("h1:visible").inner_text() == expected["sentence"]
    assert shown(again, lang) == cards

    page.get_by_role("button", name="恢复现行设置" if lang == "zh" else "Back to").click()
    assert page.locator("h1:visible").inner_text() == sentence
    assert shown(page, lang) == before
    assert "rate=" not in page.url


def test_the_keyboard_moves_a_lever_and_both_languages_follow(open_page):
    page = open_page(f"{PAGE}?lang=en")
    slider = page.get_by_role("slider", name="Return rate")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "1.95%"
    page.get_by_role("button", name="中文").click()
    assert page.get_by_role("slider", name="回报率").input_value() == "0.0195"
    assert page.locator("h1:visible").inner_text().startswith("按此设置")


def test_no_expiry_is_the_last_stop_of_validity(open_page):
    page = open_page(f"{PAGE}?lang=zh&validity=99")
    slider = page.get_by_label("积分有效期")
    assert slider.get_attribute("aria-valuetext") == "不清零"
    assert slider.input_value() == "3"


@pytest.mark.parametrize(
    "query",
    ["rate=NaN", "rate=1e9&threshold=-5", "validity=%3Cscript%3E", "tenure=&spend=Infinity"],
)
def test_a_crafted_address_is_held_to_the_grid(open_page, query):
    page = open_page(f"{PAGE}?lang=en&{query}")
    for slider in page.locator("input[type=range]:visible").all():
        low, high = (float(slider.get_attribute(side)) for side in ("min", "max"))
        assert low <= float(slider.input_value()) <= high
    assert "NaN" not in page.locator("#cvm-page").inner_text()


def test_a_lever_answers_in_the_same_turn(open_page):
    page = open_page(f"{PAGE}?lang=zh")
    # Nothing is awaited between the move and the reading: no server, no timer stands in between.
    values = page.evaluate(
        """() => {
            const one = document.querySelector('#cvm-lever-redeem-zh');
            return [...Array(11).keys()].map(at => {
                one.value = -0.5 + at / 10;
                one.dispatchEvent(new Event('input', {bubbles: true}));
                return document.querySelector('.cvm-in[data-in=zh] .cvm-value').textContent;
            });
        }"""
    )
    assert len(set(values)) == 11


def test_without_scripts_the_answer_still_stands_there(browser, server):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server}{PAGE}?lang=en", wait_until="load", timeout=60_000)
    assert page.locator("h1:visible").inner_text().startswith("Points year 2027")
    assert page.locator("picture img:visible").count() == 4
    context.close()
