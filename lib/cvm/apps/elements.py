"""HTML elements whose texts and attributes are escaped, and data that cannot end a script.

What every module that writes a part of a page builds on.
"""

from __future__ import annotations

import json
from functools import cache
from html import escape
from importlib import resources
from typing import Any


def tag(name: str, content: str = "", *, raw: bool = True, **attributes: Any) -> str:
    """Return one element; attributes are escaped, ``content`` is HTML already unless not ``raw``.

    A trailing underscore in an attribute's name is dropped and others become hyphens. Attributes
    that are None or False are left out; True gives a bare one.

    Example:
        >>> tag("p", "a < b", raw=False, class_="x", aria_label='say "hi"')
        '<p class="x" aria-label="say &quot;hi&quot;">a &lt; b</p>'
    """
    written = ""
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        written += f" {attribute}" if value is True else f' {attribute}="{escape(str(value))}"'
    if name in ("img", "source", "input", "link"):
        return f"<{name}{written}>"
    return f"<{name}{written}>{content if raw else escape(content)}</{name}>"


def text(name: str, content: str, **attributes: Any) -> str:
    """Return one element around a plain text."""
    return tag(name, content, raw=False, **attributes)


def section(key: str, heading: str, body: str) -> str:
    """Return a section of a page under a heading for screen readers."""
    return tag("section", text("h2", heading) + body, class_=f"cvm-section cvm-section-{key}")


def json_for_script(value: Any) -> str:
    """Return JSON that cannot end the script element it stands in."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


@cache
def asset(name: str) -> str:
    """Return a text that lies beside the apps' modules."""
    return resources.files("cvm.apps").joinpath(name).read_text(encoding="utf-8")
