"""Early warning in one sentence, from its facts."""

from __future__ import annotations

from collections.abc import Mapping

from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan

AREA = "early_warning"


def outlook_sentence(facts: Mapping[str, float], lang: str) -> str:
    """Return the answer: whom to call, what is at stake, and how good the last list was.

    Args:
        facts: Of :attr:`cvm.segments.warning_outlook.EarlyWarning.facts`; a key may be missing.
        lang: ``"zh"`` or ``"en"``.
    """
    if "calls" not in facts or "candidates" not in facts:
        return say(f"{AREA}.unknown", lang)
    if not facts["calls"]:
        told = say(f"{AREA}.nobody", lang)
    else:
        told = say(
            f"{AREA}.sentence",
            lang,
            calls=format_number(facts["calls"], lang),
            candidates=format_number(facts["candidates"], lang),
            months=int(facts.get("months_ahead", 1)),
            leavers=format_number(facts["called_expected_leavers"], lang),
            value=format_yuan(facts["called_value_at_risk_yuan"], lang),
        )
    return told + last_sentence(facts, lang)


def last_sentence(facts: Mapping[str, float], lang: str) -> str:
    """Return what became of the last list."""
    if "last_lift" not in facts:
        return say(f"{AREA}.last_unknown", lang)
    side = "clear" if facts.get("last_lift_low", 0.0) > 1 else "unclear"
    return say(
        f"{AREA}.last_{side}",
        lang,
        precision=format_share(facts["last_precision"]),
        lift=f"{facts['last_lift']:.1f}",
        caught=format_share(facts.get("last_caught"), decimals=0),
    )
