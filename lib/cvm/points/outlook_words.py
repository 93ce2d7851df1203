"""The outlook in words: chances, settings, and the sentence that answers."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_share, format_yuan
from cvm.points.outlook_levers import NEVER_YEARS

WANTED_SHARE = 0.95
# Levers a sentence may propose; a shorter life takes points from members at once.
SAID = ("return_rate", "threshold_points", "tenure_times")


def chance_text(share: float, lang: str) -> str:
    """Return a chance in whole per cent; near 0 and 1 as a bound."""
    if share < 0.005:
        return say("points_budget.under_half_percent", lang)
    if share > 0.995:
        return say("points_budget.over_all", lang)
    return format_share(share, decimals=0)


def setting_text(lever: str, value: float, lang: str, *, extra_years: float = 1.0) -> str:
    """Return a lever's setting as people say it.

    Args:
        lever: One of ``RULES``.
        value: Its setting.
        lang: ``"zh"`` or ``"en"``.
        extra_years: 1 where points live calendar years after the one they were earned in, so that
            people count that one too; else 0.
    """
    if lever == "return_rate":
        return format_share(value, decimals=2)
    if lever == "threshold_points":
        return say("points_page.setting.threshold_points", lang, points=f"{value:,.0f}")
    if lever == "validity_years":
        key = "never" if value >= NEVER_YEARS else "years"
        return say(f"points_page.setting.{key}", lang, years=f"{value + extra_years:.0f}")
    return say("points_page.setting.tenure_times", lang, times=f"{value:.2f}")


def outlook_sentence(facts: Mapping[str, float], keeps: pd.DataFrame | None, lang: str) -> str:
    """Return the answer from its facts.

    Args:
        facts: Of :attr:`Outlook.facts`.
        keeps: Of :attr:`Outlook.keeps`; ``None`` leaves out what would keep the cap.
        lang: ``"zh"`` or ``"en"``.
    """
    if "cost_yuan" not in facts:
        return say("points_page.unknown", lang)
    answer = say(
        "points_page.sentence",
        lang,
        year=int(facts["year"]),
        cost=format_yuan(facts["cost_yuan"], lang),
        share=format_share(facts["cost_share"], decimals=2),
        cap=format_share(facts["cap_share"], decimals=2),
        chance=chance_text(facts["over_share"], lang),
    )
    wanted = facts.get("wanted_share", WANTED_SHARE)
    if facts["over_share"] <= 1 - wanted:
        rate, most = facts["rate_now"], facts["kept_rate"]
        values = {"rate": format_share(most, decimals=2), "now": format_share(rate, decimals=2)}
        answer += say("points_page.room", lang, wanted=format_share(wanted, decimals=0), **values)
    elif keeps is not None:
        answer += _keeping(keeps, facts, 1 - wanted, lang)
    if not facts.get("fitted"):
        answer += say("points_page.assumed", lang)
    return answer


def _keeping(keeps: pd.DataFrame, facts: Mapping[str, float], allowed: float, lang: str) -> str:
    """Return the one or two mildest settings that bring the chance down."""
    extra = facts.get("extra_years", 1.0)
    ways = [
        say(
            f"points_page.keep_{lever}",
            lang,
            after=setting_text(lever, float(after), lang, extra_years=extra),
            before=setting_text(lever, float(before), lang, extra_years=extra),
        )
        for lever, before, after in keeps[["lever", "from_setting", "to_setting"]].itertuples(
            index=False
        )
        if lever in SAID
    ][:2]
    if not ways:
        return say("points_page.keep_none", lang)
    joined = say("points_page.either", lang, one=ways[0], other=ways[-1])
    shown = joined if len(ways) > 1 else ways[0]
    return say("points_page.keep", lang, ways=shown, allowed=format_share(allowed, decimals=0))
