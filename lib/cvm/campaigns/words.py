"""How campaign results are said: values in their unit, and one honest sentence an estimate."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

from cvm.core.i18n import catalogue, say
from cvm.core.money import format_number, format_share, format_yuan

if TYPE_CHECKING:
    from cvm.campaigns.effect import Estimate

NORMAL = NormalDist()


def known_or_plain(key: str, plain: str, lang: str) -> str:
    """Return the catalogue's text of ``key``, or ``plain`` where the name is the user's own."""
    return say(key, lang) if key in catalogue() else plain


def outcome_name(name: str, lang: str) -> str:
    """Return an outcome as people call it."""
    return known_or_plain(f"campaigns.outcome.{name}", name, lang)


def check_name(name: str, lang: str) -> str:
    """Return a check as people call it."""
    return known_or_plain(f"campaigns.check.{name}.name", name, lang)


def level(value: float, kind: str, lang: str) -> str:
    """Return a level in its unit."""
    if kind == "share":
        return format_share(value, decimals=2)
    if kind == "yuan":
        return format_yuan(value, lang, digits=4)
    number = format_number(value, lang, digits=4)
    return say("campaigns.unit.months", lang, value=number) if kind == "months" else number


def difference(value: float, kind: str, lang: str, *, sign: bool = True) -> str:
    """Return a difference in its unit; shares in percentage points."""
    shown = abs(value)
    if kind == "share":
        text = say("campaigns.unit.points", lang, value=f"{100 * shown:.2f}")
    else:
        text = level(shown, kind, lang)
    if not sign:
        return text
    return ("−" if value < 0 else "+") + text


def joined(parts: Sequence[str], lang: str) -> str:
    """Join sentences as the language does."""
    return ("" if lang == "zh" else " ").join(part for part in parts if part)


def estimate_sentence(one: Estimate, lang: str) -> str:
    """Return the sentence of one estimate: found, none detectable, or cannot tell."""
    kind = one.outcome.kind
    name = outcome_name(one.outcome.name, lang)
    if one.group != "all":
        group = known_or_plain(f"campaigns.group.{one.group}", one.group, lang)
        name = say("campaigns.effect.in_group", lang, outcome=name, group=group)
    if not one.can_tell:
        why = known_or_plain(f"campaigns.reason.{one.reason}", one.reason, lang)
        return say("campaigns.effect.cannot_tell", lang, outcome=name, reason=why)
    values = {
        "outcome": name,
        "who": say(f"campaigns.estimand.{one.estimand}", lang),
        "confidence": format_share(one.confidence, decimals=0),
        "low": difference(one.low, kind, lang),
        "high": difference(one.high, kind, lang),
        "treated": level(one.treated_mean, kind, lang),
        "control": level(one.control_mean, kind, lang),
    }
    if not one.detected:
        return say(
            "campaigns.effect.none",
            lang,
            effect=difference(one.effect, kind, lang),
            detectable=difference(one.detectable, kind, lang, sign=False),
            **values,
        )
    size = difference(one.effect, kind, lang, sign=False)
    if one.effect < 0:
        return say("campaigns.effect.lower", lang, size=size, **values)
    return say("campaigns.effect.higher", lang, size=size, **values)


def comma(one: str, other: str, lang: str) -> str:
    """Join two facts of one sentence."""
    return say("campaigns_register.text.comma", lang, one=one, other=other)


def signed_share(value: float) -> str:
    """Return a share in per cent with its sign."""
    return ("−" if value < 0 else "+") + f"{abs(100 * value):,.0f}%"


def per_thousand(share: float, lang: str) -> str:
    """Return a share as customers in a thousand, of about two digits."""
    number = format_number(abs(share) * 1000, lang, digits=2)
    return ("−" if share < 0 else "") + number


def chance(share: float, lang: str) -> str:
    """Return a chance in per cent; certain it never is."""
    if share > 0.995:
        return say("campaigns_profit.over", lang, share="99%")
    if share < 0.005:
        return say("campaigns_profit.under", lang, share="1%")
    return format_share(share, decimals=0)
