"""The Chinese font of charts and pages: Noto Sans SC (OFL), carried by the package ``zhplot``.

Only the font file is used; ``zhplot`` itself is not imported, because that would change
matplotlib's settings for the whole process.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from matplotlib import font_manager

from cvm.core.checks import MissingDataError
from cvm.core.i18n import LANGUAGES, catalogue
from cvm.views.font_subset import subset_of

FONT_FILE = "NotoSansSC-Regular.ttf"
WEB_FONT_FILE = "cvm-sans-sc.woff2"
# Glyphs that the first family lacks are taken from the next one (matplotlib >= 3.6).
LAST_RESORT = "DejaVu Sans"
PRINTABLE_ASCII = "".join(map(chr, range(0x20, 0x7F)))
# What numbers, dates and captions need beside the catalogue's own characters; levers make any of
# them in the browser, whatever the published figures needed.
COMMON_HAN = "万亿年月日户元分个〇一二三四五六七八九十"
COMMON_SIGNS = "–—−·…‰°±×÷≤≥≈→↑↓▲▼●○■□¥￥％（）《》“”‘’、，。：；！？～ "


@cache
def font_path() -> Path:
    """Return where the font file stands.

    Raises:
        MissingDataError: The package that carries it is not installed.
    """
    spec = find_spec("zhplot")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "fonts" / FONT_FILE
        if path.is_file():
            return path
    raise MissingDataError(
        "font",
        FONT_FILE,
        "a file of the installed package zhplot",
        action="install the project's dependencies again (make demo, or uv sync)",
    )


@cache
def chart_family() -> str:
    """Make the font known to matplotlib, once, and return its family name."""
    path = font_path()
    font_manager.fontManager.addfont(path)
    return font_manager.FontProperties(fname=path).get_name()


def chart_families() -> list[str]:
    """Return the value of ``font.family``: the Chinese font, then matplotlib's own.

    It has to be this list itself: a family list hidden behind the generic name ``sans-serif`` does
    not fall back glyph by glyph.
    """
    return [chart_family(), LAST_RESORT]


def catalogue_characters() -> set[str]:
    """Return every character that the catalogue's texts use, in all languages."""
    return {
        character
        for entry in catalogue().values()
        for lang in LANGUAGES
        for character in entry[lang]
        if character.isprintable()
    }


def web_font(characters: Iterable[str] = ()) -> bytes:
    """Return a WOFF2 subset of the font for the published pages.

    Args:
        characters: Texts or characters that the pages show; the catalogue, ASCII and common signs
            are always in it.

    Returns:
        The font file. Characters the font does not have are left out.
    """
    wanted = set(PRINTABLE_ASCII + COMMON_HAN + COMMON_SIGNS) | catalogue_characters()
    wanted.update(character for text in characters for character in text)
    return subset_of(font_path(), wanted)
