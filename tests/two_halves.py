"""The order of tests for two workers that each begin with one half and then help each other.

What is costly to start is started once: a half begins with the tests that need a Java machine and
those that run the notebooks, the other with those that need the published pages and a browser. The
rest follows in its own order, so that what tests of a file share is nearly always made once, and a
worker that is done takes light tests from the end of the other's half.
"""

PAGES = {"browser", "server", "published", "lever_script", "chromium_path"}


def two_halves(items):
    """Return the tests in the order for ``--dist worksteal`` with two workers."""
    engines = [one for one in items if one.get_closest_marker("spark")]
    notebooks = [one for one in items if "test_notebooks" in one.nodeid]
    pages = [one for one in items if PAGES & set(getattr(one, "fixturenames", ()))]
    heavy = {id(one) for one in (*engines, *notebooks, *pages)}
    light = [one for one in items if id(one) not in heavy]
    first = [*engines, *notebooks]
    middle = max(len(items) // 2 - len(first), 0)
    return [*first, *light[:middle], *pages, *light[middle:]]
