"""The early-warning page in Chromium: its levers agree with Python, in both languages."""

import random

import pytest

from cvm.segments.warning_reach import evaluate_reach
from cvm.views.early_warning_live import texts_at, words
from early_warning_tables import FACTS, RANKS

pytestmark = pytest.mark.browser

PAGE = "voila/render/early-warning.ipynb"
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


@pytest.fixture
def arithmetic(lever_script):
    return lever_script("early_warning")


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


def test_the_drill_down_shows_a_reason_and_keeps_it_in_the_address(open_page):
    page = open_page(f"{PAGE}?lang=en")
    panel = page.locator(".cvm-drill:visible")
    panel.locator("select").select_option(label="Bill fall")
    assert panel.locator("dd").all_inner_texts()[:2] == ["120", "90"]
    assert "focus=reason%3Abill_fall" in page.url
