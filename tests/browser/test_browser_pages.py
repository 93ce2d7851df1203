"""Every page, in both languages, at three widths and on paper: what all of them promise."""

import json
from io import BytesIO

import pytest
from fontTools.ttLib import TTFont

import page_pictures
from axe_checks import OPEN_ALL, violations
from cvm.core.snapshot import FONT, charts_of, open_latest
from cvm.views.pages import PAGES
from page_checks import (
    ACCESS,
    BROKEN_CLAUSES,
    CONTRAST,
    OVERLAPS,
    SMALL_CONTROLS,
    SMALL_PRINT,
    SVG_TEXTS,
    card_figures,
    figures,
    pdf_text,
    same_address,
    sheets,
    squeezed,
)

pytestmark = pytest.mark.browser

WIDTHS = (1440, 1024, 390)
A4_PX = round((210 - 2 * 12) / 25.4 * 96)
# Newspapers set share prices in 7 points; less is not read on paper.
LEAST_POINTS = 7
MOST_SHEETS = 4
EACH = [(name, lang) for name in PAGES for lang in ("zh", "en")]


@pytest.fixture(scope="module", params=EACH, ids=lambda one: f"{one[0]}-{one[1]}")
def opened(request):
    return request.param


@pytest.fixture
def content(published, opened):
    name, lang = opened
    with open_latest(published) as snapshot:
        assert name in snapshot.pages(), f"add hand-made tables of {name} to hand_made.py"
        return snapshot.page(name, lang)


@pytest.fixture
def address(opened):
    return f"voila/render/{opened[0]}.ipynb?lang={opened[1]}"


def test_the_page_shows_the_snapshot_and_nothing_crosses(
    open_page, opened, content, address, screenshots
):
    name, lang = opened
    page = open_page(address)
    assert page.locator("h1:visible").inner_text() == content["sentence"]
    assert figures(page) == card_figures({card["key"]: card for card in content["cards"]})
    titles = page.locator("[data-chart] h3:visible").all_inner_texts()
    assert titles == [chart["title"] for chart in content["charts"]]
    assert page.evaluate(CONTRAST) == []
    # On a phone the levers' figures stay in sight above them: over them on purpose.
    page.add_style_tag(content="#cvm-page .cvm-brief { position: static !important; }")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(80)
        assert_in_place(page, width)
        png = page.screenshot(path=screenshots / f"{name}-{lang}-{width}.png", full_page=True)
        if width in page_pictures.WIDTHS:
            assert page_pictures.keep_or_compare(png, f"{name}-{lang}", width) == []


def assert_in_place(page, width):
    assert page.evaluate("document.documentElement.scrollWidth") <= width, width
    assert json.loads(page.evaluate(OVERLAPS)) == [], width
    assert json.loads(page.evaluate(SVG_TEXTS)) == [], width
    assert width < WIDTHS[-2] or page.evaluate(BROKEN_CLAUSES) == [], width
    pictures = page.locator("picture img:visible")
    assert pictures.count() == page.locator("[data-chart]:visible, [data-beside]:visible").count()
    for picture in pictures.all():
        picture.evaluate("one => one.decode()")


def test_every_control_has_a_name_and_every_character_a_glyph_of_the_pages_own_font(
    open_page, published, address
):
    with open_latest(published) as snapshot, TTFont(BytesIO(snapshot.read(FONT))) as font:
        known = set(map(chr, font.getBestCmap()))
    page = open_page(address)
    seen = page.evaluate(FOCUS_ORDER)
    assert seen["nameless"] == []
    assert seen["parts"] == sorted(seen["parts"])
    assert json.loads(page.evaluate(ACCESS)) == []
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate(SMALL_CONTROLS) == []
    aloud = page.locator("main:visible [data-spoken][role=status]")
    for slider in page.locator("input[type=range]:visible").all():
        # A reader of screens hears what a lever did when it is let go, not at every step.
        spoken = aloud.text_content()
        put(slider, 0.5, events=("input",))
        assert aloud.text_content() == spoken
        put(slider, 1)
        assert aloud.text_content()
    shown = set(page.locator("#cvm-page").inner_text())
    hidden = set(page.locator("#cvm-page").evaluate(ALL_TEXTS))
    assert {one for one in shown | hidden if one.isprintable()} - known == set()
    page.evaluate(OPEN_ALL)
    assert violations(page, contrast=False) == []
    page.set_viewport_size({"width": 1280, "height": 900})
    assert violations(page) == []


