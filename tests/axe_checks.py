"""What keeps people from reading a page, as axe-core finds it: WCAG 2.2 A and AA, good practice."""

from functools import cache
from importlib import resources

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# Whatever a click opens is read too: tables behind charts, one group, one campaign.
OPEN_ALL = """() => {
  for (const one of document.querySelectorAll('#cvm-page details')) one.open = true;
  for (const one of document.querySelectorAll('#cvm-page select[data-focus]')) {
    if (one.querySelector('optgroup option')) {
      one.selectedIndex = 1;
      one.dispatchEvent(new Event('change', { bubbles: true }));
    }
  }
}"""


@cache
def axe_core():
    """Return axe-core's program, which runs in the page and asks nobody."""
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


def violations(page, *, contrast=True):
    """Return each rule that a page breaks, with the first element that does.

    Args:
        page: A page of the browser, as it is now.
        contrast: Measure the contrast of texts too, which takes most of the time.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(axe_core())
    found = page.evaluate(
        """([tags, contrast]) => axe.run(document, {
            runOnly: tags, resultTypes: ['violations'], preload: false,
            rules: { 'color-contrast': { enabled: contrast } },
        })""",
        [RULES, contrast],
    )
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]]
