"""Every page without each of its tables, and with each withheld: honest in both languages."""

import json
import re
from functools import cache

import numpy as np
import pytest

from cvm.views import page_parts
from cvm.views.pages import PAGES
from hand_made import TABLES

# Tables a page takes only where another one is missing.
IN_PLACE_OF = {"early_warning_scored": "early_warning_track"}
EACH = [(name, table) for name, page in PAGES.items() for table in (*page.needs, *page.optional)]
UNTOLD = re.compile(r"\b(nan|None|NaN|inf|undefined)\b")


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    monkeypatch.setattr(page_parts, "save_svg", lambda figure: b"<svg/>")


@cache
def whole_of(name):
    make, info = TABLES[name]
    return PAGES[name].make(make(), info).content


def check(content, whole):
    """A page says something, holds plain JSON, and writes no missing number as a word."""
    for lang in ("zh", "en"):
        one = content[lang]
        assert one["sentence"].strip()
        assert one["notes"]
        assert one["title"] == whole[lang]["title"]
        told = [value for key, value in one.items() if key != "live"]
        found = UNTOLD.search(json.dumps(told, ensure_ascii=False, allow_nan=False))
        assert found is None, found
        keys = [chart["key"] for chart in whole[lang]["charts"]]
        assert len(one["charts"]) <= len(keys) + 1


@pytest.mark.parametrize(("name", "table"), EACH)
def test_a_page_without_one_of_its_tables_is_honest(name, table):
    make, info = TABLES[name]
    tables = make()
    whole = whole_of(name)
    if table not in tables:
        pytest.skip("not among the hand-made tables")
    if table in IN_PLACE_OF:
        del tables[IN_PLACE_OF[table]]
        whole = PAGES[name].make(tables, info).content
    del tables[table]
    content = PAGES[name].make(tables, info).content
    check(content, whole)
    assert content != whole


@pytest.mark.parametrize(("name", "table"), EACH)
def test_a_page_with_one_of_its_tables_withheld_is_honest(name, table):
    make, info = TABLES[name]
    tables = make()
    whole = whole_of(name)
    if table not in tables:
        pytest.skip("not among the hand-made tables")
    frame = tables[table].copy()
    for column in frame.select_dtypes("number").columns:
        frame[column] = frame[column].astype(float).mask(np.ones(len(frame), dtype=bool))
    tables[table] = frame
    check(PAGES[name].make(tables, info).content, whole)


def test_every_table_of_a_page_is_among_the_hand_made_ones():
    lacking = {(name, table) for name, table in EACH if table not in TABLES[name][0]()}
    assert lacking == set()
