"""Where a page finds its pictures, its font and its workbook.

A page that stands alone (a plain file, a notebook's output) carries them all in itself. A served
page names them by their content, so that a browser fetches what it shows, keeps it for good, and
never gets one snapshot's picture under another's headline.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from cvm.apps.model import PageModel

MIMES = {
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FONT_ENDING = "woff2"


def file_address(content: bytes, ending: str, base: str = "") -> str:
    """Return the address of a file of the page.

    Args:
        content: The file's bytes.
        ending: Its kind, one of :data:`MIMES`.
        base: Where the server keeps files by content; empty for a page that carries them itself.

    Example:
        >>> file_address(b"<svg/>", "svg")
        'data:image/svg+xml;base64,PHN2Zy8+'
        >>> file_address(b"<svg/>", "svg", "../kept/")[:16]
        '../kept/d4dc5666'
    """
    if base:
        return f"{base}{sha256(content).hexdigest()}.{ending}"
    return f"data:{MIMES[ending]};base64,{b64encode(content).decode()}"


def file_addresses(model: PageModel, base: str = "") -> dict[str, str]:
    """Return the address of each of a page's pictures, and of its workbook, by file name."""
    return {
        name: file_address(content, name.rpartition(".")[2], base)
        for name, content in model.figures.items()
    }


def font_face(font: bytes, base: str = "") -> str:
    """Return the CSS that names the page's font; nothing if there is none.

    Figures are shown at once in a font of the machine where the page's own is still on its way.
    """
    if not font:
        return ""
    source = file_address(font, FONT_ENDING, base)
    return (
        f'@font-face{{font-family:"CVM Page SC";src:url({source}) format("woff2");'
        f"font-weight:400;font-display:{'swap' if base else 'block'}}}"
    )