# Keyboard: controls come in the order of the page's parts, and each has a name.
FOCUS_ORDER = """() => {
  const all = [...document.querySelectorAll(
    '#cvm-page :is(a[href], button, select, input, summary, [tabindex="0"])')]
    .filter(one => one.getClientRects().length && !one.disabled);
  const named = one => one.getAttribute('aria-label') || one.textContent.trim() ||
    (one.labels && one.labels.length);
  const boxes = [...document.querySelectorAll('#cvm-page :is(.cvm-header, .cvm-section)')]
    .filter(one => one.getClientRects().length);
  return {
    nameless: all.filter(one => !named(one)).map(one => one.outerHTML),
    parts: all.filter(one => one.closest('.cvm-header, .cvm-section'))
      .map(one => boxes.indexOf(one.closest('.cvm-header, .cvm-section'))),
  };
}"""


# What is shown, what opens on a click, what is read aloud, and words that scripts may show.
ALL_TEXTS = """root => [...root.querySelectorAll('*')].flatMap(one => one.matches('style, script')
    ? [] : [...one.childNodes].filter(node => node.nodeType === 3).map(node => node.data)
        .concat(['title', 'alt', 'aria-label', 'label'].map(key => one.getAttribute(key) || '')))
    .join('') + [...root.querySelectorAll('script')].map(one => one.textContent).join('')"""


def put(slider, share, events=("input", "change")):
    """Put a slider at a share of its way, and wait until the page has followed."""
    slider.evaluate(
        """(one, [share, events]) => {
            one.value = Number(one.min) + share * (one.max - one.min);
            for (const name of events) one.dispatchEvent(new Event(name, {bubbles: true}));
            return new Promise(requestAnimationFrame);
        }""",
        [share, events],
    )


def state(page):
    """What a viewer reads that levers and the drill-down change."""
    parts = "h1, h3, .cvm-value, .cvm-change, .cvm-note, output, dd, .cvm-picture text"
    shown = page.locator(f"main:visible :is({parts})").all_text_contents()
    return [text for text in shown if text.strip()]


def test_a_link_shows_the_same_page_levers_and_drill_down_included(open_page, opened, address):
    page = open_page(address)
    before = state(page)
    sentence, shown = page.locator("h1:visible").inner_text(), figures(page)
    sliders = page.locator("input[type=range]:visible").all()
    for slider in sliders[:2]:
        put(slider, 0.05)
    moved = len(sliders)
    if sliders:
        assert page.locator("h1:visible").inner_text() != sentence
        assert figures(page) != shown
    for select in page.locator("select[data-focus]:visible").all():
        options = select.locator("optgroup option")
        if options.count():
            select.select_option(index=1)
            moved += 1
    if not moved:
        pytest.skip("a page without levers or drill-down")
    after = state(page)
    assert after != before
    again = open_page(same_address(page))
    assert state(again) == after


def test_on_paper_the_page_is_whole(open_page, opened, content, address, screenshots):
    name, lang = opened
    page = open_page(address)
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    (screenshots / f"{name}-{lang}.pdf").write_bytes(printed)
    assert sheets(printed) <= MOST_SHEETS
    words = pdf_text(printed)
    told = [content["sentence"], *(chart["title"] for chart in charts_of(content))]
    told += [card["value"] + card["unit"] for card in content["cards"]]
    told += [text for pair in content["dates"] for text in pair] + content["notes"]
    # What was chosen, and what a register's rows are of.
    told += page.locator("select:visible option:checked").all_inner_texts()
    told += page.locator(".cvm-register [data-open]:visible").all_inner_texts()
    assert [text for text in told if squeezed(text) not in words] == []
    page.emulate_media(media="print")
    page.set_viewport_size({"width": A4_PX, "height": 1000})
    page.wait_for_timeout(80)
    assert_in_place(page, A4_PX)
    assert page.evaluate(SMALL_PRINT, LEAST_POINTS) == []
    assert not page.locator("#cvm-page :is(button:not(.cvm-open), input):visible").count()
    side = page.locator(f".cvm-in[data-in={lang}]")
    assert side.locator("[data-open]:visible").count() == side.locator("[data-row]").count()
    for select in page.locator("#cvm-page select:visible").all():
        assert select.evaluate("one => getComputedStyle(one).borderStyle") == "none"
    page.screenshot(path=screenshots / f"{name}-{lang}-paper.png", full_page=True)


def test_without_scripts_the_answer_still_stands_there(content, address, browser, server):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server + address, wait_until="load", timeout=60_000)
    # Without scripts a page opens in the language of its address all the same.
    assert page.locator("h1:visible").inner_text() == content["sentence"]
    assert page.locator("picture img:visible").count() == len(charts_of(content))
    context.close()
