"""A font with the characters that are shown and no others; nothing here loads a drawing library."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path


def subset_of(font: Path | bytes, texts: Iterable[str]) -> bytes:
    """Return a WOFF2 subset of a font.

    Args:
        font: The font, or where its file is.
        texts: All that is to be set in it.

    Returns:
        The font file. Characters the font does not have are left out.
    """
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["kern", "tnum", "locl", "ccmp", "mark"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]  # the licence and its owner stay in the file
    options.notdef_outline = True
    options.hinting = False
    characters = {character for text in texts for character in text}
    with TTFont(BytesIO(font) if isinstance(font, bytes) else font, recalcTimestamp=False) as file:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=sorted(map(ord, characters)))
        subsetter.subset(file)
        file.flavor = "woff2"
        made = BytesIO()
        file.save(made)
    return made.getvalue()
