"""What the live parts of pages share: a card's changing texts, amounts, the script's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cvm.core.i18n import catalogue


def live_card(**parts: Any) -> dict[str, Any]:
    """Return a card's changing parts, those not named empty."""
    empty: dict[str, Any] = {
        "value": "", "unit": "", "change": "", "direction": "", "tone": "neutral", "note": "",
        "gauge": None,
    }  # fmt: skip
    return empty | parts


def money_parts(text: str, lang: str) -> dict[str, str]:
    """Return a formatted amount as a card's value and unit."""
    if lang == "zh":
        return {"value": text.removesuffix("元"), "unit": "元"}
    return {"value": text, "unit": ""}


def customers_unit(lang: str) -> str:
    """Return what stands behind a number of customers on a card."""
    return "户" if lang == "zh" else ""


def live_words(area: str, parts: Sequence[str], lang: str) -> dict[str, str]:
    """Return the templates that a page's script fills, by key.

    Args:
        area: The page's part of the catalogue.
        parts: The groups of it that the script needs, ``live`` among them.
        lang: ``"zh"`` or ``"en"``.
    """
    wanted = tuple(f"{area}.{part}." for part in parts)
    found = {key: entry[lang] for key, entry in catalogue().items() if key.startswith(wanted)}
    return {key.removeprefix(f"{area}."): text for key, text in found.items()}
