"""The overview in a real browser: figures, both languages, three widths, fonts, nothing foreign."""

import json

import pytest

from cvm.core.snapshot import open_latest

pytestmark = pytest.mark.browser

PAGE = "voila/render/overview.ipynb"
WIDTHS = (1440, 1024, 390)


def values(page, lang):
    return {
        card.get_attribute("data-card"): card.locator(".cvm-value").inner_text().replace("\n", "")
        for card in page.locator(f"[data-in={lang}] .cvm-card").all()
    }


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_figures_shown_are_those_of_the_snapshot(open_page, published, lang):
    with open_latest(published) as snapshot:
        content = snapshot.page("overview", lang)
    page = open_page(f"{PAGE}?lang={lang}")
    assert page.locator("h1:visible").inner_text() == content["sentence"]
    shown = values(page, lang)
    assert shown == {card["key"]: card["value"] + card["unit"] for card in content["cards"]}
    assert shown["points"] == "2.00%"
    titles = page.locator("figcaption h3:visible").all_inner_texts()
    assert titles == [chart["title"] for chart in content["charts"]]


def test_the_language_is_switched_at_once_and_kept_in_the_address(open_page):
    page = open_page(PAGE)
    assert page.locator("h1:visible").inner_text().startswith("截至2026年5月")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.get_by_role("button", name="English").click()
    assert page.locator("h1:visible").inner_text().startswith("At 2026-05")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title() == "Overview · Customer value management"
    assert "lang=en" in page.url
    page.reload()
    page.wait_for_selector("html[data-cvm=shown]")
    assert page.locator("h1:visible").inner_text().startswith("At 2026-05")


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
    again = open_page(page.url.split("/", 3)[3])
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


def test_nothing_overlaps_or_leaves_the_page(open_page, screenshots):
    page = open_page(PAGE)
    for lang, name in (("zh", "中文"), ("en", "English")):
        page.get_by_role("button", name=name).click()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (lang, width)
            assert json.loads(page.evaluate(OVERLAPS)) == [], (lang, width)
            pictures = page.locator("picture img:visible")
            assert pictures.count() == 5
            for picture in pictures.all():
                picture.evaluate("one => one.decode()")
            page.screenshot(path=screenshots / f"overview-{lang}-{width}.png", full_page=True)


# Boxes of things that stand side by side must not cross, and none may hide a part of its text.
OVERLAPS = """() => {
  const found = [];
  const shown = one => one.getClientRects().length && getComputedStyle(one).visibility !== 'hidden';
  const all = selector => [...document.querySelectorAll('#cvm-page ' + selector)].filter(shown);
  const groups = ['.cvm-card', '.cvm-panel', '.cvm-card > *', '.cvm-panel > *', 'figure > *',
    '.cvm-header > *', '.cvm-hero > *', 'main > *', '.cvm-about > *', '.cvm-facts > div',
    'figcaption > *'];
  for (const selector of groups) {
    const boxes = all(selector).filter(one => !one.matches('.cvm-hidden, script, h2'));
    boxes.forEach((one, place) => {
      const a = one.getBoundingClientRect();
      for (const other of boxes.slice(place + 1)) {
        const b = other.getBoundingClientRect();
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 1 && high > 1) found.push([selector, one.textContent, other.textContent]);
      }
    });
  }
  const texts = '.cvm-value, .cvm-card h3, .cvm-note, .cvm-change, h1, figcaption h3, dd';
  for (const one of all(texts)) {
    if (one.scrollWidth > one.clientWidth + 1 && one.clientWidth) {
      found.push(['cut off', one.textContent]);
    }
  }
  return JSON.stringify(found);
}"""


def test_texts_have_enough_contrast(open_page):
    page = open_page(PAGE)
    weak = page.evaluate(
        """() => {
          const light = colour => {
            const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(Number)
              .map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const ground = one => {
            for (; one; one = one.parentElement) {
              const colour = getComputedStyle(one).backgroundColor;
              if (!/, 0\\)$/.test(colour)) return colour;
            }
            return 'rgb(255, 255, 255)';
          };
          const found = [];
          const walk = document.createTreeWalker(document.querySelector('#cvm-page'),
            NodeFilter.SHOW_TEXT);
          while (walk.nextNode()) {
            const one = walk.currentNode.parentElement;
            if (!walk.currentNode.data.trim() || !one.getClientRects().length) continue;
            if (one.matches('script, style, title')) continue;
            const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort();
            if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) found.push(one.outerHTML);
          }
          return found;
        }"""
    )
    assert weak == []


def test_printed_it_has_its_figures(open_page, screenshots):
    page = open_page(f"{PAGE}?lang=zh")
    page.emulate_media(media="print")
    assert not page.locator(".cvm-toggle").is_visible()
    assert page.locator("picture img:visible").count() == 5
    assert page.locator(".cvm-value:visible").count() == 5
    printed = page.pdf(format="A4", print_background=True)
    (screenshots / "overview-zh.pdf").write_bytes(printed)
    assert len(printed) > 50_000


def test_without_scripts_the_answer_still_stands_there(open_page, browser, server):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server}{PAGE}?lang=en", wait_until="load", timeout=60_000)
    assert page.locator("h1:visible").inner_text().startswith("At 2026-05")
    context.close()
