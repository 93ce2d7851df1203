"""A chart as a notebook shows it: one PNG at twice the pixels, whatever the kernel's settings."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PIXELS_PER_INCH = 144


def picture_bundle(axes: Axes, text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the MIME bundle of the axes' figure and its metadata.

    The metadata hold the width to show it at, its alternative text, and what is written in it.

    Args:
        axes: Any axes of the figure.
        text: What stands in its place where pictures are not shown.
    """
    from matplotlib.text import Text

    figure = axes.get_figure(root=True)
    assert figure is not None
    file = BytesIO()
    figure.savefig(file, format="png", dpi=PIXELS_PER_INCH, facecolor="white")
    width = round(72 * figure.get_size_inches()[0])
    bundle = {"image/png": b64encode(file.getvalue()).decode("ascii"), "text/plain": text}
    written = [one.get_text() for one in figure.findobj(Text) if one.get_visible()]
    words = [text for text in dict.fromkeys(written) if text.strip()]
    return bundle, {"image/png": {"width": width, "alt": text, "words": words}}
