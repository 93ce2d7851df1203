"""The overview in a real browser: figures, both languages, three widths, fonts, nothing foreign."""

import pytest

from page_checks import same_address

pytestmark = pytest.mark.browser

PAGE = "voila/render/overview.ipynb"


def test_the_language_is_switched_at_once_and_kept_in_the_address(open_page):
    page = open_page(PAGE)
    assert page.locator("h1:visible").inner_text().startswith("截至2026年5月")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.get_by_role("button", name="English").click()
    assert page.locator("h1:visible").inner_text().startswith("In May 2026")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title() == "Overview · Customer value management"
    assert "lang=en" in page.url
    page.reload()
    page.wait_for_selector("html[data-cvm=shown]")
    assert page.locator("h1:visible").inner_text().startswith("In May 2026")


def test_the_keyboard_reaches_and_switches_the_language(open_page):
    page = open_page(PAGE)
    english = page.get_by_role("button", name="English")
    for _ in range(6):
        page.keyboard.press("Tab")
        if english.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    assert english.get_attribute("aria-pressed") == "true"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_one_county_is_shown_and_kept_in_the_address(open_page):
    page = open_page(f"{PAGE}?lang=zh")
    select = page.get_by_label("县区或品牌").locator("visible=true")
    select.select_option("county:安宁")
    facts = page.locator("[data-in=zh] .cvm-facts dd").all_inner_texts()
    assert facts == ["8,000", "35.7%", "640万元", "40.0%", "72.5元", "1.25%"]
    again = open_page(same_address(page))
    assert again.locator("[data-in=zh] .cvm-facts dd").all_inner_texts() == facts
    again.get_by_role("button", name="English").click()
    assert again.locator("[data-in=en] .cvm-facts dd").nth(4).inner_text() == "¥72.5"


def test_an_unknown_county_in_the_address_shows_the_whole_base(open_page):
    page = open_page(f"{PAGE}?focus=__proto__&lang=%3Cscript%3E")
    assert page.locator("[data-in=zh] .cvm-facts dd").first.inner_text() == "2.24万"


def test_chinese_is_drawn_with_the_font_of_the_snapshot(open_page):
    page = open_page(PAGE)
    assert page.evaluate("document.fonts.check('15px \"CVM Page SC\"', '截至客户')")
    own = "[...document.fonts].filter(font => font.family.includes('Page')).map(f => f.status)"
    assert page.evaluate(own) == ["loaded"]
    widths = page.evaluate(
        """() => ['"CVM Page SC"', 'monospace'].map(family => {
            const box = document.createElement('span');
            box.style.cssText = `position:absolute;font:40px ${family}`;
            box.textContent = 'iiii截至客户';
            document.querySelector('#cvm-page').append(box);
            return box.getBoundingClientRect().width;
        })"""
    )
    assert widths[0] != widths[1], "the fallback is not what is seen"
    for part in ("h1", ".cvm-card h3", ".cvm-about li", ".cvm-facts dt", ".cvm-brand span"):
        assert used_fonts(page, f"#cvm-page {part}:visible") == {"Noto Sans SC"}, part


def used_fonts(page, selector):
    """Ask the browser itself which fonts it drew an element's glyphs with."""
    client = page.context.new_cdp_session(page)
    client.send("DOM.enable")
    client.send("CSS.enable")
    page.locator(selector).first.evaluate("one => one.setAttribute('data-asked', '')")
    root = client.send("DOM.getDocument")["root"]["nodeId"]
    node = client.send("DOM.querySelector", {"nodeId": root, "selector": "[data-asked]"})
    fonts = client.send("CSS.getPlatformFontsForNode", {"nodeId": node["nodeId"]})["fonts"]
    page.evaluate("document.querySelector('[data-asked]').removeAttribute('data-asked')")
    return {font["familyName"].removesuffix(" Regular") for font in fonts}
