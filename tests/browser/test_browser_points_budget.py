"""The points budget in a real browser: the levers' arithmetic, words, address, widths, print."""

import json
import random

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


@pytest.fixture
def arithmetic(lever_script):
    return lever_script("points_budget")


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
        for card in expected["cards"].values():
            if card["gauge"]:
                card["gauge"] = {
                    key: pytest.approx(value, abs=1e-4) if key != "alt" else value
                    for key, value in card["gauge"].items()
                }
        assert answer == expected, settings


def test_no_expiry_is_the_last_stop_of_validity(open_page):
    page = open_page(f"{PAGE}?lang=zh&validity=99")
    slider = page.get_by_label("积分有效期")
    assert slider.get_attribute("aria-valuetext") == "不清零"
    assert slider.input_value() == "3"


def test_a_lever_answers_within_a_frame_and_a_drag_draws_once_a_frame(open_page):
    page = open_page(f"{PAGE}?lang=zh")
    # Nothing but the frame is awaited between the move and the reading: no server, no timer.
    values, drawn = page.evaluate(
        """async () => {
            const one = document.querySelector('#cvm-lever-redeem-zh');
            const side = document.querySelector('.cvm-in[data-in=zh]');
            const chart = side.querySelector('[data-live=cap] .cvm-picture');
            let drawn = 0;
            new MutationObserver(() => { drawn += 1; }).observe(chart, {childList: true});
            const values = [];
            for (let at = 0; at < 11; at += 1) {
                for (const kind of ['input', 'input', 'change']) {
                    one.value = -0.5 + at / 10;
                    one.dispatchEvent(new Event(kind, {bubbles: true}));
                }
                await new Promise(requestAnimationFrame);
                values.push(side.querySelector('.cvm-value').textContent);
            }
            return [values, drawn];
        }"""
    )
    assert len(set(values)) == 11
    assert 11 <= drawn < 22  # of 33 events; a sentence with another line draws once more
