"""One look, one font: nothing leaks, every glyph is there, colours stay apart."""

import warnings
from io import BytesIO
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from matplotlib.colors import to_rgb

from cvm.core.checks import ArgumentError
from cvm.views import fonts, theme
from cvm.views.theme import PALETTE


def test_settings_and_random_state_are_as_before():
    before, state = dict(mpl.rcParams), np.random.get_state()[1].copy()  # noqa: NPY002
    with theme.themed("zh", "phone"):
        theme.save_svg(theme.new_figure("phone", 100))
        assert mpl.rcParams["font.size"] == 12
    assert dict(mpl.rcParams) == before
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_settings_are_put_back_after_an_error():
    before = dict(mpl.rcParams)
    with pytest.raises(RuntimeError), theme.themed("en"):
        raise RuntimeError
    assert dict(mpl.rcParams) == before


def test_the_font_package_is_not_imported():
    import sys

    fonts.chart_families()
    assert "zhplot" not in sys.modules


@pytest.mark.parametrize("arguments", [("fr", "wide"), ("zh", "poster")])
def test_unknown_language_or_width(arguments):
    with pytest.raises(ArgumentError, match="must be one of"), theme.themed(*arguments):
        pass


def test_every_character_of_the_catalogue_has_a_glyph_in_charts():
    characters = sorted(fonts.catalogue_characters() | set(fonts.COMMON_SIGNS))
    with warnings.catch_warnings(), theme.themed("zh"):
        warnings.simplefilter("error")
        figure = theme.new_figure("wide", 900)
        for row, start in enumerate(range(0, len(characters), 60)):
            text = "".join(characters[start : start + 60]).replace("$", r"\$")
            figure.text(0, row / 20, text)
        svg = theme.save_svg(figure)
    assert b"<text" not in svg


def test_a_missing_glyph_is_an_error_here():
    """The test above can fail: a character that no font has raises."""
    with warnings.catch_warnings(), theme.themed("zh"):
        warnings.simplefilter("error")
        figure = theme.new_figure("wide", 100)
        figure.text(0, 0, "\U0001f9ff")
        with pytest.raises(UserWarning, match="missing from font"):
            theme.save_svg(figure)


def test_web_font_has_the_page_and_the_catalogue_and_keeps_its_licence():
    made = fonts.web_font(["榆中", "皋兰"])
    assert made[:4] == b"wOF2"
    assert len(made) < 400_000
    font = TTFont(BytesIO(made))
    have = set(font.getBestCmap())
    wanted = fonts.catalogue_characters() | set("榆中皋兰") | set(fonts.PRINTABLE_ASCII)
    assert {character for character in wanted if ord(character) not in have} == set()
    assert "Open Font License" in font["name"].getDebugName(13)


# WCAG 2.2, relative luminance and contrast ratio.
def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_colours_can_be_read_on_paper():
    for colour in (PALETTE.ink, PALETTE.main, PALETTE.muted, PALETTE.accent_text):
        assert _contrast(colour, PALETTE.paper) >= 4.5


# Machado, Oliveira & Fernandes (2009), severity 1.0, on linear RGB.
COLOUR_BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


@pytest.mark.parametrize("kind", [*COLOUR_BLIND, "grey"])
def test_marks_stay_apart_for_colour_blind_eyes_and_in_grey(kind):
    marks = (PALETTE.ink, PALETTE.main, PALETTE.accent, PALETTE.light)
    for one, other in combinations(marks, 2):
        if kind == "grey":
            lightness = [116 * _luminance(colour) ** (1 / 3) - 16 for colour in (one, other)]
            assert abs(lightness[0] - lightness[1]) >= 14, (one, other)
        else:
            assert _distance(one, other, COLOUR_BLIND[kind]) >= 20, (one, other)


def _distance(one: str, other: str, matrix: list[list[float]]) -> float:
    """Return the CIE 1976 colour difference as the colour-blind eye sees it."""
    lab = []
    for colour in (one, other):
        rgb = np.asarray(to_rgb(colour))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        seen = np.clip(np.asarray(matrix) @ linear, 0, 1)
        to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
        x, y, z = (np.asarray(to_xyz) @ seen) / [0.9505, 1, 1.089]
        fx, fy, fz = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
        lab.append([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])
    return float(np.linalg.norm(np.subtract(*lab)))


@pytest.mark.parametrize(
    ("largest", "zh", "en"),
    [(900, "", ""), (20_000, "万", "thousand "), (3.2e8, "亿", "million "), (np.nan, "", "")],
)
def test_axis_units_by_language(largest, zh, en):
    assert theme.axis_unit(largest, "zh").prefix == zh
    assert theme.axis_unit(largest, "en").prefix == en


def test_the_same_chart_is_the_same_file():
    def draw() -> bytes:
        with theme.themed("zh"):
            figure = theme.new_figure("wide", 200)
            figure.subplots().plot([1, 2], [3, 4], "o-")
            return theme.save_svg(figure)

    assert draw() == draw()


def test_a_picture_with_an_empty_box_is_not_published():
    with theme.themed("zh"):
        figure = theme.new_figure("wide", 100)
        figure.text(0.5, 0.5, "县\ue000")
        with pytest.raises(UserWarning, match="missing from"):
            theme.save_svg(figure)


def test_a_picture_is_as_large_in_a_page_as_it_is_drawn():
    with theme.themed("en"):
        svg = theme.save_svg(theme.new_figure("phone", 120))
    head = svg[: svg.index(b">")]
    assert b'width="340"' in head
    assert b'height="120"' in head
