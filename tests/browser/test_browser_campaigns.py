"""The campaigns page in a real browser: arithmetic, levers, one campaign, address, widths."""

import random

import pytest

from campaigns_tables import INFO, WORTH, campaigns_tables
from cvm.core.snapshot import open_latest
from cvm.views.campaigns_live import evaluate, texts_at, told_of, words, worth_rows
from cvm.views.cards_campaigns import asked_of
from cvm.views.pages_campaigns import SOURCES, join_registers
from cvm.views.targets import read_targets
from page_checks import move, same_address

pytestmark = pytest.mark.browser

PAGE = "voila/render/campaigns.ipynb"


def made():
    tables = campaigns_tables()
    frames = [tables[f"{name}_worth"] for name in SOURCES]
    return worth_rows(*frames), join_registers(tables).entries


def held_against(lang):
    """Return targets and the last twelve months as the page hands them to its script."""
    return asked_of(read_targets(campaigns_tables()["targets"]), INFO["last_month"], lang)


def random_settings(count):
    dice = random.Random(7)
    return [
        {"horizon": float(dice.randint(6, 60)), "cost": dice.uniform(0.5, 2.0)}
        for _ in range(count)
    ]


@pytest.fixture
def arithmetic(lever_script):
    return lever_script("campaigns")


def test_the_browser_values_a_campaign_as_python_does(arithmetic):
    stated = {"kept_value_yuan": 700.0, "kept_value_se_yuan": 90.0}
    rows = [*WORTH, WORTH[0] | stated, WORTH[1] | stated, WORTH[1] | {"discount_yearly": 0.0}]
    asked = random_settings(100)
    got = arithmetic.evaluate(
        "([rows, asked]) => rows.map(row => asked.map(one => window.levers.evaluate(row, one)))",
        [rows, asked],
    )
    for row, answers in zip(rows, got, strict=True):
        for settings, answer in zip(asked, answers, strict=True):
            assert answer == pytest.approx(evaluate(row, settings), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_browser_says_what_python_says(arithmetic, lang):
    rows, entries = made()
    asked = [{}, *random_settings(60)]
    got = arithmetic.evaluate(
        """([rows, told, words, lang, asked, held]) =>
             asked.map(one => window.levers.texts(rows, told, one, words, lang, held))""",
        [rows, told_of(entries, lang), words(lang), lang, asked, held_against(lang)],
    )
    for settings, answer in zip(asked, got, strict=True):
        expected = texts_at(rows, entries, settings, lang, held_against(lang))
        for key, card in expected["cards"].items():
            drawn = answer["cards"][key].pop("spark")
            assert drawn == pytest.approx(card.pop("spark"), abs=1.1e-3)
        assert answer == expected
    assert {one["cards"]["net"]["target_tone"] for one in got} == {"good", "bad"}


def cells(page, lang, campaign):
    found = page.locator(f".cvm-in[data-in={lang}] [data-live-of={campaign}]").all()
    return {one.get_attribute("data-cell"): one.inner_text() for one in found}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_levers_change_returns_cards_and_the_address(open_page, published, lang):
    rows, entries = made()
    page = open_page(f"{PAGE}?lang={lang}")
    with open_latest(published) as snapshot:
        assert (
            page.locator("h1:visible").inner_text()
            == (snapshot.page("campaigns", lang)["sentence"])
        )
    before = cells(page, lang, "HANDSET")
    assert before == texts_at(rows, entries, {}, lang)["campaigns"]["HANDSET"]

    move(page, lang, "horizon", 48)
    move(page, lang, "cost", 1.5)

    expected = texts_at(rows, entries, {"horizon": 48.0, "cost": 1.5}, lang)
    assert cells(page, lang, "HANDSET") == expected["campaigns"]["HANDSET"] != before
    card = page.locator(f".cvm-in[data-in={lang}] [data-card=net]")
    assert expected["cards"]["net"]["value"] in card.inner_text()
    held = texts_at(rows, entries, {"horizon": 48.0, "cost": 1.5}, lang, held_against(lang))
    net = held["cards"]["net"]
    assert card.locator(".cvm-spark").get_attribute("aria-label") == net["spark_alt"]
    points = card.locator(".cvm-spark polyline").get_attribute("points").split()
    drawn = [1 - (float(point.split(",")[1]) - 3) / 24 for point in points]
    assert drawn == pytest.approx(net["spark"], abs=0.004)
    assert card.locator(".cvm-target").inner_text() == net["target"]
    assert net["change"] in card.locator(".cvm-change").inner_text()
    page.wait_for_url("**horizon=48*", timeout=5_000)
    again = open_page(same_address(page))
    assert cells(again, lang, "HANDSET") == expected["campaigns"]["HANDSET"]
    page.get_by_role("button", name="恢复" if lang == "zh" else "Back to").click()
    assert cells(page, lang, "HANDSET") == before
    assert "horizon" not in page.url


def test_one_campaign_is_chosen_and_kept_in_the_address(open_page):
    page = open_page(f"{PAGE}?lang=en")
    assert page.locator("[data-campaign=FAMILY]:visible .cvm-events").count() == 1
    page.get_by_role("button", name="Value-added services by SMS").click()
    assert page.locator("[data-campaign=SMS]:visible").count() == 1
    assert page.locator("[data-campaign=FAMILY]:visible").count() == 0
    assert "campaign=SMS" in page.url
    page.get_by_label("Campaign", exact=True).select_option("CARE")
    told = page.locator("[data-campaign=CARE]:visible .cvm-told").inner_text()
    assert told.startswith("Cannot be told")
    again = open_page(same_address(page))
    assert again.locator("[data-campaign=CARE]:visible").count() == 1
