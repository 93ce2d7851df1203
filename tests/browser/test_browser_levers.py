"""Every page with levers: a moved one changes what is read, is kept in a link, and goes back."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from customer_value_tables import cuts_table, terms_table
from cvm.core.i18n import say
from cvm.core.snapshot import open_latest
from cvm.views import customer_value_live, early_warning_live, points_budget_live
from early_warning_tables import FACTS, RANKS
from page_checks import card_figures, figures, move, same_address
from points_budget_tables import lever_table

pytestmark = pytest.mark.browser

CUTS = customer_value_live.read_cuts(cuts_table(), terms_table())
POINTS_FACTS = {
    "last_cost_yuan": 80_000.0,
    "last_year": 2026.0,
    "scenarios": 512.0,
    "extra_years": 1.0,
    "wanted_share": 0.95,
}


def address(page, query):
    return f"voila/render/{page}.ipynb?{query}"


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Some sliders put elsewhere, and what Python says there."""

    page: str
    area: str
    # By the slider's name, where the slider is put and what the address then says.
    sliders: dict[str, tuple[float, str]]
    texts: Callable[[str], dict]
    charts: tuple[str, ...]
    # What shows today's setting beside the moved one, and how often.
    trace: str
    times: int


MOVED = (
    Moved(
        page="points-budget",
        area="points_page",
        sliders={"rate": (0.019, "0.019"), "threshold": (4_500, "4500")},
        texts=lambda lang: points_budget_live.texts_at(
            lever_table(), POINTS_FACTS, {"return_rate": 0.019, "threshold_points": 4_500}, lang
        ),
        charts=("cap", "rates"),
        trace="[data-live=rates]:visible .cvm-before",
        times=1,
    ),
    Moved(
        page="customer-value",
        area="customer_value",
        # The slider stands on places of the bands: the last of gold's is 6,500.
        sliders={"cut-cards-gold": (2, "6500")},
        texts=lambda lang: customer_value_live.texts_at(
            CUTS, "cards", {"cards.gold": 6_500.0}, lang
        ),
        charts=("pyramid", "cost"),
        # Gold and VIP differ from today, in both charts.
        trace="[data-live]:visible .cvm-bar-before",
        times=4,
    ),
    Moved(
        page="early-warning",
        area="early_warning",
        sliders={"calls": (75, "75"), "saved": (0.1, "0.1")},
        texts=lambda lang: early_warning_live.texts_at(
            RANKS, FACTS, {"calls": 75.0, "saved": 0.1}, lang
        ),
        charts=("reach", "gain"),
        trace="[data-live=gain]:visible .cvm-before",
        times=1,
    ),
)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("moved", MOVED, ids=lambda one: one.page)
def test_a_lever_changes_figures_sentence_charts_and_the_address(open_page, published, moved, lang):
    with open_latest(published) as snapshot:
        content = snapshot.page(moved.page, lang)
    page = open_page(address(moved.page, f"lang={lang}"))
    sentence = page.locator("h1:visible")
    titles = page.locator("[data-live] h3:visible")
    assert sentence.inner_text() == content["sentence"]
    assert titles.all_inner_texts() == list(content["live"]["titles"].values())
    before, drawn = figures(page), pictures(page, moved)
    assert before == card_figures({card["key"]: card for card in content["cards"]})
    assert page.locator(moved.trace).count() == 0

    for name, (value, _) in moved.sliders.items():
        move(page, lang, name, value)
    expected = moved.texts(lang)
    assert sentence.inner_text() == expected["sentence"]
    assert figures(page) == before | card_figures(expected["cards"]) != before
    assert titles.all_inner_texts() == [expected[f"{key}_title"] for key in moved.charts]
    assert all(old != new for old, new in zip(drawn, pictures(page, moved), strict=True))
    assert page.locator(moved.trace).count() == moved.times
    for name, (_, written) in moved.sliders.items():
        page.wait_for_url(f"**{name}={written}*", timeout=5_000)
    assert page.locator("[data-spoken]").first.text_content()

    again = open_page(same_address(page))
    assert again.locator("h1:visible").inner_text() == expected["sentence"]
    assert figures(again) == figures(page)

    page.get_by_role("button", name=say(f"{moved.area}.live.reset", lang)).click()
    assert sentence.inner_text() == content["sentence"]
    assert figures(page) == before
    assert not any(f"{name}=" in page.url for name in moved.sliders)


