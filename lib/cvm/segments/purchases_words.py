"""What is bought, in words: purchases in general, recharges, or months with a bill."""

from __future__ import annotations

from typing import Literal

from cvm.core.i18n import say

Of = Literal["purchases", "recharges", "bills"]
KINDS: tuple[Of, ...] = ("purchases", "recharges", "bills")


def nouns(of: Of, lang: str) -> dict[str, str]:
    """Return the words of sentences and charts: purchase, purchases, again (a repeat purchase)."""
    return {
        word: say(f"segments_lifetime.noun.{of}.{word}", lang)
        for word in ("purchase", "purchases", "again")
    }
