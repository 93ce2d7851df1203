"""The hand-made tables of every page, and the pages made of them, each drawn once for all tests."""

from datetime import UTC, datetime
from functools import cache

from campaigns_tables import INFO as CAMPAIGNS_INFO
from campaigns_tables import campaigns_tables
from customer_value_tables import customer_value_tables
from cvm.publish.snapshot import write_snapshot
from cvm.views.pages import PAGES
from early_warning_tables import early_warning_tables
from info_tables import INFO as LATE_2026
from names_tables import names_table
from overview_tables import INFO, overview_tables
from points_budget_tables import INFO as POINTS_INFO
from points_budget_tables import points_budget_tables


def _named(tables):
    return lambda: {**tables(), "names": names_table()}


TABLES = {
    "overview": (_named(overview_tables), INFO),
    "points-budget": (_named(points_budget_tables), POINTS_INFO),
    "campaigns": (_named(campaigns_tables), CAMPAIGNS_INFO),
    "customer-value": (_named(customer_value_tables), LATE_2026),
    "early-warning": (_named(early_warning_tables), LATE_2026),
}
NOW = datetime(2026, 12, 3, 9, 12, tzinfo=UTC)


@cache
def drawn_page(name):
    """Return a page with its pictures; not to be asked for where drawing is switched off."""
    tables, info = TABLES[name]
    page = PAGES[name].make(tables(), info)
    assert all(picture != b"<svg/>" for picture in page.figures.values())
    return page


def publish_pages(root, *names, now=NOW):
    """Publish hand-made pages, as they were on a day."""
    pages = {name: drawn_page(name) for name in names}
    write_snapshot(
        root,
        tables={},
        pages={name: page.content for name, page in pages.items()},
        figures={file: made for page in pages.values() for file, made in page.figures.items()},
        fonts={"cvm-sans-sc.woff2": b"wOF2"},
        manifest={"data": {}},
        now=now,
    )
    return root
