"""Chinese and English from one catalogue.

The catalogue is the folder ``catalogue/`` beside this module: TOML files, one an area, each entry a
key with ``en`` and ``zh``. ``say`` fills a text's ``{placeholders}``. A test holds that both
languages exist for every key and name the same placeholders.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any, Literal

from cvm.core.checks import ArgumentError, check_one_of

Lang = Literal["en", "zh"]
LANGUAGES: tuple[Lang, ...] = ("zh", "en")


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return every entry: ``{"overview.title": {"en": …, "zh": …}}``.

    The key is the file's name, a dot, and the entry's dotted name in the file.
    """
    entries: dict[str, dict[str, str]] = {}
    folder = resources.files("cvm.core").joinpath("catalogue")
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if file.name.endswith(".toml"):
            area = file.name.removesuffix(".toml")
            entries.update(_flatten(tomllib.loads(file.read_text(encoding="utf-8")), area))
    return entries


def _flatten(node: dict[str, Any], prefix: str) -> dict[str, dict[str, str]]:
    if node and all(isinstance(value, str) for value in node.values()):
        return {prefix: node}
    found: dict[str, dict[str, str]] = {}
    for name, child in node.items():
        found.update(_flatten(child, f"{prefix}.{name}"))
    return found


def say(key: str, lang: str, **values: Any) -> str:
    """Return the text of ``key`` in ``lang`` with its placeholders filled.

    Args:
        key: Area and name, for example ``overview.title``.
        lang: ``"zh"`` or ``"en"``.
        values: One for each placeholder of the text.

    Raises:
        ArgumentError: The key or the language does not exist.

    Example:
        >>> say("common.churn", "zh")
        '离网'
    """
    check_one_of(lang, "lang", LANGUAGES)
    entry = catalogue().get(key)
    if entry is None:
        near = _some_of(key.split(".")[0])
        raise ArgumentError("key", key, "an entry of the catalogue", available=near)
    return entry[lang].format(**values)


@cache
def _some_of(area: str) -> list[str]:
    """Return some keys of an area; kept, as columns without a name of their own ask again."""
    return [known for known in catalogue() if known.startswith(area + ".")][:30]
