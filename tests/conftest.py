"""What tests of several folders share; its place puts ``tests/`` on the path."""

from browser_fixtures import (  # noqa: F401
    browser,
    chromium_path,
    lever_script,
    open_page,
    published,
    screenshots,
    server,
)

# Scripts that made golden figures with a library the suite does not depend on.
collect_ignore_glob = ["golden/make_*.py"]
