"""One small picture of a notebook: its first chart, made small; or a card of its figures."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from cvm.core.i18n import say
from cvm.publish.book_records import Figure, tables_in
from cvm.publish.shown_cells import column_label, column_texts
from cvm.views.fonts import font_path

WIDTH_PIXELS = 480
PICTURE_BYTES = 150_000
_TALLEST_PIXELS = 480
_COLOURS = 64
_CARD_ROWS = 5
_INK, _PALE, _LINE = "#1a1a1a", "#666666", "#1976d2"


def write_picture(
    folder: Path,
    name: str,
    title: str,
    executed: Mapping[str, Any],
    figures: Sequence[Figure],
    language: str,
) -> Path:
    """Write the picture of an executed notebook and return its file.

    The first chart is taken: a PNG is made at most 480 pixels wide, an SVG is kept as it is. A
    notebook without a chart gets a card of its figures, or of its first table.

    Args:
        folder: Where to.
        name: The notebook's name.
        title: Its title, for the card.
        executed: The executed notebook.
        figures: Its headline figures.
        language: Language of the card.
    """
    for data in _displayed(executed):
        if "image/png" in data:
            image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
            return _write(image, folder / f"{name}.png")
        svg = data.get("image/svg+xml")
        if svg and len(svg.encode()) <= PICTURE_BYTES:
            path = folder / f"{name}.svg"
            path.write_text(svg, encoding="utf-8", newline="\n")
            return path
    return _write(_card(title, _card_rows(executed, figures, language)), folder / f"{name}.png")


def _displayed(executed: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for cell in executed["cells"]:
        for output in cell.get("outputs", ()):
            yield output.get("data", {})


def _write(image: Image.Image, path: Path) -> Path:
    """Write a picture small in pixels and in bytes, on white."""
    flat = Image.new("RGBA", image.size, "white")
    flat.alpha_composite(image.convert("RGBA"))
    flat.thumbnail((WIDTH_PIXELS, _TALLEST_PIXELS), Image.Resampling.LANCZOS)
    small = flat.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    return path


def _card_rows(
    executed: Mapping[str, Any], figures: Sequence[Figure], language: str
) -> list[tuple[str, str]]:
    if figures:
        rows = [(figure.label(language), figure.text(language)) for figure in figures]
    else:
        table = next(iter(tables_in(executed).values()), None)
        if table is None:
            return [(say("book.gallery.no_figures", language), "")]
        first, last = table["columns"][0], table["columns"][-1]
        sides = [
            column_texts(
                [row[place] for row in table["rows"]], column["name"], column["kind"], language
            )
            for place, column in ((0, first), (-1, last))
        ]
        rows = list(zip(*sides, strict=True))
        rows.insert(
            0, (column_label(first["name"], language), column_label(last["name"], language))
        )
    return rows[:_CARD_ROWS]


def _card(title: str, rows: Sequence[tuple[str, str]]) -> Image.Image:
    margin, step = 24, 34
    card = Image.new("RGB", (WIDTH_PIXELS, 84 + step * len(rows)), "white")
    draw = ImageDraw.Draw(card)
    large, small = (ImageFont.truetype(str(font_path()), size) for size in (22, 17))
    draw.rectangle((0, 0, 5, card.height), fill=_LINE)
    room = WIDTH_PIXELS - 2 * margin
    draw.text((margin, 18), _fitted(draw, title, large, room), font=large, fill=_INK)
    for number, (words, amount) in enumerate(rows):
        top = 66 + step * number
        taken = draw.textlength(amount, font=small)
        words = _fitted(draw, words, small, room - taken - 16)
        draw.text((margin, top), words, font=small, fill=_PALE)
        draw.text((WIDTH_PIXELS - margin - taken, top), amount, font=small, fill=_INK)
    return card


def _fitted(draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    """Return the text, cut with an ellipsis where it is wider than ``room`` pixels."""
    if draw.textlength(text, font=font) <= room:
        return text
    while text and draw.textlength(text + "…", font=font) > room:
        text = text[:-1]
    return text + "…"
