"""Kept pictures find a panel that is gone, empty or drawn over, and not how a browser sets type."""

import pytest

from page_pictures import differences, small_picture

pytestmark = pytest.mark.browser

WIDTH = 1440
BREAKS = {
    "gone": "document.querySelector('.cvm-in[data-in=zh] [data-chart=churn]').remove()",
    "gone, its place kept": "document.querySelector('.cvm-in[data-in=zh] [data-chart=churn]')"
    ".style.visibility = 'hidden'",
    "without its picture": "document.querySelector('.cvm-in[data-in=zh] [data-chart=points] img')"
    ".style.visibility = 'hidden'",
    "drawn over another": "document.querySelector('.cvm-in[data-in=zh] [data-chart=tiers]')"
    ".style.transform = 'translateY(-160px)'",
    "a card empty": "document.querySelector('.cvm-in[data-in=zh] .cvm-card').replaceChildren()",
}


@pytest.fixture(scope="module")
def overview(browser, server):
    """The overview, whole, and its small picture."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 900})
    page.goto(f"{server}voila/render/overview.ipynb?lang=zh", wait_until="load", timeout=60_000)
    page.wait_for_selector("html[data-cvm=shown] #cvm-page")
    yield page
    page.close()


def picture_of(page, broken=""):
    from browser_fixtures import WHOLE

    page.reload(wait_until="load")
    page.wait_for_selector("html[data-cvm=shown] #cvm-page")
    page.evaluate(WHOLE)
    page.evaluate(broken or "0")
    return small_picture(page.screenshot(full_page=True), WIDTH)


@pytest.fixture(scope="module")
def whole(overview):
    return picture_of(overview)


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)
def test_a_broken_panel_is_found(overview, whole, broken):
    assert differences(picture_of(overview, broken), whole)


def test_how_a_browser_sets_type_is_no_difference(overview, whole):
    heavier = """document.getElementById('cvm-page').style.cssText +=
      '-webkit-text-stroke: 0.2px; text-rendering: geometricPrecision'"""
    assert differences(picture_of(overview, heavier), whole) == []
    assert differences(picture_of(overview), whole) == []
