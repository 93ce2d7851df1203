"""Both languages say the same: every key twice, with the same placeholders."""

import ast
import re
import string
from pathlib import Path

import pytest

from cvm.core.checks import ArgumentError
from cvm.core.i18n import LANGUAGES, catalogue, say

LIBRARY = Path(__file__).parents[2] / "lib" / "cvm"


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_every_key_exists_in_both_languages_with_the_same_placeholders(key):
    entry = catalogue()[key]

    assert set(entry) == set(LANGUAGES)
    # A ratio has no unit to write.
    assert all(text.strip() for text in entry.values()) or key == "book.unit.ratio"
    assert _placeholders(entry["en"]) == _placeholders(entry["zh"])


def test_chinese_is_chinese_and_english_is_not():
    han = re.compile(r"[\u4e00-\u9fff]")
    english_with_han = [key for key, entry in catalogue().items() if han.search(entry["en"])]
    # A language's own name stands in that language.
    assert [key for key in english_with_han if "language" not in key] == []


def _constants(tree):
    """Return the module's texts by name, such as ``AREA``."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }


def _pattern(key, constants):
    """Return what a key written in the code matches; a part known when it runs matches any."""
    if isinstance(key, ast.Constant):
        return re.escape(str(key.value))
    known = [
        part.value
        if isinstance(part, ast.Constant)
        else constants.get(getattr(part.value, "id", ""))
        for part in key.values
    ]
    return "".join(r"[\w.]*" if part is None else re.escape(part) for part in known)


def test_every_key_named_in_the_code_exists():
    missing, keys = [], "\n".join(catalogue())
    for path in LIBRARY.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", getattr(node.func, "attr", "")) == "say"
                and node.args
                and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
            ):
                pattern = _pattern(node.args[0], _constants(tree))
                if not re.search(f"^{pattern}$", keys, re.MULTILINE):
                    missing.append(f"{path.name}:{node.lineno} {pattern}")

    assert not missing


def test_an_unknown_key_or_language_is_named():
    with pytest.raises(ArgumentError, match="common.nothing"):
        say("common.nothing", "zh")
    with pytest.raises(ArgumentError, match="lang == 'fr'.*zh, en"):
        say("common.churn", "fr")
