"""What is asked about any page: elements, boxes that cross, weak texts, the words of a print."""

import re
import zlib
from html.parser import HTMLParser


class Outline(HTMLParser):
    """Elements and their attributes in order; every one must be closed."""

    VOID = {"img", "source", "input", "br", "meta"}

    def __init__(self, html):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag):
        return [attributes for name, attributes in self.seen if name == tag]


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
  const texts = '.cvm-value, .cvm-card h3, .cvm-note, .cvm-change, h1, figcaption h3, dd, ' +
    '.cvm-parts > div, .cvm-worth, .cvm-lever';
  for (const one of all(texts)) {
    if (one.scrollWidth > one.clientWidth + 1 && one.clientWidth) {
      found.push(['cut off', one.textContent]);
    }
  }
  return JSON.stringify(found);
}"""

# What a reader of screens and a keyboard meet: the language of the page and of its parts, headings
# that skip no level, pictures told with their figures, a ring around what has the focus.
ACCESS = """() => {
  const found = [];
  const root = document.getElementById('cvm-page');
  const shown = [...root.querySelectorAll('*')].filter(one => one.checkVisibility());
  const side = shown.find(one => one.matches('.cvm-in'));
  if (document.documentElement.lang !== side.lang) found.push(['language', side.lang]);
  const heads = shown.filter(one => one.matches('h1, h2, h3, h4'));
  if (heads.filter(one => one.matches('h1')).length !== 1) found.push(['not one h1']);
  let last = 0;
  for (const one of heads) {
    const level = Number(one.tagName[1]);
    if (level > last + 1) found.push(['skips to', one.tagName, one.textContent]);
    last = level;
  }
  for (const one of shown.filter(one => one.matches('img, svg[role=img]'))) {
    const told = one.getAttribute('alt') || one.getAttribute('aria-label') || '';
    if (!/\\d/.test(told)) found.push(['told without figures', one.outerHTML.slice(0, 200)]);
  }
  for (const one of shown.filter(one => one.matches('svg:not([role=img])'))) {
    if (!one.closest('[aria-hidden=true]')) found.push(['a picture nobody tells', one.outerHTML]);
  }
  for (const one of shown.filter(one => one.matches('table'))) {
    if (!one.querySelector('th[scope=col]')) found.push(['no heads', one.textContent]);
  }
  const controls = shown.filter(one =>
    one.matches('a[href], button:not(:disabled), select, input, summary, [tabindex="0"]'));
  for (const one of controls) {
    one.focus({ focusVisible: true, preventScroll: true });
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    if (document.activeElement !== one || outlineStyle === 'none' || parseFloat(outlineWidth) < 2) {
      found.push(['no ring', one.outerHTML.slice(0, 200)]);
    }
  }
  document.activeElement.blur();
  return JSON.stringify(found);
}"""

# Controls lower than a thumb is wide.
SMALL_CONTROLS = """() => [...document.querySelectorAll(
    '#cvm-page :is(a[href], button, select, input, summary)')]
  .filter(one => one.getClientRects().length && one.getBoundingClientRect().height < 43.5)
  .map(one => one.outerHTML.slice(0, 200))"""

# Texts that are smaller than some points on the paper the page is set for: those of the page, of
# charts drawn live, and of pictures, whose glyphs are outlines drawn at a hundredth of their size.
SMALL_PRINT = """async (leastPoints) => {
  const found = [];
  const points = 0.75;
  const note = (size, text) => { if (size < leastPoints) found.push([size, text.slice(0, 60)]); };
  const root = document.getElementById('cvm-page');
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !one.getClientRects().length) continue;
    if (one.closest('script, style, select, .cvm-hidden, [aria-hidden=true]')) continue;
    const drawn = one.closest('svg') ? one.getScreenCTM().a : 1;
    note(points * drawn * parseFloat(getComputedStyle(one).fontSize), walk.currentNode.data);
  }
  for (const image of root.querySelectorAll('picture img')) {
    if (!image.getClientRects().length) continue;
    await image.decode();
    const svg = await (await fetch(image.currentSrc)).text();
    const width = Number(svg.match(/<svg[^>]* width="([\\d.]+)"/)[1]);
    const sizes = [...svg.matchAll(/scale\\(([\\d.]+) -[\\d.]+\\)/g)].map(one => 100 * one[1]);
    if (!sizes.length) found.push(['no text', image.alt]);
    note(points * image.clientWidth / width * Math.min(...sizes), image.alt);
  }
  return found;
}"""

# Chinese headlines that break within a clause: where a line ends, and the next begins. Behind a
# percentage browsers break in any case.
BROKEN_CLAUSES = """() => {
  const found = [];
  const side = document.querySelector('#cvm-page .cvm-in:lang(zh)');
  for (const one of side.querySelectorAll('h1, .cvm-panel h3')) {
    if (!one.getClientRects().length) continue;
    const text = one.firstChild, range = document.createRange();
    const top = at => {
      range.setStart(text, at);
      range.setEnd(text, at + 1);
      return range.getBoundingClientRect().top;
    };
    for (let at = 1; at < text.length; at += 1) {
      const ends = text.data.slice(0, at), begins = text.data.slice(at);
      const broken = !/[，；：。、？！）”%\\s]$/.test(ends) && !/^[（“]/.test(begins);
      if (broken && top(at) > top(at - 1) + 4) {
        found.push([ends.slice(-12), begins.slice(0, 6)]);
      }
    }
  }
  return found;
}"""

# Texts of the live charts stay within their picture and do not cross each other.
SVG_TEXTS = """() => {
  const found = [];
  for (const svg of document.querySelectorAll('#cvm-page .cvm-picture svg')) {
    if (!svg.getClientRects().length) continue;
    const box = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].map(one => [one.textContent,
      one.getBoundingClientRect()]);
    texts.forEach(([text, a], place) => {
      if (a.left < box.left - 6 || a.right > box.right + 6) found.push(['outside', text]);
      for (const [other, b] of texts.slice(place + 1)) {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 1 && high > 4) found.push([text, other]);
      }
    });
  }
  return JSON.stringify(found);
}"""

# Texts whose contrast with their ground is below 4.5 (WCAG 2.2, AA).
CONTRAST = """() => {
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


_STREAM = re.compile(rb"(\d+) 0 obj\s*<<(?:(?!endobj).)*?>>\s*stream\r?\n(.*?)endstream", re.DOTALL)
_FONT = re.compile(rb"(\d+) 0 obj\s*<<(?:(?!endobj).)*?/ToUnicode (\d+) 0 R", re.DOTALL)
_WORDS = re.compile(rb"/F(\d+) [\d.]+ Tf|<([0-9A-Fa-f]+)> Tj")


def pdf_text(pdf):
    """Return the words of a PDF that Chromium made, without any white space.

    Chromium names a font by its object and writes glyphs in hexadecimal; the font's ToUnicode map
    says which characters they are.
    """
    streams = {int(found[1]): _inflated(found[2]) for found in _STREAM.finditer(pdf)}
    maps = {int(found[1]): _characters(streams[int(found[2])]) for found in _FONT.finditer(pdf)}
    text, known = [], {}
    for stream in streams.values():
        if b" Tf" not in stream:
            continue
        for font, glyphs in _WORDS.findall(stream):
            if font:
                known = maps.get(int(font), {})
            for place in range(0, len(glyphs), 4):
                text.append(known.get(int(glyphs[place : place + 4], 16), ""))
    return "".join("".join(text).split())


def _inflated(stream):
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return stream


def _characters(to_unicode):
    known = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", to_unicode, re.DOTALL):
        for glyph, character in re.findall(rb"<(\w+)> <(\w+)>", block):
            known[int(glyph, 16)] = bytes.fromhex(character.decode()).decode("utf-16-be")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", to_unicode, re.DOTALL):
        for low, high, first in re.findall(rb"<(\w+)> <(\w+)> <(\w+)>", block):
            for step in range(int(high, 16) - int(low, 16) + 1):
                known[int(low, 16) + step] = chr(int(first, 16) + step)
    return known


def sheets(pdf):
    """Return how many sheets a print has."""
    return len(re.findall(rb"/Type /Page\b", pdf))


def move(page, lang, name, value):
    """Put a slider, as a hand would: input while it moves, change when it is let go.

    The page has followed when this returns, a frame later; its address follows soon.
    """
    page.locator(f"#cvm-lever-{name}-{lang}").evaluate(
        """(one, value) => {
            one.value = value;
            one.dispatchEvent(new Event('input', {bubbles: true}));
            one.dispatchEvent(new Event('change', {bubbles: true}));
            return new Promise(requestAnimationFrame);
        }""",
        str(value),
    )


def same_address(page):
    """Return the address the page stands at, as a link would be copied, without the server."""
    # A moved lever reaches the address when the hand rests; copying a link does not wait for that.
    page.evaluate("document.getElementById('cvm-page').cvmState.remember({})")
    return page.url.split("/", 3)[3]


def squeezed(text):
    return "".join(text.split())


def figures(page):
    """Return the figures of the cards that are shown, by key, without white space."""
    return {
        card.get_attribute("data-card"): squeezed(card.locator(".cvm-value").inner_text())
        for card in page.locator(".cvm-card:visible").all()
    }


def card_figures(cards):
    """Return what :func:`figures` finds where these cards' contents are shown, by key."""
    return {key: squeezed(card["value"] + card["unit"]) for key, card in cards.items()}