def pictures(page, moved):
    return [
        page.locator(f"[data-live={key}]:visible .cvm-picture").inner_html() for key in moved.charts
    ]


@dataclass(frozen=True, kw_only=True)
class Key:
    """One press of the left arrow on a slider."""

    page: str
    slider: str
    told: str
    # How the sentence begins in Chinese, and the slider's name and value there.
    sentence: str
    chinese: str
    value: str


KEYS = (
    Key(
        page="points-budget", slider="Return rate", told="1.95%", sentence="按此设置",
        chinese="回报率", value="0.0195",
    ),
    Key(
        page="customer-value", slider="VIP from", told="1,000 points",
        sentence="贵宾卡：按此门槛，500户升级", chinese="贵宾卡", value="1",
    ),
    Key(
        page="early-warning", slider="Calls this month", told="199", sentence="外呼199户",
        chinese="本月外呼户数", value="199",
    ),
)  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=lambda one: one.page)
def test_the_keyboard_moves_a_lever_and_both_languages_follow(open_page, key):
    page = open_page(address(key.page, "lang=en"))
    slider = page.get_by_role("slider", name=key.slider)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == key.told
    page.get_by_role("button", name="中文").click()
    assert page.get_by_role("slider", name=key.chinese).input_value() == key.value
    assert page.locator("h1:visible").inner_text().startswith(key.sentence)


CRAFTED = (
    ("points-budget", "rate=NaN"),
    ("points-budget", "rate=1e9&threshold=-5"),
    ("points-budget", "validity=%3Cscript%3E"),
    ("points-budget", "tenure=&spend=Infinity"),
    ("campaigns", "horizon=NaN&cost=1e9"),
    ("campaigns", "campaign=%3Cscript%3E"),
    ("campaigns", "cost="),
    ("customer-value", "ladder=clubs&cut-cards-gold=NaN"),
    ("customer-value", "cut-cards-gold=-5&cut-stars-1=1e9"),
    ("customer-value", "ladder="),
    ("early-warning", "calls=NaN&saved=9"),
    ("early-warning", "calls=-5"),
    ("early-warning", "calls=%3Cscript%3E&saved="),
    ("early-warning", "calls=1e9"),
)
# What is chosen where the address names nothing that there is.
CHOSEN = {
    "campaigns": ("select[data-choose]:visible", "FAMILY"),
    "customer-value": ("select[data-ladder]:visible", "cards"),
}


@pytest.mark.parametrize(("name", "query"), CRAFTED)
def test_a_crafted_address_is_held_to_the_sliders(open_page, name, query):
    page = open_page(address(name, f"lang=en&{query}"))
    sliders = page.locator("input[type=range]:visible").all()
    assert sliders
    for slider in sliders:
        low, high = (float(slider.get_attribute(side)) for side in ("min", "max"))
        assert low <= float(slider.input_value()) <= high
    assert "NaN" not in page.locator("#cvm-page").inner_text()
    if name in CHOSEN:
        choice, chosen = CHOSEN[name]
        assert page.locator(choice).input_value() == chosen
    if name == "campaigns":
        assert page.locator("[data-campaign]:visible").count() == 1
        assert page.locator("[data-campaign=FAMILY]:visible").count() == 1


@pytest.mark.parametrize(
    ("name", "mark", "times"),
    [
        ("points-budget", ".cvm-curve", 2),
        ("customer-value", ".cvm-bar", 8),
        ("early-warning", ".cvm-curve", 2),
    ],
)
def test_cards_and_live_charts_are_printed(open_page, name, mark, times):
    page = open_page(address(name, "lang=en"))
    page.emulate_media(media="print")
    assert page.locator(".cvm-value:visible").count() == 5
    assert page.locator(f"[data-live]:visible {mark}").count() == times
    assert page.locator("picture img:visible").count() == 4
