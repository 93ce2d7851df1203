"""A page's picture beside the small one that was looked at and kept.

Pages of the tests are made from hand-made tables and carry their own font, so their pictures are
the same everywhere but for the last touch of a browser's drawing. What is compared is the mean
light of blocks of about 40 pixels: a panel that is gone, empty, moved or drawn over shows; another
version of a browser does not.

``CVM_NEW_PICTURES=1 pytest tests/browser/test_browser_pages.py`` keeps the pictures as they are;
look at ``git diff`` before they are committed.
"""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

KEPT = Path(__file__).parent / "browser" / "pictures"
WIDTHS = (1440, 390)
SMALLER = {1440: 5, 390: 4}
GREYS = 16
BLOCK = 8
# Of 255: a line of text that is set again changes a block by less, a picture that is gone by more.
BLOCK_LIGHT = 14
# Pixels of the small picture by which a whole page may lie higher or lower.
SHIFT = 1


def small_picture(png, width):
    """Return a screenshot in a few shades of grey, a few times smaller."""
    picture = Image.open(io.BytesIO(png)).convert("L")
    times = SMALLER[width]
    size = (picture.width // times, picture.height // times)
    picture = picture.resize(size, Image.Resampling.BOX)
    step = 255 / (GREYS - 1)
    return picture.point([round(round(value / step) * step) for value in range(256)])


def keep_or_compare(png, name, width):
    """Return what differs from the kept picture: empty if nothing; or keep this one instead."""
    file, now = KEPT / f"{name}-{width}.png", small_picture(png, width)
    if os.environ.get("CVM_NEW_PICTURES"):
        KEPT.mkdir(exist_ok=True)
        now.quantize(GREYS).save(file, optimize=True)
        return []
    if not file.exists():
        return [f"no picture of {file.stem} is kept: CVM_NEW_PICTURES=1 keeps one"]
    return differences(now, Image.open(file).convert("L"))


def differences(now, kept):
    """Return where two small pictures differ: their size, or blocks by their place on the page."""
    if now.width != kept.width or abs(now.height - kept.height) > 2 * SHIFT:
        return [f"{now.width}×{now.height} pixels, not {kept.width}×{kept.height}"]
    high = min(now.height, kept.height)
    one, other = (np.asarray(each, dtype=float)[:high] for each in (now, kept))
    apart = np.min(
        [np.abs(_blocks(np.roll(one, by, axis=0)) - _blocks(other)) for by in _SHIFTS], axis=0
    )
    return [
        f"{100 * row / len(apart):.0f}% down, {100 * column / apart.shape[1]:.0f}% across: "
        f"{apart[row, column]:.0f} of 255 lighter or darker"
        for row, column in zip(*np.nonzero(apart > BLOCK_LIGHT), strict=True)
    ]


_SHIFTS = range(-SHIFT, SHIFT + 1)


def _blocks(light):
    rows, columns = (-(-side // BLOCK) for side in light.shape)
    wanted = ((0, rows * BLOCK - light.shape[0]), (0, columns * BLOCK - light.shape[1]))
    padded = np.pad(light, wanted, mode="edge")
    return padded.reshape(rows, BLOCK, columns, BLOCK).mean(axis=(1, 3))
