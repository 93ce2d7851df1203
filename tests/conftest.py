"""What tests of several folders share; its place puts ``tests/`` on the path."""

import os

import pytest

import cvm.publish  # noqa: F401, before notebook libraries, whose import it makes quicker
from browser_fixtures import (  # noqa: F401
    browser,
    chromium_path,
    lever_script,
    open_page,
    published,
    screenshots,
    server,
)
from two_halves import two_halves

# A Java machine that lives for a minute spends most of it on compiling what it runs a few times:
# the quick compiler alone, and one thread that clears memory, halve what Spark costs.
os.environ.setdefault("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")

# Scripts that made golden figures with a library the suite does not depend on.
collect_ignore_glob = ["golden/make_*.py"]

# On a machine that stands still for half a minute a wait of a browser runs out, whatever the page
# does: that, and only that, is tried once more, and the summary says so; what is asserted is not.
_TOO_BUSY = pytest.mark.flaky(reruns=1, only_rerun=["TimeoutError: .*Timeout \\d+ms exceeded"])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Give what waits for a browser a second chance; put the tests in order for two workers."""
    if hasattr(config, "workerinput"):
        items[:] = two_halves(items)
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(_TOO_BUSY)
