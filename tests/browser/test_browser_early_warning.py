"""The early-warning page in Chromium: its levers agree with Python, in both languages."""

import random

import pytest

from cvm.segments.warning_reach import evaluate_reach
from cvm.views.cards_early_warning import COURSES
from cvm.views.early_warning_live import TARGETS, texts_at, words
from cvm.views.targets import live_targets, read_targets
from early_warning_tables import FACTS, RANKS, early_warning_tables

pytestmark = pytest.mark.browser

PAGE = "voila/render/early-warning.ipynb"
MOST = sum(RANKS["customers"])
GOALS = read_targets(early_warning_tables()["targets"])
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


# Without targets, capacity or last list, cards say less.
BARE = {name: FACTS[name] for name in ("calls", "saved_share")}


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(("facts", "goals"), [(FACTS, GOALS), (BARE, {})], ids=["whole", "bare"])
def test_the_browser_says_what_python_says(arithmetic, lang, facts, goals):
    dice = random.Random(6)
    asked = [{}, *(random_settings(dice) for _ in range(200))]
    got = arithmetic.evaluate(
        """([table, facts, words, lang, targets, asked]) =>
             asked.map(one => window.levers.texts(table, facts, one, words, lang, targets))""",
        [UNROUND, facts, words(lang), lang, live_targets(goals, TARGETS, lang), asked],
    )
    tones = set()
    for settings, answer in zip(asked, got, strict=True):
        assert answer == texts_at(UNROUND, facts, settings, lang, goals), settings
        tones |= {card["target_tone"] for card in answer["cards"].values()}
    assert tones == ({"", "good", "bad"} if goals else {""})


def test_a_moved_lever_keeps_each_course_and_says_whether_the_target_is_met(open_page):
    page = open_page(f"{PAGE}?lang=en")
    card = {key: page.locator(f"[data-card={key}]:visible") for key in (*COURSES, "calls", "last")}
    before = {key: one.locator("svg").inner_html() for key, one in card.items()}
    assert all(card[key].locator(".cvm-spark").count() for key in (*COURSES, "last"))
    target = card["leavers"].locator(".cvm-target")
    assert (target.inner_text(), target.get_attribute("data-tone")) == (
        "Target hit rate at least 20.0%: met", "good",
    )  # fmt: skip
    page.locator("input[data-lever=calls]:visible").evaluate(
        "one => { one.value = 360; one.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    page.wait_for_function("() => document.querySelector('h1').textContent.includes('360')")
    assert (target.inner_text(), target.get_attribute("data-tone")) == (
        "Target hit rate at least 20.0%: not met", "bad",
    )  # fmt: skip
    assert card["calls"].locator(".cvm-note").inner_text() == "160 beyond the capacity of 200"
    gauge = card["calls"].locator(".cvm-gauge")
    assert gauge.get_attribute("aria-label") == "360 calls, capacity 200"
    assert gauge.locator(".cvm-fill").get_attribute("width") == "120.0"
    after = {key: one.locator("svg").inner_html() for key, one in card.items()}
    assert {key for key in card if before[key] != after[key]} == {"calls"}


def test_the_drill_down_shows_a_reason_and_keeps_it_in_the_address(open_page):
    page = open_page(f"{PAGE}?lang=en")
    panel = page.locator(".cvm-drill:visible")
    panel.locator("select").select_option(label="Bill fall")
    assert panel.locator("dd").all_inner_texts()[:2] == ["120", "90"]
    assert "focus=reason%3Abill_fall" in page.url
