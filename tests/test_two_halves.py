"""No test is lost or run twice when they are put in order, and each half begins as it should."""

from types import SimpleNamespace

from two_halves import two_halves


def made(nodeid, *fixtures, mark=""):
    return SimpleNamespace(
        nodeid=nodeid, fixturenames=fixtures, get_closest_marker=lambda name: name == mark or None
    )


def test_halves_begin_with_what_is_costly_to_start():
    light = [made(f"tests/core/test_few.py::{at}") for at in range(20)]
    java = [made(f"tests/data/test_engine.py::{at}", mark="spark") for at in range(3)]
    run = made("tests/test_notebooks.py::ran", mark="notebooks")
    shown = [made(f"tests/browser/test_browser_doors.py::{at}", "browser") for at in range(4)]

    ordered = two_halves([*shown, *light[:9], *java, run, *light[9:]])

    assert len(ordered) == len({one.nodeid for one in ordered}) == 28
    assert ordered[:4] == [*java, run]
    assert ordered[14:18] == shown
    assert [one for one in ordered if one in light] == light
    # Doctests know no fixtures.
    assert two_halves([SimpleNamespace(nodeid="x", get_closest_marker=lambda _: None)])
