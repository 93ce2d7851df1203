"""The pages around the dashboards: the list, the login, a page that is not there."""

import pytest

from axe_checks import violations
from cvm.core.i18n import say
from cvm.publish.access import Access, hash_password
from cvm.publish.serve import running
from security.served import free_port, make_place

pytestmark = pytest.mark.browser

FONTS = """async () => {
  await document.fonts.ready;
  return [...document.fonts].map(one => [one.family, one.status]);
}"""
FAMILY = "one => getComputedStyle(one).fontFamily"
PASSWORD = "not-a-secret-of-anybody"


@pytest.fixture
def page(browser):
    opened = browser.new_page(viewport={"width": 390, "height": 800})
    yield opened
    opened.close()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_list_keeps_nobody_out(page, server, lang):
    page.goto(f"{server}?lang={lang}")
    assert page.locator(".cvm-dashboards a").count()
    assert violations(page) == []


def test_a_page_that_is_not_there_says_so(page, server):
    page.goto(f"{server}nowhere")
    for lang in ("zh", "en"):
        assert page.get_by_role("heading", name=say("publish.error.title", lang)).is_visible()
        assert say("publish.error.title", lang) in page.title()
    assert violations(page) == []


def test_the_login_keeps_nobody_out_who_may_enter(page, published, tmp_path):
    boards = make_place(tmp_path) / "boards"
    access = Access(password_hash=hash_password(PASSWORD))
    with running(published, dashboards=boards, port=free_port(), access=access) as server:
        page.goto(server.address)
        assert violations(page) == []
        # Read without Chinese fonts too, from a font that tells nothing of the figures.
        fonts = page.evaluate(FONTS)
        assert [[name.strip('"'), way] for name, way in fonts][-1:] == [["CVM Login SC", "loaded"]]
        page.fill("#secret", "wrong")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        assert "CVM Login SC" in page.get_by_role("alert").evaluate(FAMILY)
        assert violations(page) == []


# Faults a reader of screens would meet, planted on the list of dashboards.
@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        ("document.documentElement.lang = ''", "html-has-lang"),
        ("document.querySelector('.cvm-dashboards a').textContent = ''", "link-name"),
        ("document.querySelector('h1').style.color = '#ccc'", "color-contrast"),
    ],
)
def test_a_planted_fault_is_found(page, server, planted, rule):
    page.goto(f"{server}?lang=zh")
    page.evaluate(planted)
    assert rule in [name for name, _ in violations(page)]
