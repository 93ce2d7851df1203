"""What counties and campaigns are called: by the table of names, never by half in one language."""

import re

import pandas as pd
import pytest

from cvm.core.checks import MissingDataError
from cvm.views import page_parts
from cvm.views.names import Names, read_names
from cvm.views.pages import PAGES
from hand_made import TABLES

CHINESE = re.compile("[\u4e00-\u9fff]")
# What the browser looks things up by; no reader sees it.
UNSEEN = {"key", "id", "campaign", "figures", "table", "rows"}


def names(*rows):
    return pd.DataFrame(rows, columns=["kind", "value", "name_zh", "name_en"])


def test_a_value_without_a_name_in_a_language_is_its_own():
    found = read_names(names(("county", "C01", "城关", None), ("county", "安宁", None, "Anning")))

    assert [found.of("county", "C01", lang) for lang in ("zh", "en")] == ["城关", "C01"]
    assert [found.of("county", "安宁", lang) for lang in ("zh", "en")] == ["安宁", "Anning"]
    assert found.of("campaign", "安宁", "en") == "安宁"
    # Brands and cards have theirs from the catalogue.
    assert Names().of("brand", "gotone", "zh") == "全球通"
    assert read_names(None).of("county", "C01", "en") == "C01"
    with pytest.raises(MissingDataError, match="name_en"):
        read_names(names()[["kind", "value", "name_zh"]])


def chinese_in(content, path=""):
    """Return every text with a Chinese letter, with where it stands."""
    if isinstance(content, str):
        return [f"{path}: {content}"] if CHINESE.search(content) else []
    if isinstance(content, dict):
        parts = [(key, value) for key, value in content.items() if key not in UNSEEN]
    else:
        parts = list(enumerate(content)) if isinstance(content, list) else []
    return [text for key, value in parts for text in chinese_in(value, f"{path}/{key}")]


@pytest.mark.parametrize("page", list(PAGES))
def test_an_english_page_has_no_chinese_word_and_links_stay_the_same(page, monkeypatch):
    monkeypatch.setattr(page_parts, "save_svg", lambda figure: b"<svg/>")
    make, info = TABLES[page]

    content = PAGES[page].make(make(), info).content

    assert not chinese_in(content["en"])
    if content["en"]["drill"]:
        keys = [
            [one["key"] for group in content[lang]["drill"]["groups"] for one in group["choices"]]
            for lang in ("zh", "en")
        ]
        assert keys[0] == keys[1]
        assert any(key.startswith("county:") for key in keys[0])
